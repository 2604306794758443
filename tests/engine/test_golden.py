"""The same inputs give the same results: nine small runs on built-in bars, kept with the version of the results.

Other events or bars are other inputs: ``--update-golden`` then writes the new results. Under the same inputs other
results need another ``RESULTS_VERSION``.
"""

import hashlib
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from datasets.events import bundled_events
from datasets.instants import iso_z, to_datetime
from datasets.markets.instruments import bundled_instruments
from datasets.prices.sources.builtin import BuiltinSource
from engine.account.records import Fill
from engine.plan.costs import Terms
from engine.run.backtest import backtest
from engine.run.identity import RESULTS_VERSION
from engine.run.run import Run
from engine.strategy import build
from engine.strategy.market import Market
from strategies.loading import find_strategy

GOLDEN = Path(__file__).parent / "golden"
SAME = 1e-9  # relative: what two processors may differ by
RUNS: dict[str, tuple[dict[str, str], Terms]] = {
    "pro-growth-win": ({"hold": "10"}, Terms(commission_bps=3.0, slippage_bps=2.0)),
    "takaichi-trade": ({}, Terms()),
    "regional-spillover": ({"markets": "N225,SPX", "hold": "3"}, Terms()),
    "dissolution-rally": ({}, Terms(cash_rate=0.02)),
    "fade-the-shock": ({}, Terms(borrow_rate=0.03)),
    "presidential-cycle": ({}, Terms()),
    "election-drift": ({}, Terms(max_gross=0.5)),
    "surprise-win": ({}, Terms()),
    "buy-after-event": (
        {"country": "JP", "stop_loss": "0.02", "take_profit": "0.04", "side": "short", "exit": "close"},
        Terms(),
    ),
}


def golden(run: Run) -> dict[str, Any]:
    """Return what is kept of a run: its inputs, its fills, the equity at the end of each month that moved, metrics."""
    inputs = json.dumps([run.manifest["sha256"][part] for part in ("events", "bars")], sort_keys=True)
    return {
        "inputs": hashlib.sha256(inputs.encode()).hexdigest()[:16],
        "fills": [[*_text_of(f), f.quantity, f.price, f.commission, f.slippage] for f in run.fills],
        "equity": _month_ends(run),
        "metrics": run.metrics,
    }


def _text_of(fill: Fill) -> list[str]:
    return [fill.event_id, fill.instrument, fill.side, iso_z(to_datetime(fill.filled_at))]


def _month_ends(run: Run) -> dict[str, float]:
    month = run.sessions.astype("datetime64[M]")
    ends = [i for i, (a, b) in enumerate(pairwise(month)) if a != b] + [len(month) - 1]
    moved = [i for before, i in pairwise([0, *ends]) if run.equity[i] != run.equity[before]]
    return {str(run.sessions[i]): float(run.equity[i]) for i in moved}


def unchanged(kept: dict[str, Any], now: dict[str, Any]) -> bool:
    """Return whether results are those that are kept; a metric that is not kept is new, not changed."""
    metrics = {name: now["metrics"].get(name, "gone") for name in kept.get("metrics", {})}
    return all(same(kept.get(name), value) for name, value in {**now, "metrics": metrics}.items())


def same(kept: Any, now: Any) -> bool:
    """Return whether two JSON values are the same, numbers within a tolerance."""
    if isinstance(kept, dict):
        return kept.keys() == now.keys() and all(same(v, now[k]) for k, v in kept.items())
    if isinstance(kept, list):
        return len(kept) == len(now) and all(map(same, kept, now))
    return bool(kept == (pytest.approx(now, rel=SAME, abs=SAME) if isinstance(now, float) else now))


def check_golden(path: Path, now: dict[str, Any], *, version: int, update: bool) -> None:
    """Compare results with the golden file, or write it; never other results under a version that is kept."""
    kept = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"results_version": 0}
    same_inputs = kept.get("inputs") == now["inputs"]
    if kept["results_version"] == version and same_inputs and not unchanged(kept, now):
        pytest.fail(f"{path.name}: results changed: raise RESULTS_VERSION and run pytest --update-golden")
    if update:
        path.write_text(_text({"results_version": version, **now}), encoding="utf-8")
    elif kept["results_version"] == version and not same_inputs:
        pytest.fail(f"{path.name}: events or bars changed: run pytest --update-golden and read the diff")
    elif kept["results_version"] != version:
        pytest.fail(f"{path.name} is of version {kept['results_version']}, not {version}: run pytest --update-golden")


def _text(value: dict[str, Any]) -> str:
    """Return JSON with one fill, one equity value or one metric a line."""
    return json.dumps(value, indent=1, sort_keys=True).replace("\n   ", " ").replace("\n  ]", "]") + "\n"


@pytest.mark.parametrize("name", RUNS)
def test_the_results_of_this_version_are_kept(name: str, update_golden: bool) -> None:
    parameters, terms = RUNS[name]
    market = Market(BuiltinSource(), bundled_instruments())
    run = backtest(build(find_strategy(name), parameters), bundled_events(), market, terms=terms)
    assert run.fills
    check_golden(GOLDEN / f"{name}.json", golden(run), version=RESULTS_VERSION, update=update_golden)


KEPT = {
    "results_version": 3,
    "inputs": "a1",
    "fills": [["a", 1.0]],
    "equity": {},
    "metrics": {"sharpe": 1.0, "cagr": None},
}


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    path = tmp_path / "kept.json"
    path.write_text(json.dumps(KEPT), encoding="utf-8")
    return path


def results(**changed: Any) -> dict[str, Any]:
    return {name: v for name, v in {**KEPT, **changed}.items() if name != "results_version"}


def test_the_same_results_pass_and_one_more_metric_too(kept: Path) -> None:
    more = results(metrics={"sharpe": 1.0 + 1e-12, "cagr": None, "new": 2.0})
    check_golden(kept, more, version=3, update=False)
    check_golden(kept, more, version=3, update=True)
    assert "new" in kept.read_text(encoding="utf-8")


@pytest.mark.parametrize("update", [False, True])
@pytest.mark.parametrize(
    "changed",
    [
        {"fills": [["a", 1.1]]},
        {"fills": []},
        {"equity": {"2020-01-31": 1.0}},
        {"metrics": {"sharpe": 1.0}},
        {"metrics": {"sharpe": None, "cagr": None}},
    ],
)
def test_changed_results_fail_under_the_same_version_and_are_not_written(kept: Path, changed, update: bool) -> None:
    before = kept.read_bytes()
    with pytest.raises(pytest.fail.Exception, match="raise RESULTS_VERSION and run pytest --update-golden"):
        check_golden(kept, results(**changed), version=3, update=update)
    assert kept.read_bytes() == before


def test_other_events_or_bars_ask_for_the_golden_files_and_need_no_other_version(kept: Path) -> None:
    now = results(inputs="b2", fills=[["a", 2.0]])
    with pytest.raises(pytest.fail.Exception, match="events or bars changed: run pytest --update-golden"):
        check_golden(kept, now, version=3, update=False)
    check_golden(kept, now, version=3, update=True)
    check_golden(kept, now, version=3, update=False)


def test_a_raised_version_asks_for_the_golden_files_and_then_takes_the_new_results(kept: Path) -> None:
    now = results(fills=[["a", 2.0]])
    with pytest.raises(pytest.fail.Exception, match="of version 3, not 4"):
        check_golden(kept, now, version=4, update=False)
    check_golden(kept, now, version=4, update=True)
    check_golden(kept, now, version=4, update=False)
