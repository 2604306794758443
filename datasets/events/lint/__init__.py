"""Checks a file of events beyond its columns: what is doubtful in a row, or between rows.

A rule is one function and one line of a registry. Row rules look at one event and yield what is wrong with it; file
rules look at all of them. ``lint_exceptions.csv`` names the events to which a rule does not apply, with the reason.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from datasets.csv_rows import bundled_rows
from datasets.events.event import PoliticalEvent
from datasets.events.event_catalogue import EventRow, event_rows
from datasets.events.lint.facts import basis, identifier, index, label_sources, labels, own_kind, seats, sources, tags
from datasets.events.lint.rules import (
    announced,
    duplicate,
    exit_polls,
    holiday,
    hour,
    in_order,
    incumbent,
    named_by_country,
    names,
    order,
    public,
    title,
    weekday,
    winner,
    zone,
)

RowRule = Callable[[PoliticalEvent], Iterator[str]]
FileRule = Callable[[Sequence[tuple[EventRow, PoliticalEvent]]], Iterator[tuple[EventRow, str]]]

ROW_RULES: dict[str, RowRule] = {
    "order": order,
    "announced": announced,
    "zone": zone,
    "hour": hour,
    "weekday": weekday,
    "holiday": holiday,
    "kind": own_kind,
    "id": identifier,
    "basis": basis,
    "sources": sources,
    "seats": seats,
    "labels": labels,
    "label_sources": label_sources,
    "tags": tags,
    "winner": winner,
    "incumbent": incumbent,
    "public": public,
    "title": title,
    "exit_poll": exit_polls,
    "index": index,
}
FILE_RULES: dict[str, FileRule] = {"duplicate": duplicate, "names": names, "sorted": in_order, "file": named_by_country}


class LintFinding(Struct, frozen=True):
    """One doubt: which rule, where, of which event, and what."""

    rule: str
    file: str
    line: int
    event_id: str
    message: str


QUICK = ("order", "announced", "zone", "hour", "weekday", "kind", "duplicate")
"""The rules that a short row of one's own must keep too; the others are of the catalogue."""


def lint(path: Path, *, quick: bool = False) -> tuple[int, list[LintFinding]]:
    """Return how many rows a file (or a directory of CSV files) has, and every finding in the order of the lines.

    Args:
        path: the file or directory.
        quick: only the rules of QUICK.

    Raises:
        UserError: a file that cannot be read as a file of events at all.
    """
    rows = list(event_rows(path))
    read = [(row, row.event) for row in rows if row.event is not None]
    found = [_finding("schema", row, fault) for row in rows for fault in row.faults]
    found += [_finding(name, row, text) for name, rule in ROW_RULES.items() for row, e in read for text in rule(e)]
    found += [_finding(name, row, text) for name, rule in FILE_RULES.items() for row, text in rule(read)]
    excepted = {(r["rule"], r["event_id"]) for r in bundled_rows(Path(__file__).parents[1] / "lint_exceptions.csv")}
    kept = (f for f in found if (f.rule, f.event_id) not in excepted and (not quick or f.rule in ("schema", *QUICK)))
    return len(rows), sorted(kept, key=lambda f: (f.file, f.line))


def _finding(rule: str, row: EventRow, message: str) -> LintFinding:
    return LintFinding(
        rule, row.file, row.line, row.event.event_id if row.event else row.cells.get("event_id", ""), message
    )
