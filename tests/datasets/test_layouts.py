"""Price files of every common layout: each is recognised by its content and read to the numbers that stand in it."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from datasets.errors import UserError
from datasets.prices.reading.selection import Selection
from datasets.prices.sources.files import parse_table, read_table

BARS = [("2026-02-09", 3756.21, 3825.67, 3752.74, 3783.57), ("2026-02-10", 3809.22, 3863.9, 3808.45, 3855.28)]
"""TOPIX after the vote of 8 February 2026."""


def rows_of(table):
    prices = zip(table.open, table.high, table.low, table.close, strict=True)
    return [(str(s), *map(float, p)) for s, p in zip(table.session, prices, strict=True)]


def read(text: str | bytes, encoding: str = "utf-8", **how):
    data = text if isinstance(text, bytes) else text.encode(encoding)
    return parse_table(data, "F", Selection(**how))


INVESTING = "{header}\n2026-02-10;3.855,28;3.809,22;3.863,90;3.808,45;1,57B;1,90%\n2026-02-09;3.783,57;3.756,21;3.825,67;3.752,74;940,97M;2,29%\n"
SAME = {
    "plain": (
        "date,open,high,low,close,volume\n2026-02-09,3756.21,3825.67,3752.74,3783.57,0\n2026-02-10,3809.22,3863.9,3808.45,3855.28,0\n",
        "plain",
    ),
    "stooq csv": (
        "Date,Open,High,Low,Close,Volume\r\n2026-02-09,3756.21,3825.67,3752.74,3783.57,0\r\n2026-02-10,3809.22,3863.9,3808.45,3855.28,0\r\n",
        "plain",
    ),
    "stooq in Polish": (
        "Data,Otwarcie,Najwyzszy,Najnizszy,Zamkniecie,Wolumen\n2026-02-09,3756.21,3825.67,3752.74,3783.57,0\n2026-02-10,3809.22,3863.9,3808.45,3855.28,0\n",
        "plain",
    ),
    "stooq with brackets": (
        "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\n"
        "^TPX,D,20260209,000000,3756.21,3825.67,3752.74,3783.57,0,0\n^TPX,D,20260210,000000,3809.22,3863.9,3808.45,3855.28,0,0\n",
        "Stooq",
    ),
    "yahoo": (
        "Date,Open,High,Low,Close,Adj Close,Volume\n2026-02-09,3756.21,3825.67,3752.74,3783.57,3783.57,0\n2026-02-10,3809.22,3863.9,3808.45,3855.28,3855.28,0\n",
        "Yahoo",
    ),
    "yfinance": (
        "Price,Close,High,Low,Open,Volume\nTicker,^TPX,^TPX,^TPX,^TPX,^TPX\nDate,,,,,\n2026-02-09,3783.57,3825.67,3752.74,3756.21,0\n2026-02-10,3855.28,3863.9,3808.45,3809.22,0\n",
        "yfinance, three header lines",
    ),
    "yfinance, old": (
        ",Adj Close,Close,High,Low,Open,Volume\n,^TPX,^TPX,^TPX,^TPX,^TPX,^TPX\nDate,,,,,,\n2026-02-09,1,3783.57,3825.67,3752.74,3756.21,0\n2026-02-10,1,3855.28,3863.9,3808.45,3809.22,0\n",
        "yfinance, three header lines",
    ),
    "a data frame's unnamed index": (
        ",Open,High,Low,Close\n2026-02-09,3756.21,3825.67,3752.74,3783.57\n2026-02-10,3809.22,3863.9,3808.45,3855.28\n",
        "plain",
    ),
    "investing.com, English, oldest first": (
        '"Date","Price","Open","High","Low","Vol.","Change %"\n"02/09/2026","3,783.57","3,756.21","3,825.67","3,752.74","","2.29%"\n'
        '"02/10/2026","3,855.28","3,809.22","3,863.90","3,808.45","","1.90%"\n"02/13/2026","3,818.85","3,842.05","3,844.68","3,796.49","","-1.63%"\n',
        "investing.com",
    ),
    "tabs, spaces around": (
        "Date \t Open\tHigh\tLow\tClose\n2026-02-09\t 3756.21 \t3825.67\t3752.74\t3783.57\n2026-02-10\t3809.22\t3863.9\t3808.45\t3855.28\n",
        "plain",
    ),
    "semicolons and decimal commas": (
        "date;open;high;low;close\n2026-02-09;3756,21;3825,67;3752,74;3783,57\n2026-02-10;3809,22;3863,9;3808,45;3855,28\n",
        "plain",
    ),
    "French spaces": (
        "Date;Ouv.;Plus Haut;Plus Bas;Dernier;Variation %\n09/02/2026;3 756,21;3\u202f825,67;3\u00a0752,74;3 783,57;2 %\n10/02/2026;3 809,22;3 863,90;3 808,45;3 855,28;2 %\n"
        "13/02/2026;3 842,05;3 844,68;3 796,49;3 818,85;-1 %\n",
        "investing.com",
    ),
    "two title lines and a comment": (
        "TOPIX\nTokyo Stock Exchange, points\ndate,open,high,low,close\n2026-02-09,3756.21,3825.67,3752.74,3783.57\n2026-02-10,3809.22,3863.9,3808.45,3855.28\n",
        "plain",
    ),
}


@pytest.mark.parametrize("case", SAME)
def test_the_same_bars_are_read_from_every_layout(case: str) -> None:
    text, layout = SAME[case]
    table = read(text)
    assert rows_of(table)[:2] == BARS
    assert (table.layout, table.unreadable, table.at) == (layout, (), None)


HEADERS = {
    "zh-CN": ("日期;收盘;开盘;高;低;交易量;涨跌幅", "gb18030"),
    "zh-HK": ("日期;收市;開市;高;低;成交量;更改%", "utf-8"),
    "ja": ("日付け;終値;始値;高値;安値;出来高;変化率 %", "cp932"),
    "ko": ("날짜;종가;시가;고가;저가;거래량;변동 %", "utf-8-sig"),
    "de": ("Datum;Zuletzt;Eröffn.;Hoch;Tief;Vol.;+/- %", "cp1252"),
    "de, other names": ("Datum;Schlusskurs;Eröffnung;Höchst;Tiefst;Volumen;+/- %", "utf-8"),
    "es": ("Fecha;Último;Apertura;Máximo;Mínimo;Vol.;% var.", "utf-16"),
    "pt": ("Data;Último;Abertura;Máxima;Mínima;Vol.;Var%", "cp1252"),
    "fr": ("Date;Dernier;Ouv.;Plus Haut;Plus Bas;Vol.;Variation %", "utf-8"),
    "it": ("Data;Ultimo;Apertura;Massimo;Minimo;Vol.;Var. %", "utf-8"),
}


@pytest.mark.parametrize("language", HEADERS)
def test_headers_in_many_languages_and_encodings(language: str) -> None:
    header, encoding = HEADERS[language]
    table = read(INVESTING.format(header=header), encoding)
    assert rows_of(table) == BARS[::-1], "as found: newest first"
    assert table.volume.tolist() == [1.57e9, 940.97e6]
    assert "the decimal mark is a comma" in table.remarks
    spoken = {"cp932": "decoded as Shift-JIS (cp932)", "cp1252": "decoded as Windows-1252"}.get(encoding)
    assert spoken is None or spoken in table.remarks


def test_a_shortened_volume_is_the_double_nearest_to_its_decimal() -> None:
    table = read(
        "date,close,vol.\n2026-02-09,1,940.97M\n2026-02-10,1,1.57B\n2026-02-11,1,3K\n2026-02-12,1,1.1T\n2026-02-13,1,2.5億\n"
    )
    assert table.volume.tolist() == [940970000.0, 1570000000.0, 3000.0, 1100000000000.0, 250000000.0]


def test_fred_and_its_missing_values() -> None:
    for header in ("observation_date,DEXJPUS", "DATE,DEXJPUS"):
        table = read(f"{header}\n2026-02-09,157.01\n2026-02-10,.\n2026-02-11,153.2\n")
        assert (table.layout, table.ticker) == ("FRED", "DEXJPUS")
        assert np.array_equal(table.close, [157.01, np.nan, 153.2], equal_nan=True)
        assert table.remarks == ("the file calls its instrument 'DEXJPUS'", "1 cell '.' taken as empty")


def test_words_for_nothing_are_empty_cells_and_counted() -> None:
    table = read(
        "Date,Open,High,Low,Close,Adj Close,Volume\n2026-02-09,null,null,null,null,null,null\n2026-02-10,nan,N/A,-,7,—,\n"
    )
    assert np.isnan([*table.open, *table.high, *table.low, table.close[0], *table.adjusted_close, *table.volume]).all()
    assert (table.close[1], table.unreadable) == (7.0, ())
    assert table.remarks == (
        "1 cell '-' taken as empty",
        "1 cell 'N/A' taken as empty",
        "1 cell 'nan' taken as empty",
        "6 cells 'null' taken as empty",
        "1 cell '—' taken as empty",
    )


def test_what_is_no_number_is_named_with_line_and_column() -> None:
    table = read(
        "date,Open,close\n2026-02-09,1;1,5\n\n2026-02-10,2,inf\n2026-02-30,3,5\n2026-02-12,4,1e+2\n2026-02-13,5,17.\n"
    )
    cells = [(u.line, u.column, u.text) for u in table.unreadable]
    assert cells == [(2, "Open", "1;1"), (4, "close", "inf"), (5, "date", "2026-02-30"), (7, "close", "17.")]
    assert [str(s) for s in table.session] == ["2026-02-09", "2026-02-10", "2026-02-12", "2026-02-13"]
    assert (table.line.tolist(), table.close[2]) == ([2, 4, 6, 7], 100.0)


def test_a_level_is_compounded_from_returns_in_per_cent() -> None:
    table = read("date,mkt_rf,smb,hml,rf\n1926-07-01,9.00,-0.25,-0.27,1.00\n1926-07-02,-10.00,0,0,0.00\n")
    assert np.allclose(table.close, [110.0, 99.0], rtol=1e-15)
    assert (table.layout, np.isnan(table.open).all()) == ("Fama-French", True)
    assert table.remarks == ("returns in per cent: mkt_rf + rf compounded to a level, 100 before the first row",)
    with pytest.raises(UserError, match="F line 3: a return is missing"):
        read("Date,Mkt-RF,SMB,HML,RF\n1926-07-01,9.00,-0.25,-0.27,1.00\n1926-07-02,-99.99,0,0,0.00\n")


DATES = {
    "20260209 20260210 20260213": None,
    "2026/2/9 2026/2/10 2026/2/13": None,
    "2026. 2. 9|2026. 2. 10|2026. 2. 13": None,
    "2026年2月9日 2026年2月10日 2026年2月13日": None,
    "9.2.2026 10.2.2026 13.2.2026": None,
    "09.02.26 10.02.26 13.02.26": None,
    "09/02/2026 10/02/2026 13/02/2026": None,
    "02/09/2026 02/10/2026 02/13/2026": None,
    "02/09/26 02/10/26 02/13/26": None,
    "26/02/09 26/02/10 26/02/13": "YMD",
    "Feb 9, 2026|Feb 10, 2026|Feb 13, 2026": None,
    "09-Feb-2026 10-Feb-2026 13-Feb-2026": None,
    "9 February 2026|10 February 2026|13 February 2026": None,
    "Mon, 9 Feb 2026|Tue, 10 Feb 2026|Fri, 13 Feb 2026": None,
    "2026-02-09T00:00:00Z 2026-02-10T00:00:00Z 2026-02-13T00:00:00Z": None,
    "2026-02-09 00:00:00+00:00|2026-02-10 00:00:00+00:00|2026-02-13 00:00:00+00:00": None,
    "2026-02-09 09:00:00+09:00|2026-02-10 09:00:00+09:00|2026-02-13 09:00:00+09:00": None,
    "2026-02-09 00:00+09|2026-02-10 00:00+09|2026-02-13 00:00+09": None,
    "2/9/2026 4:00:00 PM|2/10/2026 4:00:00 PM|2/13/2026 4:00:00 PM": None,
    "2/9/2026 16:00:00|2/10/2026 16:00:00|2/13/2026 16:00:00": None,
    "1770595200 1770681600 1770940800": None,
    "1770595200000 1770681600000 1770940800000": None,
    "09|02|2026": "%d|%m|%Y",
}


@pytest.mark.parametrize(("written", "shown"), DATES.items(), ids=list(DATES))
def test_dates_in_every_form(written: str, shown: str | None) -> None:
    cells = [written] if shown and "%" in shown else written.split("|") if "|" in written else written.split()
    table = read("date\tclose\n" + "".join(f"{c}\t7.5\n" for c in cells), date_format=shown)
    assert [str(s) for s in table.session] == ["2026-02-09", "2026-02-10", "2026-02-13"][: len(cells)]
    assert (table.unreadable, table.at) == ((), None)


def test_day_and_month_follow_from_the_whole_column() -> None:
    by_day = read("date,close\n03/02/2026,1\n04/02/2026,1\n05/02/2026,1\n06/02/2026,1\n")
    assert [str(s) for s in by_day.session] == ["2026-02-03", "2026-02-04", "2026-02-05", "2026-02-06"]
    assert by_day.remarks == ("dates are read as day, month, year",)
    by_month = read("date,close\n02/06/2026,1\n02/05/2026,1\n02/04/2026,1\n02/03/2026,1\n")
    assert [str(s) for s in by_month.session] == ["2026-02-06", "2026-02-05", "2026-02-04", "2026-02-03"]


def test_where_both_orders_are_possible_the_reader_asks() -> None:
    text = "date,close\n09/02/2026,1\n"
    with pytest.raises(UserError) as e:
        read(text)
    assert str(e.value) == "F line 2: date is '09/02/2026', which may be DMY or MDY; say which with --date-format DMY"
    assert str(read(text, date_format="mdy").session[0]) == "2026-09-02"
    assert str(read(text, date_format="DMY").session[0]) == "2026-02-09"
    with pytest.raises(UserError, match="date format 'DYM' is unknown; give DMY, MDY, YMD or a pattern"):
        read(text, date_format="DYM")


INTRADAY = "date,value\n2016-11-09T07:28:00,101.5\n2016-11-09T07:30:00,101.7\n2016-11-09T23:30:00,101.9\n"


def test_times_of_day_need_a_zone_and_get_instants() -> None:
    with pytest.raises(UserError, match=r"F line 2: '2016-11-09T07:28:00' is a time without .* --zone Europe/London"):
        read(INTRADAY)
    with pytest.raises(UserError, match="time zone 'Europe/Londn' is unknown"):
        read(INTRADAY, zone="Europe/Londn")
    table = read(INTRADAY, zone="Asia/Tokyo")
    assert table.at is not None
    assert np.array_equal(
        table.at.astype("datetime64[ns]"),
        np.array(["2016-11-08T22:28", "2016-11-08T22:30", "2016-11-09T14:30"], "M8[ns]"),
    )
    assert [str(s) for s in table.session] == ["2016-11-09"] * 3
    assert table.remarks == ("stamps are read as times of Asia/Tokyo",)


def test_times_in_utc_and_their_sessions() -> None:
    text = INTRADAY.replace(":00,", ":00Z,")
    utc, tokyo = read(text), read(text, zone="Asia/Tokyo")
    assert utc.at is not None
    assert tokyo.at is not None
    assert np.array_equal(utc.at, tokyo.at)
    assert str(utc.at.astype("datetime64[ns]")[0]) == "2016-11-09T07:28:00.000000000"
    assert [str(s) for s in utc.session] == ["2016-11-09"] * 3
    assert [str(s) for s in tokyo.session] == ["2016-11-09", "2016-11-09", "2016-11-10"]
    assert (utc.utc_offset_hours, utc.layout) == (0.0, "one series")


def test_a_column_of_times_next_to_the_dates() -> None:
    text = "<TICKER>,<PER>,<DATE>,<TIME>,<CLOSE>\nX,5,20200102,153000,1\nX,5,20200102,153500,2\nX,5,20200102,154000,3\n"
    table = read(text, zone="Europe/Warsaw")
    assert table.at is not None
    assert [str(t)[:16] for t in table.at.astype("datetime64[ns]")] == [
        "2020-01-02T14:30",
        "2020-01-02T14:35",
        "2020-01-02T14:40",
    ]


def test_an_hour_that_comes_twice_is_not_guessed() -> None:
    text = "date,value\n2016-10-30T00:30:00,1\n2016-10-30T01:30:00,2\n2016-10-30T02:30:00,3\n"
    table = read(text, zone="Europe/London")
    assert [(u.line, u.text) for u in table.unreadable] == [(3, "2016-10-30T01:30:00")]
    assert table.close.tolist() == [1.0, 3.0]


def test_daily_stamps_across_a_change_of_clocks_are_dates() -> None:
    table = read("Date,Close\n2026-03-06 00:00:00-05:00,1\n2026-03-09 00:00:00-04:00,2\n2026-03-10 00:00:00-04:00,3\n")
    assert [str(s) for s in table.session] == ["2026-03-06", "2026-03-09", "2026-03-10"]
    assert (table.at, table.utc_offset_hours) == (None, -4.0)
    assert table.remarks == ("stamps carry the zone -05:00, -04:00; sessions are its dates",)


def test_epochs_at_the_open_need_the_exchange() -> None:
    text = "timestamp,close\n1770566400,1\n1770652800,2\n"  # 2026-02-08 and 09, 16:00 UTC
    with pytest.raises(UserError, match="F line 2: '1770566400' is a time without the exchange's zone"):
        read(text)
    stamps = "date,close\n2026-02-08T15:00:00Z,1\n2026-02-09T15:00:00Z,2\n"  # midnights of Tokyo
    with pytest.raises(UserError, match="F line 2: '2026-02-08T15:00:00Z' is a time without the exchange's zone"):
        read(stamps)
    assert [str(s) for s in read(stamps, zone="Asia/Tokyo").session] == ["2026-02-09", "2026-02-10"]
    assert [str(s) for s in read(text, zone="Asia/Tokyo").session] == ["2026-02-09", "2026-02-10"]


NUMBERS = [
    ("1,234.5 1,300 1,299.75", "en", [1234.5, 1300.0, 1299.75]),
    ("1,212 1,213 1,210", "ja", [1212.0, 1213.0, 1210.0]),
    ("1.212 1.213 1.210", "de", [1212.0, 1213.0, 1210.0]),
    ("1.212 1.21 1.2", "de", [1.212, 1.21, 1.2]),
    ("1'234.50 1'300.00 999.00", "en", [1234.5, 1300.0, 999.0]),
    ("1.234.567 1.300.000 999", "de", [1234567.0, 1300000.0, 999.0]),
    ("+5 -3 .5", "en", [5.0, -3.0, 0.5]),
    ("1e+3 1E-2 2.5e+1", "en", [1000.0, 0.01, 25.0]),
]


@pytest.mark.parametrize(("cells", "language", "expected"), NUMBERS)
def test_decimal_marks_and_thousands(cells: str, language: str, expected: list[float]) -> None:
    header = {"en": "date,close", "ja": "日付,終値", "de": "Datum,Schluss"}[language]
    rows = "".join(f'2026-02-{9 + n:02d},"{c}"\n' for n, c in enumerate(cells.split()))
    assert read(f"{header}\n{rows}").close.tolist() == expected


def test_a_number_that_may_be_either_is_refused_or_named() -> None:
    with pytest.raises(UserError, match="F line 2: numbers such as '1,234' may hold a decimal mark or thousands"):
        read("date;close\n2026-02-09;1,234\n2026-02-10;1,235\n")
    table = read('date,close\n2026-02-09,104.345\n2026-02-10,"104,350"\n2026-02-11,104.36\n')
    assert [(u.line, u.text) for u in table.unreadable] == [(3, "104,350")], "104350 is not among the others"


WHOLE = [
    (b"", "F line 1: no column 'date', found nothing"),
    (b"\n\n", "F line 1: no column 'date', found nothing"),
    (b"date,open\n2026-02-09,1\n", "F line 1: no column 'close', found date,open"),
    (b"2026-02-09,1,1,1,1\n2026-02-10,1,1,1,1\n", "F line 1: the first line holds prices: no header; write"),
    (b"date,close\n", "F: no rows"),
    (b"date,close\n2026-02-09,1\n2026-02-1", "F line 3: 1 field where the header has 2; the file is cut short"),
    (b"date,close\n2026-02-09,1,2\n", "F line 2: 3 fields where the header has 2"),
    (b"date,close\nx,1\ny,2\n", "F line 2: date is 'x'; it must be like 2026-02-09"),
    (b"<!DOCTYPE html>\n<html><body>date,close</body></html>", "F line 1: an HTML page instead of prices"),
    (b'{"chart":{"result":null}}', "F: JSON without records of prices; it must be a list of objects"),
    (b"Too Many Requests\r\n", "F line 1: no column 'date', found Too Many Requests;"),
    (b"date,close\n2026-02-09,1\x00\n", "F line 2: binary data"),
    ("date,close\n2026-02-09,1\n".encode("utf-16-le"), "F line 1: binary data"),
    (b"\x89PNG\r\n\x1a\n\x00\x00", "F line 3: binary data"),
    (b"PK\x03\x04rest", "F: a workbook or zip archive that is damaged or cut short"),
    (b"\x1f\x8b\x08\x00rest", "F: gzip data that is damaged or cut short"),
    (gzip.compress(b"date,close\n2026-02-09,1\n" * 50)[:-9], "F: gzip data that is damaged or cut short"),
    (b"\xff\xfed", "F line 1: neither UTF-8 nor a known older encoding"),
    ("日付,終値\n2026-02-09,1\n".encode() + b"2026-02-10,\xff\n", "F line 3: not UTF-8"),
    (b"PAR1 but not really", "F: not a readable Parquet file"),
    (b'date,close\n"2026-02-09","1\n"2026-02-10","1"\n', "F line 2: ',' expected after '\"'; a quote is missing"),
    (b'date,close\n2026-02-09,"1\n2026-02-10,1\n', "F line 2: unexpected end of data; a quote is missing"),
    (b'date,close\n2026-02-09,"1\n"\n', "F line 2: a quote is opened and not closed on its line"),
    (b"date,close,Close\n2026-02-09,1,2\n", "F line 1: columns 'close' and 'Close' both mean close"),
    (b"date,opem,high,low,close\n2026-02-09,1,1,1,1\n", "F line 1: unknown column 'opem' (did you mean 'open'?)"),
    (b"date,,high,low,close\n2026-02-09,1,1,1,1\n", "F line 1: column 2 has no name"),
    (b"date,symbol,close\n2026-02-09,A,1\n2026-02-09,B,1\n", "F line 3: 'B' where other rows are of 'A'"),
    (
        b"Price,Close,Close\nTicker,^HSI,^GSPC\nDate,,\n2026-02-09,1,2\n",
        "F line 1: columns 'Close' and 'Close' both mean close",
    ),
    (
        b"Price,Close,High\nTicker,^HSI,^GSPC\nDate,,\n2026-02-09,1,2\n",
        "F line 1: prices of several instruments (^GSPC, ^HSI)",
    ),
]


@pytest.mark.parametrize(("data", "said"), WHOLE, ids=[said[:40] for _, said in WHOLE])
def test_a_file_that_is_no_price_file_is_refused_in_one_line(data: bytes, said: str) -> None:
    with pytest.raises(UserError) as e:
        read(data)
    assert said in str(e.value)
    assert "\n" not in str(e.value)


def test_what_is_left_alone_or_may_be_cut_is_said() -> None:
    table = read("date,close,RSI,Change %\n2026-02-09,1,2,3\n2026-02-10,1,2,3")
    assert table.remarks == (
        "columns left alone: RSI",
        "the last line (3) has no line end: the file may be cut short there",
    )


def test_a_digit_that_became_a_no_break_space_is_named() -> None:
    table = read(b"date,close\n2026-02-09,1361.67\n2026-02-10,\xa0361.67\n")
    assert [(u.line, u.column) for u in table.unreadable] == [(3, "close")]
    dates = read(b"date,close\n11/20/2026,1\n\xa01/23/2026,2\n11/24/2026,3\n")
    assert [(u.line, u.column) for u in dates.unreadable] == [(3, "date")]


def test_no_control_character_reaches_a_message() -> None:
    table = read("date,close,a\x1bb\n2026-02-09,1,\n2026-02-10,\x1b[2J,\n\x1a")
    assert [(u.line, u.text) for u in table.unreadable] == [(3, "\ufffd[2J")]
    assert table.remarks == ("columns left alone: a\ufffdb",)


def test_empty_lines_and_lines_of_delimiters_only_are_no_rows() -> None:
    table = read("date,close\n\n2026-02-09,1\n,\n2026-02-10,2\n\n\n")
    assert (table.line.tolist(), table.close.tolist()) == ([3, 5], [1.0, 2.0])


def test_gzip_and_the_name_of_the_file_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "anything.dat"
    path.write_bytes(gzip.compress(SAME["plain"][0].encode()))
    assert rows_of(read_table(path)) == BARS
    with pytest.raises(UserError, match=r"nowhere\.csv: cannot be read \(No such file"):
        read_table(tmp_path / "nowhere.csv")


def test_a_data_frame_saved_as_parquet(tmp_path: Path) -> None:
    import pandas as pd

    days = pd.DatetimeIndex([b[0] for b in BARS], name="Date")
    frame = pd.DataFrame([b[1:] for b in BARS], columns=["Open", "High", "Low", "Close"], index=days)
    for n, index in enumerate(
        (days, days.tz_localize("Asia/Tokyo"), days.rename(None), days.strftime("%Y%m%d").rename("Date"))
    ):
        path = tmp_path / f"{n}.parquet"
        frame.set_axis(index).to_parquet(path)
        table = read_table(path)
        assert rows_of(table) == BARS
        assert (table.line.tolist(), table.where(1)) == ([1, 2], f"{n}.parquet row 2")
    frame.columns = pd.MultiIndex.from_product([frame.columns, ["^TPX"]])
    frame.to_parquet(tmp_path / "pairs.parquet")
    assert (rows_of(read_table(tmp_path / "pairs.parquet")), read_table(tmp_path / "pairs.parquet").ticker) == (
        BARS,
        "^TPX",
    )


# --- the files found in the wild; expected values read in the files by eye ------------------------------------------

DEFECTS = {
    # name: layout, rows, first and last as found, (row, O, H, L, C)
    "coolcoolercool_HSTECH": ("investing.com", 2427, "2024-11-13", "2015-01-02", (0, 4397.32, 4443.35, 4363.62, 4443.01)),
    "jrandj_ASX200": ("plain", 7663, "1992-05-29", "2022-09-02", (-1, 6826.9, 6845.6, 6854.9, 6820.5)),
    "jtitan_N225": ("plain", 1223, "2021-05-28", "2026-05-29", (0, 28912.5390625, 29194.109375, 28899.66015625, 29149.41015625)),
    "keroppa88_N225": ("plain", 10388, "1985-04-01", "2026-02-16", (0, 12609.94, 12677.15, 12600.97, 12677.15)),
    "mingjia_STI": ("plain", 485, "2022-10-04", "2020-11-02", (-1, 2428.98, 2449.02, 2423.7, 2443.13)),
    "omrao_NIFTY50_FAKE": ("plain", 15, "2023-01-02", "2023-01-20", (-1, 17290.0, 17400.0, 17250.0, 17380.0)),
    "suzuna_TOPIX": ("plain", 5048, "2022-01-28", "2001-06-25", (0, 1862.78, 1880.0, 1852.22, 1876.89)),
    "tapi262_HSI": ("yfinance, three header lines", 3770, "2010-01-04", "2025-04-29", (0, 21860.0390625, 22024.830078125, 21689.220703125, 21823.279296875)),
    "tzjtan_SPX": ("plain", 15468, "1871-01-01", "2026-08-20", (-1, 7690.4902, np.nan, np.nan, 7641.1602)),
}  # fmt: skip


@pytest.mark.parametrize("name", DEFECTS)
def test_files_found_in_the_wild(shared_dir: Path, name: str) -> None:
    layout, rows, first, last, (row, *prices) = DEFECTS[name]
    table = read_table(shared_dir / "defects" / f"{name}.csv")
    assert (table.layout, len(table), str(table.session[0]), str(table.session[-1])) == (layout, rows, first, last)
    assert np.array_equal([table.open[row], table.high[row], table.low[row], table.close[row]], prices, equal_nan=True)
    assert table.unreadable == ()


def test_what_is_said_of_files_found_in_the_wild(shared_dir: Path) -> None:
    def wild(name: str):
        return read_table(shared_dir / "defects" / f"{name}.csv")

    hstech = wild("coolcoolercool_HSTECH")
    assert (hstech.volume[0], hstech.volume[1]) == (940970000.0, 1570000000.0)
    assert np.isnan(hstech.volume[-1])
    assert str(hstech.session[3]) == "2024-11-08", "written 2024-11-8"
    assert wild("jrandj_ASX200").ticker == "XJO"
    assert wild("jtitan_N225").utc_offset_hours == 9.0
    assert wild("tapi262_HSI").ticker == "^HSI"
    assert wild("tapi262_HSI").line[0] == 4
    assert wild("suzuna_TOPIX").remarks == ("decoded as Shift-JIS (cp932)", "1 line above the header left out")
    assert wild("suzuna_TOPIX").line[0] == 3
    assert wild("keroppa88_N225").remarks == ("columns left alone: TradingValue, UpLimit, LowLimit",)
    assert np.isnan(wild("tzjtan_SPX").open[0])


def test_every_market_file_is_read(market_dir: Path) -> None:
    tables = {p.stem: read_table(p) for p in sorted(market_dir.glob("*.csv"))}
    assert len(tables) == 27
    assert {t.layout for t in tables.values()} == {"plain", "Fama-French"}
    assert all(t.unreadable == () and t.remarks == () for s, t in tables.items() if not s.startswith("FF3"))
    assert (len(tables["SPX"]), tables["SPX"].close[0], tables["SPX"].close[-1]) == (24777, 17.66, 7674.370117)
    assert tables["FF3_DAILY"].close[0] == pytest.approx(100.10, rel=1e-15)
    assert tables["FF3_MONTHLY"].close[1] == pytest.approx(103.11 * 1.0289, rel=1e-12)


def test_an_election_night(shared_dir: Path) -> None:
    path = shared_dir / "odds" / "FT_INTRADAY_2016_USDJPY.csv"
    with pytest.raises(UserError, match="--zone"):
        read_table(path)
    table = read_table(path, Selection(zone="UTC"))
    assert table.at is not None
    assert (str(table.at[-1].astype("datetime64[ns]"))[:19], table.close[-1]) == ("2016-11-09T04:20:00", 101.71)


MINISTRY = """国債金利情報,,,,(単位 : %)
基準日,1年,2年,10年,40年
{rows}
"""
"""The layout in which Japan's Ministry of Finance publishes yields: a title, years of an era, '-' where there is none."""
ERAS = [
    ("T15.12.24", "大正15年12月24日", "1926-12-24"),
    ("S1.12.25", "昭和元年12月25日", "1926-12-25"),
    ("S49.9.24", "昭和49年9月24日", "1974-09-24"),
    ("S64.1.7", "昭和64年1月7日", "1989-01-07"),
    ("H1.1.8", "平成元年1月8日", "1989-01-08"),
    ("H31.4.30", "平成31年4月30日", "2019-04-30"),
    ("R1.5.1", "令和元年5月1日", "2019-05-01"),
    ("R6.4.1", "令和6年4月1日", "2024-04-01"),
]
"""The last and the first day of each era, by letter and in full."""


