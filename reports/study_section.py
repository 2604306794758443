"""The study's section of a tear sheet: verdict, tables, and two figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from engine.study.result import Study
from reports.event_figures import PlaceboBand
from reports.numbers import count
from reports.study_figures import path_svg, placebo_svg
from reports.study_tables import StudyTable, registered_text, study_tables


@dataclass(frozen=True)
class StudyFigure:
    """One figure with its caption."""

    title: str
    svg: Markup
    caption: str


@dataclass(frozen=True)
class StudySection:
    """What the template shows of a study."""

    verdict: str
    prereg: dict[str, Any] | None
    registered: str
    placebo: PlaceboBand | None
    tables: Sequence[StudyTable]
    figures: Sequence[StudyFigure]


def study_section(study: Study) -> StudySection:
    """Return the section of a study."""
    told = "" if study.prereg is None else registered_text(study.prereg)
    figures = [*_placebo(study), *_path(study)]
    return StudySection(study.verdict, study.prereg, told, _band(study), study_tables(study), figures)


def _band(study: Study) -> PlaceboBand | None:
    """Return what the same trades on placebo dates gained around session 0, for the chart of the events."""
    if not study.band:
        return None
    low, high = (np.array([getattr(row, name) for row in study.band]) for name in ("low", "high"))
    return PlaceboBand("the means of nine of ten placebo lists", study.band[0].session, low, high)


def _placebo(study: Study) -> list[StudyFigure]:
    given = study.histogram
    if given is None or given.observed is None:
        return []
    how = "every list of the scheme" if study.exact else "drawn lists"
    caption = (
        f"BMP's t-statistic on {count(study.lists)} lists of placebo dates ({how}, {study.settings.scheme}); the line "
        "is that of the events. What lies beyond 6 is in the outermost bars."
    )
    return [StudyFigure("The events among placebo dates", Markup(placebo_svg(given)), caption)]


def _path(study: Study) -> list[StudyFigure]:
    if len(study.path) < 2:
        return []
    band = "; shaded: nine of ten placebo lists" if study.path[0].low is not None else ""
    caption = (
        f"Cumulative abnormal return from the close before the first session held, session 0; thin: each of "
        f"{len(study.path[0].each)} observations, thick: their mean{band}. Closes only, before costs: "
        "a trade that enters at the open does not earn the night before."
    )
    return [StudyFigure("Session by session", Markup(path_svg(study.path)), caption)]
