"""Preregistration: what is to be tested and how, written down and hashed into the ledger's chain before the result."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Struct, field
from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as pydantic_dataclass

from datasets.errors import UserError
from datasets.files import created_file
from engine.plan.costs import Terms
from engine.run.backtest import Window
from engine.run.identity import code_hash, resolved
from engine.strategy import build, values
from engine.study.settings import EARLIEST, LATEST, Anchor, Model
from hustings.execution import as_written, backtrader_parameters
from hustings.files import unwritable
from hustings.inputs import date_of, instruments_of
from hustings.ledger import Used, canonical, check_ledger, now, register, registrations, trials_of
from hustings.terminal import counted
from hustings.trials import Trial
from strategies.loading import find_strategy, is_backtrader

Statistic = Literal["bmp", "t", "sign-flip", "placebo"]
Scheme = Literal["shift", "stratified", "years", "labels"]
Direction = Literal["two-sided", "greater", "less"]
TRADE = "trade"
"""The window from a trade's entry to its exit."""


def _window(text: str) -> str:
    first, colon, last = text.partition(":")
    try:
        ordered = EARLIEST <= int(first) <= int(last) <= LATEST
    except ValueError:
        ordered = False
    if text != TRADE and not (colon and ordered):
        spanned = f"sessions from {EARLIEST} to {LATEST}, A not after B, such as 0:20"
        raise ValueError(f"write it as A:B, {spanned}; or '{TRADE}'")
    return text if text == TRADE else f"{int(first)}:{int(last)}"


_STRICT = ConfigDict(extra="forbid", strict=True)


@pydantic_dataclass(frozen=True, config=_STRICT)
class PreregSettings:
    """How a hypothesis is tested: the primary statistic, its placebo calendars, window, model, level and direction.

    ``window`` is ``A:B`` in sessions counted from that of ``anchor``, or ``trade``. ``model`` None expects nothing of a
    date. The defaults are those of a file that does not say; older ones count from the first session to open.
    """

    statistic: Statistic = "bmp"
    scheme: Scheme = "stratified"
    window: Annotated[str, AfterValidator(_window)] = TRADE
    anchor: Anchor = Anchor.TRADABLE
    model: Model | None = Model.MEAN
    draws: Annotated[int, Field(ge=100, le=1_000_000)] = 9_999
    seed: Annotated[int, Field(ge=0)] = 0
    alpha: Annotated[float, Field(gt=0, le=0.1)] = 0.05
    direction: Direction = "two-sided"


_TERMS = Terms()


@pydantic_dataclass(frozen=True, config=_STRICT)
class PreregAccount:
    """Within which dates, on what terms and on which series a hypothesis is tested; the defaults are those of a run.

    The fields are the options of a run. Where its prices, events, labels and priors come from is not in it.
    """

    since: str | None = None
    until: str | None = None
    cash: float = _TERMS.cash
    commission_bps: float | None = _TERMS.commission_bps
    slippage_bps: float | None = _TERMS.slippage_bps
    cash_rate: float = _TERMS.cash_rate
    borrow_rate: float = _TERMS.borrow_rate
    max_gross: float = _TERMS.max_gross
    currency: str = _TERMS.currency
    fx: Literal["hedged", "unhedged"] = "hedged"
    event_slippage_bps: float = _TERMS.event_slippage_bps
    adjust: Literal["price", "total"] | None = None
    benchmark: str | None = None


_CALLED = {
    "since": "first date",
    "until": "last date",
    "commission_bps": "commission in bps",
    "slippage_bps": "slippage in bps",
    "draws": "number of draws",
    "max_gross": "limit of gross exposure",
    "currency": "account's currency",
    "fx": "treatment of other currencies",
    "event_slippage_bps": "extra slippage in bps after an event",
    "adjust": "adjustment of the series",
}


@pydantic_dataclass(frozen=True, config=_STRICT)
class Preregistration:
    """What a file says, and its ``sha256``. ``code`` is the hash of the rule's and the engine's code when written."""

    hypothesis: Annotated[str, Field(min_length=1)]
    strategy: str
    parameters: dict[str, Any]
    settings: PreregSettings
    account: PreregAccount
    code: str
    written_at: str
    sha256: str = ""


