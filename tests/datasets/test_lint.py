"""The linter: a sound row passes every rule, and each rule sees its own fault and names the line."""

import csv
from pathlib import Path

import pytest

from datasets.csv_rows import bundled_rows
from datasets.errors import UserError
from datasets.events import CATALOGUE, PoliticalEvent
from datasets.events.lint import FILE_RULES, ROW_RULES, lint
from datasets.events.lint.facts import date_in

SOUND = {
    "event_id": "JP-2026-02-08-GE", "country": "JP", "kind": "general_election", "title": "LDP landslide",
    "timezone": "Asia/Tokyo", "voted_on": "2026-02-08", "announced_at": "2026-01-19T09:00:00Z",
    "announced_at_basis": "press conference", "scheduled_for": "", "polls_close_at": "2026-02-08T11:00:00Z",
    "known_at": "2026-02-08T11:00:00Z", "known_at_basis": "exit_poll", "signal_from": "", "winner_share": "0.68",
    "share_kind": "seats", "majority": "supermajority", "surprise": "expected", "program": "tax_cut;pro_growth",
    "pro_growth": "yes", "label_basis": "surprise: background; pro_growth: source", "main_index": "TOPIX",
    "reported_move": "2.29", "sources": "https://example.org/a https://example.org/b", "confidence": "high",
    "label_sources": "https://example.org/2026/01/30/eve", "label_dated": "2026-01-30", "winner": "Ann Lee",
    "winner_status": "projected", "incumbent_won": "", "settled_at": "",
    "fields_known_at": "winner_share: 2026-02-09T03:00:00Z; majority: 2026-02-08T16:00:00Z",
}  # fmt: skip
US = {
    "event_id": "US-2024-11-05-PE", "country": "US", "kind": "presidential_election", "title": "Trump wins",
    "timezone": "America/New_York", "voted_on": "2024-11-05", "announced_at": "2023-01-01T05:00:00Z",
    "polls_close_at": "", "known_at": "2024-11-06T06:47:00Z", "main_index": "SPX", "winner_share": "0.5",
    "share_kind": "popular_vote", "majority": "n/a", "fields_known_at": "winner_share: 2024-11-12T12:00:00Z",
    "label_basis": "surprise: background; pro_growth: background", "label_sources": "", "label_dated": "",
    "winner": "Bo Rayner",
}  # fmt: skip


def write(folder: Path, *changes: dict[str, str], name: str = "events.csv") -> Path:
    path = folder / name
    with path.open("w", encoding="utf-8", newline="") as f:
        writer = csv.DictWriter(f, list(SOUND))
        writer.writeheader()
        writer.writerows({**SOUND, **change} for change in changes)
    return path


def found(path: Path) -> list[tuple[str, int, str]]:
    return [(f.rule, f.line, f.message) for f in lint(path)[1]]


def test_the_bundled_catalogue_has_no_findings() -> None:
    rows, findings = lint(CATALOGUE)
    assert rows >= 93
    assert findings == []


def test_sound_rows_pass(tmp_path: Path) -> None:
    assert lint(write(tmp_path, US, {})) == (2, [])


