"""The result of a sweep: computed from its folder, entered in the ledger of trials, written as JSON."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from multiprocessing import Pipe
from typing import Any
from warnings import catch_warnings, simplefilter

from msgspec.structs import replace

from datasets.errors import UserError
from engine.metrics.table import METRIC_NAMES
from engine.strategy import values
from engine.strategy.contract import plain_value
from engine.strategy.placeholders import Space
from engine.sweep.best import ReplayedCombination, replay_combination
from engine.sweep.chunk import replayed
from engine.sweep.digest import Slice, digest
from engine.sweep.job import Job
from engine.sweep.trial_sample import trial_sample
from engine.sweep.walk_forward import Fold, SweepResult, stitched, with_choice
from hustings.ledger import SWEEP, enter_sweep, trials_of
from hustings.meanwhile import Line, fork_gains, forked
from hustings.sweeping.files import SweepFolder
from hustings.terminal import strategy_output, warn
from hustings.trials import SweepTrials

Best = Mapping[int, Mapping[str, float | None]]
"""Combinations by their number in the sweep, each with its results there."""


class Replays:
    """Replays combinations of a sweep: in the processes behind some lines, or in this one."""

    def __init__(self, *lines: "Line[Any, Any]") -> None:
        self._lines = lines

    def begin(self, job: Job) -> None:
        """Take the sweep; a process samples its trials while its combinations are computed."""
        self._job = job
        try:
            for line in self._lines[:1]:
                line.send(job)
        except Exception:  # it has ended, or a rule cannot be sent
            self._lines = ()

    def replayed(self, best: Best, trials: int, meanwhile: Callable[[], None]) -> tuple[ReplayedCombination, ...]:
        """Return combinations replayed, given the number of all trials; ``meanwhile`` is done while processes replay.

        What a lost process owes is replayed here.
        """
        if not self._lines:
            meanwhile()
            return _replayed(self._job, best, trials)
        shares = [dict(list(best.items())[n :: len(self._lines)]) for n in range(len(self._lines))]
        for line, share in zip(self._lines, shares, strict=True):
            with suppress(OSError):  # it has ended: its closed line shows that
                line.send((share, trials))
        meanwhile()
        for name in ("rich.console", "rich.table", "reports.sweep"):  # meanwhile, what the result is shown with
            import_module(name)
        found: dict[int, ReplayedCombination] = {}
        for line, share in zip(self._lines, shares, strict=True):
            try:
                answer = line.recv()
            except (EOFError, OSError):
                answer = _replayed(self._job, share, trials)
            if isinstance(answer, Exception):
                raise answer
            found |= {each.row: each for each in answer}
        return tuple(found[row] for row in best)


@contextmanager
def replays_begun() -> Iterator[Replays]:
    """Give what replays combinations of a sweep that is still to be read.

    A process is forked where that gains time: it imports backtrader while events and bars are read.
    """
    if not fork_gains():
        yield Replays()
        return
    (one, first), (other, second) = Pipe(), Pipe()
    with forked(_serve, (one, other), (first, second)):
        for theirs in (first, second):
            theirs.close()
        with one, other:
            yield Replays(one, other)


def _replayed(job: Job, best: Best, trials: int) -> tuple[ReplayedCombination, ...]:
    return tuple(replay_combination(job, row, found, trials=trials) for row, found in best.items())


def _serve(ours: "tuple[Line[Any, Any], ...]", theirs: "tuple[Line[Any, Any], ...]") -> None:
    """Import what replays, sample the trials of a sweep, fork, and replay what comes through a line until its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that sends the combinations
    for line in ours:  # of the sending process: a copy would keep it open after the end of that
        line.close()
    with suppress(Exception):  # the sending process has ended, or does itself what this one cannot
        import engine.account.replay  # noqa: F401 - backtrader, a quarter of a second

        _serve_sweep(theirs[0].recv(), theirs)


def _serve_sweep(job: Job, lines: "tuple[Line[Any, Any], ...]") -> None:
    with strategy_output():
        with suppress(Exception):  # raised again where it is needed
            trial_sample(job)  # while the combinations are computed; both processes have it
            replayed(job, 0)  # a first replay takes half as long again as the next ones
        with catch_warnings():
            simplefilter("ignore", DeprecationWarning)
            line = lines[0] if os.fork() else lines[1]
        while True:
            best, trials = line.recv()
            try:
                answer: Any = _replayed(job, best, trials)
            except Exception as e:
                answer = e
            line.send(answer)


_LISTED = 1_000
"""A ledger row lists so many combinations that are not a whole product; of more it keeps the values alone."""


def result_of(
    job: Job,
    folder: SweepFolder,
    manifest: dict[str, Any],
    replays: Replays,
    *,
    metric: str,
    top: int,
    heat: tuple[str, str] | None,
    folds: tuple[Fold, ...] = (),
) -> SweepResult:
    """Return the result of a sweep of which all chunks are done; the folder's results are written meanwhile.

    Args:
        job: the sweep; its spans are its own and the training window of each fold.
        folder: its results.
        manifest: its inputs.
        replays: what replays its best.
        metric: the number by which it is ranked.
        top: how many of the best are replayed.
        heat: the parameters across and down the heat map.
        folds: of its walk-forward.
    """
    summary = digest(job.space, folder.parts(), metric=metric, top=top, heat=heat)
    earlier = _trials_before(manifest)
    trials = summary.n - summary.failed + earlier
    best = replays.replayed(summary.best, trials, partial(folder.finish, job.space))
    chosen = tuple(with_choice(job, fold, folder.chunks(n + 1), metric) for n, fold in enumerate(folds))
    return SweepResult(manifest, job.space, summary, best, earlier, chosen, stitched(job, chosen))


