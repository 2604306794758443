"""The markets of a rule as a user types them: ``N225,-USDJPY``, or each with its own share ``N225:0.6,-USDJPY:0.3``."""

from collections.abc import Sequence

from msgspec import Struct

_MOST = 5.0


class MarketShare(Struct, frozen=True):
    """A market, its side (1 long, -1 short), and its own share of equity; None where it has an equal part."""

    name: str
    side: int
    share: float | None

    @classmethod
    def of(cls, text: str) -> "MarketShare":
        """Return what one text says.

        Raises:
            ValueError: no name, or a share that is not above 0 and at most 5.
        """
        side = -1 if text.startswith("-") else 1
        name, _, share = text.removeprefix("-").partition(":")
        if not name.strip():
            raise ValueError(f"'{text}' names no market; write N225, -USDJPY to sell short, or N225:0.6 with a share")
        return cls(name.strip(), side, _share(text, share) if _ else None)


def _share(text: str, share: str) -> float:
    try:
        value = float(share)
    except ValueError:
        value = 0.0
    if not 0 < value <= _MOST:
        raise ValueError(f"the share of '{text}' must be a number above 0 and at most {_MOST:g}; '-' sells short")
    return value


def checked(markets: tuple[str, ...]) -> tuple[str, ...]:
    """Return markets as they are.

    Raises:
        ValueError: one is not written as it must be.
    """
    for text in markets:
        MarketShare.of(text)
    return markets


def weights(markets: Sequence[str], weight: float) -> list[tuple[str, float]]:
    """Return each market with its signed share of equity; without one of its own, an equal part of ``weight``.

    >>> weights(["N225", "-USDJPY", "TOPIX:0.2"], 0.9)
    [('N225', 0.3), ('USDJPY', -0.3), ('TOPIX', 0.2)]
    """
    shares = [MarketShare.of(text) for text in markets]
    each = weight / len(shares)
    return [(s.name, s.side * (each if s.share is None else s.share)) for s in shares]
