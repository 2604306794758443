"""The volatility of events' sessions: the formula by hand, a planted variance, and Japan's and America's real votes."""

from pathlib import Path

import numpy as np
import pytest

from datasets.events import EventCatalogue, Kind, bundled_events
from datasets.markets.instruments import bundled_instruments
from datasets.prices.sources.files import DirectorySource
from engine.run.backtest import Window as Dates
from engine.run.backtest import backtest
from engine.strategy.market import Market
from engine.study.result import Study
from engine.study.settings import Settings
from engine.study.study import study
from engine.study.study_input import StudyInput
from engine.study.variance import EventVariance, implied_deviation, volatility_multiple
from strategies.buy_after_event import BuyAfterEvent
from tests.engine.study.worlds import FREE, subject, walk

ROWS = list(range(300, 1_450, 100))
VARIANCE = Settings(draws=400, variance=True)


def of(made: Study) -> EventVariance:
    assert made.variance is not None
    return made.variance


def test_m_by_hand() -> None:
    """N = 3, A = 1, 2, 4, s² = 1: (3A - 7)² = 16, 1, 25 over 3 x 1 + 3 is 7, over N - 1 it is 3.5."""
    assert volatility_multiple(np.array([[1.0], [2.0], [4.0]]), np.ones(3)) == pytest.approx([3.5])


def test_two_events_have_no_m() -> None:
    assert np.isnan(volatility_multiple(np.array([[1.0], [2.0]]), np.ones(2))).all()


def test_sessions_with_planted_moves_are_wilder_than_placebo_dates_and_others_are_not() -> None:
    market = walk(effects={row: 0.03 if n % 2 else -0.03 for n, row in enumerate(ROWS)})
    found = of(study(subject(market, rows=ROWS), VARIANCE))
    zero, before = found.windows[0], found.windows[-1]
    assert (found.n, found.above, zero.test.n) == (12, 12, 12)
    assert zero.mean_m is not None and zero.mean_m > 5
    assert zero.test.p is not None and zero.test.p < 0.01
    assert before.test.p is not None and before.test.p > 0.05
    row = next(r for r in found.by_session if r.session == 0)
    assert row.m == zero.mean_m
    assert row.high is not None and row.high < row.m
    assert zero.cav == pytest.approx(zero.mean_m - 1)


def test_a_straddle_is_the_size_of_the_move_less_four_fifths_of_a_deviation() -> None:
    market = walk(sd=0.01, seed=3, effects=dict.fromkeys(ROWS, 0.05))
    first = of(study(subject(market, rows=ROWS), VARIANCE)).events[0]
    moves = np.log(market.close[1:] / market.close[:-1])
    sd = float(np.std(moves[ROWS[0] - 271 : ROWS[0] - 21], ddof=1))
    assert first.move == pytest.approx(market.close[300] / market.close[299] - 1)
    assert first.straddle == pytest.approx(abs(first.move) - 0.7978845608 * sd)
    assert first.implied is None and first.ratio is None


def test_an_event_without_sessions_before_it_is_named_and_not_counted() -> None:
    found = of(study(subject(walk(), rows=[135, *ROWS]), VARIANCE))
    assert (found.n, found.missing) == (12, ("E0",))


def test_what_options_priced_is_the_last_close_strictly_before_the_event() -> None:
    index = walk(n=20, sd=0.0, symbol="VOL")  # at 1,000 per cent a year
    close = int(index.close_at[10])
    assert implied_deviation(index, close + 1) == pytest.approx(10 / 252**0.5)
    assert implied_deviation(index, int(index.close_at[0])) is None  # nothing before it
    assert implied_deviation(index, int(index.close_at[-1]) + 5 * 86_400 * 10**9) is None  # too old


def test_a_study_of_means_has_no_variance() -> None:
    assert study(subject(walk(), rows=ROWS), Settings(draws=400)).variance is None


# ---- real votes ----------------------------------------------------------------------------------------------------------


def votes(market_dir: Path, symbol: str, country: str, kind: Kind, *, implied: str | None = None) -> EventVariance:
    rule = BuyAfterEvent(instrument=symbol, country=country, kind=kind, hold=1)
    market = Market(DirectorySource(market_dir), bundled_instruments())
    kept = EventCatalogue(e for e in bundled_events() if (e.country, e.kind) == (country, kind))
    given = StudyInput(rule, kept, market, FREE, Dates(), backtest(rule, kept, market, terms=FREE))
    return of(study(given, Settings(draws=400, variance=True, implied=implied)))


def test_japans_general_elections_as_computed_from_the_formula(market_dir: Path) -> None:
    """Nikkei, 13 elections from 1990-02-19 to 2026-02-09: computed apart from this program from the paper's formula."""
    found = votes(market_dir, "N225", "JP", Kind.GENERAL_ELECTION)
    zero, around, after, before = found.windows
    assert (found.n, found.events[0].session, found.events[-1].session) == (13, "1990-02-19", "2026-02-09")
    assert zero.mean_m == pytest.approx(1.975940, abs=5e-7)
    assert found.mean_z2 == pytest.approx(1.868186, abs=5e-7)
    assert after.mean_m == pytest.approx(1.701236, abs=5e-7)
    assert before.mean_m == pytest.approx(0.675129, abs=5e-7)
    assert around.cav == pytest.approx(2.216019, abs=5e-7)
    assert found.above / found.n == pytest.approx(0.615, abs=5e-4)
    assert found.sign.p == pytest.approx(0.58, abs=5e-3)


def test_american_votes_moved_the_index_by_these_multiples_of_what_options_priced(market_dir: Path) -> None:
    moved = {e.session: e for e in votes(market_dir, "SPX", "US", Kind.PRESIDENTIAL_ELECTION, implied="VIX").events}
    last = moved["2024-11-06"]
    assert last.implied is not None
    assert [100 * last.move, 100 * last.implied] == pytest.approx([2.530, 1.291], abs=5e-4)
    ratios = {"2012-11-07": 2.141, "2016-11-09": 0.938, "2020-11-09": 0.747, "2024-11-06": 1.960}
    assert {day: moved[day].ratio for day in ratios} == pytest.approx(ratios, abs=5e-4)
    assert moved["1988-11-09"].ratio is None  # VIX begins in 1990
