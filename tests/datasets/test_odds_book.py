"""The book: the last quotes, their margin, and which outcome happened."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from datasets.events.odds_book import (
    Margin,
    OutcomeOdds,
    Quote,
    happened,
    last_quotes,
    margin_removed,
    quotes_before,
    without_margin,
)
from datasets.instants import to_ns

EVE = datetime(2016, 11, 7, 12, tzinfo=UTC)


def quote(outcome: str, probability: float, *, days: float = 0) -> Quote:
    return Quote(EVE - timedelta(days=days), outcome, probability, "a test")


def quoted(*quotes: Quote) -> dict[str, float]:
    return {name: q.probability for name, q in last_quotes(tuple(sorted(quotes))).items()}


def test_the_last_quote_of_each_outcome_is_used() -> None:
    assert quoted(quote("Yes", 0.3, days=2), quote("No", 0.6, days=1), quote("Yes", 0.4)) == {"No": 0.6, "Yes": 0.4}


def test_an_outcome_not_quoted_for_more_than_a_week_has_left_the_book() -> None:
    rest = (quote("Harris", 0.5), quote("Trump", 0.5))
    assert "Biden" in quoted(quote("Biden", 0.4, days=7), *rest)
    assert "Biden" not in quoted(quote("Biden", 0.4, days=7.01), *rest)


def test_the_margin_is_taken_out_in_proportion() -> None:
    """0.50 and 0.75 sum to 1.25."""
    assert margin_removed(last_quotes((quote("A", 0.5), quote("B", 0.75)))) == {"A": 0.4, "B": 0.6}


def test_a_book_that_may_lack_an_outcome_is_not_raised() -> None:
    assert margin_removed(last_quotes((quote("Yes", 0.21),))) == {"Yes": 0.21}


def test_each_margin_by_hand() -> None:
    """Quotes of 0.6, 0.44 and 0.1. Powers: 0.6^2 + 0.8^2 = 1. Shin takes of two outcomes half of the excess each."""
    book = last_quotes((quote("A", 0.6), quote("B", 0.44), quote("C", 0.1)))
    assert margin_removed(book, Margin.TWO_OUTCOME) == {"A": 0.6 / 1.04, "B": 0.44 / 1.04, "C": 0.1 / 0.7}
    two = last_quotes((quote("A", 0.6), quote("B", 0.8)))
    assert margin_removed(two, Margin.POWER) == pytest.approx({"A": 0.36, "B": 0.64})
    assert margin_removed(two, Margin.SHIN) == pytest.approx({"A": 0.4, "B": 0.6})
    for margin in (Margin.POWER, Margin.SHIN, Margin.PROPORTIONAL):
        found = margin_removed(book, margin)
        assert sum(found.values()) == pytest.approx(1)
        assert (found["C"] < 0.1 / 1.14) is (margin is not Margin.PROPORTIONAL)


def test_the_probability_at_an_instant_is_of_the_last_quotes_until_then() -> None:
    odds = OutcomeOdds(tuple(sorted((quote("A", 0.5, days=2), quote("B", 0.75, days=1), quote("A", 0.25)))), "A")
    instants = [EVE - timedelta(days=d) for d in (3, 2, 1, 0)] + [EVE + timedelta(days=9)]
    p, quoted_at = odds.at(np.array([to_ns(at) for at in instants]))
    assert p.tolist() == pytest.approx([np.nan, 0.5, 0.4, 0.25, 0.25], nan_ok=True)
    assert quoted_at.tolist() == [0, *(to_ns(EVE - timedelta(days=d)) for d in (2, 2, 0, 0))]


def test_quotes_are_kept_without_their_margin_and_say_so() -> None:
    quotes = tuple(sorted((quote("A", 0.5), quote("B", 0.75))))
    assert [(q.outcome, q.probability, q.source) for q in without_margin(quotes, Margin.PROPORTIONAL)] == [
        ("A", 0.4, "a test, margin: proportional"),
        ("B", 0.6, "a test, margin: proportional"),
    ]


def test_before_is_strict() -> None:
    quotes = (quote("A", 0.1, days=1), quote("A", 0.2))
    assert quotes_before(quotes, EVE) == quotes[:1]
    assert quotes_before(quotes, EVE + timedelta(microseconds=1)) == quotes


@pytest.mark.parametrize(
    ("outcomes", "winner", "party", "found"),
    [
        (["Democrats", "GOP"], "Joe Biden", "Democratic", "Democrats"),
        (["DEM", "REP"], "Donald Trump", "Republican", "REP"),
        (["democratic party", "republican party"], None, "Republican", "republican party"),
        (["Koizumi", "Takaichi"], "Sanae Takaichi", "LDP", "Takaichi"),
        (["Liberal Democratic Party", "CDP"], "Sanae Takaichi", "LDP", "Liberal Democratic Party"),
        (["Leave", "Remain"], "Leave", None, "Leave"),
        (["Republican", "Trump"], "Donald Trump", "Republican", None),  # both name the winner
        (["Yes"], "Donald Trump", "Republican", None),
        (["later"], "LDP plurality; coalition forms later", "LDP", None),  # a description is no name
        (["Trump"], None, None, None),
    ],
)
def test_the_outcome_that_happened_is_the_one_that_names_the_winner(outcomes, winner, party, found) -> None:
    assert happened(outcomes, winner=winner, party=party) == found
