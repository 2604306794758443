"""--currency and --fx: what a run in another currency prints and computes, and the one line where a rate is missing."""

import csv
import re
import shutil
from datetime import datetime
from pathlib import Path

import pytest

TAKAICHI = ("run", "takaichi-trade", "--no-report")
USD = ("--currency", "USD", "--fx", "unhedged")


def _rates(path: Path) -> list[tuple[datetime, float]]:
    """Return the opens (22:00 or 21:00 UTC of the day before) and closes of USDJPY, each with its instant."""
    from datasets.markets.instruments import bundled_instruments
    from datasets.prices.sources.files import DirectorySource

    bars = DirectorySource(path).load(bundled_instruments().find("USDJPY"))
    found = []
    for n in range(len(bars)):
        if bars.open_is_real[n]:
            found.append((int(bars.open_at[n]), float(bars.open[n])))
        found.append((int(bars.close_at[n]), float(bars.close[n])))
    return [(datetime.fromtimestamp(at / 1e9), price) for at, price in sorted(found)]


def _known(rates: list[tuple[datetime, float]], at: str) -> float:
    instant = datetime.fromtimestamp(datetime.fromisoformat(at).timestamp())
    return [price for made_at, price in rates if made_at <= instant][-1]


def test_each_equity_leg_is_quantity_times_price_over_rate_at_both_ends(cli, market_dir: Path) -> None:
    options = (*USD, "--data", str(market_dir), "--to", "2021-12-31", "--commission-bps", "0", "--slippage-bps", "0")
    run = cli(*TAKAICHI, *options, "--json").json
    rates = _rates(market_dir)
    legs = [t for t in run["trades"] if t["instrument"] != "USDJPY"]
    assert len(legs) >= 5
    for t in legs:
        out, paid = (t[f"{end}_price"] / _known(rates, t[f"{end}_at"]) for end in ("exit", "entry"))
        assert t["pnl"] == pytest.approx(t["quantity"] * (out - paid), abs=0.01)
    pairs = [t for t in run["trades"] if t["instrument"] == "USDJPY"]
    for t in pairs:
        moved = t["quantity"] * (t["exit_price"] - t["entry_price"])
        assert t["pnl"] == pytest.approx(moved / t["exit_price"], abs=0.01)  # left at an open, whose rate it is itself
    assert (run["currency"], run["fx"], run["rates"]["TOPIX"]) == ("USD", "unhedged", "1/USDJPY")


def test_a_hedged_account_has_the_trades_it_had_whatever_it_is_called(cli, market_dir: Path) -> None:
    of = ("--data", str(market_dir), "--json")
    yen, dollars = (cli(*TAKAICHI, *of, *more).json for more in ((), ("--currency", "USD")))
    assert (yen["currency"], dollars["currency"]) == ("JPY", "USD")
    assert yen["trades"] == dollars["trades"]


def test_bars_that_end_before_the_event_are_continued_by_the_second_series_and_the_run_says_so(cli, market_dir) -> None:
    answer = cli(*TAKAICHI, *USD, "--data", str(market_dir))
    assert answer.code == 0
    assert "not currency-hedged" in answer.out
    nikkei = next(line for line in answer.out.splitlines() if "JPY of N225 at" in line)
    assert re.search(r"1971-01-05 to .* to 2000-01-05 and \d+ bars of 2026-02-24 to 2026-08-21$", nikkei)
    topix = next(line for line in answer.out.splitlines() if "JPY of TOPIX at" in line)
    assert topix.endswith(" bars of 2026-02-24 to 2026-08-21")
    assert topix.startswith("  JPY of TOPIX at 1/USDJPY, then 1/USDJPY_FRED for ")
    assert "P&L USD" in answer.out


def test_a_stale_rate_is_refused_in_one_line_that_names_the_pair(cli, market_dir: Path, tmp_path: Path) -> None:
    for name in ("N225", "USDJPY"):
        shutil.copy(market_dir / f"{name}.csv", tmp_path)
    answer = cli(*TAKAICHI, *USD, "-p", "markets=N225", "--data", str(tmp_path))
    assert answer.code == 2
    assert answer.err.count("\n") == 1
    assert "no rate of JPY in USD at 2026-02-23" in answer.err or "no rate of JPY in USD at 2026-02-24" in answer.err
    assert "1/USDJPY is older than 5 days then; fetch or import USDJPY, or keep --fx hedged" in answer.err


