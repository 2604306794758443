"""hustings prereg: a hypothesis written down before its test, and whether it came first."""

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import click

from engine.statistics.abnormal import Model
from hustings.commands.run import run
from hustings.inputs import parameters_of
from hustings.prereg import (
    DIRECTIONS,
    SCHEMES,
    STATISTICS,
    TRADE,
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
from hustings.terminal import say, say_json, table
from hustings.trials import Trial
from reports.numbers import ratio

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
_MODELS = {m.value: m for m in Model}
_COLUMNS = ["trial", "when (UTC)", "parameters", "n", "Sharpe"]
_ACCOUNT = [f.name for f in fields(PreregAccount)]


@click.group()
def prereg() -> None:
    """Write down a hypothesis before its test, and show whether it came first."""


@prereg.command(params=[p for p in run.params if p.name in _ACCOUNT])
@click.argument("strategy")
@click.option("-p", "parameters", multiple=True, metavar="NAME=VALUE", help="A parameter of the strategy (repeatable).")
@click.option("--hypothesis", required=True, metavar="TEXT", help="What is expected, and why.")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="FILE", help="A file not there yet.")
@click.option("--statistic", type=click.Choice(STATISTICS), default="bmp", show_default=True, help="The primary one.")
@click.option(
    "--scheme", type=click.Choice(SCHEMES), default="stratified", show_default=True, help="Placebo calendars."
)
@click.option("--window", default=TRADE, show_default=True, metavar="A:B|trade", help="Sessions, 0 the first after.")
@click.option("--model", type=click.Choice([*_MODELS, "none"]), default="mean", show_default=True)
@click.option("--draws", type=int, default=9_999, show_default=True, help="Placebo calendars drawn.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the draws.")
@click.option("--alpha", type=float, default=0.05, show_default=True, help="Level of the test.")
@click.option("--direction", type=click.Choice(DIRECTIONS), default="two-sided", show_default=True)
@_JSON
def write(
    strategy: str,
    parameters: tuple[str, ...],
    hypothesis: str,
    out: Path,
    model: str,
    as_json: bool,
    **typed: Any,
) -> None:
    """Write FILE: what will be tested of STRATEGY, and how; its hash goes into the ledger's chain at once.

    Dates, costs and the other terms of the account are part of it. Where prices, events, labels and priors come from
    is not: the ledger holds the hashes of those that a run read.
    """
    account = account_of({name: typed.pop(name) for name in _ACCOUNT})
    settings = settings_of({**typed, "model": _MODELS.get(model)})
    given = parameters_of(parameters)
    drafted = draft(strategy, given, hypothesis=hypothesis, settings=settings, account=account)
    made, _ = write_prereg(drafted, out)
    _show(made, standing(made), out, as_json=as_json)


@prereg.command()
@click.argument("file", type=click.Path(path_type=Path))
@_JSON
@click.pass_context
def show(ctx: click.Context, file: Path, as_json: bool) -> None:
    """Show FILE, whether it is as it was written, and which trials of its rule came before it.

    Exit 1 when the ledger does not vouch for the file.
    """
    told = load(file)
    found = standing(told)
    _show(told, found, file, as_json=as_json)
    if found.broken or found.state is not FileState.REGISTERED:
        ctx.exit(1)


def _show(told: Preregistration, found: Standing, file: Path, *, as_json: bool) -> None:
    if as_json:
        derived = {"precedes": found.precedes, "text": found.text, "broken": found.broken or None}
        say_json({"file": str(file), **asdict(told), "standing": {**asdict(found), **derived}})
        return
    say(f"{told.strategy}  {' '.join(f'{k}={v}' for k, v in told.parameters.items())}")
    say(told.hypothesis)
    for chosen in (asdict(told.settings), asdict(told.account)):
        say("  " + ", ".join(f"{k} {'none' if v is None else v}" for k, v in chosen.items()))
    say(f"  {file}, SHA-256 {told.sha256}" + (f", row {found.place} of the ledger" if found.place else ""))
    if found.before:
        table(_COLUMNS, list(map(_row, found.before)), right=["trial", "n", "Sharpe"])
    say(found.text)


def _row(trial: Trial) -> list[str]:
    did = trial.statistics
    parameters = " ".join(f"{k}={v}" for k, v in trial.parameters.items())
    return [str(trial.k), trial.at[:16], parameters, "n/a" if did.n is None else str(did.n), ratio(did.sharpe)]
