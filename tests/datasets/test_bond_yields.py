"""Yields as prices: a par bond priced by its payments, published returns, and what is checked, stored and refused."""

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from datasets.errors import UserError
from datasets.markets.instruments import bundled_instruments, read_instruments
from datasets.prices.bars import Bars, Source
from datasets.prices.bond_yields import par_bond_index
from datasets.prices.checks.case import Case
from datasets.prices.importing import Origin, import_table
from datasets.prices.quality import Severity, examine, validate
from datasets.prices.sources.files import DirectorySource, parse_table
from datasets.prices.sources.stored import StoreSource
from datasets.prices.store import HistoryChangedError, Store
from datasets.prices.table import PriceTable, bars_of

JGB = bundled_instruments().find("JGB10Y")
DAYS = [date(2016, 1, 28), date(2016, 1, 29), date(2016, 2, 1), date(2016, 2, 9), date(2016, 2, 10), date(2016, 2, 12)]
YIELDS = [0.22, 0.10, 0.06, -0.03, 0.0, 0.08]
"""Of Japan's ten years, about as they went when its central bank took rates below zero; 2016-02-11 is a holiday."""
BP = 1e-4


def priced(coupon: float, rate: float, half_years: list[float]) -> float:
    """Return what a bond's payments are worth: the coupon (a year) in halves, and 1 with the last."""
    payments = [coupon / 2] * (len(half_years) - 1) + [1 + coupon / 2]
    return float(sum(p / (1 + rate / 2) ** wait for p, wait in zip(payments, half_years, strict=True)))


def index_of(days: list[date], yields: list[float], maturity: float = 10.0) -> list[float]:
    sessions = np.array(days, dtype="datetime64[D]")
    return [float(v) for v in par_bond_index(np.array(yields), sessions, maturity)]


def test_a_series_that_crosses_zero_is_a_par_bond_priced_by_its_payments_on_five_dates() -> None:
    level, found = 1.0, index_of(DAYS, YIELDS)
    assert found[0] == 100
    for n in range(1, 6):
        coupon, rate, days = YIELDS[n - 1] / 100, YIELDS[n] / 100, (DAYS[n] - DAYS[n - 1]).days
        level *= priced(coupon, rate, [half - 2 * days / 365 for half in range(1, 21)])
        assert found[n] / 100 == pytest.approx(level, abs=1e-12)


def test_the_street_s_day_count_gives_the_same_price_to_a_basis_point() -> None:
    """The market counts days over those of the running half-year: 182 from each of these dates."""
    level, found = 1.0, index_of(DAYS, YIELDS)
    for n in range(1, 6):
        coupon, rate, days = YIELDS[n - 1] / 100, YIELDS[n] / 100, (DAYS[n] - DAYS[n - 1]).days
        level *= priced(coupon, rate, [half - days / 182 for half in range(1, 21)])
        assert found[n] / 100 == pytest.approx(level, abs=BP)


def test_yield_duration_and_convexity_of_swinkels_give_the_same_return_to_a_basis_point() -> None:
    """Swinkels 2019: y dt - D dy + C dy^2 / 2; of a par bond of ten years at 4 %, D = 8.1757 and C = 78.9 by hand."""
    for rate, days in ((4.06, 1), (3.90, 3), (4.0, 30)):
        found = index_of([date(2024, 3, 1), date.fromordinal(date(2024, 3, 1).toordinal() + days)], [4.0, rate])
        change = (rate - 4.0) / 100
        expected = 0.04 * days / 365 - 8.1757 * change + 78.9 / 2 * change**2
        assert found[1] / 100 - 1 == pytest.approx(expected, abs=BP)


def test_the_fall_of_2022_is_that_of_damodaran() -> None:
    """-17.83 % of the ten years in 2022, from 1.51 to 3.88 % (Damodaran, Historical Returns, NYU Stern, January 2023).

    His bond has ten years left at the end, and its coupon of 1.51 %, paid once a year: so here the yield moves within
    a day, and the coupon is added. Halves of a coupon make 0.15 points.
    """
    moved = index_of([date(2022, 12, 30), date(2022, 12, 31)], [1.51, 3.88])
    assert moved[1] / 100 - 1 + 0.0151 == pytest.approx(-0.1783, abs=0.002)


@pytest.mark.parametrize(("rate", "year"), [(4.0, 104.04), (0.0, 100.0), (-0.5, 99.500625)])
def test_a_yield_that_stays_is_earned_twice_a_year(rate: float, year: float) -> None:
    days = [date(2023, 1, 1), date(2023, 7, 2), date(2024, 1, 1)]
    assert index_of(days, [rate] * 3)[-1] == pytest.approx(year, abs=1e-9)


def test_nothing_jumps_where_the_yield_is_zero() -> None:
    at_zero, *near = (index_of(DAYS[:2], [0.5, rate])[1] for rate in (0.0, 1e-9, -1e-9))
    assert near == pytest.approx([at_zero, at_zero], abs=1e-6)


