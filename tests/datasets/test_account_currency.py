"""Exchange rates last known at an instant: which series, which way, how old."""

from datetime import date

import numpy as np
import pytest

from datasets.errors import UserError
from datasets.markets.instruments import Instrument, InstrumentTable
from datasets.markets.short_rates import ShortRates, read_short_rates
from datasets.prices.account_currency import CurrencyPairs, last_known, refuse_missing
from datasets.prices.bars import Bars
from engine.strategy.market import Market
from tests.engine.markets import MemorySource, bars_at, instrument, ns


def _pair(symbol: str, rows: list[tuple[str, float, float]]) -> Bars:
    """Return bars of a pair: each of a date from 22:00 of the evening before to 22:00, with an open and a close."""
    of = instrument(symbol, mic="FX", currency=symbol[3:6])
    days = [date.fromisoformat(d) for d, _, _ in rows]
    made = []
    for day, (_, open_, close) in zip(days, rows, strict=True):
        before = date.fromordinal(day.toordinal() - 1)
        ends = (f"{before}T22:00", f"{day}T22:00")
        made.append((str(day), *ends, open_, max(open_, close), min(open_, close), close))
    return bars_at(of, made)


YEN = _pair("USDJPY", [("2024-02-01", 146.0, 147.0), ("2024-02-02", 147.5, 148.0), ("2024-02-05", 149.0, 150.0)])
EURO = _pair("EURUSD", [("2024-02-01", 1.10, 1.08), ("2024-02-02", 1.08, 1.07), ("2024-02-05", 1.06, 1.05)])


def _at(text: str, *, opens: bool = False) -> np.ndarray:
    return np.array([2 * ns(text) + opens])


@pytest.mark.parametrize(
    ("at", "opens", "rate"),
    [
        ("2024-01-31T21:59", False, None),  # before the first open
        ("2024-01-31T22:00", True, 146.0),  # its first open
        ("2024-02-01T21:59", False, 146.0),
        ("2024-02-01T22:00", False, 147.0),  # at one instant the close comes before the next open
        ("2024-02-01T22:00", True, 147.5),
        ("2024-02-04T12:00", False, 148.0),  # a Sunday
        ("2024-02-04T22:00", True, 149.0),  # the open after the weekend
        ("2024-02-10T22:00", False, 150.0),  # five days after the last close
        ("2024-02-10T22:01", False, None),  # and a minute more
    ],
)
def test_the_last_open_or_close_counts_and_none_older_than_five_days(at: str, opens: bool, rate: float | None) -> None:
    found = float(last_known(YEN, _at(at, opens=opens))[0])
    assert (None if np.isnan(found) else found) == rate


def _pairs(*bars: Bars, names: list[Instrument] | None = None) -> CurrencyPairs:
    held = {b.symbol: b for b in bars}
    return CurrencyPairs(InstrumentTable(names or [b.instrument for b in bars]), lambda i: held.get(i.symbol))


def test_a_rate_is_direct_inverse_or_through_the_dollar() -> None:
    pairs, noon = _pairs(YEN, EURO), _at("2024-02-02T12:00")
    assert [(r.values[0], r.text) for r in (pairs.rates(*of, noon) for of in (("USD", "JPY"), ("JPY", "USD")))] == [
        (147.5, "USDJPY"),
        (1 / 147.5, "1/USDJPY"),
    ]
    crossed = pairs.rates("JPY", "EUR", noon)
    assert crossed.values[0] == pytest.approx(1 / 147.5 / 1.08)
    assert crossed.text == "1/USDJPY x 1/EURUSD"


