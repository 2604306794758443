"""Comparing from the command line: files, tables, terminal, and fifty runs."""

import csv
import shutil
from pathlib import Path
from unittest.mock import Mock

import pytest
from msgspec.structs import replace

from engine.comparison import common_days, difference
from hustings.run_folder import read_run, write_run


@pytest.fixture
def two(cli, home) -> list[str]:
    return [
        cli("run", "pro-growth-win", "-p", f"hold={h}", "--no-report", "--json").json["run_id"]
        for h in (2, 20)
    ]  # fmt: skip


def rows(name: str) -> list[dict[str, str]]:
    with Path("tables", name).open(encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


def test_every_table_is_written_as_csv(cli, two) -> None:
    answer = cli("compare", *two, "--csv", "tables", "--json")
    assert answer.json["files"] == {"comparison": "comparison.html", "tables": "tables"}
    found = {path.name for path in Path("tables").iterdir()}
    assert found == {
        "runs.csv", "numbers.csv", "differences.csv", "common_events.csv", "trades.csv", "correlation.csv",
        "differing.csv", "curves.csv", "markets.csv",
    }  # fmt: skip
    assert [row["value"] for row in rows("differing.csv") if row["entry"] == "parameters.hold"] == ["2", "20"]
    assert [row["run_id"] for row in rows("runs.csv")] == two


def test_tables_and_json_tell_the_same(cli, two) -> None:
    data = cli("compare", *two, "--csv", "tables", "--json").json
    shown = data["differences"][0]["events"]["differences"][0]
    row = next(r for r in rows("differences.csv") if (r["on"], r["name"]) == ("common events", "mean_trade"))
    assert float(row["difference"]) == shown["difference"]
    assert (float(row["low"]), float(row["high"])) == (shown["low"], shown["high"])
    assert (row["second_better"], shown["second_better"]) == ("", None)
    last = rows("curves.csv")[-1]
    total = data["common"]["total_return"]["values"][1]
    assert float(last["equity"]) == pytest.approx(1 + total, rel=1e-12)


def test_the_terminal_says_whether_the_difference_is_real(cli, two) -> None:
    out = cli("compare", *two).out
    assert "these events do not show which is better." in out


def test_a_run_and_itself(cli, two) -> None:
    data = cli("compare", two[0], two[0], "--json").json
    pair = data["differences"][0]
    known = [d["difference"] for d in [*pair["events"]["differences"], *pair["days"]] if d["difference"] is not None]
    assert known
    assert set(known) == {0.0}


def test_the_same_runs_give_the_same_bytes(cli, two) -> None:
    for name in ("one.html", "two.html"):
        cli("compare", *two, "--out", name)
    assert Path("one.html").read_bytes() == Path("two.html").read_bytes()


def test_a_table_that_cannot_be_written_is_one_line(cli, two) -> None:
    Path("file").write_text("")
    answer = cli("compare", *two, "--csv", "file/tables")
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert "name another place with --csv" in answer.err


def test_fifty_runs_cost_fifty_resampled_series(cli, home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Real Nasdaq bars: each of the fifty is compared with the first, and none is resampled for each pair."""
    given = ["-p", "instrument=NASDAQ", "-p", "hold=5", "--benchmark", "NASDAQ", "--from", "2017-01-01"]
    cli("run", "buy-after-event", *given, "--no-report", "--out", "one")
    one = read_run(Path("one"))
    for n in range(50):
        parameters = {**one.manifest["parameters"], "hold": n}
        other = replace(
            one, run_id=f"{n:016x}", manifest={**one.manifest, "parameters": parameters}, returns=one.returns * (1 + n / 100)
        )  # fmt: skip
        write_run(other, Path(f"of-{n:02}"), None)
    resampled = Mock(wraps=difference.bootstrap_drawdowns)
    monkeypatch.setattr(common_days, "bootstrap_drawdowns", resampled)
    answer = cli("compare", *sorted(str(path) for path in Path().glob("of-*")))
    assert (answer.code, "50 runs side by side" in Path("comparison.html").read_text()) == (0, True)
    assert [len(call.args[0]) for call in resampled.call_args_list] == [50]


@pytest.mark.browser
@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium on the PATH")
def test_a_pdf_is_printed_next_to_the_page_and_is_the_same_again(cli, two) -> None:
    assert cli("compare", *two, "--pdf", "--json").json["files"]["pdf"] == "comparison.pdf"
    first = Path("comparison.pdf").read_bytes()
    assert first.startswith(b"%PDF")
    cli("compare", *two, "--pdf")
    assert Path("comparison.pdf").read_bytes() == first


@pytest.mark.browser
@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium on the PATH")
def test_a_tear_sheet_is_printed_next_to_itself_and_goes_with_its_run(cli, two) -> None:
    files = cli("report", two[0], "--pdf", "--json").json["files"]
    printed = Path(files["pdf"])
    assert printed == Path(files["tearsheet"]).with_suffix(".pdf")
    assert printed.read_bytes().startswith(b"%PDF")
    cli("runs", "remove", two[0])
    assert not printed.exists()


def test_without_a_browser_a_pdf_is_refused_and_the_page_is_there(cli, two, monkeypatch) -> None:
    monkeypatch.setenv("PATH", "")
    answer = cli("compare", *two, "--pdf")
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert "a PDF needs one of chromium, chromium-browser, google-chrome on the PATH" in answer.err
    assert Path("comparison.html").is_file()
