"""How a number, an instant or a parameter is written on a page. What is not there is "n/a"."""

import json
import re
from collections.abc import Callable
from math import isfinite
from typing import Any

import numpy as np

from datasets.arrays import Floats
from datasets.instants import iso_z
from engine.metrics.table import Metric, Unit

NOT_AVAILABLE = "n/a"
_HUGE = 1e6
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")


def metric_text(metric: Metric[Any], value: float | None, currency: str = "") -> str:
    """Return a metric's value in its unit; an amount of money with its currency."""
    return amount(value, currency) if metric.unit is Unit.MONEY else _WRITE[metric.unit](value)


def metric_difference(metric: Metric[Any], value: float | None) -> str:
    """Return the difference of two values of a metric in its unit, with its sign."""
    return _WRITE_DIFFERENCE[metric.unit](value)


def percent(fraction: float | None, digits: int = 2) -> str:
    """Return a fraction as a percentage.

    >>> percent(-0.271), percent(-0.000001), percent(None)
    ('-27.10 %', '0.00 %', 'n/a')
    """
    return _suffixed(None if fraction is None else fraction * 100, digits, " %")


def bare_percent(fraction: float | None, digits: int = 2) -> str:
    """Return a percentage without its sign, for a table that says "in %".

    >>> bare_percent(0.1), bare_percent(-0.0)
    ('10.00', '0.00')
    """
    return _suffixed(None if fraction is None else fraction * 100, digits, "")


def signed_percent(fraction: float | None, digits: int = 2) -> str:
    """Return a fraction as a signed percentage.

    >>> signed_percent(0.0154), signed_percent(None)
    ('+1.54 %', 'n/a')
    """
    return signed(None if fraction is None else fraction * 100, digits) + ("" if _missing(fraction) else " %")


def points(fraction: float | None, digits: int = 2) -> str:
    """Return the difference of two fractions in signed percentage points.

    >>> points(0.0125), points(0.0)
    ('+1.25 pp', '0.00 pp')
    """
    return signed(None if fraction is None else fraction * 100, digits) + ("" if _missing(fraction) else " pp")


def ratio(value: float | None, digits: int = 2) -> str:
    """Return a plain number.

    >>> ratio(2.4753), ratio(float("inf"))
    ('2.48', 'n/a')
    """
    return _suffixed(value, digits, "")


def signed(value: float | None, digits: int = 2) -> str:
    """Return a plain number with its sign, none on zero.

    >>> signed(2.4753), signed(0.0)
    ('+2.48', '0.00')
    """
    text = _suffixed(value, digits, "")
    return text if _missing(value) or text.startswith("-") or _is_zero(text) else f"+{text}"


def count(value: float | None) -> str:
    """Return a whole number.

    >>> count(6161)
    '6,161'
    """
    return _suffixed(value, 0, "")


def p_text(p: float | None, error: float = 0.0) -> str:
    """Return a p-value, with its Monte Carlo error where it has one that shows.

    >>> p_text(0.0312), p_text(0.0746, 0.0026), p_text(0.00001), p_text(None)
    ('0.031', '0.075 ± 0.003', '< 0.001', 'n/a')
    """
    if p is None:
        return NOT_AVAILABLE
    if p < 0.001:
        return "< 0.001"
    return f"{p:.3f} ± {error:.3f}" if error >= 0.0005 else f"{p:.3f}"


def days(value: float | None) -> str:
    """Return a number of days with one decimal.

    >>> days(28.04), days(None)
    ('28.0 days', 'n/a')
    """
    return _suffixed(value, 1, " days")


def cents(value: float | None) -> str:
    """Return an amount of account currency with its sign and two decimals.

    >>> cents(1234.5), cents(-0.001), cents(None)
    ('+1,234.50', '0.00', 'n/a')
    """
    return signed(value, 2)


def money(value: float | None) -> str:
    """Return an amount of account currency: whole from 1,000 on, else with two decimals.

    >>> money(1000000.0), money(-12.5), money(-0.001)
    ('1,000,000', '-12.50', '0.00')
    """
    return _suffixed(value, 0 if value is not None and abs(value) >= 1_000 else 2, "")


def amount(value: float | None, currency: str) -> str:
    """Return an amount of money with its currency, where that is known.

    >>> amount(1000000.0, "USD"), amount(-12.5, ""), amount(None, "USD")
    ('1,000,000 USD', '-12.50', 'n/a')
    """
    text = money(value)
    return text if not currency or text == NOT_AVAILABLE else f"{text} {currency}"


def money_tick(value: float) -> str:
    """Return an amount for an axis: no decimals on zero, nor from 100 on.

    >>> money_tick(0.0), money_tick(250.0), money_tick(0.5)
    ('0', '250', '0.50')
    """
    return _suffixed(value, 0 if value == 0 or abs(value) >= 100 else 2, "")


