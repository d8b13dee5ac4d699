'use strict';

// The gateways, their model and nginx: started, stopped, asked.

const fs = require('node:fs');
const path = require('node:path');

const Client = require('./client');
const docs = require('./docs');
const { Gateway, sessionKey } = require('./gateway');
const model = require('./model');
const { DIR, env, start, runs, freePort, connects, fill }
    = require('./processes');
const relay = require('./relay');
const { until } = require('./until');
const Wire = require('./wire');

const TOKEN = 'e2e-' + 'c5d1f60b7a1e4a0f';


const nginx = {
    async start() {
        const file = path.join(DIR, 'nginx.conf');

        this.child = start('nginx', process.env.NGINX,
                           [ '-e', path.join(DIR, 'error.log'),
                             '-p', DIR, '-c', file ]);

        await until(async () => {
            runs(this.child, 'nginx.out');

            return await connects(world.ports.nginx);
        }, 'nginx', 20);
    },

    async stop() {
        this.child.kill('SIGQUIT');

        const status = await this.child.ended;

        this.child.endGroup();

        return status;
    },

    reload() {
        this.child.kill('SIGHUP');
    },

    log(name) {
        return fs.readFileSync(path.join(DIR, name), 'utf8');
    },
};


const world = {
    DIR,
    TOKEN,
    env,
    ports: {},
    model,
    nginx,
    relay,
    wire: new Wire(),
    start,
    sessionKey,

    async up() {
        const started = Date.now();

        for (const name of [ 'home', 'tmp', 'temp' ]) {
            fs.mkdirSync(path.join(DIR, name), { recursive: true });
        }

        for (const name of [ 'gateway', 'stranger', 'few', 'model', 'nginx',
                             'setups', 'page', 'cut', 'relay', 'wire' ])
        {
            this.ports[name] = await freePort();
        }

        this.configure();

        await model.start(this.ports.model, path.join(DIR, 'model.jsonl'));
        await relay.start(this.ports.relay, this.ports.gateway);
        await this.wire.start(this.ports.wire, this.ports.nginx);
        await Promise.all([ this.gateway.start(), nginx.start() ]);
        await this.gateway.warm();

        const seconds = ((Date.now() - started) / 1000).toFixed(1);

        console.log(`the gateway and nginx are up after ${seconds} s`);
    },

    configure() {
        const { ports } = this;

        const values = {
            DIR,
            TOKEN,
            MODULE: process.env.E2E_MODULE,
            ECHO: process.env.E2E_ECHO,
            PORT: ports.nginx,
            GATEWAY: ports.gateway,
            MODEL: ports.model,
            RELAY: ports.relay,
            SETUPS: ports.setups,
            STRANGER: ports.stranger,
            LOCATIONS: docs.nginx('A token', '/token', ports.gateway)
                + docs.nginx('No owner', '/stranger', ports.stranger)
                + docs.nginx('No owner', '/few', ports.few),
        };

        fs.writeFileSync(path.join(DIR, 'nginx.conf'),
                         fill('nginx.conf', values));
        fs.writeFileSync(path.join(DIR, 'openclaw.token'), TOKEN,
                         { mode: 0o600 });

        // most cases have the first of the set-ups that the docs show

        for (const [ name, title ] of [ [ 'gateway', 'A token' ],
                                        [ 'stranger', 'No owner' ],
                                        [ 'few', 'Few tools' ] ])
        {
            this[name] = new Gateway(name, ports[name],
                                     docs.gateway(title, TOKEN), values);
        }
    },

    async down() {
        const late = setTimeout(() => this.gateway.child.kill('SIGKILL'),
                                20e3);

        await this.gateway.stop('SIGTERM');
        clearTimeout(late);
        await nginx.stop();
        relay.stop();
        this.wire.stop();
        model.stop();
    },

    url(senderId, senderName, location = '/ws', port = this.ports.nginx) {
        const args = new URLSearchParams();

        if (senderId !== undefined) {
            args.set('senderId', senderId);
        }

        if (senderName !== undefined) {
            args.set('senderName', senderName);
        }

        return `ws://127.0.0.1:${port}${location}?${args}`;
    },

    async connect(senderId, senderName) {
        return await Client.open(this.url(senderId, senderName));
    },
};


module.exports = world;
