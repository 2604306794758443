"""Random worlds whose markets are of several currencies: funds and pairs, exchange rates, carry and borrow fees."""

import dataclasses
from random import Random
from typing import Any

import numpy as np
from hypothesis import strategies as st
from msgspec.structs import replace

from datasets.markets.instruments import Instrument
from datasets.prices.bars import Bars, RateSource
from tests.engine.test_properties import World, worlds

BASES = ("USD", "EUR", "GBP", "CHF")


def _walk(rng: Random, n: int) -> Any:
    return rng.choice([0.0095, 1.0, 1.27]) * np.exp(np.cumsum([rng.gauss(0, 0.01) for _ in range(n)]))


def _renamed(of: Instrument, n: int, *, pair: bool) -> Instrument:
    return replace(of, symbol=f"{BASES[n]}JPY" if pair else of.symbol, currency="JPY")


def in_currency(bars: Bars, n: int, rng: Random, *, pair: bool | None = None) -> Bars:
    """Return bars as they are, or of another currency, or as those of a pair, which earns carry at times."""
    pair = rng.random() < 0.5 if pair is None else pair
    of = replace(bars, instrument=_renamed(bars.instrument, n, pair=pair))
    if rng.random() < 0.8:
        rates = _walk(rng, 2 * len(bars))
        source = RateSource("JPY", "USD", "1/USDJPY", "USDJPY", series="1/USDJPY")
        of = replace(of, open_rate=rates[::2], close_rate=rates[1::2], rates=source)
    if pair and rng.random() < 0.7:
        of = replace(of, carry=np.array([rng.choice([0.05, 0.04, -0.02]) for _ in range(len(bars))]))
    return of


@st.composite
def currency_worlds(draw: Any, /, **given: Any) -> World:
    """Return a random world of several currencies; arguments are those of ``worlds``."""
    world: World = draw(worlds(rates=True, **given))
    rng = Random(draw(st.integers(0, 2**32)))
    bars = tuple(in_currency(b, n, rng) for n, b in enumerate(world.bars))
    names = {old.symbol: new.symbol for old, new in zip(world.bars, bars, strict=True)}
    legs = {e: [dataclasses.replace(g, instrument=names[g.instrument]) for g in some] for e, some in world.legs.items()}
    terms = replace(world.terms, event_slippage_bps=rng.choice([0.0, 0.0, 25.0]))
    return replace(world, bars=bars, legs=legs, terms=terms)
