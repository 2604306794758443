"""All that a sweep stands on, in one value that can be sent to another process and known again by its hash."""

import hashlib
import json
import platform
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from datasets.errors import UserError
from datasets.events import EventCatalogue
from datasets.markets.instruments import Instrument, InstrumentTable
from datasets.prices.bars import Bars
from engine.account.grid import Backend
from engine.plan.costs import Terms
from engine.plan.plan import make_plan
from engine.run.backtest import Window, rule_of
from engine.run.identity import code_hash
from engine.strategy import Strategy, values
from engine.strategy.market import Market
from engine.sweep.space import Space

_FACTS = Path(__file__).parents[2] / "datasets"


@dataclass(frozen=True, eq=False)
class HeldBars:
    """A source of the bars that a sweep was begun with; ``missing`` tells why some instruments have none."""

    held: Mapping[str, Bars]
    missing: Mapping[str, str]

    def symbols(self) -> list[str]:
        """Return the symbols it has bars for."""
        return list(self.held)

    def load(self, instrument: Instrument) -> Bars:
        """Return the bars of an instrument.

        Raises:
            UserError: it has none.
        """
        symbol = instrument.symbol
        if symbol not in self.held:
            told = "no bars of it go with this sweep: name it in a field of type Symbol or Symbols"
            raise UserError(self.missing.get(symbol, f"{symbol}: {told}"))
        return self.held[symbol]


@dataclass(frozen=True, eq=False)
class Job:
    """A sweep: its combinations, events, bars and terms. ``spans`` are the dates it is reckoned over, its own first.

    ``backend`` is one and the same for all combinations, wherever they are reckoned: it decides on last digits.
    """

    space: Space
    events: EventCatalogue
    bars: HeldBars
    instruments: InstrumentTable
    terms: Terms
    spans: tuple[Window, ...]
    backend: Backend = Backend.NUMPY

    def market(self, span: int) -> Market:
        """Return the bars up to the end of a span."""
        return Market(self.bars, self.instruments, self.spans[span].until)


FAST_FROM = 20_000
"""From so many combinations on numba is worth its loading, where it is installed."""


def backend_of(asked: Backend, n: int) -> Backend:
    """Return what is to reckon n combinations: as asked, or numba where it is there and worth its loading."""
    if asked is Backend.AUTO:
        return Backend.FAST if n >= FAST_FROM and find_spec("numba") else Backend.NUMPY
    if asked is Backend.FAST and not find_spec("numba"):
        raise UserError("numba is not installed; it comes with the extra fast: pip install 'hustings[fast]'")
    return asked


def job_of(
    space: Space,
    events: EventCatalogue,
    market: Market,
    *,
    terms: Terms,
    window: Window,
    backend: Backend = Backend.AUTO,
) -> Job:
    """Return the sweep of combinations over events and bars, with the bars of every instrument that they name.

    Args:
        space: the combinations.
        events: every event the rule is offered.
        market: the bars; its ``until`` must be that of the window.
        terms: cash, costs and limits.
        window: the dates of the accounts.
        backend: what reckons.
    """
    asked = _Remembering(market)
    for rule in _examples(space):
        for name in rule.instruments():
            asked.bars(name)
    for row in {0, len(space) - 1}:
        asked.plan(space, row, events, window)
    held = HeldBars(asked.held, asked.missing)
    return Job(space, events, held, market.instruments, terms, (window,), backend_of(backend, len(space)))


def _examples(space: Space) -> list[Strategy]:
    """Return rules that between them have every value of every parameter; those that are refused are left out."""
    found: list[Strategy] = []
    first = {name: v[0] for name, v in space.axes.items()}
    for given in [first, *({**first, name: value} for name, v in space.axes.items() for value in v[1:])]:
        try:
            found.append(space.kind(**{**space.fixed, **given}))
        except ValueError:
            continue
    return found


