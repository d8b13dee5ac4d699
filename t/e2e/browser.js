'use strict';

// conf.example as "make run" starts it, its page in Chromium, and what holds
// for each page: nothing is refused by its policy, nothing fails in its
// scripts.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { chromium } = require('playwright-core');

const world = require('./setup');
const { connects } = require('./processes');
const { until } = require('./until');

const ROOT = path.join(__dirname, '../..');

const OPTIONS = [ '--disable-gpu', '--disable-quic', '--no-first-run',
                  '--disable-background-networking', '--disable-sync',
                  '--disable-component-update', '--disable-dev-shm-usage' ];


// The example, with the real gateway.

const example = {
    async start() {
        const { ports, env, TOKEN } = world;

        this.origin = `http://127.0.0.1:${ports.page}`;

        // nobody, who the workers are, may not go where TMPDIR is

        this.child = world.start('page', path.join(ROOT, '.ci/serve'), [], {
            env: {
                ...env,
                TMPDIR: '/tmp',
                PORT: String(ports.page),
                OPENCLAW_URL: `http://127.0.0.1:${ports.gateway}`,
                OPENCLAW_TOKEN: TOKEN,
            },
        });

        const said = () => fs.readFileSync(path.join(world.DIR, 'page.out'),
                                           'utf8');

        this.logs = await until(() => {
            assert.equal(this.child.status, undefined, said());

            return said().match(/^ *logs +(\S+)$/m)?.[1];
        }, 'make run', 120);

        assert(await connects(ports.page));
    },

    log(name) {
        return fs.readFileSync(path.join(this.logs, name), 'utf8');
    },

    // Reloads, and waits until the old workers have heard of it.
    async reload() {
        const quitting = () => this.log('error.log')
            .split('gracefully shutting down').length;
        const before = quitting();

        process.kill(Number(this.log('nginx.pid')), 'SIGHUP');
        await until(() => quitting() === before + 2, 'the old workers');
    },

    async stop() {
        if (this.logs) {
            const bad = this.log('error.log')
                .match(/^.*\[(alert|emerg)\].*$/mg) ?? [];

            assert.deepEqual(bad, []);
            assert(!this.log('access.log').includes(world.TOKEN));
        }

        // a program of the shell's that is ended takes its children along

        this.child.kill('SIGTERM');
        await this.child.ended;
        this.child.endGroup();
    },
};


const browser = {
    async start() {
        this.chromium = await chromium.launch({
            executablePath: '/usr/bin/chromium',
            args: [ ...OPTIONS, '--no-sandbox' ],
            env: world.env,
        });
    },

    async stop() {
        await this.chromium?.close();
    },

    // Opens the page.  It is looked at and closed at the end of the test.
    async open(t, options = {}) {
        const { origin = example.origin, ...more } = options;
        const context = await this.chromium.newContext(
            { locale: 'en-US', reducedMotion: 'reduce', ...more });

        context.setDefaultTimeout(60e3);

        const page = await context.newPage();

        page.faults = [];
        page.sent = [];                 // what went over its WebSockets
        page.connections = 0;

        page.on('websocket', (ws) => {
            page.connections++;
            ws.on('framesent', ({ payload }) => {
                page.sent.push(JSON.parse(payload));
            });
        });
        page.on('pageerror', (error) => page.faults.push(String(error)));
        page.on('console', (message) => {
            if (/Content Security Policy/i.test(message.text())) {
                page.faults.push(message.text());
            }
        });
        page.on('request', (request) => {
            if (!request.url().startsWith(origin)) {
                page.faults.push(`asks for ${request.url()}`);
            }
        });

        await page.exposeFunction('refused', (what) => {
            page.faults.push(`refused: ${what}`);
        });
        await page.addInitScript(() => {
            document.addEventListener('securitypolicyviolation', (event) => {
                window.refused(`${event.violatedDirective} `
                               + event.blockedURI);
            });
        });

        page.response = await page.goto(origin);

        t.after(async () => {
            await context.close();
            assert.deepEqual(page.faults, []);
        });

        return page;
    },
};


module.exports = { example, browser };
