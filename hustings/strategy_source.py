"""The parameters of a strategy as its source has them, for completion: a user's file is read and never executed."""

import ast
import json
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from enum import StrEnum
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

from msgspec import Struct, field

import strategies
from datasets.errors import UserError
from datasets.home import cached, content_hash

_HOUSE = Path(strategies.__file__).parents[1]
_TYPES = ("engine/strategy", "datasets/events")
"""Where the types of parameters are defined that a strategy imports from hustings."""
_OURS = ("engine", "datasets", "strategies")
Annotations = dict[str, ast.expr | None]


class StrategySource(Struct, frozen=True):
    """The class of a strategy in its file: the annotations of its parameters by name, and what its docstring says."""

    file: Path
    name: str
    content: bytes = b""
    tree: ast.Module = field(default_factory=lambda: ast.Module([], []))
    annotations: Annotations = field(default_factory=dict)
    says: Mapping[str, str] = field(default_factory=dict)

    def choices(self) -> tuple[dict[str, list[str]], list[str]]:
        """Return the values of the parameters that have few, and the names of those that are instruments.

        They are kept in the cache under the hash of the file and of all that defines hustings' own types.
        """
        types = content_hash(p for folder in _TYPES for p in (_HOUSE / folder).glob("*.py"))
        key = sha256(self.content + types.encode()).hexdigest()
        place = sha256(f"{self.file.resolve()}:{self.name}".encode()).hexdigest()[:16]
        try:
            kept = cached(f"completion/{place}.json", key, lambda: json.dumps(self._choices()).encode())
        except UserError:  # there is no home
            return self._choices()
        values, instruments = json.loads(kept)
        return values, instruments

    def _choices(self) -> tuple[dict[str, list[str]], list[str]]:
        named = _named_types(self.tree)
        listed = {n: list(dict.fromkeys(_values(a, named))) for n, a in self.annotations.items()}
        hints = {n: named.get(a.id) for n, a in self.annotations.items() if isinstance(a, ast.Name)}
        instruments = [n for n, hint in hints.items() if "instrument" in getattr(hint, "__metadata__", ())]
        return {n: values for n, values in listed.items() if values}, instruments


def strategy_source(name: str) -> StrategySource:
    """Return the source of a strategy named as for ``hustings run``; one without parameters if it cannot be read."""
    place, _, cls = (f"{name}:" if name.endswith(".py") else _place(name)).rpartition(":")
    file = Path(place) if place.endswith(".py") else _module_file(place)
    try:
        content = file.read_bytes() if file.is_file() else b""
        tree = ast.parse(content)
    except (OSError, SyntaxError, ValueError, RecursionError):
        return StrategySource(file, cls)
    classes = [n for n in tree.body if isinstance(n, ast.ClassDef)]
    cls = cls or next((n.name for n in classes if "Strategy" in "".join(map(ast.unparse, n.bases))), "")
    doc = next((ast.get_docstring(n) for n in classes if n.name == cls), None)
    says = dict(re.findall(r"^ {4,}(\w+): (.+)$", doc or "", flags=re.MULTILINE))
    return StrategySource(file, cls, content, tree, _annotations(tree.body, cls), says)


def _place(name: str) -> str:
    """Return ``module:Class`` of a registered or installed strategy, and any other name as it is."""
    if name in strategies.REGISTRY or ":" in name:
        return strategies.REGISTRY.get(name, name)
    from importlib.metadata import entry_points

    return next((e.value for e in entry_points(group=strategies.ENTRY_POINTS) if e.name == name), "")


def _module_file(module: str) -> Path:
    """Return the file of a module, found as an import finds it, without importing anything; it may not be there."""
    path = module.replace(".", "/")
    folders = (_HOUSE, *map(Path, sys.path), Path.cwd())
    files = (folder / file for folder in folders for file in (f"{path}.py", f"{path}/__init__.py"))
    return next((f for f in files if f.is_file()), Path(path))


def _annotations(body: list[ast.stmt], cls: str) -> Annotations:
    """Return the annotations of a class's fields, those of its bases first; a backtrader parameter has none."""
    place = next((n for n, s in enumerate(body) if isinstance(s, ast.ClassDef) and s.name == cls), None)
    if place is None:
        return {}
    node: Any = body[place]
    found: Annotations = {}
    for base in node.bases:
        found |= _annotations(body[:place], base.id) if isinstance(base, ast.Name) else {}
    for item in node.body:
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            found[item.target.id] = item.annotation
        elif isinstance(item, ast.Assign) and getattr(item.targets[0], "id", "") == "params":
            found |= dict.fromkeys(_backtrader_names(item.value))
    return found


def _backtrader_names(params: ast.expr) -> Iterator[str]:
    """Yield the names in ``dict(a=1)``, ``{"a": 1}`` and ``(("a", 1),)``."""
    if isinstance(params, ast.Call):
        yield from (k.arg for k in params.keywords if k.arg)
    pairs = [e.elts[0] for e in getattr(params, "elts", ()) if isinstance(e, ast.Tuple) and e.elts]
    for key in (*getattr(params, "keys", ()), *pairs):
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            yield key.value


def _named_types(tree: ast.Module) -> dict[str, Any]:
    """Return the types by name: hustings' own as they are, an enumeration of the file as the list of its values."""
    named: dict[str, Any] = {"bool": bool}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").split(".")[0] in _OURS:
            with suppress(ImportError):
                module = import_module(node.module or "")
                named |= {a.asname or a.name: getattr(module, a.name, None) for a in node.names}
        elif isinstance(node, ast.ClassDef) and any(getattr(b, "id", "").endswith("Enum") for b in node.bases):
            constants = [s.value for s in node.body if isinstance(s, ast.Assign)]
            named[node.name] = [c.value for c in constants if isinstance(c, ast.Constant)]
    return named


def _values(annotation: ast.expr | None, named: Mapping[str, Any]) -> Iterator[str]:
    """Yield the values of an annotation."""
    if isinstance(annotation, ast.BinOp):
        yield from (*_values(annotation.left, named), *_values(annotation.right, named))
    elif isinstance(annotation, ast.Constant) and annotation.value is None:
        yield "none"
    elif isinstance(annotation, ast.Name):
        yield from choices_of(named.get(annotation.id))


def choices_of(hint: Any) -> Iterator[str]:
    """Yield the values of a type: members of an enumeration or a list, true and false, and none."""
    if isinstance(hint, list) or (isinstance(hint, type) and issubclass(hint, StrEnum)):
        yield from map(str, hint)
    elif hint is bool:
        yield from ("true", "false")
    elif hint is type(None):
        yield "none"
    else:
        for part in get_args(hint):
            yield from choices_of(part)
