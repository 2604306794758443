"""What a study is told of the trials beside its run."""

from dataclasses import asdict, replace
from statistics import fmean, stdev
from types import SimpleNamespace
from typing import Any

import pytest

from engine.plan.costs import Terms
from engine.statistics.abnormal import Model
from engine.statistics.observations import TradeStatistics, observed_returns, trade_statistics
from engine.study.trials import Ground, SweepTrials, Trial, TrialPosition, ground_of
from tests.engine.markets import about
from tests.engine.study.worlds import FREE, subject, walk

HERE = Ground("code", "events", {"TOPIX": "t", "N225": "n"})


def trade(return_: float, event: str, entry_at: int, exit_at: int, weight: float | None = 1.0) -> Any:
    return SimpleNamespace(
        return_=return_, event_id=event, entry_at=entry_at, exit_at=exit_at, weight=weight, is_closed=True
    )


def closed(*returns: float) -> Any:
    """Return trades of as many events, one after another."""
    return [trade(r, f"E{n}", 10 * n, 10 * n + 5) for n, r in enumerate(returns)]


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


def test_a_damaged_ledger_is_said_beside_the_position() -> None:
    position = TrialPosition(1, 1, "ab12", HERE, (a_trial(1),), broken="row 1 was changed")
    assert position.text == "trial 1 of 1 (1 of 1 of this rule); the ledger is damaged"


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
        ([trade(0.5, "A", 0, 5, -0.75), trade(-0.5, "A", 0, 5, 0.25)], [0.25]),  # by weight, whichever way it went
        ([trade(0.5, "A", 0, 5, 0.75), trade(-0.5, "A", 0, 5, None)], [0.0]),  # a weight that is not known
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


# --- a trial made again


ROWS = [300, 500, 700, 900, 1_100, 1_300]
MARKET = walk(effects=dict.fromkeys(ROWS, 0.01))


def tried_once(*, since: str = "", until: str = "", terms: Terms = FREE, **parameters: Any) -> Trial:
    trial = a_trial(1, **{"instrument": "AAA", "hold": 1, **parameters})
    return replace(trial, window={"from": since, "to": until}, terms=asdict(terms))


def again(trial: Trial) -> Any:
    return subject(MARKET, rows=ROWS).variant(trial, Model.MEAN)


def test_a_trial_is_made_again_from_its_own_first_date_on() -> None:
    """Of events before bars 300, 500 ... 1,300 the first two come before April 2003."""
    assert [len(again(tried_once(since=since)).usable) for since in ("", "2003-04-01", "2005-01-01")] == [6, 4, 2]
    assert again(tried_once(since="2020-01-01")) is None  # it trades nothing


def test_a_trial_is_made_again_under_its_own_costs() -> None:
    """A commission of 50 basis points each way takes 1 % of each trade."""
    free, dear = (again(tried_once(terms=replace(FREE, commission_bps=bps))).net for bps in (0.0, 50.0))
    assert free - dear == pytest.approx([0.01] * 6, abs=0.001)


def test_a_trial_is_made_again_with_its_own_parameters() -> None:
    assert [o.reach for o in again(tried_once(hold=8)).usable] == [9] * 6


@pytest.mark.parametrize(
    "unlike",
    [
        {"window": {"from": "", "to": "2006-01-01"}},
        {"window": {}},
        {"window": {"from": "soon", "to": ""}},
        {"window": {"from": 7, "to": ""}},
        {"terms": {}},
        {"terms": {"cash": 1.0}},
        {"terms": {**asdict(FREE), "cash": "much"}},
        {"terms": {**asdict(FREE), "cash": -1.0}},
        {"parameters": {"instrument": "AAA", "hold": 0}},
        {"parameters": {"instrument": "AAA", "holding": 1}},
    ],
)
def test_a_trial_of_another_last_date_or_of_unknown_dates_or_terms_is_not_made_again(unlike: Any) -> None:
    assert again(replace(tried_once(), **unlike)) is None


def test_a_trial_that_trades_the_benchmark_is_not_made_again_by_the_market() -> None:
    given = subject(MARKET, walk(seed=2, symbol="BBB"), rows=ROWS, benchmark="BBB")
    assert given.variant(tried_once(instrument="BBB"), Model.MARKET) is None
    assert given.variant(tried_once(), Model.MARKET) is not None


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
