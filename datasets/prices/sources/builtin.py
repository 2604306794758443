"""The bars a fresh machine has: real ones of two US indices from arch, simulated ones of the Asian markets."""

import gzip
from datetime import date
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from datasets.errors import UserError
from datasets.markets.instruments import Instrument
from datasets.prices.bars import Bars, Source, make_bars
from datasets.prices.sample import SimulatedSource
from datasets.prices.sources.base import BarSource
from datasets.visibility import visible_bars

_FILES = {"SPX": "sp500", "IXIC": "nasdaq"}


class ArchSource:
    """Raw open, high, low and close of Yahoo as kept in ``arch.data``; the adjusted close is not used."""

    def symbols(self) -> list[str]:
        """Return SPX and IXIC."""
        return sorted(_FILES)

    @visible_bars
    def load(self, instrument: Instrument) -> Bars:
        """Return the bars of one of the two indices.

        Raises:
            UserError: another instrument, or the package is not installed.
        """
        name = _FILES.get(instrument.symbol)
        if name is None:
            raise UserError(
                f"no bars of {instrument.symbol} in the package arch, which has {', '.join(self.symbols())}"
            )
        return _read(instrument, _package_folder() / "data" / name / f"{name}.csv.gz")


@lru_cache(maxsize=4)
def _read(instrument: Instrument, path: Path) -> Bars:
    _, *lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    days, *prices = zip(*(line.split(",") for line in lines), strict=True)
    open_, high, low, close, _, volume = (np.array(column, dtype=np.float64) for column in prices)
    return make_bars(
        instrument,
        Source("arch", f"real bars shipped in the package arch ({path.parent.name}, Yahoo)"),
        session=np.array([_date(day) for day in days], dtype="datetime64[D]"),
        open_=open_,
        high=high,
        low=low,
        close=close,
        volume=volume,
        where=lambda row: f"{path.name} line {row + 2}",
    )


def _date(text: str) -> date:
    """Return the date of text such as 1/4/1999; ``strptime`` would take most of the time of a run."""
    month, day, year = map(int, text.split("/"))
    return date(year, month, day)


def _package_folder() -> Path:
    """Return the folder of the package, without the second that importing it takes."""
    spec = find_spec("arch")
    if spec is None or not spec.submodule_search_locations:
        raise UserError("the package arch is not installed; run 'pip install arch' or name prices with --data")
    return Path(next(iter(spec.submodule_search_locations)))


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