@pytest.mark.parametrize(
    ("rule", "change", "said"),
    [
        ("schema", {"known_at": "2026-02-08T10:00:00Z"}, "known_at 2026-02-08T10:00:00Z lies before polls_close_at"),
        ("schema", {"country": "Japan"}, "country: String should match"),
        ("order", {"signal_from": "2026-02-08T11:00:00Z"}, "signal_from 2026-02-08T11:00:00Z does not lie before"),
        ("order", {"scheduled_for": "2026-02-08T11:00:00Z"}, "scheduled_for is known_at itself"),
        ("order", {"known_at": "2026-05-08T11:00:00Z", "fields_known_at": "winner_share: 2026-05-09T11:00:00Z"}, "known_at 2026-05-08T11:00:00Z is not within 60 days"),
        ("announced", {"announced_at": "2026-02-07T15:00:00Z"}, "announced_at 2026-02-07T15:00:00Z does not lie before the day of the vote"),
        ("zone", {"timezone": "Asia/Seoul"}, "timezone 'Asia/Seoul' is not one of JP: Asia/Tokyo"),
        ("zone", {"timezone": "UTC"}, "timezone 'UTC' is not one of JP"),
        ("hour", {"known_at": "2026-02-09T00:00:00Z", "known_at_basis": "official_result", "fields_known_at": ""}, "known_at is 09:00 in Asia/Tokyo: no hour"),
        ("weekday", {"voted_on": "2026-02-07"}, "voted_on 2026-02-07 is a Sat; JP votes on Sun"),
        ("id", {"event_id": "JP-2026-02-09-GE"}, "event_id says 2026-02-09; the vote or the outcome is dated 2026-01-19, 2026-02-08"),
        ("id", {"event_id": "KR-2026-02-08-GE"}, "event_id must be JP-YYYY-MM-DD-WHAT"),
        ("id", {"event_id": "JP-2026-02-08"}, "event_id must be JP-YYYY-MM-DD-WHAT"),
        ("basis", {"known_at_basis": ""}, "known_at is given without known_at_basis"),
        ("basis", {"announced_at_basis": ""}, "announced_at is given without announced_at_basis"),
        ("basis", {"confidence": ""}, "confidence is blank"),
        ("sources", {"sources": ""}, "no source"),
        ("sources", {"sources": "www.example.org"}, "source 'www.example.org' is neither"),
        ("sources", {"sources": "https://nowhere"}, "source 'https://nowhere' is neither"),
        ("sources", {"sources": "background-knowledge", "label_basis": "surprise: background; pro_growth: background"}, "background-knowledge cannot support high confidence"),
        ("sources", {"label_sources": "eve.html"}, "label_sources holds 'eve.html', which is no http(s) address"),
        ("seats", {"majority": "hung"}, "hung, but 0.68 of the seats is a majority"),
        ("seats", {"winner_share": "0.49", "majority": "majority"}, "a majority, but 0.49 of the seats is none"),
        ("seats", {"winner_share": "0.55"}, "a supermajority, but 0.55 of the seats"),
        ("seats", {"majority": "majority"}, "majority, but 0.68 of the seats is two thirds"),
        ("seats", {"share_kind": ""}, "winner_share and share_kind must be given together"),
        ("seats", {"share_kind": "seat"}, "share_kind 'seat' is not one of"),
        ("labels", {"label_basis": "surprise: background"}, "pro_growth is given without a basis"),
        ("labels", {"surprise": ""}, "label_basis names surprise, which is blank"),
        ("labels", {"label_basis": "surprise: background; pro_growth: press"}, "label_basis says 'press' of pro_growth"),
        ("labels", {"label_basis": "suprise: background; surprise: background; pro_growth: source"}, "label_basis names 'suprise' (did you mean 'surprise'?)"),
        ("label_sources", {"label_sources": ""}, "label_basis says source: give the pages"),
        ("label_sources", {"label_dated": ""}, "label_basis says source: give the pages"),
        ("label_sources", {"label_dated": "2026-02-09"}, "label_dated 2026-02-09 lies after the event of 2026-02-08"),
        ("label_sources", {"label_sources": "https://example.org/2026/feb/09/markets-cheer"}, "label_sources holds a page of 2026-02-09, after the event"),
        ("label_sources", {"label_sources": "https://example.org/tokyo-20260210-up"}, "label_sources holds a page of 2026-02-10, after the event"),
        ("label_sources", {"label_sources": "https://example.org/article/02/09/2026/cheer"}, "label_sources holds a page of 2026-02-09, after the event"),
        ("label_sources", {"label_sources": "https://example.org/2026/03/what-the-win-means"}, "label_sources holds a page of 2026-03-01, after the event"),
        ("winner", {"winner": "Ann Lee (lead)"}, "winner 'Ann Lee (lead)' is not a plain name ('(')"),
        ("winner", {"winner": "LDP largest"}, "winner 'LDP largest' is not a plain name ('largest')"),
        ("winner", {"winner": "Court 8-0"}, "winner 'Court 8-0' is not a plain name ('8')"),
        ("winner", {"winner_status": ""}, "winner and winner_status must be given together"),
        ("incumbent", {"incumbent_won": "true", "majority": "hung", "winner_share": "", "share_kind": "", "fields_known_at": ""}, "incumbent_won is given of a hung vote without settled_at"),
        ("incumbent", {"incumbent_won": "true", "kind": "presidential_election", "winner_status": "leads"}, "incumbent_won is given, but the winner only leads"),
        ("incumbent", {"incumbent_won": "false", "kind": "local_election"}, "incumbent_won is given, but a local_election does not decide who governs"),
        ("incumbent", {"incumbent_won": "false", "kind": "referendum"}, "incumbent_won is given, but a referendum does not decide who governs"),
        ("incumbent", {"incumbent_won": "true", "kind": "legislative_election"}, "incumbent_won is given, but a legislative_election is of an upper house"),
        ("incumbent", {"incumbent_won": "true", "majority": "", "winner_status": "leads"}, "incumbent_won is given, but the winner only leads"),
        ("public", {"fields_known_at": "majority: 2026-02-08T16:00:00Z"}, "winner_share is of the count, but known_at is exit_poll"),
        ("public", {"fields_known_at": "winner_share: 2026-02-09T03:00:00Z"}, "0.68 of the seats is near 0.667, and known_at is exit_poll"),
        ("public", {"majority": "hung", "winner_share": "0.48", "fields_known_at": "winner_share: 2026-02-09T03:00:00Z"}, "0.48 of the seats is near 0.5, and known_at is exit_poll"),
        ("title", {"title": "LDP wins two thirds"}, "the title says 'two thirds', which only the count shows"),
        ("title", {"title": "LDP narrowly ahead"}, "the title says 'narrow', which only the count shows"),
        ("title", {"title": "LDP wins 64 of 121 seats"}, "the title says '64 of 121 seats', which only the count shows"),
        ("title", {"title": "LDP wins a supermajority"}, "the title says 'supermajority', which only the count shows"),
        ("title", {"title": "LDP wins by a hair"}, "the title says 'by a hair', which only the count shows"),
        ("title", {"title": "LDP wins 316 of 465"}, "the title says '316 of 465', which only the count shows"),
        ("title", {"title": "LDP wins, opponent to resign"}, "the title says 'to resign', which only the count shows"),
        ("title", {"title": "LDP wins surprise majority", "majority": "majority", "winner_share": "0.51"}, "the title says 'wins surprise majority', but majority was public later"),
        ("exit_poll", {"kind": "exit_poll"}, "voted_on is given of an exit poll, which is no vote"),
        ("exit_poll", {"title": "Exit polls: LDP ahead"}, "the title says exit poll: its kind is exit_poll"),
        ("exit_poll", {"title": "LDP ahead in quick counts"}, "the title says quick count: known_at_basis is quick_count"),
        ("seats", {"majority": "coalition", "winner_share": "0.55"}, "coalition, but 0.55 of the seats is more than half"),
        ("seats", {"majority": "majority", "winner_share": "0.5"}, "a majority, but 0.5 of the seats is none"),
        ("schema", {"fields_known_at": "majority: 2026-02-08T16:00:00Z; majority: 2026-02-08T12:00:00Z"}, "fields_known_at names 'majority' twice"),
        ("schema", {"fields_known_at": "majorty: 2026-02-08T16:00:00Z"}, "fields_known_at names 'majorty' (did you mean 'majority'?)"),
        ("schema", {"fields_known_at": "majority: 2026-02-08T11:00:00Z"}, "majority 2026-02-08T11:00:00Z does not come after known_at"),
        ("schema", {"settled_at": "2026-02-08T10:00:00Z"}, "settled_at 2026-02-08T10:00:00Z does not come after known_at"),
        ("schema", {"fields_known_at": "majority: soon"}, "fields_known_at: 'soon' is not an instant"),
        ("tags", {"program": "tax_cuts"}, "program tag 'tax_cuts' is not in the list of docs/reference/events.md (did you mean 'tax_cut'?)"),
        ("tags", {"program": "tax_cut;tax_cut"}, "program names a tag twice"),
        ("index", {"main_index": "TOPX"}, "main_index 'TOPX' is no instrument (did you mean 'TOPIX'?)"),
        ("index", {"main_index": ""}, "reported_move is given without main_index"),
    ],
)  # fmt: skip
def test_each_rule_sees_its_fault(tmp_path: Path, rule: str, change: dict[str, str], said: str) -> None:
    findings = found(write(tmp_path, US, change))
    assert any((r, line) == (rule, 3) and m.startswith(said) for r, line, m in findings), findings
    assert {line for _, line, _ in findings} == {3}


