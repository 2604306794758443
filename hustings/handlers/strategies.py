"""hustings strategies, new: lists the strategies, and writes a strategy file with its test."""

import inspect
import keyword
import re
from pathlib import Path

from datasets.errors import UserError
from engine.strategy import parameters
from hustings.files import write_text
from hustings.terminal import say, say_json, table, text_of
from strategies.loading import find_strategy, is_backtrader, strategy_names


def list_strategies(*, name: str | None) -> None:
    """Print the strategies, or one of them with its parameters."""
    if name is not None:
        _show(name, find_strategy(name))
        return
    known = {n: _description(find_strategy(n))[0] for n in strategy_names()}
    say_json([{"name": n, "rule": rule} for n, rule in known.items()])
    table(["strategy", "rule"], [[n, rule] for n, rule in known.items()])


def _show(name: str, cls: type) -> None:
    columns = ["parameter", "type", "default", "bounds", "what"]
    if is_backtrader(cls):
        from hustings.execution import as_written

        given = cls.params._getitems()  # type: ignore[attr-defined]
        rows = [[n, type(v).__name__, str(as_written(v)), "", ""] for n, v in given]
    else:
        rows = [[p.name, p.type, text_of(p.default), p.bounds, p.says] for p in parameters(cls)]
    description = _description(cls)
    listed = [dict(zip(columns, r, strict=True)) for r in rows]
    say_json({"name": name, "rule": description[0], "parameters": listed})
    say("\n".join([name, *description]))
    table(columns, rows)


def _description(cls: type) -> list[str]:
    """Return the docstring up to its Args, without blank lines."""
    text = (inspect.getdoc(cls) or cls.__name__).split("Args:")[0]
    return [line for line in text.splitlines() if line.strip()]


_TEMPLATES = Path(__file__).parents[1] / "templates"


def write_strategy(*, name: str, folder: Path) -> None:
    """Write a strategy that runs and a test that passes, and print where they are.

    Raises:
        UserError: the name is no name of a module, a file exists already, or cannot be written.
    """
    words = [w for w in re.split(r"[-_\s]+", name) if w]
    module, cls = "_".join(words).lower(), "".join(w[:1].upper() + w[1:] for w in words)
    if not module.isidentifier() or keyword.iskeyword(module):
        raise UserError(f"'{name}' cannot be a strategy's name: use letters, digits and dashes, such as my-rule")
    strategy, test = folder / f"{module}.py", folder / f"test_{module}.py"
    for path in (strategy, test):
        if path.exists():
            raise UserError(f"'{path}' exists already; choose another name or move it away")
    write_text(strategy, _filled("rule.py.txt", cls=cls), option="--dir")
    write_text(test, _filled("test.py.txt", cls=cls, module=module, test=test.name), option="--dir")
    say_json({"strategy": str(strategy), "test": str(test), "class": cls})
    say(f"{strategy}\n{test}\nrun it: hustings run {strategy}")


def _filled(template: str, **values: str) -> str:
    return (_TEMPLATES / template).read_text(encoding="utf-8").format(**values)
