"""The heat map of a sweep as inline SVG: one number over two parameters."""

from collections.abc import Callable
from html import escape
from typing import Any

import numpy as np

from datasets.prices.bars import Floats
from engine.sweep.digest import HeatMap, Slice
from reports.numbers import plain

_LEFT, _TOP, _BOTTOM, _WIDTH = 92, 8, 46, 900
_HIGH, _LOW = 34, 12
_LABELS = 20
"""So many values are written along an axis; the others lie between them."""


def heat_map_svg(heat: HeatMap, values: Floats, write: Callable[[float | None], str], *, ident: str, title: str) -> str:
    """Return a heat map, the same text for the same numbers: blue above zero, orange below, hatched where n/a.

    Args:
        heat: the two parameters.
        values: groups of ``heat.down`` x groups of ``heat.across``; NaN is n/a.
        write: writes a number.
        ident: of the figure in its page.
        title: what it shows.
    """
    down, across = values.shape
    wide = (_WIDTH - _LEFT) / across
    high = min(_HIGH, max(_LOW, 420 / down))
    size = (_WIDTH, _TOP + high * down + _BOTTOM)
    most = float(np.nanmax(np.abs(values))) if np.isfinite(values).any() else 0.0
    cells = [
        _cell(heat, (r, c), values[r, c], most, write, box=(_LEFT + c * wide, _TOP + r * high, wide, high))
        for r in range(down)
        for c in range(across)
    ]
    return "\n".join([*_head(ident, title, size), *cells, *_axes(heat, wide, high), "</svg>"])


def _head(ident: str, title: str, size: tuple[float, float]) -> list[str]:
    view = f'viewBox="0 0 {size[0]:g} {size[1]:g}"'
    return [
        f'<svg id="{ident}" class="chart" {view} role="img" aria-labelledby="{ident}-title">',
        f'<title id="{ident}-title">{escape(title)}</title>',
    ]


def _cell(
    heat: HeatMap,
    at: tuple[int, int],
    value: float,
    most: float,
    write: Callable[[float | None], str],
    *,
    box: tuple[float, float, float, float],
) -> str:
    told = f"{heat.down.name} {group_text(heat.down, at[0])}, {heat.across.name} {group_text(heat.across, at[1])}"
    known = bool(np.isfinite(value))
    n = int(heat.count[at])
    text = f"{told}: {write(float(value) if known else None)} ({n:,} combination{'' if n == 1 else 's'})"
    x, y, w, h = box
    place = f'x="{x:.2f}" y="{y:.2f}" width="{max(w - 1, 0.5):.2f}" height="{h - 1:.2f}"'
    style = _style(float(value), most) if known else _NOTHING
    return f'<rect {place} style="{style}"><title>{escape(text)}</title></rect>'


_NOTHING = "fill:none;stroke:var(--rule);stroke-dasharray:2 2"


def _style(value: float, most: float) -> str:
    strength = abs(value) / most if most else 0.0
    return f"fill:var({'--c0' if value >= 0 else '--c1'});fill-opacity:{0.06 + 0.9 * strength:.3f}"


def _axes(heat: HeatMap, wide: float, high: float) -> list[str]:
    n = len(heat.down.groups)
    bottom = _TOP + n * high
    rows = [_text(_LEFT - 8, _TOP + (r + 0.5) * high + 4, "end", group_text(heat.down, r)) for r in _told(n)]
    columns = [
        _text(_LEFT + (c + 0.5) * wide, bottom + 16, "middle", group_text(heat.across, c))
        for c in _told(len(heat.across.groups))
    ]
    names = [
        _text(_WIDTH, bottom + 36, "end", f"{heat.across.name} →"),
        _text(_LEFT - 8, bottom + 36, "end", f"{heat.down.name} ↑"),
    ]
    return [*rows, *columns, *names]


def _text(x: float, y: float, anchor: str, text: str) -> str:
    return f'<text x="{x:.2f}" y="{y:.2f}" text-anchor="{anchor}">{escape(text)}</text>'


def _told(n: int) -> range:
    return range(0, n, -(-n // _LABELS))


def group_text(each: Slice, n: int) -> str:
    """Return a group of values in words: its value, or its first and last."""
    first, last = (value_text(v) for v in each.groups[n])
    return first if first == last else f"{first} to {last}"


def value_text(value: Any) -> str:
    """Return a parameter's value as one would type it."""
    value = getattr(value, "value", value)
    return ",".join(map(str, value)) if isinstance(value, tuple) else plain(value)
