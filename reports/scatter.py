"""A scatter of pairs as inline SVG: both axes on one scale, with the diagonal on which neither is ahead."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reports.svg import Frame, head, number, round_steps, segment, titled, upright, words

SIZE = 400


@dataclass(frozen=True)
class Scatter:
    """Points (across, up, text), the names of the axes, and how a fraction is written with so many digits.

    ``ident`` is its own in a page.
    """

    ident: str
    title: str
    description: str
    points: Sequence[tuple[float, float, str]]
    across: str
    up: str
    tick: Callable[[float, int], str]


def scatter_svg(scatter: Scatter) -> str:
    """Return the scatter as one SVG element, the same text for the same points."""
    values = [v for x, y, _ in scatter.points for v in (x, y)] or [0.0]
    low, high = min(0.0, *values), max(0.0, *values)
    room = (high - low) * 0.06 or 0.01
    ends = low - room, high + room
    frame = Frame(*ends, *ends, SIZE, SIZE, left=66, margin_right=12, margin_bottom=46)
    start = head(scatter.ident, scatter.title, scatter.description, (SIZE, SIZE), style="chart scatter")
    diagonal = segment("alike", *((frame.x(v), frame.y(v)) for v in ends))
    points = [_point(*point, frame) for point in scatter.points]
    return "\n".join([*start, *_axes(scatter, frame), diagonal, *points, "</svg>"])


def _axes(scatter: Scatter, frame: Frame) -> list[str]:
    parts, steps = [], round_steps(frame.low, frame.high)
    digits = next(n for n in range(9) if all(abs(v * 100 - round(v * 100, n)) < 1e-9 for v in steps))
    for value in steps:
        style, x, y = "grid zero" if value == 0 else "grid", frame.x(value), frame.y(value)
        text = scatter.tick(value, digits)
        parts += [
            segment(style, (frame.left, y), (frame.right, y)),
            segment(style, (x, frame.top), (x, frame.base)),
            words(frame.left - 6, y, text, "end", more=' dy=".32em"'),
            words(x, frame.base + 17, text),
        ]
    middle = (frame.left + frame.right) / 2, (frame.base + frame.top) / 2
    return [*parts, words(middle[0], SIZE - 8, scatter.across), upright(14, middle[1], scatter.up)]


def _point(x: float, y: float, text: str, frame: Frame) -> str:
    side = "ahead" if y > x else "behind" if y < x else "level"
    at = f'cx="{number(frame.x(x))}" cy="{number(frame.y(y))}"'
    return titled(f'<circle class="point {side}" {at} r="4.5"', text)
