"""A directory of price files: what is read, and each fault refused with file and line."""

import gzip
import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from datasets.errors import UserError
from datasets.markets.instruments import bundled_instruments
from datasets.prices.sources.files import DirectorySource, price_files

HEADER = "date,open,high,low,close,volume\n"
GOOD = "2026-02-09,3756.21,3825.67,3752.74,3783.57,0\n2026-02-10,3809.22,3863.9,3808.45,3855.28,0\n"


def load(folder: Path, content: str | bytes, name: str = "TOPIX.csv"):
    data = content if isinstance(content, bytes) else content.encode()
    (folder / name).write_bytes(data)
    return DirectorySource(folder).load(bundled_instruments().find("TOPIX"))


def test_reads_what_is_written(tmp_path: Path) -> None:
    bars = load(tmp_path, HEADER + GOOD)
    assert [str(s) for s in bars.session] == ["2026-02-09", "2026-02-10"]
    assert bars.open.tolist() == [3756.21, 3809.22]
    assert bars.close.tolist() == [3783.57, 3855.28]
    assert bars.open_is_real.all()
    assert bars.source.text == "file TOPIX.csv"


def test_bars_cannot_be_changed(tmp_path: Path) -> None:
    bars = load(tmp_path, HEADER + GOOD)
    with pytest.raises(ValueError, match="read-only"):
        bars.close[0] = 1.0


@pytest.mark.parametrize("name", ["topix.csv", "^TPX.csv", "TPX.csv"])
def test_a_file_may_bear_another_name_of_the_instrument(tmp_path: Path, name: str) -> None:
    assert len(load(tmp_path, HEADER + GOOD, name)) == 2


def test_two_files_of_one_instrument_are_refused(tmp_path: Path) -> None:
    (tmp_path / "^TPX.csv").write_text(HEADER + GOOD)
    with pytest.raises(UserError) as shown:
        load(tmp_path, HEADER + GOOD, "tpx.csv")
    assert str(shown.value) == "--data has ^TPX.csv and tpx.csv, all of TOPIX; keep the one that is meant"


def test_hidden_files_and_pipes_are_passed_over(tmp_path: Path) -> None:
    for name in (".TOPIX.csv", "._TOPIX.csv", ".csv"):
        (tmp_path / name).write_bytes(b"\0\5\x16\7")
    os.mkfifo(tmp_path / "TPX.csv")
    assert len(load(tmp_path, HEADER + GOOD)) == 2
    assert [p.name for p in price_files(tmp_path)] == ["TOPIX.csv"]


def test_a_row_of_the_future_is_judged_as_at_an_import(tmp_path: Path) -> None:
    (tmp_path / "TOPIX.csv").write_text(HEADER + GOOD + "2027-02-09,3756.21,3825.67,3752.74,3783.57,0\n")
    source = DirectorySource(tmp_path, now=datetime(2026, 2, 11, tzinfo=UTC))
    with pytest.raises(UserError, match="2027-02-09"):
        source.load(bundled_instruments().find("TOPIX"))


def test_a_session_still_running_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "TOPIX.csv").write_text(HEADER + GOOD)
    topix = bundled_instruments().find("TOPIX")
    running = DirectorySource(tmp_path, now=datetime(2026, 2, 10, 3, tzinfo=UTC)).load(topix)  # noon in Tokyo
    assert [str(s) for s in running.session] == ["2026-02-09"]
    closed = DirectorySource(tmp_path, now=datetime(2026, 2, 10, 7, tzinfo=UTC)).load(topix)
    assert [str(s) for s in closed.session] == ["2026-02-09", "2026-02-10"]


def test_empty_open_high_low_are_missing_not_zero(tmp_path: Path) -> None:
    bars = load(tmp_path, HEADER + "2026-08-19,,,,4012.31,\n")
    assert not bars.open_is_real[0]
    assert (bars.open[0], bars.high[0], bars.low[0]) == (4012.31, 4012.31, 4012.31)


@pytest.mark.parametrize("empty", ["", "NaN", "null", "n/a"])
def test_a_word_for_nothing_is_a_missing_open(tmp_path: Path, empty: str) -> None:
    bars = load(tmp_path, HEADER + f"2026-02-09,{empty},11,9,10,0\n")
    assert (len(bars), bars.open_is_real[0], bars.open[0]) == (1, False, 10.0)


def test_newest_first_and_a_row_said_twice_have_one_right_reading(tmp_path: Path) -> None:
    first, second = GOOD.splitlines()
    bars = load(tmp_path, HEADER + f"{second}\n{second}\n{first}\n")
    assert [str(s) for s in bars.session] == ["2026-02-09", "2026-02-10"]
    assert bars.close.tolist() == [3783.57, 3855.28]


@pytest.mark.parametrize("name", ["TOPIX.txt", "TOPIX.tsv", "TOPIX.csv.gz"])
def test_other_endings(tmp_path: Path, name: str) -> None:
    data = (HEADER + GOOD).replace(",", "\t").encode()
    assert len(load(tmp_path, gzip.compress(data) if name.endswith("gz") else data, name)) == 2


def test_columns_in_any_order_and_case_and_a_byte_order_mark(tmp_path: Path) -> None:
    bars = load(tmp_path, b"\xef\xbb\xbfClose,Date,Adj Close\r\n10,2026-02-09,9\r\n")
    assert bars.close.tolist() == [10.0]


