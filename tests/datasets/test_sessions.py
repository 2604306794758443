"""Opening and closing instants, against exchange hours known from outside."""

import csv
import shutil
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest
from exchange_calendars import calendar_utils, exchange_calendar, get_calendar_names

from datasets.csv_rows import bundled_rows
from datasets.errors import UserError
from datasets.instants import iso_z, to_ns
from datasets.markets import exchange_tables, sessions
from datasets.markets.exchange_tables import TABLES, find_exchange
from datasets.markets.sessions import (
    FIRST_DATE,
    LAST_DATE,
    calendar_sessions,
    first_sessions_after,
    horizon_note,
    hours_table,
    session_of,
    stamp,
)


def hours(mic: str, session: str) -> tuple[str, str]:
    opens, closes = stamp(mic, np.array([session], dtype="datetime64[D]"))
    return iso_z(int(opens[0])), iso_z(int(closes[0]))


@pytest.mark.parametrize(
    ("mic", "session", "opens", "closes"),
    [
        # JPX: closing moved from 15:00 to 15:30 on 5 November 2024
        ("XTKS", "2024-11-01", "2024-11-01T00:00:00Z", "2024-11-01T06:00:00Z"),
        ("XTKS", "2024-11-05", "2024-11-05T00:00:00Z", "2024-11-05T06:30:00Z"),
        ("XTKS", "1955-03-01", "1955-03-01T00:00:00Z", "1955-03-01T06:00:00Z"),  # before the calendar begins
        ("XNYS", "2025-07-03", "2025-07-03T13:30:00Z", "2025-07-03T17:00:00Z"),  # half day before Independence Day
        ("XNYS", "2026-02-09", "2026-02-09T14:30:00Z", "2026-02-09T21:00:00Z"),
        ("XNYS", "2026-07-06", "2026-07-06T13:30:00Z", "2026-07-06T20:00:00Z"),  # daylight time
        # NYSE history: 10 to 3 until 1952, 10 to 3:30 until 1974, 10 to 4 until 1985
        ("XNYS", "1948-11-03", "1948-11-03T15:00:00Z", "1948-11-03T20:00:00Z"),
        (
            "XNYS",
            "1952-09-29",
            "1952-09-29T15:00:00Z",
            "1952-09-29T20:30:00Z",
        ),  # the first day to 3:30, the day after daylight time
        ("XNYS", "1974-10-01", "1974-10-01T14:00:00Z", "1974-10-01T20:00:00Z"),  # the first day to 4
        ("XNYS", "1960-11-09", "1960-11-09T15:00:00Z", "1960-11-09T20:30:00Z"),
        ("XNYS", "1980-11-05", "1980-11-05T15:00:00Z", "1980-11-05T21:00:00Z"),
        ("XNYS", "1985-09-27", "1985-09-27T14:00:00Z", "1985-09-27T20:00:00Z"),
        ("XNYS", "1985-09-30", "1985-09-30T13:30:00Z", "1985-09-30T20:00:00Z"),
        # Christmas Eve was a half day until two o'clock before 1993: the open follows hours.csv, the close the library
        ("XNYS", "1951-12-24", "1951-12-24T15:00:00Z", "1951-12-24T19:00:00Z"),
        ("XNYS", "1974-12-24", "1974-12-24T15:00:00Z", "1974-12-24T19:00:00Z"),
        ("XNYS", "1984-12-24", "1984-12-24T15:00:00Z", "1984-12-24T19:00:00Z"),
        ("XNYS", "1985-12-24", "1985-12-24T14:30:00Z", "1985-12-24T19:00:00Z"),
        ("XLON", "2016-06-24", "2016-06-24T07:00:00Z", "2016-06-24T15:30:00Z"),
        ("XKRX", "2016-07-29", "2016-07-29T00:00:00Z", "2016-07-29T06:00:00Z"),  # closing at 15:30 from August 2016
        ("XKRX", "2016-08-01", "2016-08-01T00:00:00Z", "2016-08-01T06:30:00Z"),
        ("XHKG", "2011-03-04", "2011-03-04T02:00:00Z", "2011-03-04T08:00:00Z"),  # opening at 9:30 from March 2011
        ("XHKG", "2011-03-07", "2011-03-07T01:30:00Z", "2011-03-07T08:00:00Z"),
        ("FX", "2026-02-09", "2026-02-08T22:00:00Z", "2026-02-09T22:00:00Z"),  # 17:00 to 17:00 New York, winter
        ("FX", "2026-07-06", "2026-07-05T21:00:00Z", "2026-07-06T21:00:00Z"),
        ("FX_LONDON", "2026-02-09", "2026-02-09T00:00:00Z", "2026-02-10T00:00:00Z"),  # two hours after New York's 17:00
        ("FX_LONDON", "2026-07-06", "2026-07-05T23:00:00Z", "2026-07-06T23:00:00Z"),
    ],
)
def test_hours_of_a_session(mic: str, session: str, opens: str, closes: str) -> None:
    assert hours(mic, session) == (opens, closes)


