"""The gate: what is put right, what is only said, what is refused, and what accepting a rule does."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from datasets.errors import UserError
from datasets.instants import to_ns
from datasets.markets.instruments import bundled_instruments
from datasets.prices.checks import RULES
from datasets.prices.checks.case import Case
from datasets.prices.quality import QualityReport, Severity, examine, validate
from datasets.prices.table import PriceTable

TOPIX = bundled_instruments().find("TOPIX")
SESSIONS = ("2026-02-02", "2026-02-03", "2026-02-04", "2026-02-05", "2026-02-06", "2026-02-09", "2026-02-10")
CLOSES = (100.0, 101.5, 99.2, 102.1, 103.3, 105.67, 104.8)


def table(sessions=SESSIONS, closes=CLOSES, **columns) -> PriceTable:
    """A file of bars: open a point below the close, high two above it, low two below."""
    close = np.array(closes, dtype=float)
    n = len(close)
    made = PriceTable(
        name="TOPIX.csv",
        layout="plain",
        session=np.array(sessions, dtype="datetime64[D]"),
        open=close - 1,
        high=close + 2,
        low=close - 2,
        close=close,
        volume=np.full(n, np.nan),
        adjusted_close=np.full(n, np.nan),
        line=np.arange(2, n + 2),
    )
    changed: dict[str, Any] = {k: np.array(v, dtype=float) for k, v in columns.items()}
    return replace(made, **changed)


def test_a_sound_table_passes_without_a_word() -> None:
    passed = validate(Case(table(), TOPIX))
    assert passed.report.findings == ()
    assert passed.report.corrections == ()
    assert list(passed.bars.close) == list(CLOSES)


def test_the_newest_first_is_reversed_and_reported() -> None:
    passed = validate(Case(table(SESSIONS[::-1], CLOSES[::-1]), TOPIX))
    assert list(passed.bars.close) == list(CLOSES)
    assert [(f.rule, f.severity) for f in passed.report.findings] == [("order", Severity.NOTE)]
    assert passed.report.corrections == ("rows reversed to run from the oldest to the newest",)


def test_a_refusal_is_one_line_with_row_rule_and_way_out() -> None:
    bad = table(high=[102, 103.5, 97, 104.1, 105.3, 107.4, 106.8])
    with pytest.raises(UserError) as e:
        validate(Case(bad, TOPIX))
    assert str(e.value) == (
        "TOPIX.csv line 4: 2026-02-04 high 97 < low 97.2 (high-below-low); 'hustings data check' shows all; "
        "with '--accept high-below-low' open, high and low of the rows are taken out"
    )


def test_what_is_accepted_is_done_and_recorded() -> None:
    bad = table(high=[102, 103.5, 97, 104.1, 105.3, 107.4, 106.8])
    passed = validate(Case(bad, TOPIX), accepted=["high-below-low"])
    assert passed.report.corrections == ("open, high and low of 1 row taken out (line 4)",)
    assert np.isnan(passed.table.high[2])
    assert not passed.bars.open_is_real[2]
    assert passed.bars.open_is_real[[0, 1, 3, 4, 5, 6]].all()


def test_a_name_that_is_no_rule_and_one_that_cannot_be_accepted_are_refused() -> None:
    with pytest.raises(UserError, match=r"unknown rule 'jumbeld' \(did you mean 'jumbled'\?\)"):
        validate(Case(table(), TOPIX), accepted=["jumbeld"])
    with pytest.raises(UserError, match="'rotated-columns' cannot be accepted"):
        validate(Case(table(), TOPIX), accepted=["rotated-columns"])


@pytest.mark.parametrize(("name", "close", "fits"), [("VIX", 3300, False), ("VIX", 11, True), ("N225", 11, False), ("N225", 7055, True),
                                                    ("SPX", 6800, True), ("USDJPY", 0.0091, True), ("EWY", 3300, True)])  # fmt: skip
def test_a_level_at_which_an_instrument_never_was_asks(name: str, close: float, fits: bool) -> None:
    days = [str(d) for d in np.busday_offset(np.datetime64("2024-03-04"), np.arange(20))]
    found = table(
        days, close * (1 + np.arange(20) % 3 / 100), open=[np.nan] * 20, high=[np.nan] * 20, low=[np.nan] * 20
    )
    instrument = bundled_instruments().find(name)
    assert ("level" in rules(examine(Case(found, instrument)))) is not fits
    assert "level" not in rules(examine(Case(found.take(slice(19)), instrument))), "too few rows"
    old = replace(found, session=found.session - np.timedelta64(40 * 365, "D"))
    assert "level" not in rules(examine(Case(old, instrument))), "levels before 2000 are not known"
    if not fits:
        with pytest.raises(
            UserError, match=rf"where {name} is near [\d.]+: is it another .*--accept level' the rows are taken"
        ):
            validate(Case(found, instrument))
        assert len(validate(Case(found, instrument), accepted=["level"]).bars) == 20


def test_a_table_without_rows_is_refused() -> None:
    with pytest.raises(UserError, match=r"TOPIX.csv: no rows \(empty-file\)"):
        validate(Case(table((), ()), TOPIX))


def rules(report: QualityReport) -> dict[str, Severity]:
    return {f.rule: f.severity for f in report.findings}


def test_stamps_of_another_zone_are_doubted() -> None:
    assert rules(examine(Case(replace(table(), utc_offset_hours=9.0), TOPIX))) == {}
    assert rules(examine(Case(replace(table(), utc_offset_hours=-5.0), TOPIX))) == {"zone-offset": Severity.WARNING}
    london = bundled_instruments().find("FTSE100")
    assert {r for h in (0.0, 1.0) for r in rules(examine(Case(replace(table(), utc_offset_hours=h), london)))} == set()


def test_a_ticker_in_the_file_is_held_against_the_instrument() -> None:
    assert rules(examine(Case(replace(table(), ticker="^TPX"), TOPIX))) == {}
    assert rules(examine(Case(replace(table(), ticker="XYZ"), TOPIX))) == {"other-ticker": Severity.NOTE}
    assert rules(examine(Case(replace(table(), ticker="^GSPC"), TOPIX))) == {"other-ticker": Severity.REFUSAL}


def test_a_small_last_volume_is_doubted_only_without_an_instant() -> None:
    n = 25
    sessions = np.arange("2025-11-03", "2025-12-31", dtype="datetime64[D]")
    sessions = sessions[np.is_busday(sessions, holidays=["2025-11-03", "2025-11-24"])][:n]
    small = table(sessions, 100 + np.sin(np.arange(n)), volume=[1000.0] * (n - 1) + [300.0])
    assert rules(examine(Case(small, TOPIX))) == {"partial-day": Severity.WARNING}
    closed = datetime(2026, 1, 1, tzinfo=UTC)
    assert rules(examine(Case(small, TOPIX, retrieved_at=closed))) == {}
    enough = table(sessions, 100 + np.sin(np.arange(n)), volume=[1000.0] * (n - 1) + [340.0])
    assert rules(examine(Case(enough, TOPIX))) == {}


def test_a_session_that_runs_is_left_out_and_one_that_has_closed_is_not() -> None:
    """Tokyo closes at 15:30, 06:30 UTC."""
    running = validate(Case(table(), TOPIX, retrieved_at=datetime(2026, 2, 10, 6, 29, tzinfo=UTC)))
    assert str(running.bars.session[-1]) == "2026-02-09"
    assert running.report.corrections == ("2026-02-10 left out: its session was not over",)
    assert len(validate(Case(table(), TOPIX, retrieved_at=datetime(2026, 2, 10, 6, 30, tzinfo=UTC))).bars) == 7


def test_an_adjusted_close_is_noted_and_not_used() -> None:
    passed = validate(Case(table(adjusted_close=[99.0, *CLOSES[1:]]), TOPIX))
    assert rules(passed.report) == {"adjusted-close": Severity.NOTE}
    assert list(passed.bars.close) == list(CLOSES)


def test_dates_before_1920_are_refused() -> None:
    early = table(("1919-12-30", *SESSIONS[1:]))
    assert rules(examine(Case(early, TOPIX)))["date-range"] is Severity.REFUSAL
    assert len(validate(Case(early, TOPIX), accepted=["date-range"]).bars) == 6


def test_another_instrument_shows_against_the_bars_at_hand() -> None:
    known = validate(Case(table(), TOPIX)).bars
    one_off = table(closes=(*CLOSES[:2], 99.8, *CLOSES[3:]))
    assert rules(examine(Case(one_off, TOPIX, reference=known))) == {"differing-close": Severity.WARNING}
    all_off = table(closes=[c * 1.006 for c in CLOSES])
    with pytest.raises(UserError, match=r"7 of 7 closes differ by more than 0.5 %.*--accept wrong-instrument"):
        validate(Case(all_off, TOPIX, reference=known))
    assert len(validate(Case(all_off, TOPIX, reference=known), accepted=["wrong-instrument"]).bars) == 7


def test_intraday_rows_are_judged_by_their_instants() -> None:
    minutes = np.arange(7) * 60_000_000_000 + to_ns(datetime(2026, 2, 9, 0, 0, tzinfo=UTC))
    same_day = replace(table(["2026-02-09"] * 7), at=minutes)
    assert rules(examine(Case(same_day, TOPIX))) == {}
    assert rules(examine(Case(same_day.take(np.array([1, 0, 2, 3, 4, 5, 6])), TOPIX))) == {"jumbled": Severity.REFUSAL}
    assert rules(examine(Case(same_day.take(np.array([0, 1, 1, 2])), TOPIX))) == {"duplicate-row": Severity.WARNING}


def test_daily_rows_are_not_held_against_intraday_bars_nor_these_against_them() -> None:
    stamps = np.array([to_ns(datetime(2026, 2, 9, 0, m, tzinfo=UTC)) for m in range(7)])
    minutes = replace(table(["2026-02-09"] * 7), at=stamps)
    daily = table()
    assert rules(examine(Case(daily, TOPIX, reference=validate(Case(minutes, TOPIX)).bars))) == {}
    assert rules(examine(Case(minutes, TOPIX, reference=validate(Case(daily, TOPIX)).bars))) == {}


def test_a_published_move_that_the_bars_do_not_show_is_named() -> None:
    """TOPIX rose by 2.29 % on 2026-02-09 (Reuters, Nikkei); here by 3.01 %."""
    report = validate(Case(table(closes=(*CLOSES[:5], 106.41, 104.8)), TOPIX)).report
    assert [(f.rule, f.session, f.line) for f in report.findings] == [("published-move", "2026-02-09", 7)]
    assert report.findings[0].message == ("2026-02-09 moves +3.01 %, where 2.29 % was published (JP-2026-02-08-GE)")


def test_every_rule_is_documented_with_what_accepting_it_does() -> None:
    text = (Path(__file__).parents[2] / "docs" / "reference" / "quality-checks.md").read_text(encoding="utf-8")
    lines = [line.split(" | ") for line in text.splitlines() if line.startswith("| `")]
    shown = {cells[0].strip("|` "): bool(cells[3].strip("| ")) for cells in lines}
    assert shown == {r.name: r.if_accepted is not None for r in RULES}
