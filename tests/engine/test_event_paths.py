"""Claims about the closes around an event."""

import numpy as np
import pytest

from datasets.events import EventCatalogue
from engine.run.event_paths import cumulative, event_paths, mean_path
from engine.run.run import EventPath
from tests.engine.markets import bars, days, event, flat_day, instrument
from tests.reports.handmade import trade

DAYS = days("2024-01-02", 100)
BARS = bars(instrument(), [flat_day(d, 100.0 + n) for n, d in enumerate(DAYS)])


def _paths(known_at, **other):
    one = trade("2024-01-04", "2024-01-08", event_id="E", instrument="AAA", **other)
    return event_paths([one], EventCatalogue([event("E", known_at)]), [BARS])


def test_session_0_is_the_first_to_close_after_the_event_was_known():
    (before_the_close,) = _paths("2024-01-30T05:59")
    (at_the_close,) = _paths("2024-01-30T06:00")
    assert (before_the_close.first, before_the_close.closes[20]) == (-20, 128.0)  # 30 January is day 28
    assert (at_the_close.first, at_the_close.closes[20]) == (-20, 129.0)
    assert len(at_the_close.closes) == 81


def test_where_bars_end_a_path_is_shorter():
    (path,) = _paths("2024-01-03T05:00")
    assert (path.first, path.closes[0], len(path.closes)) == (-1, 100.0, 62)


def test_an_event_without_an_instant_begins_at_the_decision():
    (path,) = _paths(None, decided_at=int(BARS.close_at[50]))
    assert path.closes[20] == 151.0


def test_one_path_for_each_event_instrument_and_side():
    twice = [trade("2024-01-04", "2024-01-08", event_id="E", instrument="AAA") for _ in range(2)]
    assert len(event_paths(twice, EventCatalogue([event("E", "2024-01-30T05:59")]), [BARS])) == 1


def test_cumulative_return_is_from_the_close_before_session_0():
    path = EventPath("E", "AAA", "long", -2, (90.0, 100.0, 110.0, 99.0))
    assert cumulative(path, -2, 2).tolist() == pytest.approx([-0.10, 0.0, 0.10, -0.01, np.nan], nan_ok=True)
    short = EventPath("E", "AAA", "short", -2, (90.0, 100.0, 110.0, 99.0))
    assert cumulative(short, -1, 1).tolist() == pytest.approx([0.0, -0.10, 0.01])


def test_without_a_close_before_session_0_there_is_no_return():
    assert np.isnan(cumulative(EventPath("E", "AAA", "long", 0, (1.0, 2.0)), -1, 1)).all()


def test_the_mean_is_of_the_same_paths_at_every_session():
    """F ends a session before the others and leaves the mean; where none lasts, it stops with the first that ends."""
    paths = [EventPath("E", "AAA", "long", -1, (100.0, 110.0, 120.0)), EventPath("F", "AAA", "long", -1, (100.0, 90.0))]
    assert mean_path(paths, -1, 1).tolist() == pytest.approx([0.0, 0.10, 0.20])
    assert mean_path(paths, -1, 2).tolist() == pytest.approx([0.0, 0.0, np.nan, np.nan], nan_ok=True)
    assert np.isnan(mean_path([], 0, 1)).all()
