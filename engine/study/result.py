"""The result of a study: plain values for a page, a table or JSON. What is not available is None with its reason."""

from typing import Any

from msgspec import Struct

from engine.statistics.bootstrap import Interval
from engine.statistics.sharpe import TradeSharpe
from engine.statistics.significance import Significance
from engine.study.concentration import Concentration
from engine.study.labels import LabelTest
from engine.study.paths import BandRow, PathRow
from engine.study.power import Power
from engine.study.sensitivity import Variation
from engine.study.settings import PRIMARY, Settings
from engine.study.surprise import SideSurprise
from engine.study.tried import Tried
from engine.study.variance import EventVariance


class ObservationRow(Struct, frozen=True):
    """One independent observation; ``percentile`` is its percentile among all other dates, as a fraction.

    Returns are fractions, ``net`` of costs. A lost observation has its ``reason`` and no abnormal return.
    """

    events: tuple[str, ...]
    trades: int
    began: str
    ended: str
    net: float
    abnormal: float | None
    standardized: float | None
    percentile: float | None
    reason: str = ""


class ViewResult(Struct, frozen=True):
    """The events through one window: ``trade``, or sessions from session 0 such as ``0:5``.

    ``tests`` are those that decide; ``placebo_mean`` is for comparison. ``p_adjusted`` is the placebo p-value of
    the largest statistic over all windows; None where there is one window.
    """

    name: str
    n: int
    n_events: int
    mean_net: float | None
    mean_abnormal: float | None
    intervals: tuple[Interval, ...]
    tests: tuple[Significance, ...]
    placebo_mean: Significance
    p_adjusted: float | None = None

    def test(self, statistic: str) -> Significance:
        """Return the test of a statistic as a preregistration names it: bmp, t, sign-flip or placebo."""
        return self.tests[{"bmp": 0, "t": 0, "sign-flip": 1, "placebo": 2}[statistic]]


class Histogram(Struct, frozen=True):
    """The t-statistics of the placebo lists: ``counts`` between ``edges``, the outermost with all beyond."""

    observed: float | None
    edges: tuple[float, ...]
    counts: tuple[int, ...]


class Study(Struct, frozen=True):
    """What the events of one run can support.

    ``model`` names the counterfactual used; ``notes`` describe the placebo dates and what else a reader must know.
    ``reasons`` say why a part is None, by its name.
    ``primary`` is the statistic whose p-value is the primary one, ``settings_tried`` counts the settings of the run.
    ``episodes`` counts the observations where events of one country within a week are one.
    ``trial`` is the run's place in the ledger; ``prereg`` the preregistration, with the deviations from it.
    """

    run_id: str
    strategy: str
    settings: Settings
    model: str
    reference: str
    n_trades: int
    open_trades: int
    observations: tuple[ObservationRow, ...]
    lost: tuple[ObservationRow, ...]
    lists: int
    exact: bool
    notes: tuple[str, ...]
    power: Power | None
    views: tuple[ViewResult, ...]
    histogram: Histogram | None
    concentration: Concentration | None
    labels: LabelTest | None
    variations: tuple[Variation, ...]
    sharpe: TradeSharpe
    tried: Tried | None
    path: tuple[PathRow, ...]
    band: tuple[BandRow, ...]
    verdict: str
    reasons: dict[str, str]
    primary: str = PRIMARY
    settings_tried: int = 1
    episodes: int | None = None
    trial: dict[str, Any] | None = None
    prereg: dict[str, Any] | None = None
    variance: EventVariance | None = None
    surprise: SideSurprise | None = None
