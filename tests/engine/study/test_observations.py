"""What counts as one observation of closed trades, and their mean, deviation and Sharpe ratio."""

from types import SimpleNamespace
from typing import Any

import pytest

from engine.statistics.observations import TradeStatistics, observed_returns, trade_statistics


def trade(return_: float, event: str, entry_at: int, exit_at: int, value: float = 1.0) -> Any:
    ends = {"entry_at": entry_at, "exit_at": exit_at}
    return SimpleNamespace(return_=return_, event_id=event, value=value, pnl=return_ * value, is_closed=True, **ends)


def closed(*returns: float) -> Any:
    """Return trades of as many events, one after another."""
    return [trade(r, f"E{n}", 10 * n, 10 * n + 5) for n, r in enumerate(returns)]


def test_the_sharpe_ratio_of_a_trial_is_mean_over_deviation_of_its_trades() -> None:
    """0.01, 0.03, 0.02: mean 0.02; squares of the distances 1, 1 and 0 of a hundredth, over 2: deviation 0.01."""
    did = trade_statistics(closed(0.01, 0.03, 0.02))
    assert (did.n, did.reason) == (3, "")
    assert did.mean == pytest.approx(0.02, abs=1e-15)
    assert did.sd == pytest.approx(0.01, abs=1e-15)
    assert did.sharpe == pytest.approx(2.0, abs=1e-12)


def test_a_trade_still_open_does_not_count() -> None:
    still_open: Any = SimpleNamespace(return_=9.0, event_id="E9", is_closed=False)
    assert trade_statistics([*closed(0.25, 0.75), still_open]).mean == 0.5


@pytest.mark.parametrize(
    ("returns", "mean", "reason"),
    [
        ((), None, "no closed trades"),
        ((0.1,), 0.1, "1 observation; a spread needs at least 2"),
        ((0.5, 0.5, 0.5), 0.5, "the returns of its trades do not vary"),
        ((0.1, 0.1, 0.1), pytest.approx(0.1, rel=1e-15), "the returns of its trades do not vary"),
        ((0.0, 0.0), 0.0, "the returns of its trades do not vary"),
        ((0.1, float("nan")), None, "the return of a trade is no number"),
        ((0.1, float("inf")), None, "the return of a trade is no number"),
    ],
)
def test_where_there_is_no_sharpe_ratio_the_reason_is_shown(returns: Any, mean: Any, reason: str) -> None:
    did = trade_statistics(closed(*returns))
    assert (did.n, did.mean, did.sharpe, did.reason) == (len(returns), mean, None, reason)


def test_a_trial_of_unknown_trades_says_so() -> None:
    assert TradeStatistics().reason == "its trades are not known"


def test_seven_markets_on_one_day_are_one_observation() -> None:
    """Their mean is a half; with the other event's quarter the mean is three eighths."""
    seven = [trade(r, "E1", 10, 20) for r in (0.25, 0.25, 0.5, 0.5, 0.5, 0.75, 0.75)]
    did = trade_statistics([*seven, trade(0.25, "E2", 30, 40)])
    assert (did.n, did.mean) == (2, 0.375)


def test_seven_markets_on_one_day_alone_have_no_sharpe_ratio() -> None:
    did = trade_statistics([trade(0.1 * n, "E1", 10, 20) for n in range(7)])
    assert (did.n, did.sharpe, did.reason) == (1, None, "1 observation; a spread needs at least 2")


@pytest.mark.parametrize(
    ("trades", "returns"),
    [
        ([], []),
        ([trade(0.5, "A", 0, 5, 0.75), trade(-0.5, "A", 0, 5, 0.25)], [0.25]),  # by value: the limit cut the second
        ([trade(0.5, "A", 0, 5), trade(0.25, "B", 4, 9)], [0.375]),  # entered before the other was left
        ([trade(0.5, "A", 0, 5), trade(0.25, "B", 5, 9)], [0.5, 0.25]),  # entered as the other was left
        ([trade(0.5, "A", 0, 9), trade(0.25, "B", 1, 2), trade(0.0, "C", 8, 20)], [0.25]),  # one long one spans all
        ([trade(0.5, "A", 0, 5), trade(0.25, "B", 4, 9), trade(0.0, "C", 8, 12)], [0.25]),  # a chain is one
        ([trade(0.25, "B", 20, 25), trade(0.5, "A", 0, 5)], [0.5, 0.25]),  # in order of time
        ([trade(0.5, "A", 0, 5), trade(0.0, "A", 20, 25), trade(0.75, "B", 10, 12)], [0.5]),  # an event spans its legs
        (
            [trade(0.5, "A", 0, 5, 3.0), trade(0.0, "A", 0, 5, 1.0), trade(0.625, "B", 4, 9)],
            [0.5],
        ),  # events count alike
        ([trade(0.5, "", 0, 5), trade(0.25, "", 6, 9)], [0.5, 0.25]),  # those of backtrader strategies name none
        ([trade(0.5, "", 0, 5), trade(0.25, "", 3, 9)], [0.375]),
    ],
)
def test_what_shares_its_days_is_one_observation(trades: Any, returns: list[float]) -> None:
    assert observed_returns(trades) == returns


def test_one_leg_returns_what_it_returned_to_the_last_digit() -> None:
    assert observed_returns([trade(0.1, "A", 0, 5, 0.95)]) == [0.1]
