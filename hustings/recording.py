"""Enters a run in the ledger of trials and the registry; what cannot be written is said and stops nothing."""

from pathlib import Path

from datasets.errors import UserError
from engine.run.run import Run
from hustings.ledger import enter
from hustings.registry import record
from hustings.terminal import warn
from hustings.trials import TrialPosition


def entered(run: Run) -> TrialPosition | None:
    """Return where a run stands in the ledger of trials; None, said on stderr, where it cannot be entered."""
    try:
        position = enter(run)
    except UserError as e:
        warn(f"hustings: {e}; the run goes on, but it is not listed and counts as no trial")
        return None
    if position.broken:
        warn(f"hustings: the ledger of trials is damaged: {position.broken}; see 'hustings trials verify'")
    return position


def listed(run: Run, folder: Path) -> None:
    """Write a run into the registry of runs; on stderr where it cannot be written."""
    try:
        record(run, folder)
    except UserError as e:
        warn(f"hustings: {e}; the run's files are written all the same")
