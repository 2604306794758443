"""The page of a sweep."""

import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from engine.statistics.sharpe import TradeSharpe
from engine.sweep.best import replay_combination
from engine.sweep.chunk import TRADE_SHARPE
from engine.sweep.digest import Slice, digest, heat_axes
from engine.sweep.job import manifest_of
from engine.sweep.walk_forward import SweepResult
from reports.sweep import agreement, best_table, heat_map_svg, slice_table, sweep_page, verdict
from tests.engine.test_sweep import by_hand, chunk, job, whole
from tests.reports.handmade import page_text


def result(axes: dict[str, Any] | None = None, *, deflated: float | None = 0.21) -> SweepResult:
    """A small sweep with a report by hand: 12 trials before it, and an expected maximum of 0.46 per trade."""
    of = job(axes)
    found = digest(of.space, [whole(of)], metric=TRADE_SHARPE, top=2, heat=heat_axes(of.space))
    trials = found.n + 12
    notes = {} if deflated else {"deflated": "too few trades"}
    report = TradeSharpe(16, trials, 0.252, 0.8, 0.46, deflated, 40.0, 0.0, 3.0, notes)
    best = [replay_combination(of, row, r, trials=trials) for row, r in found.best.items()]
    best = [replace(b, sharpe=report, random_dates=0.04) for b in best]
    return SweepResult(manifest_of(of), of.space, found, tuple(best), earlier=12)


@pytest.fixture(scope="module")
def swept() -> SweepResult:
    return result()


def test_the_best_comes_with_its_deflated_ratio_and_the_number_of_trials(swept) -> None:
    sentence = verdict(swept)
    assert sentence.startswith("Best of 12 combinations by Sharpe per trade: instrument=")
    assert sentence.endswith(
        "24 trials of this rule, 12 of them before this sweep: beyond what the same trades earn on all dates, the expected "
        "maximum of so many zero-skill trials is a Sharpe ratio of 0.46, this one has 0.25 over 16 observations; deflated "
        "Sharpe ratio 21.0 % (95 % is the usual bar, where events were not chosen by hindsight)."
    )
    assert sentence in page_text(sweep_page(swept))


def test_that_random_dates_do_as_well_is_said_first(swept) -> None:
    def said(share: float) -> str:
        return verdict(replace(swept, best=(replace(swept.best[0], random_dates=share), *swept.best[1:])))

    moved = "do as well: with all events moved by the same number of sessions,"
    assert said(0.46).startswith(f"Random dates {moved} 46 % of calendars reach the Sharpe ratio of the best")
    assert said(0.22).startswith(f"22 % of random dates {moved} 22 % of calendars reach")
    assert said(0.05).startswith("Best of 12")


def test_a_young_ledger_is_named_in_the_verdict(swept) -> None:
    assert verdict(replace(swept, ledger="The ledger is young.")).endswith(
        "not chosen by hindsight). The ledger is young."
    )


def test_the_reason_of_a_missing_deflated_ratio_is_given() -> None:
    assert "its deflated sharpe ratio is n/a (too few trades); 24 trials" in verdict(result(deflated=None)).lower()


def test_the_page_says_that_replays_agree_and_warns_where_one_differs(swept) -> None:
    assert agreement(swept).startswith("The best 2 were replayed on backtrader: all metrics agree")
    wrong = replace(swept, best=(replace(swept.best[0], difference=1e-3, of="win_rate"), *swept.best[1:]))
    assert agreement(wrong) == "The best 2 were replayed on backtrader: 1 DO NOT AGREE with the sweep to 1e-09."
    assert best_table(wrong).rows[0][-1] == "DIFFERS (1e-03)"


def test_wide_labels_below_a_heat_map_do_not_touch() -> None:
    ends = tuple((100 + 4 * n, 102 + 4 * n) for n in range(36))
    values = np.full((1, 36), 0.1)
    heat = Slice(("delay", "hold"), (((0, 0),), ends), values.astype(np.int64), values, values)
    svg = heat_map_svg(heat, heat.best, str, ident="h", title="t", better=1)
    at = [float(x) for x in re.findall(r'x="([\d.]+)"[^<>]*>\d+ to \d+</text>', svg)]
    assert len(at) > 3
    assert min(b - a for a, b in pairwise(at)) > 70  # ten characters of 12 px, of about 7 px each


def test_a_heat_map_has_a_cell_for_each_pair_and_a_dashed_one_where_it_is_not_available() -> None:
    found = by_hand([chunk(0, [0.1, 0.5, np.nan, -0.3, 0.5, np.nan])])
    assert found.heat is not None
    svg = heat_map_svg(
        found.heat, found.heat.best, lambda v: "n/a" if v is None else f"{v:.1f}", ident="h", title="t", better=1
    )
    svg, scale = svg[: svg.index('class="best"')], svg[svg.index('class="best"') :]
    assert svg.count("<rect ") == 6 + 1
    assert scale.count("<rect ") == 9
    assert ">-0.5</text>" in scale
    assert svg.count("stroke-dasharray") == 2
    assert "<title>delay 1, hold 2: -0.3 (1 combination)</title>" in svg
    assert "<title>delay 0, hold 2: n/a (0 combinations)</title>" in svg
    assert svg.count("var(--c0)") == 3
    assert svg.count("var(--c1)") == 1


def test_the_metric_by_the_values_of_a_parameter() -> None:
    found = by_hand([chunk(0, [0.1, 0.5, np.nan, -0.3, 0.5, np.nan])])
    assert slice_table(found, found.slices[0]).rows == [
        ["1", "2", "0.30", "0.50"],
        ["2", "1", "-0.30", "-0.30"],
        ["3", "1", "0.50", "0.50"],
    ]


def test_failures_are_listed_by_reason() -> None:
    text = page_text(sweep_page(result({"instrument": ["AAA", "ZZZ"], "hold": [1, 2]})))
    assert "2 failed, see below" in text
    hint = "'hustings data list' shows them all; an instruments.csv next to your prices adds others"
    assert f"unknown instrument 'ZZZ'; {hint} 2" in text
    assert "combination 2 (instrument=ZZZ, hold=1)" in text


def test_values_are_escaped() -> None:
    page = sweep_page(result({"winner_party": ["<script>x</script>", "none"], "hold": [1, 2]}))
    assert "<script>x" not in page
    assert "&lt;script&gt;x" in page
    assert "&lt;script&gt;" in page


def test_same_sweep_same_bytes(swept) -> None:
    assert sweep_page(swept) == sweep_page(result())
