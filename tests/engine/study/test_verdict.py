"""A verdict never says more than the numbers."""

from dataclasses import replace

import pytest

from engine.statistics.significance import Significance, untested
from engine.study.concentration import Concentration, LeftOut
from engine.study.power import Power
from engine.study.verdict import Evidence, verdict


def told_by(*ps: float | None) -> tuple[Significance, ...]:
    names = ("BMP t", "sign-flip", "placebo on the t-statistic")
    return tuple(
        untested(n, 10, "why not") if p is None else Significance(n, 10, 1.0, p, "")
        for n, p in zip(names, ps, strict=True)
    )


STEADY = Concentration(
    (LeftOut("E0", 9, 0.02, 3.0, 0.01), LeftOut("E1", 9, 0.02, 3.0, 0.02)), (), "E0", 0.2, 5, 4, 0.05
)
STRONG = Evidence(
    n=10,
    mean=0.02,
    alpha=0.05,
    tests=told_by(0.01, 0.02, 0.03),
    placebo_mean=None,
    adjusted=None,
    tried=1,
    power=Power(10, 0.05, 0.03, 0.031, (), 100, 0.01),
    concentration=STEADY,
    preregistered=False,
    above=True,
)
CLAIM = "chance alone is an unlikely explanation"


def test_three_rejections_are_said_with_their_limits() -> None:
    assert verdict(STRONG) == (
        "10 observations, +2.00 % each beyond what was to be expected (BMP t p = 0.010, sign-flip p = 0.020, placebo on the "
        "t-statistic p = 0.030). All reject at 5 %: chance alone is an unlikely explanation. No single observation carries "
        "it: with any one left out it is p = 0.020 at most. A rule made after its events were known has seen them, which no "
        "test can undo."
    )


def test_a_registered_rule_is_said_to_be_one() -> None:
    assert verdict(replace(STRONG, preregistered=True)).endswith(
        "The rule was registered before it was first run here."
    )


@pytest.mark.parametrize(
    "weaker",
    [
        {"tests": told_by(0.01, 0.02, 0.06)},
        {"tests": told_by(None, None, 0.01)},
        {"tests": told_by(0.2, 0.3, 0.4)},
        {"adjusted": 0.2, "tried": 12},
        {"above": False},
        {"n": 1},
        {"n": 0},
    ],
)
def test_anything_less_makes_no_claim(weaker: dict[str, object]) -> None:
    said = verdict(replace(STRONG, **weaker))  # type: ignore[arg-type]
    assert CLAIM not in said


def test_all_that_was_tried_is_counted() -> None:
    said = verdict(replace(STRONG, adjusted=0.2, tried=12))
    assert "12 variants were tried, which makes it p = 0.200: this is not evidence of an effect." in said


def test_a_result_that_hangs_on_one_says_which() -> None:
    hangs = replace(STEADY, one_out=(LeftOut("E0", 9, 0.001, 0.3, 0.4), LeftOut("E1", 9, 0.02, 3.0, 0.02)))
    assert "Without E0 alone it would be p = 0.400." in verdict(replace(STRONG, concentration=hangs))


def test_nothing_found_says_what_could_not_have_been() -> None:
    said = verdict(replace(STRONG, tests=told_by(0.2, 0.3, 0.4)))
    assert "This cannot be told from other dates." in said
    assert "Only an effect of 3.1 % or more an observation would be found four times in five" in said


def test_a_mean_that_stands_out_alone_means_volatile_days() -> None:
    mean = Significance("placebo on the mean", 10, 0.02, 0.01, "")
    said = verdict(replace(STRONG, tests=told_by(0.2, 0.3, 0.4), placebo_mean=mean))
    assert "volatile days alone can do that" in said


def test_nothing_expected_is_not_called_beyond_expectation() -> None:
    said = verdict(replace(STRONG, tests=told_by(None, None, 0.01), expected=False))
    assert "+2.00 % each, nothing being expected of a date" in said
    assert "Of 3 tests no more can be had: too little to call it evidence." in said


def test_returns_that_are_alike_rather_than_large_say_so() -> None:
    mean = Significance("placebo on the mean", 10, 0.02, 0.14, "")
    said = verdict(replace(STRONG, placebo_mean=mean))
    assert "The mean itself does not stand out among other dates (p = 0.140): the returns are alike, not large." in said


def test_without_placebo_dates_nothing_is_said_of_other_dates() -> None:
    said = verdict(replace(STRONG, tests=told_by(0.2, 0.3, None), placebos=False))
    assert "This cannot be told from zero." in said


def test_tests_that_disagree_are_not_called_no_finding() -> None:
    assert "no proof of none" not in verdict(replace(STRONG, tests=told_by(0.01, 0.02, 0.2)))
