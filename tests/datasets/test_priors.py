"""Priors: what a file may say, what is known of it when, and what is made of the outcome."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.errors import UserError
from datasets.events import EventCatalogue, Kind, PoliticalEvent, Surprise, load_events
from datasets.events.odds_book import Quote
from datasets.events.priors import PriorTable, add_quotes, cutoff, load_priors, read_prior, with_priors

CLOSE = datetime(2016, 11, 9, 0, 0, tzinfo=UTC)
KNOWN = datetime(2016, 11, 9, 7, 29, tzinfo=UTC)
VOTE = PoliticalEvent(
    event_id="US-2016-11-08-PE",
    country="US",
    kind=Kind.PRESIDENTIAL_ELECTION,
    title="Trump beats Clinton",
    timezone="America/New_York",
    voted_on=date(2016, 11, 8),
    announced_at=datetime(2015, 1, 1, tzinfo=UTC),
    polls_close_at=CLOSE,
    known_at=KNOWN,
    winner="Donald Trump",
    winner_party="Republican",
)
EVENTS = EventCatalogue([VOTE])
HEADER = "event_id,observed_at,outcome,probability,source\n"
ROW = "US-2016-11-08-PE,2016-11-07T12:00:00Z,Trump,0.21,https://example.org\n"


def load(folder: Path, text: str | bytes) -> PriorTable:
    path = folder / "priors.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_priors(path, EVENTS)


def quote(at: datetime, probability: float, outcome: str = "Trump") -> Quote:
    return Quote(at, outcome, probability, "a test")


def priced(*quotes: Quote, event: PoliticalEvent = VOTE) -> PoliticalEvent:
    table = PriorTable("priors.csv", "0" * 64, {event.event_id: tuple(sorted(quotes))})
    return with_priors(EventCatalogue([event]), table).get(event.event_id)


def test_a_file_gives_the_event_its_prior_and_its_surprise(tmp_path: Path) -> None:
    table = load(tmp_path, HEADER + ROW + ROW.replace("Trump,0.21", "Clinton,0.79"))
    event = with_priors(EVENTS, table).get(VOTE.event_id)
    assert event.priors == {"Clinton": 0.79, "Trump": 0.21}
    assert (event.outcome, event.outcome_prior, event.surprise_size) == ("Trump", 0.21, 0.79)


def test_a_quote_at_the_close_of_the_polls_is_too_late() -> None:
    second = timedelta(seconds=1)
    event = priced(quote(CLOSE - second, 0.3), quote(CLOSE, 0.9), quote(CLOSE + second, 0.95))
    assert event.priors == {"Trump": 0.3}
    assert [q.probability for q in event.quotes] == [0.3]


@pytest.mark.parametrize(
    ("blank", "at", "basis"),
    [
        ((), CLOSE, "polls_close_at"),
        (("polls_close_at",), datetime(2016, 11, 8, 5, tzinfo=UTC), "midnight of voted_on"),  # EST is UTC-5
        (("polls_close_at", "voted_on"), datetime(2016, 11, 9, 2, tzinfo=UTC), "signal_from"),
        (("polls_close_at", "voted_on", "signal_from"), KNOWN, "known_at"),
        (("polls_close_at", "voted_on", "signal_from", "known_at"), None, "no instant is known"),
    ],
)
def test_the_cut_off_follows_from_the_first_instant_that_is_known(blank, at, basis) -> None:
    event = VOTE.model_copy(update={"signal_from": datetime(2016, 11, 9, 2, tzinfo=UTC), **dict.fromkeys(blank)})
    assert cutoff(event) == (at, basis)


def test_the_cut_off_is_never_after_the_outcome_was_known() -> None:
    early = VOTE.model_copy(update={"polls_close_at": None, "known_at": datetime(2016, 11, 1, tzinfo=UTC)})
    assert cutoff(early) == (datetime(2016, 11, 1, tzinfo=UTC), "known_at")


def test_an_event_without_any_instant_has_no_prior() -> None:
    undated = VOTE.model_copy(update={"polls_close_at": None, "voted_on": None, "known_at": None})
    event = priced(quote(CLOSE, 0.3), event=undated)
    assert (dict(event.priors), event.surprise_size) == ({}, None)


def test_before_the_vote_only_quotes_strictly_before_are_seen_and_never_the_surprise() -> None:
    first, second = datetime(2016, 11, 1, tzinfo=UTC), datetime(2016, 11, 7, tzinfo=UTC)
    event = priced(quote(first, 0.3), quote(second, 0.2))
    seen = {at: dict(event.as_known(at).priors) for at in (first, first + timedelta(seconds=1), second, CLOSE)}
    assert list(seen.values()) == [{}, {"Trump": 0.3}, {"Trump": 0.3}, {"Trump": 0.2}]
    before = event.as_known(KNOWN - timedelta(seconds=1))
    assert (before.outcome, before.outcome_prior, before.surprise_size) == (None, None, None)
    assert event.as_known(KNOWN).surprise_size == 0.8


_PROBABILITY = st.floats(0, 1, allow_nan=False)
_AFTER = st.lists(st.tuples(st.integers(0, 10**7), st.sampled_from(["Trump", "Clinton"]), _PROBABILITY), max_size=8)


@given(_AFTER, _AFTER)
def test_whatever_is_quoted_at_or_after_the_cut_off_changes_nothing(one, other) -> None:
    base = [quote(CLOSE - timedelta(hours=1), 0.3), quote(CLOSE - timedelta(hours=2), 0.7, "Clinton")]

    def event(later):
        return priced(*base, *(quote(CLOSE + timedelta(seconds=s), p, name) for s, name, p in later))

    a, b = event(one), event(other)
    assert (a.quotes, a.priors, a.surprise_size) == (b.quotes, b.priors, b.surprise_size)
    assert a.surprise_size == 0.7


@given(st.lists(st.tuples(st.integers(-(10**6), 10**6), _PROBABILITY), max_size=12), _PROBABILITY)
def test_what_is_seen_at_an_instant_hangs_on_nothing_observed_from_then_on(offsets, changed) -> None:
    now = CLOSE - timedelta(days=20)
    quotes = {now + timedelta(seconds=s): p for s, p in offsets}
    one = priced(*(quote(at, p) for at, p in quotes.items()))
    other = priced(*(quote(at, p if at < now else changed) for at, p in quotes.items()))
    assert one.as_known(now).quotes == other.as_known(now).quotes
    assert one.as_known(now).priors == other.as_known(now).priors


def test_quotes_that_do_not_name_the_winner_leave_the_surprise_unknown_and_say_so() -> None:
    event = VOTE.model_copy(update={"implied_probability": 0.21})
    table = PriorTable("p.csv", "0" * 64, {VOTE.event_id: (quote(CLOSE - timedelta(days=1), 0.3, "Yes"),)})
    reading = read_prior(event, table)
    assert (reading.happened, reading.surprise) == (None, None)
    assert reading.note == "what happened is unknown: not one outcome alone of Yes names 'Donald Trump' or 'Republican'"


def test_without_quotes_the_catalogue_s_own_probability_tells_the_surprise() -> None:
    event = VOTE.model_copy(update={"implied_probability": 0.21})
    assert (event.outcome_prior, event.surprise_size) == (0.21, 0.79)
    assert event.as_known(CLOSE).surprise_size is None


def test_an_old_prior_says_its_age() -> None:
    table = PriorTable("p.csv", "0" * 64, {VOTE.event_id: (quote(CLOSE - timedelta(days=35), 0.3),)})
    assert read_prior(VOTE, table).note == "the last quote is 35 days older than the cut-off"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            HEADER.replace("source", "sauce") + ROW,
            "unknown column in priors.csv line 1: 'sauce' (did you mean 'source'?)",
        ),
        ("event_id,outcome,probability,source\n", "priors.csv line 1: column 'observed_at' is missing"),
        (
            HEADER + ROW.replace("0.21", "1.2"),
            "priors.csv line 2: probability is '1.2'; it must be a number from 0 to 1",
        ),
        (
            HEADER + ROW.replace("0.21", "-0.1"),
            "priors.csv line 2: probability is '-0.1'; it must be a number from 0 to 1",
        ),
        (HEADER + ROW.replace("0.21", "nan"), "priors.csv line 2: probability"),
        (
            HEADER + ROW.replace("0.21", "21%"),
            "priors.csv line 2: probability is '21%'; it must be a number from 0 to 1",
        ),
        (HEADER + ROW.replace("0.21", ""), "priors.csv line 2: probability"),
        (
            HEADER + ROW.replace("12:00:00Z", "12:00:00"),
            "priors.csv line 2: observed_at is '2016-11-07T12:00:00'; it must be an instant with its offset",
        ),
        (HEADER + ROW.replace("Trump", ""), "priors.csv line 2: outcome"),
        (HEADER + ROW.replace("https://example.org", ""), "priors.csv line 2: source"),
        (
            HEADER + ROW.replace("08-PE", "08-PR"),
            "unknown event at priors.csv line 2: 'US-2016-11-08-PR' (did you mean 'US-2016-11-08-PE'?)",
        ),
        (
            HEADER + ROW + ROW,
            "priors.csv line 3: 'Trump' of US-2016-11-08-PE at 2016-11-07T12:00:00Z appears already at",
        ),
        (
            HEADER + ROW + ROW.replace("12:00:00Z", "13:00:00+01:00"),  # the same instant with another offset
            "priors.csv line 3: 'Trump' of US-2016-11-08-PE at 2016-11-07T12:00:00Z appears already at priors.csv line 2",
        ),
        (
            HEADER + ROW + ROW.replace("T12", "T13").replace("Trump", "TRUMP"),
            "priors.csv line 3: outcome 'TRUMP' is 'Trump' at priors.csv line 2; write it one way",
        ),
        (HEADER + ROW.replace(",0.21", ""), "priors.csv line 2: not 5 fields as the header has"),
        (HEADER.encode() + ROW.replace("Trump", "\xe9").encode("latin-1"), "priors.csv line 2: not UTF-8"),
        ("", "priors.csv line 1: column 'event_id' is missing"),
    ],
)
def test_each_fault_of_a_file_is_refused_in_one_line(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(UserError) as refused:
        load(tmp_path, text)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        load_priors(tmp_path / "none.csv", EVENTS)


def test_quotes_are_added_to_a_file_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "priors.csv"
    one, two = quote(CLOSE - timedelta(days=2), 0.1), quote(CLOSE - timedelta(days=1), 0.27)
    add_quotes(path, VOTE.event_id, [two], EVENTS)
    add_quotes(path, VOTE.event_id, [one], EVENTS)
    assert load_priors(path, EVENTS).quotes == {VOTE.event_id: (one, two)}
    with pytest.raises(UserError, match="at these instants already"):
        add_quotes(path, VOTE.event_id, [one], EVENTS)
    assert [p.name for p in tmp_path.iterdir()] == ["priors.csv"]


CATALOGUE = "event_id,country,kind,title,known_at,surprise,implied_probability\n"


@pytest.mark.parametrize(
    ("cells", "label", "probability"),
    [
        ("0.79,", Surprise.UPSET, 0.21),
        ("0.79,0.21", Surprise.UPSET, 0.21),
        ("0.5,", Surprise.EXPECTED, 0.5),
        ("0,", Surprise.EXPECTED, 1.0),
        ("1,", Surprise.UPSET, 0.0),
        ("upset,0.6", Surprise.UPSET, 0.6),  # a label is a judgement of its own
    ],
)
def test_surprise_may_be_a_number_from_which_the_label_follows(tmp_path: Path, cells, label, probability) -> None:
    path = tmp_path / "events.csv"
    path.write_text(f"{CATALOGUE}X-1,US,general_election,A vote,2016-11-09T07:29:00Z,{cells}\n")
    event = load_events(path).get("X-1")
    assert (event.surprise, event.implied_probability) == (label, probability)
    assert event.surprise_size == 1 - probability


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ("1.01,", "surprise is 1.01; as a number it is 1 - p of what happened, from 0 to 1"),
        ("-0.1,", "surprise is -0.1; as a number"),
        ("0.79,0.3", "surprise 0.79 and implied_probability 0.3 disagree: they must add up to 1"),
        ("nan,", "surprise: Input should be 'upset' or 'expected'"),
    ],
)
def test_a_surprise_that_is_no_such_number_is_refused(tmp_path: Path, cells: str, said: str) -> None:
    path = tmp_path / "events.csv"
    path.write_text(f"{CATALOGUE}X-1,US,general_election,A vote,2016-11-09T07:29:00Z,{cells}\n")
    with pytest.raises(UserError, match=r"events\.csv line 2: ") as refused:
        load_events(path)
    assert said in str(refused.value)
