"""Pages from templates: every value escaped, and nothing in them that a browser would have to fetch."""

import hashlib
import inspect
from base64 import b64encode
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from jinja2 import BytecodeCache, Environment, PackageLoader, StrictUndefined
from jinja2.bccache import Bucket
from markupsafe import Markup
from msgspec import Struct

from datasets.home import read_cached, write_cached
from engine.run.run import Run
from reports import numbers
from reports.line_chart import Range

_LOADER = PackageLoader("reports")


def render(template: str, **values: Any) -> str:
    """Return a page of ``reports/templates``; its one script is its own, or else that of the charts."""
    env, own = _environment(), template.replace(".html.j2", ".js")
    script = _LOADER.get_source(env, own if own in env.list_templates() else "chart.js")[0]
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()  # the policy of the page lets only it run
    return env.get_template(template).render(script=Markup(script), script_hash=f"sha256-{digest}", **values) + "\n"


def simulated_symbols(run: Run) -> list[str]:
    """Return the instruments of a run whose bars were simulated."""
    return [str(symbol) for symbol in run.manifest["simulated"]]


class _CompiledTemplates(BytecodeCache):
    """Templates compiled once, a tenth of a second for a tear sheet, and kept in the cache of the home."""

    def __init__(self) -> None:
        self._jinja = version("jinja2")

    def load_bytecode(self, bucket: Bucket) -> None:
        content = read_cached(f"template-{bucket.key}", self._jinja + bucket.checksum)
        if content is not None:
            bucket.bytecode_from_string(content)

    def dump_bytecode(self, bucket: Bucket) -> None:
        write_cached(f"template-{bucket.key}", self._jinja + bucket.checksum, bucket.bytecode_to_string())


@lru_cache(maxsize=1)
def _environment() -> Environment:
    env = Environment(
        loader=_LOADER,
        bytecode_cache=_CompiledTemplates(),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    env.filters.update(inspect.getmembers(numbers, inspect.isfunction))
    return env


class Figure(Struct, frozen=True):
    """One figure as an SVG element: the name of its place in the page, its title, and its caption if it has one."""

    name: str
    title: str
    svg: Markup
    caption: str = ""


class TextTable(Struct, frozen=True):
    """A table as text, for a page or a terminal: ``right`` are the columns set flush right."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: Sequence[str] = ()
    note: str = ""
    ident: str = ""


class StudySection(Struct, frozen=True):
    """What a tear sheet shows of a study: its texts, tables and figures, and the placebo band around the events."""

    verdict: str
    placebo_p: float | None
    prereg: dict[str, Any] | None
    registered: str
    placebo: Range | None
    tables: Sequence[TextTable]
    figures: Sequence[Figure]
