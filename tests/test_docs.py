"""The documents are true: their commands run, the tests and files they name exist, and no option is left out."""

import csv
import re
import runpy
import shlex
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, get_args, get_type_hints

import click
import pdoc.render
import pytest

import engine.strategy
import hustings as hs
from datasets.errors import UserError
from engine.metrics.performance import BENCHMARK_METRICS, MORE_TRADE_METRICS, PERFORMANCE_METRICS
from engine.metrics.table import METRICS, Unit
from engine.strategy.contract import LEVELS, Entry, Exit, Leg, Never, NextOpen
from engine.strategy.legs import checked_legs
from hustings.__main__ import main
from hustings.cli import cli
from hustings.inputs import instruments_of
from strategies.buy_after_event import BuyAfterEvent

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
DOCUMENTS = [ROOT / "README.md", ROOT / "CONVENTIONS.md", ROOT / "CONTRIBUTING.md", *PAGES]
SET_UP = ("make install", "source .venv/bin/activate")
"""Commands that only set up the environment in which the tests run."""
_BLOCK = re.compile(r"^```(.*)\n((?:.*\n)*?)```$", flags=re.MULTILINE)


def test_every_test_named_in_a_document_exists() -> None:
    named = [m for d in DOCUMENTS for m in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", d.read_text(encoding="utf-8"))]
    assert len(named) > 40
    missing = [f"{f}::{t}" for f, t in named if f"def {t}(" not in (ROOT / f).read_text(encoding="utf-8")]
    assert not missing


def test_every_link_to_a_file_leads_somewhere() -> None:
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (document.parent / target).exists(), (document.name, target)


def test_every_convention_names_a_test() -> None:
    rows = [r for r in (ROOT / "CONVENTIONS.md").read_text(encoding="utf-8").splitlines() if r.startswith("| ")]
    rows = [r for r in rows if not r.startswith(("| convention", "| ---"))]
    assert rows
    assert [r for r in rows if "`tests/" not in r] == []


def test_the_readme_has_at_most_900_words() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) <= 900


def test_every_file_named_in_a_document_exists() -> None:
    places = "datasets|engine|strategies|reports|hustings|tests|benchmarks|examples|docs"
    named = re.compile(rf"`((?:{places})/[\w/.-]+\.(?:py|csv|md|json|html|j2|js))[`:]")
    missing = [(d.name, f) for d in DOCUMENTS for f in named.findall(d.read_text("utf-8")) if not (ROOT / f).is_file()]
    assert missing == []


def test_every_name_of_the_code_in_a_how_to_exists() -> None:
    """Private functions and constants, such as `_trade_inputs` and `LEVELS`."""
    folders = ("datasets", "engine", "strategies", "reports", "hustings", "tests")
    code = [file.read_text(encoding="utf-8") for folder in folders for file in (ROOT / folder).rglob("*.py")]
    words = {word for text in code for word in re.findall(r"\w+", text)}
    pages = [*(ROOT / "docs" / "howto").glob("*.md"), ROOT / "CONTRIBUTING.md"]
    named = [
        (m, p.name) for p in pages for m in re.findall(r"`(_[a-z_]+|[A-Z]+_?[A-Z_]+)`", p.read_text(encoding="utf-8"))
    ]
    assert len(named) > 20
    assert [each for each in named if each[0] not in words] == []


def test_the_line_of_a_metric_in_the_how_to_is_one_of_the_table() -> None:
    [example] = re.findall(
        r"```python\n(.+)\n```", (ROOT / "docs" / "howto" / "add-a-metric.md").read_text(encoding="utf-8")
    )
    assert example in (ROOT / "engine" / "metrics" / "table.py").read_text(encoding="utf-8")


def test_the_instruments_of_the_how_to_are_read(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "howto" / "add-an-instrument.md").read_text(encoding="utf-8")
    tables = re.findall(r"```\n(symbol,name,.+?\n)```", page, re.DOTALL)
    assert len(tables) == 3
    for table in tables:
        (tmp_path / "instruments.csv").write_text(table, encoding="utf-8")
        for row in csv.DictReader(table.splitlines()):
            assert instruments_of(tmp_path).find(row["symbol"]).name == row["name"]


