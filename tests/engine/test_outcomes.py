"""The table of conditions: what a rule answers to each outcome, as few rows as there are different answers."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from datasets.errors import UserError
from datasets.events import Majority, PoliticalEvent, ProGrowth
from engine.strategy.outcomes import conditional_answers

Table = list[tuple[dict[str, tuple[str, ...]], object]]
MAJORITIES = ("supermajority", "majority", "coalition", "hung", "n/a")


def table(question: Callable[[PoliticalEvent], object], kind: str = "general_election", **known: object) -> Table:
    at = datetime(2027, 4, 18, 17, tzinfo=UTC)
    given = {"event_id": "FI-1", "country": "FI", "kind": kind, "title": "Vote", "known_at": at, **known}
    event = PoliticalEvent.model_validate(given)
    return [(dict(row.conditions), row.answer) for row in conditional_answers(event, question)]


def test_what_depends_on_nothing_has_no_condition() -> None:
    assert table(lambda e: e.country) == [({}, "FI")]


def test_values_with_the_same_answer_are_one_row() -> None:
    assert table(lambda e: e.majority is Majority.HUNG) == [
        ({"majority": ("supermajority", "majority", "coalition", "n/a")}, False),
        ({"majority": ("hung",)}, True),
    ]


def test_a_field_that_makes_no_difference_is_no_condition() -> None:
    assert table(lambda e: e.pro_growth == ProGrowth.YES or e.majority is not None) == [({}, True)]


def test_a_field_that_is_known_is_no_condition() -> None:
    assert table(lambda e: e.incumbent_won, incumbent_won=True) == [({}, True)]


def test_words_are_those_the_rule_compares_with() -> None:
    def side(event: PoliticalEvent) -> str:
        party = (event.winner_party or "").casefold()
        return "buy" if party == "sdp" else "sell" if party in ("kok", "ps") else "none"

    assert table(side) == [
        ({"winner_party": ("kok", "ps")}, "sell"),
        ({"winner_party": ("sdp",)}, "buy"),
        ({"winner_party": ("any other",)}, "none"),
    ]


def test_part_of_a_word_is_found() -> None:
    assert table(lambda e: "Green" in (e.winner or "")) == [
        ({"winner": ("Green",)}, True),
        ({"winner": ("any other",)}, False),
    ]


def test_tags_are_tried_together() -> None:
    assert table(lambda e: "tax_cut" in e.program and "austerity" not in e.program) == [
        ({"program": ("none of them", "austerity", "austerity and tax_cut")}, False),
        ({"program": ("tax_cut",)}, True),
    ]


def test_numbers_are_cut_where_the_rule_cuts_them() -> None:
    def size(event: PoliticalEvent) -> int:
        share = event.winner_share
        assert share is not None
        return 0 if share < 0.3 else 1 if share <= 0.5 else 2

    assert table(size) == [
        ({"winner_share": ("below 0.3",)}, 0),
        ({"winner_share": ("0.3 or more and 0.5 or less",)}, 1),
        ({"winner_share": ("above 0.5",)}, 2),
    ]


def test_a_number_that_is_computed_with_is_tried_at_three_values() -> None:
    assert table(lambda e: round(2 * (e.surprise_size or 0)), implied_probability=None)[0] == (
        {"surprise_size": ("0",)},
        0,
    )


def test_conditions_come_in_the_order_in_which_they_are_read() -> None:
    found = table(lambda e: bool(e.incumbent_won) and e.majority in (Majority.MAJORITY, Majority.SUPERMAJORITY))
    assert [list(conditions) for conditions, _ in found] == [["incumbent_won", "majority"]] * 2 + [["incumbent_won"]]
    assert found[0] == ({"incumbent_won": ("yes",), "majority": ("supermajority", "majority")}, True)


def test_too_many_outcomes_are_refused() -> None:
    names = [f"N{n}" for n in range(60)]

    def everything(event: PoliticalEvent) -> object:
        party, winner = event.winner_party, event.winner
        return (event.majority, event.incumbent_won, any(map(party.__eq__, names)), any(map(winner.__eq__, names)))

    with pytest.raises(UserError, match=r"the rule reads .*: there are too many outcomes to list"):
        table(everything)
