"""The values that complete an argument or an option in a shell; each function imports what it needs when called."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from click import Context, Parameter
from click.shell_completion import CompletionItem

import datasets
from datasets.errors import UserError

_CATALOGUE = Path(datasets.__file__).parent / "events" / "catalogue"
_PRICES = (".csv", ".parquet", ".gz", ".tsv", ".txt")
_HOMES = (("home", "the event's own main index"), ("home-fx", "its currency against the dollar"))
Items = list[CompletionItem[str]]
Described = Iterable[tuple[str, str]]
"""Values, each with a short description, which may be blank."""


def strategies(ctx: Context, param: Parameter, incomplete: str) -> Items:
    """Return the strategies that begin so, or files."""
    return _or_files(_strategies(), incomplete)


def _strategies() -> Iterator[tuple[str, str]]:
    """Yield the registered strategies with the first line of their files, and those of installed packages."""
    from importlib.metadata import entry_points

    import strategies

    for name, place in strategies.REGISTRY.items():
        file = Path(strategies.__file__).parents[1] / place.partition(":")[0].replace(".", "/")
        with file.with_suffix(".py").open(encoding="utf-8") as lines:
            yield name, next(lines).strip().strip('"')
    yield from ((e.name, "") for e in entry_points(group=strategies.ENTRY_POINTS) if e.name not in strategies.REGISTRY)


def parameters(ctx: Context, param: Parameter, incomplete: str) -> Items:
    """Return the names of the parameters of the strategy on the line; after ``name=`` its values."""
    from hustings.strategy_source import strategy_source

    source = strategy_source(str(ctx.params.get("strategy") or next(iter(ctx.args), "")))  # in args before a bare -p
    name, equals, begun = incomplete.partition("=")
    if not equals:
        given = {str(p).partition("=")[0] for p in ctx.params.get("parameters") or ()}
        return _beginning(((f"{n}=", source.says.get(n, "")) for n in source.annotations if n not in given), incomplete)
    choices, symbols = source.choices()
    if name in symbols:
        before = f"{name}={begun[: begun.rfind(',') + 1]}"  # several instruments are separated by commas
        known = (*_HOMES, *_instruments(ctx))
        return _beginning(((before + symbol, text) for symbol, text in known), incomplete)
    return _beginning(((f"{name}={value}", "") for value in choices.get(name, ())), incomplete)


def instruments(ctx: Context, param: Parameter, incomplete: str) -> Items:
    """Return the known and stored instruments that begin so, those of ``--data``, or files."""
    return _or_files(_instruments(ctx), incomplete)


def _instruments(ctx: Context) -> Iterator[tuple[str, str]]:
    from datasets.home import hustings_home
    from datasets.markets.instruments import bundled_instruments

    known = {i.symbol: i.name for i in bundled_instruments()}
    yield from known.items()
    folders = [hustings_home() / "bars", *([Path(ctx.params["data"])] if ctx.params.get("data") else [])]
    files = {p for folder in folders if folder.is_dir() for p in folder.iterdir()}
    prices = {p.name.partition(".")[0] for p in files if p.suffix in _PRICES and p.name[0] not in "._"}
    yield from ((symbol, "") for symbol in sorted(prices - known.keys()))


def events(ctx: Context, param: Parameter, incomplete: str) -> Items:
    """Return the ids of events that begin so, of the file or directory named with ``--events`` or the bundled ones."""
    from datasets.csv_rows import read_csv
    from datasets.home import hustings_home

    given = [Path(p) for p in ctx.params.get("sources") or ctx.params.get("events") or ()]
    folders = given if ctx.params.get("only_events") else [_CATALOGUE, hustings_home() / "events", *given]
    found: list[tuple[str, str]] = []
    for file in (f for path in folders for f in (sorted(path.glob("*.csv")) if path.is_dir() else [path])):
        with suppress(UserError):
            found += [(r.text("event_id"), r.text("title")) for r in read_csv(file, required=("title",)).rows]
    return _beginning(((name, title) for name, title in found if name), incomplete)


def events_and_scheduled(ctx: Context, param: Parameter, incomplete: str) -> Items:
    """Return the ids of events, and of events to come, that begin so."""
    from datasets.events.scheduled import scheduled_events

    coming = ((e.event_id, e.title) for e in scheduled_events())
    return [*events(ctx, param, incomplete), *_beginning(coming, incomplete)]


def kinds(ctx: Context, param: Parameter, incomplete: str) -> Items:
    """Return the kinds of events that begin so."""
    from datasets.events import Kind

    return _beginning(((kind.value, "") for kind in Kind), incomplete)


def runs(ctx: Context, param: Parameter, incomplete: str) -> Items:
    """Return the newest runs of the registry that begin so, with their strategies and dates, or folders."""
    from hustings.registry import newest_runs

    return _or_files(newest_runs(200), incomplete)


def _beginning(values: Described, incomplete: str) -> Items:
    fold = incomplete.casefold()
    return [CompletionItem(value, help=text or None) for value, text in values if value.casefold().startswith(fold)]


def _or_files(values: Described, incomplete: str) -> Items:
    return _beginning(values, incomplete) or [CompletionItem(incomplete, type="file")]
