"""What lean-with-odds claims of its own: edge, Kelly's weight and the slope, from nothing after the decision."""

from datetime import timedelta

import numpy as np
import pytest
from msgspec.structs import replace

from datasets.events import EventCatalogue
from datasets.events.odds_book import Quote
from datasets.instants import to_datetime
from engine.run.backtest import backtest
from engine.strategy.market import MarketView
from strategies.lean_with_odds import LeanWithOdds
from tests.engine.markets import about, event, market_of, odds_path
from tests.engine.study.worlds import walk

PATH = [0.5 + 0.1 * (n % 2) for n in range(60)]
"""Odds that go up and down by 0.1 a day and end at 0.6."""


def priced(path: list[float], *, outcome: str = "Yes"):
    """Return a vote whose odds of one outcome took a path, and a market that follows them with b = 0.2."""
    vote = event("V", "2001-06-12T12:00", announced_at="2001-01-01T00:00Z", voted_on="2001-06-12", timezone="UTC")
    vote = odds_path(vote, outcome, path)
    plain = walk(200, sd=0.0)
    level = [
        next((q.probability for q in reversed(vote.quotes) if q.observed_at <= to_datetime(int(c))), 0.5)
        for c in plain.close_at
    ]
    close = 1_000 * np.exp(0.2 * (np.array(level) - 0.5))
    return vote, market_of(replace(plain, open=close, high=close, low=close, close=close))


def weight(path: list[float], **given: float | str) -> float:
    vote, market = priced(path)
    rule = LeanWithOdds(**{"instrument": "AAA", "outcome": "Yes", **given})  # type: ignore[arg-type]
    run = backtest(rule, EventCatalogue([vote]), market)
    return sum(p.weight for p in rule.legs(vote, MarketView(market, vote.known_at))) if run.trades else 0.0


def test_the_weight_is_kellys_of_the_edge_the_stretched_odds_leave() -> None:
    """p = 0.6, stretch 2: odds 1.5² = 2.25, q = 9/13. b = 0.2: (9/13 - 0.6) / (0.2 x 9/13 x 4/13) = 2.1667, of which 0.2."""
    assert weight(PATH, stretch=2, kelly=0.2) == pytest.approx(0.2 * 2.166667, abs=5e-5)


def test_the_cap_holds_on_either_side() -> None:
    assert weight(PATH, stretch=2, kelly=1, cap=0.5) == 0.5
    assert weight(PATH, stretch=0.5, kelly=1, cap=0.5) == -0.5  # longshots are underpriced: against the favourite


def test_odds_that_are_right_leave_no_edge() -> None:
    assert weight(PATH, stretch=1) == 0.0


@pytest.mark.parametrize("path", [PATH[-10:], [0.6] * 60, [0.6 + 0.001 * (n % 2) for n in range(60)], [*PATH, 1.0]])
def test_too_few_or_too_small_changes_and_certain_outcomes_are_not_traded(path: list[float]) -> None:
    assert weight(path) == 0.0


def test_the_margin_is_taken_off_the_path_as_off_the_prior() -> None:
    """Quotes of 0.66 and 0.44 are 0.6: edge, slope and weight are those of a book without a margin."""
    vote, market = priced(PATH)
    book = [
        replace(q, outcome=o, probability=1.1 * p)
        for q in vote.quotes
        for o, p in (("Yes", q.probability), ("No", 1 - q.probability))
    ]
    rule = LeanWithOdds(instrument="AAA", outcome="Yes", stretch=2, kelly=0.2)
    [leg] = rule.legs(vote.with_quotes(tuple(book)), MarketView(market, vote.known_at))
    assert leg.weight == pytest.approx(0.2 * 2.166667, abs=5e-5)


def test_it_decides_the_day_before_the_vote_and_holds_over_it() -> None:
    vote, market = priced(PATH)
    trade = backtest(LeanWithOdds(instrument="AAA", outcome="Yes"), EventCatalogue([vote]), market).trades[0]
    assert (trade.entry_session, trade.exit_session) == ("2001-06-11", "2001-06-13")


def test_the_path_of_odds_ends_before_the_decision() -> None:
    """An event with all its quotes, such as one from a catalogue that a rule loads itself, is cut all the same."""
    vote, market = priced(PATH)
    at = vote.quotes[40].observed_at
    assert MarketView(market, at).odds(vote) == vote.quotes[:40]
    assert len(MarketView(market, at + timedelta(seconds=1)).odds(vote)) == 41


def test_what_is_quoted_after_the_decision_changes_nothing() -> None:
    vote, market = priced(PATH)
    assert vote.vote_begins_at is not None
    late = Quote(vote.vote_begins_at - timedelta(hours=1), "Yes", 0.01, "made")
    rule = LeanWithOdds(instrument="AAA", outcome="Yes")
    one, two = (backtest(rule, EventCatalogue([e]), market) for e in (vote, vote.with_quotes((*vote.quotes, late))))
    assert one.trades == two.trades
    assert [t.pnl for t in one.trades] == about([t.pnl for t in two.trades])
