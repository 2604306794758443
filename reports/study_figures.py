"""The study's section of a tear sheet: verdict, tables, and figures as inline SVG."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from datasets.arrays import Floats
from engine.study.paths import PathRow
from engine.study.result import Histogram, Study
from reports.charts import tenths
from reports.line_chart import Across, AxisUnit, Chart, Line, Range, chart_svg
from reports.numbers import count, percent, ratio
from reports.page import Figure, StudySection
from reports.study_tables import registered_text, study_tables
from reports.study_votes import variance_svg
from reports.svg import WIDTH, Frame, head, number, round_steps, segment, titled, words

HEIGHT = 260
_NO_LINES_ABOVE = 60
"""Of more observations only the mean is drawn: so many thin lines are a smear."""


def placebo_svg(given: Histogram) -> str:
    """Return the placebo t-statistics as bars, and the events' own as a line."""
    observed = 0.0 if given.observed is None else given.observed
    frame = Frame(given.edges[0], given.edges[-1], 0.0, max(given.counts) * 1.08 or 1.0, WIDTH, HEIGHT)
    shown = min(max(observed, frame.first), frame.last)
    cells = zip(given.edges[:-1], given.edges[1:], given.counts, strict=True)
    text = f"the events: t = {ratio(observed)}"
    x, side = frame.x(shown), -6 if shown > 0 else 6
    parts = [
        *head("study-placebo", "t-statistics of placebo lists", text, (WIDTH, HEIGHT)),
        segment("axis", (frame.left, frame.base), (frame.right, frame.base)),
        *(words(frame.x(v), frame.base + 19, ratio(v, 1)) for v in round_steps(frame.first, frame.last, 8)),
        *(_placebo_bar(low, high, n, frame) for low, high, n in cells if n),
        titled(f'<path class="observed" d="M{number(x)} {number(frame.top)}V{number(frame.base)}"', text),
        words(x + side, frame.top + 11, text, "end" if shown > 0 else "start", style="observed-text"),
        "</svg>",
    ]
    return "\n".join(parts)


def _placebo_bar(low: float, high: float, n: int, frame: Frame) -> str:
    left, right, top, base = (number(v) for v in (frame.x(low), frame.x(high), frame.y(n), frame.base))
    text = f"{n:,} lists from {ratio(low, 1)} to {ratio(high, 1)}"
    return titled(f'<path class="placebo" d="M{left} {base}V{top}H{right}V{base}z"', text)


def path_svg(path: Sequence[PathRow]) -> str:
    """Return the mean path with each observation's, and the placebo band where there is one."""
    sessions = _floats(r.session for r in path)
    each = list(zip(*(r.each for r in path), strict=True)) if len(path[0].each) <= _NO_LINES_ABOVE else []
    low, high = _floats(r.low for r in path), _floats(r.high for r in path)
    mean = _floats(r.mean for r in path)
    known = mean[np.isfinite(mean)]
    chart = Chart(
        ident="study-event-path",
        title="Cumulative abnormal return by session",
        description=f"From session {sessions[0]:g} to {sessions[-1]:g}; the mean ends at {percent(known[-1])}.",
        lines=[
            *(Line("one observation", sessions, _floats(values), "path", read=False) for values in each),
            Line("mean", sessions, mean, "s0 strong"),
        ],
        tick=tenths,
        height=HEIGHT,
        ranges=[Range("nine of ten placebo lists", sessions, low, high)] if np.isfinite(low).any() else [],
        x_label="sessions held, 0 the first",
        unit=AxisUnit.PERCENT,
        across=Across.SESSIONS,
    )
    return chart_svg(chart)


def _floats(values: Any) -> Floats:
    """Return numbers as an array, NaN where there is none."""
    return np.array([np.nan if v is None else v for v in values], dtype=np.float64)


def study_section(study: Study) -> StudySection:
    """Return the section of a study."""
    registered = "" if study.prereg is None else registered_text(study.prereg)
    figures = [*_placebo(study), *_variance(study), *_path(study)]
    tests = study.views[0].tests if study.views else ()
    p = next((t.p for t in tests if t.name.startswith("placebo")), None)  # the one that the verdict names
    return StudySection(study.verdict, p, study.prereg, registered, _band(study), study_tables(study), figures)


def _band(study: Study) -> Range | None:
    """Return what the same trades on placebo dates gained around session 0, for the chart of the events."""
    if not study.band:
        return None
    session, low, high = (np.array([getattr(r, n) for r in study.band], float) for n in ("session", "low", "high"))
    return Range("the means of nine of ten placebo lists", session, low, high)


def _placebo(study: Study) -> list[Figure]:
    given = study.histogram
    if given is None or given.observed is None:
        return []
    how = "every list of the scheme" if study.exact else "drawn lists"
    caption = (
        f"BMP's t-statistic on {count(study.lists)} lists of placebo dates ({how}, {study.settings.scheme}); the line "
        "is that of the events. What lies beyond 6 is in the outermost bars."
    )
    return [Figure("placebo", "The events among placebo dates", Markup(placebo_svg(given)), caption)]


def _variance(study: Study) -> list[Figure]:
    if study.variance is None or study.variance.n < 3:
        return []
    drawn = Markup(variance_svg(study.variance.by_session))
    caption = "M by session: 1 is the variance of sessions -270 to -21 before; shaded: nine of ten placebo lists."
    return [Figure("variance", "How volatile the events' sessions are", drawn, caption)]


def _path(study: Study) -> list[Figure]:
    if len(study.path) < 2:
        return []
    band = "; shaded: nine of ten placebo lists" if study.path[0].low is not None else ""
    caption = (
        f"Cumulative abnormal return from the close before the first session held, session 0; thin: each of "
        f"{len(study.path[0].each)} observations, thick: their mean{band}. Closes only, before costs: "
        "a trade that enters at the open does not earn the night before."
    )
    return [Figure("path", "Session by session", Markup(path_svg(study.path)), caption)]
