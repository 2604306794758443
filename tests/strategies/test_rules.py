"""What each rule claims of its own, on real bars where the claim is about real markets."""

import pytest

from datasets.errors import UserError
from datasets.events import bundled_events
from datasets.markets.instruments import bundled_instruments
from engine.plan.costs import Terms
from engine.run.backtest import backtest
from engine.strategy import Strategy, build, strategy
from engine.strategy.market import Market
from strategies.loading import find_strategy
from tests.engine.markets import builtin_bars, real_bars

FREE = Terms(commission_bps=0, slippage_bps=0)


def run_on(source, name: str, terms: Terms = FREE, **parameters: object):
    market = Market(source, bundled_instruments())
    return backtest(build(find_strategy(name), parameters), bundled_events(), market, terms=terms)


@pytest.fixture
def real(market_dir):
    return real_bars(market_dir)


def by_event(run, instrument: str | None = None):
    return {t.event_id: t for t in run.trades if instrument in (None, t.instrument)}


def test_pro_growth_win_buys_topix_on_the_monday_after_the_landslide(real) -> None:
    trade = by_event(run_on(real, "pro-growth-win", hold=2))["JP-2026-02-08-GE"]
    assert (trade.entry_session, trade.entry_price) == ("2026-02-09", 3756.21)
    assert (trade.exit_session, trade.exit_price) == ("2026-02-12", 3855.98)  # the 11th is a holiday


def test_each_market_fills_at_its_own_next_open(real) -> None:
    """Known at 2026-02-08T11:00Z, a Sunday: opening instants from the exchanges' published hours."""
    opens = {
        ("takaichi-trade", "N225"): "2026-02-09T00:00:00",
        ("takaichi-trade", "TOPIX"): "2026-02-09T00:00:00",
        ("takaichi-trade", "USDJPY"): "2026-02-08T22:00:00",
        ("regional-spillover", "ASX200"): "2026-02-08T23:00:00",
        ("regional-spillover", "KOSPI"): "2026-02-09T00:00:00",
        ("regional-spillover", "SSEC"): "2026-02-09T01:30:00",
        ("regional-spillover", "HSI"): "2026-02-09T01:30:00",
        ("regional-spillover", "NIFTY50"): "2026-02-09T03:45:00",
        ("regional-spillover", "SPX"): "2026-02-09T14:30:00",
    }
    import numpy as np

    for rule in ("takaichi-trade", "regional-spillover"):
        run = run_on(real, rule)
        trades = [t for t in run.trades if t.event_id == "JP-2026-02-08-GE"]
        found = {t.instrument: str(np.datetime64(t.entry_at, "ns"))[:19] for t in trades}
        assert found == {market: at for (name, market), at in opens.items() if name == rule}


def test_dissolution_rally_sells_at_the_last_close_before_the_vote(real) -> None:
    trade = by_event(run_on(real, "dissolution-rally"))["JP-2026-02-08-GE"]
    assert (trade.entry_session, trade.exit_session) == ("2026-01-20", "2026-02-06")  # announced 19 January 18:00 JST
    assert trade.entry_at > trade.decided_at


def test_fade_the_shock_buys_after_the_fall_of_september_2024(real) -> None:
    """The Nikkei fell 4.80 % on 2024-09-30 after Ishiba's win; the decision falls at that close."""
    trade = by_event(run_on(real, "fade-the-shock", instrument="N225", fall=0.04))["JP-2024-09-27-LDP"]
    assert trade.entry_session == "2024-10-01"
    assert "JP-2024-09-27-LDP" not in by_event(run_on(real, "fade-the-shock", instrument="N225", fall=0.05))


def test_election_drift_holds_the_five_sessions_before_the_vote() -> None:
    """2016-11-08 was a Tuesday: in at the close of Monday 31 October, out at the close of Monday 7 November."""
    trade = by_event(run_on(builtin_bars(), "election-drift", instrument="IXIC", sessions=5))["US-2016-11-08-PE"]
    assert (trade.entry_session, trade.exit_session) == ("2016-10-31", "2016-11-07")
    # Nasdaq closes, published: 5189.13 and 5166.17
    assert round(trade.entry_price, 2) == 5189.14
    assert round(trade.exit_price, 2) == 5166.17


def test_presidential_cycle_changes_at_the_inauguration() -> None:
    run = run_on(builtin_bars(), "presidential-cycle", instrument="IXIC", party="Republican")
    assert [(t.entry_session, t.exit_session) for t in run.trades] == [
        ("2001-01-22", "2005-01-19"),  # the 20th of January 2001 was a Saturday
        ("2005-01-20", "2009-01-16"),  # the 19th of January 2009 was a holiday
        ("2017-01-20", "2018-12-31"),  # still held when the bars end
    ]
    assert run.trades[-1].exit_reason == "open_at_end"


def test_buy_after_event_goes_short_and_filters() -> None:
    run = run_on(
        builtin_bars(), "buy-after-event", instrument="IXIC", side="short", kind="presidential_election",
        winner_party="Democratic", hold=1, exit="close",
    )  # fmt: skip
    assert {t.event_id for t in run.trades} == {"US-2008-11-04-PE", "US-2012-11-06-PE", "KR-2017-05-09-PE"}
    assert {t.side for t in run.trades} == {"short"}
    assert all(t.entry_session == t.exit_session for t in run.trades)
    assert by_event(run)["US-2012-11-06-PE"].pnl > 0  # the Nasdaq fell that day


def test_unknown_labels_are_reported_and_not_dropped(real) -> None:
    skipped = {s.event_id: s.reason for s in run_on(real, "pro-growth-win", country="DE").skipped}
    assert skipped["DE-2017-09-24-GE"] == "unknown at 2017-09-24T16:00:00Z: pro_growth"


def test_events_before_the_bars_are_reported(real) -> None:
    skipped = {s.event_id: s.reason for s in run_on(real, "buy-after-event", country="US").skipped}
    assert skipped["US-1928-11-06-PE"] == "before the first bar; bars begin 2001-06-25"


@strategy
class Plain(Strategy):
    """Has parameters of plain types."""

    stop: float | None = 0.1
    word: str | None = "any"
    text: str = "any"
    hold: int = 3


def test_the_word_none_is_none_where_a_plain_type_lets_it_be() -> None:
    built = build(Plain, {"stop": "none", "word": " None ", "text": "none"})
    assert (built.stop, built.word, built.text) == (None, None, "none")
    assert (build(Plain, {"stop": "0.2"}).stop, build(Plain, {"stop": ""}).stop) == (0.2, None)
    with pytest.raises(UserError, match="parameter hold of plain is 'none': Input should be a valid integer"):
        build(Plain, {"hold": "none"})
