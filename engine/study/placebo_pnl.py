"""The net P&L of a plan's trades on placebo dates, beside that of the events: fills, costs and stops included."""

from dataclasses import dataclass

import numpy as np

from datasets.prices.bars import Floats
from engine.statistics.significance import Significance
from engine.study.placebo import Placebos, placebo_tests
from engine.study.replayed import replayed_net
from engine.study.sample import Sample
from engine.study.settings import Settings
from engine.study.study import StudyBuilder, StudyContext
from engine.study.subject import StudyInput
from engine.study.views import Drawn

QUANTILES = (0.05, 0.5, 0.95)


@dataclass(frozen=True)
class PlaceboRow:
    """A number of the events among those of the lists: 5 %, 50 % and 95 % quantiles, and the share of lists below."""

    name: str
    observed: float
    low: float
    median: float
    high: float
    beyond: float


@dataclass(frozen=True)
class PlaceboPnl:
    """Net P&L on placebo dates.

    ``rows`` are the mean net return of an observation, their sum and the worst of them; ``tests`` the placebo tests on
    the t-statistic and, as a foil, on the mean. ``replayed`` lists were replayed on backtrader, and differ from what
    was looked up by at most ``difference``. ``reason`` says why there is nothing.
    """

    scheme: str
    lists: int
    exact: bool
    observations: int
    rows: tuple[PlaceboRow, ...]
    tests: tuple[Significance, ...]
    notes: tuple[str, ...]
    replayed: int
    difference: float | None
    reason: str = ""


def placebo_pnl(subject: StudyInput, settings: Settings, *, replayed: int) -> PlaceboPnl:
    """Return the net P&L of a run's trades on placebo dates.

    Args:
        subject: the run.
        settings: the scheme, the number of lists and the seed.
        replayed: so many of the lists are replayed on backtrader too.
    """
    making = StudyBuilder(subject, settings, StudyContext())
    sample, drawn = making.first, making.drawn
    if isinstance(drawn, str):
        return PlaceboPnl(settings.scheme, 0, False, len(sample.usable), (), (), making.notes, 0, None, drawn)
    _, placebos = drawn.views[0]
    picked = np.linspace(0, len(placebos.net) - 1, replayed).astype(int).tolist()
    differences = [_difference(n, making, drawn, placebos) for n in picked]
    return PlaceboPnl(
        scheme=settings.scheme,
        lists=len(placebos.net),
        exact=drawn.calendars.exact,
        observations=len(sample.usable),
        rows=_rows(sample, placebos),
        tests=placebo_tests(sample, placebos),
        notes=making.notes,
        replayed=len(differences),
        difference=max(differences, default=None),
    )


def _difference(n: int, making: StudyBuilder, drawn: Drawn, placebos: Placebos) -> float:
    """Return by how much a replay of one list differs from what was looked up, at most."""
    rows = drawn.calendars.rows[n].tolist()
    found = replayed_net(rows, making.first.usable, making.placed, making.desk, making.subject.terms)
    return float(np.abs(found - placebos.net[n]).max())


def _rows(sample: Sample, placebos: Placebos) -> tuple[PlaceboRow, ...]:
    lists = placebos.net
    made = (
        ("mean net return", float(sample.net.mean()), lists.mean(axis=1)),
        ("sum of net returns", float(sample.net.sum()), lists.sum(axis=1)),
        ("worst net return", float(sample.net.min()), lists.min(axis=1)),
        ("share of gains", float((sample.net > 0).mean()), (lists > 0).mean(axis=1)),
        ("mean abnormal return", float(sample.abnormal.mean()), placebos.abnormal.mean(axis=1)),
    )
    return tuple(_row(name, observed, values) for name, observed, values in made)


def _row(name: str, observed: float, lists: Floats) -> PlaceboRow:
    low, median, high = (float(q) for q in np.quantile(lists, QUANTILES))
    return PlaceboRow(name, observed, low, median, high, float(np.mean(lists < observed - 1e-12)))
