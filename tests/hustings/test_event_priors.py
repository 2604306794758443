"""hustings events priors, events import-odds, run --priors: as a user meets them."""

import hashlib
import json
from pathlib import Path

import pytest

HEADER = "event_id,observed_at,outcome,probability,source\n"
QUOTE = "US-2016-11-08-PE,2016-11-07T12:00:00Z,Republican,0.3,https://example.org\n"
LATE = "US-2016-11-08-PE,2016-11-09T08:00:00Z,Republican,0.99,https://example.org\n"
ODDS = (
    "date,market_id,symbol,contract,market,open,high,low,close,volume\n"
    "2016-11-07,9,SYM,Republican,Who?,0.2,0.3,0.2,0.25,5\n"
    "2016-11-07,9,SYM,Democratic,Who?,0.8,0.8,0.7,0.75,5\n"
    "2016-11-08,9,SYM,Republican,Who?,0.3,0.9,0.2,0.9,5\n"
)


def test_a_run_names_the_file_of_priors_and_its_hash(cli) -> None:
    Path("p.csv").write_text(HEADER + QUOTE)
    answer = cli("run", "surprise-win", "--priors", "p.csv", "--no-report", "--json", "--out", "out")
    assert [t["event_id"] for t in answer.json["trades"]] == ["US-2016-11-08-PE"]
    manifest = json.loads(Path("out/manifest.json").read_text())
    assert manifest["priors"] == {"file": "p.csv", "sha256": hashlib.sha256((HEADER + QUOTE).encode()).hexdigest()}


def test_the_same_priors_give_the_same_bytes_and_later_quotes_the_same_trades(cli) -> None:
    Path("p.csv").write_text(HEADER + QUOTE)
    for out in ("one", "two"):
        assert cli("run", "surprise-win", "--priors", "p.csv", "--no-report", "--out", out).code == 0
    Path("p.csv").write_text(HEADER + QUOTE + LATE)
    assert cli("run", "surprise-win", "--priors", "p.csv", "--no-report", "--out", "three").code == 0
    names = ("manifest.json", "trades.csv", "fills.csv", "events.csv", "equity.csv")
    assert all(Path("one", n).read_bytes() == Path("two", n).read_bytes() for n in names)
    assert all(Path("one", n).read_bytes() == Path("three", n).read_bytes() for n in names[1:])
    assert Path("one/manifest.json").read_bytes() != Path("three/manifest.json").read_bytes()


def test_priors_and_a_second_coder_s_labels_are_side_by_side(cli) -> None:
    Path("p.csv").write_text(HEADER + QUOTE)
    Path("l.csv").write_text("event_id,surprise\nUS-2016-11-08-PE,expected\n")
    cli("run", "surprise-win", "--priors", "p.csv", "--labels", "l.csv", "--no-report", "--out", "out")
    manifest = json.loads(Path("out/manifest.json").read_text())
    assert (manifest["priors"]["file"], manifest["labels"]["file"]) == ("p.csv", "l.csv")


def test_without_priors_the_manifest_says_none(cli) -> None:
    cli("run", "surprise-win", "--no-report", "--out", "out")
    assert json.loads(Path("out/manifest.json").read_text())["priors"] is None


def test_odds_are_imported_shown_and_added_to(cli) -> None:
    Path("odds.csv").write_text(ODDS)
    where = ("--event", "US-2016-11-08-PE", "--out", "p.csv")
    answer = cli("events", "import-odds", "--from", "predictit", "odds.csv", *where)
    assert (answer.code, answer.out, answer.err) == (0, "3 quotes of US-2016-11-08-PE written to p.csv\n", "")
    [shown] = cli("events", "priors", "--priors", "p.csv", "US-2016-11-08-PE", "--json").json
    assert [(o["outcome"], o["quoted"], o["observed_at"]) for o in shown["outcomes"]] == [
        ("Democratic", 0.75, "2016-11-08T04:59:59Z"),
        ("Republican", 0.25, "2016-11-08T04:59:59Z"),
    ]
    assert (shown["observations"], shown["observations_before"]) == (3, 2)
    assert (shown["happened"], shown["surprise"], shown["note"]) == ("Republican", 0.75, None)
    text = cli("events", "priors", "--priors", "p.csv").out
    assert "happened: Republican, surprise 0.750" in text
    assert "2 of 3 quotes come before it" in text


