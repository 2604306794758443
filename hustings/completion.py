"""Shell completion: click's own, with ``name=value`` as one word, and the values of arguments and options.

Each function imports what it needs when called.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
from click import Context, Parameter
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    get_completion_class,
    shell_complete,
    split_arg_string,
)

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


VARIABLE = "_HUSTINGS_COMPLETE"
"""Set by the script in a shell: the shell that asks, as in ``bash_complete``."""


class _Bash(BashComplete):
    """Bash splits ``hold=5`` into three words, and replaces only the part after the last ``=``.

    So it sends the line up to the cursor, to be split here.
    """

    source_template = BashComplete.source_template.replace(
        "COMPREPLY+=($value)", 'COMPREPLY+=("$value"); [[ $value == *= ]] && compopt -o nospace'
    ).replace("${COMP_WORDS[*]}", "${COMP_LINE:0:COMP_POINT}")

    def source(self) -> str:
        return ShellComplete.source(self)  # without starting a bash to read its version

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ["COMP_WORDS"]
        words = split_arg_string(line)[1:]
        return (words, "") if line[-1:].isspace() else (words[:-1], words[-1])

    def format_completion(self, item: CompletionItem[Any]) -> str:
        return f"{item.type},{item.value.partition('=')[2] or item.value}"


class _Zsh(ZshComplete):
    """After a name that ends in ``=`` its value follows without a blank."""

    source_template = ZshComplete.source_template.replace(
        'completions+=("$key")',
        'if [[ "$key" == *= ]]; then compadd -U -S "" -- "$key"; else completions+=("$key"); fi',
    )

    def format_completion(self, item: CompletionItem[str]) -> str:
        help_ = None if item.value.endswith("=") else item.help  # zsh adds a blank to an item with a help
        return super().format_completion(CompletionItem(item.value, item.type, help_))


def register() -> None:
    """Let click use these classes for bash and zsh; for fish it has its own."""
    add_completion_class(_Bash, "bash")
    add_completion_class(_Zsh, "zsh")


def complete(command: click.Command) -> int:
    """Print what completes the line that a shell sends, and return the exit code."""
    register()
    return shell_complete(command, {}, "hustings", VARIABLE, os.environ[VARIABLE])


def script(shell: str, command: click.Command) -> str:
    """Return the script that a shell reads at its start."""
    register()
    kind = get_completion_class(shell)
    assert kind is not None
    return kind(command, {}, "hustings", VARIABLE).source()
