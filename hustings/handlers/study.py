"""hustings study: replays a strategy and reports what its events can support."""

import json
from pathlib import Path
from typing import Any

from engine.run.run import Run
from engine.study.result import Study
from hustings.handlers.run import position_if_any, say_trial, trial_text
from hustings.recording import enter_or_warn, record_or_warn
from hustings.run_folder import claimed, run_json, write_run
from hustings.run_summary import head, opened
from hustings.sheet import sheet_of
from hustings.studies import StudyOptions, registration_of, studied, study_json, subject_of
from hustings.terminal import progress, say, say_files, say_json, say_tables, strategy_output
from hustings.trials import TrialPosition
from reports.study_tables import registered_text, study_tables

SHOWN_ROWS = 15


def study_strategy(*, out: Path | None, no_report: bool, no_variants: bool, as_json: bool, **typed: Any) -> None:
    """Replay a strategy, study its run, write both, and print the study."""
    options = StudyOptions(**typed)
    with claimed(out) as folder_of:
        run, made, position = entered_study(options, vary=not (no_report or no_variants), quiet=as_json)
        folder, plain = folder_of(run), study_json(made)
        with progress("writing the tear sheet"):
            page = None if no_report else sheet_of(run, made, trial=trial_text(position))
            files = write_run(run, folder, page, json.dumps(plain, indent=2, sort_keys=True) + "\n")
        record_or_warn(run, folder, position)
    if as_json:
        say_json({**run_json(run, files), "trial": position and position.sealed_json, "study": plain})
        return
    head(run)
    _show(made)
    say_files(opened(files))
    say_trial(position)


def entered_study(options: StudyOptions, *, vary: bool, quiet: bool = False) -> tuple[Run, Study, TrialPosition | None]:
    """Return the run of a strategy, its study, and the position of both in the ledger."""
    options.settings()  # an invalid option stops before the replay
    registered = registration_of(options.prereg, options.adjust)
    with progress("replaying"), strategy_output(quiet=quiet):
        subject = subject_of(options, vary=vary)
    position = enter_or_warn(subject.run)
    with progress("studying"), strategy_output(quiet=quiet):
        made = studied(subject, options, position, registered)
    return subject.run, made, position and (position_if_any(subject.run) or position)  # now sealed with its study


def _show(made: Study) -> None:
    """Print a study: what was registered, its tables in reading order, and the verdict."""
    for line in _registered(made):
        say(line)
    say_tables(study_tables(made), most=SHOWN_ROWS, others="the tear sheet and in study.json")
    say(f"\n{made.verdict}\n")


def _registered(made: Study) -> list[str]:
    if made.prereg is None:
        return []
    return [
        f"hypothesis: {made.prereg['hypothesis']}",
        f"  {made.prereg['standing']}",
        f"  registered: {registered_text(made.prereg)}",
        *(f"  deviation: {each}" for each in made.prereg["deviations"]),
    ]
