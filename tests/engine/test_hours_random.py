"""No fill at a price older than its decision, near the special sessions of random exchanges.

What is true is read here from the sources alone: the rows of ``special_sessions.csv`` (and, where it is there, of the
private collection) as written, with the zone of the exchange. No code of datasets/markets has a part in it.
"""

import csv
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from datasets.events import EventCatalogue
from datasets.instants import to_ns
from datasets.prices.bars import Bars, Source, make_bars
from engine.account.evaluate import evaluate
from engine.account.records import Account
from engine.account.replay import replay
from engine.plan.costs import Terms
from engine.plan.plan import make_plan
from engine.strategy import After, Leg, NextClose, NextOpen, Phase
from tests.engine.markets import event, instrument, market_of, scripted

TABLES = Path(__file__).parents[2] / "datasets" / "markets"
WORLDS = 600
DAYS = 8
AUCTION = 20 * 60 * 10**9
"""The longest closing auction (ns): the close is made so long after the end of trading at most (Athens)."""


@dataclass(frozen=True)
class Truth:
    """A special session as its source gives it: its hours as instants in UTC."""

    mic: str
    session: date
    opens: datetime
    closes: datetime


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as f:
        return list(csv.DictReader(f))


ZONES = {r["mic"]: ZoneInfo(r["zone"]) for r in rows_of(TABLES / "exchanges.csv")}


def instant(mic: str, day: date, text: str) -> datetime:
    """Return ``17:00`` or ``17:00-1`` (the day before) of an exchange in UTC."""
    clock, _, back = text.partition("-")
    there = datetime.combine(day - timedelta(days=int(back or 0)), time.fromisoformat(clock), ZONES[mic])
    return there.astimezone(UTC)


def truths(rows: list[dict[str, str]], names: tuple[str, str, str]) -> Iterator[Truth]:
    session, opens, closes = names
    for row in rows:
        if (
            row["mic"] in ZONES
            and row[opens]
            and row[closes]
            and row["kind"] != "closed"
            and row["confidence"] != "low"
        ):
            day = date.fromisoformat(row[session])
            own = (instant(row["mic"], day, row[name]) for name in (opens, closes))
            yield Truth(row["mic"], day, *own)


def around(draw: random.Random, truth: Truth) -> datetime:
    """Return an instant of whole minutes near an end of a session: often the very end, or a minute off."""
    end = draw.choice((truth.opens, truth.closes))
    return end + timedelta(minutes=draw.choice((-1, 0, 0, 1, draw.randint(-600, 600))))


def bars_near(truth: Truth) -> Bars:
    """Return bars of the weekdays around a session, and of the session itself, each day at prices of its own."""
    days = [truth.session + timedelta(days=n) for n in range(-DAYS, DAYS + 7)]
    kept = np.array([d for d in days if d.weekday() < 5 or d == truth.session], dtype="datetime64[D]")
    close = 100.0 + np.arange(len(kept))
    prices: dict[str, Any] = {"open_": close - 0.5, "high": close, "low": close - 0.5, "close": close, "volume": close}
    return make_bars(instrument(mic=truth.mic), Source("test", "drawn"), session=kept, where=str, **prices)


def accounts(draw: random.Random, truth: Truth, bars: Bars, decided: datetime) -> list[Account]:
    """Return the account of a trade decided at an instant, from the replay and from arrays."""
    entry = draw.choice((NextOpen(), NextClose()))
    leg = Leg("AAA", 1, entry, After(draw.randint(1, 3), draw.choice(tuple(Phase))))
    plan = make_plan(scripted([leg]), EventCatalogue([event("E", decided.isoformat())]), market_of(bars))
    return [replay(plan, [bars], Terms()), evaluate(plan, [bars], Terms())]


def check(draw: random.Random, truth: Truth) -> int:
    """Check the fills of a random trade near a session; return how many lay in it."""
    decided, bars = around(draw, truth), bars_near(truth)
    inside = 0
    for account in accounts(draw, truth, bars, decided):
        for fill in account.fills:
            row = int(np.searchsorted(bars.session, np.datetime64(fill.session)))
            assert fill.filled_at > to_ns(decided)  # and is no earlier than the price, as the source has it:
            if fill.session != str(truth.session):
                continue
            inside += 1
            assert fill.reference_price in (bars.open[row], bars.close[row])
            at_open = fill.reference_price == bars.open[row]
            late = fill.filled_at - to_ns(truth.opens if at_open else truth.closes)
            assert 0 <= late <= (0 if at_open else AUCTION)
    return inside


def test_no_fill_near_a_special_session_is_older_than_its_decision() -> None:
    known = list(truths(rows_of(TABLES / "special_sessions.csv"), ("session", "open", "close")))
    draw = random.Random(20260208)
    inside = sum(check(draw, draw.choice(known)) for _ in range(WORLDS))
    assert len({t.mic for t in known}) > 15
    assert inside > WORLDS / 4


@pytest.mark.slow
def test_no_fill_near_a_session_of_the_private_collection_is_older_than_its_decision(shared_dir: Path) -> None:
    known = list(truths(rows_of(shared_dir / "hours" / "special.csv"), ("session_date", "open_local", "close_local")))
    draw = random.Random(7)
    assert sum(check(draw, draw.choice(known)) for _ in range(WORLDS)) > WORLDS / 4
