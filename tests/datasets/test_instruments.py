"""Instruments: every market of the scenario, under every name a user may type."""

import csv
from pathlib import Path

import pytest

from datasets.errors import UserError
from datasets.markets.instruments import bundled_instruments


@pytest.mark.parametrize(
    ("typed", "symbol"),
    [
        ("topix", "TOPIX"),
        ("^TPX", "TOPIX"),
        ("1306.T", "T1306"),
        ("^gspc", "SPX"),
        ("usd/jpy", "USDJPY"),
        ("^N225", "N225"),
    ],
)
def test_names_a_user_may_type(typed: str, symbol: str) -> None:
    assert bundled_instruments().find(typed).symbol == symbol


def test_lots_currencies_and_calendars() -> None:
    find = bundled_instruments().find
    assert (find("T1306").lot, find("T1306").currency, find("T1306").mic) == (10, "JPY", "XTKS")
    assert (find("KOSPI").mic, find("HSI").mic, find("ASX200").mic, find("USDJPY").mic) == (
        "XKRX",
        "XHKG",
        "XASX",
        "FX",
    )
    assert find("DAX").total_return
    assert not find("TOPIX").total_return


def test_every_market_of_the_scenario_is_an_instrument(shared_dir: Path) -> None:
    with (shared_dir / "facts" / "takaichi-trade.csv").open(encoding="utf-8") as f:
        markets = {r["instrument"] for r in csv.DictReader(f)}
    assert len(markets) == 12
    assert {bundled_instruments().find(m).symbol for m in markets} == markets


def test_the_nearest_name_is_offered() -> None:
    with pytest.raises(UserError, match=r"unknown instrument 'TOPXI' .did you mean 'TOPIX'"):
        bundled_instruments().find("TOPXI")


def test_a_directory_may_bring_its_own(tmp_path: Path) -> None:
    path = tmp_path / "instruments.csv"
    path.write_text(
        "symbol,name,mic,currency,lot,commission_bps,slippage_bps\nACME,Acme,XNYS,USD,1,1,2\nTOPIX,Mine,XTKS,JPY,,9,9\n"
    )
    table = bundled_instruments().extended(path)
    assert (table.find("acme").lot, table.find("TOPIX").name) == (1, "Mine")
    path.write_text("symbol,name,mic,currency,lot,commission_bps,slippage_bps\nACME,Acme,XNYS,USD,-1,1,2\n")
    with pytest.raises(UserError, match=r"instruments\.csv line 2: lot is '-1'"):
        bundled_instruments().extended(path)
