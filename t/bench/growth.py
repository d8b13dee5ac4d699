# Copyright (C) the authors of the OpenClaw module

"""The measures of the module alone that take longer: what grows with the
number of connections, sessions and workers, what the lock of the zone costs,
and what a million turns leave behind."""

import json
import os
import statistics
import time

import plot
from servers import BUILD, TOP, Agent, Load, Ours

DOCS = os.path.join(TOP, 'docs')

# a turn takes two files of a process, which may have 20,000
ACTIVE = 9800


def median_of(rounds, take):
    """Medians of what take() returns, by its keys."""
    all_of_them = [take() for _ in range(rounds)]

    return {key: statistics.median(figures[key] for figures in all_of_them)
            for key in all_of_them[0]}


def spent(server, load, options):
    """What a run costs: its report, and seconds of the processor."""
    cpu = server.cpu()
    run = load.run(options)

    if run['failed']:
        print(f'{run["failed"]} turns have failed')

    return run, server.cpu() - cpu


class Growth:
    name = 'growth'

    def take(self, say, rounds):
        figures = {
            'connections': {n: median_of(rounds,
                                         lambda n=n: self.connections(n))
                            for n in (10, 100, 1000, 10000)},
            'sessions': {n: median_of(rounds, lambda n=n: self.sessions(n))
                         for n in (1, 10000)},
            'workers': {n: median_of(rounds, lambda n=n: self.workers(n))
                        for n in (1, 2)},
        }

        for what, by_number in figures.items():
            for n, of in by_number.items():
                say(f'{n:>6} {what}: ' + ', '.join(
                    f'{key} {value:,.2f}' for key, value in of.items()))

        return figures

    def connections(self, n):
        """25,000 parts a second, however many streams share them; of two
        lengths of answers, so that the turn itself falls out."""
        active = min(n, ACTIVE)
        every = max(2, n // 25)
        few = (6000 if n > 1000 else 1500) // every
        many = few + 4000 // every

        with Agent() as agent, Ours(agent, zone='256m') as server, \
                Load(server, '-c', n, '-a', active) as load:
            load.ready()
            load.run(f'k{n} n20 e0')

            turns, of_turns = spent(server, load, 'k0 t2')
            some, of_some = spent(server, load, f'a{min(n, 100)}')
            _, of_few = spent(server, load,
                              f'a{active} t0 k{active} n{few} e{every}')
            run, of_many = spent(server, load, f'k{active} n{many}')

        return {'turn': of_turns / turns['turns'] * 1e6,
                'turn_100': of_some / some['turns'] * 1e6,
                'part': (of_many - of_few) / active / (many - few) * 1e6,
                'part_p50': run['p50'] / 1e3,
                'part_p99': run['p99'] / 1e3}

    def sessions(self, n):
        with Agent() as agent, Ours(agent, zone='256m') as server:
            if n > 1:
                with Load(server, '-c', 100, '-u', 's', '-m', n,
                          '-n', 1) as load:
                    load.ready().run(f'k{n}')

            with Load(server, '-c', 1, '-n', 20) as load:
                load.ready().run('t0.5')
                run, cpu = spent(server, load, 't2')

        return {'turn': cpu / run['turns'] * 1e6}

    def workers(self, n):
        with Agent() as agent, Ours(agent, workers=n) as server, \
                Load(server, '-c', 100, '-n', 20) as load:
            load.ready().run('t0.5')
            run, cpu = spent(server, load, 't2')

        return {'turn': cpu / run['turns'] * 1e6,
                'turns': run['turns'] / run['seconds']}


class Idle:
    """So many connections that six workers have to share them, which do
    nothing while others have streams."""

    name = 'idle100k'
    connections = 100000
    sixth = 6
    percentiles = ('p50', 'p90', 'p99', 'p999', 'max')

    def take(self, say, rounds):
        figures = {}

        with Agent() as agent, \
                Ours(agent, workers=self.sixth, zone='64m') as server:
            self.streams(server)
            figures[0] = self.say_streams(say, 0, server)
            before = server.private()
            idle = [Load(server, '-c', -(-self.connections // self.sixth),
                         '-s', i + 1, '-u', f'idle{i}-')
                    for i in range(self.sixth)]

            try:
                opened = sum(load.ready().opened for load in idle)
                time.sleep(2)
                memory = (server.private() - before) / opened
                say(f'{opened:,} idle connections, {memory:,.0f} bytes each')
                figures[opened] = {**self.say_streams(say, opened, server),
                                   'memory': memory}

            finally:
                for load in idle:
                    load.stop()

        return figures

    def streams(self, server):
        with Load(server, '-c', 500, '-e', 20) as load:
            load.ready().run('k500 n25')
            run, cpu = spent(server, load, 'k500 n500')

        return {**{key: run[key] / 1e3 for key in self.percentiles},
                'part': cpu / run['parts'] * 1e6}

    def say_streams(self, say, opened, server):
        figures = self.streams(server)

        say(f'500 streams, {opened:,} idle: '
            f'CPU per part {figures["part"]:.2f} µs, its way, ms: '
            + ', '.join(f'{key} {figures[key]:.3f}'
                        for key in self.percentiles))

        return figures


class Lock:
    """At full load of two workers: of turns that are as short as can be, too,
    which lock the zone most often."""

    name = 'lock'

    def take(self, say, rounds):
        return {f'{parts} parts': self.of_answers(say, parts)
                for parts in (20, 1)}

    def of_answers(self, say, parts):
        log = f'{BUILD}/logs/{Ours.name}.log'
        read = os.path.getsize(log) if os.path.exists(log) else 0

        with Agent() as agent, \
                Ours(agent, workers=2, module=f'{BUILD}/lock.so') as server, \
                Load(server, '-c', 100, '-n', parts) as load:
            run = load.ready().run('t5')

        with open(log, encoding='utf-8') as f:
            f.seek(read)
            workers = [json.loads(line.split('lock: ')[1]) for line in f
                       if line.startswith('lock: ')]

        total = {key: sum(of[key] for of in workers)
                 for key in ('locks', 'contended', 'waited', 'held')}
        most = {key: max(of[key] for of in workers)
                for key in ('waited_most', 'held_most')}

        figures = {
            'turns_per_second': run['turns'] / run['seconds'],
            'locks_per_turn': total['locks'] / run['turns'],
            'held_ns': total['held'] / total['locks'],
            'held_most_ns': most['held_most'],
            'held_share': total['held'] / 1e9 / run['seconds'],
            'contended_share': total['contended'] / total['locks'],
            'waited_ns': total['waited'] / max(total['contended'], 1),
            'waited_most_ns': most['waited_most'],
            'workers': len(workers),
        }

        say(f'answers of {parts}: {figures["turns_per_second"]:,.0f} turns/s, '
            f'{figures["locks_per_turn"]:.2f} locks per turn, held for '
            f'{figures["held_ns"]:.0f} ns, at most '
            f'{figures["held_most_ns"] / 1e3:.0f} µs, '
            f'{figures["held_share"]:.2%} of the time; '
            f'{figures["contended_share"]:.2%} had to wait, for '
            f'{figures["waited_ns"]:.0f} ns, at most '
            f'{figures["waited_most_ns"] / 1e3:.0f} µs')

        return figures


class Long:
    name = 'long'
    turns, step = 1000000, 100000

    def take(self, say, rounds):
        figures = {}

        with Agent() as agent, Ours(agent) as server, \
                Load(server, '-c', 100, '-n', 5) as load:
            load.ready().run('k1000')

            for done in range(0, self.turns + 1, self.step):
                if done:
                    load.run(f'k{self.step}')

                figures[done] = server.private()
                say(f'{done:>9,} turns: {figures[done] / 1024:,.0f} KB')

        return figures


EXTRA = (Growth, Idle, Lock, Long)


def draw(report):
    """What of it there is, in docs/."""
    if 'growth' in report:
        of = report['growth']['connections']

        def line(key):
            return [figures[key] for figures in of.values()]

        plot.lines(f'{DOCS}/performance-turn.svg', 'CPU per turn of 20 parts',
                   'µs', 'connections', list(of),
                   {'with all turns at a time': line('turn'),
                    'with 100 of them at a time': line('turn_100')})
        plot.lines(f'{DOCS}/performance-part.svg', 'CPU per part', 'µs',
                   'connections', list(of), {'': line('part')})

    if 'idle100k' in report:
        plot.lines(f'{DOCS}/performance-idle.svg',
                   "a part's way through, 500 streams", 'ms', '',
                   Idle.percentiles,
                   {f'{opened:,} idle connections':
                    [figures[key] for key in Idle.percentiles]
                    for opened, figures in report['idle100k'].items()})
