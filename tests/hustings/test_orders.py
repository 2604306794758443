"""hustings orders: conditional orders at events to come, checked by hand, and the plan of a run at past ones."""

from pathlib import Path

import pytest

from datasets.events import bundled_events
from datasets.instants import iso_z
from datasets.markets.instruments import bundled_instruments
from datasets.prices.sources.stored import DefaultSource
from engine.plan.plan import make_plan
from engine.strategy import build
from engine.strategy.contract import LEVELS
from engine.strategy.market import Market
from strategies.loading import find_strategy

pytestmark = pytest.mark.usefixtures("home")
NOW = ("--as-of", "2026-12-01")
PAST = {
    "takaichi-trade": ({}, 7),
    "election-drift": ({"sessions": "3"}, 8),
    "buy-after-event": ({"instrument": "home", "kind": "general_election", "stop_loss": "0.03", "trailing_stop": "0.05"}, 20),
}  # fmt: skip


def orders(cli, rule: str, event: str, *more: str):
    [row] = cli("orders", rule, "--event", event, "--json", *(more or NOW)).json["events"]
    return row


@pytest.mark.parametrize("rule", PAST)
def test_orders_of_past_events_are_the_plan_of_a_run(cli, rule: str) -> None:
    given, events = PAST[rule]
    market = Market(DefaultSource(), bundled_instruments())
    plan = make_plan(build(find_strategy(rule), given), bundled_events(), market)
    ids = list(dict.fromkeys(t.event_id for t in plan.trades))[-events:]
    assert len(ids) == events
    parameters = [part for pair in given.items() for part in ("-p", "=".join(pair))]
    for event_id in ids:
        [row] = orders(cli, rule, event_id, *parameters)["rows"]
        planned = [t for t in plan.trades if t.event_id == event_id]
        assert row["if"] == {}
        assert [o["instrument"] for o in row["orders"]] == [t.instrument for t in planned]
        for order, trade in zip(row["orders"], planned, strict=True):
            bars = market.bars(trade.instrument)
            assert order["weight"] == trade.weight
            assert order["decided_at"] == iso_z(trade.decided_at)
            assert order["entry"]["at"] == iso_z(trade.entry.at(bars))
            assert (order["exit"] and order["exit"]["at"]) == (trade.exit and iso_z(trade.exit.at(bars)))
            assert order["distances"] == {n: v for n in LEVELS if (v := getattr(trade, n)) is not None}


def test_orders_by_outcome_of_the_eve_are_those_of_the_run_where_it_came_so(cli) -> None:
    """Polls closed when the outcome became known (an exit poll), so that both decide at one instant."""
    before = orders(cli, "pro-growth-win", "JP-2026-02-08-GE", "--as-of", "2026-02-07")
    [row] = before["rows"]
    [then] = orders(cli, "pro-growth-win", "JP-2026-02-08-GE")["rows"]
    assert (row["if"], before["title"]) == ({"pro_growth": ["yes"]}, "")
    for name in ("instrument", "weight", "entry", "exit", "units", "last_close"):
        assert row["orders"][0][name] == then["orders"][0][name]


def test_a_rule_on_labels_has_a_row_of_conditions(cli) -> None:
    """The latest day is Thursday 7 February 2030, polls close at 20:00; ten weekdays from the 8th end on the 21st."""
    row = orders(cli, "takaichi-trade", "JP-2030-02-07-GE")
    assert (row["known_at"], row["known_at_supposed"], row["date"]) == ("2030-02-07T11:00:00Z", True, "by 2030-02-07")
    [only] = row["rows"]
    assert only["if"] == {"program": ["fiscal_expansion"], "majority": ["supermajority", "majority", "coalition"]}
    nikkei = only["orders"][0]
    assert (nikkei["instrument"], nikkei["weight"]) == ("N225", pytest.approx(0.3))
    assert nikkei["entry"] == {"session": "2030-02-08", "phase": "open", "at": "2030-02-08T00:00:00Z"}
    assert nikkei["exit"] == {"session": "2030-02-22", "phase": "open", "at": "2030-02-22T00:00:00Z"}
    assert nikkei["notes"] == ["hours of XTKS after 2027-12-31 are regular hours, special days unknown"]


def test_a_rule_that_decides_before_the_vote_has_no_condition(cli) -> None:
    """Tuesday 7 November 2028; five sessions (31 October to 6 November) follow the close of Monday the 30th."""
    [row] = orders(cli, "election-drift", "US-2028-11-07-PE")["rows"]
    [order] = row["orders"]
    assert row["if"] == {}
    assert order["entry"] == {"session": "2028-10-30", "phase": "close", "at": "2028-10-30T20:00:00Z"}
    assert order["exit"] == {"session": "2028-11-06", "phase": "close", "at": "2028-11-06T21:00:00Z"}
    assert (round(order["last_close"], 2), order["last_session"]) == (2506.85, "2018-12-31")  # the last bar there is
    assert order["units"] == pytest.approx(950_000 / 2506.85, rel=1e-6)  # the level has more digits


