"""FRED of the Federal Reserve Bank of St. Louis, through its plain CSV address: closes only, one value a day.

The column is named by the series, so that another series shows. A date without an observation holds a blank, or a dot
in older answers: it is left out, and counted in the remarks.
"""

from datetime import date

from datasets.markets.instruments import Instrument
from datasets.prices.sources.base import Provider, without_blanks
from datasets.prices.sources.delimited import table_of, text_of
from datasets.prices.sources.http import Answer, ProviderError
from datasets.prices.table import PriceTable


class Fred(Provider):
    """Series of FRED by their id, such as DEXJPUS."""

    name = "fred"
    title = "FRED"
    home = "https://fred.stlouisfed.org"
    interval_s = 1.0
    licence = (
        "FRED's series belong to many owners, and those marked copyrighted may be used only as their owners allow; "
        "https://fred.stlouisfed.org/legal/"
    )

    def fetch(self, instrument: Instrument, *, first: date | None, last: date | None) -> PriceTable:
        """Return the closes of the series of an instrument."""
        series = instrument.provider_symbol(self.name)
        parameters = {"id": series, "cosd": first and first.isoformat(), "coed": last and last.isoformat()}
        address = f"{self.address}/graph/fredgraph.csv"
        return self.client.get(address, parameters, lambda answer: _read(answer, series), series)


def _read(answer: Answer, series: str) -> PriceTable:
    if answer.status == 404:
        raise ProviderError(f"has no series {series} (404); correct it in instruments.csv")
    table = table_of(
        text_of(answer), [("observation_date", series), ("DATE", series)], ("date", "close"), f"fred {series}"
    )
    return without_blanks(table, "dates without an observation")
