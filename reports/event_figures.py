"""The events of a run: trades, P&L attribution, what was not traded; paths in event time and P&L event by event."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from msgspec.structs import replace

from datasets.arrays import Floats
from datasets.events import kind_of
from engine.account.records import OPEN_AT_END, Trade
from engine.plan.decision import Skipped
from engine.run.attribution import Attribution, WithoutEvent, in_cents
from engine.run.event_paths import BEFORE, cumulative, last_session, mean_path
from engine.run.run import EventPath, Run, RunEvent
from reports.charts import ChartColumn, Columns, columns_svg, tenths, waterfall
from reports.line_chart import Across, AxisUnit, Chart, Line, Range, chart_svg
from reports.numbers import cents, money_tick, points, signed_percent

T = TypeVar("T", Trade, Skipped)
_UNKNOWN = RunEvent(*[""] * 13)
_EXITS = {OPEN_AT_END: "still held when the bars end", "bars_end": "its bars end here"}


def with_events(rows: Sequence[T], run: Run) -> list[tuple[T, RunEvent]]:
    """Return trades, or what was not traded, each with its event; an unknown event is blank."""
    events = {e.event_id: e for e in run.events}
    return [(row, events.get(row.event_id, _UNKNOWN)) for row in rows]


def exit_words(reason: str) -> str:
    """Return an exit reason in words.

    >>> exit_words("open_at_end"), exit_words("held 20 sessions")
    ('still held when the bars end', 'held 20 sessions')
    """
    return _EXITS.get(reason, reason.replace("_", " "))


def event_labels(event: RunEvent) -> str:
    """Return in a few words what sort of event it was, as far as it is labelled."""
    kind = kind_of(event.kind).words if event.kind else ""
    growth = "" if event.pro_growth in ("", "unknown") else f"pro-growth: {event.pro_growth}"
    return ", ".join(w for w in (kind, event.majority.replace("_", " "), event.surprise, growth) if w)


def to_the_cent(found: Attribution) -> list[float]:
    """Return the amounts of the parts of a P&L to the cent, which sum to that of the P&L."""
    return in_cents(found.parts(), found.pnl)


_FEW, _MANY = 40, 150
"""Of more paths than these each is drawn fainter."""


def event_time_svg(run: Run, placebo: Range | None = None) -> str:
    """Return the chart of cumulative returns around the events: each event's path, their mean, and what chance gives.

    Empty where no path has a close before its event.
    """
    last = last_session(run.trades)
    across = np.arange(-BEFORE, last + 1, dtype=np.float64)
    drawn = [(p, cumulative(p, -BEFORE, last)) for p in run.paths]
    drawn = [(p, values) for p, values in drawn if np.isfinite(values).sum() > 1]
    if not drawn:
        return ""
    mean, paths = mean_path([p for p, _ in drawn], -BEFORE, last), f"{len(drawn)} path{'s' * (len(drawn) > 1)}"
    style = "path" if len(drawn) <= _FEW else "path many" if len(drawn) <= _MANY else "path most"
    lines = [Line(_path_name(p, v), across, v, style, read=False) for p, v in drawn]
    chart = Chart(
        ident="event-time",
        title="Cumulative return around the events",
        description=f"{paths} and their mean, from {BEFORE} sessions before to {last} after.",
        lines=[*lines, Line("mean", across, mean, "s0 strong")],
        tick=tenths,
        height=340,
        ranges=_ranges(placebo, last),
        x_label="sessions from the first close after the event was known",
        y_label="cumulative return",
        unit=AxisUnit.PERCENT,
        across=Across.SESSIONS,
    )
    return chart_svg(chart)


def _path_name(path: EventPath, values: Floats) -> str:
    known = np.flatnonzero(np.isfinite(values))
    last = int(known[-1])
    return f"{path.event_id}, {path.instrument} {path.side}: {signed_percent(values[last])} by session {last - BEFORE}"


def _ranges(placebo: Range | None, last: int) -> list[Range]:
    if placebo is None:
        return []
    shown = placebo.days.astype(np.float64) <= last
    return [replace(placebo, days=placebo.days[shown], low=placebo.low[shown], high=placebo.high[shown])]


def waterfall_svg(run: Run) -> str:
    """Return the chart of P&L event by event, from the starting cash to the final equity."""
    interest = run.final_equity - run.start_equity - sum(t.pnl for t in run.trades)
    in_order = dict.fromkeys(t.event_id for t in run.trades)
    steps = [_step(event_id, [t for t in run.trades if t.event_id == event_id]) for event_id in in_order]
    if abs(interest) >= 0.005:
        steps.append(("interest", interest, f"interest on idle cash: {cents(interest)}"))
    total = run.final_equity - run.start_equity
    whole = ChartColumn("total", 0.0, total, "total", f"final equity less starting cash: {cents(total)}")
    chart = Columns(
        ident="waterfall",
        title="P&L event by event",
        description=f"From 0 to {cents(total)}, the final equity less the starting cash, in order of entry.",
        columns=[*waterfall(steps), whole],
        tick=money_tick,
        y_label=f"P&L so far, {run.currency}" if run.currency else "P&L so far",
        height=360,
        joined=True,
    )
    return columns_svg(chart)


def _step(event_id: str, trades: Sequence[Trade]) -> tuple[str, float, str]:
    pnl = sum(t.pnl for t in trades)
    still = "" if all(t.is_closed for t in trades) else ", still open"
    return event_id, pnl, f"{event_id}: {cents(pnl)}{still}"


def without_svg(rows: Sequence[WithoutEvent]) -> str:
    """Return the chart of how the mean trade changes when one event is left out."""
    columns = []
    for row, change in ((r, r.change) for r in rows if r.change is not None):
        words = f"without {row.event_id}: {points(change)}, mean {signed_percent(row.mean_trade)}"
        columns += [ChartColumn(row.event_id, 0.0, change, "fall" if change < 0 else "rise", words)]
    chart = Columns(
        ident="without",
        title="Change of the mean trade without one event",
        description=f"One column an event, {len(columns)} of them: the mean of the other trades less the mean of all.",
        columns=columns,
        tick=lambda fraction: points(fraction).removesuffix(" pp"),
        y_label="change, in pp",
        height=300,
    )
    return columns_svg(chart)
