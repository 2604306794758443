"""Reads the parameters of a rule from its source: names, what each says, its choices. Nothing is imported."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_OURS = ("datasets", "engine", "strategies")
_INSTRUMENTS = {"Symbol", "Symbols"}


@dataclass(frozen=True)
class Found:
    """A definition in a source file."""

    file: Path
    node: ast.stmt


@dataclass(frozen=True)
class SourceParameter:
    """A parameter: ``says`` is its line of the docstring, ``at`` the file of its annotation."""

    name: str
    says: str
    annotation: ast.expr | None
    at: Path


def class_named(strategy: str, places: Mapping[str, str]) -> Found | None:
    """Return the class of a rule as typed: a name that ``places`` knows, ``file.py:Class`` or ``module:Class``."""
    where, _, name = places.get(strategy, strategy).rpartition(":")
    file = Path(where) if where.endswith(".py") else _file_of(where)
    found = _defined(file, name) if file is not None else None
    return found if found is not None and isinstance(found.node, ast.ClassDef) else None


def described(place: str) -> str:
    """Return the first line of the docstring of ``module:Class``; blank where there is none."""
    found = class_named("", {"": place})
    return (_docstring(found).splitlines() or [""])[0] if found is not None else ""


def parameters_in(rule: Found) -> list[SourceParameter]:
    """Return the parameters of a rule, those of its bases first; of a backtrader strategy those of ``params``."""
    says = dict(re.findall(r"^ *(\w+): (.+)$", _docstring(rule), flags=re.MULTILINE))
    return [SourceParameter(n, says.get(n, ""), a, at) for n, (a, at) in _fields(rule).items()]


def choices_of(rule: Found, parameter: SourceParameter) -> list[str] | None:
    """Return the values a parameter may have, empty where they are numbers or text; None: it names instruments."""
    names = [] if parameter.annotation is None else list(_names(parameter.annotation))
    if _INSTRUMENTS & set(names):
        return None
    return list(dict.fromkeys(value for n in names for value in _choices(parameter.at, n)))


def _fields(rule: Found) -> dict[str, tuple[ast.expr | None, Path]]:
    assert isinstance(rule.node, ast.ClassDef)
    found: dict[str, tuple[ast.expr | None, Path]] = {}
    for base in (b.id for b in rule.node.bases if isinstance(b, ast.Name)):
        above = _defined(rule.file, base)
        if above is not None and isinstance(above.node, ast.ClassDef):
            found |= _fields(above)
    for statement in rule.node.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation):
                if "ClassVar" not in _names(annotation):
                    found[name] = (annotation, rule.file)
            case ast.Assign(targets=[ast.Name(id="params")], value=value):
                found |= dict.fromkeys(_backtrader_names(value), (None, rule.file))
    return found


def _backtrader_names(params: ast.expr) -> Iterator[str]:
    """Yield the names in ``params = (("hold", 5),)`` or ``params = dict(hold=5)``."""
    if isinstance(params, ast.Call):
        yield from (k.arg for k in params.keywords if k.arg is not None)
    for pair in params.elts if isinstance(params, ast.Tuple) else ():
        if isinstance(pair, ast.Tuple) and pair.elts and isinstance(pair.elts[0], ast.Constant):
            yield str(pair.elts[0].value)


def _names(annotation: ast.expr) -> Iterator[str]:
    return (n.id for n in ast.walk(annotation) if isinstance(n, ast.Name))


def _choices(file: Path, name: str) -> Iterator[str]:
    """Yield the values of a type: members of an enumeration, true and false, or what a name like OptionalKind hides."""
    if name == "bool":
        yield from ("true", "false")
    if name == "_none_word":
        yield "none"
    found = _defined(file, name)
    match found.node if found is not None else None:
        case ast.ClassDef(body=body):
            yield from (str(m.value.value) for m in body if isinstance(m, ast.Assign) and _is_text(m.value))  # type: ignore[attr-defined]
        case ast.Assign(value=value) if found is not None:
            yield from (c for n in _names(value) for c in _choices(found.file, n))


def _is_text(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _docstring(found: Found) -> str:
    return ast.get_docstring(found.node) or "" if isinstance(found.node, ast.ClassDef) else ""


def _defined(file: Path, name: str) -> Found | None:
    """Return where a name of a file is defined: at its top level, or that of a file it is imported from."""
    for node in _statements(file):
        match node:
            case ast.ClassDef(name=defined) | ast.Assign(targets=[ast.Name(id=defined)]) if defined == name:
                return Found(file, node)
            case ast.ImportFrom(module=str(module), names=names) if name in (a.name for a in names):
                source = _file_of(module, beside=file)
                return None if source is None or source == file else _defined(source, name)
    return None


@lru_cache
def _statements(file: Path) -> tuple[ast.stmt, ...]:
    try:
        return tuple(ast.parse(file.read_bytes()).body)
    except (OSError, SyntaxError, ValueError):
        return ()


def _file_of(module: str, *, beside: Path | None = None) -> Path | None:
    """Return the file of a module: of ours by its name, of others one beside the file that imports it, or installed."""
    parts = module.split(".")
    here = _ROOT if parts[0] in _OURS else (beside.parent if beside is not None else None)
    if here is not None:
        path = here.joinpath(*parts)
        return next((p for p in (path.with_suffix(".py"), path / "__init__.py") if p.is_file()), None)
    try:
        spec = find_spec(module) if module else None
    except (ImportError, ValueError):
        return None
    return Path(spec.origin) if spec is not None and spec.origin else None
