"""Special sessions and regular hours by period: pinned rows of each kind, and every row of the private collection."""

import csv
from collections.abc import Iterator
from datetime import date, datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from datasets.csv_rows import read_csv
from datasets.events import bundled_events
from datasets.instants import to_date, to_ns
from datasets.markets.exchange_tables import HERE, TABLES, find_exchange, regular_hours
from datasets.markets.hours_building import CalendarDates, is_day
from datasets.markets.instruments import bundled_instruments
from datasets.markets.sessions import FIRST_DATE, SessionHours, first_sessions_after, hours_table, session_hours
from tests.engine.markets import real_bars

DOUBTED = {
    ("XBKK", "1992-01-02"): "auction_end: a worked case (the coup of 2014-05-22) has the close of Bangkok at 16:30",
    ("XBKK", "2024-03-25"): "auction_end: as the row before",
}
"""Rows of the private collection that our tables do not follow, with the reason."""
VENDOR_ERRORS = {
    ("CSI300TR", "2018-06-18"): "Dragon Boat Festival",
    ("VIX", "2026-05-25"): "Memorial Day",
    ("IBOV", "2017-12-29"): "B3 ends its year on the last weekday but one",
}
"""Bars on days without a session."""
BEFORE_THE_HOURS = {
    (
        "FF3_DAILY",
        "US-1945-01-20-INAUG",
    ): "New York traded on Saturdays until 1952; explain says its hours are not certain",
    (
        "N225",
        "CA-1988-11-21-GE",
    ): "Labour Thanksgiving Day: Tokyo's holidays are known from 1990 on, which explain says",
}
"""First sessions that lie before the hours are known."""


def hours_of(mic: str, day: str) -> SessionHours:
    at = date.fromisoformat(day)
    (found,) = session_hours(mic, at, at)
    return found


def clock(at: datetime, day: str) -> str:
    """Return the local time as the tables write it: ``17:00-1`` on the day before."""
    days = (date.fromisoformat(day) - at.date()).days
    return f"{at:%H:%M}" + (f"-{days}" if days else "")


def written(mic: str, day: str) -> str:
    """Return ``09:30-13:00`` or ``closed``."""
    times = hours_of(mic, day).times
    return f"{clock(times[0], day)}-{clock(times[1], day)}" if times else "closed"


