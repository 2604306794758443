"""The values that may be typed: rules, parameters, instruments, events, runs; from files, nothing heavy imported."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from click import Context, Parameter
from click.shell_completion import CompletionItem

import datasets
from datasets.home import hustings_home
from hustings.parameter_sources import choices_of, class_named, described, parameters_in
from hustings.run_names import run_names
from strategies import ENTRY_POINTS, REGISTRY

_FACTS = Path(datasets.__file__).parent
Items = list[CompletionItem[str]]
Named = Iterable[tuple[str, str]]
"""Values, each with a few words on it, or none."""


def strategies(ctx: Context, param: Parameter, incomplete: str) -> Items:
    """Return the rules that begin so, with their theses; what is none of them may be a file."""
    installed = {e.name: e.value for e in entry_points(group=ENTRY_POINTS)}
    return _or_files(((name, described(at)) for name, at in {**installed, **REGISTRY}.items()), incomplete)


def parameters(ctx: Context, param: Parameter, incomplete: str) -> Items:
    """Return the names of the parameters of the rule typed before; after ``name=`` its values."""
    found = class_named(_strategy_typed(ctx), _places())
    if found is None:
        return []
    known = parameters_in(found)
    name, equals, begun = incomplete.partition("=")
    if not equals:
        given = {str(p).partition("=")[0] for p in ctx.params.get("parameters") or ()}
        return _begun(((f"{p.name}=", p.says) for p in known if p.name not in given), incomplete)
    chosen = next((p for p in known if p.name == name), None)
    return [] if chosen is None else _values(f"{name}=", choices_of(found, chosen), begun, ctx)


def _strategy_typed(ctx: Context) -> str:
    """Return the rule on the line; click leaves it among the rest where the option at the end lacks its value."""
    return str(ctx.params.get("strategy") or next(iter(ctx.args), ""))


def _values(before: str, choices: list[str] | None, begun: str, ctx: Context) -> Items:
    if choices is not None:
        return _begun(((before + c, "") for c in choices), before + begun)
    first, comma, last = begun.rpartition(",")  # several instruments stand behind one another
    return _begun(((before + first + comma + s, says) for s, says in _instruments(ctx)), before + first + comma + last)


def instruments(ctx: Context, param: Parameter, incomplete: str) -> Items:
    """Return the instruments that begin so: those known, those stored, those of ``--data``; or a file."""
    return _or_files(_instruments(ctx), incomplete)


def _instruments(ctx: Context) -> Iterator[tuple[str, str]]:
    known = {row["symbol"]: row["name"] for row in _rows(_FACTS / "markets" / "instruments.csv")}
    yield from known.items()
    at_hand = [hustings_home() / "bars", *([Path(ctx.params["data"])] if ctx.params.get("data") else [])]
    more = sorted({p.name.partition(".")[0] for folder in at_hand for p in _price_files(folder)} - known.keys())
    yield from ((symbol, "") for symbol in more)


def _price_files(folder: Path) -> Iterator[Path]:
    files = folder.iterdir() if folder.is_dir() else iter(())
    return (p for p in files if p.suffix in (".csv", ".parquet", ".gz", ".tsv", ".txt") and p.name[0] not in "._")


def events(ctx: Context, param: Parameter, incomplete: str) -> Items:
    """Return the ids of events that begin so, with their titles; of the file or directory named with ``--events``."""
    named = ctx.params.get("source") or ctx.params.get("events") or _FACTS / "events" / "catalogue"
    path = Path(named)
    rows = (row for file in (sorted(path.glob("*.csv")) if path.is_dir() else [path]) for row in _rows(file))
    return _begun(((row.get("event_id") or "", row.get("title") or "") for row in rows), incomplete)


def runs(ctx: Context, param: Parameter, incomplete: str) -> Items:
    """Return the runs of the registry that begin so, newest first, with their rules; or a folder."""
    return _or_files(run_names(), incomplete)


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as f:
            return list(csv.DictReader(f))
    except (OSError, ValueError, csv.Error):
        return []  # no place to complain: the command itself says what is wrong with it


def _begun(named: Named, incomplete: str) -> Items:
    fold = incomplete.casefold()
    return [CompletionItem(value, help=says or None) for value, says in named if value.casefold().startswith(fold)]


def _or_files(named: Named, incomplete: str) -> Items:
    return _begun(named, incomplete) or [CompletionItem(incomplete, type="file")]


def _places() -> Mapping[str, str]:
    return {**{e.name: e.value for e in entry_points(group=ENTRY_POINTS)}, **REGISTRY}


Completer = Callable[[Context, Parameter, str], Any]

VALUES_OF: dict[str, Completer] = {
    "strategy": strategies,
    "strategies name": strategies,
    "parameters": parameters,
    "instruments": instruments,
    "benchmark": instruments,
    "symbol": instruments,
    "symbols": instruments,
    "targets": instruments,
    "explain names": instruments,
    "event_id": events,
    "run": runs,
    "runs": runs,
}
"""What completes a parameter, by its name, or by that of its command and its own where others share the name."""
