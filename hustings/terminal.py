"""What the terminal shows. Results on stdout, progress and warnings on stderr."""

import json
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from itertools import zip_longest
from pathlib import Path
from textwrap import wrap
from typing import Any

from engine.account.records import Trade
from engine.metrics.inputs import MetricInputs
from engine.metrics.table import Metric
from engine.run.run import Run
from reports.headline import HeadlineCard, account_cards, trade_cards
from reports.numbers import NOT_AVAILABLE, metric_text, money, percent, price
from reports.sparkline import BLOCKS, PLAIN, sparkline

_SHOWN = 12
_BETWEEN = 3  # columns of the screen between two columns of a table
_LONG = 24  # a longer word (a path, a hash) may be broken


def say(text: str = "") -> None:
    """Print a line of a result."""
    print(text)


def say_raw(text: str) -> None:
    """Print text as it stands, with its own line ends."""
    sys.stdout.write(text)


def warn(text: str) -> None:
    """Print a line beside the result."""
    print(text, file=sys.stderr)


def say_json(value: Any) -> None:
    """Print one JSON value and nothing else."""
    print(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


@contextmanager
def progress(text: str) -> Iterator[None]:
    """Show on a terminal's stderr what is being done."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(text):
        yield


@contextmanager
def apart(*, quiet: bool) -> Iterator[None]:
    """Keep what a strategy prints off stdout: on stderr, or nowhere when ``quiet``; its warnings too."""
    with warnings.catch_warnings(), open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - no path
        if quiet:
            warnings.simplefilter("ignore")
        with redirect_stdout(nowhere if quiet else sys.stderr):
            yield


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """Print rows under columns; those named in ``right`` are set flush right.

    No word is broken: what is widest is wrapped, and where the words do not fit side by side each row is a paragraph.
    """
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
    widths = _widths([columns, *rows], console.width - _BETWEEN * len(columns))
    if widths is None:
        _paragraphs(columns, rows, console.width)
        return
    try:
        console.print(_grid(columns, rows, widths, right))
    except SystemExit as e:  # how rich ends where the pipe is closed
        raise BrokenPipeError from e


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
    """Return the width of each column, the widest made narrower till all fit; None where a word would not fit."""
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
    """Print each row as its first cell and, under it, its other cells after their headings; empty ones are left out."""
    glue = "\N{NO-BREAK SPACE}"
    heads = [c.strip().replace(" ", glue) for c in columns[1:]]
    for first, *others in rows:
        told = (f"{h}:{glue}{v}" for h, v in zip(heads, others, strict=True) if v.strip("-"))
        wrapped = wrap(" | ".join(told), width - 2, break_on_hyphens=False, break_long_words=False)
        say(first)
        for line in wrapped:
            say("  " + line.replace(glue, " "))


def metric_of(run: Run, metric: Metric[MetricInputs]) -> str:
    """Return a headline metric of a run as text; one that is not available says so, and why."""
    value = run.metrics[metric.name]
    return f"n/a ({run.notes[metric.name]})" if value is None else metric_text(metric, value)


def summary(run: Run, files: dict[str, Path]) -> None:
    """Print what a run was, where its bars come from, its numbers, trades and skipped events."""
    head(run)
    _views(run)
    _trades(run)
    _skipped(run)
    say()
    told_paths(files)


def told_paths(files: dict[str, Path]) -> None:
    """Print where the files a user opens are."""
    for name, path in files.items():
        if name in ("tearsheet", "study", "manifest"):
            say(f"{name:10} {path}")


def head(run: Run) -> None:
    """Print what a run was, where its bars come from, and its equity."""
    say(f"{run.manifest['strategy']}  run {run.run_id}")
    say(run.manifest["rule"])
    say(", ".join(f"{k}={_text(v)}" for k, v in run.manifest["parameters"].items()))
    say()
    if run.simulated:
        say(f"SIMULATED bars: {', '.join(run.manifest['simulated'])}. This run says nothing about real markets.")
    for text in run.warnings:
        say(f"WARNING {text}")
    for symbol, text in run.manifest["sources"].items():
        say(f"  {symbol:8} {text}")
    if run.manifest.get("labels"):
        say(f"  labels of {run.manifest['labels']['file']} in place of the events' own")
    say(f"  {run.manifest['first_session']} to {run.manifest['last_session']}, {len(run.sessions)} sessions")
    say(f"  equity {money(run.start_equity)} to {money(run.final_equity)}; markets taken as currency-hedged")
    say(f"  {sparkline(run.equity, signs=_signs())}")


def _signs() -> str:
    """Return the signs of a curve that stdout can write."""
    try:
        BLOCKS.encode(sys.stdout.encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return PLAIN
    return BLOCKS


def _views(run: Run) -> None:
    """Print the metrics per trade with those of the portfolio, and why any number is n/a."""
    ours, account = trade_cards(run), account_cards(run)
    pairs = zip_longest(ours, account, fillvalue=HeadlineCard("", "", ""))
    rows = [[left.label, left.value, right.label, right.value] for left, right in pairs]
    table(["per trade", "", "portfolio", " "], rows, right=["", " "])
    missing: dict[str, list[str]] = {}
    for card in (*ours, *account):
        if card.value == NOT_AVAILABLE:
            missing.setdefault(card.note, []).append(card.label)
    for why, labels in missing.items():
        say(f"  n/a: {', '.join(labels)}: {why}")


def _trades(run: Run) -> None:
    trades = run.trades
    if not trades:
        say("\nno trades")
        if not run.skipped:
            say(
                f"the rule wanted none of {run.manifest['events_considered']} events; 'hustings events list' shows them"
            )
        return
    columns = ["event", "market", "side", "in", "at", "out", "at ", "return", "P&L", "why out"]
    rows = [_trade_row(t) for t in trades[-_SHOWN:]]
    say()
    if len(trades) > _SHOWN:
        say(f"the last {_SHOWN} of {len(trades)} trades (all are in trades.csv)")
    table(columns, rows, right=["at", "at ", "return", "P&L"])


def _trade_row(t: Trade) -> list[str]:
    ends = [t.entry_session, price(t.entry_price), t.exit_session, price(t.exit_price)]
    return [t.event_id, t.instrument, t.side, *ends, percent(t.return_), money(t.pnl), t.exit_reason]


def _skipped(run: Run) -> None:
    if not run.skipped:
        return
    say(f"\n{len(run.skipped)} not traded" + (f", the last {_SHOWN}:" if len(run.skipped) > _SHOWN else ":"))
    for each in run.skipped[-_SHOWN:]:
        say(f"  {each.event_id or '-'} {each.instrument}  {each.reason}")


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return "none" if value is None else str(value)
