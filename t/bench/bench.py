#!/usr/bin/env python3

# Copyright (C) the authors of the OpenClaw module

"""Takes the measures of "make bench", and prints a table.  .ci/bench builds
what is needed, and says what the options are."""

import json
import os
import platform
import signal
import statistics
import subprocess
import sys

import growth
import measures
import servers
import table

TOP = servers.TOP
ROUNDS = int(os.environ.get('ROUNDS') or 5)
NAMES = (os.environ.get('BENCH') or 'bytes '
         + ' '.join(m.name for m in measures.TABLE)).split()


def say(text):
    print(text, file=sys.stderr, flush=True)


def machine():
    def first_line(*command):
        try:
            return subprocess.run(command, check=False, text=True,
                                  capture_output=True).stdout.split('\n')[0]
        except FileNotFoundError:
            return ''

    cpu = [line.split(':')[1].strip()
           for line in servers.read('/proc/cpuinfo').splitlines()
           if line.startswith('model name')]

    return {
        'cpu': cpu[0] if cpu else platform.machine(),
        'cpus': os.cpu_count(),
        'kernel': platform.release(),
        'nginx': subprocess.run(
            [servers.NGINX, '-v'], check=False, text=True,
            capture_output=True).stderr.split('/')[-1].strip(),
        'node': first_line('node', '--version'),
    }


def measure_all(measure, candidates, results):
    """Of one server after the other, and again, so that what disturbs the
    machine for a while disturbs all of them."""
    fit = [server for server in candidates if measure.fits(server)]

    for i in range(ROUNDS if measure.rounds else 1):
        for server in fit:
            try:
                figures = measure.measure(server)
            except RuntimeError as e:
                say(f'{measure.name} {i + 1}, {server.title}: {e}')
                continue

            say(f'{measure.name} {i + 1}, {server.title}: ' + ', '.join(
                f'{key} {value:.5g}' for key, value in figures.items()))

            for key, value in figures.items():
                results.setdefault(key, {}).setdefault(
                    server.name, []).append(value)


def floor0():
    """The lowest floor has a benchmark of its own."""
    path = f'{servers.BUILD}/bytes.json'

    subprocess.run([f'{servers.BUILD}/bench', path], check=True)

    with open(path) as f:
        return json.load(f)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    known = {m.name: m() for m in measures.TABLE}
    extra = {m.name: m() for m in growth.EXTRA}
    unknown = [n for n in NAMES if n not in (*known, *extra, 'bytes')]

    if unknown:
        sys.exit(f'bench: what is {" ".join(unknown)}? There are bytes '
                 + ' '.join([*known, *extra]))

    report = {'machine': machine(), 'rounds': ROUNDS}

    if 'bytes' in NAMES:
        report['bytes'] = floor0()

    results = {}
    chosen = [known[name] for name in NAMES if name in known]

    if chosen:
        candidates = servers.available()

        for measure in chosen:
            measure_all(measure, candidates, results)

        report['results'] = {
            key: {name: {'median': statistics.median(values),
                         'values': values}
                  for name, values in by_server.items()}
            for key, by_server in results.items()}

        table.show(report, chosen, candidates)

    for name in NAMES:
        if name in extra:
            report[name] = extra[name].take(print, ROUNDS)

    with open(f'{TOP}/build/bench.json', 'w') as f:
        json.dump(report, f, indent=1, ensure_ascii=False)
        f.write('\n')

    if os.environ.get('PLOT'):
        growth.draw(report)


if __name__ == '__main__':
    try:
        main()
    finally:
        servers.stop_all()
