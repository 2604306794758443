"""What quantstats draws and computes of a run; the one file that imports quantstats.

quantstats gets a clean series: naive dates, ascending, unique, the benchmark on the same days. Its figures are drawn as
``quantstats.reports.html`` draws them, except those that 0.0.86 draws wrong:

- calendar years: with pandas 3 the years label the wrong bars;
- daily returns: a cumulative sum that falls to 0 on every day without a session;
- worst drawdown periods: an open drawdown counts as recovered, and one that begins on the first day is not there;
- monthly heat map: a month without a session reads 0;
- quantiles by period: a period whose last calendar day is no session is left out;
- rolling ratios where no position is held for half a year: quotients of rounding errors.

What it draws is cleaned so that the same run gives the same bytes, and so that the figures share a page without
sharing an id.
"""

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from io import BytesIO
from math import ceil
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from markupsafe import Markup

from datasets.arrays import Floats
from engine.metrics.metrics import sessions_per_year
from engine.run.run import Run
from reports.page import Figure
from reports.performance import Draw, idle_half_year, redrawn, undrawable

STYLE = Path(__file__).parent / "templates" / "quantstats.mplstyle"
FONT = "DejaVu Sans"
"""Comes with matplotlib: text is measured alike on every machine."""

PLACES = {
    "returns": "Cumulative returns",
    "log_returns": "Cumulative returns, log scale",
    "vol_returns": "Cumulative returns, scaled to the benchmark's volatility",
    "eoy_returns": "Returns of calendar years",
    "monthly_dist": "Distribution of monthly returns",
    "daily_returns": "Daily returns",
    "rolling_beta": "Rolling beta to the benchmark",
    "rolling_vol": "Rolling volatility, six months",
    "rolling_sharpe": "Rolling Sharpe ratio, six months",
    "rolling_sortino": "Rolling Sortino ratio, six months",
    "dd_periods": "Worst drawdown periods",
    "dd_plot": "Underwater plot",
    "monthly_heatmap": "Monthly returns in %",
    "returns_dist": "Quantiles of returns",
}
"""The figures of quantstats' report in its order, by the names of its own template."""

_RATIOS = ("rolling_sharpe", "rolling_sortino")
"""Over idle windows quantstats draws quotients of rounding errors; these are then redrawn."""

_COLOURS = {
    "#fedd78": "#e69f00",
    "#348dc1": "#0072b2",
    "#ba516b": "#d55e00",
    "#4fa487": "#009e73",
    "#9b59b6": "#cc79a7",
}
"""quantstats' palette in colours that a colour-blind reader can distinguish (Okabe and Ito 2008)."""


def quantstats_figures(run: Run) -> tuple[tuple[Figure, ...], str]:
    """Return the figures of quantstats' report of a run, and why some or all are missing, blank if none is."""
    if reason := undrawable(run):
        return (), reason
    reason, benchmark = _not_drawn(run), _drawable_benchmark(run)
    figures = () if reason else _figures(run, benchmark)
    if not (reason or figures) and benchmark is not None and (figures := _figures(run, None)):
        reason = f"quantstats cannot draw these returns with {run.benchmark}: drawn without it"
    reason = reason or ("" if figures else "quantstats cannot draw returns that vary so little")
    with _quiet_matplotlib():
        drawn = {name: _redrawn(title, draw, name) for name, title, draw in redrawn(run)}
    return (*figures, *_cleaned(drawn)), reason


def _redrawn(title: str, draw: Draw, name: str) -> str:
    """Return a figure of ours as an SVG file, dressed as quantstats' are."""
    from matplotlib import pyplot, ticker  # noqa: PLC0415

    figure, axes = pyplot.subplots(figsize=(8, 4 if name in ("eoy_returns", "returns_dist") else 3))
    figure.suptitle(title, y=0.94, fontweight="bold", fontsize=14, color="black")
    axes.spines[:].set_visible(False)
    axes.axhline(0, color="black", lw=0.8, ls="--")
    draw(axes)
    if not name.startswith("rolling"):
        axes.yaxis.set_major_formatter(ticker.PercentFormatter(1.0))
    figure.tight_layout()
    return _saved(figure.savefig)


def import_quantstats() -> None:
    """Import quantstats, which takes a second, before there is a run to draw."""
    with _quiet_matplotlib():
        from quantstats import plots, reports  # noqa: F401, PLC0415


