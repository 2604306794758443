"""What a page is put together from: figures, tables as text, and the section of a study."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from reports.line_chart import Range


@dataclass(frozen=True)
class Figure:
    """One figure as an SVG element: the name of its place in the page, its title, and its caption if it has one."""

    name: str
    title: str
    svg: Markup
    caption: str = ""


@dataclass(frozen=True)
class TextTable:
    """A table as text, for a page or a terminal: ``right`` are the columns set flush right."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: Sequence[str] = ()
    note: str = ""
    ident: str = ""


@dataclass(frozen=True)
class StudySection:
    """What a tear sheet shows of a study: its texts, tables and figures, and the placebo band around the events."""

    verdict: str
    placebo_p: float | None
    prereg: dict[str, Any] | None
    registered: str
    placebo: Range | None
    tables: Sequence[TextTable]
    figures: Sequence[Figure]
