"""Events of one's own: short rows, own kinds, tags and columns, files beside the catalogue, lists of dates."""

import math
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from datasets.errors import UserError
from datasets.events import Kind, OwnKind, bundled_events, combined_events, load_events
from datasets.events.event_catalogue import write_events
from datasets.events.lint import lint
from datasets.events.own_rows import add_event, edit_event
from engine.plan.left_out import left_out_by_kind
from engine.plan.plan import make_plan
from hustings.date_list import listed_events
from strategies.buy_after_event import BuyAfterEvent
from tests.engine.markets import bars, days, flat_day, instrument, market_of, utc

SHORT = "date,country,kind,title\n2026-01-13,JP,party_split,The party splits\n"
RATES = (
    "date,time,country,kind,title,tariff_rate,court,tags\n"
    "2024-01-09,16:30,JP,tariff_announcement,First,25,,steel;metals\n"
    "2024-01-16,16:30,JP,tariff_announcement,Second,10,supreme,cars\n"
)


def written(folder: Path, text: str, name: str = "mine.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_row_of_date_country_kind_and_title_is_an_event(tmp_path: Path) -> None:
    path = written(tmp_path, SHORT + "2026-02-08,JP,general_election,A vote\n")
    split, vote = sorted(load_events(path), key=lambda e: e.event_id)
    assert (split.event_id, split.kind, split.is_vote) == ("JP-2026-01-13-PARTY-SPLIT", "party_split", False)
    assert isinstance(split.kind, OwnKind)
    assert split.known_at == utc("2026-01-13T14:59")  # the end of the day in Tokyo: no hour was given
    assert (vote.event_id, vote.kind, vote.voted_on) == ("JP-2026-02-08-GE", Kind.GENERAL_ELECTION, date(2026, 2, 8))
    assert vote.known_at == utc("2026-02-08T20:59")  # nearly six the next morning
    assert len(lint(path, quick=True)[1]) == 0
    assert lint(path)[1]


def test_an_own_kind_is_a_vote_only_where_its_row_says_so(tmp_path: Path) -> None:
    path = written(
        tmp_path, "date,country,kind,title,vote\n2026-03-03,JP,guild_vote,A,yes\n2026-03-04,JP,guild_vote,B,\n"
    )
    first, second = load_events(path)
    assert (first.is_election, first.voted_on) == (True, date(2026, 3, 3))
    assert (second.is_election, second.voted_on) == (False, None)


def test_tags_and_columns_are_known_from_known_at_on_and_a_rule_filters_by_them(tmp_path: Path) -> None:
    events = load_events(written(tmp_path, RATES))
    first, second = events
    assert (first.extra["tariff_rate"], first.tags, second.extra["court"]) == (25.0, ("steel", "metals"), "supreme")
    assert math.isnan(float(first.extra["court"]))
    assert not first.extra["court"] > 3  # type: ignore[operator]
    before = first.as_known(utc("2024-01-09T07:29"))
    assert (dict(before.extra), before.tags) == ({}, ())
    market = market_of(bars(instrument(), [flat_day(s, 100.0) for s in days("2024-01-09", 20)]))

    def traded(**given: str) -> list[str]:
        plan = make_plan(BuyAfterEvent(instrument="AAA", hold=1, **given), events, market)  # type: ignore[arg-type]
        return [t.event_id for t in plan.trades]

    assert traded() == [first.event_id, second.event_id]
    assert traded(extra="tariff_rate>=20") == [first.event_id]
    assert traded(extra="tariff_rate < 20") == [second.event_id]
    assert traded(extra="court=supreme") == [second.event_id]
    assert traded(tag="metals") == [first.event_id]
    assert traded(kind="tariff_announcement", tag="wine") == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SHORT.replace("2026-01-13", "13.1.26"), "mine.csv line 2: date is '13.1.26'; write it like 2026-02-08"),
        (
            "country,kind,title,date\nUS,budget_or_policy,Late,9999-12-31\n",
            "mine.csv line 2: '9999-12-31' has no instant in UTC",
        ),
        (RATES.replace("16:30", "4pm", 1), "mine.csv line 2: time is '4pm'; write it like 16:30"),
        (RATES.replace("court", "majorty"), "unknown column in mine.csv line 1: 'majorty' (did you mean 'majority'?)"),
        (
            RATES.replace("court", "known_ta"),
            "unknown column in mine.csv line 1: 'known_ta' (did you mean 'known_at'?)",
        ),
        (RATES.replace("court", "titel"), "unknown column in mine.csv line 1: 'titel' (did you mean 'title'?)"),
        ("country,kind,title\nJP,x_y,t\n", "mine.csv line 1: neither known_at nor date is there"),
        (SHORT.replace("party_split", "Party split"), "mine.csv line 2: 'Party split' is no kind"),
    ],
)
def test_a_row_that_cannot_be_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UserError) as fault:
        load_events(written(tmp_path, text))
    assert str(fault.value).startswith(said)


