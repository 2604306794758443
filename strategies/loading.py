"""Finds a rule by its name, in a file, in a module, or through an entry point."""

import importlib
import importlib.util
import sys
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from datasets.errors import UserError, did_you_mean, unknown_name
from engine.strategy import Strategy
from engine.strategy.strategy_calls import errors_of
from strategies import ENTRY_POINTS, REGISTRY


def strategy_names() -> list[str]:
    """Return the names of the rules that come with hustings and of those installed with it."""
    return [*REGISTRY, *(e.name for e in entry_points(group=ENTRY_POINTS) if e.name not in REGISTRY)]


def find_strategy(name: str) -> type[Any]:
    """Return the class of a rule: an ``engine.strategy.Strategy`` or a ``backtrader.Strategy``.

    Args:
        name: a registered name, ``path/to/file.py`` of one strategy, ``path/to/file.py:ClassName``, or
            ``package.module:ClassName``.

    Raises:
        UserError: no such name, file, module or class; the file raises, or has several; the class is neither.
    """
    if name in REGISTRY:
        return _checked(_from_module(*REGISTRY[name].split(":")), name)
    for entry in entry_points(group=ENTRY_POINTS):
        if entry.name == name:
            return _checked(_from_module(*entry.value.split(":")), name)
    if name.endswith(".py"):
        return _only_strategy(_file_module(Path(name)), name)
    path, colon, cls = name.rpartition(":")
    if not colon:
        hint = "'hustings strategies' shows them all; a file is named like my_rule.py"
        raise unknown_name("strategy", name, strategy_names(), hint=hint)
    module = _file_module(Path(path)) if path.endswith(".py") else None
    return _checked(_class_of(module, cls, path) if module else _from_module(path, cls), name)


def _only_strategy(module: ModuleType, name: str) -> type[Any]:
    own = {n: v for n, v in vars(module).items() if isinstance(v, type) and v.__module__ == module.__name__}
    found = [n for n, v in own.items() if is_backtrader(v) or (issubclass(v, Strategy) and v.name)]
    if len(found) != 1:
        several = f"it has {' and '.join(found)}: name one, such as {name}:{found[-1]}" if found else ""
        raise UserError(f"'{name}' must hold one strategy; {several or 'it has none: put @strategy above a class'}")
    return _checked(own[found[0]], name)


def _from_module(module: str, cls: str) -> Any:
    _let_import_from(Path.cwd())
    with errors_of(module):
        try:
            return _class_of(importlib.import_module(module), cls, module)
        except ModuleNotFoundError as e:
            what = f"no module '{e.name}' for {module}:{cls}; name a module that can be imported, or a file"
            raise UserError(what) from e


def _file_module(path: Path) -> ModuleType:
    if not path.is_file():
        raise UserError(f"no strategy file '{path}'; name it like my_rule.py")
    spec = importlib.util.spec_from_file_location(f"hustings_user_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UserError(f"'{path}' cannot be loaded as a python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    _let_import_from(path.resolve().parent)
    with errors_of(path.name):
        try:
            spec.loader.exec_module(module)
        except SyntaxError as e:
            raise UserError(f"{path.name} line {e.lineno}: {type(e).__name__}: {e.msg}") from e
    return module


def _let_import_from(folder: Path) -> None:
    """Let a user's rule import what lies next to it, after everything that is installed."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def _class_of(module: ModuleType, cls: str, where: str) -> Any:
    if not hasattr(module, cls):
        classes = [n for n, v in vars(module).items() if isinstance(v, type) and v.__module__ == module.__name__]
        known = f"; it has {', '.join(classes)}" if classes else ""
        raise UserError(f"no class '{cls}' in {where}{did_you_mean(cls, classes)}{known}")
    return getattr(module, cls)


def _checked(cls: Any, name: str) -> type[Any]:
    if isinstance(cls, type) and issubclass(cls, Strategy):
        if not (cls.name and hasattr(cls, "__dataclass_fields__")):
            raise UserError(f"{name}: put @strategy above the class")
        rule: type[Any] = cls
        return rule
    if is_backtrader(cls):
        foreign: type[Any] = cls
        return foreign
    raise UserError(f"{name} is neither a hustings Strategy nor a backtrader.Strategy")


def is_backtrader(cls: Any) -> bool:
    """Return whether a class is a backtrader strategy (without importing backtrader when nobody has)."""
    backtrader = sys.modules.get("backtrader")
    return backtrader is not None and isinstance(cls, type) and issubclass(cls, backtrader.Strategy)
