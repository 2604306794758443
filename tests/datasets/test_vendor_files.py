"""What vendors write, one small file a layout: three prices of each are read as they stand in it."""

import io
import json
import zipfile

import numpy as np
import pandas as pd
import pytest

from datasets.errors import UserError
from datasets.markets.instruments import bundled_instruments
from datasets.prices.checks import RULES
from datasets.prices.checks.case import Case
from datasets.prices.quality import RefusedError, validate
from datasets.prices.reading.selection import Selection
from datasets.prices.sources.files import parse_table
from datasets.prices.table import PriceTable

COMMA = '"04.01.2024","3.009,96","2.997,70","3.012,00","2.994,86","1,20M","0,10%"\n"05.01.2024","3.037,68","3.019,87","3.043,03","3.016,49","1,20M","0,10%"\n'
PLAIN = "2024-01-04,2997.7,3012.0,2994.86,3009.96,9990608\n2024-01-05,3019.87,3043.03,3016.49,3037.68,2441955\n"
KOREAN = "일자,종가,대비,등락률,시가,고가,저가,거래량,거래대금,상장시가총액\n" + (
    '"2024/01/04","3009.96","1.0","0.1","2997.7","3012.0","2994.86","4332365","1","3"\n'
    '"2024/01/05","3037.68","1.0","0.1","3019.87","3043.03","3016.49","6830957","2","6"\n'
)
NIKKEI = "データ日付,終値,始値,高値,安値\n" + (
    '"2024/01/04","3009.96","2997.7","3012.0","2994.86"\n"2024/01/05","3037.68","3019.87","3043.03","3016.49"\n'
    '"本資料は架空の値です。"\n'
)
TAIWAN = "日期,開盤指數,最高指數,最低指數,收盤指數\n" + (
    '113/01/04,"2,997.70","3,012.00","2,994.86","3,009.96"\n113/01/05,"3,019.87","3,043.03","3,016.49","3,037.68"\n'
)
WIND = "日期,开盘价(元),最高价(元),最低价(元),收盘价(元),成交额(百万)\n" + PLAIN
BLOOMBERG = "TPX Index,,\nDates,PX_LAST,PX_OPEN\n01/04/2024,3009.96,2997.7\n01/05/2024,3037.68,3019.87\n01/15/2024,3037.68,3019.87\n"
FILES = {
    "investing.com, Turkish": (f'"Tarih","Şimdi","Açılış","Yüksek","Düşük","Hac.","Fark %"\n{COMMA}', "utf-8"),
    "investing.com, Turkish, old": (f'"Tarih","Şimdi","Açılış","Yüksek","Düşük","Hac.","Fark %"\n{COMMA}', "cp1254"),
    "investing.com, Russian": (f'"Дата","Цена","Откр.","Макс.","Мин.","Объём","Изм. %"\n{COMMA}', "utf-8"),
    "investing.com, Russian, old": (f'"Дата","Цена","Откр.","Макс.","Мин.","Объём","Изм. %"\n{COMMA}', "cp1251"),
    "investing.com, Polish": (f'"Data","Ostatnio","Otwarcie","Max.","Min.","Wol.","Zmiana%"\n{COMMA}', "utf-8"),
    "investing.com, Dutch": (f'"Datum","Laatste","Open","Hoog","Laag","Vol.","Verschil %"\n{COMMA}', "utf-8"),
    "Alpha Vantage": (f"timestamp,1. open,2. high,3. low,4. close,5. volume\n{PLAIN}", "utf-8"),
    "KRX": (KOREAN, "cp949"),
    "Nikkei's own file": (NIKKEI, "cp932"),
    "Taiwan, years of the Republic": (TAIWAN, "utf-8"),
    "Taiwan, Big5": (TAIWAN, "big5"),
    "Wind": (WIND, "utf-8"),
    "Wind, GB18030": (WIND, "gb18030"),
    "years of an era": ("日付,始値,高値,安値,終値\nR6.1.4,2997.7,3012.0,2994.86,3009.96\n令和6年1月5日,3019.87,3043.03,3016.49,3037.68\n", "utf-8"),
    "Bloomberg, pasted": (BLOOMBERG, "utf-8"),
    "Dukascopy": (f"Gmt time,Open,High,Low,Close,Volume\n{PLAIN.replace('2024-01-04', '04.01.2024 00:00:00.000').replace('2024-01-05', '05.01.2024 00:00:00.000')}", "utf-8"),
    "Eikon": ("Date,Trade Close,Open\n04-Jan-2024,3009.96,2997.7\n05-Jan-2024,3037.68,3019.87\n", "utf-8"),
    "MetaTrader 5, a data frame's index": (",time,open,high,low,close,tick_volume,spread,real_volume\n0,2024-01-04,2997.7,3012.0,2994.86,3009.96,1,0,0\n1,2024-01-05,3019.87,3043.03,3016.49,3037.68,2,0,0\n", "utf-8"),
    "a note at the end": (f"date,open,high,low,close,volume\n{PLAIN}Downloaded from an exchange as of 10 May\n", "utf-8"),
}  # fmt: skip