def test_new_york_and_london_overlap() -> None:
    assert hours("XNYS", "2026-02-09")[0] < hours("XLON", "2026-02-09")[1]


def test_sessions_leave_out_holidays_and_corrected_closures() -> None:
    tokyo = calendar_sessions("XTKS", date(2026, 2, 9), date(2026, 2, 12))
    assert [str(d) for d in tokyo] == ["2026-02-09", "2026-02-10", "2026-02-12"]
    assert not len(calendar_sessions("XNYS", date(1948, 11, 2), date(1948, 11, 2)))  # Election Day
    assert not len(calendar_sessions("XHKG", date(2023, 9, 1), date(2023, 9, 1)))  # typhoon Saola


def test_the_first_session_comes_strictly_after() -> None:
    at_the_open = datetime(2026, 2, 9, 0, 0, tzinfo=UTC)
    first = first_sessions_after("XTKS", at_the_open)
    assert first is not None
    assert (str(first.open_session), str(first.close_session)) == ("2026-02-10", "2026-02-09")


def test_a_session_that_closes_at_the_instant_is_over() -> None:
    first = first_sessions_after("XTKS", datetime(2026, 2, 9, 6, 30, tzinfo=UTC))
    assert first is not None
    assert (str(first.open_session), str(first.close_session)) == ("2026-02-10", "2026-02-10")


def test_beyond_the_calendar_every_weekday_is_a_session_of_regular_hours() -> None:
    for at, opens in (
        (datetime(1988, 2, 20, tzinfo=UTC), "1988-02-22T00:00:00Z"),  # a Saturday; Tokyo is known from 1990
        (datetime(2028, 12, 24, 6, tzinfo=UTC), "2028-12-25T00:00:00Z"),  # a Sunday, after what is known
    ):
        first = first_sessions_after("XTKS", at)
        assert first is not None
        assert iso_z(first.open_at) == opens


def test_the_horizon_is_said() -> None:
    """First and last certain dates are in ``exchanges.csv``, whatever the date on which one asks."""
    inside = date(2027, 12, 31)
    assert horizon_note("XNYS", date(1990, 1, 2), inside) is None
    after = horizon_note("XNYS", inside, date(2028, 1, 3))
    assert after == "hours of XNYS after 2027-12-31 are regular hours, special days unknown"
    before = horizon_note("XTKS", date(1989, 12, 29), inside)
    assert before == "hours of XTKS before 1990-01-01 are regular hours, special days unknown"
    assert horizon_note("XNYS", date(1948, 11, 3), inside) == "hours of XNYS before 1952-09-29 are not certain"
    assert horizon_note("FX", date(1920, 1, 1), date(2035, 12, 31)) is None


def test_every_exchange_of_the_library_has_a_horizon() -> None:
    assert {find_exchange(name).mic for name in get_calendar_names()} >= {"XNYS", "XTKS", "24/7"}


@pytest.fixture
def own_tables(monkeypatch, tmp_path):
    """A home of its own, and copies of the tables that a test may change."""
    for name in (*TABLES, *sessions._MADE_BY):
        shutil.copy(sessions._HERE / name, tmp_path)
    monkeypatch.setattr(sessions, "_HERE", tmp_path)
    monkeypatch.setattr(exchange_tables, "HERE", tmp_path)
    monkeypatch.setenv("HUSTINGS_HOME", str(tmp_path / "home"))
    forget()
    yield tmp_path
    monkeypatch.undo()
    forget()


def forget() -> None:
    """Do as a new process does."""
    for each in (hours_table, sessions._sources_hash, exchange_tables._exchanges, exchange_tables._facts, bundled_rows):
        each.cache_clear()


def test_a_changed_row_reaches_an_old_home(own_tables) -> None:
    assert hours("XSHG", "2016-01-07")[1] == "2016-01-07T01:59:00Z"
    path = own_tables / "special_sessions.csv"
    path.write_text(
        path.read_text(encoding="utf-8").replace(
            "2016-01-07,early_close,09:30,09:59", "2016-01-07,early_close,09:30,09:44"
        )
    )
    forget()
    assert hours("XSHG", "2016-01-07")[1] == "2016-01-07T01:44:00Z"


