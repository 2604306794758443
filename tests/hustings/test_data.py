"""hustings data: files into the store through the gate, seen, and out again."""

import csv
import random
import time
from pathlib import Path
from typing import Any

import click
import pytest

from datasets.markets.instruments import InstrumentGroup
from datasets.prices.store import Store
from datasets.prices.table import PriceTable
from hustings.commands.data import list_data
from hustings.inputs import instruments_of
from tests.datasets.stores import damage_of
from tests.datasets.tables import walk
from tests.datasets.test_instruments import GROUPS
from tests.hustings.conftest import Cli
from tests.processes import Forked, command

HEADER = "date,open,high,low,close,volume\n"
WEEK = HEADER + (
    "2026-02-02,3640.1,3660,3630,3655.25,100\n2026-02-03,3656,3670,3650,3665.5,110\n2026-02-04,3664,3680,3660,3675.75,90\n"
    "2026-02-05,3676,3690,3670,3684.5,95\n2026-02-06,3684,3700,3680,3698.85,97\n"
)
NEXT = HEADER + "2026-02-06,3684,3700,3680,3698.85,97\n2026-02-09,3756.21,3825.67,3752.74,3783.57,120\n"


def price_file(folder: Path, text: str, name: str = "TOPIX.csv") -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


@pytest.fixture
def week(tmp_path: Path) -> Path:
    return price_file(tmp_path / "prices", WEEK)


def test_a_file_goes_in_and_a_run_takes_its_bars_from_the_store(cli: Cli, home: Path, week: Path, tmp_path: Path):
    price_file(tmp_path / "later", NEXT)
    first = cli("data", "import", str(week), "--source", "a vendor", "--licence", "own use", "--json")
    assert (first.code, first.json[0]["added"], first.json[0]["error"]) == (0, 5, None)
    second = cli("data", "import", str(tmp_path / "later"), "--json")
    assert (second.json[0]["added"], second.json[0]["unchanged"]) == (1, 1)
    run = cli("run", "pro-growth-win", "-p", "hold=1", "--from", "2026-02-01", "--no-report", "--json")
    assert run.code == 0
    assert run.json["trades"][0]["entry_price"] == pytest.approx(3756.21 * 1.0002)  # 2 bps of slippage
    assert run.json["sources"]["TOPIX"].startswith("store: file, retrieved 20")


def test_show_tells_every_delivery(cli: Cli, home: Path, week: Path, tmp_path: Path):
    cli("data", "import", str(week), "--source", "a vendor", "--licence", "own use")
    cli("data", "import", str(price_file(tmp_path / "later", NEXT)))
    shown = cli("data", "show", "topix", "--json").json
    assert [(d["source"], d["licence"], d["added"]) for d in shown["deliveries"]] == [
        ("a vendor", "own use", 5),
        ("file", "not stated", 1),
    ]
    assert (shown["rows"], shown["first"], shown["last"], shown["adjustment"]) == (
        6,
        "2026-02-02",
        "2026-02-09",
        "price",
    )
    text = cli("data", "show", "TOPIX").out
    assert "licence: own use" in text
    assert "3,783.57" in text


def test_a_changed_past_row_is_shown_and_nothing_is_stored(cli: Cli, home: Path, week: Path, tmp_path: Path):
    cli("data", "import", str(week))
    changed = price_file(tmp_path / "changed", WEEK.replace("3665.5,", "3666.5,"))
    answer = cli("data", "import", str(changed))
    assert answer.code == 2
    assert "2026-02-03 close 3665.5 -> 3666.5" in answer.err
    assert "--accept revision" in answer.err
    assert cli("data", "show", "TOPIX", "--json").json["deliveries"][-1]["changed"] == 0
    taken = cli("data", "import", str(changed), "--accept", "revision", "--json")
    assert taken.json[0]["changes"] == [{"when": "2026-02-03", "column": "close", "before": 3665.5, "after": 3666.5}]
    assert cli("data", "show", "TOPIX", "--json").json["deliveries"][-1]["accepted"] == ["revision"]


