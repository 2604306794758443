"""Japan's "elections are a buy": 17 of 17 times the Nikkei rose from the dissolution to the vote. What does it support?

``python examples/japan_elections.py`` takes the stored Nikkei 225, or SIMULATED bars where nothing is stored; ``--data
DIR`` takes DIR/N225.csv, which must begin before 1969 to hold the published count. docs/examples.md has it in words.
"""

import sys
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from textwrap import fill
from typing import Any
from zoneinfo import ZoneInfo

import click
import numpy as np
from msgspec import Struct, to_builtins

from datasets.arrays import Floats
from datasets.errors import UserError
from datasets.events import EventCatalogue, Kind, bundled_events
from datasets.instants import to_date, to_datetime, to_ns
from datasets.prices.bars import Bars
from engine.plan.costs import Costs
from engine.plan.plan import BarPrice, Plan, PlannedTrade
from engine.statistics.event_tests import bmp
from engine.statistics.significance import Significance, untested
from engine.strategy import Phase
from engine.strategy.market import Market
from engine.study.calendars import calendars
from engine.study.concentration import Concentration, concentration
from engine.study.legs import EventLegs, inside_windows, place_planned
from engine.study.placebo import Placebos, placebo_tests, placebos, randomization_p_value
from engine.study.power import detectable_effect
from engine.study.return_model import ReturnModel
from engine.study.sample import Observation, Sample, make_sample
from engine.study.settings import Model, Scheme
from engine.study.shapes import shape_of
from examples.base_rates import generalized_sign
from hustings.exit_codes import exit_code
from hustings.inputs import instruments_of, source_of
from hustings.terminal import progress, say, say_json, table
from reports.numbers import bare_percent, p_text, percent, ratio, signed, signed_percent

SYMBOL, ZONE = "N225", "Asia/Tokyo"
YEARS = 5
"""So many years before and after an election its base rate is counted in."""
WIDTH = 110
WINS = "shifted, number of rises"

OLDER_VOTES = (
    date(1969, 12, 27),
    date(1972, 12, 10),
    date(1979, 10, 7),
    date(1980, 6, 22),
    date(1983, 12, 18),
    date(1986, 7, 6),
)
"""The votes whose dissolutions the catalogue has; its elections themselves begin in 1990."""

BEFORE_THE_COUNT = (
    (date(1952, 8, 28), date(1952, 10, 1)),
    (date(1953, 3, 14), date(1953, 4, 19)),
    (date(1955, 1, 24), date(1955, 2, 27)),
    (date(1958, 4, 25), date(1958, 5, 22)),
    (date(1960, 10, 24), date(1960, 11, 20)),
    (date(1963, 10, 23), date(1963, 11, 21)),
    (date(1966, 12, 27), date(1967, 1, 29)),
)
"""Dissolutions and votes from the reopening of the exchange in 1949 to the first election of the published count.

The dissolutions are from the list the catalogue names as source of the later ones.
"""

FIRST_COUNTED, LAST_COUNTED = 1969, 2021


class Since(StrEnum):
    """From which close the rally is counted."""

    BEFORE = "the last close before the dissolution"
    """As the newspaper counts."""
    ON = "the close of the day of the dissolution"


class Election(Struct, frozen=True):
    """A dissolution of the lower house and the vote that followed; dates of Tokyo."""

    event_id: str
    dissolved: date
    voted: date
    announced_at: datetime | None = None


class Rally(Struct, frozen=True):
    """One election: from the close of ``began`` to that of ``ended``, the last before the vote.

    ``announced``: whether the vote had been called by the close of ``began``, None where the catalogue does not say.
    ``points`` are of the index, ``return_`` a fraction, ``base_rate`` the share of windows of as many sessions that
    rose within five years of it, those that touch a rally left out; None where there are none.
    """

    event_id: str
    dissolved: date
    voted: date
    began: date
    ended: date
    announced: bool | None
    sessions: int
    points: float
    return_: float
    base_rate: float | None