# Each row from the source named beside it; hours are those of the exchange.
PINNED = [
    ("ASEX", "2015-07-06", "closed", "Reuters: capital controls, shut from 29 June to 31 July 2015"),
    ("ASEX", "2024-05-06", "closed", "Orthodox Easter Monday"),
    ("ASEX", "2024-05-08", "10:15-17:00", "athexgroup.gr, trading hours"),
    ("BVMF", "2014-06-12", "closed", "opening of the World Cup in Sao Paulo"),
    ("BVMF", "2012-02-22", "13:00-18:00", "Ash Wednesday, in Brazilian summer"),
    ("BVMF", "2013-02-13", "13:00-17:00", "Ash Wednesday of the summer without seasonal hours"),
    ("BVMF", "2019-03-06", "13:00-18:00", "Ash Wednesday, before New York's change"),
    ("BVMF", "2013-01-10", "10:00-17:00", "G1 2012-10: no change for the Brazilian summer of 2012/13"),
    ("BVMF", "2025-04-03", "10:00-17:00", "O Povo 2025-10: 17:00 while New York has daylight time"),
    ("BVMF", "2025-11-03", "10:00-18:00", "O Povo 2025-10: later close from 3 November"),
    ("CMES", "2024-01-03", "17:00-1-16:00", "CME Group: equity futures open at 17:00 of the day before"),
    ("IFLL", "2013-07-02", "01:00-21:00", "NYSE Liffe, specification of the FTSE 100 future, 2013"),
    ("XEUR", "2025-12-18", "01:10-22:00", "TradeStation: DAX and Bund futures trade from 1:10 to 22:00 Frankfurt time"),
    ("XHKF", "2024-03-05", "09:15-16:30", "hkex.com.hk, derivatives market: Hang Seng Index futures"),
    ("XHKF", "2024-07-01", "closed", "as Hong Kong's shares: the day of the Special Administrative Region"),
    ("XKFE", "2024-03-05", "08:45-15:45", "global.krx.co.kr, contract specifications"),
    ("XOSE", "2016-07-20", "08:45-15:15", "jpx.co.jp, Next J-GATE: day session of index futures from 8:45"),
    ("XOSE", "2025-03-05", "08:45-15:45", "as Tokyo's shares, whose close moved to 15:30 on 2024-11-05"),
    ("XOSE_JGB", "2024-03-05", "08:45-15:02", "jpx.co.jp, contract specifications of JGB futures"),
    ("XSFE", "2015-03-05", "09:50-16:30", "asx.com.au, specification of the SPI 200 future"),
    ("XSIM", "2015-03-05", "09:00-15:55", "marketswiki.com, SGX FTSE China A50 Index futures, 2015"),
    ("XAMS", "2026-05-29", "09:00-17:30", "Euronext: continuous trading"),
    ("XASX", "2009-12-24", "10:00-14:10", "blog of December 2009 with the ASX notice"),
    ("XASX", "2020-11-16", "10:00-10:24", "ASX: halted at 10:24 for the rest of the day"),
    ("XASX", "2016-09-19", "11:30-14:05", "ASX: opened late and closed early"),
    ("XBKK", "2010-05-19", "10:00-12:30", "afternoon session cancelled"),
    ("XBKK", "2010-05-20", "closed", "unrest in Bangkok"),
    ("XBOM", "2009-05-18", "09:55-11:56", "upper circuit at 11:55, shut for the day"),
    ("XBOM", "2024-11-01", "18:00-19:00", "NDTV Profit: Muhurat session"),
    ("XBOM", "2012-11-13", "15:45-17:00", "NSE: Muhurat session"),
    ("XBOM", "2025-10-21", "13:45-14:45", "Muhurat session in the afternoon"),
    ("XBOM", "2024-01-20", "09:15-15:30", "NSE: full session on a Saturday"),
    ("XBOM", "2025-02-01", "09:15-15:30", "Union Budget on a Saturday"),
    ("XBOM", "2008-11-05", "09:55-15:30", "NSE opened at 9:55 until 2009"),
    ("XBOM", "2021-02-24", "09:15-17:00", "NSE: extended after the telecom failure"),
    ("XBUD", "2026-05-29", "09:00-17:00", "bet.hu, trading hours"),
    ("XBUE", "2024-12-31", "closed", "Ambito: BYMA shut"),
    ("XETR", "1994-11-16", "closed", "Day of Repentance"),
    ("XETR", "1998-06-01", "closed", "Whit Monday"),
    ("XETR", "2005-12-30", "09:00-14:00", "last session of the year"),
    ("XETR", "2001-01-03", "09:00-20:00", "Handelsblatt: Xetra until 20:00 from 2 June 2000 to 31 October 2003"),
    ("XHKG", "1997-05-14", "10:00-15:55", "Buddha's Birthday became a holiday in 1999"),
    ("XHKG", "2008-08-06", "closed", "typhoon Kammuri"),
    ("XHKG", "2009-12-24", "10:00-12:30", "Christmas Eve"),
    ("XHKG", "2021-06-28", "13:30-16:00", "black rainstorm, morning lost"),
    ("XHKG", "2022-11-02", "09:30-13:55", "typhoon Nalgae"),
    ("XIDX", "2018-06-27", "closed", "regional elections"),
    ("XIST", "2023-02-09", "closed", "earthquake"),
    ("XIST", "2025-06-05", "10:00-12:30", "eve of the Feast of Sacrifice"),
    ("XJSE", "2024-05-29", "closed", "general election"),
    ("XKLS", "2017-01-27", "09:00-12:30", "The Star: eve of the Lunar New Year"),
    ("XKLS", "2022-11-18", "closed", "holiday before the general election"),
    ("XKRX", "2024-11-14", "10:00-16:30", "Hankyung: college entrance exam"),
    ("XKRX", "2023-11-16", "10:00-16:30", "Hankyung: college entrance exam"),
    ("XKRX", "2022-01-03", "10:00-15:30", "first session of the year"),
    ("XKRX", "2026-06-03", "closed", "local elections"),
    ("XKRX", "1996-04-11", "closed", "general election"),
    ("XKRX", "1998-12-05", "09:30-11:30", "last Saturday session"),
    ("XKRX", "1998-12-12", "closed", "first Saturday without"),
    ("XLIM", "2025-03-07", "09:30-16:00", "Gestion 2025-03: close of 16:00 while New York has standard time"),
    ("XLIM", "2025-03-10", "08:30-15:00", "Gestion 2025-03: close of 15:00 from March to November"),
    ("XLIM", "2025-12-24", "09:00-12:00", "El Comercio: nuam's hours at the end of the year"),
    ("XLIS", "2026-05-29", "08:00-16:30", "Euronext: 17:30 in Paris"),
    ("XLON", "2000-04-05", "15:45-18:30", "The Independent: system failure"),
    ("XLON", "2019-08-16", "09:40-16:30", "system failure"),
    ("XLON", "2024-12-24", "08:00-12:30", "Christmas Eve"),
    ("XLON", "1999-01-04", "09:00-16:30", "The Independent: an hour earlier from 20 September 1999"),
    ("XMAD", "2024-12-24", "09:00-14:00", "Christmas Eve"),
    ("XMEX", "2024-10-01", "closed", "presidential inauguration"),
    ("XMEX", "2024-10-31", "07:30-14:00", "El CEO: hours follow New York's daylight time"),
    ("XMEX", "2024-11-04", "08:30-15:00", "El CEO: hours follow New York's daylight time"),
    ("XMEX", "2015-03-17", "07:30-14:00", "three weeks in which only New York has daylight time"),
    ("XMIL", "2018-01-03", "09:00-17:30", "Borsa Italiana: continuous trading"),
    ("XMOS", "2022-03-16", "closed", "Bank of Russia: no trading of shares from 28 February to 23 March 2022"),
    ("XMOS", "2022-03-24", "09:50-14:00", "Bank of Russia: 33 shares from 9:50 to 14:00"),
    ("XNYS", "1996-01-08", "11:00-14:00", "blizzard"),
    ("XNYS", "2001-09-17", "09:33-16:00", "silence at reopening"),
    ("XNYS", "2005-06-01", "09:30-15:56", "system failure"),
    ("XNYS", "2012-10-29", "closed", "hurricane Sandy"),
    ("XPAR", "1997-05-08", "closed", "Victory Day"),
    ("XPAR", "1998-07-13", "closed", "bridging day"),
    ("XPAR", "1996-12-26", "10:00-17:00", "a session: CAC 40 has a bar"),
    ("XPAR", "2024-12-24", "09:00-14:05", "Christmas Eve"),
    ("XPHS", "2021-05-04", "09:30-13:00", "Philstar: shortened in the pandemic"),
    ("XSES", "2004-12-31", "09:00-12:30", "New Year's Eve"),
    ("XSES", "2018-02-15", "09:00-12:00", "eve of the Lunar New Year"),
    ("XSES", "2024-12-24", "09:00-12:00", "Christmas Eve"),
    ("XSES", "2016-07-14", "09:00-11:38", "SGX: halted at 11:38 for the rest of the day"),
    ("XSES", "1994-02-10", "closed", "Lunar New Year"),
    ("XSGO", "2025-12-24", "09:30-13:00", "El Comercio: nuam's hours at the end of the year"),
    ("XSGO", "2025-12-31", "closed", "bank holiday"),
    ("XSHG", "2016-01-04", "09:30-13:34", "circuit breaker"),
    ("XSHG", "2016-01-07", "09:30-09:59", "circuit breaker"),
    ("XTAE", "2026-01-04", "closed", "first Sunday without trading"),
    ("XTAE", "2025-12-28", "09:59-15:50", "a Sunday session"),
    ("XTAE", "2026-01-09", "10:00-13:50", "Globes: first Friday session"),
    ("XTAI", "2009-01-17", "09:00-13:30", "make-up session on a Saturday"),
    ("XTAI", "2024-10-31", "closed", "typhoon Kong-rey"),
    ("XTKS", "1995-12-29", "09:00-11:00", "last session of the year"),
    ("XTKS", "2009-01-05", "09:00-11:00", "the last half day"),
    ("XTKS", "2009-12-30", "09:00-15:00", "a full day"),
    ("XTKS", "2005-11-01", "13:30-15:00", "system failure, morning lost"),
    ("XTKS", "2006-01-18", "09:00-14:40", "all shares halted"),
    ("XTSE", "2024-12-24", "09:30-13:00", "Christmas Eve"),
    ("XWAR", "2012-05-02", "09:00-17:30", "GPW: longer sessions from 2011 to April 2013"),
]


