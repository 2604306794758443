"""Charts as inline SVG: lines over dates or over sessions around an event, with bands and marks.

What a chart shows is all in the SVG; ``templates/chart.js`` adds reading off by mouse and keyboard, and zoom, from the
``data-`` attributes written here.
"""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from enum import StrEnum
from html import escape
from itertools import pairwise
from math import ceil, floor, log10
from typing import Any

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace

from datasets.arrays import Floats, Sessions
from datasets.instants import to_date
from reports.svg import WIDTH, Frame, head, margin_for, number, round_steps, segment, titled, value_axis, words

_FEWEST = 8
"""However many lines share a chart, each has a say in so many of the places at which all are drawn."""
_MANY = 60
"""More bands than this are shaded lightly: they lie over one another."""
_DECADES = 5
"""Over more powers of ten a logarithmic axis names these alone."""
_LABEL = 12
"""Room below the axis for words that say what lies across."""
POINTS = 400
"""The lines of a chart are thinned to so many places (LTTB) and their extremes. Numbers are never taken from them."""


class AxisUnit(StrEnum):
    """How the script writes a value read off a chart."""

    PERCENT = "percent"
    MONEY = "money"
    RATIO = "ratio"
    LOG = "log"


class Across(StrEnum):
    """What lies across a chart: dates, or sessions counted from an event."""

    DATES = "dates"
    SESSIONS = "sessions"


class Line(Struct, frozen=True):
    """One line: its name, dates (or sessions around an event) and values; ``style`` is a CSS class for colour, dashes.

    ``read``: whether its values are read off by the script; of hundreds of lines on one chart they are not.
    """

    name: str
    days: Sessions | Floats
    values: Floats
    style: str
    fill_to_zero: bool = False
    read: bool = True


class Mark(Struct, frozen=True):
    """A symbol at a date or session: ``shape`` is one of up, down, ring, event, stroke, name.

    Events and strokes are on the lower edge; a name is written downwards from the upper one.
    """

    day: date | int
    value: float | None
    shape: str
    text: str


class Band(Struct, frozen=True):
    """A shaded stretch of dates or sessions."""

    first: date | int
    last: date | int
    text: str


class Range(Struct, frozen=True, eq=False):
    """A stretch of values at every date, such as what chance gives: from ``low`` to ``high``."""

    name: str
    days: Sessions | Floats
    low: Floats
    high: Floats


class Chart(Struct, frozen=True):
    """What a chart shows. ``ident`` must be its own in the page; ``tick`` writes a value of the vertical axis.

    ``unit`` is how a value is written that is read off the chart; ``points`` are drawn of each line, at most.
    """

    ident: str
    title: str
    description: str
    lines: Sequence[Line]
    tick: Callable[[float], str]
    height: int = 300
    marks: Sequence[Mark] = field(default=())
    bands: Sequence[Band] = field(default=())
    ranges: Sequence[Range] = field(default=())
    y_label: str = ""
    x_label: str = ""
    unit: AxisUnit = AxisUnit.RATIO
    across: Across = Across.DATES
    points: int = POINTS


def chart_svg(chart: Chart) -> str:
    """Return the chart as one SVG element, the same text for the same chart."""
    frame, kept = _frame(chart), _kept(chart)
    size = WIDTH, chart.height + (_LABEL if chart.x_label else 0)
    parts = [
        *head(chart.ident, chart.title, chart.description, size, _read_off(chart, frame)),
        _clip(chart.ident, frame),
        '<g class="y-axis">',
        *value_axis(_levels(chart.unit, frame), chart.tick, frame, chart.y_label),
        '</g>\n<g class="x-axis">',
        *(_date_axis(frame) if chart.across is Across.DATES else _session_axis(frame, chart.x_label)),
        f'</g>\n<g clip-path="url(#{chart.ident}-clip)">\n<g class="plotted">',
        *(_band(each, "band" if len(chart.bands) <= _MANY else "band many", frame) for each in chart.bands),
        *(_range(each, frame) for each in chart.ranges),
        *(_line(each, frame, kept) for each in chart.lines),
        "</g>",
        *(_mark(mark, frame) for mark in chart.marks),
        "</g>",
        "</svg>",
    ]
    return "\n".join(parts)


