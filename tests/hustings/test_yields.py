"""Yields at the command line: a bond sold short by a rule, the ministry's file, and yields and prices exchanged."""

from datetime import date
from math import prod
from pathlib import Path

import pytest

from datasets.instants import to_date
from datasets.markets.sessions import calendar_sessions

FREE = ("--commission-bps", "0", "--slippage-bps", "0", "--no-report", "--json")
DAYS = [to_date(d) for d in calendar_sessions("XTKS", date(2021, 8, 2), date(2021, 12, 30))]
YIELDS = [round(0.02 + 0.002 * (n % 3) - 0.001 * max(0, n - 40), 3) for n in range(len(DAYS))]
"""They fall through zero some weeks after the vote of 2021-10-31."""
SHARES = [2000 + 3 * n + 10 * (n % 2) for n in range(len(DAYS))]


def write(folder: Path, name: str, values: list[float]) -> None:
    rows = "".join(f"{d},{v}\n" for d, v in zip(DAYS, values, strict=True))
    (folder / f"{name}.csv").write_text(f"date,close\n{rows}", encoding="utf-8")


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    folder = tmp_path / "prices"
    folder.mkdir()
    write(folder, "JGB10Y", YIELDS)
    write(folder, "TOPIX", [float(v) for v in SHARES])
    return folder


def step(before: float, rate: float, days: int) -> float:
    """Return what a par bond of ten years is worth after some days, of 1 paid: its payments, each discounted."""
    waits = [half - 2 * days / 365 for half in range(1, 21)]
    coupons = sum(before / 200 / (1 + rate / 200) ** w for w in waits)
    return float(coupons + 1 / (1 + rate / 200) ** waits[-1])


def growth(first: str, last: str) -> float:
    """Return what the bond grew by from one close to another, renewed at each close between."""
    a, b = (DAYS.index(date.fromisoformat(d)) for d in (first, last))
    return prod(step(YIELDS[n - 1], YIELDS[n], (DAYS[n] - DAYS[n - 1]).days) for n in range(a + 1, b + 1))


def test_the_takaichi_trade_sells_a_bond_short_at_closes_for_a_share_like_that_of_a_market(cli, prices: Path) -> None:
    run = ("run", "takaichi-trade", "-p", "markets=TOPIX", "--data", str(prices), *FREE)
    answer = cli(*run, "-p", "bonds=JGB10Y")
    assert (answer.code, answer.err) == (0, "")
    by_name = {t["instrument"]: t for t in answer.json["trades"] if t["event_id"] == "JP-2021-10-31-GE"}
    bond = by_name["JGB10Y"]
    assert (by_name["TOPIX"]["weight"], bond["weight"], bond["side"]) == (0.45, -0.45, "short")
    assert (bond["entry_session"], bond["exit_session"]) == ("2021-11-01", "2021-11-17")
    assert YIELDS[DAYS.index(date(2021, 11, 1))] > 0 > YIELDS[DAYS.index(date(2021, 11, 16))]
    change = growth("2021-11-01", "2021-11-17")
    assert bond["exit_price"] / bond["entry_price"] == pytest.approx(change, abs=1e-12)
    assert bond["pnl"] == pytest.approx(-bond["quantity"] * bond["entry_price"] * (change - 1), abs=1e-6)
    assert answer.json["sources"]["JGB10Y"].startswith(
        "file JGB10Y.csv; prices of a par bond of 10 years, made of its yields; 104 bars"
    )
    assert [
        w for w in answer.json["warnings"] if "total return" in w
    ] == []  # TOPIX is a price index, a bond is neither
    plain = cli(*run).json
    assert {t["instrument"] for t in plain["trades"]} == {"TOPIX"}
    assert cli(*run, "-p", "bonds=").json["run_id"] == plain["run_id"]


def test_a_sweep_tries_bonds_and_none(cli, prices: Path) -> None:
    options = ("-p", "markets=TOPIX", "-p", "bonds=;JGB10Y:0.4;JGB10Y", "--data", str(prices), "--json")
    answer = cli("sweep", "takaichi-trade", *options)
    assert answer.code == 0
    assert sorted(b["parameters"]["bonds"] for b in answer.json["best"]) == [[], ["JGB10Y"], ["JGB10Y:0.4"]]


def test_another_rule_sells_a_bond_short_like_any_instrument(cli, prices: Path) -> None:
    options = ("-p", "instrument=jp10y", "-p", "country=JP", "-p", "side=short", "--data", str(prices), *FREE)
    answer = cli("run", "buy-after-event", *options)
    assert {(t["instrument"], t["side"]) for t in answer.json["trades"]} == {("JGB10Y", "short")}


def test_a_price_given_as_a_yield_and_the_reverse_are_one_line_each(cli, prices: Path) -> None:
    run = ("run", "takaichi-trade", "-p", "markets=TOPIX", "-p", "bonds=JGB10Y", "--data", str(prices), "--no-report")
    write(prices, "JGB10Y", [float(v) for v in SHARES])
    answer = cli(*run)
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert "JGB10Y.csv line 2: the median close is 2159.5, and JGB10Y is a yield in per cent" in answer.err
    write(prices, "JGB10Y", YIELDS)
    write(prices, "TOPIX", YIELDS)
    answer = cli(*run)
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert "TOPIX.csv line 2: 39% of the closes are negative: these are yields or a spread, not prices" in answer.err


def test_the_ministry_s_file_is_imported_by_its_column_and_shown_as_yields_and_prices(cli, home, prices: Path) -> None:
    rows = "".join(f"R3.{d.month}.{d.day},-,{v},0.9\r\n" for d, v in zip(DAYS, YIELDS, strict=True))
    text = f"国債金利情報,,,(単位 : %)\r\n基準日,1年,10年,40年\r\n{rows}"
    Path("jgbcm_all.csv").write_bytes(text.encode("cp932"))
    answer = cli("data", "import", "jgbcm_all.csv", "--symbol", "JGB10Y", "--column", "10年", "--json")
    assert (answer.code, answer.json[0]["added"], answer.json[0]["warnings"]) == (0, len(DAYS), [])
    shown = cli("data", "show", "JGB10Y").out
    last = next(line.split() for line in shown.splitlines() if line.strip().startswith("2021-12-30"))
    assert last == ["2021-12-30", f"{YIELDS[-1]:.3f}", f"{100 * growth('2021-08-02', '2021-12-30'):.2f}", "no"]
    assert cli("data", "check", "JGB10Y").code == 0
    (listed,) = [i for i in cli("data", "list", "--group", "bond", "--json").json if i["symbol"] == "JGB10Y"]
    assert (listed["maturity"], listed["has_bars"]) == (10, True)