def test_parquet_reads_like_csv(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from_csv = load(tmp_path, HEADER + GOOD)
    (tmp_path / "TOPIX.csv").unlink()
    columns = {
        "date": from_csv.session.astype("datetime64[D]"),
        "open": from_csv.open,
        "high": from_csv.high,
        "low": from_csv.low,
        "close": from_csv.close,
        "volume": from_csv.volume,
    }
    pq.write_table(pa.table(columns), tmp_path / "TOPIX.parquet")
    again = DirectorySource(tmp_path).load(bundled_instruments().find("TOPIX"))
    assert np.array_equal(again.close, from_csv.close)
    assert np.array_equal(again.open_at, from_csv.open_at)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "TOPIX.csv line 1: no column 'date', found nothing"),
        (HEADER, "TOPIX.csv: no rows"),
        ("when,close\n", "TOPIX.csv line 1: no column 'date', found when,close"),
        (HEADER + GOOD + "2026-02-12,3856", "TOPIX.csv line 4: 2 fields where the header has 6"),
        (HEADER + GOOD + "2026-02-06,1,1,1,1,0\n", "TOPIX.csv line 4: 2026-02-06 comes after 2026-02-10"),
        (
            HEADER + GOOD + "2026-02-10,1,1,1,1,0\n",
            "TOPIX.csv line 4: 2026-02-10 is on lines 3 and 4 with different prices",
        ),
        (HEADER + "2026-02-09,1,1,1,nan,0\n", "TOPIX.csv line 2: 2026-02-09 has no close"),
        (HEADER + "2026-02-09,1,1,1,,0\n", "TOPIX.csv line 2: 2026-02-09 has no close"),
        (HEADER + "2026-02-09,1,1,1,inf,0\n", "TOPIX.csv line 2: close is 'inf', which cannot be read"),
        (
            HEADER + "2026-02-09,-1,1,1,1,0\n",
            "TOPIX.csv line 2: 2026-02-09 open is -1; a price must be finite and above 0",
        ),
        (HEADER + "2026-02-09,1,1,1,0,0\n", "TOPIX.csv line 2: 2026-02-09 close is 0; a price must be"),
        (HEADER + "2026-02-09,2,1.5,3,2,0\n", "TOPIX.csv line 2: 2026-02-09 high 1.5 < low 3"),
        (HEADER + "2026-02-09,2,3,1,4,0\n", "TOPIX.csv line 2: 2026-02-09 close 4 lies outside low 1 to high 3"),
        (HEADER + "2026-02-09,0.5,3,1,2,0\n", "TOPIX.csv line 2: 2026-02-09 open 0.5 lies outside low 1 to high 3"),
        (
            HEADER + "09/02/2026,1,1,1,1,0\n",
            "TOPIX.csv line 2: date is '09/02/2026', which may be DMY or MDY; say which with --date-format",
        ),
        (HEADER + "2026-13-09,1,1,1,1,0\n", "TOPIX.csv line 2: date is '2026-13-09'"),
        (HEADER + "2026-02-09,1;1,1,1,1,0\n", "TOPIX.csv line 2: open is '1;1', which cannot be read"),
        (
            HEADER.encode() + GOOD.encode() + b"2026-02-12,\xe91,1,1,1,0\n",
            "TOPIX.csv line 4: open is 'é1', which cannot be read",
        ),
    ],
)
def test_each_fault_is_refused_with_file_and_line(tmp_path: Path, content: str | bytes, said: str) -> None:
    with pytest.raises(UserError) as e:
        load(tmp_path, content)
    assert said in str(e.value)
    assert "\n" not in str(e.value)


def test_a_damaged_parquet_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"TOPIX\.parquet: not a readable Parquet file"):
        load(tmp_path, b"PAR1 but not really", "TOPIX.parquet")


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "TOPX.csv").write_text(HEADER + GOOD)
    with pytest.raises(UserError, match=r"no bars of TOPIX: --data has no TOPIX\.csv .*did you mean 'TOPX'"):
        DirectorySource(tmp_path).load(bundled_instruments().find("TOPIX"))


def test_a_run_of_opens_at_the_last_close_is_not_traded_but_a_single_one_is(tmp_path: Path) -> None:
    closes = [10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0]
    days = ["02", "03", "04", "05", "06", "09", "10"]

    def bars_with(stale: int):
        opens = [9.0, *(closes[i - 1] if i <= stale else 10.5 for i in range(1, 7))]
        rows = [
            f"2026-02-{d},{o},{max(o, c) + 1},{min(o, c) - 1},{c},0"
            for d, o, c in zip(days, opens, closes, strict=True)
        ]
        return load(tmp_path, HEADER + "\n".join(rows) + "\n")

    assert bars_with(4).open_is_real.all()
    assert bars_with(5).open_is_real.tolist() == [True, False, False, False, False, False, True]


def test_stale_opens_of_the_arch_sp500_and_real_ones_of_nasdaq() -> None:
    """METHODS: in arch's S&P 500 the open repeats the last close on most days to 2005; Nasdaq's are genuine."""
    from datasets.prices.sources.builtin import ArchSource

    known = bundled_instruments()
    sp500, nasdaq = ArchSource().load(known.find("SPX")), ArchSource().load(known.find("IXIC"))
    early = sp500.session < np.datetime64("2005-01-01")
    assert sp500.open_is_real[early].mean() < 0.1
    assert sp500.open_is_real[sp500.session >= np.datetime64("2008-01-01")].mean() > 0.95
    assert nasdaq.open_is_real.all()
    assert (len(nasdaq), nasdaq.close[0], nasdaq.close[-1]) == (5031, 2208.050049, 6635.279785)
