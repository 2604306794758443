"""Puts together a study from what was typed: the run, the ledger, another coder, a preregistration."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from datasets.errors import UserError
from datasets.label_file import load_labels, relabelled
from engine.backtest import backtest, code_hash
from engine.run import Run
from engine.strategy import Strategy, build, values
from engine.study.result import Study
from engine.study.settings import Settings
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
        prereg=None if registered is None else _told(registered, departs),
        preregistered=registered is not None and registered.standing.precedes and not departs,
    )
    return study(subject, settings, beside)


def _deviations(subject: Subject, settings: Settings, given: Preregistration) -> list[str]:
    views = ("trade", *map(str, settings.windows))
    used = Registered(
        statistic=given.settings.statistic,
        scheme=settings.scheme.value,
        window=given.settings.window if given.settings.window in views else ",".join(views[1:]) or "trade",
        model=settings.model or given.settings.model,
        draws=settings.draws,
        seed=settings.seed,
        alpha=settings.alpha,
        direction="two-sided",
    )
    rule = subject.strategy
    found = deviations(given, strategy=rule.name, parameters=values(rule), settings=used, code=code_hash(type(rule)))
    return [*found, f"no model is used; registered was {given.settings.model}"] if settings.model is None else found


def _told(registered: Registration, departs: list[str]) -> dict[str, Any]:
    given = registered.given
    return {
        "hypothesis": given.hypothesis,
        "sha256": given.sha256,
        "settings": asdict(given.settings),
        "standing": registered.standing.text,
        "deviations": departs,
    }


def study_json(made: Study) -> dict[str, Any]:
    """Return a study as plain values for JSON."""
    told: dict[str, Any] = json.loads(json.dumps(asdict(made), allow_nan=False))
    return told
