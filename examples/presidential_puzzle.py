"""The presidential puzzle: US stocks earned more under Democratic presidents. By how much, and what does it support?

``python examples/presidential_puzzle.py`` takes the market's monthly excess returns of 1926 to 2018 that the package
arch ships; ``--data FILE`` takes Kenneth French's three factors from a file. docs/examples.md has it in words.
"""

import csv
import gzip
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from importlib.util import find_spec
from io import StringIO
from itertools import pairwise
from pathlib import Path
from textwrap import fill
from typing import Any
from zoneinfo import ZoneInfo

import click
import numpy as np
from msgspec import Struct, to_builtins
from numpy.typing import NDArray

from datasets.arrays import Floats
from datasets.errors import UserError
from datasets.events import Kind, PoliticalEvent, bundled_events
from engine.statistics.significance import Significance
from examples.term_regression import PartyRegression, TermReturns, party_regression, term_permutation
from hustings.exit_codes import exit_code
from hustings.terminal import progress, say, say_json, table
from reports.numbers import bare_percent, p_text, percent, points, ratio

Months = NDArray[np.datetime64]
PARTY = "Democratic"
CONVENTION = "x 12; a term's months run from the month after its inauguration"
COLUMNS = {"date": ("Date", "date"), "market": ("Mkt-RF", "mkt_rf"), "rate": ("RF", "rf")}


class Log(StrEnum):
    """What a log excess return is."""

    DIFFERENCE = "difference"
    """The log return of the market less that of the one-month bill."""
    OF_EXCESS = "of-excess"
    """The log of one plus the market's simple return over the bill's."""


class Excess(Struct, frozen=True):
    """The market's log excess return times 12, one fraction a month; what it is, and where it is from."""

    source: str
    log: Log
    month: Months
    value: Floats


class Presidency(Struct, frozen=True):
    """One term of office; ``since`` is the first month counted as its own."""

    president: str
    party: str
    since: np.datetime64

    def __str__(self) -> str:
        return f"{self.president} ({self.party[0]}), from {self.since}"


BEFORE = Presidency("Calvin Coolidge", "Republican", np.datetime64("1925-04"))
"""The term under way when the returns begin, which is older than the catalogue."""


class Published(Struct, frozen=True):
    """What a paper printed for its sample, as fractions a year; None where it did not."""

    name: str
    first: str
    last: str | None
    democratic: float | None = None
    republican: float | None = None
    gap: float | None = None


PAPERS = (
    Published("Santa-Clara and Valkanov 2003", "1927-01", "1998-12", 0.1069, 0.0169, 0.0900),
    Published("Pastor and Veronesi 2020", "1927-01", "2015-12", 0.1069, -0.0021, 0.1090),
    Published("all there is", "1927-01", None),
    Published("after the first paper's sample", "1999-01", None),
)
WIDTH = 110
MAIN = 1
"""The sample whose terms are left out in turn."""


class Puzzle(Struct, frozen=True):
    """One sample: means, volatilities (fractions a year) and the tests of the gap; what cannot be computed is None."""

    published: Published
    first: str
    last: str
    democratic: float | None
    republican: float | None
    volatility_democratic: float | None
    volatility_republican: float | None
    regression: PartyRegression
    permuted_t: Significance
    permuted_gap: Significance


class LeftOut(Struct, frozen=True):
    """The gap without one term."""

    without: str
    gap: float | None


class Concentrated(Struct, frozen=True):
    """The gap without each term, least first, and the permutation without the term it depends on most."""

    rows: tuple[LeftOut, ...]
    without_first: Significance


class Found(Struct, frozen=True):
    """All that is shown."""

    source: str
    convention: str
    samples: tuple[Puzzle, ...]
    left_out: Concentrated
    conclusion: str


# ---- the data --------------------------------------------------------------------------------------------------------


