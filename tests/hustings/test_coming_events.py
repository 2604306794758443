"""hustings events next, and events explain of an event to come: dates, closes of polls, first prices after them."""

import pytest

from tests.datasets.test_instruments import WITHOUT_MARKET

NEXT = ("events", "next", "--as-of", "2026-12-01")


def test_the_coming_year_has_its_votes(cli) -> None:
    answer = cli(*NEXT, "--within", "400d", "--json").json
    assert (answer["as_of"], answer["within_days"]) == ("2026-12-01T00:00:00Z", 400)
    votes = [e for e in answer["events"] if "election" in e["kind"] and e["kind"] != "leadership_election"]
    exact = [e for e in votes if not e["is_latest"] and not e["other_dates"]]
    assert len(votes) >= 25
    assert len(exact) >= 16
    assert all("2026-12-01" <= e["date"] <= "2028-01-05" for e in answer["events"])
    assert [e["date"] for e in answer["events"]] == sorted(e["date"] for e in answer["events"])


def test_the_first_prices_are_those_of_the_home_market(cli) -> None:
    events = {e["event_id"]: e for e in cli(*NEXT, "--within", "400d", "--json").json["events"]}
    tokyo = events["JP-2027-04-11-LOCAL"]  # 20:00 in Tokyo; the exchange trades from 9:00 to 15:30
    assert (tokyo["polls_close_local"], tokyo["polls_close_at"]) == ("20:00", "2027-04-11T11:00:00Z")
    assert tokyo["instruments"]["TOPIX"]["first_open_at"] == "2027-04-12T00:00:00Z"
    assert tokyo["instruments"]["TOPIX"]["first_close_at"] == "2027-04-12T06:30:00Z"
    sydney = events["AU-2027-03-27-NSW"]["instruments"]["ASX200"]  # 29 March 2027 is Easter Monday
    assert (sydney["first_open_session"], sydney["first_open_at"]) == ("2027-03-30", "2027-03-29T23:00:00Z")
    tallinn = events["EE-2027-03-07-GE"]["instruments"]["OMXT"]  # its hours are known to the end of 2026
    assert tallinn["note"] == "hours of XTAL after 2026-12-31 are regular hours, special days unknown"


def test_every_event_of_the_file_has_a_home_market_but_of_countries_without_any(cli) -> None:
    events = cli("events", "next", "--as-of", "2026-12-01", "--within", "9999", "--json").json["events"]
    assert len(events) >= 90
    without = [e["event_id"] for e in events if not e["instruments"]]
    assert without == [e["event_id"] for e in events if e["country"] in WITHOUT_MARKET]


def test_a_date_that_is_not_certain_is_marked(cli) -> None:
    shown = cli(*NEXT, "--within", "400d", "--country", "fr", "--instrument", "CAC40", "--instrument", "EURUSD").out
    assert "2027-04-11 or" in shown
    assert "by 2027-10-05" in shown
    assert "by: the latest possible date" in shown
    assert "EURUSD   04-11 21:00" in shown  # the currencies' week begins on Sunday at 17:00 in New York
    events = cli(*NEXT, "--within", "400d", "--country", "FR", "--json").json["events"]
    runoff, budget = events[1:3]
    assert (runoff["date"], runoff["other_dates"], runoff["is_latest"]) == ("2027-04-25", ["2027-05-02"], False)
    assert (budget["date"], budget["is_latest"], budget["polls_close_known"]) == ("2027-10-05", True, False)
    assert budget["polls_close_at"] == "2027-10-05T22:00:00Z"  # the end of the day in Paris


def test_an_event_is_to_come_until_its_polls_close(cli) -> None:
    day = cli("events", "next", "--as-of", "2027-03-07", "--within", "0d", "--json").json["events"]
    after = cli("events", "next", "--as-of", "2027-03-08", "--within", "0d", "--json").json["events"]
    assert ([e["event_id"] for e in day], after) == (["EE-2027-03-07-GE"], [])


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["--within", "3 months"], "--within is '3 months'; write a number of days like 90d"),
        (["--within", "99999999"], "--within is '99999999'; write a number of days like 90d"),
        (["--as-of", "tomorrow"], "--as-of is 'tomorrow'; write a date like 2026-02-09"),
        (["--as-of", "9999-12-31"], "--as-of is 9999-12-31; it must lie between 1920-01-01 and 2035-12-31"),
        (["--country", "XX"], "unknown country 'XX'"),
        (["--instrument", "CAC4O"], "unknown instrument 'CAC4O'"),
    ],
)
def test_bad_input_is_one_line(cli, typed: list[str], said: str) -> None:
    answer = cli("events", "next", "--as-of", "2026-12-01", *typed)
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert answer.err.startswith(f"hustings: {said}")


def test_an_event_to_come_is_explained_from_its_close_of_polls(cli) -> None:
    answer = cli("events", "explain", "US-2028-11-07-PE", "--instrument", "SPX", "--json").json
    assert answer["polls_close_at"] == "2028-11-08T05:00:00Z"  # the hour is not in the file: midnight in New York
    assert answer["instruments"]["SPX"]["first_open_at"] == "2028-11-08T14:30:00Z"
    said = cli("events", "explain", "FR-2027-04-11-R1", "--instrument", "CAC40").out
    assert "polls close at 2027-04-11T18:00:00Z (fixed by law: 2027-04-11 or 2027-04-18)" in said


def test_an_own_event_without_outcome_is_explained_from_its_close_of_polls(cli, tmp_path) -> None:
    file = tmp_path / "own.csv"
    file.write_text(
        "event_id,country,kind,title,polls_close_at,known_at\n"
        "DE-2029-02-25-GE,DE,general_election,Bundestag,2029-02-25T17:00:00Z,\n"
        "DE-2029-03-25-X,DE,general_election,Nothing known,,\n"
    )
    command = ("events", "explain", "--events", str(file), "--instrument", "DAX")
    answer = cli(*command, "DE-2029-02-25-GE", "--json").json
    assert answer["instruments"]["DAX"]["first_open_at"] == "2029-02-26T08:00:00Z"
    refused = cli(*command, "DE-2029-03-25-X")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "has neither known_at nor polls_close_at" in refused.err