def test_a_word_of_the_rule_is_a_condition(cli) -> None:
    """20 January 2029 is a Saturday, 20 January 2033 a Thursday."""
    [row] = orders(cli, "presidential-cycle", "US-2028-11-07-PE", *NOW, "--cash", "10000")["rows"]
    [order] = row["orders"]
    assert row["if"] == {"winner_party": ["Democratic"]}
    assert (order["entry"]["at"], order["exit"]["at"]) == ("2029-01-22T14:30:00Z", "2033-01-19T21:00:00Z")
    assert order["units"] == pytest.approx(9_500 / 2506.85, rel=1e-6)


def test_a_rule_that_acts_on_the_announcement_waits_for_it(cli) -> None:
    [row] = orders(cli, "dissolution-rally", "JP-2030-02-07-GE")["rows"]
    [order] = row["orders"]
    assert order["entry"] == {"session": None, "phase": "open", "at": None}
    assert order["exit"]["session"] == "2030-02-06"
    shown = cli("orders", "dissolution-rally", "--event", "JP-2030-02-07-GE", *NOW).out
    assert "first open after" in " ".join(shown.split())


def test_a_rule_that_reads_prices_to_come_has_a_reason_in_place_of_an_order(cli) -> None:
    row = orders(cli, "fade-the-shock", "JP-2027-04-11-LOCAL")
    assert row["rows"] == []
    assert row["not_traded"] == [
        {"instrument": "", "reason": "it depends on the prices of TOPIX at 2027-04-12T06:30:00Z"}
    ]


def test_levels_are_prices_around_the_last_close(cli) -> None:
    given = ("-p", "instrument=SPX", "-p", "side=short", "-p", "stop_loss=0.1", "-p", "take_profit=0.2")
    [row] = orders(cli, "buy-after-event", "US-2028-11-07-PE", *NOW, *given)["rows"]
    [order] = row["orders"]
    assert (order["weight"], order["distances"]) == (-0.95, {"stop_loss": 0.1, "take_profit": 0.2})
    assert order["levels"] == pytest.approx({"stop_loss": 2757.535, "take_profit": 2005.48}, rel=1e-6)


def test_all_events_to_come_are_considered_and_the_unwanted_counted(cli) -> None:
    given = ("orders", "buy-after-event", "-p", "country=FI", "-p", "instrument=SPX", *NOW)
    answer = cli(*given, "--json").json
    assert [e["event_id"] for e in answer["events"]] == ["FI-2027-04-18-GE"]
    assert answer["considered"] >= 50
    assert "events within 400 days" in cli(*given).out
    assert cli(*given, "--within", "10d", "--json").json["events"] == []


def test_no_bar_after_the_instant_is_used(cli) -> None:
    [row] = orders(cli, "election-drift", "US-2016-11-08-PE", "--as-of", "2016-10-01")["rows"]
    assert row["orders"][0]["last_session"] == "2016-09-30"
    assert row["orders"][0]["notes"] == []


def test_an_order_whose_entry_has_passed_says_so(cli) -> None:
    [row] = orders(cli, "election-drift", "US-2016-11-08-PE", "--as-of", "2016-11-05")["rows"]
    assert row["orders"][0]["notes"] == ["SPX: entered already, on 2016-10-31"]  # a Monday; five sessions follow
    assert row["orders"][0]["last_session"] == "2016-10-28"


def test_an_own_event_without_outcome_has_orders(cli, tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text(
        "event_id,country,kind,title,voted_on,timezone,known_at\n"
        "JP-2027-06-06-GE,JP,general_election,Snap vote,2027-06-06,Asia/Tokyo,\n"
        "JP-2027-06-07-X,JP,war,Nothing known,,Asia/Tokyo,\n"
    )
    row = orders(cli, "pro-growth-win", "JP-2027-06-06-GE", *NOW, "--events", str(file))
    assert row["rows"][0]["orders"][0]["entry"]["at"] == "2027-06-07T00:00:00Z"  # Monday, from the end of the Sunday
    refused = cli("orders", "pro-growth-win", "--event", "JP-2027-06-07-X", "--events", str(file))
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "has neither polls_close_at nor voted_on" in refused.err


def test_a_backtrader_strategy_has_no_orders(cli, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import backtrader\n\n\nclass Mine(backtrader.Strategy):\n    pass\n")
    answer = cli("orders", "mine.py:Mine")
    assert (answer.code, answer.err) == (
        2,
        "hustings: Mine is a backtrader strategy: orders are those of a hustings rule\n",
    )


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["pro-growth-win", "--event", "JP-2026-02-0-GE"], "unknown event 'JP-2026-02-0-GE'"),
        (["pro-growth-win", "--cash", "0"], "--cash is 0; it must be above 0"),
        (["pro-growth-win", "--as-of", "0001-01-01"], "--as-of is 0001-01-01; it must lie between"),
        (["pro-growth-win", "--within", "soon"], "--within is 'soon'"),
        (["pro-growth-wni"], "unknown strategy 'pro-growth-wni'"),
    ],
)
def test_bad_input_is_one_line(cli, typed: list[str], said: str) -> None:
    answer = cli("orders", *typed)
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert answer.err.startswith(f"hustings: {said}")
