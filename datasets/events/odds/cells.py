"""What the readers of price histories share: one market is chosen, and no outcome is quoted twice at one instant."""

from collections.abc import Iterable

from datasets.csv_rows import CsvRow
from datasets.errors import UserError, did_you_mean
from datasets.events.odds_book import PROBABILITY, Quote, probability_of
from datasets.instants import iso_z


def price_of(row: CsvRow, column: str) -> float:
    """Return a price in [0, 1], in dollars a share.

    Raises:
        UserError: it is not one.
    """
    return row.need(column, probability_of, f"{PROBABILITY} (dollars a share)")


def chosen_market(wanted: str | None, markets: dict[str, str], file: str) -> str:
    """Return the one market to read: the wanted one by its id or its name, or the only one there is.

    ``markets`` gives each id its name.

    Raises:
        UserError: several and none wanted, or none of that name.
    """
    if not markets:
        raise UserError(f"{file} holds no row")
    if wanted is None and len(markets) > 1:
        some = ", ".join(f"{m} ({name})" if name else m for m, name in list(markets.items())[:3])
        raise UserError(f"{file} holds {len(markets)} markets; choose one with --market, such as {some}")
    fold = None if wanted is None else wanted.casefold()
    fitting = [m for m, name in markets.items() if fold is None or fold in (m.casefold(), name.casefold())]
    if len(fitting) != 1:
        names = [*markets, *(n for n in markets.values() if n)]
        raise UserError(f"{file} holds no market '{wanted}'{did_you_mean(wanted or '', names)}; it has {len(markets)}")
    return fitting[0]


def checked_once(quotes: Iterable[tuple[CsvRow, Quote]]) -> list[Quote]:
    """Return the quotes in order; each comes with its row.

    Raises:
        UserError: two quotes of one outcome at one instant.
    """
    rows: dict[tuple[object, str], CsvRow] = {}
    kept = []
    for row, q in quotes:
        first = rows.setdefault((q.observed_at, q.outcome), row)
        if first is not row:
            raise UserError(f"{row.where}: {q.outcome} at {iso_z(q.observed_at)} appears already at {first.where}")
        kept.append(q)
    return sorted(kept)