def quantstats_metrics(run: Run) -> dict[str, tuple[str, ...]]:
    """Return quantstats' own table of metrics as it prints it: by row, of the benchmark (if any) and of the account.

    Empty where quantstats cannot compute it, as of returns that never change.
    """
    if _not_drawn(run):
        return {}
    try:
        with _quiet_matplotlib():
            return _metrics(run, _drawable_benchmark(run))
    except (ValueError, TypeError, ArithmeticError, LookupError):
        return {}


def _metrics(run: Run, benchmark: Floats | None) -> dict[str, tuple[str, ...]]:
    from quantstats.reports import metrics as printed  # noqa: PLC0415

    own, market = _series(run, benchmark)
    as_printed = {"display": False, "mode": "full", "sep": True, "internal": "True"}  # as reports.html asks for it
    rate, year = float(run.manifest["terms"]["cash_rate"]), whole_year(run)
    given = {"periods_per_year": year, "prepare_returns": False, "match_dates": False, "strategy_title": own.name}
    title = None if market is None else market.name
    compute: Any = printed
    table = compute(own, market, rf=rate, benchmark_title=title, **as_printed, **given)
    return {str(name): tuple(map(str, row)) for name, row in zip(table.index, table.to_numpy(), strict=True) if name}


def whole_year(run: Run) -> int:
    """Return the realised sessions a year as the whole number that quantstats takes."""
    return max(2, round(sessions_per_year(run.sessions)))


def _not_drawn(run: Run) -> str:
    if _reads_as_prices(run.returns):
        return "no losing day and one above +100 %: quantstats would take these returns for prices, so it is not asked"
    return undrawable(run)


def _reads_as_prices(returns: Floats) -> bool:
    return float(returns.min()) >= 0 and float(returns.max()) > 1


def _drawable_benchmark(run: Run) -> Floats | None:
    """Return the benchmark's returns if it moved at all."""
    returns = run.benchmark_returns
    return None if returns is None or not returns.any() or _reads_as_prices(returns) else returns


def _figures(run: Run, benchmark: Floats | None) -> tuple[Figure, ...]:
    """Return the figures; none if quantstats gives up, as it does on series of few distinct values."""
    try:
        with _quiet_matplotlib():
            drawn = _draw(run, benchmark)
    except (ValueError, TypeError, ArithmeticError, LookupError):
        return ()
    return _cleaned(drawn)


def _cleaned(drawn: dict[str, str]) -> tuple[Figure, ...]:
    return tuple(Figure(n, PLACES[n], Markup(clean_svg(t, prefix=n, label=PLACES[n]))) for n, t in drawn.items())


def _series(run: Run, benchmark: Floats | None) -> tuple[Any, Any]:
    """Return the account's and the benchmark's returns as quantstats takes them."""
    import pandas as pd  # noqa: PLC0415 - heavy, and needed only when a page is made

    days = pd.DatetimeIndex(run.sessions.astype("datetime64[ns]"))
    name, other = _labels(run)
    market = None if benchmark is None else pd.Series(benchmark.astype(float), days, name=other)
    return pd.Series(run.returns.astype(float), days, name=name), market


def _draw(run: Run, benchmark: Floats | None) -> dict[str, str]:
    """Return the figures that are asked for as SVG files, with the settings of ``quantstats.reports.html``.

    One setting differs: the cash rate, which it does not hand on to the rolling ratios.
    """
    from pandas.plotting import register_matplotlib_converters  # noqa: PLC0415
    from quantstats import plots  # noqa: PLC0415

    register_matplotlib_converters()  # else the ticks depend on what this process drew before
    own, market = _series(run, benchmark)
    year = whole_year(run)
    half = ceil(year / 2)
    against = {"benchmark": market, "prepare_returns": False}
    rolling = {"figsize": (8, 3), "period": half, "periods_per_year": year}
    ratios = {**rolling, "rf": float(run.manifest["terms"]["cash_rate"])}
    beta = {"figsize": (8, 3), "window1": half, "window2": year}
    asked: dict[str, tuple[Any, dict[str, Any]]] = {
        "returns": (plots.returns, {**against, "figsize": (8, 5)}),
        "log_returns": (plots.log_returns, {**against, "figsize": (8, 4)}),
        "vol_returns": (plots.returns, {**against, "figsize": (8, 4), "match_volatility": True}),
        "monthly_dist": (plots.histogram, {**against, "figsize": (7, 4)}),
        "rolling_beta": (plots.rolling_beta, {**against, **beta}),
        "rolling_vol": (plots.rolling_volatility, {**rolling, "benchmark": market}),
        "rolling_sharpe": (plots.rolling_sharpe, ratios),
        "rolling_sortino": (plots.rolling_sortino, ratios),
        "dd_plot": (plots.drawdown, {"figsize": (8, 3)}),
    }
    left_out: tuple[str, ...] = () if market is not None else ("vol_returns", "rolling_beta")
    if idle_half_year(run):
        left_out += _RATIOS
    shown = {n: each for n, each in asked.items() if n not in left_out}
    return {n: _svg(draw, own, settings) for n, (draw, settings) in shown.items()}


