"""What trading costs is in the trades that paid it: run and study, from the command line."""

from pathlib import Path

import pytest

BORROW = ("buy-after-event", "-p", "instrument=XX", "-p", "side=short", "-p", "hold=15", "--borrow-rate", "0.5")


def test_the_borrow_fee_is_in_every_trade_and_all_that_is_made_from_it(cli, shared_dir: Path) -> None:
    world = shared_dir / "cases" / "worlds" / "borrow"
    given = ("--data", str(world), "--events", str(world / "ev"), "--no-report", "--json")
    run = cli("run", *BORROW, *given).json
    trades = run["trades"]
    assert run["final_equity"] - 1_000_000 == pytest.approx(sum(t["pnl"] for t in trades), abs=0.01)
    first = trades[0]
    rough = first["quantity"] * first["entry_price"] * 0.5 * 21 / 365  # from 2021-02-03 to 2021-02-25, of marks near it
    assert first["borrow"] == pytest.approx(rough, rel=0.06)
    assert first["costs"] == first["borrow"]  # the world has no other costs
    assert run["metrics"]["win_rate"] == 0.0
    assert run["metrics"]["profit_factor"] == 0.0
    assert run["metrics"]["mean_trade"] == pytest.approx(sum(t["return"] for t in trades) / len(trades))
    study = cli("study", *BORROW, *given).json
    returns = {t["event_id"]: t["return"] for t in trades}
    observed = {o["events"][0]: o["net"] for o in study["study"]["observations"] if len(o["events"]) == 1}
    assert observed == pytest.approx({event: returns[event] for event in observed})
    assert len(observed) > 5


def test_a_run_kept_from_before_the_fee_had_a_column_is_read(cli) -> None:
    assert cli("run", "pro-growth-win", "--no-report", "--out", "kept").code == 0
    path = Path("kept/trades.csv")
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].endswith(",borrow")
    path.write_text("\n".join(line.rpartition(",")[0] for line in lines) + "\n", encoding="utf-8")
    assert cli("report", "kept", "--json").json["tables"]["trades"][0]["borrow"] == 0.0
