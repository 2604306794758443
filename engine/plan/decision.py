"""What a rule decides about an event: whether it wants it, when, and which legs it then gives."""

from datetime import datetime
from typing import Any

from msgspec import Struct

from datasets.events import PoliticalEvent
from datasets.instants import iso_z
from engine.strategy import Strategy
from engine.strategy.legs import check_instant
from engine.strategy.market import BarClock, LookAheadError, Market, MarketView, TooFewBarsError
from engine.strategy.strategy_calls import call_strategy, wants_and_missing


class Skipped(Struct, frozen=True):
    """An event (or one instrument of it) that was not traded, and why."""

    event_id: str
    instrument: str
    reason: str


class Interest(Struct, frozen=True):
    """A rule wants an event, which it sees so at the instant at which it decides."""

    event: PoliticalEvent
    decided_at: datetime


class Decision(Interest, frozen=True):
    """What a rule answered about an event it wants: its legs as it gave them, which nothing has checked."""

    legs: Any


class Declined(Struct, frozen=True):
    """A rule that takes nothing of an event: when it decided so (None: never), and what was skipped, if wanted."""

    decided_at: datetime | None
    skipped: tuple[Skipped, ...] = ()


def decide(
    strategy: Strategy, event: PoliticalEvent, timing: PoliticalEvent, market: Market, start: datetime | None
) -> Decision | Declined:
    """Return what a rule wants of an event, or that it declines, with why it is skipped where it would be wanted.

    Args:
        strategy: the rule.
        event: as it is known today.
        timing: its instants alone (``EventCatalogue.timings``).
        market: the bars.
        start: an event decided before it is not wanted.

    Raises:
        UserError: the rule raised, or looked ahead.
    """
    interest = interest_of(strategy, event, timing, market, start)
    return interest if isinstance(interest, Declined) else answer_of(strategy, interest, market)


def interest_of(
    strategy: Strategy, event: PoliticalEvent, timing: PoliticalEvent, market: Market, start: datetime | None
) -> Interest | Declined:
    """Return when a rule decides on an event that it wants, or that it declines; as of ``decide``."""
    decided_at = call_strategy(strategy, lambda: strategy.decides_at(timing, BarClock(market)))

    def declined(reason: str = "") -> Declined:
        return Declined(decided_at, (Skipped(event.event_id, "", reason),) if reason else ())

    if decided_at is None:
        wanted, missing = wants_and_missing(strategy, event)
        return declined(_undecided(event) if wanted or missing else "")
    check_instant(decided_at, f"{strategy.name} decides on {event.event_id}")
    if start is not None and decided_at < start:
        return declined()
    _check_foresight(strategy, timing, decided_at, market)
    unheard = _unheard_of(event, decided_at)
    if unheard:
        wanted, missing = wants_and_missing(strategy, timing)
        return declined(unheard if wanted or missing else "")
    decided_at, seen, unknown = _when_wanted(strategy, event, decided_at)
    if unknown is not None:
        return declined(f"unknown at {iso_z(decided_at)}: {', '.join(unknown)}" if unknown else "")
    return Interest(seen, decided_at)


def answer_of(strategy: Strategy, interest: Interest, market: Market) -> Decision | Declined:
    """Return the legs that a rule gives for an event it wants, or that there is too little history for it."""
    seen, at = interest.event, interest.decided_at
    try:
        return Decision(seen, at, call_strategy(strategy, lambda: strategy.legs(seen, MarketView(market, at))))
    except TooFewBarsError as e:
        return Declined(at, (Skipped(seen.event_id, "", str(e)),))


def _when_wanted(
    strategy: Strategy, event: PoliticalEvent, decided_at: datetime
) -> tuple[datetime, PoliticalEvent, list[str] | None]:
    """Return when a rule decides, the event as seen then, and None, or where it is not wanted the unknown fields.

    A rule that decides when the outcome is known, and needs a field that became public later, decides then.
    """
    waits = decided_at == event.known_at
    while True:
        seen = event.as_known(decided_at)
        wanted, missing = wants_and_missing(strategy, seen)
        later = event.next_public(missing, decided_at) if waits and missing else None
        if wanted or later is None:
            return decided_at, seen, None if wanted else missing
        decided_at = later


def _check_foresight(strategy: Strategy, timing: PoliticalEvent, decided_at: datetime, market: Market) -> None:
    """Refuse an instant of decision that depends on when the outcome became known, and comes before that."""
    instants = {n: getattr(timing, n) for n in ("known_at", "signal_from", "settled_at")}
    ahead = {n: None for n, at in instants.items() if at is not None and at > decided_at}
    if not ahead:
        return
    unseen = timing.model_copy(update=ahead)
    if call_strategy(strategy, lambda: strategy.decides_at(unseen, BarClock(market))) != decided_at:
        raise LookAheadError(
            f"{strategy.name} decides on {timing.event_id} at {iso_z(decided_at)} by its {' and '.join(ahead)}, which "
            "came later; decides_at may use an instant of the outcome only to decide at or after it"
        )


def _unheard_of(event: PoliticalEvent, decided_at: datetime) -> str:
    """Return why nobody could have decided on an event at an instant; nothing where somebody could."""
    if event.announced_at is not None:
        if decided_at >= event.announced_at:
            return ""
        return f"decided at {iso_z(decided_at)}, before it was announced at {iso_z(event.announced_at)}"
    first = min((at for at in (event.signal_from, event.known_at) if at is not None), default=None)
    if first is not None and decided_at >= first:
        return ""
    return f"decided at {iso_z(decided_at)}, and announced_at is blank: nothing says that it was public by then"


def _undecided(event: PoliticalEvent) -> str:
    """Return why a rule found no instant to decide at."""
    if event.known_at is None:
        basis = f" ({event.known_at_basis})" if event.known_at_basis else ""
        return f"no instant of decision: known_at is blank{basis}; give it in the file of events"
    return "no instant of decision: it is unknown, or no bar is near it"