def test_one_bad_file_stays_out_and_the_others_go_in(cli: Cli, home: Path, week: Path):
    price_file(week.parent, HEADER + "2026-02-02,10,9,11,10,1\n", "KOSPI.csv")
    price_file(week.parent, WEEK, "NOBODY.csv")
    answer = cli("data", "import", str(week.parent))
    assert answer.code == 1
    assert "KOSPI.csv line 2: 2026-02-02 high 9 < low 11 (high-below-low)" in answer.err
    assert "NOBODY.csv: neither its name nor its content names an instrument" in answer.err
    assert "or add it to an instruments.csv next to it" in answer.err
    assert "1 of 3 files stored" in answer.out


def test_what_is_exported_comes_back_the_same(cli: Cli, home: Path, week: Path, tmp_path: Path):
    cli("data", "import", str(week))
    before = cli("data", "show", "TOPIX", "--json").json["sha256"]
    assert cli("data", "export", "TOPIX", "--out", str(tmp_path / "out")).code == 0
    with (tmp_path / "out" / "TOPIX.csv").open(encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    assert rows[1] == {
        "date": "2026-02-03",
        "open": "3656.0",
        "high": "3670.0",
        "low": "3650.0",
        "close": "3665.5",
        "volume": "110.0",
    }
    assert cli("data", "export", "TOPIX", "--out", str(tmp_path / "out")).code == 2
    cli("data", "remove", "TOPIX")
    cli("data", "import", str(tmp_path / "out" / "TOPIX.csv"))
    assert cli("data", "show", "TOPIX", "--json").json["sha256"] == before


def test_a_removed_series_is_gone_and_its_file_is_not(cli: Cli, home: Path, week: Path):
    cli("data", "import", str(week))
    assert cli("data", "remove", "TOPIX", "--json").json == {"removed": ["TOPIX"]}
    assert week.exists()
    assert cli("data", "show", "TOPIX").code == 2


def test_the_list_tells_which_bars_are_stored(cli: Cli, home: Path, week: Path):
    cli("data", "import", str(week), "--source", "a vendor")
    rows: list[dict[str, Any]] = cli("data", "list", "--json").json
    by_symbol = {r["symbol"]: r for r in rows}
    assert by_symbol["TOPIX"]["bars"] == "5 to 2026-02-06, a vendor"
    assert by_symbol["SPX"]["has_bars"]
    assert not by_symbol["KOSPI"]["has_bars"], "simulated bars are not offered beside stored ones"


def test_the_list_is_in_groups_and_shows_one_of_them(cli: Cli, home: Path):
    headings = [line for line in cli("data", "list").out.splitlines() if line.endswith(" instruments")]
    assert headings[:2] == [f"{group}: {GROUPS[group]} instruments" for group in ("index", "fx")]
    assert sorted(headings) == sorted(f"{group}: {n} instruments" for group, n in GROUPS.items())
    pairs = cli("data", "list", "--group", "fx", "--json").json
    assert {r["group"] for r in pairs} == {"fx"}
    (won,) = (r for r in pairs if r["symbol"] == "USDKRW")
    assert (won["base_currency"], won["currency"], won["exchange"], won["country"]) == ("USD", "KRW", "FX", None)
    assert "TOPIX" not in cli("data", "list", "--group", "sector-etf").out
    assert cli("data", "list", "--group", "shares").code == 2


def test_each_group_can_be_chosen():
    (group,) = (o for o in list_data.params if o.name == "group")
    assert isinstance(group.type, click.Choice)
    assert list(group.type.choices) == [g.value for g in InstrumentGroup]


def test_own_instruments_are_listed_and_their_faults_are_lines(cli: Cli, home: Path, week: Path):
    header = "symbol,name,mic,currency,lot,commission_bps,slippage_bps\n"
    price_file(week.parent, header + "ACME,Acme Corp,XTKS,JPY,100,1,1\n", "instruments.csv")
    listed = cli("data", "list", "--data", str(week.parent), "--group", "other", "--json").json
    assert [(r["symbol"], r["currency"], r["has_bars"]) for r in listed] == [("ACME", "JPY", False)]
    price_file(week.parent, header + "ACME,Acme,XTSK,JPY,1,1,1\nBETA,Beta,XTKS,YEN,1,1,1\n", "instruments.csv")
    for typed in (("data", "list"), ("run", "pro-growth-win"), ("data", "check")):
        answer = cli(*typed, "--data", str(week.parent))
        assert answer.code == 2
        first, second = answer.err.splitlines()
        assert first.startswith("hustings: instruments.csv line 2: mic of ACME: unknown exchange calendar 'XTSK'")
        assert second.startswith("instruments.csv line 3: currency of BETA: unknown currency 'YEN'")


def test_the_store_keeps_the_pair_and_the_provider_of_an_own_currency(cli: Cli, home: Path, tmp_path: Path):
    header = "symbol,name,mic,currency,lot,commission_bps,slippage_bps,base,yahoo\n"
    lira = price_file(tmp_path / "fx", HEADER + "2026-02-02,43.1,43.3,43.0,43.2,0\n", "USDTRY_LONDON.csv")
    price_file(lira.parent, header + "USDTRY_LONDON,Lira,FX_LONDON,TRY,,1,5,USD,TRY=X\n", "instruments.csv")
    assert cli("data", "import", str(lira)).code == 0
    kept = instruments_of(None).find("USDTRY_LONDON")
    assert (kept.pair, kept.provider_symbol("yahoo")) == (("USD", "TRY"), "TRY=X")


def test_an_instrument_of_the_directory_is_known_to_the_store(cli: Cli, home: Path, week: Path):
    price_file(
        week.parent,
        "symbol,name,mic,currency,lot,commission_bps,slippage_bps\nACME,Acme Corp,XTKS,JPY,100,1,1\n",
        "instruments.csv",
    )
    price_file(week.parent, WEEK, "ACME.csv")
    assert cli("data", "import", str(week.parent)).code == 0
    assert "Acme Corp" in cli("data", "show", "ACME").out
    cli("data", "remove", "ACME")
    assert cli("data", "show", "ACME").code == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("data", "import", "nowhere.csv"), "'nowhere.csv' is neither a file nor a directory"),
        (("data", "import", "prices", "--symbol", "TOPIX"), "names one series and 2 files were given"),
        (("data", "import", "prices/TOPIX.csv", "--accept", "high-low"), "high-low"),
        (("data", "export", "TOPIX"), "series in the store: 'TOPIX'"),
        (("data", "remove", "TOPXI"), "did you mean 'TOPIX'"),
    ],
)
def test_bad_input_is_one_line(cli: Cli, home: Path, week: Path, arguments: tuple[str, ...], said: str):
    price_file(week.parent, WEEK, "KOSPI.csv")
    answer = cli(*arguments)
    assert answer.code == 2
    assert said in answer.err
    assert "Traceback" not in answer.err


