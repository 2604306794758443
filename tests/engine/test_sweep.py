"""A sweep: every combination as by itself, whatever else is in it; its digest; its best replayed; walk-forward."""

import pickle
from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pytest
from msgspec.structs import fields, replace

from datasets.errors import UserError
from datasets.events import EventCatalogue, PoliticalEvent
from engine.account.records import Trade
from engine.metrics.metrics import compute_metrics
from engine.metrics.table import METRIC_NAMES, MetricInputs, metric_columns
from engine.plan.costs import Terms
from engine.run.backtest import Window, backtest
from engine.run.run import Run
from engine.statistics.sharpe import TradeSharpe
from engine.strategy import After, Distance, Leg, NextOpen, Sessions, Strategy, Symbol, Weight, strategy
from engine.strategy.market import Market, MarketView
from engine.strategy.placeholders import grid_space
from engine.study.drift import SHIFTS, beyond_drift
from engine.sweep.best import ReplayedCombination, deflated_report, replay_combination
from engine.sweep.chunk import COLUMNS, FAILED, GRID, TRADE_SHARPE, Chunk, evaluate_chunk, replayed
from engine.sweep.digest import Digest, SampleMoments, checked_metric, digest, groups_of, heat_axes
from engine.sweep.job import Job, job_of, manifest_of
from engine.sweep.trial_sample import sample_of
from engine.sweep.walk_forward import Fold, evaluate_test, folds_of, stitched, with_choice
from strategies.buy_after_event import BuyAfterEvent
from tests.engine.markets import about, bars, days, event, instrument, market_of

N = 400
DATES = days("2019-07-01", N)


