"""The scenario the project came from, replayed: every close-to-close move it tells, on real bars."""

import csv
from pathlib import Path

import numpy as np
import pytest

from datasets.events import bundled_events
from datasets.markets.instruments import bundled_instruments
from datasets.prices.sources.files import DirectorySource
from strategies import REGISTRY


def move(folder: Path, symbol: str, session: str) -> float:
    """Percent change of the close over one session."""
    bars = DirectorySource(folder).load(bundled_instruments().find(symbol))
    row = int(np.searchsorted(bars.session, np.datetime64(session)))
    assert str(bars.session[row]) == session
    return float(bars.close[row] / bars.close[row - 1] - 1) * 100


def high(folder: Path, symbol: str, session: str) -> float:
    bars = DirectorySource(folder).load(bundled_instruments().find(symbol))
    row = int(np.searchsorted(bars.session, np.datetime64(session)))
    assert bars.high[row] == bars.high[: row + 1].max()  # a record
    return float(bars.high[row])


REPORTED = {
    ("N225", "2026-02-09"): lambda m: 3.5 < m < 4.0,  # "nearly +4 %"
    ("TOPIX", "2026-02-09"): lambda m: round(m, 1) == 2.3,  # "+2.3 %"
    ("KOSPI", "2026-02-09"): lambda m: m > 4.0,  # "more than +4 %"
    ("SPX", "2026-02-09"): lambda m: m > 0,  # "higher", modest gains
    ("IXIC", "2026-02-09"): lambda m: m > 0,  # "higher; outperformed"
}


def test_every_close_to_close_move_of_the_scenario(market_dir: Path, shared_dir: Path) -> None:
    with (shared_dir / "facts" / "takaichi-trade.csv").open(encoding="utf-8") as f:
        shown = {(r["instrument"], r["session"]) for r in csv.DictReader(f) if r["kind"] == "close_to_close"}
    assert shown == set(REPORTED)
    for (symbol, session), holds in REPORTED.items():
        assert holds(move(market_dir, symbol, session)), (symbol, session)


def test_technology_outperformed(market_dir: Path) -> None:
    assert move(market_dir, "IXIC", "2026-02-09") > move(market_dir, "SPX", "2026-02-09")


def test_records_of_the_second_session(market_dir: Path) -> None:
    assert high(market_dir, "N225", "2026-02-10") == pytest.approx(57_960, abs=1)  # "record 57,960"
    assert high(market_dir, "TOPIX", "2026-02-10") == pytest.approx(3_863.90, abs=0.005)  # "record 3,863.90"


PUBLISHED = [  # oracles/published_moves.csv, rows that are one session's close to close
    ("SPX", "2012-11-07", -2.37, 0.005),
    ("SPX", "2008-11-05", -5.27, 0.005),
    ("TOPIX", "2012-12-17", 0.85, 0.006),
    ("TOPIX", "2014-12-15", -1.5, 0.05),
    ("TOPIX", "2026-02-09", 2.29, 0.005),
    ("FTSE100", "2016-06-24", -3.146, 0.005),
]


@pytest.mark.parametrize(("symbol", "session", "percent", "tolerance"), PUBLISHED)
def test_published_moves(market_dir: Path, symbol: str, session: str, percent: float, tolerance: float) -> None:
    assert move(market_dir, symbol, session) == pytest.approx(percent, abs=tolerance)


def test_the_counts_of_the_readme_are_those_of_the_data() -> None:
    readme = " ".join((Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8").split())
    events = list(bundled_events())
    assert f"{len(events)} political events of {len({e.country for e in events})} countries" in readme
    assert f"{len(list(bundled_instruments()))} instruments" in readme, "README.md: update the number of instruments"
    assert f"{len(REGISTRY)} rules" in readme, "README.md: update the number of rules"
