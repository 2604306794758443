"""Prints lines, JSON and tables: results on stdout, progress and warnings on stderr.

A command states its result twice, in words and as one JSON value, and prints the one that was asked for.
"""

import json
import os
import re
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from reports.page import TextTable  # a command that prints no report imports no pages

_ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but tab and newline, marks of direction, halves of characters (bytes of paths, no UTF-8)."""
_BETWEEN = 3  # columns of the screen between two columns of a table
_LONG = 24  # a longer word (a path, a hash) may be broken
_ANSWERS = "hustings.answers_in_json"


def answers(*, as_json: bool) -> None:
    """Let the command that runs print its result as JSON alone, or in words alone."""
    click.get_current_context().meta[_ANSWERS] = as_json


def in_json() -> bool | None:
    """Return whether the command that runs answers in JSON; None where none runs, or one that prints both."""
    context = click.get_current_context(silent=True)
    return None if context is None else context.meta.get(_ANSWERS)


def escaped(text: str) -> str:
    r"""Return text whose characters that would act on a terminal, or that it cannot show, are written as escapes.

    >>> escaped("a\x1b[31m\tb")
    'a\\x1b[31m\tb'
    """
    return text if text.isascii() and text.isprintable() else _ACTING.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def say(text: str = "") -> None:
    """Print a line of a result in words."""
    if not in_json():
        print(escaped(text))


def say_raw(text: str) -> None:
    """Print text with its own line ends."""
    if not in_json():
        sys.stdout.write(escaped(text.replace("\r\n", "\n")) if sys.stdout.isatty() else text)


def warn(text: str) -> None:
    """Print a line on stderr."""
    print(escaped(text), file=sys.stderr)


def _plain(value: Any) -> Any:
    if not hasattr(value, "__struct_fields__"):
        return os.fspath(value)
    from msgspec.structs import asdict

    return asdict(value)


def say_json(value: Any) -> None:
    """Print the result as one JSON value (paths as text); its own escapes stand for what a terminal cannot show."""
    if in_json() is False:
        return
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=_plain)
    print(_ACTING.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


@contextmanager
def progress(text: str) -> Iterator[None]:
    """Show a status line while the block runs, if stderr is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(text):
        yield


@contextmanager
def strategy_output() -> Iterator[None]:
    """Send what a strategy prints to stderr; next to JSON, discard it and the strategy's warnings."""
    quiet = in_json()
    with warnings.catch_warnings(), open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - no path
        if quiet:
            warnings.simplefilter("ignore")
        with redirect_stdout(nowhere if quiet else sys.stderr):
            yield


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """Print rows under columns; the columns named in ``right`` are aligned right.

    No word is broken: the widest column is wrapped. If the words do not fit in columns, each row is a paragraph.
    """
    if in_json():
        return
    from rich.console import Console

    rows = [[escaped(cell) for cell in row] for row in rows]
    console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
    widths = _widths([columns, *rows], console.width - _BETWEEN * len(columns))
    if widths is None:
        _paragraphs(columns, rows, console.width)
        return
    try:
        console.print(_grid(columns, rows, widths, right))
    except SystemExit as e:  # how rich ends where the pipe is closed
        raise BrokenPipeError from e


def say_tables(tables: Iterable["TextTable"], *, most: int | None = None, others: str = "") -> None:
    """Print tables of a report with their titles and notes, ``most`` rows of each; ``others`` says where all are."""
    for each in tables:
        say(f"\n{each.title}")
        if each.rows:
            table(each.columns, each.rows[:most], right=each.right)
        if most is not None and len(each.rows) > most:
            say(f"{len(each.rows) - most} more rows are in {others}")
        if each.note:
            say(each.note)


def _grid(columns: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int], right: Sequence[str]) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column, width in zip(columns, widths, strict=True):
        grid.add_column(column, justify="right" if column in right else "left", overflow="fold", width=width)
    for row in rows:
        grid.add_row(*(Text(cell) for cell in row))
    return grid


def _widths(lines: Sequence[Sequence[str]], room: int) -> list[int] | None:
    """Return the width of each column, the widest reduced until all fit; None if a word does not fit."""
    from rich.cells import cell_len

    by_column = list(zip(*lines, strict=True))
    widths = [max(map(cell_len, cells)) for cells in by_column]
    least = [min(_LONG, max(cell_len(w) for c in cells for w in (c.split() or [""]))) for cells in by_column]
    if sum(least) > room:
        return None
    while sum(widths) > room:
        widest = max((n for n, w in enumerate(widths) if w > least[n]), key=lambda n: widths[n])
        widths[widest] -= 1
    return widths


def _paragraphs(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> None:
    """Print each row as its first cell and, under it, the other cells with their headings; empty cells are left out."""
    glue = "\N{NO-BREAK SPACE}"
    heads = [c.strip().replace(" ", glue) for c in columns[1:]]
    for first, *others in rows:
        cells = (f"{h}:{glue}{v}" for h, v in zip(heads, others, strict=True) if v.strip("-"))
        wrapped = wrap(" | ".join(cells), width - 2, break_on_hyphens=False, break_long_words=False)
        say(first)
        for line in wrapped:
            say("  " + line.replace(glue, " "))


def text_of(value: Any) -> str:
    """Return a parameter's value as a user types it: lists with commas, ``none`` for None."""
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return "none" if value is None else str(value)


def parameters_text(parameters: Mapping[str, Any], *, between: str = " ") -> str:
    """Return parameters as ``name=value``, without those that are None."""
    return between.join(f"{name}={text_of(value)}" for name, value in parameters.items() if value is not None)


def counted(n: int, singular: str, plural: str = "") -> str:
    """Return a number with its noun.

    >>> counted(1, "row"), counted(2, "row"), counted(0, "study", "studies")
    ('1 row', '2 rows', '0 studies')
    """
    return f"{n:,} {singular if n == 1 else plural or singular + 's'}"


def say_files(files: Mapping[str, Path]) -> None:
    """Print the names and paths of files, one a line."""
    width = max([10, *map(len, files)])
    for name, path in files.items():
        say(f"{name:{width}} {path}")


def say_sources(sources: Mapping[str, str], simulated: Sequence[str], *, kind: str) -> None:
    """Print the source of each instrument's bars, after a warning if bars are simulated.

    Args:
        sources: texts by symbol.
        simulated: the symbols of simulated bars.
        kind: what uses them, such as ``run``.
    """
    if simulated:
        say(f"SIMULATED bars: {', '.join(simulated)}. This {kind} says nothing about real markets.")
    for symbol, text in sources.items():
        say(f"  {symbol:8} {text}")