def test_the_series_named_as_the_pair_comes_first_and_the_next_one_where_it_ends() -> None:
    other = _pair("USDJPY_FRED", [("2024-02-02", 140.0, 141.0), ("2024-02-20", 155.0, 156.0)])
    both = _pairs(YEN, other, names=[other.instrument, YEN.instrument])
    found = both.rates("USD", "JPY", np.concatenate((_at("2024-02-02T12:00"), _at("2024-02-20T12:00"))))
    assert found.values.tolist() == [147.5, 155.0]
    assert found.text == "USDJPY, then USDJPY_FRED for 1 bar of 2024-02-20"
    four = ("2024-01-20T12:00", "2024-02-02T12:00", "2024-02-20T12:00", "2024-02-21T12:00")
    other = _pair("USDJPY_FRED", [("2024-01-19", 140.0, 141.0), ("2024-02-20", 155.0, 156.0)])
    both = _pairs(YEN, other, names=[other.instrument, YEN.instrument])
    text = both.rates("USD", "JPY", np.concatenate([_at(t) for t in four])).text
    assert text == "USDJPY, then USDJPY_FRED for 1 bar of 2024-01-20 and 2 bars of 2024-02-20 to 2024-02-21"


@pytest.mark.parametrize(
    ("currency", "to", "names"),
    [
        ("JPY", "USD", "USDJPY"),
        ("KRW", "USD", "USDKRW"),
        ("USD", "GBP", "GBPUSD"),
        ("KRW", "GBP", "USDKRW and GBPUSD"),
        ("JPY", "GBP", "GBPUSD"),
        ("JPY", "EUR", "USDJPY and EURUSD"),
    ],
)
def test_the_pair_to_fetch_is_named_as_it_is_quoted(currency: str, to: str, names: str) -> None:
    assert _pairs(YEN, EURO).to_fetch(currency, to) == names


def test_a_missing_rate_is_refused_only_where_the_trade_is_held() -> None:
    rows = [(d, f"{d}T00:00", f"{d}T06:00", 10.0, 10.0, 10.0, 10.0) for d in ("2024-02-02", "2024-02-06", "2024-02-20")]
    tokyo = bars_at(instrument("TOK", currency="JPY"), rows)
    market = Market(MemorySource(YEN, tokyo), InstrumentTable([YEN.instrument, tokyo.instrument])).in_currency("USD")
    rated = market.bars("TOK")
    assert rated.close_rate is not None
    assert rated.close_rate[:2].tolist() == [1 / 147.5, 1 / 150.0]
    refuse_missing(rated, 1, 2)  # from the open of the first bar to the close of the second
    with pytest.raises(UserError, match="no rate of JPY in USD at 2024-02-20T00:00:00Z, while TOK is held") as refused:
        refuse_missing(rated, 1, 5)
    assert "fetch or import USDJPY" in str(refused.value)


def test_a_pair_is_what_trades_at_the_hours_of_currencies_in_its_quote_currency() -> None:
    assert instrument("USDJPY_LONDON", mic="FX_LONDON", currency="JPY").base_currency == "USD"
    assert instrument("USDJPY", mic="XTKS", currency="JPY").base_currency == ""
    assert instrument("AAA", mic="FX", currency="JPY").base_currency == ""


def test_short_rates_hold_until_the_next_row_and_are_nothing_before_the_first(tmp_path) -> None:
    path = tmp_path / "rates.csv"
    path.write_text("currency,date,rate\nUSD,2024-01-10,0.05\nUSD,2024-01-01,0.04\njpy,2024-01-05,-0.001\n")
    rates = read_short_rates(path)
    days = np.array(["2024-01-04", "2024-01-05", "2024-01-09", "2024-01-10"], dtype="datetime64[D]")
    found = rates.differential("USD", "JPY", days)
    assert found is not None
    assert found.tolist() == pytest.approx([0.0, 0.041, 0.041, 0.051])
    assert ShortRates().differential("USD", "JPY", days) is None


def test_where_a_cross_rate_is_an_instrument_too_both_ways_to_it_are_named() -> None:
    cross = instrument("EURJPY", mic="FX", currency="JPY")
    assert _pairs(YEN, names=[YEN.instrument, cross]).to_fetch("JPY", "EUR") == "EURJPY, or EURUSD"
