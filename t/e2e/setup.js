'use strict';

// The gateway, its model and nginx: started, stopped, asked.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');

const Client = require('./client');
const model = require('./model');
const relay = require('./relay');
const { until } = require('./until');
const wire = require('./wire');

const DIR = process.env.E2E_DIR;
const TOKEN = 'e2e-' + 'c5d1f60b7a1e4a0f';

const children = new Set();

// the environment of what is started: this machine's home stays out of it

const env = {
    PATH: process.env.PATH,
    NODE_PATH: process.env.NODE_PATH,
    HOME: path.join(DIR, 'home'),
    TMPDIR: path.join(DIR, 'tmp'),
    LANG: 'C.UTF-8',
    TERM: 'dumb',
    OPENCLAW_NO_AUTO_UPDATE: '1',
    OPENCLAW_DISABLE_BONJOUR: '1',
};


// Starts a program in a process group of its own, so that all of it can be
// ended.

function start(name, file, args, options = {}) {
    const log = fs.openSync(path.join(DIR, `${name}.out`), 'a');
    const child = spawn(file, args, {
        detached: true,
        env,
        cwd: env.HOME,
        stdio: [ 'ignore', log, log ],
        ...options,
    });

    fs.closeSync(log);

    if (child.pid === undefined) {
        throw new Error(`no ${file}`);
    }

    const group = path.join(DIR, `${name}.${child.pid}.group`);

    fs.writeFileSync(group, String(child.pid));

    child.ended = new Promise((resolve) => {
        child.on('exit', (code, signal) => {
            resolve(child.status = signal ?? code);
        });
    });

    child.endGroup = () => {
        try {
            process.kill(-child.pid, 'SIGKILL');

        } catch { /* none of it is left */ }

        fs.rmSync(group, { force: true });
        children.delete(child);
    };

    children.add(child);

    return child;
}


function runs(child, log) {
    if (child.status !== undefined) {
        const tail = fs.readFileSync(path.join(DIR, log), 'utf8').slice(-2000);

        throw new Error(`ended with ${child.status}: ${tail}`);
    }
}


process.on('exit', () => children.forEach((child) => child.endGroup()));

for (const signal of [ 'SIGINT', 'SIGTERM' ]) {
    process.on(signal, () => process.exit(1));
}


// A free port below those that the system gives to connections, so that it is
// still free when the gateway comes back to it.

async function freePort() {
    for ( ;; ) {
        const port = 20000 + Math.floor(Math.random() * 12000);
        const server = net.createServer();

        const free = await new Promise((resolve) => {
            server.on('error', () => resolve(false));
            server.listen(port, '127.0.0.1', () => resolve(true));
        });

        if (free) {
            await new Promise((resolve) => server.close(resolve));
            return port;
        }
    }
}


function fill(template, values) {
    return fs.readFileSync(path.join(__dirname, template), 'utf8')
        .replace(/%([A-Z]+)%/g, (all, name) => values[name]);
}


const gateway = {
    async start() {
        this.child = start('gateway', process.execPath, [
            path.join(process.env.NODE_PATH, 'openclaw', 'openclaw.mjs'),
            'gateway', 'run', '--port', String(world.ports.gateway),
        ]);

        await until(async () => {
            runs(this.child, 'gateway.out');

            return (await this.ready())?.ready;
        }, 'the gateway', 120);
    },

    // Ends it with a signal and waits until it has gone.
    async stop(signal) {
        this.child.kill(signal);

        const status = await this.child.ended;

        this.child.endGroup();

        return status;
    },

    async ready() {
        try {
            const url = `http://127.0.0.1:${world.ports.gateway}/ready`;

            return await (await fetch(url)).json();

        } catch {
            return undefined;
        }
    },

    async get(uri) {
        return await fetch(`http://127.0.0.1:${world.ports.gateway}${uri}`, {
            headers: { Authorization: `Bearer ${TOKEN}` },
        });
    },

    // A cold gateway takes seconds for its first turn.
    async warm() {
        const url = `http://127.0.0.1:${world.ports.gateway}`
                    + '/v1/chat/completions';

        const response = await fetch(url, {
            method: 'POST',
            headers: { Authorization: `Bearer ${TOKEN}` },
            body: JSON.stringify({
                model: 'openclaw/main',
                messages: [ { role: 'user', content: 'warm up' } ],
            }),
        });

        assert.equal(response.status, 200, await response.text());
    },

    // What the gateway remembers of a session: [{ role, text }].
    async history(kind, id) {
        const key = encodeURIComponent(sessionKey(kind, id));
        const response = await this.get(`/sessions/${key}/history?limit=100`);

        if (response.status === 404) {
            return [];
        }

        assert.equal(response.status, 200);

        return (await response.json()).messages.map((m) => ({
            role: m.role,
            text: typeof m.content === 'string'
                ? m.content
                : m.content.map((p) => p.text ?? `(${p.type})`).join('\n'),
        }));
    },
};


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

    log(name) {
        return fs.readFileSync(path.join(DIR, name), 'utf8');
    },
};


