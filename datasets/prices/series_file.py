"""One stored series as a Parquet file: its prices, and in the file's own metadata where they came from."""

import hashlib
import io
import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
from msgspec import Struct, to_builtins

from datasets.errors import UserError
from datasets.prices.table import PriceTable

PRICES = ("open", "high", "low", "close", "volume")
_FORMAT = 1


class Delivery(Struct, frozen=True):
    """Rows that came in at one time. ``retrieved_at`` is UTC text; ``accepted`` the rules the user let pass by name."""

    name: str
    source: str
    retrieved_at: str
    licence: str
    rows: int
    first: str
    last: str
    corrections: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()
    added: int = 0
    changed: int = 0


class Provenance(Struct, frozen=True):
    """Where a stored series comes from. ``adjustment`` is ``price`` or ``total``; ``sha256`` is that of its rows."""

    symbol: str
    adjustment: str
    rows: int
    first: str
    last: str
    sha256: str
    deliveries: tuple[Delivery, ...]

    @property
    def text(self) -> str:
        """``yahoo, retrieved 2026-02-10``: the newest delivery, in a few words."""
        newest = self.deliveries[-1]
        return f"{newest.source}, retrieved {newest.retrieved_at[:10]}"


class StoredSeries(Struct, frozen=True, eq=False):
    """A series as it lies in the store: its table, ascending and clean, and its provenance."""

    table: PriceTable
    provenance: Provenance


def describe(symbol: str, table: PriceTable, adjustment: str, deliveries: tuple[Delivery, ...]) -> Provenance:
    """Return the provenance of a series of these rows and deliveries, the newest last."""
    first, last = str(table.session[0]), str(table.session[-1])
    return Provenance(symbol, adjustment, len(table), first, last, digest_of(table), deliveries)


def digest_of(table: PriceTable) -> str:
    """Return the sha256 of the rows: sessions, instants and prices, to the bit."""
    digest = hashlib.sha256()
    for name in ("session", "at", *PRICES):
        value = getattr(table, name)
        digest.update(name.encode() if value is None else np.ascontiguousarray(value).view(np.int64).data)
    return digest.hexdigest()


def to_parquet(table: PriceTable, provenance: Provenance) -> bytes:
    """Return the bytes of a series file."""
    import pyarrow as pa  # noqa: PLC0415 - only when something is written
    import pyarrow.parquet as pq  # noqa: PLC0415

    columns: dict[str, Any] = {"date": pa.array(table.session.astype("datetime64[D]"))}
    if table.at is not None:
        columns["at"] = pa.array(table.at)
    columns |= {n: pa.array(getattr(table, n)) for n in PRICES}
    text = json.dumps({"format": _FORMAT, **to_builtins(provenance)}, sort_keys=True)
    file = io.BytesIO()
    content = pa.table(columns).replace_schema_metadata({"hustings": text})
    pq.write_table(content, file, compression="lz4", use_dictionary=False)
    return file.getvalue()


def read_provenance(path: Path) -> Provenance:
    """Return where the rows of a series file come from, without reading them.

    Raises:
        UserError: the file cannot be opened, is damaged, or of a newer hustings.
    """
    return _provenance(_open(path).schema_arrow.metadata, path)


def _open(path: Path) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - only when something is stored
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        return pq.ParquetFile(path, memory_map=True)
    except (pa.ArrowException, OSError, ValueError) as e:  # turned-over bytes come out as any of them
        _must_open(path)
        raise damaged(path, _first_line(e)) from e


def read_series(path: Path, symbol: str) -> StoredSeries:
    """Return a series; its rows are not yet compared with their hash.

    Raises:
        UserError: the file cannot be opened, is damaged, or of a newer hustings.
    """
    import pyarrow as pa  # noqa: PLC0415 - only when something is stored

    file = _open(path)
    provenance = _provenance(file.schema_arrow.metadata, path)
    try:
        content = file.read(use_threads=False)  # a series is small: handing it round takes longer than reading it
        columns = {n: content.column(n).to_numpy() for n in content.column_names}
    except (pa.ArrowException, OSError, ValueError) as e:
        raise damaged(path, _first_line(e)) from e
    if not {"date", *PRICES} <= columns.keys():
        raise damaged(path, "columns are missing")
    n = len(columns["date"])
    table = PriceTable(
        name=symbol,
        layout="store",
        unit="row",
        session=columns["date"].astype("datetime64[D]"),
        **{c: columns[c] for c in PRICES},
        adjusted_close=np.full(n, np.nan),
        line=np.arange(1, n + 1),
        at=columns.get("at"),
    )
    return StoredSeries(table, provenance)


def _provenance(metadata: dict[bytes, bytes] | None, path: Path) -> Provenance:
    try:
        content = json.loads((metadata or {})[b"hustings"])
        if content.pop("format") != _FORMAT:
            raise UserError(f"'{path.name}' was written by a newer hustings; use that one, or import the series again")
        past: list[dict[str, Any]] = [
            {k: tuple(v) if isinstance(v, list) else v for k, v in d.items()} for d in content.pop("deliveries")
        ]
        deliveries = tuple(Delivery(**each) for each in past)
        return Provenance(**content, deliveries=deliveries)
    except (KeyError, ValueError, TypeError, AttributeError) as e:
        raise damaged(path, "its provenance cannot be read") from e


def _must_open(path: Path) -> None:
    """Raise a UserError where the file cannot even be opened (no permission, a directory), which is no damage."""
    try:
        path.open("rb").close()
    except OSError as e:
        symbol = unquote(path.stem)
        raise UserError(f"{symbol} in the store cannot be read ({e.strerror}); look at '{path}'") from e


def _first_line(e: Exception) -> str:
    return (str(e).splitlines() or [type(e).__name__])[0][:80]


def damaged(path: Path, why: str) -> UserError:
    """Return the error for a file that cannot be read, with what to do."""
    symbol = unquote(path.stem)
    return UserError(
        f"{symbol} in the store is damaged ({why}); 'hustings data remove {symbol}', then import or fetch it again"
    )
