'use strict';

const $ = (id) => document.getElementById(id);

const answers = new Map();     // by messageId: the paragraph of an answer

let socket = null;


function add(kind, text) {
    const p = document.createElement('p');

    p.className = kind;
    p.textContent = text;
    $('talk').append(p);
    p.scrollIntoView();

    return p;
}


function state(text, connected) {
    $('state').textContent = text;

    for (const id of [ 'text', 'send', 'stop' ]) {
        $(id).disabled = !connected;
    }
}


function answer(id) {
    if (!answers.has(id)) {
        answers.set(id, add('agent open', ''));
    }

    return answers.get(id);
}


const frames = {
    'chat.typing': () => { $('state').textContent = 'The agent is typing'; },

    'chat.stream': (frame) => {
        answer(frame.messageId).textContent += frame.content;
    },

    // the whole answer: nothing depends on the parts
    'chat.response': (frame) => {
        const p = answer(frame.messageId);

        p.textContent = frame.content;
        done(frame.messageId, p);
    },

    'chat.error': (frame) => {
        done(frame.messageId, add('error', frame.error));
    },
};


function done(id, p) {
    answers.get(id)?.classList.remove('open');
    answers.delete(id);
    p.scrollIntoView();
    $('state').textContent = 'Connected';
}


function connect() {
    const url = new URL('ws', location.href);

    url.protocol = url.protocol.replace('http', 'ws');
    url.searchParams.set('senderId', $('name').value);
    url.searchParams.set('senderName', $('name').value);

    socket?.close();

    const ws = socket = new WebSocket(url);

    state('Connecting', false);

    ws.onopen = () => { state('Connected', true); $('text').focus(); };
    ws.onmessage = (event) => {
        const frame = JSON.parse(event.data);

        frames[frame.type]?.(frame);
    };
    ws.onclose = (event) => {
        if (ws === socket) {
            answers.forEach((p, id) => done(id, p));
            add('error', 'The connection was closed ('
                         + (event.reason || event.code) + ').');
            state('Not connected', false);
        }
    };
}


function send(message) {
    socket.send(JSON.stringify(message));
}


$('who').onsubmit = (event) => {
    event.preventDefault();
    connect();
};

$('say').onsubmit = (event) => {
    event.preventDefault();
    send({ type: 'chat.send', content: $('text').value });
    add('me', $('text').value);
    $('text').value = '';
};

$('stop').onclick = () => send({ type: 'chat.abort' });
