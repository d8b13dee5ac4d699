'use strict';

// A scripted model: OpenAI's streaming /v1/chat/completions, answered by the
// last thing a human said.  It remembers nothing: what it knows of a
// conversation is what it is shown of it.
//
//     My name is NAME, I am NAME   greets
//     What is my name?             the name in the messages it was shown
//     HOLD WORD                    "Holding WORD.", then waits for
//                                  release(WORD), then "Released WORD."
//     BREAK WORD                   "Broken WORD", and the connection is cut;
//                                  "Mended WORD." the second time
//     BREAK FAIL                   the same by a status of 400
//     CALL TOOL JSON               has the tool called with these arguments,
//                                  and says what came of it
//     ... Python function ...      an answer longer than 4000 characters
//     anything else                "You said: ..."
//
// Each request is kept in "requests" for the cases to look at.

const fs = require('node:fs');
const http = require('node:http');


// what the gateway writes around the text of a human

const STAMP = /^\[\w{3} \d{4}-\d\d-\d\d \d\d:\d\d [^\]]*\] /;
const RUNTIME = /\n+Runtime: agent=\S+ \| session=.*$/;
const INTERNAL = new RegExp('^(<<<BEGIN_OPENCLAW_INTERNAL'
    + '|Continue the current task|\\[System\\] )');
const AGAIN = new RegExp('^\\[Queued user message [^\\n]*\\n([^]*)\\n\\n'
    + '(Continue the current task|\\[System\\] )[^]*$');
