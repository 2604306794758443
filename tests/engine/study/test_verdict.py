"""A verdict claims no more than the numbers support."""

from typing import Any

import pytest
from msgspec.structs import replace

from engine.statistics.sharpe import sharpe_of_trades
from engine.statistics.significance import Significance, untested
from engine.study.concentration import Concentration, _LeftOut
from engine.study.power import Power
from engine.study.result import ObservationRow, Study, ViewResult
from engine.study.settings import Settings
from engine.study.tried import Tried
from engine.study.verdict import verdict
from tests.engine.study.worlds import walk


def outcomes(*ps: float | None) -> tuple[Significance, ...]:
    names = ("BMP t", "sign-flip", "placebo on the t-statistic")
    return tuple(
        untested(n, 10, "too few") if p is None else Significance(n, 10, 1.0, p, "")
        for n, p in zip(names, ps, strict=True)
    )


def on_mean(p: float | None) -> Significance:
    return Significance("placebo on the mean", 10, 0.02, p, "")


STEADY = Concentration(
    (_LeftOut("E0", 9, 0.02, 3.0, 0.01), _LeftOut("E1", 9, 0.02, 3.0, 0.02)), (), "E0", 0.2, 5, 4, 0.05
)
TRADE = ViewResult("trade", 10, 10, 0.02, 0.02, (), outcomes(0.01, 0.02, 0.03), on_mean(None))
ROW = ObservationRow(("E0",), 1, "", "", 0.02, 0.02, 1.0, 0.97)
STRONG = Study(
    run_id="r",
    strategy="s",
    settings=Settings(),
    model="mean",
    reference="AAA",
    n_trades=10,
    open_trades=0,
    observations=(ROW,) * 10,
    lost=(),
    lists=499,
    exact=False,
    notes=(),
    power=Power(10, 0.05, 0.02, 0.03, 0.031, (), 100, 0.01),
    views=(TRADE,),
    histogram=None,
    concentration=STEADY,
    labels=None,
    variations=(),
    sharpe=sharpe_of_trades(walk(10).close),
    tried=None,
    path=(),
    band=(),
    verdict="",
    reasons={},
)
CLAIM = "Chance alone is an unlikely explanation"
HINDSIGHT = (
    "Nothing shows that rule and events were chosen before their prices were known; no test corrects for a choice by "
    "hindsight."
)


def text(*, preregistered: str = "", above: bool | None = True, study: Any = STRONG, **trade: Any) -> str:
    """Return the verdict on a study, its trades changed."""
    changed = replace(study, views=(replace(study.views[0], **trade), *study.views[1:]))
    return verdict(changed, preregistered=preregistered, above=above)


def tried(n: int, p: float) -> Study:
    return replace(STRONG, tried=Tried(n, n - 1, 100, p))


def test_ids_of_one_episode_are_no_more_observations() -> None:
    said = text(study=replace(STRONG, episodes=7))
    assert CLAIM not in said
    assert said.startswith("This is not evidence of an effect: events of one country within a week may be parts of one")
    assert "then 10 observations are 7 (--merge 5d counts them so)." in said
    assert CLAIM in text(study=replace(STRONG, episodes=10))


def test_three_rejections_are_said_with_their_limits() -> None:
    assert text() == (
        f"Chance alone is an unlikely explanation. {HINDSIGHT} Primary test, placebo on the t-statistic: p = 0.030; for "
        "comparison BMP t p = 0.010, sign-flip p = 0.020. 10 observations, mean abnormal return +2.00 %. The result does "
        "not depend on one observation: with any one left out, p = 0.020 at most."
    )


def test_a_claim_is_conditional_where_other_trials_are_not_known() -> None:
    young = "The ledger is young."
    claimed = verdict(STRONG, preregistered="", above=True, ledger=young)
    assert claimed.startswith(
        f"Chance alone is an unlikely explanation, if nothing else was tried. {young} {HINDSIGHT}"
    )
    assert verdict(STRONG, preregistered="", above=False, ledger=young).endswith(young)


def test_a_preregistered_rule_is_said_to_be_one() -> None:
    def registered(at: str) -> str:
        dated = tuple(replace(ROW, began=f"2020-01-{day:02}") for day in range(1, 11))
        return text(preregistered=at, study=replace(STRONG, observations=dated))

    said = "The rule was preregistered before its first run here"
    assert f"{said}. Primary test" in registered("2019-12-31T23:59:59Z")
    assert (
        f"{said}, but after 4 of 10 observations had begun: no test corrects for a choice by hindsight."
        in registered("2020-01-04T09:00:00Z")
    )


def test_a_level_of_5_1_percent_is_not_rounded_to_the_usual_one() -> None:
    found = text(study=replace(STRONG, settings=Settings(alpha=0.051)))
    assert found.startswith("This is not evidence of an effect: a level of 5.1 % is weaker than the usual 5 %.")


@pytest.mark.parametrize(
    "weaker",
    [
        {"tests": outcomes(0.01, 0.02, 0.06)},
        {"tests": outcomes(None, None, 0.01)},
        {"tests": outcomes(None, None, None)},
        {"tests": outcomes(0.2, 0.3, 0.4)},
        {"p_adjusted": 0.2},
        {"study": tried(12, 0.2)},
        {"above": False},
        {"n": 5},
        {"study": replace(STRONG, settings=Settings(alpha=0.1))},
        {"study": replace(STRONG, settings_tried=5)},
        {"n": 1},
        {"n": 0},
    ],
)
def test_anything_less_makes_no_claim(weaker: dict[str, Any]) -> None:
    assert CLAIM not in text(**weaker)


