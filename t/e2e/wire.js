'use strict';

// Stands between a client and nginx, where a case wants to know how many
// bytes went by, or to cut the connections.

const net = require('node:net');


class Wire {
    seen = [];                  // { up, down }, of each connection
    sockets = new Set();
    hold = false;               // whether new ones are cut at once

    async start(port, nginx) {
        this.server = net.createServer((client) => this.pass(client, nginx));

        await new Promise((resolve, reject) => {
            this.server.on('error', reject);
            this.server.listen(port, '127.0.0.1', resolve);
        });
    }

    stop() {
        this.cut();
        this.server.close();
    }

    // Ends all connections without a word.
    cut() {
        this.sockets.forEach((socket) => socket.destroy());
    }

    pass(client, nginx) {
        if (this.hold) {
            client.destroy();
            return;
        }

        const server = net.connect(nginx, '127.0.0.1');
        const entry = { up: 0, down: 0 };

        this.seen.push(entry);

        client.on('data', (data) => entry.up += data.length);
        server.on('data', (data) => entry.down += data.length);
        client.pipe(server).pipe(client);

        for (const [ one, other ] of [ [ client, server ],
                                       [ server, client ] ])
        {
            this.sockets.add(one);
            one.on('error', () => other.destroy());
            one.on('close', () => this.sockets.delete(one));
        }
    }
}


module.exports = Wire;
