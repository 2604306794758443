"""What a study is told of the trials beside its run."""

from dataclasses import replace
from statistics import fmean, stdev
from types import SimpleNamespace
from typing import Any

import pytest

from engine.study.trials import (
    Ground,
    SweepTrials,
    TradeStatistics,
    Trial,
    TrialPosition,
    ground_of,
    trade_statistics,
)
from tests.engine.markets import about

HERE = Ground("code", "events", {"TOPIX": "t", "N225": "n"})


def closed(*returns: float) -> Any:
    return [SimpleNamespace(return_=r, is_closed=True) for r in returns]


def a_trial(k: int, *, ground: Ground | None = HERE, sharpe: float | None = 1.0, **parameters: Any) -> Trial:
    statistics = TradeStatistics(3, 0.01, 0.01, sharpe)
    return Trial(k, f"run{k}", "2026-01-01T00:00:00Z", "rule", parameters, ground, {}, {}, statistics)


def test_the_sharpe_ratio_of_a_trial_is_mean_over_deviation_of_its_trades() -> None:
    """0.01, 0.03, 0.02: mean 0.02; squares of the distances 1, 1 and 0 of a hundredth, over 2: deviation 0.01."""
    did = trade_statistics(closed(0.01, 0.03, 0.02))
    assert (did.n, did.reason) == (3, "")
    assert did.mean == pytest.approx(0.02, abs=1e-15)
    assert did.sd == pytest.approx(0.01, abs=1e-15)
    assert did.sharpe == pytest.approx(2.0, abs=1e-12)


def test_a_trade_still_open_does_not_count() -> None:
    still_open: Any = SimpleNamespace(return_=9.0, is_closed=False)
    assert trade_statistics([*closed(0.25, 0.75), still_open]).mean == 0.5


@pytest.mark.parametrize(
    ("returns", "mean", "reason"),
    [
        ((), None, "no closed trades"),
        ((0.1,), 0.1, "1 closed trade; a spread needs at least 2"),
        ((0.5, 0.5, 0.5), 0.5, "the returns of its trades do not vary"),
        ((0.1, 0.1, 0.1), pytest.approx(0.1, rel=1e-15), "the returns of its trades do not vary"),
        ((0.0, 0.0), 0.0, "the returns of its trades do not vary"),
        ((0.1, float("nan")), None, "the return of a trade is no number"),
        ((0.1, float("inf")), None, "the return of a trade is no number"),
    ],
)
def test_where_there_is_no_sharpe_ratio_the_reason_is_told(returns: Any, mean: Any, reason: str) -> None:
    did = trade_statistics(closed(*returns))
    assert (did.n, did.mean, did.sharpe, did.reason) == (len(returns), mean, None, reason)


def test_a_trial_of_unknown_trades_says_so() -> None:
    assert TradeStatistics().reason == "its trades are not known"


@pytest.mark.parametrize(
    ("other", "borne"),
    [
        (HERE, True),
        (Ground("code", "events", {"TOPIX": "t"}), True),
        (Ground("code", "events", {"TOPIX": "t", "SPX": "s"}), False),
        (Ground("code", "events", {"TOPIX": "another"}), False),
        (Ground("another", "events", {"TOPIX": "t"}), False),
        (Ground("code", "another", {"TOPIX": "t"}), False),
    ],
)
def test_a_trial_can_be_rebuilt_on_the_same_code_events_and_bars_only(other: Ground, borne: bool) -> None:
    assert HERE.bears(other) is borne


def test_a_benchmark_is_no_ground_unless_it_was_traded() -> None:
    hashes = {"code": "c", "events": "e", "bars": {"TOPIX": "t", "SPX": "s"}}
    run: Any = SimpleNamespace(manifest={"sha256": hashes, "costs": {"TOPIX": {}}})
    assert ground_of(run) == Ground("c", "e", {"TOPIX": "t"})


def test_the_position_counts_the_rule_and_all_rules() -> None:
    """Trials 2, 5 and 7 of nine are of this rule; this run was the fifth, so the second of three."""
    of_rule = (
        a_trial(2, hold=1),
        a_trial(5, hold=2, sharpe=None),
        a_trial(7, hold=3, ground=None, sharpe=-0.5),
    )
    position = TrialPosition(5, 9, "ab12", HERE, of_rule)
    assert position.text == "trial 5 of 9 (2 of 3 of this rule)"
    assert position.sharpes == (1.0, None, -0.5)
    assert position.parameters == ({"hold": 1}, {"hold": 2})
    assert position.not_rebuildable == 1


def test_a_sweep_counts_as_all_of_its_combinations() -> None:
    """A run, then a sweep of 100 of which 5 have a Sharpe ratio, then this run: the third row, the 102nd trial."""
    swept = replace(a_trial(101, hold=1), sweep=SweepTrials(100, 5, 0.3, 0.2))
    position = TrialPosition(102, 102, "ab12", HERE, (a_trial(1, hold=1), swept, a_trial(102, hold=2)))
    assert position.text == "trial 102 of 102 (102 of 102 of this rule)"
    assert position.parameters == ({"hold": 1}, {"hold": 2})
    assert position.not_rebuildable == 100
    assert len(position.sharpes) == 102


@pytest.mark.parametrize("known", [2, 3, 10, 11])
def test_the_ratios_of_a_sweep_have_its_mean_and_spread(known: int) -> None:
    sharpes = SweepTrials(20, known, 0.3, 0.2).sharpes
    told = [s for s in sharpes if s is not None]
    assert (len(sharpes), len(told)) == (20, known)
    assert (fmean(told), stdev(told)) == about((0.3, 0.2))
