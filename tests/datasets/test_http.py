"""An answer over HTTP is left at its limit of time, however slowly it comes, and followed to the provider's hosts only."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from datasets.prices.sources.http import HttpClock, PassingError, ProviderError, RetryPolicy, get

CLOCK = HttpClock(lambda: datetime.now(UTC), time.monotonic, time.sleep, lambda: 1.0, lambda _: None)
Send = Callable[[Any], None]


@contextmanager
def answering(send: Send) -> Iterator[str]:
    """Serve answers that ``send`` writes, at the address returned."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            send(self)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")


def trickle(handler: Any) -> None:
    """Announce a megabyte and send a byte every twentieth of a second, four seconds long."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    for _ in range(80):
        try:
            handler.wfile.write(b"x")
        except OSError:
            return
        time.sleep(0.05)


def test_an_answer_that_trickles_is_left_at_the_limit() -> None:
    with answering(trickle) as address:
        begun = time.monotonic()
        with pytest.raises(PassingError, match=r"was still answering after 0\.5 s"):
            get(address, {}, policy=RetryPolicy(total_s=0.5, read_s=5), clock=CLOCK)
        assert time.monotonic() - begun < 1.5, "the limit, and a second for a busy machine"


def redirect(to: str) -> Send:
    def send(handler: Any) -> None:
        is_first = handler.path.partition("?")[0] == "/"
        body = b"" if is_first else b"date,close\n"
        handler.send_response(302 if is_first else 200)
        if is_first:
            handler.send_header("Location", to.format(port=handler.server.server_address[1]))
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return send


@pytest.mark.parametrize("to", ["/there", "http://127.0.0.1:{port}/there", "http://a.127.0.0.1.invalid:{port}/x"])
def test_a_redirect_to_the_same_host_is_followed(to: str) -> None:
    with answering(redirect(to)) as address:
        if "invalid" in to:
            with pytest.raises(ProviderError, match="which is none of its hosts: not followed"):
                get(address, {}, policy=RetryPolicy(), clock=CLOCK)
        else:
            assert get(f"{address}/", {}, policy=RetryPolicy(), clock=CLOCK).body == b"date,close\n"


def test_a_redirect_to_another_host_is_not_followed() -> None:
    asked: list[str] = []

    def other(handler: Any) -> None:
        asked.append(handler.path)
        redirect("/")(handler)

    with answering(other) as elsewhere:
        port = elsewhere.rsplit(":", 1)[1]
        refused = pytest.raises(ProviderError, match="sends to 'http://localhost', which is none of its hosts")
        with answering(redirect(f"http://localhost:{port}/there")) as address, refused:
            get(f"{address}/", {"apikey": "secret"}, policy=RetryPolicy(), clock=CLOCK)
    assert asked == []


def test_redirects_have_an_end() -> None:
    with answering(redirect("/")) as address, pytest.raises(ProviderError, match="sends elsewhere without end"):
        get(f"{address}/", {}, policy=RetryPolicy(), clock=CLOCK)