@pytest.mark.parametrize(
    ("address", "day"),
    [
        ("https://example.org/2026/02/01/eve", "2026-02-01"),
        ("https://example.org/2026/02/eve", "2026-02-01"),
        ("https://example.org/article/05/02/2026/eve", "2026-02-05"),
        ("https://example.org/article/31/01/2026/eve", "2026-01-31"),
        ("https://example.org/a/13/31/2026/eve", "None"),
        ("https://example.org/story/20261", "None"),
    ],
)
def test_an_address_dates_its_page_no_later_than_is_sure(address: str, day: str) -> None:
    assert str(date_in(address)) == day


def test_who_leads_a_french_assembly_may_be_dated_by_the_government(tmp_path: Path) -> None:
    french = {
        "event_id": "FR-2024-07-07-R2", "country": "FR", "kind": "legislative_election", "title": "Left bloc first",
        "timezone": "Europe/Paris", "voted_on": "2024-07-07", "announced_at": "", "polls_close_at": "",
        "known_at": "2024-07-07T18:00:00Z", "main_index": "CAC40", "majority": "hung", "winner_share": "0.315",
        "winner_status": "leads", "incumbent_won": "true", "settled_at": "2024-09-21T18:00:00Z",
        "fields_known_at": "winner_share: 2024-07-08T10:00:00Z", "label_sources": "", "label_dated": "",
        "label_basis": "surprise: background; pro_growth: background", "winner": "New Popular Front",
    }  # fmt: skip
    assert found(write(tmp_path, french)) == []
    assert [rule for rule, *_ in found(write(tmp_path, {**french, "settled_at": ""}))] == ["incumbent"]