def test_files_add_to_the_catalogue_and_the_home_in_any_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUSTINGS_HOME", str(tmp_path / "home"))
    (tmp_path / "home" / "events").mkdir(parents=True)
    written(tmp_path / "home" / "events", SHORT, "own.csv")
    one, two = written(tmp_path, RATES, "a.csv"), written(tmp_path, SHORT.replace("2026-01-13", "2026-01-14"), "b.csv")
    both = combined_events([one, two])
    assert len(both) == len(bundled_events()) + 4
    assert [(f.name, f.events) for f in both.own] == [("a.csv", 2), ("b.csv", 1), ("own.csv", 1)]
    assert combined_events([two, one]).sha256() == both.sha256() != bundled_events().sha256()
    alone = combined_events([one], only=True)
    assert (len(alone), [f.name for f in alone.own]) == (2, ["a.csv"])
    with pytest.raises(
        UserError, match=r"b.csv line 2: event_id 'JP-2026-01-13-PARTY-SPLIT' appears already at own.csv line 2"
    ):
        combined_events([one, written(tmp_path, SHORT, "b.csv")])


def test_an_id_of_the_catalogue_is_refused_beside_it_and_read_alone(tmp_path: Path) -> None:
    path = written(
        tmp_path, "event_id,country,kind,title,known_at\nJP-2026-02-08-GE,JP,general_election,Mine,2026-02-08T11:00Z\n"
    )
    with pytest.raises(
        UserError, match="appears already at the bundled catalogue; --only-events leaves the catalogue out"
    ):
        combined_events([path])
    assert len(combined_events([path], only=True)) == 1


def test_own_columns_are_written_and_read_back(tmp_path: Path) -> None:
    events = load_events(written(tmp_path, RATES))
    write_events(tmp_path / "again.csv", events)
    assert list(load_events(tmp_path / "again.csv")) == list(events)


def test_add_and_edit_keep_the_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "own.csv"
    row = {"country": "US", "kind": "tariff_announcement", "date": "2026-03-10", "time": "16:30", "title": "Steel"}
    made = add_event(path, {**row, "rate": "25"}, [])
    assert made.event_id == "US-2026-03-10-TARIFF-ANNOUNCEMENT"
    assert made.known_at == utc("2026-03-10T20:30")
    with pytest.raises(UserError, match="is taken; give another with --id"):
        add_event(path, row, load_events(path))
    with pytest.raises(
        UserError, match="US-2026-03-10-TARIFF-ANNOUNCEMENT is an event of US of that day; if yours is another"
    ):
        add_event(path, {**row, "kind": "sanctions"}, load_events(path))
    add_event(path, {**row, "event_id": "US-2026-03-10-CARS", "wine": "1"}, load_events(path))
    changed, _ = edit_event([path], "US-2026-03-10-TARIFF-ANNOUNCEMENT", {"rate": "30", "title": "Steel, again"})
    assert (changed.extra["rate"], changed.title, changed.event_id) == (30.0, "Steel, again", made.event_id)
    before = path.read_bytes()
    with pytest.raises(UserError, match="the row is no event: date is 'soon'"):
        edit_event([path], made.event_id, {"date": "soon"})
    with pytest.raises(
        UserError, match=r"unknown event of your own 'US-2026-03-10-CAR' \(did you mean 'US-2026-03-10-CARS'"
    ):
        edit_event([path], "US-2026-03-10-CAR", {"title": "x"})
    assert path.read_bytes() == before
    assert {e.event_id: dict(e.extra) for e in load_events(path)} == {
        made.event_id: {"rate": 30.0},
        "US-2026-03-10-CARS": {"wine": 1.0},
    }


