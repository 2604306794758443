"""Puts together a study from what was typed: the run, the ledger, another coder, a preregistration."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from datasets.errors import UserError
from datasets.label_file import load_labels, relabelled
from engine.backtest import backtest, code_hash
from engine.run import Run
from engine.strategy import Strategy, build, values
from engine.study.result import Study, ViewResult
from engine.study.settings import Settings
from engine.study.significance import Significance
from engine.study.study import Beside, study
from engine.study.subject import Subject
from engine.study.trials import TrialPosition
from hustings.commands.run_options import RunOptions
from hustings.commands.study_options import StudyOptions
from hustings.execution import Setting
from hustings.prereg import Preregistration, Standing, deviations, load, standing
from hustings.prereg import Settings as Registered
from strategies.loading import find_strategy, is_backtrader


def subject_of(name: str, options: RunOptions) -> Subject:
    """Return a strategy's run with all it takes to study it.

    Raises:
        UserError: anything wrong with the input; a backtrader strategy, which has no plan to put on other dates.
    """
    cls = find_strategy(name)
    if is_backtrader(cls):
        raise UserError(
            f"{cls.__name__} is a backtrader strategy: its orders cannot be put on other dates; a study takes a rule "
            "that names its legs (see 'hustings new')"
        )
    if options.instruments:
        raise UserError(f"--instrument is for backtrader strategies; {cls.name} takes its markets with -p")
    rule, setting = build(cls, options.given()), options.setting()
    return Subject(
        rule, setting.events, setting.market, setting.terms, setting.window, _run(rule, setting), setting.benchmark
    )


def _run(rule: Strategy, setting: Setting) -> Run:
    return backtest(
        rule,
        setting.events,
        setting.market,
        terms=setting.terms,
        window=setting.window,
        benchmark=setting.benchmark,
    )


@dataclass(frozen=True)
class Registration:
    """A preregistration, and where it stood before the run that is studied was entered in the ledger."""

    given: Preregistration
    standing: Standing


def registration_of(path: Path | None) -> Registration | None:
    """Return the preregistration of a file as it stands now, if one is given."""
    if path is None:
        return None
    given = load(path)
    return Registration(given, standing(given))


def studied(
    subject: Subject, studying: StudyOptions, position: TrialPosition | None, registered: Registration | None
) -> Study:
    """Return the study of a run.

    Raises:
        UserError: an option that cannot be, a file of labels that cannot be read.
    """
    settings, other = studying.settings(), studying.other_labels
    departs = [] if registered is None else _deviations(subject, settings, registered.given)
    beside = Beside(
        position=position,
        other_labels=None if other is None else relabelled(subject.events, load_labels(other)),
        preregistered=registered is not None and registered.standing.precedes and not departs,
    )
    made = study(subject, settings, beside)
    if registered is None:
        return made
    return replace(made, prereg=_told(registered, departs, primary(made, registered.given.settings)))


def primary(made: Study, given: Registered) -> dict[str, Any]:
    """Return the registered statistic as the study found it: its p-value in the registered direction, or why not.

    One-sided p-values halve the two-sided one on the side registered, and count the rest on the other.
    """
    view = next((v for v in made.views if v.name == given.window), None)
    if view is None:
        return {"p": None, "reason": f"the window {given.window} was not looked at: add --window {given.window}"}
    test = _test_of(made, view, given)
    if test is None or test.p is None:
        return {"p": None, "reason": made.reasons.get("labels", "") if test is None else test.reason}
    gained = (view.mean_abnormal or 0.0) > 0
    towards = test.p / 2 if gained == (given.direction == "greater") else 1 - test.p / 2
    return {"p": test.p if given.direction == "two-sided" else towards, "reason": ""}


def _test_of(made: Study, view: ViewResult, given: Registered) -> Significance | None:
    if given.scheme == "labels":
        return None if made.labels is None else made.labels.test
    place = {"bmp": 0, "t": 0, "sign-flip": 1, "placebo": 2}
    return view.tests[place[given.statistic]]


def _deviations(subject: Subject, settings: Settings, given: Preregistration) -> list[str]:
    views = ("trade", *map(str, settings.windows))
    used = Registered(
        statistic=given.settings.statistic,
        scheme="labels" if given.settings.scheme == "labels" else settings.scheme.value,
        window=given.settings.window if given.settings.window in views else "trade",
        model=settings.model,
        draws=settings.draws,
        seed=settings.seed,
        alpha=settings.alpha,
        direction=given.settings.direction,
    )
    rule = subject.strategy
    return deviations(given, strategy=rule.name, parameters=values(rule), settings=used, code=code_hash(type(rule)))


def _told(registered: Registration, departs: list[str], found: dict[str, Any]) -> dict[str, Any]:
    given = registered.given
    return {
        "hypothesis": given.hypothesis,
        "sha256": given.sha256,
        "settings": asdict(given.settings),
        "standing": registered.standing.text,
        "deviations": departs,
        "primary": found,
    }


def study_json(made: Study) -> dict[str, Any]:
    """Return a study as plain values for JSON."""
    told: dict[str, Any] = json.loads(json.dumps(asdict(made), allow_nan=False))
    return told
