"""Asks a provider over HTTP: paced, timed out, tried again where that can help, never believed on its status alone."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

from msgspec import Struct

from datasets.errors import UserError

T = TypeVar("T")

_PASSING = frozenset({408, 429, 500, 502, 503, 504})
_CHUNK = 1 << 16
REDIRECTS = 6
"""So many questions in all are put for one answer."""
NO_END = "sends elsewhere without end, or to no valid address"


class ProviderError(UserError):
    """A provider gave no answer that can be used; asking the same again would not help."""


class ExhaustedError(ProviderError):
    """A provider refuses everybody for a while: the rest need not be requested."""


class PassingError(ProviderError):
    """A fault that may pass. ``reached``: whether anybody answered; ``wait_s``: the wait the provider wants."""

    def __init__(self, text: str, *, reached: bool = True, wait_s: float | None = None) -> None:
        super().__init__(text)
        self.reached = reached
        self.wait_s = wait_s


class HttpClock(Struct, frozen=True):
    """The clock, what waits on it, and chance. The caller brings them: only hustings/ reads the clock.

    ``now`` is aware UTC, ``monotonic`` and ``sleep`` are in seconds, ``chance`` is uniform from 0 to 1;
    ``notify`` shows a line about a wait to the user.
    """

    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    chance: Callable[[], float]
    notify: Callable[[str], None]


class RetryPolicy(Struct, frozen=True):
    """How long to wait, and how often to ask again; seconds and bytes."""

    retries: int = 4
    connect_s: float = 10.0
    read_s: float = 30.0
    total_s: float = 120.0
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0
    max_bytes: int = 32_000_000


class Answer(Struct, frozen=True):
    """What came back. Header names are lower case; ``sized`` is whether the answer gave its length, and had it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    sized: bool


class Client:
    """Asks one provider, one question at a time, ``interval_s`` seconds apart at the least.

    After a request that reached nobody, the next is sent once only, until somebody answers again: with no network,
    twelve symbols do not wait twelve times.
    """

    def __init__(self, provider: str, *, interval_s: float, policy: RetryPolicy, clock: HttpClock) -> None:
        self.provider = provider
        self.policy = policy
        self.clock = clock
        self._interval_s = interval_s
        self._asked_at: float | None = None
        self._reached = True

    def request(self, send: Callable[[], Answer], read: Callable[[Answer], T], what: str) -> T:
        """Return what ``read`` makes of the answer to ``send``, sent again while faults may pass.

        Args:
            send: puts the question once; raises PassingError where the way there failed.
            read: turns a good answer into a value; raises PassingError for one that is damaged.
            what: names the question in messages, such as ``^N225``.

        Raises:
            ProviderError: no usable answer; the message says how often it was sent.
        """
        tries = 1 + (self.policy.retries if self._reached else 0)
        for tried in range(1, tries + 1):
            try:
                self.pace()
                answer = send()
                self._reached = True
                if answer.status in _PASSING:
                    wait_s = retry_after(answer.headers, self.clock.now())
                    raise PassingError(status_text(answer.status), wait_s=wait_s)
                return read(answer)
            except PassingError as e:
                self._reached = e.reached
                if tried == tries:
                    times = f", asked {tried} times" if tried > 1 else ""
                    advice = "try again later" if e.reached else "is there a network?"
                    raise ProviderError(f"{self.provider} ({what}): {e}{times}; {advice}") from e
                self._wait(what, e, tried)
            except ProviderError as e:
                raise type(e)(f"{self.provider} ({what}): {e}") from e
        raise AssertionError("unreachable")

    def get(self, url: str, parameters: Mapping[str, Any], read: Callable[[Answer], T], what: str) -> T:
        """Return what ``read`` makes of the answer to a GET, as ``request`` does."""
        return self.request(lambda: get(url, parameters, policy=self.policy, clock=self.clock), read, what)

    def pace(self) -> None:
        """Wait until the next request may be sent."""
        at = self.clock.monotonic()
        if self._asked_at is not None and at - self._asked_at < self._interval_s:
            self.clock.sleep(self._interval_s - (at - self._asked_at))
            at = self.clock.monotonic()
        self._asked_at = at

    def _wait(self, what: str, fault: PassingError, tried: int) -> None:
        """Sleep before the next try: what the provider wants, or twice as long each time, drawn from its upper half."""
        wait_s = min(self.policy.first_wait_s * 2 ** (tried - 1), self.policy.longest_wait_s)
        wait_s *= 0.5 + 0.5 * self.clock.chance()
        if fault.wait_s is not None:
            if fault.wait_s > self.policy.longest_wait_s:
                raise ExhaustedError(f"{self.provider} ({what}): {fault}, and asks to wait {fault.wait_s:.0f} s; "
                                     "try again then") from fault  # fmt: skip
            wait_s = max(fault.wait_s, wait_s)
        self.clock.notify(f"{self.provider} ({what}): {fault}; asking again in {wait_s:.0f} s")
        self.clock.sleep(wait_s)


