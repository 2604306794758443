"""The contract a rule keeps: which events it wants, and which legs it then trades.

A rule is a frozen dataclass made by ``@strategy``. Its fields are its parameters: typed, bounded, documented, checked
when set. It computes nothing in its constructor and sees nothing but the event as known at the decision, and the
bars closed by then.
"""

import re
from dataclasses import dataclass, fields
from datetime import datetime
from enum import Enum, StrEnum
from functools import lru_cache
from inspect import getdoc
from typing import Annotated, Any, ClassVar, Protocol, TypeVar, dataclass_transform, get_args, get_type_hints

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, PlainValidator, ValidationError
from pydantic.dataclasses import dataclass as pydantic_dataclass

from datasets.errors import UserError, did_you_mean, unknown_name
from datasets.events import Kind, Majority, OwnKind, PoliticalEvent, ProGrowth, Surprise, kind_of
from datasets.markets.home_market import is_home
from engine.strategy import market_shares
from engine.strategy.market import MarketView
from engine.strategy.market_shares import MarketShare


class Phase(StrEnum):
    """Which price of a bar."""

    OPEN = "open"
    CLOSE = "close"


@dataclass(frozen=True)
class NextOpen:
    """Enter at the first open strictly after the decision, and after ``after`` if given; ``delay`` sessions later.

    Of intraday bars that is the first bar's; with a delay, the open of the session so many after that bar's.
    """

    after: datetime | None = None
    delay: int = 0


@dataclass(frozen=True)
class NextClose:
    """Enter at the first close strictly after the decision, and after ``after`` if given; ``delay`` sessions later.

    Of intraday bars that is the first bar's; with a delay, the close of the session so many after that bar's.
    """

    after: datetime | None = None
    delay: int = 0


@dataclass(frozen=True)
class BeforeVote:
    """Enter at a close so that ``sessions`` sessions are held up to the last close before the day of the vote."""

    sessions: int


Entry = NextOpen | NextClose | BeforeVote


@dataclass(frozen=True)
class After:
    """Exit when ``sessions`` sessions have been held: at the open that follows them, or at the close of the last."""

    sessions: int
    at: Phase = Phase.OPEN


@dataclass(frozen=True)
class LastCloseBefore:
    """Exit at the last close strictly before an instant that was public when the trade was decided."""

    instant: datetime


@dataclass(frozen=True)
class AtNextEvent:
    """Exit at the first open after the next event of a kind (and country) has become known."""

    kind: Kind
    country: str | None = None


@dataclass(frozen=True)
class Never:
    """Hold to the end of the bars."""


Exit = After | LastCloseBefore | AtNextEvent | Never
LEVELS = {"stop_loss": "stop", "take_profit": "target", "trailing_stop": "trailing stop"}
"""The fields of a leg that are levels, each a fraction of a price or None, and what orders call them."""
GAINS = ("take_profit",)
"""The levels at which a trade has gained: above the price of a long entry. All others are stops."""


@dataclass(frozen=True)
class Leg:
    """One position a rule wants: ``weight`` is a signed fraction of equity at the fill (negative: short).

    ``stop_loss`` and ``take_profit`` are fractions of the entry's fill price. ``trailing_stop`` is a fraction of the
    best price since: of the fill price and the highs of completed bars (short: the lows).
    """

    instrument: str
    weight: float
    entry: Entry
    exit: Exit
    stop_loss: float | None = None
    take_profit: float | None = None
    trailing_stop: float | None = None


class Clock(Protocol):
    """Knows when sessions open and close, and no price."""

    def close_after(self, instrument: str, at: datetime, *, nth: int = 1) -> datetime | None:
        """Return when the nth session of an instrument closes strictly after an instant."""
        ...


def _none_word(value: Any) -> Any:
    return None if isinstance(value, str) and value.strip().casefold() in ("none", "") else value


def _listed(value: Any) -> Any:
    return tuple(v.strip() for v in value.split(",") if v.strip()) if isinstance(value, str) else value


def _kind(value: Any) -> Kind | OwnKind | None:
    kind = None if _none_word(value) is None else kind_of(str(value).strip())
    near = did_you_mean(kind, Kind) if isinstance(kind, OwnKind) and not isinstance(value, OwnKind) else ""
    if near:  # of text that was typed; the kind of an event is one already
        raise ValueError(f"no kind '{kind}'{near}; a kind of your own needs a name less like it")
    return kind


