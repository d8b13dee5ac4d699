'use strict';

// What docs/security.md shows is what is tested.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');

const ROOT = path.join(__dirname, '../..');


// The first block of a language in a section of a page.

function block(page, title, language) {
    const text = fs.readFileSync(path.join(ROOT, page), 'utf8');
    const section = text.split(/^#+ /m)
        .find((part) => part.startsWith(title));

    assert(section, `${page} has no section "${title}"`);

    const found = section.match(
        new RegExp('^ *```' + language + '\\n([^]*?)^ *```$', 'm'));

    assert(found, `no ${language} in "${title}" of ${page}`);

    return found[1];
}


const docs = {
    block,

    // The gateway's configuration of a set-up.
    gateway(title, token) {
        const json = block('docs/security.md', title, 'json');

        return JSON.parse(json.replace('a long random string', token));
    },

    // nginx's location of a set-up, as another one, for another gateway.
    nginx(title, location, port) {
        return block('docs/security.md', title, 'nginx')
            .replace('= /ws', location)
            .replace('127.0.0.1:18789', `127.0.0.1:${port}`);
    },
};


module.exports = docs;
