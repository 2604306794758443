"""The heat map of a sweep as inline SVG: one metric over two parameters."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from datasets.arrays import Floats
from engine.sweep.digest import Slice
from reports.numbers import plain
from reports.svg import WIDTH, Frame, head, titled, words

_TOP, _BOTTOM = 8, 86
_SCALE = 9
"""Colours on the scale below the map, from the largest loss to the largest gain."""
_HIGH, _LOW = 34, 12
_MAX_LABELS = 20
"""Per axis; the values between them have no label."""
_NOT_AVAILABLE = "fill:none;stroke:var(--rule);stroke-dasharray:2 2"


def heat_map_svg(
    heat: Slice, values: Floats, write: Callable[[float | None], str], *, ident: str, title: str, better: int
) -> str:
    """Return a heat map, the same text for the same numbers: blue above zero, orange below, dashed where n/a.

    The values of the first parameter rise upwards; the best cell has a frame; below is the scale of colours.

    Args:
        heat: the groups of the parameter down and of the one across.
        values: one per cell; NaN is n/a.
        write: writes a number.
        ident: the id of the figure in its page.
        title: what it shows.
        better: 1 if the highest number is the best, -1 if the lowest, 0 if none.
    """
    down, across = values.shape
    height = _TOP + min(_HIGH, max(_LOW, 420 / down)) * down + _BOTTOM
    frame = Frame(0, across, 0, down, WIDTH, height, top=_TOP, margin_right=0, margin_bottom=_BOTTOM)
    most = float(np.nanmax(np.abs(values))) if np.isfinite(values).any() else 0.0
    text = partial(_cell_text, heat, write)
    cells = [
        titled(f'<rect {_place((r, c), frame)} style="{_style(float(values[r, c]), most)}"', text((r, c), values[r, c]))
        for r in range(down)
        for c in range(across)
    ]
    drawn = [*cells, *_best(values * better, frame), *_axes(heat, frame), *_scale(most, write, frame)]
    return "\n".join([*head(ident, title, title, (WIDTH, height)), *drawn, "</svg>"])


def _best(values: Floats, frame: Frame) -> list[str]:
    """Return a frame around the cell with the highest number; none where all are alike."""
    known = values[np.isfinite(values)]
    if not len(known) or known.min() == known.max():
        return []
    row, column = np.unravel_index(int(np.nanargmax(values)), values.shape)
    place, style = _place((int(row), int(column)), frame), "fill:none;stroke:var(--ink);stroke-width:2.5"
    return [titled(f'<rect class="best" {place} style="{style}"', "the best cell")]


def _scale(most: float, write: Callable[[float | None], str], frame: Frame) -> list[str]:
    """Return the scale of colours with its figures, from -``most`` to ``most``."""
    wide, top, parts = 70, frame.base + 48, []
    for n, value in enumerate(np.linspace(-most, most, _SCALE).tolist()):
        x = frame.left + n * wide
        parts.append(f'<rect x="{x:g}" y="{top:g}" width="{wide}" height="12" style="{_style(value, most)}"/>')
        parts.append(words(x + wide / 2, top + 28, write(value)))
    return parts


def _cell_text(heat: Slice, write: Callable[[float | None], str], at: tuple[int, int], value: float) -> str:
    where = ", ".join(f"{name} {group_text(heat.groups[k][at[k]])}" for k, name in enumerate(heat.names))
    n = int(heat.count[at])
    text = write(float(value) if np.isfinite(value) else None)
    return f"{where}: {text} ({n:,} combination{'' if n == 1 else 's'})"


def _place(at: tuple[int, int], frame: Frame) -> str:
    """Return the box of a cell; the first row is the lowest."""
    x, y = frame.x(at[1]), frame.y(at[0] + 1)
    width, height = frame.x(at[1] + 1) - x, frame.y(at[0]) - y
    return f'x="{x:.2f}" y="{y:.2f}" width="{max(width - 1, 0.5):.2f}" height="{height - 1:.2f}"'


def _style(value: float, most: float) -> str:
    if not np.isfinite(value):
        return _NOT_AVAILABLE
    strength = abs(value) / most if most else 0.0
    return f"fill:var({'--c0' if value >= 0 else '--c1'});fill-opacity:{0.06 + 0.9 * strength:.3f}"


def _axes(heat: Slice, frame: Frame) -> list[str]:
    (down, across), left, base = heat.groups, frame.left - 8, frame.base
    return [
        *(words(left, frame.y(r + 0.5) + 4, group_text(down[r]), "end") for r in _labelled(len(down))),
        *(words(frame.x(c + 0.5), base + 16, group_text(across[c])) for c in _labelled(len(across))),
        words(frame.right, base + 36, f"{heat.names[1]} →", "end"),
        words(4, base + 36, f"{heat.names[0]} ↑", "start"),
    ]


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
