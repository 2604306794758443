"""What is looked up for a placebo date is what a replay on backtrader leaves there."""

import pytest

from datasets.events import bundled_events
from datasets.markets.instruments import bundled_instruments
from engine.plan.costs import Fx, Terms
from engine.run.backtest import Window as Dates
from engine.run.backtest import backtest
from engine.strategy import build
from engine.strategy.market import Market
from engine.study.placebo_pnl import PlaceboPnl, placebo_pnl
from engine.study.settings import Scheme, Settings
from engine.study.study_input import StudyInput
from strategies import REGISTRY
from strategies.loading import find_strategy
from tests.engine.markets import builtin_bars, real_bars

NASDAQ = {"instrument": "IXIC", "country": "US", "hold": "15", "stop_loss": "0.02", "take_profit": "0.03"}


COSTS = Terms(commission_bps=3.0, slippage_bps=2.0, borrow_rate=0.04, event_slippage_bps=7.0)


def pnl(name: str, market: Market, given: dict[str, str], *, terms: Terms = COSTS, **settings: object) -> PlaceboPnl:
    rule, terms = (
        build(find_strategy(name), given),
        Terms(commission_bps=3.0, slippage_bps=2.0, borrow_rate=0.04, event_slippage_bps=7.0),
    )
    run = backtest(rule, bundled_events(), market, terms=terms)
    subject = StudyInput(rule, bundled_events(), market, terms, Dates(), run)
    return placebo_pnl(subject, Settings(draws=200, **settings), replayed=8)  # type: ignore[arg-type]


@pytest.mark.parametrize("side", ["long", "short"])
@pytest.mark.parametrize("entry", ["open", "close"])
def test_real_nasdaq_bars_with_stops_targets_and_costs(side: str, entry: str) -> None:
    market = Market(builtin_bars(), bundled_instruments())
    made = pnl("buy-after-event", market, {**NASDAQ, "side": side, "entry": entry}, scheme=Scheme.SHIFT)
    assert made.replayed == 8
    assert made.difference == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("name", list(REGISTRY))
def test_every_rule_on_real_bars(name: str, market_dir) -> None:
    made = pnl(name, Market(real_bars(market_dir), bundled_instruments()), {}, scheme=Scheme.SHIFT)
    assert made.reason or (made.difference == pytest.approx(0.0, abs=1e-9) and made.replayed == 8)


@pytest.mark.parametrize("markets", ["N225,TOPIX,USDJPY", "N225,-USDJPY"])
def test_an_unhedged_account_on_real_bars(markets: str, market_dir) -> None:
    plain = Market(real_bars(market_dir), bundled_instruments())
    given, terms = {"markets": markets, "hold": "5"}, Terms(borrow_rate=0.04, currency="USD", fx=Fx.UNHEDGED)
    made = pnl("takaichi-trade", plain.in_currency("USD"), given, terms=terms, scheme=Scheme.SHIFT)
    assert made.difference == pytest.approx(0.0, abs=1e-9)
    assert made.replayed == 8


def test_the_identity_of_the_shifts_is_the_events_themselves() -> None:
    made = pnl("buy-after-event", Market(builtin_bars(), bundled_instruments()), NASDAQ, scheme=Scheme.SHIFT)
    assert made.exact
    assert 0.0 <= made.rows[0].beyond < 1.0
    assert made.rows[1].observed == pytest.approx(made.rows[0].observed * made.observations)
