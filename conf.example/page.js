import { Chat } from './chat.js';

const $ = (id) => document.getElementById(id);

/* what fits into openclaw_max_message_size, "1m" if nothing is said there */

const MAX_IMAGE = 700000;                      // characters of a data: URI
const MAX_SIDE = 1600;                         // pixels
const MAX_QUOTE = 500;                         // characters

/* what the user can do about it; else the server's own words are shown */

const WORDS = {
    aborted: 'Stopped.',
    too_big: 'The message is too big.',
    too_long: 'The message is too long.',
    duplicate: 'This goes on in another window.',
    sender_refused: 'The server knows you by another name.',
    queue_full: 'Too many messages are waiting. Try again when some of them '
                + 'have been answered.',
    too_many_turns: 'Too many messages are waiting. Try again when some of '
                    + 'them have been answered.',
    too_many_connections: 'You are connected too often. Close another window.',
    zone_full: 'The server has too much to do. Try again later.',
    rate_limited: 'Too fast. Wait a moment, and try again.',
    agent_unreachable: 'The agent can\'t be reached. Try again later.',
    agent_unavailable: 'The agent is not available now. Try again later.',
    agent_auth: 'The agent does not accept this server.',
    agent_timeout: 'The agent took too long.',
    agent_incomplete: 'The answer broke off. Parts of it may have been '
                      + 'carried out.',
    internal_error: 'Something went wrong on the server.',
};

let chat = null;
let me = '';
let group = '';
let quoted = null;                             // { id, text, who }
let image = null;                              // { uri, canvas }
let reading = null;                            // a promise of it
let open = 0;                                  // messages without an end


function element(tag, kind, text) {
    const e = document.createElement(tag);

    e.className = kind;
    e.textContent = text ?? '';

    return e;
}


function button(text, label, action) {
    const b = element('button', 'small', text);

    b.type = 'button';
    b.setAttribute('aria-label', label);
    b.onclick = action;

    return b;
}


/* changes the talk, and stays at its end, but where it is being read */

function change(what) {
    const talk = $('talk');
    const end = talk.scrollHeight - talk.scrollTop - talk.clientHeight < 80;

    what(talk);

    if (end) {
        talk.scrollTop = talk.scrollHeight;
    }
}


function add(e) {
    change((talk) => talk.append(e));

    return e;
}


function note(kind, text) {
    const last = $('talk').lastElementChild;

    /* each try to connect may end with the same words */

    if (last?.matches(`p.${kind}`) && last.textContent === text) {
        return;
    }

    add(element('p', kind, text));
}


/* somebody's words, which can be quoted when they are complete */

function words(kind, who) {
    const e = element('article', kind);

    e.append(element('b', 'who', who), element('p', 'words'));
    e.setAttribute('aria-label', who);

    return add(e);
}


function text(e, value) {
    change(() => e.querySelector('.words').textContent = value);
}


function complete(e, id, who, value) {
    e.classList.remove('open');
    e.setAttribute('aria-busy', 'false');
    text(e, value);
    quotable(e, id, who, value);
}


function quotable(e, id, who, value) {
    change(() => e.append(button('Quote', `Quote ${who}`,
                                 () => quote(id, who, value))));
}


function quote(id, who, value) {
    quoted = { id, who, text: value };
    $('quoted').textContent = `${who}: ${value.slice(0, 80)}`;
    $('quote').hidden = false;
    $('text').focus();
}


function unquote() {
    quoted = null;
    $('quote').hidden = true;
}


function busy(n) {
    open += n;
    $('stop').disabled = open === 0;
}


function state(name, value) {
    $('state').textContent = value;
    $('state').dataset.state = name;

    $('connect').textContent = name === 'closed' ? 'Connect' : 'Disconnect';

    /* what is written meanwhile is sent later */

    for (const id of [ 'text', 'send', 'attach' ]) {
        $(id).disabled = name === 'closed';
    }

    for (const id of [ 'name', 'group' ]) {
        $(id).disabled = name !== 'closed';
    }
}


function connect() {
    const url = new URL('ws', location.href);

    me = $('name').value.trim();
    group = $('group').value.trim();

    url.protocol = url.protocol.replace('http', 'ws');
    url.searchParams.set('senderId', me);
    url.searchParams.set('senderName', me);

    chat = new Chat(url);
    chat.onstate = state;
    chat.ongreeting = (value) => complete(words('agent', 'Agent'), undefined,
                                          'Agent', value);
    chat.onerror = (value, code) => note('error', WORDS[code] ?? value);

    state('connecting', 'Connecting');
    $('text').focus();
}


