"""Price histories of prediction markets: what the layouts mean, and the real files read by hand."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from datasets.errors import UserError
from datasets.events import EventCatalogue, PoliticalEvent, bundled_events
from datasets.events.odds import read_odds
from datasets.events.odds_book import Quote
from datasets.events.priors import PriorTable, read_prior, with_priors

DAILY = "date,market_id,symbol,contract,market,open,high,low,close,volume\n"
HOURLY = "time,market_id,contract,open,high,low,close,volume\n"
STATES = "date,timestamp_utc,state,trump_prob,harris_prob,other_prob\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "odds.csv"
    path.write_text(text, encoding="utf-8")
    return path


def quotes_of(path: Path, market: str | None = None) -> list[Quote]:
    return list(read_odds(path, market)[1])


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


def test_a_daily_close_is_observed_at_the_last_second_of_its_eastern_day(tmp_path: Path) -> None:
    """Before 6 November 2016 the East is at UTC-4, from then on at UTC-5."""
    rows = "2016-11-04,9,SYM,,Will it?,0.1,0.1,0.1,0.1,5\n2016-11-07,9,SYM,,Will it?,0.2,0.2,0.2,0.3,5\n"
    assert quotes_of(written(tmp_path, DAILY + rows)) == [
        Quote(utc(2016, 11, 5, 3, 59, 59), "Yes", 0.1, "PredictIt market 9 SYM"),
        Quote(utc(2016, 11, 8, 4, 59, 59), "Yes", 0.3, "PredictIt market 9 SYM"),
    ]


def test_an_hourly_close_is_observed_at_the_last_second_of_the_hour_that_begins_at_its_time(tmp_path: Path) -> None:
    path = written(tmp_path, HOURLY + "2020-07-11T04:00:00Z,7,Democratic,0.6,0.7,0.6,0.63,12\n")
    assert quotes_of(path) == [Quote(utc(2020, 7, 11, 4, 59, 59), "Democratic", 0.63, "PredictIt market 7")]


def test_a_snapshot_of_a_state_gives_each_outcome_its_quote_and_a_blank_none(tmp_path: Path) -> None:
    path = written(tmp_path, STATES + "2024-11-04,1730698862,PA,0.6,0.4,\n2024-11-04,1730698862,WI,0.1,0.9,0.1\n")
    at = utc(2024, 11, 4, 5, 41, 2)
    assert quotes_of(path, "pa") == [
        Quote(at, "Harris", 0.4, "Polymarket PA"),
        Quote(at, "Trump", 0.6, "Polymarket PA"),
    ]


SITES = {
    "predictit": ("Contract ID,Date,Contract Name,Open Share Price,Close Share Price\n1,11/01/2020,Joe Biden,$0.63,$0.64\n",
                  Quote(utc(2020, 11, 2, 4, 59, 59), "Joe Biden", 0.64, "PredictIt")),
    "polymarket": ('"Date (UTC)","Timestamp (UTC)","Price"\n"11-03-2024 00:00",1730592000,0.552\n',
                   Quote(utc(2024, 11, 3), "Yes", 0.552, "Polymarket")),
    "iem": ("Date,Contract,Units,$Volume,LowPrice,HighPrice,AvgPrice,LastPrice\n11/07/16,DEM16_WTA,9,8.1,.8,.9,.8,0.85\n",
            Quote(utc(2016, 11, 8, 5, 59, 59), "DEM16_WTA", 0.85, "IEM WTA")),
    "betfair": ("Market,Outcome,timestamp,Back,Lay\nMost Seats,Labour,2015-01-06T17:16:04Z,2.0,2.5\n",
                Quote(utc(2015, 1, 6, 17, 16, 4), "Labour", 0.45, "Betfair Most Seats")),
    "plain": ("time,probability\n2016-11-08 12:00 UTC,16%\n", Quote(utc(2016, 11, 8, 12), "Yes", 0.16, "odds.csv")),
    "kalshi": ("timestamp,Donald Trump,Kamala Harris\n2024-11-04T00:00:00Z,55,\n",
               Quote(utc(2024, 11, 4), "Donald Trump", 0.55, "Kalshi")),
}  # fmt: skip


@pytest.mark.parametrize("layout", SITES)
def test_what_a_site_gives_is_recognised_by_its_header(tmp_path: Path, layout: str) -> None:
    text, quote = SITES[layout]
    assert read_odds(written(tmp_path, text)) == (layout, (quote,))


def test_the_files_of_two_sites(shared_dir: Path) -> None:
    files = shared_dir / "cases/files"
    assert read_odds(files / "predictit_site.csv") == ("predictit", (SITES["predictit"][1],))
    layout, quotes = read_odds(files / "polymarket_site.csv")
    assert (layout, [q.probability for q in quotes]) == ("polymarket", [0.552, 0.561])


def test_odds_that_lack_one_side_take_the_other(tmp_path: Path) -> None:
    text = "time,Selection,Back,Lay\n2015-01-06T17:16:04Z,Labour,,4\n"
    assert [q.probability for q in quotes_of(written(tmp_path, text))] == [0.25]


P_ROW = "2016-11-07,9,SYM,Yes,Will it?,0.2,0.2,0.2,0.3,5\n"
S_ROW = "2024-11-04,1730698862,PA,0.6,0.4,0.01\n"


@pytest.mark.parametrize(
    ("layout", "text", "market", "said"),
    [
        ("predictit", DAILY + P_ROW.replace(",0.3,", ",1.3,"), None, "odds.csv line 2: close is '1.3'; it must be a number from 0 to 1"),
        ("predictit", DAILY + P_ROW.replace(",0.3,", ",,"), None, "odds.csv line 2: close is ''"),
        ("predictit", DAILY + P_ROW.replace("2016-11-07", "7 Nov"), None, "odds.csv line 2: date is '7 Nov'"),
        ("predictit", DAILY + P_ROW + P_ROW, None, "odds.csv line 3: Yes at 2016-11-08T04:59:59Z appears already at odds.csv"),
        ("predictit", DAILY + P_ROW + P_ROW.replace(",9,", ",8,"), None, "odds.csv holds 2 markets; choose one with --market"),
        ("predictit", DAILY + P_ROW, "SYN", "odds.csv holds no market 'SYN' (did you mean 'SYM'?)"),
        ("predictit", DAILY, None, "odds.csv holds no row"),
        ("predictit", HOURLY + "2020-07-11T04:00:00,7,D,0,0,0,0.6,1\n", None, "odds.csv line 2: time is '2020-07-11T04:00:00'; it must be an instant with its offset"),
        ("predictit", HOURLY + "noon,7,D,0,0,0,0.6,1\n", None, "odds.csv line 2: time is 'noon'"),
        ("predictit", STATES + S_ROW, None, "odds.csv line 1: found date, timestamp_utc, state"),
        ("predictit", DAILY + "2016-11-07,9,SYM\n", None, "odds.csv line 2: not 10 fields"),
        ("polymarket", DAILY + P_ROW, None, "it does not have the layout polymarket"),
        ("polymarket", STATES + S_ROW.replace("0.6", "60"), None, "odds.csv line 2: trump_prob is '60'; it must be a number"),
        ("polymarket", STATES + S_ROW.replace("1730698862", "soon"), None, "odds.csv line 2: timestamp_utc is 'soon'"),
        ("polymarket", STATES + S_ROW.replace("2024-11-04", "2024-11-05"), None, "is of 2024-11-04 in UTC, but date is"),
        (None, "time,probability\n2016-11-08 12:00,0.2\n", None, "time is '2016-11-08 12:00'; it must be an instant with its offset"),
        (None, "time,probability\n2016-11-08T12:00Z,1.2\n", None, "probability is '1.2'; it must be a number from 0 to 1"),
        (None, "timestamp,Yes\n2016-11-08T12:00Z,120\n", None, "Yes is '120'; it must be cents from 0 to 100"),
        (None, "time,Selection,Back,Lay\n2016-11-08T12:00Z,A,0.9,2\n", None, "Back is '0.9'; it must be decimal odds of 1 or more"),
        (None, "when,what\n1,2\n", None, "found when, what; it does not have time, probability and outcome"),
        ("polymarket", STATES + S_ROW, "WI", "odds.csv holds no market 'WI'"),
        ("polymarket", "date,timestamp_utc,state\n2024-11-04,1730698862,PA\n", None, "odds.csv quotes no outcome"),
    ],
)  # fmt: skip
def test_each_fault_is_refused_in_one_line(
    tmp_path: Path, layout: str | None, text: str, market: str | None, said: str
) -> None:
    with pytest.raises(UserError) as refused:
        read_odds(written(tmp_path, text), market, layout=layout)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def vote(event_id: str, closes: datetime, winner: str, party: str) -> PoliticalEvent:
    return PoliticalEvent.model_validate(
        {
            "event_id": event_id, "country": "US", "kind": "legislative_election", "title": "A race",
            "timezone": "America/New_York", "polls_close_at": closes, "known_at": utc(closes.year, 12, 1),
            "winner": winner, "winner_party": party,
        }
    )  # fmt: skip


def reading(quotes: list[Quote], event: PoliticalEvent):
    return read_prior(event, PriorTable("p.csv", "0" * 64, {event.event_id: tuple(quotes)}))


def quoted(found) -> dict[str, float]:
    return {name: q.probability for name, q in found.quotes.items()}


def test_pennsylvania_2016_is_read_at_the_close_of_the_day_before_not_of_the_day(shared_dir: Path) -> None:
    """Closes of 7 November in the file: 0.78, 0.01, 0.27. Those of the 8th, 0.22 and 0.68, knew the count."""
    event = vote("US-2016-11-08-PASEN", utc(2016, 11, 9, 1), "Pat Toomey", "Republican")
    found = reading(quotes_of(shared_dir / "odds/PREDICTIT_2016_DAILY.csv", "PENNSEN16"), event)
    assert quoted(found) == {"Democratic": 0.78, "Other": 0.01, "Republican": 0.27}
    assert found.quotes["Republican"].observed_at == utc(2016, 11, 8, 4, 59, 59)
    assert found.surprise == pytest.approx(1 - 0.27 / 1.06, abs=1e-12)
    assert found.n_observations - found.n_before == 6  # three contracts, 8 and 9 November


def test_the_file_of_2016_has_no_presidential_market_but_the_trifecta_is_at_16_cents(shared_dir: Path) -> None:
    """Its market 1250 asks whether Republicans take Congress and the White House: 0.16 on the 7th, 0.96 on the 8th."""
    quotes = quotes_of(shared_dir / "odds/PREDICTIT_2016_DAILY.csv", "1250")
    found = reading(quotes, bundled_events().get("US-2016-11-08-PE"))
    assert quoted(found) == {"Yes": 0.16}
    assert (found.happened, found.surprise) == (None, None)  # "Yes" is not "Trump wins"


def test_arizona_2018(shared_dir: Path) -> None:
    """Closes of 5 November in the file: 0.46 and 0.57."""
    event = vote("US-2018-11-06-AZSEN", utc(2018, 11, 7, 2), "Kyrsten Sinema", "Democratic")
    found = reading(quotes_of(shared_dir / "odds/PREDICTIT_2018_DAILY.csv", "3812"), event)
    assert quoted(found) == {"Democratic": 0.46, "Republican": 0.57}
    assert found.surprise == pytest.approx(1 - 0.46 / 1.03, abs=1e-12)


def test_the_presidency_of_2020_ends_five_weeks_before_the_vote_and_says_so(shared_dir: Path) -> None:
    """Last rows of the file, time 2020-09-29T03:00:00Z: 0.01, 0.44, 0.6, 0.01."""
    quotes = quotes_of(shared_dir / "odds/PREDICTIT_2020_POTUS_PARTY_HOURLY.csv")
    found = reading(quotes, bundled_events().get("US-2020-11-03-PE"))
    assert quoted(found) == {"Democratic": 0.6, "Green": 0.01, "Libertarian": 0.01, "Republican": 0.44}
    assert {q.observed_at for q in found.quotes.values()} == {utc(2020, 9, 29, 3, 59, 59)}
    assert (found.n_observations, found.happened) == (7444, "Democratic")
    assert found.surprise == pytest.approx(1 - 0.60 / 1.06, abs=1e-12)
    assert found.note == "the last quote is 35 days older than the cut-off"


def test_the_senate_majority_decided_in_georgia(shared_dir: Path) -> None:
    """Last rows of the file: 0.58 and 0.44."""
    quotes = quotes_of(shared_dir / "odds/PREDICTIT_2020_SENATE_MAJORITY_HOURLY.csv", "4366")
    found = reading(quotes, bundled_events().get("US-2021-01-05-GASEN"))
    assert (quoted(found), found.happened) == ({"Democratic": 0.58, "Republican": 0.44}, "Democratic")
    assert found.surprise == pytest.approx(1 - 0.58 / 1.02, abs=1e-12)


@pytest.mark.parametrize(
    ("state", "trump", "harris", "surprise"),
    [
        ("PA", 0.555, 0.455, 1 - 0.555 / 1.0105),  # with 0.0005 for others the book sums to 1.0105
        ("WI", 0.405, 0.585, 0.595),  # it sums to 0.9905: left as it is
    ],
)
def test_the_states_of_2024(shared_dir: Path, state: str, trump: float, harris: float, surprise: float) -> None:
    event = vote(f"US-2024-11-05-{state}", utc(2024, 11, 6, 1), "Donald Trump", "Republican")
    found = reading(quotes_of(shared_dir / "odds/POLYMARKET_US2024_STATES_DAILY.csv", state), event)
    assert quoted(found) == {"Harris": harris, "Other": 0.0005, "Trump": trump}
    assert {q.observed_at.date().isoformat() for q in found.quotes.values()} == {"2024-11-04"}
    assert found.surprise == pytest.approx(surprise, abs=1e-12)


def test_every_market_of_the_real_files_can_be_read(shared_dir: Path) -> None:
    """118 markets of 2018 and 34 of 2016; the quotes together are the rows of each file."""
    for year, n_markets, n_rows in ((2016, 34, 20837), (2018, 118, 44711)):
        path = shared_dir / f"odds/PREDICTIT_{year}_DAILY.csv"
        lines = path.read_text(encoding="utf-8").splitlines()[1:]
        ids = sorted({line.split(",")[1] for line in lines})
        sample = ids[:: max(1, len(ids) // 6)]
        assert (len(ids), len(lines)) == (n_markets, n_rows)
        for market in sample:
            assert len(quotes_of(path, market)) == sum(line.split(",")[1] == market for line in lines)


def test_no_event_is_touched_by_another_s_quotes() -> None:
    one = vote("US-2016-11-08-A", utc(2016, 11, 9, 1), "A B", "Republican")
    two = vote("US-2016-11-08-B", utc(2016, 11, 9, 1), "C D", "Democratic")
    table = PriorTable("p.csv", "0" * 64, {one.event_id: (Quote(utc(2016, 11, 1), "Republican", 0.4, "x"),)})
    priced = with_priors(EventCatalogue([one, two]), table)
    assert (priced.get(one.event_id).surprise_size, priced.get(two.event_id).surprise_size) == (0.6, None)
