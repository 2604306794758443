"""The script a user writes with vectorbt for a sweep: 2,000 combinations of hold, delay, stop and target, ranked.

``python sweep_script.py PRICES.csv TRADES.csv``; TRADES.csv has a column ``entry_session``.
"""

import sys
from itertools import product

import numpy as np
import pandas as pd
import vectorbt as vbt

HOLDS, DELAYS = range(1, 51), range(5)
STOPS, TARGETS = (np.nan, 0.03, 0.05, 0.10), (np.nan, 0.10)
BLOCK = 200


def main(prices: str, trades: str) -> None:
    """Print the ten best combinations by total return."""
    frame = pd.read_csv(prices, parse_dates=["date"], index_col="date")
    rows = frame.index.get_indexer(pd.to_datetime(pd.read_csv(trades)["entry_session"])) - 1
    combinations = list(product(HOLDS, DELAYS, STOPS, TARGETS))
    totals = [_totals(frame, rows, combinations[i : i + BLOCK]) for i in range(0, len(combinations), BLOCK)]
    total = np.concatenate(totals)
    for n in np.argsort(-total)[:10]:
        print(combinations[n], f"{total[n]:.4f}")


def _totals(frame: pd.DataFrame, rows: np.ndarray, block: list[tuple[int, int, float, float]]) -> np.ndarray:
    entries, exits = (np.zeros((len(frame), len(block)), dtype=bool) for _ in range(2))
    for column, (hold, delay, _, _) in enumerate(block):
        entries[np.minimum(rows + delay, len(frame) - 1), column] = True
        exits[np.minimum(rows + delay + hold, len(frame) - 1), column] = True
    portfolio = vbt.Portfolio.from_signals(
        close=frame["close"],
        open=frame["open"],
        high=frame["high"],
        low=frame["low"],
        entries=pd.DataFrame(entries, frame.index),
        exits=pd.DataFrame(exits, frame.index),
        price=frame["open"].shift(-1).fillna(frame["close"]),
        size=0.95,
        size_type="percent",
        init_cash=1_000_000,
        sl_stop=np.array([[c[2] for c in block]]),
        tp_stop=np.array([[c[3] for c in block]]),
    )
    return np.asarray(portfolio.total_return())


if __name__ == "__main__":
    main(*sys.argv[1:])
