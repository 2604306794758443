"""The bars a fresh machine has: real ones of two US indices from arch, simulated ones of the Asian markets."""

from datasets.errors import UserError
from datasets.markets.instruments import Instrument
from datasets.prices.bars import Bars
from datasets.prices.sample import SimulatedSource
from datasets.prices.sources.arch_bars import ArchSource
from datasets.visibility import visible_bars


class BuiltinSource:
    """Real bars where there are any, else simulated ones, else an error that says what to do."""

    def __init__(self) -> None:
        self._parts = (ArchSource(), SimulatedSource())

    def symbols(self) -> list[str]:
        """Return every symbol that has built-in bars."""
        return sorted(s for part in self._parts for s in part.symbols())

    @visible_bars
    def load(self, instrument: Instrument) -> Bars:
        """Return the built-in bars of an instrument.

        Raises:
            UserError: none are built in.
        """
        for part in self._parts:
            if instrument.symbol in part.symbols():
                return part.load(instrument)
        raise UserError(
            f"no bars of {instrument.symbol} are built in; 'hustings data fetch {instrument.symbol}' or 'data import' "
            f"brings them in, or --data must name a directory with {instrument.symbol}.csv"
        )
