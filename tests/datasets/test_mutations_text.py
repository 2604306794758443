"""A price file damaged in its text is read to the same table, or the damage is shown with its line; never in silence.

The claim covers what can be seen in the text: marks, delimiters, quotes, words, headers, dates, bytes, truncation. A digit
that became another digit, or a row that is missing, leaves a file as good as any: that is for the checks of quality.
"""

import gzip
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from datasets.errors import UserError
from datasets.prices.sources.files import parse_table
from datasets.prices.table import PriceTable

DAYS = [f"2026-02-{d:02d}" for d in (2, 3, 4, 5, 6, 9, 10, 12, 13, 16, 17, 18, 19, 20, 24, 25, 26, 27)]
PRICES = [(1304.63 + 7.13 * n, 1315.01 + 7.13 * n, 1297.95 + 7.13 * n, 1303.38 + 7.13 * n) for n in range(len(DAYS))]
VOLUMES = [940_970_013 + 1_234_567 * n for n in range(len(DAYS))]
FIELDS = ("open", "high", "low", "close", "adjusted_close", "volume")


@dataclass(frozen=True)
class Base:
    """A good file: its lines, how many of them are header, its delimiter, the places of its prices."""

    lines: tuple[str, ...]
    header: int
    delimiter: str
    prices: tuple[int, ...]
    date: int = 0

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


def plain(price: float) -> str:
    return f"{price:.2f}"


def grouped(price: float) -> str:
    return f'"{price:,.2f}"'


def comma(price: float) -> str:
    return f"{price:,.2f}".translate(str.maketrans(",.", ".,"))


def rows(pattern: str, write=plain) -> list[str]:
    out = []
    for day, prices, volume in zip(DAYS, PRICES, VOLUMES, strict=True):
        o, h, low, c = map(write, prices)
        y, m, d = day.split("-")
        out.append(pattern.format(day=day, o=o, h=h, l=low, c=c, v=volume, y=y, m=m, d=d, md=int(d), mm=int(m)))
    return out


BASES = {
    "plain": Base(
        ("date,open,high,low,close,volume", *rows("{day},{o},{h},{l},{c},{v}")), 1, ",", (1, 2, 3, 4)
    ),
    "yahoo": Base(
        ("Date,Open,High,Low,Close,Adj Close,Volume", *rows("{day},{o},{h},{l},{c},{c},{v}")), 1, ",", (1, 2, 3, 4, 5)
    ),
    "yfinance": Base(
        ("Price,Close,High,Low,Open,Volume", "Ticker,^TPX,^TPX,^TPX,^TPX,^TPX", "Date,,,,,", *rows("{day},{c},{h},{l},{o},{v}")),
        3, ",", (1, 2, 3, 4),
    ),
    "stooq": Base(
        ("<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>", *rows("^TPX,D,{y}{m}{d},000000,{o},{h},{l},{c},{v}")),
        1, ",", (4, 5, 6, 7), 2,
    ),
    "fred": Base(("observation_date,TOPIX", *rows("{day},{c}")), 1, ",", (1,)),
    "zoned": Base(("Date,Close,High,Low,Open", *rows("{day} 09:00:00+09:00,{c},{h},{l},{o}")), 1, ",", (1, 2, 3, 4)),
    "chinese": Base(
        ('"日期","收盘","开盘","高","低"', *rows('"{y}-{mm}-{md}",{c},{o},{h},{l}', grouped)), 1, ",", (1, 2, 3, 4)
    ),
    "german": Base(("Datum;Zuletzt;Eröffn.;Hoch;Tief", *rows("{d}.{m}.{y};{c};{o};{h};{l}", comma)), 1, ";", (1, 2, 3, 4)),
    "american": Base(("Date\tClose\tOpen\tHigh\tLow", *rows("{m}/{d}/{y}\t{c}\t{o}\t{h}\t{l}")), 1, "\t", (1, 2, 3, 4)),
}  # fmt: skip
bases = st.sampled_from(sorted(BASES)).map(BASES.__getitem__)


@cache
def good(base: Base) -> PriceTable:
    return parse_table(base.text.encode(), "F")


