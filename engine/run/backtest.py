"""One backtest from its parts: plan, replay, numbers, manifest."""

import inspect
import platform
import sys
from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import asdict, replace

from datasets.arrays import Floats
from datasets.errors import UserError
from datasets.events import EventCatalogue, PoliticalEvent
from datasets.instants import iso_z, to_date, to_datetime
from datasets.markets.sessions import FX, horizon_note
from datasets.prices.account_currency import account_returns, refuse_missing
from datasets.prices.bars import Bars
from datasets.prices.periods import MADE_AT_THE_END, Period
from engine.account.daily_ledger import account_start, start_text
from engine.account.records import Account, Fill
from engine.metrics.metrics import compute_metrics
from engine.plan.costs import Terms
from engine.plan.decision import Skipped
from engine.plan.left_out import left_out_by_kind
from engine.plan.plan import Plan, make_plan
from engine.run.attribution import exposures
from engine.run.event_paths import event_paths
from engine.run.identity import RESULTS_VERSION, code_hash, id_of_inputs, resolved
from engine.run.run import Run, RunEvent
from engine.strategy import Strategy, values
from engine.strategy.contract import NO_INSTRUMENT, parameters
from engine.strategy.market import Market

_MARGINS = ("multiplier", "initial_margin", "maintenance_margin")


class Window(Struct, frozen=True):
    """The first and last date of a run; None is the whole of the bars."""

    since: date | None = None
    until: date | None = None

    def __post_init__(self) -> None:
        if self.since and self.until and self.since > self.until:
            raise UserError(f"--from {self.since} lies after --to {self.until}")


def backtest(
    strategy: Strategy,
    events: EventCatalogue,
    market: Market,
    *,
    terms: Terms | None = None,
    window: Window | None = None,
    benchmark: str | None = None,
    plan: Plan | None = None,
) -> Run:
    """Return the run of a strategy over events and bars.

    Args:
        strategy: the rule.
        events: every event it is offered.
        market: the bars; its ``until`` must be that of the window.
        terms: cash, costs and limits.
        window: the dates of the account.
        benchmark: an instrument to hold the account against.
        plan: that of the strategy, if it is made already.

    Raises:
        UserError: bad input, described in one line.
    """
    from engine.account.replay import replay  # noqa: PLC0415 - brings backtrader, which a sweep imports elsewhere

    terms, window = terms or Terms(), window or Window()
    plan = make_plan(strategy, events, market, since=window.since) if plan is None else plan
    if not plan.instruments:
        raise UserError(f"{strategy.name} {NO_INSTRUMENT}")
    bars = market.loaded(plan.instruments)
    account = replay(plan, bars, terms, since=account_start(bars, plan.wanted, window.since))
    return finish_run(
        account,
        identity={
            "strategy": strategy.name,
            "rule": rule_of(type(strategy)),
            "parameters": resolved(type(strategy), values(strategy), market.symbol),
            "changed": [p.name for p in parameters(type(strategy)) if getattr(strategy, p.name) != p.default],
        },
        code=code_hash(type(strategy)),
        bars=bars,
        events=events,
        terms=terms,
        window=window,
        skipped=[
            *plan.skipped,
            *account.skipped,
            *left_out_by_kind(strategy, EventCatalogue.of(events), market, since=window.since),
        ],
        considered=plan.considered,
        benchmark=None if benchmark is None else market.bars(benchmark),
    )


