"""The account over time: equity and drawdown, with what was held and every event marked."""

from datetime import date

import numpy as np

from datasets.arrays import Floats, Sessions
from datasets.instants import to_date
from engine.account.records import Trade
from engine.metrics.metrics import drawdown, growth
from engine.run.run import Run, RunEvent
from reports.line_chart import AxisUnit, Band, Chart, Line, Mark, chart_svg
from reports.numbers import amount, instant, instant_text, money, money_tick, percent, price, signed_percent

_DETAIL = 900
"""The equity curve is drawn with more points than others, as it is the one to zoom into."""
_NAMED = 60
"""Of more trades than this, marks would hide the curve: short strokes and shaded bands replace them."""


def equity_svg(run: Run) -> str:
    """Return the chart of the account's equity, and of the benchmark bought and held."""
    lines = [Line("account", *with_start(run.sessions, run.equity, run.start_equity), "s0")]
    if run.benchmark_returns is not None:
        held = run.start_equity * growth(run.benchmark_returns)
        lines.insert(0, Line(str(run.benchmark), *with_start(run.sessions, held, run.start_equity), "bench"))
    first, last = to_date(run.sessions[0]), to_date(run.sessions[-1])
    chart = Chart(
        ident="equity",
        title=f"Equity of {run.manifest['strategy']}",
        description=(
            f"Account equity from {money(run.start_equity)} before {first} to {amount(run.final_equity, run.currency)}"
            f" on {last}, with {len(run.trades)} entries marked."
        ),
        lines=lines,
        tick=money_tick,
        height=340,
        marks=[*_event_marks(run), *_trade_marks(run)],
        bands=_bands(run),
        y_label=f"equity, {run.currency}" if run.currency else "equity",
        unit=AxisUnit.MONEY,
        points=_DETAIL,
    )
    return chart_svg(chart)


def drawdown_svg(run: Run) -> str:
    """Return the chart of the distance below the highest equity so far."""
    below = drawdown(run.returns)
    chart = Chart(
        ident="drawdown",
        title=f"Drawdown of {run.manifest['strategy']}",
        description=f"Distance below the highest equity so far; at most {percent(run.metrics.get('max_drawdown'))}.",
        lines=[Line("drawdown", *with_start(run.sessions, below, 0.0), "s1", fill_to_zero=True)],
        tick=tenths,
        height=180,
        bands=_bands(run) if len(run.trades) <= _NAMED else [],
        marks=_event_marks(run) if len(run.trades) <= _NAMED else [],
        y_label="drawdown",
        unit=AxisUnit.PERCENT,
        points=_DETAIL // 2,
    )
    return chart_svg(chart)


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


def _bands(run: Run) -> list[Band]:
    return [_band(t) for t in run.trades]


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
    return [Mark(day, None, "event", _event_text(e)) for day, e in inside]


def _event_text(event: RunEvent) -> str:
    return f"{event.event_id}: {event.title}, known {instant_text(event.known_at)}, {event.outcome}"
