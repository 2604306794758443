"""The documents tell the truth: every test they name exists, every file they link to is there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONVENTIONS.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]


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
