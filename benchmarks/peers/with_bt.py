"""bt: it knows one price a bar, so it is given the opens, at which all is traded here; it has no stops."""

from collections.abc import Callable, Sequence
from typing import Any

import bt
import pandas as pd

from benchmarks.worlds import CASH, HOLD, SHARE, WEIGHT, Prices, event_rows, markets, prices, votes


class Orders(bt.Algo):
    """Closes and opens what is due at a date: a dictionary of names by date for each."""

    def __init__(self, entries: dict[Any, list[str]], exits: dict[Any, list[str]], weight: float) -> None:
        super().__init__()
        self.entries, self.exits, self.weight = entries, exits, weight

    def __call__(self, target: Any) -> bool:
        for name in self.exits.get(target.now, ()):
            target.close(name)
        equity = target.value
        for name in self.entries.get(target.now, ()):
            target.allocate(self.weight * equity, name)
        return True


def _final(opens: pd.DataFrame, algo: Orders) -> float:
    rule = bt.Strategy("rule", [algo], list(opens.columns))
    test = bt.Backtest(rule, opens, initial_capital=CASH, integer_positions=False, progress_bar=False)
    bt.run(test, progress_bar=False)
    return float(test.strategy.values.iloc[-1])


def one_plan() -> Callable[[], float]:
    """Return W1."""
    of, rows = prices(), event_rows()
    day = pd.DatetimeIndex(of.session)
    entries, exits = ({day[r]: ["A"] for r in at} for at in (rows + 1, rows + 1 + HOLD))
    return lambda: _final(pd.DataFrame({"A": of.open}, index=day), Orders(entries, exits, WEIGHT))


def one_account() -> Callable[[], float]:
    """Return W2; a market that does not trade on a day keeps its last close."""
    of = markets()
    entries, exits = (_due(of, end) for end in ("entry", "exit"))
    return lambda: _final(_opens(of), Orders(entries, exits, SHARE))


def _due(of: Sequence[Prices], end: str) -> dict[Any, list[str]]:
    due: dict[Any, list[str]] = {}
    for vote in votes():
        due.setdefault(pd.Timestamp(of[vote.market].session[getattr(vote, end)]), []).append(str(vote.market))
    return due


def _opens(of: Sequence[Prices]) -> pd.DataFrame:
    """Return the opens of all markets on the days of any; the last close where one does not trade."""
    opens, closes = (
        pd.DataFrame({str(n): pd.Series(getattr(p, kind), pd.DatetimeIndex(p.session)) for n, p in enumerate(of)})
        for kind in ("open", "close")
    )
    return opens.fillna(closes.ffill()).bfill()
