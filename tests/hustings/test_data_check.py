"""hustings data check: exit codes, the rows said, JSON complete, what a name stands for."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from datasets.prices.store import Store
from tests.datasets.tables import DELIVERY, walk

SOUND = (
    "date,open,high,low,close\n2026-02-16,100,103,99,102\n2026-02-17,102,104,101,103.5\n2026-02-18,104,106,103,105\n"
)
BAD = SOUND.replace("2026-02-17,102,104,101,103.5", "2026-02-17,102,100,101,103.5")


def write(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def test_a_sound_file_exits_0(cli, home, tmp_path: Path) -> None:
    answer = cli("data", "check", write(tmp_path, "TOPIX.csv", SOUND))
    assert answer.code == 0
    assert "TOPIX.csv" in answer.out and "refusal" not in answer.out.replace("refusals", "")


def test_a_file_that_would_be_refused_exits_1_with_its_row(cli, home, tmp_path: Path) -> None:
    answer = cli("data", "check", write(tmp_path, "TOPIX.csv", BAD))
    assert answer.code == 1
    assert "TOPIX.csv line 3: 2026-02-17 high 100 < low 101 (refusal: high-below-low)" in answer.out
    assert "corrected if accepted: open, high and low of 1 row taken out (line 3)" in answer.out


def test_a_file_that_cannot_be_read_exits_2(cli, home, tmp_path: Path) -> None:
    answer = cli("data", "check", write(tmp_path, "TOPIX.csv", "<html>Too many requests</html>"))
    assert answer.code == 2
    assert "TOPIX.csv" in answer.out


def test_json_is_complete(cli, home, tmp_path: Path) -> None:
    answer = cli("data", "check", write(tmp_path, "TOPIX.csv", BAD), "--json")
    assert answer.code == 1
    assert answer.json == [
        {
            "name": "TOPIX.csv",
            "symbol": "TOPIX",
            "source": "file TOPIX.csv",
            "error": None,
            "rows": 3,
            "bars": None,
            "would_be_refused": True,
            "corrections": ["open, high and low of 1 row taken out (line 3)"],
            "findings": [
                {
                    "rule": "high-below-low",
                    "severity": "refusal",
                    "message": "2026-02-17 high 100 < low 101",
                    "line": 3,
                    "session": "2026-02-17",
                    "rows": 1,
                }
            ],
        }
    ]


def test_a_directory_is_checked_file_by_file(cli, home, tmp_path: Path) -> None:
    write(tmp_path, "TOPIX.csv", SOUND)
    write(tmp_path, "N225.csv", BAD)
    write(tmp_path, "KOSPI.csv", "nonsense")
    answer = cli("data", "check", str(tmp_path), "--json")
    assert answer.code == 2
    assert [(c["name"], c["would_be_refused"], c["error"] is None) for c in answer.json] == [
        ("KOSPI.csv", None, False),
        ("N225.csv", True, True),
        ("TOPIX.csv", False, True),
    ]


def test_a_file_of_which_no_row_is_left_stops_no_other(cli, home, tmp_path: Path) -> None:
    write(tmp_path, "KOSPI.csv", "date,open,high,low,close\n2026-02-16,,,,\n2026-02-17,,,,\n")
    write(tmp_path, "TOPIX.csv", SOUND)
    answer = cli("data", "check", str(tmp_path), "--json")
    assert answer.code == 2
    assert [(c["name"], c["error"], c["would_be_refused"]) for c in answer.json] == [
        ("KOSPI.csv", "KOSPI.csv: no row is left; a price file needs at least one bar", None),
        ("TOPIX.csv", None, False),
    ]


def test_five_rows_of_a_rule_are_shown_and_all_on_demand(cli, home, tmp_path: Path) -> None:
    days = [f"2026-02-{d:02d}" for d in (2, 3, 4, 5, 6, 9, 10)]
    file = write(
        tmp_path, "TOPIX.csv", "date,open,high,low,close\n" + "".join(f"{d},102,100,101,103.5\n" for d in days)
    )
    short, full = cli("data", "check", file), cli("data", "check", file, "--all")
    assert short.out.count("(refusal: high-below-low)") == 5
    assert "and 2 more of high-below-low" in short.out
    assert full.out.count("(refusal: high-below-low)") == 7


def test_the_instrument_of_a_file_is_typed_or_named(cli, home, tmp_path: Path) -> None:
    file = write(tmp_path, "prices.csv", SOUND)
    unknown = cli("data", "check", file)
    assert unknown.code == 2
    assert "name it with --symbol" in unknown.out
    assert cli("data", "check", file, "--symbol", "N225", "--json").json[0]["symbol"] == "N225"


def test_dates_and_stamps_that_are_not_plain_are_read_as_declared(cli, home, tmp_path: Path) -> None:
    dates = write(tmp_path, "TOPIX.csv", "date,close\n03/02/2026,100\n")
    stamps = write(tmp_path, "USDJPY.csv", "date,close\n2026-02-03 13:01:00,155.1\n2026-02-03 13:02:00,155.3\n")
    assert "say which with --date-format" in cli("data", "check", dates).out
    assert "--zone Europe/London" in cli("data", "check", stamps).out
    asked = ["--date-format", "DMY", "--zone", "Asia/Tokyo", "--json"]
    for said in (cli("data", "check", dates, *asked), cli("data", "check", "TOPIX", "--data", str(tmp_path), *asked)):
        assert (said.json[0]["bars"]["first_session"], said.json[0]["error"]) == ("2026-02-03", None)
    assert cli("data", "check", stamps, *asked).json[0]["bars"]["first_session"] == "2026-02-03"


@pytest.mark.parametrize("options", [["--symbol", "N225"], ["--zone", "UTC"], ["--date-format", "DMY"]])
@pytest.mark.parametrize("names", [["SPX"], []])
def test_what_is_declared_of_a_file_is_refused_where_there_is_none(cli, home, names, options) -> None:
    answer = cli("data", "check", *names, *options)
    assert answer.code == 2
    assert f"{options[0]} describes a FILE" in answer.err


def test_what_a_whole_directory_is_of_cannot_be_said(cli, home, tmp_path: Path) -> None:
    write(tmp_path, "TOPIX.csv", SOUND)
    for names in ([], ["TOPIX"]):
        answer = cli("data", "check", *names, "--data", str(tmp_path), "--symbol", "N225")
        assert answer.code == 2
        assert "--symbol describes a FILE" in answer.err


def test_a_symbol_is_looked_for_in_the_directory_named(cli, home, tmp_path: Path) -> None:
    write(tmp_path, "^N225.csv", SOUND)
    found = cli("data", "check", "NIKKEI", "--data", str(tmp_path), "--json").json
    assert [(c["name"], c["symbol"]) for c in found] == [("^N225.csv", "N225")]
    missing = cli("data", "check", "TOPIX", "--data", str(tmp_path))
    assert missing.code == 2
    assert "no file of TOPIX in --data" in missing.out


def test_built_in_bars_say_what_they_are(cli, home) -> None:
    answer = cli("data", "check", "SPX", "--json")
    assert answer.code == 0
    assert [f["rule"] for f in answer.json[0]["findings"] if f["rule"] == "stale-open"]
    assert answer.json[0]["source"].startswith("real bars shipped in the package arch")


def test_a_stored_series_is_checked_as_of_its_retrieval(cli, home, tmp_path: Path) -> None:
    days = [f"2026-01-{d:02d}" for d in (*range(5, 10), *range(13, 17), *range(19, 24), *range(26, 31))]
    days += [f"2026-02-{d:02d}" for d in (2, 3, 4)]
    rows = "".join(f"{d},,,,{100 + n % 3}.25,{1000 if n < 21 else 100}\n" for n, d in enumerate(days))
    file = write(tmp_path, "TOPIX.csv", "date,open,high,low,close,volume\n" + rows)
    assert cli("data", "import", file).code == 0
    checked = cli("data", "check", "TOPIX", "--json").json[0]
    assert checked["source"].startswith("store: file")
    assert checked["rows"] == 22
    assert "partial-day" not in [f["rule"] for f in checked["findings"]]  # its small last day was over when imported


def test_a_stored_series_whose_instrument_nobody_knows_stops_no_other(cli, home, tmp_path: Path) -> None:
    store = Store()
    for symbol in ("NOBODYS", "TOPIX"):
        store.put(symbol, walk(30), DELIVERY, adjustment="price", accept_changes=False)
    answer = cli("data", "check", "--data", "store", "--json")
    assert answer.code == 2
    assert [(c["name"], c["rows"]) for c in answer.json] == [("NOBODYS", None), ("TOPIX", 30)]
    assert answer.json[0]["error"].startswith("unknown instrument 'NOBODYS'")


@pytest.mark.parametrize("name", ["nowhere.csv", "nowhere.parquet"])
def test_a_file_that_is_not_there(cli, home, name: str) -> None:
    answer = cli("data", "check", name)
    assert answer.code == 2
    assert f"no file '{name}'" in answer.err


def test_a_rate_in_rupiah_may_be_quoted_in_fives(cli, home, tmp_path: Path) -> None:
    closes = [16320, 16345, 16310, 16335, 16355, 16340, 16365, 16350, 16380, 16390, 16375, 16395]
    days = (date(2026, 2, 2) + timedelta(days=n + n // 5 * 2) for n in range(len(closes)))
    rows = [f"{day},{close}" for day, close in zip(days, closes, strict=True)]
    (tmp_path / "USDIDR.csv").write_text("\n".join(["date,close", *rows, ""]))
    assert "round-prices" not in cli("data", "check", "USDIDR.csv").out
    assert "(refusal: round-prices)" in cli("data", "check", "USDIDR.csv", "--symbol", "JCI").out


def test_the_market_directory_passes_and_the_defects_do_not(cli, home, market_dir: Path, shared_dir: Path) -> None:
    passed = cli("data", "check", str(market_dir), "--json")
    assert passed.code == 0
    assert [c["would_be_refused"] for c in passed.json] == [False] * 27
    refused = cli("data", "check", str(shared_dir / "defects" / "omrao_NIFTY50_FAKE.csv"), "--symbol", "NIFTY50")
    assert refused.code == 1
    assert "(refusal: round-prices)" in refused.out
