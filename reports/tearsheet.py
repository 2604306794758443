"""The tear sheet: one run on one self-contained page, from what was run to how to run it again."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil
from typing import Any

import numpy as np
from markupsafe import Markup

from datasets.bars import Floats
from datasets.instants import Sessions, to_date
from engine.metrics import (
    Drawdown,
    cagr,
    drawdown,
    drawdowns,
    monthly_returns,
    numbers,
    session_rate,
    sessions_per_year,
    sharpe,
    sortino,
    span_days,
    total_return,
    volatility,
    yearly_returns,
)
from engine.run import Run, Trade
from engine.study.result import Study
from reports.labels import METRICS, exit_words
from reports.numbers import (
    instant,
    instant_text,
    money,
    percent,
    points,
    price,
    ratio,
    signed_money,
    signed_percent,
    with_instants,
)
from reports.page import render, simulated_symbols
from reports.quantstats_sheet import Figure, Sheet, quantstats_sheet
from reports.study_section import study_section
from reports.svg import NARROW, Band, Bars, Chart, Line, Mark, bars_svg, chart_svg, growth

WORST = 10
FEW, SOME = 5, 20
"""Below FEW closed trades a page tells a story, below SOME a description; from SOME on it may start to ask."""


_ROUNDS_TO_ZERO = 0.00005


def tearsheet(run: Run, study: Study | None = None, *, trial: str = "") -> str:
    """Return the tear sheet of a run as one HTML page; the same arguments give the same bytes.

    Args:
        run: what is shown.
        study: what its events can bear, if it was studied.
        trial: its place among all that was tried, in words.
    """
    manifest = run.manifest
    sheet = quantstats_sheet(run)
    return render(
        "tearsheet.html.j2",
        run=run,
        manifest=manifest,
        manifest_json=json.dumps(manifest, indent=2, sort_keys=True, default=str, ensure_ascii=False),
        simulated=[", ".join(simulated_symbols(run))] if run.simulated else [],
        instruments=_instruments(run),
        currency_note=currency_note(manifest["currencies"]),
        headline=_headline(run),
        bearing=bearing(run),
        trial=trial,
        study=None if study is None else study_section(study),
        equity_svg=Markup(_equity_svg(run)),
        drawdown_svg=Markup(_drawdown_svg(run)),
        trades=[_trade_row(t, run) for t in run.trades],
        skipped=_skipped_rows(run),
        months=_month_rows(run),
        drawdowns=drawdowns(run.sessions, run.returns)[:WORST],
        sheet=sheet,
        figures=_figures(run, sheet),
        key_metrics=_key_metrics(run),
        points=points,
        recovered=recovered,
    )


def bearing(run: Run) -> str:
    """Return in one or two sentences how much the closed trades of a run can bear. It never claims significance."""
    closed = [t for t in run.trades if t.is_closed]
    n = len(closed)
    if n == 0:
        return "No closed trade: these numbers say nothing about the rule."
    trades = "1 closed trade" if n == 1 else f"{n} closed trades"
    if n < FEW:
        return (
            f"{trades}: an anecdote. So few cannot tell a rule from luck, whatever the ratios on this page say."
            f"{_without_best(closed, run)}"
        )
    if n < SOME:
        return (
            f"{trades}: enough to describe what happened, too few to infer that it will happen again;"
            f" one event more or less can turn the result.{_without_best(closed, run)}"
        )
    return (
        f"{trades}: a sample one may begin to test, which this page does not do. Trades on neighbouring events overlap"
        f" in time, and a rule chosen after the fact needs a test that knows it.{_without_best(closed, run)}"
    )


def _without_best(closed: Sequence[Trade], run: Run) -> str:
    """Return a sentence on how much hangs on one trade; nothing for a single one."""
    if len(closed) < 2:
        return ""
    best = max(closed, key=lambda t: t.return_)
    rest = numbers(run.sessions, run.returns, [t for t in closed if t is not best]).values["mean_trade"]
    return f" The mean trade is {percent(run.metrics.get('mean_trade'))}; without the best one it is {percent(rest)}."


def currency_note(currencies: dict[str, str]) -> str:
    """Return what the quote currencies mean for the account."""
    named = sorted(set(currencies.values()))
    if not named:
        return ""
    quoted = (
        f"All prices are in {named[0]}. An account kept in another currency is"
        if len(named) == 1
        else f"Prices are in {', '.join(named[:-1])} and {named[-1]}. Whatever the account is kept in, positions are"
    )
    return f"{quoted} taken as currency-hedged: the local return is earned on its capital, and no exchange rate enters."


@dataclass(frozen=True)
class _InstrumentRow:
    symbol: str
    source: str
    span: str
    currency: str
    commission: str
    slippage: str
    remarks: str
    simulated: bool


def _instruments(run: Run) -> list[_InstrumentRow]:
    return [_instrument(symbol, text, run) for symbol, text in sorted(run.manifest["sources"].items())]


def _instrument(symbol: str, text: str, run: Run) -> _InstrumentRow:
    manifest = run.manifest
    source, _, span = text.rpartition("; ")
    costs = manifest["costs"].get(symbol)
    remarks = [
        "not traded" if costs is None else "",
        "benchmark" if symbol == run.benchmark else "",
        "total return: dividends are inside" if symbol in manifest["total_return_indices"] else "",
    ]
    return _InstrumentRow(
        symbol=symbol,
        source=source or span,
        span=span if source else "",
        currency=manifest["currencies"].get(symbol, ""),
        commission="" if costs is None else f"{ratio(costs['commission_bps'], 1)} bps",
        slippage="" if costs is None else f"{ratio(costs['slippage_bps'], 1)} bps",
        remarks="; ".join(r for r in remarks if r),
        simulated=symbol in manifest["simulated"],
    )


@dataclass(frozen=True)
class _Number:
    label: str
    value: str
    note: str
    negative: bool = False


def _headline(run: Run) -> list[_Number]:
    return [
        _Number(
            label=m.label,
            value=m.write(run.metrics.get(m.name)),
            note=_why_missing(m.name, run) or m.meaning,
            negative=(run.metrics.get(m.name) or 0) < 0,
        )
        for m in METRICS
    ]


def _why_missing(name: str, run: Run) -> str:
    """Return the reason a number is not there, or nothing if it is."""
    return run.notes.get(name, "not recorded") if run.metrics.get(name) is None else ""


@dataclass(frozen=True)
class _KeyRow:
    label: str
    strategy: str
    benchmark: str
    note: str


def _key_metrics(run: Run) -> list[_KeyRow]:
    """Return the rows that stand where quantstats has its "Key Performance Metrics"."""
    theirs = {} if run.benchmark_returns is None else _series_numbers(run)
    rows = []
    for m in METRICS:
        other = theirs.get(m.name, "not a series of trades")
        reason = other if isinstance(other, str) and m.name in theirs else ""
        written = "–" if isinstance(other, str) and not reason else m.write(None if reason else float(other))
        notes = [_why_missing(m.name, run), f"{run.benchmark}: {reason}" if reason else ""]
        rows.append(_KeyRow(m.label, m.write(run.metrics.get(m.name)), written, "; ".join(n for n in notes if n)))
    return [*rows, *_extremes(run)]


def _series_numbers(run: Run) -> dict[str, float | str]:
    """Return the numbers of the benchmark, each one a value or the reason why there is none."""
    returns = _benchmark(run)
    per_year = sessions_per_year(run.sessions)
    excess = returns - session_rate(run.manifest["terms"]["cash_rate"], per_year)
    return {
        "total_return": total_return(returns),
        "cagr": cagr(returns, span_days(run.sessions)),
        "volatility": volatility(returns, per_year),
        "sharpe": sharpe(excess, per_year),
        "sortino": sortino(excess, per_year),
        "max_drawdown": float(drawdown(returns).min(initial=0.0)),
    }


def _benchmark(run: Run) -> Floats:
    return np.zeros(len(run.sessions)) if run.benchmark_returns is None else run.benchmark_returns


def _extremes(run: Run) -> list[_KeyRow]:
    rows = []
    for what, grouped in (("month", monthly_returns), ("year", yearly_returns)):
        ours = list(grouped(run.sessions, run.returns).values())
        theirs = [] if run.benchmark_returns is None else list(grouped(run.sessions, _benchmark(run)).values())
        for word, pick in (("Best", max), ("Worst", min)):
            other = percent(pick(theirs)) if theirs else "–"
            rows.append(_KeyRow(f"{word} {what}", percent(pick(ours)), other, ""))
    deepest = drawdowns(run.sessions, run.returns)
    longest = max((d.days for d in deepest), default=0)
    return [*rows, _KeyRow("Longest drawdown", f"{longest:,} days", "–", "")]


def _title(event_id: str, run: Run) -> str:
    return next((e.title for e in run.events if e.event_id == event_id), "")


def _known_at(event_id: str, run: Run) -> tuple[str, str]:
    """Return when an event was known and, if that is not an exact record, on what basis."""
    for event in run.events:
        if event.event_id == event_id:
            basis = str(event.known_at_basis).replace("_", " ")
            return instant_text(event.known_at), basis
    return "unknown", ""


def _trade_row(trade: Trade, run: Run) -> dict[str, Any]:
    """Return one trade as the table tells it: ready-made text by column."""
    known_at, basis = _known_at(trade.event_id, run)
    return {
        "event_id": trade.event_id,
        "title": _title(trade.event_id, run),
        "known_at": known_at,
        "known_basis": basis,
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
    }


def _skipped_rows(run: Run) -> list[dict[str, str]]:
    return [
        {
            "event_id": s.event_id,
            "title": _title(s.event_id, run),
            "known_at": _known_at(s.event_id, run)[0],
            "instrument": s.instrument,
            "reason": with_instants(s.reason),
        }
        for s in run.skipped
    ]


@dataclass(frozen=True)
class _YearRow:
    year: int
    months: list[float | None]
    heat: list[str]
    strategy: float
    benchmark: float | None


def _month_rows(run: Run) -> list[_YearRow]:
    """Return the years of a run, latest last; a month without a session is None."""
    by_month = monthly_returns(run.sessions, run.returns)
    theirs = yearly_returns(run.sessions, _benchmark(run)) if run.benchmark_returns is not None else {}
    largest = max(abs(r) for r in by_month.values())
    rows = []
    for year, ours in yearly_returns(run.sessions, run.returns).items():
        months = [by_month.get((year, m)) for m in range(1, 13)]
        rows.append(_YearRow(year, months, [_heat(r, largest) for r in months], ours, theirs.get(year)))
    return rows


def _heat(value: float | None, largest: float) -> str:
    """Return the CSS class of a return: gain or loss, 1 to 4 by its share of the largest."""
    if value is None:
        return ""
    if abs(value) < _ROUNDS_TO_ZERO:
        return "zero"
    return f"{'gain' if value > 0 else 'loss'}{max(1, ceil(4 * abs(value) / largest))}"


def _with_start(sessions: Sessions, values: Floats, start: float) -> tuple[Sessions, Floats]:
    """Put what stood before the first session in front."""
    return np.concatenate(([sessions[0] - 1], sessions)), np.concatenate(([start], values))


def _equity_svg(run: Run) -> str:
    lines = [Line("Account", *_with_start(run.sessions, run.equity, run.start_equity), "s0")]
    if run.benchmark_returns is not None:
        held = run.start_equity * growth(run.benchmark_returns)
        name = f"{run.benchmark}, bought and held without costs"
        lines.insert(0, Line(name, *_with_start(run.sessions, held, run.start_equity), "bench"))
    first, last = to_date(run.sessions[0]), to_date(run.sessions[-1])
    chart = Chart(
        ident="equity",
        title=f"Equity of {run.manifest['strategy']}",
        description=(
            f"Account equity from {money(run.start_equity)} before {first} to {money(run.final_equity)} on {last},"
            f" with {len(run.trades)} entries marked."
        ),
        lines=lines,
        tick=money,
        height=340,
        marks=[*_event_marks(run), *_trade_marks(run)],
        bands=_bands(run),
        y_label="equity",
    )
    return chart_svg(chart)


def _drawdown_svg(run: Run) -> str:
    below = drawdown(run.returns)
    chart = Chart(
        ident="drawdown",
        title=f"Drawdown of {run.manifest['strategy']}",
        description=f"Distance below the highest equity so far; at most {percent(run.metrics.get('max_drawdown'))}.",
        lines=[Line("Drawdown", *_with_start(run.sessions, below, 0.0), "s1", fill_to_zero=True)],
        tick=_tenths,
        height=180,
        bands=_bands(run),
        y_label="drawdown",
    )
    return chart_svg(chart)


def _bands(run: Run) -> list[Band]:
    return [
        Band(
            date.fromisoformat(t.entry_session),
            date.fromisoformat(t.exit_session),
            f"{t.instrument} {t.side}, {t.entry_session} to {t.exit_session}",
        )
        for t in run.trades
    ]


def _trade_marks(run: Run) -> list[Mark]:
    marks = []
    for t in run.trades:
        entered, left = date.fromisoformat(t.entry_session), date.fromisoformat(t.exit_session)
        shape = "up" if t.side == "long" else "down"
        told = f"{t.event_id}: {t.side} {t.instrument} at {price(t.entry_price)}, {instant(t.entry_at)}"
        marks.append(Mark(entered, _equity_on(entered, run), shape, told))
        told = f"{t.event_id}: exit at {price(t.exit_price)}, {instant(t.exit_at)}, {signed_percent(t.return_)}"
        marks.append(Mark(left, _equity_on(left, run), "ring", told))
    return marks


def _equity_on(day: date, run: Run) -> float:
    row = int(np.searchsorted(run.sessions, np.datetime64(day, "D"), side="right")) - 1
    return run.start_equity if row < 0 else float(run.equity[row])


def _event_marks(run: Run) -> list[Mark]:
    first, last = to_date(run.sessions[0]), to_date(run.sessions[-1])
    found = []
    for event in run.events:
        day = date.fromisoformat(event.known_at[:10]) if event.known_at else None
        if day is not None and first <= day <= last:
            known = f"{event.event_id}: {event.title}, known {instant_text(event.known_at)}, {event.outcome}"
            found.append(Mark(day, None, "event", known))
    return found


@dataclass(frozen=True)
class _Shown:
    """A figure of the sheet as the page shows it; ``own`` if quantstats did not draw it."""

    name: str
    title: str
    svg: Markup
    own: bool


def _figures(run: Run, sheet: Sheet) -> list[_Shown]:
    """Return the figures in quantstats' order, ours in the places of those it would get wrong."""
    before = {"monthly_dist": _years_figure, "rolling_vol": _days_figure, "dd_plot": _falls_figure}
    shown = []
    for figure in sheet.figures:
        if figure.name in before:
            shown.append(before[figure.name](run))
        shown.append(_theirs(figure))
    return shown