def values(table: PriceTable) -> np.ndarray:
    return np.column_stack([getattr(table, f) for f in FIELDS])


def shown(data: bytes, base: Base, lines: set[int], *, moved: int = 0) -> str:
    """Check the claim on damaged data whose damage stands in ``lines``; return how it was shown.

    Every row of another line is there as before (``moved`` lines further from the first damaged one on). A row of a
    damaged line is as before, or each value that differs is empty and shown: by an unreadable cell or a counted word.
    """
    before = good(base)
    try:
        after = parse_table(data, "F")
    except UserError as e:
        assert "\n" not in str(e)
        assert any(f"line {n}" in str(e) for n in lines), str(e)
        return "refused"
    assert (after.layout, after.utc_offset_hours) == (before.layout, before.utc_offset_hours)
    at = {int(n): r for r, n in enumerate(after.line)}
    cells = {u.line for u in after.unreadable}
    words = any("taken as empty" in r for r in after.remarks)
    assert cells <= lines
    how = "same"
    for row, line in enumerate(before.line):
        is_damaged = int(line) in lines
        place = int(line) + (moved if int(line) > min(lines) else 0)
        if place not in at:
            assert is_damaged
            assert place in cells, f"line {place} is lost"
            how = "named"
            continue
        now, then = values(after)[at[place]], values(before)[row]
        if after.session[at[place]] == before.session[row] and np.array_equal(now, then, equal_nan=True):
            continue
        assert is_damaged, f"line {place} changed"
        assert after.session[at[place]] == before.session[row]
        differs = ~((now == then) | (np.isnan(now) & np.isnan(then)))
        assert np.isnan(now[differs]).all(), f"{then} became {now}"
        assert place in cells or words
        how = "named"
    assert set(at) <= {int(n) + (moved if n > min(lines) else 0) for n in before.line} | lines
    return how


@st.composite
def cells(draw: st.DrawFn, which: str = "prices"):
    """A base, the number of a line, the fields of that line, and the place of a price (or the date) among them."""
    base = draw(bases)
    line = draw(st.integers(base.header, len(base.lines) - 1))
    place = draw(st.sampled_from(base.prices)) if which == "prices" else base.date
    return base, line, place


def fields(base: Base, line: int) -> list[str]:
    """The fields of a line, quotes kept; in these files only the grouped prices hold a delimiter, within quotes."""
    text = base.lines[line]
    if '"' not in text:
        return text.split(base.delimiter)
    return [f'"{c}"' for c in text.strip('"').split('","')]


def with_line(base: Base, line: int, text: str) -> bytes:
    return ("\n".join([*base.lines[:line], text, *base.lines[line + 1 :]]) + "\n").encode()


def with_cell(base: Base, line: int, place: int, text: str) -> bytes:
    parts = fields(base, line)
    is_quoted = parts[place].startswith('"')
    parts[place] = f'"{text}"' if is_quoted else text
    return with_line(base, line, base.delimiter.join(parts))


def cell(base: Base, line: int, place: int) -> str:
    return fields(base, line)[place].strip('"')


def test_the_files_are_good() -> None:
    for name, base in BASES.items():
        table = good(base)
        assert [str(s) for s in table.session] == DAYS, name
        assert [f"{c:.2f}" for c in table.close] == [f"{p[3]:.2f}" for p in PRICES], name
        assert (table.unreadable, shown(base.text.encode(), base, {2})) == ((), "same")


JUNK = [
    *"abcxyzE_%$€#*?/\\|()[]{}=<>!@&^~`:;\"'",
    " ",
    "\t",
    "\x00",
    "\x0b",
    "\x1c",
    "\x7f",
    "\ufeff",
    "\u2212",
    "０",
    "²",
    "٣",
    "K",
    ".",
    ",",
]


@settings(max_examples=400, deadline=None)
@given(cells(), st.sampled_from(JUNK), st.integers(0, 8))
def test_a_character_in_a_number(where, junk: str, at: int) -> None:
    base, line, place = where
    text = cell(base, line, place)
    at = min(at, len(text))
    shown(with_cell(base, line, place, text[:at] + junk + text[at:]), base, {line + 1})


