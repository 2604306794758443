"""hustings run: replays a strategy, writes its files and enters it in the ledger."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from engine.run.run import Run
from hustings.execution import RunOptions, execute
from hustings.recording import enter_or_warn, record_or_warn
from hustings.run_folder import claimed, run_json, write_run
from hustings.run_summary import summary
from hustings.sheet import QUANTSTATS, kept_sheet, kept_study, second_page, sheet_of
from hustings.terminal import progress, say, say_json, strategy_output
from hustings.trials import TrialPosition

SHOWN = 16
"""How many digits of a hash are printed where the whole hash is not needed."""


def run_strategy(*, out: Path | None, no_report: bool, no_variants: bool, no_quantstats: bool, **typed: Any) -> None:
    """Replay a strategy, write its files, enter it in the ledger, and print it."""
    second = not (no_report or no_quantstats)
    with claimed(out) as folder_of, second_page(wanted=second) as begin:
        run, position = entered_run(RunOptions(**typed), vary=not (no_report or no_variants))
        other = begin(run) if second else None
        files = written_run(run, position, folder_of(run), report=not no_report, second=other)
    say_json({**run_json(run, files), "trial": position and position.sealed_json})
    summary(run, files)
    if position is not None and position.caution:
        say(position.caution)
    say_trial(position)


def entered_run(options: RunOptions, *, vary: bool) -> tuple[Run, TrialPosition | None]:
    """Return the run of a strategy, ``vary``: with its parameter sensitivity, and its position in the ledger."""
    with progress("replaying"), strategy_output():
        run = execute(options, vary=vary)
    return run, enter_or_warn(run)


def written_run(
    run: Run, position: TrialPosition | None, folder: Path, *, report: bool, second: Callable[[], str | None] | None
) -> dict[str, Path]:
    """Write the files of a run, list it in the registry, and return their paths by name.

    Args:
        run: a run.
        position: its place among all trials.
        folder: where to; it is ``claimed``.
        report: whether its tear sheet is made.
        second: waits for quantstats' sheet, where it is made.
    """
    with progress("writing the tear sheet"):
        study = kept_study(folder, run.run_id) if report else None
        sheet = partial(sheet_of, run, study, position)
        page = sheet(quantstats=QUANTSTATS if second else kept_sheet(folder)) if report else None
    other = second() if second else None
    if second and other is None:
        page = sheet()  # without a link to what is not there
    files = write_run(run, folder, page, quantstats=other)
    record_or_warn(run, folder, position)
    return files


def say_trial(position: TrialPosition | None) -> None:
    """Print the place of a run among all trials, and the hash of the ledger."""
    if position is not None:
        say(f"{'trial':10} {position.text}; ledger {position.head[:SHOWN]}")
