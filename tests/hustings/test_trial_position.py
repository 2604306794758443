"""The place of a run among the trials of the ledger, and trials rebuilt for its study."""

from statistics import fmean, stdev
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import asdict, replace

from engine.plan.costs import Fx, Terms
from engine.statistics.observations import TradeStatistics
from engine.study.settings import Model
from hustings.studies import rebuilt
from hustings.trials import Ground, SweepTrials, Trial, TrialPosition, ground_of
from tests.engine.markets import about
from tests.engine.study.worlds import FREE, subject, walk

HERE = Ground("code", "events", {"TOPIX": "t", "N225": "n"})


def a_trial(k: int, *, ground: Ground | None = HERE, sharpe: float | None = 1.0, **parameters: Any) -> Trial:
    statistics = TradeStatistics(3, 0.01, 0.01, sharpe)
    return Trial(k, f"run{k}", "2026-01-01T00:00:00Z", "rule", parameters, ground, {}, {}, statistics)


@pytest.mark.parametrize(
    ("other", "covered"),
    [
        (HERE, True),
        (Ground("code", "events", {"TOPIX": "t"}), True),
        (Ground("code", "events", {"TOPIX": "t", "SPX": "s"}), False),
        (Ground("code", "events", {"TOPIX": "another"}), False),
        (Ground("another", "events", {"TOPIX": "t"}), False),
        (Ground("code", "another", {"TOPIX": "t"}), False),
    ],
)
def test_a_trial_can_be_rebuilt_on_the_same_code_events_and_bars_only(other: Ground, covered: bool) -> None:
    assert HERE.covers(other) is covered


def test_a_benchmark_is_no_ground_unless_it_was_traded() -> None:
    hashes = {"code": "c", "events": "e", "bars": {"TOPIX": "t", "SPX": "s"}}
    run: Any = SimpleNamespace(manifest={"sha256": hashes, "costs": {"TOPIX": {}}})
    assert ground_of(run) == Ground("c", "e", {"TOPIX": "t"})


def test_the_position_counts_the_rule_and_all_rules() -> None:
    """Trials 2, 5 and 7 of nine are of this rule; this run was the fifth, so the second of three."""
    of_rule = (a_trial(2, hold=1), a_trial(5, hold=2, sharpe=None), a_trial(7, hold=3, ground=None, sharpe=-0.5))
    position = TrialPosition(5, 9, "ab12", HERE, of_rule)
    assert position.text == "trial 5 of 9 (2 of 3 of this rule)"
    assert position.sharpes == (1.0, None, -0.5)
    assert [t.parameters for t in position.rebuildable] == [{"hold": 1}, {"hold": 2}]


def test_what_a_study_does_not_count_is_said() -> None:
    """Of nine trials one is of this rule; a copy of it under another name would be among the other eight."""
    mine = TrialPosition(9, 9, "ab12", HERE, (a_trial(9, hold=1),), caution="Young.")
    assert mine.uncounted == "Young. Not counted: 8 trials of other rules."
    assert replace(mine, k=1, n=1, of_rule=(a_trial(1, hold=1),), caution="").uncounted == ""
    damaged = replace(mine, n=2, broken="row 2 is missing", caution="")
    said = "The ledger is damaged, and what else was tried is not known. Not counted: 1 trial of other rules."
    assert damaged.uncounted == said


def test_a_damaged_ledger_is_said_next_to_the_position() -> None:
    position = TrialPosition(1, 1, "ab12", HERE, (a_trial(1),), broken="row 1 was changed")
    assert position.text == "trial 1 of 1 (1 of 1 of this rule); the ledger is damaged"


ROWS = [300, 500, 700, 900, 1_100, 1_300]
MARKET = walk(effects=dict.fromkeys(ROWS, 0.01))


def tried_once(*, since: str = "", until: str = "", terms: Terms = FREE, **parameters: Any) -> Trial:
    trial = a_trial(1, **{"instrument": "AAA", "hold": 1, **parameters})
    return replace(trial, window={"from": since, "to": until}, terms=asdict(terms))


def again(trial: Trial) -> Any:
    variant = rebuilt(subject(MARKET, rows=ROWS), trial)
    return None if variant is None else variant.planned_sample(Model.MEAN)


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
    benchmark, other = rebuilt(given, tried_once(instrument="BBB")), rebuilt(given, tried_once())
    assert benchmark is not None and benchmark.planned_sample(Model.MARKET) is None
    assert other is not None and other.planned_sample(Model.MARKET) is not None


def test_a_sweep_counts_as_all_of_its_combinations() -> None:
    """A run, then a sweep of 100 of which 5 have a Sharpe ratio, then this run: the third row, the 102nd trial."""
    swept = replace(a_trial(101, hold=1), sweep=SweepTrials(100, 5, 0.3, 0.2))
    position = TrialPosition(102, 102, "ab12", HERE, (a_trial(1, hold=1), swept, a_trial(102, hold=2)))
    assert position.text == "trial 102 of 102 (102 of 102 of this rule)"
    assert [t.n for t in position.rebuildable] == [1, 100, 1]
    assert len(position.sharpes) == 102


GRID = {"fixed": {"side": "long"}, "axes": {"hold": [2, 3], "delay": [0, 1, 2]}}


@pytest.mark.parametrize(
    ("kept", "hold", "delay", "held"),
    [
        (GRID, 3, 2, True),
        (GRID, 4, 2, False),
        ({**GRID, "listed": [{"hold": 2, "delay": 0}]}, 3, 2, False),
        ({**GRID, "listed": [{"hold": 3, "delay": 2}]}, 3, 2, True),
    ],
)
def test_a_sweep_holds_the_parameters_of_its_combinations(kept: Any, hold: int, delay: int, held: bool) -> None:
    swept = replace(a_trial(6), sweep=SweepTrials(6, 0, None, None), parameters=kept)
    assert swept.holds({"side": "long", "hold": hold, "delay": delay}) is held
    assert not swept.holds({"side": "short", "hold": hold, "delay": delay})


def test_the_combinations_of_a_sweep_are_drawn_each_once() -> None:
    swept = replace(a_trial(6), sweep=SweepTrials(6, 0, None, None), parameters=GRID)
    every = [(c["hold"], c["delay"]) for c in swept.combinations(50)]
    assert sorted(every) == [(2, 0), (2, 1), (2, 2), (3, 0), (3, 1), (3, 2)]
    assert len({(c["hold"], c["delay"]) for c in swept.combinations(4)} & {*every}) == 4


@pytest.mark.parametrize("known", [2, 3, 10, 11])
def test_the_ratios_of_a_sweep_have_its_mean_and_spread(known: int) -> None:
    sharpes = SweepTrials(20, known, 0.3, 0.2).sharpes
    values = [s for s in sharpes if s is not None]
    assert (len(sharpes), len(values)) == (20, known)
    assert (fmean(values), stdev(values)) == about((0.3, 0.2))


def test_a_trial_of_an_unhedged_account_is_not_made_again_from_hedged_bars() -> None:
    assert again(tried_once(terms=replace(FREE, fx=Fx.UNHEDGED, currency="USD"))) is None
    assert again(tried_once(terms=replace(FREE, currency="USD"))) is not None
