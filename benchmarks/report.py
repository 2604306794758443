"""The tear sheet of ten years with its benchmark: ours, and quantstats' own on the same series.

Ours has the events, the tables and a dozen figures; quantstats' is ``quantstats.reports.html`` as anyone calls it. Both
total returns are checked to agree before any time is compared.
"""

import logging
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from msgspec.structs import replace
from quantstats import reports, stats

from benchmarks.page import Page, took
from benchmarks.timing import interleaved
from datasets.events import EventCatalogue, PoliticalEvent
from datasets.instants import to_datetime
from datasets.markets.instruments import Instrument, InstrumentTable
from datasets.prices.bars import Bars, Source, make_bars
from engine.plan.costs import Terms
from engine.run.backtest import backtest
from engine.run.parameter_sensitivity import parameter_sensitivity
from engine.run.run import Run
from engine.strategy.market import Market
from reports.tearsheet import tearsheet
from strategies.buy_after_event import BuyAfterEvent

TEN, THIRTY = 2_520, 7_560
EVENTS = 40
HOUR = 3_600_000_000_000


class _Walk:
    """One market: weekday bars of a seeded random walk."""

    def __init__(self, sessions: int) -> None:
        rng = np.random.default_rng(1)
        close = 1000 * np.exp(np.cumsum(0.01 * rng.standard_normal(sessions)))
        open_ = close * np.exp(0.003 * rng.standard_normal(sessions))
        self.bars = make_bars(
            Instrument("AAA", "A", "XTKS", "JPY", 0.0, 1.0, 2.0),
            Source("benchmark", "random walk"),
            session=np.busday_offset(np.datetime64("1990-01-02"), np.arange(sessions), roll="forward"),
            open_=open_,
            high=np.maximum(open_, close) * 1.001,
            low=np.minimum(open_, close) * 0.999,
            close=close,
            volume=np.full(sessions, np.nan),
            where=str,
        )

    def symbols(self) -> list[str]:
        return ["AAA"]

    def load(self, instrument: Instrument) -> Bars:
        return self.bars


def a_run(sessions: int) -> Run:
    """Return a run of 40 trades over so many sessions of a random walk, compared with the walk itself."""
    walk, rule = _Walk(sessions), BuyAfterEvent(instrument="AAA", hold=20)
    market, events = Market(walk, InstrumentTable([walk.bars.instrument])), _events(walk.bars)
    run = backtest(rule, events, market, benchmark="AAA")
    return replace(run, variants=parameter_sensitivity(rule, events, market, terms=Terms()))


def _events(bars: Bars) -> EventCatalogue:
    """Return events each known an hour after a close, far enough apart not to overlap."""
    rows = np.linspace(30, len(bars) - 30, EVENTS).astype(int)
    known = [to_datetime(int(bars.close_at[r]) + HOUR) for r in rows]
    return EventCatalogue(
        PoliticalEvent(event_id=f"E{n}", country="JP", kind="general_election", title="An election", known_at=at)
        for n, at in enumerate(known)
    )


def quantstats_page(run: Run, path: Path) -> float:
    """Write quantstats' own page of a run and return its total return."""
    days = pd.DatetimeIndex(run.sessions.astype("datetime64[ns]"))
    account = pd.Series(run.returns, days, name="account")
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # it misses Arial some hundred times
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reports.html(account, pd.Series(run.benchmark_returns, days, name="market"), output=str(path))
    return float(stats.comp(account))


def our_page(run: Run, path: Path) -> float:
    """Write our page of a run and return its total return."""
    path.write_text(tearsheet(run), encoding="utf-8")
    return float(np.prod(1 + run.returns) - 1)


def main(page: Page) -> None:
    """Print both times and sizes, and the size of thirty years."""
    run = a_run(TEN)
    page.title(f"The tear sheet: {TEN:,} sessions with benchmark, {len(run.trades)} trades")
    with tempfile.TemporaryDirectory() as name:
        ours, theirs = Path(name) / "ours.html", Path(name) / "theirs.html"
        other = "quantstats.reports.html"
        peers = {other: lambda: quantstats_page(run, theirs), "tear sheet": lambda: our_page(run, ours)}
        seconds = interleaved(peers, agree=1e-9)
        sizes = [f"{path.stat().st_size / 1024:,.0f} KiB" for path in (theirs, ours)]
        our_page(a_run(THIRTY), ours)
        thirty = ours.stat().st_size / 1024
    rows = [[name, took(s), size] for (name, s), size in zip(seconds.items(), sizes, strict=True)]
    page.table(["", "time", "size"], rows)
    page.required([("than quantstats.reports.html", 3, seconds[other] / seconds["tear sheet"])])
    page.say(f"\nThirty years: {thirty:,.0f} KiB.")


if __name__ == "__main__":
    main(Page())
