"""The bar store as a source, and what a run without --data uses: the store first, then what is built in."""

from msgspec.structs import replace

from datasets.errors import UserError
from datasets.markets.instruments import Instrument
from datasets.prices.bars import Bars, Source
from datasets.prices.sources.builtin import ArchSource, BuiltinSource
from datasets.prices.store import Store
from datasets.prices.table import bars_of
from datasets.visibility import visible_bars


class StoreSource:
    """Bars that were imported or fetched."""

    def __init__(self, store: Store | None = None) -> None:
        self._store = store if store is not None else Store()

    def symbols(self) -> list[str]:
        """Return the symbols in the store."""
        return self._store.symbols()

    @visible_bars
    def load(self, instrument: Instrument) -> Bars:
        """Return the bars of a stored series, stamped with the hours of the instrument's exchange.

        Raises:
            UserError: it is not stored, or its file is damaged.
        """
        stored = self._store.load(instrument.symbol)
        bars = bars_of(stored.table, instrument, Source("store", f"store: {stored.provenance.text}"))
        return replace(bars, holds_dividends=stored.provenance.adjustment == "total")


def stored_bars(store: Store, instrument: Instrument) -> Bars | None:
    """Return the stored bars of an instrument, to compare others with; None without any, or where they are damaged."""
    try:
        return StoreSource(store).load(instrument) if instrument.symbol in store.symbols() else None
    except UserError:
        return None


class DefaultSource(BuiltinSource):
    """The store, then the real bars of arch, then simulated ones: these only while the store is empty.

    A run never mixes a user's own series with simulated ones: a market that is neither stored nor built in for real is
    an error then, which says what to do.
    """

    def __init__(self, store: Store | None = None) -> None:
        stored = StoreSource(store)
        if stored.symbols():
            self._parts = (stored, ArchSource())
            self._missing = (
                "no bars of {symbol} in the store; 'hustings data fetch {symbol}' or 'data import' brings them in "
                "(simulated bars are used only while the store is empty, or with --data builtin)"
            )
