'use strict';

// A rival of "make bench": what the module does for a turn, with Node and ws.
//
//     node rival.js port agent-port [certificate key]

const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');

const { WebSocketServer } = require('ws');

const [port, agentPort, cert, key] = process.argv.slice(2);
const agent = new http.Agent({ keepAlive: true, maxFreeSockets: Infinity });


// calls back with each event of a stream, and with null at its end
function readEvents(stream, callback) {
    let text = '';

    stream.setEncoding('utf8');

    stream.on('data', (data) => {
        text += data;

        let from = 0;
        let to;

        while ((to = text.indexOf('\n\n', from)) !== -1) {
            const line = text.slice(from, to);

            from = to + 2;

            if (line.startsWith('data: ') && line !== 'data: [DONE]') {
                callback(JSON.parse(line.slice(6)));
            }
        }

        text = text.slice(from);
    });

    stream.on('end', () => callback(null));
}


function turn(ws, senderId, message) {
    const { messageId } = message;
    const send = (frame) => ws.send(JSON.stringify(frame));
    const fail = (error) => send({ type: 'chat.error', messageId,
                                   error: error.message });
    const body = JSON.stringify({
        model: 'openclaw/main', stream: true,
        messages: [{ role: 'user', content: message.content }],
    });

    send({ type: 'chat.typing' });

    const request = http.request({
        host: '127.0.0.1', port: agentPort, method: 'POST', agent,
        path: '/v1/chat/completions',
        headers: {
            'Content-Type': 'application/json',
            'Content-Length': Buffer.byteLength(body),
            'x-openclaw-session-key':
                `agent:main:websocket:direct:${message.senderId ?? senderId}`,
        },
    });

    request.on('error', fail);

    request.on('response', (response) => {
        let answer = '';

        readEvents(response, (event) => {
            if (event === null) {
                send({ type: 'chat.response', messageId, content: answer,
                       done: true });
                return;
            }

            const content = event.choices[0]?.delta?.content;

            if (content) {
                answer += content;
                send({ type: 'chat.stream', messageId, content, done: false });
            }
        });
    });

    request.end(body);
}


const server = cert
    ? https.createServer({ cert: fs.readFileSync(cert),
                           key: fs.readFileSync(key) })
    : http.createServer();

const sockets = new WebSocketServer({ server, perMessageDeflate: false });

sockets.on('connection', (ws, request) => {
    const url = new URL(request.url, 'http://localhost');
    const senderId = url.searchParams.get('senderId');

    ws.on('error', () => ws.terminate());

    ws.on('message', (data) => {
        const message = JSON.parse(data);

        if (message.type === 'chat.send') {
            turn(ws, senderId, message);
        }
    });
});

server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });
