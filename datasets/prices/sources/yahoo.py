"""Yahoo Finance, through yfinance: its session, cookies and crumb, and the chart it answers, read unchanged.

yfinance's own tables are not used: they drop doubled days and merge rows in silence, and what is wrong with an answer
is for ``prices.quality`` to judge. Prices are requested without adjustment for dividends; Yahoo has adjusted them for
splits already.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

import numpy as np
from msgspec.structs import replace

from datasets.arrays import Floats, Sessions
from datasets.home import hustings_home
from datasets.instants import to_ns
from datasets.markets.instruments import Instrument
from datasets.markets.sessions import stamp_prices
from datasets.prices.sources.base import Provider, without_blanks
from datasets.prices.sources.http import (
    NO_END,
    REDIRECTS,
    Answer,
    PassingError,
    ProviderError,
    RetryPolicy,
    fault_of,
    is_sized,
    redirected,
    status_text,
    too_long,
)
from datasets.prices.table import PriceTable

_CHART = "/v8/finance/chart/"
_REACH = timedelta(days=99 * 365)
"""Yahoo answers daily bars of a hundred years at the most."""
_EVENING = 22
_COLUMNS = ("open", "high", "low", "close", "volume")
_HOSTS = "https://yahoo.com"
_ELSEWHERE = frozenset({301, 302, 303, 307, 308})
_DENIED = frozenset({401, 403})
"""Answers after which yfinance takes a fresh cookie and crumb and asks once more by itself."""


class Yahoo(Provider):
    """Series of Yahoo Finance by their ticker, such as ^N225."""

    name = "yahoo"
    title = "Yahoo"
    home = "https://query2.finance.yahoo.com"
    interval_s = 1.0
    licence = (
        "Yahoo Finance's data are for personal use and not to be passed on; "
        "https://legal.yahoo.com/us/en/yahoo/terms/otos/index.html"
    )
    _yfinance: Any = None

    def fetch(self, instrument: Instrument, *, first: date | None, last: date | None) -> PriceTable:
        """Return the bars of the ticker of an instrument."""
        ticker = instrument.provider_symbol(self.name)
        return self.client.request(
            lambda: self._send(ticker, first, last),
            lambda answer: _read(answer, ticker, instrument, self._now()),
            ticker,
        )

    def _send(self, ticker: str, first: date | None, last: date | None) -> Answer:
        policy = self.client.policy
        with _quiet():
            if self._yfinance is None:
                self._yfinance = _yfinance_client(self.address, policy)
            url, parameters = f"{self.home}{_CHART}{quote(ticker, safe='')}", _parameters(first, last, self._now())
            try:
                answer = _answer(self._yfinance.get(url, params=parameters))
            except _FinalAnswer as e:
                return e.answer
            except OSError as e:
                raise _our_error(e, policy) from e
        if len(answer.body) > policy.max_bytes:
            raise too_long(policy)  # it was short while it was compressed
        return answer

    def _now(self) -> datetime:
        return self.client.clock.now()


def _parameters(first: date | None, last: date | None, now: datetime) -> dict[str, str]:
    """Return the span with a day too many at both ends, since a date begins at another instant in each zone."""
    earliest = (now - _REACH).date()
    begin = max(first - timedelta(days=1), earliest) if first else earliest
    end = min(last, now.date()) if last else now.date()
    return {
        "period1": str(_midnight(begin)),
        "period2": str(_midnight(end + timedelta(days=2))),
        "interval": "1d",
        "includePrePost": "false",
    }


def _midnight(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())


# --- sending: yfinance's client on a session of ours


class _FinalAnswer(Exception):
    """Carries an answer past yfinance, which would ask again with other cookies."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def _yfinance_client(address: str, policy: RetryPolicy) -> Any:
    """Return yfinance's client; its cookies and crumb are those of this process, its cache lies in our home."""
    import yfinance  # noqa: PLC0415 - a second, paid only when Yahoo is used
    from yfinance.data import YfData  # noqa: PLC0415

    yfinance.set_tz_cache_location(str(hustings_home() / "cache" / "yfinance"))
    return YfData(session=_http_session(address, policy))


def _http_session(address: str, policy: RetryPolicy) -> Any:
    """Return a browser-like session that bounds each request and sends it to ``address`` where that is not Yahoo's own.

    It follows redirects to Yahoo's own hosts only. A chart's answer that yfinance could only make worse, such as 404 or
    503, leaves it at once.
    """
    from curl_cffi import CurlOpt  # noqa: PLC0415
    from curl_cffi.requests import Session  # noqa: PLC0415

    session: Any = Session(impersonate="chrome", curl_options={CurlOpt.MAXFILESIZE_LARGE: policy.max_bytes})
    send = session.request

    def request(method: str, url: str, **options: Any) -> Any:
        options |= {"timeout": (policy.connect_s, policy.read_s), "allow_redirects": False}
        place = urlsplit(url)._replace(scheme="", netloc="").geturl() or "/"
        response = send(method, url if address == Yahoo.home else f"{address}{place}", **options)
        for _ in range(REDIRECTS):
            if response.status_code not in _ELSEWHERE or "location" not in response.headers:
                break
            target = redirected(response, _HOSTS if address == Yahoo.home else address)
            asked = {k: v for k, v in options.items() if k not in ("params", "data", "json")}
            response = send("GET", target, **asked)
        else:
            raise ProviderError(NO_END)
        if _CHART in url and response.status_code >= 400 and response.status_code not in _DENIED:
            raise _FinalAnswer(_answer(response))
        return response

    session.request = request
    return session


def _answer(response: Any) -> Answer:
    headers = {k.lower(): v for k, v in response.headers.items()}
    return Answer(response.status_code, headers, response.content, sized=is_sized(headers))


