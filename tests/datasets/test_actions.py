"""Splits and dividends: worked by hand, and the identity of total return and price return over random series."""

from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.errors import UserError
from datasets.markets.instruments import Instrument
from datasets.prices.actions import ActionKind, Adjustment, CorporateAction, price_return, read_actions, total_return
from datasets.prices.bars import Bars, Source, make_bars
from datasets.prices.sources.adjusted import AdjustedSource
from tests.engine.markets import MemorySource

ETF = Instrument("ETF", "a fund", "XTKS", "JPY", 0.0, 0.0, 0.0)
HEADER = "symbol,ex_date,kind,value,source\n"


def series(*close: float, of: Instrument = ETF, days: list[str] | None = None) -> Bars:
    """Return bars from 9 January 2024 on that open 1 below their close, 2 above the low and 3 below the high."""
    price = np.array(close)
    sessions = days or [f"2024-01-{d:02}" for d in (9, 10, 11, 12, 15, 16)][: len(close)]
    return make_bars(
        of, Source("test", "made up"), session=np.array(sessions, dtype="datetime64[D]"), open_=price - 1, high=price + 2,
        low=price - 3, close=price, volume=np.full(len(close), 1_000.0), where=lambda r: f"row {r}",
    )  # fmt: skip


def dividend(day: int, value: float) -> CorporateAction:
    return CorporateAction("ETF", date(2024, 1, day), ActionKind.DIVIDEND, value, "made up")


def split(day: int, value: float) -> CorporateAction:
    return CorporateAction("ETF", date(2024, 1, day), ActionKind.SPLIT, value, "made up")


def test_dividend_of_3_on_the_day_the_price_falls_from_102_to_99():
    """(99 + 3) / 102 - 1 = 0: nothing was lost. Prices before are scaled by 99 / 102."""
    bars = total_return(series(100.0, 102.0, 99.0, 101.0), [dividend(11, 3.0)])
    assert bars.close == pytest.approx([97.0588235294, 99.0, 99.0, 101.0])
    assert bars.open == pytest.approx([96.0882352941, 98.0294117647, 98.0, 100.0])
    assert bars.high == pytest.approx([99.0, 100.9411764706, 101.0, 103.0])
    assert bars.low == pytest.approx([94.1470588235, 96.0882352941, 96.0, 98.0])
    assert bars.volume.tolist() == [1_000.0] * 4
    assert bars.adjustment == "total"


def test_split_of_two_for_one_halves_what_came_before():
    bars = price_return(series(100.0, 102.0, 50.0, 51.0), [split(11, 2.0), dividend(12, 9.0)])
    assert bars.close.tolist() == [50.0, 51.0, 50.0, 51.0]
    assert bars.open.tolist() == [49.5, 50.5, 49.0, 50.0]
    assert bars.volume.tolist() == [2_000.0, 2_000.0, 1_000.0, 1_000.0]
    assert bars.adjustment == "price"


def test_dividend_before_a_split_is_one_of_the_old_share():
    """102 to 99 with 3 paid, then two new shares for one: 99 to 50."""
    bars = total_return(series(102.0, 99.0, 50.0), [dividend(10, 3.0), split(11, 2.0)])
    assert bars.close == pytest.approx([49.5, 49.5, 50.0])


def test_dividend_on_the_day_of_a_split_is_one_of_the_new_share():
    """100 becomes two shares of 49, each paid 1: nothing was lost."""
    assert total_return(series(100.0, 49.0), [split(10, 2.0), dividend(10, 1.0)]).close == pytest.approx([49.0, 49.0])


def test_two_dividends_of_a_day_are_one():
    both = total_return(series(102.0, 99.0), [dividend(10, 1.0), dividend(10, 2.0)])
    assert both.close == pytest.approx([99.0, 99.0])


def test_ex_date_without_a_session_falls_on_the_next():
    """13 January 2024 is a Saturday."""
    assert total_return(series(90.0, 91.0, 92.0, 102.0, 99.0), [dividend(13, 3.0)]).close[3:] == pytest.approx(
        [99.0, 99.0]
    )


