"""The events of a run as tables: trades, P&L attribution, leave-one-out, and what was not traded."""

from dataclasses import dataclass
from typing import Any

from datasets.events import Kind
from engine.account.records import OPEN_AT_END, Trade
from engine.run.attribution import Attribution, WithoutEvent, attribution, in_cents
from engine.run.run import Run, RunEvent
from reports.numbers import (
    cents,
    instant,
    instant_text,
    money,
    percent,
    points,
    price,
    signed_money,
    signed_percent,
    with_instants,
)


def trade_rows(run: Run) -> list[dict[str, Any]]:
    """Return one row a trade: ready-made text by column, and under ``raw`` the numbers it is sorted by."""
    events = {e.event_id: e for e in run.events}
    return [_trade_row(t, events.get(t.event_id)) for t in run.trades]


def _trade_row(trade: Trade, event: RunEvent | None) -> dict[str, Any]:
    return {
        "event_id": trade.event_id,
        "title": "" if event is None else event.title,
        "labels": _labels(event),
        "known_at": "unknown" if event is None else instant_text(event.known_at),
        "known_basis": "" if event is None else event.known_at_basis.replace("_", " "),
        "decided_at": instant(trade.decided_at),
        "instrument": trade.instrument,
        "side": trade.side,
        "weight": "" if trade.weight is None else f" at {percent(abs(trade.weight), 0)}",
        "quantity": money(trade.quantity),
        "entry_at": instant(trade.entry_at),
        "entry_price": price(trade.entry_price),
        "gap": signed_percent(trade.gap),
        "exit_at": instant(trade.exit_at),
        "exit_price": price(trade.exit_price),
        "exit_reason": exit_words(trade.exit_reason),
        "is_closed": trade.is_closed,
        "costs": money(trade.costs),
        "pnl": signed_money(trade.pnl),
        "return_": signed_percent(trade.return_),
        "lost": trade.pnl < 0,
        "note": trade.note,
        "raw": trade,
    }


_EXITS = {OPEN_AT_END: "still held when the bars end", "bars_end": "its bars end here"}


def exit_words(reason: str) -> str:
    """Return an exit reason in words.

    >>> exit_words("open_at_end"), exit_words("held 20 sessions")
    ('still held when the bars end', 'held 20 sessions')
    """
    return _EXITS.get(reason, reason.replace("_", " "))


def _labels(event: RunEvent | None) -> str:
    """Return in a few words what sort of event it was, as far as it is labelled."""
    if event is None:
        return ""
    labels = [Kind(event.kind).words, event.majority.replace("_", " "), event.surprise]
    growth = "" if event.pro_growth in ("", "unknown") else f"pro-growth: {event.pro_growth}"
    return ", ".join(w for w in (*labels, growth) if w)


@dataclass(frozen=True)
class PartsRow:
    """The parts of one trade's P&L to the cent; as shown they sum to what is shown."""

    event_id: str
    instrument: str
    asset: str
    gap: str
    fx: str
    costs: str
    pnl: str
    raw: Attribution


def parts_rows(run: Run) -> list[PartsRow]:
    """Return the parts of every trade's P&L."""
    return [_parts_row(attribution(t)) for t in run.trades]


def _parts_row(found: Attribution) -> PartsRow:
    asset, gap, fx, costs = in_cents(found.parts(), found.pnl)
    return PartsRow(
        event_id=found.event_id,
        instrument=found.instrument,
        asset=cents(asset),
        gap="n/a" if found.gap is None else cents(gap),
        fx=cents(fx),
        costs=cents(costs),
        pnl=cents(found.pnl),
        raw=found,
    )


def parts_total(run: Run) -> PartsRow:
    """Return the sums of the parts over all trades."""
    each = [attribution(t) for t in run.trades]
    gaps = [a.gap for a in each if a.gap is not None]
    total = Attribution(
        event_id="",
        instrument="",
        asset=sum(a.asset for a in each),
        gap=sum(gaps) if gaps else None,
        fx=sum(a.fx for a in each),
        costs=sum(a.costs for a in each),
        pnl=sum(a.pnl for a in each),
    )
    return _parts_row(total)


@dataclass(frozen=True)
class WithoutRow:
    """What is left without one event, as text."""

    event_id: str
    n_trades: str
    mean_trade: str
    change: str
    pnl: str
    raw: WithoutEvent


def without_rows(rows: list[WithoutEvent]) -> list[WithoutRow]:
    """Return what is left without each event, as text."""
    return [
        WithoutRow(
            event_id=r.event_id,
            n_trades=str(r.n_trades),
            mean_trade="n/a: no other trade" if r.mean_trade is None else signed_percent(r.mean_trade),
            change="n/a" if r.change is None else points(r.change),
            pnl=cents(r.pnl),
            raw=r,
        )
        for r in rows
    ]


def skipped_rows(run: Run) -> list[dict[str, str]]:
    """Return the events not traded, with the reason for each."""
    events = {e.event_id: e for e in run.events}
    return [
        {
            "event_id": s.event_id,
            "title": events[s.event_id].title if s.event_id in events else "",
            "known_at": instant_text(events[s.event_id].known_at) if s.event_id in events else "unknown",
            "instrument": s.instrument,
            "reason": with_instants(s.reason),
        }
        for s in run.skipped
    ]
