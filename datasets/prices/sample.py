"""Simulated markets with a known truth, so that a fresh machine has something to run on. SIMULATED wherever shown.

The process. One standard normal factor ``g`` a calendar date is shared by all markets; each market adds its own
noise. With daily volatility ``v`` and correlation ``RHO`` to the factor, the log return of a session is

    overnight  sqrt(0.35) * v * z1     (previous close to open)
    intraday   sqrt(0.65) * v * z2 + DRIFT / 245

where ``z1, z2 = RHO * g + sqrt(1 - RHO^2) * own noise``, both with their mean over the whole history taken out.
Highs and lows lie beyond open and close by ``0.35 v |z|``.

The truth put in. At each general election or party leadership vote of Japan whose outcome the bundled catalogue
labels pro-growth "yes": a jump of JUMP at the first open after ``known_at`` in Japanese markets (half of it
elsewhere in Asia), then AFTER_DRIFT a session for AFTER_SESSIONS sessions, the first included. A rule that buys at
that open can earn the drift and never the jump. Mexico's IPC follows the made-up odds of one US election
(``datasets.events.odds.SIMULATED``): ODDS_B times the change of the probability from close to close.
"""

from datetime import date
from functools import lru_cache
from pathlib import Path
from zlib import crc32

import numpy as np
from msgspec import Struct

from datasets.arrays import Floats, Instants
from datasets.csv_rows import bundled_rows
from datasets.errors import UserError
from datasets.events import Kind, ProGrowth, bundled_events
from datasets.events.odds import SIMULATED
from datasets.events.odds_book import OutcomeOdds
from datasets.events.priors import load_priors
from datasets.instants import to_ns
from datasets.markets.instruments import Instrument
from datasets.markets.sessions import calendar_sessions, stamp, stamp_prices
from datasets.prices.bars import Bars, Source, make_bars
from datasets.visibility import visible_bars

SEED = 20260208
FIRST, LAST = date(2000, 1, 4), date(2026, 10, 30)
RHO = 0.6
DRIFT = 0.04
JUMP = 0.02
AFTER_DRIFT = 0.0015
AFTER_SESSIONS = 10
ODDS_MARKET, ODDS_B = "IPC", -0.12


class SimulatedMarket(Struct, frozen=True):
    """What is simulated of a market: its first level, yearly volatility, and share of the Japanese event moves."""

    level: float
    volatility: float
    event_share: float


MARKETS = {
    r["symbol"]: SimulatedMarket(*(float(r[name]) for name in SimulatedMarket.__struct_fields__))
    for r in bundled_rows(Path(__file__).with_name("simulated_markets.csv"))
}


class SimulatedSource:
    """Bars of the process above, the same for the same seed on every machine."""

    def __init__(self, seed: int = SEED) -> None:
        self._seed = seed

    def symbols(self) -> list[str]:
        """Return the simulated markets."""
        return sorted(MARKETS)

    @visible_bars
    def load(self, instrument: Instrument) -> Bars:
        """Return the simulated bars of an instrument.

        Raises:
            UserError: the instrument is not simulated.
        """
        market = MARKETS.get(instrument.symbol)
        if market is None:
            raise UserError(f"{instrument.symbol} is not simulated; simulated are {', '.join(self.symbols())}")
        return _simulate(instrument, market, self._seed)


@lru_cache(maxsize=64)
def _simulate(instrument: Instrument, market: SimulatedMarket, seed: int) -> Bars:
    sessions = calendar_sessions(instrument.mic, FIRST, LAST)
    open_at, _ = stamp(instrument.mic, sessions)
    own = np.random.default_rng([seed, crc32(instrument.symbol.encode())])
    shared = np.random.default_rng(seed).standard_normal((2, (LAST - FIRST).days + 1))
    factor = _centred(shared[:, (sessions - np.datetime64(FIRST, "D")).astype(np.int64)])
    shock = RHO * factor + np.sqrt(1 - RHO**2) * _centred(own.standard_normal((2, len(sessions))))
    daily = market.volatility / np.sqrt(245)
    jump, after = _event_moves(open_at)
    overnight = np.sqrt(0.35) * daily * shock[0] + market.event_share * jump
    intraday = np.sqrt(0.65) * daily * shock[1] + DRIFT / 245 + market.event_share * after
    if instrument.symbol == ODDS_MARKET:
        intraday += _odds_moves(stamp_prices(instrument.mic, sessions)[1])
    close = market.level * np.exp(np.cumsum(overnight + intraday))
    open_ = close / np.exp(intraday)
    beyond = 0.35 * daily * np.abs(own.standard_normal((2, len(sessions))))
    return make_bars(
        instrument,
        Source("simulated", f"SIMULATED (datasets/prices/sample.py, seed {seed})", simulated=True),
        session=sessions,
        open_=open_.round(4),
        high=(np.maximum(open_, close) * np.exp(beyond[0])).round(4),
        low=(np.minimum(open_, close) * np.exp(-beyond[1])).round(4),
        close=close.round(4),
        volume=np.full(len(sessions), np.nan),
        where=lambda row: f"simulated {instrument.symbol} row {row}",
    )


def _centred(noise: Floats) -> Floats:
    """Return the noise less its mean, so that each market ends where its drift and its events put it."""
    return np.asarray(noise - noise.mean(axis=1, keepdims=True))


def _event_moves(open_at: Instants) -> tuple[Floats, Floats]:
    """Return the jump at each open and the extra drift of each session, as log returns for a share of 1."""
    jump, after = np.zeros(len(open_at)), np.zeros(len(open_at))
    for event in bundled_events():
        if event.country != "JP" or event.pro_growth != ProGrowth.YES or event.known_at is None:
            continue
        if event.kind not in (Kind.GENERAL_ELECTION, Kind.LEADERSHIP_ELECTION):
            continue
        first = int(np.searchsorted(open_at, to_ns(event.known_at), side="right"))
        if 0 < first < len(open_at):
            jump[first] += JUMP
            after[first : first + AFTER_SESSIONS] += AFTER_DRIFT
    return jump, after


def _odds_moves(close_at: Instants) -> Floats:
    """Return what the simulated odds add to the log return up to each close."""
    [quotes] = load_priors(SIMULATED, bundled_events()).quotes.values()
    p, _ = OutcomeOdds(quotes, quotes[0].outcome).at(close_at)
    return ODDS_B * np.nan_to_num(np.diff(p, prepend=np.nan))
