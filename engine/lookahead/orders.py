"""Whether a backtrader strategy sends the same orders without its future: replayed up to an order, and cut there.

One replay that ends at an instant examines every order sent up to it; so it is replayed once for each instant at which
orders were sent, or for some of them, evenly spread, where there are many.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import zip_longest
from math import isclose
from pathlib import Path
from typing import Any

import numpy as np

from datasets.errors import UserError
from datasets.events import EventCatalogue
from datasets.instants import iso_z, to_datetime
from datasets.prices.bars import Bars
from datasets.visibility import using_visibility
from engine.account.replay_custom import replay_custom
from engine.lookahead.found import (
    AGAIN,
    CHECKS,
    CUT,
    DELAYED,
    SCRAMBLED,
    Check,
    LookaheadReport,
    Offence,
    Progress,
    not_made,
)
from engine.lookahead.watch import Watch
from engine.lookahead.worlds import (
    UNCHANGED,
    Pools,
    World,
    catalogue_in,
    delayed_world,
    given_away_by,
    pools_of,
    redrawn_world,
    world_ending,
)
from engine.plan.costs import Terms
from engine.strategy.market import LookAheadError
from engine.strategy.strategy_calls import format_error

AHEAD_SESSIONS = 260
"""How far a redrawn future reaches: a year of it is enough to be looked at."""
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class OrderSubject:
    """A backtrader strategy under examination and what it is run on.

    ``fresh`` gives its class made anew, as ``engine.lookahead.rules.Subject`` says; ``decisions`` is at how many
    instants of orders it is replayed again.
    """

    fresh: Callable[[], AbstractContextManager[type[Any]]]
    parameters: dict[str, Any]
    bars: tuple[Bars, ...]
    events: EventCatalogue
    terms: Terms
    since: np.datetime64 | None = None
    facts: tuple[Path, ...] = ()
    seed: int = 0
    decisions: int = 8


@dataclass(frozen=True)
class Order:
    """One order as it was sent: its instant (ns), market, signed size, and how it is to be filled."""

    sent_at: int
    market: str
    size: float
    how: str

    def text(self) -> str:
        """Return the order in words."""
        return f"{self.how} order of {self.size:g} {self.market} at {iso_z(self.sent_at)}"


@dataclass
class _Log:
    """What a replay left: the orders in the order in which they were sent, and how it ended."""

    orders: list[Order] = field(default_factory=list)
    strategy: Any = None
    ahead: str = ""
    error: UserError | None = None

    def note(self, order: Any) -> None:
        """Note an order as it is sent."""
        created, now = order.created, int(order.info["sent_at"])
        prices = "".join(f" {p:g}" for p in (created.price, created.pricelimit) if p and order.exectype)
        size = abs(float(created.size)) * (1 if order.isbuy() else -1)
        self.orders.append(Order(now, order.data._name, size, order.getordername().lower() + prices))

    @property
    def ended_at(self) -> int:
        """The instant (ns) the strategy had reached."""
        return 0 if self.strategy is None else int(self.strategy.broker.now)


def lookahead_orders(subject: OrderSubject, progress: Progress = lambda words: nullcontext()) -> LookaheadReport:
    """Return what the checks find of a backtrader strategy.

    Raises:
        UserError: the strategy raises with all the data there is.
    """
    desk = _Desk(subject, Watch(subject.facts))
    with progress("replaying the strategy"):
        base = desk.replayed(UNCHANGED)
    if base.ahead:
        return _stopped(desk, base)
    if base.error is not None:
        raise base.error
    desk.base = base.orders
    with progress(f"{AGAIN}: {CHECKS[AGAIN]}"):
        again = Check(AGAIN, len(desk.instants), tuple(desk.offences(AGAIN, UNCHANGED, None)))
    if again.offences:
        return LookaheadReport((again, *not_made(but=AGAIN)), len(desk.instants), desk.watch.other_files())
    with progress(f"{CUT}: {CHECKS[CUT]}"):
        cut = desk.over_instants(CUT, lambda at, _: world_ending(at))
    with progress(f"{DELAYED}: {CHECKS[DELAYED]}"):
        delayed = _delayed(desk)
    pools = pools_of(subject.events)
    with progress(f"{SCRAMBLED}: {CHECKS[SCRAMBLED]}"):
        scrambled = desk.over_instants(
            SCRAMBLED, lambda at, n: redrawn_world(at, pools, seed=subject.seed, sign=1 - 2 * (n % 2))
        )
    opened = desk.watch.check({iso_z(at): to_datetime(at) for at in desk.instants})
    return LookaheadReport((again, cut, delayed, scrambled, opened), len(desk.instants), desk.watch.other_files())


def _stopped(desk: "_Desk", log: "_Log") -> LookaheadReport:
    """Return the report on a strategy that asked for a bar which the replay had not laid down yet."""
    at, given_away = to_datetime(log.ended_at), f"data: {log.ahead}"
    caught = Offence(CUT, log.ahead.rpartition(" of ")[2], at, f"reads {log.ahead}", "no such bar yet", given_away)
    others = not_made(but=CUT, why="not made: the strategy stops where it looks ahead")
    return LookaheadReport((Check(CUT, 1, (caught,)), *others), 1, desk.watch.other_files())


def _redrawn(at: datetime, n: int, pools: Pools, seed: int) -> World:
    """Return the n-th redrawn world: prices rise in every other one, and fall in those between."""
    return redrawn_world(at, pools, seed=seed, sign=-1 if n % 2 else 1)


@dataclass
class _Desk:
    """Replays the strategy of a subject in a world, and holds its orders against those of the world as it is."""

    subject: OrderSubject
    watch: Watch
    base: list[Order] = field(default_factory=list)

    @property
    def instants(self) -> list[int]:
        """The instants (ns) at which orders were sent."""
        return sorted({o.sent_at for o in self.base})

    def replayed(self, world: World, at: int | None = None) -> _Log:
        """Return what the strategy does in a world; after an instant (ns), if one is given, for a year only."""
        log, subject = _Log(), self.subject
        end = None if at is None else _year_after(at, subject.bars)
        bars = [world.bars(b if end is None else b.until(end)) for b in subject.bars]
        with using_visibility(self.watch.lens(world)):
            try:
                with subject.fresh() as strategy:
                    events = catalogue_in(world, subject.events)
                    cls, given = _logged(strategy, log), dict(subject.parameters)
                    replay_custom(cls, given, bars, events, subject.terms, since=subject.since)
            except UserError as e:
                log.error = e
                log.ahead = str(e) if isinstance(e, LookAheadError) else ""
            except (Exception, SystemExit) as e:
                log.error = UserError(f"the strategy raised {format_error(e)}")
                log.ahead = _read_ahead(e, log)
        return log

    def over_instants(self, name: str, world: Callable[[datetime, int], World]) -> Check:
        """Return a check that replays the strategy up to some instants of orders, and into other worlds from there."""
        chosen = _spread(self._open_instants(), self.subject.decisions)
        offences: dict[tuple[str, datetime | None], Offence] = {}
        for n, at in enumerate(chosen):
            for found in self.offences(name, world(to_datetime(at), n), at, seek=not offences):
                offences.setdefault((found.subject, found.at), found)
        left = len(self.instants) - len(chosen)
        note = f"of {len(self.instants)} instants of orders, evenly spread" if left else ""
        return Check(name, len(chosen), tuple(offences.values()), note)

    def _open_instants(self) -> list[int]:
        """Return the instants of orders by which every market has begun: before, a cut would take a feed away."""
        since = self.subject.since
        shown = [b if since is None else b.from_session(since) for b in self.subject.bars]
        begun = max(int(b.close_at[0]) for b in shown)
        return [at for at in self.instants if at >= begun]

    def offences(self, name: str, world: World, at: int | None, *, seek: bool = False) -> Iterator[Offence]:
        """Yield the first order that differs in a world that is the same up to an instant (ns), if one does."""
        differing = self._first_difference(world, at)
        if differing is None:
            return
        was, now, when = differing
        by = self._given_away(world, at) if seek else ""
        market = next((o.market for o in (was, now) if isinstance(o, Order)), "")
        yield Offence(name, market, to_datetime(when), _words(was), _words(now), by)

    def _first_difference(
        self, world: World, at: int | None
    ) -> tuple[Order | str | None, Order | str | None, int] | None:
        log = self.replayed(world, at)
        for was, now in zip_longest(_upto(self.base, at), _upto(log.orders, at)):
            if was is None or now is None or not _same(was, now):
                when = min(o.sent_at for o in (was, now) if o is not None)
                return was, str(log.error) if now is None and log.error is not None else now, when
        if log.error is not None and (at is None or log.ended_at <= at):
            return None, str(log.error), log.ended_at
        return None

    def _given_away(self, world: World, at: int | None) -> str:
        symbols = dict.fromkeys([*(b.symbol for b in self.subject.bars), *self.watch.symbols])
        return given_away_by(
            world, tuple(symbols), lambda part: self._first_difference(part, at) is not None, prices=False
        )


def _year_after(at: int, bars: tuple[Bars, ...]) -> int:
    longest = max(bars, key=len)
    row = int(np.searchsorted(longest.close_at, at, side="right")) + AHEAD_SESSIONS
    return int(longest.close_at[min(row, len(longest) - 1)])


def _logged(strategy: type[Any], log: _Log) -> type[Any]:
    """Return the strategy that notes the orders it sends; it is the same otherwise."""

    class Logged:
        def start(self: Any) -> None:
            log.strategy, submit = self, self.broker.submit

            def submitted(order: Any, **given: Any) -> Any:
                taken = submit(order, **given)
                log.note(order)
                return taken

            self.broker.submit = submitted
            super().start()  # type: ignore[misc]

    metaclass: Any = type(strategy)
    made: type[Any] = metaclass(strategy.__name__, (Logged, strategy), {"__doc__": strategy.__doc__})
    return made


def _read_ahead(error: BaseException, log: _Log) -> str:
    """Return which bar that was not there yet a strategy read (``close[1] of TOPIX``), blank if it raised otherwise."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    local = {} if frame is None else frame.tb_frame.f_locals
    ago = local.get("ago")
    if not isinstance(error, IndexError) or not isinstance(ago, int) or ago < 1:
        return ""
    for data in () if log.strategy is None else log.strategy.datas:
        for name in data.lines.getlinealiases():
            if getattr(data.lines, name) is local.get("self"):
                return f"{name}[{ago}] of {data._name}"
    return f"a line at [{ago}]"


