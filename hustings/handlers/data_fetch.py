"""hustings data fetch: requests prices from a provider and stores them."""

import random
import time
from datetime import UTC, datetime

from msgspec.structs import asdict

from datasets.errors import UserError
from datasets.prices.fetching import FetchJournal, FetchOutcome, FetchRequest, FetchState, check_offered, fetch_all
from datasets.prices.quality import check_accepted
from datasets.prices.sources.http import HttpClock, RetryPolicy
from datasets.prices.sources.providers import provider_of
from datasets.prices.store import REVISION, Store
from hustings.inputs import date_of, instruments_of
from hustings.terminal import in_json, say, say_json, table, warn

_SHOWN = 5


def fetch_symbols(
    *,
    symbols: tuple[str, ...],
    source: str,
    from_: str | None,
    to: str | None,
    accept: tuple[str, ...],
    retries: int,
    timeout: float,
    full: bool,
) -> int:
    """Fetch series, print the outcome of each symbol, and return 1 if one was refused or failed."""
    known = instruments_of(None)
    instruments = list(dict.fromkeys(known.find(s) for s in symbols))  # each once, in the order typed
    request = FetchRequest(instruments, date_of(from_, "--from"), date_of(to, "--to"), accept, full)
    if request.first and request.last and request.first > request.last:
        raise UserError(f"--from {request.first} lies after --to {request.last}")
    check_accepted([rule for rule in accept if rule != REVISION])
    clock = _clock()
    limits = {"retries": retries, "connect_s": min(10.0, timeout), "read_s": timeout, "total_s": 4 * timeout}
    provider = provider_of(source, policy=RetryPolicy(**limits), clock=clock)  # type: ignore[arg-type]
    check_offered(request.instruments, source)
    asked = ",".join(sorted(i.symbol for i in request.instruments))
    key = f"{provider.source} {asked} {request.first} {request.last} {sorted(request.accepted)}"
    journal = FetchJournal(key, now=clock.now())
    if full:
        journal.clear()
    outcomes: list[FetchOutcome] = []
    for outcome in fetch_all(request, provider, Store(), journal, clock.now):
        outcomes.append(outcome)
        if not in_json():
            warn(f"[{len(outcomes)}/{len(request.instruments)}] {_line(outcome)}")
    if not any(o.state is FetchState.NOT_ASKED for o in outcomes):
        journal.clear()  # every symbol was requested: the same command is then an update
    good = all(o.state.is_good for o in outcomes)
    say_json({"source": provider.source, "good": good, "symbols": [asdict(o) for o in outcomes]})
    _show(outcomes)
    return 0 if good else 1


def _clock() -> HttpClock:
    return HttpClock(
        now=lambda: datetime.now(UTC),
        monotonic=time.monotonic,
        sleep=time.sleep,
        chance=random.random,
        notify=(lambda _: None) if in_json() else warn,
    )


def _line(o: FetchOutcome) -> str:
    if o.state in (FetchState.STORED, FetchState.UNCHANGED) and not o.reason:
        return f"{o.symbol}: {o.state}, {o.added} rows added, {o.changed} values changed, {o.unchanged} rows as stored"
    return f"{o.symbol}: {o.state}: {o.reason}"


def _show(outcomes: list[FetchOutcome]) -> None:
    columns = ["symbol", "requested as", "outcome", "added", "changed", "unchanged", "first", "last"]
    rows = []
    for o in outcomes:
        counts = map(str, (o.added, o.changed, o.unchanged))
        rows.append([o.symbol, o.asked_for or "-", o.state, *counts, o.first or "-", o.last or "-"])
    table(columns, rows, right=["added", "changed", "unchanged"])
    for o in outcomes:
        _show_list(o.symbol, (o.reason,) if o.reason else ())
        _show_list(f"{o.symbol} would change" if o.state is FetchState.REFUSED else f"{o.symbol} changed", o.diff)
        _show_list(f"{o.symbol} notes", o.notes)


def _show_list(title: str, lines: tuple[str, ...]) -> None:
    for line in lines[:_SHOWN]:
        say(f"{title}: {line}")
    if len(lines) > _SHOWN:
        say(f"{title}: {len(lines) - _SHOWN} more; --json shows all")