@pytest.mark.parametrize("actions", [[], [dividend(9, 3.0)], [split(9, 2.0)], [split(30, 2.0)]])
def test_what_lies_outside_the_bars_changes_nothing(actions):
    bars = series(100.0, 102.0)
    assert price_return(bars, actions) is bars


@given(st.integers(0, 2**32), st.integers(2, 40))
def test_total_return_is_price_return_and_the_dividend_over_the_close_before(seed, n):
    """Holding period return of one old share: s (P + D) / P' - 1 (CRSP); and without D that of the price series."""
    rng = Random(seed)
    raw, actions, expected, without = [100.0], [], [], []
    days = [str(d) for d in np.busday_offset("2024-03-01", range(n), roll="forward")]
    for day in days[1:]:
        s = rng.choice([1.0] * 8 + [2.0, 10.0, 0.1])
        price = raw[-1] * (1 + rng.uniform(-0.1, 0.1)) / s
        paid = price * 0.03 if rng.random() < 0.3 else 0.0
        actions += [CorporateAction("ETF", date.fromisoformat(day), ActionKind.SPLIT, s, "")] if s != 1 else []
        actions += [CorporateAction("ETF", date.fromisoformat(day), ActionKind.DIVIDEND, paid, "")] if paid else []
        without.append(s * price / raw[-1] - 1)
        expected.append(without[-1] + s * paid / raw[-1])
        raw.append(price)
    close = np.array(raw)
    blank = np.full(n, np.nan)
    bars = make_bars(ETF, Source("test", ""), session=np.array(days, dtype="datetime64[D]"), open_=blank, high=blank,
                     low=blank, close=close, volume=blank, where=str)  # fmt: skip

    def returns(of: Bars) -> Any:
        return of.close[1:] / of.close[:-1] - 1

    assert returns(price_return(bars, actions)) == pytest.approx(np.array(without), abs=1e-12)
    if any(a.kind is ActionKind.DIVIDEND for a in actions):
        assert returns(total_return(bars, actions)) == pytest.approx(np.array(expected), abs=1e-12)


# ---- what cannot be ----------------------------------------------------------------------------------------------------


def test_split_that_the_prices_do_not_show_was_taken_out_before():
    with pytest.raises(UserError, match=r"ETF: the prices do not show the split of 2 on 2024-01-10 \(100 to 101\)"):
        price_return(series(100.0, 101.0), [split(10, 2.0)])
    assert price_return(series(100.0, 101.0), [split(10, 1.1)]).close.tolist() == pytest.approx([100 / 1.1, 101.0])


def test_dividend_above_the_price_is_no_amount_a_share():
    with pytest.raises(UserError, match="the dividend of 300 on 2024-01-10 is not below the close before it, 100"):
        total_return(series(100.0, 99.0), [dividend(10, 300.0)])


def test_no_total_return_without_a_dividend():
    with pytest.raises(UserError, match=r"ETF has no dividend from 2024-01-09 to 2024-01-10 in actions\.csv"):
        total_return(series(100.0, 99.0), [dividend(30, 3.0)])


def test_total_return_index_has_no_price_series():
    dax = Instrument("ETF", "", "XTKS", "JPY", 0.0, 0.0, 0.0, total_return=True)
    bars = series(100.0, 99.0, of=dax)
    assert bars.adjustment == "total"
    assert total_return(bars, []) is bars
    with pytest.raises(UserError, match="is a total-return series: no price-return series can be made of it"):
        price_return(bars, [])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("ETF,2024-13-01,dividend,3,x", "line 2: ex_date is '2024-13-01'; it must be a date such as 2026-07-08"),
        ("ETF,2024-01-11,bonus,3,x", "line 2: kind is 'bonus'; it must be split or dividend"),
        ("ETF,2024-01-11,dividend,-3,x", "line 2: value is '-3'; it must be a number above 0"),
        ("ETF,2024-01-11,dividend,nan,x", "line 2: value is 'nan'"),
        ("ETF,2024-01-11,dividend,,x", "line 2: value is ''"),
        (",2024-01-11,dividend,3,x", "line 2: symbol is empty"),
        ("ETF,2024-01-11", "line 2: not 5 fields as the header has"),
        ("ETF,2024-01-11,split,2,x\nETF,2024-01-11,split,2,y", "the split of ETF on 2024-01-11 appears twice"),
    ],
)
def test_bad_row_is_named(tmp_path: Path, row, message):
    path = tmp_path / "actions.csv"
    path.write_text(HEADER + row + "\n", encoding="utf-8")
    with pytest.raises(UserError, match=message):
        read_actions(path)


