"""The tear sheet of a run with its study, if it was studied, and its position among the trials."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from datasets.errors import UserError
from engine.run.run import Run
from hustings.page_data import data_tag, sealed
from hustings.recording import position_if_any
from hustings.registry import run_in
from hustings.run_folder import read_checked
from hustings.second_page import QUANTSTATS
from hustings.trials import TrialPosition

if TYPE_CHECKING:
    from engine.study.result import Study  # imports the statistics, which a run without a page does not use


def sheet_of(run: Run, study: "Study | None", position: TrialPosition | None, *, quantstats: str = "") -> str:
    """Return the tear sheet of a run as one HTML page; ``quantstats`` is the address of quantstats' sheet, if any."""
    from reports.tearsheet import tearsheet

    section = None
    if study is not None:
        from reports.study_section import study_section  # brings SciPy

        section = study_section(study)
    trial, caution = ("", "") if position is None else (position.text, position.caution)
    page = tearsheet(run, section, trial=trial, caution=caution, quantstats=quantstats, data=data_tag(run))
    return sealed(page)


def sheet_again(run: Run, folder: Path) -> str:
    """Return the tear sheet of a run read from its folder, with its study and its present position in the ledger."""
    return sheet_of(run, kept_study(folder, run.run_id), position_if_any(run), quantstats=kept_sheet(folder))


def kept_sheet(folder: Path) -> str:
    """Return the address of quantstats' sheet as seen from a run's folder; blank if there is none."""
    return QUANTSTATS if (folder / QUANTSTATS).is_file() else ""


def kept_study(folder: Path, run_id: str) -> "Study | None":
    """Return the study in a run's folder, if it is of that run.

    Raises:
        UserError: it is there and cannot be read.
    """
    name = "study.json"
    if not (folder / name).is_file() or run_in(folder) != run_id:
        return None
    from pydantic import TypeAdapter, ValidationError

    from engine.study.result import Study

    try:
        text = read_checked(folder, name)
        if json.loads(text).get("run_id") != run_id:
            return None
        return TypeAdapter(Study).validate_json(text)
    except (OSError, ValueError, AttributeError, ValidationError) as e:
        path = folder / name
        raise UserError(f"'{path}' is damaged or of another version; study the strategy again, or remove it") from e