class Evidence(Struct, frozen=True):
    """What a set of elections supports: ``expected`` is the number of rises that their base rates give.

    ``mean`` is the mean rise, ``beyond`` what is left of it without the drift of the sessions before, ``detectable``
    the mean of that kind which a t-test would find four times in five: fractions. ``lists`` says what the shifts are,
    ``reasons`` why something is None or an election is left out.
    """

    elections: str
    since: str
    n: int
    rises: int
    mean: float | None
    beyond: float | None
    expected: float | None
    detectable: float | None
    bmp: Significance
    base_rates: Significance
    shifted_rises: Significance
    shifted_t: Significance
    shifted_mean: Significance
    left_out: Concentration | None
    lists: str
    reasons: tuple[str, ...]


class Found(Struct, frozen=True):
    """All that is shown; rallies in order of time, by where they are counted from."""

    source: str
    simulated: bool
    rallies: dict[str, tuple[Rally, ...]]
    evidence: tuple[Evidence, ...]
    conclusion: tuple[str, ...]


# ---- the elections ---------------------------------------------------------------------------------------------------


def elections(events: EventCatalogue) -> tuple[Election, ...]:
    """Return the elections that followed a dissolution, in order of time: the catalogue's and the seven before 1969.

    The election of December 1976 is not there: the house had served its full term.
    """
    own = [e for e in events if e.country == "JP"]
    dissolved = [
        (e.known_at.astimezone(ZoneInfo(ZONE)).date(), e.event_id)
        for e in own
        if e.kind == Kind.DISSOLUTION and e.known_at is not None
    ]
    votes = {e.voted_on: e.announced_at for e in own if e.kind == Kind.GENERAL_ELECTION and e.voted_on is not None}
    votes |= dict.fromkeys(OLDER_VOTES)
    earlier = (Election(f"JP-{d}-DISS", d, v) for d, v in BEFORE_THE_COUNT)
    return (*earlier, *(_of_vote(v, votes[v], dissolved) for v in sorted(votes)))


def _of_vote(voted: date, announced_at: datetime | None, dissolved: Iterable[tuple[date, str]]) -> Election:
    """Return a vote with the last dissolution before it: what came before that was its announcement."""
    on, event_id = max(d for d in dissolved if d[0] < voted)
    return Election(event_id, on, voted, announced_at)


def _first_uncounted(election: Election, since: Since) -> np.datetime64:
    """Return the day before which the close lies that a rally is counted from."""
    return np.datetime64(election.dissolved) + (0 if since is Since.BEFORE else 1)


def planned(bars: Bars, election: Election, since: Since) -> PlannedTrade | None:
    """Return an election as a trade from close to close; None where the bars do not hold it whole."""
    entry = int(np.searchsorted(bars.session, _first_uncounted(election, since))) - 1
    after = int(np.searchsorted(bars.session, np.datetime64(election.voted)))
    if entry < 0 or after == len(bars):
        return None
    return PlannedTrade(
        event_id=election.event_id,
        instrument=bars.symbol,
        decided_at=to_datetime(int(bars.close_at[entry])),
        weight=1.0,
        entry=BarPrice(entry, Phase.CLOSE),
        exit=BarPrice(after - 1, Phase.CLOSE),
        exit_reason="the vote",
    )


# ---- the numbers -----------------------------------------------------------------------------------------------------


def found_in(bars: Bars, all_of_them: Sequence[Election]) -> Found:
    """Return what the bars say of the elections they hold.

    Raises:
        UserError: they hold none, or are intraday.
    """
    if bars.intraday:
        raise UserError(f"the bars of {bars.symbol} are intraday; elections are counted in daily closes")
    tables = [_Table(bars, all_of_them, since) for since in Since]
    held = [e for e, _ in tables[0].trades]
    if not held:
        raise UserError(f"{bars.symbol}: {bars.span()}; no election lies within, 1949 to today holds them all")
    evidence = tuple(t.evidence(chosen) for chosen in _sets(held) for t in tables)
    rallies = {str(t.since): t.rallies for t in tables}
    words = conclusion(rallies[Since.BEFORE], evidence, simulated=bars.source.simulated)
    return Found(f"{bars.source.text}, {bars.span()}", bars.source.simulated, rallies, evidence, words)


def _sets(held: Sequence[Election]) -> list[tuple[Election, ...]]:
    """Return the sets of elections that are judged: as counted, with what came after, with what came before."""
    counted = tuple(e for e in held if FIRST_COUNTED <= e.dissolved.year <= LAST_COUNTED)
    later = tuple(e for e in held if e.dissolved.year >= FIRST_COUNTED)
    return [s for s in dict.fromkeys((counted, later, tuple(held))) if s]


