"""Charts as inline SVG: the account over time with its events marked, and columns that count events."""

from collections.abc import Callable, Sequence
from datetime import date
from math import cos, log10, radians, sin
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from datasets.arrays import Floats, Sessions
from datasets.instants import to_date
from engine.account.records import Trade
from engine.metrics.metrics import drawdown, growth, held_sessions
from engine.run.run import Run
from reports.line_chart import Across, AxisUnit, Band, Chart, Line, Mark, chart_svg
from reports.numbers import (
    amount,
    instant,
    instant_text,
    money,
    money_tick,
    percent,
    price,
    signed_money,
    signed_percent,
)
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

_DETAIL = 900
"""The equity curve is drawn with more points than others, as it is the one to zoom into."""
_NAMED = 60
"""Of more trades than this, marks would hide the curve: short strokes and shaded bands replace them."""
_WRITTEN = 30
"""Of more events than this, names would cover the curve."""
EQUITY_HEIGHT = 270
LOG_FROM = 10.0
MOSTLY_HELD = 0.6


def equity_svg(run: Run) -> str:
    """Return the chart of the account's equity, and of the benchmark bought and held."""
    lines = [Line("account", *with_start(run.sessions, run.equity, run.start_equity), "s0")]
    if run.benchmark_returns is not None:
        held = run.start_equity * growth(run.benchmark_returns)
        lines.insert(0, Line(str(run.benchmark), *with_start(run.sessions, held, run.start_equity), "bench"))
    first, last = to_date(run.sessions[0]), to_date(run.sessions[-1])
    about = (
        f"Account equity from {money(run.start_equity)} before {first} to {amount(run.final_equity, run.currency)}"
        f" on {last}, with {len(run.trades)} entries marked."
    )
    marks = [*_event_marks(run), *_trade_marks(run)]
    return _equity(run, "equity", about, lines, marks=marks, bands=list(map(_band, run.trades)))


def drawdown_svg(run: Run) -> str:
    """Return the chart of the distance below the highest equity so far."""
    about = f"Distance below the highest equity so far; at most {percent(run.metrics.get('max_drawdown'))}."
    few = len(run.trades) <= _NAMED
    bands, marks = (list(map(_band, run.trades)), _event_marks(run)) if few else ([], [])
    sessions, below = with_start(run.sessions, drawdown(run.returns), 0.0)
    return _drawdown(run, "drawdown", about, sessions, below, bands=bands, marks=marks)


def held_svgs(run: Run) -> tuple[str, str] | None:
    """Return equity and drawdown over the sessions on which a position was held, one band an event with its name.

    None where that is most of the time, or never. What idle cash earned in between is not in them.
    """
    held = held_sessions(run.sessions, run.trades)
    if not held.any() or held.mean() > MOSTLY_HELD:
        return None
    across = np.arange(held.sum() + 1, dtype=np.float64)
    shown = [("account", run.returns, "s0")]
    if run.benchmark_returns is not None:
        shown.insert(0, (f"{run.benchmark} on these sessions", run.benchmark_returns, "bench"))
    lines = [Line(n, across, run.start_equity * np.append(1.0, growth(r[held])), style) for n, r, style in shown]
    bands = _held_bands(run, run.sessions[held])
    names = [Mark(b.first, None, "name", b.text.partition(":")[0]) for b in bands if len(bands) <= _WRITTEN]
    more: dict[str, Any] = {"bands": bands, "across": Across.SESSIONS, "x_label": "sessions with a position"}
    about = f"{held.sum()} sessions of {len(held)}; the time without a position is cut out."
    below = np.append(0.0, drawdown(run.returns[held]))
    return (
        _equity(run, "equity-held", about, lines, marks=names, **more),
        _drawdown(run, "drawdown-held", about, across, below, **more),
    )


def _equity(run: Run, ident: str, about: str, lines: list[Line], *, marks: list[Mark], **more: Any) -> str:
    """Return a chart of money, logarithmic where a line passes a factor of 10."""
    low, high = (np.array([extreme(line.values) for line in lines]) for extreme in (np.min, np.max))
    log = low.min() > 0 and (high / low).max() >= LOG_FROM
    tick, unit = (lambda exponent: money_tick(10.0**exponent), AxisUnit.LOG) if log else (money_tick, AxisUnit.MONEY)
    if log:
        lines = [replace(line, values=np.log10(line.values)) for line in lines]
        marks = [replace(m, value=None if m.value is None else log10(m.value)) for m in marks]
    label, title = f"equity, {run.currency}" if run.currency else "equity", f"Equity of {run.manifest['strategy']}"
    given: dict[str, Any] = {"height": EQUITY_HEIGHT, "y_label": label, "unit": unit, "points": _DETAIL}
    return chart_svg(Chart(ident, title, about, lines, tick, marks=marks, **given, **more))