def walk_of(seed: int, symbol: str, **other: Any):
    """Bars of a random walk, open and close apart, with highs and lows around them."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.02, N)))
    opens = np.concatenate(([100.0], close[:-1])) * np.exp(rng.normal(0, 0.005, N))
    high, low = np.maximum(opens, close) * 1.01, np.minimum(opens, close) * 0.99
    return bars(instrument(symbol, **other), zip(DATES, opens, high, low, close, strict=True))


def market() -> Market:
    return market_of(walk_of(1, "AAA"), walk_of(2, "BBB", commission_bps=5.0, lot=1.0))


def events(every: int = 20) -> EventCatalogue:
    return EventCatalogue([event(f"JP-{d}", f"{d}T12:00") for d in DATES[10:-30:every]])


def job(
    axes: dict[str, Any] | None = None, *, kind: Any = BuyAfterEvent, terms: Terms | None = None, **fixed: Any
) -> Job:
    given = axes or {"instrument": ["AAA", "BBB"], "hold": [1, 5, 30], "stop_loss": ["none", "0.03"]}
    space = grid_space(kind, fixed, given)
    return job_of(space, events(), market(), terms=terms or Terms(cash_rate=0.02), window=Window())


def whole(of: Job) -> Chunk:
    return evaluate_chunk(of, 0, 0, len(of.space))


def test_each_combination_is_what_a_backtest_of_it_is() -> None:
    of = job()
    found = whole(of)
    for row in range(len(of.space)):
        run = backtest(of.space.rule(row), of.events, market(), terms=of.terms)
        for name, value in {**run.metrics, "final_equity": run.final_equity}.items():
            ours = found.columns[name][row]
            assert np.isnan(ours) if value is None else ours == pytest.approx(value, rel=1e-9, abs=1e-11), (row, name)


ASKED: list[str] = []


@strategy
class Counted(Strategy):
    """Keeps the events it is asked about."""

    instrument: Symbol = "AAA"
    hold: Sessions = 1
    delay: int = 0

    def wants(self, event: PoliticalEvent) -> bool:
        ASKED.append(event.event_id)
        return self.delay >= 0

    def legs(self, event: PoliticalEvent, market: MarketView) -> list[Leg]:
        return [Leg(self.instrument, 0.5, NextOpen(), After(self.hold))]


def test_a_rule_is_not_asked_again_by_the_next_chunk_unless_it_reads_another_value() -> None:
    ASKED.clear()
    of = job({"delay": [0, 1, 2], "hold": [1, 2, 3, 4]}, kind=Counted)
    answers = [len(ASKED) / len(of.events)]  # of the first combination and the last
    for first in range(0, 12, 2):
        ASKED.clear()
        found = evaluate_chunk(of, 0, first, first + 2)
        answers.append(len(ASKED) / len(of.events))
        for row in (first, first + 1):
            run = backtest(of.space.rule(row), of.events, market(), terms=of.terms)
            assert found.columns["final_equity"][row - first] == pytest.approx(run.final_equity, rel=1e-9)
    assert answers == [2, 0, 0, 1, 0, 0, 0]


@pytest.mark.parametrize("size", [1, 5])
def test_the_size_of_chunks_changes_no_byte(size) -> None:
    of = job()
    sent = pickle.loads(pickle.dumps(of))
    rows = range(0, len(of.space), size)
    parts = [evaluate_chunk(sent, 0, r, min(r + size, len(of.space))) for r in rows]
    joined = {name: b"".join(p.columns[name].tobytes() for p in parts) for name in COLUMNS}
    assert joined == {n: c.tobytes() for n, c in whole(of).columns.items()}


@strategy
class RaisesAtFive(Strategy):
    """Hold; fails for a hold of 5.

    Args:
        instrument: what to buy
        hold: sessions
    """

    instrument: Symbol = "AAA"
    hold: Sessions = 1

    def wants(self, event: PoliticalEvent) -> bool:
        return True

    def legs(self, event: PoliticalEvent, market: MarketView) -> list[Leg]:
        return [Leg(self.instrument, 1.0 / (self.hold - 5), NextOpen(), After(self.hold))]


def test_a_combination_that_fails_is_reported_and_changes_no_other() -> None:
    found = whole(job({"hold": [4, 5, 6], "instrument": ["AAA", "ZZZ"]}, kind=RaisesAtFive))
    assert found.how.tolist() == [GRID, FAILED, FAILED, FAILED, GRID, FAILED]
    assert "ZeroDivisionError: float division by zero (test_sweep.py line" in found.failed[2]
    hint = "'hustings data list' shows them all; an instruments.csv next to your prices adds others"
    assert found.failed[1] == found.failed[5] == f"unknown instrument 'ZZZ'; {hint}"
    assert np.isfinite(found.columns["final_equity"]).tolist() == [True, False, False, False, True, False]


@strategy
class Leveraged(Strategy):
    """Buy on credit.

    Args:
        instrument: what to buy
        weight: times the equity
        stop: far away
    """

    instrument: Symbol = "AAA"
    weight: Weight = 1.0
    stop: Distance = 0.99

    def wants(self, event: PoliticalEvent) -> bool:
        return True

    def legs(self, event: PoliticalEvent, market: MarketView) -> list[Leg]:
        return [Leg(self.instrument, self.weight, NextOpen(), After(60), stop_loss=self.stop)]


def test_a_combination_that_meets_a_margin_call_is_that_of_the_replay() -> None:
    of = job({"weight": [0.5, 5.0]}, kind=Leveraged, terms=Terms(max_gross=5.0))
    found = whole(of)
    run = backtest(of.space.rule(1), of.events, market(), terms=of.terms)
    assert any(t.exit_reason == "margin_call" for t in run.trades)
    assert found.how.tolist() == [GRID, GRID]
    assert found.columns["final_equity"][1] == pytest.approx(run.final_equity, rel=1e-9)


def test_an_account_that_cannot_begin_is_a_failure_of_its_own() -> None:
    short = market_of(walk_of(1, "AAA"), bars(instrument("BBB"), [(d, 1.0, 1.0, 1.0, 1.0) for d in DATES[:50]]))
    space = grid_space(BuyAfterEvent, {}, {"instrument": ["AAA", "BBB"]})
    of = job_of(space, events(), short, terms=Terms(), window=Window(date(2020, 6, 1)))
    found = whole(of)
    assert found.how.tolist() == [GRID, FAILED]
    assert found.failed[1] == "no bars from 2020-06-01 on: BBB has 50 bars, 2019-07-01 to 2019-08-19"


def test_levels_are_searched_in_parts_as_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    of = job({"hold": [1, 7, 20], "stop_loss": [None, 0.01, 0.03], "take_profit": [None, 0.02]}, instrument="AAA")
    at_once = whole(of)
    monkeypatch.setattr("engine.account.exits._TOGETHER", 2)
    in_parts = whole(of)
    for name in COLUMNS:
        np.testing.assert_array_equal(in_parts.columns[name], at_once.columns[name])


# ---- inputs ---------------------------------------------------------------------------------------------------------


def test_another_value_event_bar_cost_or_metric_is_another_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    base = job()
    others = [
        replace(base, space=grid_space(BuyAfterEvent, {}, {"hold": [1, 2]})),
        replace(base, events=EventCatalogue(list(events())[1:])),
        replace(base, bars={"AAA": walk_of(3, "AAA")}),
        replace(base, terms=Terms(cash_rate=0.03)),
        replace(base, spans=(Window(date(2019, 8, 1)),)),
    ]
    ids = [manifest_of(j)["sweep_id"] for j in (base, *others)]
    assert len(set(ids)) == 6
    assert manifest_of(job())["sweep_id"] == ids[0]
    assert manifest_of(base, {"train": "8 events", "test": "4 events"})["sweep_id"] not in ids
    monkeypatch.setattr("engine.sweep.job.METRIC_NAMES", (*METRIC_NAMES, "one_more"))
    assert manifest_of(base)["sweep_id"] not in ids


# ---- digest ----------------------------------------------------------------------------------------------------------


def chunk(first: int, values: list[float], how: list[int] | None = None, **other: Any) -> Chunk:
    columns = {name: np.full(len(values), np.nan) for name in COLUMNS}
    columns[TRADE_SHARPE] = np.array(values)
    return Chunk(first, columns, np.array(how or [GRID] * len(values), dtype=np.int8), **other)


def by_hand(parts: list[Chunk], **other: Any):
    """Six combinations: hold 1, 2, 3 x delay 0, 1."""
    space = grid_space(BuyAfterEvent, {}, {"hold": [1, 2, 3], "delay": [0, 1]})
    given = {"metric": TRADE_SHARPE, "top": 2, "heat": heat_axes(space), **other}
    return digest(space, parts, **given)


def test_a_digest_by_hand() -> None:
    parts = [chunk(0, [0.1, 0.5, np.nan]), chunk(3, [-0.3, 0.5, np.nan], [0, 0, FAILED], failed={5: "why"})]
    found = by_hand(parts)
    assert (found.n, found.known, found.above, found.failed) == (6, 4, 3, 1)
    assert list(found.best) == [1, 4]  # the first of equals
    assert found.reasons == (("why", 1),)
    assert (found.moments.n, found.moments.mean, found.moments.sd) == about((4, 0.2, 0.3829708))
    hold, delay = found.slices
    assert hold.count.tolist() == [2, 1, 1]
    assert hold.mean.tolist() == pytest.approx([0.3, -0.3, 0.5])
    assert delay.best.tolist() == [0.5, 0.5]
    assert found.heat is not None
    assert found.heat.names == ("delay", "hold")
    assert found.heat.mean.tolist() == [
        pytest.approx([0.1, np.nan, 0.5], nan_ok=True),
        pytest.approx([0.5, -0.3, np.nan], nan_ok=True),
    ]


def test_where_less_is_better_the_least_is_the_best() -> None:
    columns = {name: np.full(6, np.nan) for name in COLUMNS}
    columns["volatility"] = np.array([0.3, 0.1, 0.2, np.nan, 0.4, 0.15])
    found = by_hand([Chunk(0, columns, np.zeros(6, dtype=np.int8))], metric="volatility")
    assert list(found.best) == [1, 5]
    assert found.slices[1].best.tolist() == pytest.approx([0.2, 0.1])


def test_many_values_are_shown_in_groups() -> None:
    ends, number = groups_of(range(1, 101))
    assert (len(ends), ends[0], ends[-1]) == (50, (1, 2), (99, 100))
    assert number[:4].tolist() == [0, 0, 1, 1]


def test_a_metric_is_found_by_name_and_a_wrong_one_is_refused() -> None:
    assert checked_metric("Mean-Trade") == "mean_trade"
    with pytest.raises(UserError, match="did you mean 'sharpe'"):
        checked_metric("sharp")


def summary(of: Job, top: int = 1) -> Digest:
    return digest(of.space, [whole(of)], metric="total_return", top=top)


def replays(of: Job, found: Digest) -> list[ReplayedCombination]:
    return [replay_combination(of, row, r, trials=found.n) for row, r in found.best.items()]


def test_the_best_is_replayed_and_agrees() -> None:
    of = job()
    found = replays(of, summary(of, top=3))
    assert all(c.agrees and c.difference is not None and c.difference < 1e-9 for c in found)
    assert found[0].run.metrics["total_return"] == max(c.run.metrics["total_return"] or 0 for c in found)


def test_a_metric_that_differs_in_the_replay_is_named() -> None:
    of = job()
    found = summary(of)
    [(row, results)] = found.best.items()
    wrong = replace(found, best={row: {**results, "win_rate": (results["win_rate"] or 0) + 1e-6}})
    missing = replace(found, best={row: {**results, "win_rate": None}})
    [differs], [lacks] = replays(of, wrong), replays(of, missing)
    assert (differs.agrees, differs.of) == (False, "win_rate")
    assert (lacks.agrees, lacks.difference, lacks.of) == (False, None, "win_rate")


@pytest.fixture(scope="module")
def best_run() -> Run:
    of = job()
    return replays(of, summary(of))[0].run


def closed(trades: Sequence[Trade], outcomes: Sequence[tuple[str, float]]) -> tuple[Trade, ...]:
    """Return trades with other reasons of exit and returns."""
    return tuple(replace(t, exit_reason=why, return_=r) for t, (why, r) in zip(trades, outcomes, strict=True))


TWELVE = [("planned", r) for r in (0.04, 0.06, 0.035, 0.065)] * 3


def deflated(run: Run, sharpes: SampleMoments, *, trials: int) -> TradeSharpe:
    """Return the report on a run whose observations are its trades, in a market without drift."""
    return deflated_report(run, np.array([t.return_ for t in run.trades]), sharpes, trials=trials)


def test_the_deflated_sharpe_ratio_is_the_published_formula(best_run) -> None:
    """Bailey and López de Prado 2014 with T = 12 trades, 100 trials whose ratios spread by 0.6, normal moments.

    By hand: mean 0.05, three deviations each of 0.01, 0.01, 0.015, 0.015, so sd = root(0.00195 / 11) = 0.01331438 and
    SR = 3.75533810; expected maximum 2.5306029 x 0.6 = 1.51836174;
    z = (3.75533810 - 1.51836174) x root(11 / (1 + SR squared / 2)) = 2.61472015, of which the normal table has 0.99553497.
    """
    run = replace(best_run, trades=closed(best_run.trades[:12], TWELVE))
    found = deflated(run, SampleMoments(100, 0.0, 0.6), trials=100)
    assert found.n == 12
    assert found.sharpe == pytest.approx(3.75533810)
    assert found.expected_maximum_sharpe == pytest.approx(1.51836174)
    assert found.deflated == pytest.approx(0.99553497, abs=1e-7)
    nine = deflated(replace(run, trades=run.trades[:9]), SampleMoments(100, 0.0, 0.6), trials=100)
    assert (nine.deflated, nine.notes["deflated"]) == (None, "9 observations; at least 10 are needed")


def test_what_the_same_trades_earn_on_all_dates_is_taken_off() -> None:
    """A market that gains 1 % a session: two sessions held earn 2.01 % on every date, and an event adds nothing."""
    of = job({"hold": [2]}, instrument="AAA")
    level = np.array(100 * 1.01 ** np.arange(len(of.bars["AAA"])), dtype=np.float64)
    bars = replace(of.bars["AAA"], open=level, close=level * 1.005, high=level * 1.005, low=level)
    rising = replace(of, bars={"AAA": bars})
    run, plan = replayed(rising, 0)
    sample = sample_of(rising, plan, run)
    assert sample.net == pytest.approx(0.0201, abs=0.003)  # the costs are taken off on all dates
    assert beyond_drift(sample) == pytest.approx(0.0, abs=1e-12)


def test_the_best_is_compared_with_all_events_moved_together() -> None:
    of = job()
    [best] = replays(of, summary(of))
    assert best.random_dates is not None
    assert 1 / SHIFTS <= best.random_dates <= 1
    run, plan = replayed(of, best.row)
    sample = sample_of(of, plan, run)
    # by a plain loop: each shift of the events of the best alone reaches it less often than with other combinations
    net = sample.usable[0].by_row.net
    means = [np.nanmean(o.by_row.net) for o in sample.usable]
    reached, n = [], len(net)
    for k in np.linspace(0, n, SHIFTS, endpoint=False).astype(int)[1:]:
        moved = [o.by_row.net[(o.row + k) % n] - m for o, m in zip(sample.usable, means, strict=True)]
        kept = [x if np.isfinite(x) else 0.0 for x in moved]
        reached.append(np.mean(kept) / np.std(kept, ddof=1) >= best.sharpe.sharpe)
    assert best.random_dates >= (1 + sum(reached)) / (1 + len(reached)) - 1e-12


def test_one_trade_has_no_deflated_sharpe_ratio_and_the_reason_says_why(best_run) -> None:
    found = deflated(replace(best_run, trades=best_run.trades[:1]), SampleMoments(12, 0.0, 0.2), trials=12)
    assert (found.sharpe, found.deflated) == (None, None)
    assert "1 observation" in found.notes["deflated"] or "at least 2" in found.notes["deflated"]


def test_equal_gains_at_a_target_have_no_deflated_sharpe_ratio(best_run) -> None:
    outcomes = [("take_profit", 0.02), ("take_profit", 0.03), ("take_profit", 0.01), ("planned", -0.05)] * 3
    run = replace(best_run, trades=closed(best_run.trades[:12], outcomes))
    found = deflated(run, SampleMoments(12, 0.0, 0.2), trials=12)
    assert found.deflated is None
    assert found.notes["deflated"] == "9 of 12 trades left at their target: equal gains do not show the rare loss"
    outcomes = [*[("take_profit", 0.01)] * 2, *(("planned", r) for r in (0.0101, 0.0099, 0.01))] * 2
    run = replace(best_run, trades=closed(best_run.trades[:10], outcomes))
    found = deflated(run, SampleMoments(12, 0.0, 0.2), trials=12)
    assert found.notes["deflated"] == "the returns of its trades hardly vary"
    assert compute_metrics(run.sessions, run.returns, run.trades).values["trade_sharpe"] is None


def test_a_mean_of_five_deviations_is_the_last_that_counts() -> None:
    zeros = {f.name: np.zeros(5) for f in fields(MetricInputs)}
    means, spreads = np.array([0.05, 0.051, -0.051, 0.0, 0.05]), np.array([0.01, 0.01, 0.01, 0.0, 0.01])
    n = np.array([10, 10, 10, 10, 9])
    inputs = MetricInputs(**{**zeros, "traded": n, "observations": n, "mean_trade": means, "sd_trade": spreads})
    found = metric_columns(inputs)["trade_sharpe"]
    assert np.isnan(found).tolist() == [False, True, True, True, True]


# ---- walk-forward ----------------------------------------------------------------------------------------------------


def test_folds_by_events_follow_one_another_without_gap_or_overlap() -> None:
    folds = folds_of(job(), 8, 4, years=False)  # decided on 2019-07-11, 07-31, 08-20 ... : 18 events, 20 days apart
    assert [(f.train_events, f.test_events) for f in folds] == [(8, 4), (8, 4), (8, 2)]
    assert (folds[0].train, folds[0].test) == (
        Window(date(2019, 7, 11), date(2019, 12, 17)),
        Window(date(2019, 12, 18), date(2020, 3, 6)),
    )
    assert [f.test.since for f in folds[1:]] == [date(2020, 3, 7), date(2020, 5, 26)]
    assert folds[-1].test.until is None


def test_folds_by_years_begin_with_the_year() -> None:
    assert [(f.train, f.test) for f in folds_of(job(), 1, 1, years=True)] == [
        (Window(date(2019, 1, 1), date(2019, 12, 31)), Window(date(2020, 1, 1), None))
    ]


def test_a_walk_forward_without_a_single_fold_is_refused() -> None:
    with pytest.raises(UserError, match="too few to train on 30 events"):
        folds_of(job(), 30, 1, years=False)


def test_the_choice_in_training_knows_nothing_of_the_test() -> None:
    """Prices from the first test day on are turned upside down: the training's numbers keep every byte."""
    of = job({"hold": [1, 5, 30], "delay": [0, 2]}, instrument="AAA")
    folds = folds_of(of, 8, 4, years=False)
    rolled = replace(of, spans=(*of.spans, *(fold.train for fold in folds)))
    before = evaluate_chunk(rolled, 1, 0, len(of.space))
    held = of.bars["AAA"]
    since = (held.session - np.datetime64(folds[0].test.since)).astype(np.int64)
    factor = np.where(since >= 0, 7.0 + since, 1.0)
    changed = replace(rolled, bars={"AAA": held.scaled(factor)})
    after = evaluate_chunk(changed, 1, 0, len(of.space))
    assert {n: c.tobytes() for n, c in after.columns.items()} == {n: c.tobytes() for n, c in before.columns.items()}
    final = [evaluate_test(j, folds[0], 0).columns["final_equity"][0] for j in (changed, rolled)]
    assert final[0] != final[1]


