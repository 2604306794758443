"""The tear sheet of a run with what stands beside it: its study where it was studied, its place among the trials."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from datasets.errors import UserError
from engine.run.run import Run
from hustings.ledger import position_of

if TYPE_CHECKING:
    from engine.study.result import Study  # brings SciPy, which a run without a page does not use


def sheet_of(run: Run, study: "Study | None", *, trial: str) -> str:
    """Return the tear sheet of a run as one HTML page."""
    from reports.tearsheet import tearsheet

    return tearsheet(run, study, trial=trial)


def sheet_again(run: Run, folder: Path) -> str:
    """Return the tear sheet of a run read back from its folder, with its study and its place in the ledger."""
    return sheet_of(run, kept_study(folder, run.run_id), trial=trial_of(run))


def trial_of(run: Run) -> str:
    """Return a run's place among all that was tried, in words; blank where the ledger does not hold it."""
    try:
        return position_of(run).text
    except UserError:
        return ""


def kept_study(folder: Path, run_id: str) -> "Study | None":
    """Return the study kept in a run's folder, if it is of that run.

    Raises:
        UserError: it is there and cannot be read.
    """
    path = folder / "study.json"
    if not path.is_file():
        return None
    from pydantic import TypeAdapter, ValidationError

    from engine.study.result import Study

    try:
        text = path.read_text(encoding="utf-8")
        if json.loads(text).get("run_id") != run_id:
            return None
        return TypeAdapter(Study).validate_json(text)
    except (OSError, ValueError, AttributeError, ValidationError) as e:
        raise UserError(f"'{path}' is damaged or of another version; study the strategy again, or remove it") from e
