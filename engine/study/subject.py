"""What is studied: a run, and all it takes to make its plan again over other events or with other parameters."""

from dataclasses import dataclass, fields, replace
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np

from datasets.errors import UserError
from datasets.events import EventCatalogue
from datasets.prices.bars import Bars
from engine.account.records import Trade
from engine.plan.costs import Terms
from engine.plan.plan import Plan, PlannedTrade, make_plan
from engine.run.backtest import Window as Dates
from engine.run.run import Run
from engine.statistics.abnormal import Model
from engine.strategy import Strategy, build
from engine.strategy.market import Market
from engine.study.desk import ReturnModel
from engine.study.legs import closed_pairs, inside_windows, place_planned, reference_of
from engine.study.sample import Sample, make_sample
from engine.study.trials import Trial

NEEDS_BENCHMARK = (Model.MARKET, Model.MARKET_MODEL)
_TERMS = {f.name for f in fields(Terms)}


@dataclass(frozen=True, eq=False)
class StudyInput:
    """A rule over events and a market, under terms and within dates, and the run it left."""

    strategy: Strategy
    events: EventCatalogue
    market: Market
    terms: Terms
    dates: Dates
    run: Run
    benchmark: str | None = None

    @cached_property
    def plan(self) -> Plan:
        """The plan of the run, made again."""
        return self.planned(self.strategy, self.events)

    def planned(self, strategy: Strategy, events: EventCatalogue) -> Plan:
        """Return the plan of a rule over events, within the same dates."""
        return make_plan(strategy, events, self.market, since=self.dates.since)

    @cached_property
    def pairs(self) -> list[tuple[PlannedTrade, Trade]]:
        """The closed trades of the run, each with its plan.

        Raises:
            UserError: intraday bars.
        """
        return closed_pairs(self.plan, self.run.trades, self._bars(self.plan))

    def desk(self, model: Model | None, plan: Plan | None = None) -> ReturnModel:
        """Return the desk at which the trades of a plan are reckoned: the run's own plan where none is given.

        Raises:
            UserError: the model needs a benchmark, and the run has none.
        """
        plan = self.plan if plan is None else plan
        self._check_benchmark(model, plan)
        bars = self._bars(plan)
        return ReturnModel(
            bars=bars,
            costs={s: self.terms.costs(b.instrument) for s, b in bars.items()},
            reference=bars[reference_of([t.instrument for t in plan.trades], plan.instruments)],
            inside={s: inside_windows(plan, b) if model else np.zeros(len(b), dtype=bool) for s, b in bars.items()},
            model=model,
            benchmark=self.market.bars(self.benchmark) if model in NEEDS_BENCHMARK and self.benchmark else None,
        )

    def _check_benchmark(self, model: Model | None, plan: Plan) -> None:
        if model not in NEEDS_BENCHMARK:
            return
        if self.benchmark is None:
            raise UserError(f"--model {model} needs an instrument to hold the trades against: add --benchmark SPX")
        if self.market.symbol(self.benchmark) in plan.instruments:
            raise UserError(
                f"--model {model}: the benchmark {self.benchmark} is traded itself, and would expect all of its own "
                "moves; name another instrument with --benchmark"
            )

    def _bars(self, plan: Plan) -> dict[str, Bars]:
        return {b.symbol: b for b in self.market.loaded(plan.instruments)}

    def sample_over(self, events: EventCatalogue, desk: ReturnModel, strategy: Strategy | None = None) -> Sample:
        """Return the observations the rule (or another) would have made over other events, at the run's own desk."""
        rule = strategy or self.strategy
        plan = self.planned(rule, self._relevant(events, rule))
        return make_sample(place_planned(plan.trades, desk), desk)

    def _relevant(self, events: EventCatalogue, rule: Strategy) -> EventCatalogue:
        """Return the events that can matter, which makes planning quick: the others are neither wanted nor an exit."""
        if any(t.exit_reason.startswith("event ") for t in self.plan.trades):
            return events
        kept = {t.event_id for t in self.plan.trades} | {s.event_id for s in self.plan.skipped}
        return events.select(lambda e: e.event_id in kept or bool(rule.wants(e)))

    def variant(self, trial: Trial, model: Model | None) -> Sample | None:
        """Return the observations of a trial of the rule, with its own parameters, first date and terms.

        None where it trades nothing, or cannot be made again: its dates or terms are not known, its last date is
        another (its bars are then cut elsewhere), or the model cannot be asked of what it trades.
        """
        try:
            again = self._again(trial)
            if again is None or not again.plan.trades:
                return None
            desk = again.desk(model)
        except UserError:
            return None
        return make_sample(place_planned(again.plan.trades, desk), desk)

    def _again(self, trial: Trial) -> "StudyInput | None":
        dates, terms = _dates_of(trial), _terms_of(trial)
        if dates is None or terms is None or dates.until != self.dates.until:
            return None
        rule = build(type(self.strategy), {k: _as_given(v) for k, v in trial.parameters.items()})
        return replace(self, strategy=rule, terms=terms, dates=dates)


def _dates_of(trial: Trial) -> Dates | None:
    """Return the first and last date of a trial; None where they are not known."""
    try:
        return Dates(*(date.fromisoformat(trial.window[end]) if trial.window[end] else None for end in ("from", "to")))
    except (KeyError, TypeError, ValueError):
        return None


def _terms_of(trial: Trial) -> Terms | None:
    """Return the terms of a trial; None where they are not known."""
    try:
        return Terms(**trial.terms) if trial.terms.keys() == _TERMS else None
    except TypeError:
        return None


def _as_given(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
