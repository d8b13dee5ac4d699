'use strict';

// The chat page of conf.example, in a browser, as somebody uses it: what is
// to be found is found by its role and its name, as a screen reader does it.

const assert = require('node:assert/strict');
const path = require('node:path');
const { before, after, describe, test } = require('node:test');

const { browser, example } = require('../browser');
const world = require('../setup');
const { until } = require('../until');
const Wire = require('../wire');

const ROOT = path.join(__dirname, '../../..');

let people = 0;


// Connects as somebody whom nobody else is, and returns the name.

async function connect(page, group) {
    const name = `Page ${++people}`;

    await page.getByRole('textbox', { name: 'Your name' }).fill(name);

    if (group) {
        await page.getByRole('textbox', { name: 'Group' }).fill(group);
    }

    await page.getByRole('button', { name: 'Connect', exact: true }).click();
    await state(page, 'Connected');

    return name;
}


async function state(page, text) {
    await page.getByRole('status').getByText(text, { exact: true }).waitFor();
}


async function say(page, text) {
    await page.getByRole('textbox', { name: 'Message' }).fill(text);
    await page.keyboard.press('Enter');
}


function answers(page) {
    return page.getByRole('article', { name: 'Agent' });
}


// The agent's next words, when they are complete.

async function answered(page, text) {
    const found = answers(page).filter({ hasText: text });

    await found.and(page.locator('[aria-busy=false]')).waitFor();

    return found;
}


// The words of all, and nothing between them.

async function talk(page) {
    return await page.locator('article .words').allTextContents();
}


function asked(text) {
    return world.model.about(text);
}


// A picture that is drawn by one of the functions below.

async function picture(page, width, height, draw) {
    const canvas = await page.evaluateHandle(([ width, height ]) => {
        const canvas = document.createElement('canvas');

        canvas.width = width;
        canvas.height = height;

        return canvas;
    }, [ width, height ]);

    await canvas.evaluate(draw);

    const base64 = await canvas.evaluate(
        (e) => e.toDataURL('image/png').split(',')[1]);

    return { name: 'picture.png', mimeType: 'image/png',
             buffer: Buffer.from(base64, 'base64') };
}


async function attach(page, file) {
    const chooser = page.waitForEvent('filechooser');

    await page.getByRole('button', { name: 'Image' }).click();
    await (await chooser).setFiles(file);
}


// What was sent: the gateway makes images smaller, too.

function imageSent(page, content) {
    return page.sent.find((frame) => frame.content === content).mediaPath;
}


async function size(page, uri) {
    return await page.evaluate(async (uri) => {
        const bytes = Uint8Array.from(atob(uri.split(',')[1]),
                                      (char) => char.charCodeAt(0));
        const { width, height } = await createImageBitmap(new Blob([ bytes ]));

        return { width, height };
    }, uri);
}


