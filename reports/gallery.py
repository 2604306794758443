"""The gallery: all runs on one page, each with a sketch of its equity and the way to its tear sheet."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from msgspec import Struct

from datasets.arrays import Floats
from engine.metrics.table import METRICS
from engine.run.run import Run
from reports.headline import account_cards, trade_cards
from reports.numbers import metric_text, plain
from reports.page import render

SKETCHED = 48
"""A sketch has so many points at most, and the lowest and the highest besides."""
WIDTH, HEIGHT = 132, 40
_SHOWN = tuple(m for m in METRICS if m.name in ("total_return", "max_drawdown", "n_trades"))


class GalleryCard(Struct, frozen=True, eq=False):
    """A run as the gallery shows it.

    ``at`` is when it was last run, ISO UTC; ``equity`` its account at each session, None where it cannot be read;
    ``link`` the address of its tear sheet relative to the page, blank where there is none, ``missing`` says why.
    """

    run_id: str
    at: str
    strategy: str
    parameters: dict[str, Any]
    simulated: bool
    first_session: str
    last_session: str
    n_trades: int | None
    total_return: float | None
    max_drawdown: float | None
    equity: Floats | None
    link: str
    missing: str = ""
    markets: tuple[str, ...] = ()


def gallery(cards: Sequence[GalleryCard]) -> str:
    """Return the runs as one HTML page, in the order given; the same runs give the same bytes."""
    return render("gallery.html.j2", runs=cards, shown=_SHOWN, metric_text=metric_text, ends=ends, **_DRAWN)


def run_card(run: Run, trial: str) -> str:
    """Return a run as a card of HTML for a notebook, which has styles of its own; ``trial`` is its place, in words."""
    return render("card.html.j2", run=run, figures=[*account_cards(run), *trade_cards(run)], trial=trial, **_DRAWN)


def parameters_shown(parameters: dict[str, Any]) -> str:
    """Return the parameters that are set."""
    return ", ".join(f"{name}={plain(value)}" for name, value in parameters.items() if value is not None)


def ends(equity: Floats | None) -> list[str]:
    """Return the lowest and the highest equity over the first: the scale of a sketch; 1 where there is none."""
    known = np.ones(1) if equity is None or not len(equity) or not equity[0] else equity / equity[0]
    return [f"{known.min():.6g}", f"{known.max():.6g}"]


def sketch(equity: Floats | None) -> Markup:
    """Return equity as the points of a small SVG line (WIDTH x HEIGHT) and its first height; blank where nothing is."""
    if equity is None or not len(equity):
        return Markup()
    rows = np.unique([*np.linspace(0, len(equity) - 1, SKETCHED).astype(int), equity.argmin(), equity.argmax()])
    low, high = float(equity.min()), float(equity.max())
    x = 1 + rows / max(1, len(equity) - 1) * (WIDTH - 2)
    y = (
        2 + (high - equity[rows]) / ((high - low) or 1.0) * (HEIGHT - 4)
        if high > low
        else np.full(len(rows), HEIGHT / 2)
    )
    points = " ".join(f"{a:.4g},{b:.3g}" for a, b in zip(x, y, strict=True))
    return Markup(f'<path class="start" d="M0 {y[0]:.3g}h{WIDTH}"/><polyline points="{points}"/>')


_DRAWN: dict[str, Any] = {"sketch": sketch, "width": WIDTH, "height": HEIGHT, "parameters": parameters_shown}
