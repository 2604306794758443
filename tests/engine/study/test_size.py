"""The default tests reject no more often than they say where events do nothing.

The first 200 runs of some cells of ``benchmarks/size.py``, seeded, so that a run here is the same run everywhere. The
bound is the nominal 5 % and three Monte Carlo standard errors.
"""

from functools import cache

import numpy as np
import pytest

from benchmarks.nulls import WINDOWS, Made, Stage, made, occasion, priced, shocks, stage
from benchmarks.size import ALPHA, CHUNK, DRAWS, NULLS, Cell, Tally, cells, over_limit, shown, shown_names, table, tally
from engine.study.prepare import prepare
from engine.study.settings import Scheme, Settings
from engine.study.study import view_results
from tests.engine.study.worlds import subject, walk

HOMOSKEDASTIC, DOUBLED, SAME_DAYS, OVERLAPPING = NULLS[:4]
YEARLY = next(w for w in NULLS if w.name == "one slot, doubled")
RUNS = 200


@cache
def runs_of(cell: Cell) -> Tally:
    return sum((tally(cell, chunk) for chunk in range(RUNS // CHUNK)), Tally())


def bound(runs: int) -> float:
    return ALPHA + 3 * float(np.sqrt(ALPHA * (1 - ALPHA) / runs))


def test_the_bound_of_200_runs() -> None:
    # 0.05 + 3 root of (0.05 x 0.95 / 200)
    assert bound(200) == pytest.approx(0.0962, abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    "cell",
    [
        Cell(HOMOSKEDASTIC, 20, 20),
        Cell(DOUBLED, 5, 1),
        Cell(SAME_DAYS, 5, 20),
        Cell(OVERLAPPING, 5, 20),
        Cell(YEARLY, 5, 1),
    ],
    ids=lambda c: c.name,
)
def test_default_tests_hold_their_size(cell: Cell) -> None:
    found = runs_of(cell)
    names = shown_names(found)
    assert len(names) >= 3
    for name in names:
        share = found.share(name)
        assert found.had[name] == RUNS
        assert share is not None
        assert share <= bound(RUNS), name


@pytest.mark.slow
def test_the_same_runs_catch_a_test_that_takes_event_days_to_be_as_calm_as_others() -> None:
    found = runs_of(Cell(DOUBLED, 5, 1))
    for name in ("mean, stratified", "mean, shift"):
        share = found.share(name)
        assert share is not None
        assert share > bound(RUNS)


def test_five_observations_never_flip_to_five_percent() -> None:
    found = tally(Cell(NULLS[4], 5, 1), 0, runs=30)
    assert found.share("sign-flip") == 0.0


def test_what_is_measured_is_what_a_report_shows() -> None:
    s = subject(walk(), rows=[300, 500, 700, 740, 900, 1_100], hold=5)
    settings = Settings(draws=DRAWS, seed=3, windows=WINDOWS)
    prepared = prepare(s, settings)
    results = view_results(prepared, settings)
    one = Made(prepared.model, s.pairs, list(prepared.samples))
    measured = dict(shown(one, (Scheme.STRATIFIED,), seed=3))
    for view in results:
        suffix = "" if view.name == "trade" else f" {view.name}"
        found = [measured[f"{name}{suffix}"] for name in ("BMP t", "sign-flip", "stratified")]
        assert found == [t.p for t in view.tests]
        assert measured[f"mean, stratified{suffix}"] == view.placebo_mean.p
    adjusted = [v.p_adjusted for v in results if v.p_adjusted is not None]
    assert measured["max-T, stratified"] == min(adjusted)


def worlds(null_name: str, n: int, hold: int) -> tuple[Stage, Made, list[int]]:
    null = next(w for w in NULLS if w.name == null_name)
    rng, at = np.random.default_rng(1), stage(null, n, hold)
    moves, when = shocks(null, at, 1, rng)[0], occasion(null, at, n, rng)
    return at, made(at, when, priced(null, at, when, moves), ()), when.all_selected


@pytest.mark.parametrize("name", [w.name for w in NULLS if not w.process.is_real])
def test_every_world_has_as_many_observations_as_it_says(name: str) -> None:
    for hold in (1, 20):
        _, one, _ = worlds(name, 10, hold)
        sample = one.samples[0]
        if name != "overlapping windows" or hold == 20:  # of one session held only the windows overlap
            assert len(sample.usable) == 10
        assert sample.lost == ()


def test_half_of_the_observations_of_the_overlapping_world_are_two_events() -> None:
    _, one, _ = worlds("overlapping windows", 10, 20)
    assert sorted(len(o.events) for o in one.samples[0].usable) == [1] * 5 + [2] * 5


def test_three_markets_on_one_day_are_one_observation() -> None:
    _, one, rows = worlds("three markets on the same days", 5, 1)
    assert [len(o.events) for o in one.samples[0].usable] == [3] * 5
    assert len(rows) == 5


def test_event_windows_of_the_doubled_world_have_twice_the_variance() -> None:
    null, rng = DOUBLED, np.random.default_rng(1)
    at = stage(null, 20, 20)
    when = occasion(null, at, 20, rng)
    inside, outside = [], []
    for moves in shocks(null, at, 20, rng):
        close = priced(null, at, when, moves)[0].close
        returns = close[1:] / close[:-1] - 1
        held = np.zeros(len(returns), dtype=bool)
        for row in when.all_selected:
            held[row - 1 : row + 19] = True  # the return of bar r is at r - 1
        inside.append(returns[held])
        outside.append(returns[~held])
    ratio = np.concatenate(inside).var() / np.concatenate(outside).var()
    # outside lie the two sessions at the edges of the windows, which are doubled too: 20 x 3 of 2,099
    assert ratio == pytest.approx(2 / (1 + 60 / 2_099), rel=0.05)


def test_the_table_has_a_line_a_cell_and_per_cents() -> None:
    cell = Cell(HOMOSKEDASTIC, 5, 1)
    one = Tally()
    one.had.update({"BMP t": 200, "sign-flip": 200})
    one.rejected.update({"BMP t": 11})
    assert table({cell: one}, {"BMP": ("BMP t",), "flip": ("sign-flip",), "years": ("years",)}).splitlines() == [
        "| world | N | held | runs | BMP | flip | years |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| homoskedastic | 5 | 1 | 200 | 5.5 | 0.0 |  |",
    ]
    assert not over_limit(one)
    one.rejected.update({"BMP t": 3})
    assert over_limit(one)


def test_every_null_of_the_issue_is_measured_with_5_10_and_20_observations_and_both_holds() -> None:
    found = cells()
    for null in NULLS[:4]:
        assert {(c.n, c.hold) for c in found if c.null == null} >= {(n, h) for n in (5, 10, 20) for h in (1, 20)}
