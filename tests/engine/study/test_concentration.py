"""Concentration of a result, worked by hand."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.study.concentration import Concentration, concentration
from tests.engine.markets import about

NET = np.array([0.01, 0.02, 0.09, -0.02])


def sample_of(values: np.ndarray, years: list[int]) -> Any:
    """Return what is read of a sample: the same number is net, abnormal and standardized."""
    usable = [SimpleNamespace(events=(f"E{n}",), began=f"{year}-02-09") for n, year in enumerate(years)]
    return SimpleNamespace(usable=usable, net=values, abnormal=values, standardized=values)


def of(values: np.ndarray, years: list[int] | None = None) -> Concentration:
    found = concentration(sample_of(values, years or [2000 + n for n in range(len(values))]), alpha=0.05)
    assert isinstance(found, Concentration)
    return found


def test_means_with_one_left_out_by_hand() -> None:
    found = of(NET)
    assert [o.mean for o in found.one_out] == pytest.approx([0.09 / 3, 0.08 / 3, 0.01 / 3, 0.04])
    assert [o.without for o in found.one_out] == ["E0", "E1", "E2", "E3"]


def test_all_of_a_year_goes_together() -> None:
    found = of(NET, years=[2001, 2001, 2002, 2003])
    assert [(o.without, o.n) for o in found.year_out] == [("2001", 2), ("2002", 3), ("2003", 3)]
    assert found.year_out[0].mean == pytest.approx(0.035)


def test_the_largest_share_by_hand() -> None:
    found = of(NET)
    assert (found.top, found.top_share) == ("E2", about(0.09 / 0.14))


def test_fewest_to_go_for_another_sign() -> None:
    assert of(np.array([0.09, 0.01, -0.02, -0.03])).flips_sign == 1  # 0.05 in all; without 0.09 it is -0.04
    assert of(np.array([0.05, 0.04, -0.01, -0.02])).flips_sign == 2
    assert of(np.array([0.01, 0.02, 0.03])).flips_sign is None
    assert of(np.array([-0.09, -0.01, 0.02, 0.03])).flips_sign == 1


def test_fewest_to_go_for_a_p_value_above_the_level() -> None:
    assert of(np.array([0.5, -0.5, 0.1])).loses_significance is None  # it is above already
    steady = np.array([1.0, 1.1, 0.9, 1.05, 0.95, 1.0])
    assert of(steady).loses_significance == 5  # one left has no test
    assert of(np.array([1.0, 1.2, 1.1, 5.0, -0.3, 1.3, 1.1, 1.2])).loses_significance is not None


def test_one_observation_leaves_nothing() -> None:
    assert concentration(sample_of(NET[:1], [2000]), alpha=0.05) == (
        "1 observation: nothing remains when one is left out"
    )


@example([1.0, 0.803, -0.575, -0.228])  # the last three sum to 0, and to a rounding error
@given(st.lists(st.floats(-1, 1, allow_nan=False).map(lambda x: round(x, 3)), min_size=3, max_size=8))
def test_no_fewer_removals_would_turn_the_sign(values: list[float]) -> None:
    from itertools import combinations

    array = np.array(values)
    if abs(array.mean()) < 1e-9:
        return
    found = of(array).flips_sign
    sign = np.sign(array.mean())
    sizes = [
        k
        for k in range(1, len(values))
        for gone in combinations(range(len(values)), k)
        if np.sign(round(float(np.delete(array, gone).mean()), 12)) != sign
    ]
    assert found == min(sizes, default=None)