@settings(max_examples=200, deadline=None)
@given(cells(), st.sampled_from(["", ".", ",", " ", "x", "-", "..", ",,"]))
def test_a_decimal_mark_that_became_something_else(where, other: str) -> None:
    base, line, place = where
    text = cell(base, line, place)
    mark = max(text.rfind("."), text.rfind(","))
    assume(other and text[mark] != other)
    how = shown(with_cell(base, line, place, text[:mark] + other + text[mark + 1 :]), base, {line + 1})
    assert how in ("named", "refused")


WORDS = ["null", "NaN", "nan", "N/A", "#N/A", "-", "—", ".", "None", ""]
NO_NUMBERS = [
    "inf",
    "-Infinity",
    "1.2.3",
    "12abc",
    "#REF!",
    "1_000",
    "½",
    "1e5",
    "0x10",
    "--5",
    "5-",
    "(5)",
    "$5",
    "5%",
    "1/2",
    "1:2",
    "17.",
    "NaT",
    "true",
    "１２",
]


@settings(max_examples=200, deadline=None)
@given(cells(), st.sampled_from(WORDS))
def test_a_word_for_nothing_empties_its_cell_and_is_counted(where, word: str) -> None:
    base, line, place = where
    data = with_cell(base, line, place, word)
    table, before = parse_table(data, "F"), good(base)
    assert np.isnan(values(table)).sum() == np.isnan(values(before)).sum() + 1
    assert np.isnan(values(table)[line - base.header]).sum() == np.isnan(values(before)[line - base.header]).sum() + 1
    assert table.remarks[-1:] == ((f"1 cell '{word}' taken as empty",) if word else before.remarks[-1:])


@settings(max_examples=200, deadline=None)
@given(cells(), st.sampled_from(NO_NUMBERS))
def test_what_is_no_number_is_named(where, word: str) -> None:
    base, line, place = where
    how = shown(with_cell(base, line, place, word), base, {line + 1})
    assert how == "named"


BAD_DATES = [
    "2026-02-30",
    "2026-13-01",
    "0000-00-00",
    "2026-02",
    "206-02-09",
    "2026-0209",
    "26-02-09",
    "46062",
    "1770595200",
    "Total",
    "",
    "31/31/2026",
    "2026-02-09-01",
    "2026-W07",
    "NaT",
    "today",
    "now",
]


@settings(max_examples=250, deadline=None)
@given(cells("date"), st.sampled_from(BAD_DATES))
def test_a_date_that_is_none_is_named_and_its_row_left_out(where, date: str) -> None:
    base, line, place = where
    data = with_cell(base, line, place, date)
    table = parse_table(data, "F")
    assert [u.line for u in table.unreadable] == [line + 1]
    assert line + 1 not in table.line
    assert shown(data, base, {line + 1}) == "named"


@settings(max_examples=200, deadline=None)
@given(cells("date"), st.integers(0, 25), st.sampled_from(["", *JUNK]))
def test_a_character_in_a_date(where, at: int, junk: str) -> None:
    """A character that is no digit put in, or a mark taken out."""
    base, line, place = where
    text = cell(base, line, place)
    at = min(at, len(text) - 1)
    assume(junk or not text[at].isdigit())
    rest = text[at:] if junk else text[at + 1 :]
    shown(with_cell(base, line, place, text[:at] + junk + rest), base, {line + 1})


@settings(max_examples=200, deadline=None)
@given(cells(), st.sampled_from(["lost", "doubled", "comma", "semicolon", "tab", "space"]))
def test_a_delimiter_that_is_lost_doubled_or_another(where, how: str) -> None:
    base, line, place = where
    parts = fields(base, line)
    new = {"lost": "", "doubled": base.delimiter * 2, "comma": ",", "semicolon": ";", "tab": "\t", "space": " "}[how]
    assume(new != base.delimiter)
    text = base.delimiter.join(parts[:place]) + new + base.delimiter.join(parts[place:])
    assert shown(with_line(base, line, text), base, {line + 1}) == "refused"


