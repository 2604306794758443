"""Rules on what a row claims: its name, sources, seats, labels and index."""

import calendar
import re
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

from datasets.csv_rows import bundled_rows
from datasets.errors import did_you_mean
from datasets.events.event import Confidence, Majority, PoliticalEvent, ProGrowth
from datasets.events.kinds import Kind, OwnKind
from datasets.events.label_file import BASES, LABELS, PROGRAM_TAGS, bases_of
from datasets.markets.instruments import bundled_instruments

_BACKGROUND = "background-knowledge"
_SEATS = ("seats", "house_seats", "senate_seats")
_SHARE_KINDS = (*_SEATS, "seats_contested", "popular_vote", "votes", "runoff_votes")
_WITH_PARTNERS = 0.6
"""A winner below this is not brought to two thirds by the partners of any coalition in the catalogue."""

_MOST_TAGS = 4
_MONTHS = {name.casefold(): month for month, name in enumerate(calendar.month_abbr)}
_DATE = re.compile(
    r"(?<!\d)(?P<y>(?:19|20)\d\d)(?:(?P<s>[-/_.])(?P<m>\d{1,2}|[A-Za-z]{3})(?P=s)(?P<d>\d{1,2})|(?P<md>\d{4}))(?!\d)"
)
_YEAR_LAST = re.compile(r"(?<!\d)(?P<a>\d\d?)(?P<s>[-/])(?P<b>\d\d?)(?P=s)(?P<y>(?:19|20)\d\d)(?!\d)")
_MONTH = re.compile(r"/(?P<y>(?:19|20)\d\d)/(?P<m>\d{1,2}|[A-Za-z]{3})/")


def identifier(event: PoliticalEvent) -> Iterator[str]:
    """The id is CC-YYYY-MM-DD-WHAT, of the country and of the local date of the vote or of the outcome."""
    country, _, rest = event.event_id.partition("-")
    if country != event.country or not rest[11:]:
        yield f"event_id must be {event.country}-YYYY-MM-DD-WHAT"
        return
    zone = ZoneInfo(event.timezone)
    instants = (event.announced_at, event.polls_close_at, event.known_at)
    days = {str(at.astimezone(zone).date()) for at in instants if at}
    days |= {str(event.voted_on)} if event.voted_on else set()
    if days and rest[:10] not in days:
        yield f"event_id says {rest[:10]}; the vote or the outcome is dated {', '.join(sorted(days))}"


def own_kind(event: PoliticalEvent) -> Iterator[str]:
    """A kind of one's own is not nearly one of the catalogue's."""
    near = _near_kind(event.kind.value) if isinstance(event.kind, OwnKind) else ""
    if near:
        yield f"kind '{event.kind}' is one of your own{near}"


@lru_cache
def _near_kind(kind: str) -> str:
    return did_you_mean(kind, Kind)


def basis(event: PoliticalEvent) -> Iterator[str]:
    """An instant says how it is known, and every event how sure it is."""
    for name in ("announced_at", "known_at"):
        if getattr(event, name) is not None and not getattr(event, f"{name}_basis"):
            yield f"{name} is given without {name}_basis"
    if event.known_at is None and not event.known_at_basis:
        yield "known_at is blank; known_at_basis must say why"
    if event.confidence is None:
        yield "confidence is blank: high, medium or low"
    if event.known_at_basis == "estimated" and event.confidence is Confidence.HIGH:
        yield "an estimated known_at cannot support high confidence"


def sources(event: PoliticalEvent) -> Iterator[str]:
    """A row has a source that can be opened, or says that it has none; without one it is never of high confidence."""
    if not event.sources:
        yield f"no source: give an address, or {_BACKGROUND}"
    for each in event.sources:
        if each != _BACKGROUND and not _is_address(each):
            yield f"source '{each}' is neither an http(s) address nor {_BACKGROUND}"
    if set(event.sources) == {_BACKGROUND} and event.confidence is Confidence.HIGH:
        yield f"{_BACKGROUND} cannot support high confidence"
    for each in event.label_sources:
        if not _is_address(each):
            yield f"label_sources holds '{each}', which is no http(s) address"


