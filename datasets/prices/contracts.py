"""Contracts of prediction markets: an outcome's quotes are the prices, and what is held at the end settles at 1 or 0.

``contracts.csv`` in a folder of prices has one row a contract. Each quote is a single print. The settlement is a bar
that opens at its instant: at an open a planned exit comes before any level that the price reaches. Its fee is NaN, and
it is the only bar whose price may be 0.
"""

from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from datasets.csv_rows import CsvRow, bundled_rows, read_csv
from datasets.errors import UserError, unknown_name
from datasets.events.odds import read_odds
from datasets.instants import INSTANT, iso_z, parse_instant, to_ns
from datasets.markets.instruments import Instrument, InstrumentGroup, InstrumentTable, instrument_of_row
from datasets.markets.sessions import session_of
from datasets.prices.bars import Bars, Source, make_intraday_bars

FILE_NAME = "contracts.csv"
REQUIRED = ("symbol", "file", "market", "outcome", "settles_at", "value")
OPTIONAL = ("name", "currency", "lot", "commission_bps", "slippage_bps", "country", "notes")
"""Columns that are those of ``instruments.csv``; ``fees`` is the only other one."""
_DEFAULTS = {"mic": "24/7", "currency": "USD", "lot": "1", "commission_bps": "0", "slippage_bps": "0"}
_VALUES = ("0", "1")
_FEES = Path(__file__).with_name("contract_fees.csv")
_MS = 1_000_000


class Contract(Struct, frozen=True):
    """One row of ``contracts.csv``: the outcome and its file of odds, and when it settled at which ``value``.

    ``settled_at`` is None while it is open. ``fee_rate`` x price x (1 - price) is the fee for one contract.
    """

    instrument: Instrument
    where: str
    path: Path
    market: str
    outcome: str
    settled_at: datetime | None
    value: int | None
    fees: str
    fee_rate: float


def read_contracts(folder: Path) -> dict[str, Contract]:
    """Return the contracts of a folder by symbol; none where it has no ``contracts.csv``.

    Raises:
        UserError: a bad row, or a symbol that appears twice.
    """
    path, found = folder / FILE_NAME, dict[str, Contract]()
    if path.is_file():
        for row in read_csv(path, required=REQUIRED, known=(*REQUIRED, *OPTIONAL, "fees")).rows:
            found[row.text("symbol")] = _contract(row, folder, set(found))
    return found


def with_contracts(known: InstrumentTable, folder: Path) -> InstrumentTable:
    """Return a table of instruments with the contracts of a folder.

    Raises:
        UserError: as ``read_contracts``; or a symbol that is a name of an instrument.
    """
    names, contracts = {n.casefold() for n in known.names()}, read_contracts(folder)
    for symbol, contract in contracts.items():
        if symbol.casefold() in names:
            named = known.find(symbol).symbol
            raise UserError(f"{contract.where}: symbol '{symbol}' names the instrument {named}; give another one")
    lines = {symbol: c.where for symbol, c in contracts.items()}
    return InstrumentTable([*known, *(c.instrument for c in contracts.values())], lines) if contracts else known