def signed_money(value: float | None) -> str:
    """Return an amount with its sign, none on zero."""
    return signed(value, 0 if value is not None and abs(value) >= 1_000 else 2)


def price(value: float | None) -> str:
    """Return a price with the decimals markets of its size quote.

    >>> price(3756.961242), price(157.2345), price(0.9123456)
    ('3,756.96', '157.23', '0.912346')
    """
    size = 0.0 if _missing(value) or value is None else abs(value)
    return _suffixed(value, 2 if size >= 100 else 4 if size >= 1 else 6, "")


def instant(ns: int) -> str:
    """Return nanoseconds since 1970 as ``2026-02-09 00:00Z``.

    >>> instant(1770595200000000000)
    '2026-02-09 00:00Z'
    """
    return instant_text(iso_z(ns))


def instant_text(iso: str) -> str:
    """Return ISO text such as ``2026-02-08T11:00:00Z`` in the same form; seconds only where there are any.

    >>> instant_text("2026-02-08T11:00:00Z"), instant_text("")
    ('2026-02-08 11:00Z', 'unknown')
    """
    if not iso:
        return "unknown"
    day, _, rest = iso.removesuffix("Z").partition("T")
    if not rest:
        return day
    clock = rest.split(".")[0]
    return f"{day} {clock.removesuffix(':00') if clock.count(':') == 2 else clock}Z"


def with_instants(text: str) -> str:
    """Return a sentence with its ISO instants written as on the rest of the page.

    >>> with_instants("no bar after 2026-02-08T11:00:00Z; bars end 2026-02-06")
    'no bar after 2026-02-08 11:00Z; bars end 2026-02-06'
    """
    return _ISO.sub(lambda found: instant_text(found[0]), text)


def plain(value: Any) -> str:
    """Return a parameter as one would type it.

    >>> plain(0.95), plain(None), plain(True), plain("JP"), plain([1, 2])
    ('0.95', 'none', 'yes', 'JP', '[1, 2]')
    """
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() and abs(value) >= 1_000 else f"{value:g}"
    if isinstance(value, (str, int)):
        return str(value) or "(empty)"
    return json.dumps(value, sort_keys=True, default=str, ensure_ascii=False)


def unbroken(text: str) -> str:
    """Return a sentence whose percentages and points are not broken over two lines.

    >>> unbroken("made -2.18 % on average").split(" ")
    ['made', '-2.18\\xa0%', 'on', 'average']
    """
    return text.replace(" %", "\N{NO-BREAK SPACE}%").replace(" pp", "\N{NO-BREAK SPACE}pp")


_WRITE: dict[Unit, Callable[[float | None], str]] = {
    Unit.PERCENT: percent,
    Unit.RATIO: ratio,
    Unit.COUNT: count,
    Unit.DAYS: days,
    Unit.MONEY: money,
}
_WRITE_DIFFERENCE: dict[Unit, Callable[[float | None], str]] = {
    Unit.PERCENT: points,
    Unit.RATIO: signed,
    Unit.COUNT: lambda value: signed(value, 0),
    Unit.DAYS: lambda value: signed(value, 1),
    Unit.MONEY: signed_money,
}


def _missing(value: float | None) -> bool:
    return value is None or not isfinite(value)


def _suffixed(value: float | None, digits: int, suffix: str) -> str:
    if value is None or not isfinite(value):
        return NOT_AVAILABLE
    text = f"{value:.3g}" if abs(value) >= _HUGE * 1e6 else f"{value:,.{digits}f}"
    return text.removeprefix("-") + suffix if _is_zero(text) else text + suffix


def _is_zero(text: str) -> bool:
    return not any(c in "123456789" for c in text)


BLOCKS = "▁▂▃▄▅▆▇█"
PLAIN = "_.-=+*%#"
"""For a terminal that has no blocks."""


def sparkline(values: Floats, *, width: int = 60, signs: str = BLOCKS) -> str:
    """Return the last value of each of at most ``width`` equal stretches as a sign, from the lowest to the highest.

    >>> sparkline(np.array([1.0, 2.0, 3.0, 2.0]), signs=PLAIN)
    '_+#+'
    >>> sparkline(np.array([5.0, 5.0]))
    '▁▁'
    """
    ends = np.linspace(0, len(values), min(width, len(values)) + 1).astype(np.intp)[1:] - 1
    shown = values[ends]
    low, high = float(shown.min()), float(shown.max())
    steps = np.zeros(len(shown)) if high == low else (shown - low) / (high - low) * (len(signs) - 1)
    return "".join(signs[round(step)] for step in steps.tolist())
