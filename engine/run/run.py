"""Run: what a replay leaves behind. Frozen; all that leaves the engine."""

from typing import Any

import numpy as np
from msgspec import Struct, field

from datasets.arrays import Floats, Sessions
from engine.account.records import Fill, Trade
from engine.plan.decision import Skipped
from engine.run.attribution import Exposure


class EventPath(Struct, frozen=True):
    """The closes of one instrument around an event that was traded, and which way the position went.

    ``closes[i]`` is that of session ``first + i``, counted from session 0: the first to close strictly after the event
    was known. Where bars end there are fewer.
    """

    event_id: str
    instrument: str
    side: str
    first: int
    closes: tuple[float, ...]


class RunEvent(Struct, frozen=True):
    """An event that was traded or skipped, as a report shows it; instants are ISO text or empty."""

    event_id: str
    country: str
    kind: str
    title: str
    announced_at: str
    known_at: str
    known_at_basis: str
    pro_growth: str
    majority: str
    surprise: str
    label_basis: str
    confidence: str
    outcome: str


class SensitivityCase(Struct, frozen=True):
    """One variation of a run: its trades, their mean net return, and the account's total return (fractions).

    ``hold`` and ``delay`` are sessions, None where they are the rule's own; ``costs`` multiplies commission and
    slippage. ``mean_trade`` is None without a trade. ``own``: whether this is the run itself.
    ``event_slippage_bps`` is the extra slippage at the first fill after an event.
    """

    hold: int | None
    delay: int | None
    costs: float
    n_trades: int
    mean_trade: float | None
    total_return: float
    own: bool = False
    event_slippage_bps: float = 0.0


class ParameterSensitivity(Struct, frozen=True):
    """Parameter sensitivity as a run keeps it: ``timing`` by hold and delay, ``costs`` by multiples of its own costs.

    ``events`` is by the extra slippage at the first fill after an event. ``note`` says why something is not there, or
    is empty.
    """

    timing: tuple[SensitivityCase, ...]
    costs: tuple[SensitivityCase, ...]
    note: str = ""
    events: tuple[SensitivityCase, ...] = ()


class Run(Struct, frozen=True, eq=False):
    """The account day by day, its fills and trades, what was skipped, and the manifest it all follows from.

    ``equity``, ``cash`` and ``exposure`` (gross position value over equity) are taken when the last market of a
    session has closed; ``returns`` are fractions, the first one over ``start_equity``. ``cash`` is None in a run read
    back from its folder. ``paths`` and ``exposures`` are empty in runs kept from before, ``variants`` None where they
    were not computed.
    """

    run_id: str
    manifest: dict[str, Any]
    start_equity: float
    sessions: Sessions
    equity: Floats
    cash: Floats | None
    returns: Floats
    exposure: Floats
    fills: tuple[Fill, ...]
    trades: tuple[Trade, ...]
    skipped: tuple[Skipped, ...]
    events: tuple[RunEvent, ...]
    benchmark: str | None = None
    benchmark_returns: Floats | None = None
    metrics: dict[str, float | int | None] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    paths: tuple[EventPath, ...] = ()
    variants: ParameterSensitivity | None = None
    exposures: tuple[Exposure, ...] = ()

    def __post_init__(self) -> None:
        check_series(self.sessions, self.returns, "returns")
        if self.benchmark_returns is not None:
            check_series(self.sessions, self.benchmark_returns, f"returns of {self.benchmark}")

    @property
    def final_equity(self) -> float:
        """The equity at the last session."""
        return float(self.equity[-1])

    @property
    def currency(self) -> str:
        """The account's currency; blank in runs kept from before, which have none."""
        return str(self.manifest["terms"].get("currency", ""))

    @property
    def is_hedged(self) -> bool:
        """Whether positions in other currencies earn their local return, and no exchange rate enters."""
        return bool(self.manifest["terms"].get("fx", "hedged") == "hedged")

    @property
    def simulated(self) -> bool:
        """Whether any bar of the run was simulated."""
        return bool(self.manifest["simulated"])

    @property
    def warnings(self) -> list[str]:
        """What a reader must know before comparing, one sentence each (none in runs kept from before)."""
        return list(self.manifest.get("warnings", []))


def check_series(sessions: Sessions, returns: Floats, what: str) -> None:
    """Raise a ValueError unless sessions ascend, each once, and there is one finite return for each.

    Every metric is computed in that order and over all of them: a gap or a day out of place would show as a result.
    """
    out = np.flatnonzero(sessions[1:] <= sessions[:-1])
    if len(out):
        raise ValueError(
            f"session {sessions[out[0] + 1]} comes after {sessions[out[0]]}: sessions must ascend, each once"
        )
    if len(sessions) != len(returns):
        raise ValueError(f"{len(returns)} {what} for {len(sessions)} sessions")
    lost = np.flatnonzero(~np.isfinite(returns))
    if len(lost):
        raise ValueError(f"{what} of {sessions[lost[0]]} is {returns[lost[0]]}; it must be a finite number")
