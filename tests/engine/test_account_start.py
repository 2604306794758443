"""Where an account begins, and what counts as one observation in its yearly ratios."""

from datetime import date

import numpy as np
import pytest

from datasets.events import EventCatalogue
from datasets.prices.bars import Bars
from engine.run.backtest import Window, backtest
from engine.run.run import Run
from engine.strategy import After, Leg, Never, NextOpen
from tests.engine.markets import bars, days, event, flat_day, instrument, market_of, scripted

LONG = Leg("AAA", 0.5, NextOpen(), After(1))


def rising(symbol: str, first: str, n: int) -> Bars:
    return bars(instrument(symbol), [flat_day(day, 100.0 + k) for k, day in enumerate(days(first, n))])


def run(*known_at: str, legs: tuple[Leg, ...] = (LONG,), of: tuple[Bars, ...] = (), **window: date) -> Run:
    given = of or (rising("AAA", "2024-01-01", 40),)
    rule = scripted(list(legs), markets=[b.symbol for b in given])
    events = EventCatalogue([event(f"E{n}", at) for n, at in enumerate(known_at)])
    return backtest(rule, events, market_of(*given), window=Window(**window), benchmark="AAA")


def test_it_begins_at_the_last_close_before_the_first_event_wanted() -> None:
    found = run("2024-01-17T12:00", "2024-01-24T12:00")
    assert (str(found.sessions[0]), found.returns[0]) == ("2024-01-17", 0.0)
    assert found.manifest["begins"].endswith("close of 2024-01-17, the last before the first event wanted")
    assert found.benchmark_returns is not None and found.benchmark_returns[0] == 0.0


def test_from_and_the_bars_come_first() -> None:
    assert str(run("2024-01-17T12:00", since=date(2024, 1, 10)).sessions[0]) == "2024-01-10"
    assert (
        run("2024-01-17T12:00", since=date(2024, 1, 10)).manifest["begins"] == "the account begins on --from 2024-01-10"
    )
    before = run("2020-01-01T12:00", "2024-01-24T12:00")
    assert (str(before.sessions[0]), before.skipped[0].event_id) == ("2024-01-01", "E0")
    assert before.manifest["begins"] == "the account begins with the bars, 2024-01-01"


def test_it_waits_for_the_last_of_its_markets_but_never_beyond_a_trade() -> None:
    late = rising("BBB", "2024-02-05", 10)
    both = (LONG, Leg("BBB", 0.5, NextOpen(), After(1)))
    old = rising("AAA", "2024-01-01", 40)
    assert str(run("2024-02-08T12:00", legs=both, of=(old, late)).sessions[0]) == "2024-02-08"
    assert str(run("2020-01-01T12:00", "2024-02-08T12:00", legs=both, of=(old, late)).sessions[0]) == "2024-02-05"
    early = run("2024-01-17T12:00", "2024-02-08T12:00", legs=both, of=(old, late))
    assert (str(early.sessions[0]), early.trades[0].entry_session) == ("2024-01-17", "2024-01-18")


@pytest.mark.parametrize("legs", [2, 3])
def test_legs_of_the_same_events_are_no_more_observations(legs: int) -> None:
    """Four events, on two or three markets: four observations, and no yearly ratio in either."""
    of = tuple(rising(s, "2024-01-01", 300) for s in ("AAA", "BBB", "CCC")[:legs])
    at = [f"2024-{month:02d}-10T12:00" for month in (2, 4, 6, 8)]
    found = run(*at, legs=tuple(Leg(b.symbol, 0.3, NextOpen(), After(8)) for b in of), of=of)
    assert len(found.trades) == 4 * legs
    for name in ("volatility", "sharpe", "sortino"):
        assert found.metrics[name] is None
        assert found.notes[name] == "4 observations, mostly out of the market; at least 10 are needed"


def test_a_position_still_open_is_in_every_metric_per_trade() -> None:
    """It falls from 100 to 61; the one that closed rose."""
    falling = bars(instrument("BBB"), [flat_day(d, 100.0 - k) for k, d in enumerate(days("2024-01-01", 40))])
    held = (LONG, Leg("BBB", 0.5, NextOpen(), Never()))
    found = run("2024-01-01T12:00", legs=held, of=(rising("AAA", "2024-01-01", 40), falling))
    assert (found.metrics["n_trades"], found.metrics["win_rate"]) == (2, 0.5)
    assert min(t.return_ for t in found.trades) == pytest.approx(61 / 99 - 1)
    assert found.metrics["mean_trade"] == pytest.approx(np.mean([t.return_ for t in found.trades]))
