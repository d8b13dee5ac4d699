# Copyright (C) the authors of the OpenClaw module

"""The table of "make bench": on the terminal, and in Markdown."""

from servers import TOP


def figure(value):
    if value is None:
        return '–'

    if value >= 1000:
        return f'{value:,.0f}'

    return f'{value:.0f}' if value >= 100 else f'{value:.3g}'


def lines(report, measures, servers):
    results = report['results']
    yield ['', *(server.title for server in servers), 'must reach']

    for measure in measures:
        for key, title, unit, goal in measure.rows:
            if key not in results:
                continue

            row = [title + (f', {unit}' if unit else '')]

            for server in servers:
                of = results[key].get(server.name)
                row.append(figure(of['median'] if of else None))

            yield [*row, goal]


def show(report, measures, servers):
    rows = list(lines(report, measures, servers))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    last = len(widths) - 1

    print()

    for row in rows:
        print('  '.join(
            cell.ljust(width) if i in (0, last) else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths))).rstrip())

    machine = report['machine']

    about = (f"{machine['cpu']}, {machine['cpus']} CPUs, "
             f"Linux {machine['kernel']}, nginx {machine['nginx']}, "
             f"Node {machine['node']}; medians of {report['rounds']}")

    print(f'\n{about}', flush=True)

    with open(f'{TOP}/build/bench.md', 'w') as f:
        for i, row in enumerate(rows):
            f.write('| ' + ' | '.join(row) + ' |\n')

            if i == 0:
                f.write('|---|' + '--:|' * (last - 1) + '---|\n')

        f.write(f'\n{about}.\n')
