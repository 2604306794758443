"""Instruments: every market of the scenario, under every name a user may type."""

import csv
from collections import Counter
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from datasets.errors import UserError
from datasets.events import bundled_events
from datasets.instants import to_datetime
from datasets.markets.currencies import currency_of
from datasets.markets.instruments import (
    CurrencyPair,
    Instrument,
    InstrumentGroup,
    InstrumentTable,
    bundled_instruments,
    read_instruments,
)
from datasets.markets.sessions import stamp, stamp_prices

HEADER = "symbol,name,mic,currency,lot,commission_bps,slippage_bps"
PAIRS = """
    USDJPY EURUSD GBPUSD AUDUSD USDCAD USDCHF NZDUSD USDSEK USDNOK USDCNH USDKRW USDHKD USDINR USDSGD
    USDTWD USDMXN USDBRL USDTRY USDZAR USDPLN USDTHB USDIDR USDMYR USDPHP USDCLP USDARS EURGBP EURJPY
"""
"""The pairs that must be there, pegs included."""
WITHOUT_MARKET = {
    "BO": "no index of its exchange, and no fund",
    "EC": "the indices of Quito and Guayaquil have no hours here, and there is no fund",
    "KE": "the exchange of Nairobi has no hours here, and there is no fund",
}
"""Countries that a calendar of events may name and that no instrument represents."""


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


GROUPS = {
    "index": 48,
    "fx": 56,
    "country-etf": 31,
    "bond": 18,
    "bond-etf": 6,
    "commodity-etf": 5,
    "sector-etf": 11,
    "future": 19,
}
"""The number of bundled instruments in each group."""


def test_the_groups_hold_what_a_desk_trades() -> None:
    assert Counter(i.group.value for i in bundled_instruments()) == GROUPS


def test_every_instrument_is_priced_in_a_currency_of_iso_4217() -> None:
    found = {c for i in bundled_instruments() for c in (i.currency, i.base_currency) if c}
    known = """
    ARS AUD BRL CAD CHF CLP CNY COP EUR GBP HKD HUF IDR ILS INR JPY
    KRW MXN MYR NOK NZD PEN PHP PLN RUB SEK SGD THB TRY TWD USD ZAR
    """
    assert found == set(known.split())


@pytest.mark.parametrize("symbol", PAIRS.split())
def test_a_pair_has_two_currencies_the_hours_of_currencies_and_a_source(symbol: str) -> None:
    found = bundled_instruments().find(symbol)
    quote = {"CNH": "CNY"}.get(symbol[3:], symbol[3:])
    assert (found.pair, found.currency, found.group) == ((symbol[:3], quote), quote, InstrumentGroup.FX)
    assert found.provider_symbol("stooq") == symbol.casefold()
    closes_at = stamp(found.mic, np.array(["2026-02-09"], dtype="datetime64[D]"))[1][0]
    assert to_datetime(int(closes_at)) == datetime(2026, 2, 9, 17, tzinfo=ZoneInfo("America/New_York"))


def test_an_index_is_no_pair() -> None:
    assert bundled_instruments().find("TOPIX").pair is None
    assert bundled_instruments().find("USDJPY_LONDON").pair == CurrencyPair("USD", "JPY")


def test_rates_of_two_currencies_are_found_in_the_order_of_the_file() -> None:
    def named(base: str, quote: str) -> list[str]:
        return [i.symbol for i in bundled_instruments().rates(base, quote)]

    assert named("USD", "JPY") == ["USDJPY", "USDJPY_LONDON", "USDJPY_FRED"]
    assert (named("JPY", "USD"), named("EUR", "USD")) == ([], ["EURUSD", "EURUSD_FRED"])
    assert named("USD", "CNY") == ["USDCNH", "USDCNY_FRED"]
    assert not bundled_instruments().find("USDCNY_FRED").tradable


def without_market(countries: set[str], instruments: list[Instrument]) -> list[str]:
    """Return what the instruments lack for events of the countries."""
    markets = {i.country for i in instruments if i.group in (InstrumentGroup.INDEX, InstrumentGroup.COUNTRY_ETF)}
    rates = {i.pair for i in instruments if i.pair}
    missing = [f"{c}: no index and no fund" for c in sorted(countries - markets - WITHOUT_MARKET.keys())]
    missing += [f"{c}: has one: take it out of WITHOUT_MARKET" for c in sorted(markets & WITHOUT_MARKET.keys())]
    for country in sorted(countries - WITHOUT_MARKET.keys()):
        currency = currency_of(country)
        if currency is None:
            missing.append(f"{country}: no currency")
        elif currency != "USD" and not rates & {("USD", currency), (currency, "USD")}:
            missing.append(f"{country}: no rate between {currency} and USD")
    return missing