@pytest.mark.parametrize(("mic", "day", "hours", "source"), PINNED, ids=[f"{m}-{d}" for m, d, *_ in PINNED])
def test_a_session_known_from_outside(mic: str, day: str, hours: str, source: str) -> None:
    assert source
    assert written(mic, day) == hours


@pytest.mark.parametrize(
    ("mic", "day", "official"),
    [
        ("XLON", "2016-06-24", "16:35"),
        ("XLON", "2024-12-24", "12:35"),  # the auction follows the half day too
        ("XETR", "2001-01-03", "20:05"),
        ("XPAR", "2012-05-07", "17:35"),
        ("XAMS", "2026-05-29", "17:35"),
        ("XAMS", "2026-12-24", "14:10"),
        ("XBUD", "2026-05-29", "17:05"),
        ("XLIS", "2026-05-29", "16:35"),
        ("XMOS", "2024-03-18", "18:50"),
        ("XHKG", "2016-07-22", "16:00"),  # the closing auction of Hong Kong began on 25 July 2016
        ("XHKG", "2016-07-25", "16:10"),
        ("XHKG", "2024-12-24", "12:10"),
        ("XASX", "2019-05-20", "16:10"),
        ("XSES", "2024-12-24", "12:06"),
        ("XSHG", "2016-01-07", "09:59"),  # no auction after a halt
        ("XNYS", "2024-07-03", "13:00"),
    ],
)
def test_the_official_close_is_made_by_the_auction(mic: str, day: str, official: str) -> None:
    times = hours_of(mic, day).times
    assert times is not None
    assert clock(times[2], day) == official


