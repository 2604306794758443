"""Claims about the differences of runs: by hand, against the formulas of the papers, and of runs against themselves."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from engine.comparison.common_days import aligned, common_span, correlations, metrics_within
from engine.comparison.common_events import event_returns, on_common_events
from engine.comparison.compare import compared
from engine.comparison.difference import (
    RESAMPLES,
    ConfidenceInterval,
    block_length,
    bootstrap_drawdowns,
    bootstrap_rows,
    draw_blocks,
    linearised,
    long_run_error,
    optimal_block_length,
    percentiles,
    share_above,
    sharpe_draws,
    studentized,
)
from tests.reports.handmade import business_days, make_run, trade

DAYS = business_days("2012-01-02", 1300)


def sure(value: Any) -> Any:
    """Return a value that may be None or a reason, where the test knows better."""
    assert value is not None
    assert not isinstance(value, str)
    return value


def named(values):
    return {f"E{n:02}": value for n, value in enumerate(values)}


def by_name(differences) -> dict[str, Any]:
    return {d.name: d for d in differences}


def invested(seed, *, days=DAYS, drift=0.0004, held=12, **manifest):
    """Return a run always in the market, with so many closed trades one after the other."""
    returns = np.random.default_rng(seed).normal(drift, 0.01, len(days))
    cuts = np.linspace(0, len(days) - 1, held + 1).astype(int)
    trades = [
        trade(str(days[a]), str(days[b]), event_id=f"E{n:02}", return_=float(np.prod(1 + returns[a:b]) - 1))
        for n, (a, b) in enumerate(pairwise(cuts))
    ]
    return make_run(days, returns, tuple(trades), run_id=f"{seed:016x}", **manifest)


# A run and itself


def test_a_run_and_itself_differ_by_exactly_nothing():
    run = invested(1)
    pair = compared([run, run]).pairs[0]
    for difference in (*pair.on_events.differences, *pair.on_days):
        assert (difference.value, difference.low, difference.high, difference.better) == (0.0, 0.0, 0.0, 0.5)
    assert (pair.on_events.ahead, pair.on_events.behind) == (0, 0)


def test_a_run_and_itself_on_few_events_differ_by_exactly_nothing():
    found = on_common_events(named([0.01, -0.02, 0.03]), named([0.01, -0.02, 0.03]))
    assert [(d.value, d.low, d.high) for d in found.differences] == [
        (0.0, 0.0, 0.0),
        (None, None, None),
        (0.0, None, None),
    ]


def test_one_run_is_no_comparison():
    with pytest.raises(ValueError, match="at least 2"):
        compared([invested(1)])


# Common events


def test_students_interval_of_five_paired_differences_by_hand():
    """Differences 1 to 5 %: mean 3, standard deviation 1.58114, t(4) 2.77645, half width 1.96324."""
    found = on_common_events(named([0.0] * 5), named([0.01, 0.02, 0.03, 0.04, 0.05]))
    mean = by_name(found.differences)["mean_trade"]
    assert (mean.first, mean.second) == (0.0, pytest.approx(0.03))
    assert (mean.low, mean.high) == (pytest.approx(0.0103676, abs=1e-7), pytest.approx(0.0496324, abs=1e-7))
    assert mean.interval is ConfidenceInterval.T
    assert (found.ahead, found.behind) == (5, 0)


def test_below_ten_common_events_nothing_is_resampled_and_the_reason_is_said():
    found = on_common_events(named(np.arange(9) / 100), named(np.arange(9)[::-1] / 100))
    assert {d.better for d in found.differences} == {None}
    assert {d.interval for d in found.differences} == {ConfidenceInterval.T, ConfidenceInterval.NONE}
    assert {d.note for d in found.differences} == {"9 common events; at least 10 are needed for resampling"}


def test_from_ten_common_events_on_they_are_resampled():
    rng = np.random.default_rng(7)
    found = on_common_events(named(rng.normal(0, 0.02, 10)), named(rng.normal(0.01, 0.02, 10)))
    assert [d.interval for d in found.differences] == [
        ConfidenceInterval.T,
        ConfidenceInterval.T,
        ConfidenceInterval.RESAMPLED,
    ]
    assert all(sure(d.low) < sure(d.high) and 0 <= sure(d.better) <= 1 and not d.note for d in found.differences)


def test_only_events_that_both_traded_and_left_are_common():
    first = make_run(DAYS, np.zeros(1300), tuple(trade(str(DAYS[10]), str(DAYS[20]), event_id=e) for e in "abc"))
    later = [
        trade(str(DAYS[10]), str(DAYS[20]), event_id="b"),
        trade(str(DAYS[10]), str(DAYS[20]), event_id="c", exit_reason="open_at_end"),
        trade(str(DAYS[10]), str(DAYS[20]), event_id="d"),
        trade(str(DAYS[10]), str(DAYS[20]), event_id=""),
    ]
    second = make_run(DAYS, np.zeros(1300), tuple(later))
    assert [e.event_id for e in compared([first, second]).pairs[0].on_events.events] == ["b"]


def test_no_common_event_is_said_and_nothing_is_reckoned():
    found = on_common_events(named([0.01]), {"other": 0.02})
    assert {d.value for d in found.differences} == {None}
    assert {d.note for d in found.differences} == {"no event that both traded and closed"}


def test_several_legs_of_an_event_are_one_return_on_what_was_put_in():
    """100 earned on 50,000 and 1,100 on 10,000: 1,200 on 60,000."""
    legs = [
        trade("2020-01-06", "2020-01-09", event_id="x", quantity=25.0, entry_price=2000.0, pnl=100.0, return_=0.002),
        trade("2020-01-06", "2020-01-09", event_id="x", quantity=100.0, entry_price=100.0, pnl=1100.0, return_=0.11),
    ]
    assert event_returns(legs) == {"x": pytest.approx(0.02)}


def test_legs_bought_at_an_exchange_rate_are_returned_on_what_was_paid_in_account_currency():
    """150,000 yen at 100 and at 120 to the dollar are 1,500 and 1,250 dollars; 30 won and 5 lost are 25 on 2,750."""
    legs = [
        replace(
            trade("2020-01-06", "2020-01-09", event_id="x", quantity=10.0, entry_price=15_000.0, pnl=pnl),
            entry_rate=rate,
        )
        for pnl, rate in ((30.0, 1 / 100), (-5.0, 1 / 120))
    ]
    assert event_returns(legs) == {"x": pytest.approx(25 / 2750)}


def test_numbers_of_events_by_hand():
    """10, -20, 30 %: mean 6.67; 1.1, 0.88, 1.144: fell by 20 %. Four times: deviation root(0.50667 / 11) = 21.46, ratio 0.31063."""
    found = by_name(on_common_events(named([0.1, -0.2, 0.3]), named([0.1, 0.1, 0.1])).differences)
    assert found["mean_trade"].first == pytest.approx(0.0666667, abs=1e-7)
    assert (found["drawdown_trade"].first, found["drawdown_trade"].second) == (pytest.approx(-0.2), 0.0)
    assert (found["sharpe_trade"].first, found["sharpe_trade"].second) == (None, None)
    more = by_name(on_common_events(named([0.1, -0.2, 0.3] * 4), named([0.1] * 12)).differences)["sharpe_trade"]
    assert more.first == pytest.approx(0.310630, abs=1e-6)
    assert (more.second, more.value) == (None, None)


# Resampling


def test_drawdown_of_draws_by_hand():
    rows = np.array([[0, 1, 2], [1, 1, 2], [0, 0, 2]])
    falls = bootstrap_drawdowns(np.array([[0.1, -0.5, 0.2], [-0.1, 0.0, 0.0]]), rows)
    assert falls[0].tolist() == pytest.approx([-0.5, -0.75, 0.0])
    assert falls[1].tolist() == pytest.approx([-0.1, 0.0, -0.19])


def test_a_day_that_loses_all_is_a_drawdown_of_all_and_no_more():
    rows = np.array([[0, 1, 2], [2, 0, 2]])
    assert bootstrap_drawdowns(np.array([[0.1, -1.0, 0.2]]), rows).tolist() == [[-1.0, 0.0]]
    assert bootstrap_drawdowns(np.array([[0.1, -1.7, 0.2]]), rows).tolist() == [[-1.0, 0.0]]


def test_rows_go_on_by_one_as_often_as_the_block_length_says():
    rows = bootstrap_rows(500, 8)
    assert rows.shape == (RESAMPLES, 500)
    goes_on = (np.diff(rows, axis=1) % 500 == 1).mean()
    assert goes_on == pytest.approx(1 - 1 / 8 + 1 / 8 / 500, abs=0.003)
    assert np.array_equal(rows, bootstrap_rows(500, 8))


def test_block_length_is_bounded_and_long_enough_for_what_is_held():
    noise = np.random.default_rng(3).normal(size=1000)
    assert 1 <= block_length([noise]) < 5
    assert block_length([noise], least=19.5) == 20
    assert block_length([noise], least=900.0) == 95  # 3 sqrt(1000), rounded up
    assert block_length([noise[:100]], least=900.0) == 10
    assert block_length([np.zeros(1000)]) == 1
    assert block_length([noise[:15]]) == 1


@pytest.mark.parametrize("seed", range(6))
def test_block_length_is_that_of_arch(seed):
    from arch.bootstrap import optimal_block_length as block_length_of_arch

    noise = np.random.default_rng(seed).normal(size=1039)
    series = [noise[:1000], np.convolve(noise, np.ones(40), mode="valid"), np.cumsum(noise)[::2]]
    for values in series:
        assert optimal_block_length(values) == pytest.approx(
            block_length_of_arch(values)["stationary"].iloc[0], rel=1e-9
        )


def test_means_of_draws_spread_as_those_of_arch():
    """The standard error of the mean of a persistent series; 1,000 draws know it to 2.2 %, so that two differ by 3.2 %."""
    from arch.bootstrap import StationaryBootstrap

    values = np.convolve(np.random.default_rng(9).normal(size=439), np.ones(40), mode="valid")
    theirs = StationaryBootstrap(20, values, seed=1).apply(np.mean, 1_000).std()
    assert values[bootstrap_rows(400, 20)].mean(axis=1).std() == pytest.approx(theirs, rel=0.1)


def test_long_run_error_is_that_of_arch():
    from arch.covariance.kernel import Parzen

    noise = np.random.default_rng(4).normal(size=1009)
    for values in (noise[:1000], np.convolve(noise, np.ones(10), mode="valid"), noise[:12]):
        variance = float(np.squeeze(Parzen(values).cov.long_run)) / len(values)
        assert long_run_error(values) == pytest.approx(np.sqrt(variance), rel=1e-9)


def test_persistent_series_ask_for_longer_blocks():
    noise = np.random.default_rng(3).normal(size=2000)
    slow = np.convolve(noise, np.ones(40) / 40, mode="same")
    assert block_length([slow]) > 4 * block_length([noise])


def test_share_above_counts_ties_half():
    assert share_above(np.array([1.0, 0.0, 0.0, -1.0])) == 0.5
    assert list(percentiles(np.arange(1001) / 1000)) == pytest.approx([0.025, 0.975])


# Sharpe ratios


def literally(first, second, blocks):
    """Return half the width as Ledoit and Wolf (2008, section 3.2) write it: 4 x 4 matrices, one draw after the other."""

    def ratio_and_slope(v):
        (a, b, c, d), x, y = v, v[2] - v[0] ** 2, v[3] - v[1] ** 2
        slope = np.array([c / x**1.5, -d / y**1.5, -a / 2 / x**1.5, b / 2 / y**1.5])
        return a / x**0.5 - b / y**0.5, slope

    data = np.column_stack([second, first, second**2, first**2])
    observed, slope = ratio_and_slope(data.mean(axis=0))
    away = []
    all_starts, size = blocks
    for starts in all_starts:
        rows = np.concatenate([(s + np.arange(size)) % len(first) for s in starts])
        mean = data[rows].mean(axis=0)
        drawn, drawn_slope = ratio_and_slope(mean)
        psi = np.zeros((4, 4))
        for part in np.split(rows, len(starts)):
            z = (data[part] - mean).sum(axis=0) / np.sqrt(size)
            psi += np.outer(z, z) / len(starts)
        away.append(abs(drawn - observed) / np.sqrt(drawn_slope @ psi @ drawn_slope / len(rows)))
    return np.quantile(away, 0.95), slope, data


def test_studentized_interval_is_that_of_the_paper_written_out():
    rng = np.random.default_rng(11)
    first = rng.standard_t(5, 240) * 0.01 + 0.001
    second = 0.5 * first + rng.normal(0.0005, 0.008, 240)
    blocks = draw_blocks(240, 5)
    critical, slope, data = literally(first, second, blocks)
    error = long_run_error((data - data.mean(axis=0)) @ slope)
    found = sure(studentized(sharpe_draws(first, blocks), sharpe_draws(second, blocks)))
    assert found[0] == pytest.approx(critical * error, rel=1e-9)


def test_standard_error_is_that_of_memmel_for_independent_normal_returns():
    """Jobson and Korkie (1981), corrected by Memmel (2003): 2 - 2r + (s1^2 + s2^2 - 2 s1 s2 r^2) / 2, over n."""
    n, r, rng = 1_000, 0.6, np.random.default_rng(5)
    found = []
    for x, y in rng.normal(size=(40, 2, n)):
        first, second = 0.1 + x, 0.2 + r * x + np.sqrt(1 - r**2) * y
        found.append(long_run_error(linearised(second)[1] - linearised(first)[1]) ** 2)
    expected = (2 - 2 * r + (0.1**2 + 0.2**2 - 2 * 0.1 * 0.2 * r**2) / 2) / n
    assert np.mean(found) == pytest.approx(expected, rel=0.05)


def test_interval_of_the_sharpe_difference_holds_the_truth_as_often_as_it_says():
    """Equal ratios in 200 pairs of 120 fat-tailed returns: 95 % less at most three standard errors of 1.5 %."""
    rng, covered = np.random.default_rng(17), 0
    blocks = draw_blocks(120, 1)
    for _ in range(200):
        first, second = 0.1 + rng.standard_t(6, (2, 120))
        one, two = sharpe_draws(first, blocks), sharpe_draws(second, blocks)
        covered += abs(two.observed - one.observed) <= sure(studentized(one, two))[0]
    assert covered / 200 >= 0.905


def test_draws_that_do_not_vary_are_counted_and_refused():
    rare = np.zeros(40)
    rare[7] = 0.05
    blocks = draw_blocks(40, 4)
    reason = studentized(sharpe_draws(rare, blocks), sharpe_draws(rare[::-1].copy(), blocks))
    assert isinstance(reason, str)
    assert reason.endswith("of 1,000 draws do not vary")


# Common days


def test_returns_lie_on_every_session_that_one_of_the_runs_has():
    days = np.array(["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-06"], dtype="datetime64[D]")
    one, two = make_run(days[[0, 1, 3]], [0.1, 0.2, 0.3]), make_run(days[[0, 2, 3]], [0.4, 0.5, 0.6])
    sessions, returns = aligned([one, two], (days[0], days[3]))
    assert sessions.tolist() == days.tolist()
    assert returns.tolist() == [[0.1, 0.2, 0.0, 0.3], [0.4, 0.0, 0.5, 0.6]]


def test_correlation_by_hand():
    found = correlations(np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [3.0, 2.0, 1.0], [5.0, 5.0, 5.0]]))
    assert found[0, :3].tolist() == pytest.approx([1.0, 1.0, -1.0])
    assert found[0, 0] == 1.0
    assert np.isnan(found[3]).all()


def test_days_of_a_run_hardly_in_the_market_are_not_drawn():
    short = tuple(trade(str(DAYS[n * 100]), str(DAYS[n * 100 + 3]), event_id=f"E{n:02}") for n in range(12))
    idle = make_run(DAYS, np.where(np.arange(1300) % 100 < 4, 0.001 * (np.arange(1300) % 3), 0.0), short)
    pair = compared([invested(1), idle]).pairs[0]
    assert {d.note for d in pair.on_days} == {
        "second run: in the market on 3.7% of the sessions; at least 10% are needed"
    }
    assert by_name(pair.on_days)["max_drawdown"].value is not None
    assert {d.low for d in pair.on_days} == {None}


def test_too_few_trades_are_told_as_for_the_sharpe_ratio():
    few = make_run(DAYS, np.zeros(1300), (trade(str(DAYS[10]), str(DAYS[60])),))
    note = "1 observation, mostly out of the market; at least 10 are needed"
    assert {d.note for d in compared([few, few]).pairs[0].on_days} == {note}


def test_differences_on_days_are_those_of_the_numbers_of_the_page():
    one, two = invested(1), invested(2, drift=0.001)
    found = by_name(compared([one, two]).pairs[0].on_days)
    first, second = (metrics_within(run, sure(common_span([one, two]))).values for run in (one, two))
    for name in ("sharpe", "max_drawdown"):
        assert found[name].value == pytest.approx(sure(second[name]) - sure(first[name]), rel=1e-12)
        assert found[name].low < found[name].value < found[name].high
    assert found["max_drawdown"].interval is ConfidenceInterval.RESAMPLED


def test_the_better_run_is_better_in_most_draws():
    found = by_name(compared([invested(1, drift=0.0), invested(2, drift=0.002)]).pairs[0].on_days)
    assert found["mean_return"].better > 0.95
    assert found["sharpe"].better > 0.95


def test_every_run_is_held_against_the_first():
    runs = [invested(n) for n in (1, 2, 3)]
    found = compared(runs)
    assert [p.second for p in found.pairs] == [1, 2]
    assert sure(found.days).returns.shape == (3, 1300)
    assert {p.on_days[1].first for p in found.pairs} == {found.pairs[0].on_days[1].first}


def test_runs_without_a_common_span_are_held_against_each_other_on_events_only():
    early, late = invested(1, days=DAYS[:400]), invested(2, days=DAYS[600:])
    found = compared([early, late])
    assert (found.span, found.days, found.pairs[0].on_days) == (None, None, ())
    assert len(found.pairs[0].on_events.events) == 12
