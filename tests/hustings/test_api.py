"""The Python API: the run of the command under another name, frames out and in, and errors as exceptions."""

import sys
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hustings as hs
from engine.account.records import Trade
from hustings.commands import backtests as commands
from hustings.execution import RunOptions
from hustings.views import HtmlPage, records_frame
from strategies import REGISTRY
from strategies.loading import find_strategy

RULE = '''
from engine.strategy import After, Leg, NextOpen, Strategy, strategy

@strategy
class Mine(Strategy):
    """Buy TOPIX after each supermajority in Japan."""

    hold: int = 5

    def wants(self, event):
        return event.country == "JP" and event.majority == "supermajority"

    def legs(self, event, market):
        return [Leg("TOPIX", 0.95, entry=NextOpen(), exit=After(sessions=self.hold))]
'''


@pytest.fixture
def prices() -> pd.DataFrame:
    """Sixteen years of made prices of TOPIX, by date."""
    days = pd.DatetimeIndex(hs.bars("TOPIX").index[2000:6000], name="Date")
    draw = np.random.default_rng(1)
    close = 1000 * np.exp(np.cumsum(0.01 * draw.standard_normal(len(days))))
    opened = close * np.exp(0.003 * draw.standard_normal(len(days)))
    high, low = np.maximum(opened, close) * 1.001, np.minimum(opened, close) * 0.999
    return pd.DataFrame({"Open": opened, "High": high, "Low": low, "Close": close}, index=days)


# ---- the same as the command ---------------------------------------------------------------------------------------------


def test_a_run_in_python_leaves_the_files_of_the_command(cli, home, tmp_path):
    typed = ["-p", "hold=3", "--cash", "500000", "--from", "2010-01-01", "--benchmark", "TOPIX", "--cash-rate", "0.01"]
    printed = cli("run", "pro-growth-win", *typed, "--out", "command", "--json").json
    given = {"hold": 3, "cash": 5e5, "since": "2010-01-01", "benchmark": "TOPIX", "cash_rate": 0.01}
    run = hs.run("pro-growth-win", out=tmp_path / "python", **given)
    assert (run.run_id, run.metrics) == (printed["run_id"], printed["metrics"])
    named = {p.name for p in Path("command").iterdir()}
    assert {p.name for p in Path("python").iterdir()} == named >= {"tearsheet.html", "trades.csv"}
    assert [n for n in sorted(named) if Path("command", n).read_bytes() != Path("python", n).read_bytes()] == []


def test_a_study_and_a_comparison_say_what_the_commands_say(cli, home):
    printed = cli(
        "study", "pro-growth-win", "-p", "hold=2", "--draws", "100", "--window", "0:1", "--out", "a", "--json"
    )
    study = hs.study(hs.run("pro-growth-win", hold=2), draws=100, window=["0:1"])
    assert study.text == printed.json["study"]["verdict"]
    assert [v["name"] for v in study.values["views"]] == ["trade", "0:1"]
    cli("run", "pro-growth-win", "-p", "hold=5", "--no-report", "--out", "b")
    shown = cli("compare", "a", "b", "--json").json
    shown.pop("files")
    compared = hs.compare("a", hs.run("pro-growth-win", hold=5))
    assert compared.values == shown
    assert compared.page() == Path("comparison.html").read_text(encoding="utf-8")
    assert hs.compare("a/tearsheet.html", "b").values == shown
    assert hs.load("a/tearsheet.html").trades.equals(hs.load("a").trades)


def test_a_run_is_a_trial_once_and_is_listed_when_it_has_files(cli, home, tmp_path):
    run = hs.run("pro-growth-win", hold=2)
    hs.run("pro-growth-win", hold=2)
    assert [(t["run_id"], t["times"]) for t in cli("trials", "--json").json["trials"]] == [(run.run_id, 2)]
    assert cli("runs", "list", "--json").json == []
    run.save(tmp_path / "kept")
    assert [r["run_id"] for r in cli("runs", "list", "--json").json] == [run.run_id]
    assert hs.load(run.run_id[:5]).run_id == run.run_id


