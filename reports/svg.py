"""Charts as inline SVG: lines over dates or over sessions around an event, with bands and marks, and bars.

A style sheet sets the colours. What a chart shows is all in the SVG; ``templates/chart.js`` adds reading off by mouse
and keyboard, and zoom, from the ``data-`` attributes written here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from html import escape
from itertools import pairwise
from math import ceil, floor, isfinite, log10
from typing import Any

import numpy as np

from datasets.arrays import Floats, Sessions
from datasets.instants import to_date

WIDTH = 900
NARROW = 600
"""The width of a drawing as wide as the page, and of one in a column: text keeps its size."""
LEFT, RIGHT, TOP, BOTTOM = 92, 14, 12, 30
_FEWEST = 8
"""However many lines share a chart, each has a say in so many of the places at which all are drawn."""
_MANY = 60
"""More stretches than this are shaded lightly: they lie over one another."""
_LABEL = 12
"""Room below the axis for words that say what lies across."""
POINTS = 400
"""The lines of a chart are thinned to so many places (LTTB) and their extremes. Numbers are never taken from them."""


class Unit(StrEnum):
    """How the script writes a value read off a chart."""

    PERCENT = "percent"
    MONEY = "money"
    RATIO = "ratio"
    LOG = "log"


class Across(StrEnum):
    """What lies across a chart: dates, or sessions counted from an event."""

    DATES = "dates"
    SESSIONS = "sessions"


@dataclass(frozen=True)
class Line:
    """One line: its name, dates (or sessions around an event) and values; ``style`` is a CSS class for colour, dashes.

    ``read``: whether its values are read off by the script; of hundreds of lines on one chart they are not.
    """

    name: str
    days: Sessions | Floats
    values: Floats
    style: str
    fill_to_zero: bool = False
    read: bool = True


@dataclass(frozen=True)
class Mark:
    """A symbol at a date: ``shape`` is one of up, down, ring, event, stroke; the last two stand on the lower edge."""

    day: date
    value: float | None
    shape: str
    text: str


@dataclass(frozen=True)
class Band:
    """A shaded stretch of dates."""

    first: date
    last: date
    text: str


@dataclass(frozen=True, eq=False)
class Range:
    """A stretch of values at every date, such as what chance gives: from ``low`` to ``high``."""

    name: str
    days: Sessions | Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Chart:
    """What a chart shows. ``ident`` must be its own in the page; ``tick`` writes a value of the vertical axis.

    ``unit`` is how a value is written that is read off the chart; ``points`` are drawn of each line, at most.
    """

    ident: str
    title: str
    description: str
    lines: Sequence[Line]
    tick: Callable[[float], str]
    height: int = 300
    width: int = WIDTH
    marks: Sequence[Mark] = field(default=())
    bands: Sequence[Band] = field(default=())
    ranges: Sequence[Range] = field(default=())
    y_label: str = ""
    x_label: str = ""
    unit: Unit = Unit.RATIO
    across: Across = Across.DATES
    points: int = POINTS


def chart_svg(chart: Chart) -> str:
    """Return the chart as one SVG element, the same text for the same chart."""
    space, kept = _space(chart), _kept(chart)
    parts = [
        *_head(chart.ident, chart.title, chart.description, _size(chart), _read_off(chart, space)),
        _clip(chart.ident, space),
        '<g class="y-axis">',
        *_value_axis(_levels(chart.unit, space), chart.tick, chart.y_label, space),
        '</g>\n<g class="x-axis">',
        *(_date_axis(space) if chart.across is Across.DATES else _session_axis(space, chart.x_label)),
        f'</g>\n<g clip-path="url(#{chart.ident}-clip)">\n<g class="plotted">',
        *_bands(chart.bands, space),
        *(_range(each, space) for each in chart.ranges),
        *(_line(line, space, kept) for line in chart.lines),
        "</g>",
        *(_mark(mark, space) for mark in chart.marks),
        "</g>",
        "</svg>",
    ]
    return "\n".join(parts)


def _size(chart: Chart) -> tuple[int, int]:
    return chart.width, chart.height + (_LABEL if chart.x_label else 0)


def _head(ident: str, title: str, description: str, size: tuple[int, int], data: str = "") -> list[str]:
    return [
        f'<svg class="chart" id="{ident}" viewBox="0 0 {size[0]} {size[1]}" role="img"'
        f' aria-labelledby="{ident}-title {ident}-desc"{data}>',
        f'<title id="{ident}-title">{escape(title)}</title>',
        f'<desc id="{ident}-desc">{escape(description)}</desc>',
    ]


def _read_off(chart: Chart, space: "_Space") -> str:
    """Return what the script needs to turn a place on the drawing back into a date and a value."""
    edges = " ".join(f"{v:.10g}" for v in (space.first, space.last, space.low, space.high))
    box = f"{LEFT} {space.width - RIGHT} {TOP} {space.height - BOTTOM}"
    return f' data-across="{chart.across}" data-unit="{chart.unit}" data-space="{edges}" data-box="{box}"'


def _clip(ident: str, space: "_Space") -> str:
    return (
        f'<clipPath id="{ident}-clip"><rect x="{LEFT - 6}" y="{TOP - 8}" width="{space.width - LEFT - RIGHT + 12}"'
        f' height="{space.height - TOP - BOTTOM + 8}"/></clipPath>'
    )


@dataclass(frozen=True)
class _Space:
    """Where a date and a value lie on the drawing."""

    first: int
    last: int
    low: float
    high: float
    height: int
    width: int

    def x(self, day: float) -> float:
        return LEFT + (day - self.first) / (self.last - self.first) * (self.width - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return TOP + (self.high - value) / (self.high - self.low) * (self.height - TOP - BOTTOM)


@dataclass(frozen=True)
class BarChart:
    """BarChart in groups: a label and one value a style for each group."""

    ident: str
    title: str
    description: str
    groups: Sequence[tuple[str, Sequence[float]]]
    names: Sequence[str]
    styles: Sequence[str]
    tick: Callable[[float], str]
    height: int = 260
    width: int = WIDTH


def bars_svg(bars: BarChart) -> str:
    """Return the bars as one SVG element."""
    values = [v for _, group in bars.groups for v in group]
    low, high = min(0.0, *values), max(0.0, *values)
    room = (high - low) * 0.05 or 0.01
    space = _Space(0, max(1, len(bars.groups)), low - (room if low < 0 else 0), high + room, bars.height, bars.width)
    return "\n".join(
        [
            *_head(bars.ident, bars.title, bars.description, (bars.width, bars.height)),
            *_value_axis(round_steps(space.low, space.high), bars.tick, "", space),
            *_groups(bars, space),
            "</svg>",
        ]
    )


def _groups(bars: BarChart, space: _Space) -> list[str]:
    """Return one bar a value, and as many labels as have room."""
    step = space.x(1) - space.x(0)
    width = min(26.0, step * 0.8 / max(1, len(bars.styles)))
    every = ceil(38 / step)
    found = []
    for place, (label, values) in enumerate(bars.groups):
        middle = space.x(place + 0.5)
        for n, value in enumerate(values):
            x = middle + (n - len(values) / 2) * width
            top, bottom = sorted((space.y(value), space.y(0.0)))
            told = escape(f"{label} {bars.names[n]}: {bars.tick(value)}")
            found.append(
                f'<rect class="bar {bars.styles[n]}" x="{_n(x)}" y="{_n(top)}" width="{_n(width)}"'
                f' height="{_n(bottom - top)}"><title>{told}</title></rect>'
            )
        if place % every == 0:
            y = bars.height - BOTTOM + 19
            found.append(f'<text class="tick" x="{_n(middle)}" y="{y}" text-anchor="middle">{escape(label)}</text>')
    return found


def _space(chart: Chart) -> _Space:
    spans = [line.days for line in chart.lines] + [each.days for each in chart.ranges]
    first = min(_day(days[0]) for days in spans)
    last = max(_day(days[-1]) for days in spans)
    low, high = _extremes(chart)
    filled = any(line.fill_to_zero for line in chart.lines)
    if filled:
        low, high = min(low, 0.0), max(high, 0.0)
    room = (high - low) * 0.04 or max(abs(high) * 0.02, 0.01)
    top = high if filled and high == 0 else high + room
    return _Space(first, max(last, first + 1), low - room, top, chart.height, chart.width)


def _extremes(chart: Chart) -> tuple[float, float]:
    drawn = [line.values for line in chart.lines] + [v for r in chart.ranges for v in (r.low, r.high)]
    values = np.concatenate([v[np.isfinite(v)] for v in drawn] + [np.zeros(0)])
    return (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)


def _day(place: Any) -> int:
    """Return a date as days since 1970, and a number of sessions as it is."""
    is_date = isinstance(place, date | np.datetime64)
    return int(np.datetime64(place, "D").astype(np.int64)) if is_date else int(place)


def _places(days: Sessions | Floats) -> Floats:
    """Return dates as days since 1970, and numbers of sessions as they are."""
    whole = days.astype("datetime64[D]") if np.issubdtype(days.dtype, np.datetime64) else days
    return whole.astype(np.float64)


def thinned(days: Floats, values: Floats, points: int = POINTS) -> tuple[Floats, Floats]:
    """Return at most ``points`` points of a line, and its lowest and highest, that look like all of it.

    Largest triangle three buckets (Steinarsson 2013): of each bucket the point that spans the largest triangle with
    the one kept before it and the mean of the next bucket.

    >>> x = np.arange(1000.0); y = np.zeros(1000); y[500] = -7.0
    >>> kept = thinned(x, y, points=10)
    >>> len(kept[0]) <= 12, float(kept[1].min())
    (True, -7.0)
    """
    if len(days) <= points:
        return days, values
    kept = _largest_triangles(days, values, points)
    rows = np.unique([*kept, int(values.argmin()), int(values.argmax())])
    return days[rows], values[rows]


def _largest_triangles(days: Floats, values: Floats, points: int) -> list[int]:
    edges = np.linspace(1, len(days) - 1, points - 1).astype(np.intp)
    size = np.diff(edges)
    mean_x = np.append(np.add.reduceat(days[:-1], edges[:-1]) / size, days[-1])
    mean_y = np.append(np.add.reduceat(values[:-1], edges[:-1]) / size, values[-1])
    kept = [0]
    for n, (start, end) in enumerate(pairwise(edges)):
        x, y = days[kept[-1]], values[kept[-1]]
        area = np.abs((x - mean_x[n + 1]) * (values[start:end] - y) - (x - days[start:end]) * (mean_y[n + 1] - y))
        kept.append(int(start) + int(area.argmax()))
    return [*kept, len(days) - 1]


def _kept(chart: Chart) -> Floats:
    """Return the places at which the lines of a chart are drawn: all at the same, so that each is read off exactly."""
    lines = [line for line in chart.lines if line.read]
    share = max(_FEWEST, chart.points // max(1, len(lines)))
    kept = [_thinned(line, share) for line in lines]
    return np.unique(np.concatenate(kept)) if kept else np.zeros(0)


def _thinned(line: Line, points: int) -> Floats:
    there = np.isfinite(line.values)
    return thinned(_places(line.days)[there], line.values[there], points)[0]


def _line(line: Line, space: _Space, kept: Floats) -> str:
    """Return a line at the places kept, in as many pieces as missing values break it into."""
    if not line.read:
        return _traced(line, space)
    places, there = _places(line.days), np.isfinite(line.values)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], there, [False])).astype(np.int8)))
    drawn = np.isin(places, kept)
    drawn[edges[::2]] = drawn[edges[1::2] - 1] = True  # where a piece begins and ends
    rows = [a + np.flatnonzero(drawn[a:b]) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return "\n".join(_piece(line, places[r], line.values[r], space) for r in rows)


def _piece(line: Line, days: Floats, values: Floats, space: _Space) -> str:
    drawn = " ".join(f"{_n(space.x(d))},{_n(space.y(v))}" for d, v in zip(days, values, strict=True))
    data, name = _values_read(days, values), escape(line.name)
    shown = f'<polyline class="line {line.style}" points="{drawn}"{data}><title>{name}</title></polyline>'
    if not line.fill_to_zero:
        return shown
    zero, left, right = _n(space.y(0.0)), _n(space.x(days[0])), _n(space.x(days[-1]))
    return f'<polygon class="area {line.style}" points="{left},{zero} {drawn} {right},{zero}"/>\n{shown}'


def _traced(line: Line, space: _Space) -> str:
    """Return a line among many, in as few letters as can be: whole units, each point from the one before."""
    there = np.isfinite(line.values)
    x = np.array([round(space.x(d)) for d in _places(line.days)[there]], dtype=np.int64)
    y = np.array([round(space.y(v)) for v in line.values[there]], dtype=np.int64)
    if not len(x):
        return ""
    steps = " ".join(f"{dx} {dy}" for dx, dy in zip(np.diff(x), np.diff(y), strict=True)).replace(" -", "-")
    return f'<path class="line {line.style}" d="M{x[0]} {y[0]}l{steps}"><title>{escape(line.name)}</title></path>'


def _values_read(days: Floats, values: Floats) -> str:
    """Return the points drawn as the script reads them: steps from one date to the next, and values."""
    steps = np.diff(days, prepend=0).astype(np.int64)
    told = " ".join(f"{v:.6g}" for v in values)
    return f' data-x="{" ".join(map(str, steps.tolist()))}" data-v="{told}"'


def _range(each: Range, space: _Space) -> str:
    x = _places(each.days)
    upper = [f"{_n(space.x(d))},{_n(space.y(v))}" for d, v in zip(x, each.high, strict=True)]
    lower = [f"{_n(space.x(d))},{_n(space.y(v))}" for d, v in zip(x[::-1], each.low[::-1], strict=True)]
    return f'<polygon class="range" points="{" ".join(upper + lower)}"><title>{escape(each.name)}</title></polygon>'


def _bands(bands: Sequence[Band], space: _Space) -> list[str]:
    found = []
    style = "band" if len(bands) <= _MANY else "band many"
    for band in bands:
        first, last = _day(band.first), _day(band.last)
        left, right = space.x(first), space.x(last)
        found.append(
            f'<rect class="{style}" x="{_n(left)}" y="{TOP}" width="{_n(max(right - left, 1.5))}"'
            f' height="{space.height - TOP - BOTTOM}" data-a="{first}" data-b="{last}">'
            f"<title>{escape(band.text)}</title></rect>"
        )
    return found


def _mark(mark: Mark, space: _Space) -> str:
    x = space.x(_day(mark.day))
    base = space.height - BOTTOM
    y = base if mark.value is None else space.y(mark.value)
    shapes = {
        "up": f"M{_n(x)} {_n(y + 1)}l5.5 10h-11z",
        "down": f"M{_n(x)} {_n(y - 1)}l5.5 -10h-11z",
        "ring": f"M{_n(x - 4)} {_n(y)}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
        "event": f"M{_n(x)} {_n(base)}v-9m0 -7l3.5 3.5l-3.5 3.5l-3.5 -3.5z",
        "stroke": f"M{_n(x)} {_n(base)}v-7",
    }
    at = f'data-at="{_n(x)} {_n(y)}"'
    return f'<path class="mark {mark.shape}" {at} d="{shapes[mark.shape]}"><title>{escape(mark.text)}</title></path>'


def _levels(unit: Unit, space: _Space) -> list[float]:
    """Return where lines go across; on a log scale at 1, 2 and 5 times powers of ten, if there are three of them."""
    if unit is not Unit.LOG:
        return round_steps(space.low, space.high)
    powers = range(floor(space.low), ceil(space.high) + 1)
    round_ = [e + log10(m) for e in powers for m in (1, 2, 5) if space.low <= e + log10(m) <= space.high]
    if len(round_) >= 3:
        return round_
    return [log10(v) for v in round_steps(10**space.low, 10**space.high) if v > 0]


def _value_axis(levels: Sequence[float], tick: Callable[[float], str], label: str, space: _Space) -> list[str]:
    found = []
    for value in levels:
        y = _n(space.y(value))
        style = "grid zero" if value == 0 else "grid"
        text = escape(tick(value))
        found.append(f'<line class="{style}" x1="{LEFT}" x2="{space.width - RIGHT}" y1="{y}" y2="{y}"/>')
        found.append(f'<text class="tick" x="{LEFT - 8}" y="{y}" dy=".32em" text-anchor="end">{text}</text>')
    if label:
        place = f"translate(14 {_n((space.height - BOTTOM + TOP) / 2)}) rotate(-90)"
        found.append(f'<text class="tick label" transform="{place}" text-anchor="middle">{escape(label)}</text>')
    return found


def growth(returns: Floats) -> Floats:
    """Return what 1 becomes, session by session, for a line to draw.

    >>> growth(np.array([0.5, -0.5])).tolist()
    [1.5, 0.75]
    """
    grown: Floats = np.cumprod(1 + returns, dtype=np.float64)
    return grown


def round_steps(low: float, high: float, wanted: int = 5) -> list[float]:
    """Return round values within [low, high], some ``wanted`` of them.

    >>> round_steps(-0.27, 0.0)
    [-0.25, -0.2, -0.15, -0.1, -0.05, 0.0]
    """
    if not (isfinite(low) and isfinite(high)) or high <= low:
        return []
    rough = (high - low) / wanted
    size = 10.0 ** floor(log10(rough))
    step = next(m * size for m in (1, 2, 2.5, 5, 10) if m * size >= rough * 0.75)
    return [round(i * step, 12) + 0.0 for i in range(ceil(low / step), floor(high / step + 1e-9) + 1)]


def _date_axis(space: _Space) -> list[str]:
    base = space.height - BOTTOM
    found = [f'<line class="axis" x1="{LEFT}" x2="{space.width - RIGHT}" y1="{base}" y2="{base}"/>']
    first, last = to_date(np.datetime64(space.first, "D")), to_date(np.datetime64(space.last, "D"))
    for day, text in date_ticks(first, last, most=(space.width - LEFT) // 70):
        x = space.x(_day(day))
        anchor = "end" if x > space.width - RIGHT - 30 else "middle"
        found.append(f'<line class="axis" x1="{_n(x)}" x2="{_n(x)}" y1="{base}" y2="{base + 5}"/>')
        found.append(f'<text class="tick" x="{_n(x)}" y="{base + 19}" text-anchor="{anchor}">{text}</text>')
    return found


def _session_axis(space: _Space, label: str) -> list[str]:
    """Return the axis of sessions around an event: 0 is the event's own."""
    base = space.height - BOTTOM
    found = [f'<line class="axis" x1="{LEFT}" x2="{space.width - RIGHT}" y1="{base}" y2="{base}"/>']
    for value in (v for v in round_steps(space.first, space.last, wanted=9) if v.is_integer()):
        x = _n(space.x(value))
        found.append(f'<line class="axis" x1="{x}" x2="{x}" y1="{base}" y2="{base + 5}"/>')
        found.append(f'<text class="tick" x="{x}" y="{base + 15}" text-anchor="middle">{value:g}</text>')
    if space.first < 0 < space.last:
        x = _n(space.x(0))
        found.append(f'<line class="axis event" x1="{x}" x2="{x}" y1="{TOP}" y2="{base}"/>')
    if label:
        middle = _n((LEFT + space.width - RIGHT) / 2)
        found.append(
            f'<text class="tick label" x="{middle}" y="{base + 27}" text-anchor="middle">{escape(label)}</text>'
        )
    return found