@pytest.mark.parametrize("which", [0, 1])
def test_one_column_of_the_ministry_s_wide_file_with_years_of_eras(which: int) -> None:
    rows = "\n".join(f"{era[which]},10.327,9.3,{'-' if n == 0 else n / 8 - 0.5},-" for n, era in enumerate(ERAS))
    found = read(MINISTRY.format(rows=rows), "cp932", column="10年")
    assert [str(s) for s in found.session] == [era[2] for era in ERAS]
    assert np.isnan(found.close[0])
    assert found.close[1:].tolist() == [-0.375, -0.25, -0.125, 0.0, 0.125, 0.25, 0.375]
    assert found.unreadable == ()
    assert {"decoded as Shift-JIS (cp932)", "dates are read as years of an era"} <= set(found.remarks)


def test_the_ministry_s_english_file_has_years_of_the_common_era() -> None:
    text = "Interest Rate,,,(Unit : %)\r\nDate,1Y,10Y,40Y\r\n2024/4/1,0.08,0.746,-\r\n2024/4/2,0.082,0.75,2.1\r\n"
    found = read(text, column="10y")
    assert [str(s) for s in found.session] == ["2024-04-01", "2024-04-02"]
    assert found.close.tolist() == [0.746, 0.75]


def test_the_ministry_s_file_without_a_column_asks_for_one() -> None:
    with pytest.raises(UserError, match=r"F line 2: several series \(1年, 2年, 10年\); .* --column '1年'"):
        read(MINISTRY.format(rows="R6.4.1,0.1,0.2,0.746,-\nR6.4.2,0.1,0.2,0.75,-"), "cp932")
