"""What the columns of price files are called, in the languages in which they are published."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

# Per role the names in languages that write 1,234.5, then those in languages that write 1.234,5.
_POINT: dict[str, tuple[str, ...]] = {
    "date": (
        "date",
        "datetime",
        "timestamp",
        "day",
        "session",
        "trade date",
        "日期",
        "日付",
        "日付け",
        "交易日",
        "날짜",
        "일자",
    ),
    "time": ("time", "時刻"),
    "open": (
        "open",
        "open price",
        "opening",
        "px open",
        "开盘",
        "开盘价",
        "開盤",
        "開盤價",
        "開市",
        "始値",
        "시가",
        "오픈",
    ),
    "high": ("high", "high price", "px high", "高", "最高", "最高价", "最高價", "高値", "고가"),
    "low": ("low", "low price", "px low", "低", "最低", "最低价", "最低價", "安値", "저가"),
    "close": (
        *("close", "close price", "closing", "close/last", "price", "last", "last price", "px last", "收盘", "收盘价"),
        *("收盤", "收盤價", "收市", "終値", "종가"),
    ),
    "adjusted_close": ("adj close", "adjusted close", "adjclose", "adjusted", "調整後終値", "调整后收盘价"),
    "volume": ("volume", "vol", "px volume", "交易量", "成交量", "出来高", "거래량"),
    "ticker": ("ticker", "symbol", "code", "ts code", "コード", "代码", "股票代码"),
}
_COMMA: dict[str, tuple[str, ...]] = {
    "date": ("datum", "fecha", "data"),
    "time": ("uhrzeit", "hora", "heure"),
    "open": ("eröffn", "eröffnung", "erster", "apertura", "abertura", "ouv", "ouverture", "otwarcie"),
    "high": (
        "hoch",
        "höchst",
        "tageshoch",
        "máximo",
        "máxima",
        "massimo",
        "plus haut",
        "haut",
        "najwyższy",
        "najwyzszy",
    ),
    "low": ("tief", "tiefst", "tagestief", "mínimo", "mínima", "minimo", "plus bas", "bas", "najniższy", "najnizszy"),
    "close": (
        *("zuletzt", "schluss", "schlusskurs", "último", "cierre", "fechamento", "dernier", "clôture"),
        *("ultimo", "chiusura", "zamknięcie", "zamkniecie"),
    ),
    "volume": ("volumen", "stücke", "wolumen", "volumes"),
}
_LEFT_ALONE = (
    *("change", "change %", "chg%", "% change", "涨跌幅", "更改%", "変化率", "変化率 %", "前日比%", "변동", "변동 %"),
    *("+/- %", "% var", "var%", "var %", "variation %", "openint", "oi", "per", "dividends", "stock splits"),
    *("capital gains", "index", "turnover", "amount"),
)
_SPACES = re.compile(r"\s+")


@lru_cache(maxsize=1024)
def plain_name(text: str) -> str:
    """Return a column's name without case, accents, width, ornaments and double spaces.

    >>> plain_name(" <Adj_Close**> "), plain_name("Eröffn."), plain_name("ＯＰＥＮ")
    ('adj close', 'eroffn', 'open')
    """
    parts = unicodedata.normalize("NFKD", text.replace("_", " ").replace(".", " "))
    bare = "".join(c for c in parts if not unicodedata.combining(c))
    return _SPACES.sub(" ", bare).strip(" \ufeff\"'*<>.").casefold()


_ROLE = {plain_name(n): role for table in (_COMMA, _POINT) for role, names in table.items() for n in names}
_POINT_NAMES = frozenset(plain_name(n) for names in _POINT.values() for n in names)
_ASCII_NAMES = frozenset(n for n in _POINT_NAMES if n.isascii())
_NO_ROLE = frozenset(plain_name(n) for n in _LEFT_ALONE)


def role_of(name: str) -> str | None:
    """Return what a column of this name holds: date, time, open, high, low, close, volume ..., or None.

    >>> role_of("終値"), role_of("Eröffn."), role_of("RSI")
    ('close', 'open', None)
    """
    return _ROLE.get(plain_name(name))


def is_left_alone(name: str) -> bool:
    """Return whether a column is known to hold no price: a change in per cent, open interest."""
    return plain_name(name) in _NO_ROLE


def is_change(name: str) -> bool:
    """Return whether a column holds the change in per cent, as investing.com's files do."""
    return is_left_alone(name) and (
        "%" in name or plain_name(name) in ("change", plain_name("涨跌幅"), plain_name("変化率"))
    )


def names_of(role: str) -> tuple[str, ...]:
    """Return every known name of a role."""
    return tuple(n for n, r in _ROLE.items() if r == role)


def writes_decimal_comma(names: Sequence[str]) -> bool | None:
    """Return whether a header's language writes 1.234,5; None where it is English, which is written anywhere."""
    known = {plain_name(n) for n in names if role_of(n)}
    if known - _POINT_NAMES:
        return True
    return False if known - _ASCII_NAMES else None
