"""A Nikkei future of the CME from the command line: it trades on Sunday evening, rolls, and says what it is."""

from pathlib import Path
from typing import Any

import pytest

DAYS = ("2026-02-04", "2026-02-05", "2026-02-06", "2026-02-09", "2026-02-10", "2026-02-11", "2026-02-12", "2026-02-13")
CLOSES = (50_000, 50_100, 50_000, 52_500, 52_000, 52_600, 52_700, 52_800)
OPENS = (50_000, 50_000, 50_100, 52_000, 52_500, 52_000, 52_600, 52_700)
RUN = (
    "run",
    "buy-after-event",
    "-p",
    "instrument=NIY",
    "-p",
    "country=JP",
    "-p",
    "kind=general_election",
    "-p",
    "hold=3",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a directory with a made-up series of the future around the vote of 8 February 2026."""
    rows = [f"{d},{o},{max(o, c) + 10},{min(o, c) - 10},{c},1000" for d, o, c in zip(DAYS, OPENS, CLOSES, strict=True)]
    made = tmp_path / "prices"
    made.mkdir()
    (made / "NIY.csv").write_text("\n".join(["Date,Open,High,Low,Close,Volume", *rows, ""]), encoding="utf-8")
    return made


def trade_of(cli: Any, folder: Path, *more: str) -> dict[str, Any]:
    (trade,) = cli(*RUN, "--data", str(folder), "--no-report", "--cash", "1000000000", "--json", *more).json["trades"]
    return dict(trade)


def test_after_a_sunday_vote_it_fills_on_sunday_evening_an_hour_before_tokyo(cli: Any, folder: Path) -> None:
    """18:00 in New York is 23:00 UTC in February; Tokyo opens at 00:00 UTC."""
    trade = trade_of(cli, folder, "--slippage-bps", "0", "--commission-bps", "0")
    assert (trade["decided_at"], trade["entry_at"]) == ("2026-02-08T11:00:00Z", "2026-02-08T23:00:00Z")
    assert (trade["entry_session"], trade["entry_price"]) == ("2026-02-09", 52_000)
    contracts = 950_000_000 // (52_000 * 500)
    assert (trade["quantity"], trade["multiplier"]) == (contracts, 500)
    assert trade["pnl"] == pytest.approx(contracts * 500 * (52_600 - 52_000))


def test_a_roll_in_between_costs_two_commissions_and_is_named(cli: Any, folder: Path) -> None:
    answer = cli(*RUN, "--data", str(folder), "--no-report", "--cash", "1000000000")
    assert (
        "future NIY: multiplier 500, tick 5, initial margin 8 % of value, maintenance 7.3 %; no roll is named"
        in answer.out
    )
    of = ("--commission-bps", "2", "--slippage-bps", "0")
    plain = trade_of(cli, folder, *of)
    (folder / "actions.csv").write_text("symbol,ex_date,kind,value,source\nNIY=F,2026-02-11,roll,1,made up\n")
    rolled = trade_of(cli, folder, *of)
    assert rolled["roll"] == pytest.approx(2 * 2e-4 * 36 * 500 * 52_000)
    assert rolled["pnl"] == pytest.approx(plain["pnl"] - rolled["roll"])
    assert "1 roll named (no price changed by them)" in cli(*RUN, "--data", str(folder), "--no-report").out


def test_a_future_is_imported_with_its_rolls(cli: Any, home: Path, folder: Path) -> None:
    (folder / "actions.csv").write_text("symbol,ex_date,kind,value,source\nNIY,2026-02-11,roll,0.99,made up\n")
    assert cli("data", "import", str(folder)).code == 0
    stored = cli(*RUN, "--no-report", "--cash", "1000000000", "--json").json
    assert stored["trades"] == [trade_of(cli, folder)]
    assert stored["trades"][0]["roll"] > 0
    assert "1 roll," in stored["futures"]["NIY"]


def test_futures_are_a_group_of_their_own(cli: Any) -> None:
    rows = {r["symbol"]: r for r in cli("data", "list", "--group", "future", "--json").json}
    assert len(rows) == 19
    assert (rows["ES"]["multiplier"], rows["ES"]["tick"], rows["ES"]["exchange"]) == (50, 0.25, "CMES")


def test_a_study_says_that_the_cash_is_too_little_for_a_contract(cli: Any, folder: Path) -> None:
    words = " ".join(cli("study", *RUN[1:], "--data", str(folder), "--draws", "100", "--cash", "1000000").out.split())
    assert (
        "Left out because the account could not open them: trades 1, one as 0.95 of equity 1,000,000 buys less "
        "than one lot of 1 at 500 x 52,0"
    ) in words


def test_the_page_writes_whole_contracts_times_the_multiplier(cli: Any, folder: Path, tmp_path: Path) -> None:
    of = ("--no-variants", "--no-quantstats", "--out", str(tmp_path / "out"))
    cli(*RUN, "--data", str(folder), "--cash", "1000000000", *of)
    page = (tmp_path / "out" / "tearsheet.html").read_text(encoding="utf-8")
    assert "36 x 500 at 95 %" in page
    assert "borrow fee and rolls of futures" in page
