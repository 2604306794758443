"""Runs that several tests read."""

import numpy as np
import pytest

from engine.plan.decision import Skipped
from engine.run.run import Run
from tests.reports.browsing import CHROMIUM, QUIET, photographed
from tests.reports.handmade import business_days, make_run, trade


@pytest.fixture(scope="session")
def traded() -> Run:
    """Two trades in three years, one won and one lost, with a benchmark and one event not traded."""
    days = business_days("2016-01-04", 780)
    returns = np.zeros(780)
    returns[100:120], returns[400:420] = 0.004, -0.002
    won = trade(str(days[100]), str(days[119]), pnl=83_000.0, return_=0.083)
    lost = trade(str(days[400]), str(days[419]), pnl=-43_000.0, return_=-0.039)
    market = np.where(np.arange(780) % 2, 0.006, -0.005)
    return make_run(
        days,
        returns,
        (won, lost),
        skipped=(Skipped("JP-2017-10-22-GE", "TOPIX", "no bar after 2017-10-22T11:00:00Z; bars end 2017-10-20"),),
        benchmark="TOPIX",
        benchmark_returns=market,
    )


@pytest.fixture(scope="session")
def idle() -> Run:
    """Sixty sessions without an event."""
    return make_run(business_days("2020-01-06", 60), np.zeros(60))


@pytest.fixture(scope="session")
def chromium():
    """A browser for the tests of one worker."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def photograph(pytestconfig):
    """Keep a picture of a page, where somebody wants to look at them."""
    return photographed if pytestconfig.getoption("--screenshots") else lambda found, name: None
