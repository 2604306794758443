"""What the tests ask of a store of prices."""

from datasets.errors import UserError
from datasets.prices.store import Store


def damage_of(store: Store) -> dict[str, str]:
    """Return what is wrong with each damaged file, by symbol; empty where every series reads back as written."""
    found = {}
    for symbol in store.symbols():
        try:
            store.load(symbol)
        except UserError as e:
            found[symbol] = str(e)
    return found
