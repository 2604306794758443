"""hustings run: its JSON, its files, its sameness."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from engine.metrics.table import METRIC_NAMES

QUICK = ("--no-report", "--json")


def test_the_json_is_one_object_with_every_key_promised(cli) -> None:
    answer = cli("run", "pro-growth-win", *QUICK)
    assert answer.code == 0
    assert answer.err == ""
    assert set(answer.json) == {
        "run_id", "strategy", "parameters", "sources", "simulated", "first_session", "last_session", "start_equity",
        "final_equity", "metrics", "notes", "trades", "skipped", "files", "warnings",
        "trial", "periods", "currency", "fx", "rates", "carry", "futures", "markets", "exposures",
    }  # fmt: skip
    assert set(answer.json["metrics"]) == set(METRIC_NAMES) >= {
        "total_return", "cagr", "volatility", "sharpe", "sortino", "max_drawdown", "exposure", "n_trades", "win_rate",
        "profit_factor", "mean_trade", "median_trade", "expectancy", "payoff_ratio",
    }  # fmt: skip
    promised = {
        "event_id", "instrument", "side", "weight", "quantity", "decided_at", "entry_session", "entry_at", "entry_price",
        "exit_session", "exit_at", "exit_price", "exit_reason", "costs", "pnl", "return",
    }  # fmt: skip
    assert promised <= set(answer.json["trades"][0])
    assert set(answer.json["skipped"][0]) == {"event_id", "instrument", "reason"}


def test_the_landslide_trade_on_real_bars(cli, market_dir: Path) -> None:
    """The issue's own figures: TOPIX in at 3756.21, out at 3855.98 after two sessions, the 11th being a holiday."""
    options = ("-p", "hold=2", "--commission-bps", "0", "--slippage-bps", "0")
    answer = cli("run", "pro-growth-win", "--data", str(market_dir), *options, *QUICK)
    trade = next(t for t in answer.json["trades"] if t["event_id"] == "JP-2026-02-08-GE")
    assert (trade["instrument"], trade["entry_price"], trade["exit_price"]) == ("TOPIX", 3756.21, 3855.98)
    assert (trade["entry_at"], trade["exit_at"]) == ("2026-02-09T00:00:00Z", "2026-02-12T00:00:00Z")
    assert (trade["decided_at"], trade["costs"]) == ("2026-02-08T11:00:00Z", 0.0)
    assert not answer.json["simulated"]


def test_simulated_bars_are_marked_in_terminal_and_files(cli) -> None:
    answer = cli("run", "pro-growth-win", "--no-report", "--out", "out")
    assert "SIMULATED bars: TOPIX" in answer.out
    manifest = json.loads(Path("out/manifest.json").read_text())
    assert manifest["simulated"] == ["TOPIX"]
    assert "SIMULATED" in manifest["sources"]["TOPIX"]


def test_where_the_bars_come_from_is_reported_for_each_instrument(cli) -> None:
    answer = cli("run", "regional-spillover", *QUICK)
    assert answer.json["sources"]["SPX"].startswith("real bars shipped in the package arch")
    assert answer.json["sources"]["KOSPI"].startswith("SIMULATED")
    assert answer.json["simulated"]


def test_the_files_hold_what_the_json_says(cli) -> None:
    answer = cli("run", "takaichi-trade", "--out", "out", *QUICK)
    assert set(answer.json["files"]) == {"manifest", "trades", "fills", "events", "equity", "exposures", "paths"}
    with Path("out/trades.csv").open() as f:
        rows = list(csv.DictReader(f))
    assert [float(r["pnl"]) for r in rows] == [t["pnl"] for t in answer.json["trades"]]
    with Path("out/equity.csv").open() as f:
        reader = csv.DictReader(f)
        assert reader.fieldnames == ["session", "equity", "returns", "exposure"]
        assert float(list(reader)[-1]["equity"]) == answer.json["final_equity"]
    with Path("out/fills.csv").open() as f:
        assert len(list(csv.DictReader(f))) == 2 * len(rows)


