"""hustings compare: writes runs side by side in one page, and prints their metrics."""

from pathlib import Path
from typing import Any

from datasets.errors import UserError
from engine.metrics.table import METRICS
from engine.run.run import Run
from hustings.files import write_folder, write_text
from hustings.page_data import place_of, run_at
from hustings.run_summary import metric_of
from hustings.sheet import print_pdf
from hustings.terminal import progress, say, say_files, say_json, table
from reports.numbers import money

_TWO, _FEW = 2, 4


def compare_runs(*, runs: tuple[str, ...], out: Path, tables: Path | None, pdf: bool) -> None:
    """Write the page of a comparison, with ``tables`` its tables too, and print its metrics."""
    if len(runs) < _TWO:
        raise UserError(f"compare needs two runs or more, {len(runs)} given; 'hustings runs list' shows them")
    places = [place_of(name) for name in runs]
    with progress(f"comparing {len(runs)} runs"):
        loaded = [run_at(place) for place in places]
        data, files = _written(loaded, out, tables)
    if pdf:
        files["pdf"] = print_pdf(out)
    say_json({**data, "files": files})
    _overview(loaded, [head["label"] for head in data["runs"]])
    _markets(data)
    for pair in data["differences"] if len(loaded) <= _FEW else []:
        say(f"\n{pair['sentence']}")
    say()
    say_files(files)


def _written(runs: list[Run], out: Path, tables: Path | None) -> tuple[dict[str, Any], dict[str, Path]]:
    """Write the page and the tables; return their data, and the paths by name."""
    from reports.comparison import comparison_data
    from reports.comparison_page import comparison_page
    from reports.comparison_tables import comparison_csv

    data = comparison_data(runs)
    files = {"comparison": write_text(out, comparison_page(runs, data))}
    if tables is not None:
        write_folder(tables, comparison_csv(runs, data), option="--csv")
        files["tables"] = tables
    return data, files


def _markets(data: dict[str, Any]) -> None:
    """Print the P&L of each market, one column a run."""
    names = [f"{head['label']} {head['currency']}".strip() for head in data["runs"]]
    if len(names) <= _FEW and len(data["markets"]) > 1:
        say("\nP&L by market")
        rows = [["-" if m is None else money(m["pnl"]) for m in row["runs"]] for row in data["markets"]]
        markets = [row["instrument"] for row in data["markets"]]
        table(["market", *names], [[s, *row] for s, row in zip(markets, rows, strict=True)], right=names)


def _overview(runs: list[Run], names: list[str]) -> None:
    if len(runs) <= _FEW:
        table(["", *names], [[m.label, *(metric_of(r, m) for r in runs)] for m in METRICS])
    else:
        labels = [m.label for m in METRICS]
        rows = [[n, *(metric_of(r, m).split(" (")[0] for m in METRICS)] for n, r in zip(names, runs, strict=True)]
        table(["run", *labels], rows, right=labels)
    say("each run over its own dates; the page also compares them over their common dates, and says why one is n/a")
    currencies = list(dict.fromkeys(r.currency for r in runs))
    if len(currencies) > 1:
        say(f"accounts are kept in {', '.join(c or 'no named currency' for c in currencies)}: amounts are not compared")