def test_every_metric_has_its_row_in_the_reference() -> None:
    text = (ROOT / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")
    all_metrics = (*METRICS, *MORE_TRADE_METRICS, *PERFORMANCE_METRICS, *BENCHMARK_METRICS)
    assert [m.name for m in all_metrics if f"| `{m.name}` | {m.label} |" not in text] == []
    in_words, directions = {Unit.PERCENT: "per cent"}, {1: "more", -1: "less", 0: ""}
    for m in METRICS:
        row = re.escape(f"| `{m.name}` | {m.label} | {in_words.get(m.unit, m.unit.value)} | {directions[m.better]}")
        assert re.search(rf"^{row} ?(\(|\|)", text, re.MULTILINE), (
            f"reference/metrics.md: unit and direction of {m.name}"
        )


def test_the_reference_of_the_api_has_every_function_and_no_broken_link(tmp_path: Path) -> None:
    pdoc.render.configure(search=False)
    pdoc.pdoc("hustings.api", "hustings.views", output_directory=tmp_path)
    pages = {page: page.read_text(encoding="utf-8") for page in tmp_path.rglob("*.html")}
    assert [name for name in hs.__all__[1:] if f'id="{name}"' not in pages[tmp_path / "hustings" / "api.html"]] == []
    links = [(page, target) for page, text in pages.items() for target in re.findall(r'href="([^"]*)"', text)]
    assert len(links) > 50
    assert [(page.name, t) for page, t in links if not leads_somewhere(page, t, pages)] == []


def leads_somewhere(page: Path, target: str, pages: dict[Path, str]) -> bool:
    """Return whether a link of a page leads to a page among them, and to a place on it."""
    file, _, place = target.partition("#")
    text = pages.get((page.parent / file).resolve() if file else page)
    return "://" in target or (text is not None and (not place or f'id="{place}"' in text))


# ---- commands ------------------------------------------------------------------------------------------------------------


def commands(document: Path) -> list[list[str]]:
    """Return the words of every ``hustings`` command in the blocks of a document, without comments."""
    text = re.sub(r" *\\\n *", " ", document.read_text(encoding="utf-8"))
    lines = [line.removeprefix("$ ") for _, body in _BLOCK.findall(text) for line in body.splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("hustings ")]


def resolved(words: list[str]) -> tuple[click.Command, list[str]]:
    """Return the command that some words name, and the words after it."""
    command: click.Command = cli
    context = click.Context(cli)
    while isinstance(command, click.Group) and words:
        found = command.get_command(context, words[0])
        if found is None:
            break
        command, words = found, words[1:]
    return command, words


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: d.stem)
def test_every_command_of_a_document_has_its_options(document: Path) -> None:
    for words in commands(document):
        command, rest = resolved(words)
        assert command is not cli or rest[:1] in (["--help"], ["--version"]), words
        known = {o for p in command.params for o in (*p.opts, *p.secondary_opts)} | {"--help"}
        assert [w for w in rest if w.startswith("-") and w not in known] == [], words


def all_commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Yield every command below a group with its name as it is typed."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from all_commands(command, (*path, name))
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield " ".join((*path, name)), command


def test_the_reference_has_every_command_and_every_option() -> None:
    text = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    for name, command in all_commands(cli):
        assert re.search(rf"(^## (.*, )?|`){name}\b", text, flags=re.MULTILINE), name
        options = (p for p in command.params if isinstance(p, click.Option))
        assert [o.opts for o in options if not any(f"`{word}" in text for word in o.opts)] == [], name


# ---- pages that are run --------------------------------------------------------------------------------------------------


def steps(page: Path) -> Iterator[tuple[str, str]]:
    """Yield the blocks of a page in order: a file's name and its text, or a blank and what is typed and shown."""
    for info, body in _BLOCK.findall(page.read_text(encoding="utf-8")):
        language, _, name = info.partition(" ")
        if language == "console" or name:
            yield name, body


def run(line: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Run one command in this process and return what it prints."""
    program, *words = shlex.split(line)
    if program == "pytest":
        tests = runpy.run_path(words[0])
        for test in (v for name, v in tests.items() if name.startswith("test_")):
            test()
    else:
        assert program == "hustings", line
        capsys.readouterr()
        assert main(words) == 0, line
    return capsys.readouterr().out


def plain(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.slow
@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("page", [ROOT / "docs" / "tutorial.md", ROOT / "README.md"], ids=lambda d: d.stem)
def test_every_command_of_the_page_runs_and_prints_what_it_shows(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    printed = ""
    for name, body in steps(page):
        if name:
            (tmp_path / name).write_text(body, encoding="utf-8")
            continue
        for line in body.splitlines():
            if line.startswith("$ "):
                command = line.removeprefix("$ ")
                printed = "" if command in SET_UP else plain(run(command, capsys))
            else:
                assert plain(line) in printed, line


@pytest.mark.parametrize("level", LEVELS)
def test_every_level_is_a_parameter_and_has_its_rows(level: str) -> None:
    """What a new exit must not forget (CONTRIBUTING.md)."""
    assert level in BuyAfterEvent.__dataclass_fields__, f"strategies/buy_after_event.py: a parameter {level}"
    for file, row in (
        ("CONVENTIONS.md", f"`{level}`"),
        ("docs/howto/add-a-strategy.md", f"| `{level}="),
        ("docs/howto/add-a-strategy.md", f", {level}=None"),
        ("docs/reference/run-files.md", f"`{level}`"),
    ):
        assert row in (ROOT / file).read_text(encoding="utf-8"), f"{file}: {row}"


@pytest.mark.parametrize("kind", [*get_args(Entry), *get_args(Exit)])
def test_every_entry_and_exit_is_exported_checked_and_has_its_rows(kind: type) -> None:
    """What a new planned exit must not forget (docs/howto/add-an-exit.md)."""
    assert getattr(engine.strategy, kind.__name__) is kind
    which = "entry" if kind in get_args(Entry) else "exit"
    wrong: dict[str, Any] = {"entry": NextOpen(), "exit": Never(), which: "soon"}
    with pytest.raises(UserError) as refused:
        checked_legs([Leg("TOPIX", 1.0, **wrong)], "rule")
    assert f"{kind.__name__}(" in str(refused.value), "engine/strategy/legs.py: the message of _checked"
    for name in (name for name, hint in get_type_hints(kind).items() if "datetime" in str(hint)):
        for instant in ("2026-02-09", datetime(2026, 2, 9)):
            wrong = {"entry": NextOpen(), "exit": Never(), which: kind(**{name: instant})}
            with pytest.raises(UserError):  # engine/strategy/legs.py: a check of it
                checked_legs([Leg("TOPIX", 1.0, **wrong)], "rule")
    how_to = (ROOT / "docs" / "howto" / "add-a-strategy.md").read_text(encoding="utf-8")
    assert f"| `{kind.__name__}(" in how_to, "docs/howto/add-a-strategy.md: a row"
    assert f"`{kind.__name__}`" in (ROOT / "CONVENTIONS.md").read_text(encoding="utf-8"), "CONVENTIONS.md: a row"
