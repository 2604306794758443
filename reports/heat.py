"""Tables shaded by value: months, and what the rule makes with other holds, delays and costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from engine.metrics.metrics import monthly_returns, yearly_returns
from engine.run.run import Run
from engine.run.variants import ParameterSensitivity, SensitivityCase
from reports.numbers import percent, plain, signed_percent

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


@dataclass(frozen=True)
class YearRow:
    """One year: the returns of its months (None without a session), their shades, and the year's own."""

    year: int
    months: list[float | None]
    heat: list[str]
    strategy: float
    benchmark: float | None


def year_rows(run: Run) -> list[YearRow]:
    """Return the years of a run, latest last."""
    by_month = monthly_returns(run.sessions, run.returns)
    theirs = {} if run.benchmark_returns is None else yearly_returns(run.sessions, run.benchmark_returns)
    largest = max(abs(r) for r in by_month.values())
    rows = []
    for year, ours in yearly_returns(run.sessions, run.returns).items():
        months = [by_month.get((year, m)) for m in range(1, 13)]
        rows.append(YearRow(year, months, [heat(r, largest) for r in months], ours, theirs.get(year)))
    return rows


@dataclass(frozen=True)
class Cell:
    """One variation: its mean trade and total return as text, its shade, and whether it is the run itself."""

    mean: str
    total: str
    n: int
    heat: str
    own: bool


@dataclass(frozen=True)
class Grid:
    """Variations by hold (rows) and delay (columns)."""

    delays: list[str]
    rows: list[tuple[str, list[Cell]]]


def timing_grid(variants: ParameterSensitivity) -> Grid | None:
    """Return the variations by hold and delay; None where there are none."""
    if not variants.timing:
        return None
    delays = list(dict.fromkeys(v.delay for v in variants.timing))
    holds = list(dict.fromkeys(v.hold for v in variants.timing))
    at = {(v.hold, v.delay): v for v in variants.timing}
    cells = _cells(variants.timing)
    rows = [(_named(h, "held"), [cells[at[h, d]] for d in delays]) for h in holds]
    return Grid([_named(d, "waited") for d in delays], rows)


def cost_rows(variants: ParameterSensitivity) -> list[tuple[str, Cell]]:
    """Return the variations by multiples of the costs."""
    cells = _cells(variants.costs)
    return [(f"{plain(v.costs)} times", cells[v]) for v in variants.costs]


def _named(sessions: int | None, what: str) -> str:
    if sessions is None:
        return "as the rule says"
    return f"{what} {sessions} session" if sessions == 1 else f"{what} {sessions} sessions"


def _cells(variants: Sequence[SensitivityCase]) -> dict[SensitivityCase, Cell]:
    largest = max((abs(v.mean_trade) for v in variants if v.mean_trade is not None), default=0.0) or 1.0
    return {v: _cell(v, largest) for v in variants}


def _cell(variant: SensitivityCase, largest: float) -> Cell:
    mean = "n/a" if variant.mean_trade is None else signed_percent(variant.mean_trade)
    shade = heat(variant.mean_trade, largest)
    return Cell(mean, percent(variant.total_return), variant.n_trades, shade, variant.own)
