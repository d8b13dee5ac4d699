'use strict';

// Who shares the agent's memory with whom, and in which order turns are taken.

const assert = require('node:assert/strict');
const http = require('node:http');
const { test } = require('node:test');

const Client = require('../client');
const world = require('../setup');


async function remembers(kind, asker, name, more = {}) {
    assert.equal(await asker.ask('What is my name?', more),
                 name ? `Your name is ${name}.`
                      : 'You never told me your name.', kind);
}


test('a sender is remembered, over connections too', async () => {
    const first = await world.connect('memory-1');

    await first.ask('My name is Miriam');
    await remembers('same connection', first, 'Miriam');
    await first.close();

    const second = await world.connect('memory-1');

    await remembers('next connection', second, 'Miriam');
    await second.close();
});


test('two senders share nothing', async () => {
    const one = await world.connect('apart-1');
    const two = await world.connect('apart-2');

    await one.ask('My name is Ophelia');
    await remembers('another sender', two, null);
    await remembers('another sender of this connection', one, null,
                    { senderId: 'apart-3' });

    await one.close();
    await two.close();
});


test('connections without a senderId share nothing', async () => {
    const one = await world.connect();
    const two = await world.connect();

    await one.ask('My name is Nobody');
    await remembers('another connection', two, null);
    await remembers('the same connection', one, 'Nobody');

    await one.close();
    await two.close();
});


test('a group shares its memory, and only it', async () => {
    const group = { chatType: 'group', groupId: 'shared-1' };
    const one = await world.connect('member-1');
    const two = await world.connect('member-2');

    await one.ask('My name is Gustav', group);
    await remembers('another member', two, 'Gustav', group);
    await remembers('another group', two, null,
                    { chatType: 'group', groupId: 'shared-2' });
    await remembers('the member alone', one, null);

    await one.close();
    await two.close();
});


test('ten messages at once on three connections of a new sender', async () => {
    const clients = [];
    const texts = [ [], [], [] ];

    for (let i = 0; i < 3; i++) {
        clients.push(await Client.open(world.url('burst', undefined,
                                               '/watched')));
    }

    const ids = [ ...Array(10).keys() ].map((n) => {
        const content = `burst ${n}.`;

        texts[n % 3].push(content);
        return [ n % 3, clients[n % 3].send({ content }) ];
    });

    const ends = await Promise.all(ids.map(([ i, id ]) => clients[i].end(id)));

    assert.deepEqual(ends.map((f) => f.content),
                     [ ...Array(10).keys() ].map((n) => {
                         return `You said: burst ${n}.`;
                     }));

    // the order of each connection is kept, in what the client got as in what
    // the agent remembers

    const history = await world.gateway.history('direct', 'burst');
    const asked = history.filter((m) => m.role === 'user').map((m) => m.text);

    assert.equal(asked.length, 10);

    clients.forEach((client, i) => {
        assert.deepEqual(client.ends().map((f) => f.content),
                         texts[i].map((text) => `You said: ${text}`));
        assert.deepEqual(asked.filter((text) => texts[i].includes(text)),
                         texts[i]);
        client.checkUnmixed();
    });

    // one after another: the gateway had one of them at a time, and each was
    // shown all before it

    const requests = world.relay.of(world.sessionKey('direct', 'burst'));

    assert.deepEqual(requests.map((r) => r.atOnce), Array(10).fill(1));
    assert.deepEqual(world.model.about('burst ').map((r) => r.earlier.length),
                     [ ...Array(10).keys() ]);

    await Promise.all(clients.map((client) => client.close()));
});


test('turns of different senders run side by side', async () => {
    const one = await world.connect('parallel-1');
    const two = await world.connect('parallel-2');
    const held = one.send({ content: 'HOLD parallel' });

    await one.frame((f) => f.type === 'chat.stream', 'the first part');
    assert.equal(await two.ask('Quick'), 'You said: Quick');

    world.model.release('parallel');
    assert.equal((await one.end(held)).content,
                 'Holding parallel. Released parallel.');

    await one.close();
    await two.close();
});


test('ids that differ only in case are two sessions', async () => {
    const upper = await world.connect('Casey');
    const lower = await world.connect('casey');

    await upper.ask('My name is Ursula');
    await remembers('the other case', lower, null);
    await lower.ask('My name is Lorenzo');
    await remembers('upper case', upper, 'Ursula');
    await remembers('lower case', lower, 'Lorenzo');

    await upper.close();
    await lower.close();
});


const IDS = {
    spaces: ' two  words ',
    slashes: '../a/b\\c//?x=1&y=2#z',
    percent: '100%25%zz',
    'the written form of another id': '%20two%20%20words%20',
    colons: 'agent:research:main:thread:1',
    'another script': '用户 Ωмега é🦞',
    quotes: `"double" 'single' \`back\``,
    'a plus and a comma': 'a+b,c;d',
};


for (const [ what, id ] of Object.entries(IDS)) {
    test(`an id with ${what}`, async () => {
        const byUrl = await world.connect(id);
        const byJson = await world.connect();
        const name = 'Zed' + what.replace(/\W/g, '');

        // in the URL or in a message, it is the same sender

        await byUrl.ask(`My name is ${name}`);
        await remembers('the id in JSON', byJson, name, { senderId: id });

        const group = { chatType: 'group', groupId: id };

        await remembers('the id of a group', byUrl, null, group);
        await byUrl.ask(`My name is Group${name}`, group);
        await remembers('the id of a group', byJson, `Group${name}`, group);

        assert.equal((await world.gateway.history('direct', id)).length, 4);
        assert.equal((await world.gateway.history('group', id)).length, 6);

        await byUrl.close();
        await byJson.close();
    });
}


test('line ends are refused in ids', async () => {
    for (const id of [ 'a\nb', 'a\rb', 'a\r\nX-Openclaw-Model: x' ]) {
        const { status, body } = await refused(id);

        assert.equal(status, 400);
        assert.match(body, /^[^\n]*senderId[^\n]*\n?$/);

        const client = await world.connect('lines');
        const end = await client.turn({ content: 'Hello', senderId: id });

        assert.equal(end.type, 'chat.error');
        assert.equal(end.code, 'bad_field');
        assert.match(end.error, /senderId/);

        const group = await client.turn({ content: 'Hello', groupId: id,
                                          chatType: 'group' });

        assert.equal(group.type, 'chat.error');
        assert.equal(group.code, 'bad_field');
        assert.match(group.error, /groupId/);

        assert.equal(await client.ask('Hello'), 'You said: Hello');
        await client.close();
    }
});


// The answer to a handshake that is refused.

function refused(senderId) {
    return new Promise((resolve, reject) => {
        const request = http.request({
            port: world.ports.nginx,
            host: '127.0.0.1',
            path: `/ws?senderId=${encodeURIComponent(senderId)}`,
            headers: {
                Connection: 'Upgrade',
                Upgrade: 'websocket',
                'Sec-WebSocket-Version': '13',
                'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
            },
        });

        request.on('upgrade', () => reject(new Error('accepted')));
        request.on('error', reject);
        request.on('response', (response) => {
            let body = '';

            response.on('data', (chunk) => body += chunk);
            response.on('end', () => {
                resolve({ status: response.statusCode, body });
            });
        });

        request.end();
    });
}