def _svg(draw: Any, returns: Any, settings: dict[str, Any]) -> str:
    given = {**settings, "subtitle": False, "show": False, "ylabel": ""}
    return _saved(lambda file, **how: draw(returns, **given, savefig={"fname": file, **how}))


def _saved(save: Callable[..., Any]) -> str:
    file = BytesIO()
    save(file, format="svg")
    return file.getvalue().decode()


def _labels(run: Run) -> tuple[str, str]:
    """Return how the legend calls strategy and benchmark: never alike, and nothing that reads as a placeholder."""
    name, other = _label(str(run.manifest["strategy"])), _label(run.benchmark or "benchmark")
    return name, f"{other} (benchmark)" if other.casefold() == name.casefold() else other


def _label(name: str) -> str:
    text = re.sub(r"[^\w .,:+%()-]", " ", name).strip(" _")
    return text[:40] or "this run"


@contextmanager
def _quiet_matplotlib() -> Iterator[None]:
    """Draw with Agg, our style and one font, and leave settings, open figures and backend as they were found."""
    import matplotlib  # noqa: PLC0415
    from matplotlib import font_manager, pyplot  # noqa: PLC0415

    before, opened = matplotlib.get_backend(auto_select=False), set(pyplot.get_fignums())
    set_family = font_manager.FontProperties.set_family

    def one_font(self: Any, family: Any) -> None:
        set_family(self, [FONT] if family == "Arial" else family)

    with (
        warnings.catch_warnings(),
        matplotlib.rc_context(),
        patch.object(font_manager.FontProperties, "set_family", one_font),
        patch.object(pyplot, "savefig", lambda *args, **how: pyplot.gcf().savefig(*args, **how)),  # its own draws twice
        np.errstate(all="ignore"),
    ):
        warnings.simplefilter("ignore")
        import quantstats  # noqa: F401, PLC0415 - sets its own style when first imported

        pyplot.switch_backend("agg")
        pyplot.style.use(["default", str(STYLE)])
        try:
            yield
        finally:
            for number in set(pyplot.get_fignums()) - opened:
                pyplot.close(number)
            if before:
                pyplot.switch_backend(before)


def clean_svg(text: str, *, prefix: str, label: str) -> str:
    """Return one SVG element fit to share a page with others.

    No prolog, dates or style sheet; only ids that something refers to, each begun with ``prefix``; coordinates with
    two decimals (a figure is 576 units wide).
    """
    body = text[text.index("<svg") : text.rindex("</svg>") + len("</svg>")]
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", body, flags=re.DOTALL)
    wanted = set(re.findall(r'(?:href="#|url\(#)([^")]+)', body))
    body = re.sub(r"<[^<>]+>", lambda tag: _clean_tag(tag[0], prefix, wanted), body)
    body = re.sub(r">\s+<", ">\n<", body).replace("<defs>\n</defs>\n", "")
    return body.replace("<svg", f'<svg role="img" aria-label="{escape(label)}"', 1)


def _clean_tag(tag: str, prefix: str, wanted: set[str]) -> str:
    def ident(found: re.Match[str]) -> str:
        return f' id="{prefix}-{found[1]}"' if found[1] in wanted else ""

    if tag.startswith("<svg"):
        tag = re.sub(r'\s(?:width|height|xmlns\S*|version)="[^"]*"', "", tag)
    tag = re.sub(r'\sid="([^"]*)"', ident, tag)
    tag = re.sub(r'(?:xlink:)?href="#', f'href="#{prefix}-', tag)
    tag = tag.replace("url(#", f"url(#{prefix}-")
    tag = re.sub(r"#[0-9a-fA-F]{6}", lambda colour: _COLOURS.get(colour[0].lower(), colour[0]), tag)
    return re.sub(r"(\.\d\d)\d+", r"\1", tag)
