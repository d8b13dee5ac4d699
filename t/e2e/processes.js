'use strict';

// Programs that are started for the cases, and the place they live in.

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');

const DIR = process.env.E2E_DIR;

const children = new Set();

// the environment of what is started: this machine's home stays out of it

const env = {
    PATH: process.env.PATH,
    NODE_PATH: process.env.NODE_PATH,
    HOME: path.join(DIR, 'home'),
    TMPDIR: path.join(DIR, 'tmp'),
    LANG: 'C.UTF-8',
    TERM: 'dumb',
    OPENCLAW_NO_AUTO_UPDATE: '1',
    OPENCLAW_DISABLE_BONJOUR: '1',
};


// Starts a program in a process group of its own, so that all of it can be
// ended.

function start(name, file, args, options = {}) {
    const log = fs.openSync(path.join(DIR, `${name}.out`), 'a');
    const child = spawn(file, args, {
        detached: true,
        env,
        cwd: env.HOME,
        stdio: [ 'ignore', log, log ],
        ...options,
    });

    fs.closeSync(log);

    if (child.pid === undefined) {
        throw new Error(`no ${file}`);
    }

    const group = path.join(DIR, `${name}.${child.pid}.group`);

    fs.writeFileSync(group, String(child.pid));

    child.ended = new Promise((resolve) => {
        child.on('exit', (code, signal) => {
            resolve(child.status = signal ?? code);
        });
    });

    child.endGroup = () => {
        try {
            process.kill(-child.pid, 'SIGKILL');

        } catch { /* none of it is left */ }

        fs.rmSync(group, { force: true });
        children.delete(child);
    };

    children.add(child);

    return child;
}


function runs(child, log) {
    if (child.status !== undefined) {
        const tail = fs.readFileSync(path.join(DIR, log), 'utf8').slice(-2000);

        throw new Error(`ended with ${child.status}: ${tail}`);
    }
}


process.on('exit', () => children.forEach((child) => child.endGroup()));

for (const signal of [ 'SIGINT', 'SIGTERM' ]) {
    process.on(signal, () => process.exit(1));
}


// A free port below those that the system gives to connections, so that it is
// still free when the gateway comes back to it.

async function freePort() {
    for ( ;; ) {
        const port = 20000 + Math.floor(Math.random() * 12000);
        const server = net.createServer();

        const free = await new Promise((resolve) => {
            server.on('error', () => resolve(false));
            server.listen(port, '127.0.0.1', () => resolve(true));
        });

        if (free) {
            await new Promise((resolve) => server.close(resolve));
            return port;
        }
    }
}


function connects(port) {
    return new Promise((resolve) => {
        const socket = net.connect(port, '127.0.0.1');

        socket.on('connect', () => resolve(true));
        socket.on('error', () => resolve(false));
        socket.on('close', () => socket.destroy());
        socket.on('connect', () => socket.end());
    });
}


function fill(template, values) {
    return fs.readFileSync(path.join(__dirname, template), 'utf8')
        .replace(/%([A-Z]+)%/g, (all, name) => values[name]);
}


module.exports = { DIR, env, start, runs, freePort, connects, fill };