class _Table:
    """The elections as trades counted from one close, without costs."""

    def __init__(self, bars: Bars, all_of_them: Sequence[Election], since: Since) -> None:
        made = [(e, planned(bars, e, since)) for e in all_of_them]
        self.since, self.bars = since, bars
        self.trades = [(e, t) for e, t in made if t is not None]
        plan = Plan(tuple(t for _, t in self.trades), (), (bars.symbol,), len(made))
        inside = {bars.symbol: inside_windows(plan.trades, bars)}
        self.model = ReturnModel({bars.symbol: bars}, {bars.symbol: Costs(0.0, 0.0)}, bars, inside, Model.MEAN)
        self.rates = {e.event_id: self._base_rate(t) for e, t in self.trades}

    @property
    def rallies(self) -> tuple[Rally, ...]:
        return tuple(self._rally(e, t) for e, t in self.trades)

    def _rally(self, election: Election, trade: PlannedTrade) -> Rally:
        first, last = trade.entry.bar, _exit(trade)
        close, session, at = self.bars.close, self.bars.session, election.announced_at
        return Rally(
            event_id=election.event_id,
            dissolved=election.dissolved,
            voted=election.voted,
            began=to_date(session[first]),
            ended=to_date(session[last]),
            announced=None if at is None else to_ns(at) < int(self.bars.close_at[first]),
            sessions=last - first,
            points=float(close[last] - close[first]),
            return_=float(close[last] / close[first] - 1),
            base_rate=self.rates[election.event_id],
        )

    def _base_rate(self, trade: PlannedTrade) -> float | None:
        """Return the share of windows as long as a rally that rose, near it and away from every rally."""
        held, at = _exit(trade) - trade.entry.bar, self.bars.session[trade.entry.bar]
        net = self.model.by_bar(shape_of(trade)).net
        touched = np.concatenate(([0], np.cumsum(self.model.inside[self.bars.symbol])))
        rows = np.arange(len(net) - held)
        away = touched[rows + held + 1] == touched[rows + 1]
        near = np.abs(self.bars.session[rows] - at) <= np.timedelta64(int(YEARS * 365.25), "D")
        chosen = net[rows[away & near & np.isfinite(net[rows])]]
        return float(np.mean(chosen > 0)) if len(chosen) else None

    def evidence(self, chosen: Sequence[Election]) -> Evidence:
        """Return what some elections support."""
        trades = [t for e, t in self.trades if e in chosen]
        placed = place_planned(trades, self.model)
        sample = make_sample(placed, self.model)
        rates = np.array([np.nan if r is None else r for r in map(self._rate, sample.usable)], dtype=float)
        left = concentration(sample, alpha=0.05)
        shifted = _shifted(sample)
        return Evidence(
            elections=f"{chosen[0].voted.year} to {chosen[-1].voted.year}",
            since=str(self.since),
            n=len(sample.usable),
            rises=int((sample.net > 0).sum()),
            mean=_mean(sample.net),
            beyond=_mean(sample.abnormal),
            expected=float(rates.sum()) if np.isfinite(rates).all() else None,
            detectable=shifted.detectable,
            bmp=bmp(sample.standardized),
            base_rates=generalized_sign(sample.net, rates),
            shifted_rises=shifted.rises,
            shifted_t=shifted.t,
            shifted_mean=shifted.mean,
            left_out=None if isinstance(left, str) else left,
            lists=shifted.lists,
            reasons=(
                *(f"{t.event_id}: a hole in the bars lies within" for t in trades if not _is_placed(t, placed)),
                *(o.reason for o in sample.lost),
                *([left] if isinstance(left, str) else []),
            ),
        )

    def _rate(self, observation: Observation) -> float | None:
        return self.rates[observation.events[0]]


def _is_placed(trade: PlannedTrade, placed: Iterable[EventLegs]) -> bool:
    return any(e.event_id == trade.event_id for e in placed)


def _mean(values: Floats) -> float | None:
    return float(values.mean()) if len(values) else None


class _Shifted(Struct, frozen=True):
    """The dates among all circular shifts of them."""

    rises: Significance
    t: Significance
    mean: Significance
    detectable: float | None
    lists: str


def _exit(trade: PlannedTrade) -> int:
    return trade.entry.bar if trade.exit is None else trade.exit.bar


