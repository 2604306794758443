"""The shape of the five packages: one class for a name, small modules and functions, rooms that open with a sentence."""

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("datasets", "engine", "strategies", "reports", "hustings")
MODULE_LINES = 450
FUNCTION_LINES = 45

MODULES = {file: file.read_text(encoding="utf-8") for package in PACKAGES for file in (ROOT / package).rglob("*.py")}


@cache
def trees() -> dict[Path, ast.Module]:
    return {file: ast.parse(text) for file, text in MODULES.items()}


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function's body without its docstring, including comments and blank lines between."""
    body = function.body if ast.get_docstring(function) is None else function.body[1:]
    return 0 if not body else (body[-1].end_lineno or 0) - body[0].lineno + 1


def test_no_public_class_name_is_defined_twice() -> None:
    files = defaultdict(list)
    for file, tree in trees().items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                files[node.name].append(name_of(file))
    assert {name: where for name, where in files.items() if len(where) > 1} == {}


def test_no_module_is_above_450_lines() -> None:
    assert {name_of(f): n for f, text in MODULES.items() if (n := text.count("\n")) > MODULE_LINES} == {}


def test_no_function_body_is_above_45_lines() -> None:
    functions = (
        (f, node)
        for f, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    assert {f"{name_of(f)}:{x.name}": n for f, x in functions if (n := body_lines(x)) > FUNCTION_LINES} == {}


def test_each_room_opens_with_one_sentence() -> None:
    docs = {name_of(f): (ast.get_docstring(tree) or "") for f, tree in trees().items() if f.name == "__init__.py"}
    first = {file: " ".join(doc.split("\n\n")[0].split()) for file, doc in docs.items()}
    assert {file: text for file, text in first.items() if not text.endswith(".") or ". " in text} == {}
