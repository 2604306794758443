"""Random worlds whose markets are futures, among others: multipliers, margins, rolls, exchange rates."""

import dataclasses
from random import Random
from typing import Any

import numpy as np
from hypothesis import strategies as st
from msgspec.structs import replace

from datasets.prices.bars import Bars
from tests.engine.currencies import in_currency
from tests.engine.test_properties import World, worlds


def _as_future(bars: Bars, rng: Random) -> Bars:
    """Return bars as those of a future, with rolls at times."""
    initial = rng.choice([4.0, 12.0, 40.0, 100.0])
    contract: dict[str, Any] = {"multiplier": rng.choice([0.1, 1.0, 5.0, 50.0]), "lot": rng.choice([1.0, 1.0, 2.0])}
    margins: dict[str, Any] = {"initial_margin": initial, "maintenance_margin": initial * rng.choice([0.5, 0.9, 1.0])}
    made = replace(bars, instrument=replace(bars.instrument, **contract, **margins))
    if rng.random() < 0.6:
        made = replace(made, rolls=np.array([n > 0 and rng.random() < 0.35 for n in range(len(bars))]))
    return made


@st.composite
def future_worlds(draw: Any, /, **given: Any) -> World:
    """Return a random world with at least one future; arguments are those of ``worlds``."""
    given = {"rates": True, "max_gross": (1.0, 3.0, 20.0), **given}
    world: World = draw(worlds(**given))
    rng = Random(draw(st.integers(0, 2**32)))
    bars = [_as_future(b, rng) if n == 0 or rng.random() < 0.5 else b for n, b in enumerate(world.bars)]
    if rng.random() < 0.5:
        bars = [in_currency(b, n, rng, pair=False) if b.instrument.is_future else b for n, b in enumerate(bars)]
    times = rng.choice([1.0, 4.0, 10.0])
    legs = {e: [dataclasses.replace(leg, weight=leg.weight * times) for leg in some] for e, some in world.legs.items()}
    return replace(world, bars=tuple(bars), legs=legs)