def test_an_event_without_any_date_is_sound_where_it_says_why(tmp_path: Path) -> None:
    undated = {
        "event_id": "US-2026-04-17-DEAL", "voted_on": "", "announced_at": "", "announced_at_basis": "", "known_at": "",
        "known_at_basis": "day sourced, hour unknown", "polls_close_at": "", "kind": "trade_deal", "winner": "", "winner_status": "",
        "winner_share": "", "share_kind": "", "majority": "", "fields_known_at": "", "confidence": "low",
    }  # fmt: skip
    assert found(write(tmp_path, {**US, **undated})) == []
    assert found(write(tmp_path, {**US, **undated, "known_at_basis": ""})) == [
        ("basis", 2, "known_at is blank; known_at_basis must say why")
    ]


def test_one_person_has_one_name_and_one_programme_in_both_rounds(tmp_path: Path) -> None:
    first = {**US, "event_id": "US-2024-10-06-R1", "voted_on": "2024-10-06", "known_at": "2024-10-07T03:00:00Z", "title": "First round", "winner": "Rayner", "winner_status": "leads", "winner_share": "", "share_kind": "", "fields_known_at": ""}  # fmt: skip
    findings = found(write(tmp_path, first, US))
    assert ("names", 3, "winner 'Bo Rayner' is 'Rayner' in another row: one name for one person") in findings
    findings = found(write(tmp_path, {**first, "winner": "Bo Rayner", "pro_growth": "mixed"}, US))
    assert ("names", 3, "pro_growth differs from US-2024-10-06-R1, the other round of the same candidate") in findings


def test_every_bad_row_of_a_file_is_reported_not_only_the_first(tmp_path: Path) -> None:
    path = write(tmp_path, US, {"kind": "A vote"}, {"known_at": "soon"}, {"confidence": "sure", "country": "japan"})
    assert [(rule, line) for rule, line, _ in found(path)] == [
        ("schema", 3),
        ("schema", 4),
        ("schema", 5),
        ("schema", 5),
    ]


