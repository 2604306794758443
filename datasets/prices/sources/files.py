"""A directory of price files as a source: the file's name is the symbol, and its layout is found in its content."""

from collections.abc import Collection
from datetime import datetime
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from datasets.errors import UserError, did_you_mean
from datasets.markets.instruments import Instrument
from datasets.prices.actions import splits_in
from datasets.prices.bars import Bars
from datasets.prices.checks.case import Case
from datasets.prices.contracts import FILE_NAME, contract_bars, read_contracts
from datasets.prices.quality import Severity, ValidatedTable, check_accepted, validate
from datasets.prices.reading.columnar import FEATHER, PARQUET, read_parquet
from datasets.prices.reading.delimited import read_delimited
from datasets.prices.reading.records import delimited_of, is_json
from datasets.prices.reading.selection import WHOLE, Selection
from datasets.prices.reading.text import MOST_BYTES, too_large, unpacked
from datasets.prices.table import PriceTable
from datasets.visibility import visible_bars

_PLAIN = (".csv", ".tsv", ".txt", ".parquet", ".feather", ".json")
_NO_PRICES = ("instruments.csv", "actions.csv", "rates.csv", FILE_NAME)
_ENDINGS = (*_PLAIN, ".csv.gz", ".tsv.gz", ".txt.gz", ".csv.zip")


class DirectorySource:
    """Bars from ``DIR/SYMBOL.csv``, ``DIR/SYMBOL.parquet`` and the like, in any layout that ``read_table`` knows.

    Only date and close must be there; an empty open, high or low is a missing one. Other columns are left alone
    (an adjusted close is not used). The file may also have one of the instrument's other names. With ``now`` (an
    instant with its zone) rows of sessions not closed by then are judged as at an import; ``accepted`` are the rules
    whose refusals may pass.
    """

    def __init__(self, directory: Path, *, now: datetime | None = None, accepted: Collection[str] = ()) -> None:
        check_accepted(accepted)
        if not directory.is_dir():
            raise UserError(f"--data '{directory}' is not a directory; name one that holds SYMBOL.csv files")
        self._now, self._accepted = now, tuple(accepted)
        self._contracts = read_contracts(directory)
        self._files: dict[str, Path] = {}
        for path in price_files(directory):
            other = self._files.setdefault(symbol_of(path).casefold(), path)
            if other != path:
                raise UserError(f"--data has both {other.name} and {path.name}; keep the one that is meant")

    def symbols(self) -> list[str]:
        """Return the names of the files, without their endings, and the symbols of contracts."""
        return sorted({*map(symbol_of, self._files.values()), *self._contracts})

    @visible_bars
    def load(self, instrument: Instrument) -> Bars:
        """Return the bars of an instrument.

        Raises:
            UserError: no such file, or several, or its first bad row.
        """
        if instrument.symbol in self._contracts:
            return contract_bars(self._contracts[instrument.symbol])
        names = {n.casefold(): n for n in (instrument.symbol, *instrument.aliases)}
        found = [self._files[n] for n in names if n in self._files]
        if len(found) > 1:
            files = " and ".join(p.name for p in found)
            raise UserError(f"--data has {files}, all of {instrument.symbol}; keep the one that is meant")
        if found:
            return read_price_file(found[0], instrument, now=self._now, accepted=self._accepted)
        raise UserError(
            f"no bars of {instrument.symbol}: --data has no {instrument.symbol}.csv or .parquet"
            f"{did_you_mean(instrument.symbol, self.symbols())}"
        )


def price_files(directory: Path) -> list[Path]:
    """Return the files of a directory that may hold prices, by name; hidden ones, pipes and contracts' odds do not."""
    named = (p for p in directory.iterdir() if p.name.casefold().endswith(_ENDINGS) and not p.name.startswith("."))
    found = (p for p in named if p.is_file())
    odds = {contract.path for contract in read_contracts(directory).values()}
    return sorted(p for p in found if p.name not in _NO_PRICES and p not in odds)


def symbol_of(path: Path) -> str:
    """Return a file's name without its endings.

    >>> symbol_of(Path("TOPIX.csv.gz")), symbol_of(Path("^HSI.parquet"))
    ('TOPIX', '^HSI')
    """
    ending = next((e for e in sorted(_ENDINGS, key=len, reverse=True) if path.name.casefold().endswith(e)), path.suffix)
    return path.name[: len(path.name) - len(ending)]


def read_table(path: Path, selection: Selection = WHOLE) -> PriceTable:
    """Return the price table in a file: CSV in any common layout, JSON, Parquet or Feather, recognised by content.

    Gzip and zip archives of one file are unpacked. ``selection`` is what the user says of the file. Rows are as they
    were found; cells that cannot be read are in ``unreadable``.

    Raises:
        UserError: the file as a whole cannot be read as prices; file and line are named.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise too_large(path.name)
        data = path.read_bytes()
    except OSError as e:
        raise UserError(f"{path.name}: cannot be read ({e.strerror})") from e
    return parse_table(data, path.name, selection)


def parse_table(data: bytes, name: str, selection: Selection = WHOLE) -> PriceTable:
    """Return the price table in a file's content, as ``read_table`` does; ``name`` is what messages call it."""
    data = unpacked(data, name)
    read = read_parquet if data.startswith((PARQUET, FEATHER)) else read_delimited
    if is_json(data):
        data, name = delimited_of(data, name), f"{name} as CSV"
    return read(data, name, selection)


def read_price_file(
    path: Path, instrument: Instrument, *, now: datetime | None = None, accepted: Collection[str] = ()
) -> Bars:
    """Return the bars of one price file, judged as strictly as an import at ``now`` (``prices.quality.validate``).

    The text of their source says what was changed, and which rules were accepted for it.

    Raises:
        UserError: the file cannot be read as prices, or holds what could change a fill; file and line are named.
    """
    case = Case(read_table(path), instrument, retrieved_at=now, splits=splits_in(path.parent, instrument))
    passed = validate(case, accepted=accepted)
    source = replace(passed.bars.source, text="; ".join([passed.bars.source.text, *_changes(passed, accepted)]))
    return replace(passed.bars, source=source)


def _changes(passed: ValidatedTable, accepted: Collection[str]) -> list[str]:
    """Return what was done to the rows of a file: corrections, blank opens, rules that were accepted."""
    used = {f.rule for f in passed.report.findings if f.severity is Severity.REFUSAL}.intersection(accepted)
    blank = int(np.isnan(passed.table.open).sum())
    opens = [f"{blank} of {len(passed.table)} opens blank"] if 0 < blank < len(passed.table) else []
    return [*passed.report.corrections, *opens, *(f"accepted: {rule}" for rule in sorted(used))]
