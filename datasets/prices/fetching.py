"""Fetches series from a provider into the store, one symbol after the other; what fails leaves the others alone."""

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from datasets.arrays import Sessions
from datasets.errors import UserError
from datasets.files import replace_file
from datasets.home import hustings_home
from datasets.instants import iso_z, to_date
from datasets.markets.instruments import Instrument
from datasets.prices.importing import ImportResult, Origin, import_table
from datasets.prices.quality import RefusedError
from datasets.prices.sources.base import Provider
from datasets.prices.sources.http import ExhaustedError, ProviderError
from datasets.prices.sources.providers import offered_by
from datasets.prices.store import HistoryChangedError, Store
from datasets.prices.table import PriceTable

KEPT = timedelta(hours=24)


class FetchJournal:
    """The symbols that one command has fetched, with the instants; a file under ``$HUSTINGS_HOME/fetches``.

    A command is identified by its words. A journal that cannot be read or written is as none: it saves requests, and
    nothing else depends on it.
    """

    def __init__(self, words: str, *, now: datetime, folder: Path | None = None) -> None:
        folder = folder if folder is not None else hustings_home() / "fetches"
        self._path = folder / f"{hashlib.sha256(words.encode()).hexdigest()[:16]}.json"
        for path in (*folder.glob("*.json"), *folder.glob("*.tmp")):
            with suppress(OSError):
                if path.stat().st_mtime < (now - KEPT).timestamp():
                    path.unlink()
        self._done = _read(self._path, now)

    def done_at(self, symbol: str) -> str | None:
        """Return when the command fetched a symbol, as UTC text, or None."""
        return self._done.get(symbol)

    def note(self, symbol: str, at: str) -> None:
        """Record a symbol as fetched."""
        self._done[symbol] = at
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self._path, json.dumps(self._done).encode())

    def clear(self) -> None:
        """Remove all records: the command is done, or is to begin again."""
        self._done = {}
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


def _read(path: Path, now: datetime) -> dict[str, str]:
    try:
        done = json.loads(path.read_text(encoding="utf-8"))
        return {str(k): str(v) for k, v in done.items() if iso_z(now - KEPT) <= str(v) <= iso_z(now)}
    except (OSError, ValueError, AttributeError):
        return {}


OVERLAP = 10
"""An update asks for so many stored sessions again, so that a revision shows."""


class FetchState(StrEnum):
    """What became of a symbol."""

    STORED = "stored"
    UNCHANGED = "unchanged"
    EARLIER = "fetched earlier"
    REFUSED = "refused"
    FAILED = "failed"
    NOT_ASKED = "not asked"

    @property
    def is_good(self) -> bool:
        """Whether the store now holds what was requested."""
        return self in (FetchState.STORED, FetchState.UNCHANGED, FetchState.EARLIER)


class FetchOutcome(Struct, frozen=True):
    """What became of one symbol: rows added, values changed, rows found as stored; why, where it went wrong.

    ``diff`` holds the stored values that the answer would change, or has changed; ``notes`` what was corrected, is
    notable, or, where there is more than one thing, all that the answer was refused for.
    """

    symbol: str
    asked_for: str
    state: FetchState
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    first: str | None = None
    last: str | None = None
    reason: str = ""
    diff: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class FetchRequest(Struct, frozen=True):
    """What a user asks to fetch. ``full`` asks for the whole span even where most of it is stored."""

    instruments: Sequence[Instrument]
    first: date | None = None
    last: date | None = None
    accepted: Collection[str] = ()
    full: bool = False


def check_offered(instruments: Sequence[Instrument], provider: str) -> None:
    """Raise a UserError when a provider offers none of the instruments: nothing could be done."""
    if any(i.provider_symbol(provider) for i in instruments):
        return
    raise UserError("; ".join(not_offered(i, provider) for i in instruments[:3]))


def not_offered(instrument: Instrument, provider: str) -> str:
    """Return that a provider does not offer an instrument, and who does."""
    others = offered_by(instrument)
    advice = f"--source {' or '.join(others)} does" if others else "import a file of it instead"
    return f"{provider} does not offer {instrument.symbol}; {advice}"


def fetch_all(
    request: FetchRequest, provider: Provider, store: Store, journal: FetchJournal, now: Callable[[], datetime]
) -> Iterator[FetchOutcome]:
    """Give the outcome of each symbol as it comes. Where a provider refuses everybody, the rest is not requested."""
    exhausted = ""
    for instrument in request.instruments:
        earlier = journal.done_at(instrument.symbol)
        if exhausted:
            yield _outcome(instrument, provider, FetchState.NOT_ASKED, reason=exhausted)
            continue
        if earlier and instrument.symbol in store.symbols():
            yield _outcome(instrument, provider, FetchState.EARLIER, reason=f"at {earlier}; --full asks again")
            continue
        try:
            outcome = fetch_one(instrument, request, provider, store, now)
        except ExhaustedError as e:
            exhausted = str(e)
            outcome = _outcome(instrument, provider, FetchState.FAILED, reason=str(e))
        if outcome.state.is_good:
            journal.note(instrument.symbol, iso_z(now()))
        yield outcome


