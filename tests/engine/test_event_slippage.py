"""Slippage after an event: which fills pay it, and the table of its sensitivity."""

import pytest

from datasets.events import EventCatalogue
from engine.plan.costs import Terms
from engine.run.parameter_sensitivity import parameter_sensitivity
from engine.strategy import After, BeforeVote, LastCloseBefore, Leg, NextOpen
from tests.engine.markets import bars, days, event, flat_day, instrument, market_of, plan_and_replay, scripted, utc

FLAT = bars(instrument("AAA"), [flat_day(d, 100.0) for d in days("2024-01-01", 12)])
EVENT = event("E", "2024-01-03T12:00")
TERMS = Terms(cash=1_000.0, slippage_bps=10.0, event_slippage_bps=40.0)


def test_the_first_fill_after_an_event_pays_it_and_no_other() -> None:
    _, account = plan_and_replay([Leg("AAA", 0.5, NextOpen(), After(2))], [EVENT], FLAT, terms=TERMS)
    assert [f.price for f in account.fills] == pytest.approx([100.5, 99.9])  # 50 bps in, 10 bps out
    _, account = plan_and_replay([Leg("AAA", -0.5, NextOpen(), After(2))], [EVENT], FLAT, terms=TERMS)
    assert [f.price for f in account.fills] == pytest.approx([99.5, 100.1])


def test_an_entry_before_the_vote_pays_none() -> None:
    vote = event("E", "2024-01-08T12:00", announced_at=utc("2024-01-02T12:00"), voted_on="2024-01-08")
    leg = Leg("AAA", 0.5, BeforeVote(2), LastCloseBefore(utc("2024-01-08T00:00")))
    _, account = plan_and_replay([leg], [vote], FLAT, terms=TERMS, decides="announced_at")
    assert [f.price for f in account.fills] == pytest.approx([100.1, 99.9])


def test_the_sensitivity_table_has_it_and_marks_the_run() -> None:
    rule = scripted([Leg("AAA", 0.5, NextOpen(), After(2))])
    made = parameter_sensitivity(rule, EventCatalogue([EVENT]), market_of(FLAT), terms=Terms(event_slippage_bps=10.0))
    assert [(c.event_slippage_bps, c.own) for c in made.events] == [
        (0.0, False),
        (5.0, False),
        (10.0, True),
        (25.0, False),
        (50.0, False),
    ]
    assert made.events[3].mean_trade == pytest.approx(100 / 100.25 - 1)
