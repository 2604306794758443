"""Any table of prices, written in any layout, reads back equal: delimiter, decimal mark, dates, order, encoding, language."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.prices.reading.selection import Selection
from datasets.prices.sources.files import parse_table
from datasets.prices.table import PriceTable

HEADERS = {
    "plain": (("date", "open", "high", "low", "close", "volume"), ("utf-8", "utf-8-sig", "utf-16", "cp1252", "cp932")),
    "english": (("Date", "Open", "High", "Low", "Price", "Vol."), ("utf-8", "utf-16", "gb18030")),
    "chinese": (("日期", "开盘", "高", "低", "收盘", "交易量"), ("utf-8", "utf-8-sig", "utf-16", "gb18030")),
    "japanese": (("日付", "始値", "高値", "安値", "終値", "出来高"), ("utf-8", "utf-16", "cp932")),
    "korean": (("날짜", "시가", "고가", "저가", "종가", "거래량"), ("utf-8", "utf-16")),
    "german": (("Datum", "Eröffn.", "Hoch", "Tief", "Zuletzt", "Vol."), ("utf-8", "utf-16", "cp1252")),
    "spanish": (("Fecha", "Apertura", "Máximo", "Mínimo", "Último", "Vol."), ("utf-8", "cp1252")),
    "portuguese": (("Data", "Abertura", "Máxima", "Mínima", "Último", "Vol."), ("utf-8-sig", "cp1252")),
    "french": (("Date", "Ouv.", "Plus Haut", "Plus Bas", "Dernier", "Vol."), ("utf-8", "cp1252")),
    "italian": (("Data", "Apertura", "Massimo", "Minimo", "Ultimo", "Vol."), ("utf-8", "cp1252")),
}
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"  # strftime would follow the machine's language
DATE_FORMS = ("iso", "compact", "unpadded", "dotted", "DMY", "MDY", "named", "zoned", "cjk")
Row = tuple[date, tuple[int, ...], int | None]


@dataclass(frozen=True)
class Style:
    """How a table is written."""

    language: str
    encoding: str
    delimiter: str
    mark: str
    group: str
    dates: str
    newest_first: bool
    order: tuple[int, ...]
    quoted: bool
    newline: str


def written_date(day: date, form: str) -> str:
    month = MONTHS.split()[day.month - 1]
    return {
        "iso": day.isoformat(),
        "compact": f"{day:%Y%m%d}",
        "unpadded": f"{day.year}/{day.month}/{day.day}",
        "dotted": f"{day:%d.%m.%Y}",
        "DMY": f"{day:%d/%m/%Y}",
        "MDY": f"{day:%m/%d/%Y}",
        "named": f"{month} {day.day}, {day.year}",
        "zoned": f"{day.isoformat()} 09:00:00+09:00",
        "cjk": f"{day.year}年{day.month}月{day.day}日",
    }[form]


def written_price(cents: int, style: Style) -> str:
    whole = f"{cents // 100:,}".replace(",", style.group)
    return f"{whole}{style.mark}{cents % 100:02d}"


def written(rows: list[Row], style: Style) -> bytes:
    """The file of a table in one style."""
    names, _ = HEADERS[style.language]
    table = [list(names)]
    for day, prices, volume in reversed(rows) if style.newest_first else rows:
        cells = [written_price(p, style) for p in prices]
        table.append([written_date(day, style.dates), *cells, "" if volume is None else f"{volume}"])
    lines = []
    for cells in table:
        cells = [cells[n] for n in style.order]
        lines.append(style.delimiter.join(_cell(c, style) for c in cells) + style.newline)
    return "".join(lines).encode(style.encoding)


def _cell(text: str, style: Style) -> str:
    return f'"{text}"' if style.quoted or style.delimiter in text else text


@st.composite
def styles(draw: st.DrawFn) -> Style:
    language = draw(st.sampled_from(sorted(HEADERS)))
    mark = draw(st.sampled_from(".,"))
    form = draw(st.sampled_from(DATE_FORMS))
    codecs = [c for c in HEADERS[language][1] if form != "cjk" or c != "cp1252"]
    return Style(
        language=language,
        encoding=draw(st.sampled_from(codecs)),
        delimiter=draw(st.sampled_from(",;\t")),
        mark=mark,
        group=draw(st.sampled_from(["", ",", "'", " "] if mark == "." else ["", ".", " "])),
        dates=form,
        newest_first=draw(st.booleans()),
        order=tuple(draw(st.permutations(range(6)))),
        quoted=draw(st.booleans()),
        newline=draw(st.sampled_from(["\n", "\r\n", "\r"])),
    )


@st.composite
def tables(draw: st.DrawFn, most: int = 40) -> list[Row]:
    """Two weekdays or more with four prices in cents each; none is rounded to look like a whole thousand."""
    day = draw(st.dates(date(1950, 1, 1), date(2030, 1, 1)))
    price = st.integers(1, 99_999_999)
    rows: list[Row] = []
    for _ in range(draw(st.integers(2, most))):
        day += timedelta(days=draw(st.integers(1, 4)))
        while day.weekday() > 4:
            day += timedelta(days=1)
        volume = draw(st.none() | st.integers(0, 10**12))
        rows.append((day, (draw(price), draw(price), draw(price), draw(price)), volume))
    return rows


def same(table: PriceTable, rows: list[Row], *, newest_first: bool) -> bool:
    """Whether a table holds just these rows; cents are divided exactly, as a decimal is read."""
    rows = rows[::-1] if newest_first else rows
    prices = np.array([[float(f"{p}e-2") for p in r[1]] for r in rows])
    volume = np.array([np.nan if r[2] is None else float(r[2]) for r in rows])
    return (
        [str(s) for s in table.session] == [r[0].isoformat() for r in rows]
        and np.array_equal(np.column_stack([table.open, table.high, table.low, table.close]), prices)
        and np.array_equal(table.volume, volume, equal_nan=True)
        and table.unreadable == ()
        and table.line.tolist() == list(range(2, len(rows) + 2))
    )


@settings(max_examples=300, deadline=None)
@given(tables(most=12), styles())
def test_any_table_in_any_layout_reads_back_equal(rows: list[Row], style: Style) -> None:
    shown = style.dates if style.dates in ("DMY", "MDY") else None
    table = parse_table(written(rows, style), "F", Selection(date_format=shown))
    assert same(table, rows, newest_first=style.newest_first)


@settings(max_examples=100, deadline=None)
@given(tables(), styles(), st.sampled_from(["DMY", "MDY"]))
def test_the_order_of_day_and_month_is_found_or_asked_for(rows: list[Row], style: Style, form: str) -> None:
    """Never guessed wrong: read without a hint, the dates are right or the file is refused."""
    from dataclasses import replace

    from datasets.errors import UserError

    style = replace(style, dates=form)
    try:
        table = parse_table(written(rows, style), "F")
    except UserError as e:
        assert "say which with --date-format" in str(e)
        assert len(rows) < 40
        return
    assert same(table, rows, newest_first=style.newest_first)
