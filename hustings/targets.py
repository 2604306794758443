"""The price series that typed names mean: stored and built-in series, price files, directories of them."""

import re
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from datasets.errors import UserError
from datasets.markets.instruments import Instrument, InstrumentTable
from datasets.prices.actions import splits_in
from datasets.prices.bars import Bars
from datasets.prices.checks.case import Splits
from datasets.prices.contracts import Contract, contract_bars, read_contracts
from datasets.prices.reading.selection import Selection
from datasets.prices.sources.files import price_files, read_table, symbol_of
from datasets.prices.sources.stored import stored_bars
from datasets.prices.store import Store
from datasets.prices.table import PriceTable, table_of
from hustings.inputs import instruments_of, source_of

_ENDINGS = (".csv", ".parquet", ".feather", ".json", ".gz", ".zip", ".tsv", ".txt")
_COPY = re.compile(r"\s*\(\d{1,3}\)$")  # a browser's second copy
_VENDOR_NAMES = (
    re.compile(r"(.+?)[ _](?:Historical|Stock Price|Futures Historical|Dane historyczne).*", re.IGNORECASE),
    re.compile(r"(\S+)_[dwm]", re.IGNORECASE),  # Stooq
    re.compile(r"[A-Z]+_([^, ]+), ?1[DWM](?:_\w+)?"),  # TradingView
)


class Target(Struct, frozen=True):
    """One series to check: its table, or the error; ``reference`` are stored bars of the same instrument."""

    name: str
    symbol: str
    source: str
    instrument: Instrument | None = None
    table: PriceTable | None = None
    reference: Bars | None = None
    retrieved_at: datetime | None = None
    error: str | None = None
    splits: Splits = ()


class FileLayout(Struct, frozen=True):
    """What a user says of a price file: its instrument, the zone of its timestamps, the format of its dates."""

    symbol: str | None
    zone: str | None
    date_format: str | None
    column: str | None
    where: str | None

    def check_absent(self, reason: str, *, only: str = "") -> None:
        """Raise a UserError if an option (``only`` that one) describes a file, and there is none, for a reason."""
        for name in [only] if only else FileLayout.__struct_fields__:
            if getattr(self, name) is not None:
                option = f"--{name.replace('_', '-')}"
                raise UserError(f"{option} describes a FILE, and {reason}; leave it out, or name the file")

    def read(self, path: Path) -> PriceTable:
        """Return the table of a price file."""
        return read_table(path, Selection(self.column, self.where, self.date_format, self.zone))


def targets_of(names: Sequence[str], *, layout: FileLayout, data: Path | None) -> list[Target]:
    """Return the series that names mean: symbols, files, directories; without names all available series.

    Args:
        names: as typed.
        layout: how to read the files among them.
        data: where symbols are read from: a directory, ``builtin`` or ``store``; None: all available bars.

    Raises:
        UserError: a name that is none of these, a directory without price files, or a layout for what is no file.
    """
    known = instruments_of(data)
    if not names:
        return list(_everything(layout, data, known))
    found = [t for name in names for t in _named(name, layout, data, known)]
    if not found:
        raise UserError(f"no price files in '{' '.join(names)}'")
    return found


def _everything(layout: FileLayout, data: Path | None, known: InstrumentTable) -> Iterator[Target]:
    if data is not None and data.is_dir():
        layout.check_absent("a directory is none", only="symbol")
        yield from _directory(data, layout, known)
        return
    layout.check_absent("none is named")
    yield from (_available(name, data, known) for name in source_of(data).symbols())


def _named(name: str, layout: FileLayout, data: Path | None, known: InstrumentTable) -> Iterator[Target]:
    path = Path(name)
    if path.is_dir():
        yield from _directory(path, layout, instruments_of(path))
    elif path.is_file():
        yield _file(path, layout, instruments_of(path.parent))
    elif path.suffix.casefold() in _ENDINGS:
        raise UserError(f"no file '{name}'; name a file, a directory, or a symbol that 'hustings data list' shows")
    elif data is not None and data.is_dir():
        layout.check_absent(f"'{name}' is none", only="symbol")
        yield _in_directory(known.find(name), data, layout)
    else:
        layout.check_absent(f"'{name}' is none")
        yield _available(known.find(name).symbol, data, known)


