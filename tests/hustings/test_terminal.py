"""Tables on screens of any width: every word whole, and nothing cut off."""

import re
import sys

import pytest

from hustings.terminal import table

COLUMNS = ["symbol", "first", "last", "refusals", "source"]
ROWS = [["USDJPY_LONDON", "1992-05-29", "2026-11-22", "0", "store: file, retrieved 2026-11-22"]]
WORDS = ["USDJPY_LONDON", "1992-05-29", "2026-11-22", "refusals", "retrieved", "symbol"]


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    def at(width: int) -> str:
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
        table(COLUMNS, ROWS, right=["refusals"])
        return re.sub(r"\x1b\[\d*m", "", capsys.readouterr().out)

    return at


@pytest.mark.parametrize("width", [140, 100, 80, 70])
def test_words_and_dates_stay_whole_where_a_table_is_narrow(shown, width: int) -> None:
    text = shown(width)
    assert [w for w in WORDS if w not in text] == []
    assert max(map(len, text.splitlines())) <= width
    assert "\u2500\u2500\u2500" in text  # still a table


def test_only_the_widest_column_is_wrapped(shown) -> None:
    lines = [" ".join(line.split()) for line in shown(80).splitlines()]
    assert "symbol first last refusals source" in lines
    assert any(line.startswith("USDJPY_LONDON 1992-05-29 2026-11-22 0 store: file,") for line in lines)


def test_where_no_table_fits_each_row_is_a_paragraph(shown) -> None:
    assert shown(50).splitlines() == [
        "USDJPY_LONDON",
        "  first: 1992-05-29 | last: 2026-11-22 |",
        "  refusals: 0 | source: store: file, retrieved",
        "  2026-11-22",
    ]


def test_a_cell_without_a_value_is_left_out_of_a_paragraph(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "20")
    table(["run", "return", "win rate", "days"], [["one", "-", "50%", ""]])
    assert capsys.readouterr().out == "one\n  win rate: 50%\n"


def test_a_run_is_reported_in_a_curve_and_two_views(cli, home) -> None:
    shown = cli("run", "pro-growth-win", "--data", "builtin", "--no-report").out
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert "per trade portfolio" in lines
    assert any(re.fullmatch(r"Trades \d+ Total return -?[\d.]+ %", line) for line in lines)
    assert any(len(line) == 60 and set(line) <= set("▁▂▃▄▅▆▇█") for line in lines)
    assert any(line.startswith("n/a: Volatility, Sharpe ratio, Sortino ratio: ") for line in lines)


def test_a_stdout_without_blocks_gets_plain_signs(cli, home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hustings.run_summary._signs", lambda: "_.-=+*%#")
    assert not set("▁▂▃▄▅▆▇█") & set(cli("run", "pro-growth-win", "--no-report").out)