def date_ticks(first: date, last: date, *, most: int) -> list[tuple[date, str]]:
    """Return about ``most`` dates at most with their labels: years over long spans, else months, else days.

    >>> [text for _, text in date_ticks(date(2020, 5, 1), date(2026, 2, 1), most=3)]
    ['2022', '2024', '2026']
    """
    span = (last - first).days
    if span > 3 * 365:
        every = ceil((last.year - first.year) / most)
        years = [y for y in range(first.year, last.year + 1) if y % every == 0 and date(y, 1, 1) >= first]
        return [(date(y, 1, 1), str(y)) for y in years]
    if span > 70:
        every = next(n for n in (1, 2, 3, 4, 6) if span / 30.4 / n <= most or n == 6)
        months = [(m // 12, m % 12 + 1) for m in range(first.year * 12 + first.month, last.year * 12 + last.month)]
        return [(date(y, m, 1), f"{y}-{m:02d}") for y, m in months if (m - 1) % every == 0]
    every = max(1, ceil(span / 6))
    days = [first + timedelta(days=n) for n in range(0, span + 1, every)]
    return [(d, d.isoformat()) for d in days]


def _n(value: float) -> str:
    """Return a coordinate with one decimal, without a zero that says nothing."""
    text = f"{value:.1f}"
    return text.removesuffix(".0") if text != "-0.0" else "0"