def _delayed(desk: _Desk) -> Check:
    """Return the check that the first order of no market comes earlier where all news comes a day later."""
    log = desk.replayed(delayed_world())
    if log.error is not None:
        return Check(DELAYED, None, note=f"not made: {log.error}")
    first, late = _firsts(desk.base), _firsts(log.orders)
    early = {m: o for m, o in late.items() if m in first and o.sent_at < first[m].sent_at}
    told = (Offence(DELAYED, m, to_datetime(o.sent_at), first[m].text(), o.text()) for m, o in early.items())
    return Check(DELAYED, len(first), tuple(told), "the first order of each market")


def _firsts(orders: list[Order]) -> dict[str, Order]:
    return {o.market: o for o in reversed(orders)}


def _spread(instants: list[int], most: int) -> list[int]:
    """Return at most so many of the instants, evenly spread, the first and the last among them."""
    if len(instants) <= most:
        return instants
    places = np.linspace(0, len(instants) - 1, most).round().astype(int)
    return [instants[i] for i in dict.fromkeys(places.tolist())]


def _upto(orders: list[Order], at: int | None) -> list[Order]:
    return [o for o in orders if at is None or o.sent_at <= at]


def _same(one: Order, other: Order) -> bool:
    sizes = isclose(one.size, other.size, rel_tol=_TOLERANCE)
    return sizes and replace(one, size=0.0) == replace(other, size=0.0)


def _words(order: Order | str | None) -> str:
    return order.text() if isinstance(order, Order) else order or "no order"
