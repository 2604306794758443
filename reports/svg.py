"""Drawing in SVG: the head of a figure, the box in which values are plotted, its axes and its text.

A style sheet sets the colours. Coordinates have one decimal.
"""

from collections.abc import Callable, Iterable, Sequence
from html import escape
from math import ceil, floor, isfinite, log10

from msgspec import Struct

WIDTH = 900
"""The width of a drawing as wide as the page."""
LEFT, RIGHT, TOP, BOTTOM = 92, 14, 12, 30
LETTER = 7.2
"""Width of a digit of 12 px, on the wide side."""


class Frame(Struct, frozen=True):
    """The box of a drawing in which places (across) and values (up) are plotted, inside its margins."""

    first: float
    last: float
    low: float
    high: float
    width: float = WIDTH
    height: float = 300
    left: float = LEFT
    top: float = TOP
    margin_right: float = RIGHT
    margin_bottom: float = BOTTOM

    @property
    def right(self) -> float:
        """The right edge of the box."""
        return self.width - self.margin_right

    @property
    def base(self) -> float:
        """The lower edge of the box."""
        return self.height - self.margin_bottom

    def x(self, place: float) -> float:
        """Return where a place is, from the left."""
        return self.left + (place - self.first) / (self.last - self.first) * (self.right - self.left)

    def y(self, value: float) -> float:
        """Return where a value is, from the top."""
        return self.top + (self.high - value) / (self.high - self.low) * (self.base - self.top)


def number(value: float) -> str:
    """Return a coordinate with one decimal, without a zero that says nothing.

    >>> number(3.04), number(-0.04)
    ('3', '0')
    """
    text = f"{value:.1f}"
    return text.removesuffix(".0") if text != "-0.0" else "0"


def head(ident: str, title: str, description: str, size: tuple[float, float], data: str = "") -> list[str]:
    """Return the beginning of a figure; ``ident`` must be its own in the page."""
    return [
        f'<svg class="chart" id="{ident}" viewBox="0 0 {size[0]:g} {size[1]:g}" role="img"'
        f' aria-labelledby="{ident}-title {ident}-desc"{data}>',
        f'<title id="{ident}-title">{escape(title)}</title>',
        f'<desc id="{ident}-desc">{escape(description)}</desc>',
    ]


def words(x: float, y: float, text: str, anchor: str = "middle", *, style: str = "tick", more: str = "") -> str:
    """Return text at a point; ``more`` are further attributes."""
    place = f'x="{number(x)}" y="{number(y)}"{more}'
    return f'<text class="{style}" {place} text-anchor="{anchor}">{escape(text)}</text>'


def segment(style: str, start: tuple[float, float], end: tuple[float, float]) -> str:
    """Return a straight line between two points."""
    (x1, y1), (x2, y2) = ((number(x), number(y)) for x, y in (start, end))
    return f'<line class="{style}" x1="{x1}" x2="{x2}" y1="{y1}" y2="{y2}"/>'


def titled(element: str, text: str) -> str:
    """Return an element, given without its end, with the text that a reader gets by pointing at it."""
    name = element[1:].split(maxsplit=1)[0]
    return f"{element}><title>{escape(text)}</title></{name}>"


def margin_for(labels: Iterable[str]) -> float:
    """Return the left margin in which the labels of a value axis and its title have room side by side."""
    return max(LEFT, LETTER * max(map(len, labels), default=0) + 30)


def value_axis(levels: Sequence[float], tick: Callable[[float], str], frame: Frame, label: str = "") -> list[str]:
    """Return a line across at each level with its value to the left, and the label of the axis."""
    found = []
    for value in levels:
        y = frame.y(value)
        found.append(segment("grid zero" if value == 0 else "grid", (frame.left, y), (frame.right, y)))
        found.append(words(frame.left - 8, y, tick(value), "end", more=' dy=".32em"'))
    upwards = f"translate(14 {number((frame.base + frame.top) / 2)}) rotate(-90)"
    named = f'<text class="tick label" transform="{upwards}" text-anchor="middle">{escape(label)}</text>'
    return [*found, named] if label else found


def round_steps(low: float, high: float, wanted: int = 5) -> list[float]:
    """Return round values within [low, high], some ``wanted`` of them.

    >>> round_steps(-0.27, 0.0)
    [-0.25, -0.2, -0.15, -0.1, -0.05, 0.0]
    """
    if not (isfinite(low) and isfinite(high)) or high <= low:
        return []
    rough = (high - low) / wanted
    size = 10.0 ** floor(log10(rough))
    step = next(m * size for m in (1, 2, 2.5, 5, 10) if m * size >= rough * 0.75)
    return [round(i * step, 12) + 0.0 for i in range(ceil(low / step), floor(high / step + 1e-9) + 1)]