const QUEUED = /^\[Queued user message from a previous active turn;[^]*\n\n/;


const model = {
    requests: [],
    released: new Set(),
    waiting: new Map(),

    async start(port, log) {
        this.log = fs.createWriteStream(log);
        this.server = http.createServer((req, res) => take(req, res));

        await new Promise((resolve, reject) => {
            this.server.on('error', reject);
            this.server.listen(port, '127.0.0.1', resolve);
        });
    },

    stop() {
        this.server.closeAllConnections();
        this.server.close();
        this.log.end();
    },

    release(word) {
        this.released.add(word);
        (this.waiting.get(word) ?? []).forEach((resolve) => resolve());
    },

    releaseAll() {
        [ ...this.waiting.keys() ].forEach((word) => this.release(word));
    },

    // the requests whose last human text holds this
    about(text) {
        return this.requests.filter((r) => r.human.includes(text));
    },
};


async function take(req, res) {
    const chunks = [];

    for await (const chunk of req) {
        chunks.push(chunk);
    }

    const body = JSON.parse(Buffer.concat(chunks));
    const request = read(body);

    model.requests.push(request);
    model.log.write(JSON.stringify({ ...request, time: new Date() }) + '\n');

    request.running = true;

    res.on('close', () => {
        request.running = false;
        request.cut = !res.writableFinished;
    });

    if (/BREAK FAIL/.test(request.human) && breaks(request)) {
        res.writeHead(400, { 'Content-Type': 'application/json' });
        res.end('{"error":{"message":"the model is unhappy"}}');
        return;
    }

    res.writeHead(200, { 'Content-Type': 'text/event-stream' });

    if (request.call !== null) {
        event(res, { tool_calls: [ request.call ] }, null);
        event(res, {}, 'tool_calls');
        res.end('data: [DONE]\n\n');
        return;
    }

    for await (const part of answer(request)) {
        if (res.destroyed) {
            return;
        }

        event(res, { content: part }, null);
    }

    if (breaks(request)) {
        setTimeout(() => res.destroy(), 100);
        return;
    }

    event(res, {}, 'stop');
    res.end('data: [DONE]\n\n');
}


function event(res, delta, finish) {
    res.write('data: ' + JSON.stringify({
        id: 'chatcmpl-scripted',
        object: 'chat.completion.chunk',
        created: 0,
        model: 'scripted',
        choices: [ { index: 0, delta, finish_reason: finish } ],
    }) + '\n\n');
}


// what the model is shown, in the words of the cases

function read(body) {
    const users = body.messages.filter((m) => m.role === 'user')
        .filter((m) => !INTERNAL.test(bare(text(parts(m)))));

    const last = users.length ? parts(users.at(-1)) : [];
    const shown = bare(text(last));

    const human = shown.split('```\n\n').at(-1) // without blocks before it
        .replace(AGAIN, '$1')                   // or what goes on
        .replace(QUEUED, '');                   // or was interrupted

    // what came of the tool that was called for this, if any

    const result = body.messages.slice(body.messages.indexOf(users.at(-1)))
        .find((m) => m.role === 'tool');

    return {
        shown,                                  // all of the last user text
        human,
        model: body.model,
        tools: (body.tools ?? []).map((tool) => tool.function.name).sort(),
        call: result ? null : call(human),
        result: result && text(parts(result)),
        images: last.filter((p) => p.type === 'image_url')
            .map((p) => p.image_url.url ?? p.image_url),
        earlier: users.slice(0, -1).map((m) => bare(text(parts(m)))),
        roles: body.messages.map((m) => m.role),
    };
}


function parts(message) {
    return typeof message.content === 'string'
        ? [ { type: 'text', text: message.content } ]
        : message.content;
}


function text(list) {
    return list.filter((p) => p.type === 'text').map((p) => p.text)
        .join('\n');
}


function bare(string) {
    return string.replace(STAMP, '').replace(RUNTIME, '');
}


function call(human) {
    const found = human.match(/^CALL (\w+) (\{.*\})$/);

    return found && {
        index: 0,
        id: `call_${model.requests.length}`,
        type: 'function',
        function: { name: found[1], arguments: found[2] },
    };
}


async function* answer(request) {
    if (request.result !== undefined) {
        yield `It said: ${request.result}`;
        return;
    }

    const hold = request.human.match(/HOLD (\S+)/);

    if (hold !== null) {
        yield `Holding ${hold[1]}.`;
        await released(hold[1]);
        yield ` Released ${hold[1]}.`;
        return;
    }

    const broken = request.human.match(/BREAK (\S+)/);

    if (broken !== null) {
        yield* words(breaks(request) ? `Broken ${broken[1]}, and`
                                     : `Mended ${broken[1]}.`);
        return;
    }

    yield* words(reply(request));
}


// whether it is the first one with these words

function breaks(request) {
    return /BREAK \S+/.test(request.human)
        && model.about(request.human)[0] === request;
}


function released(word) {
    if (model.released.has(word)) {
        return;
    }

    return new Promise((resolve) => {
        model.waiting.set(word,
                          [ ...model.waiting.get(word) ?? [], resolve ]);
    });
}


function reply(request) {
    const human = request.human;

    if (/what is my name\?/i.test(human)) {
        const name = known(request.earlier);

        return name ? `Your name is ${name}.` : 'You never told me your name.';
    }

    if (known([ human ])) {
        return `Nice to meet you, ${known([ human ])}!`;
    }

    if (human.includes('Python function')) {
        return factorial();
    }

    return `You said: ${human}`;
}


function known(texts) {
    const names = texts.join('\n')
        .matchAll(/\b(?:My name is|I am) (\p{L}+)/gu);

    return [ ...names ].at(-1)?.[1];
}


function factorial() {
    const lines = [ 'Recursively and iteratively:', '', '```python',
                    'def factorial(n):',
                    '    return 1 if n < 2 else n * factorial(n - 1)', '```' ];

    for (let n = 1; lines.join('\n').length < 6000; n++) {
        lines.push(`${n}. “factorial(${n})” — both ways agree, ✓.`);
    }

    return lines.join('\n');
}


function* words(string) {
    yield* string.match(/\s*\S+(?:\s+$)?/g) ?? [ string ];
}


module.exports = model;
