"""hustings trials: the ledger of all that was tried."""

from dataclasses import asdict
from typing import Any

import click

from datasets.errors import UserError, unknown_name
from hustings.ledger import ChainCheck, trials_of, verdict_on
from hustings.terminal import say, say_json, table, warn
from hustings.trials import Trial
from reports.numbers import ratio, signed_percent

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
_LEAST = 8
_COLUMNS = ["trial", "when (UTC)", "strategy", "parameters", "run", "runs", "n", "mean", "Sharpe", "prereg"]
_RIGHT = ["trial", "runs", "n", "mean", "Sharpe"]


@click.group(invoke_without_command=True)
@click.option("--strategy", metavar="NAME", help="Trials of one rule.")
@click.option("--limit", type=click.IntRange(min=1), default=30, show_default=True, help="How many, newest first.")
@click.option("--all", "everything", is_flag=True, help="All of them.")
@_JSON
@click.pass_context
def trials(ctx: click.Context, strategy: str | None, limit: int, everything: bool, as_json: bool) -> None:
    """List the distinct trials of the ledger, newest first: every run was one, and none is ever taken out.

    n counts the observations that its closed trades are: those of one event, and events that share days, are one. mean
    and Sharpe are of their net returns, per observation.
    """
    if ctx.invoked_subcommand is not None:
        return
    found = _of(strategy, trials_of())
    shown = found[::-1][: None if everything else limit]
    verdict = verdict_on()
    if as_json:
        say_json(
            {
                "trials": [_json(t) for t in shown],
                "n": sum(t.n for t in found),
                "of": verdict.trials,
                "head": verdict.head,
            }
        )
    else:
        _show(shown, sum(t.n for t in found), verdict)
    if verdict.broken:
        warn(f"hustings: the ledger of trials is damaged: {verdict.why}; see 'hustings trials verify'")


@trials.command()
@click.option("--head", default="", metavar="HASH", help="A hash that an older page or listing printed.")
@_JSON
@click.pass_context
def verify(ctx: click.Context, head: str, as_json: bool) -> None:
    """Check that no row of the ledger was changed, moved or taken out.

    Rows taken off its end leave a whole chain: name with --head a hash that was printed before, such as that of an
    old tear sheet, to see whether it is in there still. Exit 1 when something does not fit.
    """
    verdict = verdict_on(_checked(head))
    if as_json:
        broken = None if verdict.broken is None else asdict(verdict.broken)
        say_json({"rows": verdict.rows, "trials": verdict.trials, "head": verdict.head, "broken": broken})
    elif verdict.broken:
        say(f"the ledger of trials is damaged: {verdict.why}")
    else:
        say(f"the ledger of trials is whole: {_rows(verdict)}, head {verdict.head}")
    if verdict.broken:
        ctx.exit(1)


def _checked(head: str) -> str:
    digits = head.strip().lower()
    if digits and (len(digits) < _LEAST or len(digits) > 64 or set(digits) - set("0123456789abcdef")):
        raise UserError(f"--head is '{head}'; give {_LEAST} to 64 hexadecimal digits as they were printed")
    return digits


def _of(strategy: str | None, everything: list[Trial]) -> list[Trial]:
    names = sorted({t.strategy for t in everything})
    if strategy is None or not names:
        return everything
    if strategy not in names:
        raise unknown_name("strategy among the trials", strategy, names, hint=f"tried were {', '.join(names)}")
    return [t for t in everything if t.strategy == strategy]


def _show(shown: list[Trial], found: int, verdict: ChainCheck) -> None:
    if not verdict.rows:
        say("nothing has been tried yet; every 'hustings run' is a trial")
        return
    table(_COLUMNS, [_row(t) for t in shown], right=_RIGHT)
    others = "" if found == verdict.trials else f" of this rule, {verdict.trials} in all"
    say(f"{sum(t.n for t in shown)} of {found} trials{others}; {_rows(verdict)}, head {verdict.head}")


def _rows(verdict: ChainCheck) -> str:
    return f"{verdict.rows} row{'' if verdict.rows == 1 else 's'}"


def _row(trial: Trial) -> list[str]:
    did = trial.statistics
    parameters = _parameters(trial)
    numbers = [signed_percent(did.mean), ratio(did.sharpe)]
    closed = "n/a" if did.n is None else str(did.n)
    what = [str(trial.k), trial.at[:16], trial.strategy, parameters, trial.run_id, str(trial.times), closed]
    return [*what, *numbers, trial.prereg[:_LEAST]]


def _parameters(trial: Trial) -> str:
    if trial.sweep is not None:
        return f"a sweep: {trial.sweep.n:,} combinations"
    return " ".join(f"{k}={v}" for k, v in trial.parameters.items())


def _json(trial: Trial) -> dict[str, Any]:
    return {**asdict(trial), "reason": trial.statistics.reason or None}