def _drawdown(run: Run, ident: str, about: str, days: Sessions | Floats, below: Floats, **more: Any) -> str:
    title, line = f"Drawdown of {run.manifest['strategy']}", Line("drawdown", days, below, "s1", fill_to_zero=True)
    given: dict[str, Any] = {"height": 180, "y_label": "drawdown", "unit": AxisUnit.PERCENT, "points": _DETAIL // 2}
    return chart_svg(Chart(ident, title, about, [line], tenths, **given, **more))


def _held_bands(run: Run, sessions: Sessions) -> list[Band]:
    """Return a band for each event: from before its first session held to its last, as places among them."""
    found = []
    for event_id in dict.fromkeys(t.event_id for t in run.trades):
        trades = [t for t in run.trades if t.event_id == event_id]
        first, last = min(t.entry_session for t in trades), max(t.exit_session for t in trades)
        ends = np.searchsorted(sessions, np.array([first, last], dtype="datetime64[D]"), side="right")
        pnl = signed_money(sum(t.pnl for t in trades))
        found.append(Band(int(ends[0]) - 1, int(ends[1]), f"{event_id}: {first} to {last}, P&L {pnl}"))
    return found


def with_start(sessions: Sessions, values: Floats, start: float) -> tuple[Sessions, Floats]:
    """Return sessions and values with the value before the first session in front."""
    return np.concatenate(([sessions[0] - 1], sessions)), np.concatenate(([start], values))


def tenths(fraction: float) -> str:
    """Return a percentage with one decimal, for an axis; with more where a round step lies between tenths.

    >>> tenths(-0.005), tenths(-0.0075), tenths(1 / 3)
    ('-0.5 %', '-0.75 %', '33.3 %')
    """
    exact = (n for n in (1, 2, 3) if abs(fraction * 100 - round(fraction * 100, n)) < 1e-9)
    return percent(fraction, next(exact, 1))


def _band(trade: Trade) -> Band:
    entered, left = trade.entry_session, trade.exit_session
    text = f"{trade.event_id}: {trade.side} {trade.instrument}, {entered} to {left}, {signed_percent(trade.return_)}"
    return Band(date.fromisoformat(entered), date.fromisoformat(left), text)


def _trade_marks(run: Run) -> list[Mark]:
    if len(run.trades) > _NAMED:
        return []
    marks = []
    for t in run.trades:
        entered, left = date.fromisoformat(t.entry_session), date.fromisoformat(t.exit_session)
        shape = "up" if t.side == "long" else "down"
        text = f"{t.event_id}: {t.side} {t.instrument} at {price(t.entry_price)}, {instant(t.entry_at)}"
        marks.append(Mark(entered, _equity_on(entered, run), shape, text))
        text = f"{t.event_id}: exit at {price(t.exit_price)}, {instant(t.exit_at)}, {signed_percent(t.return_)}"
        if t.is_closed:
            marks.append(Mark(left, _equity_on(left, run), "ring", text))
    return marks


def _equity_on(day: date, run: Run) -> float:
    row = int(np.searchsorted(run.sessions, np.datetime64(day, "D"), side="right")) - 1
    return run.start_equity if row < 0 else float(run.equity[row])


def _event_marks(run: Run) -> list[Mark]:
    first, last = to_date(run.sessions[0]), to_date(run.sessions[-1])
    known = [(date.fromisoformat(e.known_at[:10]), e) for e in run.events if e.known_at]
    inside = [(day, e) for day, e in known if first <= day <= last]
    if len(inside) > _NAMED:
        return [Mark(day, None, "stroke", f"{e.event_id}, {e.outcome}") for day, e in inside]
    texts = [f"{e.event_id}: {e.title}, known {instant_text(e.known_at)}, {e.outcome}" for _, e in inside]
    return [Mark(day, None, "event", text) for (day, _), text in zip(inside, texts, strict=True)]


_SLANT = 38
"""Degrees at which names are written that are too long to lie side by side."""
_LONGEST = 20
_LETTER = 7.5
"""Width of a letter, on the wide side: capitals of DejaVu Sans at 12 px."""
_TALL = 14.0
"""Height of a line of such letters."""
_LABELLED = 40
"""Up to so many columns carry their names; of more, names of some would read as names of all."""


class ChartColumn(Struct, frozen=True):
    """One column: from one value to another, its name, its title in ``words``; ``style`` is a CSS class."""

    name: str
    low: float
    high: float
    style: str
    words: str


class Columns(Struct, frozen=True):
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


class _Layout(Struct, frozen=True):
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