def test_a_longer_bond_moves_more() -> None:
    moves = [index_of(DAYS[:2], [1.0, 1.1], maturity)[1] - 100 for maturity in (2, 10, 30)]
    # by hand: 0.1 times the annuities at 1.1 % (1.9728, 9.4445 and 25.494), and a day's 0.0030 earned
    assert moves == pytest.approx([-0.1943, -0.9415, -2.5464], abs=1e-4)


def wavy(n: int, middle: float, *, swing: float = 0.4) -> list[float]:
    """Return yields that swing slowly about a middle, in thousandths."""
    return [round(middle + swing * float(np.sin(k / 15)) + 0.01 * (k % 3), 3) for k in range(n)]


def sessions(n: int) -> list[np.datetime64]:
    from datasets.markets.sessions import calendar_sessions

    return list(calendar_sessions("XTKS", date(2019, 6, 3), date(2021, 6, 1))[:n])


def table(values: list[float], name: str = "JGB10Y.csv", *, skip: int = 0, header: str = "date,yield") -> PriceTable:
    days = sessions(skip + len(values))[skip:]
    rows = "".join(f"{d},{v}\n" for d, v in zip(days, values, strict=True))
    return parse_table(f"{header}\n{rows}".encode(), name)


def test_bars_are_the_index_with_closes_only_and_keep_the_yields() -> None:
    values = wavy(60, 0.0)
    bars = validate(Case(table(values), JGB)).bars
    days = [date.fromisoformat(str(d)) for d in bars.session]
    assert bars.close == pytest.approx(index_of(days, values), abs=1e-12)
    assert bars.yields is not None
    assert bars.yields.tolist() == values
    assert not bars.has_separate_open.any()
    assert bars.adjustment == "total"
    assert bars.source.text == "file JGB10Y.csv; prices of a par bond of 10 years, made of its yields"
    assert bars.sessions_until(bars.session[9]).yields.tolist() == values[:10]  # type: ignore[union-attr]


def test_yields_of_zero_and_below_have_no_findings() -> None:
    report = examine(Case(table(wavy(120, 0.0)), JGB))
    assert [f.rule for f in report.findings] == ["reading"]


def test_open_high_and_low_of_a_yield_are_not_used() -> None:
    rows = "".join(f"{d},0.1,0.3,-0.2,{v}\n" for d, v in zip(sessions(40), wavy(40, 0.0), strict=True))
    ohlc = parse_table(f"date,open,high,low,close\n{rows}".encode(), "JGB10Y.csv")
    passed = validate(Case(ohlc, JGB))
    assert [(f.rule, f.severity) for f in passed.report.findings] == [("yield-columns", Severity.NOTE)]
    assert np.isnan(passed.table.open).all()


def test_intraday_bars_of_a_yield_are_refused_and_prints_are_read() -> None:
    stamps = [f"2026-02-09T{h:02d}:00:00+09:00" for h in range(9, 15)] + ["2026-02-10T09:00:00+09:00"]
    prints = parse_table(("date,close\n" + "".join(f"{s},{1 + n / 100}\n" for n, s in enumerate(stamps))).encode(), "F")
    bars = validate(Case(prints, JGB)).bars
    assert (bars.intraday, len(bars)) == (True, 7)
    assert bars.close[1] == pytest.approx(100 - 0.0949, abs=1e-3)  # no time passes within a session
    assert bars.close[-1] / bars.close[-2] == pytest.approx(1 - 0.0949 / 100 + 0.0106 / 365, abs=1e-5)
    whole = replace(prints, open=prints.close)
    with pytest.raises(UserError, match=r"F line 2: intraday yields have a close alone, at its instant"):
        validate(Case(whole, JGB))


def test_a_jump_of_a_yield_is_named_in_points_and_a_slip_refused() -> None:
    values = wavy(100, 0.0)
    jump = [v + (1.0 if n >= 50 else 0.0) for n, v in enumerate(values)]
    (found,) = [f for f in examine(Case(table(jump), JGB)).findings if f.severity is Severity.WARNING]
    assert found.rule == "outlier"
    assert f"close {jump[50]:.10g} moves +{jump[50] - jump[49]:.4g} points, " in found.message
    slip = [v if n != 50 else 15.2 for n, v in enumerate(values)]
    with pytest.raises(UserError, match=rf"line 52: .* close 15.2 is \+{15.2 - values[49]:.4g} points from the last"):
        validate(Case(table(slip), JGB))


def test_prices_given_as_yields_are_refused_in_one_line() -> None:
    prices = [98 + v for v in wavy(60, 0.0)]
    with pytest.raises(UserError) as refused:
        validate(Case(table(prices), JGB))
    assert str(refused.value).startswith(
        f"JGB10Y.csv line 2: the median close is {np.median(prices):.10g}, and JGB10Y is a yield in per cent (its "
        "maturity is 10 years): these are prices; give yields, or an instrument without a maturity (not-yields); "
    )
    index = [1700 + 300 * v for v in wavy(60, 0.0)]
    assert [f.rule for f in examine(Case(table(index), JGB)).findings if f.severity is Severity.REFUSAL] == [
        "not-yields"
    ]