def read(text: str | bytes, *, encoding: str = "utf-8", **how) -> PriceTable:
    return parse_table(text if isinstance(text, bytes) else text.encode(encoding), "F", Selection(**how))


def three(table: PriceTable) -> tuple[str, float, float, float]:
    return str(table.session[0]), float(table.open[0]), float(table.close[0]), float(table.close[1])


@pytest.mark.parametrize(("text", "encoding"), FILES.values(), ids=FILES)
def test_a_vendors_file_is_read(text: str, encoding: str) -> None:
    assert three(read(text, encoding=encoding)) == ("2024-01-04", 2997.7, 3009.96, 3037.68)


RECORDS = [
    {"date": "2024-01-04", "open": 2997.7, "close": 3009.96},
    {"date": "2024-01-05", "open": 3019.87, "close": 3037.68},
]
BY_DATE = {
    "Meta Data": {"2. Symbol": "TPX"},
    "Time Series (Daily)": {
        "2024-01-04": {"1. open": "2997.7", "4. close": "3009.96"},
        "2024-01-05": {"1. open": "3019.87", "4. close": "3037.68"},
    },
}
BY_COLUMN = {c: {str(n): r[c] for n, r in enumerate(RECORDS)} for c in RECORDS[0]}


@pytest.mark.parametrize("content", [RECORDS, BY_DATE, {"data": RECORDS}, BY_COLUMN], ids=str)
def test_json_is_read(content: object) -> None:
    assert three(read(json.dumps(content))) == ("2024-01-04", 2997.7, 3009.96, 3037.68)


@pytest.mark.parametrize("text", ["[" * 100_000, "{}", "[1, 2]", '[{"a": 1}]', '{"date": 1'])
def test_other_json_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UserError, match=r"F: .*JSON"):
        read(text)


def test_feather_is_read() -> None:
    file = io.BytesIO()
    frame = pd.DataFrame({"date": pd.to_datetime(["2024-01-04", "2024-01-05"]), "open": [2997.7, 3019.87]})
    frame.assign(close=[3009.96, 3037.68], note=["a", "b"]).to_feather(file)
    assert three(read(file.getvalue())) == ("2024-01-04", 2997.7, 3009.96, 3037.68)
    with pytest.raises(UserError, match="F: not a readable Feather file"):
        read(file.getvalue()[:-40])


