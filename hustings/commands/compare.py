"""hustings compare: runs side by side in one page."""

from pathlib import Path

import click

from datasets.errors import UserError
from hustings.registry import folder_of
from hustings.run_folder import read_run
from hustings.terminal import LABELS, metric, progress, say, say_json, table

_TWO, _FEW = 2, 4


@click.command()
@click.argument("runs", nargs=-1, required=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("comparison.html"), show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def compare(runs: tuple[str, ...], out: Path, as_json: bool) -> None:
    """Put two or more RUNS (ids, beginnings of ids, or folders) side by side in one HTML page."""
    if len(runs) < _TWO:
        raise UserError(f"compare needs two runs or more, {len(runs)} given; 'hustings runs list' shows them")
    from reports.comparison import comparison, comparison_data, labels

    loaded = [read_run(folder_of(name)) for name in runs]
    with progress("writing the comparison"):
        page = comparison(loaded)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(page, encoding="utf-8", newline="")
    except OSError as e:
        raise UserError(f"cannot write '{out}': {e.strerror}; name another place with --out") from e
    if as_json:
        say_json({**comparison_data(loaded), "files": {"comparison": str(out)}})
        return
    names = labels(loaded)
    if len(loaded) <= _FEW:
        table(["", *names], [[word, *(metric(r, n) for r in loaded)] for n, word in LABELS.items()])
    else:
        rows = [[name, *(_short(metric(r, n)) for n in LABELS)] for name, r in zip(names, loaded, strict=True)]
        table(["run", *LABELS.values()], rows, right=list(LABELS.values()))
    say("each on its own span; the page compares them on their common one too, and says why a number is n/a")
    say(f"comparison {out}")


def _short(text: str) -> str:
    return text.split(" (", maxsplit=1)[0]