def _is_address(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and "." in parts.netloc


def seats(event: PoliticalEvent) -> Iterator[str]:
    """The share of seats and the majority agree."""
    share, kind, majority = event.winner_share, event.share_kind, event.majority
    if (share is None) != (kind is None):
        yield "winner_share and share_kind must be given together"
    if kind is not None and kind not in _SHARE_KINDS:
        yield f"share_kind '{kind}' is not one of {', '.join(_SHARE_KINDS)}{did_you_mean(kind, _SHARE_KINDS)}"
    if share is None or kind not in _SEATS:
        return
    if majority is Majority.HUNG and share > 0.5:
        yield f"hung, but {share:g} of the seats is a majority"
    if majority is Majority.MAJORITY and share <= 0.5:
        yield f"a majority, but {share:g} of the seats is none: coalition or hung"
    if majority is Majority.SUPERMAJORITY and share < _WITH_PARTNERS:
        yield f"a supermajority, but {share:g} of the seats is not two thirds even with a partner"
    if majority is Majority.COALITION and 0.5 < share <= 2 / 3:
        yield f"coalition, but {share:g} of the seats is more than half of one party or bloc: majority"
    if majority in (Majority.MAJORITY, Majority.HUNG, Majority.COALITION) and share > 2 / 3:
        yield f"{majority}, but {share:g} of the seats is two thirds: supermajority"


def labels(event: PoliticalEvent) -> Iterator[str]:
    """Every label says what it rests on, and no basis is given for a label that is not there."""
    bases = bases_of(event.label_basis)
    given = {"pro_growth": event.pro_growth is not ProGrowth.UNKNOWN, "surprise": event.surprise is not None}
    for name in (n for n, there in given.items() if there and n not in bases):
        yield f"{name} is given without a basis in label_basis: '{name}: source' or '{name}: background'"
    for name, found in bases.items():
        if name not in LABELS:
            yield f"label_basis names '{name}'{did_you_mean(name, LABELS)}; labels are {', '.join(LABELS)}"
        elif not (given.get(name) if name in given else event.program):
            yield f"label_basis names {name}, which is blank"
        if found not in BASES:
            yield f"label_basis says '{found}' of {name}; it must be {' or '.join(BASES)}"
    if event.labelled_at is not None and not any(given.values()) and not event.program:
        yield "labelled_at is given, but no label"


def label_sources(event: PoliticalEvent) -> Iterator[str]:
    """A label of basis ``source`` rests on pages dated before the event; dates in their addresses are read."""
    bases = bases_of(event.label_basis)
    if "source" in bases.values() and (not event.label_sources or event.label_dated is None):
        yield "label_basis says source: give the pages in label_sources and the date of the latest in label_dated"
    day = event.local_day
    if day is None:
        return
    if event.label_dated is not None and event.label_dated > day:
        yield f"label_dated {event.label_dated} lies after the event of {day}: a label rests on pages of before"
    for page in event.label_sources:
        dated = date_in(page)
        if dated is not None and dated > day:
            yield f"label_sources holds a page of {dated}, after the event of {day}: {page}"


def date_in(address: str) -> date | None:
    """Return the date written in an address; None where there is none.

    Of a year and a month it is the first of that month, of ``02/09/2016`` the earlier of its two readings: the page
    is not older than what is returned.

    >>> str(date_in("https://example.org/2016/nov/09/markets")), str(date_in("https://example.org/news-20161109-x"))
    ('2016-11-09', '2016-11-09')
    >>> str(date_in("https://example.org/2016/12/markets")), str(date_in("https://example.org/article/11/10/2016/markets"))
    ('2016-12-01', '2016-10-11')
    """
    text = unquote(address)
    for found in _DATE.finditer(text):
        month, day = (found["m"], found["d"]) if found["md"] is None else (found["md"][:2], found["md"][2:])
        if (dated := _day(found["y"], month, day)) is not None:
            return dated
    for found in _YEAR_LAST.finditer(text):
        one, other = found["a"], found["b"]
        readings = [d for d in (_day(found["y"], one, other), _day(found["y"], other, one)) if d is not None]
        if readings:
            return min(readings)
    month_only = _MONTH.search(text)
    return _day(month_only["y"], month_only["m"], "1") if month_only else None


def _day(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(_MONTHS.get(month.casefold(), month)), int(day))
    except ValueError:
        return None


def tags(event: PoliticalEvent) -> Iterator[str]:
    """Tags of the programme are from the list, each once."""
    for tag in event.program:
        if tag not in PROGRAM_TAGS:
            yield f"program tag '{tag}' is not in the list of docs/reference/events.md{did_you_mean(tag, PROGRAM_TAGS)}"
    if len(set(event.program)) < len(event.program):
        yield "program names a tag twice"
    if len(event.program) > _MOST_TAGS:
        yield f"{len(event.program)} program tags; at most {_MOST_TAGS} say what was central"


def index(event: PoliticalEvent) -> Iterator[str]:
    """The index is an instrument, or listed as one without bars; a published move names its index."""
    if event.main_index is None:
        if event.reported_move is not None:
            yield "reported_move is given without main_index"
    elif exchange_of(event.main_index) is None:
        near = did_you_mean(event.main_index, _exchanges())
        yield f"main_index '{event.main_index}' is no instrument{near}, and not listed in datasets/events/indices.csv"


def exchange_of(index: str) -> str | None:
    """Return the exchange (ISO 10383) of an index that an event may name, None if it is not known.

    >>> exchange_of("TOPIX"), exchange_of("FT30"), exchange_of("TOPX")
    ('XTKS', 'XLON', None)
    """
    return _exchanges().get(index)


@lru_cache(maxsize=1)
def _exchanges() -> dict[str, str]:
    """Return the exchange of each index that an event may name: instruments, and those that are none."""
    others = {r["index"]: r["mic"] for r in bundled_rows(Path(__file__).parents[1] / "indices.csv")}
    return others | {i.symbol: i.mic for i in bundled_instruments()}
