"""The catalogue of Asia and Australia: complete, in order, and as the pages that were read have it."""

import csv
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from datasets.events import CATALOGUE, PoliticalEvent, bundled_events
from datasets.markets.instruments import bundled_instruments
from datasets.prices.sources.files import DirectorySource

ZONES = {
    "JP": "Asia/Tokyo", "KR": "Asia/Seoul", "CN": "Asia/Shanghai", "HK": "Asia/Hong_Kong", "TW": "Asia/Taipei",
    "IN": "Asia/Kolkata", "ID": "Asia/Jakarta", "MY": "Asia/Kuala_Lumpur", "PH": "Asia/Manila",
    "SG": "Asia/Singapore", "TH": "Asia/Bangkok", "AU": "Australia/Sydney",
}  # fmt: skip

ADDED = [  # dissolutions that the fact sheet does not have as events
    "JP-1969-12-02-DISS", "JP-1972-11-13-DISS", "JP-1979-09-07-DISS", "JP-1980-05-19-DISS", "JP-1983-11-28-DISS",
    "JP-1986-06-02-DISS", "JP-1990-01-24-DISS", "JP-1993-06-18-DISS", "JP-1996-09-27-DISS", "JP-2000-06-02-DISS",
    "JP-2003-10-10-DISS", "JP-2009-07-21-DISS", "JP-2012-11-16-DISS", "JP-2014-11-21-DISS", "JP-2017-09-28-DISS",
    "JP-2024-10-09-DISS", "JP-2026-01-23-DISS",
]  # fmt: skip

MORE = {"CN-2025-10-30-BUSAN", "JP-2025-07-08-LETTER", "KR-2025-07-08-LETTER"}
REFILED = {
    "IN-2014-05-12-EXIT": "exit_poll",
    "IN-2019-05-19-EXIT": "exit_poll",
    "IN-2024-06-01-EXIT": "exit_poll",
    "TH-2024-08-14-SRETTHA": "court_ruling",
    "TH-2025-08-29-PAETONG": "court_ruling",
    "HK-2019-11-24-DC": "local_election",
}
"""Rows of the fact sheet under a kind that was not there then."""

BARS = ("TOPIX", "N225", "KOSPI", "HSI", "SSEC", "CSI300", "STI", "ASX200", "NIFTY50")


def asia() -> list[PoliticalEvent]:
    return [e for e in bundled_events() if e.country in ZONES]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as f:
        return list(csv.DictReader(f))


def test_every_event_of_the_fact_sheet_is_there_and_nothing_but_the_dissolutions_was_added(shared_dir: Path) -> None:
    sheet = [r for r in rows(shared_dir / "events" / "events.csv") if r["country"] in ZONES]
    assert len(sheet) == 160
    later = {r["event_id"] for r in rows(shared_dir / "catalogue" / "new_events.csv")} | MORE
    have = [e for e in asia() if e.event_id not in later]
    assert {e.event_id for e in have} == {r["event_id"] for r in sheet} | set(ADDED)
    kinds = ((r["country"], REFILED.get(r["event_id"], r["kind"])) for r in sheet)
    assert Counter((e.country, str(e.kind)) for e in have) == Counter(kinds) + Counter({("JP", "dissolution"): 17})


def test_each_of_the_nineteen_dissolutions_is_an_event_of_its_day(shared_dir: Path) -> None:
    sheet = rows(shared_dir / "events" / "japan_dissolutions.csv")
    assert len(sheet) == 19
    elections = {str(e.voted_on) for e in asia() if e.country == "JP" and e.kind == "general_election"}
    for row in sheet:
        event = bundled_events().get(f"JP-{row['dissolved']}-DISS")
        assert event.kind == "dissolution"
        assert event.known_at is not None
        assert str(event.known_at.astimezone(ZoneInfo("Asia/Tokyo")).date()) == row["dissolved"]
        assert row["voted"] in elections or row["voted"] < "1990"


def test_an_announced_dissolution_is_another_event_and_an_earlier_one() -> None:
    for announcement, dissolution in (
        ("JP-2012-11-14-DISS", "JP-2012-11-16-DISS"),
        ("JP-2014-11-18-DISS", "JP-2014-11-21-DISS"),
        ("JP-2017-09-25-DISS", "JP-2017-09-28-DISS"),
        ("JP-2026-01-19-DISS", "JP-2026-01-23-DISS"),
    ):
        said, done = bundled_events().get(announcement), bundled_events().get(dissolution)
        assert said.known_at is not None
        assert done.known_at is not None
        assert done.announced_at == said.known_at < done.known_at


