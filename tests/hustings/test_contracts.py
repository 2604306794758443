"""Contracts of prediction markets from the command line: contracts.csv, runs that settle, and one line for bad input."""

from pathlib import Path

import pytest

from tests.hustings.test_bad_input import refused

HEADER = "symbol,file,market,outcome,settles_at,value,fees,currency\n"
ODDS = """date,timestamp_utc,state,trump_prob,harris_prob
2024-10-27,1729987203,PA,0.605,0.395
2024-10-28,1730073603,PA,0.615,0.385
2024-11-01,1730419203,PA,0.595,0.405
2024-11-04,1730698862,PA,0.555,0.455
2024-11-05,1730764800,PA,0.575,0.425
2024-11-07,1730937600,PA,0.995,0.005
2024-10-28,1730073603,GA,0.7,0.3
"""
"""Seconds after midnight UTC, but 05:41 on the 4th; the last of Pennsylvania is of midnight of the 7th, after the settlement."""
SETTLED = "2024-11-06T12:00:00Z,1"
RULE = (
    "run",
    "buy-after-event",
    "-p",
    "country=JP",
    "-p",
    "kind=general_election",
    "-p",
    "weight=0.5",
    "-p",
    "hold=90",
)
SPAN = ("--from", "2024-10-01", "--to", "2024-11-30", "--cash", "100000", "--no-report")
"""The one election of Japan in that time was known on 27 October 2024 at 11:00 UTC."""


@pytest.fixture
def folder(home, tmp_path: Path) -> Path:
    made = tmp_path / "prices"
    made.mkdir()
    (made / "states.csv").write_text(ODDS)
    return made


def given(folder: Path, *rows: str) -> Path:
    (folder / "contracts.csv").write_text(HEADER + "".join(f"{row}\n" for row in rows))
    return folder


def bought(cli, folder: Path, *more: str, symbol: str = "TRUMP"):
    return cli(*RULE, "-p", f"instrument={symbol}", *SPAN, "--data", str(folder), *more)


def held(cli, folder: Path, *more: str):
    (trade,) = bought(cli, folder, *more, "--json").json["trades"]
    assert (trade["entry_at"], trade["entry_price"]) == ("2024-10-28T00:00:03Z", 0.615)
    assert (trade["quantity"], trade["exit_reason"]) == (81300.0, "settled")  # of 50,000 / 0.615 = 81,300.8
    return trade


def pays_as_by_hand(cli, folder: Path, file: str, settles_at: str) -> None:
    """Buy 81,300 contracts for 49,999.50 USD; each is worth 1 in the end: 31,300.50 USD before costs."""
    row = f"TRUMP,{file},PA,Trump,{settles_at},1"
    plain = held(cli, given(folder, f"{row},polymarket,"))
    assert (plain["costs"], plain["pnl"]) == (0.0, pytest.approx(31_300.50, abs=0.005))
    # 10 bps of 49,999.50 at the entry, nothing at the settlement
    assert held(cli, folder, "--commission-bps", "10")["pnl"] == pytest.approx(31_300.50 - 50.00, abs=0.005)
    # Kalshi's 0.07 x 81,300 x 0.615 x 0.385 at the entry, nothing at the settlement
    charged = held(cli, given(folder, f"{row},kalshi,"))
    assert (charged["costs"], charged["pnl"]) == (
        pytest.approx(1_347.49, abs=0.005),
        pytest.approx(29_953.01, abs=0.005),
    )


def test_a_state_of_2024_bought_after_japans_election_pays_as_by_hand(cli, folder: Path, shared_dir: Path) -> None:
    file = shared_dir / "odds" / "POLYMARKET_US2024_STATES_DAILY.csv"
    pays_as_by_hand(cli, folder, str(file.resolve()), "2024-11-06")


def test_a_contract_of_a_file_beside_it_pays_as_by_hand(cli, folder: Path) -> None:
    pays_as_by_hand(cli, folder, "states.csv", "2024-11-06T12:00:00Z")


