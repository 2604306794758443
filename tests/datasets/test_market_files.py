"""The private price files: all are taken, and the check finds in each what its SOURCES.md says is wrong with it."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from datasets.markets.instruments import bundled_instruments
from datasets.prices.checks.case import Case
from datasets.prices.quality import Finding, Severity, ValidatedTable, validate
from datasets.prices.sources.files import read_table


@lru_cache(maxsize=8)
def admitted(folder: Path, symbol: str) -> ValidatedTable:
    return validate(Case(read_table(folder / f"{symbol}.csv"), bundled_instruments().find(symbol)))


def found(folder: Path, symbol: str, rule: str) -> list[Finding]:
    return [f for f in admitted(folder, symbol).report.findings if f.rule == rule]


def messages(folder: Path, symbol: str, rule: str) -> list[str]:
    return [f.message for f in found(folder, symbol, rule)]


SYMBOLS = (
    *("ASX200", "CAC40", "CSI300", "CSI300TR", "DAX", "EWY", "FF3_DAILY", "FF3_MONTHLY", "FTSE100", "HSI", "HSTECH"),
    *("IBOV", "IPC", "IXIC", "KOSPI", "N225", "NIFTY50", "NIFTY50TR", "SPX", "SPXTR", "SSEC", "STI", "T1306", "TOPIX"),
    *("USDJPY", "USDJPY_FRED", "VIX"),
)


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_every_file_is_taken_whole(market_dir: Path, symbol: str) -> None:
    assert sorted(p.stem for p in market_dir.glob("*.csv")) == sorted(SYMBOLS)
    passed = admitted(market_dir, symbol)
    assert [f for f in passed.report.findings if f.severity is Severity.REFUSAL] == []
    assert passed.report.corrections == ()
    assert len(passed.bars) == passed.report.rows


def share(folder: Path, symbol: str, first: int, last: int) -> float:
    """The share of untraded opens in some years, in percent."""
    bars = admitted(folder, symbol).bars
    year = bars.session.astype("datetime64[Y]").astype(int) + 1970
    return float(100 * (1 - bars.open_is_real[(year >= first) & (year <= last)].mean()))


def test_opens_of_the_ftse_are_stale_by_era(market_dir: Path) -> None:
    said = messages(market_dir, "FTSE100", "stale-open")
    assert "1985: 46% of 253 opens equal the previous close; those opens are not traded" in said
    assert "2013: 100% of 253 opens equal the previous close; no open of the year is traded" in said
    assert not [s for s in said if "1991" <= s[:4] <= "1998"]
    assert share(market_dir, "FTSE100", 2000, 2025) == 100
    assert share(market_dir, "FTSE100", 1991, 1998) < 1


def test_opens_of_the_sp500_are_stale_by_era(market_dir: Path) -> None:
    said = messages(market_dir, "SPX", "stale-open")
    assert said[0] == "1962: 94% of 252 opens equal the previous close; no open of the year is traded"
    assert "1998: 98% of 252 opens equal the previous close; no open of the year is traded" in said
    assert "2007: 16% of 251 opens equal the previous close; those opens are not traded" in said
    assert not [s for s in said if s[:4] in ("2015", "2016", "2020", "2025")]
    assert share(market_dir, "SPX", 1995, 2005) == 100
    assert share(market_dir, "SPX", 2015, 2026) < 0.5


def test_flat_bars_of_the_sp500_before_1962(market_dir: Path) -> None:
    first = found(market_dir, "SPX", "flat-bars")[0]
    assert first.message == "8509 bars of one price, 1927-12-30 to 1961-12-29: no open, high or low was recorded"
    assert (first.line, first.session, first.rows) == (2, "1927-12-30", 8509)


def test_flat_bars_of_the_dax_before_december_1993(market_dir: Path) -> None:
    assert messages(market_dir, "DAX", "flat-bars") == [
        "1489 bars of one price, 1987-12-30 to 1993-12-13: no open, high or low was recorded"
    ]


def test_flat_bars_of_other_files(market_dir: Path) -> None:
    assert "1987-12-28 to 1992-06-09" in messages(market_dir, "STI", "flat-bars")[0]
    assert "1971-02-05 to 1984-10-10" in messages(market_dir, "IXIC", "flat-bars")[0]
    assert "1990-01-02 to 1991-12-31" in messages(market_dir, "VIX", "flat-bars")[0]
    assert "1992-05-29 to 2000-03-31" in messages(market_dir, "ASX200", "flat-bars")[0]


def test_the_hole_of_983_days_in_the_asx(market_dir: Path) -> None:
    only = found(market_dir, "ASX200", "gap")
    assert [f.message for f in only] == [
        "678 sessions are missing, 2023-01-03 to 2025-09-05; the bars go from 2022-12-30 to 2025-09-08"
    ]
    assert (np.datetime64("2025-09-08") - np.datetime64("2022-12-30")).astype(int) == 983


def test_opens_of_the_asx(market_dir: Path) -> None:
    assert "2015: 98% of 254 opens equal the previous close; no open of the year is traded" in messages(
        market_dir, "ASX200", "stale-open"
    )
    assert share(market_dir, "ASX200", 2005, 2009) < 3


def test_the_hole_of_132_days_in_the_cac(market_dir: Path) -> None:
    assert messages(market_dir, "CAC40", "gap")[-1] == (
        "92 sessions are missing, 2025-04-30 to 2025-09-05; the bars go from 2025-04-29 to 2025-09-08"
    )


def test_hstech_before_its_launch_is_a_back_cast(market_dir: Path) -> None:
    assert messages(market_dir, "HSTECH", "back-cast") == [
        "1369 rows from 2015-01-02 on: HSTECH was launched on 2020-07-27, and earlier levels are a back-cast, "
        "made with hindsight"
    ]
    bars = admitted(market_dir, "HSTECH").bars
    assert not bars.open_is_real[bars.session < np.datetime64("2020-07-27")].any()


@pytest.mark.parametrize("symbol", ["TOPIX", "N225", "T1306"])
def test_the_golden_week_of_2019_is_no_gap(market_dir: Path, symbol: str) -> None:
    bars = admitted(market_dir, symbol).bars
    row = int(np.searchsorted(bars.session, np.datetime64("2019-04-26")))
    assert str(bars.session[row + 1]) == "2019-05-07"
    assert not [m for m in messages(market_dir, symbol, "gap") if "2019" in m]


def test_the_session_missing_from_topix(market_dir: Path) -> None:
    assert messages(market_dir, "TOPIX", "gap") == [
        "session 2026-08-20 is missing; the bars go from 2026-08-19 to 2026-08-21"
    ]


def test_the_row_on_a_holiday_in_csi300tr(market_dir: Path) -> None:
    only = found(market_dir, "CSI300TR", "closed-day")
    assert [(f.session, f.line) for f in only] == [("2018-06-18", 3271)]


def test_the_singapore_file_lacks_sessions_of_the_nineties_and_three_of_2010(market_dir: Path) -> None:
    said = found(market_dir, "STI", "gap")
    nineties = [f for f in said if f.session is not None and "1990" <= f.session < "1998-02"]
    assert sum(f.rows for f in nineties) == 27  # "~40 missing sessions 1990-1997", thirteen of them holidays
    assert [f.message[8:18] for f in said if "2010" in f.message] == ["2010-03-22", "2010-06-23", "2010-07-01"]


def test_saturdays_of_tokyo_are_kept(market_dir: Path) -> None:
    by_year = {f.message.split(" of ")[1][:4]: f.rows for f in found(market_dir, "N225", "weekend-bar")}
    assert by_year == {"1985": 29, "1986": 34, "1987": 27, "1988": 27, "1989": 1}
    assert sum(by_year.values()) == 118


def test_special_sessions_of_india_are_sessions(market_dir: Path) -> None:
    assert not found(market_dir, "NIFTY50", "closed-day")
    assert np.datetime64("2025-02-01") in admitted(market_dir, "NIFTY50").bars.session


def test_the_great_moves_pass(market_dir: Path) -> None:
    """VIX rose by 116 % on 2018-02-05, Shanghai by 105 % on 1992-05-21: both happened."""
    assert any("2018-02-05" in m and "+115.60%" in m for m in messages(market_dir, "VIX", "outlier"))
    assert any("1992-05-21" in m and "+105" in m for m in messages(market_dir, "SSEC", "outlier"))


def test_the_inauguration_of_mexico_is_a_known_closure(market_dir: Path) -> None:
    assert np.datetime64("2024-10-01") not in admitted(market_dir, "IPC").bars.session
    assert not any("2024-10" in m for m in messages(market_dir, "IPC", "gap"))


def test_monthly_rows_are_said_to_be(market_dir: Path) -> None:
    assert [f.rows for f in found(market_dir, "FF3_MONTHLY", "low-frequency")] == [1194]
