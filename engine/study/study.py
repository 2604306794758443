"""The study of one run: its input is prepared, tested and compared with placebo dates, and the verdict is written."""

from typing import TypeVar

import numpy as np
from msgspec.structs import replace

from datasets.arrays import Floats
from datasets.instants import to_ns
from engine.metrics.table import MIN_OBSERVATIONS
from engine.statistics.bootstrap import event_interval
from engine.statistics.event_tests import bmp, cross_sectional_t, sign_flip
from engine.statistics.sharpe import TradeSharpe, of_enough, sharpe_of_trades
from engine.statistics.significance import Significance, untested
from engine.study.concentration import concentration
from engine.study.dependence import shared_sessions
from engine.study.drift import beyond_drift
from engine.study.episodes import confounder_notes, confounders, count_episodes
from engine.study.labels import selected_against_rejected
from engine.study.paths import event_path, market_band
from engine.study.placebo import PLACEBO_MEAN, PLACEBO_T, Placebos, adjusted_p_values, percentile, placebo_tests
from engine.study.power import Power, power
from engine.study.prepare import Prepared, prepare
from engine.study.result import Histogram, ObservationRow, Study, ViewResult
from engine.study.return_model import ReturnModel
from engine.study.sample import Observation, Sample, make_samples
from engine.study.sensitivity import variations, without_confounded
from engine.study.settings import Settings
from engine.study.study_input import StudyInput
from engine.study.surprise import side_surprise
from engine.study.tried import adjusted_for_trials
from engine.study.variance import event_variance
from engine.study.verdict import verdict

BINS, WIDEST = 40, 6.0
T = TypeVar("T")


def study(given: StudyInput, settings: Settings) -> Study:
    """Return what the events of a run can support.

    Raises:
        UserError: intraday bars; a model that needs a benchmark, and there is none.
    """
    prepared = prepare(given, settings)
    sample, placebos, model = prepared.samples[0], prepared.of_trades, prepared.model
    calendars = None if isinstance(placebos, str) else placebos.calendars
    views = view_results(prepared, settings)
    reasons: dict[str, str] = {}
    confounded = confounders(sample, given.events, model)
    decided = {t.event_id: t.decided_at for t in given.plan.trades}
    known_at = {i: to_ns(given.events.get(i).known_at or at) for i, at in decided.items()}
    implied = None if settings.implied is None else given.market.bars(settings.implied)
    factor = shared_sessions(sample)
    made = Study(
        run_id=given.run.run_id,
        strategy=given.strategy.name,
        settings=settings,
        model="none" if model.counterfactual is None else str(model.counterfactual),
        reference=model.reference.symbol,
        n_trades=len(given.pairs),
        open_trades=sum(not t.is_closed for t in given.run.trades),
        observations=tuple(_row(o) for o in sample.usable),
        lost=tuple(_row(o) for o in sample.lost),
        lists=0 if calendars is None else len(calendars.rows),
        exact=calendars is not None and calendars.exact,
        notes=(*prepared.notes, *confounder_notes(confounded, sample)),
        power=_known("power", placebos if isinstance(placebos, str) else _power(placebos, settings), reasons),
        views=views,
        histogram=_known("placebo", _histogram(placebos), reasons),
        concentration=_known("concentration", concentration(sample, alpha=settings.alpha, factor=factor), reasons),
        labels=_known("labels", selected_against_rejected(given, model, settings), reasons),
        variations=(*variations(given, sample, model), *without_confounded(sample, confounded)),
        sharpe=_sharpe(given, model),
        tried=adjusted_for_trials(given, sample),
        path=event_path(sample, model, calendars),
        band=() if calendars is None else market_band(sample, known_at, model, calendars),
        surprise=side_surprise(given.events, prepared, settings) if settings.surprise else None,
        variance=_known("variance", event_variance(prepared, known_at, implied), reasons)
        if settings.variance
        else None,
        verdict="",
        reasons=reasons,
        primary=given.primary,
        settings_tried=given.settings_tried,
        episodes=count_episodes((o.events for o in sample.usable), prepared.near),
    )
    above, known = _above_median(placebos), given.preregistered
    return replace(made, verdict=verdict(made, preregistered=known, above=above, ledger=given.ledger))