def test_where_a_date_comes_from_and_whether_it_is_certain() -> None:
    muhurat = hours_of("XBOM", "2024-11-01")
    assert (muhurat.fact.kind, muhurat.fact.confidence, muhurat.is_certain) == ("evening_session", "high", True)
    assert muhurat.fact.note == "Muhurat trading (Diwali)"
    assert not hours_of("XBOM", "2003-03-22").is_certain  # the session is certain, its hours are a guess
    assert hours_of("XTKS", "1999-01-04").fact.note == "first session of the year, morning only"
    assert not hours_of("XNYS", "2028-01-03").is_certain
    weekend, holiday, half = (hours_of("XNYS", d) for d in ("2024-07-06", "2024-07-04", "2024-11-29"))
    assert [h.fact.kind for h in (weekend, holiday, half)] == ["closed", "closed", "half day or late open"]
    assert half.fact.source.startswith("exchange_calendars")


def test_every_row_of_our_tables_is_complete() -> None:
    """A kind that is misspelled would change nothing."""
    kinds = {"closed", "extra_session", "evening_session", "late_open", "early_close", "other_close"}
    for name in TABLES[1:]:
        for row in read_csv(HERE / name).rows:
            assert find_exchange(row.text("mic")).mic == row.text("mic"), row.where
            assert row.text("confidence") in {"high", "medium", "low"}, row.where
            assert row.text("source"), row.where
            assert name == "hours.csv" or row.text("kind") in kinds, row.where
            assert row.text("kind") in {"closed", "extra_session"} or row.text("open") or row.text("close"), row.where
    pinned, own = {e for e, *_ in PINNED}, {r.text("mic") for r in read_csv(HERE / "hours.csv").rows}
    assert pinned == own - {"FX", "FX_LONDON"}, "PINNED: a session of every exchange with hours of its own"


