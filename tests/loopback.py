"""A server on this machine that answers as Yahoo, FRED and Stooq do, with faults where a test asks for them."""

import gzip
import json
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo

PAGE = b"<!DOCTYPE html><html><head><title>Will be right back</title></head><body>...</body></html>"


@dataclass(frozen=True)
class Row:
    """One day: its date and open, high, low, close, volume."""

    day: str
    open: float | None
    high: float | None
    low: float | None
    close: float | None
    volume: float | None = 0


@dataclass(frozen=True)
class Series:
    """What a provider has of a symbol."""

    rows: tuple[Row, ...]
    currency: str = "JPY"
    zone: str = "Asia/Tokyo"
    opens: str = "09:00"


@dataclass(frozen=True)
class Reply:
    """What goes over the line. ``lie`` adds to the announced length; ``cut`` ends the line after so many bytes."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    lie: int = 0
    cut: int | None = None
    wait: float = 0
    sized: bool = True


Fault = Callable[[Reply], Reply]


def status(code: int, body: bytes = b"", **headers: str) -> Fault:
    """Return a fault that answers with a status."""
    named = tuple((k.replace("_", "-"), v) for k, v in headers.items())
    return lambda _: Reply(code, body, named)


def body(content: bytes) -> Fault:
    """Return a fault that answers other bytes with status 200."""
    return lambda _: Reply(200, content)


def changed(old: bytes, new: bytes) -> Fault:
    """Return a fault that puts other bytes in place of some of the answer's."""

    def fault(reply: Reply) -> Reply:
        assert old in reply.body, reply.body[:200]
        return replace(reply, body=reply.body.replace(old, new))

    return fault


def good(reply: Reply) -> Reply:
    """No fault at all."""
    return reply