LISTS = {
    "iso, comma": "2026-03-10,Steel\n2026-03-24,Cars\n",
    "header, semicolon, day first": "Datum;Ereignis\n10.03.2026;Steel\n24.03.2026;Cars\n",
    "tabs": "2026-03-10\tSteel\n2026-03-24\tCars\n",
    "label first": "label,date\nSteel,2026-03-10\nCars,2026-03-24\n",
    "american": "date|event\n03/10/2026|Steel\n03/24/2026|Cars\n",
    "words": '"Mar 10, 2026","Steel"\n"Mar 24, 2026","Cars"\n',
    "compact": "20260310;Steel\n20260324;Cars\n",
    "comments and blanks": "# tariffs\n\n2026-03-10, Steel\n\n2026-03-24, Cars\n",
    "more columns": "no,date,event,note\n1,2026-03-10,Steel,a\n2,2026-03-24,Cars,b\n",
}


@pytest.mark.parametrize("layout", sorted(LISTS))
def test_a_list_of_dates_and_labels_is_read(tmp_path: Path, layout: str) -> None:
    path = written(tmp_path, LISTS[layout], "list.txt")
    events = listed_events(path, country="US", kind="tariff_announcement", at="16:30", zone=None, date_format=None)
    assert [(e.title, e.known_at, e.event_id) for e in events] == [
        ("Steel", utc("2026-03-10T20:30"), "US-2026-03-10-STEEL"),
        ("Cars", utc("2026-03-24T20:30"), "US-2026-03-24-CARS"),
    ]


def test_dates_alone_latin_1_and_two_of_a_day(tmp_path: Path) -> None:
    (tmp_path / "l.txt").write_bytes("2026-03-10;Zölle\n2026-03-10;Zölle\n".encode("latin-1"))
    given: Any = {"country": "US", "kind": "own_kind", "at": None, "zone": "UTC", "date_format": None}
    first, second = listed_events(tmp_path / "l.txt", **given)
    assert (first.title, first.event_id, second.event_id) == ("Zölle", "US-2026-03-10-Z-LLE", "US-2026-03-10-Z-LLE-2")
    assert first.known_at == utc("2026-03-10T23:59")
    (alone,) = listed_events(written(tmp_path, "2026-03-10\n", "d.txt"), **given)
    assert (alone.title, alone.event_id) == ("own kind", "US-2026-03-10-OWN-KIND")


@pytest.mark.parametrize(
    ("text", "given", "said"),
    [
        ("03/04/2026,a\n05/06/2026,b\n", {}, "DMY"),
        ("one\ntwo\n", {}, "list.txt line 1: no date in 'one'; each line needs one such as 2026-02-08"),
        ("date,x\n2026-03-10,a\nsoon,b\n", {}, "list.txt line 3: no date in 'soon; b'"),
        ("\n", {}, "list.txt is empty"),
        (
            "2026-03-10 21:00,a\n",
            {"at": "16:30"},
            "list.txt line 1: '2026-03-10 21:00' has a time of its own, which --at",
        ),
        ("2026-03-10,a\n", {"at": "noon"}, "--at is 'noon'; write a time such as 16:30"),
        ("2026-03-10,a\n", {"country": "USA"}, "--country 'USA' is no country"),
        ("2026-03-10,a\n", {"zone": "Mars/X"}, "--zone: timezone 'Mars/X' is not an IANA zone such as Asia/Tokyo"),
        ("2026-03-10,a\n", {"zone": "Mars/X", "at": "16:30"}, "--zone: timezone 'Mars/X'"),
        ("2026-02-30,a\n2026-03-10,b\n", {}, "list.txt line 1: no day '2026-02-30'; write it like 2026-02-08"),
        ('"2026-03-09,a\n2026-03-10,b\n', {}, "list.txt line 1: no date in"),
        ("2026-03-10,a\n", {"kind": "Tariff!"}, "list.txt line 1: 'Tariff!' is no kind"),
    ],
)
def test_a_list_that_is_not_clear_says_what_to_add(tmp_path: Path, text: str, given: dict[str, str], said: str) -> None:
    path = written(tmp_path, text, "list.txt")
    options = {"country": "US", "kind": "tariff_announcement", "at": None, "zone": None, "date_format": None, **given}
    with pytest.raises(UserError) as fault:
        listed_events(path, **options)  # type: ignore[arg-type]
    assert said in str(fault.value)