def test_without_out_the_priors_are_printed_as_they_would_be_written(cli) -> None:
    Path("odds.csv").write_text(ODDS)
    common = ("events", "import-odds", "--from", "predictit", "odds.csv", "--event", "US-2016-11-08-PE")
    renamed = ("--outcome", "Republican=Donald Trump")
    assert cli(*common, *renamed).out == (
        "event_id,observed_at,outcome,probability,source\n"
        "US-2016-11-08-PE,2016-11-08T04:59:59Z,Democratic,0.75,PredictIt market 9 SYM\n"
        "US-2016-11-08-PE,2016-11-08T04:59:59Z,Donald Trump,0.25,PredictIt market 9 SYM\n"
        "US-2016-11-08-PE,2016-11-09T04:59:59Z,Donald Trump,0.9,PredictIt market 9 SYM\n"
    )
    assert [q["outcome"] for q in cli(*common, *renamed, "--json").json][:2] == ["Democratic", "Donald Trump"]


def test_a_layout_is_recognised_and_named_with_the_margin_that_was_taken(cli) -> None:
    Path("odds.csv").write_text(ODDS.replace(",0.25,5", ",0.45,5"))
    common = ("events", "import-odds", "odds.csv", "--event", "US-2016-11-08-PE")
    assert cli(*common).err == (
        "hustings: odds.csv is read as predictit; margin: proportional, taken off when the file is read\n"
    )
    answer = cli(*common, "--margin", "shin")
    assert answer.err == "hustings: odds.csv is read as predictit; margin: shin, taken off\n"
    assert "T04:59:59Z,Republican,0.3" in answer.out  # of 0.45 and 0.75 each lose 0.1, but for rounding
    assert answer.out.count("PredictIt market 9 SYM, margin: shin") == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "surprise-win", "--priors", "none.csv"], "'none.csv' cannot be read"),
        (["run", "surprise-win", "--priors", "odds.csv"], "unknown column in odds.csv line 1: 'date'"),
        (["run", "surprise-win", "-p", "prior_below=0"], "prior_below"),
        (["events", "priors", "--priors", "p.csv", "US-2016-11-08-PR"], "did you mean 'US-2016-11-08-PE'"),
        (["events", "priors"], "Missing option '--priors'"),
        (["events", "import-odds", "--from", "betfair", "odds.csv", "--event", "US-2016-11-08-PE"], "betfair"),
        (["events", "import-odds", "--from", "predictit", "odds.csv", "--event", "US-2016"], "unknown event 'US-2016'"),
        (
            ["events", "import-odds", "--from", "predictit", "odds.csv", "--event", "US-2016-11-08-PE", "--outcome", "GOP=X"],
            "unknown outcome of odds.csv 'GOP'",
        ),
        (
            ["events", "import-odds", "--from", "predictit", "odds.csv", "--event", "US-2016-11-08-PE",
             "--outcome", "Republican=Democrats"],
            "--outcome gives two outcomes of odds.csv one label",
        ),
        (
            ["events", "import-odds", "--from", "predictit", "odds.csv", "--event", "US-2016-11-08-PE",
             "--out", "no/such/p.csv"],
            "'no/such/p.csv' cannot be written",
        ),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_line(cli, arguments: list[str], said: str) -> None:
    Path("odds.csv").write_text(ODDS)
    Path("p.csv").write_text(HEADER + QUOTE)
    answer = cli(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.count("\n") == 1, answer.err
    assert said in answer.err