def _trials_before(manifest: dict[str, Any]) -> int:
    """Return how many trials of the rule belong to no part of this sweep; 0, with a warning, without a ledger."""
    try:
        return sum(t.n for t in trials_of(manifest["strategy"]) if t.run_id != SWEEP + manifest["sweep_id"])
    except UserError as e:
        warn(f"hustings: {e}; no trials before this sweep are counted")
        return 0


def enter_result(result: SweepResult) -> SweepResult:
    """Enter a sweep in the ledger of trials, and return it with what a young ledger holds; else a warning."""
    summary, sharpes = result.digest, result.digest.sharpes
    trials = SweepTrials(summary.n - summary.failed, sharpes.n, sharpes.mean, sharpes.sd)
    try:
        space = result.space
        some = range(len(space)) if space.places is not None and len(space) <= _LISTED else ()
        listed = [space.varied(n) for n in some]
        return replace(
            result, ledger=enter_sweep(result.manifest, trials, defaults=_parameters(space, 0), listed=listed)
        )
    except UserError as e:
        warn(f"hustings: {e}; the sweep is written, but does not count as trials")
        return result


def result_json(result: SweepResult) -> dict[str, Any]:
    """Return a result as plain values; the same sweep gives the same."""
    digest, manifest = result.digest, result.manifest
    return {
        **{name: manifest[name] for name in ("sweep_id", "strategy", "fixed", "axes", "simulated")},
        "currency": manifest["terms"]["currency"],
        "fx": manifest["terms"]["fx"],
        "combinations": digest.n,
        "metric": digest.metric,
        "with_metric": digest.known,
        "above_zero": digest.above,
        "mean": digest.moments.mean,
        "sd": digest.moments.sd,
        "failed": digest.failed,
        "reasons": [{"reason": why, "combinations": n} for why, n in digest.reasons],
        "failures": [{"combination": row, **result.space.varied(row), "reason": why} for row, why in digest.failures],
        "trials": {"this_sweep": digest.n - digest.failed, "earlier": result.earlier, "all": result.trials},
        "trade_sharpes": {"known": digest.sharpes.n, "mean": digest.sharpes.mean, "sd": digest.sharpes.sd},
        "agrees": result.agrees,
        "best": [_best_json(result.space, b) for b in result.best],
        "slices": [_slice_json(s) for s in digest.slices],
        "walk_forward": None if manifest["walk_forward"] is None else _walk_forward_json(result),
    }


def _best_json(space: Space, best: ReplayedCombination) -> dict[str, Any]:
    report = best.sharpe
    return {
        "combination": best.row,
        "parameters": _parameters(space, best.row),
        "run_id": best.run.run_id,
        "results": dict(best.results),
        "notes": dict(best.run.notes),
        "replay": {"agrees": best.agrees, "largest_difference": best.difference, "of": best.of},
        "worth": {
            **{name: getattr(report, name) for name in ("n", "trials", "sharpe", "probabilistic", "deflated")},
            "reason": report.notes.get("deflated", ""),
            "luck": report.expected_maximum_sharpe,
            "random_dates": best.random_dates,
        },
    }


def _parameters(space: Space, row: int) -> dict[str, Any]:
    """Return all parameters of one combination, defaults included; those given where the rule refuses them."""
    try:
        return values(space.rule(row))
    except UserError:
        return {name: plain_value(v) for name, v in space.parameters(row).items()}


def _slice_json(each: Slice) -> dict[str, Any]:
    rows = zip(each.groups[0], each.count.tolist(), each.mean.tolist(), each.best.tolist(), strict=True)
    return {
        "parameter": each.names[0],
        "groups": [
            {
                "first": plain_value(a),
                "last": plain_value(b),
                "n": n,
                "mean": mean if n else None,
                "best": best if n else None,
            }
            for (a, b), n, mean, best in rows
        ],
    }


def _walk_forward_json(result: SweepResult) -> dict[str, Any]:
    run = result.stitched
    return {
        **result.manifest["walk_forward"],
        "folds": [_fold_json(result.space, fold) for fold in result.folds],
        "stitched": None
        if run is None
        else {"final_equity": run.final_equity, "metrics": run.metrics, "notes": run.notes, "trades": len(run.trades)},
    }


def _fold_json(space: Space, fold: Fold) -> dict[str, Any]:
    windows = {"train": fold.train, "test": fold.test}
    return {
        **{name: {"from": str(w.since or ""), "to": str(w.until or "")} for name, w in windows.items()},
        "train_events": fold.train_events,
        "test_events": fold.test_events,
        "combination": fold.row,
        "parameters": None if fold.row is None else space.varied(fold.row),
        "in_sample": _metrics(fold.in_sample),
        "out_of_sample": _metrics(fold.out_of_sample),
        "reason": fold.reason,
    }


def _metrics(results: Mapping[str, float | None]) -> dict[str, float | None] | None:
    return {name: results[name] for name in METRIC_NAMES} if results else None
