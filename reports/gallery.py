"""The gallery: all runs on one page, each with a sketch of its equity and the way to its tear sheet."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from datasets.arrays import Floats
from engine.metrics.table import METRICS
from engine.run.run import Run
from reports.headline import account_cards, trade_cards
from reports.numbers import instant_text, metric_text, plain
from reports.page import render

SKETCHED = 48
"""A sketch has so many points at most, and the lowest and the highest besides."""
WIDTH, HEIGHT = 132, 40
_SHOWN = tuple(m for m in METRICS if m.name in ("total_return", "max_drawdown", "n_trades"))


@dataclass(frozen=True, eq=False)
class GalleryCard:
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
    return render(
        "gallery.html.j2",
        runs=[_texts(card) for card in cards],
        simulated=sum(card.simulated for card in cards),
        width=WIDTH,
        height=HEIGHT,
    )


def run_card(run: Run, trial: str) -> str:
    """Return a run as a card of HTML for a notebook, which has styles of its own; ``trial`` is its place, in words."""
    shown = {"parameters": parameters_shown(run.manifest["parameters"]), "trial": trial}
    drawn = {"sketch": Markup(sketch(run.equity)), "width": WIDTH, "height": HEIGHT}
    return render("card.html.j2", run=run, figures=[*account_cards(run), *trade_cards(run)], **shown, **drawn)


def _texts(card: GalleryCard) -> dict[str, Any]:
    return {
        **vars(card),
        "at": card.at[:19],
        "when": instant_text(card.at[:16]) if card.at else "",
        "parameters": parameters_shown(card.parameters),
        "span": f"{card.first_session} to {card.last_session}",
        "metrics": [(m.name, m.label, metric_text(m, getattr(card, m.name))) for m in _SHOWN],
        "markets": " ".join(card.markets),
        "ends": _ends(card.equity),
        "keys": [_key(v) for v in (card.n_trades, card.total_return, card.max_drawdown)],
        "lost": (card.total_return or 0) < 0,
        "sketch": Markup("" if card.equity is None else sketch(card.equity)),
    }


def parameters_shown(parameters: dict[str, Any]) -> str:
    """Return the parameters that are set."""
    return ", ".join(f"{name}={plain(value)}" for name, value in parameters.items() if value is not None)


def _ends(equity: Floats | None) -> list[str]:
    """Return the lowest and the highest equity over the first: the scale of a sketch; 1 where there is none."""
    known = np.ones(1) if equity is None or not len(equity) or not equity[0] else equity / equity[0]
    return [f"{known.min():.6g}", f"{known.max():.6g}"]


def _key(value: float | None) -> str:
    """Return what a row is sorted by; blank comes last."""
    return "" if value is None else f"{value:.6g}"


def sketch(equity: Floats) -> str:
    """Return equity as the points of a small SVG line (WIDTH x HEIGHT) and its first height; blank where nothing is."""
    if not len(equity):
        return ""
    rows = np.unique([*np.linspace(0, len(equity) - 1, SKETCHED).astype(int), equity.argmin(), equity.argmax()])
    low, high = float(equity.min()), float(equity.max())
    x = 1 + rows / max(1, len(equity) - 1) * (WIDTH - 2)
    y = (
        2 + (high - equity[rows]) / ((high - low) or 1.0) * (HEIGHT - 4)
        if high > low
        else np.full(len(rows), HEIGHT / 2)
    )
    points = " ".join(f"{a:.4g},{b:.3g}" for a, b in zip(x, y, strict=True))
    return f'<path class="start" d="M0 {y[0]:.3g}h{WIDTH}"/><polyline points="{points}"/>'
