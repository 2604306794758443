"""What a source of bars promises."""

from typing import Protocol

from datasets.bars import Bars
from datasets.instruments import Instrument


class BarSource(Protocol):
    """Gives the bars of an instrument, and says which it has."""

    def symbols(self) -> list[str]:
        """Return the symbols it has bars for."""
        ...

    def load(self, instrument: Instrument) -> Bars:
        """Return the bars of an instrument.

        Raises:
            UserError: it has none, or they are bad.
        """
        ...
