"""All inputs of a sweep in one value, which can be sent to another process and is identified by the hash of them."""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

from msgspec import Struct

from datasets.errors import UserError
from datasets.events import EventCatalogue
from datasets.home import content_hash
from datasets.markets.home_market import is_home
from datasets.markets.instruments import Instrument, InstrumentTable
from datasets.prices.bars import Bars
from engine.metrics.table import METRIC_NAMES
from engine.plan.costs import Terms
from engine.plan.plan_grid import Kept, plan_grid
from engine.run.backtest import Window, bars_manifest, origins_manifest, rule_of
from engine.run.identity import code_hash, resolved
from engine.strategy.home import home_symbols
from engine.strategy.market import Market
from engine.strategy.placeholders import Space

_FACTS = Path(__file__).parents[2] / "datasets"


class Job(Struct, frozen=True, eq=False):
    """A sweep: its combinations, events, bars and terms. ``spans`` are the windows it is evaluated over, its own first.

    It is the source of its own bars: ``bars`` by symbol; ``missing`` says why an instrument has none.
    """

    space: Space
    events: EventCatalogue
    bars: Mapping[str, Bars]
    missing: Mapping[str, str]
    instruments: InstrumentTable
    terms: Terms
    spans: tuple[Window, ...]

    def market(self, span: int) -> Market:
        """Return the bars up to the end of a span."""
        return Market(self, self.instruments, self.spans[span].until)

    def symbols(self) -> list[str]:
        """Return the symbols it has bars for."""
        return list(self.bars)

    def load(self, instrument: Instrument) -> Bars:
        """Return the bars of an instrument.

        Raises:
            UserError: it has none.
        """
        symbol = instrument.symbol
        if symbol not in self.bars:
            unnamed = f"{symbol}: this sweep has no bars of it: name it in a field of type Symbol or Symbols"
            raise UserError(self.missing.get(symbol, unnamed))
        return self.bars[symbol]


def job_of(space: Space, events: EventCatalogue, market: Market, *, terms: Terms, window: Window) -> Job:
    """Return the sweep of combinations over events and bars, with the bars of every instrument that they name.

    They are named by each value of each parameter, or loaded when the first and the last combination are planned.

    Args:
        space: the combinations.
        events: every event the rule is offered.
        market: the bars; its ``until`` must be that of the window.
        terms: cash, costs and limits.
        window: the dates of the accounts.
    """
    recorder = _Recorder(market)
    singles = space.one_at_a_time()
    for row in range(len(singles)):
        with suppress(UserError):  # refused together with the values of the other parameters
            for name in singles.rule(row).instruments():
                recorder.find(name)
    for symbol in _home_symbols(space, events, market):
        recorder.find(symbol)
    job = Job(space, events, recorder.bars, recorder.missing, market.instruments, terms, (window,))
    for row in {0, len(space) - 1}:
        plan_grid(space.part(row, row + 1), events, Market(recorder, market.instruments), window.since, kept_of(job, 0))
    return job


@lru_cache(maxsize=1)
def kept_of(job: Job, span: int) -> Kept:
    """Return what is kept of the plans of some combinations over a span for those of others."""
    return Kept()


def _home_symbols(space: Space, events: EventCatalogue, market: Market) -> set[str]:
    """Return the instruments, of which there are bars, that ``home`` and ``home-fx`` mean where a value names them."""
    values = (*space.fixed.values(), *chain(*space.axes.values()))
    texts = (v for value in values for v in (value if isinstance(value, tuple) else (value,)) if isinstance(v, str))
    names = (text.removeprefix("-").partition(":")[0] for text in texts)  # as of engine.strategy.market_shares
    homes = {name.strip().casefold() for name in names if is_home(name)}
    found = {symbol for name in homes for event in events for symbol in home_symbols(name, event, market)}
    return {symbol for symbol in found if market.has_bars(symbol)}


class _Recorder:
    """A source of the bars of a market that keeps what it loads, or why there is nothing to load."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self.bars: dict[str, Bars] = {}
        self.missing: dict[str, str] = {}

    def symbols(self) -> list[str]:
        """Return the symbols the market has bars for."""
        return self._market.source.symbols()

    def load(self, instrument: Instrument) -> Bars:
        """Return the bars of an instrument and keep them."""
        return self.bars.setdefault(instrument.symbol, self._market.bars(instrument.symbol))

    def find(self, name: str) -> None:
        """Keep the bars of an instrument under any of its names, or why there are none."""
        symbol = name
        try:
            instrument = self._market.instruments.find(name)
            symbol = instrument.symbol
            self.load(instrument)
        except UserError as e:
            self.missing[symbol] = str(e)


def manifest_of(job: Job, walk_forward: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the inputs of a sweep and its id, ready for JSON: rule, values, events, bars, terms, code.

    Args:
        job: the sweep.
        walk_forward: the lengths of the training and test windows in words; None without a walk-forward.
    """
    space, window, symbol = job.space, job.spans[0], job.instruments.symbol_or_name
    bars = [job.bars[symbol] for symbol in sorted(job.bars)]
    manifest = {
        "strategy": space.kind.name,
        "rule": rule_of(space.kind),
        "fixed": resolved(space.kind, space.fixed, symbol),
        "axes": {n: [resolved(space.kind, {n: v}, symbol)[n] for v in given] for n, given in space.axes.items()},
        "combinations": len(space),
        "of": space.size,
        "places": None if space.places is None else hashlib.sha256(space.places.astype("<i8").tobytes()).hexdigest(),
        "missing": dict(sorted(job.missing.items())),
        **bars_manifest(bars, job.terms),
        "window": {"from": str(window.since or ""), "to": str(window.until or "")},
        "metrics": METRIC_NAMES,
        "events": len(job.events),
        **origins_manifest(job.events, code_hash(space.kind), bars),
        "sha256": hashes_of(job),
        "walk_forward": None if walk_forward is None else dict(walk_forward),
    }
    inputs = {name: value for name, value in manifest.items() if name != "rule"}  # but for the rule in words
    return {"sweep_id": hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:16], **manifest}


def hashes_of(job: Job) -> dict[str, Any]:
    """Return the hashes of the code, of the bundled tables, of the events and of the bars by symbol."""
    return {
        "code": code_hash(job.space.kind),
        "facts": facts_hash(),
        "events": job.events.sha256(),
        "bars": {symbol: b.sha256() for symbol, b in sorted(job.bars.items())},
    }


@lru_cache(maxsize=1)
def facts_hash() -> str:
    """Return a hash of the bundled tables: events, instruments, hours, closures."""
    return content_hash(_FACTS.rglob("*.csv"))
