"""The page of a sweep: its best combinations and what they are worth, how the number hangs on the parameters."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from markupsafe import Markup

from engine.metrics.table import METRICS
from engine.run.run import Run
from engine.sweep.check import AGREE
from engine.sweep.digest import Digest, Slice
from engine.sweep.result import SweepResult, Top, Walk, WalkRow
from engine.sweep.sweep import TRADE_SHARPE
from reports.numbers import count, metric_text, percent, plain, signed
from reports.page import render
from reports.sweep_figures import group_text, heat_map_svg, value_text

_SHARPE_LABEL = "Sharpe per trade"
_NAMED = {m.name: m for m in METRICS}
SHOWN = ("n_trades", TRADE_SHARPE, "mean_trade", "total_return", "max_drawdown", "sharpe")
"""The numbers shown beside that by which the sweep is ranked."""


def metric_label(name: str) -> str:
    """Return what a number of a sweep is called."""
    return _SHARPE_LABEL if name == TRADE_SHARPE else _NAMED[name].label


def _writer(name: str) -> Callable[[float | None], str]:
    return (lambda v: signed(v, 3)) if name == TRADE_SHARPE else partial(metric_text, _NAMED[name])


@dataclass(frozen=True)
class SweepTable:
    """A table as text, for a page or a terminal: ``right`` are the columns set flush right."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    right: list[str]
    note: str = ""


def sweep_page(result: SweepResult) -> str:
    """Return the page of a sweep; the same sweep gives the same bytes."""
    return render(
        "sweep.html.j2",
        result=result,
        manifest=result.manifest,
        verdict=verdict(result),
        agreement=agreement(result),
        tables=[best_table(result), *([] if result.walk is None else walk_tables(result, result.walk))],
        slices=[slice_table(result.digest, s) for s in result.digest.slices],
        maps=[Markup(svg) for svg in _maps(result.digest)],
        label=metric_label(result.digest.metric),
        failures=_failures(result),
        stands_on=_stands_on(result),
    )


def _maps(found: Digest) -> list[str]:
    if found.heat is None:
        return []
    label, write = metric_label(found.metric), _writer(found.metric)
    over = f"over {found.heat.down.name} and {found.heat.across.name}"
    named = (("mean", found.heat.mean, "mean"), ("best", found.heat.best, "best"))
    return [heat_map_svg(found.heat, v, write, ident=f"heat-{n}", title=f"{label}, {w} {over}") for n, v, w in named]


def best_table(result: SweepResult) -> SweepTable:
    """Return the best combinations with their numbers, what they are worth, and whether the replay agrees."""
    metric = result.digest.metric
    numbers = [metric, *(name for name in SHOWN if name != metric)]
    heads = [metric_label(n) for n in numbers]
    columns = ["#", "parameters", *heads, "deflated", "replay"]
    rows = [_best_row(n, result, top, numbers) for n, top in enumerate(result.top, start=1)]
    note = (
        f"Deflated: the chance that the true Sharpe ratio per trade exceeds what the best of {result.trials:,} "
        "worthless trials would show (Bailey and López de Prado 2014); every combination counts as a trial of the rule."
    )
    return SweepTable(f"The best by {metric_label(metric)}", columns, rows, ["#", *heads, "deflated", "replay"], note)


def _best_row(n: int, result: SweepResult, top: Top, numbers: list[str]) -> list[str]:
    best = top.checked.best
    told = ", ".join(f"{name}={value_text(v)}" for name, v in result.varied(best.row).items())
    shown = [_writer(name)(best.results[name]) for name in numbers]
    return [str(n), told or "none varies", *shown, deflated_text(top), replay_text(top)]


def deflated_text(top: Top) -> str:
    """Return the deflated Sharpe ratio of a combination as text, or why there is none."""
    return percent(top.worth.deflated, 1) if top.worth.deflated is not None else f"n/a ({top.worth.reason})"


def replay_text(top: Top) -> str:
    """Return how far replay and grid are apart, as text."""
    check = top.checked
    if check.difference is None:
        return f"DIFFERS: {check.of} is n/a in one of the two"
    return f"{'agrees' if check.agrees else 'DIFFERS'} ({check.difference:.0e})"


def agreement(result: SweepResult) -> str:
    """Return in one sentence whether the replay leaves the same numbers."""
    if not result.top:
        return "Nothing was replayed: no combination has the number by which the sweep is ranked."
    n, apart = len(result.top), [t for t in result.top if not t.checked.agrees]
    what = "The best was replayed" if n == 1 else f"The best {n} were replayed"
    if apart:
        return f"{what} on backtrader: {len(apart)} DO NOT AGREE with the sweep to {AGREE:.0e}."
    largest = max(t.checked.difference or 0.0 for t in result.top)
    return f"{what} on backtrader: all numbers agree, the largest difference is {largest:.0e} (at most {AGREE:.0e})."


def verdict(result: SweepResult) -> str:
    """Return in a sentence or two what the best is and what it is worth."""
    found = result.digest
    label = metric_label(found.metric)
    if not result.top:
        return f"No combination of {found.n:,} has a {label}: too few trades, or none."
    first = result.top[0]
    told = ", ".join(f"{name}={value_text(v)}" for name, v in result.varied(first.checked.best.row).items())
    value = _writer(found.metric)(first.checked.best.results[found.metric])
    return f"Best of {found.known:,} combinations by {label}: {told or 'the only one'}, {value}. {_odds(result, first)}"


