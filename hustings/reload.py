"""Makes a rule anew, its own modules read again, so that nothing is left in them of what they had seen before."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from engine.strategy.strategy_calls import errors_of
from strategies.loading import find_strategy

_HOUSE = Path(__file__).resolve().parents[1]
_FLOORS = ("datasets", "engine", "strategies", "reports", "hustings")


@contextmanager
def fresh_class(name: str, cls: type[Any]) -> Iterator[type[Any]]:
    """Give the class of a rule with its own modules read again; afterwards the modules of before are back.

    Args:
        name: the rule's name as typed.
        cls: the class it was found as before.

    Raises:
        UserError: a module of its own raises now, as it may where it sees other events or bars.
    """
    before, folder = dict(sys.modules), _folder(cls)
    own = _own_modules(before, cls.__module__, folder)
    for module in own:
        del sys.modules[module]
    try:
        yield _read_again(name, cls, before.get(cls.__module__))
    finally:
        new = {m: module for m, module in list(sys.modules.items()) if before.get(m) is not module}
        for module in _own_modules(new, cls.__module__, folder):
            del sys.modules[module]
        sys.modules.update({m: had for m, had in before.items() if m not in sys.modules})


def _read_again(name: str, cls: type[Any], module: ModuleType | None) -> type[Any]:
    """Return a class of a module run anew: a finder of rules would look through all installed packages each time."""
    spec = getattr(module, "__spec__", None)
    if spec is None or spec.loader is None:
        return find_strategy(name)
    anew = sys.modules[spec.name] = module_from_spec(spec)
    with errors_of(spec.name):
        spec.loader.exec_module(anew)
    found: type[Any] = getattr(anew, cls.__name__, None) or find_strategy(name)
    return found


def _own_modules(modules: Mapping[str, ModuleType], rule: str, folder: str | None) -> list[str]:
    """Return the names of a rule's modules: its own file, and what was imported from its folder or below it."""
    files = {name: str(getattr(module, "__file__", None)) for name, module in modules.items() if folder}
    near = {name for name, file in files.items() if file.startswith(str(folder)) and "site-packages" not in file}
    return [name for name in modules if name == rule or name in near]


def _folder(cls: type[Any]) -> str | None:
    """Return the folder of a rule's file, with a separator at its end; None of a rule that comes with hustings."""
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    folder = None if file is None else Path(file).resolve().parent
    if folder is None or folder == _HOUSE or any(folder.is_relative_to(_HOUSE / floor) for floor in _FLOORS):
        return None
    return f"{folder}{os.sep}"
