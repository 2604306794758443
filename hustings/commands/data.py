"""hustings data: which bars are at hand, where they came from, and what is in the store."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from datasets.errors import UserError, unknown_name
from datasets.markets.instruments import Instrument
from datasets.prices.bars import Bars
from datasets.prices.series_file import Provenance
from datasets.prices.sources.arch_bars import ArchSource
from datasets.prices.sources.base import BarSource
from datasets.prices.sources.builtin import BuiltinSource
from datasets.prices.sources.files import DirectorySource
from datasets.prices.sources.stored import DefaultSource, StoreSource
from datasets.prices.store import Store
from hustings.commands.data_check import check
from hustings.commands.data_fetch import fetch
from hustings.commands.data_import import export, import_files
from hustings.inputs import instruments_of, source_of
from hustings.terminal import say, say_json, table

_DATA = click.option(
    "--data", type=click.Path(path_type=Path), metavar="DIR|builtin|store", help="Only these bars [all at hand]."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")


@click.group(invoke_without_command=True)
@click.pass_context
def data(ctx: click.Context) -> None:
    """List, import, check, show, export and remove bars."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_data)


data.add_command(check)
data.add_command(fetch)
data.add_command(import_files)
data.add_command(export)


@data.command("list")
@_DATA
@_JSON
def list_data(data: Path | None = None, as_json: bool = False) -> None:
    """List the instruments, and where their bars come from."""
    source, known = source_of(data), instruments_of(data)
    rows = [_row(i, source) for i in known]
    if as_json:
        say_json(rows)
        return
    names = ("symbol", "name", "exchange", "currency", "bars", "other_names", "notes")
    table([n.replace("_", " ") for n in names], [[str(r[n] or "-") for n in names] for r in rows])


@data.command(short_help="Show a stored series: span, last rows, deliveries.")
@click.argument("symbol")
@_JSON
def show(symbol: str, as_json: bool) -> None:
    """Show a stored SYMBOL: its span, its last rows, and every delivery with its source and what was put right."""
    instrument = instruments_of(None).find(symbol)
    bars = StoreSource().load(instrument)
    told = Store().provenance(instrument.symbol)
    if as_json:
        say_json({**asdict(told), "real_opens": float(bars.open_is_real.mean())})
        return
    say(f"{instrument.symbol}  {instrument.name} ({instrument.mic}, {instrument.currency})")
    say(f"{bars.span()}; {told.adjustment} series; {bars.open_is_real.mean():.1%} of its opens are traded prices")
    say(f"sha256 {told.sha256}")
    _last_rows(bars)
    _deliveries(told)


def _last_rows(bars: Bars) -> None:
    rows = range(max(0, len(bars) - 5), len(bars))
    columns = ["session", "open", "high", "low", "close", "open traded"]
    prices = [[f"{getattr(bars, c)[n]:,.2f}" for c in columns[1:5]] for n in rows]
    marks = ["yes" if bars.open_is_real[n] else "no" for n in rows]
    table(
        columns,
        [[str(bars.session[n]), *p, m] for n, p, m in zip(rows, prices, marks, strict=True)],
        right=columns[1:5],
    )


def _deliveries(told: Provenance) -> None:
    for d in told.deliveries:
        say(f"{d.retrieved_at}  {d.name} from {d.source}; {d.rows} rows {d.first} to {d.last}; licence: {d.licence}")
        say(f"  {d.added} new, {d.changed} changed" + (f"; accepted: {', '.join(d.accepted)}" if d.accepted else ""))
        for text in d.corrections:
            say(f"  put right: {text}")
        for text in d.warnings:
            say(f"  warning: {text}")


@data.command(short_help="Take series out of the store.")
@click.argument("symbols", nargs=-1, required=True)
@_JSON
def remove(symbols: tuple[str, ...], as_json: bool) -> None:
    """Take SYMBOLS out of the store (damaged ones too); the files they came from are not touched."""
    store, known = Store(), instruments_of(None)
    names = list(dict.fromkeys(_stored_name(s, store, known) for s in symbols))
    for name in (n for n in names if n not in store.symbols()):
        raise unknown_name("series in the store:", name, store.symbols(), hint="nothing was removed")
    for name in names:
        store.remove(name)
    say_json({"removed": names}) if as_json else say(f"removed {', '.join(names)}")


def _stored_name(symbol: str, store: Store, known: Any) -> str:
    if symbol in store.symbols():
        return symbol  # also one whose instrument nobody knows any more
    found: str = known.find(symbol).symbol
    return found


def _row(instrument: Instrument, source: BarSource) -> dict[str, Any]:
    return {
        "symbol": instrument.symbol,
        "name": instrument.name,
        "exchange": instrument.mic,
        "currency": instrument.currency,
        "has_bars": _has(source, instrument),
        "bars": _whence(source, instrument),
        "other_names": " ".join(instrument.aliases),
        "notes": instrument.notes,
    }


def _has(source: BarSource, instrument: Instrument) -> bool:
    names = {n.casefold() for n in (instrument.symbol, *instrument.aliases)}
    return any(s.casefold() in names for s in source.symbols())


def _whence(source: BarSource, instrument: Instrument) -> str | None:
    if not _has(source, instrument):
        return None
    store = Store()
    if isinstance(source, DirectorySource) or instrument.symbol not in store.symbols():
        simulated = (
            isinstance(source, DefaultSource | BuiltinSource) and instrument.symbol not in ArchSource().symbols()
        )
        return "SIMULATED" if simulated else "file" if isinstance(source, DirectorySource) else "built in"
    try:
        told = store.provenance(instrument.symbol)
    except UserError:
        return "damaged"
    return f"{told.rows} to {told.last}, {told.deliveries[-1].source}"
