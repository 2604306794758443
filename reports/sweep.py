"""The page of a sweep: its best combinations, their deflated Sharpe ratios, and the metric by each parameter."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from markupsafe import Markup

from datasets.arrays import Floats
from engine.metrics.table import METRICS
from engine.run.backtest import Window
from engine.run.run import Run
from engine.sweep.best import TOLERANCE, ReplayedCombination
from engine.sweep.digest import Digest, Slice
from engine.sweep.walk_forward import Fold, SweepResult
from reports.numbers import count, metric_text, percent, plain
from reports.page import TextTable, render
from reports.svg import LETTER, WIDTH, Frame, head, titled, words

_TOP, _BOTTOM = 8, 86
_SCALE = 9
"""Colours on the scale below the map, from the largest loss to the largest gain."""
_HIGH, _LOW = 34, 12
_MAX_LABELS = 20
"""Per axis, and fewer where they are wide; the values between them have no label."""
_NOT_AVAILABLE = "fill:none;stroke:var(--rule);stroke-dasharray:2 2"


def heat_map_svg(
    heat: Slice, values: Floats, write: Callable[[float | None], str], *, ident: str, title: str, better: int
) -> str:
    """Return a heat map, the same text for the same numbers: blue above zero, orange below, dashed where n/a.

    The values of the first parameter rise upwards; the best cell has a frame; below is the scale of colours.

    Args:
        heat: the groups of the parameter down and of the one across.
        values: one per cell; NaN is n/a.
        write: writes a number.
        ident: the id of the figure in its page.
        title: what it shows.
        better: 1 if the highest number is the best, -1 if the lowest, 0 if none.
    """
    down, across = values.shape
    height = _TOP + min(_HIGH, max(_LOW, 420 / down)) * down + _BOTTOM
    frame = Frame(0, across, 0, down, WIDTH, height, top=_TOP, margin_right=0, margin_bottom=_BOTTOM)
    most = float(np.nanmax(np.abs(values))) if np.isfinite(values).any() else 0.0
    text = partial(_cell_text, heat, write)
    cells = [
        titled(f'<rect {_place((r, c), frame)} style="{_style(float(values[r, c]), most)}"', text((r, c), values[r, c]))
        for r in range(down)
        for c in range(across)
    ]
    drawn = [*cells, *_best(values * better, frame), *_axes(heat, frame), *_scale(most, write, frame)]
    return "\n".join([*head(ident, title, title, (WIDTH, height)), *drawn, "</svg>"])


def _best(values: Floats, frame: Frame) -> list[str]:
    """Return a frame around the cell with the highest number; none where all are alike."""
    known = values[np.isfinite(values)]
    if not len(known) or known.min() == known.max():
        return []
    row, column = np.unravel_index(int(np.nanargmax(values)), values.shape)
    place, style = _place((int(row), int(column)), frame), "fill:none;stroke:var(--ink);stroke-width:2.5"
    return [titled(f'<rect class="best" {place} style="{style}"', "the best cell")]


def _scale(most: float, write: Callable[[float | None], str], frame: Frame) -> list[str]:
    """Return the scale of colours with its figures, from -``most`` to ``most``."""
    wide, top, parts = 70, frame.base + 48, []
    for n, value in enumerate(np.linspace(-most, most, _SCALE).tolist()):
        x = frame.left + n * wide
        parts.append(f'<rect x="{x:g}" y="{top:g}" width="{wide}" height="12" style="{_style(value, most)}"/>')
        parts.append(words(x + wide / 2, top + 28, write(value)))
    return parts


def _cell_text(heat: Slice, write: Callable[[float | None], str], at: tuple[int, int], value: float) -> str:
    where = ", ".join(f"{name} {group_text(heat.groups[k][at[k]])}" for k, name in enumerate(heat.names))
    n = int(heat.count[at])
    text = write(float(value) if np.isfinite(value) else None)
    return f"{where}: {text} ({n:,} combination{'' if n == 1 else 's'})"


def _place(at: tuple[int, int], frame: Frame) -> str:
    """Return the box of a cell; the first row is the lowest."""
    x, y = frame.x(at[1]), frame.y(at[0] + 1)
    width, height = frame.x(at[1] + 1) - x, frame.y(at[0]) - y
    return f'x="{x:.2f}" y="{y:.2f}" width="{max(width - 1, 0.5):.2f}" height="{height - 1:.2f}"'


def _style(value: float, most: float) -> str:
    if not np.isfinite(value):
        return _NOT_AVAILABLE
    strength = abs(value) / most if most else 0.0
    return f"fill:var({'--c0' if value >= 0 else '--c1'});fill-opacity:{0.06 + 0.9 * strength:.3f}"


def _axes(heat: Slice, frame: Frame) -> list[str]:
    (down, across), left, base = heat.groups, frame.left - 8, frame.base
    widest = LETTER * (2 + max(len(group_text(each)) for each in across))
    fit = max(1, min(_MAX_LABELS, int((frame.right - frame.left) / widest)))
    return [
        *(words(left, frame.y(r + 0.5) + 4, group_text(down[r]), "end") for r in _labelled(len(down), _MAX_LABELS)),
        *(words(frame.x(c + 0.5), base + 16, group_text(across[c])) for c in _labelled(len(across), fit)),
        words(frame.right, base + 36, f"{heat.names[1]} →", "end"),
        words(4, base + 36, f"{heat.names[0]} ↑", "start"),
    ]


def _labelled(n: int, most: int) -> range:
    return range(0, n, -(-n // most))


def group_text(ends: tuple[Any, Any]) -> str:
    """Return a group of values in words: its value, or its first and last."""
    first, last = (value_text(v) for v in ends)
    return first if first == last else f"{first} to {last}"


def value_text(value: Any) -> str:
    """Return a parameter's value as one would type it."""
    value = getattr(value, "value", value)
    return ",".join(map(str, value)) if isinstance(value, (tuple, list)) else plain(value)


