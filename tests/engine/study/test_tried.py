"""What the variants that were tried cost."""

import numpy as np
import pytest

from engine.study.legs import place
from engine.study.sample import Sample, make_sample
from engine.study.settings import Model
from engine.study.tried import shifted_t, tried
from tests.engine.study.worlds import subject, walk

TEN = list(range(200, 1_400, 120))
MARKET = walk(effects=dict.fromkeys(TEN, 0.01))


def sample(hold: int = 1, rows: list[int] = TEN) -> Sample:
    given = subject(MARKET, rows=rows, hold=hold)
    model = given.return_model(Model.MEAN)
    return make_sample(place(given.pairs, model), model)


def test_alone_it_is_the_share_of_shifts_that_reach_the_statistic() -> None:
    own = sample()
    low = int(np.flatnonzero(np.isfinite(own.usable[0].by_row.standardized))[0])
    span = len(MARKET) - 1 - low
    lists = shifted_t(own, low, span)
    z = own.standardized
    t = z.mean() / z.std(ddof=1) * np.sqrt(10)
    assert lists[0] == pytest.approx(t)
    found = tried(own, [], others=0)
    assert (found.n, found.rebuilt, found.shifts) == (1, 0, span)
    assert found.p == pytest.approx(float(np.mean(np.abs(lists) >= abs(t) - 1e-12)))


def test_the_same_variant_twice_costs_nothing_and_another_one_something() -> None:
    alone = tried(sample(), [], others=0).p
    assert tried(sample(), [sample()], others=0).p == alone
    more = tried(sample(), [sample(hold=h) for h in (2, 3, 5, 8, 13)], others=0)
    assert more.rebuilt == 5
    assert alone is not None and more.p is not None
    assert alone < more.p < 1 - (1 - alone) ** 6 + 1e-12


def test_trials_that_cannot_be_made_again_count_as_independent_ones() -> None:
    alone = tried(sample(), [], others=0).p
    assert alone is not None
    assert tried(sample(), [], others=3).p == pytest.approx(1 - (1 - alone) ** 4)


def test_one_observation_has_no_statistic() -> None:
    found = tried(sample(rows=[700]), [], others=2)
    assert (found.n, found.p) == (3, None)
    assert found.reason == "1 observations: no t-statistic"
