"""hustings sweep: tries many combinations of a strategy's parameters, and corrects the best for their number."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from datasets.errors import UserError
from datasets.files import locked, remove_folder
from engine.strategy.placeholders import Space, grid_space
from engine.sweep.digest import checked_metric, heat_axes
from engine.sweep.job import Job, job_of, manifest_of
from engine.sweep.space import condition_of, drawn_from, listed_space, those_of
from engine.sweep.walk_forward import Fold, SweepResult, folds_of, length_text
from hustings.execution import RunOptions, Setting
from hustings.files import check_writable, json_text
from hustings.sweeping.execution import execute_sweep
from hustings.sweeping.files import SweepFolder
from hustings.sweeping.result import enter_result, replays_begun, result_json, result_of
from hustings.sweeping.values import listed_rows, parted
from hustings.terminal import progress, say, say_files, say_json, say_sources, say_tables, strategy_output, warn
from strategies.loading import find_strategy, is_backtrader

_LENGTH = re.compile(r"(\d+)\s*(y|years?|e|events?)?", re.IGNORECASE)

_MAX_COMBINATIONS = 1_000_000_000
"""At about two minutes and 170 MB per million: a day and a half, and 170 GB."""
_MAX_LENGTH = 5_000
"""Events or years of a window of a walk-forward: the calendar ends soon after."""


class SweepOptions(RunOptions, frozen=True):
    """A backtest, the combinations of its parameters, and how they are computed and ranked."""

    conditions: tuple[str, ...]
    draw: int | None
    seed: int
    listing: Path | None
    metric: str
    top: int
    heat: str | None
    train: str | None
    test: str | None
    workers: int
    scheduler: str | None
    resume: bool
    restart: bool


def sweep_parameters(*, out: Path | None, no_report: bool, **typed: Any) -> int:
    """Try the combinations, write the results, print the best, and return 1 if a replay disagrees."""
    result, files = entered_sweep(SweepOptions(**typed), out, report=not no_report)
    say_json({**result_json(result), "files": files})
    _show(result, files)
    return 0 if result.agrees else 1


def entered_sweep(options: SweepOptions, out: Path | None, *, report: bool) -> tuple[SweepResult, dict[str, Path]]:
    """Return the result of a sweep, entered in the ledger, and the paths of its files by name."""
    if options.resume and options.restart:
        raise UserError("--resume continues a sweep and --restart starts it over: give one of them")
    metric = checked_metric(options.metric)
    with strategy_output():
        kind = find_strategy(options.strategy)
    with replays_begun() as replays:
        with progress("reading events and bars"), strategy_output():
            setting = options.setting()
            space = _space(options, kind, setting)
            setting = setting.unhedged(space.rule(0).instruments())
            heat = heat_axes(space, () if options.heat is None else tuple(n.strip() for n in options.heat.split(",")))
            job = job_of(space, setting.events, setting.market, terms=setting.terms, window=setting.window)
            replays.begin(job)
            folds, lengths = _folds(job, options)
        manifest = manifest_of(job, lengths)
        folder = SweepFolder(out if out is not None else Path("sweeps") / manifest["sweep_id"])
        check_writable(folder.path)
        with locked(folder.path / ".lock", folder.path):
            rolled = replace(job, spans=(*job.spans, *(fold.train for fold in folds))) if folds else job
            _execute(rolled, folder, manifest, options)
            with progress("replaying the best"), strategy_output():
                result = result_of(
                    job, folder, manifest, replays, metric=metric, top=options.top, heat=heat, folds=folds
                )
            if result.digest.failed == result.digest.n:
                raise UserError(f"all {result.digest.n:,} combinations failed: {result.digest.reasons[0][0]}")
            files = _written(result, folder, report=report)
    return enter_result(result), files


def _space(options: SweepOptions, kind: type[Any], setting: Setting) -> Space:
    """Return the combinations that the options name.

    Raises:
        UserError: they name none, too many, or what is not for a sweep.
    """
    if is_backtrader(kind):
        raise UserError(f"{kind.__name__} is a backtrader strategy: a sweep takes a rule that names its legs")
    if options.instruments or options.benchmark:
        what = "--instrument" if options.instruments else "--benchmark"
        raise UserError(f"{what} is not for a sweep; {kind.name} takes its instruments with -p")
    fixed, axes = parted(kind, options.given(), setting)
    draw, texts = options.draw, options.conditions
    if options.listing is not None:
        if axes or draw or texts:
            raise UserError("--list names the combinations: leave out --random, --where, and -p of several values")
        return listed_space(kind, fixed, listed_rows(options.listing))
    space = grid_space(kind, fixed, axes)
    known, settable = {**space.fixed, **space.axes}, {f.name for f in fields(kind)}
    conditions = [condition_of(text, known, settable=settable) for text in texts]
    space = drawn_from(space, draw, options.seed, conditions) if draw else those_of(space, conditions)
    if len(space) > _MAX_COMBINATIONS:
        most = f"a sweep may have {_MAX_COMBINATIONS:,}"
        raise UserError(f"{len(space):,} combinations; {most}: give fewer values, or --random")
    return space


def _folds(job: Job, options: SweepOptions) -> tuple[tuple[Fold, ...], dict[str, str] | None]:
    """Return the folds of the walk-forward and the lengths of its windows in words; none where none is wanted."""
    typed = {"train": options.train, "test": options.test}
    given = {name: text for name, text in typed.items() if text is not None}
    if not given:
        return (), None
    if len(given) == 1:
        raise UserError("a walk-forward takes both --train and --test, such as --train 20 --test 5")
    (train, years), (test, test_years) = (_length(text, f"--{name}") for name, text in given.items())
    lengths = {"train": length_text(train, years=years), "test": length_text(test, years=test_years)}
    if years != test_years:
        units = f"--train is {lengths['train']} and --test {lengths['test']}"
        raise UserError(f"{units}: give both in events, or both in years")
    return folds_of(job, train, test, years=years), lengths


def _length(text: str, option: str) -> tuple[int, bool]:
    """Return the length of a window, and whether it is in years rather than in events."""
    match = _LENGTH.fullmatch(text.strip())
    if match is None or not 1 <= int(match[1]) <= _MAX_LENGTH:
        how = f"write a number of events, such as 20, or of years, such as 10y, up to {_MAX_LENGTH:,}"
        raise UserError(f"{option} is '{text}'; {how}")
    return int(match[1]), (match[2] or "e").lower().startswith("y")


def _execute(job: Job, folder: SweepFolder, manifest: dict[str, Any], options: SweepOptions) -> None:
    """Compute what is missing of a sweep; whatever stops it, what is done is kept."""
    if options.resume and folder.held() is None:
        warn(f"hustings: '{folder.path}' has nothing to resume: this is another sweep, or a first one")
    folder.begin(manifest, resume=options.resume, restart=options.restart)
    try:
        with strategy_output():
            execute_sweep(
                job,
                options.strategy,
                folder,
                sweep_id=manifest["sweep_id"],
                workers=options.workers,
                scheduler=options.scheduler,
            )
    except (KeyboardInterrupt, UserError, OSError):
        if done := folder.done_rows():
            kept = f"{done:,} of {len(job.space):,} combinations are kept in '{folder.path}'"
            warn(f"hustings: {kept}; --resume continues from there")
        raise


def _written(result: SweepResult, folder: SweepFolder, *, report: bool) -> dict[str, Path]:
    files = {"results": folder.results, "manifest": folder.path / "manifest.json"}
    files["summary"] = folder.write("summary.json", json_text(result_json(result)))
    if report:
        from reports.sweep import sweep_page

        files["page"] = folder.write("sweep.html", sweep_page(result))
    remove_folder(folder.unfinished)
    return files


def _show(result: SweepResult, files: dict[str, Path]) -> None:
    from reports.sweep import agreement, best_table, money_words, verdict, walk_forward_tables

    manifest, digest = result.manifest, result.digest
    say(f"{verdict(result)}\n")
    say(f"{manifest['strategy']}  sweep {manifest['sweep_id']}")
    say(f"{manifest['rule']}\n")
    say_sources(manifest["sources"], manifest["simulated"], kind="sweep")
    say(f"  {money_words(manifest)}")
    say_tables((best_table(result), *walk_forward_tables(result)))
    say(f"\n{agreement(result)}")
    if digest.failed:
        say(f"\n{digest.failed:,} of {digest.n:,} combinations failed:")
        for why, n in digest.reasons[:5]:
            say(f"  {n:,}  {why}")
    say()
    say_files(files)
