"""What is wrong with a price table, row by row, and whether it may be imported.

Every series that is imported or fetched passes ``validate``. There are three severities: a *note* changes nothing; a
*warning* cannot change a fill (or the engine guards it) but a reader should know; a *refusal* could change a fill, and
stops the import unless its rule is accepted by name, which is recorded.
"""

from collections.abc import Collection

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from datasets.errors import UserError, unknown_name
from datasets.prices.bars import Bars, Source
from datasets.prices.checks import RULES, QualityRule
from datasets.prices.checks.case import Case, Finding, Flaw, Severity
from datasets.prices.table import PriceTable, bars_of

__all__ = ["ValidatedTable", "Finding", "RefusedError", "QualityReport", "Severity", "validate", "examine"]


class RefusedError(UserError):
    """A table that was not let in: ``found`` says what is wrong without a way out, ``refused`` holds all of it."""

    def __init__(self, report: "QualityReport", refused: tuple[Finding, ...], unit: str) -> None:
        self.found = _found(report, refused, unit)
        self.refused = refused
        super().__init__(f"{self.found}; {_way_out(refused)}")

    def options(self) -> str:
        """Return ``--accept RULE --accept RULE``, blank where one of the rules cannot be accepted."""
        return _options(self.refused)


class QualityReport(Struct, frozen=True):
    """All findings on one table. ``corrections`` says what was corrected, or will be where its rule is accepted."""

    name: str
    symbol: str
    rows: int
    findings: tuple[Finding, ...]
    corrections: tuple[str, ...]

    def refused_by(self, accepted: Collection[str]) -> tuple[Finding, ...]:
        """Return the refusals whose rule was not accepted."""
        return tuple(f for f in self.findings if f.severity is Severity.REFUSAL and f.rule not in accepted)


class ValidatedTable(Struct, frozen=True, eq=False):
    """Bars that passed, the corrected table they are made of, and what was found and corrected."""

    table: PriceTable
    bars: Bars
    report: QualityReport


def examine(case: Case) -> QualityReport:
    """Return everything that is wrong with the table of a case, its rows as found, as bars of its instrument."""
    return _judge(case)[0]


def validate(case: Case, *, accepted: Collection[str] = ()) -> ValidatedTable:
    """Return the bars of a case's table, corrected where there is one right reading, or where the rule was accepted.

    Raises:
        RefusedError: a refusal that was not accepted: the first in one line with its row, how many more there are, and
            how to see them all.
        UserError: a name in ``accepted`` that is no rule or cannot be accepted; or no row is left.
    """
    check_accepted(accepted)
    report, clean = _judge(case)
    refused = report.refused_by(accepted)
    if refused:
        raise RefusedError(report, refused, clean.unit)
    if not len(clean):
        raise UserError(f"{clean.name}: no row is left; a price file needs at least one bar")
    return ValidatedTable(clean, bars_of(clean, case.instrument, Source("file", f"file {clean.name}")), report)


def check_accepted(accepted: Collection[str]) -> None:
    """Raise a UserError where a name is no rule, or one whose refusals cannot be accepted."""
    for name in accepted:
        if name not in _REMEDY:
            raise unknown_name("rule", name, _REMEDY, hint="'hustings data check' shows the rules a file offends")
        if _REMEDY[name] is None:
            raise UserError(f"rule '{name}' cannot be accepted: it refuses nothing, or the file must be corrected")


@np.errstate(all="ignore")  # what overflows is what the rules find
def _judge(case: Case) -> tuple[QualityReport, PriceTable]:
    """Apply every rule to the table as corrected so far (also where that depends on a rule being accepted)."""
    name, rows = case.table.name, len(case)
    findings: list[Finding] = [] if rows else [Finding("empty-file", Severity.REFUSAL, "no rows", rows=0)]
    corrections: list[str] = []
    for rule in RULES:
        if not len(case) or (case.table.at is not None and not rule.intraday):
            continue
        verdict = rule.check(case)
        findings += [_finding(rule, case.table, flaw) for flaw in verdict.flaws]
        if verdict.correction is not None:
            corrections.append(verdict.correction)
        if verdict.table is not None:
            case = replace(case, table=verdict.table)
    return QualityReport(name, case.instrument.symbol, rows, tuple(findings), tuple(corrections)), case.table


def _finding(rule: QualityRule, table: PriceTable, flaw: Flaw) -> Finding:
    if flaw.row is None:
        return Finding(rule.name, flaw.severity, flaw.text, rows=flaw.rows)
    line, session = int(table.line[flaw.row]), str(table.session[flaw.row])
    return Finding(rule.name, flaw.severity, flaw.text, line, session, flaw.rows)


def _found(report: QualityReport, refused: tuple[Finding, ...], unit: str) -> str:
    first = refused[0]
    place = report.name if first.line is None else f"{report.name} {unit} {first.line}"
    more = f" and {len(refused) - 1} more" if len(refused) > 1 else ""
    return f"{place}: {first.message} ({first.rule}){more}"


_REMEDY = {r.name: r.if_accepted for r in RULES}


def _options(refused: tuple[Finding, ...]) -> str:
    named = list(dict.fromkeys(f.rule for f in refused))
    if any(_REMEDY.get(n) is None for n in named):
        return ""
    return " ".join(f"--accept {n}" for n in named)


def _way_out(refused: tuple[Finding, ...]) -> str:
    options = _options(refused)
    if not options:
        return "'hustings data check' shows all; the file must be corrected"
    then = _REMEDY[refused[0].rule] if len({f.rule for f in refused}) == 1 else "each rule's remedy is applied"
    return f"'hustings data check' shows all; with '{options}' {then}"