def archive(**members: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as held:
        for name, text in members.items():
            held.writestr(name, text)
    return file.getvalue()


def test_a_zip_of_one_file_is_read_and_one_of_several_is_not() -> None:
    text = f"date,open,high,low,close,volume\n{PLAIN}"
    assert three(read(archive(prices=text))) == ("2024-01-04", 2997.7, 3009.96, 3037.68)
    with pytest.raises(UserError, match="F: a zip archive of 2 files; unpack it"):
        read(archive(a=text, b=text))
    with pytest.raises(UserError, match="F: a workbook; save its sheet of prices as CSV or Parquet"):
        read(archive(**{"[Content_Types].xml": "", "xl/workbook.xml": ""}))


# ---- rows that lack something ----------------------------------------------------------------------------------------


def test_rows_that_end_before_the_volume_have_none() -> None:
    rows = "".join(f"2024-01-0{n},1,1,1,10{n}{',5' * (n > 3)}\n" for n in range(2, 6))
    table = read(f"Date,Open,High,Low,Close,Volume\n{rows}")
    assert table.close.tolist() == [102, 103, 104, 105]
    assert table.volume.tolist()[2:] == [5, 5] and np.isnan(table.volume[:2]).all()
    assert "2 rows end before the volume: they have none" in table.remarks


def test_one_row_that_is_short_is_damaged() -> None:
    rows = "".join(f"2024-01-0{n},1,1,1,10{n}{',5' * (n != 3)}\n" for n in range(2, 6))
    with pytest.raises(UserError, match="F line 3: 5 fields where the header has 6"):
        read(f"Date,Open,High,Low,Close,Volume\n{rows}")


def test_a_closing_note_is_reported() -> None:
    table = read(NIKKEI, encoding="cp932")
    assert "1 closing line of words left out (line 4: '本資料は架空の値です。')" in table.remarks


def test_a_last_row_cut_in_its_date_is_no_note() -> None:
    with pytest.raises(UserError, match="F line 3: 1 field where the header has 2"):
        read("date,close\nFebruary 9 2026,1\nFebruary")


@pytest.mark.parametrize(
    ("first", "header"),
    [
        ("2024.01.04,00:00,2997.7,3012.0,2994.86,3009.96,9990608", "date,time,open,high,low,close,volume"),
        ("1704326400000,2997.7,3012.0,2994.86,3009.96,999,1", "date,open,high,low,close,volume,column 7"),
        ("2024-01-04,3009.96", "date,close"),
    ],
)
def test_prices_without_a_header_name_the_one_to_write(first: str, header: str) -> None:
    with pytest.raises(UserError, match="F line 1: the first line holds prices: no header") as e:
        read(f"{first}\n{first}\n")
    assert str(e.value).endswith(f"such as {header}")
    assert read(f"{header}\n{first}\n", zone="UTC").close.tolist() == [3009.96]


# ---- several series --------------------------------------------------------------------------------------------------

LONG = "date,close,{}\n2024-01-04,10,AAA\n2024-01-05,11,AAA\n{},900,BBB\n{},910,BBB\n"


@pytest.mark.parametrize("column", ["Name", "Index", "ISIN", "Gattung", "종목명"])
@pytest.mark.parametrize("dates", [("2024-01-04", "2024-01-05"), ("2024-01-08", "2024-01-09")])
def test_rows_of_two_instruments_are_refused_and_one_can_be_chosen(column: str, dates: tuple[str, str]) -> None:
    text = LONG.format(column, *dates)
    with pytest.raises(UserError, match=rf"F: column {column}: AAA, BBB: .* '--where {column}=AAA'"):
        read(text)
    table = read(text, only=f"{column}=BBB")
    assert (table.close.tolist(), table.line.tolist()) == ([900, 910], [4, 5])


def test_a_column_of_words_that_says_something_of_a_day_is_left_alone() -> None:
    rows = "".join(f"2024-01-{n:02d},{100 + n},{'ex-dividend' if n == 9 else 'none'},{'up' if n % 2 else 'down'}\n" for n in range(2, 20))  # fmt: skip
    table = read(f"date,close,note,trend\n{rows}")
    assert len(table) == 18
    assert table.remarks == ("columns left alone: note, trend",)


def test_a_wide_file_asks_for_the_column() -> None:
    text = "Date,TOPIX,N225\n2024-01-04,3009.96,42139.44\n2024-01-05,3037.68,42527.52\n"
    with pytest.raises(UserError, match=r"F line 1: several series \(TOPIX, N225\); say which .*--column 'TOPIX'"):
        read(text)
    table = read(text, column="n225")
    assert table.close.tolist() == [42139.44, 42527.52]
    assert "column 'N225' is read as the close" in table.remarks
    with pytest.raises(UserError, match="F: no column 'SPX' next to a date; the columns are Date, TOPIX, N225"):
        read(text, column="SPX")


def test_parquet_of_several_series_is_told_apart_too() -> None:
    long, wide = io.BytesIO(), io.BytesIO()
    days = ["2024-01-04", "2024-01-05"]
    pd.DataFrame({"date": days * 2, "close": [10.0, 11, 900, 910], "Name": ["A", "A", "B", "B"]}).to_parquet(long)
    pd.DataFrame({"date": days, "TOPIX": [10.0, 11], "N225": [900.0, 910]}).to_parquet(wide)
    with pytest.raises(UserError, match="F: column Name: A, B"):
        read(long.getvalue())
    table = read(long.getvalue(), only="Name=B")
    assert (table.close.tolist(), table.line.tolist()) == ([900, 910], [3, 4])
    assert read(wide.getvalue(), column="N225").close.tolist() == [900, 910]


def test_two_columns_are_a_series_and_its_name_is_reported() -> None:
    table = read("date,topix\n2024-01-04,3009.96\n2024-01-05,3037.68\n")
    assert table.close.tolist() == [3009.96, 3037.68]
    assert table.remarks == ("column 'topix' is read as the close",)
    for header in ("date,open", "date,change %", "date,volume"):
        with pytest.raises(UserError, match="no column 'close'"):
            read(f"{header}\n2024-01-04,1\n2024-01-05,2\n")


# ---- stamps ----------------------------------------------------------------------------------------------------------


def test_epochs_of_any_age_are_dates() -> None:
    rows = "-811800,90.2\n-725400,90.4\n1261800,93.8\n99999000,94\n126264600,95\n"
    table = read(f"time,close\n{rows}", zone="America/New_York")
    assert [str(s) for s in table.session] == ["1969-12-22", "1969-12-23", "1970-01-15", "1973-03-03", "1974-01-01"]
    in_ms = "".join(f"{int(s) * 1000},{c}\n" for s, c in (r.split(",") for r in rows.split()))
    assert (read(f"time,close\n{in_ms}", zone="America/New_York").session == table.session).all()


def test_integers_that_are_no_epochs_are_not_read_as_dates() -> None:
    for cells in (("45000", "45001", "45002"), ("0", "1", "2"), ("1990", "1991", "1992")):
        with pytest.raises(UserError, match="F line 2: date is"):
            read("date,close\n" + "".join(f"{c},1\n" for c in cells))


def test_stamps_of_currencies_name_a_zone_in_which_they_are_sessions() -> None:
    sunday = 1704664800  # 2024-01-07 22:00 UTC, 17:00 in New York: Monday's session begins
    text = "time,close\n" + "".join(
        f"{sunday + 86400 * n},{140 + n / 10}\n" for n in (0, 1, 2, 3, 4, 7, 8, 9, 10, 11, 14)
    )
    with pytest.raises(
        UserError, match=r"--zone Asia/Tokyo \(there all rows are weekdays; in Europe/London 3 are not\)"
    ):
        read(text)
    assert str(read(text, zone="Asia/Tokyo").session[0]) == "2024-01-08"


def test_dates_a_day_too_early_cannot_be_accepted() -> None:
    sunday = np.datetime64("2024-01-07")
    days = [sunday + n for n in (0, 1, 2, 3, 4, 7, 8, 9, 10, 11, 14, 15, 16, 17, 18)]
    table = read("date,close\n" + "".join(f"{d},{140 + n / 10}\n" for n, d in enumerate(days)))
    with pytest.raises(RefusedError, match="the dates are a day too early: say the zone") as e:
        validate(Case(table, bundled_instruments().find("USDJPY")))
    assert "--accept" not in str(e.value)
    assert next(r for r in RULES if r.name == "early-dates").if_accepted is None
