"""Pages from templates: every value escaped, and nothing in them that a browser would have to fetch."""

import hashlib
from base64 import b64encode
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from engine.run.run import Run
from reports import numbers

_FILTERS = (
    *("bare_percent", "cents", "count", "instant", "instant_text", "money", "percent", "plain", "points", "price"),
    *("signed_money", "signed_percent", "unbroken", "with_instants"),
)


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
    script = _source(env, "chart.js")
    env.globals.update(script=Markup(script), script_hash=_hash(script))
    env.filters.update({name: getattr(numbers, name) for name in _FILTERS})
    return env


def _source(env: Environment, name: str) -> str:
    assert env.loader is not None
    return env.loader.get_source(env, name)[0]


def _hash(script: str) -> str:
    """Return how a content security policy names the one script it lets run."""
    return "sha256-" + b64encode(hashlib.sha256(script.encode()).digest()).decode()