def status_text(status: int) -> str:
    """Return ``answered 503 Service Unavailable``.

    >>> status_text(404)
    'answered 404 Not Found'
    """
    known = {s.value: f" {s.phrase}" for s in HTTPStatus}
    return f"answered {status}{known.get(status, '')}"


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds a ``Retry-After`` header asks to wait, given as a number or as a date; None without one.

    >>> retry_after({"retry-after": "120"}, datetime(2026, 2, 9, tzinfo=UTC))
    120.0
    >>> retry_after({"retry-after": "Mon, 09 Feb 2026 00:00:30 GMT"}, datetime(2026, 2, 9, tzinfo=UTC))
    30.0
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds())


def get(url: str, parameters: Mapping[str, Any], *, policy: RetryPolicy, clock: HttpClock) -> Answer:
    """Return the answer to one GET through requests; a parameter of None is none.

    Raises:
        PassingError: nobody was reached, the time was over, or the answer broke off.
        ProviderError: the answer is too long, or the server's certificate is not trusted.
    """
    import requests  # noqa: PLC0415 - only when something is fetched
    from urllib3.exceptions import HTTPError, NewConnectionError, ReadTimeoutError  # noqa: PLC0415

    until = clock.monotonic() + policy.total_s
    agent = {"User-Agent": f"hustings/{version('hustings')}", "Accept": "text/csv, */*;q=0.5"}
    how = {"headers": agent, "timeout": (policy.connect_s, policy.read_s), "stream": True, "allow_redirects": False}
    address, wanted = url, dict(parameters)
    try:
        for _ in range(REDIRECTS):
            with requests.get(address, params=wanted, **how) as response:  # type: ignore[arg-type]
                if response.is_redirect:
                    address, wanted = redirected(response, url), {}
                    continue
                body = _read_body(response, until, policy=policy, clock=clock)
                headers = {k.lower(): v for k, v in response.headers.items()}
                return Answer(response.status_code, headers, body, sized=is_sized(headers))
    except requests.RequestException as e:
        reason = getattr(e.args[0], "reason", None) if e.args else None
        unreached = isinstance(reason, NewConnectionError)
        raise fault_of(e, requests.exceptions, bundle="REQUESTS_CA_BUNDLE", unreached=unreached) from e
    except ReadTimeoutError as e:
        raise PassingError("did not answer in time") from e
    except (HTTPError, OSError) as e:
        raise PassingError("broke off in the middle of the answer") from e
    raise ProviderError(NO_END)


def redirected(response: Any, first: str) -> str:
    """Return where a redirect leads, which must be a host of the provider, by a way as safe as before.

    Args:
        response: of requests or curl_cffi.
        first: an address of the provider; its hosts are that one's and those under it.

    Raises:
        ProviderError: it is another host, or no longer https.
    """
    target: str = urljoin(response.url, response.headers["location"])
    before, after = urlsplit(first), urlsplit(target)
    own = (before.hostname or "").removeprefix("www.")
    is_own = after.hostname in (own, before.hostname) or (after.hostname or "").endswith(f".{own}")
    if not is_own or (before.scheme, after.scheme) not in (("https", "https"), ("http", "http"), ("http", "https")):
        raise ProviderError(f"sends to '{after.scheme}://{after.hostname}', which is none of its hosts: not followed")
    return target


def is_sized(headers: Mapping[str, str]) -> bool:
    """Return whether an answer's end is known from its headers rather than from the closing of the line."""
    return "content-length" in headers or "chunked" in headers.get("transfer-encoding", "").lower()


def too_long(policy: RetryPolicy) -> ProviderError:
    """Return the error for an answer beyond the limit."""
    return ProviderError(f"answered more than {policy.max_bytes / 1e6:g} MB; no daily series is that long")


def _read_body(response: Any, until: float, *, policy: RetryPolicy, clock: HttpClock) -> bytes:
    body = bytearray()
    while chunk := response.raw.read1(_CHUNK, decode_content=True):  # what is there: a trickle must not fill a chunk
        body += chunk
        if len(body) > policy.max_bytes:
            raise too_long(policy)
        if clock.monotonic() > until:
            raise PassingError(f"was still answering after {policy.total_s:g} s")
    return bytes(body)


def fault_of(e: Exception, kinds: Any, *, bundle: str, unreached: bool) -> ProviderError:
    """Return an exception of requests or curl_cffi as one of ours; its own text may hold a key and is not repeated.

    Args:
        e: the exception.
        kinds: the exceptions of the library, which have the same names in both.
        bundle: the variable that names its certificates.
        unreached: whether nobody was there.
    """
    if isinstance(e, kinds.SSLError):
        return ProviderError(f"has a certificate that is not trusted; behind a proxy, set {bundle}")
    if isinstance(e, kinds.ProxyError):
        return PassingError("the proxy cannot be reached or refuses", reached=False)
    if unreached or isinstance(e, kinds.ConnectTimeout):
        return PassingError("cannot be reached", reached=False)
    if isinstance(e, kinds.Timeout):
        return PassingError("did not answer in time")
    if isinstance(e, kinds.TooManyRedirects | kinds.InvalidURL | kinds.InvalidSchema):
        return ProviderError(NO_END)
    return PassingError("broke off in the middle of the answer")
