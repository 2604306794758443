"""The study's section of a tear sheet: verdict, tables, and two figures."""

import numpy as np
from markupsafe import Markup

from engine.study.result import Study
from reports.line_chart import Range
from reports.numbers import count
from reports.parts import Figure, StudySection
from reports.study_figures import path_svg, placebo_svg
from reports.study_tables import registered_text, study_tables
from reports.study_votes import variance_svg


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
