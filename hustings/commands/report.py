"""hustings report: the tear sheet of a run made again, the tables behind it, and quantstats' own sheet."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from datasets.errors import UserError
from engine.run.run import Run
from hustings.printing import print_pdf
from hustings.registry import folder_of
from hustings.run_folder import read_run
from hustings.sheet import sheet_again
from hustings.terminal import progress, say, say_json

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("run")
@click.option("--out", type=_PATH, metavar="FILE", help="Where it goes [tearsheet.html in the run's folder].")
@click.option("--csv", "csv_dir", type=_PATH, metavar="DIR", help="Write every table behind the page as DIR/NAME.csv.")
@click.option("--quantstats", type=_PATH, metavar="FILE", help="Write quantstats' own sheet of the run as well.")
@click.option("--pdf", is_flag=True, help="Print the page as PDF beside it, with the Chromium of this machine.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, with every table, and nothing else.")
def report(
    run: str,
    out: Path | None,
    csv_dir: Path | None,
    quantstats: Path | None,
    pdf: bool,
    as_json: bool,
) -> None:
    """Make the tear sheet of a RUN again: an id, the beginning of one, or a folder."""
    folder = folder_of(run)
    loaded = read_run(folder)
    files = {"tearsheet": _written(out or folder / "tearsheet.html", _tearsheet(loaded, folder))}
    if pdf:
        files["pdf"] = _printed(files["tearsheet"])
    if quantstats is not None:
        files["quantstats"] = _written(quantstats, _quantstats(loaded))
    if csv_dir is not None:
        files |= _csv_files(loaded, csv_dir)
    if as_json:
        say_json(_as_json(loaded, files))
        return
    for name, path in files.items():
        say(f"{name:18} {path}")


def _tearsheet(run: Run, folder: Path) -> str:
    with progress("writing the tear sheet"):
        return sheet_again(run, folder)


def _printed(page: Path) -> Path:
    with progress("printing"):
        print_pdf(page, page.with_suffix(".pdf"))
    return page.with_suffix(".pdf")


def _quantstats(run: Run) -> str:
    from reports.quantstats_sheet import quantstats_page

    with progress("asking quantstats"):
        return quantstats_page(run)


def _as_json(run: Run, files: dict[str, Path]) -> dict[str, Any]:
    from reports.tables import tables

    return {"run_id": run.run_id, "tables": tables(run), "files": {name: str(path) for name, path in files.items()}}


def _written(path: Path, text: str) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as e:
        raise UserError(f"cannot write '{path}': {e.strerror}; name another place") from e
    return path


def _csv_files(run: Run, folder: Path) -> dict[str, Path]:
    from reports.tables import tables

    return {name: _written(folder / f"{name}.csv", _csv(rows)) for name, rows in tables(run).items()}


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    """Return rows as CSV under their keys; nothing at all of a table without rows."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]) if rows else [], lineterminator="\n")
    if rows:
        writer.writeheader()
    writer.writerows({n: "" if v is None else v for n, v in row.items()} for row in rows)
    return out.getvalue()