@pytest.mark.parametrize("middle", [0.0, 0.5])
def test_yields_given_as_prices_are_refused_with_the_column_to_fill(middle: float) -> None:
    price = replace(JGB, maturity=0.0)
    with pytest.raises(UserError, match=r"a yield has its maturity in instruments\.csv"):
        validate(Case(table([*wavy(120, middle), 0.0]), price))


def test_changes_of_yields_are_no_yields() -> None:
    changes = [0.02 * (-1) ** n + 0.001 * (n % 5) for n in range(60)]
    with pytest.raises(UserError, match="not correlated: these are returns or changes"):
        validate(Case(table(changes), JGB))


def test_monthly_rows_count_from_month_end_to_month_end() -> None:
    months = parse_table(b"DATE,IRLTLT01JPM156N\n2023-10-01,1\n2023-11-01,1\n2023-12-01,1\n2024-01-01,1\n", "F.csv")
    bars = bars_of(months, bundled_instruments().find("JGB10Y_FRED"), Source("file", "F.csv"))
    assert [str(s) for s in bars.session] == ["2023-10-31", "2023-11-30", "2023-12-29", "2024-01-31"]
    assert bars.close[1] == pytest.approx(100 * 1.005 ** (2 * 30 / 365), abs=1e-9)


def stored(store: Store, values: list[float], *, skip: int = 0) -> Bars:
    origin = Origin("test", datetime(2026, 1, 1, tzinfo=UTC), "none", "total")
    import_table(table(values, skip=skip), JGB, store, origin=origin)
    return StoreSource(store).load(JGB)


def test_the_store_keeps_the_yields_so_that_later_and_earlier_rows_join(tmp_path: Path) -> None:
    store, values = Store(tmp_path), wavy(90, 0.0)
    first = stored(store, values[30:60], skip=30)
    assert store.load("JGB10Y").table.close.tolist() == values[30:60]
    longer = stored(store, values[50:], skip=50)
    whole = stored(store, values[:40])
    assert longer.close[:30] == pytest.approx(first.close, abs=1e-12)
    moves = whole.close[1:] / whole.close[:-1]
    assert moves[30:59] == pytest.approx(first.close[1:] / first.close[:-1], abs=1e-12)
    with pytest.raises(HistoryChangedError, match=rf"close {values[3]:.10g} -> {values[3] + 0.01:.10g}"):
        stored(store, [v + (0.01 if n == 3 else 0.0) for n, v in enumerate(values)])


def test_another_series_of_yields_is_named_by_its_yields(tmp_path: Path) -> None:
    store, values = Store(tmp_path), wavy(60, 0.0)
    reference = stored(store, values)
    assert [f.rule for f in examine(Case(table(values), JGB, reference=reference)).findings] == ["reading"]
    off = [v + 0.5 * (n == 5) for n, v in enumerate(values)]
    found = [f for f in examine(Case(table(off), JGB, reference=reference)).findings if f.rule == "differing-close"]
    assert [f.message[11:] for f in found] == [f"close {off[5]:.10g} where the available bars have {values[5]:.10g}"]
    other = [v + 2 for v in values]
    assert "wrong-instrument" in [f.rule for f in examine(Case(table(other), JGB, reference=reference)).refused_by(())]


def test_a_maturity_makes_an_instrument_a_yield_and_is_checked(tmp_path: Path) -> None:
    own = tmp_path / "instruments.csv"
    header = "symbol,name,mic,currency,lot,commission_bps,slippage_bps,maturity,base\n"
    own.write_text(header + "KTB10Y,Korea,XKRX,KRW,,1,2,10,\n", encoding="utf-8")
    (found,) = read_instruments(own)
    assert (found.maturity, found.group, found.total_return) == (10, "bond", True)
    own.write_text(header + "A,A,XKRX,KRW,,1,2,ten,\nB,B,XKRX,KRW,,1,2,-5,\nC,C,FX,KRW,,1,2,10,USD\n", encoding="utf-8")
    with pytest.raises(UserError) as refused:
        read_instruments(own)
    assert str(refused.value).splitlines() == [
        "instruments.csv line 2: maturity is 'ten'; it must be years above 0 and at most 100, such as 10, or empty for a price",
        "instruments.csv line 3: maturity is '-5'; it must be years above 0 and at most 100, such as 10, or empty for a price",
        "instruments.csv line 4: C has a base and a maturity; it is a pair or a yield: leave one blank",
    ]


def test_a_folder_gives_the_bars_of_the_store(tmp_path: Path) -> None:
    values = wavy(40, 0.0)
    rows = "".join(f"{d},{v}\n" for d, v in zip(sessions(40), values, strict=True))
    (tmp_path / "JGB10Y.csv").write_text(f"date,close\n{rows}", encoding="utf-8")
    assert DirectorySource(tmp_path).load(JGB).close == pytest.approx(stored(Store(tmp_path / "s"), values).close)