def test_a_run_from_the_store_trades_as_one_from_the_directory(cli: Cli, home: Path, market_dir: Path, tmp_path: Path):
    assert cli("data", "import", str(market_dir / "TOPIX.csv")).code == 0
    cli("run", "pro-growth-win", "--no-report", "--out", "stored")
    cli("run", "pro-growth-win", "--no-report", "--out", "directory", "--data", str(market_dir))
    trades = (tmp_path / "stored" / "trades.csv").read_bytes()
    assert trades.count(b"\n") > 2
    assert trades == (tmp_path / "directory" / "trades.csv").read_bytes()
    assert (tmp_path / "stored" / "equity.csv").read_bytes() == (tmp_path / "directory" / "equity.csv").read_bytes()


def test_every_file_of_real_bars_goes_in(cli: Cli, home: Path, market_dir: Path):
    answer = cli("data", "import", str(market_dir), "--json")
    assert {o["file"]: o["error"] for o in answer.json if o["error"]} == {}
    assert answer.code == 0
    assert len(answer.json) == 27


def started(folder: Path, home: Path) -> Forked:
    return command("data", "import", str(folder), env={"HUSTINGS_HOME": str(home)})


def four_series(folder: Path, *, rows: int, seed: int = 0) -> dict[str, PriceTable]:
    """Write the first rows of four random walks as price files, and return them whole."""
    whole = {symbol: walk(3000, seed=n + seed) for n, symbol in enumerate(("TOPIX", "AEX", "T1306", "KOSPI"), start=1)}
    folder.mkdir(exist_ok=True)
    for symbol, each in whole.items():
        with (folder / f"{symbol}.csv").open("w", encoding="utf-8", newline="") as f:
            columns = (each.session, each.open, each.high, each.low, each.close)
            rows_of = zip(*(c[:rows] for c in columns), strict=True)
            lines = [",".join(map(str, row)).replace("nan", "") for row in rows_of]
            f.write("\n".join(["date,open,high,low,close", *lines, ""]))
    return whole


