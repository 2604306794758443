"""Providers against a server that answers as they do: what is read, each fault shown, and what was waited for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from datasets.errors import UserError
from datasets.markets.instruments import Instrument, bundled_instruments
from datasets.prices.sources.base import Provider
from datasets.prices.sources.http import ExhaustedError, HttpClock, ProviderError, RetryPolicy, retry_after
from datasets.prices.sources.providers import PROVIDERS, offered_by, provider_of
from tests.loopback import (
    NOW,
    PAGE,
    Fault,
    Loopback,
    Row,
    Series,
    body,
    changed,
    good,
    reset,
    serving,
    slow,
    status,
    truncated,
    unsized_and_cut,
    zipped,
)

DAYS = (
    Row("2026-02-05", 3700.5, 3720.25, 3690.0, 3710.75, 11),
    Row("2026-02-06", 3711.0, 3730.5, 3705.5, 3698.68, 12),
    Row("2026-02-09", 3756.21, 3825.67, 3752.74, 3783.57, 13),
)
CLOSES = [3710.75, 3698.68, 3783.57]
SYMBOLS = {"yahoo": "^N225", "fred": "NIKKEI225", "stooq": "^nkx"}


@dataclass
class FakeClock:
    """A clock that moves only by what is slept, or by ``tick`` a reading."""

    at: float = 0.0
    tick: float = 0.0
    slept: list[float] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)

    def clock(self) -> HttpClock:
        return HttpClock(
            now=lambda: NOW + timedelta(seconds=self.at),
            monotonic=self.read,
            sleep=self.sleep,
            chance=lambda: 1.0,
            notify=self.shown.append,
        )

    def read(self) -> float:
        self.at += self.tick
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    with serving() as loopback:
        for name in PROVIDERS:
            monkeypatch.setenv(f"HUSTINGS_{name.upper()}_URL", loopback.address)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield loopback


@pytest.fixture
def time() -> FakeClock:
    return FakeClock()


Make = Callable[..., Provider]


@pytest.fixture
def make(time: FakeClock) -> Make:
    def provider(name: str, **policy: Any) -> Provider:
        return provider_of(name, policy=RetryPolicy(**policy), clock=time.clock())

    return provider


def instrument(name: str = "N225") -> Instrument:
    return bundled_instruments().find(name)


def fetch(provider: Provider, name: str = "N225", first: date | None = None, last: date | None = None) -> Any:
    return provider.fetch(instrument(name), first=first, last=last)


every = pytest.mark.parametrize("name", PROVIDERS)


@every
def test_what_is_answered_is_read_to_the_last_digit(server: Loopback, make: Make, name: str) -> None:
    server.series[SYMBOLS[name]] = Series(DAYS)
    table = fetch(make(name))
    assert [str(s) for s in table.session] == ["2026-02-05", "2026-02-06", "2026-02-09"]
    assert table.close.tolist() == CLOSES
    assert table.name == f"{name} {SYMBOLS[name]}"
    if name == "fred":
        assert np.isnan(table.open).all() and np.isnan(table.volume).all()
    else:
        assert table.open.tolist() == [3700.5, 3711.0, 3756.21]
        assert table.high.tolist() == [3720.25, 3730.5, 3825.67]
        assert table.low.tolist() == [3690.0, 3705.5, 3752.74]
        assert table.volume.tolist() == [11, 12, 13]
    assert table.unreadable == ()


@every
@pytest.mark.parametrize(
    "fault",
    [status(429, Retry_After="0"), status(500), status(502), status(503), status(504), body(b""), body(PAGE),
     truncated, reset, body(b"\xff\xfe\x00")],
    ids=["429", "500", "502", "503", "504", "empty", "page", "truncated", "reset", "bytes"],
)  # fmt: skip
def test_a_fault_that_passes_is_asked_again(
    server: Loopback, make: Make, time: FakeClock, name: str, fault: Fault
) -> None:
    server.series[SYMBOLS[name]] = Series(DAYS)
    server.faults[SYMBOLS[name]] = [fault, good]
    assert fetch(make(name)).close.tolist() == CLOSES
    assert server.times(SYMBOLS[name]) == 2
    if (name, fault) != ("yahoo", reset):  # libcurl asks again by itself when a kept connection was dead
        assert time.slept == [1.0, *([0.5] if name == "stooq" else [])]  # Stooq is asked every 1.5 s at the most
        assert len(time.shown) == 1


@every
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (status(503), "answered 503 Service Unavailable, asked 3 times; try again later"),
        (status(429), "answered 429 Too Many Requests, asked 3 times"),
        (body(PAGE), "answered a web page instead of"),
        (body(b""), "answered nothing"),
        (truncated, "broke off in the middle of the answer, asked 3 times"),
        (reset, "broke off in the middle of the answer, asked 3 times"),
    ],
    ids=["503", "429", "page", "empty", "truncated", "reset"],
)
def test_a_fault_that_stays_is_reported(server: Loopback, make: Make, name: str, fault: Fault, said: str) -> None:
    server.series[SYMBOLS[name]] = Series(DAYS)
    server.faults[SYMBOLS[name]] = [fault] * 20
    with pytest.raises(ProviderError) as e:
        fetch(make(name, retries=2))
    assert said in str(e.value)
    assert f"({SYMBOLS[name]})" in str(e.value)
    assert "\n" not in str(e.value)
    assert server.times(SYMBOLS[name]) == 3 or (name, fault) == ("yahoo", reset)


@every
def test_waits_double_and_end_at_the_longest(server: Loopback, make: Make, time: FakeClock, name: str) -> None:
    server.faults[SYMBOLS[name]] = [status(500)] * 20
    with pytest.raises(ProviderError):
        fetch(make(name, retries=5, first_wait_s=2, longest_wait_s=20))
    assert time.slept == [2, 4, 8, 16, 20]


@every
def test_the_wait_a_provider_asks_for_is_kept(server: Loopback, make: Make, time: FakeClock, name: str) -> None:
    server.series[SYMBOLS[name]] = Series(DAYS)
    server.faults[SYMBOLS[name]] = [status(429, Retry_After="17")]
    fetch(make(name))
    assert time.slept == [17]
    assert "answered 429 Too Many Requests; asking again in 17 s" in time.shown[0]


@every
def test_a_provider_that_asks_to_wait_an_hour_is_left_alone(
    server: Loopback, make: Make, time: FakeClock, name: str
) -> None:
    server.faults[SYMBOLS[name]] = [status(429, Retry_After="3600")]
    with pytest.raises(ExhaustedError, match="asks to wait 3600 s; try again then"):
        fetch(make(name))
    assert time.slept == []


@every
def test_an_unknown_symbol_is_not_asked_for_again(server: Loopback, make: Make, name: str) -> None:
    with pytest.raises(ProviderError, match=r"instruments\.csv"):
        fetch(make(name))
    assert server.times(SYMBOLS[name]) == 1


@every
def test_an_answer_in_another_shape_is_refused(server: Loopback, make: Make, name: str) -> None:
    server.series[SYMBOLS[name]] = Series(DAYS)
    column = {"yahoo": b'"close"', "fred": b"NIKKEI225", "stooq": b"Close"}[name]
    server.faults[SYMBOLS[name]] = [changed(column, b'"last"' if name == "yahoo" else b"Last")] * 9
    with pytest.raises(ProviderError, match=r"of another shape|answered columns .*Last"):
        fetch(make(name))


@every
def test_an_answer_that_never_comes_is_given_up(server: Loopback, make: Make, name: str) -> None:
    server.faults[SYMBOLS[name]] = [slow(2.0)] * 2
    with pytest.raises(ProviderError, match="did not answer in time"):
        fetch(make(name, retries=0, read_s=0.2, connect_s=0.2))


@every
def test_a_compressed_answer_is_read(server: Loopback, make: Make, name: str) -> None:
    server.series[SYMBOLS[name]] = Series(DAYS)
    server.faults[SYMBOLS[name]] = [zipped]
    assert fetch(make(name)).close.tolist() == CLOSES


@every
def test_an_answer_beyond_the_limit_is_left(server: Loopback, make: Make, name: str) -> None:
    server.faults[SYMBOLS[name]] = [body(b"x" * 300_000)] * 9
    with pytest.raises(ProviderError, match=r"answered more than 0\.1 MB"):
        fetch(make(name, max_bytes=100_000))
    assert server.times(SYMBOLS[name]) == 1


@every
def test_nobody_there_is_reported_and_then_asked_once_only(make: Make, time: FakeClock, monkeypatch, name: str) -> None:
    monkeypatch.setenv(f"HUSTINGS_{name.upper()}_URL", "http://127.0.0.1:9")  # the port of "discard": nobody listens
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    provider = make(name, retries=2)
    with pytest.raises(ProviderError, match=r"cannot be reached, asked 3 times; is there a network\?"):
        fetch(provider)
    with pytest.raises(ProviderError, match=r"cannot be reached; is there a network\?"):
        fetch(provider)
    assert len(time.shown) == 2


@every
def test_questions_keep_their_distance(server: Loopback, make: Make, time: FakeClock, name: str) -> None:
    server.series[SYMBOLS[name]] = Series(DAYS)
    provider = make(name)
    for _ in range(3):
        fetch(provider)
    assert time.slept == [{"yahoo": 1.0, "fred": 1.0, "stooq": 1.5}[name]] * 2


def test_what_is_asked(server: Loopback, make: Make, monkeypatch) -> None:
    monkeypatch.delenv("HUSTINGS_STOOQ_KEY", raising=False)
    for name in PROVIDERS:
        server.series[SYMBOLS[name]] = Series(DAYS)
        fetch(make(name), first=date(2026, 2, 6), last=date(2026, 2, 9))
    asked = {p: q for p, _, q in server.asked}
    assert asked["fred"] == {"id": "NIKKEI225", "cosd": "2026-02-06", "coed": "2026-02-09"}
    assert asked["stooq"] == {"s": "^nkx", "i": "d", "d1": "20260206", "d2": "20260209"}
    # a day more at both ends: 5 February 00:00 UTC to 11 February 00:00 UTC
    assert asked["yahoo"] == {
        "period1": "1770249600",
        "period2": "1770768000",
        "interval": "1d",
        "includePrePost": "false",
        "crumb": "a.crumb/1",
    }


def test_the_key_of_stooq_is_sent_and_never_shown(server: Loopback, make: Make, time: FakeClock, monkeypatch) -> None:
    monkeypatch.setenv("HUSTINGS_STOOQ_KEY", "s3cret")
    server.faults["^nkx"] = [reset, truncated, status(503)] * 3
    with pytest.raises(ProviderError) as e:
        fetch(make("stooq"))
    assert server.asked[0][2]["apikey"] == "s3cret"
    assert "s3cret" not in str(e.value) + "".join(time.shown)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"Exceeded the daily hits limit", "daily limit of requests is reached; try again tomorrow"),
        (b"Get your apikey: 1. Open https://stooq.com/q/d/?s=spy.us&get_apikey", "wants a key.*HUSTINGS_STOOQ_KEY"),
    ],
)
def test_stooq_says_no_to_all(server: Loopback, make: Make, content: bytes, said: str) -> None:
    server.faults["^nkx"] = [body(content)]
    with pytest.raises(ExhaustedError, match=said):
        fetch(make("stooq"))
    assert server.times("^nkx") == 1


@pytest.mark.parametrize("name", ["fred", "stooq"])
def test_a_last_number_that_is_cut_shows_though_no_length_was_reported(server: Loopback, make: Make, name: str) -> None:
    server.series[SYMBOLS[name]] = Series(DAYS)
    server.faults[SYMBOLS[name]] = [unsized_and_cut, good]
    assert fetch(make(name)).close.tolist() == CLOSES
    server.faults[SYMBOLS[name]] = [unsized_and_cut] * 9
    with pytest.raises(ProviderError, match="a last line that is cut"):
        fetch(make(name))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"Date,Open,High,Low,Close,Volume\r\n2026-02-09,1,2,1\r\n", "line 2: not 6 fields as the header has"),
        (b"Date,Open,High,Low,Close,Volume\r\n", "a header and no rows"),
        (b'{"error": "busy"}', "JSON instead of CSV"),
        (b'Date,Open,High,Low,Close,Volume\r\n2026-02-09,1,2,1,"2,3\r\n', "damaged CSV"),
    ],
)
def test_csv_that_is_not_just_so_is_refused(server: Loopback, make: Make, content: bytes, said: str) -> None:
    server.faults["^nkx"] = [body(content)] * 9
    with pytest.raises(ProviderError, match=said):
        fetch(make("stooq"))


def test_cells_that_are_no_number_or_date_are_named_with_their_line(server: Loopback, make: Make) -> None:
    lines = [b"Date,Open,High,Low,Close,Volume", b"2026-02-30,1,2,1,2,0", b"2026-02-09,1_0,inf,1,n/a,0", b""]
    server.faults["^nkx"] = [body(b"\n".join(lines))]
    table = fetch(make("stooq"))
    assert [str(s) for s in table.session] == ["2026-02-09"]
    assert sorted((u.line, u.column, u.text) for u in table.unreadable) == [
        (2, "date", "2026-02-30"),
        (3, "close", "n/a"),
        (3, "high", "inf"),
        (3, "open", "1_0"),
    ]
    assert np.isnan([table.open[0], table.high[0], table.close[0]]).all()


def test_fred_of_before_december_2024_and_its_blanks(server: Loopback, make: Make) -> None:
    server.faults["NIKKEI225"] = [
        body(b"DATE,NIKKEI225\n2026-02-10,57650.5\n2026-02-11,.\n2026-02-12,\n2026-02-13,1.5\n")
    ]
    table = fetch(make("fred"))
    assert [str(s) for s in table.session] == ["2026-02-10", "2026-02-13"]
    assert table.close.tolist() == [57650.5, 1.5]
    assert table.line.tolist() == [2, 5]
    assert table.remarks == ("2 dates without an observation left out, the last 2026-02-12",)


def test_stooq_without_a_volume(server: Loopback, make: Make) -> None:
    server.faults["usdjpy"] = [body(b"Date,Open,High,Low,Close\r\n2026-02-09,157.1,157.9,156.2,156.5\r\n")]
    table = fetch(make("stooq"), "USDJPY")
    assert (table.close.tolist(), np.isnan(table.volume).all()) == ([156.5], True)


def test_stooq_leaves_the_volume_out_of_its_first_rows(server: Loopback, make: Make) -> None:
    rows = ["2026-02-09,157.1,157.9,156.2,156.5", "2026-02-10,157.2,157.9,156.2,156.6", "2026-02-11,1,2,1,2,10"]
    text = "Date,Open,High,Low,Close,Volume\r\n" + "".join(f"{r}\r\n" for r in rows)
    server.faults["usdjpy"] = [body(text.encode())]
    table = fetch(make("stooq"), "USDJPY")
    assert (table.close.tolist(), table.volume.tolist()[2]) == ([156.5, 156.6, 2], 10)
    assert np.isnan(table.volume[:2]).all()


@pytest.mark.parametrize("short", [0, 2])
def test_one_row_of_stooq_that_is_short_is_damaged(server: Loopback, make: Make, short: int) -> None:
    rows = [f"2026-02-{9 + n:02d},1,2,1,2{',10' * (n != short)}" for n in range(4)]
    text = "Date,Open,High,Low,Close,Volume\r\n" + "".join(f"{r}\r\n" for r in rows)
    server.faults["usdjpy"] = [body(text.encode())] * 9
    with pytest.raises(ProviderError, match="damaged CSV"):
        fetch(make("stooq"), "USDJPY")


# --- what is Yahoo's own


def test_yahoo_gets_its_cookie_back_and_its_crumb(server: Loopback, make: Make) -> None:
    server.series["^N225"] = Series(DAYS)
    fetch(make("yahoo"))
    assert "A3=token" in server.cookies[-1]
    assert server.asked[-1][2]["crumb"] == "a.crumb/1"


def test_yahoo_that_denies_is_asked_with_fresh_cookies(server: Loopback, make: Make) -> None:
    server.series["^N225"] = Series(DAYS)
    denied = status(
        401, b'{"finance": {"result": null, "error": {"code": "Unauthorized", "description": "Invalid Crumb"}}}'
    )
    server.faults["^N225"] = [denied, good]
    assert fetch(make("yahoo")).close.tolist() == CLOSES
    server.faults["^N225"] = [denied] * 9
    with pytest.raises(ProviderError, match="answered 401 Unauthorized: 'Invalid Crumb'"):
        fetch(make("yahoo"))


@pytest.mark.parametrize("to", ["http://localhost.invalid/v8/finance/chart/x", "https://127.0.0.1.evil.invalid/"])
def test_yahoo_that_sends_to_another_host_is_not_followed(server: Loopback, make: Make, to: str) -> None:
    server.series["^N225"] = Series(DAYS)
    server.faults["^N225"] = [status(302, b"", Location=to)]
    with pytest.raises(ProviderError, match=r"sends to 'https?://[a-z0-9.]+\.invalid', which is none of its hosts"):
        fetch(make("yahoo"))
    there = "/v8/finance/chart/%5EN225?period1=0&period2=9999999999&interval=1d"
    server.faults["^N225"] = [status(302, b"", Location=f"{server.address}{there}"), good]
    assert fetch(make("yahoo")).close.tolist() == CLOSES
    server.faults["^N225"] = [status(302, b"", Location=there)] * 9
    with pytest.raises(ProviderError, match="sends elsewhere without end"):
        fetch(make("yahoo"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b'"symbol": "^N225"', b'"symbol": "^GSPC"', r"answered \^GSPC when asked for \^N225; nothing of it is used"),
        (b'"JPY"', b'"USD"', "answered prices in USD, where N225 is in JPY"),
        (b'"1d",', b'"3mo",', "answered bars of 3mo when asked for days"),
        (b"Asia/Tokyo", b"Asia/Edo", "unknown time zone 'Asia/Edo'"),
        (b'"timestamp": [', b'"timestamp": [1, ', "of another shape"),
        (b"3783.57", b'"3783.57"', "of another shape"),
        (b"3783.57", b"true", "of another shape"),
        (b'"timestamp": [1770', b'"timestamp": [99999999991770', "a stamp that is no instant"),
        (b'"chart"', b"[" * 100_000, "damaged JSON instead of a chart"),
        (b'"result": [', b'"result": [null, ', "of another shape"),
        (b'"indicators"', b'"indicator"', "of another shape"),
    ],
)
def test_a_chart_of_something_else_is_refused(server: Loopback, make: Make, old: bytes, new: bytes, said: str) -> None:
    server.series["^N225"] = Series(DAYS)
    server.faults["^N225"] = [changed(old, new)] * 9
    with pytest.raises(ProviderError, match=said):
        fetch(make("yahoo"))


def test_what_yahoo_says_of_an_error_is_passed_on(server: Loopback, make: Make) -> None:
    with pytest.raises(ProviderError, match=r"no chart of \^N225: 'No data found, symbol may be delisted'"):
        fetch(make("yahoo"))


def test_rows_come_as_found_doubled_days_included(server: Loopback, make: Make) -> None:
    server.series["^N225"] = Series((*DAYS, Row("2026-02-09", 3756.21, 3825.67, 3752.74, 3790.0)))
    table = fetch(make("yahoo"))
    assert [str(s) for s in table.session[-2:]] == ["2026-02-09", "2026-02-09"]
    assert table.close.tolist()[-2:] == [3783.57, 3790.0]


def test_a_live_row_of_a_day_that_is_not_over_takes_the_place_of_the_days_own(
    server: Loopback, make: Make, time: FakeClock
) -> None:
    time.at = -16 * 86_400 - 8 * 3600.0  # 14 February 2026, 04:00 UTC
    friday = Row("2026-02-13", 56_000, 57_000, 55_900, 56_500), Row("2026-02-13", 56_000, 57_000, 55_900, 56_480)
    server.series["^N225"] = Series((*DAYS, *friday))
    assert fetch(make("yahoo")).close.tolist() == [*CLOSES, 56_500, 56_480]
    time.at -= 86_400  # 13 February, 13:00 in Tokyo
    table = fetch(make("yahoo"))
    assert table.close.tolist() == [*CLOSES, 56_480]
    assert table.remarks == ("2026-02-13 appeared twice while it was not over; the first of the two was left out",)


def test_days_without_any_price_are_left_out_and_counted(server: Loopback, make: Make) -> None:
    holiday, half = Row("2026-02-11", None, None, None, None, None), Row("2026-02-12", 1.0, 2.0, 1.0, None)
    server.series["^N225"] = Series((*DAYS, holiday, half))
    table = fetch(make("yahoo"))
    assert [str(s) for s in table.session[-2:]] == ["2026-02-09", "2026-02-12"]
    assert np.isnan(table.close[-1])
    assert table.remarks == ("1 days without a price left out, the last 2026-02-11",)


@pytest.mark.parametrize(
    ("name", "ticker", "series", "sessions"),
    [
        # opening instants: 10:00 in Sao Paulo, in New York before and after daylight time begins on 8 March 2026
        ("IBOV", "^BVSP", Series(DAYS, "BRL", "America/Sao_Paulo", "10:00"), ["2026-02-05", "2026-02-06", "2026-02-09"]),
        ("SPX", "^GSPC", Series((Row("2026-03-06", 1, 1, 1, 1), Row("2026-03-09", 1, 1, 1, 1)), "USD", "America/New_York", "09:30"), ["2026-03-06", "2026-03-09"]),
        # midnight in London, and an hour too early
        ("USDJPY_LONDON", "JPY=X", Series(DAYS, "JPY", "Europe/London", "00:00"), ["2026-02-05", "2026-02-06", "2026-02-09"]),
        ("USDJPY_LONDON", "JPY=X", Series((Row("2026-02-08", 1, 1, 1, 1),), "JPY", "Europe/London", "23:00"), ["2026-02-09"]),
    ],
)  # fmt: skip
def test_a_session_is_the_date_at_the_exchange(
    server: Loopback, make: Make, time: FakeClock, name: str, ticker: str, series: Series, sessions: list[str]
) -> None:
    time.at = 30 * 86_400.0
    server.series[ticker] = series
    table = fetch(make("yahoo"), name)
    assert [str(s) for s in table.session] == sessions


def test_yfinance_is_quiet(server: Loopback, make: Make, capfd: pytest.CaptureFixture[str], caplog) -> None:
    server.faults["^N225"] = [status(404, b"{}"), body(b"{}")] * 3
    for _ in range(3):
        with pytest.raises(ProviderError):
            fetch(make("yahoo", retries=0))
    assert capfd.readouterr() == ("", "")
    assert [r for r in caplog.records if r.name.startswith("yfinance")] == []


# --- addresses and symbols


def test_an_address_that_is_none_is_refused(make: Make, monkeypatch) -> None:
    monkeypatch.setenv("HUSTINGS_FRED_URL", "fred.example.org")
    with pytest.raises(UserError, match="HUSTINGS_FRED_URL is 'fred"):
        make("fred")


def test_another_address_is_reported_as_the_source(make: Make, monkeypatch) -> None:
    monkeypatch.delenv("HUSTINGS_YAHOO_URL", raising=False)
    assert make("yahoo").source == "yahoo"
    monkeypatch.setenv("HUSTINGS_YAHOO_URL", "https://user:pass@mirror.example.org/yahoo/")
    assert make("yahoo").source == "yahoo via mirror.example.org"


def test_an_unknown_provider(make: Make) -> None:
    with pytest.raises(UserError, match=r"unknown provider 'yaho' .did you mean 'yahoo'"):
        make("yaho")


def test_symbols_of_the_providers() -> None:
    assert [instrument("SPX").provider_symbol(p) for p in PROVIDERS] == ["^GSPC", "SP500", "^spx"]
    assert [instrument("TOPIX").provider_symbol(p) for p in PROVIDERS] == ["", "", "^tpx"]
    assert offered_by(instrument("ASX200")) == ["yahoo"]
    symbols = [s for i in bundled_instruments() for p in PROVIDERS if (s := i.provider_symbol(p))]
    assert len(symbols) == len({s for s in symbols if s != "^VIX"}) + symbols.count("^VIX")


def test_retry_after() -> None:
    now = datetime(2026, 2, 9, tzinfo=UTC)
    assert retry_after({"retry-after": "Mon, 09 Feb 2026 00:01:00 GMT"}, now) == 60
    assert retry_after({"retry-after": "Mon, 09 Feb 2025 00:01:00 GMT"}, now) == 0
    assert retry_after({"retry-after": "soon"}, now) is None
    assert retry_after({}, now) is None
