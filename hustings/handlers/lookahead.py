"""hustings lookahead: checks that a strategy decides the same without its future."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from msgspec.structs import asdict

from datasets.events import CATALOGUE, own_events
from datasets.instants import iso_z
from datasets.prices.store import Store
from engine.lookahead.report import CHECKS, Check, CheckName, LookaheadReport, Subject
from engine.lookahead.rules import lookahead as examine
from engine.lookahead.uncertain import UncertainHours
from engine.strategy import Strategy, build
from engine.strategy.market import Market
from hustings.execution import StrategyOptions, backtrader_parameters, build_rule, foreign_bars
from hustings.reload import fresh_class
from hustings.terminal import counted, in_json, progress, say, say_json, say_sources, strategy_output, table, warn
from strategies.loading import find_strategy, is_backtrader

_SHOWN = 5


class LookaheadOptions(StrategyOptions, frozen=True):
    """A strategy with its data, the seed of the redrawn futures, and at how many decisions it is replayed."""

    seed: int
    decisions: int


def check_lookahead(**typed: Any) -> int:
    """Call a strategy again without its future; print the decisions that change.

    Return 1 if there are any, or if no decision could be examined.
    """
    options = LookaheadOptions(**typed)
    with strategy_output():
        cls, market = find_strategy(options.strategy), options.market()
        check = _check_orders if is_backtrader(cls) else _check_rule
        report, symbols = check(cls, options, market)
    sources = {b.symbol: f"{b.source.text}; {b.span()}" for b in map(market.bars, symbols)}
    simulated = sorted(s for s in symbols if market.bars(s).source.simulated)
    say_json({"strategy": options.strategy, "sources": sources, "simulated": simulated, **_report_json(report)})
    _show(options.strategy, report, sources, simulated)
    return 1 if report.offences or not report.examined else 0


def _check_rule(cls: type[Any], options: LookaheadOptions, market: Market) -> tuple[LookaheadReport, list[str]]:
    """Return the report on a rule, and its instruments."""
    rule = build_rule(cls, options.given(), options.instruments)

    @contextmanager
    def fresh() -> Iterator[Strategy]:
        with fresh_class(options.strategy, cls) as again:
            yield build(again, options.given())

    report = examine(_subject(fresh, options, market), progress)
    named = (market.symbol(i) for i in rule.instruments())
    return report, list(dict.fromkeys((*named, *market.loaded_symbols())))


def _check_orders(cls: type[Any], options: LookaheadOptions, market: Market) -> tuple[LookaheadReport, list[str]]:
    """Return the report on a backtrader strategy, and its instruments."""
    from engine.lookahead.orders import lookahead_orders

    bars, parameters = foreign_bars(cls, market, options.instruments), backtrader_parameters(cls, options.given())
    subject = _subject(lambda: fresh_class(options.strategy, cls), options, market)
    report = lookahead_orders(subject, bars, parameters, decisions=options.decisions, progress=progress)
    return report, [b.symbol for b in bars]


def _subject(fresh: Callable[[], AbstractContextManager[Any]], options: LookaheadOptions, market: Market) -> Subject:
    given = (options.data, *options.events, options.labels, options.priors)
    files = (CATALOGUE, own_events(), Store().folder, *(p for p in given if p is not None and p.exists()))
    return Subject(fresh, options.catalogue(), market, options.window().since, files, options.seed)


def _show(strategy: str, report: LookaheadReport, sources: dict[str, str], simulated: list[str]) -> None:
    say(f"{strategy}: {counted(report.decisions, 'decision')}, repeated without their future")
    say_sources(sources, simulated, kind="check")
    columns = ["check", "condition", "decisions", "changed", "remark"]
    table(columns, [_row(c) for c in report.checks], right=["decisions", "changed"])
    for check in report.checks:
        _show_offences(check)
    _show_uncertain(report.uncertain)
    if report.files and not in_json():
        warn(f"hustings: {strategy} opens files of its own, and nothing in them was cut: {', '.join(report.files)}")
    say(_verdict(report))


def _row(check: Check) -> list[str]:
    counts = ["-", "-"] if check.examined is None else [str(check.examined), str(check.changed)]
    return [check.name, CHECKS[check.name], *counts, check.note]


def _show_offences(check: Check) -> None:
    for each in check.offences[:_SHOWN]:
        at = "while its file was loaded" if each.at is None else f"decided {iso_z(each.at)}"
        say(f"{check.name}: {each.subject or '-'} {at}")
        say(f"  with the future  {each.with_future}")
        say(f"  without          {each.without}")
        if each.given_away_by:
            say(f"  depends on       {each.given_away_by}")
    if check.changed > _SHOWN:
        say(f"{check.name}: and {check.changed - _SHOWN} more (all with --json)")


def _show_uncertain(uncertain: tuple[UncertainHours, ...]) -> None:
    if not uncertain:
        return
    say(f"{counted(len(uncertain), 'decision or fill', 'decisions or fills')} on sessions whose hours are not certain:")
    for each in uncertain[:_SHOWN]:
        say(f"  {each.subject}: {each.what} of {each.instrument}, {each.exchange} {each.session}")
    if len(uncertain) > _SHOWN:
        say(f"  and {len(uncertain) - _SHOWN} more (all with --json; 'hustings data hours' shows the hours)")


def _verdict(report: LookaheadReport) -> str:
    if not report.decisions:
        return "nothing was examined: the strategy decided on no event and sent no order"
    if not report.offences and not report.examined:
        return f"nothing was examined: no future is left to change after {counted(report.decisions, 'decision')}"
    if not report.offences:
        return "no decision depends on what came later"
    if any(c.name == CheckName.AGAIN and c.changed for c in report.checks):
        return "it decides differently when nothing changed: it is random, or keeps state between decisions"
    kinds = ", ".join(f"{c.name} ({c.changed})" for c in report.checks if c.changed)
    return f"decisions depend on what came later: {kinds}"


def _report_json(report: LookaheadReport) -> dict[str, Any]:
    checks = [
        {"check": c.name, "examined": c.examined, "changed": None if c.examined is None else c.changed, "note": c.note}
        for c in report.checks
    ]
    offences = [
        {**asdict(o), "at": None if o.at is None else iso_z(o.at), "given_away_by": o.given_away_by or None}
        for o in report.offences
    ]
    found = {"decisions": report.decisions, "checks": checks, "offences": offences, "files": list(report.files)}
    return {**found, "uncertain_hours": [asdict(u) for u in report.uncertain]}
