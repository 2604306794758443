"""What surprise-win claims of its own: it hangs on the prior, and says so where there is none."""

from datetime import timedelta

import pytest

from datasets.events import EventCatalogue, bundled_events
from datasets.events.odds_book import Quote, Quotes
from datasets.events.priors import PriorTable, with_priors
from datasets.markets.instruments import bundled_instruments
from engine.run.backtest import backtest
from engine.strategy import BeforeVote, LastCloseBefore, Leg, Strategy, Symbol, strategy
from engine.strategy.market import Market
from strategies.surprise_win import SurpriseWin
from tests.engine.markets import builtin_bars

YEARS = ("US-2008-11-04-PE", "US-2012-11-06-PE", "US-2016-11-08-PE")


def run_with(rule: Strategy, **priors: float):
    """Run over three presidential elections, the winner's party quoted at noon of the day before, in UTC."""
    events = EventCatalogue(bundled_events().get(e) for e in YEARS)
    quotes: dict[str, Quotes] = {}
    for event in events:
        assert event.vote_begins_at is not None
        assert event.winner_party is not None
        eve = event.vote_begins_at - timedelta(hours=12)
        p = priors.get(f"in_{event.vote_begins_at.year}")
        quotes |= {} if p is None else {event.event_id: (Quote(eve, event.winner_party, p, "a test"),)}
    table = PriorTable("p.csv", "0" * 64, quotes)
    return backtest(rule, with_priors(events, table), Market(builtin_bars(), bundled_instruments()))


@pytest.mark.parametrize(
    ("below", "traded"), [(0.3, []), (0.31, [2016]), (0.6, [2012, 2016]), (1.0, [2008, 2012, 2016])]
)
def test_it_buys_after_outcomes_held_less_likely_than_the_threshold(below: float, traded: list[int]) -> None:
    run = run_with(SurpriseWin(prior_below=below), in_2008=0.9, in_2012=0.5, in_2016=0.3)
    assert [int(t.event_id[3:7]) for t in run.trades] == traded
    assert not run.skipped


def test_an_event_without_a_prior_is_listed_with_the_field_that_is_missing() -> None:
    run = run_with(SurpriseWin(), in_2012=0.9, in_2016=0.3)
    assert [(s.event_id, s.reason) for s in run.skipped] == [
        ("US-2008-11-04-PE", "unknown at 2008-11-05T04:00:00Z: outcome_prior")
    ]


@strategy
class FavouriteRally(Strategy):
    """Hold into the vote when someone is a clear favourite."""

    instrument: Symbol = "SPX"

    def decides_at(self, event, clock):
        return None if event.vote_begins_at is None else event.vote_begins_at - timedelta(days=3)

    def wants(self, event):
        return max(event.priors.values(), default=0) > 0.8

    def legs(self, event, market):
        return [Leg(self.instrument, 0.5, BeforeVote(sessions=1), LastCloseBefore(event.vote_begins_at))]


def test_a_rule_that_acts_before_the_vote_sees_only_quotes_from_before_its_decision() -> None:
    """The quotes are of half a day before the vote, the decision is of three days before: the prior is unknown."""
    run = run_with(FavouriteRally(), in_2008=0.9, in_2012=0.9, in_2016=0.9)
    assert not run.trades
    assert {s.reason.partition(": ")[2] for s in run.skipped} == {"priors"}


def test_what_is_quoted_after_the_cut_off_changes_no_trade_and_no_skipped_event() -> None:
    events = EventCatalogue(bundled_events().get(e) for e in YEARS)
    last = events.get("US-2016-11-08-PE")
    midnight = last.vote_begins_at
    assert midnight is not None
    known = Quote(midnight - timedelta(days=1), "Republican", 0.3, "a test")

    def run(after: float):
        later = Quote(midnight, "Republican", after, "a test")
        table = PriorTable("p.csv", "0" * 64, {last.event_id: (known, later)})
        return backtest(SurpriseWin(), with_priors(events, table), Market(builtin_bars(), bundled_instruments()))

    low, high = run(0.01), run(0.99)
    assert [t.event_id for t in low.trades] == ["US-2016-11-08-PE"]
    assert (low.trades, low.skipped, low.run_id) == (high.trades, high.skipped, high.run_id)
