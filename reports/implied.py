"""The page of implied values: the fork of a market, its odds over its prices, and the regression behind them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from datasets.events.event import PoliticalEvent
from datasets.events.odds_book import OutcomeOdds
from engine.implied.implied import Implied
from engine.implied.pairs import Pairs
from reports.line_chart import AxisUnit, Chart, Line, chart_svg
from reports.numbers import instant_text, money_tick, percent, ratio, signed_percent
from reports.page import render
from reports.svg import round_steps

_RECENT = 40
"""Closes that the fork shows before now."""


def implied_rows(found: Implied, outcome: str) -> list[tuple[str, str]]:
    """Return what is found of a market as labels and texts, what n could find at all first."""
    f, why = found, found.notes.get("b", "")
    by_t, by_b = f.as_large or (0, 0)
    came = f"from the close of {f.came_from} to that of {f.came_on}"
    age = f"quoted {instant_text(f.observed_at)}, {f.age_hours:.1f} h before the last close"
    return [
        ("smallest b that n could find", f"{_pct(f.smallest_b).lstrip('+')} (at 5 %, with 80 % power), n = {f.n}"),
        (f"p of '{outcome}' now", f"{f.p:.3f}, {age}"),
        ("b, for a probability of 1", why or f"{_pct(f.b)}, 90 % interval {_pct(f.low)} to {_pct(f.high)}"),
        ("t", f"HC1 {ratio(f.t_hc1)}, Newey-West {ratio(f.t_nw)}, OLS {ratio(f.t_ols)}; R² {ratio(f.r2, 3)}"),
        (
            "p among shifted odds",
            "n/a" if why else f"{f.shift_p:.3f} ({by_t} of {f.n} shifts as large by t, {by_b} by b)",
        ),
        (f"if {outcome}", _with_range(f.if_outcome, f.if_outcome_range)),
        ("if not", _with_range(f.if_not, f.if_not_range)),
        ("what came", f"n/a ({f.notes['came']})" if f.came is None else f"{_pct(f.came)}, {came}"),
        ("b of the next change, and sum", f"{_pct(f.lead)} (HC1 t {ratio(f.lead_t)}), {_pct(f.lead_sum)}"),
    ]


def window_text(move: Implied, outcome: str) -> str:
    """Return a window in one sentence."""
    odds = f"p of '{outcome}' {ratio(move.p_before, 3)} to {move.p:.3f}, {move.instrument} {_pct(move.move)}"
    if move.b is None:
        return f"{move.window}: {odds}: no b: {move.notes['b']}"
    return f"{move.window}: {odds}: b {_pct(move.b)}; if {outcome} {_pct(move.if_outcome)}, if not {_pct(move.if_not)}"


def implied_page(
    event: PoliticalEvent,
    odds: OutcomeOdds,
    markets: Sequence[tuple[Implied, Pairs]],
    moves: Sequence[Implied],
    simulated: Sequence[str],
) -> str:
    """Return the page of an event; the same inputs give the same bytes."""
    return render(
        "implied.html.j2",
        event=event,
        odds=odds,
        markets=[_drawn(found, pairs, odds.outcome) for found, pairs in markets],
        windows=[window_text(m, odds.outcome) for m in moves],
        simulated=simulated,
        steps=round_steps,
        pct=_pct,
    )


def _drawn(found: Implied, pairs: Pairs, outcome: str) -> dict[str, Any]:
    """Return what the template needs of a market: its texts, and the points of its figures."""
    there = np.isfinite(pairs.changes)
    days = pairs.session[1:][there].astype(str).tolist()
    return {
        "found": found,
        "rows": implied_rows(found, outcome),
        "path": (100 * np.log(pairs.close[-_RECENT:] / pairs.close[-1])).tolist(),
        "points": list(zip(pairs.changes[there].tolist(), pairs.returns[there].tolist(), days, strict=True)),
        "pairs": pairs,
        "charts": [
            _chart(found.instrument, "odds", pairs.p, pairs=pairs, tick=percent, unit=AxisUnit.PERCENT),
            _chart(found.instrument, "close", pairs.close, pairs=pairs, tick=money_tick, unit=AxisUnit.MONEY),
        ],
    }


def _chart(symbol: str, what: str, values: Any, *, pairs: Pairs, tick: Any, unit: AxisUnit) -> Markup:
    title = f"{what.capitalize()} at the closes of {symbol}"
    lines = [Line(what, pairs.session, values, "s1" if what == "odds" else "s0")]
    return Markup(chart_svg(Chart(f"{what}-{symbol}", title, title, lines, tick, height=190, y_label=what, unit=unit)))


def _with_range(value: float | None, ends: tuple[float, float] | None) -> str:
    return _pct(value) if ends is None else f"{_pct(value)} ({_pct(ends[0])} to {_pct(ends[1])})"


def _pct(value: float | None) -> str:
    return signed_percent(None if value is None else value / 100)
