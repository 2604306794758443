"""Cerebro as a backtrader strategy meets it: timers that know the sessions, and one line for what is not supported.

Broker, Cerebro and feeds offer more than a run of one strategy does. Some of it lets in a price from before an order
(cheat modes, filters), the rest a run would drop without a word. All of it is refused by name, from the tables below.
"""

import re
from collections.abc import Callable
from traceback import extract_tb
from typing import Any

import backtrader as bt

from datasets.errors import UserError
from datasets.instants import to_datetime
from engine.account.replay_feed import day_number

_FEEDS = "a feed is an instrument, named with --instrument"
_FRAMES = f"a run has one timeframe; {_FEEDS}"
_ONE_FRAME = f"{_FRAMES} (resampledata and replaydata are not supported)"
_PAST = "orders and values are those of the run"
_CASH = "the account's cash is given with --cash"
_COSTS = (
    "commission is given with --commission-bps, the fee on shorts with --borrow-rate, the leverage of a margin with "
    "--max-gross, and a multiplier with the size of the orders"
)
_SLIPPAGE = "slippage is given with --slippage-bps"
_ONE = "a run has one strategy"
_SIGNALS = "derive from bt.SignalStrategy and call signal_add()"
_WATCHED = "the run has its own metrics and pages"
_AS_IS = "the setting is that of the run"
CHEAT = "an order would fill at a price from before it was sent"

_METHODS: dict[str, dict[str, str]] = {
    "cerebro": {
        **dict.fromkeys(("adddata", "chaindata", "rolloverdata", "addstore", "addstorecb", "adddatacb"), _FEEDS),
        **dict.fromkeys(("resampledata", "replaydata"), _FRAMES),
        **dict.fromkeys(("addobserver", "addobservermulti", "addanalyzer", "addwriter", "plot"), _WATCHED),
        **dict.fromkeys(("addstrategy", "optstrategy", "optcallback", "run"), _ONE),
        **dict.fromkeys(("add_signal", "signal_strategy", "signal_concurrent", "signal_accumulate"), _SIGNALS),
        **dict.fromkeys(("addtz", "addcalendar"), "instants are UTC, sessions those of the exchange"),
        **dict.fromkeys(("add_order_history", "set_fund_history"), _PAST),
        **dict.fromkeys(("addsizer", "addsizer_byidx"), "call self.setsizer()"),
        "addindicator": "make it in __init__",
        "setbroker": "orders go to the broker of the run",
    },
    "broker": {
        **dict.fromkeys(("set_cash", "setcash", "add_cash"), _CASH),
        **dict.fromkeys(("setcommission", "addcommissioninfo"), _COSTS),
        **dict.fromkeys(("add_order_history", "set_fund_history"), _PAST),
    },
    "data": {
        **dict.fromkeys(("addfilter", "addfilter_simple"), "bars are used as they are"),
        **dict.fromkeys(("resample", "replay"), _FRAMES),
        "compensate": "each instrument has a position of its own",
        "buflen": "it counts bars that are still to come; len(data) counts those that are there",
    },
}
_SETTINGS: dict[str, str] = {
    **dict.fromkeys(("coc", "coo", "cheat_on_open", "broker_coo"), CHEAT),
    **dict.fromkeys(("slip_perc", "slip_fixed", "slip_open", "slip_limit", "slip_match", "slip_out"), _SLIPPAGE),
    "cash": _CASH,
    "filler": "an order fills in full, whatever the volume",
    "checksubmit": "an order is cut to what --max-gross lets in, at its fill",
    "shortcash": "short sales are collateral; --borrow-rate is their fee",
    "int2pnl": "the fee on shorts, given with --borrow-rate, is in the P&L of the trade that was short",
    **dict.fromkeys(("fundmode", "fundstartval"), "no cash comes or goes; returns are those of the cash of --cash"),
    "eosbar": "a session ends when its exchange closes ('hustings data hours' shows it)",
}


def seal(cerebro: Any, broker: Any) -> None:
    """Refuse from now on what a run does not support, by its name."""
    _refuse(cerebro, "cerebro")
    _refuse(broker, "broker")
    _fix(cerebro.p, "cerebro")
    _fix(broker.p, "broker")
    _fix_schemes(broker)
    for data in cerebro.datas:
        _refuse(data, "data")
        for line in data.lines:
            line.buflen = data.buflen


def _refuse(target: Any, what: str) -> None:
    for name, why in _METHODS[what].items():
        setattr(target, name, _refusal(f"{what}.{name}()", why))


def _refusal(called: str, why: str) -> Callable[..., Any]:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise UserError(f"{called} is not supported: {why}")

    return refuse


