"""Every number of quantstats' table beside ours, and why they differ: a reason counts only if it gives quantstats' own.

For each row quantstats' number is worked again from the convention the reason names (``reports.quantstats_again``).
Where that does not meet what quantstats printed, the difference is not explained, and the audit says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from engine.metrics.metrics import held_sessions
from engine.metrics.performance import Series
from engine.metrics.return_metrics import Number
from engine.run.run import Run
from reports.audit_rules import DATES, RULES, UNDER, Rule
from reports.key_numbers import account_numbers, benchmark_numbers
from reports.quantstats_again import Theirs, falls
from reports.quantstats_sheet import quantstats_numbers, whole_year

_ROUNDING = 0.005 + 1e-6
"""quantstats prints two decimals."""


class Finding(StrEnum):
    """What became of a row."""

    AGREES = "agrees"
    DIFFERS = "differs, explained"
    NOT_SHOWN = "not shown by us"
    UNEXPLAINED = "UNEXPLAINED"


@dataclass(frozen=True)
class AuditRow:
    """One number: quantstats' and ours (None where there is none), and in words what became of it."""

    label: str
    column: str
    quantstats: float | str | None
    ours: float | str | None
    finding: Finding
    why: str


def audit(run: Run) -> list[AuditRow]:
    """Return every number of quantstats' full table, for the account and for the benchmark.

    Raises:
        UserError: quantstats cannot make its table of this run.
    """
    table = quantstats_numbers(run)
    own, other = _seen(run)
    rows: list[AuditRow] = []
    for label, values in table.items():
        rows.append(_row(label, "account", values[0], account_numbers_of(run), own))
        if other is not None:
            rows.append(_row(label, str(run.benchmark), values[1], benchmark_numbers(run), other))
    return [r for r in rows if not (r.quantstats is None and r.ours is None)]


def account_numbers_of(run: Run) -> dict[str, Number]:
    """Return the numbers of the account as the page has them, the headline's own n/a included."""
    found = account_numbers(run)
    return {n: v if run.metrics.get(n, 0.0) is not None else run.notes.get(n, "n/a") for n, v in found.items()}


def _seen(run: Run) -> tuple[Theirs, Theirs | None]:
    rate, periods = float(run.manifest["terms"]["cash_rate"]), whole_year(run)
    held = held_sessions(run.sessions, run.trades)
    first = Series(run.sessions, run.returns, rate, held, run.benchmark_returns)
    if run.benchmark_returns is None:
        return Theirs(first, periods, first), None
    second = Series(run.sessions, run.benchmark_returns, rate)
    return Theirs(first, periods, first), Theirs(second, periods, first)


def _row(label: str, column: str, value: Any, ours: Mapping[str, Number], seen: Theirs) -> AuditRow:
    theirs = _value(value)
    if label in DATES:
        return _plain_row(label, column, theirs, seen)
    rule = RULES.get(label)
    if rule is None:
        return AuditRow(label, column, theirs, None, Finding.UNEXPLAINED, "hustings does not know this row")
    mine = _scaled(ours.get(rule.name), rule.scale) if rule.name else None
    return _judged(label, column, theirs, mine, rule, seen)


def _judged(
    label: str, column: str, theirs: float | str | None, mine: float | str | None, rule: Rule, seen: Theirs
) -> AuditRow:
    if theirs is None and mine is None:
        return AuditRow(label, column, None, None, Finding.AGREES, "")
    if isinstance(theirs, float) and isinstance(mine, float) and abs(theirs - mine) <= _ROUNDING:
        return AuditRow(label, column, theirs, mine, Finding.AGREES, "")
    if not _meets(theirs, rule, seen):
        return AuditRow(label, column, theirs, mine, Finding.UNEXPLAINED, f"not met by: {rule.why or 'our own way'}")
    if mine is None:
        why = rule.why if rule.name == "" else "the account's number, repeated"
        return AuditRow(label, column, theirs, None, Finding.NOT_SHOWN, why)
    return AuditRow(label, column, theirs, mine, Finding.DIFFERS, _why(mine, rule, seen))


def _why(mine: float | str, rule: Rule, seen: Theirs) -> str:
    said = [
        f"withheld here: {mine}" if isinstance(mine, str) else "",
        rule.why,
        "a cash rate below 0 is left out" if seen.series.cash_rate < 0 else "",
    ]
    return "; ".join(w for w in said if w)


def _meets(theirs: float | str | None, rule: Rule, seen: Theirs) -> bool:
    """Return whether quantstats' convention, worked again, gives quantstats' number."""
    with np.errstate(all="ignore"):
        try:
            found = rule.again(seen)
        except (ZeroDivisionError, ValueError):
            found = "cannot be had"
    if isinstance(found, str) or not np.isfinite(found):
        return theirs is None
    return isinstance(theirs, float) and abs(theirs - found) <= _ROUNDING


def _plain_row(label: str, column: str, theirs: float | str | None, seen: Theirs) -> AuditRow:
    mine = _plain(label, seen)
    if theirs == mine or (isinstance(theirs, float) and isinstance(mine, float) and abs(theirs - mine) <= _ROUNDING):
        why = UNDER if label == "Max DD Period End" else ""
        return AuditRow(label, column, theirs, mine, Finding.AGREES, why)
    return AuditRow(label, column, theirs, mine, Finding.UNEXPLAINED, "another date or rate")


def _plain(label: str, seen: Theirs) -> float | str | None:
    return DATES[label](seen) if falls(seen) or not label.startswith("Max DD") else None


def _scaled(number: Number | None, scale: float) -> float | str | None:
    return number if number is None or isinstance(number, str) else number * scale


def _value(value: Any) -> float | str | None:
    """Return a cell of quantstats' table: a number, a date, or None where it has nothing (NaN, a dash)."""
    if isinstance(value, str):
        text = value.strip().removesuffix("%")
        try:
            return float(text.replace(",", ""))
        except ValueError:
            return None if text in ("", "-") else text
    return float(value) if value is not None and np.isfinite(float(value)) else None


def unexplained(rows: Sequence[AuditRow]) -> list[AuditRow]:
    """Return the rows whose difference nothing explains."""
    return [r for r in rows if r.finding is Finding.UNEXPLAINED]