def truncated(reply: Reply) -> Reply:
    """Announce the whole answer and send half of it."""
    return replace(reply, cut=len(reply.body) // 2)


def reset(reply: Reply) -> Reply:
    """Break the connection before a word is said."""
    return replace(reply, cut=0)


def unsized_and_cut(reply: Reply) -> Reply:
    """End in the middle of the last number, without ever having said how long the answer is."""
    return replace(reply, sized=False, body=reply.body.rstrip()[:-2])


def slow(seconds: float) -> Fault:
    """Return a fault that answers late."""
    return lambda reply: replace(reply, wait=seconds)


def zipped(reply: Reply) -> Reply:
    """Compress the answer."""
    return replace(reply, body=gzip.compress(reply.body), headers=(("Content-Encoding", "gzip"),))


@dataclass
class Loopback:
    """The three providers. ``faults`` are used up one a request of a symbol; ``asked`` is what came in."""

    series: dict[str, Series] = field(default_factory=dict)
    faults: dict[str, list[Fault]] = field(default_factory=lambda: defaultdict(list))
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    cookies: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def times(self, symbol: str) -> int:
        """Return how often a symbol was asked for."""
        return sum(s == symbol for _, s, _ in self.asked)

    def reply(self, path: str, query: dict[str, str]) -> Reply:
        """Return the answer to a request, faults included."""
        if path == "/v1/test/getcrumb":
            return Reply(body=b"a.crumb/1")
        if path.startswith("/v8/finance/chart/"):
            return self._answered("yahoo", unquote(path.removeprefix("/v8/finance/chart/")), query)
        if path == "/graph/fredgraph.csv":
            return self._answered("fred", query["id"], query)
        if path == "/q/d/l/":
            return self._answered("stooq", query["s"], query)
        return Reply(404, PAGE, (("Set-Cookie", "A3=token; Path=/"),))

    def _answered(self, provider: str, symbol: str, query: dict[str, str]) -> Reply:
        self.asked.append((provider, symbol, query))
        whole = {"yahoo": chart, "fred": fred_csv, "stooq": stooq_csv}[provider](self.series.get(symbol), symbol, query)
        script = self.faults[symbol]
        return script.pop(0)(whole) if script else whole


def chart(series: Series | None, symbol: str, query: dict[str, str]) -> Reply:
    """Return the chart Yahoo answers, or its error."""
    if series is None:
        error = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
        return _json(404, {"chart": {"result": None, "error": error}})
    first, last = int(query["period1"]), int(query["period2"])
    rows = [(t, r) for r in series.rows if first <= (t := stamp(series, r.day)) < last]
    meta = {
        "currency": series.currency,
        "symbol": symbol,
        "instrumentType": "INDEX",
        "gmtoffset": 0,
        "exchangeTimezoneName": series.zone,
        "dataGranularity": "1d",
        "range": "",
        "validRanges": ["1d", "5d", "max"],
    }
    quote = {c: [getattr(r, c) for _, r in rows] for c in ("open", "high", "low", "close", "volume")}
    result = {
        "meta": meta,
        "timestamp": [t for t, _ in rows],
        "indicators": {"quote": [quote], "adjclose": [{"adjclose": quote["close"]}]},
    }
    return _json(200, {"chart": {"result": [result], "error": None}})


def stamp(series: Series, day: str) -> int:
    """Return the second at which a day opens on the exchange."""
    opens = datetime.fromisoformat(f"{day}T{series.opens}").replace(tzinfo=ZoneInfo(series.zone))
    return int(opens.timestamp())


def fred_csv(series: Series | None, symbol: str, query: dict[str, str]) -> Reply:
    """Return the CSV of FRED, or its page of status 404."""
    if series is None:
        return Reply(404, b"<!DOCTYPE html><html><head><title>Not Found | FRED</title></head></html>")
    rows = [r for r in series.rows if query.get("cosd", "") <= r.day <= query.get("coed", "9999")]
    lines = [f"{r.day},{'' if r.close is None else r.close}" for r in rows]
    return Reply(body="\n".join([f"observation_date,{symbol}", *lines, ""]).encode())


def stooq_csv(series: Series | None, symbol: str, query: dict[str, str]) -> Reply:
    """Return the CSV of Stooq, or its two words."""
    first, last = query.get("d1", ""), query.get("d2", "9999")
    rows = [] if series is None else [r for r in series.rows if first <= r.day.replace("-", "") <= last]
    if not rows:
        return Reply(body=b"No data")
    lines = [f"{r.day},{r.open},{r.high},{r.low},{r.close},{r.volume:g}" for r in rows]
    return Reply(body="\r\n".join(["Date,Open,High,Low,Close,Volume", *lines, ""]).encode())


def _json(code: int, value: Any) -> Reply:
    return Reply(code, json.dumps(value).encode(), (("Content-Type", "application/json"),))


def rows_of(days: Iterable[date | str], *, start: float) -> tuple[Row, ...]:
    """Return made-up days that rise and fall a little about a level."""
    found = []
    for n, day in enumerate(days):
        open_, close = start + n % 7, start + (n * 3) % 11
        found.append(Row(str(day), open_, max(open_, close) + 1.5, min(open_, close) - 1.25, close, 1000 + n))
    return tuple(found)


@contextmanager
def serving() -> Iterator[Loopback]:
    """Serve until the block ends."""
    state = Loopback()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            state.cookies.append(self.headers.get("Cookie", ""))
            reply = state.reply(parts.path, {k: v[0] for k, v in parse_qs(parts.query).items()})
            self._send(reply)

        do_POST = do_GET  # noqa: N815 - the name that http.server calls

        def _send(self, reply: Reply) -> None:
            time.sleep(reply.wait)
            if reply.cut == 0:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
                self.close_connection = True
                self.connection.close()
                return
            try:
                self.send_response(reply.status)
                for name, value in reply.headers:
                    self.send_header(name, value)
                if reply.sized:
                    self.send_header("Content-Length", str(len(reply.body) + reply.lie))
                else:
                    self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(reply.body[: reply.cut])
                self.wfile.flush()
            except OSError:
                return
            self.close_connection = self.close_connection or reply.cut is not None or not reply.sized

        def log_message(self, format: str, *args: Any) -> None:
            return

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            return  # a client that has gone, or a line that was cut on purpose

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