def test_a_flipped_bit_of_a_cached_table_is_noticed(own_tables) -> None:
    good = hours("XSHG", "2016-01-07")
    path = own_tables / "home" / "cache" / "hours-XSHG"
    content = bytearray(path.read_bytes())
    for place in (len(content) // 3, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        forget()
        assert hours("XSHG", "2016-01-07") == good
        assert path.read_bytes() == content


def test_a_table_does_not_depend_on_the_day_it_is_made(own_tables, monkeypatch) -> None:
    """exchange_calendars ends a calendar a year from today unless an end is given."""
    fresh = [hours_table(mic) for mic in ("XTKS", "XKRX")]
    monkeypatch.setattr(exchange_calendar, "GLOBAL_DEFAULT_START", pd.Timestamp("2004-01-15"))
    monkeypatch.setattr(exchange_calendar, "GLOBAL_DEFAULT_END", pd.Timestamp("2025-01-15"))
    monkeypatch.setattr(calendar_utils.global_calendar_dispatcher, "_factory_output_cache", {})
    shutil.rmtree(own_tables / "home")
    forget()
    for old, mic in zip(fresh, ("XTKS", "XKRX"), strict=True):
        assert (old.is_session == hours_table(mic).is_session).all()
        assert (old.open_at == hours_table(mic).open_at).all()


def test_no_answer_outside_the_tables() -> None:
    first, last = hours_table("FX").covers
    assert (first, last) == (date(1920, 1, 1), date(2035, 12, 31))
    assert first_sessions_after("FX", datetime(1920, 1, 1, tzinfo=UTC)) is not None
    assert first_sessions_after("FX", datetime(1919, 12, 31, tzinfo=UTC)) is None
    assert first_sessions_after("FX", datetime(2035, 12, 30, 21, 59, tzinfo=UTC)) is not None
    assert first_sessions_after("FX", datetime(2035, 12, 30, 22, 0, tzinfo=UTC)) is None  # the last session has opened
    assert first_sessions_after("FX", datetime(2035, 12, 31, tzinfo=UTC)) is None


def test_a_price_belongs_to_the_session_that_closes_at_its_instant_or_next() -> None:
    at_close = np.array([to_ns(datetime(2026, 2, 6, 21, 0, tzinfo=UTC))])
    assert session_of("XNYS", at_close).astype(str).tolist() == ["2026-02-06"]
    assert session_of("XNYS", at_close + 1).astype(str).tolist() == ["2026-02-09"]  # Monday


def test_the_first_and_the_last_date_of_the_tables_are_inside() -> None:
    table = hours_table("FX")
    opens, closes = stamp("FX", np.array([FIRST_DATE, LAST_DATE]))
    assert (opens[0], closes[1]) == (table.open_at[0], table.close_at[-1])
    assert session_of("FX", np.array([opens[0], closes[1]])).tolist() == [date(1920, 1, 1), date(2035, 12, 31)]
    for at in (opens[0] - 1, closes[1] + 1):
        with pytest.raises(UserError, match="prices of FX must have been made between 1920-01-01 and 2035-12-31"):
            session_of("FX", np.array([at]))
    for day in (FIRST_DATE - 1, LAST_DATE + 1):
        with pytest.raises(UserError, match="sessions must lie between 1920-01-01"):
            stamp("FX", np.array([day]))


def test_unknown_exchange_and_impossible_dates_are_refused() -> None:
    with pytest.raises(UserError, match="unknown exchange calendar 'XXXX'"):
        stamp("XXXX", np.array(["2020-01-01"], dtype="datetime64[D]"))
    with pytest.raises(UserError, match="1850-01-01 of XTKS: sessions must lie between 1920-01-01"):
        stamp("XTKS", np.array(["1850-01-01"], dtype="datetime64[D]"))


def test_alignment_cases(shared_dir) -> None:
    """Every worked case of the fact sheet; Athens was shut by decree in July 2015."""
    with (shared_dir / "events" / "alignment-cases.csv").open(encoding="utf-8") as f:
        cases = list(csv.DictReader(f))
    assert len(cases) == 27
    for case in cases:
        first = first_sessions_after(case["exchange_mic"], datetime.fromisoformat(case["known_at_utc"]))
        assert first is not None
        close_at = (
            first.official_close_at if case["exchange_mic"] == "ASEX" else first.close_at
        )  # as the sheet has them
        found = (str(first.open_session), iso_z(first.open_at), str(first.close_session), iso_z(close_at))
        names = ("first_open_session", "first_open_utc", "first_close_session", "first_close_utc")
        assert found == tuple(case[n] for n in names), case["event_id"]


def test_a_calendar_the_library_cannot_make_is_one_line() -> None:
    """Belgrade's holidays depend on Orthodox Easter, which exchange_calendars 4.13 cannot compute with pandas 3."""
    try:
        table = hours_table("XBEL")
    except UserError as e:
        assert "the calendar of XBEL cannot be made" in str(e)
    else:
        assert not table.is_session[(np.datetime64("2024-05-06") - FIRST_DATE).astype(int)]  # Easter Monday there
