'use strict';

// The WebSocket by itself, judged by those that people have: the echo sends
// back what each of them sends, with permessage-deflate and without.

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { test } = require('node:test');
const WebSocket = require('ws');

const world = require('../setup');
const { until } = require('../until');

const HERE = path.join(__dirname, '../echo');
const TEXT = 'plain é 张 🦞\n';


function url(location) {
    return `ws://127.0.0.1:${world.ports.wire}${location}`;
}


// Runs a program to its end and returns what it printed.

async function run(t, name, file, args, env = world.env) {
    const child = world.start(name, file, args, {
        stdio: [ 'ignore', 'pipe', 'pipe' ],
        env,
    });

    t.after(() => child.endGroup());
    child.output = '';

    for (const stream of [ child.stdout, child.stderr ]) {
        stream.setEncoding('utf8');
        stream.on('data', (text) => child.output += text);
    }

    assert.equal(await child.ended, 0, child.output);

    return child.output;
}


// Of what can be deflated by much, less went over the wire both ways than the
// client had said.

function deflated({ up, down }, plain) {
    assert(up < plain && down < plain, `${up} up, ${down} down of ${plain}`);
}


class Node {
    static async open(location, options) {
        const node = new Node();

        node.got = [];
        node.ws = new WebSocket(url(location), options);
        node.ws.on('message', (data, binary) => {
            node.got.push(binary ? data : data.toString());
        });
        node.ws.on('upgrade', ({ headers }) => {
            node.agreed = headers['sec-websocket-extensions'];
        });
        node.ws.on('pong', (data) => node.got.push(`pong ${data}`));

        await new Promise((resolve, reject) => {
            node.ws.on('open', resolve);
            node.ws.on('error', reject);
        });

        return node;
    }

    async echo(message) {
        this.ws.send(message);
        assert.deepEqual(await this.next(), message);
    }

    async next() {
        await until(() => this.got.length > 0
                          || this.ws.readyState !== WebSocket.OPEN, 'an echo');

        return this.got.shift();
    }

    async close(code) {
        const closed = new Promise((resolve) => this.ws.on('close', resolve));

        this.ws.close(code);

        return await closed;
    }
}


async function talk(node, largest) {
    for (const size of [ 0, 1, 125, 126, 127, 1000, 1024, 65535, 65536,
                         largest ])
    {
        await node.echo(randomBytes(size));
        await node.echo('x'.repeat(size));
    }

    await node.echo(TEXT);

    // in fragments, with a ping between

    for (const part of TEXT.repeat(100)) {
        node.ws.send(part, { fin: false });
    }

    node.ws.ping('there?');
    node.ws.send('end', { fin: true });

    const got = [ await node.next(), await node.next() ];

    // ws may keep a ping back until what it deflates is done

    assert.deepEqual(got.sort(), [ TEXT.repeat(100) + 'end', 'pong there?' ]);
    assert.equal(await node.close(4000), 4000);
}


test('echo: ws', async () => {
    const node = await Node.open('/echo', { perMessageDeflate: false });

    assert.equal(node.agreed, undefined);
    await talk(node, 16 << 20);
});


test('echo: ws, with permessage-deflate', async () => {
    const options = [
        [ {}, /^permessage-deflate/ ],
        [ { serverNoContextTakeover: true, clientNoContextTakeover: true },
          /server_no_context_takeover/ ],
        [ { serverMaxWindowBits: 9, clientMaxWindowBits: 9 },
          /server_max_window_bits=9/ ],
    ];

    for (const location of [ '/echo-deflate', '/echo-takeover' ]) {
        for (const [ perMessageDeflate, agreed ] of options) {
            const node = await Node.open(location,
                { perMessageDeflate: { threshold: 0, ...perMessageDeflate } });

            assert.equal(node.ws.extensions, 'permessage-deflate');
            assert.match(node.agreed, agreed);
            await talk(node, 1 << 20);
        }
    }
});