_NAMED = {m.name: m for m in METRICS}
LEVEL = 0.05
"""Where more random dates than this share reach the best, the first sentence names the share."""
MOST = 1 / 3
"""From this share on random dates do as well as the best: of chance alone it is about one half."""


def _label(name: str) -> str:
    return _NAMED[name].label


def _writer(name: str) -> Callable[[float | None], str]:
    return partial(metric_text, _NAMED[name])


def sweep_page(result: SweepResult) -> str:
    """Return the page of a sweep; the same sweep gives the same bytes."""
    return render(
        "sweep.html.j2",
        result=result,
        manifest=result.manifest,
        verdict=verdict(result),
        agreement=agreement(result),
        money_words=money_words(result.manifest),
        tables=[best_table(result), *walk_forward_tables(result)],
        slices=[slice_table(result.digest, s) for s in result.digest.slices],
        maps=[Markup(svg) for svg in _maps(result.digest)],
        label=_label(result.digest.metric),
        failures=_failures(result),
        axis=_axis,
    )


def _maps(digest: Digest) -> list[str]:
    if digest.heat is None:
        return []
    label, over = f"{_label(digest.metric)}, {{}} over {' and '.join(digest.heat.names)}", digest.heat
    return [
        heat_map_svg(
            over,
            values,
            _writer(digest.metric),
            ident=f"heat-{name}",
            title=label.format(name),
            better=_NAMED[digest.metric].better,
        )
        for name, values in (("mean", over.mean), ("best", over.best))
    ]


def money_words(manifest: Mapping[str, Any]) -> str:
    """Return in words which currency the amounts of a sweep are in, and what exchange rates do to its accounts."""
    currency = manifest["terms"].get("currency", "")
    kept = f"amounts are in {currency}" if currency else "each account is kept in the currency of its first instrument"
    hedged = manifest["terms"].get("fx", "hedged") == "hedged"
    return f"{kept}; every market is currency-hedged" if hedged else f"{kept}; not currency-hedged"