NO_INSTRUMENT = (
    "names no instrument: give it a field of type Symbol; home and home-fx need bars of an event's own instrument"
)
_INSTRUMENT = "instrument"
Symbol = Annotated[str, _INSTRUMENT]
"""The name of an instrument: its symbol or any of its other names."""
Symbols = Annotated[tuple[str, ...], BeforeValidator(_listed), Field(min_length=1), _INSTRUMENT]
"""Names of instruments; as text, separated by commas."""
_SHARES = "shares"
AnyMarkets = Annotated[
    tuple[str, ...], BeforeValidator(_listed), AfterValidator(market_shares.checked), _INSTRUMENT, _SHARES
]
"""As ``Markets``, or none."""
Markets = Annotated[AnyMarkets, Field(min_length=1)]
"""Markets with their sides and shares, such as ``N225,-USDJPY:0.3`` (``engine.strategy.market_shares``)."""
Sessions = Annotated[int, Field(ge=1, le=10_000)]
"""A number of sessions held."""
Delay = Annotated[int, Field(ge=0, le=250)]
"""A number of sessions waited."""
Fraction = Annotated[float, Field(gt=0, le=1)]
"""A share of equity."""
Weight = Annotated[float, Field(ge=-5, le=5)]
"""A signed fraction of equity; negative is short."""
Distance = Annotated[float, Field(gt=0, lt=1)]
"""A fraction of a price."""
OptionalDistance = Annotated[Distance | None, BeforeValidator(_none_word)]
"""A fraction of a price, or none."""
OptionalText = Annotated[str | None, BeforeValidator(_none_word)]
"""A word, or none for any."""
Country = Annotated[
    str, BeforeValidator(lambda v: v.strip().upper() if isinstance(v, str) else v), Field(pattern="^[A-Z]{2}$")
]
"""Two letters, such as JP."""
OptionalCountry = Annotated[Country | None, BeforeValidator(_none_word)]
"""Two letters, or none for all."""
OptionalFlag = Annotated[bool | None, BeforeValidator(_none_word)]
"""True or false, or none for any."""
OptionalKind = Annotated[Kind | OwnKind | None, PlainValidator(_kind)]
"""A kind of events, a known one or one of one's own files, or none for all."""
Kinds = Annotated[
    tuple[Annotated[Kind | OwnKind, PlainValidator(_kind)], ...], BeforeValidator(_listed), Field(min_length=1)
]
"""Kinds of events; as text, separated by commas."""
OptionalProGrowth = Annotated[ProGrowth | None, BeforeValidator(_none_word)]
OptionalMajority = Annotated[Majority | None, BeforeValidator(_none_word)]
OptionalSurprise = Annotated[Surprise | None, BeforeValidator(_none_word)]


class Strategy:
    """Base of all rules; see ``strategies/pro_growth_win.py`` for the shortest."""

    name: ClassVar[str] = ""

    def wants(self, event: PoliticalEvent) -> bool:
        """Return whether the rule trades this event, seen as known at the decision."""
        raise NotImplementedError

    def legs(self, event: PoliticalEvent, market: MarketView) -> list[Leg]:
        """Return the positions to take; an empty list means none this time."""
        raise NotImplementedError

    def decides_at(self, event: PoliticalEvent, clock: Clock) -> datetime | None:
        """Return the instant of decision: ``known_at`` unless the rule says otherwise; None when it is unknown.

        The event given here has its instants, and nothing else of its outcome.
        """
        return event.known_at

    def instruments(self) -> tuple[str, ...]:
        """Return the names in the fields declared as ``Symbol``, ``Symbols`` or ``Markets``; ``home`` is none."""
        found: list[str] = []
        for name, has_shares in instrument_fields(type(self)).items():  # type: ignore[arg-type]  # a class has a hash
            value = getattr(self, name)
            texts = [value] if isinstance(value, str) else value
            found.extend(MarketShare.of(t).name if has_shares else t for t in texts)
        return tuple(name for name in dict.fromkeys(found) if not is_home(name))


T = TypeVar("T", bound=Strategy)


@dataclass_transform(frozen_default=True)
def strategy(cls: type[T]) -> type[T]:
    """Make a class a rule: a frozen, checked dataclass named after its thesis (``ProGrowthWin``: pro-growth-win)."""
    made: Any = pydantic_dataclass(frozen=True, config=ConfigDict(extra="forbid", arbitrary_types_allowed=True))(cls)
    made.name = kebab(cls.__name__)
    rule: type[T] = made
    return rule


