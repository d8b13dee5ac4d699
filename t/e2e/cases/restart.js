'use strict';

// The gateway goes in the middle of a turn, and comes back.

const assert = require('node:assert/strict');
const { test } = require('node:test');

const world = require('../setup');
const { until } = require('../until');


async function held(client, word) {
    const id = client.send({ content: `HOLD ${word}` });

    await until(() => client.streamed(id).length > 0, 'the first part');

    return id;
}


async function unreachable(client) {
    const end = await client.turn({ content: 'Anybody there?' });

    assert.equal(end.type, 'chat.error');
    assert.equal(end.code, 'agent_unreachable');
    assert(!end.error.includes(world.TOKEN));
}


test('restart: SIGTERM lets the running turn finish', async () => {
    const client = await world.connect('restart-term');
    const other = await world.connect('restart-other');

    await client.ask('My name is Teresa');

    const id = await held(client, 'term');
    const gone = world.gateway.stop('SIGTERM');

    await until(async () => {
        const state = await world.gateway.ready();

        return state?.failing.includes('gateway-draining');
    }, 'the gateway to drain');

    const late = await other.turn({ content: 'Too late?' });

    assert.equal(late.type, 'chat.error');
    assert.equal(late.code, 'agent_unavailable');

    world.model.release('term');

    assert.equal((await client.end(id)).content,
                 'Holding term. Released term.');

    await gone;
    await unreachable(client);
    await world.gateway.start();

    // the same connections, and what was said before

    assert.equal(await client.ask('What is my name?'),
                 'Your name is Teresa.');
    assert.equal(await other.ask('Hello'), 'You said: Hello');

    await client.close();
    await other.close();
});


test('restart: SIGKILL ends the running turn with one error', async () => {
    const client = await world.connect('restart-kill');

    await client.ask('My name is Kilian');

    const id = await held(client, 'kill');

    await world.gateway.stop('SIGKILL');

    const end = await client.end(id);

    assert.equal(end.type, 'chat.error');
    assert.equal(end.code, 'agent_incomplete');

    await unreachable(client);

    // the gateway takes the interrupted turn up again by itself

    world.model.release('kill');
    await world.gateway.start();

    assert.equal(await client.ask('What is my name?'),
                 'Your name is Kilian.');

    assert.equal(client.frames.filter((f) => f.messageId === id
                                      && f.type === 'chat.error').length, 1);
    await client.close();
});
