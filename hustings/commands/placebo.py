"""hustings placebo: a strategy's net P&L on dates on which nothing happened."""

from dataclasses import asdict

import click

from datasets.errors import UserError
from engine.study.placebo_pnl import PlaceboPnl, placebo_pnl
from engine.study.settings import Scheme, Settings
from hustings.commands.run_options import RunOptions, run_options
from hustings.studying import subject_of
from hustings.terminal import apart, head, progress, say, say_json, table
from reports.numbers import count, percent, signed_percent
from reports.study_tables import p_text

_DEFAULT = Settings()


@click.command()
@click.argument("strategy")
@run_options
@click.option(
    "--scheme",
    type=click.Choice([s.value for s in Scheme]),
    default=_DEFAULT.scheme.value,
    show_default=True,
    help="How placebo dates are chosen.",
)
@click.option("--draws", type=int, default=_DEFAULT.draws, show_default=True, help="Placebo lists, if drawn.")
@click.option("--seed", type=int, default=_DEFAULT.seed, show_default=True, help="Seed of the draws.")
@click.option(
    "--replayed", type=click.IntRange(0, 1_000), default=3, show_default=True, help="Lists replayed as a check."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def placebo(
    strategy: str, options: RunOptions, scheme: str, draws: int, seed: int, replayed: int, as_json: bool
) -> None:
    """Put the trades of STRATEGY on placebo dates, with costs and stops, and show its net P&L among theirs."""
    settings = Settings(scheme=Scheme(scheme), draws=draws, seed=seed)
    with progress("replaying"), apart(quiet=as_json):
        subject = subject_of(strategy, options)
    with progress("drawing placebo dates"), apart(quiet=as_json):
        made = placebo_pnl(subject, settings, replayed=replayed)
    if made.reason:
        raise UserError(f"no placebo dates for {subject.strategy.name}: {made.reason}")
    if as_json:
        say_json({"run_id": subject.run.run_id, "strategy": subject.strategy.name, **asdict(made)})
        return
    head(subject.run)
    _show(made)


def _show(made: PlaceboPnl) -> None:
    how = "all" if made.exact else "drawn"
    say(f"\n{made.observations} observations on {count(made.lists)} lists of placebo dates ({made.scheme}, {how})")
    columns = ["of a list", "events", "5 %", "median", "95 %", "lists below"]
    rows = [
        [r.name, *map(signed_percent, (r.observed, r.low, r.median, r.high)), percent(r.beyond, 1)] for r in made.rows
    ]
    table(columns, rows, right=columns[1:])
    for each in made.tests:
        say(f"{each.name}: " + (f"p = {p_text(each.p, each.error)}" if each.p is not None else f"n/a ({each.reason})"))
    by_t, by_mean = made.tests
    if by_t.p is not None and by_mean.p is not None and by_mean.p <= _DEFAULT.alpha < by_t.p:
        say("The mean stands out and its t-statistic does not: volatile days alone can do that.")
    for text in made.notes:
        say(f"{text[:1].upper()}{text[1:]}.")
    if made.difference is not None:
        say(f"{made.replayed} lists replayed on backtrader: they differ by {made.difference:.0e} at most.")
