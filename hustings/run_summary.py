"""Prints a run: strategy, sources, metrics, trades and skipped events."""

import sys
from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path

from engine.account.records import Trade
from engine.metrics.table import Metric, MetricInputs
from engine.run.attribution import by_market
from engine.run.run import Run
from hustings.terminal import parameters_text, say, say_files, say_sources, table
from reports.event_figures import exit_words
from reports.headline import HeadlineCard, account_cards, trade_cards
from reports.numbers import (
    BLOCKS,
    NOT_AVAILABLE,
    PLAIN,
    amount,
    metric_text,
    money,
    percent,
    price,
    signed_percent,
    sparkline,
)

_SHOWN = 12


def metric_of(run: Run, metric: Metric[MetricInputs]) -> str:
    """Return a headline metric of a run as text; one that is not available says so, and why."""
    value = run.metrics[metric.name]
    return f"n/a ({run.notes[metric.name]})" if value is None else metric_text(metric, value, run.currency)


def summary(run: Run, files: Mapping[str, Path]) -> None:
    """Print a run: its strategy, the sources of its bars, its metrics, trades and skipped events."""
    head(run)
    _views(run)
    _trades(run)
    _markets(run)
    _skipped(run)
    say()
    say_files(opened(files))


def opened(files: Mapping[str, Path]) -> dict[str, Path]:
    """Return the files of a run that a user opens."""
    return {name: path for name, path in files.items() if name in ("tearsheet", "quantstats", "study", "manifest")}


def head(run: Run) -> None:
    """Print the strategy of a run, the sources of its bars, and its equity."""
    say(f"{run.manifest['strategy']}  run {run.run_id}")
    say(run.manifest["rule"])
    say(parameters_text(run.manifest["parameters"], between=", "))
    say()
    for text in run.warnings:
        say(f"WARNING {text}")
    say_sources(run.manifest["sources"], run.manifest["simulated"], kind="run")
    for file in run.manifest.get("own_events", []):
        say(f"  events of {file['name']} ({file['events']}) are among those offered")
    if run.manifest.get("labels"):
        say(f"  labels of {run.manifest['labels']['file']} in place of the events' own")
    fx = "every market is currency-hedged" if run.is_hedged else "not currency-hedged"
    begins = f"; {run.manifest['begins']}" if "begins" in run.manifest else ""
    say(f"  {run.manifest['first_session']} to {run.manifest['last_session']}, {len(run.sessions)} sessions{begins}")
    say(f"  equity {amount(run.start_equity, run.currency)} to {amount(run.final_equity, run.currency)}; {fx}")
    for symbol, text in run.manifest.get("rates", {}).items():
        say(f"  {run.manifest['currencies'][symbol]} of {symbol} at {text}")
    for symbol, text in run.manifest.get("carry", {}).items():
        say(f"  carry of {symbol}: {text}")
    for symbol, text in run.manifest.get("futures", {}).items():
        say(f"  future {symbol}: {text}")
    say(f"  {sparkline(run.equity, signs=_signs())}")


def _signs() -> str:
    """Return the characters of a curve that stdout can encode."""
    try:
        BLOCKS.encode(sys.stdout.encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return PLAIN
    return BLOCKS


def _views(run: Run) -> None:
    """Print the metrics per trade with those of the portfolio, and why any number is n/a."""
    ours, account = trade_cards(run), account_cards(run)
    pairs = zip_longest(ours, account, fillvalue=HeadlineCard("", "", ""))
    rows = [[left.label, left.value, right.label, right.value] for left, right in pairs]
    table(["per trade", "", "portfolio", " "], rows, right=["", " "])
    missing: dict[str, list[str]] = {}
    for card in (*ours, *account):
        if card.value == NOT_AVAILABLE:
            missing.setdefault(card.note, []).append(card.label)
    for why, labels in missing.items():
        say(f"  n/a: {', '.join(labels)}: {why}")


def _trades(run: Run) -> None:
    trades = run.trades
    if not trades:
        say("\nno trades")
        if not run.skipped:
            considered = run.manifest["events_considered"]
            say(f"the strategy selected none of {considered} events; 'hustings events list' shows them")
        return
    pnl = f"P&L {run.currency}".strip()
    columns = ["event", "market", "side", "in", "at", "out", "at ", "return", pnl, "exit reason"]
    rows = [_trade_row(t) for t in trades[-_SHOWN:]]
    say()
    if len(trades) > _SHOWN:
        say(f"the last {_SHOWN} of {len(trades)} trades (all are in trades.csv)")
    table(columns, rows, right=["at", "at ", "return", pnl])


def _trade_row(t: Trade) -> list[str]:
    ends = [t.entry_session, price(t.entry_price), t.exit_session, price(t.exit_price)]
    why = exit_words(t.exit_reason) + (f"; {t.note}" if t.note else "")
    return [t.event_id, t.instrument, t.side, *ends, percent(t.return_), money(t.pnl), why]


def _markets(run: Run) -> None:
    """Print the P&L of each market over all events, with its parts and exposure.

    Of a single market only where an exchange rate or carry is among the parts: the rest is in the metrics.
    """
    found = by_market(run.trades)
    exposure = {e.name: e.mean for e in run.exposures if e.kind == "market"}
    if len(found) < 2 and not any(m.parts.fx or m.parts.carry for m in found):
        return
    rows = [
        [
            m.instrument,
            str(m.trades),
            *(money(v) for v in (m.parts.asset, m.parts.gap, m.parts.fx, m.parts.carry, m.parts.costs, m.parts.pnl)),
            percent(exposure.get(m.instrument)),
        ]
        for m in found
    ]
    columns = ["market", "trades", "asset", "gap", "FX", "carry", "costs", f"P&L {run.currency}".strip(), "exposure"]
    say()
    table(columns, rows, right=columns[1:])
    held = [f"{e.name} {signed_percent(e.mean)}" for e in run.exposures if e.kind == "currency"]
    say(f"exposure by currency: {', '.join(held)}" + (" (before the hedge)" if run.is_hedged else ""))


def _skipped(run: Run) -> None:
    if not run.skipped:
        return
    say(f"\n{len(run.skipped)} not traded" + (f", the last {_SHOWN}:" if len(run.skipped) > _SHOWN else ":"))
    for each in run.skipped[-_SHOWN:]:
        say(f"  {each.event_id or '-'} {each.instrument}  {each.reason}")