def fetch_one(
    instrument: Instrument, request: FetchRequest, provider: Provider, store: Store, now: Callable[[], datetime]
) -> FetchOutcome:
    """Return what became of one symbol.

    Raises:
        ExhaustedError: the provider will answer nobody for a while.
    """
    if not instrument.provider_symbol(provider.name):
        return _outcome(instrument, provider, FetchState.REFUSED, reason=not_offered(instrument, provider.name))
    try:
        known = store.load(instrument.symbol).table.session if instrument.symbol in store.symbols() else None
        first = _first(known, request)
        if first and request.last and first > request.last:
            return _outcome(instrument, provider, FetchState.UNCHANGED, reason=f"stored beyond {request.last} already")
        asked_at = now()  # a session that was not over then may be in the answer in part
        answer = provider.fetch(instrument, first=first, last=request.last)
        table = _within(answer, first, request.last)
        _check_joins(table, known)
        origin = Origin(
            source=provider.source,
            retrieved_at=asked_at,
            licence=provider.licence,
            adjustment="total" if instrument.total_return else "price",
        )
        taken = import_table(table, instrument, store, origin=origin, accepted=request.accepted)
    except ExhaustedError:
        raise
    except ProviderError as e:
        return _outcome(instrument, provider, FetchState.FAILED, reason=str(e))
    except HistoryChangedError as e:
        diff = tuple(c.text() for c in e.changes)
        return _outcome(instrument, provider, FetchState.REFUSED, reason=str(e), diff=diff)
    except RefusedError as e:
        several = len(e.refused) > 1  # no file is there that 'data check' could show them of
        notes = tuple(f"{f.message} ({f.rule})" for f in e.refused) if several else ()
        options = e.options()
        way = f"'{options}' takes it all the same" if options else "try another --source, or import a file of it"
        reason = f"{e.found}; nothing of the answer is stored; {way}"
        return replace(_outcome(instrument, provider, FetchState.REFUSED, reason=reason), notes=notes)
    except UserError as e:
        return _outcome(instrument, provider, FetchState.REFUSED, reason=str(e))
    return _stored(_outcome(instrument, provider, FetchState.STORED), taken, table.remarks)


def _stored(outcome: FetchOutcome, taken: ImportResult, remarks: Sequence[str]) -> FetchOutcome:
    update, delivery = taken.update, taken.delivery
    return replace(
        outcome,
        state=FetchState.STORED if update.added or update.changes else FetchState.UNCHANGED,
        added=update.added,
        changed=len(update.changes),
        unchanged=update.unchanged,
        first=delivery.first,
        last=delivery.last,
        diff=tuple(c.text() for c in update.changes),
        notes=(*remarks, *delivery.corrections, *delivery.warnings),
    )


def _first(known: Sessions | None, request: FetchRequest) -> date | None:
    """Return the first date to request: the one the user gave, else some sessions before the end of what is stored.

    Where all that is requested lies before what is stored, from the beginning.
    """
    if request.first or request.full or known is None or (request.last and request.last < to_date(known[0])):
        return request.first
    return to_date(known[max(0, len(known) - OVERLAP)])


def _within(table: PriceTable, first: date | None, last: date | None) -> PriceTable:
    """Return the rows that were requested: providers add the day's last price, or all there is.

    Raises:
        ProviderError: none is left.
    """
    begin = np.datetime64(first, "D") if first else np.datetime64("0001-01-01", "D")
    end = np.datetime64(last, "D") if last else np.datetime64("9999-12-31", "D")
    wanted = (table.session >= begin) & (table.session <= end)
    if not wanted.any():
        raise ProviderError(f"{table.name}: no row of the answer lies in the span that was requested")
    return table if wanted.all() else table.take(wanted)


def _check_joins(table: PriceTable, known: Sessions | None) -> None:
    """Refuse rows that share no session with what is stored: nothing would show that they are of the same series."""
    if known is None or np.isin(table.session, known).any():
        return
    raise UserError(
        f"{table.name}: the answer ({table.session[0]} to {table.session[-1]}) shares no session with what is stored "
        f"({known[0]} to {known[-1]}); ask for a span that does, or for all with --full and no dates"
    )


def _outcome(
    instrument: Instrument, provider: Provider, state: FetchState, *, reason: str = "", diff: tuple[str, ...] = ()
) -> FetchOutcome:
    return FetchOutcome(instrument.symbol, instrument.provider_symbol(provider.name), state, reason=reason, diff=diff)