@pytest.mark.parametrize(
    ("name", "year", "days"),
    [
        ("easter-46", 2024, ["2024-02-14"]),  # Ash Wednesday
        ("orthodox+1", 2024, ["2024-05-06"]),
        ("lunar-1", 2024, ["2024-02-09"]),
        ("12-24 12-31", 2023, ["2023-12-24", "2023-12-31"]),
        ("sat1 sat5", 1999, ["1999-01-02", "1999-01-30", "1999-02-06"]),
        ("first_session", 2023, ["2023-01-02"]),
        ("last_session", 2024, ["2024-12-31"]),
        ("before_christmas", 2022, ["2022-12-23"]),  # the 24th was a Saturday
    ],
)
def test_the_days_that_a_rule_names(name: str, year: int, days: list[str]) -> None:
    dates = np.arange(np.datetime64(f"{year}-01-01"), np.datetime64(f"{year + 1}-01-01"))
    marked = is_day(name, CalendarDates(dates, "Europe/London", np.is_busday(dates)))
    assert dates[marked].astype(str).tolist()[: len(days)] == days


def shared_rows(folder: Path, name: str) -> Iterator[dict[str, str]]:
    with (folder / "hours" / name).open(encoding="utf-8") as f:
        yield from csv.DictReader(f)


def test_every_special_session_of_the_private_collection(shared_dir) -> None:
    wrong = []
    for r in shared_rows(shared_dir, "special.csv"):
        want = "closed" if r["kind"] == "closed" else f"{r['open_local']}-{r['close_local']}"
        if written(r["mic"], r["session_date"]) != want and (r["mic"], r["session_date"]) not in DOUBTED:
            wrong.append((r["mic"], r["session_date"], want, written(r["mic"], r["session_date"])))
    assert wrong == []


def holds(season: str, mic: str, day: date) -> bool:
    """Return whether a row of the private collection holds on a date, by its README."""
    noon = datetime(day.year, day.month, day.day, 12)
    new_york, there = (
        noon.replace(tzinfo=ZoneInfo(z)).utcoffset() for z in ("America/New_York", find_exchange(mic).zone)
    )
    assert new_york is not None
    assert there is not None
    ahead, of_utc = (new_york - there).total_seconds() / 3600, new_york.total_seconds() / 3600
    seasons = {
        "new_york_dst": of_utc == -4,
        "new_york_standard": of_utc == -5,
        "ny_ahead_1h": ahead == 1,
        "ny_ahead_2h": ahead == 2,
        "sun": day.weekday() == 6,
        "mon_thu": day.weekday() < 4,
        "fri": day.weekday() == 4,
    }
    return seasons.get(season, True)


def test_every_regular_row_of_the_private_collection(shared_dir) -> None:
    """Every fifth of the sessions that nothing special touches has the hours of the row that holds on it."""
    wrong = []
    for r in shared_rows(shared_dir, "regimes.csv"):
        table, n_regular = hours_table(r["mic"]), len(regular_hours(r["mic"]))
        days = np.arange(np.datetime64(r["first_date"]), np.datetime64(r["last_date"]) + 1)
        row = (days - FIRST_DATE).astype(int)
        plain = table.is_session[row] & (table.origin[row] >= 0) & (table.origin[row] < n_regular)
        fitting = [d for d in days[plain][::5].astype(object) if holds(r["season"], r["mic"], d)]
        doubted = (r["mic"], r["first_date"]) in DOUBTED
        for day in [str(d) for d in fitting]:
            hours = tuple(clock(at, day) for at in hours_of(r["mic"], day).times or ())
            auction = (r["auction_end"] if not doubted else "") or r["close_local"]
            if hours != (r["open_local"], r["close_local"], auction):
                wrong.append((r["mic"], day, hours))
        assert fitting, (r["mic"], r["first_date"])
    assert wrong == []


