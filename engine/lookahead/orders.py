"""Whether a backtrader strategy sends the same orders without its future: replayed up to an order, and cut there.

One replay that ends at an instant examines every order sent up to it. So there is one replay for each instant at which
orders were sent or, where there are many, for some of them, evenly spread.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import datetime
from itertools import zip_longest
from math import isclose
from typing import Any

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace

from datasets.errors import UserError
from datasets.instants import iso_z, to_datetime
from datasets.prices.bars import Bars
from datasets.visibility import Visibility, using_visibility
from engine.account.replay_custom import replay_custom
from engine.lookahead.report import Check, CheckName, LookaheadReport, Offence, Progress, Subject, made_checks, not_made
from engine.lookahead.uncertain import uncertain_hours
from engine.lookahead.watch import Watch
from engine.lookahead.worlds import UNCHANGED, delayed_world, given_away_by, pools_of, redrawn_world, world_ending
from engine.plan.costs import Terms
from engine.strategy.market import LookAheadError
from engine.strategy.strategy_calls import format_error

AHEAD_SESSIONS = 260
"""How far a redrawn future reaches: a year of it suffices."""
_TOLERANCE = 1e-9


class _Order(Struct, frozen=True):
    """One order as it was sent: its instant (ns), market, signed size, and how it is to be filled."""

    sent_at: int
    market: str
    size: float
    how: str

    @property
    def text(self) -> str:
        """The order in words."""
        return f"{self.how} order of {self.size:g} {self.market} at {iso_z(self.sent_at)}"


class _Log(Struct):
    """The orders of a replay in the order in which they were sent, and how it ended."""

    orders: list[_Order] = field(default_factory=list)
    strategy: Any = None
    ahead: str = ""
    error: UserError | None = None

    def note(self, order: Any) -> None:
        """Note an order as it is sent."""
        created, now = order.created, int(order.info["sent_at"])
        prices = "".join(f" {p:g}" for p in (created.price, created.pricelimit) if p and order.exectype)
        size = abs(float(created.size)) * (1 if order.isbuy() else -1)
        self.orders.append(_Order(now, order.data._name, size, order.getordername().lower() + prices))

    @property
    def ended_at(self) -> int:
        """The instant (ns) the strategy had reached."""
        return 0 if self.strategy is None else int(self.strategy.broker.now)


def lookahead_orders(
    subject: Subject,
    bars: Sequence[Bars],
    parameters: dict[str, Any],
    *,
    decisions: int = 8,
    progress: Progress = lambda words: nullcontext(),
) -> LookaheadReport:
    """Return the report on a backtrader strategy.

    Args:
        subject: the strategy; ``reload`` gives its class.
        bars: of its markets.
        parameters: those of the strategy.
        decisions: at how many instants of orders it is replayed again.
        progress: shows what is being done.

    Raises:
        UserError: the strategy raises with all data.
    """
    examination = _Examination(
        subject, tuple(bars), parameters, decisions, Watch(tuple(f.resolve() for f in subject.facts))
    )
    with progress("replaying the strategy"):
        base = examination.replayed(UNCHANGED)
    if base.ahead:
        return _stopped(base, examination.watch)
    if base.error is not None:
        raise base.error
    examination.base, pools = base.orders, pools_of(subject.events)

    def redrawn(at: datetime, n: int) -> Visibility:  # prices rise in every other world, and fall in the others
        return redrawn_world(at, pools, seed=subject.seed, sign=-1 if n % 2 else 1)

    checks = (
        examination.again,
        lambda: examination.over_instants(CheckName.CUT, lambda at, _: world_ending(at)),
        examination.delayed,
        lambda: examination.over_instants(CheckName.SCRAMBLED, redrawn),
        lambda: examination.watch.check({iso_z(at): to_datetime(at) for at in examination.instants}),
    )
    actions = [(o.text, "order", o.market, o.sent_at) for o in base.orders]
    uncertain = uncertain_hours(actions, {b.symbol: b for b in bars})
    return LookaheadReport(made_checks(checks, progress), examination.watch.other_files(), uncertain)


def _stopped(log: _Log, watch: Watch) -> LookaheadReport:
    """Return the report on a strategy that read a bar which did not exist yet."""
    at, by = to_datetime(log.ended_at), f"data: {log.ahead}"
    caught = Offence(CheckName.CUT, log.ahead.rpartition(" of ")[2], at, f"reads {log.ahead}", "no such bar yet", by)
    others = not_made(CheckName.CUT, why="the strategy stops where it looks ahead")
    return LookaheadReport((Check(CheckName.CUT, 1, (caught,)), *others), watch.other_files())


class _Examination(Struct):
    """Replays the strategy of a subject in a world, and compares its orders with those of the world as it is."""

    subject: Subject
    bars: tuple[Bars, ...]
    parameters: dict[str, Any]
    decisions: int
    watch: Watch
    base: list[_Order] = field(default_factory=list)

    @property
    def instants(self) -> list[int]:
        """The instants (ns) at which orders were sent."""
        return sorted({o.sent_at for o in self.base})

    @property
    def _since(self) -> np.datetime64 | None:
        return None if self.subject.since is None else np.datetime64(self.subject.since, "D")

    def replayed(self, world: Visibility, at: int | None = None) -> _Log:
        """Return what the strategy does in a world; after an instant (ns), if one is given, for a year only."""
        log, subject = _Log(), self.subject
        closes = max(self.bars, key=len).close_at
        row = len(closes) if at is None else int(np.searchsorted(closes, at, side="right")) + AHEAD_SESSIONS
        end = None if at is None else int(closes[min(row, len(closes) - 1)])
        bars = [world.bars(b if end is None else b.until(end)) for b in self.bars]
        with using_visibility(self.watch.over(world)):
            try:
                with subject.reload() as strategy:
                    events, given = subject.events.as_visible(world.event), dict(self.parameters)
                    replay_custom(_logged(strategy, log), given, bars, events, Terms(), since=self._since)
            except UserError as e:
                log.error = e
                log.ahead = str(e) if isinstance(e, LookAheadError) else ""
            except (Exception, SystemExit) as e:
                log.error = UserError(f"the strategy raised {format_error(e)}")
                log.ahead = _read_ahead(e, log)
        return log

    def again(self) -> Check:
        """Return the check that the strategy sends the same orders with nothing changed."""
        offence = self._offence(CheckName.AGAIN, UNCHANGED, None)
        return Check(CheckName.AGAIN, len(self.instants), () if offence is None else (offence,))

    def over_instants(self, name: CheckName, world: Callable[[datetime, int], Visibility]) -> Check:
        """Return a check that replays the strategy up to some instants of orders, and into other worlds from there."""
        chosen = _spread(self._open_instants(), self.decisions)
        offences: dict[tuple[str, datetime | None], Offence] = {}
        for n, at in enumerate(chosen):
            offence = self._offence(name, world(to_datetime(at), n), at, seek=not offences)
            if offence is not None:
                offences.setdefault((offence.subject, offence.at), offence)
        left_out = len(self.instants) > len(chosen)
        note = f"of {len(self.instants)} instants of orders, evenly spread" if left_out else ""
        return Check(name, len(chosen), tuple(offences.values()), note)

    def delayed(self) -> Check:
        """Return the check that the first order of no market comes earlier where all news comes a day later."""
        log = self.replayed(delayed_world())
        if log.error is not None:
            return Check(CheckName.DELAYED, None, note=f"not made: {log.error}")
        first, late = _firsts(self.base), _firsts(log.orders)
        offences = tuple(
            Offence(CheckName.DELAYED, market, to_datetime(order.sent_at), first[market].text, order.text)
            for market, order in late.items()
            if market in first and order.sent_at < first[market].sent_at
        )
        return Check(CheckName.DELAYED, len(first), offences, "the first order of each market")

    def _open_instants(self) -> list[int]:
        """Return the instants of orders by which every market has begun: before, a cut would take a feed away."""
        since = self._since
        shown = [b if since is None else b.from_session(since) for b in self.bars]
        begun = max(int(b.close_at[0]) for b in shown)
        return [at for at in self.instants if at >= begun]

    def _offence(self, name: CheckName, world: Visibility, at: int | None, *, seek: bool = False) -> Offence | None:
        """Return the first order that differs in a world that is the same up to an instant (ns), if one does."""
        difference = self._first_difference(world, at)
        if difference is None:
            return None
        was, now, when = difference
        by = self._given_away(world, at) if seek else ""
        market = next((o.market for o in (was, now) if isinstance(o, _Order)), "")
        return Offence(name, market, to_datetime(when), _text(was), _text(now), by)

    def _first_difference(
        self, world: Visibility, at: int | None
    ) -> tuple[_Order | str | None, _Order | str | None, int] | None:
        """Return the first order that differs as it was and as it is now (or the error there), and its instant (ns)."""
        log = self.replayed(world, at)
        for was, now in zip_longest(_upto(self.base, at), _upto(log.orders, at)):
            if (
                was is None
                or now is None
                or replace(now, size=was.size) != was
                or not isclose(was.size, now.size, rel_tol=_TOLERANCE)
            ):
                when = min(o.sent_at for o in (was, now) if o is not None)
                return was, str(log.error) if now is None and log.error is not None else now, when
        if log.error is not None and (at is None or log.ended_at <= at):
            return None, str(log.error), log.ended_at
        return None

    def _given_away(self, world: Visibility, at: int | None) -> str:
        symbols = tuple(dict.fromkeys([*(b.symbol for b in self.bars), *self.watch.symbols]))
        return given_away_by(world, symbols, lambda w: self._first_difference(w, at) is not None, prices=False)


def _logged(strategy: type[Any], log: _Log) -> type[Any]:
    """Return the strategy with a log of the orders it sends; it is the same otherwise."""

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
    """Return which bar of the future a strategy read (``close[1] of TOPIX``), blank if it raised otherwise."""
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


def _firsts(orders: list[_Order]) -> dict[str, _Order]:
    return {o.market: o for o in reversed(orders)}


def _spread(instants: list[int], most: int) -> list[int]:
    """Return at most so many of the instants, evenly spread, the first and the last among them."""
    if len(instants) <= most:
        return instants
    places = np.linspace(0, len(instants) - 1, most).round().astype(int)
    return [instants[i] for i in dict.fromkeys(places.tolist())]


def _upto(orders: list[_Order], at: int | None) -> list[_Order]:
    return [o for o in orders if at is None or o.sent_at <= at]


def _text(order: _Order | str | None) -> str:
    return order.text if isinstance(order, _Order) else order or "no order"
