"""Charts as inline SVG: lines over dates with bands and marks, and bars; a style sheet sets the colours."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from html import escape
from math import ceil, floor, isfinite, log10

import numpy as np

from datasets.bars import Floats
from datasets.instants import Sessions, to_date

WIDTH = 900
NARROW = 600
"""The width of a drawing as wide as the page, and of one in a column: text keeps its size."""
LEFT, RIGHT, TOP, BOTTOM = 92, 14, 12, 30
MAX_BUCKETS = 420
"""A line is drawn with at most four points a bucket: first, lowest, highest, last. Numbers are never taken from it."""


@dataclass(frozen=True)
class Line:
    """One line: its name, dates and values; ``style`` is a CSS class that sets colour and dashes."""

    name: str
    days: Sessions
    values: Floats
    style: str
    fill_to_zero: bool = False


@dataclass(frozen=True)
class Mark:
    """A symbol at a date: ``shape`` is one of up, down, ring, event; an event stands on the lower edge."""

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


@dataclass(frozen=True)
class Chart:
    """What a chart shows. ``ident`` must be its own in the page; ``tick`` writes a value of the vertical axis."""

    ident: str
    title: str
    description: str
    lines: Sequence[Line]
    tick: Callable[[float], str]
    height: int = 300
    width: int = WIDTH
    marks: Sequence[Mark] = field(default=())
    bands: Sequence[Band] = field(default=())
    y_label: str = ""


def chart_svg(chart: Chart) -> str:
    """Return the chart as one SVG element, the same text for the same chart."""
    space = _space(chart)
    parts = [
        *_head(chart.ident, chart.title, chart.description, (chart.width, chart.height)),
        *_bands(chart.bands, space),
        *_value_axis(chart.tick, chart.y_label, space),
        *_date_axis(space),
        *(_line(line, space) for line in chart.lines),
        *(_mark(mark, space) for mark in chart.marks),
        "</svg>",
    ]
    return "\n".join(parts)


def _head(ident: str, title: str, description: str, size: tuple[int, int]) -> list[str]:
    return [
        f'<svg class="chart" id="{ident}" viewBox="0 0 {size[0]} {size[1]}" role="img"'
        f' aria-labelledby="{ident}-title {ident}-desc">',
        f'<title id="{ident}-title">{escape(title)}</title>',
        f'<desc id="{ident}-desc">{escape(description)}</desc>',
    ]


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
class Bars:
    """Bars in groups: a label and one value a style for each group."""

    ident: str
    title: str
    description: str
    groups: Sequence[tuple[str, Sequence[float]]]
    names: Sequence[str]
    styles: Sequence[str]
    tick: Callable[[float], str]
    height: int = 260
    width: int = WIDTH


def bars_svg(bars: Bars) -> str:
    """Return the bars as one SVG element."""
    values = [v for _, group in bars.groups for v in group]
    low, high = min(0.0, *values), max(0.0, *values)
    room = (high - low) * 0.05 or 0.01
    space = _Space(0, max(1, len(bars.groups)), low - (room if low < 0 else 0), high + room, bars.height, bars.width)
    return "\n".join(
        [
            *_head(bars.ident, bars.title, bars.description, (bars.width, bars.height)),
            *_value_axis(bars.tick, "", space),
            *_groups(bars, space),
            "</svg>",
        ]
    )


def _groups(bars: Bars, space: _Space) -> list[str]:
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
    first = min(_day(line.days[0]) for line in chart.lines)
    last = max(_day(line.days[-1]) for line in chart.lines)
    values = np.concatenate([line.values[np.isfinite(line.values)] for line in chart.lines] + [np.zeros(0)])
    values = values if len(values) else np.zeros(1)
    low, high = float(values.min()), float(values.max())
    filled = any(line.fill_to_zero for line in chart.lines)
    if filled:
        low, high = min(low, 0.0), max(high, 0.0)
    room = (high - low) * 0.04 or max(abs(high) * 0.02, 0.01)
    top = high if filled and high == 0 else high + room
    return _Space(first, max(last, first + 1), low - room, top, chart.height, chart.width)


def _day(session: object) -> int:
    return int(np.datetime64(session, "D").astype(np.int64))  # type: ignore[call-overload]


def thinned(days: Floats, values: Floats, buckets: int = MAX_BUCKETS) -> tuple[Floats, Floats]:
    """Return the first, lowest, highest and last point of each of so many equal stretches of a line.

    >>> x = np.arange(1000.0); y = np.zeros(1000); y[500] = -7.0
    >>> kept = thinned(x, y, buckets=10)
    >>> len(kept[0]) < 50, float(kept[1].min())
    (True, -7.0)
    """
    if len(days) <= 4 * buckets:
        return days, values
    keep: set[int] = set()
    for rows in np.array_split(np.arange(len(days)), buckets):
        part = values[rows]
        keep |= {int(rows[0]), int(rows[-1]), int(rows[part.argmin()]), int(rows[part.argmax()])}
    kept = np.array(sorted(keep))
    return days[kept], values[kept]


def _line(line: Line, space: _Space) -> str:
    drawable = np.isfinite(line.values)
    days, values = thinned(line.days[drawable].astype("datetime64[D]").astype(np.float64), line.values[drawable])
    points = " ".join(f"{_n(space.x(d))},{_n(space.y(v))}" for d, v in zip(days, values, strict=True))
    drawn = f'<polyline class="line {line.style}" points="{points}"><title>{escape(line.name)}</title></polyline>'
    if not line.fill_to_zero:
        return drawn
    zero, left, right = _n(space.y(0.0)), _n(space.x(days[0])), _n(space.x(days[-1]))
    return f'<polygon class="area {line.style}" points="{left},{zero} {points} {right},{zero}"/>\n{drawn}'


def _bands(bands: Sequence[Band], space: _Space) -> list[str]:
    found = []
    for band in bands:
        left, right = space.x(_day(band.first)), space.x(_day(band.last))
        width = max(right - left, 1.5)
        found.append(
            f'<rect class="band" x="{_n(left)}" y="{TOP}" width="{_n(width)}"'
            f' height="{space.height - TOP - BOTTOM}"><title>{escape(band.text)}</title></rect>'
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
    }
    return f'<path class="mark {mark.shape}" d="{shapes[mark.shape]}"><title>{escape(mark.text)}</title></path>'


def _value_axis(tick: Callable[[float], str], label: str, space: _Space) -> list[str]:
    found = []
    for value in round_steps(space.low, space.high):
        y = _n(space.y(value))
        style = "grid zero" if value == 0 else "grid"
        text = escape(tick(value))
        found.append(f'<line class="{style}" x1="{LEFT}" x2="{space.width - RIGHT}" y1="{y}" y2="{y}"/>')
        found.append(f'<text class="tick" x="{LEFT - 8}" y="{y}" dy=".32em" text-anchor="end">{text}</text>')
    if label:
        place = f"translate(11 {_n((space.height - BOTTOM + TOP) / 2)}) rotate(-90)"
        found.append(f'<text class="tick" transform="{place}" text-anchor="middle">{escape(label)}</text>')
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
