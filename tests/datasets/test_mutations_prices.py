"""Corrupted price tables: each is put right exactly, or refused, or a finding names the very rows. Never silence."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from datasets.markets.instruments import Instrument, bundled_instruments
from datasets.prices.bars import Bars
from datasets.prices.checks.case import Case
from datasets.prices.quality import Finding, QualityReport, Severity, examine, validate
from datasets.prices.sample import SimulatedSource
from datasets.prices.sources.files import DirectorySource
from datasets.prices.table import PriceTable
from tests.datasets.mutations import KINDS, PRICES, Corrupted, Fate, World, table_of

ROWS = 420
BEGINS = np.datetime64("2014-06-02")
VARIANTS = 4
TOPIX = bundled_instruments().find("TOPIX")


@lru_cache(maxsize=1)
def simulated() -> World:
    source = SimulatedSource()
    return world(source.load(TOPIX), source.load(bundled_instruments().find("N225")))


@lru_cache(maxsize=1)
def real(folder: Path) -> World:
    source = DirectorySource(folder)
    return world(source.load(TOPIX), source.load(bundled_instruments().find("N225")))


def world(bars: Bars, other: Bars) -> World:
    return World(table_of(cut(bars)), cut(bars), table_of(cut(other)))


def cut(bars: Bars) -> Bars:
    later = bars.from_session(BEGINS)
    return later.sessions_until(later.session[ROWS - 1])


def new_findings(report: QualityReport, sound: QualityReport) -> Iterator[Finding]:
    """What is said of the corrupted table and not of the sound one."""
    said = {(f.rule, f.message) for f in sound.findings}
    return (f for f in report.findings if (f.rule, f.message) not in said)


def names(finding: Finding, lines: frozenset[int]) -> bool:
    return finding.line is not None and not lines.isdisjoint(range(finding.line, finding.line + finding.rows))


def fate_of(made: Corrupted, instrument: Instrument) -> Fate | None:
    """What became of a corrupted table, None where it was taken in silence."""
    report = examine(Case(made.table, instrument, reference=made.reference, retrieved_at=made.retrieved_at))
    found = list(new_findings(report, examine(Case(made.sound, instrument))))
    refusals = [f for f in found if f.severity is Severity.REFUSAL]
    if refusals:
        return Fate.REFUSED if any(names(f, made.lines) for f in refusals) else None
    taken = validate(Case(made.table, instrument, reference=made.reference, retrieved_at=made.retrieved_at))
    if found and same_prices(taken.table, made.sound) and taken.report.corrections:
        return Fate.RIGHT
    return Fate.NAMED if any(names(f, made.lines) for f in found) else None


def same_prices(table: PriceTable, sound: PriceTable) -> bool:
    columns = ("session", *PRICES)
    return len(table) == len(sound) and all(np.array_equal(getattr(table, c), getattr(sound, c)) for c in columns)


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=VARIANTS, deadline=None, derandomize=True, database=None)
@given(data=st.data())
def test_no_corruption_of_a_simulated_market_passes_in_silence(name: str, data: st.DataObject) -> None:
    fate, mutate = KINDS[name]
    assert fate_of(mutate(simulated(), data.draw), TOPIX) is fate


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=VARIANTS, deadline=None, derandomize=True, database=None)
@given(data=st.data())
def test_no_corruption_of_the_real_topix_passes_in_silence(market_dir: Path, name: str, data: st.DataObject) -> None:
    fate, mutate = KINDS[name]
    assert fate_of(mutate(real(market_dir), data.draw), TOPIX) is fate


def test_there_are_enough_kinds_and_variants() -> None:
    assert len(KINDS) >= 20
    assert len(KINDS) * VARIANTS >= 60


def test_the_sound_tables_pass_untouched(market_dir: Path) -> None:
    for each in (simulated(), real(market_dir)):
        taken = validate(Case(each.table, TOPIX, reference=each.bars))
        assert same_prices(taken.table, each.table)
        assert taken.report.corrections == ()


def test_silence_would_be_seen() -> None:
    """The judge of these tests says None of a change that nobody can find."""
    sound = simulated().table
    shifted = replace(sound, close=sound.close.copy())
    shifted.close[100] *= 1.0001
    assert fate_of(Corrupted(shifted, frozenset({102}), sound), TOPIX) is None
