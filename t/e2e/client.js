'use strict';

// A client of the protocol that keeps every frame it got, and knows what must
// hold for all of them.

const assert = require('node:assert/strict');
const { randomUUID } = require('node:crypto');
const WebSocket = require('ws');

const { until } = require('./until');

const KEYS = {
    'chat.typing': 'type',
    'chat.stream': 'type messageId content done',
    'chat.response': 'type messageId content done',
    'chat.error': 'type messageId error code',
    'pong': 'type',
};

// what refuses a message before it becomes a turn

const REFUSALS = [ 'parse_error', 'invalid_message', 'bad_field', 'too_long',
                   'group_id_required', 'sender_refused', 'queue_full' ];


class Client {
    constructor(url, options = {}) {
        this.frames = [];
        this.sent = [];
        this.replaced = new Set();      // of messageIds, if any
        this.snapshot = options.snapshot ?? false;

        this.ws = new WebSocket(url, { headers: options.headers ?? {} });
        this.ws.on('message', (data) => {
            this.frames.push(JSON.parse(data));
        });

        this.closed = new Promise((resolve) => {
            this.ws.on('close', (code) => resolve(this.code = code));
        });
    }

    static async open(url, options) {
        const client = new Client(url, options);

        await new Promise((resolve, reject) => {
            client.ws.on('open', resolve);
            client.ws.on('error', reject);
        });

        return client;
    }

    // Sends a message and returns its messageId.
    send(message) {
        const id = randomUUID();
        const whole = { type: 'chat.send', messageId: id, ...message };

        this.sent.push(whole);
        this.ws.send(JSON.stringify(whole));

        return whole.messageId;
    }

    // Sends a message and waits for the end of its turn.
    async turn(message) {
        return await this.end(this.send(message));
    }

    async end(id, seconds) {
        return await this.frame((f) => f.messageId === id && ends(f),
                                `the end of ${id}`, seconds);
    }

    async ask(content, more = {}) {
        const end = await this.turn({ content, ...more });

        assert.equal(end.type, 'chat.response', JSON.stringify(end));

        return end.content;
    }

    async frame(wanted, what, seconds) {
        return await until(() => {
            const frame = this.frames.find(wanted);

            if (frame === undefined && this.code !== undefined) {
                throw new Error(`closed with ${this.code} before ${what}: `
                                + JSON.stringify(this.frames));
            }

            return frame;
        }, what, seconds);
    }

    streamed(id) {
        return this.frames
            .filter((f) => f.type === 'chat.stream' && f.messageId === id)
            .map((f) => f.content);
    }

    ends() {
        return this.frames.filter(ends);
    }

    async close() {
        this.ws.close(1000);
        await this.closed;
        this.check();
    }

    // Leaves without a word.
    async leave() {
        this.ws.terminate();
        await this.closed;
    }

    // What holds for each frame of each connection.
    check() {
        const ended = new Set();

        for (const frame of this.frames) {
            // no messageId where no message could be read

            const keys = Object.keys(frame).join(' ')
                .replace(/^type error/, 'type messageId error');

            assert.equal(keys, KEYS[frame.type], JSON.stringify(frame));

            if (frame.messageId !== undefined) {
                assert(!ended.has(frame.messageId),
                       `a frame after the end: ${JSON.stringify(frame)}`);
            }

            if (ends(frame)) {
                ended.add(frame.messageId);
            }

            if (frame.type === 'chat.stream') {
                assert.equal(frame.done, false);
                assert.notEqual(frame.content, '');
            }

            if (frame.type === 'chat.response') {
                assert.equal(frame.done, true);
                this.checkAnswer(frame);
            }
        }

        const turns = this.ends().filter((f) => !REFUSALS.includes(f.code));
        const typings = this.frames.filter((f) => f.type === 'chat.typing');

        assert.equal(typings.length, turns.length, 'one chat.typing a turn');
    }

    checkAnswer(frame) {
        // the agent had to begin again, and what was sent can't be taken back

        if (this.replaced.has(frame.messageId)) {
            return;
        }

        const parts = this.streamed(frame.messageId);

        if (this.snapshot) {
            parts.reduce((before, part) => {
                assert(part.startsWith(before), 'all the text so far');
                return part;
            }, '');

            assert.equal(parts.at(-1), frame.content);
            return;
        }

        assert.equal(parts.join(''), frame.content);
    }

    // Between the parts of a turn and its end there is no other turn's.
    checkUnmixed() {
        let running = null;

        for (const frame of this.frames) {
            if (frame.type === 'chat.typing') {
                continue;
            }

            assert(running === null || frame.messageId === running,
                   `${frame.messageId} between the frames of ${running}`);

            running = ends(frame) ? null : frame.messageId;
        }
    }
}


function ends(frame) {
    return frame.type === 'chat.response' || frame.type === 'chat.error';
}


module.exports = Client;
