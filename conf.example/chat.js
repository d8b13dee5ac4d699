/*
 * A client of the module that loses nothing: it connects again by itself, and
 * sends again whatever has no answer yet.  The same messageId tells the server
 * that it is the same message, so that the agent is asked once.  There is no
 * page in here; use it in one of your own.
 *
 *     const chat = new Chat('wss://example.com/ws?senderId=ann');
 *
 *     chat.onstate = (state, text) => { ... };
 *     chat.send({ content: 'Hello' }, {
 *         typing: () => { ... },
 *         text: (text) => { ... },            // all of it so far
 *         end: (text) => { ... },             // the whole answer
 *         error: (text, code) => { ... }
 *     });
 */

const FIRST_PAUSE = 500;                       // milliseconds
const LONGEST_PAUSE = 30000;
const ALIVE = 60000;                           // to be asked after so long


/* crypto.randomUUID() is there only for pages that came by https */

function uuid() {
    const b = crypto.getRandomValues(new Uint8Array(16));

    b[6] = b[6] & 0x0f | 0x40;
    b[8] = b[8] & 0x3f | 0x80;

    return Array.from(b, (n) => n.toString(16).padStart(2, '0')).join('')
        .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}


export class Chat {

    /* with snapshots, for "openclaw_stream snapshot" */

    constructor(url, { snapshots = false } = {}) {
        this.url = url;
        this.snapshots = snapshots;
        this.onstate = () => {};
        this.open = new Map();                 // messages without an end
        this.stopped = new Map();              // to be told to the server
        this.pause = FIRST_PAUSE;
        this.closed = false;

        this.online = () => this.hurry();
        window.addEventListener('online', this.online);

        this.connect();
    }


    /* returns the messageId */

    send(fields, handlers = {}) {
        const id = fields.messageId ?? uuid();

        this.open.set(id, {
            frame: JSON.stringify({ type: 'chat.send', ...fields,
                                    messageId: id }),
            text: '',
            sent: false,
            groupId: fields.groupId,
            handlers,
        });

        if (this.ready()) {
            this.ask(id);
        }

        return id;
    }


    /* ends what the agent is doing for the message, or for all of them */

    stop(id) {
        for (const each of id ? [ id ] : [ ...this.open.keys() ]) {
            const message = this.open.get(each);

            if (!message) {
                continue;
            }

            if (this.ready()) {
                this.abort(each, message.groupId);
                continue;
            }

            if (message.sent) {
                this.stopped.set(each, message.groupId);
            }

            this.end(each, 'error', 'Stopped.', 'aborted');
        }
    }


    abort(messageId, groupId) {
        this.socket.send(JSON.stringify({ type: 'chat.abort', messageId,
                                          groupId }));
    }


    close() {
        this.closed = true;
        clearTimeout(this.timer);
        clearInterval(this.alive);
        window.removeEventListener('online', this.online);
        this.socket.close();
        this.onstate('closed', 'Not connected');
    }


    ready() {
        return this.socket.readyState === WebSocket.OPEN;
    }


    connect() {
        const socket = this.socket = new WebSocket(this.url);

        this.onstate('connecting', 'Connecting');

        socket.onopen = () => {
            this.opened = true;
            this.watch(socket);
            this.onstate('open', 'Connected');

            this.stopped.forEach((groupId, id) => this.abort(id, groupId));
            this.stopped.clear();

            [ ...this.open.keys() ].forEach((id) => this.ask(id));
        };

        socket.onmessage = (event) => {
            this.heard = Date.now();
            this.frame(JSON.parse(event.data));
        };

        socket.onclose = (event) => this.lost(socket, event);
    }


    ask(id) {
        const message = this.open.get(id);

        /* what comes now starts with all the text so far */

        message.text = '';
        message.sent = true;
        this.socket.send(message.frame);
    }


    frame(frame) {
        const id = frame.messageId;
        const message = this.open.get(id);

        /* a server that only says why it closes is not there for us yet */

        if (frame.type !== 'chat.error' || id !== undefined) {
            this.pause = FIRST_PAUSE;
        }

        switch (frame.type) {

        case 'chat.typing':
            this.open.forEach((each) => each.handlers.typing?.());
            break;

        case 'chat.stream':
            if (message) {
                message.text = this.snapshots ? frame.content
                                              : message.text + frame.content;
                message.handlers.text?.(message.text);
            }
            break;

        case 'chat.response':
            if (message) {
                this.end(id, 'end', frame.content);

            } else if (id === undefined) {
                this.ongreeting?.(frame.content);
            }
            break;

        case 'chat.error':
            if (message && frame.code === 'shutting_down') {

                /* it was not taken: it is sent again to the next server */

                break;
            }

            if (message) {
                this.end(id, 'error', frame.error, frame.code);

            } else if (id === undefined) {
                this.onerror?.(frame.error, frame.code);
            }
            break;
        }
    }


    end(id, how, text, code) {
        const message = this.open.get(id);

        this.open.delete(id);
        message.handlers[how]?.(text, code);
    }


    /* a connection can be dead without a word: something is said at times */

    watch(socket) {
        this.heard = Date.now();

        clearInterval(this.alive);
        this.alive = setInterval(() => {
            const silent = Date.now() - this.heard;

            if (silent > 2 * ALIVE) {
                this.lost(socket, { code: 1006 });

            } else if (silent > ALIVE && this.ready()) {
                socket.send('{"type":"ping"}');
            }
        }, ALIVE / 2);
    }


    lost(socket, event) {
        if (this.closed || socket !== this.socket) {
            return;
        }

        socket.onclose = null;
        socket.close();
        clearInterval(this.alive);

        switch (event.code) {

        case 4401:

            /* who we are said to be is not accepted: again would be the same */

            [ ...this.open.keys() ].forEach((id) => this.end(id, 'error',
                'You are not logged in.', 'auth'));
            this.close();
            return;

        case 1009:

            /* one of the messages was too big, and would be so again */

            this.endBiggest();
            break;
        }

        /* a server that leaves has a successor; all come at once otherwise */

        const pause = event.code === 1012 ? 0 : this.pause;

        this.pause = Math.min(2 * this.pause, LONGEST_PAUSE);
        this.onstate('waiting', this.opened
                     ? 'The connection was lost, trying again'
                     : 'The server can\'t be reached, trying again');

        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.connect(),
                                pause * (0.5 + Math.random() / 2));
    }


    endBiggest() {
        const [ biggest ] = [ ...this.open.entries() ].sort(
            ([ , one ], [ , other ]) => other.frame.length - one.frame.length);

        if (biggest) {
            this.end(biggest[0], 'error', 'The message is too big.',
                     'too_big');
        }
    }


    hurry() {
        if (!this.closed && this.socket.readyState === WebSocket.CLOSED) {
            clearTimeout(this.timer);
            this.connect();
        }
    }
}
