"""How a study is made: the estimation window, the counterfactual, the placebo scheme, event windows, seed and level."""

from enum import StrEnum

from msgspec import Struct

from datasets.errors import UserError

ESTIMATION = (-130, -11)
"""The estimation window: 120 sessions, from 130 to 11 before the session of the entry."""
MIN_CLEAN = 60
"""The estimation window needs at least so many sessions outside every event window."""
EARLIEST, LATEST = ESTIMATION[1] + 1, 250
LONG_HELD = 60
"""A holding period of more sessions is too long for an expectation from 120 sessions."""
MAX_STOPPED = 0.2
"""Where stops or targets end more of the same trades on all dates, the tests of a mean of zero are withheld."""
DRAWS = (100, 1_000_000)
MAX_ALPHA = 0.1
PRIMARY = "placebo"
"""The statistic whose p-value is the primary one, unless a preregistration names another: bmp, t or sign-flip."""


class Model(StrEnum):
    """The return that is expected without the event."""

    MEAN = "mean"
    """The asset's own mean return (Brown and Warner 1980, 1985)."""
    MARKET = "market"
    """The benchmark's return of the same session (Brown and Warner 1980, 1985)."""
    MARKET_MODEL = "market-model"
    """alpha + beta times the benchmark's return, by least squares (MacKinlay 1997)."""


class Scheme(StrEnum):
    """How placebo dates are chosen."""

    STRATIFIED = "stratified"
    SHIFT = "shift"
    YEARS = "years"


class Anchor(StrEnum):
    """Which session is session 0 of an event window: both come strictly after the decision.

    REACTION: the first to close, whose move is the market's reaction, as published tables count. TRADABLE: the first to
    open, which a trade could enter.
    """

    REACTION = "reaction"
    TRADABLE = "tradable"

    @property
    def words(self) -> str:
        """What session 0 is, for a page."""
        return "the first to close after" if self is Anchor.REACTION else "the first to open after"


class EventWindow(Struct, frozen=True):
    """An event window in sessions, both ends included, counted from the session of its ``anchor``."""

    first: int
    last: int
    anchor: Anchor = Anchor.REACTION

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise UserError(f"window {self.first}:{self.last} ends before it begins; write it like 0:5 or -1:1")
        if not EARLIEST <= self.first <= self.last <= LATEST:
            raise UserError(
                f"window {self.first}:{self.last}: its ends must lie between {EARLIEST} (before that is the estimation "
                f"window) and {LATEST} sessions"
            )

    def __str__(self) -> str:
        return f"{self.first}:{self.last}"


class Settings(Struct, frozen=True):
    """The settings of a study. A ``model`` of None expects a return of 0; ``windows`` are studied with the trade.

    ``variance`` adds the test of the variance of the events' sessions, compared with the
    volatility index ``implied``. ``surprise`` is the side whose surprises are studied. Events of one country within
    ``merge`` days are one observation.
    """

    model: Model | None = Model.MEAN
    scheme: Scheme = Scheme.STRATIFIED
    draws: int = 9_999
    seed: int = 0
    windows: tuple[EventWindow, ...] = ()
    alpha: float = 0.05
    variance: bool = False
    implied: str | None = None
    surprise: str | None = None
    merge: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.alpha <= MAX_ALPHA:
            raise UserError(f"--alpha is {self.alpha:g}; it must lie above 0 and be at most {MAX_ALPHA:g}")
        if not DRAWS[0] <= self.draws <= DRAWS[1]:
            raise UserError(f"--draws is {self.draws}; it must lie between {DRAWS[0]} and {DRAWS[1]:,}")
        if self.seed < 0:
            raise UserError(f"--seed is {self.seed}; it must be 0 or more")
        if self.implied is not None and not self.variance:
            raise UserError("--implied compares a variance with options: add --statistic variance")
        if len(set(self.windows)) < len(self.windows):
            raise UserError("a --window is given twice")
