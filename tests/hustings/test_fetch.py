"""data fetch: twelve symbols from a provider with faults, each right or shown; what is stored survives garbage."""

import random
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from datasets.instants import to_date
from datasets.markets.instruments import bundled_instruments
from datasets.markets.sessions import calendar_sessions
from datasets.prices.sample import SimulatedSource
from datasets.prices.sources.http import HttpClock
from datasets.prices.sources.providers import PROVIDERS
from datasets.prices.store import Store
from hustings.__main__ import main
from hustings.handlers import data_fetch
from hustings.terminal import in_json
from tests.datasets.stores import damage_of
from tests.loopback import (
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
    zipped,
)
from tests.processes import Forked

TWELVE = [
    "T1306",
    "N225",
    "KOSPI",
    "HSI",
    "HSTECH",
    "SSEC",
    "CSI300",
    "ASX200",
    "STI",
    "NIFTY50",
    "USDJPY_LONDON",
    "TOPIX",
]
ZONES = {"XTKS": "Asia/Tokyo", "XKRX": "Asia/Seoul", "XHKG": "Asia/Hong_Kong", "XSHG": "Asia/Shanghai",
         "XASX": "Australia/Sydney", "XSES": "Asia/Singapore", "XBOM": "Asia/Kolkata", "FX": "Europe/London", "FX_LONDON": "Europe/London"}  # fmt: skip
ROWS = 300


