"""Parameter sensitivity as a run keeps it: what the rule makes with other holds, delays and costs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SensitivityCase:
    """One variation of a run: its closed trades, their mean net return, and the account's total return (fractions).

    ``hold`` and ``delay`` are sessions, None where they are the rule's own; ``costs`` multiplies commission and
    slippage. ``mean_trade`` is None without a closed trade. ``own``: whether this is the run itself.
    """

    hold: int | None
    delay: int | None
    costs: float
    n_trades: int
    mean_trade: float | None
    total_return: float
    own: bool = False


@dataclass(frozen=True)
class ParameterSensitivity:
    """The variations of a run: ``timing`` by hold and delay, ``costs`` by multiples of its own costs.

    ``note`` says why something is not there, or is empty.
    """

    timing: tuple[SensitivityCase, ...]
    costs: tuple[SensitivityCase, ...]
    note: str = ""
