"""hustings study, placebo: what the events of a run can support, and its net P&L on placebo dates."""

import json
from pathlib import Path
from typing import Any

from msgspec.structs import asdict

from datasets.errors import UserError
from datasets.instants import to_ns
from engine.run.run import Run
from engine.study.instants import window_moves
from engine.study.placebo_pnl import PlaceboPnl, placebo_pnl
from engine.study.result import Study
from engine.study.settings import Scheme, Settings
from hustings.execution import RunOptions
from hustings.handlers.run import say_trial
from hustings.inputs import instant_windows
from hustings.recording import enter_look, enter_or_warn, position_if_any, record_or_warn
from hustings.run_folder import claimed, run_json, write_run
from hustings.run_summary import head, opened
from hustings.sheet import sheet_of
from hustings.studies import StudyOptions, registration_of, studied, study_json, subject_of
from hustings.terminal import progress, say, say_files, say_json, say_tables, strategy_output, table
from hustings.trials import TrialPosition
from reports.numbers import count, p_text, percent, signed_percent
from reports.study_tables import registered_text, study_tables
from reports.study_votes import window_table

SHOWN_ROWS = 15


def study_strategy(*, out: Path | None, no_report: bool, no_variants: bool, **typed: Any) -> None:
    """Replay a strategy, study its run, write both, and print the study."""
    options = StudyOptions(**typed)
    if options.instants:
        _study_windows(options, out=out)
        return
    with claimed(out) as folder_of:
        run, made, position = entered_study(options, vary=not (no_report or no_variants))
        folder, plain = folder_of(run), study_json(made)
        with progress("writing the tear sheet"):
            page = None if no_report else sheet_of(run, made, position)
            files = write_run(run, folder, page, json.dumps(plain, indent=2, sort_keys=True) + "\n")
        record_or_warn(run, folder, position)
    say_json({**run_json(run, files), "trial": position and position.sealed_json, "study": plain})
    head(run)
    _show(made)
    say_files(opened(files))
    say_trial(position)


def _study_windows(options: StudyOptions, *, out: Path | None) -> None:
    """Print how the traded markets moved between instants, compared with other days; nothing is written."""
    others = {"--out": out, "--window": options.windows, "--surprise": options.surprise, "--prereg": options.prereg}
    for name in (n for n, value in {**others, "--merge": options.merge, "--implied": options.implied}.items() if value):
        raise UserError(f"{name} does not go with --instants: a study of instants compares windows of bars alone")
    windows = instant_windows(options.instants)
    with progress("replaying"), strategy_output():
        subject = subject_of(options)
    decided_at = [to_ns(t.decided_at) for t in subject.plan.trades]
    bars = subject.market.loaded(subject.plan.instruments)
    moves = [move for b in bars for move in window_moves(b, windows, decided_at)]
    position = enter_look(subject.run, "study", {"instants": options.instants})
    found = {"run_id": subject.run.run_id, "windows": [asdict(m) for m in moves]}
    say_json({**found, "trial": position and position.sealed_json})
    head(subject.run)
    shown = window_table(moves)
    say(f"\n{shown.title}")
    table(shown.columns, shown.rows, right=shown.right)
    say(f"{shown.note}\n")
    say_trial(position)


def entered_study(options: StudyOptions, *, vary: bool) -> tuple[Run, Study, TrialPosition | None]:
    """Return the run of a strategy, its study, and the position of both in the ledger."""
    if options.instants:
        raise UserError("a study of instants is not offered in Python: 'hustings study --instants --json' prints it")
    options.settings()  # an invalid option stops before the replay
    registered = registration_of(options.prereg)
    with progress("replaying"), strategy_output():
        subject = subject_of(options, vary=vary)
    position = enter_or_warn(subject.run)
    with progress("studying"), strategy_output():
        made = studied(subject, options, position, registered)
    return subject.run, made, position and (position_if_any(subject.run) or position)  # now sealed with its study


def _show(made: Study) -> None:
    """Print a study: what was registered, its tables in reading order, and the verdict."""
    if made.prereg is not None:
        say(f"hypothesis: {made.prereg['hypothesis']}")
        say(f"  {made.prereg['standing']}")
        say(f"  registered: {registered_text(made.prereg)}")
        for each in made.prereg["deviations"]:
            say(f"  deviation: {each}")
    say_tables(study_tables(made), most=SHOWN_ROWS, others="the tear sheet and in study.json")
    say(f"\n{made.verdict}\n")


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
    _show_placebo(made, settings.alpha)
    say_trial(position)


def _show_placebo(made: PlaceboPnl, alpha: float) -> None:
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