def test_the_same_command_twice_gives_the_same_id_and_bytes(cli) -> None:
    for folder in ("one", "two"):
        assert cli("run", "buy-after-event", "-p", "instrument=IXIC", "-p", "country=US", "--out", folder).code == 0
    names = sorted(p.name for p in Path("one").iterdir())
    assert names == [
        "equity.csv",
        "events.csv",
        "exposures.csv",
        "fills.csv",
        "manifest.json",
        "paths.csv",
        "tearsheet.html",
        "trades.csv",
        "variants.json",
    ]
    for name in names:
        assert Path("one", name).read_bytes() == Path("two", name).read_bytes(), name


def test_a_run_under_its_default_folder(cli) -> None:
    answer = cli("run", "pro-growth-win", *QUICK)
    assert answer.json["files"]["manifest"] == f"runs/{answer.json['run_id']}/manifest.json"
    assert Path(answer.json["files"]["manifest"]).is_file()


def test_a_different_parameter_cost_or_window_is_a_different_run(cli) -> None:
    variants = [(), ("-p", "hold=3"), ("--commission-bps", "7"), ("--from", "2010-01-01"), ("--cash", "5")]
    ids = {cli("run", "pro-growth-win", *v, *QUICK).json["run_id"] for v in variants}
    assert len(ids) == len(variants)


def test_the_window_cuts_events_before_and_bars_after(cli) -> None:
    answer = cli("run", "pro-growth-win", "--from", "2014-01-01", "--to", "2020-01-31", *QUICK).json
    assert (answer["first_session"], answer["last_session"]) == ("2014-01-06", "2020-01-31")
    assert [t["event_id"] for t in answer["trades"]] == ["JP-2014-12-14-GE", "JP-2017-10-22-GE"]
    reasons = {s["event_id"]: s["reason"] for s in answer["skipped"]}
    assert reasons["JP-2026-02-08-GE"] == "no bar after 2026-02-08T11:00:00Z; bars end 2020-01-31"


def test_a_later_bar_is_never_seen(cli) -> None:
    """Cut at the end of January 2015: the trade of December 2014 is the same as in the whole run."""
    whole = cli("run", "pro-growth-win", "-p", "hold=5", *QUICK).json["trades"]
    cut = cli("run", "pro-growth-win", "-p", "hold=5", "--to", "2015-01-31", *QUICK).json["trades"]
    assert cut == whole[: len(cut)]
    assert len(cut) == 4


def test_lots_of_the_traded_fund(cli) -> None:
    trades = cli("run", "pro-growth-win", "-p", "instrument=1306.T", *QUICK).json["trades"]
    assert {t["instrument"] for t in trades} == {"T1306"}
    assert all(t["quantity"] % 10 == 0 for t in trades)


def test_own_instruments_of_a_data_directory(cli, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "instruments.csv").write_text(
        "symbol,name,mic,currency,lot,commission_bps,slippage_bps\nACME,Acme,XTKS,JPY,1,0,0\n"
    )
    rows = ["date,open,high,low,close", "2026-02-06,9,9,9,9", "2026-02-09,10,12,10,12", "2026-02-10,11,11,11,11"]
    (data / "acme.csv").write_text("\n".join([*rows, ""]))
    answer = cli("run", "pro-growth-win", "--data", str(data), "-p", "instrument=acme", "-p", "hold=1", *QUICK).json
    # bought at 10 with 95 % of a million, sold at the next open at 11: 95,000 shares gain 1 each
    assert [(t["quantity"], t["entry_price"], t["exit_price"], t["pnl"]) for t in answer["trades"]] == [
        (95_000, 10, 11, 95_000)
    ]
    assert answer["final_equity"] == 1_095_000


