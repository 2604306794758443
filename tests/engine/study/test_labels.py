"""The selected against the rejected events, by hand and on planted markets."""

import numpy as np
import pytest
from msgspec.structs import replace

from datasets.events import ProGrowth
from engine.run.backtest import Window as Dates
from engine.run.backtest import backtest
from engine.study.labels import label_test
from engine.study.legs import place
from engine.study.sample import Sample, make_sample
from engine.study.settings import Model, Settings
from engine.study.study import study
from engine.study.study_input import StudyInput
from strategies.pro_growth_win import ProGrowthWin
from tests.engine.markets import market_of
from tests.engine.study.worlds import FREE, events_before, subject, walk


def with_abnormal(values: list[float]) -> Sample:
    """Return a sample whose abnormal returns are those given."""
    given = subject(walk(), rows=list(range(200, 200 + 100 * len(values), 100)))
    model = given.return_model(Model.MEAN)
    sample = make_sample(place(given.pairs, model), model)
    return replace(sample, usable=tuple(replace(o, abnormal=v) for o, v in zip(sample.usable, values, strict=True)))


def test_every_choice_is_looked_at_and_p_is_counted_by_hand() -> None:
    # Welch's t of {5, 6} against {1, 2, 3} is the largest of all 10 choices: p = 2 x 1 / 10.
    found = label_test(with_abnormal([5.0, 6.0, 1.0, 2.0, 3.0]), frozenset({"E0", "E1"}), draws=100, seed=0)
    assert (found.wanted, found.declined) == (2, 3)
    assert (found.mean_wanted, found.mean_declined) == (5.5, 2.0)
    assert found.test.statistic == pytest.approx(3.5 / np.sqrt(0.5 / 2 + 1.0 / 3))
    assert found.test.p == pytest.approx(0.2)
    assert found.test.error == 0.0


def test_one_wanted_is_no_group() -> None:
    found = label_test(with_abnormal([5.0, 1.0, 2.0]), frozenset({"E0"}), draws=100, seed=0)
    assert found.test.p is None
    assert found.test.reason == "1 selected and 2 rejected; at least 2 of each are needed"


def test_equal_observations_have_no_spread() -> None:
    found = label_test(with_abnormal([1.0, 1.0, 1.0, 1.0]), frozenset({"E0", "E1"}), draws=100, seed=0)
    assert found.test.reason == "the observations are equal: their spread is zero"


def test_a_study_trades_the_declined_events_as_the_rule_would_have() -> None:
    rows = list(range(200, 1_400, 120))
    market = walk(effects={row: 0.04 if n % 2 else -0.04 for n, row in enumerate(rows)})
    events = events_before(market, rows)
    events = type(events)(
        e.model_copy(update={"pro_growth": ProGrowth.YES if int(e.event_id[1:]) % 2 else ProGrowth.NO}) for e in events
    )
    rule, bars = ProGrowthWin(instrument="AAA", hold=1), market_of(market)
    given = StudyInput(rule, events, bars, FREE, Dates(), backtest(rule, events, bars, terms=FREE))
    labels = study(given, Settings(draws=300)).labels
    assert labels is not None
    assert (labels.wanted, labels.declined) == (5, 5)
    assert labels.mean_wanted == pytest.approx(0.04, abs=0.012)
    assert labels.mean_declined == pytest.approx(-0.04, abs=0.012)
    assert labels.test.p == pytest.approx(2 / 252)  # the one choice of 252 that separates them, doubled
