"""A run's id follows from its inputs: docstrings, comments and aliases leave it, everything that acts changes it."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from datasets.events import bundled_events
from datasets.markets.instruments import bundled_instruments
from datasets.prices.sources.builtin import BuiltinSource
from engine.plan.costs import Terms
from engine.run import identity
from engine.run.backtest import backtest
from engine.strategy import Strategy, build
from engine.strategy.market import Market
from strategies.loading import find_strategy

ROOT = Path(__file__).parents[2]
RULE = '''"""A module."""

from base import LIMIT
from engine.strategy import Strategy


class Mine(Strategy):
    """Buy."""

    def wants(self, event):
        """Return whether it is wanted."""
        return len(event.title) > LIMIT  # any title
'''
BASE = '"""Beside the rule."""\n\nLIMIT = 3\n'


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Write a rule and the module it imports, and return the hash of its code."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def _hash(rule: str = RULE, base: str = BASE) -> str:
        for name, text in (("base", base), ("mine", rule)):
            path = tmp_path / f"{name}.py"
            path.write_text(text, encoding="utf-8")
            spec = importlib.util.spec_from_file_location(name, path)
            assert spec is not None and spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            monkeypatch.setitem(sys.modules, name, module)
            spec.loader.exec_module(module)
        return identity.code_hash(module.Mine)

    return _hash


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Buy.", "Buy the index."),
        ('    """Buy."""\n\n', ""),
        ('        """Return whether it is wanted."""\n', ""),
        ('"""A module."""', '"""Another sentence."""'),
        ("  # any title", "  # a title\n        # that is long"),
        ("len(event.title) > LIMIT", "(len( event.title )\n            > LIMIT)"),
    ],
)
def test_docstrings_comments_and_formatting_of_a_rule_leave_its_hash(loaded, old: str, new: str) -> None:
    assert old in RULE
    assert loaded(RULE.replace(old, new)) == loaded()


def test_a_docstring_of_the_module_beside_it_leaves_its_hash(loaded) -> None:
    assert loaded(base=BASE.replace("Beside", "Next to")) == loaded()


@pytest.mark.parametrize(
    ("old", "new"), [("> LIMIT", ">= LIMIT"), ("event.title", "event.event_id"), ("def wants", "def asks")]
)
def test_what_acts_in_a_rule_changes_its_hash(loaded, old: str, new: str) -> None:
    assert loaded(RULE.replace(old, new)) != loaded()


def test_a_value_in_the_module_beside_it_changes_its_hash(loaded) -> None:
    assert loaded(base=BASE.replace("3", "4")) != loaded()


def test_a_text_that_is_no_docstring_counts(loaded) -> None:
    named = RULE.replace("return len", 'return event.title == "TEXT" or len')
    assert loaded(named) != loaded(named.replace("TEXT", "OTHER"))


def test_the_version_of_the_results_is_part_of_the_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    before = identity.code_hash(find_strategy("pro-growth-win"))
    monkeypatch.setattr(identity, "RESULTS_VERSION", identity.RESULTS_VERSION + 1)
    assert identity.code_hash(find_strategy("pro-growth-win")) != before


def run_id(kind: type[Strategy], given: dict[str, str], terms: Terms | None = None) -> str:
    market = Market(BuiltinSource(), bundled_instruments())
    return backtest(build(kind, given), bundled_events(), market, terms=terms).run_id


def test_an_instrument_under_another_name_gives_the_same_id() -> None:
    ids = {n: run_id(find_strategy("pro-growth-win"), {"instrument": n}) for n in ("N225", "nikkei", "^N225", "TOPIX")}
    assert ids["nikkei"] == ids["^N225"] == ids["N225"] != ids["TOPIX"]


def test_parameters_and_terms_change_the_id() -> None:
    rule = find_strategy("pro-growth-win")
    ids = [run_id(rule, {}), run_id(rule, {"hold": "7"}), run_id(rule, {}, Terms(cash=2e6))]
    assert len(set(ids)) == 3


PRINTS = """
from tests.engine.test_identity import *
print(json.dumps([run_id(find_strategy("pro-growth-win"), {}), backtest.__doc__]))
"""


def test_a_docstring_of_the_engine_and_of_a_bundled_rule_leaves_the_id(tmp_path: Path) -> None:
    for floor in ("datasets", "engine", "strategies"):
        shutil.copytree(ROOT / floor, tmp_path / floor, ignore=shutil.ignore_patterns("__pycache__"))
    for file, old in (
        ("engine/run/backtest.py", '"""Return the run of a strategy'),
        ("strategies/pro_growth_win.py", '"""Buy'),
    ):
        text = (tmp_path / file).read_text(encoding="utf-8")
        assert old in text
        (tmp_path / file).write_text(text.replace(old, f'"""CHANGED {old[3:]}', 1), encoding="utf-8")
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    done = subprocess.run([sys.executable, "-c", PRINTS], cwd=tmp_path, capture_output=True, text=True, check=True)
    found, doc = json.loads(done.stdout)
    assert doc.startswith("CHANGED")
    assert found == run_id(find_strategy("pro-growth-win"), {})
