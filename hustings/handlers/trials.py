"""hustings trials, prereg: the ledger of every trial, and hypotheses written down before their test."""

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from msgspec import structs

from datasets.errors import UserError, unknown_name
from engine.study.settings import Anchor, Model
from hustings.inputs import pairs_of
from hustings.ledger import ChainCheck, check_ledger, trials_of
from hustings.prereg import (
    FileState,
    PreregAccount,
    Preregistration,
    Standing,
    account_of,
    draft,
    load,
    settings_of,
    standing,
    write_prereg,
)
from hustings.terminal import counted, parameters_text, say, say_json, table, warn
from hustings.trials import Trial
from reports.numbers import ratio, signed_percent

_LEAST = 8
_COLUMNS = ["trial", "when (UTC)", "strategy", "parameters", "run", "runs", "n", "mean", "Sharpe", "prereg"]


def list_trials(*, strategy: str | None, limit: int, everything: bool) -> None:
    """Print the distinct trials, newest first."""
    found = _of(strategy, trials_of())
    shown = found[::-1][: None if everything else limit]
    checked, n = check_ledger(), sum(t.n for t in found)
    listed = [{**structs.asdict(t), "reason": t.statistics.reason or None} for t in shown]
    say_json({"trials": listed, "n": n, "of": checked.trials, "head": checked.head})
    if not checked.rows:
        say("no trial yet; every 'hustings run' is a trial")
    else:
        table(_COLUMNS, [_row(t) for t in shown], right=["trial", "runs", "n", "mean", "Sharpe"])
        others = "" if n == checked.trials else f" of this rule, {checked.trials:,} in all"
        say(f"{sum(t.n for t in shown):,} of {n:,} trials{others}; {_length(checked)}")
    if checked.broken:
        warn(f"hustings: the ledger of trials is damaged: {checked.why}; see 'hustings trials verify'")


def verify_ledger(*, head: str) -> int:
    """Check the ledger, print the result, and return 1 if it is damaged."""
    checked = check_ledger(_digits(head))
    broken = checked.broken and structs.asdict(checked.broken)
    say_json({"rows": checked.rows, "trials": checked.trials, "head": checked.head, "broken": broken})
    if checked.broken:
        say(f"the ledger of trials is damaged: {checked.why}")
    else:
        say(f"the ledger of trials is complete: {_length(checked)}")
    return 1 if checked.broken else 0


def _digits(head: str) -> str:
    digits = head.strip().lower()
    if digits and (len(digits) < _LEAST or len(digits) > 64 or set(digits) - set("0123456789abcdef")):
        raise UserError(f"--head is '{head}'; give {_LEAST} to 64 hexadecimal digits as they were printed")
    return digits


def _of(strategy: str | None, trials: list[Trial]) -> list[Trial]:
    names = sorted({t.strategy for t in trials})
    if strategy is None or not names:
        return trials
    if strategy not in names:
        raise unknown_name("strategy among the trials", strategy, names, hint=f"there are trials of {', '.join(names)}")
    return [t for t in trials if t.strategy == strategy]


def _length(checked: ChainCheck) -> str:
    return f"{counted(checked.rows, 'ledger row')}, head {checked.head}"


def tried_text(trial: Trial) -> str:
    """Return the parameters of a trial, or how many combinations a sweep had, in words."""
    return f"a sweep: {counted(trial.n, 'combination')}" if trial.sweep else parameters_text(trial.parameters)


def _row(trial: Trial) -> list[str]:
    found = trial.statistics
    parameters = tried_text(trial)
    closed = "n/a" if found.n is None else str(found.n)
    what = [str(trial.k), trial.at[:16], trial.strategy, parameters, trial.run_id, str(trial.times), closed]
    return [*what, signed_percent(found.mean), ratio(found.sharpe), trial.prereg[:_LEAST]]


def write(
    *, strategy: str, parameters: tuple[str, ...], hypothesis: str, out: Path, model: str, anchor: str, **typed: Any
) -> None:
    """Write a preregistration, append its hash to the ledger, and print it."""
    account = account_of({f.name: typed.pop(f.name) for f in fields(PreregAccount)})
    named = {"model": None if model == "none" else Model(model), "anchor": Anchor(anchor)}
    settings = settings_of({**typed, **named})
    drafted = draft(strategy, pairs_of(parameters), hypothesis=hypothesis, settings=settings, account=account)
    made = write_prereg(drafted, out)
    _show_prereg(made, standing(made), out)


def show(*, file: Path) -> int:
    """Print a preregistration with its standing, and return 1 if the ledger does not confirm the file."""
    prereg = load(file)
    found = standing(prereg)
    _show_prereg(prereg, found, file)
    return 1 if found.broken or found.state is not FileState.REGISTERED else 0


def _show_prereg(prereg: Preregistration, found: Standing, file: Path) -> None:
    derived = {"precedes": found.precedes, "text": found.text, "broken": found.broken or None}
    say_json({"file": str(file), **asdict(prereg), "standing": {**structs.asdict(found), **derived}})
    say(f"{prereg.strategy}  {parameters_text(prereg.parameters)}")
    say(prereg.hypothesis)
    for chosen in (asdict(prereg.settings), asdict(prereg.account)):
        say("  " + ", ".join(f"{k} {'none' if v is None else v}" for k, v in chosen.items()))
    say(f"  {file}, SHA-256 {prereg.sha256}" + (f", row {found.place} of the ledger" if found.place else ""))
    if found.before:
        columns = ["trial", "when (UTC)", "parameters", "n", "Sharpe"]
        table(columns, list(map(_prereg_row, found.before)), right=["trial", "n", "Sharpe"])
    say(found.text)


def _prereg_row(trial: Trial) -> list[str]:
    n, sharpe = trial.statistics.n, trial.statistics.sharpe
    return [str(trial.k), trial.at[:16], tried_text(trial), "n/a" if n is None else str(n), ratio(sharpe)]
