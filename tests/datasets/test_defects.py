"""Price files with real defects, as found in the wild: each is read right, or refused with row and reason."""

from pathlib import Path

import numpy as np
import pytest

from datasets.errors import UserError
from datasets.markets.instruments import bundled_instruments
from datasets.prices.bars import Bars
from datasets.prices.checks.case import Case
from datasets.prices.quality import QualityReport, ValidatedTable, examine, validate
from datasets.prices.sources.files import DirectorySource, read_table
from datasets.prices.table import PriceTable


@pytest.fixture
def defects(shared_dir: Path) -> Path:
    return shared_dir / "defects"


def read(defects: Path, name: str) -> tuple[PriceTable, str]:
    return read_table(defects / f"{name}.csv"), name.split("_")[1]


def taken(defects: Path, name: str, *, accepted: tuple[str, ...] = (), reference: Bars | None = None) -> ValidatedTable:
    table, symbol = read(defects, name)
    return validate(Case(table, bundled_instruments().find(symbol), reference=reference), accepted=accepted)


def refusal(defects: Path, name: str, *, accepted: tuple[str, ...] = ()) -> str:
    with pytest.raises(UserError) as e:
        taken(defects, name, accepted=accepted)
    return str(e.value)


def against_the_sound_file(defects: Path, name: str) -> QualityReport:
    table, symbol = read(defects, name)
    instrument = bundled_instruments().find(symbol)
    sound = DirectorySource(defects.parent / "market").load(instrument)
    return examine(Case(table, instrument, reference=sound))


def sessions(report: QualityReport, rule: str) -> list[str | None]:
    return [f.session for f in report.findings if f.rule == rule]


def bar(bars: Bars, session: str) -> tuple[float, float, float, float]:
    row = int(np.searchsorted(bars.session, np.datetime64(session)))
    assert str(bars.session[row]) == session
    return (float(bars.open[row]), float(bars.high[row]), float(bars.low[row]), float(bars.close[row]))


def test_there_is_no_other_file(defects: Path) -> None:
    assert sorted(p.stem for p in defects.glob("*.csv")) == [
        *("coolcoolercool_HSTECH", "jrandj_ASX200", "jtitan_N225", "keroppa88_N225", "mingjia_STI"),
        *("omrao_NIFTY50_FAKE", "suzuna_TOPIX", "tapi262_HSI", "tzjtan_SPX"),
    ]


def test_doubled_dates_are_put_right_and_missing_months_named(defects: Path) -> None:
    passed = taken(defects, "keroppa88_N225")
    doubled = [f for f in passed.report.findings if f.rule == "duplicate-row"]
    months: dict[str, int] = {}
    for f in doubled:
        assert f.session is not None
        year = f.session[:7] if not f.session.startswith("2010") else "2010"
        months[year] = months.get(year, 0) + f.rows
    assert months == {"1991-04": 21, "2010": 226, "2017-08": 22}
    assert len(passed.bars) == 10388 - 269 - 1
    gaps = [f.message for f in passed.report.findings if f.rule == "gap"]
    assert gaps == [
        "20 sessions are missing, 2017-09-01 to 2017-09-29; the bars go from 2017-08-31 to 2017-10-02",
        "19 sessions are missing, 2020-11-02 to 2020-11-30; the bars go from 2020-10-30 to 2020-12-01",
    ]
    assert any("+16.58%" in f.message for f in passed.report.findings if f.session == "2020-12-01")


@pytest.mark.parametrize("name", ["keroppa88_N225", "suzuna_TOPIX"])
def test_the_day_on_which_tokyo_was_down_is_left_out(defects: Path, name: str) -> None:
    passed = taken(defects, name, accepted=("outside-range",))
    assert np.datetime64("2020-10-01") not in passed.bars.session
    assert np.datetime64("2020-10-02") in passed.bars.session
    assert any("closed days left out" in c for c in passed.report.corrections)


def test_the_shift_jis_file_is_refused_for_two_rows_and_right_without_their_ranges(defects: Path) -> None:
    message = refusal(defects, "suzuna_TOPIX")
    assert message.startswith(
        "suzuna_TOPIX.csv line 4883: 2002-02-28 close 1014.37 lies outside low 1014.48 to high 1028.36"
    )
    assert "and 1 more" in message and "--accept outside-range" in message
    passed = taken(defects, "suzuna_TOPIX", accepted=("outside-range",))
    assert bar(passed.bars, "2022-01-28") == (1862.78, 1880.00, 1852.22, 1876.89)
    assert bar(passed.bars, "2001-06-25")[3] == 1291.38
    row = int(np.searchsorted(passed.bars.session, np.datetime64("2002-10-28")))
    assert passed.bars.close[row] == 872.13 and not passed.bars.open_is_real[row]