def test_quotes_after_the_settlement_are_left_out_and_the_run_says_so(cli, folder: Path) -> None:
    given(folder, f"TRUMP,states.csv,PA,Trump,{SETTLED},,", "OPEN,states.csv,PA,Trump,2024-11-06,,,")
    run = bought(cli, folder, "--json").json
    assert "Trump, fees: none; quotes after the settlement left out: 1; 6 bars" in run["sources"]["TRUMP"]
    opened = bought(cli, folder, "--json", symbol="OPEN").json
    assert (opened["trades"][0]["exit_reason"], opened["trades"][0]["exit_price"]) == ("open_at_end", 0.995)


def test_a_contract_and_an_index_are_held_together_in_a_yen_account_and_a_study_takes_the_index(
    cli, folder: Path
) -> None:
    days = [
        "2024-10-25",
        *(f"2024-10-{d}" for d in (28, 29, 30, 31)),
        "2024-11-01",
        *(f"2024-11-0{d}" for d in range(4, 9)),
    ]
    for symbol, price in (("SPX", 5800.0), ("USDJPY", 150.0)):
        closes = [price * (1 + step / 1000) for step in (0, 3, 1, 4, 2, 5, 3, 1, 6, 8, 7)]
        rows = "".join(f"{day},{close:.3f}\n" for day, close in zip(days, closes, strict=True))
        (folder / f"{symbol}.csv").write_text(f"date,close\n{rows}")
    (folder / "rule.py").write_text(
        "from engine.strategy import *\n\n\n@strategy\nclass Both(Strategy):\n    '''Buy both.'''\n\n"
        "    markets: Symbols = ('TRUMP', 'SPX')\n\n    def wants(self, event):\n        return event.country == 'JP'\n\n"
        "    def legs(self, event, market):\n        return [Leg(m, 0.3, NextOpen(), Never()) for m in self.markets]\n"
    )
    given(folder, f"TRUMP,states.csv,PA,Trump,{SETTLED},,")
    both = (str(folder / "rule.py"), *SPAN, "--data", str(folder))
    answer = cli("run", *both, "--currency", "JPY", "--fx", "unhedged", "--json")
    assert answer.code == 0, answer.err
    run = answer.json
    trades = {t["instrument"]: t for t in run["trades"] if t["event_id"] == "JP-2024-10-27-GE"}
    assert {s: t["exit_reason"] for s, t in trades.items()} == {"TRUMP": "settled", "SPX": "open_at_end"}
    contract = trades["TRUMP"]
    value = contract["exit_price"] * contract["exit_rate"] - contract["entry_price"] * contract["entry_rate"]
    assert contract["entry_rate"] == pytest.approx(150.0, abs=2)
    assert contract["pnl"] == pytest.approx(contract["quantity"] * value)
    study = cli("study", *both, "--draws", "100")
    assert "Legs of TRUMP are left out: a contract settles once." in " ".join(study.out.split()), study.err


def test_list_and_check_show_contracts_and_the_odds_are_no_prices(cli, folder: Path) -> None:
    given(folder, f"TRUMP,states.csv,PA,Trump,{SETTLED},,", "WRONG,states.csv,PA,Trumb,,,,")
    listed = {
        row["symbol"]: row for row in cli("data", "list", "--data", str(folder), "--group", "contract", "--json").json
    }
    assert (listed["TRUMP"]["name"], listed["TRUMP"]["exchange"], listed["TRUMP"]["bars"]) == (
        "Trump PA",
        "24/7",
        "file",
    )
    answer = cli("data", "check", "--data", str(folder), "--json")
    checked = {row["name"]: row for row in answer.json}
    assert (checked["TRUMP"]["rows"], checked["TRUMP"]["would_be_refused"]) == (5, False)
    assert "did you mean 'Trump'" in checked["WRONG"]["error"]
    assert (sorted(checked), answer.code) == (["TRUMP", "WRONG"], 2)
    assert cli("data", "check", "TRUMP", "--data", str(folder)).code == 0