def best_table(result: SweepResult) -> TextTable:
    """Return the best combinations with their metrics, their deflated Sharpe ratios, and their replays."""
    metric = result.digest.metric
    shown = [metric, *(m.name for m in METRICS if m.key and m.name != metric)]
    labels = [_label(name) for name in shown]
    rows = []
    for n, best in enumerate(result.best, start=1):
        metrics = [_writer(name)(best.results[name]) for name in shown]
        rows += [[str(n), _parameters(result, best.row) or "none varies", *metrics, _deflated(best), _replay(best)]]
    note = (
        "Deflated: one minus the one-sided p-value of the Sharpe ratio per observation, beyond what the same trades "
        f"earn on all dates, against the expected maximum of {result.trials:,} zero-skill trials (Bailey and López de "
        "Prado 2014). Each combination is one trial."
    )
    columns = ["#", "parameters", *labels, "deflated", "replay"]
    return TextTable(f"The best by {_label(metric)}", columns, rows, ["#", *labels, "deflated", "replay"], note)


def _parameters(result: SweepResult, row: int) -> str:
    """Return the parameters that vary and their values in one combination, as text."""
    return ", ".join(f"{name}={value_text(v)}" for name, v in result.space.varied(row).items())


def _deflated(best: ReplayedCombination) -> str:
    report = best.sharpe
    return f"n/a ({report.notes['deflated']})" if report.deflated is None else percent(report.deflated, 1)


def _replay(best: ReplayedCombination) -> str:
    if best.difference is None:
        return f"DIFFERS: {best.of} is n/a in one of the two"
    return f"{'agrees' if best.agrees else 'DIFFERS'} ({best.difference:.0e})"


def agreement(result: SweepResult) -> str:
    """Return in one sentence whether the replays agree with the sweep."""
    if not result.best:
        return "Nothing was replayed: no combination has the metric that ranks the sweep."
    n, differing = len(result.best), sum(not b.agrees for b in result.best)
    what = "The best was replayed" if n == 1 else f"The best {n} were replayed"
    if differing:
        return f"{what} on backtrader: {differing} DO NOT AGREE with the sweep to {TOLERANCE:.0e}."
    largest = max(b.difference or 0.0 for b in result.best)
    return (
        f"{what} on backtrader: all metrics agree, the largest difference is {largest:.0e} (at most {TOLERANCE:.0e})."
    )


def verdict(result: SweepResult) -> str:
    """Return the best combination and its deflated Sharpe ratio in sentences; first, if random dates do as well."""
    digest = result.digest
    label = _label(digest.metric)
    if not result.best:
        return f"No combination of {digest.n:,} has a {label}: too few trades, or none. {result.ledger}".strip()
    best = result.best[0]
    value = _writer(digest.metric)(best.results[digest.metric])
    chosen = _parameters(result, best.row) or "the only one"
    found = f"Best of {digest.n:,} combinations by {label}: {chosen}, {value}. {_correction(result, best)}"
    return " ".join(part for part in (_random_dates(best), found, result.ledger) if part)


def _random_dates(best: ReplayedCombination) -> str:
    """Return in a sentence which share of random dates does as well as the best combination; blank up to LEVEL."""
    share = best.random_dates
    if share is None or share <= LEVEL:
        return ""
    who = "Random dates" if share >= MOST else f"{percent(share, 0)} of random dates"
    return (
        f"{who} do as well: with all events moved by the same number of sessions, {percent(share, 0)} of calendars "
        "reach the Sharpe ratio of the best, beyond drift."
    )


