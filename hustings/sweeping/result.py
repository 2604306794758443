"""Puts together what a sweep came to: its digest, its best replayed, its walk-forward."""

from dataclasses import dataclass
from typing import Any

from engine.metrics.table import METRIC_NAMES
from engine.sweep.check import checked, worth
from engine.sweep.digest import Best, Digest, Slice, digest
from engine.sweep.job import Job, plain_parameters
from engine.sweep.result import SweepResult, Top, Walk, WalkRow, plain
from engine.sweep.sweep import TRADE_SHARPE, evaluate_stretch
from engine.sweep.walk import Fold, Length, stitched, test_span, train_span
from hustings.sweeping.files import SweepFolder


@dataclass(frozen=True)
class SweepView:
    """How a sweep is looked at: the number that ranks, how many of the best are replayed, the heat map's parameters."""

    metric: str
    top: int
    heat: tuple[str, str] | None


@dataclass(frozen=True)
class Rolling:
    """The lengths of a walk-forward's windows, and its folds."""

    train: Length
    test: Length
    folds: tuple[Fold, ...]


def result_of(
    job: Job,
    folder: SweepFolder,
    view: SweepView,
    *,
    sweep_id: str,
    manifest: dict[str, Any],
    rolling: Rolling | None,
    earlier: int,
) -> SweepResult:
    """Return what a sweep came to, from the results in its folder."""
    found = digest(job.space, folder.parts(), metric=view.metric, top=view.top, heat=view.heat)
    trials = found.n - found.failed + earlier
    tops = [_top(job, best, found, trials) for best in found.best]
    walk = None if rolling is None else _walk(job, folder, rolling, view.metric)
    return SweepResult(sweep_id, manifest, job.space, found, tuple(tops), earlier, walk)


def _top(job: Job, best: Best, found: Digest, trials: int) -> Top:
    replayed = checked(job, best)
    return Top(replayed, worth(replayed.run, found.sharpes, trials=trials))


def _walk(job: Job, folder: SweepFolder, rolling: Rolling, metric: str) -> Walk:
    rows = [_fold(job, folder, n, fold, metric) for n, fold in enumerate(rolling.folds)]
    account = stitched(job, rolling.folds, [r.row for r in rows])
    return Walk(rolling.train.text, rolling.test.text, tuple(rows), account)


def _fold(job: Job, folder: SweepFolder, n: int, fold: Fold, metric: str) -> WalkRow:
    found = digest(job.space, folder.stretches(train_span(n)), metric=metric, top=1)
    if not found.best:
        return WalkRow(fold, None, {}, {}, f"no combination has a {metric} in training; nothing is traded")
    best = found.best[0]
    tested = evaluate_stretch(job, test_span(n), best.row, best.row + 1)
    outside = {name: _number(column[0]) for name, column in tested.columns.items()}
    return WalkRow(fold, best.row, best.results, outside, next(iter(tested.failed.values()), ""))


def _number(value: Any) -> float | None:
    return float(value) if value == value else None  # noqa: PLR0124 - NaN is not equal to itself


def result_json(job: Job, result: SweepResult) -> dict[str, Any]:
    """Return what a sweep came to as plain values; the same sweep gives the same."""
    found = result.digest
    return {
        "sweep_id": result.sweep_id,
        "strategy": result.manifest["strategy"],
        "fixed": result.manifest["fixed"],
        "axes": result.manifest["axes"],
        "simulated": result.manifest["simulated"],
        "combinations": found.n,
        "metric": found.metric,
        "with_metric": found.known,
        "above_zero": found.above,
        "mean": found.spread.mean,
        "sd": found.spread.sd,
        "failed": found.failed,
        "reasons": [{"reason": why, "combinations": n} for why, n in found.reasons],
        "failures": [{"combination": row, **result.varied(row), "reason": why} for row, why in found.failures],
        "left_to_replay": found.replayed,
        "trials": {"this_sweep": found.n - found.failed, "earlier": result.earlier, "all": result.trials},
        "trade_sharpes": {"known": found.sharpes.n, "mean": found.sharpes.mean, "sd": found.sharpes.sd},
        "agrees": result.agrees,
        "best": [_top_json(job, top) for top in result.top],
        "slices": [_slice_json(s) for s in found.slices],
        "walk_forward": None if result.walk is None else _walk_json(result, result.walk),
    }


def _top_json(job: Job, top: Top) -> dict[str, Any]:
    check = top.checked
    return {
        "combination": check.best.row,
        "parameters": plain_parameters(job, check.best.row),
        "run_id": check.run.run_id,
        "results": dict(check.best.results),
        "notes": dict(check.run.notes),
        "replay": {"agrees": check.agrees, "largest_difference": check.difference, "of": check.of},
        "worth": vars(top.worth),
    }


def _slice_json(each: Slice) -> dict[str, Any]:
    rows = zip(each.groups, each.count.tolist(), each.mean.tolist(), each.best.tolist(), strict=True)
    return {
        "parameter": each.name,
        "groups": [
            {"first": plain(a), "last": plain(b), "n": n, "mean": _number(mean), "best": _number(best)}
            for (a, b), n, mean, best in rows
        ],
    }


def _walk_json(result: SweepResult, walk: Walk) -> dict[str, Any]:
    run = walk.stitched
    return {
        "train": walk.train,
        "test": walk.test,
        "folds": [_fold_json(result, row) for row in walk.rows],
        "stitched": None
        if run is None
        else {"final_equity": run.final_equity, "metrics": run.metrics, "notes": run.notes, "trades": len(run.trades)},
    }


def _fold_json(result: SweepResult, row: WalkRow) -> dict[str, Any]:
    windows = {"train": row.fold.train, "test": row.fold.test}
    return {
        **{name: {"from": str(w.since or ""), "to": str(w.until or "")} for name, w in windows.items()},
        "train_events": row.fold.train_events,
        "test_events": row.fold.test_events,
        "combination": row.row,
        "parameters": None if row.row is None else result.varied(row.row),
        "in_sample": _shown(row.inside),
        "out_of_sample": _shown(row.outside),
        "reason": row.reason,
    }


def _shown(results: Any) -> dict[str, float | None] | None:
    return {name: results[name] for name in (TRADE_SHARPE, *METRIC_NAMES)} if results else None