def contract_bars(contract: Contract) -> Bars:
    """Return the bars of a contract: a print a quote before the settlement, and the settlement where there was one.

    Raises:
        UserError: a file of odds that cannot be read, no such market or outcome, no quote before the settlement, or a
            quote of 0.
    """
    where, file, end = contract.where, contract.path.name, contract.settled_at
    try:
        layout, quotes = read_odds(contract.path, contract.market or None)
    except UserError as e:
        raise UserError(f"{where}: {e}".replace("with --market", "in the column market")) from e
    own = [q for q in quotes if q.outcome.casefold() == contract.outcome.casefold()]
    traded = [q for q in own if end is None or q.observed_at < end]
    if not own:
        named = sorted({q.outcome for q in quotes})
        hint = f"{file} has {', '.join(named)[:80]}"
        raise UserError(f"{where}: {unknown_name('outcome', contract.outcome, named, hint=hint)}")
    if end is not None and not traded:
        raise UserError(f"{where}: it settles {iso_z(end)}, and its first quote is of {iso_z(own[0].observed_at)}")
    late = f"; quotes after the settlement left out: {len(own) - len(traded)}" if len(traded) < len(own) else ""
    text = f"{layout} file {file}: {contract.outcome}, fees: {contract.fees}{late}"
    at = np.array([to_ns(q.observed_at) for q in traded], dtype=np.int64)
    price = np.array([q.probability for q in traded])
    bars = make_intraday_bars(
        contract.instrument,
        Source("contract", text),
        session=session_of(contract.instrument.mic, at),
        open_at=at,
        close_at=at,
        where=lambda row: f"{where}: {file}, {contract.outcome} at {iso_z(int(at[row]))}",
        **dict.fromkeys(("open_", "high", "low", "close"), price),
        volume=np.full(len(at), np.nan),
    )
    bars = replace(bars, fee=contract.fee_rate * (1 - price))
    return bars if end is None or contract.value is None else _settled(bars, to_ns(end), contract.value)


def _settled(bars: Bars, at: int, value: float) -> Bars:
    """Return bars with the settlement of a contract as their last."""
    last: dict[str, Any] = {"open_at": at, "close_at": at + _MS, "volume": np.nan, "open_is_real": True, "fee": np.nan}
    last |= dict.fromkeys(("open", "high", "low", "close"), float(value))
    last["session"] = session_of(bars.instrument.mic, np.array([at], dtype=np.int64))
    arrays: dict[str, Any] = {name: np.append(getattr(bars, name), v) for name, v in last.items()}
    for each in arrays.values():
        each.setflags(write=False)
    return replace(bars, **arrays)


def _contract(row: CsvRow, folder: Path, symbols: set[str]) -> Contract:
    """Return the contract of a row; ``symbols`` are those of the rows above."""
    market, outcome, fees = row.text("market"), row.text("outcome"), row.text("fees") or "none"
    if not outcome:
        raise UserError(f"{row.where}: outcome is blank; name the one whose quotes are the prices, such as Trump")
    given = {c: cell for c in OPTIONAL if (cell := row.text(c))}
    cells = {**_DEFAULTS, "name": f"{outcome} {market}".strip(), **given, "symbol": row.text("symbol")}
    instrument = instrument_of_row(replace(row, cells={**cells, "group": InstrumentGroup.CONTRACT}), symbols)
    value = row.read("value", _VALUES.index, "1, 0, or blank while the contract is open")
    settles_at = row.read("settles_at", _settlement, f"a date, or {INSTANT}")
    if value is not None and settles_at is None:
        raise UserError(f"{row.where}: settles_at is blank and value is {value}; give the instant of the settlement")
    settled_at, path = None if value is None else settles_at, folder / row.text("file")
    rate = _fee_rate(fees, row.where)
    return Contract(instrument, row.where, path, market, outcome, settled_at, value, fees, rate)


def _fee_rate(fees: str, where: str) -> float:
    """Return the rate of a provider's fee.

    Raises:
        UserError: no such provider, or its fee does not depend on the price alone.
    """
    known = {r["provider"]: r for r in bundled_rows(_FEES)}
    if fees not in known:
        raise UserError(f"{where}: {unknown_name('fees', fees, known, hint='known: ' + ', '.join(known))}")
    if reason := known[fees]["refused_because"]:
        raise UserError(f"{where}: fees of {fees} cannot be charged: {reason}; write none to leave them out")
    return float(known[fees]["rate"])


def _settlement(text: str) -> datetime:
    """Return an instant; of a date the last second of its day in UTC, as daily quotes are observed at their end."""
    if len(text) == len("2024-11-06"):
        return datetime.combine(date.fromisoformat(text), time(23, 59, 59), UTC)
    return parse_instant(text).replace(microsecond=0)
