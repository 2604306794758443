"""What the tests of a study read: the return model, one sample for each window, and their placebo lists."""

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from datasets.arrays import Flags
from datasets.errors import UserError
from engine.study.calendars import eligible_rows
from engine.study.episodes import NEAR_DAYS, episode_notes, episodes
from engine.study.placebo import Placebos, draw_placebos
from engine.study.return_model import ReturnModel
from engine.study.sample import Sample, make_samples
from engine.study.settings import LONG_HELD, Settings
from engine.study.study_input import StudyInput

MOST_TRADES = 20_000
"""A study of more would take minutes and gigabytes, and show no more."""


class Prepared(Struct, frozen=True, eq=False):
    """The prepared data of a study. The first sample and the first placebos are those of the trades themselves.

    ``placebos`` is the reason where there are none; ``notes`` describe the placebo dates and the limits of the study;
    ``near`` are the events that may be, or were counted as, one episode.
    """

    model: ReturnModel
    samples: tuple[Sample, ...]
    placebos: tuple[Placebos, ...] | str
    notes: tuple[str, ...]
    near: tuple[tuple[str, ...], ...] = ()

    @property
    def of_trades(self) -> Placebos | str:
        """The placebos of the trades themselves, or why there are none."""
        return self.placebos if isinstance(self.placebos, str) else self.placebos[0]


def prepare(given: StudyInput, settings: Settings) -> Prepared:
    """Return what the tests of a study read.

    Raises:
        UserError: more than MOST_TRADES; intraday bars; a counterfactual that needs a benchmark, and there is none.
    """
    if (n := len(given.plan.trades)) > MOST_TRADES:
        raise UserError(f"{n:,} trades: a study reads at most {MOST_TRADES:,}; shorten the time with --from and --to")
    long_held = any(t.exit is not None and t.exit.bar - t.entry.bar > LONG_HELD for t in given.plan.trades)
    model = given.return_model(None if long_held else settings.model)
    traded = given.events.select(lambda e: e.event_id in {t.event_id for t in given.run.trades})
    near = tuple(episodes(traded, max(settings.merge, NEAR_DAYS)))
    merged = episodes(traded, settings.merge) if settings.merge else ()
    model = replace(model, episodes=tuple(merged))
    samples = make_samples(given.pairs, model, settings.windows)
    eligible = eligible_rows(given.strategy, given.plan, given.events, given.market, model.reference)
    since = given.dates.since
    placebos = draw_placebos(
        samples,
        settings.scheme,
        draws=settings.draws,
        seed=settings.seed,
        eligible=eligible,
        since=None if since is None else np.datetime64(since, "D"),
    )
    notes = [] if isinstance(placebos, str) else _calendar_notes(placebos[0])
    if long_held and settings.model is not None:
        notes.append(_LONG_HELD)
    if given.contracts:
        notes.append(f"legs of {', '.join(given.contracts)} are left out: a contract settles once")
    planned = {(t.event_id, t.instrument) for t in given.plan.trades}
    if unopened := [s.reason for s in given.run.skipped if (s.event_id, s.instrument) in planned]:
        notes.append(f"left out because the account could not open them: trades {len(unopened)}, one as {unopened[0]}")
    notes += episode_notes(merged or near, settings.merge)
    notes += _context_notes(eligible, given.settings_tried)
    return Prepared(model, tuple(samples), placebos, tuple(notes), near)


_LONG_HELD = (
    f"a trade was held for more than {LONG_HELD} sessions: its expected return is not estimated, and tests of a mean "
    "of zero are withheld because the returns include the market's drift"
)


def _calendar_notes(placebos: Placebos) -> list[str]:
    session, made = placebos.sample.reference.session, placebos.calendars
    span = f"placebo dates lie from {session[made.rows.min()]} to {session[made.rows.max()]}"
    return [*made.notes, span]


def _context_notes(eligible: Flags | None, settings_tried: int) -> list[str]:
    notes = []
    if eligible is not None:
        notes.append(
            f"the rule reads prices: placebo dates are the {int(eligible.sum())} sessions after which it would trade"
        )
    if settings_tried > 1:
        notes.append(
            f"this run was studied with {settings_tried} different settings: the p-values of the tables are of one of "
            "them and are not adjusted for the others; the verdict is"
        )
    return notes
