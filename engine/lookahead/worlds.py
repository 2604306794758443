"""Worlds without a rule's future: as it stood at an instant, with what came later redrawn, or with the news a day late.

A world is a way of seeing: how an event is shown, and how bars are. What had come into being by the instant is the same
in all of them, so that a rule which uses nothing else decides the same.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zlib import crc32

import numpy as np

from datasets.events import (
    OUTCOME_FIELDS,
    Confidence,
    EventCatalogue,
    Majority,
    PoliticalEvent,
    ProGrowth,
    Surprise,
)
from datasets.events.odds_book import Quote, quotes_before
from datasets.instants import to_ns
from datasets.markets.instruments import Instrument
from datasets.prices.bars import Bars
from datasets.visibility import using_visibility
from engine.strategy.market import Market

PRICES = ("open", "high", "low", "close", "volume")
DAY = timedelta(days=1)
PRESENCE = "events announced later, or at no known instant"
"""How the report names that an event was there at all."""
_MOVE_AFTER = timedelta(days=7)
_MOVE_FIELDS = ("reported_move", "move_note")
_FIELDS = (*OUTCOME_FIELDS, "labelled_at", "scheduled_for", "announced_at")
_STEP = 0.05


@dataclass(frozen=True)
class World:
    """How an event is shown (None: it is not there) and how bars are. The same twice over is the same as once."""

    event: Callable[[PoliticalEvent], PoliticalEvent | None]
    bars: Callable[[Bars], Bars]


def _as_is(value: Any) -> Any:
    return value


UNCHANGED = World(_as_is, _as_is)


def world_at(at: datetime) -> World:
    """Return the world cut at an instant: no price and no news of later; of later sessions only the hours."""
    return World(lambda event: shown_at(event, at), lambda bars: hidden_after(bars, to_ns(at)))


def world_ending(at: datetime) -> World:
    """Return the world cut at an instant in which bars end, for those who walk through all there are."""
    return World(lambda event: shown_at(event, at), lambda bars: bars.until(to_ns(at)))


def shown_at(event: PoliticalEvent, at: datetime) -> PoliticalEvent | None:
    """Return an event as it could be seen at an instant, None where nothing says that it was public by then."""
    public = (event.announced_at, event.signal_from, event.known_at)
    return known_at(event, at) if any(p is not None and p <= at for p in public) else None


def known_at(event: PoliticalEvent, at: datetime) -> PoliticalEvent:
    """Return an event as known at an instant; its published move, which is of the session after it, a week later."""
    seen = event.as_known(at)
    if (
        seen.known_at is None
        or at >= seen.known_at + _MOVE_AFTER
        or (seen.reported_move, seen.move_note) == (None, None)
    ):
        return seen
    return seen.model_copy(update=dict.fromkeys(_MOVE_FIELDS))


def hidden_after(bars: Bars, at: int) -> Bars:
    """Return bars of which no price is there (NaN) that came into being after an instant (ns)."""
    opened, closed = bars.open_at <= at, bars.close_at <= at
    prices: dict[str, Any] = {n: np.where(opened if n == "open" else closed, getattr(bars, n), np.nan) for n in PRICES}
    return replace(bars, **prices)


def redrawn_after(bars: Bars, at: int, *, seed: int, sign: int) -> Bars:
    """Return bars whose prices after an instant (ns) are others: each bar is moved by a factor of its own.

    The factors lie above 1 where ``sign`` is 1 and below where it is -1, by 5 % and more: of any next move that is
    smaller, one of the two has the other direction.
    """
    rng = np.random.default_rng([seed, crc32(bars.symbol.encode()), at % 2**32])
    opened, closed = bars.open_at <= at, bars.close_at <= at
    factor = np.exp(sign * (_STEP + 2 * _STEP * np.abs(rng.standard_normal(len(bars)))))
    open_ = np.where(opened, bars.open, bars.open * factor)
    high, low, close, volume = (
        np.where(closed, getattr(bars, n), getattr(bars, n) * factor) for n in ("high", "low", "close", "volume")
    )
    high, low = np.maximum(high, np.maximum(open_, close)), np.minimum(low, np.minimum(open_, close))
    return replace(bars, open=open_, high=high, low=low, close=close, volume=volume)


@dataclass(frozen=True)
class Pools:
    """The values a field of an outcome is redrawn from."""

    values: dict[str, tuple[Any, ...]]

    def another(self, field: str, value: Any, turn: int) -> Any:
        """Return another value of a field, at each turn (1, 2) a new one if there is one; what is unknown stays so."""
        if value in (None, (), ""):
            return value
        pool = self.values[field]
        place = pool.index(value) if value in pool else 0
        if len(pool) < 2:
            return ("redrawn",) if isinstance(value, tuple) else "redrawn"
        return pool[(place + 1 + (turn - 1) % (len(pool) - 1)) % len(pool)]


def pools_of(events: Iterable[PoliticalEvent]) -> Pools:
    """Return the pools: all there can be of a word or a flag, what the events have of names and programmes."""
    listed = list(events)
    own = ("winner", "winner_party", "program", "title")
    found = {f: tuple(sorted({getattr(e, f) for e in listed} - {None, (), ""})) for f in own}
    flags: dict[str, tuple[Any, ...]] = {"incumbent_won": (True, False), "pro_growth": tuple(ProGrowth)}
    words = {"majority": tuple(Majority), "surprise": tuple(Surprise), "confidence": tuple(Confidence)}
    return Pools({**found, **flags, **words})


def redrawn_world(at: datetime, pools: Pools, *, seed: int, sign: int) -> World:
    """Return a world that is the same up to an instant and another one after it: prices, outcomes and labels."""
    made: dict[str, PoliticalEvent] = {}  # a redrawn event must not be drawn again: it might be the true one then

    def event(whole: PoliticalEvent) -> PoliticalEvent:
        if whole.event_id not in made:
            made[whole.event_id] = _redrawn(whole, at, pools, 1 if sign > 0 else 2)
        return made[whole.event_id]

    return World(event, lambda bars: redrawn_after(bars, to_ns(at), seed=seed, sign=sign))


def _redrawn(event: PoliticalEvent, at: datetime, pools: Pools, turn: int) -> PoliticalEvent:
    """Return an event of which all that was not known at an instant is another, and comes ``turn`` days later."""
    seen = known_at(event, at)
    if seen is event:
        return event
    unknown = {f: v for f in OUTCOME_FIELDS if (v := getattr(event, f)) != getattr(seen, f)}
    update = {f: pools.another(f, v, turn) for f, v in unknown.items() if f in pools.values}
    update |= {f: 1 - v for f, v in unknown.items() if f in ("winner_share", "implied_probability")}
    update |= {f: v + turn * DAY for f, v in unknown.items() if f in ("known_at", "signal_from")}
    update |= {f: -turn * v for f, v in unknown.items() if f == "reported_move"}
    redrawn = event.model_copy(update=update)
    return redrawn.with_quotes(quotes_before(event.quotes, at)) if event.quotes else redrawn


def delayed_world(by: timedelta = DAY) -> World:
    """Return a world in which all that becomes known of events comes later; prices come as they did."""
    made: dict[str, PoliticalEvent] = {}

    def event(whole: PoliticalEvent) -> PoliticalEvent:
        return made.setdefault(whole.event_id, _delayed(whole, by))

    return World(event, _as_is)


def _delayed(event: PoliticalEvent, by: timedelta) -> PoliticalEvent:
    instants = ("announced_at", "known_at", "signal_from", "labelled_at")
    late = {n: at + by for n in instants if (at := getattr(event, n)) is not None}
    quotes = tuple(Quote(q.observed_at + by, q.outcome, q.probability, q.source) for q in event.quotes)
    return event.model_copy(update=late).with_quotes(quotes)


def given_away_by(world: World, symbols: Sequence[str], changes: Callable[[World], bool], *, prices: bool) -> str:
    """Return the smallest part of a world that is enough to change a decision, in words.

    Args:
        world: the whole of it.
        symbols: the instruments whose bars there are.
        changes: whether a world changes the decision.
        prices: take the prices of a market apart too.
    """
    if changes(World(_as_is, world.bars)):
        parts = _bar_parts(world, symbols, PRICES if prices else ())
        return _first(parts, changes) or "data: bars of several markets together"
    if changes(World(world.event, _as_is)):
        return _first(_event_parts(world), changes) or "events: several fields together"
    return "data and events together"


def _first(parts: Iterable[tuple[str, World]], changes: Callable[[World], bool]) -> str:
    return next((words for words, part in parts if changes(part)), "")


def _bar_parts(world: World, symbols: Sequence[str], prices: Sequence[str]) -> Iterator[tuple[str, World]]:
    for symbol in symbols:
        for price in prices:
            yield f"data: {price} of {symbol}", World(_as_is, _only_bars(world, symbol, price))
        yield f"data: bars of {symbol}", World(_as_is, _only_bars(world, symbol, None))


def _event_parts(world: World) -> Iterator[tuple[str, World]]:
    for each in _FIELDS:
        yield f"events: {each}", World(_only_field(world, each), _as_is)
    yield f"events: {PRESENCE}", World(lambda e: None if world.event(e) is None else e, _as_is)


def _only_bars(world: World, symbol: str, price: str | None) -> Callable[[Bars], Bars]:
    def bars(whole: Bars) -> Bars:
        if whole.symbol != symbol:
            return whole
        shown = world.bars(whole)
        changed: dict[str, Any] = {} if price is None else {price: getattr(shown, price)}
        return replace(whole, **changed) if changed else shown

    return bars


def _only_field(world: World, field: str) -> Callable[[PoliticalEvent], PoliticalEvent]:
    def event(whole: PoliticalEvent) -> PoliticalEvent:
        shown = world.event(whole)
        value = OUTCOME_FIELDS.get(field) if shown is None else getattr(shown, field)
        return whole.model_copy(update={field: value})

    return event


class _ShownSource:
    """The bars of a market as a world shows them, each series seen once."""

    def __init__(self, load: Callable[[Instrument], Bars], symbols: Callable[[], list[str]]) -> None:
        self.load, self.symbols = load, symbols


def market_in(world: World, market: Market) -> Market:
    """Return a market as a world shows it; the bars themselves are those loaded already."""

    def load(instrument: Instrument) -> Bars:
        with using_visibility(None):
            whole = market.bars(instrument.symbol)
        return world.bars(whole)

    return Market(_ShownSource(load, market.source.symbols), market.instruments)


def catalogue_in(world: World, events: EventCatalogue) -> EventCatalogue:
    """Return a catalogue as a world shows it, in the same order."""
    return events.as_visible(world.event)
