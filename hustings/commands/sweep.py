"""hustings sweep: try many combinations of a strategy's parameters, and say what the best is worth."""

import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import click

from datasets.errors import UserError
from engine.account.grid import Backend
from engine.sweep.condition import condition_of
from engine.sweep.digest import checked_metric, heat_axes
from engine.sweep.job import Job, id_of, job_of, manifest_of
from engine.sweep.result import SweepResult
from engine.sweep.space import Space, drawn_from, grid_space, listed_space, those_of
from engine.sweep.walk import Length, folds_of, train_span, with_folds
from hustings.commands.run_options import RunOptions, run_options
from hustings.execution import Setting
from hustings.run_folder import check_writable
from hustings.sweeping.files import SweepFolder, as_json
from hustings.sweeping.ledger import sweep_entered, trials_before
from hustings.sweeping.result import Rolling, SweepView, result_json, result_of
from hustings.sweeping.sweeping import Hands, carry_out
from hustings.sweeping.values import listed_rows, parted
from hustings.terminal import apart, progress, say, say_json, table, warn
from strategies.loading import find_strategy, is_backtrader

_LENGTH = re.compile(r"(\d+)\s*(y|years?|e|events?)?", re.IGNORECASE)

_MOST = 1_000_000_000
"""So many combinations a sweep may have: at 7 s and 95 MB a million, two hours and 95 GB."""
_LONGEST = 5_000
"""So many events or years a window of a walk-forward may have: the calendar ends soon after."""


@dataclass(frozen=True)
class SweepOptions:
    """What was typed of a sweep beside the backtest's own options."""

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
    backend: str
    resume: bool
    restart: bool


