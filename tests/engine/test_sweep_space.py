"""Which combinations a sweep tries."""

import numpy as np
import pytest

from datasets.errors import UserError
from engine.strategy.placeholders import Space, grid_space
from engine.sweep.space import condition_of, drawn_from, listed_space, those_of
from strategies.buy_after_event import BuyAfterEvent


def holds_and_delays() -> Space:
    return grid_space(BuyAfterEvent, {"country": "us"}, {"hold": ["1", "5", "9"], "delay": range(2)})


def given(space: Space) -> list[tuple[int, int]]:
    return [(p["hold"], p["delay"]) for p in map(space.parameters, range(len(space)))]


def test_a_product_has_every_combination_the_last_parameter_changing_fastest() -> None:
    assert given(holds_and_delays()) == [(1, 0), (1, 1), (5, 0), (5, 1), (9, 0), (9, 1)]


def test_values_are_as_the_rule_holds_them() -> None:
    space = grid_space(BuyAfterEvent, {"country": "us"}, {"stop_loss": ["none", "0.03"]})
    assert dict(space.fixed) == {"country": "US"}
    assert space.axes == {"stop_loss": (None, 0.03)}


def test_combinations_between_two_rows_are_those_of_the_whole() -> None:
    part = holds_and_delays().part(2, 5)
    assert [(part.parameters(i)["hold"], part.parameters(i)["delay"]) for i in range(3)] == [(5, 0), (5, 1), (9, 0)]


def test_only_combinations_that_meet_all_conditions_are_left() -> None:
    space = holds_and_delays()
    conditions = [condition_of(t, {**space.fixed, **space.axes}) for t in ("hold > 1", "hold == 9 or delay == 0")]
    assert given(those_of(space, conditions)) == [(5, 0), (9, 0), (9, 1)]


def test_what_is_drawn_differs_meets_the_conditions_and_is_the_same_for_the_same_seed() -> None:
    space = grid_space(BuyAfterEvent, {}, {"hold": range(1, 101), "delay": range(50)})
    odd = condition_of("hold % 2 == 1", space.axes)
    one, again, other = (drawn_from(space, 40, seed, [odd]) for seed in (1, 1, 2))
    assert given(one) == given(again) != given(other)
    assert len(set(given(one))) == 40
    assert all(hold % 2 == 1 for hold, _ in given(one))


def test_more_are_not_drawn_than_there_are() -> None:
    assert given(drawn_from(holds_and_delays(), 100, 0)) == given(holds_and_delays())


def test_combinations_are_drawn_from_more_than_could_be_listed() -> None:
    axes = {"hold": range(1, 5_001), "delay": range(200), "weight": np.linspace(0.001, 1, 1_000).tolist()}
    drawn = drawn_from(grid_space(BuyAfterEvent, {}, axes), 25, 3)
    assert drawn.size == 1_000_000_000
    assert len(set(given(drawn))) == 25


def test_a_list_keeps_its_order_and_repeats_nothing() -> None:
    rows = [{"hold": h, "delay": d} for h, d in (("9", "0"), ("1", "1"), ("9", "0"), ("5", "0"))]
    assert given(listed_space(BuyAfterEvent, {}, rows)) == [(9, 0), (1, 1), (5, 0)]


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"hld": [1]}, "did you mean 'hold'"),
        ({"hold": [1, 0]}, "parameter hold of buy-after-event is 0"),
        ({"hold": [3, 4, "3"]}, "is given the value 3 twice"),
        ({"hold": []}, "no values to try"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(axes, message) -> None:
    with pytest.raises(UserError, match=message):
        grid_space(BuyAfterEvent, {}, axes)


@pytest.mark.parametrize(
    ("text", "given", "holds"),
    [
        ("take_profit > 2 * stop_loss", {"take_profit": 0.1, "stop_loss": 0.04}, True),
        ("take_profit > 2 * stop_loss", {"take_profit": 0.1, "stop_loss": 0.05}, False),
        ("take_profit > stop_loss", {"take_profit": None, "stop_loss": 0.05}, False),
        ("not take_profit < stop_loss", {"take_profit": None, "stop_loss": 0.05}, True),
        ("stop_loss == none or take_profit > stop_loss", {"take_profit": 0.1, "stop_loss": None}, True),
        ("stop_loss is not none", {"take_profit": 0.1, "stop_loss": None}, False),
        ("0.01 < stop_loss <= 0.05", {"take_profit": 0.1, "stop_loss": 0.05}, True),
        ("take_profit / (stop_loss - 0.05) > 1", {"take_profit": 0.1, "stop_loss": 0.05}, False),
    ],
)
def test_a_comparison_with_none_is_not_met(text, given, holds) -> None:
    assert condition_of(text, given).holds(given) is holds


def test_a_condition_compares_words() -> None:
    space = grid_space(BuyAfterEvent, {}, {"side": ["long", "short"], "hold": [1, 2]})
    kept = those_of(space, [condition_of("side == 'short'", space.axes)])
    assert [str(kept.parameters(i)["side"]) for i in range(len(kept))] == ["short", "short"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hodl > 3", "did you mean 'hold'"),
        ("hold >", "cannot be read"),
        ("__import__('os')", "may compare"),
        ("hold.real > 3", "may compare"),
        ("[h for h in hold]", "may compare"),
        ("hold > 'long'", "cannot be computed"),
        ("hold > 9", "no combination meets"),
    ],
)
def test_a_condition_that_cannot_be_is_refused_in_one_line(text, message) -> None:
    space = holds_and_delays()
    with pytest.raises(UserError, match=message):
        those_of(space, [condition_of(text, space.axes)])
