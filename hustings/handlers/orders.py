"""hustings orders: what a strategy would do at coming events, by outcome, and what it does at a past one."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct, to_builtins
from msgspec.structs import replace

from datasets.errors import UserError
from datasets.events import EventCatalogue, PoliticalEvent
from datasets.events.scheduled import ScheduledEvent, scheduled_events
from datasets.instants import iso_z
from datasets.prices.bars import Bars
from engine.plan.coming import ComingMarket, ComingPlan, coming_event, plan_coming
from engine.plan.decision import Skipped
from engine.plan.plan import PlannedTrade, make_plan
from engine.run.backtest import rule_of
from engine.run.orders import order_of
from engine.strategy import After, Leg, NextClose, NextOpen, Strategy, values
from engine.strategy.contract import LEVELS
from engine.strategy.market import Market
from hustings.execution import StrategyOptions, build_rule
from hustings.handlers.coming_events import coming_within, instant_of
from hustings.inputs import days_of_text
from hustings.terminal import counted, parameters_text, progress, say, say_json, say_sources, strategy_output, table
from strategies.loading import find_strategy, is_backtrader


class _Setting(Struct, frozen=True):
    """The rule, the events and bars it is given, the instant as of which, and the cash."""

    rule: Strategy
    events: EventCatalogue
    market: Market
    coming: ComingMarket
    now: datetime
    cash: float


def show_orders(*, as_of: str | None, event_id: str | None, within: str, cash: float, **typed: Any) -> None:
    """Print what a strategy would do at the events to come within some days, or at one event."""
    if not 0 < cash < float("inf"):
        raise UserError(f"--cash is {cash:g}; it must be above 0")
    now, days = instant_of(as_of), days_of_text(within)
    options = StrategyOptions(instruments=(), since=None, until=None, **typed)
    with progress("calling the rule"), strategy_output():
        setting = _setting(options, as_of, now, cash)
        if event_id is not None:
            rows = [_one(event_id, setting)]
        else:
            rows = [_scheduled(e, setting) for e in coming_within(scheduled_events(), now, days)]
    wanted = [row for row in rows if row["rows"] or row["not_traded"] or event_id is not None]
    used = [b for market in (setting.market, setting.coming) for b in map(market.bars, market.loaded_symbols())]
    sources = {b.symbol: b.source.text for b in used}
    simulated = sorted({b.symbol for b in used if b.source.simulated})
    rule = setting.rule
    head = {"strategy": rule.name, "parameters": values(rule), "as_of": iso_z(now), "cash": cash}
    say_json({**head, "sources": sources, "simulated": simulated, "considered": len(rows), "events": wanted})
    say(f"{rule.name}  as of {iso_z(now)}")
    say(rule_of(type(rule)))
    say(parameters_text(values(rule), between=", "))
    say_sources(sources, simulated, kind="list")
    for row in wanted:
        _show(row)
    if event_id is None:
        unwanted = len(rows) - len(wanted)
        say(f"\n{counted(len(rows), 'event')} within {days.days} days; {unwanted} not wanted at any outcome")


def _setting(options: StrategyOptions, as_of: str | None, now: datetime, cash: float) -> _Setting:
    cls = find_strategy(options.strategy)
    if is_backtrader(cls):
        raise UserError(f"{cls.__name__} is a backtrader strategy: orders are those of a hustings rule")
    plain = options.market()
    market = plain if as_of is None else Market(plain.source, plain.instruments, (now - timedelta(days=1)).date())
    coming = ComingMarket(plain.source, plain.instruments, as_of=now)
    return _Setting(build_rule(cls, options.given(), ()), options.catalogue(), market, coming, now, cash)


def _one(event_id: str, setting: _Setting) -> dict[str, Any]:
    """Return the orders at an event: of one whose outcome is known, those of a run's plan."""
    for scheduled in scheduled_events():
        if scheduled.event_id == event_id and event_id not in setting.events:
            return _scheduled(scheduled, setting)
    event = setting.events.get(event_id)
    if event.known_at is not None and event.known_at <= setting.now:
        return _past(event, setting)
    return _coming_row(coming_event(event, setting.now), setting, f"{event.voted_on or ''}")


def _past(event: PoliticalEvent, setting: _Setting) -> dict[str, Any]:
    plan = make_plan(setting.rule, setting.events, setting.market)
    trades = [t for t in plan.trades if t.event_id == event.event_id]
    orders = [_order(t, setting, setting.market.bars(t.instrument)) for t in trades]
    skipped = [s for s in plan.skipped if s.event_id == event.event_id]
    return _row(event, [{"if": {}, "orders": orders}] if orders else [], skipped, date=str(event.voted_on or ""))


def _scheduled(event: ScheduledEvent, setting: _Setting) -> dict[str, Any]:
    seen = event.as_event(announced_at=setting.now)
    return _coming_row(seen, setting, event.scheduled_for, undated=event.is_latest)


