# Copyright (C) the authors of the OpenClaw module

"""What "make bench" measures, and what stands around it: processes."""

import contextlib
import ctypes
import json
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(TOP, 'build', 'bench')
NGINX = os.environ.get('TEST_NGINX_BINARY') or '/usr/sbin/nginx'
MODULE = os.environ.get('OPENCLAW_MODULE') or os.path.join(
    TOP, 'build', 'ngx_http_openclaw_module.so')
MODULES = '/usr/lib/nginx/modules'
FILES = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 20000)

PR_SET_PDEATHSIG = 1

libc = ctypes.CDLL(None)
running = []


def die_with_us():
    """Nothing is left over, however the benchmark ends."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def port():
    """A free one, of those that no client is given."""
    while True:
        n = random.randint(20000, 32000)

        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

            try:
                s.bind(('127.0.0.1', n))
                return n
            except OSError:
                pass


def wait_for_port(n, process):
    for _ in range(1200):
        with socket.socket() as s:
            if s.connect_ex(('127.0.0.1', n)) == 0:
                return

        if process.poll() is not None:
            break

        time.sleep(0.05)

    raise RuntimeError(f'{process.args[0]} does not listen')


def read(path):
    try:
        with open(path) as f:
            return f.read()
    except (FileNotFoundError, ProcessLookupError):
        return ''


class Process:
    """A process of ours, with the processes that it starts."""

    def __init__(self, args, name, **more):
        os.makedirs(f'{BUILD}/logs', exist_ok=True)

        with open(f'{BUILD}/logs/{name}.log', 'ab') as log:
            more.setdefault('stdout', log)
            self.process = subprocess.Popen(
                [str(arg) for arg in args], stderr=log,
                preexec_fn=die_with_us, **{'stdin': subprocess.DEVNULL, **more})

        running.append(self)

    def pids(self):
        pid = self.process.pid
        children = read(f'/proc/{pid}/task/{pid}/children').split()

        return [pid] + [int(child) for child in children]

    def cpu(self):
        """Seconds, of all threads; the kernel counts nanoseconds."""
        total = 0

        for pid in self.pids():
            for task in os.listdir(f'/proc/{pid}/task'):
                stat = read(f'/proc/{pid}/task/{task}/schedstat').split()
                total += int(stat[0]) if stat else 0

        return total / 1e9

    def private(self):
        """Bytes of memory that no other process shares."""
        total = 0

        for pid in self.pids():
            for line in read(f'/proc/{pid}/smaps_rollup').splitlines():
                if line.startswith(('Private_Clean:', 'Private_Dirty:')):
                    total += int(line.split()[1]) * 1024

        return total

    def pin(self, n):
        """All threads have to share the n-th processor, if there is one."""
        mask = sorted(os.sched_getaffinity(0))[n:n + 1]

        for pid in self.pids() if mask else []:
            for task in os.listdir(f'/proc/{pid}/task'):
                os.sched_setaffinity(int(task), mask)

    def stop(self, sig=signal.SIGTERM):
        if self in running:
            running.remove(self)

        self.process.send_signal(sig)

        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def stop_all():
    for process in list(running):
        process.stop()


class Agent(Process):
    def __init__(self):
        self.port = port()
        super().__init__([f'{BUILD}/agent', self.port], 'agent')
        wait_for_port(self.port, self.process)


class Load(Process):
    """Clients; load.c says what the options are."""

    def __init__(self, server, *options):
        super().__init__([f'{BUILD}/load', *server.options, *options,
                          f'127.0.0.1:{server.port}'], 'load',
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         text=True)
        self.opened = 0

    def line(self):
        line = self.process.stdout.readline()

        if not line:
            raise RuntimeError(f'load has failed, see {BUILD}/logs/load.log')

        return json.loads(line)

    def ready(self):
        self.opened = self.line()['ready']
        return self

    def start(self, options=''):
        self.process.stdin.write(options + '\n')
        self.process.stdin.flush()

    def run(self, options=''):
        self.start(options)
        return self.line()

    def stop(self, sig=signal.SIGTERM):
        with contextlib.suppress(OSError):
            self.process.stdin.close()

        super().stop(sig)


class Server(Process):
    """One of those that are compared, between clients and an agent."""

    name = title = ''
    options = []                        # of Load
    tls = True                          # can do it
    chat = True                         # speaks the protocol of the chat

    def __init__(self, agent, **how):
        self.agent = agent
        self.port = port()
        self.how = how

        if how.get('tls'):
            self.options = self.options + ['-T']

        super().__init__(self.command(), self.name, **self.popen())

        if not how.get('test'):
            wait_for_port(self.port, self.process)

    @classmethod
    def missing(cls):
        return ''

    def command(self):
        raise NotImplementedError

    def popen(self):
        return {}


class Direct(Server):
    """Nothing between: what clients and agent take themselves."""

    name, title = 'direct', 'nothing between'
    options = ['-H']
    chat = tls = False

    def __init__(self, agent, **how):
        self.agent = agent
        self.port = agent.port
        self.process = agent.process

    def stop(self, sig=None):
        pass


class Node(Server):
    name, title = 'node', 'Node ws'

    @classmethod
    def missing(cls):
        if not shutil.which('node'):
            return 'there is no node'

        return '' if os.path.isdir(f'{BUILD}/node_modules/ws') \
            else 'npm could not get ws'

    def command(self):
        args = ['node', f'{HERE}/rival.js', self.port, self.agent.port]

        if self.how.get('tls'):
            args += [f'{BUILD}/cert.pem', f'{BUILD}/key.pem']

        return args

    def popen(self):
        return {'env': {**os.environ, 'NODE_PATH': f'{BUILD}/node_modules'}}


class Nginx(Server):
    modules = http = location = ''

    def command(self):
        self.root = f'{BUILD}/{self.name}-{self.port}'
        os.makedirs(f'{self.root}/temp', exist_ok=True)
        self.configure()

        return [*self.how.get('under', ()), NGINX, '-p', f'{self.root}/',
                '-c', f'{self.root}/nginx.conf', '-e', 'stderr',
                *(['-t'] if self.how.get('test') else [])]

    def configure(self):
        how = self.how
        values = {
            'modules': self.modules,
            'user': 'user  root;' if os.getuid() == 0 else '',
            'master': 'off' if how.get('single') else 'on',
            'workers': how.get('workers', 1),
            'files': FILES,
            'connections': how.get('connections', FILES - 100),
            'http': self.http,
            'listen': ('ssl' if how.get('tls') else '')
                      + ' backlog=4096'
                      + (' reuseport' if how.get('workers', 1) > 1 else ''),
            'ssl': f'ssl_certificate      {BUILD}/cert.pem;\n'
                   f'        ssl_certificate_key  {BUILD}/key.pem;'
                   if how.get('tls') else '',
            'location': self.location,
            'port': self.port,
        }

        with open(f'{HERE}/nginx.conf') as f:
            text = f.read()

        for name, value in values.items():
            text = text.replace(f'@{name}@', str(value))

        text = text.replace('@agent@',
                            str(self.agent.port if self.agent else 9))
        text = text.replace('@zone@', how.get('zone', '16m'))

        with open(f'{self.root}/nginx.conf', 'w') as f:
            f.write(text)

    def stop(self, sig=signal.SIGTERM):
        super().stop(sig)
        shutil.rmtree(self.root, ignore_errors=True)


class Raw(Nginx):
    name, title = 'raw', 'raw proxy_pass'
    options = ['-H']
    chat = tls = False
    http = '''upstream agent {
        server     127.0.0.1:@agent@;
        keepalive  1000;
        keepalive_requests  1000000;
    }'''
    location = '''location / {
            proxy_pass          http://agent;
            proxy_http_version  1.1;
            proxy_set_header    Connection "";
            proxy_buffering     off;
            keepalive_requests  1000000;
        }'''


class Lua(Nginx):
    name, title = 'lua', 'Lua'
    modules = f'''load_module  {MODULES}/ndk_http_module.so;
load_module  {MODULES}/ngx_http_lua_module.so;'''
    http = f'''lua_package_path     "{HERE}/?.lua;{BUILD}/lua/?.lua;;";
    lua_socket_log_errors  off;'''
    location = '''location = /ws {
            content_by_lua_block { require("rival").go(@agent@) }
        }'''

    @classmethod
    def missing(cls):
        for path in (f'{MODULES}/ngx_http_lua_module.so',
                     f'{BUILD}/lua/nginx/websocket/server.lua'):
            if not os.path.exists(path):
                return f'there is no {os.path.basename(path)}'

        return ''


class Ours(Nginx):
    name, title = 'ours', 'the module'
    more = ''

    def __init__(self, agent, **how):
        module = how.get('module', MODULE)
        self.modules = f'load_module  {module};'
        self.http = 'openclaw_zone  openclaw:@zone@;'
        self.location = f'''location = /ws {{
            openclaw_pass  http://127.0.0.1:@agent@;
            {self.more}
        }}'''
        super().__init__(agent, **how)


class Lean(Ours):
    name, title = 'lean', 'the module, lean'
    more = 'openclaw_lean  on;'

    @classmethod
    def missing(cls):
        with cls(None, test=True) as probe:
            known = probe.process.wait() == 0

        return '' if known else 'this module has no openclaw_lean'


SERVERS = (Node, Lua, Raw, Direct, Ours, Lean)


def available():
    """Those that can be had here; says why others can't."""
    servers = []

    for server in SERVERS:
        why = server.missing()

        if why:
            print(f'{server.title}: left out, {why}', flush=True)
        else:
            servers.append(server)

    return servers