def _odds(result: SweepResult, first: Top) -> str:
    worth = first.worth
    if worth.deflated is None or worth.luck is None or worth.sharpe is None:
        return f"Its deflated Sharpe ratio is n/a ({worth.reason}); {_trials(result)}."
    luck = f"the best of so many worthless ones would show {worth.luck:.2f} a trade, it shows {worth.sharpe:.2f}"
    chance = f"deflated, the chance that it is more than luck is {percent(worth.deflated, 1)}"
    return f"{_trials(result)[:1].upper()}{_trials(result)[1:]}: {luck} over {worth.n} observations; {chance}."


def _trials(result: SweepResult) -> str:
    before = f", {result.earlier:,} of them before this sweep" if result.earlier else ""
    return f"{result.trials:,} trial{'' if result.trials == 1 else 's'} of this rule{before}"


def slice_table(found: Digest, each: Slice) -> SweepTable:
    """Return how the number hangs on one parameter."""
    write = _writer(found.metric)
    rows = [
        [group_text(each, n), count(float(each.count[n])), write(float(each.mean[n])), write(float(each.best[n]))]
        for n in range(len(each.groups))
    ]
    return SweepTable(each.name, [each.name, "combinations", "mean", "best"], rows, ["combinations", "mean", "best"])


def walk_tables(result: SweepResult, walk: Walk) -> list[SweepTable]:
    """Return the folds of a walk-forward, in and out of sample, and the account that trades all tests."""
    label = metric_label(result.digest.metric)
    columns = [
        "training",
        "test",
        "chosen",
        f"{label} in",
        f"{label} out",
        "trades out",
        "mean trade out",
        "return out",
    ]
    rows = [_fold_row(result, row) for row in walk.rows]
    title = f"Walk-forward: trained on {walk.train}, traded for the next {walk.test}"
    note = "In each window the best of all combinations is chosen from what was known when it began, and traded in it."
    return [SweepTable(title, columns, rows, columns[3:], note), _stitched(walk.stitched)]


def _fold_row(result: SweepResult, row: WalkRow) -> list[str]:
    fold, metric = row.fold, result.digest.metric
    windows = [_window(fold.train, fold.train_events), _window(fold.test, fold.test_events)]
    if row.row is None or not row.outside:
        return [*windows, row.reason, *["n/a"] * 5]
    told = ", ".join(f"{name}={value_text(v)}" for name, v in result.varied(row.row).items())
    out = [_writer(n)(row.outside[n]) for n in ("n_trades", "mean_trade", "total_return")]
    return [*windows, told, _writer(metric)(row.inside[metric]), _writer(metric)(row.outside[metric]), *out]


def _window(window: Any, events: int) -> str:
    return f"{window.since} to {window.until or 'the end'} ({events} event{'' if events == 1 else 's'})"


def _stitched(run: Run | None) -> SweepTable:
    title = "Out of sample, stitched: one account that trades every test window"
    if run is None:
        return SweepTable(title, ["number", "value"], [], ["value"], "It never traded.")
    rows = [[m.label, _with_reason(metric_text(m, run.metrics[m.name]), run.notes.get(m.name, ""))] for m in METRICS]
    return SweepTable(title, ["number", "value"], rows, ["value"], "Trades are not cut where their window ends.")


def _with_reason(text: str, reason: str) -> str:
    return f"{text} ({reason})" if reason else text


def _failures(result: SweepResult) -> SweepTable | None:
    found = result.digest
    if not found.failed:
        return None
    rows = [[why, count(float(n))] for why, n in found.reasons]
    first = "; ".join(f"{_told(result, row)}" for row, _ in found.failures[:5])
    return SweepTable("reasons", ["reason", "combinations"], rows, ["combinations"], f"The first: {first}.")


def _told(result: SweepResult, row: int) -> str:
    given = ", ".join(f"{name}={value_text(v)}" for name, v in result.varied(row).items())
    return f"combination {row} ({given})" if given else f"combination {row}"


def _stands_on(result: SweepResult) -> list[tuple[str, str]]:
    told = result.manifest
    fixed = ", ".join(f"{k}={plain(v)}" for k, v in told["fixed"].items()) or "the rule's own defaults"
    axes = "; ".join(f"{name}: {_axis(values)}" for name, values in told["axes"].items()) or "none"
    terms = ", ".join(f"{k.replace('_', ' ')} {plain(v)}" for k, v in told["terms"].items())
    window = f"{told['window']['from'] or 'the first bar'} to {told['window']['to'] or 'the last'}"
    hashes = told["sha256"]
    return [
        ("Fixed parameters", fixed),
        ("Varied parameters", axes),
        *((f"Bars of {symbol}", text) for symbol, text in told["sources"].items()),
        ("Window", window),
        ("Terms", terms),
        ("Events", f"{told['events']:,}"),
        ("Hash of code, events", f"{hashes['code'][:16]}, {hashes['events'][:16]}"),
        ("Reckoned by", told["backend"]),
    ]


def _axis(values: list[Any]) -> str:
    texts = [plain(v) for v in values]
    return ", ".join(texts) if len(texts) <= 12 else f"{', '.join(texts[:3])} ... {texts[-1]} ({len(texts)} values)"