class Now:
    """The clock of the command: 2 November 2026, noon UTC, until a test moves it; nobody waits."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 2, 12, tzinfo=UTC)

    def clock(self) -> HttpClock:
        return HttpClock(
            now=lambda: self.at,
            monotonic=self.seconds,
            sleep=self.sleep,
            chance=lambda: 1.0,
            notify=(lambda _: None) if in_json() else (lambda text: print(text, file=sys.stderr)),
        )

    def seconds(self) -> float:
        return self.at.timestamp()

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    with serving() as loopback:
        for name in PROVIDERS:
            monkeypatch.setenv(f"HUSTINGS_{name.upper()}_URL", loopback.address)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.delenv("HUSTINGS_STOOQ_KEY", raising=False)
        yield loopback


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Now:
    clock = Now()
    monkeypatch.setattr(data_fetch, "_clock", clock.clock)
    return clock


def simulated(symbol: str, *, rows: int = ROWS, drop: int = 0) -> Series:
    """Return the last rows of a simulated market as a provider has them."""
    instrument = bundled_instruments().find(symbol)
    bars = SimulatedSource().load(bundled_instruments().find(symbol.removesuffix("_LONDON")))
    chosen = range(len(bars) - rows - drop, len(bars) - drop)
    days = tuple(
        Row(
            str(to_date(bars.session[n])),
            bars.open[n].item(),
            bars.high[n].item(),
            bars.low[n].item(),
            bars.close[n].item(),
        )
        for n in chosen
    )
    opens = "00:00" if instrument.mic.startswith("FX") else "10:00"
    return Series(days, instrument.currency, ZONES[instrument.mic], opens)


def offer(server: Loopback, source: str, symbols: list[str], **kwargs: int) -> None:
    for symbol in symbols:
        name = bundled_instruments().find(symbol).provider_symbol(source)
        if name:
            server.series[name] = simulated(symbol, **kwargs)


def is_exact(symbol: str, series: Series) -> bool:
    """Return whether the store holds the rows that were served, to the last digit."""
    table = Store().load(symbol).table
    columns = {"open": table.open, "high": table.high, "low": table.low, "close": table.close}
    same = all(v.tolist() == [getattr(r, c) for r in series.rows] for c, v in columns.items())
    return same and [str(s) for s in table.session] == [r.day for r in series.rows]


def by_symbol(answer: Any) -> dict[str, Any]:
    return {s["symbol"]: s for s in answer.json["symbols"]}


# Each fault, and how the symbol must end: exact, or shown with these words.
FAULTS: dict[str, tuple[list[Fault], str]] = {
    "T1306": ([status(429, Retry_After="2"), good], ""),
    "N225": ([status(500), status(503), good], ""),
    "KOSPI": ([truncated, good], ""),
    "HSI": ([reset, reset, good], ""),
    "HSTECH": ([body(PAGE)] * 9, "a web page instead of"),
    "SSEC": ([truncated] * 9, "broke off in the middle of the answer"),
    "CSI300": ([zipped], ""),
    "ASX200": ([status(404, b"{}")] * 9, "answered 404 Not Found"),
    "STI": ([body(b'{"chart": {"result": [{"timestamp": [1]}]}}')] * 9, "of another shape"),
    "NIFTY50": ([changed(b'"^NSEI"', b'"^GSPC"')] * 9, "answered ^GSPC when asked for ^NSEI"),
    "USDJPY_LONDON": ([body(b""), slow(0.6), good], ""),
    "TOPIX": ([], "yahoo does not offer TOPIX; --source stooq does"),
}
TOLD = ["HSTECH", "SSEC", "ASX200", "STI", "NIFTY50", "TOPIX"]


def inject(server: Loopback) -> None:
    for symbol, (faults, _) in FAULTS.items():
        server.faults[bundled_instruments().find(symbol).provider_symbol("yahoo")] = list(faults)


def test_twelve_symbols_with_faults_each_right_or_reported(cli, home, server: Loopback, now: Now) -> None:
    offer(server, "yahoo", TWELVE)
    inject(server)
    answer = cli("data", "fetch", *TWELVE, "--source", "yahoo", "--timeout", "0.3", "--json")
    assert (answer.code, answer.err) == (1, "")
    found = by_symbol(answer)
    assert list(found) == TWELVE
    for symbol, (_, said) in FAULTS.items():
        if symbol in TOLD:
            assert found[symbol]["state"] in ("failed", "refused")
            assert said in found[symbol]["reason"] and "\n" not in found[symbol]["reason"]
        else:
            assert found[symbol]["state"] == "stored", found[symbol]
            assert is_exact(symbol, server.series[found[symbol]["asked_for"]])
    assert Store().symbols() == sorted(set(TWELVE) - set(TOLD))
    assert damage_of(Store()) == {}


def test_nothing_of_a_good_store_is_lost(cli, home, server: Loopback, now: Now) -> None:
    offered = [s for s in TWELVE if s != "TOPIX"]
    offer(server, "yahoo", offered, drop=5)
    assert cli("data", "fetch", *offered, "--source", "yahoo", "--json").code == 0
    before = {s: Store().load(s) for s in offered}
    offer(server, "yahoo", offered)
    inject(server)
    found = by_symbol(cli("data", "fetch", *TWELVE, "--source", "yahoo", "--timeout", "0.3", "--json"))
    for symbol in offered:
        after, known = Store().load(symbol), before[symbol]
        if symbol in TOLD:
            assert found[symbol]["state"] in ("failed", "refused")
            assert after.provenance == known.provenance
        else:
            assert (found[symbol]["state"], found[symbol]["added"], found[symbol]["unchanged"]) == ("stored", 5, 10)
        n = len(known.table)
        assert after.table.close[:n].tolist() == known.table.close.tolist()
    assert damage_of(Store()) == {}


GARBAGE: dict[str, Fault] = {
    "page": body(PAGE),
    "nothing": body(b""),
    "bytes": body(b"\x00\x01\x02"),
    "list": body(b"[]"),
    "object": body(b"{}"),
    "null": body(b"null"),
    "number": body(b"0"),
    "null chart": body(b'{"chart":null}'),
    "another series": body(b"observation_date,SP500\n2026-10-30,7\n"),
    "another time": body(b"Date,Open,High,Low,Close,Volume\n1999-01-04,1,1,1,1,1\n"),
    "another level": body(b"Date,Open,High,Low,Close,Volume\n2026-10-30,1,1,1,1,1\n"),
    "another day": body(b"Date,Open,High,Low,Close,Volume\n2026-11-02,1,1,1,1,1\n"),
    "no number": body(b"Date,Open,High,Low,Close,Volume\n2026-10-30,1,1,1,x,1\n"),
    "no data": body(b"No data"),
    "truncated": truncated,
    "reset": reset,
    "teapot": status(418),
    "away": status(301, b"", Location="http://127.0.0.1:9/"),
}


@pytest.mark.parametrize("source", PROVIDERS)
@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_leaves_a_series_as_it_was(cli, home, server: Loopback, now: Now, source: str, garbage: str) -> None:
    offer(server, source, ["N225"])
    assert cli("data", "fetch", "N225", "--source", source, "--json").code == 0
    before = (home / "bars" / "N225.parquet").read_bytes()
    server.faults[bundled_instruments().find("N225").provider_symbol(source)] = [GARBAGE[garbage]] * 9
    answer = cli("data", "fetch", "N225", "--source", source, "--retries", "1")
    assert answer.code == 1
    assert "N225: failed: " in answer.err or "N225: refused: " in answer.err
    assert (home / "bars" / "N225.parquet").read_bytes() == before


def test_an_update_asks_for_ten_sessions_again_and_no_more(cli, home, server: Loopback, now: Now) -> None:
    offer(server, "stooq", ["N225"], drop=3)
    assert by_symbol(cli("data", "fetch", "N225", "--source", "stooq", "--json"))["N225"]["added"] == ROWS
    offer(server, "stooq", ["N225"])
    found = by_symbol(cli("data", "fetch", "n225", "--source", "stooq", "--json"))["N225"]
    assert (found["state"], found["added"], found["changed"], found["unchanged"]) == ("stored", 3, 0, 10)
    tenth = server.series["^nkx"].rows[ROWS - 13].day
    assert server.asked[-1][2]["d1"] == tenth.replace("-", "")
    again = by_symbol(cli("data", "fetch", "N225", "--source", "stooq", "--json"))["N225"]
    assert (again["state"], again["added"], again["unchanged"]) == ("unchanged", 0, 10)
    cli("data", "fetch", "N225", "--source", "stooq", "--full", "--json")
    assert "d1" not in server.asked[-1][2]


def test_a_revision_is_shown_and_waits_to_be_accepted(cli, home, server: Loopback, now: Now) -> None:
    offer(server, "stooq", ["N225"])
    cli("data", "fetch", "N225", "--source", "stooq")
    old = server.series["^nkx"]
    last = old.rows[-2]
    assert last.close is not None and last.high is not None
    server.series["^nkx"] = replace(old, rows=(*old.rows[:-2], replace(last, close=last.close - 1), old.rows[-1]))
    answer = cli("data", "fetch", "N225", "--source", "stooq")
    diff = f"{last.day} close {last.close:.10g} -> {last.close - 1:.10g}"
    assert answer.code == 1
    assert f"N225 would change: {diff}" in answer.out
    assert "--accept revision" in answer.err
    assert is_exact("N225", old)
    answer = cli("data", "fetch", "N225", "--source", "stooq", "--accept", "revision")
    assert answer.code == 0
    assert f"N225 changed: {diff}" in answer.out
    assert is_exact("N225", server.series["^nkx"])
    assert Store().provenance("N225").deliveries[-1].accepted == ("revision",)


def test_where_a_series_comes_from_is_kept(cli, home, server: Loopback, now: Now) -> None:
    offer(server, "yahoo", ["N225"])
    cli("data", "fetch", "N225", "--source", "yahoo")
    provenance = Store().provenance("N225")
    delivery = provenance.deliveries[0]
    assert (provenance.adjustment, delivery.name) == ("price", "yahoo ^N225")
    assert (delivery.source, delivery.retrieved_at) == ("yahoo via 127.0.0.1", "2026-11-02T12:00:00Z")
    assert "personal use" in delivery.licence


def test_a_session_that_is_not_over_is_not_stored(cli, home, server: Loopback, now: Now) -> None:
    offer(server, "yahoo", ["N225"])
    now.at = datetime(2026, 10, 30, 3, tzinfo=UTC)  # a Friday, noon in Tokyo: the last simulated session is running
    answer = cli("data", "fetch", "N225", "--source", "yahoo")
    assert answer.code == 0
    assert Store().provenance("N225").last == "2026-10-29"
    assert "2026-10-30" in answer.out


def test_from_and_to(cli, home, server: Loopback, now: Now) -> None:
    offer(server, "yahoo", ["N225"])
    span = ("--from", "2026-10-01", "--to", "2026-10-15")
    found = by_symbol(cli("data", "fetch", "N225", "--source", "yahoo", *span, "--json"))["N225"]
    assert (found["first"], found["last"]) == ("2026-10-01", "2026-10-15")
    found = by_symbol(cli("data", "fetch", "N225", "--source", "yahoo", "--to", "2026-10-01", "--json"))["N225"]
    assert (found["state"], found["added"], found["unchanged"]) == ("unchanged", 0, 1)


def test_what_is_stored_beyond_the_span_is_not_asked_for(cli, home, server: Loopback, now: Now) -> None:
    offer(server, "yahoo", ["N225"])
    assert cli("data", "fetch", "N225", "--source", "yahoo").code == 0
    found = by_symbol(cli("data", "fetch", "N225", "--source", "yahoo", "--to", "2026-09-01", "--json"))["N225"]
    assert (found["state"], found["reason"]) == ("unchanged", "stored beyond 2026-09-01 already")
    assert server.times("^N225") == 1


def test_what_lies_before_the_stored_rows_is_asked_for_and_not_called_stored(
    cli, home, server: Loopback, now: Now
) -> None:
    offer(server, "stooq", ["N225"])
    assert cli("data", "fetch", "N225", "--source", "stooq", "--from", "2026-10-01").code == 0
    answer = cli("data", "fetch", "N225", "--source", "stooq", "--to", "2026-09-01")
    assert answer.code == 1
    assert "d1" not in server.asked[-1][2]
    assert "shares no session with what is stored (2026-10-01 to 2026-10-30); ask for a span that does" in answer.err


def test_rows_that_do_not_join_what_is_stored_are_refused(cli, home, server: Loopback, now: Now) -> None:
    offer(server, "stooq", ["N225"])
    assert cli("data", "fetch", "N225", "--source", "stooq", "--to", "2026-08-31").code == 0
    answer = cli("data", "fetch", "N225", "--source", "stooq", "--from", "2026-10-01")
    assert answer.code == 1
    assert "shares no session with what is stored" in answer.err
    assert Store().provenance("N225").last == "2026-08-31"


def test_a_refused_answer_speaks_of_no_file(cli, home, server: Loopback, now: Now) -> None:
    good_one = simulated("N225")
    first, second = good_one.rows[-100], good_one.rows[-50]
    wrong = {r.day: replace(r, high=1.0) for r in (first, second)}
    server.series["^nkx"] = replace(good_one, rows=tuple(wrong.get(r.day, r) for r in good_one.rows))
    command = ("data", "fetch", "N225", "--source", "stooq", "--json")
    found = by_symbol(cli(*command))["N225"]
    assert found["state"] == "refused"
    assert found["reason"].startswith(f"stooq ^nkx line 202: {first.day} high 1 < low ")
    assert "nothing of the answer is stored; '--accept " in found["reason"]
    assert "data check" not in found["reason"]
    assert [note.split()[0] for note in found["notes"] if "high-below-low" in note] == [first.day, second.day]
    taken = cli(*command, "--accept", "high-below-low", "--accept", "factor", "--accept", "outside-range")
    assert taken.code == 0


# --- interrupted, and given again


def test_a_command_that_failed_in_part_updates_the_others_when_given_again(
    cli, home, server: Loopback, now: Now
) -> None:
    offer(server, "stooq", ["N225", "KOSPI", "HSI"])
    server.faults["^kospi"] = [status(404)]
    command = ("data", "fetch", "N225", "KOSPI", "HSI", "--source", "stooq", "--json")
    assert cli(*command).code == 1
    now.at += timedelta(hours=1)
    found = by_symbol(cli(*command))
    assert [(v["state"], v["added"], v["unchanged"]) for v in found.values()] == [
        ("unchanged", 0, 10),
        ("stored", ROWS, 0),
        ("unchanged", 0, 10),
    ]


@pytest.mark.parametrize(
    ("more", "hours", "asked"), [((), 1, 1), (("--full",), 1, 2), ((), 25, 2), (("--from", "2026-01-05"), 1, 2)]
)
def test_an_interrupted_command_goes_on_where_it_was(
    cli, home, server: Loopback, now: Now, monkeypatch, more: tuple[str, ...], hours: int, asked: int
) -> None:
    offer(server, "stooq", ["N225", "KOSPI"])
    server.faults["^kospi"] = [status(503)]

    def interrupt(seconds: float) -> None:
        if seconds != 1.5:  # the wait after the fault, not the distance between two questions
            raise KeyboardInterrupt

    monkeypatch.setattr(now, "sleep", interrupt)
    assert cli("data", "fetch", "N225", "KOSPI", "--source", "stooq").code == 130
    assert Store().symbols() == ["N225"]
    monkeypatch.undo()
    monkeypatch.setenv("HUSTINGS_HOME", str(home))
    monkeypatch.setenv("HUSTINGS_STOOQ_URL", server.address)
    monkeypatch.setattr(data_fetch, "_clock", now.clock)
    now.at += timedelta(hours=hours)
    answer = cli("data", "fetch", "N225", "KOSPI", "--source", "stooq", *more)
    assert answer.code == 0, answer
    assert (server.times("^nkx"), Store().symbols()) == (asked, ["KOSPI", "N225"])


def exhausted(cli: Any, server: Loopback) -> tuple[str, ...]:
    """Fetch N225, then read at KOSPI that the day's quota is used; return the command."""
    offer(server, "stooq", ["N225", "KOSPI", "HSI"])
    server.faults["^kospi"] = [body(b"Exceeded the daily hits limit")]
    command = ("data", "fetch", "N225", "KOSPI", "HSI", "--source", "stooq", "--json")
    found = by_symbol(cli(*command))
    assert [v["state"] for v in found.values()] == ["stored", "failed", "not asked"]
    assert "daily limit of requests is reached" in found["HSI"]["reason"]
    return command


