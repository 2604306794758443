"""Contracts of prediction markets from literals: their files are written to a folder that is gone afterwards."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from datasets.csv_rows import csv_text
from datasets.prices.bars import Bars
from datasets.prices.contracts import contract_bars, read_contracts

COLUMNS = ("symbol", "file", "market", "outcome", "settles_at", "value", "fees", "lot", "slippage_bps")


def write_contract(
    folder: Path, symbol: str, quotes: Sequence[tuple[str, float]], settles_at: str = "", value: str = "", **more: str
) -> None:
    """Write the odds of a contract, (instant, price) of the outcome Yes, and its row of contracts.csv."""
    (folder / f"odds-{symbol}.csv").write_text(csv_text(("time", "probability"), quotes))
    row = {"symbol": symbol, "file": f"odds-{symbol}.csv", "outcome": "Yes", "settles_at": settles_at, "value": value}
    path = folder / "contracts.csv"
    before = path.read_text() if path.is_file() else csv_text(COLUMNS, ())
    path.write_text(before + ",".join((row | more).get(c, "") for c in COLUMNS) + "\n")


def contract(
    symbol: str, quotes: Sequence[tuple[str, float]], settles_at: str = "", value: str = "", **more: str
) -> Bars:
    """Return the bars of a contract, read from its files."""
    with TemporaryDirectory() as name:
        write_contract(Path(name), symbol, quotes, settles_at, value, **more)
        return contract_bars(read_contracts(Path(name))[symbol])