def bundled_excess(log: Log = Log.DIFFERENCE) -> Excess:
    """Return the excess returns that come with the package arch, without the second that importing it takes.

    Raises:
        UserError: the package is not installed.
    """
    spec = find_spec("arch")
    if spec is None or not spec.submodule_search_locations:
        raise UserError("the package arch is not installed; run 'pip install arch' or name a file with --data")
    folder = Path(next(iter(spec.submodule_search_locations))) / "data" / "frenchdata"
    return read_excess(folder / "frenchdata.csv.gz", "Fama and French, in the package arch", log)


def read_excess(path: Path, source: str, log: Log = Log.DIFFERENCE) -> Excess:
    """Return the monthly excess returns of a file with the market's return over the bill's, and the bill's, in percent.

    Raises:
        UserError: no such file, a column that is missing, a number or a month that cannot be read, a month left out.
    """
    rows = [_row(cells, f"{path.name} line {n}") for n, cells in _lines(path)]
    if not rows:
        raise UserError(f"{path.name} has no row of returns")
    month = np.array([r[0] for r in rows], dtype="datetime64[M]")
    for before, after in pairwise(month):
        if after != before + 1:
            raise UserError(f"{path.name}: {before} is followed by {after}; every month must be there once, in order")
    over, bill = (np.array([r[c] for r in rows]) / 100 for c in (1, 2))
    value = np.log1p(over) if log is Log.OF_EXCESS else np.log1p(over + bill) - np.log1p(bill)
    return Excess(f"{source}, {month[0]} to {month[-1]}", log, month, 12 * value)