describe('page', () => {
    before(async () => {
        await example.start();
        await browser.start();
    }, { timeout: 180e3 });

    after(async () => {
        await browser.stop();
        await example.stop();
    });

    test('page: an answer comes as it is written, with a mark meanwhile',
         async (t) => {
        const page = await browser.open(t);
        const stop = page.getByRole('button', { name: 'Stop' });

        await connect(page);
        await say(page, 'HOLD page');

        const answer = answers(page);

        await answer.getByText('Holding page.').waitFor();

        assert.equal(await answer.getAttribute('aria-busy'), 'true');
        assert.match(await answer.locator('.words').evaluate(
            (e) => getComputedStyle(e, '::after').content), /●●●/);
        assert(await stop.isEnabled());

        world.model.release('page');
        await answered(page, 'Holding page. Released page.');

        assert.equal(await answer.locator('.words').evaluate(
            (e) => getComputedStyle(e, '::after').content), 'none');
        assert(await stop.isDisabled());

        await say(page, 'My name is Paula');
        await answered(page, 'Nice to meet you, Paula!');
        await say(page, 'What is my name?');
        await answered(page, 'Your name is Paula.');

        assert.deepEqual(await talk(page), [
            'HOLD page', 'Holding page. Released page.',
            'My name is Paula', 'Nice to meet you, Paula!',
            'What is my name?', 'Your name is Paula.',
        ]);
    });

    test('page: its policy lets in nothing from elsewhere, and no text as code',
         async (t) => {
        const page = await browser.open(t);
        const policy = (await page.response.headersArray())
            .filter(({ name }) => /^content-security-policy$/i.test(name))
            .map(({ value }) => value).join('; ');

        assert.match(policy, /default-src 'none'/);
        assert.match(policy, /script-src 'self'/);
        assert.match(policy, /require-trusted-types-for 'script'/);
        assert.doesNotMatch(policy, /unsafe|\*|data:|http/);

        await connect(page);

        // what an agent says is text, whatever it looks like

        const markup = '<b onclick="x()">bold</b><script>x()</script>';

        await say(page, markup);
        await answered(page, `You said: ${markup}`);
        assert.deepEqual(page.faults, []);

        // and the policy is at work

        await page.evaluate(() => {
            const script = document.createElement('script');

            script.append('window.ran = true');
            document.body.append(script);
        }).catch(() => {});

        await until(() => page.faults.length > 0, 'the refusal');
        assert.equal(await page.evaluate(() => window.ran), undefined);
        page.faults = [];
    });

    test('page: a message is quoted', async (t) => {
        const page = await browser.open(t);

        await connect(page);
        await say(page, 'something to quote');

        const answer = await answered(page, 'You said: something to quote');

        await answer.getByRole('button', { name: 'Quote Agent' }).click();

        const box = page.getByRole('textbox', { name: 'Message' });

        assert(await box.evaluate((e) => e === document.activeElement));
        await page.getByText('Agent: You said: something').waitFor();

        // not after all

        await page.keyboard.press('Escape');
        assert(await page.getByRole('button', { name: 'Do not quote' })
            .isHidden());

        await answer.getByRole('button', { name: 'Quote Agent' }).click();
        await say(page, 'quoting that');
        await answered(page, 'You said: quoting that');

        const [ { shown } ] = asked('quoting that');

        assert.match(shown, /Reply target[^]*"body":"You said: something to/);

        await page.getByRole('article', { name: 'Page' })
            .filter({ hasText: 'quoting that' })
            .locator('blockquote')
            .getByText('Agent: You said: something to quote').waitFor();
    });

    test('page: an image is made to fit', async (t) => {
        const page = await browser.open(t);
        const file = await picture(page, 2400, 1200, noise);

        assert(file.buffer.length > 4e6, 'more than a message can have');

        await connect(page);
        await attach(page, file);
        await page.getByRole('img', { name: 'picture.png' }).waitFor();
        await say(page, 'what is on this picture?');
        await answered(page, 'You said: what is on this picture?');

        const [ { images } ] = asked('what is on this picture?');

        assert.equal(images.length, 1);
        assert.match(images[0], /^data:image\/jpeg;base64,/);

        const uri = imageSent(page, 'what is on this picture?');
        const { width, height } = await size(page, uri);

        assert(uri.length <= 700000, `${uri.length} characters`);

        assert(width < 1600 && width > 200, `${width} pixels`);
        assert(Math.abs(width / height - 2) < 0.05, `${width}x${height}`);

        // it is shown with the message, and gone from what is written next

        await page.getByRole('article', { name: 'Page' })
            .getByRole('img', { name: 'picture.png' }).waitFor();
        assert(await page.getByRole('button', { name: 'Do not send' })
            .isHidden());

        // it need not be bigger than screens are

        await attach(page, await picture(page, 3200, 1600, sunset));
        await say(page, 'and on this one?');
        await answered(page, 'You said: and on this one?');

        assert.deepEqual(
            await size(page, imageSent(page, 'and on this one?')),
            { width: 1600, height: 800 });

        await attach(page, { name: 'not.png', mimeType: 'image/png',
                             buffer: Buffer.from('not an image') });
        await page.getByText('"not.png" is not an image').waitFor();
    });

    test('page: an answer is stopped', async (t) => {
        const page = await browser.open(t);

        await connect(page);
        await say(page, 'HOLD page-stop');
        await answers(page).getByText('Holding page-stop.').waitFor();

        await page.getByRole('button', { name: 'Stop' }).click();
        await page.getByText('Stopped.').waitFor();

        await until(() => asked('HOLD page-stop')[0].cut, 'the end of the run');

        // what there is stays, and the next message is answered

        assert.deepEqual((await talk(page)).slice(1), [ 'Holding page-stop.' ]);
        await say(page, 'and now?');
        await answered(page, 'You said: and now?');
    });

    test('page: errors are told in words, and can be tried again',
         async (t) => {
        const page = await browser.open(t);

        await connect(page);
        await say(page, 'BREAK FAIL');
        await page.getByText('unhappy').waitFor();

        const again = page.getByRole('button',
                                     { name: 'Send the message again' });

        await again.click();
        await answered(page, 'Mended FAIL.');
        assert.equal(await again.count(), 0);
        assert.equal(await page.getByRole('button', { name: 'Quote Page' })
            .count(), 1);

        // the server closes the connection over it

        await page.getByRole('textbox', { name: 'Message' })
            .fill('x'.repeat(1100000));
        await page.keyboard.press('Enter');
        await page.getByText('The message is too big.').waitFor();
        await state(page, 'Connected');

        await say(page, 'a smaller one');
        await answered(page, 'You said: a smaller one');
    });

    test('page: nothing is lost when nginx reloads', async (t) => {
        const page = await browser.open(t);

        await connect(page);

        for (const word of [ 'page-reload-1', 'page-reload-2' ]) {
            await say(page, `HOLD ${word}`);
            await answers(page).getByText(`Holding ${word}.`).waitFor();
            await example.reload();
            await say(page, `after ${word}`);

            const before = page.connections;

            world.model.release(word);
            await answered(page, `Holding ${word}. Released ${word}.`);
            await answered(page, `You said: after ${word}`);

            // the old worker has gone, and the page is at a new one

            await until(() => page.connections > before, 'a new connection');
            await state(page, 'Connected');

            assert.equal(asked(`HOLD ${word}`).length, 1);
            assert.equal(asked(`after ${word}`).length, 1);
        }

        assert.equal((await talk(page)).length, 8);
        assert.equal(await page.getByText('Try again').count(), 0);
    });

    test('page: nothing is lost when connections are', async (t) => {
        const wire = new Wire();

        await wire.start(world.ports.cut, world.ports.page);
        t.after(() => wire.stop());

        const origin = `http://127.0.0.1:${world.ports.cut}`;
        const page = await browser.open(t, { origin });

        await connect(page);
        await say(page, 'HOLD page-cut');
        await answers(page).getByText('Holding page-cut.').waitFor();

        wire.cut();
        await state(page, 'The connection was lost, trying again');
        await say(page, 'written meanwhile');
        await state(page, 'Connected');

        // twice, and now it has ended when the page comes back

        wire.hold = true;
        wire.cut();
        await state(page, 'The connection was lost, trying again');
        world.model.release('page-cut');

        await until(() => asked('written meanwhile').length === 1,
                    'the next turn');

        wire.hold = false;
        await answered(page, 'Holding page-cut. Released page-cut.');
        await answered(page, 'You said: written meanwhile');

        assert.equal(asked('HOLD page-cut').length, 1);
        assert.equal(asked('written meanwhile').length, 1);
        assert.equal((await talk(page)).length, 4);

        // what is stopped without a connection is stopped

        await say(page, 'HOLD page-gone');
        await answers(page).getByText('Holding page-gone.').waitFor();

        wire.hold = true;
        wire.cut();
        await state(page, 'The connection was lost, trying again');
        await page.getByRole('button', { name: 'Stop' }).click();
        await page.getByText('Stopped.').waitFor();
        assert(!asked('HOLD page-gone')[0].cut);

        wire.hold = false;
        await until(() => asked('HOLD page-gone')[0].cut, 'the end of the run');
        assert.equal(await page.getByText('Stopped.').count(), 1);
    });

    test('page: a group is one conversation', async (t) => {
        const ann = await browser.open(t);
        const bob = await browser.open(t);

        await connect(ann, 'page-group');

        const name = await connect(bob, 'page-group');

        await say(ann, 'My name is Anna');
        await answered(ann, 'Nice to meet you, Anna!');
        await say(bob, 'What is my name?');
        await answered(bob, 'Your name is Anna.');

        const { shown } = asked('What is my name?').at(-1);

        assert.match(shown, /"is_group_chat":true/);
        assert(shown.endsWith(`${name}: What is my name?`), shown);
    });

    test('page: it goes by the keyboard alone', async (t) => {
        const page = await browser.open(t);
        const focused = async () => await page.evaluate(
            () => document.activeElement.getAttribute('aria-label')
                  ?? document.activeElement.labels?.[0]?.textContent.trim()
                  ?? document.activeElement.textContent);
        const tab = async () => {
            await page.keyboard.press('Tab');

            return await focused();
        };

        assert.equal(await focused(), 'Your name');
        await page.keyboard.type('Keyboard');
        assert.equal(await tab(), 'Group');
        assert.equal(await tab(), 'Connect');
        await page.keyboard.press('Enter');
        await state(page, 'Connected');
        assert.equal(await focused(), 'Message');

        await page.keyboard.type('one line');
        await page.keyboard.press('Shift+Enter');
        await page.keyboard.type('and another');
        await page.keyboard.press('Enter');
        await answered(page, 'You said: one line and another');

        const order = [];

        do {
            order.push(await tab());
        } while (order.at(-1) !== 'Message' && order.length < 20);

        for (const name of [ 'Image', 'Send', 'Disconnect', 'Messages',
                             'Quote Keyboard', 'Quote Agent', 'Message' ])
        {
            assert(order.includes(name), `${name} in ${order}`);
        }
    });

    test('page: everything has a role, a name and contrast', async (t) => {
        for (const colorScheme of [ 'light', 'dark' ]) {
            const page = await browser.open(t, { colorScheme });

            await connect(page);
            await say(page, 'HOLD contrast-' + colorScheme);
            await answers(page).getByText('Holding').waitFor();
            await page.getByRole('button', { name: 'Stop' }).click();
            await page.getByText('Stopped.').waitFor();

            assert.deepEqual(await page.evaluate(structure), []);
            assert.deepEqual(await nameless(page), []);
            assert.deepEqual(await page.evaluate(contrasts), []);

            const dark = await page.evaluate(
                () => getComputedStyle(document.body).backgroundColor);

            assert.equal(dark === 'rgb(255, 255, 255)',
                         colorScheme === 'light', dark);
        }
    });

    test('page: it fits a narrow screen', async (t) => {
        const page = await browser.open(t,
            { viewport: { width: 320, height: 568 }, hasTouch: true });

        await connect(page);
        await say(page, `${'long'.repeat(60)} and a few words more`);
        await answered(page, /^Agent/);
        await answered(page, 'and a few words more');

        assert.deepEqual(await page.evaluate(beyond), []);

        // there is room for the talk, and its end is in sight

        const log = await page.getByRole('log').boundingBox();

        assert(log.height > 200, `${log.height} pixels`);
        assert.equal(await page.getByRole('log').evaluate(
            (e) => e.scrollHeight - e.scrollTop - e.clientHeight < 2), true);
    });

    // taken anew if SCREENSHOT says so

    test('page: its picture in the README', async (t) => {
        const page = await browser.open(t,
            { viewport: { width: 640, height: 660 } });

        await page.getByRole('textbox', { name: 'Your name' }).fill('Ann');
        await page.getByRole('button', { name: 'Connect' }).click();
        await state(page, 'Connected');
        await say(page, 'I am Ann');

        const answer = await answered(page, 'Nice to meet you, Ann!');

        await answer.getByRole('button', { name: 'Quote Agent' }).click();
        await say(page, 'What is my name?');
        await answered(page, 'Your name is Ann.');
        await attach(page, await picture(page, 320, 160, sunset));
        await say(page, 'HOLD this for me');
        await answers(page).getByText('Holding this.').waitFor();

        if (process.env.SCREENSHOT) {
            await page.screenshot(
                { path: path.join(ROOT, 'docs/chat-page.png') });
        }
    });
});


// What there is to be seen on a picture: so much that it is large in any
// format, or something to look at.

function noise(canvas) {
    const context = canvas.getContext('2d');
    const image = context.createImageData(canvas.width, canvas.height);

    for (let at = 0; at < image.data.length; at += 65536) {
        crypto.getRandomValues(image.data.subarray(at, at + 65536));
    }

    context.putImageData(image, 0, 0);
}


function sunset(canvas) {
    const { width, height } = canvas;
    const context = canvas.getContext('2d');
    const sky = context.createLinearGradient(0, 0, 0, height);

    sky.addColorStop(0, '#1e3a8a');
    sky.addColorStop(1, '#fb923c');

    context.fillStyle = sky;
    context.fillRect(0, 0, width, height);
    context.fillStyle = '#fde68a';
    context.arc(width / 2, height * 0.7, height / 5, 0, 7);
    context.fill();
    context.fillStyle = '#0f172a';
    context.fillRect(0, height * 0.75, width, height / 4);
}


// The functions below run in the page, and return what is wrong.

function structure() {
    const wrong = [];
    const ids = [ ...document.querySelectorAll('[id]') ].map((e) => e.id);

    for (const one of [ 'main', 'h1', '[role=log]', '[role=status]' ]) {
        if (document.querySelectorAll(one).length !== 1) {
            wrong.push(`not one ${one}`);
        }
    }

    if (new Set(ids).size !== ids.length) {
        wrong.push('an id is there twice');
    }

    if (!document.documentElement.lang || !document.title) {
        wrong.push('no language or no title');
    }

    if (document.querySelector('[tabindex]:not([tabindex="0"])')) {
        wrong.push('an order of its own');
    }

    return wrong;
}


// What can be used or seen, and has no name.

async function nameless(page) {
    const client = await page.context().newCDPSession(page);
    const { nodes } = await client.send('Accessibility.getFullAXTree');

    return nodes
        .filter((node) => !node.ignored)
        .filter(({ role, properties }) => /^(image|log|article|form)$/
            .test(role?.value) || properties?.some(
            ({ name, value }) => name === 'focusable' && value.value)
            && role.value !== 'RootWebArea')
        .filter(({ name }) => !name?.value)
        .map(({ role }) => role.value);
}


// WCAG 2, 1.4.3: 4.5 to 1, of text that is not disabled.

function contrasts() {
    const parse = (color) => color.match(/[\d.]+/g).map(Number);

    const luminance = (color) => {
        const [ r, g, b ] = parse(color).map((n) => n / 255)
            .map((n) => n <= 0.04045 ? n / 12.92
                                     : ((n + 0.055) / 1.055) ** 2.4);

        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };

    const behind = (e) => {
        const { backgroundColor } = getComputedStyle(e);

        return parse(backgroundColor)[3] === 0 ? behind(e.parentElement)
                                               : backgroundColor;
    };

    return [ ...document.querySelectorAll('body *') ]
        .filter((e) => e.checkVisibility() && !e.disabled)
        .filter((e) => e.value || [ ...e.childNodes ].some(
            (n) => n.nodeType === Node.TEXT_NODE && n.data.trim()))
        .map((e) => {
            const [ dark, light ] = [ getComputedStyle(e).color, behind(e) ]
                .map(luminance).sort((a, b) => a - b);

            return [ (light + 0.05) / (dark + 0.05), e.outerHTML ];
        })
        .filter(([ ratio ]) => ratio < 4.5);
}


// What is wider than the screen, or too small for a finger.

function beyond() {
    const wrong = [];

    if (document.documentElement.scrollWidth > innerWidth) {
        wrong.push(`${document.documentElement.scrollWidth} pixels wide`);
    }

    for (const e of document.querySelectorAll('input, textarea, button')) {
        const { left, right, bottom, width, height }
            = e.getBoundingClientRect();

        if (!e.checkVisibility()) {
            continue;
        }

        if (left < 0 || right > innerWidth) {
            wrong.push(`${e.outerHTML} is out of sight`);
        }

        if (width < 24 || height < 24) {
            wrong.push(`${e.outerHTML} is ${width} by ${height}`);
        }

        if (!e.closest('[role=log]') && bottom > innerHeight) {
            wrong.push(`${e.outerHTML} is below the screen`);
        }
    }

    return wrong;
}
