"""hustings events: filters, counts, CSV, lint, labels, agreement, moves, import."""

import csv
import io
import json
from pathlib import Path

import pytest

from datasets.events import bundled_events, load_events

HEADER = "event_id,country,kind,title,timezone,voted_on,known_at,known_at_basis,pro_growth,surprise,program,label_basis,main_index,reported_move,move_note,sources,confidence\n"
ROWS = HEADER + (
    "JP-2024-10-27-GE,JP,general_election,Majority lost,Asia/Tokyo,2024-10-27,2024-10-27T11:00:00Z,exit_poll,no,upset,redistribution,pro_growth: background; surprise: background,TOPIX,1.5,,https://example.org/a,medium\n"
    "JP-2026-02-08-GE,JP,general_election,Landslide,Asia/Tokyo,2026-02-08,2026-02-08T11:00:00Z,exit_poll,yes,expected,tax_cut;pro_growth,pro_growth: background; surprise: background,TOPIX,2.3,,https://example.org/b,high\n"
    "JP-2028-02-06-GE,JP,general_election,Not yet,Asia/Tokyo,2028-02-06,,date only (ParlGov),,,,,,,,https://example.org/c,low\n"
)


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "events.csv"
    path.write_text(ROWS)
    return str(path)


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        (["--label", "pro_growth=yes"], ["JP-2026-02-08-GE"]),
        (["--label", "pro_growth=unknown"], ["JP-2028-02-06-GE"]),
        (["--label", "surprise=upset"], ["JP-2024-10-27-GE"]),
        (["--label", "program=tax_cut"], ["JP-2026-02-08-GE"]),
        (["--label", "program=unknown"], ["JP-2028-02-06-GE"]),
        (["--label", "pro_growth=yes", "--label", "surprise=upset"], []),
        (["--confidence", "medium"], ["JP-2024-10-27-GE"]),
        (["--year", "2026"], ["JP-2026-02-08-GE"]),
        (["--year", "2028"], ["JP-2028-02-06-GE"]),
        (["--country", "jp", "--kind", "general_election"], ["JP-2024-10-27-GE", "JP-2026-02-08-GE", "JP-2028-02-06-GE"]),
    ],
)  # fmt: skip
def test_filters_choose(cli, file: str, filters: list[str], ids: list[str]) -> None:
    assert [
        e["event_id"] for e in cli("events", "list", "--only-events", "--events", file, "--json", *filters).json
    ] == ids


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        (["--label", "pro_growth"], "--label 'pro_growth': write it as name=value"),
        (["--label", "pro_grow=yes"], "unknown label 'pro_grow' (did you mean 'pro_growth'?)"),
        (["--label", "pro_growth=yess"], "unknown value of pro_growth 'yess' (did you mean 'yes'?)"),
        (["--confidence", "hihg"], "unknown confidence 'hihg' (did you mean 'high'?)"),
        (["--csv", "--json"], "--csv goes with neither --json nor --count"),
    ],
)
def test_a_wrong_filter_is_one_line(cli, file: str, filters: list[str], said: str) -> None:
    answer = cli("events", "list", "--only-events", "--events", file, *filters)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith(f"hustings: {said}")
    assert answer.err.count("\n") == 1


def test_the_csv_is_read_back_equal(cli, tmp_path: Path) -> None:
    answer = cli("events", "list", "--csv", "--country", "US")
    (tmp_path / "us.csv").write_bytes(answer.out.encode())
    assert list(load_events(tmp_path / "us.csv")) == list(bundled_events().select(lambda e: e.country == "US"))


def test_counts_by_country_and_kind_are_those_of_the_files(cli) -> None:
    catalogue = Path(__file__).parents[2] / "datasets" / "events" / "catalogue"
    counted: dict[tuple[str, str], int] = {}
    for path in catalogue.glob("*.csv"):
        for row in csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))):
            counted[row["country"], row["kind"]] = counted.get((row["country"], row["kind"]), 0) + 1
    found = cli("events", "list", "--count", "--json").json
    assert {(r["country"], r["kind"]): r["events"] for r in found} == counted
    listed = cli("events", "list", "--json").json
    assert len(listed) == sum(counted.values())
    total = f"{len(listed)} events of {len({country for country, _ in counted})} countries\n"
    assert cli("events", "list", "--count").out.endswith(total)


def test_lint_passes_the_bundled_catalogue(cli) -> None:
    answer = cli("events", "lint")
    assert answer.code == 0
    assert answer.out == f"0 findings in {len(bundled_events())} rows\n"