def _correction(result: SweepResult, best: ReplayedCombination) -> str:
    """Return in a sentence what the number of trials leaves of a Sharpe ratio."""
    before = f", {result.earlier:,} of them before this sweep" if result.earlier else ""
    trials = f"{result.trials:,} trial{'' if result.trials == 1 else 's'} of this rule{before}"
    report = best.sharpe
    if report.deflated is None or report.expected_maximum_sharpe is None or report.sharpe is None:
        return f"Its deflated Sharpe ratio is n/a ({report.notes['deflated']}); {trials}."
    return (
        f"{trials}: beyond what the same trades earn on all dates, the expected maximum of so many zero-skill trials "
        f"is a Sharpe ratio of {report.expected_maximum_sharpe:.2f}, this one has {report.sharpe:.2f} over {report.n} "
        f"observations; deflated Sharpe ratio {percent(report.deflated, 1)} (95 % is the usual bar, where events were "
        "not chosen by hindsight)."
    )


def slice_table(digest: Digest, each: Slice) -> TextTable:
    """Return the metric by the values of one parameter."""
    write = _writer(digest.metric)
    numbers = zip(each.groups[0], each.count, each.mean, each.best, strict=True)
    rows = [
        [group_text(ends), count(float(n)), write(float(mean)), write(float(best))] for ends, n, mean, best in numbers
    ]
    [name] = each.names
    return TextTable(name, [name, "combinations", "mean", "best"], rows, ["combinations", "mean", "best"])


def walk_forward_tables(result: SweepResult) -> list[TextTable]:
    """Return the folds of a walk-forward and the account that trades all tests; nothing without a walk-forward."""
    lengths = result.manifest["walk_forward"]
    if lengths is None:
        return []
    label = _label(result.digest.metric)
    numbers = [f"{label} in", f"{label} out", "trades out", "mean trade out", "return out"]
    rows = [_fold_row(result, fold) for fold in result.folds]
    title = f"Walk-forward: trained on {lengths['train']}, traded for the next {lengths['test']}"
    note = "Each test window trades the combination that is best in the training window, which ends before it."
    return [TextTable(title, ["training", "test", "chosen", *numbers], rows, numbers, note), _stitched(result.stitched)]


def _fold_row(result: SweepResult, fold: Fold) -> list[str]:
    metric = result.digest.metric
    windows = [_window(fold.train, fold.train_events), _window(fold.test, fold.test_events)]
    if fold.row is None or not fold.out_of_sample:
        return [*windows, fold.reason, *["n/a"] * 5]
    out = [_writer(name)(fold.out_of_sample[name]) for name in (metric, "n_trades", "mean_trade", "total_return")]
    return [*windows, _parameters(result, fold.row), _writer(metric)(fold.in_sample[metric]), *out]


def _window(window: Window, events: int) -> str:
    return f"{window.since} to {window.until or 'the end'} ({events} event{'' if events == 1 else 's'})"


def _stitched(run: Run | None) -> TextTable:
    title = "Out of sample, stitched: one account that trades every test window"
    columns = ["metric", "value"]
    if run is None:
        return TextTable(title, columns, [], ["value"], "It never traded.")
    reasons = {name: f" ({why})" for name, why in run.notes.items() if why}
    rows = [[m.label, metric_text(m, run.metrics[m.name], run.currency) + reasons.get(m.name, "")] for m in METRICS]
    return TextTable(title, columns, rows, ["value"], "Trades are not cut where their window ends.")


def _failures(result: SweepResult) -> TextTable | None:
    digest = result.digest
    if not digest.failed:
        return None
    rows = [[why, count(float(n))] for why, n in digest.reasons]
    given = ((row, _parameters(result, row)) for row, _ in digest.failures[:5])
    first = "; ".join(f"combination {row} ({text})" if text else f"combination {row}" for row, text in given)
    return TextTable("reasons", ["reason", "combinations"], rows, ["combinations"], f"The first: {first}.")


def _axis(values: list[Any]) -> str:
    """Return the values of a parameter that varies; of many the first and the last."""
    texts = [plain(v) for v in values]
    return ", ".join(texts) if len(texts) <= 12 else f"{', '.join(texts[:3])} ... {texts[-1]} ({len(texts)} values)"