def test_a_sweep_counts_each_combination_and_leaves_no_file(cli, home, tmp_path):
    found = hs.sweep("pro-growth-win", hold=range(1, 5), weight=[0.5, 0.95], top=1)
    assert len(found.frame) == 8
    assert cli("trials", "--json").json["n"] == 8
    assert list(tmp_path.iterdir()) == [home]


def test_no_parameter_of_a_bundled_rule_is_taken_for_an_option():
    names = {*RunOptions.__struct_fields__}
    options = {o for p in commands.run.params if p.name in names for o in (p.name, p.opts[-1].lstrip("-"))}
    parameters = {f.name for rule in REGISTRY for f in fields(find_strategy(rule))}
    assert options & parameters == {"instrument"}  # which the API does not take for one


# ---- frames out ----------------------------------------------------------------------------------------------------------


def test_frames_keep_their_types_without_a_row():
    empty = records_frame(Trade, ())
    assert str(empty["entry_at"].dtype) == "datetime64[ns, UTC]"
    assert str(empty["entry_session"].dtype) == "datetime64[ns]"
    assert str(empty["pnl"].dtype) == "float64"
    assert list(empty.columns)[:3] == ["event_id", "instrument", "side"]
    assert "return" in empty.columns


def test_a_trade_has_its_instants_in_utc_and_its_sessions_as_dates():
    last = hs.run("pro-growth-win", hold=2).trades.iloc[-1]
    assert last["entry_at"] == pd.Timestamp("2026-02-09 00:00", tz="UTC")  # Tokyo opens at 9:00
    assert (last["entry_session"], last["exit_session"]) == (pd.Timestamp("2026-02-09"), pd.Timestamp("2026-02-12"))


def test_fills_are_two_a_trade_and_the_equity_ends_as_the_run():
    run = hs.run("pro-growth-win", hold=2)
    assert len(run.fills) == 2 * len(run.trades) == 14
    assert run.equity["equity"].iloc[-1] == run.full.final_equity
    assert run.equity["drawdown"].min() == run.metrics["max_drawdown"]
    assert run.equity["benchmark_returns"].isna().all()


# ---- frames in -----------------------------------------------------------------------------------------------------------


def test_prices_of_a_frame_are_those_of_its_file(cli, home, prices, tmp_path):
    (tmp_path / "files").mkdir()
    prices.to_csv(tmp_path / "files" / "TOPIX.csv")
    printed = cli("run", "pro-growth-win", "-p", "hold=2", "--data", "files", "--no-report", "--json").json
    run = hs.run("pro-growth-win", hold=2, data={"TOPIX": prices})
    assert run.run_id == printed["run_id"]
    assert len(run.trades) > 3
    assert hs.bars("TOPIX", data={"TOPIX": prices})["close"].tolist() == prices["Close"].tolist()


def test_intraday_bars_go_out_and_in_by_their_open():
    at = pd.date_range("2020-01-06 00:00", periods=5, freq="h", tz="UTC", name="at")
    given = pd.DataFrame({"open": 1.0, "high": 3.0, "low": 1.0, "close": [1.0, 2, 3, 2, 1]}, index=at)
    once = hs.bars("TOPIX", data={"TOPIX": given})
    assert once.index.equals(pd.DatetimeIndex(at.astype("datetime64[ns, UTC]"), name="open_at"))
    assert hs.bars("TOPIX", data={"TOPIX": once}).equals(once)


def test_events_go_out_and_in_again():
    listed = hs.events(country="JP")
    assert (str(listed["known_at"].dtype), str(listed["incumbent_won"].dtype)) == ("datetime64[ns, UTC]", "boolean")
    again = hs.events(events=listed, only_events=True)
    assert again.equals(listed)
    whole = hs.run("pro-growth-win", hold=2)
    alone = hs.run("pro-growth-win", hold=2, events=listed, only_events=True)
    assert alone.trades.equals(whole.trades)