def test_wrong_closes_show_against_a_sound_series(defects: Path) -> None:
    """Those off by less than half a percent (TOPIX 2004-04-20, ASX200 2017-11-23) are beyond any check of one file."""
    assert "2005-09-05" in sessions(against_the_sound_file(defects, "suzuna_TOPIX"), "differing-close")
    wrong = sessions(against_the_sound_file(defects, "jrandj_ASX200"), "differing-close")
    assert wrong == ["2001-01-24", "2014-11-27", "2014-12-08", "2018-03-05"]


def test_stamps_with_a_zone_are_read_as_tokyo_dates(defects: Path) -> None:
    passed = taken(defects, "jtitan_N225")
    assert passed.report.corrections == ()
    assert bar(passed.bars, "2021-05-28") == (28912.5390625, 29194.109375, 28899.66015625, 29149.41015625)
    assert sessions(against_the_sound_file(defects, "jtitan_N225"), "differing-close") == []
    assert sessions(passed.report, "zone-offset") == []


def test_monthly_averages_before_daily_closes_are_refused_and_dropped_if_accepted(defects: Path) -> None:
    message = refusal(defects, "tzjtan_SPX")
    assert message.startswith(
        "tzjtan_SPX.csv line 2: from 1871-01-01 to 1970-01-02 rows come every 31 days, elsewhere daily: two series"
    )
    passed = taken(defects, "tzjtan_SPX", accepted=("spliced-frequency",))
    assert str(passed.bars.session[0]) == "1970-01-02"
    assert "1188 rows before 1970-01-02 left out: another series" in passed.report.corrections
    assert sessions(against_the_sound_file(defects, "tzjtan_SPX"), "wrong-instrument") == []


def test_rotated_columns_are_found_with_segment_and_order_and_cannot_be_accepted(defects: Path) -> None:
    message = refusal(defects, "jrandj_ASX200")
    assert message == (
        "jrandj_ASX200.csv line 6566: from 2018-05-07 to 2022-09-02 (line 7664) the labels are wrong: high holds the "
        "open, low holds the high, close holds the low, open holds the close; correct the file (rotated-columns); "
        "'hustings data check' shows all; the file must be corrected"
    )
    table, _ = read(defects, "jrandj_ASX200")
    found = examine(Case(table, bundled_instruments().find("ASX200"))).findings
    assert [f.rows for f in found if f.rule == "rotated-columns"] == [1099]
    with pytest.raises(UserError, match="cannot be accepted"):
        taken(defects, "jrandj_ASX200", accepted=("rotated-columns",))


def test_opens_outside_the_range_are_refused_and_taken_out_if_accepted(defects: Path) -> None:
    message = refusal(defects, "mingjia_STI")
    assert "line 447: 2020-12-28 open 2845.85 lies outside low 2840.14 to high 2840.14" in message
    assert "and 81 more" in message
    passed = taken(defects, "mingjia_STI", accepted=("outside-range",))
    assert bar(passed.bars, "2022-10-04") == (3144.73, 3154.3, 3128.62, 3138.9)
    assert int((~passed.bars.open_is_real).sum()) == 82


def test_three_header_lines_are_read(defects: Path) -> None:
    passed = taken(defects, "tapi262_HSI")
    assert bar(passed.bars, "2025-04-29") == (22073.359375, 22213.509765625, 21918.099609375, 22008.109375)
    assert passed.report.corrections == ()


def test_the_ticker_of_a_file_is_held_against_the_instrument(defects: Path) -> None:
    table, _ = read(defects, "tapi262_HSI")
    with pytest.raises(UserError, match=r"'\^HSI', which is HSI and not N225 \(other-ticker\)"):
        validate(Case(table, bundled_instruments().find("N225")))


def test_chinese_headers_and_thousands_are_read_and_the_back_cast_said(defects: Path) -> None:
    passed = taken(defects, "coolcoolercool_HSTECH")
    assert bar(passed.bars, "2024-11-12") == (4627.54, 4680.41, 4442.54, 4456.86)
    assert float(passed.bars.volume[-2]) == 1.57e9
    found = {f.rule: f for f in passed.report.findings}
    assert found["gap"].message == "session 2022-04-25 is missing; the bars go from 2022-04-22 to 2022-04-26"
    assert found["back-cast"].rows == 1369


def test_invented_prices_are_refused(defects: Path) -> None:
    message = refusal(defects, "omrao_NIFTY50_FAKE")
    assert "all 15 closes are multiples of 10" in message and "(round-prices)" in message
    report = against_the_sound_file(defects, "omrao_NIFTY50_FAKE")
    assert sessions(report, "wrong-instrument") == ["2023-01-02"]