def test_every_country_of_the_catalogue_has_an_index_or_fund_and_a_currency() -> None:
    countries = {e.country for e in bundled_events()}
    assert len(countries) >= 25
    assert without_market(countries, list(bundled_instruments())) == []


@pytest.mark.parametrize("file", ["new_events.csv", "scheduled.csv"])
def test_every_country_of_events_to_come_has_an_index_or_fund_and_a_currency(shared_dir: Path, file: str) -> None:
    with (shared_dir / "catalogue" / file).open(encoding="utf-8") as f:
        countries = {r["country"] for r in csv.DictReader(f)}
    assert len(countries) > 10
    assert without_market(countries, list(bundled_instruments())) == []


def test_a_country_without_market_is_named() -> None:
    known = [i for i in bundled_instruments() if i.country != "TR" and i.currency != "TRY"]
    assert without_market({"JP", "TR", "XX"}, known) == [
        "TR: no index and no fund",
        "XX: no index and no fund",
        "TR: no rate between TRY and USD",
        "XX: no currency",
    ]


def test_an_index_is_in_the_currency_of_its_country() -> None:
    indices = [i for i in bundled_instruments() if i.group is InstrumentGroup.INDEX]
    assert [i.symbol for i in indices if i.currency != currency_of(i.country)] == []


@pytest.mark.parametrize("mic", ["ARCX", "XNAS", "BATS"])
def test_the_exchanges_of_american_funds_keep_the_hours_of_new_york(mic: str) -> None:
    """On the day after Thanksgiving all of them close at 13:00 (https://www.nyse.com/trade/hours-calendars)."""
    days = np.array(["2026-11-27"], dtype="datetime64[D]")
    opens_at, closes_at = (to_datetime(int(at[0])) for at in stamp_prices(mic, days))
    new_york = ZoneInfo("America/New_York")
    assert (opens_at, closes_at) == (
        datetime(2026, 11, 27, 9, 30, tzinfo=new_york),
        datetime(2026, 11, 27, 13, tzinfo=new_york),
    )


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


def own_table(folder: Path, *rows: str, more_columns: str = "") -> Path:
    path = folder / "instruments.csv"
    path.write_text("\n".join([HEADER + more_columns, *rows, ""]), encoding="utf-8")
    return path


def test_each_fault_of_an_own_table_is_one_line_with_its_place(tmp_path: Path) -> None:
    path = own_table(
        tmp_path,
        "ACME,Acme,XNYX,USD,1,1,2,,,",
        "BETA,Beta,XNYS,JPX,1,1,2,,,",
        "GAMMA,Gamma,XNYS,USD,1,1,many,,,",
        "DELTA,Delta,XNYS",
        "GOOD,Good,XNYS,USD,1,1,2,,index,",
        "GOOD,Good,XNYS,USD,1,1,2,,,",
        "PAIR,Pair,FX,USD,,1,2,,,USD",
        "FUND,Fund,ARCA,USD,,1,2,,,",
        "BOND,Bond,XNYS,USD,,1,2,,bonds,",
        more_columns=",alias,group,base",
    )
    with pytest.raises(UserError) as refused:
        read_instruments(path)
    assert str(refused.value).splitlines() == [
        "instruments.csv line 1: unknown column 'alias' (did you mean 'aliases'?)",
        "instruments.csv line 2: mic of ACME: unknown exchange calendar 'XNYX' (did you mean 'XNYS'?); "
        "take one of datasets/markets/exchanges.csv, or FX",
        "instruments.csv line 3: currency of BETA: unknown currency 'JPX' (did you mean 'JPY'?); "
        "use an ISO 4217 code such as USD",
        "instruments.csv line 4: slippage_bps is 'many'; it must be a number of 0 or more",
        "instruments.csv line 5: not 10 fields as the header has",
        "instruments.csv line 7: symbol 'GOOD' is empty or appears twice; each row has its own",
        "instruments.csv line 8: PAIR: base and currency are both USD; a pair has two",
        "instruments.csv line 9: mic of FUND: unknown exchange calendar 'ARCA' (did you mean 'ARCX'?); "
        "take one of datasets/markets/exchanges.csv, or FX",
        "instruments.csv line 10: group is 'bonds'; "
        "it must be one of index, fx, country-etf, bond, bond-etf, commodity-etf, sector-etf, contract, future, other",
    ]


def test_of_many_faults_the_first_twenty_are_shown(tmp_path: Path) -> None:
    path = own_table(tmp_path, *(f"S{n},Name,NOWHERE,USD,1,1,2" for n in range(23)))
    with pytest.raises(UserError) as refused:
        read_instruments(path)
    lines = str(refused.value).splitlines()
    assert (len(lines), lines[-1]) == (21, "and 3 more")