def test_an_event_known_later_is_traded_later():
    listed = hs.events(country="JP", year=2026, kind="general_election")
    listed["known_at"] += pd.Timedelta(days=1)
    listed["fields_known_at"] = None
    moved = hs.run("pro-growth-win", hold=2, events=listed, only_events=True).trades
    assert moved["entry_session"].tolist() == [pd.Timestamp("2026-02-10")]


def test_the_index_of_prices_may_hold_dates_in_any_form_and_that_of_events_the_ids(prices):
    close = prices["Close"][:4]
    forms = [close.index.strftime("%Y-%m-%d"), close.index.to_period("D"), [d.date() for d in close.index]]
    for dates in forms:
        assert hs.bars("TOPIX", data={"TOPIX": close.set_axis(dates)})["close"].tolist() == close.tolist()
    listed = hs.events(country="JP", year=2026)
    assert hs.events(events=listed.set_index("event_id"), only_events=True).equals(listed)


untyped: Any = hs
FRAME = pd.DataFrame({"close": [1.0, 2.0]}, index=pd.DatetimeIndex(["2020-01-06", "2020-01-07"]))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"TOPIX": None}, "data['TOPIX'] has type NoneType; give a DataFrame"),
        ({"TOPIX": "prices.csv"}, "data['TOPIX'] has type str"),
        ({"TOPIX": pd.concat({"a": FRAME})}, "data['TOPIX'] has a MultiIndex"),
        ({"TOPIX": FRAME.iloc[:0]}, "TOPIX.csv: no rows"),
        ({"TOPIX": FRAME.rename(columns={"close": "x"}).assign(y=1.0)}, "TOPIX.csv line 1: several series (x, y)"),
        ({"TOPIX": FRAME.reset_index(drop=True)}, "TOPIX.csv line 1: no column 'date'"),
        ({"TOPIX": FRAME.assign(close="x")}, "TOPIX.csv line 2: close is 'x'"),
        ({"a/b": FRAME}, "data has the key 'a/b'"),
        ({5: FRAME}, "data has the key '5'"),
        (FRAME, "name its instrument, such as data={'TOPIX': frame}"),
        ([FRAME], "data is of type list; give a path or frames by symbol"),
    ],
)
def test_prices_that_cannot_be_meant_are_refused_in_a_line(data, message):
    with pytest.raises(hs.UserError) as error:
        hs.bars("TOPIX", data=data)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: hs.events(events=FRAME["close"]), "events is of type Series; give a path or a DataFrame"),
        (lambda: hs.events(events={"a": FRAME}), "events is of type dict"),
        (lambda: hs.events(events=FRAME, only_events=True), "events.csv line 1: column 'country' is missing"),
        (lambda: untyped.run(None), "the strategy is None; give a name, a file, a class"),
        (lambda: hs.run("pro-growth-win", parameters=["hold=2"]), "parameters holds values by name"),
        (lambda: untyped.study("pro-growth-win"), "study takes a run that hs.run returned, not 'pro-growth-win'"),
        (lambda: untyped.bars(None), "unknown instrument 'None'"),
        (lambda: hs.bars("TOPIX", adjust="all"), "'all' is not one of 'price', 'total'"),
    ],
)
def test_values_of_a_wrong_type_are_refused_in_a_line(call, message):
    with pytest.raises(hs.UserError) as error:
        call()
    assert message in str(error.value)


def test_numbers_of_numpy_and_midnights_are_taken_as_typed():
    dates = [pd.Timestamp("2020-01-01"), np.datetime64("2020-01-01"), "2020-01-01"]
    assert len({hs.run("pro-growth-win", hold=np.int64(2), since=since).run_id for since in dates}) == 1


def test_a_saved_run_keeps_its_place_among_the_trials_when_it_is_loaded(home, tmp_path):
    folder = hs.run("pro-growth-win", hold=2).save(tmp_path / "a")
    again = hs.load(folder).save(tmp_path / "b")
    assert (again / "tearsheet.html").read_bytes() == (folder / "tearsheet.html").read_bytes()


def test_simulated_bars_do_not_become_a_frame_of_prices():
    with pytest.raises(hs.UserError, match="SIMULATED"):
        hs.run("pro-growth-win", data={"TOPIX": hs.bars("TOPIX")})


