"""A run's id: the hash of its inputs and of the version of the results, not of source text."""

import ast
import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from datasets.markets.home_market import is_home
from engine.strategy import Strategy, instrument_fields
from engine.strategy.contract import plain_value
from engine.strategy.market_shares import MarketShare

RESULTS_VERSION = 5
"""Raised when the same inputs give other results: ``tests/engine/test_golden.py`` fails until it is."""

_INPUTS = (
    "strategy", "parameters", "currencies", "adjustments", "simulated", "costs", "terms", "window", "benchmark",
    "labels", "priors", "sha256",
)  # fmt: skip
_FRAMEWORK = ("engine", "backtrader", "builtins", "abc", "typing")
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_STRATEGIES = Path(__file__).parents[2] / "strategies"


def id_of_inputs(
    manifest: Mapping[str, Any], *, lots: Mapping[str, float], futures: Mapping[str, Any] | None = None
) -> str:
    """Return the id of a run, 16 hex digits.

    Args:
        manifest: what the run was made from. Its texts, counts and versions of packages do not enter the id.
        lots: the lot of each instrument by symbol.
        futures: what the contract of each future is, by symbol.
    """
    inputs = {name: manifest[name] for name in _INPUTS} | {"lots": lots} | ({"futures": futures} if futures else {})
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:16]


def resolved(kind: type[Strategy], parameters: Mapping[str, Any], symbol: Callable[[str], str]) -> dict[str, Any]:
    """Return parameters of a rule, ready for JSON, with each instrument named by its symbol: N225 and NKY are one."""
    found = {name: plain_value(v) for name, v in parameters.items()}
    for name, has_shares in instrument_fields(kind).items():  # type: ignore[arg-type]  # a class has a hash
        resolve = partial(_resolved if has_shares else _symbol, symbol)
        if name in found:
            found[name] = resolve(found[name]) if isinstance(found[name], str) else [resolve(t) for t in found[name]]
    return found


def _resolved(symbol: Callable[[str], str], text: str) -> str:
    share = MarketShare.of(text)
    own = "" if share.share is None else f":{share.share:g}"
    return f"{'-' if share.side < 0 else ''}{_symbol(symbol, share.name)}{own}"


def _symbol(symbol: Callable[[str], str], name: str) -> str:
    return name.strip().casefold() if is_home(name) else symbol(name)


def code_hash(cls: type) -> str:
    """Return a hash of RESULTS_VERSION and of a rule's own code, without its docstrings, comments and formatting."""
    digest = hashlib.sha256(f"{RESULTS_VERSION} {cls.__qualname__}".encode())
    for path in _own_files(cls):
        digest.update(_normalised(path, path.stat().st_mtime_ns).encode())
    for method in _methods_at_prompt(cls):
        digest.update(repr(_compiled(method.__code__)).encode())
    return digest.hexdigest()


def _methods_at_prompt(cls: type) -> list[FunctionType]:
    """Return the methods of a class made at a prompt or in a notebook, which has no file."""
    kinds = (c for c in cls.__mro__ if not hasattr(sys.modules.get(c.__module__, ast), "__file__"))
    found = (m for kind in kinds for name, m in sorted(vars(kind).items()) if not name.startswith("__"))
    return [m for m in found if isinstance(m, FunctionType)]


def _compiled(code: CodeType) -> tuple[Any, ...]:
    """Return what a method does, for one version of Python; what it reads of the notebook besides is not in it."""
    sets = (sorted(map(repr, c)) if isinstance(c, frozenset) else c for c in code.co_consts)
    return code.co_name, code.co_code, code.co_names, [_compiled(c) if isinstance(c, CodeType) else c for c in sets]


def _own_files(cls: type) -> list[Path]:
    """Return the files a rule is made of: its own, those of its bases, and the modules loaded from their folders.

    Of the bundled rules, and of modules that lie directly in site-packages, each counts for itself.
    """
    modules = [sys.modules.get(c.__module__) for c in cls.__mro__ if c.__module__.split(".")[0] not in _FRAMEWORK]
    files = {Path(f) for m in modules if (f := getattr(m, "__file__", None))}
    folders = {str(f.parent) for f in files if f.parent != _STRATEGIES and f.parent.name != "site-packages"}
    loaded = (getattr(m, "__file__", None) for m in (list(sys.modules.values()) if folders else ()))
    files |= {Path(f) for f in loaded if f and f.rpartition("/")[0] in folders}
    return sorted(f for f in files if f.suffix == ".py" and f.is_file())


@lru_cache(maxsize=256)
def _normalised(path: Path, changed_at: int) -> str:
    """Return what a file's code says, as the text of nested tuples that do not depend on the version of Python."""
    try:
        return repr(_plain(ast.parse(path.read_bytes())))
    except (SyntaxError, ValueError):
        return repr(path.read_bytes())


def _plain(node: Any) -> Any:
    if isinstance(node, list):
        return tuple(_plain(n) for n in node)
    return (type(node).__name__, *_fields(node)) if isinstance(node, ast.AST) else node


def _fields(node: ast.AST) -> Iterator[tuple[str, Any]]:
    for name, value in ast.iter_fields(node):
        if name == "body" and isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            value = value[1:]
        if value not in (None, [], ()):
            yield name, _plain(value)