def test_all_variants_that_were_tried_are_counted() -> None:
    found = "This is not evidence of an effect: p = 0.200 after adjustment for 12 variants of the rule. Primary test"
    assert text(study=tried(12, 0.2)).startswith(found)


def test_windows_are_variants_too() -> None:
    several = replace(STRONG, views=(TRADE, replace(TRADE, name="0:5")))
    assert "p = 0.070 after adjustment for 2 windows" in text(study=several, p_adjusted=0.07)


def test_five_seeds_are_five_looks() -> None:
    # 1 - 0.97^5, of the largest of the three p-values
    found = text(study=replace(STRONG, settings_tried=5))
    assert found.startswith("This is not evidence of an effect: p = 0.141 after adjustment for 5 settings.")
    # by luck each a hundredth as large: 1 - (1 - 0.0003)^5
    lucky = text(study=replace(STRONG, settings_tried=5), tests=outcomes(0.0001, 0.0002, 0.0003))
    assert lucky.startswith("Chance alone is an unlikely explanation (p = 0.001 after adjustment for 5 settings).")


def test_windows_variants_and_settings_are_counted_together() -> None:
    # windows 0.01, then 4 variants: 1 - 0.99^4 = 0.0394; variants 0.015, then 2 windows: 0.029775; the less, then 2
    # settings: 1 - 0.970225^2 = 0.0586634
    study = replace(tried(4, 0.015), views=(TRADE, replace(TRADE, name="0:5")), settings_tried=2)
    found = text(study=study, tests=outcomes(0.001, 0.002, 0.003), p_adjusted=0.01)
    assert "p = 0.059 after adjustment for 2 windows, 4 variants of the rule, 2 settings" in found


def test_a_level_above_the_usual_and_fewer_than_six_observations_are_no_evidence() -> None:
    weak = text(study=replace(STRONG, settings=Settings(alpha=0.1)))
    assert weak.startswith("This is not evidence of an effect: a level of 10 % is weaker than the usual 5 %.")
    few = text(study=replace(STRONG, settings=Settings(alpha=0.1)), n=5)
    assert few.startswith("This is not evidence of an effect: fewer than 6 observations are an anecdote.")


def test_a_window_chosen_among_five_is_adjusted_for_all_of_them() -> None:
    best = replace(TRADE, name="0:5", p_adjusted=0.11)
    others = tuple(replace(TRADE, name=f"0:{n}", tests=outcomes(0.5, 0.5, 0.5), p_adjusted=0.9) for n in range(1, 5))
    study = replace(STRONG, views=(TRADE, best, *others))
    found = text(study=study, tests=outcomes(0.4, 0.4, 0.4), p_adjusted=0.8)
    assert "Window 0:5 was chosen among 6 windows: p = 0.110 after adjustment for them. A window found" in found
    assert "was chosen" not in text(study=study)


def test_a_registered_statistic_is_the_primary_one() -> None:
    assert "Primary test, sign-flip: p = 0.020; for comparison BMP t" in text(
        study=replace(STRONG, primary="sign-flip")
    )


def test_a_result_that_depends_on_one_observation_names_it() -> None:
    one = replace(STEADY, one_out=(_LeftOut("E0", 9, 0.001, 0.3, 0.4), _LeftOut("E1", 9, 0.02, 3.0, 0.02)))
    assert "Without E0 alone, p = 0.400." in text(study=replace(STRONG, concentration=one))


def test_without_a_finding_the_power_is_stated() -> None:
    found = text(tests=outcomes(0.2, 0.3, 0.4))
    assert "The result is not distinguishable from placebo dates." in found
    assert "As widely as these events spread, a t-test has 80 % power only for an effect of 3.1 % or more" in found


def test_a_mean_that_alone_is_significant_means_volatile_days() -> None:
    assert "volatile days alone can cause that" in text(tests=outcomes(0.2, 0.3, 0.4), placebo_mean=on_mean(0.01))


def test_without_a_counterfactual_the_mean_is_net_and_one_test_is_no_evidence() -> None:
    found = text(study=replace(STRONG, model="none"), tests=outcomes(None, None, 0.01))
    assert found.startswith(
        "This is not evidence of an effect: only 1 of 3 tests is available. Primary test, placebo on the t-statistic: "
        "p = 0.010. 10 observations, mean net return +2.00 %."
    )


def test_returns_that_are_similar_rather_than_large_are_called_so() -> None:
    similar = "The mean is not distinguishable from placebo dates (p = 0.140): the returns are similar, not large."
    assert similar in text(placebo_mean=on_mean(0.14))


def test_without_placebo_dates_none_are_mentioned() -> None:
    found = text(study=replace(STRONG, lists=0), tests=outcomes(0.2, 0.3, None))
    assert "The result is not distinguishable from zero." in found


def test_tests_that_disagree_are_not_called_a_missing_effect() -> None:
    found = text(tests=outcomes(0.01, 0.02, 0.2))
    assert "not evidence of an effect: the tests are one decision, and not all of them reject." in found
    assert "80 % power" not in found


def test_one_observation_is_placed_among_placebo_dates() -> None:
    assert text(n=1) == (
        "One observation is an anecdote: no test applies to it. Its percentile among placebo dates is 97 %."
    )


def test_a_larger_return_on_placebo_dates_is_no_evidence() -> None:
    assert "not evidence of an effect: placebo dates have larger returns of the same sign." in text(above=False)