def _read_off(chart: Chart, frame: Frame) -> str:
    """Return what the script needs to turn a place on the drawing back into a date and a value."""
    edges = " ".join(f"{v:.10g}" for v in (frame.first, frame.last, frame.low, frame.high))
    box = f"{frame.left:g} {frame.right:g} {frame.top:g} {frame.base:g}"
    return f' data-across="{chart.across}" data-unit="{chart.unit}" data-space="{edges}" data-box="{box}"'


def _clip(ident: str, frame: Frame) -> str:
    return (
        f'<clipPath id="{ident}-clip"><rect x="{frame.left - 6:g}" y="{frame.top - 8:g}"'
        f' width="{frame.right - frame.left + 12:g}" height="{frame.base - frame.top + 8:g}"/></clipPath>'
    )


def _frame(chart: Chart) -> Frame:
    spans = [each.days for each in chart.lines] + [each.days for each in chart.ranges]
    first = min(_day(days[0]) for days in spans)
    last = max(_day(days[-1]) for days in spans)
    drawn = [each.values for each in chart.lines] + [v for r in chart.ranges for v in (r.low, r.high)]
    values = np.concatenate([v[np.isfinite(v)] for v in drawn] + [np.zeros(0)])
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
    filled = any(each.fill_to_zero for each in chart.lines)
    if filled:
        low, high = min(low, 0.0), max(high, 0.0)
    room = (high - low) * 0.04 or max(abs(high) * 0.02, 0.01)
    top = high if filled and high == 0 else high + room
    frame = Frame(first, max(last, first + 1), low - room, top, height=chart.height)
    return replace(frame, left=margin_for(map(chart.tick, _levels(chart.unit, frame))))


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
    lines = [each for each in chart.lines if each.read]
    share = max(_FEWEST, chart.points // max(1, len(lines)))
    known = [(each, np.isfinite(each.values)) for each in lines]
    kept = [thinned(_places(each.days)[there], each.values[there], share)[0] for each, there in known]
    return np.unique(np.concatenate(kept)) if kept else np.zeros(0)


def _line(line: Line, frame: Frame, kept: Floats) -> str:
    """Return a line at the places kept, in as many pieces as missing values break it into."""
    if not line.read:
        return _traced(line, frame)
    places, there = _places(line.days), np.isfinite(line.values)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], there, [False])).astype(np.int8)))
    drawn = np.isin(places, kept)
    drawn[edges[::2]] = drawn[edges[1::2] - 1] = True  # where a piece begins and ends
    rows = [a + np.flatnonzero(drawn[a:b]) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return "\n".join(_piece(line, places[r], line.values[r], frame) for r in rows)


def _piece(line: Line, days: Floats, values: Floats, frame: Frame) -> str:
    drawn = _points(days, values, frame)
    shown = titled(f'<polyline class="line {line.style}" points="{drawn}"{_values_read(days, values)}', line.name)
    if not line.fill_to_zero:
        return shown
    zero, left, right = (number(v) for v in (frame.y(0.0), frame.x(days[0]), frame.x(days[-1])))
    return f'<polygon class="area {line.style}" points="{left},{zero} {drawn} {right},{zero}"/>\n{shown}'


def _points(days: Floats, values: Floats, frame: Frame) -> str:
    return " ".join(f"{number(frame.x(d))},{number(frame.y(v))}" for d, v in zip(days, values, strict=True))


def _traced(line: Line, frame: Frame) -> str:
    """Return a line among many, in as few letters as can be: whole units, each point from the one before."""
    there = np.isfinite(line.values)
    x = np.array([round(frame.x(d)) for d in _places(line.days)[there]], dtype=np.int64)
    y = np.array([round(frame.y(v)) for v in line.values[there]], dtype=np.int64)
    if not len(x):
        return ""
    steps = " ".join(f"{dx} {dy}" for dx, dy in zip(np.diff(x), np.diff(y), strict=True)).replace(" -", "-")
    return titled(f'<path class="line {line.style}" d="M{x[0]} {y[0]}l{steps}"', line.name)


def _values_read(days: Floats, values: Floats) -> str:
    """Return the points drawn as the script reads them: steps from one date to the next, and values."""
    steps = np.diff(days, prepend=0).astype(np.int64)
    texts = " ".join(f"{v:.6g}" for v in values)
    return f' data-x="{" ".join(map(str, steps.tolist()))}" data-v="{texts}"'


def _range(each: Range, frame: Frame) -> str:
    places, known = _places(each.days), np.isfinite(each.low) & np.isfinite(each.high)
    x, low, high = places[known], each.low[known], each.high[known]
    return titled(
        f'<polygon class="range" points="{_points(x, high, frame)} {_points(x[::-1], low[::-1], frame)}"', each.name
    )


def _band(band: Band, style: str, frame: Frame) -> str:
    first, last = _day(band.first), _day(band.last)
    left, right = frame.x(first), frame.x(last)
    box = f'x="{number(left)}" y="{frame.top:g}" width="{number(max(right - left, 1.5))}"'
    height = f'height="{frame.base - frame.top:g}"'
    return titled(f'<rect class="{style}" {box} {height} data-a="{first}" data-b="{last}"', band.text)


def _mark(mark: Mark, frame: Frame) -> str:
    x, base = frame.x(_day(mark.day)), number(frame.base)
    y = frame.base if mark.value is None else frame.y(mark.value)
    if mark.shape == "name":
        turned = f' transform="rotate(90 {number(x + 4)} {number(frame.top + 3)})"'
        name = words(x + 4, frame.top + 3, mark.text, "start", more=turned)
        return f'<g class="mark event name" data-at="{number(x)} {base}"><title>{escape(mark.text)}</title>{name}</g>'
    shapes = {
        "up": f"M{number(x)} {number(y + 1)}l5.5 10h-11z",
        "down": f"M{number(x)} {number(y - 1)}l5.5 -10h-11z",
        "ring": f"M{number(x - 4)} {number(y)}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
        "event": f"M{number(x)} {base}v-9m0 -7l3.5 3.5l-3.5 3.5l-3.5 -3.5z",
        "stroke": f"M{number(x)} {base}v-7",
    }
    at = f'data-at="{number(x)} {number(y)}"'
    return titled(f'<path class="mark {mark.shape}" {at} d="{shapes[mark.shape]}"', mark.text)


def _levels(unit: AxisUnit, frame: Frame) -> list[float]:
    """Return where lines go across; on a log scale at 1, 2 and 5 times powers of ten, if there are three of them."""
    if unit is not AxisUnit.LOG:
        return round_steps(frame.low, frame.high)
    powers = range(floor(frame.low), ceil(frame.high) + 1)
    within = (1, 2, 5) if len(powers) <= _DECADES else (1,)
    round_ = [e + log10(m) for e in powers for m in within if frame.low <= e + log10(m) <= frame.high]
    if len(round_) >= 3:
        return round_
    return [log10(v) for v in round_steps(10**frame.low, 10**frame.high) if v > 0]


def _date_axis(frame: Frame) -> list[str]:
    parts = [_axis_line(frame)]
    first, last = (to_date(np.datetime64(int(day), "D")) for day in (frame.first, frame.last))
    for day, text in date_ticks(first, last, most=int(frame.width - frame.left) // 70):
        x = frame.x(_day(day))
        parts += [_tick(x, frame), words(x, frame.base + 19, text, "end" if x > frame.right - 30 else "middle")]
    return parts


def _session_axis(frame: Frame, label: str) -> list[str]:
    """Return the axis of sessions around an event: 0 is the event's own."""
    parts = [_axis_line(frame)]
    for value in (v for v in round_steps(frame.first, frame.last, wanted=9) if v.is_integer()):
        x = frame.x(value)
        parts += [_tick(x, frame), words(x, frame.base + 15, f"{value:g}")]
    if frame.first < 0 < frame.last:
        parts.append(segment("axis event", (frame.x(0), frame.top), (frame.x(0), frame.base)))
    middle = (frame.left + frame.right) / 2
    return [*parts, words(middle, frame.base + 27, label, style="tick label")] if label else parts


def _axis_line(frame: Frame) -> str:
    return segment("axis", (frame.left, frame.base), (frame.right, frame.base))


def _tick(x: float, frame: Frame) -> str:
    return segment("axis", (x, frame.base), (x, frame.base + 5))


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
