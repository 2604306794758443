"""hustings trials: the ledger of every trial."""

from dataclasses import asdict

from datasets.errors import UserError, unknown_name
from hustings.ledger import ChainCheck, check_ledger, trials_of
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
    listed = [{**asdict(t), "reason": t.statistics.reason or None} for t in shown]
    say_json({"trials": listed, "n": n, "of": checked.trials, "head": checked.head})
    if not checked.rows:
        say("no trial yet; every 'hustings run' is a trial")
    else:
        table(_COLUMNS, [_row(t) for t in shown], right=["trial", "runs", "n", "mean", "Sharpe"])
        others = "" if n == checked.trials else f" of this rule, {checked.trials} in all"
        say(f"{sum(t.n for t in shown)} of {n} trials{others}; {_length(checked)}")
    if checked.broken:
        warn(f"hustings: the ledger of trials is damaged: {checked.why}; see 'hustings trials verify'")


def verify_ledger(*, head: str) -> int:
    """Check the ledger, print the result, and return 1 if it is damaged."""
    checked = check_ledger(_digits(head))
    broken = checked.broken and asdict(checked.broken)
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
    return parameters_text(trial.parameters) if trial.sweep is None else f"a sweep: {trial.n:,} combinations"


def _row(trial: Trial) -> list[str]:
    found = trial.statistics
    parameters = tried_text(trial)
    closed = "n/a" if found.n is None else str(found.n)
    what = [str(trial.k), trial.at[:16], trial.strategy, parameters, trial.run_id, str(trial.times), closed]
    return [*what, signed_percent(found.mean), ratio(found.sharpe), trial.prereg[:_LEAST]]
