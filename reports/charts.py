"""Charts that count events rather than days: a waterfall, columns, a histogram and quantiles, as inline SVG."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, cos, radians, sin

import numpy as np

from datasets.arrays import Floats
from reports.svg import BOTTOM, LEFT, NARROW, RIGHT, TOP, WIDTH, round_steps

_SLANT = 38
"""Degrees at which names stand that are too long to lie side by side."""
_LONGEST = 20
_LETTER = 7.5
"""Width of a letter, on the wide side: capitals of DejaVu Sans at 12 px."""
_TALL = 14.0
"""Height of a line of such letters."""
_LABELLED = 40
"""Up to so many columns carry their names; of more, names of some would read as names of all."""


@dataclass(frozen=True)
class ChartColumn:
    """One column: from one value to another, its name and the words that tell it; ``style`` is a CSS class."""

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
    ends = [v for c in chart.columns for v in (c.low, c.high)]
    scale = _Scale(min([0.0, *ends]), max([0.0, *ends]), chart, [c.name for c in chart.columns])
    names = _names(chart, scale)
    return "\n".join([*_begun(chart), *_grid(chart, scale), *_drawn(chart, scale), *names, "</svg>"])


class _Scale:
    """Where a value lies on the drawing, and where a column does."""

    def __init__(self, low: float, high: float, chart: Columns, names: Sequence[str]) -> None:
        room = (high - low) * 0.06 or 0.01
        self.low, self.high = low - (room if low < 0 else 0.0), high + (room if high > 0 or low == high else 0.0)
        self.step = (chart.width - LEFT - RIGHT) / max(1, len(names))
        self.names = [_shortened(name, self.x(place + 0.5)) for place, name in enumerate(names)]
        longest = max(map(len, self.names), default=0) * _LETTER
        self.slanted = len(names) <= _LABELLED and longest > self.step
        self.base = chart.height - (_TALL + longest * sin(radians(_SLANT)) + 6 if self.slanted else BOTTOM)

    def y(self, value: float) -> float:
        return TOP + (self.high - value) / (self.high - self.low) * (self.base - TOP)

    def x(self, place: float) -> float:
        return LEFT + place * self.step


def _shortened(name: str, room: float) -> str:
    """Return a name cut to what, at an angle, does not reach over the left edge from ``room`` to its right."""
    fit = int((room - _TALL * sin(radians(_SLANT))) / (_LETTER * cos(radians(_SLANT))))
    most = min(_LONGEST, fit)
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _begun(chart: Columns) -> list[str]:
    return [
        f'<svg class="chart" id="{chart.ident}" viewBox="0 0 {chart.width} {chart.height}" role="img"'
        f' aria-labelledby="{chart.ident}-title {chart.ident}-desc">',
        f'<title id="{chart.ident}-title">{escape(chart.title)}</title>',
        f'<desc id="{chart.ident}-desc">{escape(chart.description)}</desc>',
    ]


def _grid(chart: Columns, scale: _Scale) -> list[str]:
    found = []
    for value in round_steps(scale.low, scale.high):
        y, style = _n(scale.y(value)), "grid zero" if value == 0 else "grid"
        found.append(f'<line class="{style}" x1="{LEFT}" x2="{chart.width - RIGHT}" y1="{y}" y2="{y}"/>')
        text = escape(chart.tick(value))
        found.append(f'<text class="tick" x="{LEFT - 8}" y="{y}" dy=".32em" text-anchor="end">{text}</text>')
    if chart.y_label:
        place = f"translate(14 {_n((scale.base + TOP) / 2)}) rotate(-90)"
        label = escape(chart.y_label)
        found.append(f'<text class="tick label" transform="{place}" text-anchor="middle">{label}</text>')
    return found


def _drawn(chart: Columns, scale: _Scale) -> list[str]:
    width = min(44.0, scale.step * 0.72) if scale.step > 4 else scale.step
    found = []
    for place, column in enumerate(chart.columns):
        if column.low == column.high and not chart.joined:
            continue
        middle = scale.x(place + 0.5)
        top, bottom = sorted((scale.y(column.low), scale.y(column.high)))
        box = f'x="{_n(middle - width / 2)}" y="{_n(top)}" width="{_n(width)}" height="{_n(max(bottom - top, 0.8))}"'
        found.append(f'<rect class="bar {column.style}" {box}><title>{escape(column.words)}</title></rect>')
        if chart.joined and place + 1 < len(chart.columns):
            y, to = _n(scale.y(column.high)), _n(scale.x(place + 1.5) + width / 2)
            found.append(f'<line class="join" x1="{_n(middle - width / 2)}" x2="{to}" y1="{y}" y2="{y}"/>')
    return found


def _names(chart: Columns, scale: _Scale) -> list[str]:
    """Return the names below the columns, at an angle where they are long; of very many, only how many there are."""
    y = scale.base + 14
    if len(scale.names) > _LABELLED:
        middle = _n((LEFT + chart.width - RIGHT) / 2)
        words = f"{len(scale.names)} columns, in order of time"
        return [f'<text class="tick" x="{middle}" y="{y + 4}" text-anchor="middle">{words}</text>']
    return [_name(scale.x(n + 0.5), y, escape(name), scale.slanted) for n, name in enumerate(scale.names)]


def _name(x: float, y: float, name: str, slanted: bool) -> str:
    if not slanted:
        return f'<text class="tick" x="{_n(x)}" y="{_n(y + 3)}" text-anchor="middle">{name}</text>'
    turned = f"rotate(-{_SLANT} {_n(x + 4)} {_n(y)})"
    return f'<text class="tick" x="{_n(x + 4)}" y="{_n(y)}" text-anchor="end" transform="{turned}">{name}</text>'


def histogram(values: Floats, tick: Callable[[float], str], *, ident: str, title: str, what: str) -> Columns:
    """Return how many values lie in each of some twenty equal stretches of round width."""
    edges = _edges(values)
    counts = np.histogram(values, edges)[0]
    columns = [
        ChartColumn(
            tick(low), 0.0, float(n), "rise" if low >= 0 else "fall", f"{tick(low)} to {tick(high)}: {n} {what}"
        )
        for low, high, n in zip(edges, edges[1:], counts.tolist(), strict=False)
    ]
    words = f"{len(values)} {what}: from {tick(float(values.min()))} to {tick(float(values.max()))}."
    return Columns(ident, title, words, columns, lambda n: f"{n:g}", height=260, width=NARROW)


def _edges(values: Floats) -> Floats:
    low, high = float(values.min()), float(values.max())
    steps = round_steps(low - 1e-9, high + 1e-9, wanted=18)
    step = steps[1] - steps[0] if len(steps) > 1 else max(abs(high) * 0.1, 0.01)
    first = np.floor(low / step) * step
    edges: Floats = np.round(first + step * np.arange(ceil((high - first) / step + 1e-9) + 1), 12) + 0.0
    return edges


@dataclass(frozen=True)
class Box:
    """Quantiles of one group: lowest, quartiles, highest, and how many values there are."""

    name: str
    values: tuple[float, float, float, float, float]
    n: int


def box_of(name: str, values: Sequence[float]) -> Box:
    """Return the quantiles of a group of values (linear between two, Hyndman and Fan 1996, no. 7)."""
    found = np.quantile(np.array(values), [0.0, 0.25, 0.5, 0.75, 1.0]).tolist()
    return Box(name, (found[0], found[1], found[2], found[3], found[4]), len(values))


def boxes_svg(chart: Columns, boxes: Sequence[Box]) -> str:
    """Return boxes from the lower to the upper quartile, a line at the median, whiskers to the extremes."""
    ends = [v for b in boxes for v in b.values]
    scale = _Scale(min([0.0, *ends]), max([0.0, *ends]), chart, [b.name for b in boxes])
    parts = [_box(scale.x(n + 0.5), b, chart.tick, scale) for n, b in enumerate(boxes)]
    names = _names(chart, scale)
    return "\n".join([*_begun(chart), *_grid(chart, scale), *parts, *names, "</svg>"])


def _box(x: float, box: Box, tick: Callable[[float], str], scale: _Scale) -> str:
    low, lower, middle, upper, high = (_n(scale.y(v)) for v in box.values)
    told = ", ".join(f"{w} {tick(v)}" for w, v in zip(_QUANTILES, box.values, strict=True))
    return (
        f'<g class="box-plot"><title>{escape(f"{box.name}, {box.n}: {told}")}</title>'
        f'<path d="M{_n(x)} {low}V{lower}M{_n(x)} {upper}V{high}M{_n(x - 8)} {low}h16M{_n(x - 8)} {high}h16"/>'
        f'<path class="body" d="M{_n(x - 18)} {lower}h36V{upper}h-36z"/>'
        f'<path d="M{_n(x - 18)} {middle}h36"/></g>'
    )


_QUANTILES = ("lowest", "lower quartile", "median", "upper quartile", "highest")


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