def test_file_is_read(tmp_path: Path):
    path = tmp_path / "actions.csv"
    path.write_text(HEADER + "ETF,2024-01-11,dividend,3.5,made up\n", encoding="utf-8")
    assert read_actions(path) == [CorporateAction("ETF", date(2024, 1, 11), ActionKind.DIVIDEND, 3.5, "made up")]
    path.write_text("symbol,ex_date,value\n", encoding="utf-8")
    with pytest.raises(UserError, match="column 'kind' is missing"):
        read_actions(path)


# ---- as a source -------------------------------------------------------------------------------------------------------


def test_splits_are_taken_out_unasked_and_dividends_only_when_asked():
    raw, actions = series(102.0, 99.0, 50.0), [dividend(10, 3.0), split(11, 2.0)]

    def load(asked: Adjustment | None) -> Bars:
        return AdjustedSource(MemorySource(raw), actions, asked).load(ETF)

    assert load(None).close.tolist() == load(Adjustment.PRICE).close.tolist() == [51.0, 49.5, 50.0]
    assert load(None).source.text == "made up, 1 split taken out"
    assert load(Adjustment.TOTAL).close == pytest.approx([49.5, 49.5, 50.0])
    assert load(Adjustment.TOTAL).source.text == "made up, 1 split taken out and dividends reinvested"


def test_currency_has_no_dividends_to_ask_for():
    yen = Instrument("ETF", "", "FX", "JPY", 0.0, 0.0, 0.0)
    bars = series(100.0, 99.0, of=yen)
    assert AdjustedSource(MemorySource(bars), [], Adjustment.TOTAL).load(yen) is bars


FUTURE = Instrument("NK", "a future", "CMES", "JPY", 1.0, 0.0, 0.0, multiplier=500.0, initial_margin=8.0)


def roll(day: int, value: float) -> CorporateAction:
    return CorporateAction("NK", date(2024, 1, day), ActionKind.ROLL, value, "made up")


def test_a_roll_puts_the_prices_before_it_into_those_of_the_new_contract():
    """On the 11th the new contract costs 0.98 of the old one: the holder who rolls made 98 to 99, not 100 to 99."""
    bars = price_return(series(100.0, 100.0, 99.0, 101.0, of=FUTURE), [roll(11, 0.98)])
    assert bars.close == pytest.approx([98.0, 98.0, 99.0, 101.0])
    assert bars.volume.tolist() == [1_000.0] * 4
    assert bars.rolls is not None
    assert bars.rolls.tolist() == [False, False, True, False]


def test_the_rolls_of_a_series_that_was_adjusted_before_change_no_price_and_are_known():
    given = series(100.0, 100.0, 99.0, 101.0, of=FUTURE)
    loaded = AdjustedSource(MemorySource(given), [roll(11, 1.0)], None).load(FUTURE)
    assert loaded.close.tolist() == given.close.tolist()
    assert loaded.rolls is not None
    assert loaded.source.text == "made up, 1 roll named (no price changed by them)"
    assert AdjustedSource(MemorySource(given), [], Adjustment.TOTAL).load(FUTURE).rolls is None


def test_a_roll_of_what_is_no_future_or_that_the_prices_do_not_show_is_refused():
    actions = [CorporateAction("ETF", date(2024, 1, 11), ActionKind.ROLL, 1.0, ""), dividend(10, 1.0)]
    for wanted in (None, *Adjustment):
        given = AdjustedSource(MemorySource(series(100.0, 102.0, 99.0)), actions, wanted)
        with pytest.raises(UserError, match=r"ETF is no future: actions.csv names a roll of it on 2024-01-11"):
            given.load(ETF)
    with pytest.raises(UserError, match=r"NK: the prices do not show the roll of 0.5 on 2024-01-11"):
        price_return(series(100.0, 102.0, 99.0, of=FUTURE), [roll(11, 0.5)])
