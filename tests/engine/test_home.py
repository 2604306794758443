"""``home`` and ``home-fx``: each event traded on its own market, or by its own currency."""

import csv
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from datasets.errors import UserError
from datasets.events import EventCatalogue, bundled_events
from datasets.markets.instruments import bundled_instruments
from datasets.prices.sources.files import DirectorySource
from engine.plan.plan import Plan, make_plan
from engine.strategy import build
from engine.strategy.market import Market
from strategies.loading import find_strategy
from tests.engine.markets import builtin_bars

VOTES = ("JP-2017-10-22-GE", "JP-2026-02-08-GE", "FR-2017-05-07-R2", "US-2016-11-08-PE", "KR-2017-05-09-PE")


def events(*ids: str) -> EventCatalogue:
    return bundled_events().select(lambda e: e.event_id in ids)


def plan(market: Market, ids: tuple[str, ...] = VOTES, **given: str) -> Plan:
    return make_plan(build(find_strategy("buy-after-event"), given), events(*ids), market)


@pytest.fixture
def builtin() -> Market:
    return Market(builtin_bars(), bundled_instruments())


@pytest.fixture
def currencies(tmp_path: Path) -> Market:
    """Eight months of made-up rates around the French and the Japanese vote of 2017."""
    days = [date(2017, 4, 3) + timedelta(days=n) for n in range(240)]
    for symbol, level in (("EURUSD", 1.1), ("USDJPY", 110.0), ("USDKRW", 1100.0)):
        with (tmp_path / f"{symbol}.csv").open("w", newline="") as f:
            rows = csv.writer(f)
            rows.writerow(["Date", "Open", "High", "Low", "Close"])
            closes = [(d, level * (1 + 0.00001 * n + 0.0003 * (n % 3))) for n, d in enumerate(days) if d.weekday() < 5]
            rows.writerows([d, level, level * 1.02, level * 0.98, close] for d, close in closes)
    return Market(DirectorySource(tmp_path, now=datetime(2026, 12, 1, tzinfo=UTC)), bundled_instruments())


def test_each_event_is_traded_on_its_main_index(builtin: Market) -> None:
    made = plan(builtin, instrument="home")
    assert {t.event_id: t.instrument for t in made.trades} == {
        "US-2016-11-08-PE": "SPX",
        "KR-2017-05-09-PE": "KOSPI",
        "JP-2017-10-22-GE": "N225",
        "JP-2026-02-08-GE": "TOPIX",
    }
    assert set(made.instruments) == {"SPX", "KOSPI", "N225", "TOPIX"}


def test_an_event_without_bars_of_its_home_is_skipped_with_the_reason(builtin: Market) -> None:
    [skipped] = plan(builtin, instrument="home").skipped
    assert (skipped.event_id, skipped.instrument) == ("FR-2017-05-07-R2", "")
    assert skipped.reason == "no bars of CAC40, its home"


def test_bars_that_begin_after_the_last_date_are_none(builtin: Market) -> None:
    cut = Market(builtin_bars(), bundled_instruments(), date(1999, 6, 1))
    made = plan(cut, ("US-2016-11-08-PE", "JP-2017-10-22-GE"), instrument="home")
    assert made.trades == ()
    assert any("no bars of N225 up to 1999-06-01" in s.reason for s in made.skipped)


def test_home_trades_as_its_instrument_does(builtin: Market) -> None:
    one = ("JP-2017-10-22-GE",)
    [home], [named] = (plan(builtin, one, instrument=i, stop_loss="0.03").trades for i in ("Home", "N225"))
    assert home == named


def test_to_buy_home_fx_is_to_buy_the_currency_against_the_dollar(currencies: Market) -> None:
    made = plan(currencies, instrument="home-fx", weight="0.5")
    assert {t.event_id: (t.instrument, t.weight) for t in made.trades} == {
        "FR-2017-05-07-R2": ("EURUSD", 0.5),
        "KR-2017-05-09-PE": ("USDKRW", -0.5),
        "JP-2017-10-22-GE": ("USDJPY", -0.5),
    }
    reasons = {s.event_id: s.reason for s in made.skipped}
    assert "no rate of the currency of US against the dollar" in reasons["US-2016-11-08-PE"]
    sold = plan(currencies, ("JP-2017-10-22-GE",), instrument="home-fx", side="short")
    assert [t.weight for t in sold.trades] == [0.95]


@pytest.mark.parametrize("name", ["home", "home-fx"])
def test_a_rule_that_reads_prices_must_name_its_instrument(builtin: Market, name: str) -> None:
    fade = build(find_strategy("fade-the-shock"), {"instrument": name})
    with pytest.raises(UserError, match=f"'{name}' is another market for each event"):
        make_plan(fade, events(*VOTES), builtin)