def test_lint_tells_file_line_event_and_rule(cli, file: str) -> None:
    Path(file).write_text(ROWS.replace("2024-10-27,2024", "2024-10-26,2024").replace("https://example.org/b", ""))
    answer = cli("events", "lint", file)
    assert answer.code == 1
    assert answer.out.splitlines() == [
        "events.csv line 2 JP-2024-10-27-GE: voted_on 2024-10-26 is a Sat; JP votes on Sun (Sundays by custom) [weekday]",
        "events.csv line 3 JP-2026-02-08-GE: no source: give an address, or background-knowledge [sources]",
        "2 findings in 3 rows",
    ]
    found = cli("events", "lint", file, "--json")
    assert found.code == 1
    assert [(f["rule"], f["line"]) for f in found.json["findings"]] == [("weekday", 2), ("sources", 3)]


def test_reaction_says_where_no_index_has_bars(cli, file: str, tmp_path: Path) -> None:
    (tmp_path / "bars").mkdir()
    answer = cli("events", "lint", file, "--reaction", "--data", "bars")
    assert answer.out.splitlines()[-1] == (
        "0 events with bars of their main index: nothing to compare; --data names the bars"
    )


def test_an_unknown_coder_is_told_who_is_bundled(cli) -> None:
    answer = cli("events", "list", "--labels", "coder3")
    assert answer.code == 2
    assert "unknown coder 'coder3'" in answer.err
    assert "bundled: coder1, coder2; or name a CSV file" in answer.err


def test_an_event_to_come_is_told_from_a_wrong_id(cli) -> None:
    answer = cli("events", "show", "FR-2027-04-11-R1")
    assert answer.code == 2
    assert "FR-2027-04-11-R1 is still to come (2027-04-11 or 2027-04-18) and has no outcome" in answer.err
    assert "'hustings events list --scheduled --country FR' shows it" in answer.err


def test_lint_of_what_cannot_be_read_exits_with_2(cli) -> None:
    answer = cli("events", "lint", "nowhere")
    assert answer.code == 2
    assert answer.err == "hustings: no events at 'nowhere': name a CSV file or a directory of CSV files\n"


def test_a_second_coders_labels_change_the_list_and_not_the_file(cli, file: str, tmp_path: Path) -> None:
    (tmp_path / "anna.csv").write_text("event_id,pro_growth,coder\nJP-2024-10-27-GE,yes,Anna\n")
    labels = ("--labels", "anna.csv")
    chosen = cli(
        "events", "list", "--only-events", "--events", file, *labels, "--label", "pro_growth=yes", "--json"
    ).json
    assert [e["event_id"] for e in chosen] == ["JP-2024-10-27-GE", "JP-2026-02-08-GE"]
    shown = cli("events", "show", "JP-2024-10-27-GE", "--only-events", "--events", file, *labels, "--json").json
    assert shown["label_basis"] == "pro_growth: coder Anna; surprise: background"
    assert Path(file).read_text() == ROWS


def test_a_run_names_the_labels_and_is_another_run(cli, home: Path, tmp_path: Path) -> None:
    (tmp_path / "anna.csv").write_text("event_id,pro_growth\nJP-2024-10-27-GE,yes\n")
    arguments = ("run", "pro-growth-win", "-p", "hold=2", "--no-report", "--json")
    own, coded = cli(*arguments).json, cli(*arguments, "--labels", "anna.csv").json
    assert own["run_id"] != coded["run_id"]
    manifests = [json.loads(Path("runs", r["run_id"], "manifest.json").read_text()) for r in (own, coded)]
    assert manifests[0]["labels"] is None
    assert manifests[1]["labels"]["file"] == "anna.csv"
    assert len(manifests[1]["labels"]["sha256"]) == 64
    assert manifests[0]["sha256"]["events"] != manifests[1]["sha256"]["events"]
    assert "labels of anna.csv in place of the events' own" in cli(*arguments[:-1], "--labels", "anna.csv").out


def test_agreement_prints_counts_and_kappa(cli, file: str, tmp_path: Path) -> None:
    (tmp_path / "anna.csv").write_text("event_id,pro_growth\nJP-2024-10-27-GE,yes\nJP-2026-02-08-GE,yes\n")
    arguments = ("events", "agreement", "--only-events", "--events", file, "--labels", "anna.csv")
    growth = cli(*arguments, "--json").json[0]
    assert (growth["label"], growth["n"], growth["agree"], growth["kappa"]) == ("pro_growth", 2, 1, 0.0)
    assert growth["differ"] == ["JP-2024-10-27-GE"]
    assert "50.0%" in cli(*arguments).out
    (tmp_path / "anna.csv").write_text("event_id,pro_growth\nJP-2028-02-06-GE,yes\n")
    assert cli(*arguments).err.startswith("hustings: anna.csv codes no label that the events have too")


