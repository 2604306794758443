"""The regression of returns on changes of probability: the value of a market if an outcome comes, and if not.

dlnX = a + b dP + e. b is ln X if the outcome comes less ln X if not: with p now, b (1 - p) from here if it comes, and
-b p if not (Snowberg, Wolfers and Zitzewitz 2007, QJE 122; Wolfers and Zitzewitz 2016).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace
from scipy.special import stdtrit

from datasets.arrays import Floats
from datasets.events.event import PoliticalEvent
from datasets.events.odds_book import OutcomeOdds, happened, quotes_before
from datasets.instants import iso_z, to_datetime
from datasets.markets.instruments import Instrument
from engine.implied.pairs import Pairs, counted_from
from engine.statistics.regression import Errors, regress

FEWEST, SMALLEST = 20, 0.005
"""Pairs, and standard deviation of the changes of probability, below which nothing is fitted."""
SMALLEST_MOVE = 0.03
"""Change of probability in a window below which the ticks of its two quotes are too large a part of it."""
_ROUNDING = 1e-9


class Implied(Struct, frozen=True):
    """One market and an outcome; returns are logs in per cent. ``notes`` says of a number that is None why.

    ``smallest_b`` is the size of b for which a test at 5 % has 80 % power. ``p`` is the probability at the last close,
    quoted at ``observed_at``. ``b`` is the return for a probability of 1, with its 90 % interval (HC3, t(n - 2)) and t
    statistics; ``if_outcome`` and ``if_not`` are the moves from p, with those at the ends of the interval. ``shift_p``
    is the share of the n circular shifts whose HC1 t is as large; ``as_large`` counts them by t and by b. ``lead`` is
    the coefficient of the next change of probability (Dimson 1979), ``lead_sum`` its sum with that of the same close,
    ``lead_t`` its HC1 t. ``came`` is the return from the eve's close, of ``came_from``, to that of ``came_on``.
    Of a ``window`` with a name b is ``move`` over the change of probability from ``p_before`` to p.
    """

    instrument: str
    n: int
    smallest_b: float | None
    p: float
    observed_at: str
    age_hours: float
    b: float | None = None
    low: float | None = None
    high: float | None = None
    t_ols: float | None = None
    t_hc1: float | None = None
    t_nw: float | None = None
    r2: float | None = None
    shift_p: float | None = None
    as_large: tuple[int, int] | None = None
    if_outcome: float | None = None
    if_outcome_range: tuple[float, float] | None = None
    if_not: float | None = None
    if_not_range: tuple[float, float] | None = None
    lead: float | None = None
    lead_sum: float | None = None
    lead_t: float | None = None
    came: float | None = None
    came_from: str | None = None
    came_on: str | None = None
    window: str = ""
    p_before: float | None = None
    move: float | None = None
    warnings: tuple[str, ...] = ()
    notes: dict[str, str] = field(default_factory=dict)


def implied(instrument: str, pairs: Pairs, *, window: str = "") -> Implied:
    """Return what pairs of closes and odds imply for a market, or the two ends of a window with a name."""
    there = np.isfinite(pairs.changes)
    r, dp = pairs.returns[there], pairs.changes[there]
    now = int(np.flatnonzero(np.isfinite(pairs.p))[-1])
    found = Implied(
        instrument=instrument,
        n=len(r),
        smallest_b=smallest_b(r, dp),
        p=float(pairs.p[now]),
        observed_at=iso_z(int(pairs.quoted_at[now])),
        age_hours=(int(pairs.close_at[-1]) - int(pairs.quoted_at[now])) / 3.6e12,
    )
    if window:
        p, move = found.p, float(r[0])
        found = replace(found, window=window, p_before=float(pairs.p[0]), move=move)
        if abs(dp[0]) < SMALLEST_MOVE:
            few = f"the odds change by {abs(dp[0]):.3f} only; at least {SMALLEST_MOVE} is needed"
            return replace(found, notes={"b": few})
        b = move / float(dp[0])
        return replace(found, b=b, if_outcome=b * (1 - p), if_not=-b * p)
    reason = _too_little(dp)
    return replace(found, notes={"b": reason}) if reason else replace(found, **fitted_numbers(r, dp, p=found.p))


def _too_little(dp: Floats) -> str:
    """Return why changes of probability support no regression; blank where they do."""
    n, spread = len(dp), float(dp.std(ddof=1)) if len(dp) > 1 else 0.0
    if n < FEWEST:
        return f"{n} pairs of a return and a change of probability; at least {FEWEST} are needed"
    few = f"the changes of probability have a standard deviation of {spread:.4f}; at least {SMALLEST} is needed"
    return few if spread < SMALLEST else ""


def fitted_numbers(r: Floats, dp: Floats, *, p: float) -> dict[str, Any]:
    """Return the numbers of the regression of returns on changes, both (n,) in order of time, with p now."""
    fitted, n = regress(r, dp), len(r)
    b, half = fitted.slope, fitted.half_width
    as_large = as_large_shifts(r, dp)
    numbers = {
        "b": b,
        "low": b - half,
        "high": b + half,
        "t_ols": fitted.t(Errors.CLASSICAL),
        "t_hc1": fitted.t(Errors.HC1),
        "t_nw": fitted.t(Errors.NEWEY_WEST),
        "r2": fitted.r2,
        "shift_p": as_large[0] / n,
        "as_large": as_large,
        "if_outcome": b * (1 - p),
        "if_outcome_range": ((b - half) * (1 - p), (b + half) * (1 - p)),
        "if_not": -b * p,
        "if_not_range": (-(b + half) * p, -(b - half) * p),
    }
    try:
        led = regress(r[:-1], dp[:-1], dp[1:])  # news after a quote is in the next quote only
    except ValueError:
        return numbers
    same, lead = (float(c) for c in led.coefficients[1:])
    return {**numbers, "lead": lead, "lead_sum": same + lead, "lead_t": led.t(Errors.HC1, 2)}


def as_large_shifts(r: Floats, dp: Floats) -> tuple[int, int]:
    """Return how many of the n circular shifts of the changes give as large an HC1 t, and as large a b.

    A shift keeps the order of both series, and so their autocorrelation and clusters; only what links them is broken.
    The shift by 0 counts, so that the count over n is a p-value. All shifts at once, by Fourier transforms.
    """
    x, y, n = dp - dp.mean(), r - r.mean(), len(r)
    total = float(x @ x)
    b = _over_shifts(x, y) / total
    middle = _over_shifts(x**2, y**2) - 2 * b * _over_shifts(x**3, y) + b**2 * float((x**4).sum())
    t = b * total / np.sqrt(np.maximum(middle, 1e-300) * n / (n - 2))
    by_t, by_b = (int((np.abs(v) >= abs(v[0]) * (1 - _ROUNDING)).sum()) for v in (t, b))
    return by_t, by_b


def _over_shifts(x: Floats, y: Floats) -> Floats:
    """Return the sum of x[i - k] y[i] for each shift k."""
    return np.fft.irfft(np.conj(np.fft.rfft(x)) * np.fft.rfft(y), n=len(x))


def smallest_b(r: Floats, dp: Floats) -> float | None:
    """Return the size of b that n pairs find at 5 % with 80 % power, from the spreads alone: it looks at no result."""
    n = len(r)
    if n < 3 or not dp.std():
        return None
    return float((stdtrit(n - 2, 0.975) + stdtrit(n - 2, 0.80)) * r.std(ddof=1) / (dp.std() * n**0.5))


def warnings_of(pairs: Pairs, odds: OutcomeOdds, *, event: PoliticalEvent, market: Instrument) -> Iterator[str]:
    """Yield the warnings that apply to a market."""
    p, names = float(pairs.p[np.isfinite(pairs.p)][-1]), {q.outcome for q in odds.quotes}
    asked, place = odds.quotes[-1].source, odds.quotes[-1].source.split()[-1]
    if len(place) == 2 and place.isupper() and not event.event_id.endswith(place):
        yield f"proxy market: '{asked}' is of one state; b belongs to its question, not to the vote"
    elif event.winner and happened(names, winner=event.winner, party=event.winner_party) is None:
        yield f"proxy market: no outcome of '{asked}' names {event.winner}; b belongs to its question, not to the vote"
    if not 0.1 <= p <= 0.9:
        yield f"longshot: p is {p:.2f}; the bias of odds near 0 and 1 is multiplied in the larger branch"
    edge = int(((pairs.p <= 0.01) | (pairs.p >= 0.99)).sum())
    if edge:
        yield f"one-cent quotes: {edge} of {len(pairs.p)} closes have odds within 0.01 of 0 or 1, where a tick is all"
    age = (pairs.close_at - pairs.quoted_at)[np.isfinite(pairs.p)] / 3.6e12
    same = float((np.diff(pairs.quoted_at) == 0).mean())
    if age[-1] > 72 or same > 0.1:
        yield f"stale quotes: the last is {age[-1]:.0f} h old, {100 * same:.0f} % of the closes have no new one"
    if np.median(age) > 1:
        yield f"quotes are {np.median(age):.0f} h older than the close (median): news in between is in the lead term"
    last_close, ends_at = to_datetime(int(pairs.close_at[-1])), counted_from(event)
    known = odds.quotes if ends_at is None else quotes_before(odds.quotes, ends_at)
    later = [q.probability for q in known if q.outcome == odds.outcome and q.observed_at > last_close]
    if later:
        yield f"quotes after the close: {len(later)} before the count are not used, the last is {later[-1]:.2f}"
    if market.country and market.country == event.country:
        yield "reverse causality: a market at home moves the odds of those who govern too; b is then no effect of them"
