"""Trials of the ledger rebuilt as inputs of a study, with their own parameters, first date and terms."""

from dataclasses import fields, replace
from datetime import date
from typing import Any

from datasets.errors import UserError
from engine.plan.costs import Fx, Terms
from engine.run.backtest import Window as Dates
from engine.strategy import build
from engine.study.study_input import StudyInput
from hustings.trials import Trial, TrialPosition

REBUILT_AT_MOST = 50
"""The trials rebuilt for a study; the others count as independent."""
_TERMS = {f.name for f in fields(Terms)}
_LATER = {"currency", "fx", "event_slippage_bps"}
"""Terms that trials entered before them do not have: their defaults are what was done then."""


def rebuilt_trials(given: StudyInput, position: TrialPosition) -> tuple[StudyInput, ...]:
    """Return the other trials of a run's rule that can be rebuilt from its inputs, the last 50 at most."""
    others = [t for t in position.rebuildable if t.run_id != given.run.run_id][-REBUILT_AT_MOST:]
    return tuple(again for t in others if (again := rebuilt(given, t)) is not None)


def rebuilt(given: StudyInput, trial: Trial) -> StudyInput | None:
    """Return the input of a trial's study: its own parameters, first date and terms, the run's events and bars.

    None where its parameters, dates or terms are unknown or not valid, or its last date is another: its bars end
    elsewhere.
    """
    parameters = {k: tuple(v) if isinstance(v, list) else v for k, v in trial.parameters.items()}
    ends: tuple[Any, ...] = (trial.window.get("from"), trial.window.get("to"))
    try:
        dates = Dates(*(date.fromisoformat(end) if end != "" else None for end in ends))
        terms = Terms(**trial.terms)
        rule = build(type(given.strategy), parameters)
    except (UserError, TypeError, ValueError):
        return None
    if dates.until != given.dates.until or not _TERMS - _LATER <= trial.terms.keys() <= _TERMS:
        return None
    if terms.fx != given.terms.fx or (terms.fx is not Fx.HEDGED and terms.currency != given.terms.currency):
        return None
    return replace(given, strategy=rule, terms=terms, dates=dates)
