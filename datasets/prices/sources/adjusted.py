"""A source whose bars are adjusted for corporate actions as they are loaded."""

from collections.abc import Sequence

import numpy as np
from msgspec.structs import replace

from datasets.errors import UserError
from datasets.markets.instruments import Instrument
from datasets.markets.sessions import FX
from datasets.prices.actions import ActionKind, Adjustment, CorporateAction, price_return, total_return
from datasets.prices.bars import Bars
from datasets.prices.sources.base import BarSource
from datasets.visibility import visible_bars


class AdjustedSource:
    """The bars of another source: without splits, futures rolled, and with dividends reinvested where that is wanted.

    Without a wanted adjustment, splits are taken out all the same: a split is no move of the market. A currency, a
    contract and what cannot be bought have no dividends, and are left as they are; a future has none either.
    """

    def __init__(self, source: BarSource, actions: Sequence[CorporateAction], wanted: Adjustment | None) -> None:
        self._source, self._actions, self._wanted = source, actions, wanted

    def symbols(self) -> list[str]:
        """Return the symbols of the source."""
        return self._source.symbols()

    @visible_bars
    def load(self, instrument: Instrument) -> Bars:
        """Return the adjusted bars of an instrument.

        Raises:
            UserError: there are none, the wanted series cannot be made of them, or a roll is of what is no future.
        """
        bars = self._source.load(instrument)
        own = [a for a in self._actions if a.symbol == instrument.symbol]
        if not instrument.is_future and (rolls := [a for a in own if a.kind is ActionKind.ROLL]):
            raise UserError(f"{bars.symbol} is no future: actions.csv names a roll of it on {rolls[0].ex_date}")
        if instrument.mic == FX or bars.fee is not None or not instrument.tradable or not (self._wanted or own):
            return bars
        if self._wanted is Adjustment.TOTAL and not instrument.is_future:
            return _described(bars, total_return(bars, own), own)
        if self._wanted is None and bars.adjustment == Adjustment.TOTAL:
            return bars
        return _described(bars, price_return(bars, own), own)


def _described(before: Bars, after: Bars, actions: Sequence[CorporateAction]) -> Bars:
    """Return bars whose source says what was done to them."""
    if after is before:
        return before
    splits = sum(a.kind is ActionKind.SPLIT for a in actions)
    what = f"{splits} split{'s' if splits != 1 else ''} taken out" if splits else ""
    reinvested = "dividends reinvested" if after.adjustment == Adjustment.TOTAL else ""
    done = " and ".join(w for w in (what, reinvested, _rolls_text(after, before)) if w)
    return replace(after, source=replace(after.source, text=f"{after.source.text}, {done}"))


def _rolls_text(after: Bars, before: Bars) -> str:
    """Return how a continuous future was rolled; blank where it was not."""
    if after.rolls is None:
        return ""
    n, adjusted = int(after.rolls.sum()), not np.array_equal(after.close, before.close)
    how = "prices before each in those of the new contract" if adjusted else "no price changed by them"
    return f"{n} roll{'s' if n != 1 else ''} named ({how})"
