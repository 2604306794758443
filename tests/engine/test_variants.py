"""Claims about other holds, delays and costs: by hand, on prices of one market."""

from datasets.events import EventCatalogue, Kind
from engine.plan.costs import Terms
from engine.run.parameter_sensitivity import parameter_sensitivity
from engine.strategy import After, AtNextEvent, Leg, Never, NextOpen, Phase
from tests.engine.markets import about, bars, days, event, instrument, market_of, scripted

# opens 100, 101, 102, ... and closes half a point above them, a day each
RISING = [(d, 100.0 + n, 100.5 + n, 100.0 + n, 100.5 + n) for n, d in enumerate(days("2024-01-02", 30))]
FREE = Terms(cash=1_000.0)


def _market(**costs):
    return market_of(bars(instrument(**costs), RISING))


def _events():
    return EventCatalogue([event("E", "2024-01-03T12:00")])


def _of(leg, *, terms=FREE, **costs):
    return parameter_sensitivity(scripted([leg]), _events(), _market(**costs), terms=terms)


def test_holds_and_delays_by_hand():
    found = _of(Leg("AAA", 1.0, entry=NextOpen(), exit=After(4)))
    assert [(v.hold, v.delay) for v in found.timing[:6]] == [(1, 0), (1, 1), (1, 2), (1, 3), (1, 5), (2, 0)]
    by = {(v.hold, v.delay): v for v in found.timing}
    assert len(by) == 25
    # bought at the open of 4 January, 102; a delay of 5 buys at 107; after 16 sessions sold at the open 16 above
    assert by[4, 0].total_return == about(4 / 102)
    assert by[16, 5].total_return == about(16 / 107)
    assert by[1, 2].mean_trade == about(1 / 104)
    assert [(v.hold, v.delay) for v in found.timing if v.own] == [(4, 0)]
    assert found.note == ""


def test_costs_by_hand():
    found = _of(Leg("AAA", 1.0, entry=NextOpen(), exit=After(4)), slippage_bps=10.0)
    # slippage of 10 bps a side: bought at 102.102, sold at 105.894; without, 102 and 106
    returns = {v.costs: v.mean_trade for v in found.costs}
    assert list(returns) == [0.0, 1.0, 2.0, 5.0]
    assert returns[0.0] == about(4 / 102)
    assert returns[1.0] == about(105.894 / 102.102 - 1)
    assert returns[5.0] == about(106 * 0.995 / (102 * 1.005) - 1)
    assert [v.costs for v in found.costs if v.own] == [1.0]


def test_costs_of_the_terms_are_multiplied_too():
    terms = Terms(cash=1_000.0, slippage_bps=10.0, commission_bps=0.0)
    found = _of(Leg("AAA", 1.0, entry=NextOpen(), exit=After(4)), terms=terms)
    assert found.costs[2].mean_trade == about(106 * 0.998 / (102 * 1.002) - 1)


def test_a_rule_without_hold_says_so_and_is_delayed_only():
    found = _of(Leg("AAA", 1.0, entry=NextOpen(delay=1), exit=Never()))
    assert [(v.hold, v.delay) for v in found.timing] == [(None, 1), (None, 2), (None, 3), (None, 4), (None, 6)]
    assert [v.own for v in found.timing] == [True, False, False, False, False]
    assert found.note.startswith("no hold to vary")
    assert found.timing[0].mean_trade == about(129.5 / 103 - 1)  # still open: at its mark
    assert found.timing[0].total_return == about(129.5 / 103 - 1)


def test_an_exit_at_another_event_is_found_among_all_events():
    other = event("F", "2024-01-10T12:00", kind="inauguration")
    legs = {"E": [Leg("AAA", 1.0, entry=NextOpen(), exit=AtNextEvent(Kind.INAUGURATION))]}
    found = parameter_sensitivity(scripted(legs), EventCatalogue([*_events(), other]), _market(), terms=FREE)
    assert found.timing[0].mean_trade == about(109 / 102 - 1)


def test_the_close_of_the_last_session_held_stays_the_exit():
    found = _of(Leg("AAA", 1.0, entry=NextOpen(), exit=After(4, at=Phase.CLOSE)))
    assert {(v.hold, v.delay): v.mean_trade for v in found.timing}[8, 1] == about(110.5 / 103 - 1)


def test_a_rule_that_never_traded_has_nothing_to_vary():
    found = parameter_sensitivity(scripted({}), _events(), _market(), terms=FREE)
    assert (found.timing, found.costs) == ((), ())
    assert found.note == "the rule returned no leg: there is nothing to vary"


def test_an_account_that_meets_a_margin_call_is_replayed():
    leg = Leg("AAA", -3.0, entry=NextOpen(), exit=After(20))
    found = _of(leg, terms=Terms(cash=1_000.0, max_gross=5.0))
    assert found.costs[1].n_trades == 1