def test_a_rate_of_a_currency_without_bars_names_the_pairs_to_fetch(cli, market_dir: Path, tmp_path: Path) -> None:
    for name in ("N225", "USDJPY"):
        shutil.copy(market_dir / f"{name}.csv", tmp_path)
    pounds = ("--currency", "GBP", "--fx", "unhedged", "-p", "markets=N225", "--data", str(tmp_path))
    answer = cli(*TAKAICHI, *pounds)
    assert answer.code == 2
    assert "no rate of JPY in GBP at " in answer.err
    assert "no bars of a pair give one; fetch or import GBPUSD, or keep" in answer.err


def test_a_benchmark_older_than_its_rates_names_the_day_from_which_it_has_one(cli, market_dir: Path) -> None:
    market = ("-p", "markets=N225", "--data", str(market_dir))
    of = (*TAKAICHI, *USD, "--benchmark", "N225", *market, "--to", "2021-12-31")
    refused = cli(*of, "--from", "1960-01-01")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "while N225 is the benchmark: 1/USDJPY, then 1/USDJPY_FRED begins later; fetch or import" in refused.err
    assert "USDJPY, begin with --from 1971-01-06, or keep --fx hedged" in refused.err
    assert cli(*of, "--from", "1971-01-05").code == 2
    assert cli(*of[:-2], "--from", "1971-01-06", "--to", "1971-08-01").code == 0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--currency", "XXY"), "unknown currency 'XXY'"),
        (("--currency", "GPB"), "unknown currency 'GPB' (did you mean 'GBP'?)"),
        (("--currency", "JPN"), "unknown currency 'JPN' (did you mean 'JPY'?)"),
        (("--borrow-rate", "-0.1"), "borrow rate is -0.1; it must lie between 0 and 5"),
    ],
)
def test_bad_input_is_one_line(cli, options: tuple[str, ...], text: str) -> None:
    answer = cli(*TAKAICHI, *options)
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert text in answer.err


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ("USD,2020-01-01,5.25", "rates.csv line 2: rate is '5.25'; it must be an annual fraction"),
        ("US,2020-01-01,0.05", "rates.csv line 2: unknown currency 'US' (did you mean 'USD'?); use an ISO 4217 code"),
        ("JPX,2020-01-01,0.05", "rates.csv line 2: unknown currency 'JPX' (did you mean 'JPY'?)"),
        ("USD,2020-13-01,0.05", "rates.csv line 2: date is '2020-13-01'"),
        ("USD,2020-01-01,0.05\nUSD,2020-01-01,0.04", "rates.csv line 3: USD has two rates of 2020-01-01"),
    ],
)
def test_a_bad_row_of_short_rates_is_one_line(cli, market_dir, tmp_path: Path, row: str, text: str) -> None:
    shutil.copy(market_dir / "USDJPY.csv", tmp_path)
    (tmp_path / "rates.csv").write_text(f"currency,date,rate\n{row}\n", encoding="utf-8")
    answer = cli("run", "buy-after-event", "-p", "instrument=USDJPY", "--data", str(tmp_path), "--no-report")
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert text in answer.err


def test_a_negative_exchange_rate_is_refused(cli, market_dir: Path, tmp_path: Path) -> None:
    shutil.copy(market_dir / "N225.csv", tmp_path)
    rows = list(csv.reader((market_dir / "USDJPY.csv").read_text(encoding="utf-8").splitlines()))
    rows[3000][1:5] = ["-1", "-1", "-1", "-1"]
    (tmp_path / "USDJPY.csv").write_text("\n".join(map(",".join, rows)) + "\n", encoding="utf-8")
    answer = cli(*TAKAICHI, *USD, "-p", "markets=N225", "--data", str(tmp_path), "--to", "2021-12-31")
    assert answer.code == 2
    assert "USDJPY.csv line 3001" in answer.err


def test_carry_is_stated_and_earned_where_there_are_short_rates(cli, market_dir: Path, tmp_path: Path) -> None:
    shutil.copy(market_dir / "USDJPY.csv", tmp_path)
    pair = ("run", "buy-after-event", "-p", "instrument=USDJPY", "-p", "country=JP", "-p", "hold=10", "--no-report")
    without = cli(*pair, "--data", str(tmp_path))
    assert "carry of USDJPY: none: no rates.csv next to the prices has the short rates of USD and JPY" in without.out
    (tmp_path / "rates.csv").write_text("currency,date,rate\nUSD,1999-01-01,0.05\nJPY,1999-01-01,0.01\n")
    given = cli(*pair, "--data", str(tmp_path), "--json").json
    assert given["carry"] == {"USDJPY": "short rates of rates.csv"}
    trade = given["trades"][0]
    assert trade["carry"] == pytest.approx(trade["quantity"] * trade["entry_price"] * 0.04 * 14 / 360, rel=0.1)


