'use strict';

// The gateway goes in the middle of a turn, and comes back.

const assert = require('node:assert/strict');
const { test } = require('node:test');

const Client = require('../client');
const world = require('../setup');
const { until } = require('../until');


async function held(client, word) {
    const id = client.send({ content: `HOLD ${word}` });

    await until(() => client.streamed(id).length > 0, 'the first part');

    return id;
}


async function impatient(senderId, code) {
    const client = await Client.open(world.url(senderId, undefined,
                                               '/impatient'));
    const end = await client.turn({ content: 'Anybody there?' });

    assert.equal(end.type, 'chat.error');
    assert.equal(end.code, code);
    assert(!end.error.includes(world.TOKEN));

    await client.close();
}


// What was sent is in the history of its session once.

async function sentOnce(senderId, content) {
    const history = await world.gateway.history('direct', senderId);

    assert.equal(history.filter((m) => m.role === 'user'
                                && m.text === content).length, 1);
}


test('restart: SIGTERM lets the running turn finish, others wait',
     async () => {
    const client = await world.connect('restart-term');
    const other = await world.connect('restart-other');

    await client.ask('My name is Teresa');

    const id = await held(client, 'term');
    const gone = world.gateway.stop('SIGTERM');

    await until(async () => {
        const state = await world.gateway.ready();

        return state?.failing.includes('gateway-draining');
    }, 'the gateway to drain');

    const late = other.send({ content: 'Not too late?' });

    await impatient('restart-hasty', 'agent_unavailable');

    world.model.release('term');

    assert.equal((await client.end(id)).content,
                 'Holding term. Released term.');

    await gone;
    await impatient('restart-hasty', 'agent_unreachable');

    const later = client.send({ content: 'What is my name?' });

    await world.gateway.start();

    // the same connections, and what was said before

    assert.equal((await other.end(late)).content, 'You said: Not too late?');
    assert.equal((await client.end(later)).content, 'Your name is Teresa.');

    await sentOnce('restart-other', 'Not too late?');
    await sentOnce('restart-term', 'What is my name?');

    await client.close();
    await other.close();
});


// The gateway takes interrupted turns up again by itself, one after another.

test('restart: SIGKILL, and the answers come all the same', async () => {
    const clients = [];

    for (const word of [ 'kill-1', 'kill-2' ]) {
        const client = await world.connect(word);

        await client.ask('My name is Kilian');
        client.id = await held(client, word);
        clients.push(client);
    }

    const next = clients[0].send({ content: 'What is my name?' });

    await world.gateway.stop('SIGKILL');

    const start = world.gateway.start();

    world.model.release('kill-1');
    world.model.release('kill-2');

    await start;

    for (const [ n, client ] of clients.entries()) {
        const word = `kill-${n + 1}`;
        const end = await client.end(client.id, 300);

        assert.equal(end.content, `Holding ${word}. Released ${word}.`);

        // what the stream still lacked comes as one more part of it

        assert.deepEqual(client.streamed(client.id),
                         [ `Holding ${word}.`, ` Released ${word}.` ]);

        await sentOnce(word, `HOLD ${word}`);
    }

    assert.equal((await clients[0].end(next)).content, 'Your name is Kilian.');

    await clients[0].close();
    await clients[1].close();
});


test('restart: without patience, SIGKILL ends a turn with one error',
     async () => {
    const client = await Client.open(world.url('restart-once', undefined,
                                               '/impatient'));
    const id = await held(client, 'once');

    await world.gateway.stop('SIGKILL');

    const end = await client.end(id);

    assert.equal(end.type, 'chat.error');
    assert.equal(end.code, 'agent_incomplete');

    world.model.release('once');
    await world.gateway.start();

    assert.equal(await client.ask('Hello'), 'You said: Hello');
    await client.close();
});


test('restart: a connection that is cut costs the turn, and is told',
     async () => {
    const client = await Client.open(world.url('restart-cut', undefined,
                                               '/watched'));

    await client.ask('My name is Curt');

    const id = await held(client, 'cut');

    world.relay.of(world.sessionKey('direct', 'restart-cut')).at(-1).cut();

    const end = await client.end(id);

    assert.equal(end.type, 'chat.error');
    assert.equal(end.code, 'agent_incomplete');
    assert.equal(await client.ask('What is my name?'), 'Your name is Curt.');

    await client.close();
});


test('restart: what the gateway can\'t take back is put right at the end',
     async () => {
    const client = await world.connect('restart-append');
    const id = client.send({ content: 'BREAK append' });

    client.replaced.add(id);

    const end = await client.end(id);

    assert.equal(end.content, 'Mended append.');
    assert.match(client.streamed(id).join(''), /^Broken append/);

    await client.close();
});
