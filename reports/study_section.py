"""The study's section of a tear sheet: verdict, tables, and two figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from engine.study.result import Study
from reports.numbers import count
from reports.study_figures import path_svg, placebo_svg
from reports.study_tables import Table, registered_text, study_tables


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
    tables: Sequence[Table]
    figures: Sequence[StudyFigure]


def study_section(study: Study) -> StudySection:
    """Return the section of a study."""
    told = "" if study.prereg is None else registered_text(study.prereg)
    return StudySection(study.verdict, study.prereg, told, study_tables(study), [*_placebo(study), *_path(study)])


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
        f"{len(study.path[0].each)} observations, thick: their mean{band}. Closes only, before costs."
    )
    return [StudyFigure("Session by session", Markup(path_svg(study.path)), caption)]
