"""What the readers of price histories share: prices checked, one market chosen, no quote twice."""

from collections.abc import Iterable

from datasets.errors import UserError, did_you_mean
from datasets.events.odds_book import Quote
from datasets.instants import iso_z


def price_of(text: str, *, column: str, where: str) -> float:
    """Return a price in [0, 1].

    Raises:
        UserError: it is not one.
    """
    try:
        price = float(text)
    except ValueError:
        price = float("nan")
    if not 0 <= price <= 1:
        raise UserError(f"{where}: {column} is '{text}'; a price is a number from 0 to 1 (dollars a share)")
    return price


def chosen_market(asked: str | None, markets: dict[str, str], file: str) -> str:
    """Return the one market to read: that asked for by its id or its name, or the only one there is.

    ``markets`` gives each id its name.

    Raises:
        UserError: several and none asked for, or none of that name.
    """
    if not markets:
        raise UserError(f"{file} holds no row")
    if asked is None and len(markets) > 1:
        some = ", ".join(f"{m} ({name})" if name else m for m, name in list(markets.items())[:3])
        raise UserError(f"{file} holds {len(markets)} markets; choose one with --market, such as {some}")
    found = [m for m, name in markets.items() if asked is None or asked.casefold() in (m.casefold(), name.casefold())]
    if len(found) != 1:
        names = [*markets, *(n for n in markets.values() if n)]
        raise UserError(f"{file} holds no market '{asked}'{did_you_mean(asked or '', names)}; it has {len(markets)}")
    return found[0]


def checked_once(quotes: Iterable[tuple[str, Quote]]) -> list[Quote]:
    """Return the quotes in order; each comes with its file and line.

    Raises:
        UserError: two quotes of one outcome at one instant.
    """
    seen: dict[tuple[object, str], str] = {}
    kept = []
    for where, q in quotes:
        earlier = seen.setdefault((q.observed_at, q.outcome), where)
        if earlier != where:
            raise UserError(f"{where}: {q.outcome} at {iso_z(q.observed_at)} stands already at {earlier}")
        kept.append(q)
    return sorted(kept)
