'use strict';

// A turn: how its parts come, how it is stopped, and that it outlives its
// client.

const assert = require('node:assert/strict');
const { test } = require('node:test');

const Client = require('../client');
const world = require('../setup');
const { until } = require('../until');


test('parts come while the answer is being written', async () => {
    const client = await world.connect('parts');
    const id = client.send({ content: 'HOLD parts' });

    await until(() => client.streamed(id).join('') === 'Holding parts.',
                'the first part');
    assert.deepEqual(client.ends(), []);

    world.model.release('parts');

    assert.equal((await client.end(id)).content,
                 'Holding parts. Released parts.');
    await client.close();
});


test('openclaw_stream snapshot: parts are all the text so far', async () => {
    const url = world.url('snapshot', undefined, '/snapshot');
    const client = await Client.open(url, { snapshot: true });

    assert.equal(await client.ask('one two three four five'),
                 'You said: one two three four five');
    await client.close();
});


test('an answer of more than 4000 characters is one response', async () => {
    const client = await world.connect('long');
    const content = await client.ask('a Python function, please');

    assert(content.length > 4000);
    assert.match(content, /“factorial\(1\)” — both ways agree, ✓\.$/m);
    assert.equal(client.ends().length, 1);
    await client.close();
});


test('chat.abort stops the running turn', async () => {
    const client = await world.connect('abort');
    const id = client.send({ content: 'HOLD abort' });
    const next = client.send({ content: 'And now?' });

    await until(() => client.streamed(id).length > 0, 'the first part');

    client.ws.send(JSON.stringify({ type: 'chat.abort', messageId: id }));

    const end = await client.end(id);

    assert.equal(end.type, 'chat.error');
    assert.equal(end.code, 'aborted');

    // the gateway let go of its model, and the next turn runs

    const [ request ] = world.model.about('HOLD abort');

    await until(() => request.cut, 'the end of the run');

    assert.equal((await client.end(next)).content, 'You said: And now?');
    await client.close();
});


test('chat.abort takes a waiting turn out of the queue', async () => {
    const client = await world.connect('abort-queued');
    const running = client.send({ content: 'HOLD queue' });
    const waiting = client.send({ content: 'never asked' });
    const last = client.send({ content: 'asked at last' });

    await until(() => client.streamed(running).length > 0, 'the first part');

    client.ws.send(JSON.stringify({ type: 'chat.abort',
                                    messageId: waiting }));

    assert.equal((await client.end(waiting)).code, 'aborted');

    world.model.release('queue');

    assert.equal((await client.end(running)).type, 'chat.response');
    assert.equal((await client.end(last)).content, 'You said: asked at last');
    assert.deepEqual(world.model.about('never asked'), []);
    await client.close();
});


test('a client that leaves: its turn runs on', async () => {
    const client = await world.connect('leaver');
    const id = client.send({ content: 'HOLD leaver' });

    await until(() => client.streamed(id).length > 0, 'the first part');
    await client.leave();

    const back = await world.connect('leaver');
    const next = back.send({ content: 'What is my name?' });

    await back.frame((f) => f.type === 'chat.typing', 'chat.typing');
    world.model.release('leaver');
    await back.end(next);

    const history = await world.gateway.history('direct', 'leaver');

    assert.deepEqual(history.map((m) => m.text), [
        'HOLD leaver',
        'Holding leaver. Released leaver.',
        'What is my name?',
        'You never told me your name.',
    ]);

    await back.close();
});


test('what is no message is refused, and the connection goes on', async () => {
    const client = await world.connect('refusals');

    const cases = [
        [ 'not JSON', 'parse_error', 'Failed to parse message' ],
        [ '[]', 'invalid_message' ],
        [ '{"type":"chat.sing","content":"la"}', 'invalid_message' ],
        [ '{"type":"chat.send","content":"  "}', 'invalid_message' ],
        [ '{"type":"chat.send","content":"x","senderName":1}', 'bad_field' ],
        [ '{"type":"chat.send","content":"x","chatType":"group"}',
          'group_id_required' ],
    ];

    for (const [ i, [ text, code, error ] ] of cases.entries()) {
        client.ws.send(text);

        const end = await until(() => client.ends()[i], `an error for ${text}`);

        assert.equal(end.type, 'chat.error');
        assert.equal(end.code, code);
        assert.equal(end.error, error ?? end.error);
    }

    client.ws.send('{"type":"ping"}');
    await client.frame((f) => f.type === 'pong', 'a pong');

    assert.equal(await client.ask('Hello'), 'You said: Hello');

    await client.close();
});
