"""What every bundled rule must keep. A new rule inherits all of it through the registry."""

from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import strategies
from datasets.events import EventCatalogue, bundled_events
from datasets.instants import to_ns
from datasets.markets.instruments import bundled_instruments
from engine.plan.costs import Terms
from engine.run.backtest import backtest
from engine.run.run import Run
from engine.strategy import Strategy, build, parameters, values
from engine.strategy.market import Market
from strategies import REGISTRY
from strategies.loading import find_strategy
from tests.engine.markets import builtin_bars, odds_path

WAVES = [0.4 + 0.2 * float(np.sin(n)) for n in range(61)]
PRICED = EventCatalogue(
    odds_path(e, "Republican", WAVES) if e.country == "US" and e.is_election and e.voted_on else e
    for e in bundled_events()
)
"""The bundled events, those of American elections with odds that were made up: a rule may need them to trade."""
RULES = list(REGISTRY)


def rule(name: str) -> Strategy:
    built: Strategy = build(find_strategy(name), {})
    return built


def run(name: str, events: EventCatalogue | None = None, **terms: Any) -> Run:
    market = Market(builtin_bars(), bundled_instruments())
    return backtest(rule(name), PRICED if events is None else events, market, terms=Terms(**terms))


@cache
def first_run(name: str) -> Run:
    """Return the run of a rule on all events, which several tests read."""
    return run(name)


@pytest.mark.parametrize("name", RULES)
def test_the_class_bears_the_name_it_is_registered_under(name: str) -> None:
    assert find_strategy(name).name == name


@pytest.mark.parametrize("name", RULES)
def test_every_parameter_is_documented(name: str) -> None:
    assert [p.name for p in parameters(find_strategy(name)) if not p.says] == [], "say what it is under Args:"


@pytest.mark.parametrize("name", RULES)
def test_parameters_survive_being_written_as_text(name: str) -> None:
    first = rule(name)
    text = {k: ",".join(v) if isinstance(v, list) else str(v) for k, v in values(first).items()}
    assert build(type(first), text) == first


@pytest.mark.parametrize("name", RULES)
def test_a_rule_cannot_be_changed(name: str) -> None:
    first = rule(name)
    field = parameters(type(first))[0].name
    with pytest.raises(AttributeError):
        setattr(first, field, getattr(first, field))


@pytest.mark.parametrize("name", RULES)
def test_it_trades_and_only_after_the_decision(name: str) -> None:
    result = first_run(name)
    assert result.trades
    assert all(f.filled_at > f.decided_at for f in result.fills)


@pytest.mark.parametrize("name", RULES)
def test_flat_without_events(name: str) -> None:
    result = run(name, EventCatalogue([]))
    assert not result.trades
    assert set(result.equity) == {1_000_000.0}
    assert result.metrics["n_trades"] == 0


@pytest.mark.parametrize("name", RULES)
def test_equity_is_the_start_and_the_trades(name: str) -> None:
    result = first_run(name)
    assert result.final_equity == pytest.approx(1_000_000 + sum(t.pnl for t in result.trades), abs=0.005)


@pytest.mark.parametrize("name", RULES)
def test_costs_never_help(name: str) -> None:
    free, dear = (run(name, commission_bps=c, slippage_bps=c) for c in (0.0, 25.0))
    paired = {(t.event_id, t.instrument): t.return_ for t in free.trades}
    assert all(t.return_ < paired[t.event_id, t.instrument] for t in dear.trades)


@pytest.mark.parametrize("name", RULES)
def test_the_same_inputs_give_the_same_run(name: str) -> None:
    one, two = first_run(name), run(name)
    assert one.run_id == two.run_id
    assert np.array_equal(one.equity, two.equity)
    assert one.trades == two.trades


@pytest.mark.parametrize("name", RULES)
def test_later_events_do_not_change_earlier_trades(name: str) -> None:
    """Cut the catalogue in the middle: what was decided before the cut, and ended before it, stays the same."""
    whole = first_run(name)
    middle = whole.trades[len(whole.trades) // 2].decided_at
    known = PRICED.select(lambda e: e.known_at is not None and to_ns(e.announced_at or e.known_at) <= middle + 1)
    cut = run(name, known)
    before = [t for t in whole.trades if t.decided_at < middle]
    assert cut.trades[: len(before)] == tuple(before)


@pytest.mark.parametrize("name", RULES)
def test_a_later_announcement_moves_nothing_earlier(name: str) -> None:
    """Delay all that is known by a day: no trade is then entered earlier than before."""
    day = timedelta(days=1)

    def late(at):
        return None if at is None else at + day

    delayed = EventCatalogue(
        e.model_copy(update={"known_at": late(e.known_at), "announced_at": late(e.announced_at)}) for e in PRICED
    )
    first = {(t.event_id, t.instrument): t.entry_at for t in first_run(name).trades}
    for trade in run(name, delayed).trades:
        assert trade.entry_at >= first.get((trade.event_id, trade.instrument), trade.entry_at)


def test_every_file_of_a_strategy_is_registered() -> None:
    """A file that defines a strategy and is not in the registry would inherit none of these tests."""
    files = {p.stem for p in Path(strategies.__file__).parent.glob("*.py")} - {"__init__", "loading"}
    assert files == {place.partition(":")[0].removeprefix("strategies.") for place in REGISTRY.values()}
