"""hustings prereg: writes a hypothesis down before its test, and shows whether it came first."""

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from engine.statistics.abnormal import Model
from engine.study.settings import Anchor
from hustings.handlers.trials import tried_text
from hustings.inputs import pairs_of
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
from hustings.terminal import parameters_text, say, say_json, table
from hustings.trials import Trial
from reports.numbers import ratio


def write(
    *,
    strategy: str,
    parameters: tuple[str, ...],
    hypothesis: str,
    out: Path,
    model: str,
    anchor: str,
    **typed: Any,
) -> None:
    """Write a preregistration, append its hash to the ledger, and print it."""
    account = account_of({f.name: typed.pop(f.name) for f in fields(PreregAccount)})
    named = {"model": None if model == "none" else Model(model), "anchor": Anchor(anchor)}
    settings = settings_of({**typed, **named})
    drafted = draft(strategy, pairs_of(parameters), hypothesis=hypothesis, settings=settings, account=account)
    made = write_prereg(drafted, out)
    _show(made, standing(made), out)


def show(*, file: Path) -> int:
    """Print a preregistration with its standing, and return 1 if the ledger does not confirm the file."""
    prereg = load(file)
    found = standing(prereg)
    _show(prereg, found, file)
    return 1 if found.broken or found.state is not FileState.REGISTERED else 0


def _show(prereg: Preregistration, found: Standing, file: Path) -> None:
    derived = {"precedes": found.precedes, "text": found.text, "broken": found.broken or None}
    say_json({"file": str(file), **asdict(prereg), "standing": {**asdict(found), **derived}})
    say(f"{prereg.strategy}  {parameters_text(prereg.parameters)}")
    say(prereg.hypothesis)
    for chosen in (asdict(prereg.settings), asdict(prereg.account)):
        say("  " + ", ".join(f"{k} {'none' if v is None else v}" for k, v in chosen.items()))
    say(f"  {file}, SHA-256 {prereg.sha256}" + (f", row {found.place} of the ledger" if found.place else ""))
    if found.before:
        columns = ["trial", "when (UTC)", "parameters", "n", "Sharpe"]
        table(columns, list(map(_row, found.before)), right=["trial", "n", "Sharpe"])
    say(found.text)


def _row(trial: Trial) -> list[str]:
    n, sharpe = trial.statistics.n, trial.statistics.sharpe
    return [str(trial.k), trial.at[:16], tried_text(trial), "n/a" if n is None else str(n), ratio(sharpe)]
