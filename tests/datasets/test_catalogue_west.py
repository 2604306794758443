"""The catalogue of America and Europe: what it holds, that it is sane, and facts from the pages it names."""

import csv
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from datasets.events import CATALOGUE, Confidence, PoliticalEvent, bundled_events, load_events
from datasets.instants import to_ns
from datasets.markets.instruments import bundled_instruments
from datasets.markets.sessions import stamp

ZONES = {
    "AR": "America/Argentina/Buenos_Aires",
    "BR": "America/Sao_Paulo",
    "CA": "America/Toronto",
    "CL": "America/Santiago",
    "DE": "Europe/Berlin",
    "ES": "Europe/Madrid",
    "FR": "Europe/Paris",
    "GB": "Europe/London",
    "GR": "Europe/Athens",
    "IT": "Europe/Rome",
    "MX": "America/Mexico_City",
    "TR": "Europe/Istanbul",
    "US": "America/New_York",
}
INAUGURATIONS = {
    # 4 March until the 20th amendment, 20 January since; noon in Washington, which is 17:00 UTC in winter
    **{year: f"{year}-03-04T17:00:00+00:00" for year in (1929, 1933)},
    **{year: f"{year}-01-20T17:00:00+00:00" for year in range(1937, 2026, 4)},
    1945: "1945-01-20T16:00:00+00:00",  # war time: one hour ahead all year
}
ADDED = {
    *(f"US-{at[:10]}-INAUG" for at in INAUGURATIONS.values()),
    "US-1945-04-12-SUCC",
    "US-1963-11-22-SUCC",
    "US-1974-08-09-SUCC",
    "US-2026-02-11-JOBS",
    "US-2026-02-13-CPI",
    "FR-2025-09-12-FITCH",
    "MX-2019-05-30-TARIFF",
    "MX-2019-06-07-TARIFFEND",
    "US-2018-09-30-USMCA",
    "US-2023-08-01-FITCH",
    "US-2025-05-16-MOODYS",
}
REFILED = {
    "TR-2021-03-20-AGBAL": "central_bank_appointment",
    "US-2025-04-02-TARIFF": "tariff_announcement",
    "US-2025-04-09-PAUSE": "tariff_announcement",
    "AR-2025-09-07-PBA": "state_election",
}
"""Rows of the fact sheet under a kind that was not there then."""
OTHER_SESSION_OR_CLOSE = {"US-2000-11-07-PE", "US-2008-09-29-TARP", "US-2020-11-03-PE"}


def western() -> list[PoliticalEvent]:
    return [e for e in bundled_events() if e.country in ZONES]


def test_every_event_of_the_fact_sheet_is_there_and_the_additions_are_those_named(shared_dir: Path) -> None:
    with (shared_dir / "events" / "events.csv").open(encoding="utf-8") as f:
        sheet = [r for r in csv.DictReader(f) if r["country"] in ZONES]
    assert len(sheet) == 205
    with (shared_dir / "catalogue" / "new_events.csv").open(encoding="utf-8") as f:
        later = {r["event_id"] for r in csv.DictReader(f)}
    kept = [e for e in western() if e.event_id not in ADDED | later]
    kinds = Counter((r["country"], REFILED.get(r["event_id"], r["kind"])) for r in sheet)
    assert Counter((e.country, e.kind.value) for e in kept) == kinds
    renamed = {"GR-2015-07-05-OXI": "GR-2015-07-05-REF"}  # an id that tells the result tells it before the vote
    assert {e.event_id for e in kept} == {renamed.get(r["event_id"], r["event_id"]) for r in sheet}


@pytest.mark.parametrize("country", sorted(ZONES))
def test_a_file_holds_one_country_in_one_zone_in_order(country: str) -> None:
    with (CATALOGUE / f"{country}.csv").open(encoding="utf-8", newline="") as f:
        rows = list(csv.DictReader(f))
    assert {(r["country"], r["timezone"]) for r in rows} == {(country, ZONES[country])}
    keys = [(r["known_at"] or "9", r["event_id"]) for r in rows]  # undated ones come last
    assert keys == sorted(keys)
    assert len(load_events(CATALOGUE / f"{country}.csv")) == len(rows)


def test_the_date_in_an_id_is_that_of_the_vote_or_of_the_day_it_became_known() -> None:
    for event in western():
        named = date.fromisoformat(event.event_id[3:13])
        if event.known_at is None:
            continue
        known_on = event.known_at.astimezone(ZoneInfo(event.timezone)).date()
        days = {event.voted_on} if event.voted_on else {known_on - timedelta(days=n) for n in (0, 1)}
        if event.polls_close_at is not None:  # a vote of two days is named by either
            days.add(event.polls_close_at.astimezone(ZoneInfo(event.timezone)).date())
        assert named in days, event.event_id


def test_a_signal_precedes_what_is_known_and_a_reason_is_next_to_every_announcement() -> None:
    assert {e.event_id for e in western() if e.known_at is None} == {"US-2026-02-21-S122B", "US-2026-04-17-HORMUZ"}
    for event in western():
        if event.signal_from is not None:
            assert event.known_at is not None
            assert event.signal_from < event.known_at, event.event_id
        assert (event.announced_at is None) == (event.announced_at_basis is None), event.event_id


def test_what_no_page_supports_is_never_of_high_confidence() -> None:
    unread = [e for e in western() if "background-knowledge" in e.sources]
    assert all(e.confidence != Confidence.HIGH for e in unread)
    assert len(unread) <= 51
    assert all(s.startswith("http") for e in western() if e not in unread for s in e.sources)


