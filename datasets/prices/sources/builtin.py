"""The bars a fresh machine has: real ones of two US indices from arch, simulated ones of the Asian markets."""

from datasets.errors import UserError
from datasets.markets.instruments import Instrument
from datasets.prices.bars import Bars
from datasets.prices.sample import SimulatedSource
from datasets.prices.sources.arch_bars import ArchSource
from datasets.prices.sources.base import BarSource
from datasets.visibility import visible_bars


class BuiltinSource:
    """Real bars where there are any, else simulated ones, else an error that says what to do."""

    _parts: tuple[BarSource, ...] = (ArchSource(), SimulatedSource())
    _missing = (
        "no bars of {symbol} are built in; 'hustings data fetch {symbol}' or 'data import' brings them in, or --data "
        "must name a directory with {symbol}.csv"
    )

    def symbols(self) -> list[str]:
        """Return every symbol that has bars."""
        return sorted({s for part in self._parts for s in part.symbols()})

    @visible_bars
    def load(self, instrument: Instrument) -> Bars:
        """Return the bars of an instrument, of the first part that has some.

        Raises:
            UserError: there are none, or they are damaged.
        """
        for part in self._parts:
            if instrument.symbol in part.symbols():
                return part.load(instrument)
        raise UserError(self._missing.format(symbol=instrument.symbol))
