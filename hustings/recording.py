"""Enters a run in the ledger of trials and in the registry; a failure is a warning and stops nothing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datasets.errors import UserError
from engine.run.run import Run
from hustings.ledger import enter, enter_study, position_of
from hustings.registry import record
from hustings.terminal import warn
from hustings.trials import TrialPosition


def enter_or_warn(run: Run) -> TrialPosition | None:
    """Return the position of a run in the ledger of trials; None, with a warning, if it cannot be entered."""
    try:
        position = enter(run)
    except UserError as e:
        warn(f"hustings: {e}; the run continues, but it is not listed and is not counted as a trial")
        return None
    if position.broken:
        warn(f"hustings: the ledger of trials is damaged: {position.broken}; see 'hustings trials verify'")
    return position


def position_if_any(run: Run) -> TrialPosition | None:
    """Return the place of a past run among all trials; None if the ledger does not hold it or cannot be read."""
    try:
        return position_of(run)
    except UserError:
        return None


def look_or_warn(run_id: str, manifest: Mapping[str, Any], settings: Mapping[str, Any], *, prereg: str = "") -> int:
    """Return with how many settings a run has been studied, these included; 1, with a warning, if that is unknown."""
    try:
        return enter_study(run_id, manifest, settings, prereg=prereg)
    except UserError as e:
        warn(f"hustings: {e}; the study continues, but its settings are not counted")
        return 1


def enter_look(run: Run, command: str, settings: Mapping[str, Any]) -> TrialPosition | None:
    """Return the position of a run, entered with the settings (plain values) with which a command looks at it.

    None, with a warning, if it cannot be entered.
    """
    position = enter_or_warn(run)
    if position is not None:
        look_or_warn(run.run_id, run.manifest, {"command": command, **settings})
    return position


def record_or_warn(run: Run, folder: Path, position: TrialPosition | None) -> None:
    """Write a run that the ledger holds into the registry of runs, or warn."""
    if position is None:
        return
    try:
        record(run, folder)
    except UserError as e:
        warn(f"hustings: {e}; the run's files are written nevertheless")