test('echo: ws, what it deflates', async () => {
    const text = 'the same words again and again, '.repeat(1 << 19);

    for (const location of [ '/echo-deflate', '/echo-takeover' ]) {
        const node = await Node.open(location,
                                     { perMessageDeflate: { threshold: 0 } });

        await node.echo(text);
        assert.equal(await node.close(1000), 1000);
        deflated(world.wire.seen.at(-1), text.length / 50);
    }
});


test('echo: wscat', async (t) => {
    const bin = path.join(world.env.NODE_PATH, '.bin');

    for (const location of [ '/echo', '/echo-takeover' ]) {
        const output = await run(t, 'wscat-echo', 'script', [
            '-qfec', `wscat -c ${url(location)} -w 1 -x 'hello 张 🦞'`,
            '/dev/null',
        ], { ...world.env, PATH: `${bin}:${world.env.PATH}` });

        assert.match(output, /hello 张 🦞/);
    }
});


test('echo: Python websockets', async (t) => {
    const script = path.join(HERE, 'by_websockets.py');

    const plain = JSON.parse(await run(t, 'websockets', '/usr/bin/python3',
                                       [ script, url('/echo') ]));

    assert.deepEqual(plain, { extensions: [], code: 4000 });

    const { up, down } = world.wire.seen.at(-1);

    for (const location of [ '/echo-deflate', '/echo-takeover' ]) {
        const report = JSON.parse(await run(t, 'websockets',
            '/usr/bin/python3', [ script, url(location) ]));

        assert.deepEqual(report, { extensions: [ 'permessage-deflate' ],
                                   code: 4000 });

        // the long text is all that can be saved
        deflated(world.wire.seen.at(-1), Math.min(up, down) - (8 << 20));
    }
});


test('echo: Python websocket-client', async (t) => {
    const script = path.join(HERE, 'by_websocket_client.py');

    for (const location of [ '/echo', '/echo-takeover' ]) {
        assert.deepEqual(JSON.parse(await run(t, 'websocket-client',
            '/usr/bin/python3', [ script, url(location) ])), { code: 4000 });
    }
});


test('echo: Chromium', async (t) => {
    const reports = [];

    const server = http.createServer((req, res) => {
        if (req.method !== 'POST') {
            res.setHeader('Content-Type', 'text/html');
            res.end(fs.readFileSync(path.join(HERE, 'page.html')));
            return;
        }

        let body = '';

        req.on('data', (data) => body += data);
        req.on('end', () => {
            reports.push(JSON.parse(body));
            res.end();
        });
    });

    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => {
        server.closeAllConnections();
        server.close();
    });

    const plain = await browse(t, server, reports, '/echo');

    assert.equal(plain.extensions, '');

    for (const location of [ '/echo-deflate', '/echo-takeover' ]) {
        const { extensions, up, down } = await browse(t, server, reports,
                                                      location);

        assert.match(extensions, /^permessage-deflate/);
        deflated({ up, down }, Math.min(plain.up, plain.down) - (8 << 20));
    }
});


async function browse(t, server, reports, location) {
    const { port } = server.address();

    const child = world.start('chromium', 'chromium', [
        '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic',
        '--no-first-run', '--disable-background-networking',
        '--disable-component-update', '--disable-sync',
        '--disable-dev-shm-usage', '--remote-debugging-pipe',
        `--user-data-dir=${path.join(world.DIR, 'tmp/chromium')}`,
        `http://127.0.0.1:${port}/page.html?${url(location)}`,
    ], { stdio: [ 'ignore', 'ignore', 'ignore', 'pipe', 'pipe' ] });

    t.after(() => child.endGroup());

    const report = await until(() => {
        assert.equal(child.status, undefined, 'Chromium has ended');

        return reports.shift();
    }, 'the report of the page', 120);

    child.kill();
    await child.ended;
    child.endGroup();

    const { error, code, wasClean, extensions } = report;

    assert.deepEqual({ error, code, wasClean },
                     { error: undefined, code: 4000, wasClean: true });

    return { extensions, ...world.wire.seen.at(-1) };
}