def _coming_row(event: PoliticalEvent, setting: _Setting, date: str, *, undated: bool = False) -> dict[str, Any]:
    """Return the orders at an event without outcome; ``undated``: its date is not announced yet."""
    known = [e for e in setting.events if e.known_at is not None and e.known_at <= setting.now]
    to_come = [e.as_event(announced_at=setting.now) for e in scheduled_events() if e.closes_at > setting.now]
    plan = plan_coming(setting.rule, event, setting.coming, known + to_come)  # a position may end at any of them
    rows, skipped = [], []
    for row in plan.rows:
        conditions = {name: list(words) for name, words in row.conditions}
        orders = [
            _leg_order(leg, t, plan, setting, undated=undated) for leg, t in row.answer if isinstance(t, PlannedTrade)
        ]
        rows += [{"if": conditions, "orders": orders}] if orders else []
        where = f" (if {_in_words(conditions)})" if conditions else ""
        skipped += [replace(s, reason=s.reason + where) for _, s in row.answer if isinstance(s, Skipped)]
    return _row(event, rows, skipped, date=date, supposed=True)


def _leg_order(leg: Leg, trade: PlannedTrade, plan: ComingPlan, setting: _Setting, *, undated: bool) -> dict[str, Any]:
    """Return an order; where the rule acts when the date is announced, which it is not, its entry has no instant."""
    order = _order(trade, setting, setting.coming.bars(trade.instrument), setting.coming.known[trade.instrument])
    if order["entry"]["at"] <= iso_z(setting.now):
        order["notes"] = (*order["notes"], f"{trade.instrument}: entered already, on {order['entry']['session']}")
    if undated and plan.decided_at == setting.now and isinstance(leg.entry, NextOpen | NextClose):
        order["entry"] |= {"session": None, "at": None}
        order["exit"] = None if isinstance(leg.exit, After) else order["exit"]
    return order


def _order(trade: PlannedTrade, setting: _Setting, bars: Bars, known: Bars | None = None) -> dict[str, Any]:
    order: dict[str, Any] = to_builtins(order_of(trade, bars, known or bars, cash=setting.cash))
    return order


def _row(
    event: PoliticalEvent, rows: list[dict[str, Any]], skipped: Iterable[Skipped], *, date: str, supposed: bool = False
) -> dict[str, Any]:
    """Return the orders at an event, ready for JSON; ``supposed``: known_at is when its polls close."""
    assert event.known_at is not None
    return {
        "event_id": event.event_id,
        "title": event.title,
        "date": date,
        "known_at": iso_z(event.known_at),
        "known_at_supposed": supposed,
        "rows": rows,
        "otherwise": "nothing",
        "not_traded": [{"instrument": s.instrument, "reason": s.reason} for s in skipped],
    }


def _show(row: dict[str, Any]) -> None:
    what = "supposed to be known when polls close, at" if row["known_at_supposed"] else "known at"
    title = f"{row['event_id']}: {row['title']}" if row["title"] else row["event_id"]
    say(f"\n{title}{', ' if row['date'] else ''}{row['date']}; {what} {row['known_at']}")
    if row["rows"]:
        lines = [
            [_in_words(each["if"]) if n == 0 and row["known_at_supposed"] else "", *_cells(order)]
            for each in row["rows"]
            for n, order in enumerate(each["orders"])
        ]
        lines += [["else", "nothing", "", "", "", ""]] if any(each["if"] for each in row["rows"]) else []
        table(["if", "order", "about", "enter", "leave", "levels"], lines)
    for each in row["not_traded"]:
        say(f"  no order: {' '.join(filter(None, (each['instrument'], each['reason'])))}")
    notes = (note for each in row["rows"] for order in each["orders"] for note in order["notes"])
    for note in dict.fromkeys(notes):
        say(f"  {note}")
    if not row["rows"] and not row["not_traded"]:
        say("  nothing")


def _in_words(conditions: dict[str, list[str]]) -> str:
    return " and ".join(f"{name} = {' or '.join(words)}" for name, words in conditions.items()) or "at any outcome"


def _cells(order: dict[str, Any]) -> list[str]:
    side = "buy" if order["weight"] > 0 else "sell short"
    about = "unknown: no close before it"
    if order["last_close"] is not None:
        what = "units" if order["multiplier"] == 1 else f"contracts of {order['multiplier']:,.6g}"
        about = f"{order['units']:,.6g} {what} at {order['last_close']:,.6g} ({order['last_session']})"
    leave = order["exit_reason"] if order["exit"] is None else f"{_when(order['exit'])}: {order['exit_reason']}"
    levels = "; ".join(_level(name, order) for name in order["distances"]) or "none"
    return [
        f"{side} {order['instrument']}, {abs(order['weight']):.4g} of equity",
        about,
        _when(order["entry"]),
        leave,
        levels,
    ]


def _when(price: dict[str, Any]) -> str:
    if price["session"] is None:
        return f"first {price['phase']} after its date is announced"
    return f"{price['session']} {price['phase']}, {price['at'][5:16].replace('T', ' ')} UTC"


def _level(name: str, order: dict[str, Any]) -> str:
    level = order["levels"][name]
    about = "" if level is None else f" (about {level:,.6g})"
    return f"{LEVELS[name]} {order['distances'][name]:.3g} from entry{about}"
