"""hustings new: writes a strategy file with its test, ready to edit."""

import keyword
import re
from pathlib import Path

from datasets.errors import UserError
from hustings.files import write_text
from hustings.terminal import say, say_json

_STRATEGY = '''"""{cls}: state in one line why this should earn a return."""

from datasets.events import Kind, PoliticalEvent
from engine.strategy import After, Fraction, Leg, NextOpen, Sessions, Strategy, Symbol, strategy
from engine.strategy.market import MarketView


@strategy
class {cls}(Strategy):
    """Buy an index at the first open after an incumbent has won a general election, and hold it.

    Args:
        instrument: index to buy
        hold: sessions held
        weight: share of equity invested
    """

    instrument: Symbol = "TOPIX"
    hold: Sessions = 10
    weight: Fraction = 0.95

    def wants(self, event: PoliticalEvent) -> bool:
        return event.kind == Kind.GENERAL_ELECTION and event.incumbent_won is True

    def legs(self, event: PoliticalEvent, market: MarketView) -> list[Leg]:
        return [Leg(self.instrument, self.weight, entry=NextOpen(), exit=After(sessions=self.hold))]
'''

_TEST = '''"""Run with: pytest {test}"""

from {module} import {cls}

from datasets.events import bundled_events
from datasets.markets.instruments import bundled_instruments
from datasets.prices.sources.builtin import BuiltinSource
from engine.run.backtest import backtest
from engine.strategy.market import Market


def test_trades_the_landslide_of_2026_after_it_was_known() -> None:
    run = backtest({cls}(hold=2), bundled_events(), Market(BuiltinSource(), bundled_instruments()))
    trade = next(t for t in run.trades if t.event_id == "JP-2026-02-08-GE")
    assert (trade.entry_session, trade.exit_session) == ("2026-02-09", "2026-02-12")
    assert all(t.entry_at > t.decided_at for t in run.trades)
'''


def write_strategy(*, name: str, folder: Path, as_json: bool) -> None:
    """Write a strategy that runs and a test that passes, and print where they are.

    Raises:
        UserError: the name is no name of a module, a file exists already, or cannot be written.
    """
    words = [w for w in re.split(r"[-_\s]+", name) if w]
    module, cls = "_".join(words).lower(), "".join(w[:1].upper() + w[1:] for w in words)
    if not module.isidentifier() or keyword.iskeyword(module):
        raise UserError(f"'{name}' cannot be a strategy's name: use letters, digits and dashes, such as my-rule")
    strategy, test = folder / f"{module}.py", folder / f"test_{module}.py"
    for path in (strategy, test):
        if path.exists():
            raise UserError(f"'{path}' exists already; choose another name or move it away")
    write_text(strategy, _STRATEGY.format(cls=cls), option="--dir")
    write_text(test, _TEST.format(cls=cls, module=module, test=test.name), option="--dir")
    if as_json:
        say_json({"strategy": str(strategy), "test": str(test), "class": cls})
    else:
        say(f"{strategy}\n{test}\nrun it: hustings run {strategy}:{cls}")