@settings(max_examples=300, deadline=None)
@given(bases, st.data())
def test_a_file_cut_anywhere(base: Base, data: st.DataObject) -> None:
    """The rows before the cut are as they were; the line of the cut is refused, or said to have no end."""
    whole = base.text.encode()
    cut = data.draw(st.integers(0, len(whole) - 1))
    kept = whole[:cut]
    line = kept.count(b"\n") + 1
    try:
        table = parse_table(kept, "F")
    except UserError as e:
        is_too_short = "F: no rows" in str(e) or "--date-format" in str(e)
        assert f"line {line}" in str(e) or line <= base.header + 1 or is_too_short
        return
    before = good(base)
    n = int((table.line < line).sum())
    assert np.array_equal(values(table)[:n], values(before)[:n], equal_nan=True)
    assert np.array_equal(table.session[:n], before.session[:n])
    assert n >= line - 1 - base.header
    if not kept.endswith(b"\n"):
        assert any(f"the last line ({line}) has no line end" in r for r in table.remarks)


@settings(max_examples=200, deadline=None)
@given(bases, st.data())
def test_a_line_cut_short(base: Base, data: st.DataObject) -> None:
    line = data.draw(st.integers(base.header, len(base.lines) - 1))
    text = base.lines[line]
    before_last = len(base.delimiter.join(fields(base, line)[:-1]))
    cut = data.draw(st.integers(1, before_last))  # one more leaves an empty last cell, as good as any
    assert shown(with_line(base, line, text[:cut]), base, {line + 1}) == "refused"


@settings(max_examples=300, deadline=None)
@given(bases, st.data(), st.integers(128, 255), st.booleans())
def test_a_byte_that_is_no_ascii(base: Base, data: st.DataObject, byte: int, is_put_in: bool) -> None:
    whole = base.text.encode()
    first = len("\n".join(base.lines[: base.header]).encode()) + 1
    at = data.draw(st.integers(first, len(whole) - 2))
    line = whole[:at].count(b"\n") + 1
    damaged = whole[:at] + bytes([byte]) + whole[at if is_put_in else at + 1 :]
    shown(damaged, base, {line, line + 1} if whole[at : at + 1] == b"\n" else {line})


@settings(max_examples=200, deadline=None)
@given(bases, st.data())
def test_a_quote_put_in_or_taken_out(base: Base, data: st.DataObject) -> None:
    line = data.draw(st.integers(base.header, len(base.lines) - 1))
    text = base.lines[line]
    quotes = [n for n, c in enumerate(text) if c == '"']
    is_taken_out: bool = data.draw(st.sampled_from([bool(quotes), False]))
    if is_taken_out:
        at = data.draw(st.sampled_from(quotes))
        text = text[:at] + text[at + 1 :]
    else:
        at = data.draw(st.integers(0, len(text)))
        text = text[:at] + '"' + text[at:]
    shown(with_line(base, line, text), base, {line + 1})


@settings(max_examples=200, deadline=None)
@given(bases, st.data(), st.sampled_from(["\n", "\r", "\r\n"]))
def test_a_line_broken_in_two(base: Base, data: st.DataObject, end: str) -> None:
    line = data.draw(st.integers(base.header, len(base.lines) - 1))
    text = base.lines[line]
    at = data.draw(st.integers(1, len(text) - 1))
    shown(with_line(base, line, text[:at] + end + text[at:]), base, {line + 1, line + 2}, moved=1)


