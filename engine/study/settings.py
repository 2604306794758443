"""How a study is made."""

from dataclasses import dataclass

from datasets.errors import UserError
from engine.statistics.abnormal import Model
from engine.study.calendars import Scheme
from engine.study.desk import EventWindow

LONG_HELD = 60
"""A trade of more sessions outlives its estimation window: what to expect of it is then not estimated."""
DRAWS = (100, 1_000_000)
MOST_ALPHA = 0.1
"""At a level above this a rejection is no evidence that a verdict could speak of."""


@dataclass(frozen=True)
class Settings:
    """How a study is made. ``model`` None expects nothing of a date; ``windows`` are looked at beside the trade.

    ``more`` asks for the tests that are not shown by default too.
    """

    model: Model | None = Model.MEAN
    scheme: Scheme = Scheme.STRATIFIED
    draws: int = 9_999
    seed: int = 0
    windows: tuple[EventWindow, ...] = ()
    alpha: float = 0.05
    more: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.alpha <= MOST_ALPHA:
            raise UserError(f"--alpha is {self.alpha:g}; it must lie above 0 and be at most {MOST_ALPHA:g}")
        if not DRAWS[0] <= self.draws <= DRAWS[1]:
            raise UserError(f"--draws is {self.draws}; it must lie between {DRAWS[0]} and {DRAWS[1]:,}")
        if self.seed < 0:
            raise UserError(f"--seed is {self.seed}; it must be 0 or more")
        if len(set(self.windows)) < len(self.windows):
            raise UserError("a --window is given twice")
