"""hustings run --data: what is changed in the files, what may be accepted, splits that are listed."""

import json
from pathlib import Path

import numpy as np
import pytest

INSTRUMENTS = (
    "symbol,name,mic,currency,lot,commission_bps,slippage_bps,total_return,tradable,aliases,notes\n"
    "XYZ,Test,XNYS,USD,,0,0,no,yes,,share\nUSDSAR,Dollar in riyal,FX,SAR,,0,0,no,yes,,peg\n"
)
EVENT = (
    "event_id,country,kind,title,timezone,voted_on,polls_close_at,known_at,known_at_basis,signal_from,announced_at\n"
    "US-X-1,US,budget_or_policy,Test,America/New_York,,,2024-03-07T22:00:00Z,announcement,,\n"
)
HOLIDAYS = ("2024-01-15", "2024-02-19", "2024-03-29")


def weekdays(first: str, last: str) -> list[str]:
    days = np.arange(np.datetime64(first), np.datetime64(last))
    return [str(d) for d in days if np.is_busday(d) and str(d) not in HOLIDAYS]


@pytest.fixture
def run(cli, home, tmp_path: Path):
    """Run buy-after-event on the one event of a folder whose files are written from rows."""
    folder = tmp_path / "prices"
    (folder / "ev").mkdir(parents=True)
    (folder / "instruments.csv").write_text(INSTRUMENTS)
    (folder / "ev" / "US.csv").write_text(EVENT)

    def with_rows(symbol: str, rows: list[str], *more: str, actions: str = ""):
        (folder / f"{symbol}.csv").write_text("date,open,high,low,close,volume\n" + "".join(f"{r}\n" for r in rows))
        if actions:
            (folder / "actions.csv").write_text(f"symbol,ex_date,kind,value,source\n{actions}\n")
        rule = ("run", "buy-after-event", "-p", f"instrument={symbol}", "-p", "country=US", "-p", "hold=2")
        events = ("--events", str(folder / "ev"), "--only-events")
        return cli(*rule, "--data", str(folder), *events, *more)

    return with_rows


def bars(price, first: str = "2024-01-02", last: str = "2024-04-01") -> list[str]:
    rows = []
    for n, day in enumerate(weekdays(first, last)):
        close = price(n, day)
        rows.append(f"{day},{close * 0.999:.4f},{close * 1.002:.4f},{close * 0.997:.4f},{close:.4f},1000")
    return rows


def walk(n: int) -> float:
    return float(900 * (1 + 0.01 * np.sin(n / 5) + 0.001 * n))


def split_on(day: str, ratio: float):
    return lambda n, d: walk(n) / (ratio if d >= day else 1)


def test_a_split_that_is_listed_does_not_refuse_the_file(run) -> None:
    rows = bars(split_on("2024-03-12", 10))
    refused = run("XYZ", rows, "--json", "--no-report")
    assert (refused.code, "2024-03-12 close 9" in refused.err, "(factor)" in refused.err) == (2, True, True)
    answer = run("XYZ", rows, "--json", "--no-report", actions="XYZ,2024-03-12,split,10,notice")
    assert answer.code == 0, answer.err
    trade = answer.json["trades"][0]
    open_then = float(next(r for r in rows if r.startswith("2024-03-08")).split(",")[1])
    assert trade["entry_price"] == pytest.approx(open_then / 10, abs=1e-9)
    assert abs(trade["return"]) < 0.02, "no tenth of the price is lost"


def test_a_split_that_is_listed_with_another_ratio_is_a_factor(run) -> None:
    answer = run("XYZ", bars(split_on("2024-03-12", 40)), actions="XYZ,2024-03-12,split,10,notice")
    assert (answer.code, "(factor)" in answer.err) == (2, True)


def test_a_pegged_currency_is_prices_and_returns_are_not(run) -> None:
    draw = np.random.default_rng(1)
    peg = run("USDSAR", bars(lambda n, d: 3.7505 + draw.normal(0, 0.0004)), "--json", "--no-report")
    assert (peg.code, len(peg.json["trades"])) == (0, 1), peg.err
    gross = bars(lambda n, d: 1 + draw.normal(0, 0.004))
    refused = run("USDSAR", gross)
    assert (refused.code, "--accept return-like" in refused.err) == (2, True)
    known_better = run("USDSAR", gross, "--accept", "return-like", "--json", "--no-report")
    assert known_better.code == 0, known_better.err
    assert "accepted: return-like" in known_better.json["sources"]["USDSAR"]


def test_a_run_says_what_was_changed_in_a_file(run, tmp_path: Path) -> None:
    rows = bars(lambda n, d: walk(n))
    blank = rows[3].split(",")
    rows[3] = ",".join([blank[0], "", *blank[2:]])
    rows.insert(6, rows[5])
    said = f"file XYZ.csv; 1 row given twice left out (line 8); 1 of {len(rows) - 1} opens blank; "
    out = run("XYZ", rows, "--out", str(tmp_path / "out"))
    assert said in out.out
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["sources"]["XYZ"].startswith(said)
    assert "1 row given twice left out" in (tmp_path / "out" / "tearsheet.html").read_text()
    assert run("XYZ", rows, "--json", "--no-report").json["sources"]["XYZ"].startswith(said)


def test_a_rule_can_be_accepted_for_a_directory_and_is_recorded(run) -> None:
    rows = bars(lambda n, d: walk(n))
    rows[10], rows[11] = rows[11], rows[10]
    refused = run("XYZ", rows)
    assert (refused.code, "with '--accept jumbled'" in refused.err) == (2, True)
    answer = run("XYZ", rows, "--accept", "jumbled", "--json", "--no-report")
    assert (answer.code, "; accepted: jumbled; " in answer.json["sources"]["XYZ"]) == (0, True)
    assert run("XYZ", rows, "--accept", "jumbeld").err.startswith(
        "hustings: unknown rule 'jumbeld' (did you mean 'jumbled'?)"
    )
    assert "rule 'rotated-columns' cannot be accepted" in run("XYZ", rows, "--accept", "rotated-columns").err


def test_accept_needs_a_directory(cli, home) -> None:
    answer = cli("run", "pro-growth-win", "--accept", "factor")
    assert (answer.code, "--accept judges the files of --data DIR" in answer.err) == (2, True)


@pytest.mark.parametrize(
    ("name", "symbol"),
    [("Nikkei 225 Historical Data.csv", "N225"), ("S&P 500 Historical Data.csv", "SPX"), ("USD_JPY Historical Data.csv", "USDJPY")],
)  # fmt: skip
def test_a_vendors_default_file_name_names_its_instrument(cli, home, tmp_path: Path, name: str, symbol: str) -> None:
    (tmp_path / name).write_text("date,close\n2024-01-04,100\n2024-01-05,101\n")
    assert [c["symbol"] for c in cli("data", "check", str(tmp_path / name), "--json").json] == [symbol]


def test_a_directory_import_proposes_lines_for_what_it_could_not_name(cli, home, tmp_path: Path) -> None:
    for name in ("TOPIX.csv", "Kospi composite.csv"):
        (tmp_path / name).write_text("date,close\n2024-01-04,100\n2024-01-05,101\n")
    answer = cli("data", "import", str(tmp_path))
    assert answer.code == 1
    assert "hustings data import" in answer.err and "--symbol" in answer.err
