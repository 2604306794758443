"""hustings lookahead: whether a strategy decides the same without its future."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import click

from datasets.errors import UserError
from datasets.events import CATALOGUE, EventCatalogue
from datasets.instants import iso_z
from datasets.prices.store import Store
from engine.lookahead.report import AGAIN, CHECKS, Check, LookaheadReport, Offence, Subject
from engine.lookahead.rules import lookahead as examine
from engine.run.backtest import Window
from engine.strategy import Strategy, build
from engine.strategy.market import Market
from hustings.execution import backtrader_parameters
from hustings.inputs import adjusted_source_of, date_of, events_of, instruments_of, parameters_of, priced
from hustings.reload import fresh_class
from hustings.terminal import apart, progress, say, say_json, table, warn
from strategies.loading import find_strategy, is_backtrader

_DIRECTORY = click.Path(path_type=Path)
_SHOWN = 5


@click.command()
@click.argument("strategy")
@click.option("-p", "parameters", multiple=True, metavar="NAME=VALUE", help="A parameter of the strategy (repeatable).")
@click.option(
    "--instrument", "instruments", multiple=True, metavar="SYMBOL", help="A market for a backtrader strategy."
)
@click.option(
    "--data", type=_DIRECTORY, metavar="DIR", help="Bars from DIR/SYMBOL.csv or .parquet, and only from there."
)
@click.option("--events", type=_DIRECTORY, metavar="FILE|DIR", help="Events in place of the bundled catalogue.")
@click.option("--labels", type=_DIRECTORY, metavar="FILE", help="A second coder's labels in place of the events' own.")
@click.option("--priors", type=_DIRECTORY, metavar="FILE", help="Probabilities of outcomes before the polls closed.")
@click.option("--from", "since", metavar="DATE", help="First date of the account: what was decided before is left out.")
@click.option("--to", "until", metavar="DATE", help="Last date: no later bar is seen.")
@click.option(
    "--adjust",
    type=click.Choice(["price", "total"]),
    help="Series without dividends, or with those of DIR/actions.csv reinvested [as they are, splits taken out].",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the redrawn futures.")
@click.option(
    "--decisions",
    type=click.IntRange(min=1),
    default=8,
    show_default=True,
    help="Of a backtrader strategy: at how many instants of orders it is replayed again (a rule: at all).",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.pass_context
def lookahead(
    ctx: click.Context,
    strategy: str,
    parameters: tuple[str, ...],
    instruments: tuple[str, ...],
    data: Path | None,
    events: Path | None,
    labels: Path | None,
    priors: Path | None,
    since: str | None,
    until: str | None,
    adjust: str | None,
    seed: int,
    decisions: int,
    as_json: bool,
) -> None:
    """Ask STRATEGY again without its future; exit 1 with the decision named where anything changes.

    At each decision data and events are cut, delayed, and redrawn (docs/lookahead.md).
    STRATEGY is a name ('hustings strategies'), path/to/file.py:ClassName, or package.module:ClassName.
    """
    window = Window(date_of(since, "--from"), date_of(until, "--to"))
    with apart(quiet=as_json):
        market = Market(adjusted_source_of(data, adjust), instruments_of(data), window.until)
        catalogue = priced(events_of(events, labels), priors)
        facts = _facts(data, events, labels, priors)
        asked = _Asked(strategy, parameters_of(parameters), instruments, catalogue, market, window, facts, seed)
        report, symbols = asked.rule() if not asked.is_backtrader else asked.orders(decisions)
    sources = {s: market.bars(s).source.text for s in symbols}
    simulated = sorted(s for s in symbols if market.bars(s).source.simulated)
    if as_json:
        say_json({"strategy": strategy, "sources": sources, "simulated": simulated, **_plain(report)})
    else:
        _show(strategy, report, sources, simulated)
    if report.offences:
        ctx.exit(1)


def _facts(*given: Path | None) -> tuple[Path, ...]:
    """Return the files and folders that hold the events and bars a rule is examined on."""
    return (CATALOGUE, Store().folder, *(p for p in given if p is not None and p.exists()))


class _Asked:
    """A strategy as a user named it, and what it is examined on."""

    def __init__(
        self,
        name: str,
        given: dict[str, str],
        instruments: tuple[str, ...],
        events: EventCatalogue,
        market: Market,
        window: Window,
        facts: tuple[Path, ...],
        seed: int,
    ) -> None:
        self._name, self._given, self._instruments = name, given, instruments
        self._events, self._market, self._window = events, market, window
        self._facts, self._seed = facts, seed
        self._cls: type[Any] = find_strategy(name)

    @property
    def is_backtrader(self) -> bool:
        """Whether it sends its own orders."""
        return is_backtrader(self._cls)

    def rule(self) -> tuple[LookaheadReport, list[str]]:
        """Return the report on a rule, and the markets it named."""
        if self._instruments:
            raise UserError(f"--instrument is for backtrader strategies; {self._cls.name} takes its markets with -p")
        build(self._cls, self._given)  # wrong parameters are told before anything is asked
        market = self._market
        report = examine(self._subject(self._fresh_rule), progress)
        return report, list(dict.fromkeys(market.symbol(i) for i in build(self._cls, self._given).instruments()))

    @contextmanager
    def _fresh_rule(self) -> Iterator[Strategy]:
        with fresh_class(self._name, self._cls) as cls:
            yield build(cls, self._given)

    def orders(self, decisions: int) -> tuple[LookaheadReport, list[str]]:
        """Return the report on a backtrader strategy, and its markets."""
        from engine.lookahead.orders import lookahead_orders

        if not self._instruments:
            raise UserError(f"{self._cls.__name__} is a backtrader strategy: name its markets with --instrument TOPIX")
        bars = self._market.loaded(dict.fromkeys(self._market.symbol(i) for i in self._instruments))
        for each in bars:
            each.instrument.check_tradable()
        parameters = backtrader_parameters(self._cls, self._given)
        subject = self._subject(self._fresh_class)
        report = lookahead_orders(subject, bars, parameters, decisions=decisions, progress=progress)
        return report, [b.symbol for b in bars]

    def _subject(self, fresh: Callable[[], AbstractContextManager[Any]]) -> Subject:
        return Subject(fresh, self._events, self._market, self._window.since, self._facts, self._seed)

    def _fresh_class(self) -> AbstractContextManager[type[Any]]:
        return fresh_class(self._name, self._cls)


def _show(strategy: str, report: LookaheadReport, sources: dict[str, str], simulated: list[str]) -> None:
    say(f"{strategy}: {_counted(report.decisions, 'decision')}, seen again without their future")
    if simulated:
        say(f"SIMULATED bars: {', '.join(simulated)}")
    for symbol, text in sources.items():
        say(f"  {symbol:8} {text}")
    columns = ["check", "condition", "decisions", "changed", "remark"]
    table(columns, [_row(c) for c in report.checks], right=["decisions", "changed"])
    for check in report.checks:
        _show_offences(check)
    if report.files:
        warn(f"hustings: {strategy} opens files of its own, of which nothing was cut: {', '.join(report.files)}")
    say(_verdict(report))


def _row(check: Check) -> list[str]:
    made = check.examined is not None
    counts = [str(check.examined), str(check.changed)] if made else ["-", "-"]
    return [check.name, CHECKS[check.name], *counts, check.note]


def _show_offences(check: Check) -> None:
    for each in check.offences[:_SHOWN]:
        at = "while its file was read" if each.at is None else f"decided {iso_z(each.at)}"
        say(f"{check.name}: {each.subject or '-'} {at}")
        say(f"  with the future  {each.with_future}")
        say(f"  without          {each.without}")
        if each.given_away_by:
            say(f"  given away by    {each.given_away_by}")
    if check.changed > _SHOWN:
        say(f"{check.name}: and {check.changed - _SHOWN} more (all with --json)")


def _verdict(report: LookaheadReport) -> str:
    if not report.decisions:
        return "no decision to examine"
    if not report.offences:
        return "no decision depends on what came later"
    if any(c.name == AGAIN and c.changed for c in report.checks):
        return "it decides differently when nothing changed: it is random, or keeps something between decisions"
    kinds = ", ".join(f"{c.name} ({c.changed})" for c in report.checks if c.changed)
    return f"decisions depend on what came later: {kinds}"


def _counted(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


def _plain(report: LookaheadReport) -> dict[str, Any]:
    checks = [
        {
            "check": c.name,
            "examined": c.examined,
            "changed": c.changed if c.examined is not None else None,
            "note": c.note,
        }
        for c in report.checks
    ]
    return {
        "decisions": report.decisions,
        "checks": checks,
        "offences": [_plain_offence(o) for o in report.offences],
        "files": list(report.files),
    }


def _plain_offence(offence: Offence) -> dict[str, str | None]:
    return {
        "check": offence.check,
        "subject": offence.subject,
        "at": None if offence.at is None else iso_z(offence.at),
        "with_future": offence.with_future,
        "without": offence.without,
        "given_away_by": offence.given_away_by or None,
    }
