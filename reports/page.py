"""Pages from templates: every value escaped, and nothing in them that a browser would have to fetch."""

import hashlib
from base64 import b64encode
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from jinja2 import BytecodeCache, Environment, PackageLoader, StrictUndefined
from jinja2.bccache import Bucket
from markupsafe import Markup

from datasets.cache import read_cached, write_cached
from engine.run.run import Run
from reports import numbers

_FILTERS = (
    "amount", "bare_percent", "cents", "count", "instant", "instant_text", "money", "percent", "plain", "points",
    "price", "signed_money", "signed_percent", "unbroken", "with_instants",
)  # fmt: skip


def render(template: str, **values: Any) -> str:
    """Return a page of ``reports/templates``."""
    return _environment().get_template(template).render(**values) + "\n"


def simulated_symbols(run: Run) -> list[str]:
    """Return the instruments of a run whose bars were simulated."""
    return [str(symbol) for symbol in run.manifest["simulated"]]


class _CompiledTemplates(BytecodeCache):
    """Templates compiled once, a tenth of a second for a tear sheet, and kept in the cache of the home."""

    def __init__(self) -> None:
        self._jinja = version("jinja2")

    def load_bytecode(self, bucket: Bucket) -> None:
        content = read_cached(self._name(bucket), self._made_from(bucket))
        if content is not None:
            bucket.bytecode_from_string(content)

    def dump_bytecode(self, bucket: Bucket) -> None:
        write_cached(self._name(bucket), self._made_from(bucket), bucket.bytecode_to_string())

    def _name(self, bucket: Bucket) -> str:
        return f"template-{bucket.key}"

    def _made_from(self, bucket: Bucket) -> str:
        return f"{self._jinja}-{bucket.checksum}"


@lru_cache(maxsize=1)
def _environment() -> Environment:
    env = Environment(
        loader=PackageLoader("reports"),
        bytecode_cache=_CompiledTemplates(),
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