@pytest.mark.slow
def test_imports_killed_at_any_moment_leave_whole_series(home: Path, tmp_path: Path):
    """Twelve kill -9 of the command itself: each series is the one before it or the one after it, and the next goes in."""
    moments, rows = random.Random(20260209), 500
    whole = four_series(tmp_path / "prices", rows=rows)
    assert started(tmp_path / "prices", home).wait() == 0  # makes the tables of hours
    began = time.monotonic()
    assert started(tmp_path / "prices", home).wait() == 0
    took, store = time.monotonic() - began, Store(home / "bars")
    for _ in range(12):
        four_series(tmp_path / "prices", rows=rows + 100)
        child = started(tmp_path / "prices", home)
        time.sleep(moments.uniform(0.0, 1.0) * took)
        child.kill()
        child.wait()
        assert damage_of(store) == {}
        for symbol, each in whole.items():
            found = store.load(symbol).table
            assert len(found) in (rows, rows + 100)
            assert found.close.tobytes() == each.close[: len(found)].tobytes()
        assert started(tmp_path / "prices", home).wait() == 0
        rows += 100
        assert {len(store.load(s).table) for s in whole} == {rows}


@pytest.mark.slow
def test_two_imports_at_once_lose_nothing(home: Path, tmp_path: Path):
    """One brings half of every series and one the whole, at the same time; both end well and every row is there."""
    whole = four_series(tmp_path / "a", rows=1500)
    four_series(tmp_path / "b", rows=3000)
    two = [started(tmp_path / "a", home), started(tmp_path / "b", home)]
    assert [child.communicate(timeout=120)[1] for child in two] == ["", ""]
    assert [child.returncode for child in two] == [0, 0]
    for symbol, each in whole.items():
        assert Store(home / "bars").load(symbol).table.close.tobytes() == each.close.tobytes()


def test_rows_that_share_no_session_with_the_stored_ones_stay_out(cli: Cli, home: Path, week: Path, tmp_path: Path):
    """Nothing would show that they are of the same series: here they are not."""
    cli("data", "import", str(week))
    other = price_file(tmp_path / "other", HEADER + "2026-02-09,55130,57337,55018,56363,1\n")
    answer = cli("data", "import", str(other))
    assert answer.code == 2
    assert "share no session with the stored ones of TOPIX (2026-02-02 to 2026-02-06)" in answer.err
    assert "--accept unjoined" in answer.err


def test_splits_of_the_directory_reach_the_store(cli: Cli, home: Path, tmp_path: Path):
    """A split taken out of a directory's prices is taken out of the stored ones: the runs are the same."""
    whole = walk(400, seed=3, first="2019-01-01")
    half = [
        f"{d},{c / (2 if n >= 200 else 1):.4f}" for n, (d, c) in enumerate(zip(whole.session, whole.close, strict=True))
    ]
    folder = tmp_path / "prices"
    price_file(folder, "\n".join(["date,close", *half, ""]), "T1306.csv")
    price_file(folder, f"symbol,ex_date,kind,value,source\n1306,{whole.session[200]},split,2,by hand\n", "actions.csv")
    assert cli("data", "import", str(folder), "--accept", "factor", "--json").json[0]["actions"] == 1
    assert cli("data", "import", str(folder), "--accept", "factor", "--json").json[0]["actions"] == 0
    rule = ("run", "buy-after-event", "-p", "instrument=T1306", "-p", "country=JP", "--no-report")
    cli(*rule, "--out", "stored")
    cli(*rule, "--out", "directory", "--data", str(folder))
    assert (tmp_path / "stored" / "trades.csv").read_bytes() == (tmp_path / "directory" / "trades.csv").read_bytes()


