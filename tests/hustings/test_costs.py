"""What trading costs is in the trades that paid it: run and study, from the command line."""

import csv
import json
import shutil
from pathlib import Path

import pytest

BORROW = ("buy-after-event", "-p", "instrument=XX", "-p", "side=short", "-p", "hold=15", "--borrow-rate", "0.5")


def test_the_borrow_fee_is_in_every_trade_and_all_that_is_made_from_it(cli, shared_dir: Path) -> None:
    world = shared_dir / "cases" / "worlds" / "borrow"
    given = ("--data", str(world), "--events", str(world / "ev"), "--only-events", "--no-report", "--json")
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
    assert lines[0].endswith(",note,borrow,carry,fx,entry_rate,exit_rate,multiplier,roll")
    path.write_text("\n".join(line.rsplit(",", 7)[0] for line in lines) + "\n", encoding="utf-8")
    manifest = json.loads(Path("kept/manifest.json").read_text(encoding="utf-8"))
    del manifest["files"]  # versions of then kept no hashes of the files
    Path("kept/manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert cli("report", "kept", "--json").json["tables"]["trades"][0]["borrow"] == 0.0


def _fills(folder: str) -> list[tuple[str, float]]:
    with Path(folder, "fills.csv").open(encoding="utf-8", newline="") as f:
        return [(row["side"], float(row["quantity"])) for row in csv.DictReader(f)]


def test_lots_hold_when_a_position_shrinks_and_closing_sells_the_rest(cli, shared_dir: Path, tmp_path: Path) -> None:
    cases = shared_dir / "cases" / "backtrader"
    shutil.copy(cases / "data" / "SX5E.csv", tmp_path)
    header = "symbol,name,mic,currency,lot,commission_bps,slippage_bps"
    (tmp_path / "instruments.csv").write_text(f"{header}\nSX5E,Stoxx sample,XETR,EUR,10,0,0\n", encoding="utf-8")
    of = ("--instrument", "SX5E", "--data", str(tmp_path), "--cash", "100000", "--no-report")
    answer = cli("run", f"{cases / 'lots.py'}:Lots", *of, "--out", "lots")
    assert _fills("lots") == [("buy", 30.0), ("sell", 10.0)]  # 30.4 and 19.8 units were asked for
    assert "order of -0.4 refused: only lots of 10 can be traded, except to close" in answer.out


@pytest.mark.parametrize(
    ("strategy", "text"),
    [
        ("comm.py:CommAll", "broker.setcommission() is not supported: commission is given with --commission-bps"),
        (
            "comm.py:CommInfoNamed",
            "broker.addcommissioninfo() is not supported: commission is given with --commission-bps",
        ),
        ("fut.py:Fut", "the leverage of a margin with --max-gross"),
        ("mults.py:Fut2", "a multiplier with the size of the orders"),
        ("comm.py:Interest", "the fee on shorts with --borrow-rate"),
        ("comm.py:SlipPerc", "setting slip_perc of the broker is not supported: slippage is given with --slippage-bps"),
        (
            "comm.py:Filler",
            "setting filler of the broker is not supported: an order fills in full, whatever the volume",
        ),
        ("comm.py:ShortCash", "setting shortcash of the broker is not supported"),
        ("comm.py:CheckSubmit", "setting checksubmit of the broker is not supported"),
        ("comm.py:Fund", "setting fundmode of the broker is not supported"),
        ("comm.py:EosBar", "setting eosbar of the broker is not supported"),
    ],
)
def test_a_setting_of_the_broker_is_refused_in_one_line(cli, shared_dir: Path, strategy: str, text: str) -> None:
    cases = shared_dir / "cases" / "backtrader"
    answer = cli("run", f"{cases}/{strategy}", "--instrument", "SX5E", "--data", str(cases / "data"), "--no-report")
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert text in answer.err