def test_moves_differ_without_a_note_exit_with_1(cli, file: str, tmp_path: Path) -> None:
    (tmp_path / "bars").mkdir()
    (tmp_path / "bars" / "TOPIX.csv").write_text(
        "date,open,high,low,close,volume\n2026-02-06,100,100,100,100,\n2026-02-09,101,103,101,102.27,\n"
    )
    arguments = ("events", "moves", "--only-events", "--events", file, "--data", "bars")
    answer = cli(*arguments, "--json")
    assert answer.code == 0
    assert [(m["event_id"], m["agrees"]) for m in answer.json] == [
        ("JP-2024-10-27-GE", None),
        ("JP-2026-02-08-GE", True),
    ]
    assert "1 agree within rounding, 0 differ, 1 without bars" in cli(*arguments).out
    Path(file).write_text(ROWS.replace(",2.3,", ",2.4,"))
    assert cli(*arguments).code == 1
    Path(file).write_text(ROWS.replace(",2.3,,", ",2.4,of the future,"))
    assert cli(*arguments).code == 0


def test_simulated_bars_are_held_against_nothing(cli) -> None:
    found = cli("events", "moves", "--json").json
    assert found
    assert all(m["agrees"] is None for m in found if m["index"] == "TOPIX")


def test_a_run_skips_an_event_without_an_instant_and_says_why(cli, file: str, home: Path) -> None:
    arguments = (
        "run",
        "buy-after-event",
        "-p",
        "kind=general_election",
        "-p",
        "hold=2",
        "--only-events",
        "--events",
        file,
    )
    skipped = {s["event_id"]: s["reason"] for s in cli(*arguments, "--no-report", "--json").json["skipped"]}
    assert skipped["JP-2028-02-06-GE"] == (
        "no instant of decision: known_at is blank (date only (ParlGov)); give it in the file of events"
    )


PARLGOV = Path(__file__).parents[1] / "datasets" / "parlgov" / "tables"


def test_imported_events_are_written_and_say_that_they_cannot_be_traded(cli, tmp_path: Path) -> None:
    arguments = ("events", "import", "--from", "parlgov", str(PARLGOV), "--country", "CA")
    printed = cli(*arguments)
    assert printed.code == 0
    assert printed.out.splitlines()[1].startswith("CA-2019-10-21-GE,CA,general_election,")
    assert (
        printed.err
        == "2 events of parlgov have no known_at: rules that act on the outcome skip them until you add it\n"
    )
    assert cli(*arguments, "--out", "ca.csv").out == "2 events written to ca.csv\n"
    assert [e.event_id for e in load_events(Path("ca.csv"))] == ["CA-2019-10-21-GE", "CA-2021-09-20-GE"]
    assert cli(*arguments, "--out", "ca.csv").err.startswith("hustings: 'ca.csv' is there already")
    assert [e["event_id"] for e in cli(*arguments, "--json").json] == ["CA-2019-10-21-GE", "CA-2021-09-20-GE"]


def test_a_run_over_imported_events_trades_none_and_says_why(cli, home: Path) -> None:
    cli("events", "import", "--from", "parlgov", str(PARLGOV), "--out", "events.csv")
    run = cli("run", "buy-after-event", "--only-events", "--events", "events.csv", "--no-report", "--json").json
    assert run["metrics"]["n_trades"] == 0
    assert len(run["skipped"]) == 7
    assert all("known_at is blank (date only (ParlGov)" in s["reason"] for s in run["skipped"])


