# Copyright (C) the authors of the OpenClaw module

"""Draws lines, as SVG."""

from xml.sax.saxutils import escape

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 48, 52
COLORS = ('#1f5fa8', '#c0392b', '#27804a')


def ticks(most):
    """About five round steps from 0 up."""
    step = 1

    while step * 5 < most:
        step *= 10

    while step * 5 > most * 2:
        step /= 2

    return [i * step for i in range(int(most / step) + 2)]


def text(x, y, words, anchor='middle', more=''):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>'
            f'{escape(words)}</text>')


def lines(path, title, unit, x_title, names, series):
    """One line for each of the series, whose points are at the names."""
    marks = ticks(max(max(values) for values in series.values()))
    floor = HEIGHT - BOTTOM

    def x(i):
        return LEFT + 40 + i * (WIDTH - LEFT - RIGHT - 80) / (len(names) - 1)

    def y(value):
        return floor - value / marks[-1] * (floor - TOP)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
        f'height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12" fill="#333">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        text(WIDTH / 2, 20, f'{title}, {unit}', more=' font-size="14"'),
        text(WIDTH / 2, HEIGHT - 10, x_title),
    ]

    for mark in marks:
        out.append(f'<path d="M{LEFT} {y(mark):.1f}H{WIDTH - RIGHT}" '
                   'stroke="#ddd"/>')
        out.append(text(LEFT - 8, y(mark) + 4, f'{mark:g}', 'end'))

    for i, name in enumerate(names):
        label = f'{name:,}' if isinstance(name, int) else str(name)
        out.append(text(x(i), floor + 20, label))

    for (name, values), color in zip(series.items(), COLORS):
        points = [(x(i), y(value)) for i, value in enumerate(values)]
        out.append(f'<polyline fill="none" stroke="{color}" stroke-width="2" '
                   'points="'
                   + ' '.join(f'{a:.1f},{b:.1f}' for a, b in points) + '"/>')

        for (a, b), value in zip(points, values):
            out.append(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" '
                       f'fill="{color}"/>')
            out.append(text(a, b - 8, f'{value:.3g}',
                            more=f' fill="{color}"'))

    if len(series) > 1:
        for i, (name, color) in enumerate(zip(series, COLORS)):
            out.append(text(LEFT + 8, TOP + 4 + 16 * i, name, 'start',
                            f' fill="{color}"'))

    with open(path, 'w', encoding='utf-8') as f:
        f.write('\n'.join([*out, '</svg>']) + '\n')
