"""Where trades leave, by hand: trailing stops and levels touched exactly, in every executor."""

from typing import Any

import pytest
from msgspec.structs import asdict

from datasets.errors import UserError
from datasets.prices.bars import Bars
from engine.account.evaluate import evaluate
from engine.account.records import Trade
from engine.plan.costs import Costs, Terms
from engine.plan.plan import Plan
from engine.strategy import After, Leg, NextOpen
from engine.study.shapes import net_returns, shape_of
from tests.engine.markets import about, bars, days, evaluate_plans, event, flat_day, instrument, plan_and_replay

DAYS = days("2024-01-01", 8)
ENTERED = event("E", f"{DAYS[0]}T12:00")
"""Known after the first close: the entry is the open of the second day."""


def market(*rows: tuple[float, float, float, float]) -> Bars:
    """Return a flat day at 100, the given days (open, high, low, close), and flat days at their last close."""
    given = [(day, *row) for day, row in zip(DAYS[1:], rows, strict=False)]
    after = [flat_day(day, rows[-1][-1]) for day in DAYS[1 + len(rows) :]]
    return bars(instrument(), [flat_day(DAYS[0], 100.0), *given, *after])


def left(of: Bars, weight: float = 1.0, **levels: float) -> tuple[str, float, str]:
    """Return the session, price and reason of the exit, the same in all executors."""
    leg = Leg("AAA", weight, NextOpen(), After(5), **levels)
    plan, account = plan_and_replay([leg], [ENTERED], of)
    _same_everywhere(plan, account.trades, of)
    trade = account.trades[0]
    return trade.exit_session, trade.exit_price, trade.exit_reason


def _same_everywhere(plan: Plan, replayed: Any, of: Bars) -> None:
    (expected,) = replayed
    (ours,) = evaluate(plan, [of], Terms()).trades
    assert ours == _about(expected)
    many = evaluate_plans([plan, plan], [of], Terms())
    assert many.columns["mean_trade"].tolist() == about([expected.return_] * 2, rel=1e-12)
    (planned,) = plan.trades
    net = net_returns(of, shape_of(planned), Costs(0.0, 0.0))[planned.entry.bar]
    assert net == about(expected.return_, rel=1e-12)


def _about(trade: Trade) -> Any:
    values = {n: about(v, rel=1e-12) if isinstance(v, float) else v for n, v in asdict(trade).items()}
    return Trade(**values)


def test_stop_touched_exactly_leaves_at_its_level() -> None:
    assert left(market((100, 101, 99, 100), (100, 100, 90.0, 95)), stop_loss=0.1) == (DAYS[2], about(90.0), "stop_loss")


def test_stop_missed_by_a_cent_stays() -> None:
    assert left(market((100, 101, 99, 100), (100, 100, 90.01, 95)), stop_loss=0.1)[2] == "held 5 sessions"


def test_target_touched_exactly_leaves_at_its_level() -> None:
    touched = market((100, 101, 99, 100), (100, 125.0, 99, 101))
    assert left(touched, take_profit=0.25) == (DAYS[2], about(125.0), "take_profit")


def test_stop_touched_exactly_by_the_open() -> None:
    assert left(market((100, 101, 99, 100), (90.0, 95, 89, 95)), stop_loss=0.1) == (DAYS[2], about(90.0), "stop_loss")


def test_stop_of_a_short_touched_exactly() -> None:
    touched = market((100, 101, 99, 100), (100, 125.0, 99, 101))
    assert left(touched, -0.5, stop_loss=0.25) == (DAYS[2], about(125.0), "stop_loss")


def test_trailing_stop_follows_the_highs_of_completed_bars() -> None:
    """Entered at 100. The first high, 112, lifts the level to 112 x 0.9 = 100.8 from the next bar on."""
    touched = market((100, 112, 95, 108), (108, 111, 101, 103), (103, 104, 100.8, 102))
    assert left(touched, trailing_stop=0.1) == (DAYS[3], about(100.8), "trailing_stop")


def test_trailing_stop_does_not_know_the_high_of_its_own_bar() -> None:
    """The bar's own high is 112 and its low 95: 112 x 0.9 = 100.8 would be hit within it, 100 x 0.9 = 90 is not."""
    assert left(market((100, 112, 95, 108), (108, 110, 107, 109)), trailing_stop=0.1)[2] == "held 5 sessions"


def test_trailing_stop_starts_at_the_price_paid() -> None:
    assert left(market((100, 100, 90.0, 95)), trailing_stop=0.1) == (DAYS[1], about(90.0), "trailing_stop")


def test_trailing_stop_that_the_open_has_passed_fills_at_the_open() -> None:
    gapped = market((100, 120, 99, 118), (104, 106, 103, 105))
    assert left(gapped, trailing_stop=0.1) == (DAYS[2], about(104.0), "trailing_stop")


def test_trailing_stop_never_falls() -> None:
    """The high of 120 stays the best: 108 is reached two bars later, after lower highs."""
    falling = market((100, 120, 99, 118), (118, 118, 110, 111), (111, 112, 108.0, 109))
    assert left(falling, trailing_stop=0.1) == (DAYS[3], about(108.0), "trailing_stop")


def test_trailing_stop_of_a_short_follows_the_lows() -> None:
    """Sold at 100. The low of 80 brings the level down to 80 x 1.1 = 88."""
    rising = market((100, 101, 80, 82), (82, 88.0, 81, 85))
    assert left(rising, -0.5, trailing_stop=0.1) == (DAYS[2], about(88.0), "trailing_stop")


def test_the_nearer_of_two_stops_counts() -> None:
    falling = market((100, 110, 99, 109), (109, 109, 95, 96))
    assert left(falling, stop_loss=0.03, trailing_stop=0.2) == (DAYS[2], about(97.0), "stop_loss")
    assert left(falling, stop_loss=0.2, trailing_stop=0.1) == (DAYS[2], about(99.0), "trailing_stop")


def test_fixed_stop_is_named_where_both_are_equal() -> None:
    assert left(market((100, 100, 90.0, 95)), stop_loss=0.1, trailing_stop=0.1)[2] == "stop_loss"


def test_trailing_stop_comes_before_a_target_of_the_same_bar() -> None:
    wide = market((100, 110, 99, 109), (109, 130, 98, 120))
    assert left(wide, take_profit=0.2, trailing_stop=0.1) == (DAYS[2], about(99.0), "trailing_stop")


def test_planned_exit_at_the_open_comes_before_a_level_of_its_bar() -> None:
    fallen = market((100, 101, 99, 100), (100, 101, 99, 100), (100, 101, 50, 60))
    leg = Leg("AAA", 1.0, NextOpen(), After(2), stop_loss=0.1)
    plan, account = plan_and_replay([leg], [ENTERED], fallen)
    _same_everywhere(plan, account.trades, fallen)
    assert (account.trades[0].exit_session, account.trades[0].exit_price) == (DAYS[3], 100.0)


@pytest.mark.parametrize("level", [0.0, 1.0, -0.1, "a tenth"])
def test_a_trailing_stop_that_cannot_be_is_refused(level: Any) -> None:
    with pytest.raises(UserError, match=r"trailing_stop is .*; it must be above 0 and below 1, or None"):
        plan_and_replay([Leg("AAA", 1.0, NextOpen(), After(1), trailing_stop=level)], [ENTERED], market((1, 1, 1, 1)))
