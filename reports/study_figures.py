"""Figures of a study as inline SVG: where the events stand among placebo dates, and their path session by session."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

from engine.study.paths import PathRow
from engine.study.result import Histogram
from reports.numbers import percent, ratio
from reports.svg import BOTTOM, LEFT, RIGHT, TOP, WIDTH, round_steps

HEIGHT = 260
_NO_LINES_ABOVE = 60
"""Of more observations only the mean is drawn: so many thin lines are a smear."""


@dataclass(frozen=True)
class _Frame:
    """Where two numbers lie on the drawing."""

    left: float
    right: float
    low: float
    high: float

    def x(self, value: float) -> str:
        return _n(LEFT + (value - self.left) / (self.right - self.left) * (WIDTH - LEFT - RIGHT))

    def y(self, value: float) -> str:
        return _n(TOP + (self.high - value) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM))


def placebo_svg(given: Histogram) -> str:
    """Return the placebo t-statistics as bars, and the events' own as a line."""
    observed = 0.0 if given.observed is None else given.observed
    frame = _Frame(given.edges[0], given.edges[-1], 0.0, max(given.counts) * 1.08 or 1.0)
    shown = min(max(observed, frame.left), frame.right)
    base = frame.y(0.0)
    bars = [
        f'<path class="placebo" d="M{frame.x(a)} {base}V{frame.y(n)}H{frame.x(b)}V{base}z"><title>'
        f"{escape(f'{n:,} lists from {ratio(a, 1)} to {ratio(b, 1)}')}</title></path>"
        for a, b, n in zip(given.edges[:-1], given.edges[1:], given.counts, strict=True)
        if n
    ]
    told = f"the events: t = {ratio(observed)}"
    side = "end" if shown > 0 else "start"
    place = float(frame.x(shown)) + (-6 if shown > 0 else 6)
    mark = [
        f'<path class="observed" d="M{frame.x(shown)} {TOP}V{base}"><title>{escape(told)}</title></path>',
        f'<text class="told" x="{_n(place)}" y="{TOP + 11}" text-anchor="{side}">{escape(told)}</text>',
    ]
    title = "t-statistics of placebo lists"
    return _svg("placebo", title, told, [*_axes(frame, ratio_1, base), *bars, *mark])


def path_svg(path: Sequence[PathRow]) -> str:
    """Return the mean path with each observation's, and the placebo band where there is one."""
    each = list(zip(*(r.each for r in path), strict=True)) if len(path[0].each) <= _NO_LINES_ABOVE else []
    values = [v for r in path for v in (r.mean, r.low, r.high, *(r.each if each else ())) if v is not None]
    low, high = min(0.0, *values), max(0.0, *values)
    room = (high - low) * 0.05 or 0.01
    frame = _Frame(path[0].session - 0.5, path[-1].session + 0.5, low - room, high + room)
    sessions = [r.session for r in path]
    drawn = [
        *_band(path, frame),
        *_value_grid(frame),
        *(_polyline("each", sessions, values_, frame) for values_ in each),
        _polyline("line s0 mean", sessions, [r.mean for r in path], frame),
        f'<path class="grid zero" d="M{frame.x(-0.5)} {TOP}V{HEIGHT - BOTTOM}"/>',
    ]
    last = next((r.mean for r in reversed(path) if r.mean is not None), 0.0)
    told = f"From session {sessions[0]} to {sessions[-1]}; the mean ends at {percent(last)}."
    return _svg("event-path", "Cumulative abnormal return by session", told, [*_axes(frame, whole, None), *drawn])


def ratio_1(value: float) -> str:
    """Return a number with one decimal."""
    return ratio(value, 1)


def whole(value: float) -> str:
    """Return a whole number with its sign: sessions before the event are negative."""
    return f"{value:.0f}"


def _svg(ident: str, title: str, description: str, parts: Iterable[str]) -> str:
    head = (
        f'<svg class="chart" id="study-{ident}" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby='
        f'"study-{ident}-title study-{ident}-desc"><title id="study-{ident}-title">{escape(title)}</title>'
        f'<desc id="study-{ident}-desc">{escape(description)}</desc>'
    )
    return "\n".join([head, *parts, "</svg>"])


def _axes(frame: _Frame, tick: Callable[[float], str], base: str | None) -> list[str]:
    bottom = base or str(HEIGHT - BOTTOM)
    found = [f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{bottom}" y2="{bottom}"/>']
    for value in round_steps(frame.left, frame.right, 8):
        at = frame.x(value)
        text = escape(tick(value))
        found.append(f'<text class="tick" x="{at}" y="{HEIGHT - BOTTOM + 19}" text-anchor="middle">{text}</text>')
    return found


def _value_grid(frame: _Frame) -> list[str]:
    found = []
    for value in round_steps(frame.low, frame.high):
        y = frame.y(value)
        found.append(
            f'<line class="grid{" zero" if value == 0 else ""}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>'
        )
        text = escape(percent(value, 1))
        found.append(f'<text class="tick" x="{LEFT - 8}" y="{y}" dy=".32em" text-anchor="end">{text}</text>')
    return found


def _polyline(style: str, sessions: Sequence[int], values: Sequence[float | None], frame: _Frame) -> str:
    points = " ".join(f"{frame.x(s)},{frame.y(v)}" for s, v in zip(sessions, values, strict=True) if v is not None)
    return f'<polyline class="{style}" points="{points}"/>'


def _band(path: Sequence[PathRow], frame: _Frame) -> list[str]:
    known = [(r.session, r.low, r.high) for r in path if r.low is not None and r.high is not None]
    if not known:
        return []
    over = [f"{frame.x(s)},{frame.y(h)}" for s, _, h in known]
    under = [f"{frame.x(s)},{frame.y(v)}" for s, v, _ in reversed(known)]
    return [
        f'<polygon class="band" points="{" ".join([*over, *under])}"><title>nine of ten placebo lists</title></polygon>'
    ]


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
