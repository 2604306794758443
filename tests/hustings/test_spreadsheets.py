"""Cells that a spreadsheet would calculate are text in what is exported, and read back as they were."""

import csv
from pathlib import Path

import pytest

from datasets.csv_rows import as_typed, formula_free

CELLS = [
    "=HYPERLINK(1)",
    "+1+1",
    "-1-1",
    "@SUM(A1)",
    "'=x",
    "''+x",
    "\tx",
    "plain",
    "-1.5",
    "-",
    "+2",
    "1e-5",
    "-1e-05",
    "",
]


@pytest.mark.parametrize("cell", CELLS)
def test_a_cell_reads_back_as_it_was(cell: str) -> None:
    assert as_typed(str(formula_free(cell))) == cell


def test_text_that_would_be_calculated_is_marked_and_numbers_are_not() -> None:
    marked = {c for c in CELLS if formula_free(c) != c}
    assert marked == {"=HYPERLINK(1)", "+1+1", "-1-1", "@SUM(A1)", "'=x", "''+x", "\tx"}


def test_titles_of_events_are_no_formulas_in_exports_and_runs(cli, home, tmp_path: Path) -> None:
    file = tmp_path / "US.csv"
    file.write_text(
        "event_id,country,kind,title,timezone,known_at,known_at_basis\n"
        "US-X-1,US,budget_or_policy,=cmd|' /C calc'!A0,America/New_York,2016-03-07T22:00:00Z,announcement\n"
    )
    only = ("--events", str(file), "--only-events")
    exported = cli("events", "list", *only, "--csv").out
    assert "'=cmd|' /C calc'!A0" in exported
    again = tmp_path / "again.csv"
    again.write_text(exported)
    assert cli("events", "list", "--events", str(again), "--only-events", "--csv").out == exported
    rule = ("run", "buy-after-event", "-p", "instrument=SPX", "-p", "country=US", *only, "--no-report")
    assert cli(*rule, "--out", str(tmp_path / "out")).code == 0
    with (tmp_path / "out" / "events.csv").open() as rows:
        assert [r["title"] for r in csv.DictReader(rows)] == ["'=cmd|' /C calc'!A0"]
    page = cli("report", str(tmp_path / "out"), "--out", str(tmp_path / "again.html"))
    assert page.code == 0, page.err
    text = (tmp_path / "again.html").read_text()
    assert "=cmd|" in text and "&#39;=cmd|" not in text


@pytest.mark.parametrize("symbol", [".", "..", "A\x1bB"])
def test_a_symbol_that_names_no_file_is_refused(cli, home, tmp_path: Path, symbol: str) -> None:
    (tmp_path / "instruments.csv").write_text(
        f"symbol,name,mic,currency,lot,commission_bps,slippage_bps\n{symbol},Test,XNYS,USD,,0,0\n"
    )
    answer = cli("data", "list", "--data", str(tmp_path))
    assert answer.code == 2
    assert "names no file; a symbol has letters or digits" in answer.err
