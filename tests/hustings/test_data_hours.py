"""hustings data hours: what is printed, and what is refused."""

import pytest


def test_a_date_has_local_and_utc_hours_source_and_certainty(cli) -> None:
    answer = cli("data", "hours", "XBOM", "--date", "2024-11-01", "--json").json
    assert (answer["exchange"], answer["zone"], answer["note"]) == ("XBOM", "Asia/Kolkata", None)
    (row,) = answer["sessions"]
    assert row.pop("source").startswith("https://www.ndtvprofit.com/")
    assert row == {
        "date": "2024-11-01",
        "kind": "evening_session",
        "is_session": True,
        "open": "18:00",
        "close": "19:00",
        "official_close": "19:00",
        "open_at": "2024-11-01T12:30:00Z",
        "close_at": "2024-11-01T13:30:00Z",
        "official_close_at": "2024-11-01T13:30:00Z",
        "confidence": "high",
        "is_certain": True,
        "note": "Muhurat trading (Diwali)",
    }


def test_a_closed_date_has_no_hours(cli) -> None:
    (row,) = cli("data", "hours", "XTKS", "--date", "2026-02-11", "--json").json["sessions"]
    assert (row["kind"], row["is_session"], row["open"], row["close_at"]) == ("closed", False, None, None)


def test_a_year_has_its_weekdays_and_its_weekend_sessions(cli) -> None:
    rows = cli("data", "hours", "XBOM", "--year", "2024", "--json").json["sessions"]
    assert len([r for r in rows if r["is_session"]]) == 249  # NSE: 246 ordinary sessions and three Saturdays
    assert {"2024-01-20", "2024-03-02", "2024-05-18"} <= {r["date"] for r in rows}
    assert "2024-01-21" not in {r["date"] for r in rows}


def test_regular_hours_by_period_keep_their_doubts(cli) -> None:
    rows = cli("data", "hours", "XHKG", "--json").json["regular"]
    assert (rows[0]["from"], rows[0]["close"], rows[0]["confidence"]) == ("1990-01-02", "15:55", "low")
    assert (rows[-1]["from"], rows[-1]["close"], rows[-1]["official_close"]) == ("2016-07-25", "16:00", "16:10")
    assert "2016-07-25" in cli("data", "hours", "XHKG").out


def test_a_futures_session_opens_on_the_day_before(cli) -> None:
    (row,) = cli("data", "hours", "CMES", "--date", "2024-01-03", "--json").json["sessions"]
    assert (row["open"], row["open_at"], row["close"]) == ("17:00-1", "2024-01-02T23:00:00Z", "16:00")


def test_beyond_the_horizon_it_says_so(cli) -> None:
    out = cli("data", "hours", "XNYS", "--date", "2028-01-03").out
    assert "hours of XNYS after 2027-12-31 are regular hours, special days unknown" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["XTKX"], "unknown exchange calendar 'XTKX' (did you mean 'XTKS'?)"),
        (["XTKS", "--date", "2024-02-31"], "--date is '2024-02-31'; write a date like 2026-02-09"),
        (["XTKS", "--date", "1919-12-31"], "1919-12-31: hours are known from 1920-01-01 to 2035-12-31"),
        (["XTKS", "--date", "2024-01-04", "--year", "2024"], "--date and --year exclude each other"),
    ],
)
def test_what_is_refused(cli, arguments: list[str], said: str) -> None:
    answer = cli("data", "hours", *arguments)
    assert answer.code == 2
    assert said in answer.err
