"""hustings new: writes a strategy file with its test, ready to edit."""

import keyword
import re
from pathlib import Path

from datasets.errors import UserError
from hustings.files import write_text
from hustings.terminal import say, say_json

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
