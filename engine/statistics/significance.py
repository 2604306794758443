"""What a test says: its statistic, its p-value, of how many observations; or why there is none."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Significance:
    """One test of "no effect", two-sided.

    ``statistic`` and ``p`` are None where the test cannot be had, and ``reason`` then says why. ``n`` counts the
    independent observations; ``reference`` names the distribution ``p`` was read from; ``error`` is the Monte Carlo
    standard error of ``p`` (0 where it is exact).
    """

    name: str
    n: int
    statistic: float | None
    p: float | None
    reference: str
    error: float = 0.0
    reason: str = ""


def untested(name: str, n: int, reason: str) -> Significance:
    """Return the outcome of a test that cannot be had, with the reason."""
    return Significance(name, n, None, None, "", reason=reason)
