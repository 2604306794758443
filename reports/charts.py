"""Charts that count events rather than days: columns, as inline SVG."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import cos, radians, sin

import numpy as np

from reports.svg import (
    BOTTOM,
    LEFT,
    RIGHT,
    WIDTH,
    Frame,
    head,
    margin_for,
    number,
    round_steps,
    segment,
    titled,
    value_axis,
    words,
)

_SLANT = 38
"""Degrees at which names are written that are too long to lie side by side."""
_LONGEST = 20
_LETTER = 7.5
"""Width of a letter, on the wide side: capitals of DejaVu Sans at 12 px."""
_TALL = 14.0
"""Height of a line of such letters."""
_LABELLED = 40
"""Up to so many columns carry their names; of more, names of some would read as names of all."""


@dataclass(frozen=True)
class ChartColumn:
    """One column: from one value to another, its name, its title in ``words``; ``style`` is a CSS class."""

    name: str
    low: float
    high: float
    style: str
    words: str


@dataclass(frozen=True)
class Columns:
    """Columns side by side. ``ident`` must be its own in the page; ``joined``: each begins where the last one ended."""

    ident: str
    title: str
    description: str
    columns: Sequence[ChartColumn]
    tick: Callable[[float], str]
    y_label: str = ""
    height: int = 300
    width: int = WIDTH
    joined: bool = False


def waterfall(steps: Sequence[tuple[str, float, str]], start: float = 0.0) -> list[ChartColumn]:
    """Return a column for each step (name, amount, words), from the level before it to the level after it.

    >>> [(c.low, c.high, c.style) for c in waterfall([("a", 5.0, ""), ("b", -2.0, "")])]
    [(0.0, 5.0, 'rise'), (5.0, 3.0, 'fall')]
    """
    levels = np.concatenate(([start], start + np.cumsum([amount for _, amount, _ in steps]))).tolist()
    return [
        ChartColumn(name, low, high, "fall" if amount < 0 else "rise", words)
        for (name, amount, words), low, high in zip(steps, levels, levels[1:], strict=False)
    ]


def columns_svg(chart: Columns) -> str:
    """Return the columns as one SVG element."""
    layout = _layout(chart)
    grid = value_axis(round_steps(layout.frame.low, layout.frame.high), chart.tick, layout.frame, chart.y_label)
    start = head(chart.ident, chart.title, chart.description, (chart.width, chart.height))
    return "\n".join([*start, *grid, *_columns(chart, layout.frame), *_names(layout), "</svg>"])


@dataclass(frozen=True)
class _Layout:
    """Where columns (one step each) and values lie, and the names below the columns."""

    frame: Frame
    names: Sequence[str]
    slanted: bool


def _layout(chart: Columns) -> _Layout:
    names, values = [c.name for c in chart.columns], [v for c in chart.columns for v in (c.low, c.high)]
    low, high = min([0.0, *values]), max([0.0, *values])
    room = (high - low) * 0.06 or 0.01
    low, high = low - (room if low < 0 else 0.0), high + (room if high > 0 or low == high else 0.0)
    step = (chart.width - LEFT - RIGHT) / max(1, len(names))
    short = [_shortened(name, LEFT + (place + 0.5) * step) for place, name in enumerate(names)]
    longest = max(map(len, short), default=0) * _LETTER
    slanted = len(names) <= _LABELLED and longest > step
    below = _TALL + longest * sin(radians(_SLANT)) + 6 if slanted else BOTTOM
    left = margin_for(map(chart.tick, round_steps(low, high)))
    frame = Frame(0, max(1, len(names)), low, high, chart.width, chart.height, left=left, margin_bottom=below)
    return _Layout(frame, short, slanted)


def _shortened(name: str, room: float) -> str:
    """Return a name cut to what, at an angle, does not reach over the left edge from ``room`` to its right."""
    fit = int((room - _TALL * sin(radians(_SLANT))) / (_LETTER * cos(radians(_SLANT))))
    most = min(_LONGEST, fit)
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _columns(chart: Columns, frame: Frame) -> list[str]:
    step = frame.x(1) - frame.x(0)
    width = min(44.0, step * 0.72) if step > 4 else step
    parts = []
    for place, column in enumerate(chart.columns):
        if column.low == column.high and not chart.joined:
            continue
        left, y = frame.x(place + 0.5) - width / 2, frame.y(column.high)
        top, bottom = sorted((frame.y(column.low), y))
        box = f'x="{number(left)}" y="{number(top)}" width="{number(width)}" height="{number(max(bottom - top, 0.8))}"'
        parts.append(titled(f'<rect class="bar {column.style}" {box}', column.words))
        if chart.joined and place + 1 < len(chart.columns):
            parts.append(segment("join", (left, y), (frame.x(place + 1.5) + width / 2, y)))
    return parts


def _names(layout: _Layout) -> list[str]:
    """Return the names below the columns, at an angle where they are long; of very many, only how many there are."""
    frame, names = layout.frame, layout.names
    y = frame.base + 14
    if len(names) > _LABELLED:
        return [words((frame.left + frame.right) / 2, y + 4, f"{len(names)} columns, in order of time")]
    places = [(frame.x(n + 0.5), name) for n, name in enumerate(names)]
    if not layout.slanted:
        return [words(x, y + 3, name) for x, name in places]
    turned = f' transform="rotate(-{_SLANT} {{}} {number(y)})"'
    return [words(x + 4, y, name, "end", more=turned.format(number(x + 4))) for x, name in places]
