"""Odds and prices together: pairs by instant, the regression and its placebo, what is refused and what is warned of."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from benchmarks.implied import WORLDS, measured
from datasets.errors import UserError
from datasets.events import PoliticalEvent
from datasets.events.odds import read_odds
from datasets.events.odds_book import OutcomeOdds, Quote
from datasets.instants import InstantWindow, to_ns
from datasets.markets.instruments import bundled_instruments
from datasets.prices.bars import Source, make_bars
from datasets.prices.sources.files import DirectorySource
from engine.implied.implied import as_large_shifts, fitted_numbers, implied, smallest_b, warnings_of
from engine.implied.pairs import Pairs, make_pairs, reaction, window_pairs
from engine.run.backtest import Window
from engine.statistics.regression import Errors, regress

SPX, IPC = (bundled_instruments().find(s) for s in ("SPX", "IPC"))
NO_DATES = Window(None, None)
DAYS = np.arange("2016-08-01", "2016-11-19", dtype="datetime64[D]")
DAYS = DAYS[np.is_busday(DAYS)]


def bars(close, instrument=SPX, days=DAYS):
    blank = np.full(len(close), np.nan)
    columns = {"open_": blank, "high": blank, "low": blank, "close": np.asarray(close, dtype=float), "volume": blank}
    return make_bars(instrument, Source("test", "test"), session=days[: len(close)], where=str, **columns)


def odds(values, *, hour=19, first="2016-08-01", outcome="Trump", source="a market"):
    """Return one quote a calendar day at an hour of UTC."""
    began = datetime.fromisoformat(first).replace(hour=hour, tzinfo=UTC)
    return OutcomeOdds(
        tuple(Quote(began + timedelta(days=k), outcome, float(v), source) for k, v in enumerate(values)), outcome
    )


def vote(country="US", **more):
    fields = {
        "event_id": "XX-1", "country": country, "kind": "presidential_election", "title": "A vote",
        "polls_close_at": datetime(2016, 11, 9, 1, tzinfo=UTC), "known_at": datetime(2016, 11, 9, 7, 30, tzinfo=UTC),
        "winner": "Donald Trump", "winner_party": "Republican",
    }  # fmt: skip
    return PoliticalEvent(**{**fields, **more})


def pairs_of(close, p, *, quoted_hours_before=0.5):
    """Return pairs of closes a day apart."""
    close_at = np.array([to_ns(datetime(2016, 8, 1, 20, tzinfo=UTC) + timedelta(days=k)) for k in range(len(close))])
    quoted = close_at - int(quoted_hours_before * 3.6e12)
    return Pairs(DAYS[: len(close)], close_at, np.asarray(close, dtype=float), np.asarray(p, dtype=float), quoted)


# ---- pairs ---------------------------------------------------------------------------------------------------------------


def test_a_close_is_paired_with_the_last_quote_at_or_before_its_instant():
    """New York closes at 20:00 UTC in summer: a quote of 20:00 counts, one a second later belongs to the next close."""
    at_close = make_pairs(bars([100, 101, 102]), odds([0.1, 0.2, 0.3], hour=20), vote(), NO_DATES)
    assert at_close.p.tolist() == [0.1, 0.2, 0.3]
    later = tuple(
        Quote(q.observed_at + timedelta(seconds=1), "Trump", q.probability, "x")
        for q in odds([0.1, 0.2, 0.3], hour=20).quotes
    )
    assert make_pairs(bars([100, 101, 102]), OutcomeOdds(later, "Trump"), vote(), NO_DATES).p.tolist() == [0.1, 0.2]


def test_closes_lie_within_the_dates_and_before_polls_close():
    found = make_pairs(bars(np.linspace(100, 110, 80)), odds(np.linspace(0.2, 0.6, 120)), vote(), NO_DATES)
    assert (str(found.session[0]), str(found.session[-1])) == ("2016-08-01", "2016-11-08")
    window = Window(date(2016, 9, 1), date(2016, 9, 30))
    found = make_pairs(bars(np.linspace(100, 110, 80)), odds(np.linspace(0.2, 0.6, 120)), vote(), window)
    assert (str(found.session[0]), str(found.session[-1])) == ("2016-09-01", "2016-09-30")


def test_what_came_is_from_the_eve_to_the_first_close_after_the_outcome():
    close = np.full(80, 100.0)
    close[DAYS[:80] > np.datetime64("2016-11-08")] = 90.0
    came = reaction(bars(close), vote())
    assert came[0] == pytest.approx(100 * np.log(0.9))
    assert came[1:] == ("2016-11-08", "2016-11-09")
    assert reaction(bars(close[:60]), vote()) == "no close of SPX after 2016-11-09T07:30:00Z"
    assert reaction(bars(close), vote(known_at=None, winner=None, winner_party=None)) == "the outcome is not known"


def test_no_overlap_and_equal_quotes_are_refused():
    with pytest.raises(
        UserError, match="no two closes of SPX within the dates and before the count have a quote of 'Trump'"
    ):
        make_pairs(bars([100, 101, 102]), odds([0.1, 0.2], first="2017-01-01"), vote(), NO_DATES)
    with pytest.raises(UserError, match=r"all quotes of 'Trump' are 0\.3: the odds must change"):
        make_pairs(bars([100, 101, 102]), odds([0.3] * 9), vote(), NO_DATES)


# ---- the numbers ---------------------------------------------------------------------------------------------------------


def test_the_published_line_of_a_debate():
    """Wolfers and Zitzewitz 2016: from 0.63 to 0.69 the S&P 500 gained 0.71 %."""
    found = implied("SPX", pairs_of([100, 100 * np.exp(0.0071)], [0.63, 0.69]), window="debate")
    assert (found.b, found.if_outcome, found.if_not) == pytest.approx((11.83, 3.67, -8.17), abs=0.0051)
    assert (found.p_before, found.p, found.move) == pytest.approx((0.63, 0.69, 0.71))


def test_a_window_needs_two_prices_and_odds_that_change():
    begin, end = datetime(2016, 8, 1, 21, tzinfo=UTC), datetime(2016, 8, 2, 21, tzinfo=UTC)
    found = window_pairs(bars([100, 101, 102]), odds([0.1, 0.2, 0.3]), InstantWindow("x", begin, end))
    assert (found.close.tolist(), found.p.tolist()) == ([100, 101], [0.1, 0.2])
    with pytest.raises(UserError, match="SPX has no two prices from 2016-08-01T21:00:00Z to 2016-08-01T22:00:00Z"):
        window_pairs(
            bars([100, 101, 102]), odds([0.1, 0.2, 0.3]), InstantWindow("x", begin, begin + timedelta(hours=1))
        )
    with pytest.raises(UserError, match="the odds do not change"):
        window_pairs(bars([100, 101, 102]), odds([0.2, 0.2, 0.3]), InstantWindow("x", begin, end))


def test_moves_follow_from_b_and_p():
    """The returns are 10 times the changes, without noise: b is 10, p 0.4 at the end."""
    p = np.where(np.arange(41) % 2, 0.5, 0.4)
    found = implied("SPX", pairs_of(100 * np.exp(np.cumsum(np.diff(p, prepend=p[0])) / 10), p))
    assert (found.b, found.if_outcome, found.if_not) == pytest.approx((10, 6, -4))
    assert (found.n, found.observed_at, found.age_hours) == (40, "2016-09-10T19:30:00Z", 0.5)


@pytest.mark.parametrize(
    ("p", "why"),
    [
        (np.linspace(0.2, 0.4, 20), "19 pairs of a return and a change of probability; at least 20 are needed"),
        (0.3 + 0.004 * (np.arange(40) % 2), "a standard deviation of 0.0041; at least 0.005 is needed"),
    ],
)
def test_too_few_pairs_and_too_small_changes_give_no_numbers(p, why):
    found = implied("SPX", pairs_of(100 + np.arange(len(p)) % 3, p))
    assert why in found.notes["b"]
    assert (found.b, found.low, found.t_hc1, found.shift_p, found.if_outcome, found.lead) == (None,) * 6
    assert found.p == p[-1]


def test_all_shifts_at_once_are_those_of_the_regression():
    rng = np.random.default_rng(7)
    x, r = rng.standard_normal(24) * 0.02, rng.standard_t(4, 24)
    fits = [regress(r, np.roll(x, k)) for k in range(24)]
    by_t = sum(abs(f.t(Errors.HC1)) >= abs(fits[0].t(Errors.HC1)) * (1 - 1e-9) for f in fits)
    by_b = sum(abs(f.slope) >= abs(fits[0].slope) * (1 - 1e-9) for f in fits)
    assert 1 < by_t < 24
    assert as_large_shifts(r, x) == (by_t, by_b)


def test_smallest_b_by_hand():
    """With 120 pairs t is 1.9803 at 97.5 % and 0.8444 at 80 %; spreads 1 % and 0.02: 2.8247 / (0.02 x 10.9545)."""
    r, dp = np.tile([1.0, -1.0], 60) * np.sqrt(119 / 120), np.tile([0.02, -0.02], 60)
    assert smallest_b(r, dp) == pytest.approx(12.893, abs=5e-3)
    assert smallest_b(r, 0 * dp) is None


def test_news_after_the_quote_is_found_by_the_lead_term():
    """Half of each change is in the return before the quote knows it: b 6 on the same and 6 on the next change."""
    rng = np.random.default_rng(5)
    dp = rng.standard_normal(200) * 0.02
    r = 6 * dp + 6 * np.append(dp[1:], 0) + rng.standard_normal(200) * 0.01
    found = fitted_numbers(r, dp, p=0.5)
    assert (found["lead"], found["lead_sum"]) == pytest.approx((6, 12), abs=0.2)
    assert found["lead_t"] > 10


@pytest.mark.slow
def test_the_interval_covers_and_the_placebo_keeps_its_size():
    """300 worlds a length; of 4,000 see docs/reference/odds.md. The bounds are three standard errors wide (1.7, 1.3 pp)."""
    for n in (20, 60):
        share = measured(WORLDS[3], n, runs=300)
        assert 0.848 <= share.covered <= 0.952
        assert share.shift <= 0.088


# ---- warnings ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "quotes", "event", "market", "hours"),
    [
        ("", {}, {}, IPC, 0.5),
        ("proxy market: no outcome of 'a market' names Donald Trump", {"outcome": "Yes"}, {}, IPC, 0.5),
        ("proxy market: 'Polymarket PA' is of one state", {"source": "Polymarket PA"}, {}, IPC, 0.5),
        ("", {"source": "Polymarket PA"}, {"event_id": "US-2016-11-08-PA"}, IPC, 0.5),
        ("longshot: p is 0.05", {"last": 0.05}, {}, IPC, 0.5),
        ("one-cent quotes: 1 of 3 closes", {"last": 0.01}, {}, IPC, 0.5),
        ("stale quotes: the last is 100 h old", {}, {}, IPC, 100),
        ("quotes are 16 h older than the close (median)", {}, {}, IPC, 16),
        ("quotes after the close: 1 before the count are not used, the last is 0.77", {"more": True}, {}, IPC, 0.5),
        ("reverse causality: a market at home", {}, {}, SPX, 0.5),
        ("", {}, {"country": "MX"}, SPX, 0.5),
    ],
)
def test_each_warning_applies_where_its_reason_is(said, quotes, event, market, hours):
    asked = odds(
        [0.3, 0.4, 0.3] + [0.77] * ("more" in quotes),
        outcome=quotes.get("outcome", "Trump"),
        source=quotes.get("source", "a market"),
    )
    found = pairs_of([100, 101, 102], [0.3, 0.4, quotes.get("last", 0.3)], quoted_hours_before=hours)
    texts = list(warnings_of(found, asked, event=vote(**event), market=market))
    assert any(text.startswith(said) for text in texts) if said else texts == []


# ---- the real markets of 2016 and 2020 -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mexico(market_dir):
    known = DirectorySource(market_dir, now=datetime(2026, 12, 1, tzinfo=UTC))
    return known.load(IPC)


@pytest.fixture(scope="module")
def sweep(shared_dir):
    """PredictIt's market on Republicans in Congress and the White House."""
    return OutcomeOdds(read_odds(shared_dir / "odds/PREDICTIT_2016_DAILY.csv", "1250")[1], "Yes")


def test_joined_by_date_the_sign_turns(mexico, sweep):
    """The quote of 23:59 Eastern time is put on the close of its own date, hours before it was made."""
    by_date = tuple(Quote(q.observed_at - timedelta(hours=12), "Yes", q.probability, "x") for q in sweep.quotes)
    window = Window(date(2016, 6, 1), date(2016, 11, 8))
    right, wrong = (make_pairs(mexico, o, vote(), window) for o in (sweep, OutcomeOdds(by_date, "Yes")))
    b = [regress(each.returns, each.changes) for each in (right, wrong)]
    assert [round(f.slope, 3) for f in b] == [-11.297, 0.675]
    assert b[1].t(Errors.HC1) == pytest.approx(1.39, abs=0.006)  # 1.385
