"""The study of one run: what its events can bear. Power first, then the tests, then on what they hang."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from datasets.events import EventCatalogue
from datasets.instants import to_ns
from datasets.prices.bars import Flags, Floats
from engine.statistics.abnormal import Model
from engine.statistics.bootstrap import event_interval
from engine.statistics.event_tests import bmp, cross_sectional_t, sign_flip
from engine.statistics.observations import observed_returns
from engine.statistics.sharpe import sharpe_of_trades
from engine.statistics.significance import Significance, untested
from engine.study.classic import OtherTest, other_tests
from engine.study.concentration import Concentration, concentration
from engine.study.dependence import shared_sessions
from engine.study.desk import ReturnModel
from engine.study.eligible import eligible_rows
from engine.study.labels import LabelTest, WantsAll, label_test, of_same_kind
from engine.study.legs import EventLegs, place
from engine.study.paths import event_path, market_band
from engine.study.placebo import PLACEBO_MEAN, PLACEBO_T, Placebos, percentile, placebo_tests, t_rows
from engine.study.power import Power, power
from engine.study.result import BandRow, Histogram, ObservationRow, PathRow, Study, ViewResult
from engine.study.sample import Observation, Sample
from engine.study.sensitivity import Variation, variations
from engine.study.settings import LONG_HELD, Settings
from engine.study.subject import StudyInput
from engine.study.trials import TrialPosition
from engine.study.tried import REBUILT_AT_MOST, Tried, tried
from engine.study.verdict import Evidence, verdict
from engine.study.views import Drawn, StudyView, adjusted_for_views, draw, make_views

BINS, WIDEST = 40, 6.0
T = TypeVar("T")


@dataclass(frozen=True)
class StudyContext:
    """What stands beside a run in its study: its place among the trials, other labels, how it was studied.

    ``settings_tried`` counts the settings the run has been studied with, these included.
    """

    position: TrialPosition | None = None
    other_labels: EventCatalogue | None = None
    preregistered: bool = False
    settings_tried: int = 1


def study(subject: StudyInput, settings: Settings, beside: StudyContext | None = None) -> Study:
    """Return what the events of a run can bear.

    Raises:
        UserError: intraday bars; a model that needs a benchmark, and there is none.
    """
    return StudyBuilder(subject, settings, beside or StudyContext()).result()


@dataclass(frozen=True, eq=False)
class StudyBuilder:
    """The parts of a study, each made when first asked for; ``reasons`` collects why a part cannot be had."""

    subject: StudyInput
    settings: Settings
    beside: StudyContext
    reasons: dict[str, str] = field(default_factory=dict)

    def result(self) -> Study:
        """Return the whole study."""
        run, drawn = self.subject.run, self.drawn
        return Study(
            run_id=run.run_id,
            strategy=self.subject.strategy.name,
            settings=self.settings,
            model="none" if self.model is None else str(self.model),
            reference=self.desk.reference.symbol,
            n_trades=len(self.subject.pairs),
            open_trades=sum(not t.is_closed for t in run.trades),
            observations=tuple(_row(o) for o in self.first.usable),
            lost=tuple(_row(o) for o in self.first.lost),
            lists=len(drawn.calendars.rows) if isinstance(drawn, Drawn) else 0,
            exact=isinstance(drawn, Drawn) and drawn.calendars.exact,
            notes=self.notes,
            power=self.had("power", self.power),
            views=self.results,
            histogram=self.had("placebo", self.histogram),
            concentration=self.had("concentration", self.concentration),
            labels=self.had("labels", self.labels),
            variations=self.variations,
            sharpe=sharpe_of_trades(np.array(observed_returns(run.trades)), trial_sharpes=self._sharpes),
            tried=self.tried,
            path=self.path,
            band=self.band,
            verdict=self.verdict,
            reasons=self.reasons,
            more=self.more,
            trial=_trial(self.beside.position),
        )

    def had(self, name: str, part: T | str) -> T | None:
        """Return a part, or None with the reason kept under its name."""
        if isinstance(part, str):
            self.reasons[name] = part
            return None
        return part

    @cached_property
    def long_held(self) -> bool:
        """Whether a trade was held for longer than an estimation window can speak for."""
        return any(t.exit is not None and t.exit.bar - t.entry.bar > LONG_HELD for t in self.subject.plan.trades)

    @cached_property
    def model(self) -> Model | None:
        return None if self.long_held else self.settings.model

    @cached_property
    def desk(self) -> ReturnModel:
        return self.subject.desk(self.model)

    @cached_property
    def views(self) -> list[StudyView]:
        return make_views(self.subject.pairs, self.desk, self.settings.windows)

    @property
    def first(self) -> Sample:
        """The observations of the trades themselves."""
        return self.views[0].sample

    @cached_property
    def eligible(self) -> Flags | None:
        s = self.subject
        return eligible_rows(s.strategy, s.plan, s.events, s.market, self.desk.reference)

    @cached_property
    def drawn(self) -> Drawn | str:
        chosen = self.settings
        since = self.subject.dates.since
        return draw(
            self.views,
            chosen.scheme,
            draws=chosen.draws,
            seed=chosen.seed,
            eligible=self.eligible,
            since=None if since is None else np.datetime64(since, "D"),
        )

    @cached_property
    def notes(self) -> tuple[str, ...]:
        found = [*self.drawn.calendars.told, self._span(self.drawn)] if isinstance(self.drawn, Drawn) else []
        if self.long_held and self.settings.model is not None:
            found.append(
                f"a trade was held for more than {LONG_HELD} sessions: what to expect of it is not estimated, and "
                "tests of a mean of zero are withheld, since they would take the market's drift for the rule's"
            )
        if self.eligible is not None:
            found.append(
                f"the rule looks at prices: placebo dates are the {int(self.eligible.sum())} sessions after which it "
                "would have traded"
            )
        if self.beside.settings_tried > 1:
            found.append(
                f"this run was studied with {self.beside.settings_tried} different settings: the p-values here are of "
                "one of them, and do not know of the others"
            )
        return tuple(found)

    def _span(self, drawn: Drawn) -> str:
        session, rows = self.desk.reference.session, drawn.calendars.rows
        return f"placebo dates lie from {session[rows.min()]} to {session[rows.max()]}"

    @cached_property
    def power(self) -> Power | str:
        if isinstance(self.drawn, str):
            return self.drawn
        chosen, lists = self.settings, self.drawn.views[0][1]
        return power(lists, alpha=chosen.alpha, seed=chosen.seed, of_zero=self.model is not None)

    @cached_property
    def results(self) -> tuple[ViewResult, ...]:
        """The views, the trade first; their placebo p-values adjusted for their number."""
        if isinstance(self.drawn, str):
            return tuple(self._view(v, None) for v in self.views)
        pairs = self.drawn.views
        adjusted = adjusted_for_views(self.drawn)
        return tuple(self._view(v, p, a) for (v, p), a in zip(pairs, adjusted, strict=True))

    def _view(self, view: StudyView, placebo: Placebos | None, adjusted: float | None = None) -> ViewResult:
        sample, chosen = view.sample, self.settings
        by_t, by_mean = self._placebo_tests(sample, placebo)
        return ViewResult(
            name=view.name,
            n=len(sample.usable),
            n_events=sample.n_events,
            mean_net=_mean(sample.net),
            mean_abnormal=_mean(sample.abnormal),
            intervals=event_interval(
                sample.abnormal,
                1 - chosen.alpha,
                draws=chosen.draws,
                seed=chosen.seed,
                factor=shared_sessions(sample),
            ),
            tests=(*self._of_zero(sample), by_t),
            placebo_mean=by_mean,
            p_adjusted=adjusted,
        )

    def _of_zero(self, sample: Sample) -> tuple[Significance, Significance]:
        """Return the tests that the mean abnormal return is zero; withheld where nothing says what to expect."""
        n = len(sample.usable)
        if self.model is None:
            why = (
                "without a counterfactual a mean of zero is not the question: the market's own drift is in the returns"
            )
            return untested("BMP", n, why), untested("sign-flip", n, why)
        factor = shared_sessions(sample)
        by_bmp = bmp(sample.standardized, factor=factor)
        first = by_bmp if by_bmp.p is not None else cross_sectional_t(sample.abnormal, factor=factor)
        flips = sign_flip(sample.abnormal, draws=self.settings.draws, seed=self.settings.seed, factor=factor)
        return (first if first.p is not None else by_bmp), flips

    def _placebo_tests(self, sample: Sample, placebo: Placebos | None) -> tuple[Significance, Significance]:
        if placebo is None:
            why, n = str(self.drawn), len(sample.usable)
            return untested(PLACEBO_T, n, why), untested(PLACEBO_MEAN, n, why)
        return placebo_tests(sample, placebo)

    @cached_property
    def placed(self) -> list[EventLegs]:
        """The events with their legs."""
        return place(self.subject.pairs, self.desk)

    @cached_property
    def more(self) -> tuple[OtherTest, ...]:
        """The tests that are not shown by default; none unless asked for, or where nothing is expected of a date."""
        if not self.settings.more or self.model is None or not self.first.usable:
            return ()
        kept = {i for o in self.first.usable for i in o.events}
        events = [e for e in self.placed if e.event_id in kept]
        return other_tests(self.first, events, self.desk, self.results[0].placebo_mean)

    @cached_property
    def histogram(self) -> Histogram | str:
        """How the t-statistics of the placebo lists are spread."""
        if isinstance(self.drawn, str):
            return self.drawn
        lists = self.drawn.views[0][1].t
        lists = lists[np.isfinite(lists)]
        if not len(lists):
            return "no placebo list has a t-statistic"
        edges = np.linspace(-WIDEST, WIDEST, BINS + 1)
        counts, _ = np.histogram(np.clip(lists, -WIDEST, WIDEST), edges)
        observed = float(t_rows(self.first.standardized[None, :])[0])
        return Histogram(_finite(observed), tuple(map(float, edges)), tuple(map(int, counts)))

    @cached_property
    def concentration(self) -> Concentration | str:
        usable = self.first.usable
        return concentration(
            [" + ".join(o.events) for o in usable],
            [int(o.began[:4]) for o in usable],
            self.first.net,
            self.first.abnormal,
            self.first.standardized,
            alpha=self.settings.alpha,
            factor=shared_sessions(self.first),
        )

    @cached_property
    def labels(self) -> LabelTest | str:
        """The events wanted against those of the same kind that were declined."""
        s = self.subject
        wanted = frozenset(t.event_id for t in s.plan.trades)
        if not wanted:
            return "no event was traded"
        everyone = of_same_kind(s.events, s.plan)
        declined = everyone - wanted - {each.event_id for each in s.plan.skipped}
        if not declined:
            return "the rule wants every event of its kind: there is no label to permute"
        forced = WantsAll(s.strategy, wanted | declined)
        sample = s.sample_over(s.events.select(lambda e: e.event_id in everyone), self.desk, forced)
        return label_test(sample, wanted, draws=self.settings.draws, seed=self.settings.seed)

    @cached_property
    def variations(self) -> tuple[Variation, ...]:
        s = self.subject
        other = self.beside.other_labels
        return variations(s.strategy, s.events, self.first, lambda e: s.sample_over(e, self.desk), other=other)

    @property
    def _sharpes(self) -> Sequence[float | None]:
        return self.beside.position.sharpes if self.beside.position else ()

    @cached_property
    def tried(self) -> Tried | None:
        """The p-value after all variants of the rule in the ledger; None where this run is the only one."""
        position = self.beside.position
        if position is None or position.n_of_rule < 2:
            return None
        again = [t for t in position.rebuildable if t.run_id != self.subject.run.run_id][-REBUILT_AT_MOST:]
        samples = [s for t in again if (s := self.subject.variant(t, self.model)) is not None]
        same = [s for s in samples if s.reference.symbol == self.desk.reference.symbol]
        return tried(self.first, same, others=position.n_of_rule - 1 - len(same))

    @cached_property
    def path(self) -> tuple[PathRow, ...]:
        if not self.first.usable:
            return ()
        chosen = [[e for e in self.placed if e.event_id in o.events] for o in self.first.usable]
        found = event_path(chosen, self.desk, self.drawn if isinstance(self.drawn, Drawn) else None)
        return tuple(
            PathRow(
                int(s), _at(found.mean, n), _at(found.low, n), _at(found.high, n), tuple(map(_finite, found.each[:, n]))
            )
            for n, s in enumerate(found.sessions)
        )

    @cached_property
    def band(self) -> tuple[BandRow, ...]:
        """What the markets did on placebo dates, around the session on which an event was known."""
        if not self.first.usable or isinstance(self.drawn, str):
            return ()
        chosen = [[e for e in self.placed if e.event_id in o.events] for o in self.first.usable]
        decided = {t.event_id: t.decided_at for t in self.subject.plan.trades}
        known = {i: to_ns(self.subject.events.get(i).known_at or at) for i, at in decided.items()}
        return tuple(BandRow(*row) for row in market_band(chosen, known, self.desk, self.drawn))

    @property
    def _above(self) -> bool | None:
        """Whether the events' statistic stands above the median of the placebo lists; None without them."""
        if isinstance(self.drawn, str) or len(self.first.usable) < 2:
            return None
        return bool(t_rows(self.first.standardized[None, :])[0] > np.nanmedian(self.drawn.views[0][1].t))

    @cached_property
    def verdict(self) -> str:
        trade, usable = self.results[0], self.first.usable
        after = [p for p in (trade.p_adjusted, self.tried.p if self.tried else None) if p is not None]
        return verdict(
            Evidence(
                n=trade.n,
                mean=trade.mean_abnormal or 0.0,
                alpha=self.settings.alpha,
                tests=trade.tests,
                placebo_mean=trade.placebo_mean,
                adjusted=max(after, default=None),
                tried=max(len(self.views), self.tried.n if self.tried else 1),
                power=None if isinstance(self.power, str) else self.power,
                concentration=None if isinstance(self.concentration, str) else self.concentration,
                preregistered=self.beside.preregistered,
                best_of=_row(usable[0]).percentile if len(usable) == 1 else None,
                expected=self.model is not None,
                placebos=isinstance(self.drawn, Drawn),
                above=self._above,
            )
        )


def _row(observation: Observation) -> ObservationRow:
    lost = bool(observation.reason)
    return ObservationRow(
        events=observation.events,
        trades=observation.trades,
        began=observation.began,
        ended=observation.ended,
        net=observation.net,
        abnormal=None if lost else observation.abnormal,
        standardized=None if lost else observation.standardized,
        percentile=None if lost else percentile(observation.abnormal, observation.anywhere.abnormal),
        reason=observation.reason,
    )


def _mean(values: Floats) -> float | None:
    return float(values.mean()) if len(values) else None


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _at(values: Floats | None, n: int) -> float | None:
    return None if values is None else _finite(values[n])


def _trial(position: TrialPosition | None) -> dict[str, Any] | None:
    if position is None:
        return None
    names = ("k", "n", "k_of_rule", "n_of_rule", "text")  # not the ledger's head: files do not hold what time it was
    return {n: getattr(position, n) for n in names}