def test_when_a_provider_says_no_to_all_the_rest_is_not_asked(cli, home, server: Loopback, now: Now) -> None:
    command = exhausted(cli, server)
    assert [server.times(s) for s in ("^nkx", "^kospi", "^hsi")] == [1, 1, 0]
    now.at += timedelta(hours=20)
    answer = cli(*command)
    assert answer.code == 0
    assert [v["state"] for v in by_symbol(answer).values()] == ["fetched earlier", "stored", "stored"]
    assert [server.times(s) for s in ("^nkx", "^kospi", "^hsi")] == [1, 2, 1]
    assert list((home / "fetches").iterdir()) == []


def test_a_series_that_was_removed_is_fetched_again(cli, home, server: Loopback, now: Now) -> None:
    command = exhausted(cli, server)
    Store().remove("N225")
    assert by_symbol(cli(*command))["N225"]["state"] == "stored"


def test_a_damaged_journal_is_as_none(cli, home, server: Loopback, now: Now) -> None:
    command = exhausted(cli, server)
    (journal,) = (home / "fetches").glob("*.json")
    journal.write_bytes(b"\xff{")
    assert by_symbol(cli(*command))["N225"]["state"] == "unchanged"


# --- what a user sees


@pytest.mark.parametrize("source", PROVIDERS)
def test_without_a_network_each_symbol_has_its_line(cli, home, now: Now, monkeypatch, source: str) -> None:
    monkeypatch.setenv(f"HUSTINGS_{source.upper()}_URL", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    answer = cli("data", "fetch", "N225", "SPX", "--source", source, "--retries", "1")
    assert answer.code == 1
    lines = answer.err.splitlines()
    assert "cannot be reached; asking again in 1 s" in lines[0]
    assert lines[1].startswith("[1/2] N225: failed: ") and lines[1].endswith("asked 2 times; is there a network?")
    assert lines[2].startswith("[2/2] SPX: failed: ") and "cannot be reached; is there a network?" in lines[2]
    assert len(lines) == 3
    assert "Traceback" not in answer.err + answer.out


def test_progress_goes_to_stderr_and_the_table_to_stdout(cli, home, server: Loopback, now: Now) -> None:
    offer(server, "yahoo", ["N225"])
    answer = cli("data", "fetch", "N225", "--source", "yahoo")
    assert answer.err == f"[1/1] N225: stored, {ROWS} rows added, 0 values changed, 0 rows as stored\n"
    assert "^N225" in answer.out and str(ROWS) in answer.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["TOPXI", "--source", "yahoo"], "unknown instrument 'TOPXI' (did you mean 'TOPIX'?)"),
        (["N225", "--source", "yaho"], "unknown provider 'yaho' (did you mean 'yahoo'?)"),
        (["TOPIX", "--source", "yahoo"], "yahoo does not offer TOPIX; --source stooq does"),
        (
            ["N225", "--source", "yahoo", "--from", "2026-02-01", "--to", "2026-01-01"],
            "--from 2026-02-01 lies after --to",
        ),
        (["N225", "--source", "yahoo", "--from", "01/02/2026"], "--from is '01/02/2026'"),
        (["N225", "--source", "yahoo", "--accept", "outlierr"], "unknown rule 'outlierr'"),
        (["--source", "yahoo"], "Missing argument 'SYMBOLS...'"),
        (["N225"], "Missing option '--source'"),
    ],
)
def test_bad_input_asks_nobody(cli, home, server: Loopback, now: Now, arguments: list[str], said: str) -> None:
    answer = cli("data", "fetch", *arguments)
    assert (answer.code, answer.out, answer.err.count("\n")) == (2, "", 1)
    assert said in answer.err
    assert server.asked == []


