"""Tables shaded by value: months, and what the rule makes with other holds, delays and costs."""

from collections.abc import Iterable, Sequence
from math import ceil

from msgspec import Struct

from engine.metrics.metrics import monthly_returns, yearly_returns
from engine.run.run import Run, SensitivityCase

_ROUNDS_TO_ZERO = 0.00005


def heat(value: float | None, largest: float) -> str:
    """Return the CSS class of a return: gain or loss, 1 to 4 by its share of the largest.

    >>> heat(0.05, 0.1), heat(-0.1, 0.1), heat(0.0, 0.1), heat(None, 0.1)
    ('gain2', 'loss4', 'zero', '')
    """
    if value is None:
        return ""
    if abs(value) < _ROUNDS_TO_ZERO:
        return "zero"
    return f"{'gain' if value > 0 else 'loss'}{max(1, ceil(4 * abs(value) / largest))}"


class YearRow(Struct, frozen=True):
    """One year: the returns of its months (None without a session), and the year's own."""

    year: int
    months: list[float | None]
    strategy: float
    benchmark: float | None


def year_rows(run: Run) -> list[YearRow]:
    """Return the years of a run, latest last."""
    by_month = monthly_returns(run.sessions, run.returns)
    theirs = {} if run.benchmark_returns is None else yearly_returns(run.sessions, run.benchmark_returns)
    return [
        YearRow(year, [by_month.get((year, m)) for m in range(1, 13)], ours, theirs.get(year))
        for year, ours in yearly_returns(run.sessions, run.returns).items()
    ]


def largest(values: Iterable[float | None]) -> float:
    """Return the largest of values whatever their sign; 1 where there is none other than 0."""
    return max((abs(v) for v in values if v is not None), default=0.0) or 1.0


def timing_grid(cases: Sequence[SensitivityCase]) -> tuple[list[str], list[tuple[str, list[SensitivityCase]]]]:
    """Return the delays as column heads, and for each hold its name and its variations."""
    delays = list(dict.fromkeys(v.delay for v in cases))
    holds = list(dict.fromkeys(v.hold for v in cases))
    at = {(v.hold, v.delay): v for v in cases}
    rows = [(_named(h, "held"), [at[h, d] for d in delays]) for h in holds]
    return [_named(d, "waited") for d in delays], rows


def _named(sessions: int | None, what: str) -> str:
    if sessions is None:
        return "as the rule says"
    return f"{what} {sessions} session" if sessions == 1 else f"{what} {sessions} sessions"
