'use strict';

// Brings the gateway, its model and nginx up, runs the cases one after
// another, takes all down and reads nginx's logs.

const assert = require('node:assert/strict');
const { after, afterEach, test } = require('node:test');

const world = require('./setup');


function cases() {
    after(() => world.down(), { timeout: 60e3 });
    afterEach(() => world.model.releaseAll());

    require('./cases/readme');
    require('./cases/sessions');
    require('./cases/view');
    require('./cases/turns');
    require('./cases/echo');
    require('./cases/page');
    require('./cases/restart');
    require('./cases/setups');

    test('nginx ends with nothing alarming in its logs', logs);
}


async function logs() {
    assert.equal(await world.nginx.stop(), 0);

    const log = world.nginx.log('error.log') + world.nginx.log('nginx.out');
    const bad = log.split('\n').filter((line) => {
        return /\[(alert|emerg)\]|Sanitizer|runtime error:/.test(line);
    });

    assert.deepEqual(bad, []);

    const access = world.nginx.log('access.log');

    assert(!log.includes(world.TOKEN), 'the token is in error.log');
    assert(!access.includes(world.TOKEN), 'the token is in access.log');

    // two workers took part; a run of a few cases may not need both

    const lines = access.trim().split('\n');
    const workers = new Set(lines.map((line) => line.split(' ')[0]));

    assert(workers.size === 2 || lines.length < 50, 'two workers');
}


world.up().then(cases, (error) => {
    test('the gateway and nginx come up', () => {
        throw error;
    });
});