def settings_of(typed: Mapping[str, Any]) -> PreregSettings:
    """Return checked settings; those not typed are the defaults.

    Raises:
        UserError: a value that cannot be.
    """
    try:
        return PreregSettings(**typed)
    except ValidationError as e:
        raise UserError(f"--{_first(e)}") from e


def account_of(typed: Mapping[str, Any]) -> PreregAccount:
    """Return a checked account as it was typed: by the names of its fields, dates as text.

    Raises:
        UserError: a value that cannot be.
    """
    account = PreregAccount(**typed)
    dates = Window(date_of(account.since, "--from"), date_of(account.until, "--to"))
    Terms(**{name: getattr(account, name) for name in Terms.__struct_fields__})
    first, last = (None if d is None else d.isoformat() for d in (dates.since, dates.until))  # written one way
    return replace(account, since=first, until=last)


def draft(
    name: str, given: dict[str, str], *, hypothesis: str, settings: PreregSettings, account: PreregAccount | None = None
) -> Preregistration:
    """Return a preregistration of a strategy found by name, with parameters as text; nothing is written yet.

    Raises:
        UserError: no such strategy, a parameter that cannot be, no hypothesis.
    """
    cls = find_strategy(name)
    foreign = is_backtrader(cls)
    strategy = cls.__name__ if foreign else cls.name
    if foreign:
        parameters = as_written(backtrader_parameters(cls, given))
    else:
        parameters = resolved(cls, values(build(cls, given)), instruments_of(None).symbol_or_name)
    if not hypothesis.strip():
        raise UserError("--hypothesis is empty; say what you expect, and why")
    chosen = account or PreregAccount()
    return Preregistration(hypothesis.strip(), strategy, parameters, settings, chosen, code_hash(cls), now())