@pytest.mark.parametrize("country", ZONES)
def test_rows_are_in_order_in_the_zone_of_their_country_and_carry_its_date(country: str) -> None:
    sheet = rows(CATALOGUE / f"{country}.csv")
    assert all(a["known_at"] <= (b["known_at"] or "9") for a, b in pairwise(sheet))
    for event in (e for e in asia() if e.country == country):
        assert event.timezone == ZONES[country]
        if event.known_at is None:
            assert event.event_id in {"CN-2026-05-15-SUMMIT", "TH-2026-03-19-PM"}
            continue
        known_on = event.known_at.astimezone(ZoneInfo(event.timezone)).date()
        assert event.event_id[3:13] in {str(event.voted_on), str(known_on)}, event.event_id
        assert event.announced_at is None or event.announced_at_basis
        assert event.confidence != "high" or event.sources != ("background-knowledge",), event.event_id


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


PUBLIC = [  # the local minute as the page that is named has it
    ("JP-1972-11-13-DISS", "1972-11-13T09:09"),  # 18:09, clock of the chamber (TV Asahi)
    ("JP-1979-09-07-DISS", "1979-09-07T09:45"),  # 18:45 (TV Asahi)
    ("JP-1983-11-28-DISS", "1983-11-28T06:36"),  # 15:36 (TV Asahi)
    ("JP-2012-09-26-LDP", "2012-09-26T05:16"),  # 14:16, Yomiuri
    ("JP-2021-10-14-DISS", "2021-10-14T04:00"),  # from 13:00, Jiji
    ("KR-2016-12-09-IMP", "2016-12-09T07:10"),  # Korea Herald published at 16:11
    ("KR-2020-04-15-LE", "2020-04-15T09:15"),  # exit polls at 18:15, Arirang
    ("KR-2022-03-09-PE", "2022-03-09T17:14"),  # KBS at 02:14, Kukmin Ilbo
    ("KR-2024-12-07-IMP1", "2024-12-07T12:26"),  # 21:26, Chosun
    ("KR-2025-04-04-IMPCT", "2025-04-04T02:22"),  # 11:22, KBS
    ("TH-2006-09-19-COUP", "2006-09-19T16:00"),  # 23:00, first message on television
    ("TH-2014-05-22-COUP", "2014-05-22T10:00"),  # around 17:00, AFP
]


@pytest.mark.parametrize(("event_id", "known_at"), PUBLIC)
def test_minutes_that_were_read(event_id: str, known_at: str) -> None:
    assert bundled_events().get(event_id).known_at == utc(known_at)


@pytest.mark.parametrize(
    ("event_id", "announced_at"),
    [
        ("JP-2024-10-27-GE", "2024-09-30T06:03"),  # Yomiuri, 15:03 JST
        ("KR-2012-12-19-PE", "2011-01-01T00:00"),  # the law fixes the day
        ("KR-2017-05-09-PE", "2017-03-15T05:27"),  # Reuters
        ("KR-2025-06-03-PE", "2025-04-08T01:03"),  # Asia Economy, 10:03 KST
        ("AU-2016-07-02-GE", "2016-05-08T08:00"),  # Sunday 8 May
    ],
)
def test_a_vote_is_announced_when_its_date_became_public(event_id: str, announced_at: str) -> None:
    assert bundled_events().get(event_id).announced_at == utc(announced_at)


def test_published_first_sessions_agree_with_the_bars_within_rounding(market_dir: Path) -> None:
    """Close over close before, of the first session that closes strictly after the outcome was known."""
    source = DirectorySource(market_dir)
    bars = {s: source.load(bundled_instruments().find(s)) for s in BARS}
    sheet = [e for e in asia() if e.reported_move is not None and e.main_index in bars]
    off = {}
    for event in sheet:
        assert event.known_at is not None
        assert event.main_index is not None
        assert event.reported_move is not None
        index, known = bars[event.main_index], np.datetime64(event.known_at.replace(tzinfo=None), "ns").astype(np.int64)
        first = int(np.searchsorted(index.close_at, known, side="right"))
        found = (index.close[first] / index.close[first - 1] - 1) * 100
        half = Decimal(1).scaleb(int(event.reported_move.as_tuple().exponent)) / 2
        if abs(found - float(event.reported_move)) > float(half):
            off[event.event_id] = event.move_note
    assert len(sheet) == 44
    assert off == {"AU-2022-05-21-GE": "the press rounded 3.3 points, 0.05 %, up to 0.1"}