def test_own_events(cli, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(
        "event_id,country,kind,title,known_at,pro_growth\nMY-1,JP,general_election,A vote,2015-03-01T11:00:00Z,yes\n"
    )
    trades = cli("run", "pro-growth-win", "--only-events", "--events", str(path), *QUICK).json["trades"]
    assert [(t["event_id"], t["entry_session"]) for t in trades] == [("MY-1", "2015-03-02")]


def test_idle_cash_earns_its_rate(cli) -> None:
    """No trade before 2005-09: the first equity of 2005 is 2 % a year, actual/365, on a million since 2004-01-05."""
    options = ("--cash-rate", "0.02", "--from", "2004-01-05", "--to", "2005-01-04", "--out", "out")
    cli("run", "pro-growth-win", *options, *QUICK)
    with Path("out/equity.csv").open() as f:
        last = list(csv.DictReader(f))[-1]
    assert last["session"] == "2005-01-04"
    assert float(last["equity"]) == pytest.approx(1_020_000, abs=0.01)  # 365 days


@pytest.mark.parametrize("rule", ["takaichi-trade", "regional-spillover"])
def test_seven_cities_together_each_at_its_own_open(cli, market_dir: Path, rule: str) -> None:
    answer = cli("run", rule, "--data", str(market_dir), *QUICK)
    assert answer.code == 0
    for trade in answer.json["trades"]:
        assert trade["entry_at"] > trade["decided_at"]


WEEKS = "\n".join(f"{day},{100 + n}" for n, day in enumerate(np.datetime64("2017-01-02") + 7 * np.arange(40)))


def test_a_trade_in_weekly_bars_is_dated_at_the_end_of_the_week_and_the_run_says_so(cli, tmp_path: Path) -> None:
    (tmp_path / "SPX.csv").write_text(f"date,close\n{WEEKS}\n")
    out = cli("run", "buy-after-event", "-p", "instrument=SPX", "-p", "country=GB", "-p", "kind=dissolution",
                   "-p", "hold=1", "-p", "exit=close",
                   "--data", str(tmp_path), "--no-report", "--json").json  # fmt: skip
    assert out["periods"] == {"SPX": "weekly"}
    assert (
        "SPX has weekly bars: each is known, and traded, at the close of its period's last session"
        in out["warnings"][0]
    )
    first = out["trades"][0]  # the snap election was called on Tuesday 18 April
    assert (first["entry_at"], first["exit_at"]) == ("2017-04-21T20:00:00Z", "2017-04-28T20:00:00Z")


def test_quantstats_sheet_is_made_beside_the_tear_sheet_and_each_links_to_the_other(cli, monkeypatch):
    monkeypatch.delenv("HUSTINGS_NO_QUANTSTATS")
    given = ("run", "pro-growth-win", "--data", "builtin", "--from", "2021-01-01", "--no-variants", "--out", "out")
    assert "quantstats out/quantstats.html" in cli(*given).out.replace("\\", "/")
    sheet, page = (Path("out", name).read_text(encoding="utf-8") for name in ("quantstats.html", "tearsheet.html"))
    assert 'href="tearsheet.html"' in sheet
    assert 'href="quantstats.html"' in page
    assert cli("report", "out", "--quantstats", "out/quantstats.html").code == 0
    assert Path("out/quantstats.html").read_text(encoding="utf-8") == sheet
    assert Path("out/tearsheet.html").read_text(encoding="utf-8") == page


def test_a_quantstats_that_ends_costs_a_warning_and_not_the_run(cli, monkeypatch):
    monkeypatch.delenv("HUSTINGS_NO_QUANTSTATS")
    monkeypatch.setattr("hustings.sheet._serve", lambda ours, theirs: None)
    answer = cli("run", "pro-growth-win", "--data", "builtin", "--no-variants", "--out", "out")
    assert answer.code == 0
    assert "quantstats' sheet could not be made (its process ended)" in answer.err
    assert not Path("out/quantstats.html").exists()
    assert "quantstats.html" not in Path("out/tearsheet.html").read_text(encoding="utf-8")
