"""The coding rules that are written down are those that are checked."""

import re
from pathlib import Path

from datasets.events.label_file import PROGRAM_TAGS
from datasets.events.lint import FILE_RULES, ROW_RULES

TEXT = (Path(__file__).parents[2] / "docs" / "reference" / "events.md").read_text(encoding="utf-8")


def table(heading: str) -> dict[str, str]:
    rows = TEXT.split(heading, 1)[1].split("\n\n", 1)[0].splitlines()
    found = (re.fullmatch(r"\| `(\w+)` \| (.+) \|", r) for r in rows)
    return {m[1]: m[2] for m in found if m is not None}


def test_the_documented_tags_are_the_allowed_ones() -> None:
    assert table("| tag | says |") == PROGRAM_TAGS
    assert len(PROGRAM_TAGS) == 12


def test_the_documented_rules_are_those_of_the_linter() -> None:
    assert set(table("| rule | holds that |")) == {"schema", *ROW_RULES, *FILE_RULES}
