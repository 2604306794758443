"""Pages from templates: every value escaped, and nothing in them that a browser would have to fetch."""

from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from engine.run import Run
from reports import numbers


def render(template: str, **values: Any) -> str:
    """Return a page of ``reports/templates``."""
    return _environment().get_template(template).render(**values) + "\n"


def simulated_symbols(run: Run) -> list[str]:
    """Return the instruments of a run whose bars were simulated."""
    return [str(symbol) for symbol in run.manifest["simulated"]]


@lru_cache(maxsize=1)
def _environment() -> Environment:
    env = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    env.filters.update(
        bare_percent=numbers.bare_percent,
        count=numbers.count,
        instant_text=numbers.instant_text,
        money=numbers.money,
        percent=numbers.percent,
        plain=numbers.plain,
        signed_money=numbers.signed_money,
        signed_percent=numbers.signed_percent,
    )
    return env
