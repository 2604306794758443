"""The same trade on many calendars (placebo dates, say), an account each: what they share is reckoned once."""

from functools import partial
from typing import cast

import numpy as np

from datasets.prices.bars import Bars, Flags, Floats
from engine.account.bar_matrix import CostModel, Numbers64, bar_matrix, cost_model
from engine.account.exits import priced, reached_of
from engine.account.grid import TRADES, Backend, Gathered, Results, fast_module, results_of, walks_of
from engine.account.grid_table import bar_by_bar, some_calendars
from engine.account.trade_table import plan_of_table
from engine.account.windows import Factors, factors_of, may_stand_apart, windows_of
from engine.plan.costs import Terms
from engine.study.shapes import Shape


def evaluate_calendars(
    bars: Bars,
    shape: Shape,
    rows: Numbers64,
    terms: Terms,
    *,
    weight: float = 0.95,
    since: np.datetime64 | None = None,
    backend: Backend = Backend.AUTO,
) -> Results:
    """Return what the same trade leaves on many calendars, each an account of its own.

    Args:
        bars: what is traded.
        shape: the trade without its date; ``engine.study.shapes`` tells where it fits.
        rows: calendars x events, the bars of entry, ascending in each calendar.
        terms: cash, rates, costs and the exposure limit.
        weight: the share of equity put into each trade.
        since: the first session of the accounts.
        backend: what reckons.
    """
    tape = bar_matrix([bars], since)
    money = cost_model(tape, terms)
    found, fast = Gathered(len(rows)), fast_module(backend, rows.size, walks=walks_of(money, shorts=shape.side < 0))
    once = bar_by_bar(tape, shape, weight)
    reached, windows = reached_of(once.entries, once.levels, tape, money, fast), None
    if may_stand_apart(once.entries, money):
        used = some_calendars(once, np.unique(rows)[:, None])
        windows = windows_of(factors_of(priced(used, tape, money, reached), tape, money), tape)
    for first in range(0, len(rows), step := max(1, TRADES // max(1, rows.shape[1]))):
        some = np.arange(first, min(first + step, len(rows)))
        table = some_calendars(once, rows[some])
        plan_of = partial(plan_of_table, table, tape)
        found.put(some, results_of(table, tape, money, plan_of, fast, reached, windows))
    return found.results({})


def calendar_equities(
    bars: Bars, shape: Shape, rows: Numbers64, terms: Terms, *, weight: float = 0.95, since: np.datetime64 | None = None
) -> Floats:
    """Return the final equity the same trade leaves on many calendars and nothing else; arguments as above.

    What a trade does to equity is reckoned once a bar; a calendar whose trades share no day is then a product of what
    stands at its rows.
    """
    tape = bar_matrix([bars], since)
    money = cost_model(tape, terms)
    factors = factors_of(priced(bar_by_bar(tape, shape, weight), tape, money), tape, money)
    found = terms.cash * np.multiply.reduce(factors.factor[rows], axis=1)
    others = np.flatnonzero(~_apart(factors, rows, money))
    if len(others):
        found[others] = evaluate_calendars(bars, shape, rows[others], terms, weight=weight, since=since).final_equity
    return cast(Floats, found)


def _apart(factors: Factors, rows: Numbers64, money: CostModel) -> Flags:
    """Return the calendars whose trades share no day and keep equity above zero."""
    if not may_stand_apart(factors.priced.table.entries, money):
        return np.zeros(len(rows), dtype=bool)
    free = np.searchsorted(factors.first_day, factors.last_day, side="right")
    bad = (factors.last_day <= factors.first_day) | ~(factors.factor > 0)
    free[bad] = len(free)
    apart: Flags = np.all(rows[:, 1:] >= free[rows[:, :-1]], axis=1) & ~bad[rows[:, -1]]
    return apart
