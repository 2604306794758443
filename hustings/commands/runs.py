"""hustings runs: the registry of past runs."""

from dataclasses import asdict
from pathlib import Path

import click

from hustings.registry import count, entries, find, folder_of, forget, holds
from hustings.run_folder import read_run, remove_run, run_json
from hustings.terminal import say, say_json, summary, table
from reports.numbers import percent

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")


@click.group(invoke_without_command=True)
@click.pass_context
def runs(ctx: click.Context) -> None:
    """List, show and remove past runs."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_runs)


@runs.command("list")
@click.option("--limit", type=click.IntRange(min=1), default=30, show_default=True, help="How many, newest first.")
@click.option("--all", "everything", is_flag=True, help="All of them.")
@_JSON
def list_runs(limit: int = 30, everything: bool = False, as_json: bool = False) -> None:
    """List runs, newest first."""
    found = entries(limit=None if everything else limit)
    if as_json:
        say_json([asdict(e) for e in found])
        return
    rows = [
        [
            e.run_id,
            e.created_at[:16],
            e.strategy,
            " ".join(f"{k}={v}" for k, v in e.parameters.items()),
            "SIMULATED" if e.simulated else "",
            str(e.n_trades),
            percent(e.total_return),
        ]
        for e in found
    ]
    table(
        ["run", "when (UTC)", "strategy", "parameters", "", "trades", "return"],
        rows,
        right=["trades", "return"],
    )
    say(f"{len(found)} of {count()} runs")


@runs.command()
@click.argument("run")
@_JSON
def show(run: str, as_json: bool) -> None:
    """Show a RUN again: an id, the beginning of one, or a folder."""
    folder = folder_of(run)
    loaded = read_run(folder)
    files = {p.stem: p for p in sorted(folder.iterdir()) if p.suffix in (".json", ".csv", ".html")}
    say_json(run_json(loaded, files)) if as_json else summary(loaded, files)


@runs.command()
@click.argument("run")
@click.option("--keep-files", is_flag=True, help="Take it out of the list only.")
@_JSON
def remove(run: str, keep_files: bool, as_json: bool) -> None:
    """Remove a RUN (an id or the beginning of one): its line in the registry and its files."""
    entry = find(run)
    if not keep_files and holds(Path(entry.folder), entry.run_id):
        remove_run(Path(entry.folder))  # files of another run that took the folder since are left alone
    forget(entry.run_id)
    say_json({"removed": entry.run_id}) if as_json else say(f"removed {entry.run_id}")