function send(content, fields, mine) {
    const message = { content, ...fields };

    if (group) {
        Object.assign(message, { chatType: 'group', groupId: group });
    }

    let answer = null;

    const shown = () => {
        if (answer === null) {
            answer = words('agent open', 'Agent');
            answer.setAttribute('aria-busy', 'true');
        }

        return answer;
    };

    busy(1);

    const id = chat.send(message, {
        typing: () => shown(),
        text: (value) => text(shown(), value),
        end: (value) => {
            busy(-1);
            complete(shown(), id, 'Agent', value);
        },
        error: (value, code) => {
            busy(-1);
            answer?.classList.remove('open');
            answer?.setAttribute('aria-busy', 'false');

            if (answer?.querySelector('.words').textContent === '') {
                answer.remove();
            }

            const e = element('p', 'error', WORDS[code] ?? value);

            e.append(button('Try again', 'Send the message again', () => {
                e.remove();
                $('text').focus();
                send(content, fields, mine);
            }));
            add(e);
        },
    });

    /* by its new messageId, if it is tried again */

    mine.querySelector('.small')?.remove();
    quotable(mine, id, me, content);
}


async function submit() {
    await reading;

    const content = $('text').value.trim();
    const fields = {};

    if (!chat || !content && !image) {
        return;
    }

    const mine = words('me', me);

    if (quoted) {
        fields.replyToMessageId = quoted.id;
        fields.replyToBody = quoted.text.slice(0, MAX_QUOTE);
        mine.querySelector('.words').before(
            element('blockquote', '', $('quoted').textContent));
        unquote();
    }

    if (image) {
        fields.mediaPath = image.uri;
        fields.mediaType = image.uri.slice(5, image.uri.indexOf(';'));
        mine.append(image.canvas);
        detach();
    }

    text(mine, content);
    $('talk').scrollTop = $('talk').scrollHeight;
    send(content || 'What is in this image?', fields, mine);

    $('text').value = '';
    grow();
}


/* makes an image as small as it must be; shown is a thumbnail of it */

async function attach(file) {
    let bitmap;

    try {
        bitmap = await createImageBitmap(file);

    } catch {
        note('error', `"${file.name}" is not an image that this browser `
                      + 'can read.');
        return;
    }

    let side = Math.min(MAX_SIDE, Math.max(bitmap.width, bitmap.height));
    let uri;

    do {
        uri = draw(bitmap, side).toDataURL('image/jpeg', 0.85);
        side = Math.floor(side * 0.7);
    } while (uri.length > MAX_IMAGE);

    image = { uri, canvas: draw(bitmap, 160) };
    image.canvas.setAttribute('role', 'img');
    image.canvas.setAttribute('aria-label', file.name);
    $('preview').replaceChildren(image.canvas);
    $('image').hidden = false;
    $('text').focus();
}


function draw(bitmap, side) {
    const canvas = document.createElement('canvas');
    const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));

    canvas.width = Math.max(1, Math.round(bitmap.width * scale));
    canvas.height = Math.max(1, Math.round(bitmap.height * scale));

    const context = canvas.getContext('2d');

    /* JPEG has no transparency */

    context.fillStyle = '#fff';
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);

    return canvas;
}


function detach() {
    image = null;
    $('image').hidden = true;
    $('file').value = '';
}


function grow() {
    $('text').rows = Math.min(8, $('text').value.split('\n').length);
}


$('who').onsubmit = (event) => {
    event.preventDefault();

    if (chat && !chat.closed) {
        chat.close();

    } else if ($('name').value.trim()) {
        connect();
    }
};

$('say').onsubmit = (event) => {
    event.preventDefault();
    submit();
};

$('text').oninput = grow;

$('text').onkeydown = (event) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        submit();

    } else if (event.key === 'Escape') {
        unquote();
        detach();
    }
};

$('text').onpaste = (event) => {
    const file = [ ...event.clipboardData.files ]
        .find((each) => each.type.startsWith('image/'));

    if (file) {
        event.preventDefault();
        reading = attach(file);
    }
};

$('attach').onclick = () => $('file').click();
$('file').onchange = () => {
    const [ file ] = $('file').files;

    if (file) {
        reading = attach(file);
    }
};

$('unquote').onclick = unquote;
$('detach').onclick = detach;
$('stop').onclick = () => chat.stop();