class _Remembering:
    """Asks a market for bars and keeps what it gave, or why it gave none."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self.held: dict[str, Bars] = {}
        self.missing: dict[str, str] = {}

    def symbols(self) -> list[str]:
        """Return the symbols the market has bars for."""
        return self._market.source.symbols()

    def load(self, instrument: Instrument) -> Bars:
        """Return the bars of an instrument and keep them."""
        self.held[instrument.symbol] = self._market.bars(instrument.symbol)
        return self.held[instrument.symbol]

    def bars(self, name: str) -> None:
        """Keep the bars of an instrument, or why there are none."""
        try:
            self.load(self._market.instruments.find(name))
        except UserError as e:
            self.missing[_symbol(self._market, name)] = str(e)

    def plan(self, space: Space, row: int, events: EventCatalogue, window: Window) -> None:
        """Keep the bars for which one combination asks while it is planned; its own faults show when it is tried."""
        market = Market(self, self._market.instruments)
        try:
            make_plan(space.combinations(row, row + 1).rule(0), events, market, since=window.since)
        except Exception:
            return


def _symbol(market: Market, name: str) -> str:
    try:
        return market.symbol(name)
    except UserError:
        return name


def manifest_of(job: Job) -> dict[str, Any]:
    """Return what a sweep stands on, ready for JSON: rule, values, events, bars, terms, code."""
    space, window = job.space, job.spans[0]
    bars = dict(sorted(job.bars.held.items()))
    return {
        "strategy": space.kind.name,
        "rule": rule_of(space.kind(**_first(space))) if _is_built(space) else space.kind.__name__,
        "fixed": {name: _plain(v) for name, v in space.fixed.items()},
        "axes": {name: [_plain(v) for v in given] for name, given in space.axes.items()},
        "combinations": len(space),
        "of": space.size,
        "places": None if space.places is None else hashlib.sha256(space.places.astype("<i8").tobytes()).hexdigest(),
        "sources": {symbol: f"{b.source.text}; {b.span()}" for symbol, b in bars.items()},
        "simulated": sorted(symbol for symbol, b in bars.items() if b.source.simulated),
        "costs": {symbol: asdict(job.terms.costs(b.instrument)) for symbol, b in bars.items()},
        "missing": dict(sorted(job.bars.missing.items())),
        "terms": asdict(job.terms),
        "window": {"from": str(window.since or ""), "to": str(window.until or "")},
        "events": len(job.events),
        "labels": None if job.events.labels is None else dict(job.events.labels),
        "priors": None if job.events.priors is None else dict(job.events.priors),
        "backend": job.backend.value,
        "sha256": hashes_of(job),
        "versions": versions(job.backend),
    }


def _first(space: Space) -> dict[str, Any]:
    return {**space.fixed, **{name: v[0] for name, v in space.axes.items()}}


def _is_built(space: Space) -> bool:
    try:
        space.kind(**_first(space))
    except ValueError:
        return False
    return True


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return getattr(value, "value", value)


def id_of(manifest: Mapping[str, Any]) -> str:
    """Return the id of a sweep: 16 hex digits of the SHA-256 of its manifest, without the text of the rule."""
    inputs = {name: value for name, value in manifest.items() if name != "rule"}
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:16]


def hashes_of(job: Job) -> dict[str, Any]:
    """Return the hashes of the code, of the facts that come with it, of the events and of the bars by symbol."""
    return {
        "code": code_hash(job.space.kind),
        "facts": facts_hash(),
        "events": job.events.sha256(),
        "bars": {symbol: b.sha256() for symbol, b in sorted(job.bars.held.items())},
    }


@lru_cache(maxsize=1)
def facts_hash() -> str:
    """Return a hash of the tables that come with hustings: events, instruments, hours, closures."""
    digest = hashlib.sha256()
    for path in sorted(_FACTS.rglob("*.csv")):
        digest.update(str(path.relative_to(_FACTS).as_posix()).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def versions(backend: Backend) -> dict[str, str]:
    """Return the versions on which the bytes of a result hang; of what is not installed, ``none``."""
    named = ("hustings", "numpy", "exchange_calendars", "pyarrow", *(["numba"] if backend is Backend.FAST else []))
    return {
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "implementation": platform.python_implementation(),
        **{name: version(name) if find_spec(name) else "none" for name in named},
    }


def differences(here: Mapping[str, Any], there: Mapping[str, Any]) -> list[str]:
    """Return what two descriptions (``hashes_of`` and ``versions`` together) do not have in common, in words."""
    words = {"code": "another version of the code", "facts": "other tables of hours, instruments or events"}
    words |= {"events": "other events", "bars": "other bars"}
    return [
        words.get(name, f"{name} {there.get(name, 'none')}, here {value}")
        for name, value in here.items()
        if there.get(name) != value
    ]


def plain_parameters(job: Job, row: int) -> dict[str, Any]:
    """Return all parameters of one combination, defaults included, ready for JSON; those given where it is refused."""
    combos = job.space.combinations(row, row + 1)
    try:
        return values(combos.rule(0))
    except UserError:
        return {name: _plain(v) for name, v in combos.parameters(0).items()}
