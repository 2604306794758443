"""hustings events lint, moves, agreement: what a careful reader would doubt in the catalogue."""

from pathlib import Path

import click

from datasets.errors import UserError
from datasets.events import CATALOGUE
from datasets.events.agreement import Agreement, agreement
from datasets.events.label_file import load_labels, relabelled
from datasets.events.lint import lint
from datasets.prices.bars import Bars
from datasets.prices.published_moves import PublishedMove, published_moves
from hustings.commands.event_options import FILE, events_option, json_option
from hustings.inputs import events_of, instruments_of, source_of
from hustings.terminal import progress, say, say_json, table


@click.command("lint")
@click.argument("path", required=False, type=FILE, metavar="[FILE|DIR]")
@json_option
@click.pass_context
def lint_events(ctx: click.Context, path: Path | None, as_json: bool) -> None:
    """Check events (the bundled ones if no file is named); exit 1 with findings, 2 if it cannot be read."""
    n_rows, findings = lint(path or CATALOGUE)
    if as_json:
        say_json({"rows": n_rows, "findings": [f.as_row() for f in findings]})
    else:
        for each in findings:
            say(f"{each.file} line {each.line} {each.event_id}: {each.message} [{each.rule}]")
        say(f"{len(findings)} finding{'' if len(findings) == 1 else 's'} in {n_rows} rows")
    if findings:
        ctx.exit(1)


@click.command()
@click.option("--data", type=FILE, metavar="DIR", help="A directory of bars [the built-in bars].")
@events_option
@json_option
@click.pass_context
def moves(ctx: click.Context, data: Path | None, source: Path | None, as_json: bool) -> None:
    """Hold published first-session moves against the bars; exit 1 if one differs without a note that explains it."""
    with progress("reading bars"):
        found = published_moves(events_of(source), _Loader(data))
    if as_json:
        say_json([_row(m) for m in found])
    else:
        _show(found)
    if any(m.agrees is False and not m.note for m in found):
        ctx.exit(1)


class _Loader:
    """Gives the bars of an index, each read once; None where there are none."""

    def __init__(self, data: Path | None) -> None:
        self._source, self._known = source_of(data), instruments_of(data)
        self._read: dict[str, Bars | None] = {}

    def __call__(self, index: str) -> Bars | None:
        if index not in self._read:
            self._read[index] = self._load(index)
        return self._read[index]

    def _load(self, index: str) -> Bars | None:
        instrument = next((i for i in self._known if i.symbol == index), None)
        names = set() if instrument is None else {n.casefold() for n in (instrument.symbol, *instrument.aliases)}
        if instrument is None or not any(s.casefold() in names for s in self._source.symbols()):
            return None
        return self._source.load(instrument)


def _row(move: PublishedMove) -> dict[str, str | float | bool | None]:
    return {
        "event_id": move.event_id,
        "index": move.index,
        "session": None if move.session is None else move.session.isoformat(),
        "published": str(move.published),
        "found": None if move.found is None else round(move.found, 4),
        "agrees": move.agrees,
        "note": move.note,
        "why": move.why,
    }


_WORDS = {True: "agrees", False: "differs", None: "not found"}


def _show(found: list[PublishedMove]) -> None:
    columns = ["event", "index", "session", "published", "found", "", "note"]
    rows = [
        [m.event_id, m.index, str(m.session or ""), str(m.published), _percent(m), _WORDS[m.agrees], m.note or m.why]
        for m in found
    ]
    table(columns, rows, right=["published", "found"])
    counts = {word: sum(m.agrees is verdict for m in found) for verdict, word in _WORDS.items()}
    unexplained = sum(m.agrees is False and not m.note for m in found)
    said = f"{counts['agrees']} agree within rounding, {counts['differs']} differ, {counts['not found']} without bars"
    say(f"{len(found)} published moves: {said}; {unexplained} differ without a note")


def _percent(move: PublishedMove) -> str:
    return "" if move.found is None else f"{move.found:.2f}"


@click.command("agreement")
@click.option("--labels", "coded", type=FILE, metavar="FILE", required=True, help="The second coder's labels.")
@events_option
@json_option
def agreement_of_coders(coded: Path, source: Path | None, as_json: bool) -> None:
    """Say how far a second coder's labels agree with the events' own: counts and Cohen's kappa."""
    events, labels = events_of(source), load_labels(coded)
    relabelled(events, labels)  # refuses an event that is not there
    found = agreement(events, labels)
    if not any(a.n for a in found):
        raise UserError(f"{labels.name} codes no label that the events have too: nothing to compare")
    if as_json:
        say_json([_agreement_row(a) for a in found])
        return
    columns = ["label", "coded by both", "agree", "share", "kappa", "differ on"]
    table(columns, [_agreement_cells(a) for a in found], right=columns[1:5])


def _agreement_row(a: Agreement) -> dict[str, object]:
    pairs = [{"first": first, "second": second, "n": n} for (first, second), n in a.table.items()]
    return {"label": a.label, "n": a.n, "agree": a.agree, "kappa": a.kappa, "pairs": pairs, "differ": list(a.differ)}


def _agreement_cells(a: Agreement) -> list[str]:
    share = f"{a.agree / a.n:.1%}" if a.n else "n/a"
    kappa = "n/a" if a.kappa is None else f"{a.kappa:.2f}"
    more = f" and {len(a.differ) - 4} more" if len(a.differ) > 4 else ""
    return [a.label, str(a.n), str(a.agree), share, kappa, ", ".join(a.differ[:4]) + more]
