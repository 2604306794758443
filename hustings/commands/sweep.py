"""hustings sweep: tries many combinations of a strategy's parameters, and corrects the best for their number."""

import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import click

from datasets.errors import UserError
from engine.sweep.condition import condition_of
from engine.sweep.digest import checked_metric, heat_axes
from engine.sweep.job import Job, job_of, manifest_of
from engine.sweep.result import SweepResult
from engine.sweep.space import Space, drawn_from, grid_space, listed_space, those_of
from engine.sweep.walk_forward import Fold, folds_of, length_text, with_folds
from hustings.commands.run_options import RunOptions, run_options
from hustings.execution import Setting
from hustings.run_folder import check_writable
from hustings.sweeping.execution import execute_sweep
from hustings.sweeping.files import SweepFolder, as_json
from hustings.sweeping.result import enter_result, result_json, result_of
from hustings.sweeping.values import listed_rows, parted
from hustings.terminal import apart, progress, say, say_json, table, warn
from strategies.loading import find_strategy, is_backtrader

_LENGTH = re.compile(r"(\d+)\s*(y|years?|e|events?)?", re.IGNORECASE)

_MAX_COMBINATIONS = 1_000_000_000
"""At 7 s and 95 MB per million: two hours and 95 GB."""
_MAX_LENGTH = 5_000
"""Events or years of a window of a walk-forward: the calendar ends soon after."""


@dataclass(frozen=True)
class SweepOptions:
    """The options of a sweep besides those of a backtest."""

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

    @property
    def heat_names(self) -> tuple[str, ...]:
        """The parameters named for the heat map."""
        return () if self.heat is None else tuple(n.strip() for n in self.heat.split(","))


