'use strict';

// Stands between nginx and the gateway, where a case wants to know what goes
// by: the headers of each request, and how many of a session ran at once.

const http = require('node:http');


const relay = {
    seen: [],                   // { key, headers, atOnce }

    async start(port, gateway) {
        this.gateway = gateway;
        this.server = http.createServer((req, res) => this.pass(req, res));

        await new Promise((resolve, reject) => {
            this.server.on('error', reject);
            this.server.listen(port, '127.0.0.1', resolve);
        });
    },

    stop() {
        this.server.closeAllConnections();
        this.server.close();
    },

    pass(req, res) {
        const { method, url: path, headers } = req;
        const entry = { key: headers['x-openclaw-session-key'], headers };

        this.seen.push(entry);

        const upstream = http.request({
            host: '127.0.0.1', port: this.gateway, method, path, headers,
            agent: false,
        });

        upstream.on('error', () => res.destroy());
        upstream.on('response', (answer) => {
            res.writeHead(answer.statusCode, answer.headers);

            // the last event, which is before the end of the response

            answer.on('data', (data) => {
                entry.over ||= data.includes('data: [DONE]');
                res.write(data);
            });

            answer.on('end', () => res.end());
        });

        entry.cut = () => res.destroy();

        res.on('close', () => {
            entry.over = true;
            upstream.destroy();
        });

        entry.atOnce = this.of(entry.key).filter((e) => !e.over).length;

        req.pipe(upstream);
    },

    of(key) {
        return this.seen.filter((entry) => entry.key === key);
    },
};


module.exports = relay;
