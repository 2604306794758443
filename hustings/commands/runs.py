"""hustings runs: the registry of past runs."""

from dataclasses import asdict
from pathlib import Path

import click

from datasets.errors import UserError
from hustings.registry import count, entries, find, folder_of, forget, holds
from hustings.run_folder import read_run, remove_run, run_json
from hustings.terminal import progress, say, say_json, summary, table
from reports.numbers import percent

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")


@click.group(invoke_without_command=True)
@click.pass_context
def runs(ctx: click.Context) -> None:
    """List, show, report and remove past runs."""
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
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR|FILE",
    default=Path("runs"),
    show_default=True,
    help="Where the page goes; in a directory it is index.html.",
)
@click.option("--no-sheets", is_flag=True, help="Make no tear sheets; link those there are.")
@_JSON
def report(out: Path, no_sheets: bool, as_json: bool) -> None:
    """Write a page over all runs that links to each tear sheet, making those that are missing."""
    from hustings.gallery import cards, listed, make_sheets
    from reports.gallery import gallery

    page, found = _page(out), listed(entries())
    missing = sum(not run.gone and not run.has_sheet for run in found)
    with progress(f"making {missing} missing tear sheets"):
        failed = {} if no_sheets else make_sheets(found)
    shown = cards(found, page, failed)
    _write(page, gallery(shown))
    told = {
        "runs": len(shown),
        "linked": sum(bool(card.link) for card in shown),
        "missing": {card.run_id: card.missing for card in shown if card.missing},
        "files": {"gallery": str(page)},
    }
    say_json(told) if as_json else say(f"{told['linked']} of {told['runs']} runs linked\ngallery {page}")


def _page(out: Path) -> Path:
    is_file = out.suffix.casefold() in (".html", ".htm") and not out.is_dir()
    return out if is_file else out / "index.html"


def _write(page: Path, text: str) -> None:
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text, encoding="utf-8", newline="")
    except OSError as e:
        raise UserError(f"cannot write '{page}': {e.strerror}; name another place with --out") from e


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
