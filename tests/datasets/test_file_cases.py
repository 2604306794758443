"""The cases of ../shared/cases/files and damage: each is read to the values that stand in it, or refused in one line."""

from pathlib import Path

import pytest

from datasets.errors import UserError
from datasets.prices.reading.selection import WHOLE, Selection
from datasets.prices.sources.files import read_table

READ = (
    "av.csv", "av.json", "bbg_paste.csv", "cbonds_roc.csv", "df.feather", "dukascopy_daily.csv", "eikon.csv", "investing_nl.csv",
    "investing_pl.csv", "investing_ru.csv", "investing_tr.csv", "mt5_python.csv", "nikkei_official.csv", "two_cols.csv", "wind.csv",
)  # fmt: skip
"""79 rows of one series."""
REFUSED = {
    "files/binance_klines.csv": "the first line holds prices: no header; write one above it, such as date,open,high,low",
    "files/mt4_headerless.csv": "the first line holds prices: no header; write one above it, such as date,time,open,high",
    "files/long_Name.csv": "column Name: AAA, BBB: .*--where Name=AAA",
    "files/long_Index.csv": "column Index: AAA, BBB: .*--where Index=AAA",
    "files/long_Name_overlap.csv": "column Name: AAA, BBB: .*--where Name=AAA",
    "files/wide.csv": r"several series \(TOPIX, N225, SPX\); .*--column 'TOPIX'",
    "files/tradingview_fx_usdjpy.csv": r"--zone Asia/Tokyo \(there all rows are weekdays",
    "damage/esc.csv": "no column 'date'",
    "damage/events-Error-2-1.bin": "no column 'date'",
    "damage/price-Error-4-1.bin": "no column 'date'",
    "damage/parquet-OverflowError-6-1.bin": "not a readable Parquet file",
    "damage/parquet-UnicodeDecodeError-4-1.bin": "not a readable Parquet file",
    "damage/parquet-UnknownTimeZoneError-16-1.bin": "not a readable Parquet file",
}
CHOSEN: dict[str, tuple[Selection, tuple[int, str, float, float]]] = {
    "files/long_Name.csv": (Selection(only="Name=BBB"), (39, "2024-03-05", 3165.92, 3260.88)),
    "files/long_Index.csv": (Selection(only="Index=BBB"), (39, "2024-03-05", 3165.92, 3260.88)),
    "files/wide.csv": (Selection(column="N225"), (79, "2024-01-04", 42139.44, 45200.26)),
    "files/tradingview_fx_usdjpy.csv": (Selection(zone="Asia/Tokyo"), (129, "2024-01-02", 150.057, 136.143)),
    "files/tradingview_before_1973.csv": (Selection(zone="America/New_York"), (22, "1969-12-22", 90.2, 94.4)),
    "files/epoch8.csv": (Selection(zone="America/New_York"), (21, "1970-08-03", 90.2, 94.2)),
    "files/krx_cp949.csv": (WHOLE, (82, "2024-01-02", 2603.26, 2990.52)),
    "files/stooq_mixed.csv": (WHOLE, (43, "2024-01-04", 3009.96, 3028.82)),
    "damage/bomb.parquet": (WHOLE, (8000, "2020-01-02", 1.0, 1.0)),
}
"""What is to be said of a file, and its rows, first session, first and last close as they stand in it."""


@pytest.fixture
def cases(shared_dir: Path) -> Path:
    return shared_dir / "cases"


@pytest.mark.parametrize("name", READ)
def test_a_case_is_read(cases: Path, name: str) -> None:
    table = read_table(cases / "files" / name)
    assert (len(table), str(table.session[0])) == (79, "2024-01-04")
    assert (table.close[0], table.close[-1]) == (3009.96, 3228.59)


@pytest.mark.parametrize(("name", "said"), REFUSED.items(), ids=REFUSED)
def test_a_case_is_refused_in_one_line(cases: Path, name: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as e:
        read_table(cases / name)
    assert "jumbled" not in str(e.value)
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("name", CHOSEN)
def test_a_case_is_read_as_it_was_said(cases: Path, name: str) -> None:
    how, expected = CHOSEN[name]
    table = read_table(cases / name, how)
    assert (len(table), str(table.session[0]), table.close[0], table.close[-1]) == expected