def test_a_pair_named_as_pairs_are_written_needs_no_base(tmp_path: Path) -> None:
    path = own_table(
        tmp_path,
        "USDSAR,Dollar in riyals,FX,SAR,,1,2,",
        "RIYAL,Dollar in riyals,FX,SAR,,1,2,USD",
        "XXXSAR,No currency,FX,SAR,,1,2,",
        "USDSARS,A share,XSAU,SAR,,1,2,",
        more_columns=",base",
    )
    table = bundled_instruments().extended(path)
    assert [table.find(s).pair for s in ("XXXSAR", "USDSARS")] == [None, None]
    assert [i.symbol for i in table.rates("USD", "SAR")] == ["USDSAR", "RIYAL"]
    assert {table.find(s).group for s in ("USDSAR", "RIYAL")} == {InstrumentGroup.FX}


def test_an_own_symbol_goes_before_another_name_of_a_bundled_instrument(tmp_path: Path) -> None:
    table = bundled_instruments().extended(own_table(tmp_path, "KLSE,Mine,XKLS,MYR,,1,2"))
    assert (table.find("klse").name, table.find("^KLSE").symbol) == ("Mine", "KLCI")
    assert table.find("KLSE").group is InstrumentGroup.OTHER


def test_an_own_name_that_is_taken_is_refused_with_its_place(tmp_path: Path) -> None:
    path = own_table(
        tmp_path, "ACME,Acme,XNYS,USD,1,1,2,", "BETA,Beta,XNYS,USD,1,1,2,TOPIX NKY", more_columns=",aliases"
    )
    with pytest.raises(UserError) as refused:
        bundled_instruments().extended(path)
    assert str(refused.value).splitlines() == [
        "instruments.csv line 3: 'TOPIX' names both TOPIX and BETA; a name has one meaning",
        "instruments.csv line 3: 'NKY' names both N225 and BETA; a name has one meaning",
    ]


def test_an_unknown_instrument_points_to_a_table_of_ones_own() -> None:
    with pytest.raises(UserError, match=r"an instruments\.csv next to your prices adds others"):
        InstrumentTable([]).find("GAZPROM")


def test_a_launch_and_providers_are_read(tmp_path: Path) -> None:
    row = "ABC,An index,XTKS,JPY,,1,2,2020-07-27,abc.v"
    (found,) = read_instruments(own_table(tmp_path, row, more_columns=",launched_on,vendor"))
    assert (found.launched_on, found.provider_symbol("vendor")) == (date(2020, 7, 27), "abc.v")


@pytest.mark.parametrize(
    ("cells", "fault"),
    [
        (",,,", "has a multiplier above 0: the money that one contract makes when the price rises by 1"),
        (",50,,", "has margins in per cent of its value, 0 < maintenance (0) <= initial (0) <= 100"),
        ("future,50,8,9", "has margins in per cent of its value, 0 < maintenance (9) <= initial (8) <= 100"),
        ("future,50,101,9", "has margins in per cent of its value, 0 < maintenance (9) <= initial (101) <= 100"),
        ("future,,8,7", "has a multiplier above 0: the money that one contract makes when the price rises by 1"),
        ("index,50,8,7", "has the group future"),
    ],
)
def test_a_row_that_makes_no_whole_future_is_one_line(tmp_path: Path, cells: str, fault: str) -> None:
    group = cells if cells != ",,," else "future,,,"
    path = own_table(
        tmp_path, f"NK,Nikkei,CMES,JPY,,0,0,{group}", more_columns=",group,multiplier,initial_margin,maintenance_margin"
    )
    with pytest.raises(UserError) as refused:
        read_instruments(path)
    assert str(refused.value) == f"instruments.csv line 2: NK: a future {fault}"


def test_a_future_has_whole_contracts_and_its_group_where_its_row_does_not_say(tmp_path: Path) -> None:
    columns = ",multiplier,tick,initial_margin,maintenance_margin"
    (found,) = read_instruments(own_table(tmp_path, "NK,Nikkei,CMES,JPY,,0,0,500,5,8,7", more_columns=columns))
    assert (found.group, found.lot, found.unit, found.tick, found.tied) == (
        InstrumentGroup.FUTURE,
        1.0,
        500.0,
        5.0,
        0.08,
    )
    with pytest.raises(UserError, match=r"NK: a future has a lot of whole contracts, not 0.5"):
        read_instruments(own_table(tmp_path, "NK,Nikkei,CMES,JPY,0.5,0,0,500,5,8,7", more_columns=columns))


def test_the_futures_that_a_desk_trades_on_politics_are_there() -> None:
    known = bundled_instruments()
    worth = {"ES=F": 50, "NQ=F": 20, "NIY=F": 500, "NKD=F": 5, "ZN=F": 1000, "GC=F": 100, "CL=F": 1000, "FDAX": 25}
    assert {name: known.find(name).multiplier for name in worth} == worth
    assert {known.find(n).mic for n in worth if n != "FDAX"} == {"CMES"}
    assert known.find("NIY").currency == "JPY"
    assert known.find("NKD").currency == "USD"
