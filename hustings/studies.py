"""Makes a study from what a user typed: the run, the ledger, another coder's labels, a preregistration."""

import json
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from msgspec import Struct, structs
from msgspec.structs import replace

from datasets.errors import UserError
from datasets.events.label_file import load_labels, relabelled
from engine.plan.costs import Fx, Terms
from engine.run.backtest import Window as Dates
from engine.run.identity import code_hash
from engine.run.run import Run
from engine.strategy import build
from engine.study.result import Study
from engine.study.settings import PRIMARY, Anchor, EventWindow, Model, Scheme, Settings
from engine.study.study import study
from engine.study.study_input import StudyInput
from hustings.execution import RunOptions, build_rule, run_rule
from hustings.inputs import days_of_text
from hustings.ledger import used_before
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
from hustings.recording import look_or_warn
from hustings.trials import Trial, TrialPosition
from strategies.loading import find_strategy, is_backtrader

REBUILT_AT_MOST = 50
"""The trials rebuilt for a study, combinations of sweeps among them."""
_TERMS = {*Terms.__struct_fields__}


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


NO_LEDGER = "No ledger of trials could be written: what else was tried is not known."


class StudyOptions(RunOptions, frozen=True):
    """A backtest, and how it is studied."""

    windows: tuple[str, ...]
    anchor: str
    model: str
    placebo: str
    draws: int
    seed: int
    alpha: float
    other_labels: Path | None
    prereg: Path | None
    statistic: str
    implied: str | None
    surprise: str | None
    merge: str | None
    instants: tuple[str, ...]

    def settings(self) -> Settings:
        """Return how the study is made.

        Raises:
            UserError: an invalid window, number of draws, seed or level.
        """
        model = None if self.model == "none" else Model(self.model)
        windows = tuple(_window(w, Anchor(self.anchor)) for w in self.windows)
        made = Settings(model, Scheme(self.placebo), self.draws, self.seed, windows, self.alpha)
        days = 0 if self.merge is None else days_of_text(self.merge, "--merge").days
        shown = self.statistic == "variance"
        return replace(made, variance=shown, implied=self.implied, surprise=self.surprise, merge=days)


def _window(text: str, anchor: Anchor) -> EventWindow:
    first, colon, last = text.partition(":")
    try:
        return EventWindow(int(first), int(last if colon else first), anchor)
    except ValueError as e:
        raise UserError(f"--window is '{text}'; write two numbers of sessions, such as 0:5 or -1:1") from e


def subject_of(options: RunOptions, *, vary: bool = False) -> StudyInput:
    """Return a strategy's run with all that a study of it needs; ``vary``: with the parameter sensitivity.

    Raises:
        UserError: anything wrong with the input; a backtrader strategy, which has no plan to move to other dates.
    """
    cls = find_strategy(options.strategy)
    if is_backtrader(cls):
        raise UserError(
            f"{cls.__name__} is a backtrader strategy: its orders cannot be moved to other dates; a study takes a rule "
            "that names its legs (see 'hustings new')"
        )
    rule = build_rule(cls, options.given(), options.instruments)
    setting = options.setting().unhedged(rule.instruments())
    run = run_rule(rule, setting, vary=vary)
    return StudyInput(rule, setting.events, setting.market, setting.terms, setting.window, run, setting.benchmark)


class StudiedRegistration(Struct, frozen=True):
    """A preregistration, and its standing before the run that is studied was entered in the ledger."""

    given: Preregistration
    standing: Standing

    def before(self, run: Run, settings: dict[str, Any]) -> "StudiedRegistration":
        """Return the same with what was made under the file before a run was first studied with these settings."""
        used = used_before(self.given.sha256, run, settings)
        return replace(self, standing=replace(self.standing, used=used))


def registration_of(path: Path | None) -> StudiedRegistration | None:
    """Return the preregistration of a file with its present standing, if a file is given."""
    if path is None:
        return None
    given = load(path)
    return StudiedRegistration(given, standing(given))


