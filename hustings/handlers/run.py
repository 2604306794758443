"""hustings run: replays a strategy, writes its files and enters it in the ledger."""

from functools import partial
from pathlib import Path
from typing import Any

from engine.run.run import Run
from hustings.execution import execute
from hustings.ledger import position_json
from hustings.recording import enter_or_warn, record_or_warn
from hustings.run_folder import check_free, run_json, write_run
from hustings.run_options import RunOptions
from hustings.run_summary import summary
from hustings.second_page import QUANTSTATS, second_page
from hustings.sheet import kept_sheet, kept_study, sheet_of
from hustings.terminal import progress, say, say_json, strategy_output
from hustings.trials import TrialPosition

SHOWN = 16
"""How many digits of a hash are printed where the whole hash is not needed."""


def run_strategy(
    *, out: Path | None, no_report: bool, no_variants: bool, no_quantstats: bool, as_json: bool, **typed: Any
) -> None:
    """Replay a strategy, write its files, enter it in the ledger, and print it."""
    options = RunOptions(**typed)
    if out is not None:
        check_free(out)
    second = not (no_report or no_quantstats)
    with second_page(wanted=second) as begin:
        with progress("replaying"), strategy_output(quiet=as_json):
            run = execute(options, vary=not (no_report or no_variants))
        quantstats = begin(run)
        position = enter_or_warn(run)
        folder = folder_for(run, out)
        with progress("writing the tear sheet"):
            study = None if no_report else kept_study(folder, run.run_id)
            link = QUANTSTATS if second else kept_sheet(folder)
            sheet = partial(sheet_of, run, study, trial=trial_text(position))
            page = None if no_report else sheet(quantstats=link)
        other = quantstats()
        if second and other is None:
            page = sheet()  # without a link to what is not there
        files = write_run(run, folder, page, quantstats=other)
    record_or_warn(run, folder, position)
    if as_json:
        say_json({**run_json(run, files), "trial": position_json(position)})
        return
    summary(run, files)
    say_trial(position)


def folder_for(run: Run, out: Path | None) -> Path:
    """Return the folder of a run's files: as typed, else ``runs/<run_id>``."""
    return Path("runs") / run.run_id if out is None else out


def trial_text(position: TrialPosition | None) -> str:
    """Return the place of a run among all trials in words; blank if the ledger does not hold it."""
    return "" if position is None else position.text


def say_trial(position: TrialPosition | None) -> None:
    """Print the place of a run among all trials, and the hash of the ledger."""
    if position is not None:
        say(f"{'trial':10} {position.text}; ledger {position.head[:SHOWN]}")
