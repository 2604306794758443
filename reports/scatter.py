"""A scatter of pairs as inline SVG: both axes on one scale, with the diagonal on which neither is ahead."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from reports.svg import round_steps

SIZE = 400
LEFT, RIGHT, TOP, BOTTOM = 66, 12, 12, 46


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
    scale = _Scale(low - room, high + room)
    return "\n".join(
        [
            f'<svg class="chart scatter" id="{scatter.ident}" viewBox="0 0 {SIZE} {SIZE}" role="img"'
            f' aria-labelledby="{scatter.ident}-title {scatter.ident}-desc">',
            f'<title id="{scatter.ident}-title">{escape(scatter.title)}</title>',
            f'<desc id="{scatter.ident}-desc">{escape(scatter.description)}</desc>',
            *_axes(scatter, scale),
            _alike(scale),
            *(_point(*point, scale) for point in scatter.points),
            "</svg>",
        ]
    )


@dataclass(frozen=True)
class _Scale:
    low: float
    high: float

    def x(self, value: float) -> str:
        return f"{LEFT + (value - self.low) / (self.high - self.low) * (SIZE - LEFT - RIGHT):.1f}"

    def y(self, value: float) -> str:
        return f"{TOP + (self.high - value) / (self.high - self.low) * (SIZE - TOP - BOTTOM):.1f}"


def _axes(scatter: Scatter, scale: _Scale) -> list[str]:
    found, steps = [], round_steps(scale.low, scale.high)
    digits = next(n for n in range(9) if all(abs(v * 100 - round(v * 100, n)) < 1e-9 for v in steps))
    for value in steps:
        style, x, y = "grid zero" if value == 0 else "grid", scale.x(value), scale.y(value)
        text = escape(scatter.tick(value, digits))
        found += [
            f'<line class="{style}" x1="{LEFT}" x2="{SIZE - RIGHT}" y1="{y}" y2="{y}"/>',
            f'<line class="{style}" x1="{x}" x2="{x}" y1="{TOP}" y2="{SIZE - BOTTOM}"/>',
            f'<text class="tick" x="{LEFT - 6}" y="{y}" dy=".32em" text-anchor="end">{text}</text>',
            f'<text class="tick" x="{x}" y="{SIZE - BOTTOM + 17}" text-anchor="middle">{text}</text>',
        ]
    return [*found, *_names(scatter)]


def _alike(scale: _Scale) -> str:
    """Return the diagonal: both earned the same there."""
    x1, y1, x2, y2 = scale.x(scale.low), scale.y(scale.low), scale.x(scale.high), scale.y(scale.high)
    return f'<line class="alike" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>'


def _names(scatter: Scatter) -> list[str]:
    across, up = (LEFT + SIZE - RIGHT) / 2, (SIZE - BOTTOM + TOP) / 2
    turned = f'transform="translate(14 {up}) rotate(-90)"'
    return [
        f'<text class="tick" x="{across}" y="{SIZE - 8}" text-anchor="middle">{escape(scatter.across)}</text>',
        f'<text class="tick" {turned} text-anchor="middle">{escape(scatter.up)}</text>',
    ]


def _point(x: float, y: float, text: str, scale: _Scale) -> str:
    side = "ahead" if y > x else "behind" if y < x else "level"
    at = f'cx="{scale.x(x)}" cy="{scale.y(y)}"'
    return f'<circle class="point {side}" {at} r="4.5"><title>{escape(text)}</title></circle>'