# --- killed


@pytest.mark.slow
def test_killed_at_any_moment_the_store_holds_good_series(home, server: Loopback) -> None:
    """Twenty updates of every series, each killed somewhere on its way; the store holds whole good versions only."""
    instruments = [i for s in TWELVE if (i := bundled_instruments().find(s)).provider_symbol("stooq")]
    whole = {i.symbol: simulated(i.symbol, rows=220).rows for i in instruments}

    def offered(turn: int) -> None:
        for i in instruments:
            server.series[i.provider_symbol("stooq")] = Series(whole[i.symbol][: 200 + turn])

    def started() -> Forked:
        before = len(server.asked)
        process = Forked(fetch_from_stooq, list(whole))
        while len(server.asked) == before and process.poll() is None:
            time.sleep(0.002)
        return process

    offered(0)
    assert started().wait() == 0  # makes the tables of hours
    process, at = started(), time.monotonic()
    assert process.wait() == 0
    takes, draw, unfinished = time.monotonic() - at, random.Random(3), 0
    for turn in range(1, 21):
        offered(turn)
        rows = {s: len(Store().load(s).table) for s in whole}
        process = started()
        time.sleep(draw.uniform(0, takes))
        process.send_signal(signal.SIGKILL)
        killed = process.wait() != 0
        unfinished, takes = unfinished + killed, takes if killed else takes * 0.8  # a busy machine grows quicker
        assert damage_of(Store()) == {}
        for symbol, days in whole.items():
            table = Store().load(symbol).table
            assert len(table) in (rows[symbol], 200 + turn)
            assert [str(s) for s in table.session] == [r.day for r in days[: len(table)]]
            assert table.close.tolist() == [r.close for r in days[: len(table)]]
    assert unfinished > 2, "too few were killed on their way: the test tested nothing"


def fetch_from_stooq(symbols: list[str]) -> None:
    """Fetch whole series, by a clock that stands at noon of 2 November 2026."""
    data_fetch._clock = Now().clock
    sys.exit(main(["data", "fetch", *symbols, "--source", "stooq", "--full", "--json"]))


def test_a_yield_is_fetched_and_updated_as_it_is_quoted(cli, home, server: Loopback, now: Now) -> None:
    days = [str(d) for d in calendar_sessions("XNYS", date(2026, 7, 1), date(2026, 10, 30))[:60]]
    closes = [round(0.3 - 0.011 * n + 0.02 * (n % 2), 3) for n in range(60)]
    rows = tuple(Row(d, None, None, None, c) for d, c in zip(days, closes, strict=True))
    for known, added in ((50, 50), (60, 10)):
        server.series["DGS10"] = Series(rows[:known], "USD", "America/New_York")
        (found,) = cli("data", "fetch", "US10Y", "--source", "fred", "--json").json["symbols"]
        assert (found["state"], found["added"], found["notes"]) == ("stored", added, [])
    assert Store().load("US10Y").table.close.tolist() == closes
    assert min(closes) < 0 < max(closes)