@click.command()
@click.argument("strategy")
@run_options
@click.option(
    "--where", "conditions", multiple=True, metavar="EXPR", help="Only combinations for which this holds (repeatable)."
)
@click.option(
    "--random", "draw", type=click.IntRange(1, 10_000_000), metavar="N", help="Try N combinations drawn at random."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of --random.")
@click.option(
    "--list", "listing", type=click.Path(path_type=Path), metavar="FILE", help="Try the combinations of a CSV file."
)
@click.option("--metric", default="total_return", show_default=True, help="The metric that ranks them.")
@click.option(
    "--top", type=click.IntRange(1, 1_000), default=5, show_default=True, help="How many of the best to replay."
)
@click.option("--heat", metavar="A,B", help="The two parameters of the heat map [those with most values].")
@click.option("--train", metavar="N|Ny", help="Walk-forward: train on N events, or on N years (10y).")
@click.option("--test", metavar="N|Ny", help="Walk-forward: trade the next N events, or N years, and roll on.")
@click.option("--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes on this machine.")
@click.option("--scheduler", metavar="ADDRESS", help="Workers of a Dask cluster instead, such as tcp://host:8786.")
@click.option("--resume", is_flag=True, help="Continue an interrupted sweep.")
@click.option("--restart", is_flag=True, help="Start over and replace the results in the folder.")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Where the files go [sweeps/<sweep_id>].")
@click.option("--no-report", is_flag=True, help="Write no page.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.pass_context
def sweep(
    ctx: click.Context,
    /,
    strategy: str,
    options: RunOptions,
    out: Path | None,
    no_report: bool,
    as_json: bool,
    **typed: Any,
) -> None:
    """Try combinations of STRATEGY's parameters, rank them, and replay the best.

    Values: -p hold=1:50, -p stop_loss=none,0.03,0.05, -p weight=0.1:0.9:0.2, -p instrument=all. A parameter with one
    value is fixed. All combinations are tried, or those of --random, --list and --where. Exit 1 if a replay disagrees.
    """
    sweep_options = SweepOptions(**typed)
    if sweep_options.resume and sweep_options.restart:
        raise UserError("--resume continues a sweep and --restart starts it over: give one of them")
    checked_metric(sweep_options.metric)
    with progress("reading events and bars"), apart(quiet=as_json):
        setting = options.setting()
        space = _space(strategy, options, sweep_options, setting)
        heat = heat_axes(space, sweep_options.heat_names)
        job = job_of(space, setting.events, setting.market, terms=setting.terms, window=setting.window)
        folds, lengths = _folds(job, sweep_options)
    manifest = manifest_of(job, lengths)
    folder = SweepFolder(out if out is not None else Path("sweeps") / manifest["sweep_id"])
    check_writable(folder.path)
    with folder.alone():
        _execute(strategy, with_folds(job, folds), folder, manifest, sweep_options, quiet=as_json)
        with progress("replaying the best"), apart(quiet=as_json):
            folder.finish(space)
            metric, top = checked_metric(sweep_options.metric), sweep_options.top
            result = result_of(job, folder, manifest, metric=metric, top=top, heat=heat, folds=folds)
        _check_some_done(result)
        files = _written(result, folder, report=not no_report)
    enter_result(result)
    if as_json:
        say_json({**result_json(result), "files": {name: str(path) for name, path in files.items()}})
    else:
        _show(result, files)
    if not result.agrees:
        ctx.exit(1)


def _space(strategy: str, options: RunOptions, sweep_options: SweepOptions, setting: Setting) -> Space:
    """Return the combinations that the options name.

    Raises:
        UserError: they name none, too many, or what is not for a sweep.
    """
    kind = find_strategy(strategy)
    if is_backtrader(kind):
        raise UserError(f"{kind.__name__} is a backtrader strategy: a sweep takes a rule that names its legs")
    if options.instruments or options.benchmark:
        what = "--instrument" if options.instruments else "--benchmark"
        raise UserError(f"{what} is not for a sweep; {kind.name} takes its markets with -p")
    fixed, axes = parted(kind, options.given(), setting)
    draw, texts = sweep_options.draw, sweep_options.conditions
    if sweep_options.listing is not None:
        if axes or draw or texts:
            raise UserError("--list names the combinations: leave out --random, --where, and -p of several values")
        return listed_space(kind, fixed, listed_rows(sweep_options.listing))
    space = grid_space(kind, fixed, axes)
    known, settable = {**space.fixed, **space.axes}, {f.name for f in fields(kind)}
    conditions = [condition_of(text, known, settable=settable) for text in texts]
    space = drawn_from(space, draw, sweep_options.seed, conditions) if draw else those_of(space, conditions)
    if len(space) > _MAX_COMBINATIONS:
        most = f"a sweep may have {_MAX_COMBINATIONS:,}"
        raise UserError(f"{len(space):,} combinations; {most}: give fewer values, or --random")
    return space


def _folds(job: Job, sweep_options: SweepOptions) -> tuple[tuple[Fold, ...], dict[str, str] | None]:
    """Return the folds of the walk-forward and the lengths of its windows in words; none where none is wanted."""
    typed = {"train": sweep_options.train, "test": sweep_options.test}
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


def _execute(
    strategy: str,
    job: Job,
    folder: SweepFolder,
    manifest: dict[str, Any],
    sweep_options: SweepOptions,
    *,
    quiet: bool,
) -> None:
    """Compute what is missing of a sweep; whatever stops it, what is done is kept."""
    if sweep_options.resume and folder.held() is None:
        warn(f"hustings: '{folder.path}' has nothing to resume: this is another sweep, or a first one")
    folder.begin(manifest, resume=sweep_options.resume, restart=sweep_options.restart)
    try:
        with apart(quiet=quiet):
            execute_sweep(
                job,
                strategy,
                folder,
                sweep_id=manifest["sweep_id"],
                spans=range(len(job.spans)),
                workers=sweep_options.workers,
                scheduler=sweep_options.scheduler,
            )
    except (KeyboardInterrupt, UserError, OSError):
        if done := folder.done_rows():
            kept = f"{done:,} of {len(job.space):,} combinations are kept in '{folder.path}'"
            warn(f"hustings: {kept}; --resume continues from there")
        raise


def _check_some_done(result: SweepResult) -> None:
    digest = result.digest
    if digest.failed == digest.n:
        raise UserError(f"all {digest.n:,} combinations failed: {digest.reasons[0][0]}")


def _written(result: SweepResult, folder: SweepFolder, *, report: bool) -> dict[str, Path]:
    from reports.sweep import sweep_page

    files = {"results": folder.results, "manifest": folder.path / "manifest.json"}
    files["summary"] = folder.write("summary.json", as_json(result_json(result)))
    if report:
        files["page"] = folder.write("sweep.html", sweep_page(result))
    folder.tidy()
    return files


def _show(result: SweepResult, files: dict[str, Path]) -> None:
    from reports.sweep import agreement, best_table, verdict, walk_forward_tables

    manifest, digest = result.manifest, result.digest
    say(f"{manifest['strategy']}  sweep {manifest['sweep_id']}")
    say(f"{manifest['rule']}\n")
    if manifest["simulated"]:
        say(f"SIMULATED bars: {', '.join(manifest['simulated'])}. This sweep says nothing about real markets.")
    for symbol, text in manifest["sources"].items():
        say(f"  {symbol:8} {text}")
    for each in (best_table(result), *walk_forward_tables(result)):
        say(f"\n{each.title}")
        if each.rows:
            table(each.columns, each.rows, right=each.right)
        if each.note:
            say(each.note)
    say(f"\n{verdict(result)}\n{agreement(result)}")
    if digest.failed:
        say(f"\n{digest.failed:,} of {digest.n:,} combinations failed:")
        for why, n in digest.reasons[:5]:
            say(f"  {n:,}  {why}")
    say()
    for name, path in files.items():
        say(f"{name:10} {path}")
