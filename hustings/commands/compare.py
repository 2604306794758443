"""hustings compare: runs side by side in one page."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from datasets.errors import UserError
from engine.metrics.table import METRICS
from engine.run.run import Run
from hustings.printing import print_pdf
from hustings.registry import folder_of
from hustings.run_folder import read_run
from hustings.terminal import metric_of, progress, say, say_json, table

_TWO, _FEW = 2, 4


@click.command()
@click.argument("runs", nargs=-1, required=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("comparison.html"), show_default=True)
@click.option("--csv", "tables", type=click.Path(path_type=Path), metavar="DIR", help="Write every table there, too.")
@click.option("--pdf", is_flag=True, help="Print the page as PDF beside it, with the Chromium of this machine.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def compare(runs: tuple[str, ...], out: Path, tables: Path | None, pdf: bool, as_json: bool) -> None:
    """Put two or more RUNS (ids, beginnings of ids, or folders) side by side in one HTML page.

    Each run is held against the first one named.
    """
    if len(runs) < _TWO:
        raise UserError(f"compare needs two runs or more, {len(runs)} given; 'hustings runs list' shows them")
    folders = [folder_of(name) for name in runs]
    with progress(f"comparing {len(runs)} runs"), _uncollected():
        loaded = [read_run(folder) for folder in folders]
        data, files = _written(loaded, out, tables)
    if pdf:
        with progress("printing"):
            files["pdf"] = out.with_suffix(".pdf")
            print_pdf(out, files["pdf"])
    if as_json:
        say_json({**data, "files": {name: str(path) for name, path in files.items()}})
        return
    _overview(loaded, [head["label"] for head in data["runs"]])
    _differences(data)
    for name, path in files.items():
        say(f"{name} {path}")


@contextmanager
def _uncollected() -> Iterator[None]:
    """Look for no garbage: runs do not refer to themselves, and looking costs a sixth of the time of fifty of them."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _written(runs: list[Run], out: Path, tables: Path | None) -> tuple[dict[str, Any], dict[str, Path]]:
    """Write the page and, if asked for, the tables; return what they were made of, and where they are."""
    from reports.comparison import comparison_data
    from reports.comparison_csv import comparison_csv
    from reports.comparison_page import comparison_page

    data = comparison_data(runs)
    _write(out, comparison_page(runs, data), "--out")
    files = {"comparison": out}
    if tables is not None:
        for name, text in comparison_csv(runs, data).items():
            _write(tables / name, text, "--csv")
        files["tables"] = tables
    return data, files


def _write(path: Path, text: str, option: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as e:
        raise UserError(f"cannot write '{path}': {e.strerror}; name another place with {option}") from e


def _overview(runs: list[Run], names: list[str]) -> None:
    if len(runs) <= _FEW:
        table(["", *names], [[m.label, *(metric_of(r, m) for r in runs)] for m in METRICS])
    else:
        labels = [m.label for m in METRICS]
        rows = [[name, *(_short(metric_of(r, m)) for m in METRICS)] for name, r in zip(names, runs, strict=True)]
        table(["run", *labels], rows, right=labels)
    say("each on its own span; the page compares them on their common one too, and says why a number is n/a")


def _differences(data: dict[str, Any]) -> None:
    for pair in data["differences"] if len(data["runs"]) <= _FEW else []:
        say()
        say(pair["sentence"])
    say()


def _short(text: str) -> str:
    return text.split(" (", maxsplit=1)[0]
