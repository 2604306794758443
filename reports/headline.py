"""What a tear sheet says first (verdict, metrics per trade and of the portfolio), and the command that makes it."""

import shlex
from collections.abc import Sequence
from statistics import fmean
from typing import Any

from msgspec import Struct
from msgspec.structs import fields, replace

from engine.account.records import Trade, observed
from engine.metrics.performance import MORE_TRADE_METRICS, more_trade_metrics
from engine.metrics.table import METRICS, PORTFOLIO_METRICS, TRADE_METRICS, Metric, Metrics
from engine.plan.costs import Terms
from engine.run.run import Run
from reports.numbers import NOT_AVAILABLE, metric_text, percent, signed_percent

FEW, SOME = 5, 20
"""Below FEW observations a page has an anecdote, below SOME a description; from SOME on it may start to ask."""


def outcome(run: Run) -> str:
    """Return in one or two sentences what the trades and the account made."""
    total = f"The account made {signed_percent(run.metrics.get('total_return'))} in {_span(run)}"
    cagr = run.metrics.get("cagr")
    total += "." if cagr is None else f", {signed_percent(cagr)} a year."
    n = int(run.metrics["n_trades"] or 0)
    if not n:
        return total
    events = int(more_trade_metrics(run.trades).values["n_events"] or 0)
    still = sum(not t.is_closed for t in run.trades)
    what = _trades(run.trades) + (f" ({still} still open, at the last close)" if still else "")
    where = "1 event" if events == 1 else f"{events} events"
    won = sum(t.pnl > 0 for t in run.trades)
    mean = signed_percent(run.metrics["mean_trade"])
    made = f"{what} on {where} made {mean}" + ("" if n == 1 else f" on average; {won} of {n} won")
    return f"{made}. {total}"


def _span(run: Run) -> str:
    days = int((run.sessions[-1] - run.sessions[0]).astype(int))
    return f"{days / 365.25:.1f} years" if days >= 365 else "1 day" if days == 1 else f"{days} days"


def support(run: Run) -> str:
    """Return in one or two sentences how much the trades of a run support. It never claims significance."""
    n = len(observed(run.trades))
    if n == 0:
        return "No trade: these numbers say nothing about the rule."
    trades = _trades(run.trades) + ("" if n == len(run.trades) else f", {n} observation{'' if n == 1 else 's'}")
    best = _without_best(run.trades)
    if n < FEW:
        return f"{trades}: an anecdote. So few do not distinguish a rule from chance, whatever this page says.{best}"
    if n < SOME:
        return (
            f"{trades}: enough to describe what happened, too few to infer that it will happen again;"
            f" one event more or less can turn the result.{best}"
        )
    return (
        f"{trades}: a sample one may begin to test, which this page does not do. Trades on neighbouring events overlap"
        f" in time, and a rule chosen after the fact needs a test that knows it.{best}"
    )


def _trades(trades: Sequence[Trade]) -> str:
    return "1 trade" if len(trades) == 1 else f"{len(trades)} trades"


def _without_best(trades: Sequence[Trade]) -> str:
    """Return a sentence on how the mean depends on the best trade; nothing for a single one."""
    if len(trades) < 2:
        return ""
    returns = sorted(t.return_ for t in trades)
    mean, rest = fmean(returns), fmean(returns[:-1])
    return f" The mean trade is {percent(mean)}; without the best one it is {percent(rest)}."


class HeadlineCard(Struct, frozen=True):
    """One number of the headline as text; ``note`` says what it is, or why it is not there."""

    label: str
    value: str
    note: str
    negative: bool = False


def trade_cards(run: Run) -> list[HeadlineCard]:
    """Return the metrics of the trades, whatever the account did in between."""
    return [_card(m, found, run.currency) for table, found in per_trade(run) for m in table]


def per_trade(run: Run) -> list[tuple[Sequence[Metric[Any]], Metrics]]:
    """Return the tables of metrics of the trades, each with its numbers."""
    ours = Metrics(run.metrics, run.notes)
    return [(TRADE_METRICS, ours), (MORE_TRADE_METRICS, more_trade_metrics(run.trades))]


def account_cards(run: Run) -> list[HeadlineCard]:
    """Return the metrics of the portfolio: time-weighted, idle cash included."""
    return [_card(m, Metrics(run.metrics, run.notes), run.currency) for m in PORTFOLIO_METRICS]


KEY_FIGURES = ("total_return", "cagr", "max_drawdown", "exposure", "n_trades", "win_rate", "mean_trade")


def key_cards(run: Run, placebo_p: float | None) -> list[HeadlineCard]:
    """Return the figures of the first screen; a note only where one is not available, and P(placebo) if studied."""
    cards = {name: _card(_NAMED[name], Metrics(run.metrics, run.notes), run.currency) for name in KEY_FIGURES}
    shown = [replace(card, note=card.note if card.value == NOT_AVAILABLE else "") for card in cards.values()]
    return shown if placebo_p is None else [*shown, HeadlineCard("P(placebo)", f"{placebo_p:.3f}", "")]


def remarks(run: Run) -> list[str]:
    """Return a line each on positions still open, ended early or cut to a limit, and what else a reader must know."""
    cut = [s for s in run.skipped if " cut to " in s.reason]
    held = [f"{t.instrument} since {t.entry_session}" for t in run.trades if not t.is_closed]
    lines = [f"Still open at the end, marked at the last close: {_first_of(held)}."] if held else []
    ended = [f"{t.instrument} on {t.exit_session}" for t in run.trades if t.exit_reason == "bars_end"]
    lines += [f"Ended early, at the last close of its own bars: {_first_of(ended)}."] if ended else []
    lines += [f"Cut to a limit: {_first_of([s.reason for s in cut], 1)}."] if cut else []
    return [*lines, *(f"{text}." for text in run.warnings)]


def _first_of(texts: Sequence[str], n: int = FEW) -> str:
    return ", ".join(texts[:n]) + (f" and {len(texts) - n} more" if len(texts) > n else "")


_NAMED = {m.name: m for m in METRICS}


def _card(metric: Metric[Any], found: Metrics, currency: str) -> HeadlineCard:
    value = found.values.get(metric.name)
    why = found.notes.get(metric.name, "not recorded") if value is None else metric.meaning
    return HeadlineCard(metric.label, metric_text(metric, value, currency), why, negative=(value or 0) < 0)


def command(run: Run) -> str:
    """Return the command line that makes this run again over the same events and bars."""
    manifest = run.manifest
    words = ["hustings", "run", str(manifest["strategy"])]
    for name, value in sorted(manifest["parameters"].items()):  # a run read back has them in that order
        words += ["-p", f"{name}={_typed(value)}"]
    for term in fields(Terms):
        value = manifest["terms"].get(term.name)
        words += [] if value in (None, term.default) else [f"--{term.name.replace('_', '-')}", _typed(value)]
    for key, option in (("from", "--from"), ("to", "--to")):
        words += [option, manifest["window"][key]] if manifest["window"][key] else []
    words += ["--benchmark", str(run.benchmark)] if run.benchmark else []
    return " ".join(shlex.quote(w) for w in words)


def _typed(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, list):
        return ",".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)