def test_a_label_without_latin_letters_is_named_by_its_kind(tmp_path: Path) -> None:
    given: Any = {"country": "JP", "kind": "own_kind", "at": None, "zone": None, "date_format": None}
    (event,) = listed_events(written(tmp_path, "2026-03-10,関税\n"), **given)
    assert (event.title, event.event_id) == ("関税", "JP-2026-03-10-OWN-KIND")


def test_an_id_in_two_files_of_one_name_is_refused_with_both_paths(tmp_path: Path) -> None:
    row = "event_id,date,country,kind,title\nX-1,2026-01-13,JP,party_split,The party splits\n"
    files = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        files.append(written(tmp_path / name, row))
    with pytest.raises(UserError) as fault:
        combined_events(files, only=True)
    first, second = (file.resolve() for file in files)
    assert str(fault.value) == f"{second} line 2: event_id 'X-1' appears already at {first} line 2"


def test_two_of_a_day_without_ids_say_what_to_add(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"mine.csv line 3: .*; give each an event_id"):
        load_events(written(tmp_path, SHORT + "2026-01-13,JP,party_split,Once more\n"))


def test_a_row_of_known_at_alone_has_an_id_of_its_local_day(tmp_path: Path) -> None:
    path = written(tmp_path, "country,kind,title,known_at\nJP,party_split,A,2026-01-13T16:00:00Z\n")
    assert [e.event_id for e in load_events(path)] == ["JP-2026-01-14-PARTY-SPLIT"]
    bad = written(tmp_path, "country,kind,title,known_at\nJP,party_split,A,yesterday\n")
    with pytest.raises(UserError, match="known_at is 'yesterday'; write it like 2026-02-08T11:00:00Z"):
        load_events(bad)


@pytest.mark.parametrize(
    ("head", "cells", "said"),
    [
        ("", "UK", "country 'UK' has no time zone: give two letters such as GB, or a column timezone"),
        (",timezone", "GB", "timezone 'Mars/X' is not an IANA zone such as Asia/Tokyo"),
    ],
)
def test_a_day_without_a_time_zone_is_refused(tmp_path: Path, head: str, cells: str, said: str) -> None:
    row = f"{cells},party_split,A,2026-01-13{',Mars/X' if head else ''}"
    with pytest.raises(UserError) as fault:
        load_events(written(tmp_path, f"country,kind,title,date{head}\n{row}\n"))
    assert said in str(fault.value)


def test_an_own_kind_nearly_a_known_one_is_left_out_by_kind(tmp_path: Path) -> None:
    events = load_events(written(tmp_path, RATES.replace("tariff_announcement,Second", "tarif_announcement,Second")))
    market = market_of(bars(instrument(), [flat_day(s, 100.0) for s in days("2024-01-09", 20)]))
    rule = BuyAfterEvent(instrument="AAA", kind=Kind.TARIFF_ANNOUNCEMENT, hold=1)
    assert [s.reason for s in left_out_by_kind(rule, events, market)] == ["left out by kind: 1 tarif_announcement"]
    with pytest.raises(ValueError, match="a kind of your own needs a name less like it"):
        BuyAfterEvent(instrument="AAA", kind="tarif_announcement")  # type: ignore[arg-type]
