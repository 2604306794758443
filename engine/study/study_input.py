"""The input of a study: a run, and what is needed to plan it again over other events or with other parameters."""

from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from datasets.errors import UserError
from datasets.events import EventCatalogue
from datasets.markets.instruments import InstrumentGroup
from datasets.prices.bars import Bars
from engine.account.records import Trade
from engine.plan.costs import Terms
from engine.plan.plan import Plan, PlannedTrade, make_plan
from engine.run.backtest import Window as Dates
from engine.run.run import Run
from engine.strategy import Strategy
from engine.strategy.market import Market
from engine.study.legs import closed_pairs, place_planned, return_model_of
from engine.study.return_model import ReturnModel
from engine.study.sample import Sample, make_sample
from engine.study.settings import PRIMARY, Model

_NEED_BENCHMARK = (Model.MARKET, Model.MARKET_MODEL)


class StudyInput(Struct, frozen=True, eq=False, dict=True):
    """A rule over events and a market, under terms and within dates, and its run.

    ``trial_sharpes`` are the Sharpe ratios per observation of all trials of the rule, this run among them, None where
    not known; ``variants`` are the other trials that could be rebuilt, ``alike`` counts the combinations of sweeps of
    which some are among them. ``other_labels`` are the events with another
    coder's labels, ``preregistered`` says when, if the study is what was registered before, ``settings_tried`` is the
    number of settings the run was studied with, these included; ``primary`` the statistic of the primary p-value;
    ``ledger`` says what is not known of other trials.
    """

    strategy: Strategy
    events: EventCatalogue
    market: Market
    terms: Terms
    dates: Dates
    run: Run
    benchmark: str | None = None
    trial_sharpes: tuple[float | None, ...] = ()
    variants: tuple["StudyInput", ...] = ()
    alike: int = 0
    other_labels: EventCatalogue | None = None
    preregistered: str = ""
    settings_tried: int = 1
    primary: str = PRIMARY
    ledger: str = ""

    @cached_property
    def plan(self) -> Plan:
        """The plan of the run, made again."""
        return self._planned(self.strategy, self.events)

    def _planned(self, strategy: Strategy, events: EventCatalogue) -> Plan:
        """Return a plan without the legs of contracts.

        Raises:
            UserError: nothing else is traded.
        """
        plan, contracts = make_plan(strategy, events, self.market, since=self.dates.since), self.contracts
        others = tuple(s for s in plan.instruments if s not in contracts)
        if contracts and not others:
            raise UserError(f"{contracts[0]} is a contract, which settles once: no other dates can be compared with it")
        trades = tuple(t for t in plan.trades if t.instrument not in contracts)
        return replace(plan, trades=trades, instruments=others)

    @cached_property
    def contracts(self) -> list[str]:
        """The contracts of prediction markets among the instruments of the run."""
        known = self.market.instruments
        return [s for s in self.run.manifest["costs"] if known.find(s).group is InstrumentGroup.CONTRACT]

    @cached_property
    def pairs(self) -> list[tuple[PlannedTrade, Trade]]:
        """The closed trades of the run, each with its plan.

        Raises:
            UserError: intraday bars.
        """
        trades = [t for t in self.run.trades if t.instrument not in self.contracts]
        return closed_pairs(self.plan, trades, self._bars(self.plan))

    def _bars(self, plan: Plan) -> dict[str, Bars]:
        return {b.symbol: b for b in self.market.loaded(plan.instruments)}

    def return_model(self, counterfactual: Model | None) -> ReturnModel:
        """Return the return model of the run's plan.

        Raises:
            UserError: the counterfactual needs a benchmark, and the run has none.
        """
        self._check_benchmark(counterfactual)
        benchmark = self.benchmark if counterfactual in _NEED_BENCHMARK else None
        return return_model_of(
            self._bars(self.plan),
            self.plan.trades,
            self.terms,
            counterfactual=counterfactual,
            benchmark=None if benchmark is None else self.market.bars(benchmark),
        )

    def _check_benchmark(self, counterfactual: Model | None) -> None:
        if counterfactual not in _NEED_BENCHMARK:
            return
        if self.benchmark is None:
            raise UserError(
                f"--model {counterfactual} needs an instrument to compare the trades with: add --benchmark SPX"
            )
        if self.market.symbol(self.benchmark) in self.plan.instruments:
            raise UserError(
                f"--model {counterfactual}: the benchmark {self.benchmark} is traded itself, and would expect all of "
                "its own moves; name another instrument with --benchmark"
            )

    def sample_over(self, events: EventCatalogue, model: ReturnModel, strategy: Strategy | None = None) -> Sample:
        """Return the observations the rule (or another) makes over other events, with the run's own return model."""
        rule = strategy or self.strategy
        plan = self._planned(rule, self._relevant(events, rule))
        return make_sample(place_planned(plan.trades, model), model)

    def _relevant(self, events: EventCatalogue, rule: Strategy) -> EventCatalogue:
        """Return the events that can be traded or end a trade; planning over them alone is quick."""
        if any(t.exit_reason.startswith("event ") for t in self.plan.trades):
            return events
        kept = {t.event_id for t in self.plan.trades} | {s.event_id for s in self.plan.skipped}
        return events.select(lambda e: e.event_id in kept or bool(rule.wants(e)))

    def planned_sample(self, counterfactual: Model | None) -> Sample | None:
        """Return the observations of the plan; None where it makes no trade, or the counterfactual does not apply."""
        try:
            if not self.plan.trades:
                return None
            model = self.return_model(counterfactual)
        except UserError:
            return None
        return make_sample(place_planned(self.plan.trades, model), model)