function connects(port) {
    return new Promise((resolve) => {
        const socket = net.connect(port, '127.0.0.1');

        socket.on('connect', () => resolve(true));
        socket.on('error', () => resolve(false));
        socket.on('close', () => socket.destroy());
        socket.on('connect', () => socket.end());
    });
}


// Each byte of an id that the gateway would fold or misread is hex.

function sessionKey(kind, id) {
    const hex = [ ...Buffer.from(id) ].map((byte) => {
        const char = String.fromCharCode(byte);

        return /[a-z0-9._-]/.test(char)
            ? char
            : '%' + byte.toString(16).padStart(2, '0');
    });

    return `agent:main:websocket:${kind}:${hex.join('')}`;
}


const world = {
    DIR,
    TOKEN,
    env,
    ports: {},
    model,
    gateway,
    nginx,
    relay,
    wire,
    start,
    sessionKey,

    async up() {
        const started = Date.now();

        for (const name of [ 'home/.openclaw', 'tmp', 'temp' ]) {
            fs.mkdirSync(path.join(DIR, name), { recursive: true });
        }

        for (const name of [ 'gateway', 'model', 'nginx', 'relay',
                             'wire' ]) {
            this.ports[name] = await freePort();
        }

        const values = {
            DIR,
            TOKEN,
            MODULE: process.env.E2E_MODULE,
            ECHO: process.env.E2E_ECHO,
            PORT: this.ports.nginx,
            GATEWAY: this.ports.gateway,
            MODEL: this.ports.model,
            RELAY: this.ports.relay,
        };

        fs.writeFileSync(path.join(DIR, 'nginx.conf'),
                         fill('nginx.conf', values));
        fs.writeFileSync(path.join(DIR, 'home/.openclaw/openclaw.json'),
                         fill('openclaw.json', values));

        await model.start(this.ports.model, path.join(DIR, 'model.jsonl'));
        await relay.start(this.ports.relay, this.ports.gateway);
        await wire.start(this.ports.wire, this.ports.nginx);
        await Promise.all([ gateway.start(), nginx.start() ]);
        await gateway.warm();

        const seconds = ((Date.now() - started) / 1000).toFixed(1);

        console.log(`the gateway and nginx are up after ${seconds} s`);
    },

    async down() {
        const late = setTimeout(() => gateway.child.kill('SIGKILL'), 20e3);

        await gateway.stop('SIGTERM');
        clearTimeout(late);
        await nginx.stop();
        relay.stop();
        wire.stop();
        model.stop();
    },

    url(senderId, senderName, location = '/ws') {
        const args = new URLSearchParams();

        if (senderId !== undefined) {
            args.set('senderId', senderId);
        }

        if (senderName !== undefined) {
            args.set('senderName', senderName);
        }

        return `ws://127.0.0.1:${this.ports.nginx}${location}?${args}`;
    },

    async connect(senderId, senderName) {
        return await Client.open(this.url(senderId, senderName));
    },
};


module.exports = world;
