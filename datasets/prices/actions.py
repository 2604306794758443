"""Corporate actions and rolls, and the series they make of raw prices: price return (splits out) and total return.

Raw price P, dividend D a share with its ex-date at session k, split of s new shares for one old. All prices before the
ex-date of a split are divided by s, volumes times s. A dividend is reinvested at the close of its ex-date: all prices
before it are scaled by P_k / (P_k + D), so that the return of that session is (P_k + D) / P_{k-1} - 1, the price
return plus the dividend over the close before (CRSP, Data Descriptions Guide, holding period total return). Factors
reach back, the last price stays as it was; open, high, low and close of a session are scaled alike.

A continuous future goes over to its next contract at a roll, whose value v is the price of the new contract over that
of the old one. All prices before it are multiplied by v: moves are then those of a holder who rolls. In a series that
was adjusted before, v is 1.
"""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from pathlib import Path

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from datasets.arrays import Floats
from datasets.csv_rows import CsvRow, read_csv
from datasets.errors import UserError
from datasets.markets.instruments import Instrument
from datasets.prices.bars import Bars

ACTION_COLUMNS = ("symbol", "ex_date", "kind", "value", "source")
PLAIN_SPLIT = 1.5
"""A split at least so large (or as small as one over it) must show in raw prices: else it was taken out before."""


class ActionKind(StrEnum):
    """What befell the holders of a share, or of a future."""

    SPLIT = "split"
    DIVIDEND = "dividend"
    ROLL = "roll"


class Adjustment(StrEnum):
    """What of corporate actions is in a series: splits alone, or dividends too."""

    PRICE = "price"
    TOTAL = "total"


class CorporateAction(Struct, frozen=True):
    """One split (``value``: new shares for an old one) or dividend (``value``: quote currency a share on the ex-date).

    Or one roll of a future (``value``: the price of the new contract over that of the old one).

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
    actions = [_action(row) for row in read_csv(path, required=ACTION_COLUMNS).rows]
    check_once(actions, path.name)
    return actions


def splits_in(folder: Path, instrument: Instrument) -> tuple[tuple[date, float], ...]:
    """Return the splits of an instrument in a folder's actions.csv: the ex-date, and new shares for an old one.

    A roll is one too: the price of the old contract over that of the new one.

    Raises:
        UserError: as ``read_actions``.
    """
    path, names = folder / "actions.csv", {n.casefold() for n in (instrument.symbol, *instrument.aliases)}
    actions = read_actions(path) if path.is_file() else []
    own = (a for a in actions if a.kind is not ActionKind.DIVIDEND and a.symbol.strip().casefold() in names)
    return tuple((a.ex_date, a.value if a.kind is ActionKind.SPLIT else 1 / a.value) for a in own)


def _action(row: CsvRow) -> CorporateAction:
    if not row.text("symbol"):
        raise UserError(f"{row.where}: symbol is empty")
    return CorporateAction(
        row.text("symbol"),
        row.need("ex_date", date.fromisoformat, "a date such as 2026-07-08"),
        row.need("kind", ActionKind, " or ".join(ActionKind)),
        row.need("value", _amount, "a number above 0"),
        row.text("source"),
    )


def _amount(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError(text)
    return value


def check_once(actions: Sequence[CorporateAction], name: str) -> None:
    """Raise a UserError where an action appears twice."""
    seen = set()
    for a in actions:
        key = (a.symbol, a.ex_date, a.kind, a.value)
        if key in seen:
            raise UserError(f"{name}: the {a.kind} of {a.symbol} on {a.ex_date} appears twice; keep it once")
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
    return _rolled(_without_splits(bars, _within(bars, actions)), actions)


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


def _rolled(bars: Bars, actions: Sequence[CorporateAction]) -> Bars:
    """Return a continuous future with its rolls marked, and the prices before each in those of its new contract.

    Raises:
        UserError: the prices do not show a roll, so that they were adjusted before.
    """
    rolls = [(row, a) for row, a in _within(bars, actions) if a.kind is ActionKind.ROLL]
    if not rolls:
        return bars
    factor, marked = np.ones(len(bars)), np.zeros(len(bars), dtype=bool)
    for row, action in rolls:
        _check_shows(bars, row, action, 1 / action.value)
        marked[row], factor[:row] = True, factor[:row] * action.value
    return replace(bars if (factor == 1).all() else bars.scaled(factor), rolls=marked)


def _within(bars: Bars, actions: Sequence[CorporateAction]) -> list[tuple[int, CorporateAction]]:
    """Return the actions of an instrument, each with the first row of its ex-date or of the session that follows it."""
    own = sorted((a for a in actions if a.symbol == bars.symbol), key=lambda a: a.ex_date)
    placed = [(int(np.searchsorted(bars.session, np.datetime64(a.ex_date, "D"))), a) for a in own]
    return [(row, a) for row, a in placed if 0 < row < len(bars)]


def _without_splits(bars: Bars, placed: Sequence[tuple[int, CorporateAction]]) -> Bars:
    factor = np.ones(len(bars))
    for row, action in placed:
        if action.kind is ActionKind.SPLIT:
            _check_shows(bars, row, action, action.value)
            factor[:row] /= action.value
    return bars if (factor == 1).all() else replace(bars.scaled(factor), volume=bars.volume / factor)


def _check_shows(bars: Bars, row: int, action: CorporateAction, divisor: float) -> None:
    """Refuse a split or roll that was taken out of the prices before: they did not move with it."""
    move, ratio = np.log(bars.close[row] / bars.close[row - 1]), np.log(divisor)
    if abs(ratio) >= np.log(PLAIN_SPLIT) and abs(move) < abs(move + ratio):
        raise UserError(
            f"{bars.symbol}: the prices do not show the {action.kind} of {action.value:g} on {action.ex_date} "
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