def write_prereg(drafted: Preregistration, path: Path) -> Preregistration:
    """Write a preregistration, append its hash to the chain, and return it with its hash.

    Raises:
        UserError: the file is there already or cannot be written; the registry cannot be, and then no file is left.
    """
    written = {k: v for k, v in asdict(drafted).items() if k != "sha256"}
    content = (json.dumps(written, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
    sealed = replace(drafted, sha256=hashlib.sha256(content).hexdigest())
    at, strategy, parameters = sealed.written_at, sealed.strategy, sealed.parameters
    try:
        with created_file(path, content):  # a file that no row vouches for would only look like one
            register(sealed.sha256, at=at, strategy=strategy, parameters=parameters)
        return sealed
    except FileExistsError as e:
        raise UserError(f"'{path}' is there already, and a preregistration is never overwritten; name another") from e
    except OSError as e:
        raise unwritable(path, e) from e


def load(path: Path) -> Preregistration:
    """Return the preregistration of a file, whether or not it is as it was written: ``standing`` says that.

    Raises:
        UserError: no such file, or it is no preregistration.
    """
    try:
        content = path.read_bytes()
    except OSError as e:
        raise UserError(f"cannot read '{path}': {e.strerror}; 'hustings prereg write' makes such a file") from e
    try:
        found = TypeAdapter(Preregistration).validate_json(content)
    except ValidationError as e:
        raise UserError(f"'{path}' is no preregistration: {_first(e)}") from e
    return replace(found, sha256=hashlib.sha256(content).hexdigest())


class FileState(StrEnum):
    """Whether the chain vouches for a file: as it is, or only as it once was, or not at all."""

    REGISTERED = "registered"
    CHANGED = "changed"
    UNKNOWN = "unknown"


class Standing(Struct, frozen=True):
    """The place of a preregistration in the chain.

    ``place`` and ``registered_at`` (ISO UTC) are those of its row, or None and blank. ``before`` are the trials of its
    rule before that row, ``same_before`` counts those with its parameters, a sweep that held them as one (``swept`` is
    how many combinations it had); all present ones where no row vouches for the file. ``registrations`` counts the
    preregistrations of the rule. ``broken`` names the first row of the chain that does not fit. ``used`` is what else
    was made under the file before the study that asks.
    """

    state: FileState
    place: int | None
    registered_at: str
    before: tuple[Trial, ...]
    same_before: int
    registrations: int
    broken: str = ""
    used: Used = field(default_factory=Used)
    swept: int = 0

    @property
    def precedes(self) -> bool:
        """Whether a result may be called preregistered: the file is unchanged and nothing of its kind came before."""
        first = not self.same_before and self.used == Used()
        return self.state is FileState.REGISTERED and first and not self.broken

    @property
    def text(self) -> str:
        """The standing in one plain sentence, for the page that shows a result."""
        n = sum(t.n for t in self.before) if self.state is FileState.REGISTERED else 0
        said = self.swept or self.same_before
        of_rule = f"{'in all ' if said else ''}{counted(n, 'trial')} of the rule came before it" if n > said else ""
        written = f"{self.registrations} preregistrations of the rule were written" if self.registrations > 1 else ""
        return "; ".join(filter(None, (self._first(), of_rule, written)))

    def _first(self) -> str:
        if self.broken:
            return f"not preregistered: the ledger is damaged ({self.broken}), and nothing shows what came first"
        if self.state is FileState.CHANGED:
            return f"not preregistered: the file was changed after it was written at {self.registered_at}"
        if self.state is FileState.UNKNOWN:
            return "not preregistered: the ledger does not know the file; it was written in another home, or by hand"
        if self.swept:
            swept = counted(self.swept, "combination")
            return f"not preregistered: a sweep of {swept} that held these parameters came before"
        if self.same_before:
            came = f"{counted(self.same_before, 'trial')} of this rule and these parameters came before the file"
            return f"not preregistered: {came}"
        if self.used != Used():
            return f"not preregistered: {_before(self.used)}"
        return f"preregistered at {self.registered_at}, before any trial of this rule and these parameters"


def standing(prereg: Preregistration) -> Standing:
    """Return the place of a preregistration in the ledger's chain.

    Raises:
        UserError: the registry cannot be read.
    """
    known = registrations()
    row = next((r for r in known if r.sha256 == prereg.sha256), None)
    once = row or next((r for r in known if r.at == prereg.written_at), None)
    before = row.before if row else tuple(trials_of(prereg.strategy))
    same = [t for t in before if t.holds(prereg.parameters)]
    return Standing(
        state=FileState.REGISTERED if row else FileState.CHANGED if once else FileState.UNKNOWN,
        place=row.place if row else None,
        registered_at=once.at if once else "",
        before=before,
        same_before=len(same),
        swept=max((t.n for t in same if t.sweep is not None), default=0),
        registrations=sum(r.strategy == prereg.strategy for r in known),
        broken=check_ledger().why,
    )


def _before(used: Used) -> str:
    runs = counted(used.runs, "other run") if used.runs else ""
    studies = f"{counted(used.studies, 'other study', 'other studies')} of this run" if used.studies else ""
    were = "was" if used.runs + used.studies == 1 else "were"
    return f"{' and '.join(filter(None, (runs, studies)))} {were} made under this file before"


def deviations(
    prereg: Preregistration,
    *,
    strategy: str,
    parameters: Mapping[str, Any],
    settings: PreregSettings,
    account: PreregAccount,
    code: str = "",
) -> list[str]:
    """Return in what a study departs from its preregistration, one plain sentence each; nothing where in nothing.

    ``code`` is the study's hash of code (blank: it is not compared).
    """
    found = [_departs("the rule", strategy, prereg.strategy)]
    for name in {**prereg.parameters, **parameters}:
        found.append(_departs(f"parameter {name}", parameters.get(name), prereg.parameters.get(name)))
    registered = {**asdict(prereg.settings), **asdict(prereg.account)}
    for name, value in {**asdict(settings), **asdict(account)}.items():
        found.append(_departs(f"the {_CALLED.get(name, name.replace('_', ' '))}", value, registered[name]))
    if code and code != prereg.code:
        found.append("the code of the rule or of the engine is not the code that was registered")
    return [t for t in found if t]


def _departs(what: str, found: Any, registered: Any) -> str:
    """Return a sentence where two values differ as JSON, a tuple being a list."""
    if canonical(found) == canonical(registered):
        return ""
    return f"{what} is {_shown(found)}; registered was {_shown(registered)}"


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return "none" if value is None else f"{value:.12g}" if isinstance(value, float) else str(value)


def _first(e: ValidationError) -> str:
    first = e.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"])) or "it"
    if first["type"] in ("json_invalid", "missing", "dataclass_type"):
        return f"{where}: {first['msg']}"
    return f"{where} is {str(first['input'])[:60]!r}: {first['msg'].removeprefix('Value error, ')}"