def _shifted(sample: Sample) -> _Shifted:
    n = len(sample.usable)
    fits = [np.isfinite(o.by_row.standardized) for o in sample.usable]
    moved = calendars(sample, Scheme.SHIFT, draws=1, seed=0, fits=fits)
    if isinstance(moved, str):
        none = untested(WINS, n, moved)
        return _Shifted(none, none, none, None, moved)
    made = placebos(sample, moved)
    by_t, by_mean = placebo_tests(made)
    detectable = detectable_effect(n, float(made.abnormal.std()))
    return _Shifted(_rises(sample, made), by_t, by_mean, detectable, moved.notes[0])


def _rises(sample: Sample, made: Placebos) -> Significance:
    lists: Floats = (made.net[:] > 0).sum(axis=1).astype(float)
    return randomization_p_value(WINS, float((sample.net > 0).sum()), lists, n=len(sample.usable), exact=True)


# ---- the words -------------------------------------------------------------------------------------------------------


def conclusion(rallies: Sequence[Rally], evidence: Sequence[Evidence], *, simulated: bool) -> tuple[str, ...]:
    """Return in plain words what it supports, a paragraph each."""
    counted, own_day, whole = evidence[0], evidence[1], evidence[-len(Since)]
    parts = [_counted(counted, own_day), *_outside(rallies, counted, whole), _judged(whole), *_tradable(rallies)]
    marked = ["The bars are SIMULATED, with no rally before a vote put in: none of this is about the real Nikkei."]
    return tuple([*marked, *parts] if simulated else parts)


def _counted(counted: Evidence, own_day: Evidence) -> str:
    return (
        f"{counted.elections}, from {counted.since}: {counted.rises} of {counted.n} rose. The market rose over most "
        f"stretches of that length anyway, so that {ratio(counted.expected, 1)} rises were to be expected: "
        f"{_p(counted.base_rates)}. Counted from {own_day.since}, {own_day.rises} of {own_day.n} rose."
    )


def _outside(rallies: Sequence[Rally], counted: Evidence, whole: Evidence) -> list[str]:
    """Return how the elections fared that the count left out, or that came after it."""
    before = [r for r in rallies if r.voted.year < FIRST_COUNTED]
    after = [r for r in rallies if r.voted.year > LAST_COUNTED]
    text = [_fared("before the count begins", before), _fared("since it was made", after)]
    return [f"Not in that count: {'; '.join(t for t in text if t)}."] if counted is not whole and any(text) else []


def _fared(when: str, rallies: Sequence[Rally]) -> str:
    fell = [str(r.voted.year) for r in rallies if r.return_ <= 0]
    if not rallies:
        return ""
    return f"{len(rallies)} elections {when}, of which {len(fell)} fell" + (f" ({', '.join(fell)})" if fell else "")


def _judged(whole: Evidence) -> str:
    text = (
        f"All {whole.n}, {whole.elections}: {whole.rises} rose where {ratio(whole.expected, 1)} were to be expected, "
        f"{_p(whole.base_rates)}. The mean rise is {percent(whole.mean)}, of which {percent(whole.beyond)} are beyond "
        f"the drift of the sessions before; among all shifts of the dates that has {_p(whole.shifted_t)}."
    )
    return f"{text} {_verdict(whole.base_rates.p, whole.shifted_t.p)}"


def _p(test: Significance) -> str:
    text = p_text(test.p)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def _verdict(p_often: float | None, p_much: float | None) -> str:
    if p_often is None or p_much is None:
        return "That cannot be judged."
    if max(p_often, p_much) <= 0.05:
        return "It rose more often than usual, and by more: chance alone is an unlikely explanation."
    if p_often <= 0.05:
        return "It rose more often than usual, but not by more than on other dates: no ground for a trade."
    return "That is not distinguishable from placebo dates."


def _tradable(rallies: Sequence[Rally]) -> list[str]:
    known = [r for r in rallies if r.announced is not None]
    late = sum(not r.announced for r in known)
    if not late:
        return []
    return [
        f"Nor could all of it be earned: of the {len(known)} votes whose announcement is dated, {late} had not been "
        "called by the close from which the count begins."
    ]


# ---- the page --------------------------------------------------------------------------------------------------------