def test_a_study_of_contracts_alone_is_refused_and_so_is_a_backtrader_strategy(cli, folder: Path) -> None:
    given(folder, f"TRUMP,states.csv,PA,Trump,{SETTLED},,")
    alone = ("study", *RULE[1:], "-p", "instrument=TRUMP", *SPAN, "--data", str(folder))
    refused(cli(*alone), "TRUMP is a contract, which settles once")
    (folder / "bt.py").write_text("import backtrader as bt\n\n\nclass Mine(bt.Strategy):\n    '''None.'''\n")
    mine = ("run", f"{folder / 'bt.py'}:Mine", "--instrument", "TRUMP", *SPAN, "--data", str(folder))
    refused(cli(*mine), "TRUMP is a contract: its fees and settlement are for rules, not Mine")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (f"TRUMP,states.csv,PA,,{SETTLED},,", "line 2: outcome is blank; name the one whose quotes are the prices"),
        (f"TRUMP,states.csv,PA,Trumb,{SETTLED},,", "unknown outcome 'Trumb' (did you mean 'Trump'?); states.csv has"),
        (f"TRUMP,states.csv,PE,Trump,{SETTLED},,", "line 2: states.csv holds no market 'PE'"),
        (f"TRUMP,states.csv,,Trump,{SETTLED},,", "states.csv holds 2 markets; choose one in the column market, such as PA"),
        (f"TRUMP,status.csv,PA,Trump,{SETTLED},,", "status.csv' cannot be read (No such file or directory)"),
        ("TRUMP,states.csv,PA,Trump,2024-11-06,0.5,,", "value is '0.5'; it must be 1, 0, or blank while"),
        ("TRUMP,states.csv,PA,Trump,,1,,", "settles_at is blank and value is 1; give the instant of the settlement"),
        ("TRUMP,states.csv,PA,Trump,6 Nov,1,,", "settles_at is '6 Nov'; it must be a date, or an instant"),
        ("TRUMP,states.csv,PA,Trump,2024-10-01,1,,", "it settles 2024-10-01T23:59:59Z, and its first quote is of 2024-10-27"),
        (f"TRUMP,states.csv,PA,Trump,{SETTLED},predictit,", "fees of predictit cannot be charged: 10 % of each profit depends on the price"),
        (f"TRUMP,states.csv,PA,Trump,{SETTLED},kalsi,", "unknown fees 'kalsi' (did you mean 'kalshi'?)"),
        (f"TRUMP,states.csv,PA,Trump,{SETTLED},,USB", "currency of TRUMP"),
        (f"SPX,states.csv,PA,Trump,{SETTLED},,", "symbol 'SPX' names the instrument SPX; give another one"),
        (f"^gspc,states.csv,PA,Trump,{SETTLED},,", "symbol '^gspc' names the instrument SPX"),
        (f",states.csv,PA,Trump,{SETTLED},,", "symbol '' is empty or appears twice"),
        (f"TRUMP,states.csv,PA,Trump,{SETTLED},,\nTRUMP,states.csv,GA,Trump,{SETTLED},,", "line 3: symbol 'TRUMP' is empty or"),
    ],
)  # fmt: skip
def test_a_bad_row_is_one_line_that_says_what_to_do(cli, folder: Path, row: str, said: str) -> None:
    refused(bought(cli, given(folder, row)), "contracts.csv line", said)


@pytest.mark.parametrize(
    ("price", "said"),
    [
        ("1.2", "line 3: trump_prob is '1.2'; it must be a number from 0 to 1"),
        ("0", "open is 0; a price must be a finite number above 0"),
    ],
)
def test_a_quote_outside_0_to_1_or_of_0_before_the_settlement_is_one_line(
    cli, folder: Path, price: str, said: str
) -> None:
    (folder / "states.csv").write_text(ODDS.replace("0.615", price))
    refused(bought(cli, given(folder, f"TRUMP,states.csv,PA,Trump,{SETTLED},,")), "contracts.csv line 2", said)


def test_a_column_that_is_missing_or_misspelt_is_one_line(cli, folder: Path) -> None:
    (folder / "contracts.csv").write_text("symbol,file,market,outcome,settles_at,valu\nT,states.csv,PA,Trump,,\n")
    refused(bought(cli, folder), "unknown column in contracts.csv line 1: 'valu' (did you mean 'value'?)")
