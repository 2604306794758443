"""Corporate actions, and the series they make of raw prices: price return (splits taken out) and total return.

Raw price P, dividend D a share with its ex-date at session k, split of s new shares for one old. All prices before the
ex-date of a split are divided by s, volumes times s. A dividend is reinvested at the close of its ex-date: all prices
before it are scaled by P_k / (P_k + D), so that the return of that session is (P_k + D) / P_{k-1} - 1, the price
return plus the dividend over the close before (CRSP, Data Descriptions Guide, holding period total return). Factors
reach back, the last price stays as it was; open, high, low and close of a session are scaled alike.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from pathlib import Path

import numpy as np

from datasets.errors import UserError
from datasets.prices.bars import Bars, Floats

ACTION_COLUMNS = ("symbol", "ex_date", "kind", "value", "source")
PLAIN_SPLIT = 1.5
"""A split at least so large (or as small as one over it) must show in raw prices: else it was taken out before."""


class ActionKind(StrEnum):
    """What befell the holders of a share."""

    SPLIT = "split"
    DIVIDEND = "dividend"


class Adjustment(StrEnum):
    """What of corporate actions is in a series: splits alone, or dividends too."""

    PRICE = "price"
    TOTAL = "total"


@dataclass(frozen=True)
class CorporateAction:
    """One split (``value``: new shares for an old one) or dividend (``value``: quote currency a share on the ex-date).

    The prices of ``ex_date`` are the first without the dividend, or in new shares. Of a split on the same day as a
    dividend, the dividend is that of the new share.
    """

    symbol: str
    ex_date: date
    kind: ActionKind
    value: float
    source: str


def read_actions(path: Path) -> list[CorporateAction]:
    """Return the actions of a CSV file with the columns symbol, ex_date, kind, value, source.

    Raises:
        UserError: a column or a cell is missing or wrong; file and line are named.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as f:
            reader = csv.DictReader(f)
            missing = [c for c in ACTION_COLUMNS if c not in (reader.fieldnames or ())]
            if missing:
                raise UserError(f"{path.name}: column '{missing[0]}' is missing; it needs {', '.join(ACTION_COLUMNS)}")
            found = [_action(row, f"{path.name} line {reader.line_num}") for row in reader]
    except (OSError, UnicodeDecodeError) as e:
        raise UserError(f"{path.name}: cannot be read as UTF-8 ({type(e).__name__}); save it as UTF-8") from e
    check_once(found, path.name)
    return found


def _action(row: dict[str, str | None], where: str) -> CorporateAction:
    text = {c: (row[c] or "").strip() for c in ACTION_COLUMNS}
    try:
        ex_date = date.fromisoformat(text["ex_date"])
    except ValueError as e:
        raise UserError(f"{where}: ex_date is '{text['ex_date']}'; it must be like 2026-07-08") from e
    if text["kind"] not in list(ActionKind):
        raise UserError(f"{where}: kind is '{text['kind']}'; it must be {' or '.join(ActionKind)}")
    try:
        value = float(text["value"])
    except ValueError:
        value = -1.0
    if not 0 < value < float("inf"):
        raise UserError(f"{where}: value is '{text['value']}'; it must be a number above 0")
    if not text["symbol"]:
        raise UserError(f"{where}: symbol is empty")
    return CorporateAction(text["symbol"], ex_date, ActionKind(text["kind"]), value, text["source"])


def check_once(actions: Sequence[CorporateAction], name: str) -> None:
    """Raise a UserError where an action stands twice."""
    seen = set()
    for a in actions:
        key = (a.symbol, a.ex_date, a.kind, a.value)
        if key in seen:
            raise UserError(f"{name}: the {a.kind} of {a.symbol} on {a.ex_date} stands twice; keep it once")
        seen.add(key)


def price_return(bars: Bars, actions: Sequence[CorporateAction]) -> Bars:
    """Return bars with their splits taken out. Actions of others, and those outside the bars, change nothing.

    Raises:
        UserError: the bars hold dividends; or a large split does not show in them, so that it was taken out before.
    """
    if bars.adjustment == Adjustment.TOTAL:
        raise UserError(
            f"{bars.symbol} is a total-return series: no price-return series can be made of it; "
            "leave out --adjust price"
        )
    return _without_splits(bars, _within(bars, actions))


def total_return(bars: Bars, actions: Sequence[CorporateAction]) -> Bars:
    """Return bars with splits taken out and dividends reinvested; a total-return series as it is.

    Raises:
        UserError: no dividend falls within the bars; one is not below the close before it; or as ``price_return``.
    """
    if bars.adjustment == Adjustment.TOTAL:
        return bars
    placed = _within(bars, actions)
    dividends = [(row, a) for row, a in placed if a.kind is ActionKind.DIVIDEND]
    if not dividends:
        raise UserError(
            f"{bars.symbol} has no dividend from {bars.session[0]} to {bars.session[-1]} in actions.csv: "
            "no total-return series can be made of it; give its dividends, or leave out --adjust total"
        )
    without = _without_splits(bars, placed)
    return replace(without.scaled(_dividend_factors(bars, dividends)), holds_dividends=True)


def _within(bars: Bars, actions: Sequence[CorporateAction]) -> list[tuple[int, CorporateAction]]:
    """Return the actions of an instrument, each with the first row of its ex-date or of the session that follows it."""
    own = sorted((a for a in actions if a.symbol == bars.symbol), key=lambda a: a.ex_date)
    placed = [(int(np.searchsorted(bars.session, np.datetime64(a.ex_date, "D"))), a) for a in own]
    return [(row, a) for row, a in placed if 0 < row < len(bars)]


def _without_splits(bars: Bars, placed: Sequence[tuple[int, CorporateAction]]) -> Bars:
    factor = np.ones(len(bars))
    for row, action in placed:
        if action.kind is ActionKind.SPLIT:
            _check_shows(bars, row, action)
            factor[:row] /= action.value
    return bars if (factor == 1).all() else replace(bars.scaled(factor), volume=bars.volume / factor)


def _check_shows(bars: Bars, row: int, split: CorporateAction) -> None:
    """Refuse a split that was taken out of the prices before: they did not move with it."""
    move, ratio = np.log(bars.close[row] / bars.close[row - 1]), np.log(split.value)
    if abs(ratio) >= np.log(PLAIN_SPLIT) and abs(move) < abs(move + ratio):
        raise UserError(
            f"{bars.symbol}: the prices do not show the split of {split.value:g} on {split.ex_date} "
            f"({bars.close[row - 1]:g} to {bars.close[row]:g}): it was taken out before; "
            "leave it out of actions.csv"
        )


def _dividend_factors(bars: Bars, dividends: Sequence[tuple[int, CorporateAction]]) -> Floats:
    """Return the factor of each row: the product of P / (P + D) over the dividends after it, all of a day together."""
    paid: dict[int, float] = {}
    for row, action in dividends:
        paid[row] = paid.get(row, 0.0) + action.value
        if paid[row] >= bars.close[row - 1]:
            raise UserError(
                f"{bars.symbol}: the dividend of {paid[row]:g} on {action.ex_date} is not below the close before it, "
                f"{bars.close[row - 1]:g}; it must be an amount a share"
            )
    factor = np.ones(len(bars))
    for row, amount in paid.items():
        close = bars.close[bars.days.last[bars.days.of[row]]]
        factor[:row] *= close / (close + amount)
    return factor
