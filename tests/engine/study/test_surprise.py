"""Returns on what was not expected of a side: by hand, on planted worlds, and on America's votes since 1928."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from datasets.errors import UserError
from datasets.events import EventCatalogue, Kind, PoliticalEvent, bundled_events
from datasets.events.odds_book import Quote
from datasets.markets.instruments import bundled_instruments
from datasets.prices.sources.files import DirectorySource
from engine.run.backtest import Window as Dates
from engine.run.backtest import backtest
from engine.statistics.regression import Errors, regress
from engine.strategy.market import Market
from engine.study.prepare import prepare
from engine.study.settings import EventWindow, Settings
from engine.study.study_input import StudyInput
from engine.study.surprise import SideSurprise, side_probability, side_surprise, slope_t
from strategies.buy_after_event import BuyAfterEvent
from tests.engine.markets import event, market_of
from tests.engine.study.worlds import FREE, events_before, walk

ROWS = list(range(300, 1_480, 60))
REACTION = EventWindow(0, 0)


def vote(*odds: tuple[str, float], **fields: Any) -> PoliticalEvent:
    """Return a vote with a quote of each outcome on its eve."""
    made = event("V", "2020-11-04T09:00", **{"winner": "Ann Smith", "winner_party": "Red", **fields})
    at = made.known_at
    assert at is not None
    return made.with_quotes(tuple(Quote(at, outcome, p, "made") for outcome, p in odds))


@pytest.mark.parametrize(
    ("side", "odds", "p"),
    [
        ("red", (("Red", 0.6), ("Blue", 0.4)), 0.6),
        ("Blue party", (("Red", 0.6), ("Blue", 0.4)), 0.4),
        ("Blue", (("Red", 0.72), ("Blue", 0.48)), 0.4),  # the margin is removed
        ("Red", (("Smith", 0.7), ("Jones", 0.3)), 0.7),  # the winner's, by name
        ("Blue", (("Smith", 0.7), ("Jones", 0.3)), 0.3),  # of two outcomes, the other one
        ("Blue", (("Smith", 0.5), ("Jones", 0.3), ("Brown", 0.2)), None),
        ("Blue", (("Yes", 0.5), ("No", 0.5)), None),
    ],
)
def test_the_probability_of_a_side(side: str, odds: Any, p: float | None) -> None:
    assert side_probability(vote(*odds), side) == (None if p is None else pytest.approx(p))


def test_without_quotes_the_probability_is_that_of_the_catalogue() -> None:
    seen = vote(implied_probability=0.8)
    assert [side_probability(seen, side) for side in ("Red", "Blue")] == pytest.approx([0.8, 0.2])
    assert side_probability(vote(), "Red") is None


def test_many_slopes_at_once_have_the_t_of_one_regression() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=12), rng.normal(size=(3, 12))
    assert slope_t(x, y) == pytest.approx([regress(each, x).t(Errors.HC1) for each in y])


def planted(b: float, *, p: float | None = 0.5, seed: int = 1) -> StudyInput:
    """Return a study of 20 votes, won by Red and Blue in turn, that move a market by b x (what was not expected)."""
    expected = np.random.default_rng(seed).uniform(0.2, 0.8, len(ROWS))
    effects = {row: b * ((n % 2 == 0) - expected[n]) for n, row in enumerate(ROWS)}
    market = walk(sd=0.002, effects=effects)
    events = EventCatalogue(
        e.model_copy(
            update={
                "winner_party": "Red" if n % 2 == 0 else "Blue",
                "implied_probability": float(expected[n] if n % 2 == 0 else 1 - expected[n]) if p else None,
            }
        )
        for n, e in enumerate(events_before(market, ROWS))
    )
    rule, bars = BuyAfterEvent(instrument="AAA", hold=1), market_of(market)
    return StudyInput(rule, events, bars, FREE, Dates(), backtest(rule, events, bars, terms=FREE))


def surprise(given: StudyInput, side: str = "Red", **settings: Any) -> SideSurprise:
    made = Settings(**{"draws": 400, "windows": (REACTION,), "surprise": side, **settings})
    return side_surprise(given.events, prepare(given, replace(made, draws=400)), made)


def test_a_planted_slope_is_found_in_its_window_and_for_either_side() -> None:
    red, blue = (surprise(planted(0.05), side).views[1] for side in ("Red", "Blue"))
    assert red.fit is not None and blue.fit is not None
    assert red.fit.low < 0.05 < red.fit.high
    assert red.fit.slope == pytest.approx(0.05, abs=0.005)
    assert blue.fit.slope == pytest.approx(-red.fit.slope)
    assert red.placebo.p is not None and red.placebo.p < 0.02
    assert (red.n, red.sides.wanted, red.sides.declined) == (20, 10, 10)


def test_without_an_effect_the_slope_is_one_among_placebo_slopes() -> None:
    view = surprise(planted(0.0)).views[1]
    assert view.placebo.p is not None and view.placebo.p > 0.05


def test_the_full_value_of_what_happened_is_its_return_over_what_was_not_expected() -> None:
    given = planted(0.05)
    found, returns = surprise(given, model=None), given.market.bars("AAA")
    first, second = found.votes[:2]
    move = [float(returns.close[r] / returns.close[r - 1] - 1) for r in ROWS[:2]]
    assert first.won and not second.won
    assert first.p is not None and second.p is not None
    assert first.full[1] == pytest.approx(move[0] / (1 - first.p))
    assert second.full[1] == pytest.approx(move[1] / second.p)  # it lost: what happened had 1 - p


def test_too_few_probabilities_are_a_reason_and_the_labels_are_compared_all_the_same() -> None:
    view = surprise(planted(0.05, p=None)).views[1]
    assert (view.n, view.fit, view.placebo.reason) == (
        0,
        None,
        "votes with a probability: 0; a regression needs at least 5",
    )
    assert view.sides.test.p is not None and view.sides.test.p < 0.01


def test_a_side_that_never_won_is_named() -> None:
    with pytest.raises(UserError, match="'Green' won none of the 20 votes; they were won by Blue, Red"):
        surprise(planted(0.05), "Green")


def test_republican_wins_since_1928_moved_the_index_by_more_than_democratic_ones(market_dir: Path) -> None:
    """`study buy-after-event -p instrument=SPX -p country=US -p kind=presidential_election -p hold=1 --model none
    --window 0:0 --surprise Republican --draws 99999`: computed apart from this program, 1.6057 points and p = 0.047."""
    kind = Kind.PRESIDENTIAL_ELECTION
    rule = BuyAfterEvent(instrument="SPX", country="US", kind=kind, hold=1)
    market = Market(DirectorySource(market_dir), bundled_instruments())
    events = EventCatalogue(e for e in bundled_events() if (e.country, e.kind) == ("US", kind))
    given = StudyInput(rule, events, market, FREE, Dates(), backtest(rule, events, market, terms=FREE))
    sides = surprise(given, "Republican", model=None, draws=99_999).views[1].sides
    assert (sides.wanted, sides.declined) == (12, 13)
    assert sides.mean_wanted is not None and sides.mean_declined is not None
    assert 100 * (sides.mean_wanted - sides.mean_declined) == pytest.approx(1.6057, abs=5e-5)
    assert sides.test.p == pytest.approx(0.047, abs=3 * 0.0007)