def test_the_best_in_training_is_chosen_and_evaluated_in_the_test() -> None:
    of = job({"hold": [1, 5, 30]}, instrument="AAA")
    [fold, *_] = folds_of(of, 8, 4, years=False)
    trained = evaluate_chunk(replace(of, spans=(*of.spans, fold.train)), 1, 0, 3)
    chosen = with_choice(of, fold, iter([trained]), "total_return")
    assert chosen.row == int(np.argmax(trained.columns["total_return"]))
    assert chosen.in_sample == trained.results(chosen.row)
    alone = backtest(of.space.rule(chosen.row), of.events, market_until(fold.test), terms=of.terms, window=fold.test)
    assert chosen.out_of_sample["final_equity"] == pytest.approx(alone.final_equity)


def market_until(window: Window) -> Market:
    return replace(market(), until=window.until)


def chosen(folds: Sequence[Fold], rows: Sequence[int | None]) -> list[Fold]:
    return [replace(f, row=row) for f, row in zip(folds, rows, strict=True)]


def test_the_stitched_account_of_one_combination_is_its_backtest() -> None:
    """The same combination in every fold: the account is that of a backtest from the first test day on."""
    of = job({"hold": [5, 30]}, instrument="AAA")
    folds = folds_of(of, 8, 4, years=False)
    run = stitched(of, chosen(folds, [1] * len(folds)))
    alone = backtest(of.space.rule(1), of.events, market(), terms=of.terms, window=Window(folds[0].test.since))
    assert run is not None
    assert run.equity.tolist() == alone.equity.tolist()
    assert [t.event_id for t in run.trades] == [t.event_id for t in alone.trades]


def test_a_fold_without_a_choice_trades_nothing() -> None:
    of = job({"hold": [5, 30]}, instrument="AAA")
    folds = folds_of(of, 8, 4, years=False)
    run = stitched(of, chosen(folds, [None, 0, None]))
    assert run is not None
    decided = [date.fromisoformat(t.event_id[3:]) for t in run.trades]
    assert len(decided) == 4
    assert all(folds[1].test.since <= d <= folds[1].test.until for d in decided)  # type: ignore[operator]
    assert stitched(of, chosen(folds, [None] * 3)) is None
