"""hustings run: replay a strategy and write its tear sheet."""

from dataclasses import replace
from pathlib import Path

import click

from hustings.commands.run_options import RunOptions, run_options
from hustings.execution import execute
from hustings.ledger import SHOWN, position_json
from hustings.recording import entered, listed
from hustings.run_folder import check_free, run_json, write_run
from hustings.sheet import kept_study, sheet_of
from hustings.terminal import apart, progress, say, say_json, summary


@click.command()
@click.argument("strategy")
@run_options
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Where the files go [runs/<run_id>].")
@click.option("--no-report", is_flag=True, help="Write no tear sheet.")
@click.option("--no-variants", is_flag=True, help="Do not reckon other holds, delays and costs for the tear sheet.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def run(
    strategy: str, options: RunOptions, out: Path | None, no_report: bool, no_variants: bool, as_json: bool
) -> None:
    """Replay STRATEGY over events and bars and write its tear sheet.

    STRATEGY is a name ('hustings strategies'), path/to/file.py:ClassName, or package.module:ClassName.
    """
    if out is not None:
        check_free(out)
    with progress("replaying"), apart(quiet=as_json):
        setting = replace(options.setting(), vary=not (no_report or no_variants))
        result = execute(strategy, options.given(), options.instruments, setting)
    position = entered(result)
    folder = out if out is not None else Path("runs") / result.run_id
    with progress("writing the tear sheet"):
        trial = "" if position is None else position.text
        page = None if no_report else sheet_of(result, kept_study(folder, result.run_id), trial=trial)
        files = write_run(result, folder, page)
    if position is not None:
        listed(result, folder)
    if as_json:
        say_json({**run_json(result, files), "trial": None if position is None else position_json(position)})
        return
    summary(result, files)
    if position is not None:
        say(f"{'trial':10} {position.text}; ledger {position.head[:SHOWN]}")
