"""What the names typed after a command stand for: stored and built-in series, price files, directories of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from datasets.errors import UserError
from datasets.markets.instruments import Instrument, InstrumentTable
from datasets.prices.bars import Bars
from datasets.prices.sources.files import price_files, read_table, symbol_of
from datasets.prices.sources.stored import StoreSource
from datasets.prices.store import Store
from datasets.prices.table import PriceTable, table_of
from hustings.inputs import instruments_of, source_of

_ENDINGS = (".csv", ".parquet", ".gz", ".tsv", ".txt")


@dataclass(frozen=True)
class Target:
    """One series to judge: its table, or why there is none; ``held_against`` are bars known to be of the instrument."""

    name: str
    symbol: str
    source: str
    instrument: Instrument | None = None
    table: PriceTable | None = None
    held_against: Bars | None = None
    retrieved_at: datetime | None = None
    error: str | None = None


@dataclass(frozen=True)
class Told:
    """What a user says of a file: what it is of, the zone of its stamps, how its dates are written; None: it tells."""

    symbol: str | None = None
    zone: str | None = None
    date_format: str | None = None

    def check_file(self, what: str) -> None:
        """Raise a UserError where something is said of a file, and ``what`` is none."""
        options = {"--symbol": self.symbol, "--zone": self.zone, "--date-format": self.date_format}
        said = next((o for o, value in options.items() if value is not None), None)
        if said is not None:
            raise UserError(f"{said} tells of a FILE, and {what} is none; leave it out, or name the file")


def targets_of(names: Sequence[str], *, told: Told, data: Path | None) -> list[Target]:
    """Return the series that names stand for: symbols, files, directories; everything at hand where there is none.

    Args:
        names: as typed.
        told: what is said of the files among them.
        data: where to look for symbols: a directory, ``builtin`` or ``store``; what is at hand where None.

    Raises:
        UserError: a name that is neither, a directory without price files, or something told of a file that is none.
    """
    known = instruments_of(data)
    if not names:
        return list(_everything(told, data, known))
    found = [t for name in names for t in _named(name, told, data, known)]
    if not found:
        raise UserError(f"no price files in '{' '.join(names)}'")
    return found


def _everything(told: Told, data: Path | None, known: InstrumentTable) -> Iterator[Target]:
    if data is not None and data.is_dir():
        replace(told, zone=None, date_format=None).check_file("a directory")
        yield from _directory(data, told, known)
        return
    told.check_file("what is at hand")
    names = source_of(data).symbols()
    yield from (_by_name(name, data, known) for name in names)


def _by_name(name: str, data: Path | None, known: InstrumentTable) -> Target:
    try:
        return _at_hand(known.find(name), data)
    except UserError as e:
        return Target(name, name, "", error=str(e))


def _named(name: str, told: Told, data: Path | None, known: InstrumentTable) -> Iterator[Target]:
    path = Path(name)
    if path.is_dir():
        yield from _directory(path, told, instruments_of(path))
    elif path.is_file():
        yield _file(path, told, instruments_of(path.parent))
    elif path.suffix.casefold() in _ENDINGS:
        raise UserError(f"no file '{name}'; name a file, a directory, or a symbol that 'hustings data list' shows")
    elif data is not None and data.is_dir():
        replace(told, zone=None, date_format=None).check_file(f"'{name}'")
        yield _in_directory(known.find(name), data, told)
    else:
        told.check_file(f"'{name}'")
        yield _at_hand(known.find(name), data)


def _directory(folder: Path, told: Told, known: InstrumentTable) -> Iterator[Target]:
    yield from (_file(path, told, known) for path in price_files(folder))


def _in_directory(instrument: Instrument, folder: Path, told: Told) -> Target:
    names = {n.casefold() for n in (instrument.symbol, *instrument.aliases)}
    for path in price_files(folder):
        if symbol_of(path).casefold() in names:
            return _read(path, instrument, told)
    return Target(instrument.symbol, instrument.symbol, str(folder), error=f"no file of {instrument.symbol} in --data")


def _file(path: Path, told: Told, known: InstrumentTable) -> Target:
    try:
        read = read_table(path, zone=told.zone, date_format=told.date_format)
        instrument = instrument_of(path, read, told.symbol, known)
    except UserError as e:
        return Target(path.name, told.symbol or symbol_of(path), "file", error=str(e))
    return _of_file(path, read, instrument)


def _read(path: Path, instrument: Instrument, told: Told) -> Target:
    try:
        return _of_file(path, read_table(path, zone=told.zone, date_format=told.date_format), instrument)
    except UserError as e:
        return Target(path.name, instrument.symbol, "file", error=str(e))


def _of_file(path: Path, read: PriceTable, instrument: Instrument) -> Target:
    return Target(
        name=path.name,
        symbol=instrument.symbol,
        source=f"file {path.name}",
        instrument=instrument,
        table=read,
        held_against=_stored(instrument),
        retrieved_at=datetime.now(UTC),
    )


def instrument_of(path: Path, read: PriceTable, symbol: str | None, known: InstrumentTable) -> Instrument:
    """Return the instrument of a file: as typed, by its name, or by the ticker in it."""
    if symbol is not None:
        return known.find(symbol)
    names = {n.casefold() for n in known.names()}
    for name in (symbol_of(path), read.ticker):
        if name is not None and name.casefold() in names:
            return known.find(name)
    raise UserError(f"{path.name}: neither its name nor its content tells what it is of; say so with --symbol")


def _stored(instrument: Instrument) -> Bars | None:
    store = Store()
    if instrument.symbol not in store.symbols():
        return None
    try:
        return StoreSource(store).load(instrument)
    except UserError:
        return None  # a damaged series is no measure; checking it by its symbol says what is wrong with it


def _at_hand(instrument: Instrument, data: Path | None) -> Target:
    store, symbol = Store(), instrument.symbol
    try:
        if str(data) != "builtin" and symbol in store.symbols():
            stored = store.load(symbol)
            retrieved = datetime.fromisoformat(stored.provenance.deliveries[-1].retrieved_at)
            text = f"store: {stored.provenance.text}"
            return Target(symbol, symbol, text, instrument, stored.table, retrieved_at=retrieved)
        bars = source_of(data).load(instrument)
        return Target(symbol, symbol, bars.source.text, instrument, table_of(bars))
    except UserError as e:
        return Target(symbol, symbol, "", error=str(e))