def _sharpe(given: StudyInput, model: ReturnModel) -> TradeSharpe:
    """Return the Sharpe ratio of the observations' net returns, less what the same trades earn on all dates."""
    [sample] = make_samples(given.pairs, model, ())
    found = sharpe_of_trades(beyond_drift(sample, given.dates.since), trial_sharpes=given.trial_sharpes)
    return of_enough(found, MIN_OBSERVATIONS)


def _known(name: str, part: T | str, reasons: dict[str, str]) -> T | None:
    """Return a part, or None with the reason kept under its name."""
    if isinstance(part, str):
        reasons[name] = part
        return None
    return part


def view_results(prepared: Prepared, settings: Settings) -> tuple[ViewResult, ...]:
    """Return the tests of each window, the trades first, the placebo p-values adjusted for the number of windows."""
    if isinstance(prepared.placebos, str):
        return tuple(_view(s, prepared.placebos, None, settings) for s in prepared.samples)
    adjusted = adjusted_p_values(prepared.placebos)
    return tuple(_view(p.sample, p, a, settings) for p, a in zip(prepared.placebos, adjusted, strict=True))


def _view(sample: Sample, placebos: Placebos | str, adjusted: float | None, settings: Settings) -> ViewResult:
    n = len(sample.usable)
    if isinstance(placebos, str):
        by_t, by_mean = (untested(name, n, placebos) for name in (PLACEBO_T, PLACEBO_MEAN))
    else:
        by_t, by_mean = placebo_tests(placebos)
    level, factor = 1 - settings.alpha, shared_sessions(sample)
    return ViewResult(
        name=sample.name,
        n=n,
        n_events=sample.n_events,
        mean_net=_mean(sample.net),
        mean_abnormal=_mean(sample.abnormal),
        intervals=event_interval(sample.abnormal, level, draws=settings.draws, seed=settings.seed, factor=factor),
        tests=(*_tests_of_zero(sample, settings, factor), by_t),
        placebo_mean=by_mean,
        p_adjusted=adjusted,
    )


def _tests_of_zero(sample: Sample, settings: Settings, factor: float) -> tuple[Significance, Significance]:
    """Return the tests that the mean abnormal return is zero; withheld where they do not keep their level."""
    n = len(sample.usable)
    if sample.withheld:
        return untested("BMP", n, sample.withheld), untested("sign-flip", n, sample.withheld)
    by_bmp = bmp(sample.standardized, factor=factor)
    by_t = by_bmp if by_bmp.p is not None else cross_sectional_t(sample.abnormal, factor=factor)
    flips = sign_flip(sample.abnormal, draws=settings.draws, seed=settings.seed, factor=factor)
    return (by_t if by_t.p is not None else by_bmp), flips


def _power(placebos: Placebos, settings: Settings) -> Power | str:
    return power(placebos, alpha=settings.alpha, seed=settings.seed, of_zero=not placebos.sample.withheld)


def _histogram(placebos: Placebos | str) -> Histogram | str:
    """Return the distribution of the t-statistics of the placebo lists."""
    if isinstance(placebos, str):
        return placebos
    if not len(placebos.known_t):
        return "no placebo list has a t-statistic"
    edges = np.linspace(-WIDEST, WIDEST, BINS + 1)
    counts, _ = np.histogram(np.clip(placebos.known_t, -WIDEST, WIDEST), edges)
    observed = placebos.sample.t if np.isfinite(placebos.sample.t) else None
    return Histogram(observed, tuple(map(float, edges)), tuple(map(int, counts)))


def _above_median(placebos: Placebos | str) -> bool | None:
    """Return whether the events' statistic is above the median of the placebo lists; None without them."""
    if isinstance(placebos, str) or len(placebos.sample.usable) < 2:
        return None
    return bool(placebos.sample.t > np.nanmedian(placebos.t))


def _row(observation: Observation) -> ObservationRow:
    lost = bool(observation.reason)
    return ObservationRow(
        events=observation.events,
        trades=observation.trades,
        began=observation.began,
        ended=observation.ended,
        net=observation.net,
        abnormal=None if lost else observation.abnormal,
        standardized=None if lost else observation.standardized,
        percentile=None if lost else percentile(observation.abnormal, observation.by_row.abnormal),
        reason=observation.reason,
    )


def _mean(values: Floats) -> float | None:
    return float(values.mean()) if len(values) else None
