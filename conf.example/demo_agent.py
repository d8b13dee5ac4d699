#!/usr/bin/env python3

# Copyright (C) the authors of the OpenClaw module

"""A demo agent: as much of an OpenClaw gateway as the module talks to.

It answers POST /v1/chat/completions word by word, and remembers in memory
what each session said.  There is no model behind it.
"""

import argparse
import http.server
import json
import os
import re
import sys
import threading
import time

# A block of context before the text: a title with the mark, and JSON.
CONTEXT = re.compile(r'^[^\n]*⟦openclaw:ctx⟧\n```json\n.*?\n```\n*',
                     re.MULTILINE | re.DOTALL)
MEDIA = re.compile(r'^\[media attached[^\n]*\]\n*', re.MULTILINE)

NAME = re.compile(r"\bmy name is ([\w'-]+)", re.IGNORECASE)
NAME_ASKED = re.compile(r"\bwhat(?: is|'s) my name\b", re.IGNORECASE)


def text_of(content):
    """What the user wrote, without what was put before it."""

    if isinstance(content, list):
        content = '\n'.join(part.get('text', '') for part in content)

    return MEDIA.sub('', CONTEXT.sub('', content)).strip()


def reply_to(text, said):
    """The answer to a text of somebody who has said all that before."""

    if NAME_ASKED.search(text):
        names = [n for old in said for n in NAME.findall(old)]
        return (f'Your name is {names[-1]}.' if names
                else 'You have not told me your name yet.')

    names = NAME.findall(text)

    if names:
        return f'Nice to meet you, {names[-1]}!'

    return f'You said: {text} (That was your message number {len(said) + 1}.)'


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 1024

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Agent(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    sessions = {}
    lock = threading.Lock()

    def do_POST(self):
        length = int(self.headers.get('Content-Length', 0))
        body = self.rfile.read(length)
        token = self.server.options.token

        if self.path != '/v1/chat/completions':
            return self.refuse(404, 'Not Found')

        if token and self.headers.get('Authorization') != f'Bearer {token}':
            return self.refuse(401, 'Unauthorized')

        try:
            request = json.loads(body)
            text = text_of(request['messages'][-1]['content'])

        except (ValueError, LookupError, TypeError, AttributeError):
            return self.refuse(400, 'Bad request')

        session = self.headers.get('x-openclaw-session-key')
        said = self.remembered(session)
        reply = reply_to(text, said)

        # before the end of the answer, at which the next one may be asked

        with self.lock:
            said.append(text)

        try:
            self.answer(request, reply)

        except ConnectionError:
            # like the gateway: what nobody waited for was never said
            self.close_connection = True

            with self.lock:
                said.remove(text)

    def remembered(self, session):
        if session is None:
            return []

        with self.lock:
            return self.sessions.setdefault(session, [])

    def answer(self, request, reply):
        self.send_response(200)
        self.send_header('Content-Type', 'text/event-stream; charset=utf-8')
        self.send_header('Cache-Control', 'no-cache')
        self.send_header('Transfer-Encoding', 'chunked')
        self.end_headers()

        head = {'id': f'chatcmpl_{time.time_ns():x}',
                'object': 'chat.completion.chunk',
                'created': int(time.time()),
                'model': request.get('model')}

        def say(delta, finish=None):
            choice = {'index': 0, 'delta': delta, 'finish_reason': finish}
            self.event(json.dumps({**head, 'choices': [choice]}))

        words = re.findall(r'\s*\S+', reply)
        usage = {'completion_tokens': len(words)}

        say({'role': 'assistant'})

        for word in words:
            time.sleep(self.server.options.delay)
            say({'content': word})

        say({}, 'stop')
        self.event(json.dumps({**head, 'choices': [], 'usage': usage}))
        self.event('[DONE]')
        self.wfile.write(b'0\r\n\r\n')

    def event(self, data):
        chunk = f'data: {data}\n\n'.encode()
        self.wfile.write(b'%x\r\n%b\r\n' % (len(chunk), chunk))

    def refuse(self, status, message):
        body = json.dumps({'error': {'message': message}}).encode()
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--port', type=int, default=18801)
    parser.add_argument('--delay', type=float, default=0.05,
                        help='seconds before each word (%(default)s)')
    parser.add_argument('--token', default=os.environ.get('OPENCLAW_TOKEN'),
                        help='what to ask for; default: $OPENCLAW_TOKEN')

    options = parser.parse_args()
    server = Server(('127.0.0.1', options.port), Agent)
    server.options = options

    try:
        server.serve_forever()

    except KeyboardInterrupt:
        pass


if __name__ == '__main__':
    main()