def finish_run(
    account: Account,
    *,
    identity: dict[str, Any],
    code: str,
    bars: list[Bars],
    events: EventCatalogue,
    terms: Terms,
    window: Window,
    skipped: Iterable[Skipped],
    considered: int,
    benchmark: Bars | None,
) -> Run:
    """Return the run of an account: its metrics, its manifest, and its id.

    The parameters in ``identity`` name each instrument by its symbol.
    """
    skipped, terms = tuple(skipped), replace(terms, currency=terms.currency or bars[0].instrument.currency)
    sessions = account.days.sessions
    returns = account.returns(terms.cash)
    result = compute_metrics(sessions, returns, account.trades, cash_rate=terms.cash_rate)
    manifest = {
        **identity,
        **bars_manifest(bars, terms, benchmark),
        "window": {"from": str(window.since or ""), "to": str(window.until or "")},
        "first_session": str(to_date(sessions[0])),
        "last_session": str(to_date(sessions[-1])),
        "begins": start_text(bars, sessions[0], window.since),
        "events_considered": considered,
        **origins_manifest(events, code, bars, benchmark),
    }
    manifest["warnings"] += hours_notes(account.fills, bars)
    held = None if benchmark is None else on_sessions(benchmark, sessions)
    if held is not None and window.since is None:
        held[0] = 0.0  # the account begins at its first close, and not before its first session
    return Run(
        run_id=id_of_inputs(
            manifest,
            lots={b.symbol: b.instrument.lot for b in bars},
            futures={b.symbol: [getattr(b.instrument, n) for n in _MARGINS] for b in bars if b.instrument.is_future},
        ),
        manifest=manifest,
        start_equity=terms.cash,
        sessions=sessions,
        equity=account.equity,
        cash=account.cash,
        returns=returns,
        exposure=account.exposure,
        fills=tuple(account.fills),
        trades=tuple(account.trades),
        skipped=skipped,
        events=_run_events(events, account, skipped),
        benchmark=None if benchmark is None else benchmark.symbol,
        benchmark_returns=held,
        metrics=result.values,
        notes=result.notes,
        paths=event_paths(account.trades, events, bars),
        exposures=exposures(account, bars),
    )


def bars_manifest(bars: list[Bars], terms: Terms, benchmark: Bars | None = None) -> dict[str, Any]:
    """Return what the manifest says of the bars, their costs and the account's terms."""
    shown = _shown(bars, benchmark)
    return {
        "sources": {b.symbol: f"{b.source.text}; {b.span()}" for b in shown},
        "simulated": sorted({b.symbol for b in shown if b.source.simulated}.union(*map(simulated_rates, shown))),
        "currencies": {b.symbol: b.instrument.currency for b in bars},
        "rates": {b.symbol: b.rates.text for b in bars if b.rates is not None and b.rates.text},
        "carry": {b.symbol: carry_text(b) for b in bars if b.instrument.base_currency},
        "futures": {b.symbol: future_text(b) for b in bars if b.instrument.is_future},
        "adjustments": {b.symbol: b.adjustment for b in shown},
        "total_return_indices": sorted(b.symbol for b in shown if b.adjustment == "total"),
        "periods": {b.symbol: str(b.period) for b in shown if b.period is not Period.DAILY},
        "warnings": [
            *filter(None, [mixed_returns(shown)]),
            *(f"{b.symbol} has {b.period} bars: {MADE_AT_THE_END}" for b in shown if b.period is not Period.DAILY),
        ],
        "costs": {b.symbol: asdict(terms.costs(b.instrument)) for b in bars},
        "terms": asdict(terms),
        "benchmark": None if benchmark is None else benchmark.symbol,
    }


def origins_manifest(
    events: EventCatalogue, code: str, bars: list[Bars], benchmark: Bars | None = None
) -> dict[str, Any]:
    """Return what the manifest says of the files, code and packages behind a run."""
    return {
        "labels": None if events.labels is None else dict(events.labels),
        "priors": None if events.priors is None else dict(events.priors),
        "own_events": [asdict(file) for file in events.own],
        "sha256": {
            "code": code,
            "events": events.sha256(),
            "bars": {b.symbol: b.sha256() for b in _shown(bars, benchmark)},
        },
        "results_version": RESULTS_VERSION,
        "versions": {**versions()},
        "seed": None,
        "conventions": "CONVENTIONS.md of hustings " + version("hustings"),
    }


def simulated_rates(bars: Bars) -> frozenset[str]:
    """Return the simulated pairs from which bars have their exchange rates."""
    return frozenset() if bars.rates is None else bars.rates.simulated


def carry_text(pair: Bars) -> str:
    """Return in words where the carry of a currency pair comes from, or that it has none."""
    if pair.carry is not None:
        return "short rates of rates.csv"
    base, quote = pair.instrument.base_currency, pair.instrument.currency
    return f"none: no rates.csv next to the prices has the short rates of {base} and {quote}"


