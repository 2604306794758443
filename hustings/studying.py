"""Puts together a study from what was typed: the run, the ledger, another coder, a preregistration."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from datasets.errors import UserError
from datasets.events.label_file import load_labels, relabelled
from engine.run.identity import code_hash
from engine.run.run import Run
from engine.statistics.significance import Significance
from engine.strategy import values
from engine.study.result import Study, ViewResult
from engine.study.settings import Settings
from engine.study.study import study
from engine.study.study_input import StudyInput
from hustings.commands.run_options import RunOptions
from hustings.commands.study_options import StudyOptions
from hustings.execution import build_rule, run_rule
from hustings.ledger import enter_study, position_of, used_before
from hustings.prereg import (
    PreregAccount,
    Preregistration,
    PreregSettings,
    Standing,
    account_of,
    deviations,
    load,
    standing,
)
from hustings.rebuilt import rebuilt_trials
from hustings.terminal import warn
from hustings.trials import TrialPosition
from strategies.loading import find_strategy, is_backtrader


def subject_of(name: str, options: RunOptions, *, vary: bool = False) -> StudyInput:
    """Return a strategy's run with all it takes to study it; ``vary``: with other holds, delays and costs too.

    Raises:
        UserError: anything wrong with the input; a backtrader strategy, which has no plan to put on other dates.
    """
    cls = find_strategy(name)
    if is_backtrader(cls):
        raise UserError(
            f"{cls.__name__} is a backtrader strategy: its orders cannot be put on other dates; a study takes a rule "
            "that names its legs (see 'hustings new')"
        )
    rule, setting = build_rule(cls, options.given(), options.instruments), replace(options.setting(), vary=vary)
    run = run_rule(rule, setting)
    return StudyInput(rule, setting.events, setting.market, setting.terms, setting.window, run, setting.benchmark)


@dataclass(frozen=True)
class StudiedRegistration:
    """A preregistration, and where it stood before the run that is studied was entered in the ledger.

    ``adjust`` is what was asked of the series of that run (`--adjust`), which the run itself does not tell.
    """

    given: Preregistration
    standing: Standing
    adjust: str | None = None

    def before(self, run: Run, knobs: dict[str, Any]) -> "StudiedRegistration":
        """Return the same with what was made under the file before a run was first studied so."""
        used = used_before(self.given.sha256, run, knobs)
        return replace(self, standing=replace(self.standing, used=used))


def registration_of(path: Path | None, adjust: str | None = None) -> StudiedRegistration | None:
    """Return the preregistration of a file as it stands now, if one is given."""
    if path is None:
        return None
    given = load(path)
    return StudiedRegistration(given, standing(given), adjust)


def studied(
    subject: StudyInput, studying: StudyOptions, position: TrialPosition | None, registered: StudiedRegistration | None
) -> Study:
    """Return the study of a run.

    Raises:
        UserError: an option that cannot be, a file of labels that cannot be read.
    """
    settings, other = studying.settings(), studying.other_labels
    knobs = knobs_of(settings)
    settings_tried = 1 if position is None else _entered(subject.run, knobs, registered)
    registered = registered and registered.before(subject.run, knobs)
    departs = [] if registered is None else _deviations(subject, settings, registered)
    given = replace(
        subject,
        trial_sharpes=() if position is None else position.sharpes,
        variants=() if position is None else rebuilt_trials(subject, position),
        other_labels=None if other is None else relabelled(subject.events, load_labels(other)),
        preregistered=registered is not None and registered.standing.precedes and not departs,
        settings_tried=settings_tried,
    )
    made = replace(study(given, settings), trial=None if position is None else position.json)
    if registered is None:
        return made
    return replace(made, prereg=_told(registered, departs, primary(made, registered.given.settings)))


def position_after(run: Run, position: TrialPosition | None) -> TrialPosition | None:
    """Return a run's position once it was studied: its head seals the study too."""
    try:
        return None if position is None else position_of(run)
    except UserError:
        return position


def knobs_of(settings: Settings) -> dict[str, Any]:
    """Return the settings of a study that move its p-values, as plain values: what is shown besides is none."""
    return {
        "model": settings.model,
        "placebo": settings.scheme,
        "draws": settings.draws,
        "seed": settings.seed,
        "alpha": settings.alpha,
        "windows": sorted(map(str, settings.windows)),
    }


def _entered(run: Run, knobs: dict[str, Any], registered: StudiedRegistration | None) -> int:
    """Return with how many settings a run has been studied, these included; 1, said on stderr, if that is not known."""
    try:
        return enter_study(run, knobs, prereg="" if registered is None else registered.given.sha256)
    except UserError as e:
        warn(f"hustings: {e}; the study goes on, but its settings are not counted")
        return 1


def primary(made: Study, given: PreregSettings) -> dict[str, Any]:
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


def _test_of(made: Study, view: ViewResult, given: PreregSettings) -> Significance | None:
    if given.scheme == "labels":
        return None if made.labels is None else made.labels.test
    place = {"bmp": 0, "t": 0, "sign-flip": 1, "placebo": 2}
    return view.tests[place[given.statistic]]


def _deviations(subject: StudyInput, settings: Settings, registered: StudiedRegistration) -> list[str]:
    given, rule = registered.given, subject.strategy
    return deviations(
        given,
        strategy=rule.name,
        parameters=values(rule),
        settings=_used(settings, given),
        account=_account(subject, registered),
        code=code_hash(type(rule)),
    )


def _account(subject: StudyInput, registered: StudiedRegistration) -> PreregAccount:
    """Return the account of a run as a file would hold it; a benchmark goes by the name it was registered under."""
    asked, held = registered.given.account.benchmark, subject.run.benchmark
    dates, terms = subject.run.manifest["window"], asdict(subject.terms)
    return account_of(
        {
            **terms,
            "since": dates["from"] or None,
            "until": dates["to"] or None,
            "adjust": registered.adjust,
            "benchmark": asked if held is not None and _symbol(subject, asked) == held else held,
        }
    )


def _symbol(subject: StudyInput, name: str | None) -> str | None:
    try:
        return None if name is None else subject.market.symbol(name)
    except UserError:
        return None


def _used(settings: Settings, given: Preregistration) -> PreregSettings:
    views = ("trade", *map(str, settings.windows))
    return PreregSettings(
        statistic=given.settings.statistic,
        scheme="labels" if given.settings.scheme == "labels" else settings.scheme.value,
        window=given.settings.window if given.settings.window in views else "trade",
        model=settings.model,
        draws=settings.draws,
        seed=settings.seed,
        alpha=settings.alpha,
        direction=given.settings.direction,
    )


def _told(registered: StudiedRegistration, departs: list[str], found: dict[str, Any]) -> dict[str, Any]:
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