def _lines(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the number of each line and its date, market and rate as text."""
    reader = csv.DictReader(StringIO(_text(path), newline=""))
    names = {what: _column(what, reader.fieldnames or (), path) for what in COLUMNS}
    for cells in reader:
        yield reader.line_num, {what: cells[name] or "" for what, name in names.items()}


def _text(path: Path) -> str:
    if not path.is_file():
        raise UserError(f"no file '{path}'; --data names a CSV file with the columns date, mkt_rf and rf")
    try:
        return (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as e:
        raise UserError(f"{path.name} cannot be read as UTF-8 text; save the file as CSV in UTF-8") from e


def _column(what: str, found: Sequence[str], path: Path) -> str:
    for name in COLUMNS[what]:
        if name in found:
            return name
    raise UserError(
        f"{path.name} line 1: no column {' or '.join(COLUMNS[what])}, found {','.join(found)[:80] or 'none'}"
    )


def _row(cells: dict[str, str], where: str) -> tuple[np.datetime64, float, float]:
    date = cells["date"].strip()
    try:
        month = np.datetime64(f"{date[:4]}-{date[4:6]}" if date.isdigit() else date[:7], "M")
        values = float(cells["market"]), float(cells["rate"])
    except ValueError as e:
        raise UserError(f"{where}: {','.join(cells.values())} is not a month and two numbers in percent") from e
    if not all(-100 < v < 1000 for v in (*values, sum(values))):
        raise UserError(f"{where}: {values[0]:g} and {values[1]:g} are no returns in percent")
    return month, *values


def presidencies(events: Iterable[PoliticalEvent]) -> tuple[Presidency, ...]:
    """Return the terms of US presidents in order of time, from the inaugurations of a catalogue."""
    own = [e for e in events if e.country == "US" and e.kind == Kind.INAUGURATION and e.known_at is not None]
    return (BEFORE, *(Presidency(e.winner or "", e.winner_party or "", _month_after(e)) for e in own))


def _month_after(event: PoliticalEvent) -> np.datetime64:
    at = (event.known_at or datetime.min).astimezone(ZoneInfo(event.timezone))
    return np.datetime64(f"{at:%Y-%m}", "M") + 1


# ---- the numbers -----------------------------------------------------------------------------------------------------


def found_in(excess: Excess, terms: Sequence[Presidency]) -> Found:
    """Return all samples, the main one with each term left out, and what it is worth."""
    samples = tuple(puzzle(excess, terms, p) for p in PAPERS)
    left_out = concentrated(*chosen(excess, terms, PAPERS[MAIN]))
    convention = f"{_LOGS[excess.log]}, {CONVENTION}"
    return Found(excess.source, convention, samples, left_out, conclusion(samples, left_out))


_LOGS = {Log.DIFFERENCE: "log return of the market less that of the bill", Log.OF_EXCESS: "log of 1 + excess return"}


def chosen(excess: Excess, terms: Sequence[Presidency], of: Published) -> tuple[TermReturns, tuple[Presidency, ...]]:
    """Return the months of a sample by terms, and the terms that have some.

    Raises:
        UserError: the returns do not cover the sample.
    """
    last = excess.month[-1] if of.last is None else np.datetime64(of.last, "M")
    inside = (excess.month >= np.datetime64(of.first, "M")) & (excess.month <= last)
    if excess.month[0] > np.datetime64(of.first, "M") or excess.month[-1] < last or not inside.any():
        raise UserError(f"{excess.source}: months from {of.first} to {last} are needed for '{of.name}'")
    held = np.searchsorted(np.array([t.since for t in terms]), excess.month[inside], side="right") - 1
    there, number = np.unique(held, return_inverse=True)
    those = tuple(terms[int(i)] for i in there)
    return TermReturns(excess.value[inside], number, np.array([t.party == PARTY for t in those])), those


def puzzle(excess: Excess, terms: Sequence[Presidency], of: Published) -> Puzzle:
    """Return the means, volatilities and tests of one sample."""
    given, _ = chosen(excess, terms, of)
    by_t, by_gap = term_permutation(given)
    return Puzzle(
        published=of,
        first=of.first,
        last=of.last or str(excess.month[-1]),
        democratic=given.mean(in_power=True),
        republican=given.mean(in_power=False),
        volatility_democratic=_volatility(given.returns[given.under]),
        volatility_republican=_volatility(given.returns[~given.under]),
        regression=party_regression(given),
        permuted_t=by_t,
        permuted_gap=by_gap,
    )


def _volatility(annualised: Floats) -> float | None:
    """Return the standard deviation a year (ddof 1) of monthly returns given as twelve times themselves."""
    return float(np.std(annualised / 12, ddof=1) * np.sqrt(12)) if len(annualised) > 1 else None


def concentrated(given: TermReturns, terms: Sequence[Presidency]) -> Concentrated:
    """Return the gap without each term, and its place among the permutations without the one it depends on most."""
    sign = np.sign(given.gap or 0.0)
    gaps = [(given.leaving(i).gap, i) for i in range(len(terms))]
    order = sorted(gaps, key=lambda g: (g[0] is None, sign * (g[0] or 0.0)))
    rows = tuple(LeftOut(str(terms[i]), gap) for gap, i in order)
    return Concentrated(rows, term_permutation(given.leaving(order[0][1]))[1])


def conclusion(samples: Sequence[Puzzle], left_out: Concentrated) -> str:
    """Return in plain words what the main sample supports."""
    main, first = samples[MAIN], left_out.rows[0]
    made, permuted, without = main.regression, main.permuted_gap, left_out.without_first
    sentences = (
        f"From {main.first} to {main.last} the market earned {points(made.gap)} a year more under Democrats than under "
        f"Republicans. Month by month that has p = {p_text(made.hac.test.p)} (Newey-West).",
        f"But {made.n:,} months hold {made.n_terms} terms, and terms are what elections decide: of "
        f"{permuted.reference or 'the ways to give them to the party'}, {percent(permuted.p, 1)} show as wide a gap "
        f"(p = {p_text(permuted.p)}; by the t-statistic {p_text(main.permuted_t.p)}).",
        f"Without one term ({first.without}) the gap is {points(first.gap)} and p = {p_text(without.p)}.",
        _judged(permuted.p, without.p),
        "The question is asked of these very years because of what they showed, which no p-value counts.",
    )
    return " ".join(sentences)


def _judged(p: float | None, without: float | None) -> str:
    if p is None or without is None:
        return "It cannot be tested."
    if p > 0.05:
        return "That is no evidence of an effect of the party."
    if without > 0.05:
        return "It is at the edge of the usual 5 % and depends on one term: a puzzle, and no ground for a trade."
    return "No single term carries it."


# ---- the page --------------------------------------------------------------------------------------------------------


def show(found: Found) -> None:
    """Print what was found."""
    say("The presidential puzzle: the US market under Democratic and Republican presidents")
    say(f"{found.source}\n{found.convention}\n")
    say("In % a year; in brackets what the paper has")
    table(_MEANS, [_means(p) for p in found.samples], right=_MEANS[1:])
    say("Is the gap zero? t and p, two-sided")
    table(_TESTS, [_tests(p) for p in found.samples], right=_TESTS[1:])
    for text in dict.fromkeys(_reasons(found.samples)):
        say(f"n/a: {text}")
    say(f"\nThe gap of {found.samples[MAIN].first} to {found.samples[MAIN].last} without one term")
    rows = found.left_out.rows
    table(("without", "gap"), [(r.without, points(r.gap)) for r in (*rows[:3], *rows[-1:])], right=("gap",))
    say(fill(found.conclusion, WIDTH))


_MEANS = ("sample", "months", "terms", "Democrats", "Republicans", "gap", "volatility D", "volatility R")
_TESTS = ("sample", "Newey-West t", "p", "by term t", "p ", "terms permuted: t", "p  ", "gap p", "ways")


def _means(p: Puzzle) -> tuple[str, ...]:
    published = p.published
    return (
        f"{published.name}, {p.first} to {p.last}",
        f"{p.regression.n:,}",
        str(p.regression.n_terms),
        _with_published(p.democratic, published.democratic),
        _with_published(p.republican, published.republican),
        _with_published(p.regression.gap, published.gap),
        bare_percent(p.volatility_democratic),
        bare_percent(p.volatility_republican),
    )


def _with_published(own: float | None, published: float | None) -> str:
    return bare_percent(own) if published is None else f"{bare_percent(own)} ({bare_percent(published)})"


def _tests(p: Puzzle) -> tuple[str, ...]:
    parts = (p.regression.hac.test, p.regression.by_term.test, p.permuted_t)
    cells = [cell for test in parts for cell in (ratio(test.statistic), p_text(test.p))]
    ways = p.permuted_gap.reference.split(" ")[1] if p.permuted_gap.p is not None else "n/a"
    return (f"{p.first} to {p.last}", *cells, p_text(p.permuted_gap.p), ways)


def _reasons(samples: Iterable[Puzzle]) -> Iterator[str]:
    for p in samples:
        for test in (p.regression.hac.test, p.regression.by_term.test, p.permuted_t, p.permuted_gap):
            if test.reason:
                yield test.reason


def as_json(found: Found) -> dict[str, Any]:
    """Return what was found as plain values."""
    plain: dict[str, Any] = to_builtins(found)
    return plain


@click.command()
@click.option("--data", type=click.Path(path_type=Path), metavar="FILE", help="Fama and French's factors [arch's].")
@click.option("--log", type=click.Choice([str(log) for log in Log]), default="difference", help="What is a log excess.")
@click.option("--json", "in_json", is_flag=True, help="Print one JSON object and nothing else.")
def command(data: Path | None, log: str, in_json: bool) -> None:
    """Compare the returns under one party with those under the other, and say what the difference supports."""
    with progress("reading returns, permuting terms"):
        excess = bundled_excess(Log(log)) if data is None else read_excess(data, data.name, Log(log))
        found = found_in(excess, presidencies(bundled_events()))
    say_json(as_json(found)) if in_json else show(found)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the example and return its exit code: 0 done, 2 bad input, in one line."""
    return exit_code(command, "presidential_puzzle", argv)


if __name__ == "__main__":
    sys.exit(main())
