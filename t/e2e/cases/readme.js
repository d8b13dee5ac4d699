'use strict';

// What the reference README shows, as it stands there but for the port.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const world = require('../setup');
const { until } = require('../until');


function readme(name) {
    return fs.readFileSync(path.join(__dirname, '../readme', name), 'utf8')
        .replaceAll('127.0.0.1:18800', `127.0.0.1:${world.ports.nginx}`);
}


function readmeLines(name) {
    return readme(name).trim().split('\n');
}


// A snippet of the README as a file of its own.

function copy(name) {
    const file = path.join(world.DIR, name);

    fs.writeFileSync(file, readme(name));

    return file;
}


// Starts a program whose output is watched.

function watch(t, name, file, args, options = {}) {
    const child = world.start(name, file, args, {
        stdio: [ 'pipe', 'pipe', 'pipe' ],
        ...options,
    });

    child.output = '';

    for (const stream of [ child.stdout, child.stderr ]) {
        stream.setEncoding('utf8');
        stream.on('data', (text) => child.output += text);
    }

    child.says = (wanted) => until(() => {
        if (child.status !== undefined && !child.output.match(wanted)) {
            throw new Error(`${name} ended: ${child.output}`);
        }

        return child.output.match(wanted);
    }, `${wanted} from ${name}`);

    t.after(() => child.endGroup());

    return child;
}


// wscat as a person has it, at a terminal.

async function wscat(t, url) {
    const child = watch(t, 'wscat', 'script',
                        [ '-qfec', `wscat -c '${url}'`, '/dev/null' ],
                        { env: withBin() });

    await child.says(/Connected \(press CTRL\+C to quit\)/);

    return child;
}


function withBin() {
    const bin = path.join(world.env.NODE_PATH, '.bin');

    return { ...world.env, PATH: `${bin}:${world.env.PATH}` };
}


// The answers that the script of the model gives, in the order of the cases.

const ANSWERS = [
    /^You said: Hello!$/,
    /^You said: Hi there!$/,
    /^Nice to meet you, John!$/,
    /^Your name is John\.$/,
    /^You said: I agree$/,
    /^You said: John: Hello everyone!$/,
    /^You said: Process this$/,
    /def factorial\(n\):[^]{4000}/,
];


test('README: each test case of the Quick Start', async () => {
    const client = await world.connect('user1', 'John');

    for (const line of readmeLines('quick-start.jsonl')) {
        const before = client.ends().length;

        client.ws.send(line);

        const end = await until(() => client.ends()[before],
                                `the end of ${line}`);

        assert.equal(end.type, 'chat.response', JSON.stringify(end));
        assert.match(end.content, ANSWERS[before]);
        assert.match(end.messageId, /^[0-9a-f-]{36}$/);
        assert(client.streamed(end.messageId).length > 0);
    }

    assert.equal(client.ends().length, ANSWERS.length);
    client.checkUnmixed();
    await client.close();
});


test('README: each test case of the Quick Start, in wscat', async (t) => {
    const url = world.url('user1', 'John');
    const terminal = await wscat(t, url);
    let answered = 0;

    for (const line of readmeLines('quick-start.jsonl')) {
        terminal.stdin.write(line + '\n');

        const frame = await until(() => frames(terminal.output)
            .filter((f) => f.type === 'chat.response')[answered],
                                  `the answer to ${line}`);

        assert.match(frame.content, ANSWERS[answered++]);
    }

    const types = frames(terminal.output).map((f) => f.type);

    assert.equal(types[0], 'chat.typing');
    assert.equal(types[1], 'chat.stream');
    assert(!types.includes('chat.error'));
});


// The frames in what a terminal shows.

function frames(output) {
    const lines = output.split(/[\r\n]+/)
        .map((line) => line.match(/< (\{"type":"chat\..*\})/)?.[1]);

    return lines.filter((json) => json !== undefined)
        .map((json) => JSON.parse(json));
}


test('README: the one-liner that sends and disconnects', async (t) => {
    const child = watch(t, 'one-liner', 'bash',
                        [ '-c', readme('one-liner.sh') ], { env: withBin() });

    child.stdin.end();

    assert.equal(await child.ended, 0);
    assert.doesNotMatch(child.output, /error/i);

    // wscat leaves when its input ends, be it before it is connected

    const client = await world.connect('test');

    assert.equal(await client.ask('Still there?'), 'You said: Still there?');
    await client.close();
});


test('README: two users, in wscat -x', async (t) => {
    for (const [ i, line ] of readmeLines('two-users.sh').slice(1).entries()) {
        const child = watch(t, 'two-users', 'bash', [ '-c', line ],
                            { env: withBin() });
        const name = [ 'Alice', 'Bob' ][i];

        assert.equal(await child.ended, 0);

        // after two seconds wscat goes, and the turn runs on

        assert.match(child.output, /^\{"type":"chat.typing"\}\n/);
        assert.doesNotMatch(child.output, /chat\.error/);

        await until(async () => {
            const history = await world.gateway.history('direct',
                                                        name.toLowerCase());

            return history.some((m) => m.role === 'assistant'
                                && m.text === `Nice to meet you, ${name}!`);
        }, `the turn of ${name}`);
    }

    for (const name of [ 'Alice', 'Bob' ]) {
        const client = await world.connect(name.toLowerCase());

        assert.equal(await client.ask('What is my name?'),
                     `Your name is ${name}.`);
        await client.close();
    }
});


test('README: the Node.js example', async (t) => {
    const child = watch(t, 'example-js', process.execPath,
                        [ copy('example.js') ]);
    const said = 'You said: Hello, how are you?';

    await child.says(/\nAgent: .*\n/);

    assert.equal(child.output,
                 `Connected\nAgent is typing...\n${said}\nAgent: ${said}\n`);
});


test('README: the Python example', async (t) => {
    const child = watch(t, 'example-py', '/usr/bin/python3',
                        [ '-u', copy('example.py') ]);

    await child.says(/\n/);

    assert.equal(child.output, 'Agent: You said: Hello!\n');
});


test('README: the sessions of user_A and user_B', async () => {
    const client = await world.connect();
    const send = new Function('ws', readme('sessions.js'));

    send(client.ws);

    const ends = await until(() => client.ends().length === 3
                             && client.ends(), 'three answers');

    assert.deepEqual(ends.map((f) => f.content).sort(), [
        'Nice to meet you, Alice!',
        'Nice to meet you, Bob!',
        'Your name is Alice.',
    ]);

    await client.close();
});


test('README: a message with every field', async () => {
    const client = await world.connect();
    const end = await client.turn(JSON.parse(readme('message.json')));

    assert.equal(end.type, 'chat.response', JSON.stringify(end));
    assert.equal(end.messageId, 'msg_001');
    assert.equal(end.content, 'You said: Your message here');

    await client.close();
});