# ---- rules of a notebook -------------------------------------------------------------------------------------------------


def notebook(text: str) -> ModuleType:
    """Return a module without a file, as a notebook is."""
    module = ModuleType("notebook")
    sys.modules["notebook"] = module
    exec(text, vars(module))
    return module


def test_a_rule_of_a_notebook_has_another_id_when_its_code_is_another():
    first = hs.run(notebook(RULE).Mine, hold=2)
    again = hs.run(notebook(RULE).Mine(hold=2))
    other = hs.run(notebook(RULE.replace('"supermajority"', '"majority"')).Mine, hold=2)
    assert first.run_id == again.run_id != other.run_id
    assert len(first.trades) != len(other.trades)


def test_a_rule_of_a_notebook_can_be_studied_and_swept():
    rule = notebook(RULE).Mine
    assert hs.study(hs.run(rule), draws=100).text
    assert hs.sweep(rule, hold=[1, 2], top=1).frame["hold"].tolist() == [1, 2]


# ---- what a notebook shows -----------------------------------------------------------------------------------------------


def test_names_are_escaped_on_the_card():
    run = hs.run("pro-growth-win", hold=2)
    run.full.manifest["strategy"] = "<script>alert(1)</script>"
    card = run._repr_html_()
    assert "<script" not in card
    assert "&lt;script&gt;" in card
    assert all(text in card for text in ("<polyline", "4.50 %", "SIMULATED", "trial "))


def test_a_page_inside_a_notebook_is_a_frame_of_its_own(tmp_path):
    page = HtmlPage('<p title="a">b</p>')
    assert 'srcdoc="&lt;p title=&quot;a&quot;&gt;b&lt;/p&gt;"' in page._repr_html_()
    assert page.save(tmp_path / "p.html").read_text() == '<p title="a">b</p>'
    assert repr(page) == "<page of 0 KiB; .save('page.html') writes it>"


def test_a_finding_shows_its_sentences_and_its_tables():
    found = hs.compare(hs.run("pro-growth-win", hold=2), hs.run("pro-growth-win", hold=3))
    shown = found._repr_html_()
    assert "total_return" in shown
    assert found.text.split(",")[0] in shown


# ---- errors --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: hs.run("pro-grow-win"), "did you mean 'pro-growth-win'"),
        (lambda: hs.run("pro-growth-win", hodl=2), "did you mean 'hold'"),
        (lambda: hs.run("pro-growth-win", cash="lots"), "'lots' is not a valid float"),
        (lambda: hs.run("pro-growth-win", fx="both"), "'both' is not one of 'hedged', 'unhedged'"),
        (lambda: hs.run("pro-growth-win", data=pd.DataFrame()), "name its instrument"),
        (lambda: hs.run("pro-growth-win", data="nowhere"), "is not a directory"),
        (lambda: hs.run(type("Local", (), {"__qualname__": "f.<locals>.Local"})), "at the top level"),
        (lambda: hs.study(hs.run("pro-growth-win", hold=2), cash=1), "unknown keyword of study 'cash'"),
        (lambda: hs.events(contry="JP"), "did you mean 'country'"),
        (lambda: hs.events(country="XX"), "unknown country 'XX'"),
        (lambda: hs.bars("TOPXI"), "did you mean 'TOPIX'"),
        (lambda: hs.compare("a"), "two runs or more, 1 given"),
        (lambda: hs.load("nothing"), "no run 'nothing'"),
        (lambda: hs.sweep("pro-growth-win", hold=[1, 2], metric="luck"), "unknown metric 'luck'"),
    ],
)
def test_what_is_wrong_is_an_exception_of_one_line(wrong, message):
    with pytest.raises(hs.UserError, match=message) as raised:
        wrong()
    assert "\n" not in str(raised.value)


def test_every_public_function_has_an_example():
    functions = [getattr(hs, name) for name in hs.__all__ if name != "UserError"]
    assert [f.__name__ for f in functions if ">>>" not in (f.__doc__ or "")] == []