def _theirs(figure: Figure) -> _Shown:
    return _Shown(figure.name, figure.caption, Markup(figure.svg), own=False)


def _years_figure(run: Run) -> _Shown:
    rows = _month_rows(run)
    names = ["strategy"] if run.benchmark_returns is None else [str(run.benchmark), "strategy"]
    bars = Bars(
        ident="years",
        title="Returns of calendar years" + ("" if len(names) == 1 else f", {names[0]} in grey"),
        description=f"One bar a year for {' and '.join(names)}, {rows[0].year} to {rows[-1].year}.",
        groups=[(str(r.year), [v for v in (r.benchmark, r.strategy) if v is not None]) for r in rows],
        names=names,
        styles=["bench", "s0"][-len(names) :],
        tick=_tenths,
        width=NARROW,
    )
    return _Shown("years", bars.title, Markup(bars_svg(bars)), own=True)


def _days_figure(run: Run) -> _Shown:
    chart = Chart(
        ident="days",
        title="Daily returns",
        description="The account's return of each session.",
        lines=[Line("daily return", run.sessions, run.returns, "s0")],
        tick=_tenths,
        height=200,
        width=NARROW,
    )
    return _Shown("days", chart.title, Markup(chart_svg(chart)), own=True)


def _tenths(fraction: float) -> str:
    return percent(fraction, 1)


def _falls_figure(run: Run) -> _Shown:
    worst = drawdowns(run.sessions, run.returns)[:5]
    last = to_date(run.sessions[-1])
    chart = Chart(
        ident="falls",
        title=f"Worst {len(worst)} drawdown periods" if len(worst) > 1 else "Worst drawdown period",
        description="Cumulative return, with the deepest drawdowns shaded from their first session to recovery.",
        lines=[Line("strategy", *_with_start(run.sessions, growth(run.returns) - 1, 0.0), "s0")],
        tick=_tenths,
        height=260,
        width=NARROW,
        bands=[Band(f.began, f.recovered or last, f"{percent(f.depth)}, recovered {recovered(f)}") for f in worst],
    )
    return _Shown("falls", chart.title, Markup(chart_svg(chart)), own=True)


def recovered(fall: Drawdown) -> str:
    """Return the date a drawdown was made good, or that it was not."""
    return "not yet" if fall.recovered is None else fall.recovered.isoformat()