@pytest.mark.usefixtures("home")
def test_a_newcomer_adds_an_election_and_a_tariff_and_runs_a_rule_on_both_with_the_catalogue(cli) -> None:
    added = cli("events", "add", "--country", "US", "--kind", "general_election", "--date", "2018-11-20",
                "--title", "A vote of my own", "--set", "tags=mine")  # fmt: skip
    assert added.out.startswith("US-2018-11-20-GE added to ")
    tariff = cli("events", "add", "--country", "US", "--kind", "tariff_announcement", "--date", "2018-09-24", "--time", "16:30",
                 "--title", "10 % on 200 bn", "--set", "tags=mine", "--set", "tariff_rate=10", "--json").json  # fmt: skip
    assert tariff["event"]["known_at"] == "2018-09-24T20:30:00Z"
    run = (
        "run",
        "buy-after-event",
        "-p",
        "instrument=SPX",
        "-p",
        "hold=2",
        "--data",
        "builtin",
        "--no-report",
        "--json",
    )
    both = cli(*run, "-p", "tag=mine").json
    assert [t["event_id"] for t in both["trades"]] == ["US-2018-09-24-TARIFF-ANNOUNCEMENT", "US-2018-11-20-GE"]
    assert len(cli(*run, "-p", "extra=tariff_rate>=10").json["trades"]) == 1
    beside = cli(*run, "-p", "country=US", "-p", "kind=tariff_announcement").json["trades"]
    assert {"US-2018-09-24-TARIFF-ANNOUNCEMENT", "US-2018-12-01-G20"} & {t["event_id"] for t in beside}
    assert len(beside) > 2
    said = cli(*run[:-1], "-p", "tag=mine").out
    assert "events of own.csv (2) are among those offered" in said
    edited = cli("events", "edit", "US-2018-09-24-TARIFF-ANNOUNCEMENT", "--set", "tariff_rate=5")
    assert edited.code == 0
    assert cli(*run, "-p", "extra=tariff_rate>=10").json["trades"] == []


def test_a_near_miss_of_a_kind_is_pointed_out_and_read(cli, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("date,country,kind,title\n2018-03-03,US,tarif_announcement,x\n")
    answer = cli("events", "list", "--events", str(path), "--only-events")
    assert "1 of 1 events" in answer.out
    assert "kind 'tarif_announcement' is one of your own (did you mean 'tariff_announcement'?)" in answer.err
    assert cli("events", "lint", "--quick", str(path)).code == 1


def test_only_events_needs_a_file(cli) -> None:
    answer = cli("run", "pro-growth-win", "--only-events")
    assert (answer.code, answer.err) == (
        2,
        "hustings: --only-events needs --events: name the file of events, or leave it out\n",
    )


def test_a_list_is_imported_and_needs_its_country_and_kind(cli, tmp_path: Path) -> None:
    path = tmp_path / "tariffs.txt"
    path.write_text("Date;Event\n24.09.2018;Steel\n")
    out = tmp_path / "tariffs.csv"
    refused = cli("events", "import", "--from", "dates", str(path), "--country", "US")
    assert (refused.code, "a list of dates needs --country and --kind" in refused.err) == (2, True)
    given = (
        "events",
        "import",
        "--from",
        "dates",
        str(path),
        "--country",
        "US",
        "--kind",
        "tariff_announcement",
        "--at",
        "16:30",
    )
    assert cli(*given, "--out", str(out)).out == f"1 events written to {out}\n"
    run = cli("run", "buy-after-event", "-p", "instrument=SPX", "-p", "kind=tariff_announcement", "--data", "builtin",
              "--events", str(out), "--only-events", "--no-report", "--json").json  # fmt: skip
    assert [t["event_id"] for t in run["trades"]] == ["US-2018-09-24-STEEL"]


def test_own_events_stay_readable(cli, tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    given = ("--country", "US", "--title", "x", "--file", str(own))
    near = cli("events", "add", *given, "--kind", "general_electon", "--date", "2018-11-21")
    assert near.err == "kind 'general_electon' is one of your own (did you mean 'general_election'?)\n"
    cli("events", "add", *given, "--kind", "party_split", "--date", "2018-12-05")
    before = own.read_bytes()
    for taken in ("US-2018-11-21-GENERAL-ELECTON", "US-2024-11-05-PE"):
        edit = ("events", "edit", "US-2018-12-05-PARTY-SPLIT", "--set", f"event_id={taken}", "--file", str(own))
        refused = cli(*edit)
        assert (refused.code, refused.out) == (2, "")
        assert refused.err == f"hustings: event_id '{taken}' is taken; give another\n"
    folder = cli("events", "add", *given[:-1], str(tmp_path), "--kind", "party_split", "--date", "2018-12-30")
    assert (folder.code, "is a directory: name a file of it with --file" in folder.err) == (2, True)
    assert own.read_bytes() == before


@pytest.mark.usefixtures("home")
def test_a_kind_of_ones_own_can_be_listed(cli) -> None:
    Path("own.csv").write_text("date,country,kind,title\n2026-01-13,JP,party_split,A party splits\n", encoding="utf-8")
    found = cli("events", "list", "--events", "own.csv", "--kind", "party_split", "--json").json
    assert [e["event_id"] for e in found] == ["JP-2026-01-13-PARTY-SPLIT"]
    assert "unknown kind 'party_split'" in cli("events", "list", "--kind", "party_split").err