def kebab(name: str) -> str:
    """Return a class name in kebab case.

    >>> kebab("ProGrowthWin")
    'pro-growth-win'
    """
    return "".join(f"-{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(name))


@dataclass(frozen=True)
class Parameter:
    """One parameter of a rule as shown to a user."""

    name: str
    type: str
    default: Any
    bounds: str
    says: str


def parameters(rule: type[Strategy]) -> list[Parameter]:
    """Return the parameters of a rule, in the order of its fields; what each says is read from the docstring's Args."""
    hints = get_type_hints(rule, include_extras=True)
    says = dict(re.findall(r"^ {4,}(\w+): (.+)$", getdoc(rule) or "", flags=re.MULTILINE))
    return [
        Parameter(f.name, _type_name(hints[f.name]), _default(f), _bounds(hints[f.name]), says.get(f.name, ""))
        for f in fields(rule)  # type: ignore[arg-type]
    ]


@lru_cache(maxsize=64)
def instrument_fields(rule: type[Any]) -> dict[str, bool]:
    """Return the fields that name instruments, and whether their texts have sides and shares (``Markets``)."""
    hints = get_type_hints(rule, include_extras=True)
    return {name: _SHARES in get_args(hint) for name, hint in hints.items() if _INSTRUMENT in get_args(hint)}


@lru_cache(maxsize=64)
def _optional_fields(rule: type[Any]) -> set[str]:
    return {name for name, hint in get_type_hints(rule).items() if type(None) in get_args(hint)}


def values(rule: Strategy) -> dict[str, Any]:
    """Return the parameters of a rule and their values, ready for JSON."""
    return {f.name: plain_value(getattr(rule, f.name)) for f in fields(rule)}  # type: ignore[arg-type]


def build(rule: type[T], given: dict[str, Any]) -> T:
    """Return the rule with the given parameters, as text or as values; the text ``none`` is None where that may be.

    Raises:
        UserError: an unknown parameter, a value of the wrong type or out of its bounds.
    """
    known = [f.name for f in fields(rule)]  # type: ignore[arg-type]
    for name in given:
        if name not in known:
            raise unknown_name(f"parameter of {rule.name}", name, known, hint=f"it has {', '.join(known) or 'none'}")
    optional = _optional_fields(rule) if any(isinstance(v, str) for v in given.values()) else ()  # type: ignore[arg-type]
    try:
        return rule(**{n: _none_word(v) if n in optional else v for n, v in given.items()})
    except ValidationError as e:
        first = e.errors(include_url=False)[0]
        must = first["msg"].removeprefix("Value error, ")
        raise UserError(f"parameter {first['loc'][0]} of {rule.name} is {first['input']!r}: {must}") from e


def plain_value(value: Any) -> Any:
    """Return a parameter's value ready for JSON."""
    if isinstance(value, tuple):
        return [plain_value(v) for v in value]
    return value.value if isinstance(value, Enum) else value


def _default(field: Any) -> Any:
    default = field.default
    inner = getattr(default, "default", default)  # pydantic keeps Field() defaults one level down
    return plain_value(inner)


def _type_name(hint: Any) -> str:
    args = get_args(hint)
    base = args[0] if hasattr(hint, "__metadata__") else hint
    members = [a for a in (get_args(base) or (base,)) if a not in (type(None), ...)]
    core = members[0]
    core = get_args(core)[0] if hasattr(core, "__metadata__") else core
    core = (get_args(core) or (core,))[0]
    word = " | ".join(m.value for m in core) if isinstance(core, type) and issubclass(core, StrEnum) else core.__name__
    several = isinstance(base, type(tuple[str, ...])) and getattr(base, "__origin__", None) is tuple
    return f"{word}, several" if several else word


def _bounds(hint: Any) -> str:
    limits = []
    stack = [hint]
    while stack:
        each = stack.pop(0)
        for meta in getattr(each, "__metadata__", ()):
            for m in getattr(meta, "metadata", ()):
                limits += [f"{sign} {getattr(m, a)}" for a, sign in _SIGNS if hasattr(m, a)]
        stack.extend(a for a in get_args(each) if hasattr(a, "__metadata__") or get_args(a))
    return ", ".join(limits)


_SIGNS = (("gt", ">"), ("ge", ">="), ("lt", "<"), ("le", "<="))