@click.command()
@click.argument("strategy")
@run_options
@click.option(
    "--where", "conditions", multiple=True, metavar="EXPR", help="Only combinations of which this holds (repeatable)."
)
@click.option(
    "--random", "draw", type=click.IntRange(1, 10_000_000), metavar="N", help="Try N combinations drawn at random."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of --random.")
@click.option(
    "--list", "listing", type=click.Path(path_type=Path), metavar="FILE", help="Try the combinations of a CSV file."
)
@click.option("--metric", default="total_return", show_default=True, help="The number that ranks them.")
@click.option(
    "--top", type=click.IntRange(1, 1_000), default=5, show_default=True, help="How many of the best to replay."
)
@click.option("--heat", metavar="A,B", help="The two parameters of the heat map [those of most values].")
@click.option("--train", metavar="N|Ny", help="Walk-forward: train on N events, or on N years (10y).")
@click.option("--test", metavar="N|Ny", help="Walk-forward: trade the next N events, or N years, and roll on.")
@click.option("--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes on this machine.")
@click.option("--scheduler", metavar="ADDRESS", help="Workers of a Dask cluster instead, such as tcp://host:8786.")
@click.option(
    "--backend",
    type=click.Choice([b.value for b in Backend]),
    default=Backend.AUTO.value,
    show_default=True,
    help="What reckons; auto is numba for large sweeps where it is installed.",
)
@click.option("--resume", is_flag=True, help="Go on with this sweep where it was left.")
@click.option("--restart", is_flag=True, help="Begin it anew, whatever is there.")
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

    Values: -p hold=1:50, -p stop_loss=none,0.03,0.05, -p weight=0.1:0.9:0.2, -p instrument=all. What has one value is
    fixed. All combinations are tried, or those of --random, --list and --where. Exit 1 where a replay does not agree.
    """
    asked = SweepOptions(**typed)
    if asked.resume and asked.restart:
        raise UserError("--resume goes on with a sweep and --restart begins it anew: give one of them")
    metric = checked_metric(asked.metric)
    with progress("reading events and bars"), apart(quiet=as_json):
        setting = options.setting()
        space = _space(strategy, options, asked, setting)
        if len(space) > _MOST:
            raise UserError(f"{len(space):,} combinations; a sweep may have {_MOST:,}: give fewer values, or --random")
        view = SweepView(metric, asked.top, heat_axes(space, _names(asked.heat)))
        job, rolling = _job(space, setting, asked)
    manifest = _manifest(job, rolling)
    folder = SweepFolder(out if out is not None else Path("sweeps") / id_of(manifest))
    check_writable(folder.path)
    with folder.alone():
        result = _carried_out(strategy, job, rolling, folder, view, manifest, asked, quiet=as_json)
        _check_some_done(result)
        files = _written(job, result, folder, report=not no_report)
    sweep_entered(result)
    if as_json:
        say_json({**result_json(job, result), "files": {name: str(path) for name, path in files.items()}})
    else:
        _show(result, files)
    if not result.agrees:
        ctx.exit(1)


def _space(strategy: str, options: RunOptions, asked: SweepOptions, setting: Setting) -> Space:
    kind = find_strategy(strategy)
    if is_backtrader(kind):
        raise UserError(f"{kind.__name__} is a backtrader strategy: a sweep takes a rule that names its legs")
    if options.instruments or options.benchmark:
        what = "--instrument" if options.instruments else "--benchmark"
        raise UserError(f"{what} is not for a sweep; {kind.name} takes its markets with -p")
    fixed, axes = parted(kind, options.given(), setting)
    if asked.listing is not None:
        if axes or asked.draw or asked.conditions:
            raise UserError("--list names the combinations: leave out --random, --where, and -p of several values")
        return listed_space(kind, fixed, listed_rows(asked.listing))
    space = grid_space(kind, fixed, axes)
    known, settable = {**space.fixed, **space.axes}, {f.name for f in fields(kind)}
    conditions = [condition_of(text, known, settable=settable) for text in asked.conditions]
    return drawn_from(space, asked.draw, asked.seed, conditions) if asked.draw else those_of(space, conditions)


def _names(heat: str | None) -> tuple[str, ...]:
    return () if heat is None else tuple(n.strip() for n in heat.split(","))


def _job(space: Space, setting: Setting, asked: SweepOptions) -> tuple[Job, Rolling | None]:
    job = job_of(
        space,
        setting.events,
        setting.market,
        terms=setting.terms,
        window=setting.window,
        backend=Backend(asked.backend),
    )
    if asked.train is None and asked.test is None:
        return job, None
    if asked.train is None or asked.test is None:
        raise UserError("a walk-forward takes both --train and --test, such as --train 20 --test 5")
    train, test = _length(asked.train, "--train"), _length(asked.test, "--test")
    folds = folds_of(job, train, test)
    return with_folds(job, folds), Rolling(train, test, folds)


def _length(text: str, option: str) -> Length:
    found = _LENGTH.fullmatch(text.strip())
    if found is None or not 1 <= int(found[1]) <= _LONGEST:
        told = f"{option} is '{text}'; write a number of events, such as 20, or of years, such as 10y"
        raise UserError(f"{told}, up to {_LONGEST:,}")
    return Length(int(found[1]), years=(found[2] or "e").lower().startswith("y"))


def _manifest(job: Job, rolling: Rolling | None) -> dict[str, Any]:
    told = None if rolling is None else {"train": rolling.train.text, "test": rolling.test.text}
    return {**manifest_of(job), "walk_forward": told}


def _carried_out(
    strategy: str,
    job: Job,
    rolling: Rolling | None,
    folder: SweepFolder,
    view: SweepView,
    manifest: dict[str, Any],
    asked: SweepOptions,
    *,
    quiet: bool,
) -> SweepResult:
    sweep_id = id_of(manifest)
    if asked.resume and folder.held() is None:
        warn(f"hustings: there is nothing to go on from in '{folder.path}': this is another sweep, or a first one")
    folder.begin(sweep_id, manifest, resume=asked.resume, restart=asked.restart)
    spans = [0, *(train_span(n) for n in range(len(rolling.folds) if rolling else 0))]
    try:
        with apart(quiet=quiet):
            carry_out(
                job, strategy, folder, sweep_id=sweep_id, spans=spans, hands=Hands(asked.workers, asked.scheduler)
            )
    except (KeyboardInterrupt, UserError, OSError):
        _tell_kept(folder, len(job.space))
        raise
    with progress("replaying the best"), apart(quiet=quiet):
        folder.finish(job.space)
        earlier = trials_before(manifest["strategy"], sweep_id)
        return result_of(job, folder, view, sweep_id=sweep_id, manifest=manifest, rolling=rolling, earlier=earlier)


def _check_some_done(result: SweepResult) -> None:
    found = result.digest
    if found.failed == found.n:
        raise UserError(f"all {found.n:,} combinations failed: {found.reasons[0][0]}")


def _tell_kept(folder: SweepFolder, n: int) -> None:
    done = folder.done_rows()
    if done:
        warn(f"hustings: {done:,} of {n:,} combinations are kept in '{folder.path}'; --resume goes on from there")


def _written(job: Job, result: SweepResult, folder: SweepFolder, *, report: bool) -> dict[str, Path]:
    from reports.sweep import sweep_page

    files = {"results": folder.results, "manifest": folder.path / "manifest.json"}
    files["summary"] = folder.write("summary.json", as_json(result_json(job, result)))
    if report:
        files["page"] = folder.write("sweep.html", sweep_page(result))
    folder.tidy()
    return files


def _show(result: SweepResult, files: dict[str, Path]) -> None:
    from reports.sweep import agreement, best_table, verdict, walk_tables

    say(f"{result.manifest['strategy']}  sweep {result.sweep_id}")
    say(f"{result.manifest['rule']}\n")
    if result.manifest["simulated"]:
        names = ", ".join(result.manifest["simulated"])
        say(f"SIMULATED bars: {names}. This sweep says nothing about real markets.")
    for symbol, text in result.manifest["sources"].items():
        say(f"  {symbol:8} {text}")
    tables = [best_table(result), *([] if result.walk is None else walk_tables(result, result.walk))]
    for each in tables:
        say(f"\n{each.title}")
        if each.rows:
            table(each.columns, each.rows, right=each.right)
        if each.note:
            say(each.note)
    say(f"\n{verdict(result)}\n{agreement(result)}")
    _failures(result)
    say()
    for name, path in files.items():
        say(f"{name:10} {path}")


def _failures(result: SweepResult) -> None:
    found = result.digest
    if not found.failed:
        return
    say(f"\n{found.failed:,} of {found.n:,} combinations failed:")
    for why, n in found.reasons[:5]:
        say(f"  {n:,}  {why}")
