"""The gate: what is put right, what is only said, what is refused, and what accepting a rule does."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets.checks import RULES
from datasets.errors import UserError
from datasets.instruments import bundled_instruments
from datasets.quality import Severity, admit
from datasets.table import PriceTable

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
    passed = admit(table(), TOPIX)
    assert passed.report.findings == ()
    assert passed.report.corrections == ()
    assert list(passed.bars.close) == list(CLOSES)


def test_the_newest_first_is_turned_round_and_said() -> None:
    passed = admit(table(SESSIONS[::-1], CLOSES[::-1]), TOPIX)
    assert list(passed.bars.close) == list(CLOSES)
    assert [(f.rule, f.severity) for f in passed.report.findings] == [("order", Severity.NOTE)]
    assert passed.report.corrections == ("rows turned round to run from the oldest to the newest",)


def test_a_refusal_is_one_line_with_row_rule_and_way_out() -> None:
    bad = table(high=[102, 103.5, 97, 104.1, 105.3, 107.4, 106.8])
    with pytest.raises(UserError) as e:
        admit(bad, TOPIX)
    assert str(e.value) == (
        "TOPIX.csv line 4: 2026-02-04 high 97 < low 97.2 (high-below-low); 'hustings data check' shows all; "
        "with '--accept high-below-low' open, high and low of the rows are taken out"
    )


def test_what_is_accepted_is_done_and_recorded() -> None:
    bad = table(high=[102, 103.5, 97, 104.1, 105.3, 107.4, 106.8])
    passed = admit(bad, TOPIX, accepted=["high-below-low"])
    assert passed.report.corrections == ("open, high and low of 1 row taken out (line 4)",)
    assert np.isnan(passed.table.high[2])
    assert not passed.bars.open_is_real[2]
    assert passed.bars.open_is_real[[0, 1, 3, 4, 5, 6]].all()


def test_a_name_that_is_no_rule_and_one_that_cannot_be_accepted_are_refused() -> None:
    with pytest.raises(UserError, match=r"unknown rule 'jumbeld' \(did you mean 'jumbled'\?\)"):
        admit(table(), TOPIX, accepted=["jumbeld"])
    with pytest.raises(UserError, match="'rotated-columns' cannot be accepted"):
        admit(table(), TOPIX, accepted=["rotated-columns"])


def test_a_table_without_rows_is_refused() -> None:
    with pytest.raises(UserError, match=r"TOPIX.csv: no rows \(empty-file\)"):
        admit(table((), ()), TOPIX)


def test_a_published_move_that_the_bars_do_not_show_is_named() -> None:
    """TOPIX rose by 2.29 % on 2026-02-09 (Reuters, Nikkei); here by 3.01 %."""
    report = admit(table(closes=(*CLOSES[:5], 106.41, 104.8)), TOPIX).report
    assert [(f.rule, f.session, f.line) for f in report.findings] == [("published-move", "2026-02-09", 7)]
    assert report.findings[0].message == ("2026-02-09 moves +3.01 %, where 2.29 % was published (JP-2026-02-08-GE)")


def test_every_rule_is_documented_with_what_accepting_it_does() -> None:
    text = (Path(__file__).parents[2] / "docs" / "quality.md").read_text(encoding="utf-8")
    lines = [line.split(" | ") for line in text.splitlines() if line.startswith("| `")]
    told = {cells[0].strip("|` "): bool(cells[3].strip("| ")) for cells in lines}
    assert told == {r.name: r.if_accepted is not None for r in RULES}
