"""Worlds without a strategy's future: cut at an instant, redrawn after it, or with the news a day late.

A world is a `Visibility`: how an event is shown (None: it is not there) and how bars are; applied twice it shows the
same as once. Prices and news up to the instant are the same in all worlds, so that a strategy which uses nothing else
decides the same.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from types import SimpleNamespace
from typing import Any
from zlib import crc32

import numpy as np
from msgspec.structs import replace

from datasets.arrays import Floats
from datasets.events import OUTCOME_FIELDS, Confidence, Majority, PoliticalEvent, ProGrowth, Surprise, WinnerStatus
from datasets.events.odds_book import quotes_before
from datasets.instants import to_ns
from datasets.markets.instruments import Instrument
from datasets.prices.bars import Bars
from datasets.visibility import Visibility, using_visibility
from engine.strategy.market import Market

PRICES = ("open", "high", "low", "close", "volume")
DAY = timedelta(days=1)
PRESENCE = "events announced later, or at no known instant"
"""How the report names that an event was there at all."""
_FIELDS = (*OUTCOME_FIELDS, "labelled_at", "scheduled_for", "announced_at")
_STEP = 0.05


Pools = Mapping[str, tuple[Any, ...]]
"""The values that each field of an outcome is redrawn from."""


def _as_is(value: Any) -> Any:
    return value


UNCHANGED = Visibility(_as_is, _as_is)


def world_at(at: datetime) -> Visibility:
    """Return the world cut at an instant: no later price and no later news; of later sessions only the hours."""
    return Visibility(lambda event: shown_at(event, at), lambda bars: hidden_after(bars, to_ns(at)))


def world_ending(at: datetime) -> Visibility:
    """Return the world cut at an instant at which bars end, for a replay, which passes through all bars."""
    return Visibility(lambda event: shown_at(event, at), lambda bars: bars.until(to_ns(at)))


def shown_at(event: PoliticalEvent, at: datetime) -> PoliticalEvent | None:
    """Return an event as known at an instant, None where nothing says that it was public by then."""
    public = (event.announced_at, event.signal_from, event.known_at)
    return event.as_known(at) if any(p is not None and p <= at for p in public) else None


def hidden_after(bars: Bars, at: int) -> Bars:
    """Return bars without the prices made after an instant (ns); NaN in their place."""
    prices = {name: getattr(bars, name).copy() for name in PRICES}
    for name, price in prices.items():
        made = bars.open_at if name == "open" else bars.close_at
        price[np.searchsorted(made, at, side="right") :] = np.nan
    return bars.with_prices(**prices)


def redrawn_after(bars: Bars, at: int, *, seed: int, sign: int) -> Bars:
    """Return bars whose prices after an instant (ns) are redrawn: each bar is multiplied by a factor of its own.

    The factors exceed 1 by 5 % and more where ``sign`` is 1, and are as far below 1 where it is -1: any smaller next
    move is reversed by one of the two.
    """
    k = int(np.searchsorted(bars.close_at, at, side="right"))  # all before it is made by then
    prices, factor = {name: getattr(bars, name).copy() for name in PRICES}, _factors(bars.symbol, len(bars), seed, sign)
    for price in prices.values():
        price[k:] *= factor[k:]
    open_, high, low, close, _ = (price[k:] for price in prices.values())
    opened = int(np.searchsorted(bars.open_at[k:], at, side="right"))
    open_[:opened] = bars.open[k:][:opened]
    np.maximum(high, np.maximum(open_, close), out=high)
    np.minimum(low, np.minimum(open_, close), out=low)
    return bars.with_prices(**prices)


@lru_cache(maxsize=64)
def _factors(symbol: str, n: int, seed: int, sign: int) -> Floats:
    """Return the factors of so many bars of an instrument."""
    rng = np.random.default_rng([seed, crc32(symbol.encode())])
    return np.asarray(np.exp(sign * (_STEP + 2 * _STEP * np.abs(rng.standard_normal(n)))))


def pools_of(events: Iterable[PoliticalEvent]) -> Pools:
    """Return the pools: all values of a word or a flag, and the names and programmes of the events."""
    listed = list(events)
    own = ("winner", "winner_party", "program", "title")
    return {
        **{f: tuple(sorted({getattr(e, f) for e in listed} - {None, (), ""})) for f in own},
        "incumbent_won": (True, False),
        "pro_growth": tuple(ProGrowth),
        "majority": tuple(Majority),
        "surprise": tuple(Surprise),
        "winner_status": tuple(WinnerStatus),
        "confidence": tuple(Confidence),
    }


def _another(pool: tuple[Any, ...], value: Any, turn: int) -> Any:
    """Return another value of a pool, a different one at each turn (1, 2) if there are; an unknown one stays so."""
    if value in (None, (), ""):
        return value
    if len(pool) < 2:
        return ("redrawn",) if isinstance(value, tuple) else "redrawn"
    place = pool.index(value) if value in pool else 0
    return pool[(place + 1 + (turn - 1) % (len(pool) - 1)) % len(pool)]


def redrawn_world(at: datetime, pools: Pools, *, seed: int, sign: int) -> Visibility:
    """Return a world that is the same up to an instant; later prices, outcomes and labels are redrawn."""
    made: dict[str, PoliticalEvent] = {}  # an event redrawn twice could be the true one again

    def event(whole: PoliticalEvent) -> PoliticalEvent:
        return made.setdefault(whole.event_id, _redrawn(whole, at, pools, 1 if sign > 0 else 2))

    return Visibility(event, lambda bars: redrawn_after(bars, to_ns(at), seed=seed, sign=sign))


def _redrawn(event: PoliticalEvent, at: datetime, pools: Pools, turn: int) -> PoliticalEvent:
    """Return an event of which all that was unknown at an instant is redrawn, and becomes known ``turn`` days later."""
    seen = event.as_known(at)
    if seen is event:
        return event
    unknown = {f: v for f in OUTCOME_FIELDS if (v := getattr(event, f)) != getattr(seen, f)}
    update = {f: _another(pools[f], v, turn) for f, v in unknown.items() if f in pools}
    update |= {f: 1 - v for f, v in unknown.items() if f in ("winner_share", "implied_probability")}
    update |= {f: v + turn * DAY for f, v in unknown.items() if f in ("known_at", "signal_from", "settled_at")}
    update |= {f: -turn * v for f, v in unknown.items() if f == "reported_move"}
    update["fields_known_at"] = tuple((n, t if t <= at else t + turn * DAY) for n, t in event.fields_known_at)
    redrawn = event.model_copy(update=update)
    return redrawn.with_quotes(quotes_before(event.quotes, at)) if event.quotes else redrawn


def delayed_world() -> Visibility:
    """Return a world in which news of events comes a day later; prices are unchanged."""
    made: dict[str, PoliticalEvent] = {}

    def event(whole: PoliticalEvent) -> PoliticalEvent:
        return made.setdefault(whole.event_id, _delayed(whole))

    return Visibility(event, _as_is)


def _delayed(event: PoliticalEvent) -> PoliticalEvent:
    instants = ("announced_at", "known_at", "signal_from", "labelled_at", "settled_at")
    late: dict[str, Any] = {n: at + DAY for n in instants if (at := getattr(event, n)) is not None}
    late["fields_known_at"] = tuple((name, at + DAY) for name, at in event.fields_known_at)
    quotes = tuple(replace(q, observed_at=q.observed_at + DAY) for q in event.quotes)
    return event.model_copy(update=late).with_quotes(quotes)


def given_away_by(
    world: Visibility, symbols: Sequence[str], changes: Callable[[Visibility], bool], *, prices: bool
) -> str:
    """Return the smallest part of a world that suffices to change a decision, in words.

    Args:
        world: the whole of it.
        symbols: the instruments whose bars there are.
        changes: whether a world changes the decision.
        prices: try the single prices of a market too.
    """
    if changes(Visibility(_as_is, world.bars)):
        parts = _bar_parts(world, symbols, PRICES if prices else ())
        return _first(parts, changes) or "data: bars of several markets together"
    if changes(Visibility(world.event, _as_is)):
        return _first(_event_parts(world), changes) or "events: several fields together"
    return "data and events together"


def _first(parts: Iterable[tuple[str, Visibility]], changes: Callable[[Visibility], bool]) -> str:
    return next((words for words, part in parts if changes(part)), "")


def _bar_parts(world: Visibility, symbols: Sequence[str], prices: Sequence[str]) -> Iterator[tuple[str, Visibility]]:
    for symbol in symbols:
        for price in prices:
            yield f"data: {price} of {symbol}", Visibility(_as_is, _only_bars(world, symbol, price))
        yield f"data: bars of {symbol}", Visibility(_as_is, _only_bars(world, symbol, None))


def _event_parts(world: Visibility) -> Iterator[tuple[str, Visibility]]:
    for each in _FIELDS:
        yield f"events: {each}", Visibility(_only_field(world, each), _as_is)
    yield f"events: {PRESENCE}", Visibility(lambda e: None if world.event(e) is None else e, _as_is)


def _only_bars(world: Visibility, symbol: str, price: str | None) -> Callable[[Bars], Bars]:
    def bars(whole: Bars) -> Bars:
        if whole.symbol != symbol:
            return whole
        shown: Bars = world.bars(whole)
        return shown if price is None else whole.with_prices(**{price: getattr(shown, price)})

    return bars


def _only_field(world: Visibility, field: str) -> Callable[[PoliticalEvent], PoliticalEvent]:
    def event(whole: PoliticalEvent) -> PoliticalEvent:
        shown = world.event(whole)
        value = OUTCOME_FIELDS.get(field) if shown is None else getattr(shown, field)
        return whole.model_copy(update={field: value})

    return event


def market_in(world: Visibility, market: Market) -> Market:
    """Return a market as a world shows it, with the bars it has loaded already."""

    def load(instrument: Instrument) -> Bars:
        with using_visibility(None):
            whole = market.bars(instrument.symbol)
        shown: Bars = world.bars(whole)
        return shown

    source: Any = SimpleNamespace(load=load, symbols=market.source.symbols)
    return Market(source, market.instruments)
