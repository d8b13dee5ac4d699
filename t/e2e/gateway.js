'use strict';

// An OpenClaw gateway: configured, started, stopped, asked.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');

const { DIR, env, start, runs, fill } = require('./processes');
const { until } = require('./until');


class Gateway {
    // The configuration has the scripted model, and what "own" adds to it.

    constructor(name, port, own, values) {
        this.name = name;
        this.port = port;
        this.token = own.gateway.auth.token;
        this.home = path.join(DIR, name, 'home');

        fs.mkdirSync(path.join(this.home, '.openclaw'), { recursive: true });
        fs.mkdirSync(path.join(DIR, name, 'tmp'));

        const log = path.join(DIR, `${name}.jsonl`);
        const common = JSON.parse(fill('openclaw.json',
                                       { ...values, LOG: log }));

        fs.writeFileSync(path.join(this.home, '.openclaw/openclaw.json'),
                         JSON.stringify(merged(common, own), null, 2));
    }

    async start() {
        this.child = start(this.name, process.execPath, [
            path.join(env.NODE_PATH, 'openclaw', 'openclaw.mjs'),
            'gateway', 'run', '--port', String(this.port),
        ], {
            cwd: this.home,
            env: { ...env, HOME: this.home,
                   TMPDIR: path.join(DIR, this.name, 'tmp') },
        });

        await until(async () => {
            runs(this.child, `${this.name}.out`);

            return (await this.ready())?.ready;
        }, `the gateway "${this.name}"`, 300);
    }

    // Ends it with a signal and waits until it has gone.
    async stop(signal) {
        this.child.kill(signal);

        const status = await this.child.ended;

        this.child.endGroup();

        return status;
    }

    async ready() {
        try {
            return await (await fetch(this.url('/ready'))).json();

        } catch {
            return undefined;
        }
    }

    url(uri) {
        return `http://127.0.0.1:${this.port}${uri}`;
    }

    async get(uri) {
        return await fetch(this.url(uri), { headers: this.authorization() });
    }

    async post(uri, body, headers = {}) {
        return await fetch(this.url(uri), {
            method: 'POST',
            headers: { 'Content-Type': 'application/json',
                       ...this.authorization(), ...headers },
            body: JSON.stringify(body),
        });
    }

    authorization() {
        return this.token ? { Authorization: `Bearer ${this.token}` } : {};
    }

    // A cold gateway takes seconds for its first turn.
    async warm() {
        const response = await this.post('/v1/chat/completions', {
            model: 'openclaw/main',
            messages: [ { role: 'user', content: 'warm up' } ],
        });

        assert.equal(response.status, 200, await response.text());
    }

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
    }
}


function merged(one, other) {
    const both = { ...one };

    for (const [ key, value ] of Object.entries(other)) {
        both[key] = value?.constructor === Object
            ? merged(one[key] ?? {}, value)
            : value;
    }

    return both;
}


// Each byte of an id that the gateway would fold or misread is hex.

function sessionKey(kind, id, agent = 'main') {
    const hex = [ ...Buffer.from(id) ].map((byte) => {
        const char = String.fromCharCode(byte);

        return /[a-z0-9._-]/.test(char)
            ? char
            : '%' + byte.toString(16).padStart(2, '0');
    });

    return `agent:${agent}:websocket:${kind}:${hex.join('')}`;
}


module.exports = { Gateway, merged, sessionKey };
