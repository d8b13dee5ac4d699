'use strict';

// The set-ups of docs/security.md, as they stand there: what a turn can do in
// each of them.

const assert = require('node:assert/strict');
const { before, after, describe, test } = require('node:test');

const Client = require('../client');
const docs = require('../docs');
const world = require('../setup');


const OWNERS = [ 'openclaw', 'computer' ];
const POWERS = [ 'exec', 'read', 'write', 'edit', 'apply_patch', 'process' ];


async function connect(location, senderId) {
    return await Client.open(world.url(senderId, undefined, location,
                                       world.ports.setups));
}


// Asks in one of the set-ups, and returns what the model was shown.

async function turn(location, content) {
    const client = await connect(location, 'stranger');
    const answer = await client.ask(content);

    await client.close();

    return { answer, ...world.model.about(content).at(-1) };
}


async function offered(location) {
    return (await turn(location, `What can you do in ${location}?`)).tools;
}


async function called(location, tool, args = {}) {
    const { answer } = await turn(location,
                                  `CALL ${tool} ${JSON.stringify(args)}`);

    return answer.replace(/^It said: /, '');
}


// Those that the model is not shown, but may look for and call by their names.

async function found(location, id, args = {}) {
    return await called(location, 'tool_call', { id, args });
}


// What only an owner may do over HTTP.

async function reset(gateway) {
    const { status } = await gateway.post('/tools/invoke', {
        tool: 'sessions',
        args: { action: 'reset', sessionKey: 'agent:main:setups' },
    }, { 'x-openclaw-scopes': 'operator.write' });

    return status;
}


describe('set-ups', () => {
    before(() => Promise.all([ world.stranger.start(), world.few.start() ]),
           { timeout: 330e3 });

    after(() => Promise.all([ world.stranger.stop('SIGKILL'),
                              world.few.stop('SIGKILL') ]));

    test('a token: turns are the owner\'s', async () => {
        const tools = await offered('/token');

        for (const tool of [ ...OWNERS, ...POWERS ]) {
            assert(tools.includes(tool), `${tool} in ${tools}`);
        }

        // it would have run but for its arguments

        assert.match(await called('/token', 'openclaw'), /message/);
        assert.match(await found('/token', 'gateway'), /'action'/);
        assert.match(await called('/token', 'exec', { command: 'echo yes' }),
                     /^yes$/);

        const { model } = await turn('/token-model', 'Who are you, owner?');

        assert.equal(model, 'other');
        assert.equal(await reset(world.gateway), 200);
    });

    test('no owner: neither his tools nor his commands', async () => {
        const tools = await offered('/stranger');

        for (const tool of OWNERS) {
            assert(!tools.includes(tool), `${tool} in ${tools}`);
            assert.match(await called('/stranger', tool), /not found/);
            assert.match(await found('/stranger', tool), /Unknown tool/);
        }

        assert.match(await found('/stranger', 'gateway'), /Unknown tool/);

        const client = await connect('/stranger-model', 'stranger');
        const end = await client.turn({ content: 'Who are you, please?' });

        assert.equal(end.type, 'chat.error');
        assert.deepEqual(world.model.about('Who are you, please?'), []);
        await client.close();

        assert.equal(await reset(world.stranger), 404);
    });

    test('no owner: it is the header that makes the difference', async () => {
        const tools = await offered('/stranger-header');

        for (const tool of OWNERS) {
            assert(tools.includes(tool), `${tool} in ${tools}`);
        }
    });

    test('no owner: a shell and the sessions of others are still there',
         async () => {
        const tools = await offered('/stranger');

        for (const tool of POWERS) {
            assert(tools.includes(tool), `${tool} in ${tools}`);
        }

        assert.match(await called('/stranger', 'exec',
                                  { command: 'echo yes' }), /^yes$/);

        const other = await connect('/stranger', 'somebody-else');

        await other.ask('My name is Secret');
        await other.close();

        const sessionKey = world.sessionKey('direct', 'somebody-else');

        assert.match(await found('/stranger', 'sessions_history',
                                 { sessionKey }), /My name is Secret/);
    });

    test('no owner: sessions, and what is looked for in the history',
         async () => {
        const client = await connect('/stranger', 'memory');

        await client.ask('My name is Nora');
        assert.equal(await client.ask('What is my name?'),
                     'Your name is Nora.');

        const id = client.send({ content: 'BREAK stranger' });

        client.replaced.add(id);
        assert.equal((await client.end(id)).content, 'Mended stranger.');
        await client.close();
    });

    test('few tools: none that does anything', async () => {
        // these look for others and call them, but there are no others

        assert.deepEqual(await offered('/few'),
                         [ 'tool_call', 'tool_describe', 'tool_search' ]);
        assert.equal(await called('/few', 'tool_search',
                                  { query: 'session exec gateway file' }),
                     '[]');

        for (const tool of [ 'openclaw', 'exec' ]) {
            assert.match(await called('/few', tool), /not found/);
        }

        for (const tool of [ 'exec', 'gateway', 'session_status' ]) {
            assert.match(await found('/few', tool), /Unknown tool/);
        }

        const client = await connect('/few', 'memory');

        await client.ask('My name is Nora');
        assert.equal(await client.ask('What is my name?'),
                     'Your name is Nora.');
        await client.close();

        assert.equal(await reset(world.few), 404);
    });

    test('few tools: it is what the README recommends', () => {
        for (const [ page, title ] of [ [ 'README.md', 'Put it to use' ],
                                        [ 'docs/README_CN.md', '正式使用' ] ])
        {
            assert.deepEqual(JSON.parse(docs.block(page, title, 'json')),
                             docs.gateway('Few tools'), page);
        }
    });
});
