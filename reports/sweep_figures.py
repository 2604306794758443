"""The heat map of a sweep as inline SVG: one metric over two parameters."""

from collections.abc import Callable
from html import escape
from typing import Any

import numpy as np

from datasets.arrays import Floats
from engine.sweep.digest import Slice
from reports.numbers import plain

_LEFT, _TOP, _BOTTOM, _WIDTH = 92, 8, 46, 900
_HIGH, _LOW = 34, 12
_MAX_LABELS = 20
"""Per axis; the values between them have no label."""
_NOT_AVAILABLE = "fill:none;stroke:var(--rule);stroke-dasharray:2 2"


def heat_map_svg(heat: Slice, values: Floats, write: Callable[[float | None], str], *, ident: str, title: str) -> str:
    """Return a heat map, the same text for the same numbers: blue above zero, orange below, dashed where n/a.

    Args:
        heat: the groups of the parameter down and of the one across.
        values: one per cell; NaN is n/a.
        write: writes a number.
        ident: the id of the figure in its page.
        title: what it shows.
    """
    down, across = values.shape
    width = (_WIDTH - _LEFT) / across
    height = min(_HIGH, max(_LOW, 420 / down))
    most = float(np.nanmax(np.abs(values))) if np.isfinite(values).any() else 0.0
    cells = [
        _cell(
            _cell_text(heat, (r, c), values[r, c], write),
            _style(float(values[r, c]), most),
            box=(_LEFT + c * width, _TOP + r * height, width, height),
        )
        for r in range(down)
        for c in range(across)
    ]
    head = _head(ident, title, _TOP + height * down + _BOTTOM)
    return "\n".join([*head, *cells, *_axes(heat, width, height), "</svg>"])


def _head(ident: str, title: str, height: float) -> list[str]:
    view = f'viewBox="0 0 {_WIDTH:g} {height:g}"'
    return [
        f'<svg id="{ident}" class="chart" {view} role="img" aria-labelledby="{ident}-title">',
        f'<title id="{ident}-title">{escape(title)}</title>',
    ]


def _cell_text(heat: Slice, at: tuple[int, int], value: float, write: Callable[[float | None], str]) -> str:
    where = ", ".join(f"{name} {group_text(heat.groups[k][at[k]])}" for k, name in enumerate(heat.names))
    n = int(heat.count[at])
    number = write(float(value) if np.isfinite(value) else None)
    return f"{where}: {number} ({n:,} combination{'' if n == 1 else 's'})"


def _cell(text: str, style: str, *, box: tuple[float, float, float, float]) -> str:
    x, y, w, h = box
    place = f'x="{x:.2f}" y="{y:.2f}" width="{max(w - 1, 0.5):.2f}" height="{h - 1:.2f}"'
    return f'<rect {place} style="{style}"><title>{escape(text)}</title></rect>'


def _style(value: float, most: float) -> str:
    if not np.isfinite(value):
        return _NOT_AVAILABLE
    strength = abs(value) / most if most else 0.0
    return f"fill:var({'--c0' if value >= 0 else '--c1'});fill-opacity:{0.06 + 0.9 * strength:.3f}"


def _axes(heat: Slice, width: float, height: float) -> list[str]:
    down, across = heat.groups
    bottom = _TOP + len(down) * height
    rows = [_text(_LEFT - 8, _TOP + (r + 0.5) * height + 4, "end", group_text(down[r])) for r in _labelled(len(down))]
    columns = [
        _text(_LEFT + (c + 0.5) * width, bottom + 16, "middle", group_text(across[c])) for c in _labelled(len(across))
    ]
    names = [
        _text(_WIDTH, bottom + 36, "end", f"{heat.names[1]} →"),
        _text(_LEFT - 8, bottom + 36, "end", f"{heat.names[0]} ↑"),
    ]
    return [*rows, *columns, *names]


def _text(x: float, y: float, anchor: str, text: str) -> str:
    return f'<text x="{x:.2f}" y="{y:.2f}" text-anchor="{anchor}">{escape(text)}</text>'


def _labelled(n: int) -> range:
    return range(0, n, -(-n // _MAX_LABELS))


def group_text(ends: tuple[Any, Any]) -> str:
    """Return a group of values in words: its value, or its first and last."""
    first, last = (value_text(v) for v in ends)
    return first if first == last else f"{first} to {last}"


def value_text(value: Any) -> str:
    """Return a parameter's value as one would type it."""
    value = getattr(value, "value", value)
    return ",".join(map(str, value)) if isinstance(value, (tuple, list)) else plain(value)
