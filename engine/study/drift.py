"""Returns less what the same trades earn on all dates: what an event added, whatever the market's drift."""

from datetime import date

import numpy as np

from datasets.arrays import Floats
from engine.statistics.significance import t_by_row
from engine.study.sample import Observation, Sample

SHIFTS = 500
"""All events are moved by the same number of sessions, so many times, evenly around the bars."""


def beyond_drift(sample: Sample, since: date | None = None) -> Floats:
    """Return the net return of each observation less the mean of the same trades over all dates; NaN where unknown.

    Lost observations count: no estimation window is read. No date is before ``since``.
    """
    observations, first = _all(sample), _first(sample, since)
    return np.array([o.net for o in observations], dtype=np.float64) - _means(observations, first)


def shifted_sharpes(sample: Sample, since: date | None = None) -> Floats:
    """Return (SHIFTS - 1,) the Sharpe ratio per observation, beyond drift, of the same trades on moved dates.

    An event whose trade does not fit at its date adds nothing. NaN where nothing varies.
    """
    first, observations = _first(sample, since), [o for o in _all(sample) if o.row < len(sample.reference)]
    span = len(sample.reference) - first
    moves = np.linspace(0, span, SHIFTS, endpoint=False).astype(int)[1:]
    moved = [o.by_row.net[first + (o.row - first + moves) % span] for o in observations]
    away = np.array(moved, dtype=np.float64).reshape(len(moved), len(moves)).T - _means(observations, first)
    return np.asarray(t_by_row(np.nan_to_num(away)) / np.sqrt(max(len(moved), 1)), dtype=np.float64)


def _all(sample: Sample) -> list[Observation]:
    return sorted((*sample.usable, *sample.lost), key=lambda o: o.group)


def _first(sample: Sample, since: date | None) -> int:
    return 0 if since is None else int(np.searchsorted(sample.reference.session, np.datetime64(since, "D")))


def _means(observations: list[Observation], first: int) -> Floats:
    """Return the mean of each observation's trades from a row on; NaN where they fit nowhere."""
    nets = {id(o.by_row): o.by_row.net[first:] for o in observations}  # one for many observations
    fit = {key: net[np.isfinite(net)] for key, net in nets.items()}
    means = {key: float(v.mean()) if len(v) else float("nan") for key, v in fit.items()}
    return np.array([means[id(o.by_row)] for o in observations], dtype=np.float64)