@settings(max_examples=300, deadline=None)
@given(bases, st.data())
def test_a_header_damaged_in_a_name(base: Base, data: st.DataObject) -> None:
    """A lost name is a refusal, or a column said to be left alone; never another column, never silence."""
    line = data.draw(st.integers(0, base.header - 1))
    parts = fields(base, line)
    place = data.draw(st.integers(0, len(parts) - 1))
    text = parts[place].strip('"')
    at = data.draw(st.integers(0, max(len(text) - 1, 0)))
    new = data.draw(
        st.sampled_from(
            [text[:at] + text[at + 1 :], text[:at] + "q" + text[at:], text[:at] + "q" + text[at + 1 :], "", "qqq"]
        )
    )
    damaged = with_cell(base, line, place, new)
    try:
        table = parse_table(damaged, "F")
    except UserError as e:
        assert any(f"line {n + 1}" in str(e) for n in range(base.header)), str(e)
        return
    before = good(base)
    assert np.array_equal(table.session, before.session)
    for field in FIELDS:
        now, then = getattr(table, field), getattr(before, field)
        if not np.array_equal(now, then, equal_nan=True):
            assert np.isnan(now).all()
            assert f"columns left alone: {new.strip()}" in table.remarks


@settings(max_examples=60, deadline=None)
@given(bases, st.data(), st.sampled_from(["lost", "doubled", "moved down", "in the middle"]))
def test_a_header_lost_or_in_a_wrong_place(base: Base, data: st.DataObject, how: str) -> None:
    header, rest = list(base.lines[: base.header]), list(base.lines[base.header :])
    at = data.draw(st.integers(1, len(rest) - 1))
    new = {
        "lost": rest,
        "doubled": header + header + rest,
        "moved down": rest[:at] + header + rest[at:],
        "in the middle": header + rest[:at] + header + rest[at:],
    }[how]
    damaged = ("\n".join(new) + "\n").encode()
    try:
        table = parse_table(damaged, "F")
    except UserError as e:
        assert "line " in str(e)
        return
    first = {"doubled": base.header + 1, "in the middle": base.header + at + 1}[how]
    assert {u.line for u in table.unreadable} == set(range(first, first + base.header))
    assert np.array_equal(values(table), values(good(base)), equal_nan=True)


HARMLESS = {
    "CR LF": lambda b: b.text.replace("\n", "\r\n").encode(),
    "CR": lambda b: b.text.replace("\n", "\r").encode(),
    "mixed ends": lambda b: b.text.replace("\n", "\r\n", 7).encode(),
    "empty lines": lambda b: (
        "\n".join(b.lines[: b.header]) + "\n" + "\n\n".join(b.lines[b.header :]) + "\n\n"
    ).encode(),
    "byte-order mark": lambda b: b"\xef\xbb\xbf" + b.text.encode(),
    "UTF-16": lambda b: b.text.encode("utf-16"),
    "UTF-16 big end first": lambda b: b"\xfe\xff" + b.text.encode("utf-16-be"),
    "GB 18030": lambda b: b.text.encode("gb18030"),
    "gzip": lambda b: gzip.compress(b.text.encode()),
    "spaces after delimiters": lambda b: (
        b.text.replace(b.delimiter, b.delimiter + "  ").encode() if '"' not in b.text else b.text.encode()
    ),
    "spaces before delimiters": lambda b: (
        b.text.replace(b.delimiter, "  " + b.delimiter).encode() if '"' not in b.text else b.text.encode()
    ),
    "every cell quoted": lambda b: "".join(
        b.delimiter.join(f'"{c.strip(chr(34))}"' for c in fields(b, n)) + "\n" for n in range(len(b.lines))
    ).encode(),
    "columns turned round": lambda b: "".join(
        b.delimiter.join(fields(b, n)[::-1]) + "\n" for n in range(len(b.lines))
    ).encode(),
    "capital names": lambda b: (
        "\n".join([*(line.upper() for line in b.lines[: b.header]), *b.lines[b.header :]]) + "\n"
    ).encode(),
    "a title": lambda b: ("TOPIX, from a page\n" + b.text).encode(),
}


@pytest.mark.parametrize("name", BASES)
@pytest.mark.parametrize("change", HARMLESS)
def test_what_does_no_harm_changes_nothing(change: str, name: str) -> None:
    base = BASES[name]
    if change == "columns turned round" and name in ("yfinance", "fred"):
        base = BASES["plain"]  # in these two the date always comes first
    table, before = parse_table(HARMLESS[change](base), "F"), good(base)
    assert np.array_equal(table.session, before.session)
    assert np.array_equal(values(table), values(before), equal_nan=True)
    assert table.unreadable == ()
