"""Claims about the audit: every difference from quantstats has a reason that gives quantstats' own number."""

import numpy as np
import pytest

from datasets.errors import UserError
from engine.run.run import Run
from reports.audit import Finding, audit, unexplained
from tests.reports.handmade import business_days, make_run, trade

pytestmark = pytest.mark.filterwarnings("ignore")
DAYS = business_days("2019-01-07", 600)
RNG = np.random.default_rng(5)
NOISE = RNG.normal(0.0004, 0.01, 600)


def _run(returns, *, rate: float = 0.0, market=None) -> Run:
    terms = {"cash": 1e6, "cash_rate": rate, "borrow_rate": 0.0, "max_gross": 1.0}
    beside = {} if market is None else {"benchmark": "TOPIX", "benchmark_returns": market}
    return make_run(DAYS, returns, (trade("2000-01-03", "2040-01-02"),), terms=terms, **beside)


@pytest.mark.parametrize(
    "run",
    [
        _run(NOISE, market=RNG.normal(0.0, 0.02, 600), rate=0.02),
        _run(NOISE, market=NOISE, rate=-0.005),
        _run(np.where(np.arange(600) == 300, 120.0, NOISE)),
        _run(np.where(np.arange(600) < 500, -0.002, 0.001)),
        _run(np.where(np.arange(600) % 50, 0.0, NOISE)),
    ],
    ids=["noise", "its own benchmark", "a day of +12,000 %", "down from the first day on", "mostly idle"],
)
def test_nothing_is_left_unexplained(run: Run) -> None:
    rows = audit(run)
    assert [(r.label, r.column, r.quantstats, r.ours) for r in unexplained(rows)] == []
    assert len(rows) > 70


def test_a_reason_that_does_not_give_quantstats_number_explains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reports.audit.quantstats_numbers", lambda run: {"Sharpe": (9.99,), "Sortinoo": (1.0,)})
    rows = {r.label: r for r in audit(_run(NOISE))}
    assert rows["Sharpe"].finding is Finding.UNEXPLAINED
    assert rows["Sortinoo"].why == "hustings does not know this row"


def test_an_account_that_never_moved_cannot_be_asked_about() -> None:
    with pytest.raises(UserError, match="the account never moved"):
        audit(_run(np.zeros(600)))