def _directory(folder: Path, layout: FileLayout, known: InstrumentTable) -> Iterator[Target]:
    yield from (_file(path, layout, known) for path in price_files(folder))
    yield from map(_contract, read_contracts(folder).values())


def _contract(contract: Contract) -> Target:
    """Return the quotes of a contract as a series, without its settlement: no price of a file may be 0."""
    symbol = contract.instrument.symbol
    try:
        bars = contract_bars(contract)
    except UserError as e:
        return Target(symbol, symbol, "contract", error=str(e))
    quotes = bars.until(int(bars.close_at[-1]) - bars.is_settled)
    return Target(symbol, symbol, bars.source.text, contract.instrument, table_of(quotes))


def _in_directory(instrument: Instrument, folder: Path, layout: FileLayout) -> Target:
    contracts, names = read_contracts(folder), {n.casefold() for n in (instrument.symbol, *instrument.aliases)}
    if instrument.symbol in contracts:
        return _contract(contracts[instrument.symbol])
    for path in price_files(folder):
        if symbol_of(path).casefold() in names:
            return _file(path, replace(layout, symbol=instrument.symbol), instruments_of(folder))
    return Target(instrument.symbol, instrument.symbol, str(folder), error=f"no file of {instrument.symbol} in --data")


def _file(path: Path, layout: FileLayout, known: InstrumentTable) -> Target:
    try:
        table = layout.read(path)
        instrument = instrument_of(path, table, layout.symbol, known)
        source, stored, splits = (
            f"file {path.name}",
            stored_bars(Store(), instrument),
            splits_in(path.parent, instrument),
        )
    except UserError as e:
        return Target(path.name, layout.symbol or symbol_of(path), "file", error=str(e))
    return Target(path.name, instrument.symbol, source, instrument, table, stored, datetime.now(UTC), splits=splits)


def instrument_of(path: Path, table: PriceTable, symbol: str | None, known: InstrumentTable) -> Instrument:
    """Return the instrument of a file: as typed, by its name, or by the ticker in it."""
    if symbol is not None:
        return known.find(symbol)
    names = _names_of(known)
    for name in (*_names_in(symbol_of(path)), table.ticker):
        if name is not None and name.casefold() in names:
            return known.find(names[name.casefold()])
    what = "neither its name nor its content names an instrument"
    near = get_close_matches(_names_in(symbol_of(path))[-1].casefold(), names, n=1, cutoff=0.7)
    proposed = f" (hustings data import {shlex.quote(str(path))} --symbol {names[near[0]]})" if near else ""
    raise UserError(f"{path.name}: {what}; name it with --symbol{proposed}, or add it to an instruments.csv next to it")


def _names_of(known: InstrumentTable) -> dict[str, str]:
    """Return the symbols of instruments by every name, also by those in full that only one has."""
    titles = Counter(i.name.casefold().removesuffix(" index") for i in known)
    full = {i.name.casefold(): i.symbol for i in known if titles[i.name.casefold().removesuffix(" index")] == 1}
    return {n.removesuffix(" index"): s for n, s in full.items()} | full | {n.casefold(): n for n in known.names()}


def _names_in(stem: str) -> list[str]:
    """Return what a file's name may call its instrument: as it is, and as vendors name what they export.

    >>> _names_in("Nikkei 225 Historical Data (1)")[-1], _names_in("^spx_d")[-1], _names_in("TVC_NI225, 1D")[-1]
    ('Nikkei 225', '^spx', 'NI225')
    """
    bare = _COPY.sub("", stem)
    named = [m[1].strip() for v in _VENDOR_NAMES if (m := v.fullmatch(bare))]
    return [stem, bare, *(name.replace("_", mark) for mark in ("", " ") for name in named)]


def _available(symbol: str, data: Path | None, known: InstrumentTable) -> Target:
    try:
        instrument = known.find(symbol)
        if str(data) != "builtin" and symbol in Store().symbols():
            stored = Store().load(symbol)
            retrieved = datetime.fromisoformat(stored.provenance.deliveries[-1].retrieved_at)
            text = f"store: {stored.provenance.text}"
            return Target(symbol, symbol, text, instrument, stored.table, retrieved_at=retrieved)
        bars = source_of(data).load(instrument)
        return Target(symbol, symbol, bars.source.text, instrument, table_of(bars))
    except UserError as e:
        return Target(symbol, symbol, "", error=str(e))