@pytest.mark.parametrize(
    ("country", "kind", "day", "sound"),
    [
        ("GB", "general_election", "2024-07-04", True),
        ("GB", "general_election", "2024-07-05", False),
        ("CA", "general_election", "2008-10-14", True),  # the Monday was Thanksgiving
        ("KR", "presidential_election", "2025-06-03", True),  # a Tuesday, after an impeachment
        ("KR", "legislative_election", "2004-04-15", True),  # Thursdays before the law fixed Wednesdays
        ("KR", "legislative_election", "2024-04-11", False),
        ("IN", "general_election", "2024-06-01", True),  # votes in phases, on any day
        ("JP", "leadership_election", "2024-09-27", True),  # a party's vote follows no custom
    ],
)
def test_votes_fall_on_the_countrys_weekday(country: str, kind: str, day: str, sound: bool) -> None:
    event = PoliticalEvent(event_id="X-1", country=country, kind=kind, title="t", voted_on=day)
    assert (list(ROW_RULES["weekday"](event)) == []) is sound


def test_releases_come_on_working_days() -> None:
    event = PoliticalEvent(
        event_id="X-1", country="US", kind="macro_release", title="t", known_at="2026-02-08T13:30:00Z"
    )
    assert list(ROW_RULES["weekday"](event)) == ["known_at is a Sunday: releases come on working days"]


@pytest.mark.parametrize(
    ("country", "kind", "day", "index", "said"),
    [
        ("KR", "presidential_election", "2025-06-03", "KOSPI", []),
        ("US", "presidential_election", "1980-11-04", "SPX", []),
        ("US", "presidential_election", "2024-11-05", "SPX", []),
        ("GB", "general_election", "2024-12-26", "FTSE100", ["XLON is shut on voted_on 2024-12-26 by its calendar, but open by custom (Thursdays by custom; the exchange trades)"]),
        ("KR", "legislative_election", "2024-04-17", "KOSPI", ["XKRX is open on voted_on 2024-04-17 by its calendar, but shut by custom (Public Official Election Act: Wednesdays; a public holiday)"]),
    ],
)  # fmt: skip
def test_the_exchange_keeps_the_holiday_of_the_vote(
    country: str, kind: str, day: str, index: str, said: list[str]
) -> None:
    event = PoliticalEvent(event_id="X-1", country=country, kind=kind, title="t", voted_on=day, main_index=index)
    assert list(ROW_RULES["holiday"](event)) == said


def test_an_id_that_appears_twice_and_an_event_given_twice_are_found(tmp_path: Path) -> None:
    again = {"event_id": "JP-2026-02-08-LANDSLIDE", "title": "LDP wins landslide"}
    assert [(rule, line) for rule, line, _ in found(write(tmp_path, {}, {}, again))] == [
        ("duplicate", 3), ("duplicate", 4), ("duplicate", 4),
    ]  # fmt: skip
    other = {"event_id": "JP-2026-02-08-HOC", "title": "Upper house by-election in Okinawa"}
    assert found(write(tmp_path, {}, other)) == []


def test_rows_out_of_order_and_in_the_wrong_file_are_found(tmp_path: Path) -> None:
    path = write(tmp_path, {}, US, name="JP.csv")
    assert [(rule, line) for rule, line, _ in found(path)] == [("sorted", 3), ("file", 3)]


def test_what_is_no_file_of_events_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no events at"):
        lint(tmp_path / "nowhere.csv")
    (tmp_path / "x.csv").write_text("event_id,country\n")
    with pytest.raises(UserError, match=r"x.csv line 1: column 'kind' is missing"):
        lint(tmp_path / "x.csv")


def test_an_exception_names_a_rule_and_says_why() -> None:
    rows = bundled_rows(CATALOGUE.parent / "lint_exceptions.csv")
    assert rows
    assert all(r["rule"] in {**ROW_RULES, **FILE_RULES} and r["why"] for r in rows)


def test_rows_of_a_kind_are_compared_only_within_days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from datasets.events.lint import rules

    compared: list[tuple[str, str]] = []
    monkeypatch.setattr(rules, "_is_alike", lambda a, b: compared.append((a, b)))
    rows = [f"{2000 + n // 12}-{1 + n % 12:02}-01,US,party_split,Title {n}\n" for n in range(120)]
    path = tmp_path / "own.csv"
    path.write_text("date,country,kind,title\n" + "".join(rows) + "2009-11-29,US,party_split,Near\n", encoding="utf-8")
    lint(path, quick=True)
    assert compared == [("Title 119", "Near")]
