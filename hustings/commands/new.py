"""hustings new: a strategy file with its test, ready to edit."""

import keyword
import re
from pathlib import Path

import click

from datasets.errors import UserError
from hustings.terminal import say, say_json

_STRATEGY = '''"""{cls}: say in one line why this should earn anything."""

from datasets.events import Kind, PoliticalEvent
from engine.strategy.market import MarketView
from engine.strategy import After, Fraction, Leg, NextOpen, Sessions, Strategy, Symbol, strategy


@strategy
class {cls}(Strategy):
    """Buy an index at the first open after an incumbent has won a general election, and hold it.

    Args:
        instrument: what to buy
        hold: sessions held
        weight: share of equity put in
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


@click.command()
@click.argument("name")
@click.option("--dir", "folder", type=click.Path(path_type=Path), default=Path(), help="Where to write [here].")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def new(name: str, folder: Path, as_json: bool) -> None:
    """Write NAME.py (a strategy that runs) and test_NAME.py (a test that passes), ready to edit."""
    words = [w for w in re.split(r"[-_\s]+", name) if w]
    module = "_".join(words).lower()
    if not module.isidentifier() or keyword.iskeyword(module):
        raise UserError(f"'{name}' cannot be a strategy's name: use letters, digits and dashes, such as my-rule")
    cls = "".join(w[:1].upper() + w[1:] for w in words)
    strategy, test = folder / f"{module}.py", folder / f"test_{module}.py"
    for path in (strategy, test):
        if path.exists():
            raise UserError(f"'{path}' is there already; take another name or move it away")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        strategy.write_text(_STRATEGY.format(cls=cls), encoding="utf-8")
        test.write_text(_TEST.format(cls=cls, module=module, test=test.name), encoding="utf-8")
    except OSError as e:
        raise UserError(f"cannot write to '{folder}': {e.strerror}; name another place with --dir") from e
    if as_json:
        say_json({"strategy": str(strategy), "test": str(test), "class": cls})
        return
    say(f"{strategy}\n{test}\nrun it: hustings run {strategy}:{cls}")