def show(found: Found) -> None:
    """Print what was found."""
    _title(found, "Japan: the Nikkei 225 from the dissolution of the lower house to the vote")
    say(f"{found.source}\n")
    _title(found, f"The elections, counted from (a) {Since.BEFORE} or (b) {Since.ON}")
    both = zip(found.rallies[Since.BEFORE], found.rallies[Since.ON], strict=True)
    table(_RALLIES, [_rally(a, b) for a, b in both], right=_RALLIES[3:])
    _title(found, "Statistical power: the mean beyond the usual drift that a t-test sees four times in five")
    for w in found.evidence[:: len(Since)]:
        say(f"  {w.elections}, {w.n} elections: {percent(w.detectable)}")
    _title(found, "\nWhat it supports: p-values, two-sided, exact")
    table(_EVIDENCE, [_evidence(w) for w in found.evidence], right=_EVIDENCE[2:])
    say(f"  shifts: all dates moved together by any number of sessions; {found.evidence[-1].lists}")
    for text in dict.fromkeys(r for w in found.evidence for r in w.reasons):
        say(f"  {text}")
    _title(found, "\nConcentration: p of BMP's t, left out one by one")
    left_out = [(w, w.left_out) for w in found.evidence if w.left_out is not None]
    table(_CONCENTRATION, [_concentration(w, left) for w, left in left_out], right=_CONCENTRATION[2:4])
    for paragraph in found.conclusion:
        say(fill(paragraph, WIDTH))


def _title(found: Found, text: str) -> None:
    lead = "\n" if text.startswith("\n") else ""
    say(f"{lead}{'SIMULATED ' if found.simulated else ''}{text.strip()}")


_RALLIES = ("dissolved", "voted", "called by then", "sessions", "points (a)", "% (a)", "% (b)", "base rate")
_EVIDENCE = (
    "elections",
    "from",
    "rose",
    "expected",
    "mean",
    "beyond drift",
    "base rates",
    "shifts: rises",
    "shifts: t",
    "shifts: mean",
)
_CONCENTRATION = ("elections", "from", "all", "one out", "without", "fewest to lose 5 %", "to turn the sign")
_LETTER = {str(Since.BEFORE): "a", str(Since.ON): "b"}


def _rally(a: Rally, b: Rally) -> tuple[str, ...]:
    called = {None: "unknown", True: "yes", False: "no"}[a.announced]
    moved = (signed(a.points), bare_percent(a.return_), bare_percent(b.return_))
    return (str(a.dissolved), str(a.voted), called, str(a.sessions), *moved, ratio(a.base_rate))


def _evidence(w: Evidence) -> tuple[str, ...]:
    rose, means = f"{w.rises} of {w.n}", (signed_percent(w.mean), signed_percent(w.beyond))
    ps = (p_text(t.p) for t in (w.base_rates, w.shifted_rises, w.shifted_t, w.shifted_mean))
    return (w.elections, _LETTER[w.since], rose, ratio(w.expected, 1), *means, *ps)


def _concentration(w: Evidence, left: Concentration) -> tuple[str, ...]:
    known = [o for o in left.one_out if o.p is not None]
    worst = max(known, key=lambda o: o.p or 0.0, default=None)
    one = (p_text(worst.p), worst.without) if worst else ("n/a", "")
    fewest = map(_fewest, (left.loses_significance, left.flips_sign))
    return (w.elections, _LETTER[w.since], p_text(w.bmp.p), *one, *fewest)


def _fewest(n: int | None) -> str:
    return "-" if n is None else str(n)


def as_json(found: Found) -> dict[str, Any]:
    """Return what was found as plain values, dates as text."""
    plain: dict[str, Any] = to_builtins(found)
    return plain


@click.command()
@click.option("--data", type=click.Path(path_type=Path), metavar="DIR", help="Where N225.csv is [what is available].")
@click.option("--json", "in_json", is_flag=True, help="Print one JSON object and nothing else.")
def command(data: Path | None, in_json: bool) -> None:
    """Count how often the Nikkei rose from the dissolution to the vote, and say what that supports."""
    with progress("reading bars, shifting dates"):
        bars = Market(source_of(data), instruments_of(data)).bars(SYMBOL)
        found = found_in(bars, elections(bundled_events()))
    say_json(as_json(found)) if in_json else show(found)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the example and return its exit code: 0 done, 2 bad input, in one line."""
    return exit_code(command, "japan_elections", argv)


if __name__ == "__main__":
    sys.exit(main())