def _fix(settings: Any, what: str, why: str = _AS_IS) -> None:
    """Let settings of backtrader be what they are: setting another value is refused."""

    def refuse(self: Any, name: str, value: Any) -> None:
        if value != getattr(self, name, None):
            raise UserError(f"setting {name} of the {what} is not supported: {_SETTINGS.get(name, why)}")

    settings.__class__ = type("Fixed", (type(settings),), {"__setattr__": refuse})


def _fix_schemes(broker: Any) -> None:
    """Let commission schemes be what they are, also where a strategy writes to them and calls no method."""
    schemes = {**broker.comminfo, None: bt.CommInfoBase(percabs=True)}  # backtrader's default is one for all brokers
    for scheme in schemes.values():
        _fix(scheme.p, "commission scheme", _COSTS)
    refuse = _refusal("writing to broker.comminfo", _COSTS)
    writers = dict.fromkeys(("__setitem__", "__delitem__", "update", "setdefault", "pop", "popitem", "clear"), refuse)
    fixed = type("FixedSchemes", (dict,), writers)(schemes)
    broker.__class__ = type("Fixed", (type(broker),), {"comminfo": property(lambda self: fixed, refuse)})


class SealedCerebro(bt.Cerebro):  # type: ignore[misc]
    """Cerebro whose timers of sessions follow the sessions of a feed; no timer comes before the broker."""

    broker = property(bt.Cerebro.getbroker, lambda self, broker: self.setbroker(broker))

    def _add_timer(self, *args: Any, cheat: bool = False, **kwargs: Any) -> Any:
        if cheat:
            raise UserError(f"add_timer(cheat=True) is not supported: {CHEAT}")
        timer = super()._add_timer(*args, **kwargs)
        timer.__class__ = _SessionTimer
        return timer

    def silent_timers(self) -> list[str]:
        """Return the timers that never fired, in words."""
        return [t.text for t in self._pretimers if not hasattr(t, "lastwhen")]


class _SessionTimer(bt.Timer):  # type: ignore[misc]
    """A timer that fires once a session (or again and again in it), from the instant of its feed's session on.

    A time of day is left to backtrader: it is UTC.
    """

    _span: tuple[int, int] | None = None
    _over = False

    @property
    def text(self) -> str:
        """The timer in words."""
        when = {self.SESSION_START: "session start", self.SESSION_END: "session end"}.get(self.p.when, self.p.when)
        return f"timer at {when} never fired: steps are closes, and times of day UTC"

    def _reset_when(self, *day: Any) -> None:
        """Aim at the current session; of a ``day`` that is given, backtrader has had enough."""
        super()._reset_when(*day)
        self._over = bool(day)
        if self._span is not None:
            at = self._span[self.p.when == self.SESSION_END]
            self._dwhen = to_datetime(at).replace(tzinfo=None) + self.p.offset
            self._dtwhen = day_number(at) + self.p.offset.total_seconds() / 86_400

    def check(self, dt: float) -> bool:
        """Return whether the timer fires at a step."""
        if self.p.when not in (self.SESSION_START, self.SESSION_END):
            return bool(super().check(dt))
        feed = self._tzdata
        span = feed.session_at(feed.row) if feed.row >= 0 else None
        if span != self._span:
            self._span = span
            self._reset_when()
        return span is not None and not self._over and bool(super().check(dt))


class _NoSuchFeed(UserError, IndexError):
    """There are fewer feeds than a strategy asks for."""


class Feeds(list[Any]):
    """The feeds of a strategy; one that is not there is refused in words."""

    def __getitem__(self, n: Any) -> Any:
        try:
            return super().__getitem__(n)
        except IndexError as e:
            raise _NoSuchFeed(f"datas[{n}] is not there: {_ONE_FRAME}") from e


def unsupported(error: Exception) -> str:
    """Return which feature that there is not a strategy's error comes from, in words; blank if from another cause."""
    name, of = str(getattr(error, "name", "")), getattr(error, "obj", None)
    called = [f.name for f in extract_tb(error.__traceback__)[-2:]]
    if isinstance(error, AttributeError) and re.fullmatch(r"data\d+(_\w+)?", name):
        return f"{name} is not there: {_ONE_FRAME}"
    if isinstance(of, bt.metabase.ItemCollection):
        return f"{name} is not there: observers and analyzers of Cerebro are not supported; {_WATCHED}"
    if isinstance(of, bt.lineseries.Lines) and "close" in of.getlinealiases():
        return f"a feed has no line '{name}': it has open, high, low, close and volume"
    if isinstance(error, KeyError) and called[-1] == "getdatabyname":
        return f"no feed {error}: {_FEEDS}"
    if isinstance(error, IndexError) and called == ["__setitem__", "__setitem__"]:  # a line it draws has no room yet
        return f"LinePlotterIndicator is not supported: it is for plots of Cerebro, and {_WATCHED}"
    return ""