def test_no_bar_since_1990_lies_on_a_day_without_session(market_dir) -> None:
    exchanges = {
        "XTKS": "N225 TOPIX T1306", "XKRX": "KOSPI", "XHKG": "HSI HSTECH", "XSHG": "SSEC CSI300 CSI300TR", "XASX": "ASX200",
        "XSES": "STI", "XBOM": "NIFTY50 NIFTY50TR", "XNYS": "SPX IXIC EWY SPXTR FF3_DAILY", "XCBF": "VIX", "XLON": "FTSE100",
        "XETR": "DAX", "XPAR": "CAC40", "BVMF": "IBOV", "XMEX": "IPC",
    }  # fmt: skip
    outside = set()
    for mic, symbols in exchanges.items():
        is_session = hours_table(mic).is_session
        for symbol in symbols.split():
            with (market_dir / f"{symbol}.csv").open(encoding="utf-8") as f:
                days = [r["date"] for r in csv.DictReader(f) if r["date"] >= "1990"]
            row = (np.array(days, dtype="datetime64[D]") - FIRST_DATE).astype(int)
            outside |= {(symbol, days[n]) for n in np.flatnonzero(~is_session[row])}
    assert outside == set(VENDOR_ERRORS)


@pytest.mark.slow
def test_explain_and_run_name_the_same_first_sessions(market_dir: Path) -> None:
    """``events explain`` asks the hours, a run the bars: for every event and instrument both name the same session."""
    compared, differs = 0, set()
    explained = cache(first_sessions_after)  # several series are of one exchange
    for path in sorted(market_dir.glob("*.csv")):
        if path.stem in ("actions", "FF3_MONTHLY"):
            continue
        bars = real_bars(market_dir).load(bundled_instruments().find(path.stem))
        missing = set(bars.missing.session.tolist())
        for event in bundled_events():
            first = None if event.known_at is None else explained(bars.instrument.mic, event.known_at)
            if first is None or event.known_at is None:
                continue
            at = to_ns(event.known_at)
            for made_at, session in ((bars.open_at, first.open_session), (bars.close_at, first.close_session)):
                row = int(np.searchsorted(made_at, at, side="right"))
                if 0 < row < len(bars) and session not in missing:
                    compared += 1
                    differs |= {(path.stem, event.event_id)} if to_date(bars.session[row]) != session else set()
    assert differs == set(BEFORE_THE_HOURS)
    assert compared > 10_000


def test_the_first_sessions_on_special_days() -> None:
    """The events of ../shared/cases/worlds/special_days_events.csv, and what their README wants."""
    for mic, known_at, opens, closes in (
        ("XBOM", "2024-01-19T14:00+00:00", "2024-01-20T03:45", "2024-01-20T10:00"),  # a full session on Saturday
        ("XBOM", "2024-05-17T14:00+00:00", "2024-05-18T03:45", "2024-05-18T07:00"),
        ("XKRX", "2026-06-02T10:00+00:00", "2026-06-04T00:00", "2026-06-04T06:30"),  # the 3rd is election day
        ("XKRX", "2024-11-14T00:30+00:00", "2024-11-14T01:00", "2024-11-14T07:30"),  # opens an hour late
        ("XSES", "2024-12-24T05:00+00:00", "2024-12-26T01:00", "2024-12-26T09:00"),  # shut since 12:00
    ):
        first = first_sessions_after(mic, datetime.fromisoformat(known_at))
        assert first is not None
        found = [f"{at:%Y-%m-%dT%H:%M}" for at in (first.open_at, first.close_at)]
        assert found == [opens, closes], (mic, known_at)
