"""A rule at an event to come: what it sees of the bars, and on which sessions its legs fall."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from datasets.errors import UserError
from datasets.events import PoliticalEvent
from datasets.markets.instruments import Instrument, bundled_instruments
from datasets.prices.bars import Bars, Source, make_bars, make_intraday_bars
from engine.plan.coming import ComingMarket, ComingPlan, coming_event, plan_coming
from engine.plan.plan import PlannedTrade
from engine.strategy import After, Clock, Leg, NextOpen, Strategy, Symbol, strategy
from engine.strategy.market import MarketView, NoBarsError

AS_OF = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = np.array(["2026-02-25", "2026-02-26", "2026-02-27", "2026-03-02"], dtype="datetime64[D]")
"""Of New York: Wednesday to Friday, and the Monday that begins after AS_OF."""
CLOSES = np.array([100.0, 101.0, 104.0, 50.0])


class Made:
    """Bars of SPX; those of AS_OF's own day must not be seen."""

    def symbols(self) -> list[str]:
        return ["SPX"]

    def load(self, instrument: Instrument) -> Bars:
        nan = np.full(len(DAYS), np.nan)
        prices = {"open_": CLOSES, "high": CLOSES, "low": CLOSES, "close": CLOSES, "volume": nan}
        return make_bars(instrument, Source("made", "made up"), session=DAYS, where=str, **prices)


class Minutes(Made):
    """One bar of an hour."""

    def load(self, instrument: Instrument) -> Bars:
        at, one = np.array([1_772_202_600_000_000_000]), np.array([100.0])  # 2026-02-27T14:30Z
        prices = {"open_": one, "high": one, "low": one, "close": one, "volume": one}
        return make_intraday_bars(instrument, Source("made", "made up"), session=DAYS[2:3], open_at=at,
                                  close_at=at + 3_600_000_000_000, where=str, **prices)  # fmt: skip  # type: ignore[arg-type]


@strategy
class OnAnnouncement(Strategy):
    """Buys when the vote is announced, in proportion to the last close."""

    instrument: Symbol = "SPX"
    late: bool = False

    def decides_at(self, event: PoliticalEvent, clock: Clock) -> datetime | None:
        return event.known_at if self.late else event.announced_at

    def wants(self, event: PoliticalEvent) -> bool:
        return event.incumbent_won is not False

    def legs(self, event: PoliticalEvent, market: MarketView) -> list[Leg]:
        weight = market.close(self.instrument) / 1000
        return [Leg(self.instrument, weight, entry=NextOpen(), exit=After(sessions=2))]


def vote(**given: object) -> PoliticalEvent:
    facts = {
        "event_id": "US-1",
        "country": "US",
        "kind": "general_election",
        "title": "Vote",
        "timezone": "UTC",
        **given,
    }
    return PoliticalEvent.model_validate(facts)


def planned(rule: Strategy, source: Made, event: PoliticalEvent, as_of: datetime = AS_OF) -> ComingPlan:
    market = ComingMarket(source, bundled_instruments(), as_of=as_of)
    return plan_coming(rule, coming_event(event, as_of), market, [])


def test_a_rule_sees_the_bars_closed_by_now_and_enters_at_the_first_session_to_come() -> None:
    [row] = planned(OnAnnouncement(), Made(), vote(voted_on=date(2026, 6, 7))).rows
    [(_, trade)] = row.answer
    assert isinstance(trade, PlannedTrade)
    assert (row.conditions, trade.weight) == ((), 0.104)  # the close of Friday, not that of Monday
    assert (trade.entry.bar, trade.exit and trade.exit.bar) == (3, 5)  # Monday's open, Wednesday's open


def test_a_rule_that_reads_prices_to_come_says_which() -> None:
    rows = planned(OnAnnouncement(late=True), Made(), vote(voted_on=date(2026, 6, 7))).rows
    assert [row.conditions for row in rows] == [(("incumbent_won", ("yes",)),), (("incumbent_won", ("no",)),)]
    assert rows[0].answer[0][1].reason == "it depends on the prices of SPX at 2026-06-08T00:00:00Z"
    assert rows[1].answer == ()


def test_an_outcome_known_later_is_hidden_and_supposed_when_polls_close() -> None:
    known = vote(
        announced_at=AS_OF - timedelta(days=9),
        polls_close_at=AS_OF + timedelta(days=9),
        known_at=AS_OF + timedelta(days=10),
        incumbent_won=True,
    )
    seen = coming_event(known, AS_OF)
    assert (seen.incumbent_won, seen.known_at) == (None, known.polls_close_at)
    assert seen.announced_at == known.announced_at


def test_an_announcement_that_is_still_to_come_counts_as_of_now() -> None:
    seen = coming_event(vote(announced_at=AS_OF + timedelta(days=1), voted_on=date(2026, 6, 7)), AS_OF)
    assert (seen.announced_at, seen.known_at) == (AS_OF, datetime(2026, 6, 8, tzinfo=UTC))


@pytest.mark.parametrize(
    ("source", "as_of", "error", "said"),
    [
        (Minutes(), AS_OF, UserError, "orders need daily bars; those of SPX are of another length"),
        (Made(), datetime(2020, 1, 1, tzinfo=UTC), NoBarsError, "no bars of SPX up to 2020-01-01T00:00:00Z"),
    ],
)
def test_bars_that_cannot_be_continued_are_refused(
    source: Made, as_of: datetime, error: type[UserError], said: str
) -> None:
    with pytest.raises(error, match=said):
        planned(OnAnnouncement(), source, vote(voted_on=date(2026, 6, 7)), as_of)
