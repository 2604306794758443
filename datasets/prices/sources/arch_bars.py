"""The real daily bars of the S&P 500 and the Nasdaq Composite (1999 to 2018) that the package arch ships."""

import gzip
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from datasets.arrays import Floats
from datasets.csv_rows import parse_csv
from datasets.errors import UserError
from datasets.markets.instruments import Instrument
from datasets.prices.bars import Bars, Source, make_bars
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
        path = _package_folder() / "data" / name / f"{name}.csv.gz"
        rows = parse_csv(gzip.decompress(path.read_bytes()), path.name).rows

        def column(title: str) -> Floats:
            return np.array([float(r.cells[title]) for r in rows])

        return make_bars(
            instrument,
            Source("arch", f"real bars shipped in the package arch ({name}, Yahoo)"),
            session=np.array(
                [datetime.strptime(r.cells["Date"], "%m/%d/%Y").date() for r in rows], dtype="datetime64[D]"
            ),
            open_=column("Open"),
            high=column("High"),
            low=column("Low"),
            close=column("Close"),
            volume=column("Volume"),
            where=lambda row: rows[row].where,
        )


def _package_folder() -> Path:
    """Return the folder of the package, without the second that importing it takes."""
    spec = find_spec("arch")
    if spec is None or not spec.submodule_search_locations:
        raise UserError("the package arch is not installed; run 'pip install arch' or name prices with --data")
    return Path(next(iter(spec.submodule_search_locations)))