def _our_error(e: OSError, policy: RetryPolicy) -> ProviderError:
    """Return an exception of curl_cffi as one of ours."""
    from curl_cffi import CurlECode  # noqa: PLC0415
    from curl_cffi.requests import exceptions  # noqa: PLC0415

    code = getattr(e, "code", None)
    if code == CurlECode.FILESIZE_EXCEEDED:
        return too_long(policy)
    unreached = isinstance(e, exceptions.DNSError) or code == CurlECode.COULDNT_CONNECT
    return fault_of(e, exceptions, bundle="CURL_CA_BUNDLE", unreached=unreached)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what yfinance logs off the terminal: its faults come back as ours."""
    logger = logging.getLogger("yfinance")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


# --- reading the answer


def _read(answer: Answer, ticker: str, instrument: Instrument, now: datetime) -> PriceTable:
    meta, stamps, columns = _chart(_document(answer), ticker)
    _check(meta, ticker, instrument)
    zone = ZoneInfo(meta["exchangeTimezoneName"])
    table = PriceTable(
        name=f"yahoo {ticker}",
        layout="yahoo",
        session=_sessions(stamps, zone),
        **columns,
        line=np.arange(1, len(stamps) + 1),
    )
    return _without_live_row(without_blanks(table, "days without a price"), instrument, now)


def _document(answer: Answer) -> Any:
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError) as e:
        is_page = answer.body.lstrip().startswith(b"<")
        what = "a web page" if is_page else "damaged JSON" if answer.body else "nothing"
        if answer.status != 200:
            raise ProviderError(status_text(answer.status)) from e
        raise PassingError(f"answered {what} instead of a chart") from e
    if answer.status != 200 and not (answer.status == 404 and _reason(document)):
        raise ProviderError(f"{status_text(answer.status)}{_reason(document)}")
    return document


def _chart(document: Any, ticker: str) -> tuple[Mapping[str, Any], list[int], dict[str, Any]]:
    """Return the facts of the one result of a chart, its stamps (seconds since 1970) and its columns."""
    try:
        chart = document["chart"]
        if chart.get("error"):
            raise ProviderError(f"has no chart of {ticker}{_reason(document)}; correct it in instruments.csv")
        result = chart["result"][0]
        stamps = result.get("timestamp")
        if not stamps:
            raise ProviderError(f"has no bars of {ticker} in that span")
        if not all(isinstance(s, int) for s in stamps):
            raise ValueError("a stamp is no whole number")
        return result["meta"], stamps, _columns(result["indicators"], len(stamps))
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, OverflowError) as e:
        raise PassingError("answered a chart of another shape than is known") from e


def _columns(indicators: Mapping[str, Any], rows: int) -> dict[str, Floats]:
    quotes = indicators["quote"][0]
    columns = {c: _floats(quotes[c], rows) for c in _COLUMNS}
    adjusted = indicators.get("adjclose")
    columns["adjusted_close"] = _floats(adjusted[0]["adjclose"], rows) if adjusted else np.full(rows, np.nan)
    return columns


def _floats(values: list[Any], rows: int) -> Floats:
    if len(values) != rows or not all(v is None or type(v) in (int, float) for v in values):
        raise ValueError("a column is of another length or holds something else than numbers")
    return np.array([np.nan if v is None else float(v) for v in values])


def _check(meta: Mapping[str, Any], ticker: str, instrument: Instrument) -> None:
    """Refuse a chart of something else than was requested."""
    answer = {k: meta.get(k) for k in ("symbol", "currency", "dataGranularity", "exchangeTimezoneName")}
    currency, length, wrong = answer["currency"], answer["dataGranularity"], ""
    if str(answer["symbol"]).casefold() != ticker.casefold():
        wrong = f"answered {answer['symbol']} when asked for {ticker}"
    elif currency not in (None, instrument.currency):
        wrong = f"answered prices in {currency}, where {instrument.symbol} is in {instrument.currency}"
    elif length not in (None, "1d"):
        wrong = f"answered bars of {length} when asked for days"
    if wrong:
        raise ProviderError(f"{wrong}; nothing of it is used")
    try:
        ZoneInfo(str(answer["exchangeTimezoneName"]))
    except (KeyError, ValueError, OSError) as e:
        raise ProviderError(f"answered an unknown time zone '{answer['exchangeTimezoneName']}'") from e


def _sessions(stamps: list[int], zone: ZoneInfo) -> Sessions:
    try:
        return np.array([_session_of(s, zone) for s in stamps], dtype="datetime64[D]")
    except (ValueError, OverflowError, OSError) as e:
        raise PassingError("answered a stamp that is no instant") from e


def _session_of(stamp: int, zone: ZoneInfo) -> date:
    """Return the exchange's date of a stamp, which is the opening or the midnight of its session.

    About changes of daylight time Yahoo puts midnight an hour or two too early: 23:00 belongs to the next day.
    """
    local = datetime.fromtimestamp(stamp, zone)
    early = local.hour >= _EVENING and local.minute == 0 and local.second == 0
    return local.date() + timedelta(days=1) if early else local.date()


def _without_live_row(table: PriceTable, instrument: Instrument, now: datetime) -> PriceTable:
    """Return a table with one row of a session that is not over.

    While a market is open, Yahoo puts the last price behind the day's row as a row of its own.
    """
    session = table.session
    _, closes = stamp_prices(instrument.mic, session[-1:])
    if len(table) < 2 or session[-1] != session[-2] or int(closes[0]) <= to_ns(now):
        return table
    remark = f"{session[-1]} appeared twice while it was not over; the first of the two was left out"
    kept = np.arange(len(table)) != len(table) - 2
    return replace(table.take(kept), remarks=(*table.remarks, remark))


def _reason(document: Any) -> str:
    """Return what Yahoo says of an error, as ``: 'No data found'``, or nothing."""
    try:
        text = " ".join(str((document.get("chart") or document["finance"])["error"]["description"]).split())[:100]
    except (KeyError, TypeError, AttributeError):
        return ""
    return f": '{text}'"