def test_a_total_return_series_comes_back_as_one(cli: Cli, home: Path, week: Path, tmp_path: Path):
    cli("data", "import", str(week), "--adjustment", "total")
    cli("data", "export", "TOPIX", "--out", str(tmp_path / "out"))
    cli("data", "remove", "TOPIX")
    cli("data", "import", str(tmp_path / "out" / "TOPIX.csv"))
    assert cli("data", "show", "TOPIX", "--json").json["adjustment"] == "total"


ACME = "symbol,name,mic,currency,lot,commission_bps,slippage_bps,aliases\nACME,Acme Corp,XTKS,JPY,100,1,1,{}\n"


def test_an_own_instrument_is_updated_without_its_table(cli: Cli, home: Path, week: Path, tmp_path: Path):
    price_file(week.parent, ACME.format(""), "instruments.csv")
    cli("data", "import", str(price_file(week.parent, WEEK, "ACME.csv")))
    later = cli("data", "import", str(price_file(tmp_path / "later", NEXT, "ACME.csv")), "--json")
    assert (later.code, later.json[0]["added"]) == (0, 1)


@pytest.mark.parametrize(
    ("instruments", "said"),
    [
        (ACME.format("TOPIX"), "'TOPIX' names both TOPIX and ACME"),
        (ACME.format("") + "ACME,Twice,XTKS,JPY,1,1,1,\n", "line 3: symbol 'ACME' is empty or appears twice"),
        (ACME.format("").replace("aliases", "tradable").replace("1,1,", "1,1,maybe"), "tradable is 'maybe'"),
        (ACME.format("").replace("ACME", "TOPIX").replace("XTKS", "XNYS"), "TOPIX differs from the bundled instrument"),
    ],
)
def test_an_instrument_table_that_cannot_be_meant(cli: Cli, home: Path, week: Path, instruments: str, said: str):
    price_file(week.parent, instruments, "instruments.csv")
    answer = cli("data", "import", str(week))
    assert answer.code == 2
    assert said in answer.err
    assert cli("data", "list", "--data", "store").code == 0


def test_all_names_are_known_before_any_series_is_removed(cli: Cli, home: Path, week: Path):
    cli("data", "import", str(week))
    answer = cli("data", "remove", "TOPIX", "SPX")
    assert answer.code == 2
    assert "nothing was removed" in answer.err
    assert cli("data", "remove", "TOPIX", "topix", "--json").json == {"removed": ["TOPIX"]}


def test_two_files_of_one_instrument_are_not_merged(cli: Cli, home: Path, week: Path):
    price_file(week.parent, NEXT, "^TPX.csv")
    answer = cli("data", "import", str(week.parent))
    assert answer.code == 1
    assert "^TPX.csv: TOPIX.csv holds TOPIX too" in answer.err


def test_a_file_of_the_store_under_another_name_is_not_believed(cli: Cli, home: Path, week: Path):
    cli("data", "import", str(week))
    (home / "bars" / "TOPIX.parquet").rename(home / "bars" / "KOSPI.parquet")
    answer = cli("data", "show", "KOSPI")
    assert answer.code == 2
    assert "it holds TOPIX" in answer.err


def test_simulated_bars_are_named_so_in_the_list(cli: Cli, home: Path):
    by_symbol = {r["symbol"]: r["bars"] for r in cli("data", "list", "--json").json}
    assert (by_symbol["TOPIX"], by_symbol["SPX"], by_symbol["DAX"]) == ("SIMULATED", "built in", None)


def test_a_store_that_cannot_be_read_is_not_an_empty_one(cli: Cli, home: Path):
    (home / "bars").write_text("no folder")
    answer = cli("run", "pro-growth-win", "--no-report")
    assert answer.code == 2
    assert "the store at" in answer.err


def test_rows_of_the_future_are_no_bars_of_a_directory_either(cli: Cli, home: Path, tmp_path: Path):
    file = price_file(tmp_path / "prices", WEEK + "2034-02-09,3756.21,3825.67,3752.74,3783.57,120\n")
    for answer in (cli("data", "import", str(file)), cli("run", "pro-growth-win", "--data", str(file.parent))):
        assert answer.code == 2
        assert "2034-02-09" in answer.err
        assert "future-date" in answer.err
