# Copyright (C) the authors of the OpenClaw module

"""The measures of the table.  Each is a class: a figure, or some, of one fresh
server process; bench.py takes them in turn, of each server."""

import os
import re
import time

from servers import BUILD, Agent, Direct, Load, Node


class Measure:
    name = ''
    rounds = True                       # else once: there is no noise in it
    how = {}                            # the server is to be started
    rows = ()                           # (key, what it is, unit, must reach)

    def fits(self, server):
        return server is not Direct

    def measure(self, server):
        """Figures by their keys, of a kind of server."""
        with Agent() as agent, server(agent, **self.how) as running:
            return self.take(running)

    def take(self, server):
        """The same, of one that runs."""
        raise NotImplementedError


class Turn(Measure):
    name = 'turn'
    rows = (
        ('turn', 'CPU per turn, 20 parts at once, 100 connections', 'µs',
         '≤ 45, and ≤ 3 × raw'),
        ('turns', 'turns per second, the same', '/s', ''),
    )

    def fits(self, server):
        return True

    def take(self, server):
        with Load(server, '-c', 100, '-n', 20) as load:
            load.ready().run('t0.5')
            cpu = server.cpu()
            run = load.run('t2')
            cpu = server.cpu() - cpu

        return {'turn': cpu / run['turns'] * 1e6,
                'turns': run['turns'] / run['seconds'],
                'turn_failed': run['failed'],
                'turn_load': run['cpu'] / run['turns'] * 1e6}


class Part(Measure):
    name = 'part'
    rows = (
        ('part', 'CPU per part, one each 20 ms, 500 streams', 'µs',
         '≤ 1.35 × raw'),
        ('part_p50', "a part's way through, the same, p50", 'ms', '≤ 0.3'),
        ('part_p99', 'p99', 'ms', '≤ 3, and < Node / 10'),
    )

    def fits(self, server):
        return True

    def take(self, server):
        with Load(server, '-c', 500, '-e', 20) as load:
            # else it matters most which of them the kernel puts together
            server.agent.pin(0)
            load.pin(0)
            server.pin(1)

            load.ready().run('k500 n25')
            cpu = server.cpu()
            run = load.run('k500 n200')
            cpu = server.cpu() - cpu

        return {'part': cpu / run['parts'] * 1e6,
                'part_p50': run['p50'] / 1e3,
                'part_p99': run['p99'] / 1e3,
                'part_max': run['max'] / 1e3,
                'part_failed': run['failed'],
                'part_load': run['cpu'] / run['parts'] * 1e6}


class Memory(Measure):
    name = 'memory'
    connections = 8000
    rows = (
        ('memory', 'memory per idle connection, 8,000, plain', 'bytes',
         'attached ≤ 6500, lean ≤ 1200'),
    )

    def fits(self, server):
        return server.chat

    def take(self, server):
        before = self.settled(server)

        with Load(server, '-c', self.connections, '-s', '2-3') as idle:
            opened = idle.ready().opened
            used = self.settled(server) - before

        return {self.name: used / opened}

    def settled(self, server):
        time.sleep(1)
        return server.private()


class MemoryTls(Memory):
    name = 'memory_tls'
    connections = 3000
    how = {'tls': True}
    rows = (
        ('memory_tls', 'the same over TLS, 3,000', 'bytes', 'lean ≤ 17000'),
    )

    def fits(self, server):
        return server.chat and server.tls


class Handshakes(Measure):
    name = 'handshakes'
    rows = (
        ('handshakes', 'handshakes per CPU second', '', '≥ 50000'),
    )

    def fits(self, server):
        return server.chat

    def take(self, server):
        with Load(server, '-S', '-c', 64, '-s', '1-6') as load:
            load.ready().run('t0.3')
            time.sleep(0.3)
            cpu = server.cpu()
            run = load.run('t2')
            time.sleep(0.3)
            cpu = server.cpu() - cpu

        return {'handshakes': run['turns'] / cpu,
                'handshakes_failed': run['failed']}


class Instructions(Measure):
    """Callgrind counts them, so there is nothing to repeat.  Answers of two
    lengths, so that all but the parts is the same and falls out."""

    name = 'instructions'
    rounds = False
    rows = (
        ('at_once', 'instructions per part, sent at once', '', ''),
        ('one_by_one', 'instructions per part, one by one', '', ''),
    )

    connections = 10
    few, many = 20, 220

    def fits(self, server):
        return server not in (Direct, Node)

    def measure(self, server):
        out = f'{BUILD}/callgrind.{server.name}.{{}}'

        return {
            'at_once': self.per_part(server, out.format('at_once'), 0),
            'one_by_one': self.per_part(server, out.format('one_by_one'), 5),
        }

    def per_part(self, server, out, every):
        few = self.total(server, f'{out}.{self.few}', self.few, every)
        many = self.total(server, f'{out}.{self.many}', self.many, every)
        turns = self.turns(every)

        return (many - few) / turns / (self.many - self.few)

    def turns(self, every):
        return self.connections * (1 if every else 20)

    def total(self, server, out, parts, every):
        if os.path.exists(out):
            os.unlink(out)

        under = ['valgrind', '--tool=callgrind', f'--callgrind-out-file={out}']

        with Agent() as agent:
            with server(agent, single=True, connections=512,
                        under=under) as running:
                with Load(running, '-c', self.connections, '-n', parts,
                          '-e', every) as load:
                    load.ready().run(f'k{self.turns(every)}')

        with open(out) as f:
            return int(re.search(r'^(?:summary|totals): (\d+)', f.read(),
                                 re.MULTILINE).group(1))


TABLE = (Turn, Part, Memory, MemoryTls, Handshakes, Instructions)