def future_text(bars: Bars) -> str:
    """Return in words the contract of a future, and what its series says of rolls."""
    of = bars.instrument
    tick = f", tick {of.tick:g}" if of.tick else ""
    margins = f"initial margin {of.initial_margin:g} % of value, maintenance {of.maintenance_margin:g} %"
    rolls = "no roll is named in actions.csv: the series counts as one contract, and pays no commission for rolls"
    if bars.rolls is not None:
        n = int(bars.rolls.sum())
        rolls = f"{n} roll{'s' if n != 1 else ''}, each two commissions of what is held"
    return f"multiplier {of.unit:g}{tick}, {margins}; {rolls}"


def _shown(bars: list[Bars], benchmark: Bars | None) -> list[Bars]:
    return [*bars] if benchmark is None or benchmark.symbol in {b.symbol for b in bars} else [*bars, benchmark]


def _run_events(events: EventCatalogue, account: Account, skipped: Iterable[Skipped]) -> tuple[RunEvent, ...]:
    """Return the events traded or skipped, each as known when it was decided on, and not before its outcome."""
    decided = {t.event_id: to_datetime(t.decided_at) for t in reversed(account.trades)}
    listed = {*decided, *(s.event_id for s in skipped)}
    shown = ((e, [at for at in (decided.get(e.event_id), e.known_at) if at]) for e in events if e.event_id in listed)
    return tuple(
        _run_event(e.as_known(max(at)) if at else e, traded="traded" if e.event_id in decided else "skipped")
        for e, at in shown
    )


def _run_event(event: PoliticalEvent, *, traded: str) -> RunEvent:
    shown = {name: getattr(event, name) for name in RunEvent.__struct_fields__ if name != "outcome"}
    text = {name: iso_z(v) if isinstance(v, datetime) else v or "" for name, v in shown.items()}
    return RunEvent(**text, outcome=traded)


def mixed_returns(bars: Iterable[Bars]) -> str | None:
    """Return which series hold their dividends and which do not, if both are there; a currency or a bond has none."""
    adjusted: dict[str, list[str]] = {"total": [], "price": []}
    for each in bars:
        if each.instrument.mic != FX and each.instrument.tradable and each.yields is None and each.fee is None:
            adjusted[each.adjustment].append(each.symbol)
    if not all(adjusted.values()):
        return None
    total, price = (", ".join(sorted(adjusted[k])) for k in ("total", "price"))
    return f"total return (dividends inside): {total}; price return: {price}: compare with care"


def hours_notes(fills: Iterable[Fill], bars: Iterable[Bars]) -> list[str]:
    """Return what is not certain of the hours on which fills rest, one text an exchange."""
    filled: dict[str, list[date]] = {}
    exchanges = {b.symbol: b.instrument.mic for b in bars}
    for fill in fills:
        filled.setdefault(exchanges[fill.instrument], []).append(date.fromisoformat(fill.session))
    notes = (horizon_note(mic, min(sessions), max(sessions)) for mic, sessions in sorted(filled.items()))
    return [note for note in notes if note]


def on_sessions(bars: Bars, sessions: Any) -> Floats:
    """Return the returns of an instrument's closes on the account's sessions; 0 on a session it did not trade.

    The move over days it was shut falls on the session it opened again. Before its first bar the return is 0.
    """
    row = np.maximum(np.searchsorted(bars.session, sessions, side="right") - 1, 0)
    before = int(np.searchsorted(bars.session, sessions[0], side="left")) - 1
    rows = np.concatenate(([before if before >= 0 else row[0]], row))
    rates = None if bars.close_rate is None else bars.close_rate[rows]
    if rates is not None and np.isnan(rates).any():
        refuse_missing(bars, 2 * int(rows[np.isnan(rates)][0]), 2 * int(rows[-1]), use="is the benchmark")
    return account_returns(bars.close[rows], rates, financed=bars.is_financed)


def rule_of(kind: type[Strategy]) -> str:
    """Return the first line of a rule's docstring: the rule in words."""
    return (inspect.getdoc(kind) or kind.__name__).splitlines()[0]


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that results depend on."""
    named = ("hustings", "backtrader", "numpy", "exchange_calendars")
    return {
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "implementation": platform.python_implementation(),
        **{n: version(n) for n in named},
    }