def studied(
    subject: StudyInput, options: StudyOptions, position: TrialPosition | None, registered: StudiedRegistration | None
) -> Study:
    """Return the study of a run.

    Raises:
        UserError: an invalid option, a file of labels that cannot be read.
    """
    settings, other = options.settings(), options.other_labels
    counted = counted_settings(settings)
    sha256 = "" if registered is None else registered.given.sha256
    settings_tried = (
        1 if position is None else look_or_warn(subject.run.run_id, subject.run.manifest, counted, prereg=sha256)
    )
    registered = registered and registered.before(subject.run, counted)
    departs = [] if registered is None else _deviations(subject, settings, registered.given, options.adjust)
    at = registered.standing.registered_at if registered and registered.standing.precedes and not departs else ""
    given = replace(
        subject if position is None else with_trials(subject, position),
        other_labels=None if other is None else relabelled(subject.events, load_labels(other)),
        preregistered=at,
        settings_tried=settings_tried,
        ledger=NO_LEDGER if position is None else position.uncounted,
        primary=PRIMARY if registered is None else registered.given.settings.statistic,
    )
    made = replace(study(given, settings), trial=None if position is None else position.json)
    if registered is None:
        return made
    return replace(made, prereg=_prereg_json(registered, departs, primary(made, registered.given.settings)))


def counted_settings(settings: Settings) -> dict[str, Any]:
    """Return the settings of a study that change its p-values, as plain values."""
    return {
        "model": settings.model,
        "placebo": settings.scheme,
        "draws": settings.draws,
        "seed": settings.seed,
        "alpha": settings.alpha,
        "windows": sorted(f"{w} {w.anchor}" for w in settings.windows),
        **{name: value for name in ("variance", "surprise", "merge") if (value := getattr(settings, name))},
    }


def primary(made: Study, given: PreregSettings) -> dict[str, Any]:
    """Return the p-value of the registered statistic in the registered direction, or the reason why there is none.

    A one-sided p-value is half the two-sided one on the registered side, and one minus that half on the other side.
    """
    view = next((v for v in made.views if v.name == given.window), None)
    if view is None:
        return {"p": None, "reason": f"the window {given.window} was not studied: add --window {given.window}"}
    test = (made.labels.test if made.labels else None) if given.scheme == "labels" else view.test(given.statistic)
    if test is None or test.p is None:
        return {"p": None, "reason": made.reasons.get("labels", "") if test is None else test.reason}
    positive = (view.mean_abnormal or 0.0) > 0
    one_sided = test.p / 2 if positive == (given.direction == "greater") else 1 - test.p / 2
    return {"p": test.p if given.direction == "two-sided" else one_sided, "reason": ""}


def _deviations(subject: StudyInput, settings: Settings, given: Preregistration, adjust: str | None) -> list[str]:
    rule = subject.strategy
    return deviations(
        given,
        strategy=rule.name,
        parameters=subject.run.manifest["parameters"],
        settings=_used(settings, given),
        account=_account(subject, given.account.benchmark, adjust),
        code=code_hash(type(rule)),
    )


def _account(subject: StudyInput, typed: str | None, adjust: str | None) -> PreregAccount:
    """Return the account of a run as a file holds it.

    A benchmark has the name under which it was registered (``typed``). The run does not hold the adjustment of its
    series (``adjust``).
    """
    symbol = subject.run.benchmark
    dates, terms = subject.run.manifest["window"], structs.asdict(subject.terms)
    first = subject.market.instruments.find(subject.plan.instruments[0]).currency
    terms["currency"] = "" if terms["currency"] == first else terms["currency"]
    return account_of(
        {
            **terms,
            "since": dates["from"] or None,
            "until": dates["to"] or None,
            "adjust": adjust,
            "benchmark": typed if typed and subject.market.instruments.symbol_or_name(typed) == symbol else symbol,
        }
    )


def _used(settings: Settings, given: Preregistration) -> PreregSettings:
    views = ("trade", *map(str, settings.windows))
    return PreregSettings(
        statistic=given.settings.statistic,
        scheme="labels" if given.settings.scheme == "labels" else settings.scheme.value,
        window=given.settings.window if given.settings.window in views else "trade",
        anchor=next((w.anchor for w in settings.windows if str(w) == given.settings.window), given.settings.anchor),
        model=settings.model,
        draws=settings.draws,
        seed=settings.seed,
        alpha=settings.alpha,
        direction=given.settings.direction,
    )


def _prereg_json(registered: StudiedRegistration, departs: list[str], found: dict[str, Any]) -> dict[str, Any]:
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
    plain: dict[str, Any] = json.loads(json.dumps(made, default=structs.asdict, allow_nan=False))
    return plain
