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
"""The trials rebuilt for a study, combinations of sweeps among them."""
_TERMS = {f.name for f in fields(Terms)}


def with_trials(given: StudyInput, position: TrialPosition) -> StudyInput:
    """Return a study's input with the trials of its rule: the 50 at most that are rebuilt, and how many are like them.

    Those rebuilt are the last runs, and of sweeps a sample of their combinations.
    """
    sweeps = [t for t in position.rebuildable if t.sweep is not None]
    runs = [t for t in position.rebuildable if t.sweep is None and t.run_id != given.run.run_id]
    runs = runs[-(REBUILT_AT_MOST // (2 if sweeps else 1)) :]
    drawn = [(t, t.combinations((REBUILT_AT_MOST - len(runs)) // len(sweeps))) for t in sweeps]
    others = [replace(t, parameters=each) for t, combinations in drawn for each in combinations]
    some = [*runs, *(t for t in others if t.parameters != given.run.manifest["parameters"])]
    variants = tuple(again for t in some if (again := rebuilt(given, t)) is not None)
    alike = sum(t.n - len(combinations) for t, combinations in drawn)
    return replace(given, trial_sharpes=position.sharpes, variants=variants, alike=alike)


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
    if dates.until != given.dates.until or trial.terms.keys() != _TERMS:
        return None
    if terms.fx != given.terms.fx or (terms.fx is not Fx.HEDGED and terms.currency != given.terms.currency):
        return None
    return replace(given, strategy=rule, terms=terms, dates=dates)
