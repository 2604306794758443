"""A directory of CSV or Parquet files as a source: the file's name is the symbol."""

import csv
import io
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from datasets.bars import Bars, Floats, Source, make_bars
from datasets.errors import UserError, did_you_mean
from datasets.instruments import Instrument

_PRICES = ("open", "high", "low", "close", "volume")


class DirectorySource:
    """Bars from ``DIR/SYMBOL.csv`` or ``DIR/SYMBOL.parquet`` with date, open, high, low, close, volume.

    Only date and close must be there; an empty open, high or low is a missing one. Other columns are left alone
    (an adjusted close is not used). The file may also bear one of the instrument's other names.
    """

    def __init__(self, directory: Path) -> None:
        if not directory.is_dir():
            raise UserError(f"--data '{directory}' is not a directory; name one that holds SYMBOL.csv files")
        self._directory = directory
        self._files: dict[str, Path] = {}
        for path in sorted(p for p in directory.iterdir() if p.suffix in (".csv", ".parquet") and p.is_file()):
            if path.name == "instruments.csv":
                continue
            other = self._files.setdefault(path.stem.casefold(), path)
            if other != path:
                raise UserError(f"--data has both {other.name} and {path.name}; keep the one that is meant")

    def symbols(self) -> list[str]:
        """Return the names of the files, without their endings."""
        return sorted(p.stem for p in self._files.values())

    def load(self, instrument: Instrument) -> Bars:
        """Return the bars of an instrument.

        Raises:
            UserError: no such file, or its first bad row.
        """
        for name in (instrument.symbol, *instrument.aliases):
            path = self._files.get(name.casefold())
            if path is not None:
                return read_price_file(path, instrument)
        raise UserError(
            f"no bars of {instrument.symbol}: --data has no {instrument.symbol}.csv or .parquet"
            f"{did_you_mean(instrument.symbol, self.symbols())}"
        )


def read_price_file(path: Path, instrument: Instrument) -> Bars:
    """Return the bars of one price file.

    Raises:
        UserError: the file cannot be read as prices; file and line are named.
    """
    try:
        return _read_parquet(path, instrument) if path.suffix == ".parquet" else _read_csv(path, instrument)
    except OSError as e:
        raise UserError(f"{path.name}: cannot be read ({e.strerror})") from e


def _read_csv(path: Path, instrument: Instrument) -> Bars:
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = data[: e.start].count(b"\n") + 1
        raise UserError(f"{path.name} line {line}: not UTF-8; save the file as UTF-8") from e
    reader = csv.reader(io.StringIO(text, newline=""))
    header = next(reader, [])
    at = _columns(header, path.name)
    rows: list[list[str]] = []
    lines: list[int] = []
    for row in reader:
        if not row:
            continue
        if len(row) != len(header):
            raise UserError(
                f"{path.name} line {reader.line_num}: {len(row)} fields where the header has {len(header)}; "
                "the file is cut short or damaged"
            )
        rows.append(row)
        lines.append(reader.line_num)

    def where(row: int) -> str:
        return f"{path.name} line {lines[row]}" if lines else path.name

    sessions = np.array([_date(r[at["date"]], where, n) for n, r in enumerate(rows)], dtype="datetime64[D]")
    price = {c: _numbers([r[at[c]] for r in rows] if c in at else [""] * len(rows), c, where) for c in _PRICES}
    return make_bars(
        instrument,
        Source("file", f"file {path.name}"),
        session=sessions,
        open_=price["open"],
        high=price["high"],
        low=price["low"],
        close=price["close"],
        volume=price["volume"],
        where=where,
    )


def _columns(header: Sequence[str], name: str) -> dict[str, int]:
    at = {column.strip().casefold(): n for n, column in enumerate(header)}
    for needed in ("date", "close"):
        if needed not in at:
            found = ",".join(header) or "nothing"
            raise UserError(f"{name} line 1: no column '{needed}', found {found[:80]}; the header must be "
                            "date,open,high,low,close,volume")  # fmt: skip
    return at


def _date(text: str, where: Callable[[int], str], row: int) -> np.datetime64:
    try:
        if len(text) != len("2026-02-09"):
            raise ValueError
        return np.datetime64(text, "D")
    except ValueError as e:
        raise UserError(f"{where(row)}: date is '{text}'; it must be like 2026-02-09") from e


def _numbers(texts: Sequence[str], column: str, where: Callable[[int], str]) -> Floats:
    """Return the numbers of a column, NaN for an empty cell; a cell that says NaN is refused."""
    out = np.full(len(texts), np.nan)
    for row, text in enumerate(texts):
        if not text:
            if column == "close":
                raise UserError(f"{where(row)}: close is empty; every bar needs one")
            continue
        try:
            value = float(text)
            if math.isnan(value):
                raise ValueError
        except ValueError as e:
            raise UserError(
                f"{where(row)}: {column} is '{text}'; it must be a number (or empty, save the close)"
            ) from e
        out[row] = value
    return out


def _read_parquet(path: Path, instrument: Instrument) -> Bars:
    import pyarrow as pa  # noqa: PLC0415 - only when a Parquet file is read
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as e:
        raise UserError(f"{path.name}: not a readable Parquet file ({str(e).splitlines()[0][:100]})") from e
    at = _columns(table.column_names, path.name)

    def where(row: int) -> str:
        return f"{path.name} row {row + 1}"

    def column(name: str) -> Floats:
        if name not in at:
            return np.full(table.num_rows, np.nan)
        try:
            values = table.column(at[name]).cast(pa.float64()).to_numpy()
        except pa.ArrowException as e:
            raise UserError(f"{path.name}: column '{name}' does not hold numbers") from e
        return np.asarray(values, dtype=np.float64).copy()

    try:
        dates = table.column(at["date"]).cast(pa.date32()).to_numpy().astype("datetime64[D]")
    except pa.ArrowException as e:
        raise UserError(f"{path.name}: column 'date' does not hold dates") from e
    return make_bars(
        instrument,
        Source("file", f"file {path.name}"),
        session=dates,
        open_=column("open"),
        high=column("high"),
        low=column("low"),
        close=column("close"),
        volume=column("volume"),
        where=where,
    )
