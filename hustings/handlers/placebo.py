"""hustings placebo: a strategy's net P&L compared with that of placebo dates."""

from dataclasses import asdict
from typing import Any

from datasets.errors import UserError
from engine.study.placebo_pnl import PlaceboPnl, placebo_pnl
from engine.study.settings import Scheme, Settings
from hustings.handlers.run import say_trial
from hustings.recording import enter_look
from hustings.run_options import RunOptions
from hustings.run_summary import head
from hustings.studies import subject_of
from hustings.terminal import progress, say, say_json, strategy_output, table
from reports.numbers import count, p_text, percent, signed_percent


def compare_with_placebo(*, scheme: str, draws: int, seed: int, replayed: int, **typed: Any) -> None:
    """Move the trades of a strategy to placebo dates, and print its net P&L with theirs."""
    settings = Settings(scheme=Scheme(scheme), draws=draws, seed=seed)
    with progress("replaying"), strategy_output():
        subject = subject_of(RunOptions(**typed))
    with progress("drawing placebo dates"), strategy_output():
        made = placebo_pnl(subject, settings, replayed=replayed)
    if made.reason:
        raise UserError(f"no placebo dates for {subject.strategy.name}: {made.reason}")
    position = enter_look(subject.run, "placebo", {"scheme": scheme, "draws": draws, "seed": seed})
    named = {"run_id": subject.run.run_id, "strategy": subject.strategy.name}
    say_json({**named, **asdict(made), "trial": position and position.sealed_json})
    head(subject.run)
    _show(made, settings.alpha)
    say_trial(position)


def _show(made: PlaceboPnl, alpha: float) -> None:
    how = "all" if made.exact else "drawn"
    say(f"\n{made.observations} observations on {count(made.lists)} placebo calendars ({made.scheme}, {how})")
    columns = ["per calendar", "events", "5 %", "median", "95 %", "calendars below"]
    rows = [
        [r.name, *map(signed_percent, (r.observed, r.low, r.median, r.high)), percent(r.beyond, 1)] for r in made.rows
    ]
    table(columns, rows, right=columns[1:])
    for each in made.tests:
        say(f"{each.name}: " + (f"p = {p_text(each.p, each.error)}" if each.p is not None else f"n/a ({each.reason})"))
    by_t, by_mean = made.tests
    if by_t.p is not None and by_mean.p is not None and by_mean.p <= alpha < by_t.p:
        say("The mean is significant and its t-statistic is not: volatile days alone can cause that.")
    for text in made.notes:
        say(f"{text[:1].upper()}{text[1:]}.")
    if made.difference is not None:
        say(f"{made.replayed} calendars replayed on backtrader: the largest difference is {made.difference:.0e}.")