@pytest.mark.parametrize("year", sorted(INAUGURATIONS))
def test_a_term_begins_at_noon_in_washington(year: int) -> None:
    at = datetime.fromisoformat(INAUGURATIONS[year])
    event = bundled_events().get(f"US-{at:%Y-%m-%d}-INAUG")
    assert (event.known_at, event.kind) == (at, "inauguration")
    assert ("Sunday" in event.title) == (year in (1957, 1985, 2013))  # these oaths were taken twice


def test_inaugurations_are_those_of_1929_to_2025() -> None:
    assert len(INAUGURATIONS) == 25
    assert sum(e.kind == "inauguration" for e in western()) == 25


def test_two_releases_of_february_2026_were_postponed() -> None:
    """The BLS set new dates on 4 February, the day after the lapse of appropriations ended."""
    jobs, prices = (bundled_events().get(i) for i in ("US-2026-02-11-JOBS", "US-2026-02-13-CPI"))
    assert jobs.scheduled_for == datetime(2026, 2, 6, 13, 30, tzinfo=UTC)
    assert jobs.known_at == datetime(2026, 2, 11, 13, 30, tzinfo=UTC)
    assert prices.scheduled_for == datetime(2026, 2, 11, 13, 30, tzinfo=UTC)
    assert prices.known_at == datetime(2026, 2, 13, 13, 30, tzinfo=UTC)
    assert jobs.announced_at == prices.announced_at == datetime(2026, 2, 4, 16, 59, tzinfo=UTC)
    assert jobs.as_known(datetime(2026, 2, 4, 12, 0, tzinfo=UTC)).scheduled_for is None


@pytest.mark.parametrize(
    ("event_id", "local"),
    [
        ("US-1963-11-22-SUCC", "1963-11-22T15:38:00"),  # oath at Love Field, 14:38 in Dallas
        ("US-1974-08-08-RES", "1974-08-08T21:01:00"),  # Nixon begins to speak
        ("US-1980-11-04-PE", "1980-11-04T20:15:00"),  # NBC
        ("US-1984-11-06-PE", "1984-11-06T20:00:00"),  # CBS
        ("US-2008-11-04-PE", "2008-11-04T23:00:00"),  # western polls close
        ("US-2016-11-08-PE", "2016-11-09T02:29:00"),  # AP
        ("US-2018-11-06-MID", "2018-11-06T21:33:00"),  # Fox News, first to call the House
        ("US-2020-11-03-PE", "2020-11-07T11:24:00"),  # CNN
        ("GB-2016-07-11-MAY", "2016-07-11T12:15:00"),  # Leadsom withdraws
        ("GB-2022-09-05-TRUSS", "2022-09-05T12:37:00"),
        ("GB-2022-10-24-SUNAK", "2022-10-24T14:00:00"),
        ("GB-2024-07-04-GE", "2024-07-04T22:00:00"),  # exit poll
        ("BR-2010-10-31-R2", "2010-10-31T20:04:00"),  # the electoral court's count is out of reach
        ("BR-2016-04-17-IMP1", "2016-04-17T23:07:00"),  # the 342nd vote
        ("FR-2005-05-29-EUCONST", "2005-05-29T22:00:00"),  # Paris and Lyon close
        ("IT-2018-05-27-VETO", "2018-05-27T20:00:00"),
        ("TR-2016-07-15-COUP", "2016-07-15T23:05:00"),  # the prime minister on television
        ("MX-2006-07-02-PE", "2006-07-06T15:04:00"),  # the last district is counted
        ("AR-2023-08-13-PASO", "2023-08-13T22:30:00"),
    ],
)
def test_the_minute_is_that_of_the_page_named(event_id: str, local: str) -> None:
    event = bundled_events().get(event_id)
    assert event.known_at is not None
    assert event.known_at.astimezone(ZoneInfo(event.timezone)).strftime("%Y-%m-%dT%H:%M:%S") == local
    assert event.confidence in ("high", "medium")


def test_a_runoff_is_announced_by_its_first_round() -> None:
    first, runoff = (bundled_events().get(f"BR-2014-10-{n}") for n in ("05-R1", "26-R2"))
    assert runoff.announced_at == first.known_at
    assert first.announced_at == datetime(2013, 1, 1, tzinfo=UTC)


@lru_cache
def closes(folder: Path, symbol: str) -> tuple[np.ndarray, np.ndarray]:
    with (folder / f"{symbol}.csv").open(encoding="utf-8") as f:
        rows = [(r["date"], float(r["close"])) for r in csv.DictReader(f) if r["close"]]
    sessions = np.array([day for day, _ in rows], dtype="datetime64[D]")
    return stamp(bundled_instruments().find(symbol).mic, sessions)[1], np.array([close for _, close in rows])


def first_move(folder: Path, symbol: str, known_at: datetime) -> float:
    """Percent, from the last close before to the first close after."""
    at, close = closes(folder, symbol)
    n = int(np.searchsorted(at, to_ns(known_at), side="right"))
    return float(100 * (close[n] / close[n - 1] - 1))


def test_published_moves_agree_with_the_bars_or_the_row_says_why(market_dir: Path) -> None:
    agree: set[str] = set()
    differ: set[str] = set()
    for event in western():
        if event.reported_move is None or not (market_dir / f"{event.main_index}.csv").exists():
            continue
        assert event.main_index is not None
        assert event.known_at is not None
        found = first_move(market_dir, event.main_index, event.known_at)
        exponent = event.reported_move.as_tuple().exponent
        assert isinstance(exponent, int)
        half = Decimal("0.5") * Decimal(10) ** exponent
        close_enough = abs(Decimal(repr(found)) - event.reported_move) <= half
        (agree if close_enough else differ).add(event.event_id)
    assert len(agree) >= 50
    assert differ == OTHER_SESSION_OR_CLOSE
    assert all(bundled_events().get(i).move_note for i in differ)