def test_a_study_and_a_sweep_of_an_unhedged_account_agree_with_its_run(cli, market_dir: Path) -> None:
    of = (*USD, "--data", str(market_dir), "--no-report", "--json")
    rule = ("pro-growth-win", "-p", "hold=10")
    run, study = cli("run", *rule, *of).json, cli("study", *rule, *of).json
    returns = {t["event_id"]: t["return"] for t in run["trades"]}
    assert study["metrics"]["mean_trade"] == run["metrics"]["mean_trade"]
    observed = {o["events"][0]: o["net"] for o in study["study"]["observations"] if len(o["events"]) == 1}
    assert observed == pytest.approx({e: returns[e] for e in observed})
    swept = cli("sweep", "pro-growth-win", "-p", "hold=5,10", *of)
    assert swept.code == 0
    ten = next(r for r in swept.json["best"] if r["parameters"]["hold"] == 10)
    assert ten["results"]["total_return"] == pytest.approx(run["metrics"]["total_return"])


def test_a_market_may_be_sold_short_and_have_its_own_share(cli, market_dir: Path) -> None:
    of = (*TAKAICHI, "--data", str(market_dir), "--to", "2021-12-31", "--json")
    run = cli(*of, "-p", "markets=N225,-USDJPY").json
    sides = {(t["instrument"], t["side"], t["weight"]) for t in run["trades"]}
    assert sides == {("N225", "long", 0.45), ("USDJPY", "short", -0.45)}
    shared = cli(*of, "-p", "markets=NKY:0.6,-USD/JPY:0.3").json
    assert {(t["instrument"], t["weight"]) for t in shared["trades"]} == {("N225", 0.6), ("USDJPY", -0.3)}
    again = cli(*of, "-p", "markets=N225:0.60,-USDJPY:0.3").json
    assert again["run_id"] == shared["run_id"]
    swept = cli("sweep", "takaichi-trade", "-p", "markets=N225,-USDJPY;N225:0.6", "--data", str(market_dir), "--json")
    assert swept.code == 0
    assert swept.json["combinations"] == 2


@pytest.mark.parametrize("text", ["N225:-0.3", "N225:6", "-", "N225:x"])
def test_a_share_that_cannot_be_is_refused_in_one_line(cli, text: str) -> None:
    answer = cli(*TAKAICHI, "-p", f"markets={text}")
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert "parameter markets of takaichi-trade" in answer.err


def test_rates_of_simulated_bars_mark_the_run_as_simulated(cli) -> None:
    run = cli(
        "run",
        "pro-growth-win",
        "-p",
        "instrument=SPX",
        "--currency",
        "JPY",
        "--fx",
        "unhedged",
        "--no-report",
        "--json",
    )
    assert run.code == 0
    assert run.json["simulated"] is True


def test_a_comparison_of_accounts_in_two_currencies_pairs_returns_and_not_amounts(cli, market_dir: Path) -> None:
    of = (
        "run",
        "takaichi-trade",
        "-p",
        "markets=N225,TOPIX",
        "--data",
        str(market_dir),
        "--to",
        "2021-12-31",
        "--no-report",
    )
    yen, dollars = cli(*of, "--out", "yen", "--json").json, cli(*of, *USD, "--out", "dollars", "--json").json
    assert "accounts are kept in JPY, USD: amounts are not compared" in cli("compare", "yen", "dollars").out
    data = cli("compare", "yen", "dollars", "--json").json
    assert data["common"]["expectancy"]["best"] == [False, False]
    paired = {e["event_id"]: e["second"] for e in data["differences"][0]["events"]["common"]}
    for event_id, found in paired.items():
        legs = [t for t in dollars["trades"] if t["event_id"] == event_id]
        assert len(legs) == len([t for t in yen["trades"] if t["event_id"] == event_id])
        paid = sum(t["pnl"] / t["return"] for t in legs)
        assert found == pytest.approx(sum(t["pnl"] for t in legs) / paid)


def test_the_parts_of_a_single_market_are_printed_where_a_rate_is_among_them(cli, market_dir: Path) -> None:
    of = ("run", "takaichi-trade", "-p", "markets=TOPIX", "--data", str(market_dir), "--no-report")
    table = "market   trades    asset      gap        FX   carry     costs   P&L USD   exposure"
    unhedged = " ".join(cli(*of, *USD).out.split())
    assert " ".join(table.split()) in unhedged
    assert "exposure by currency: JPY +" in unhedged
    assert "exposure by currency" not in cli(*of).out
