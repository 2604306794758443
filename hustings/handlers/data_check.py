"""hustings data check: reports what is wrong with price series, and what an import would refuse."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from datasets.errors import UserError
from datasets.prices.bars import Bars
from datasets.prices.checks.case import Case
from datasets.prices.quality import Finding, QualityReport, Severity, examine, validate
from hustings.targets import FileLayout, Target, targets_of
from hustings.terminal import in_json, progress, say, say_json, table

_SHOWN = 5
_ORDER = (Severity.REFUSAL, Severity.WARNING, Severity.NOTE)


@dataclass(frozen=True)
class CheckedSeries:
    """A target and its findings; ``bars`` are those that an import would store, None if it would refuse them."""

    target: Target
    report: QualityReport | None = None
    bars: Bars | None = None


def check_targets(*, targets: tuple[str, ...], data: Path | None, show_all: bool, **layout: Any) -> int:
    """Print what is wrong with price series; return 1 if an import would refuse one, 2 if one cannot be read."""
    with progress("reading and checking"):
        checked = [_checked(t) for t in targets_of(targets, layout=FileLayout(**layout), data=data)]
    if in_json():  # a bad file has ten thousands of findings
        say_json([_json(c) for c in checked])
    _show(checked, show_all=show_all)
    if any(c.target.error for c in checked):
        return 2
    return 1 if any(c.report.refused_by(()) for c in checked if c.report is not None) else 0


def _checked(target: Target) -> CheckedSeries:
    """Return the findings of a target; an error is kept with it, and the other targets are checked."""
    if target.table is None or target.instrument is None:
        return CheckedSeries(target)
    case = Case(target.table, target.instrument, target.reference, target.retrieved_at, target.splits)
    try:
        report = examine(case)
        bars = None if report.refused_by(()) else validate(case).bars
    except UserError as e:
        return CheckedSeries(replace(target, error=str(e)))
    return CheckedSeries(target, report, bars)


def _show(checked: Sequence[CheckedSeries], *, show_all: bool) -> None:
    columns = ["series", "symbol", "rows", "first", "last", "real opens", "refusals", "warnings", "notes", "source"]
    table(columns, [_row(c) for c in checked], right=["rows", "real opens", "refusals", "warnings", "notes"])
    for each in checked:
        if each.target.error:
            say(each.target.error)
    several = len(checked) > 1
    for each in checked:
        if each.report is not None:
            _show_report(each, each.report, show_all=show_all, refusals_only=several and not show_all)
    if several and not show_all:
        say("'hustings data check' of one series, or --all, also shows warnings and notes")


def _row(each: CheckedSeries) -> list[str]:
    if each.report is None or each.target.table is None:
        return [each.target.name, each.target.symbol, "-", "-", "-", "-", "-", "-", "-", "cannot be read"]
    session, opens = each.target.table.session, each.bars
    ends = [str(session.min()), str(session.max())] if len(session) else ["-", "-"]
    counts = [str(sum(f.severity is s for f in each.report.findings)) for s in _ORDER]
    real = f"{opens.open_is_real.mean():.1%}" if opens is not None else "-"
    return [each.target.name, each.target.symbol, str(len(session)), *ends, real, *counts, each.target.source]


def _show_report(each: CheckedSeries, report: QualityReport, *, show_all: bool, refusals_only: bool) -> None:
    findings = report.refused_by(()) if refusals_only else report.findings
    groups = [list(group) for _, group in groupby(sorted(findings, key=_rank), key=_rank)]
    if findings and not refusals_only:
        say(f"\n{report.name} as bars of {report.symbol}")
        rows = [[g[0].severity, g[0].rule, str(len(g)), str(sum(f.rows for f in g))] for g in groups]
        table(["severity", "rule", "findings", "rows"], rows, right=["findings", "rows"])
    unit = each.target.table.unit if each.target.table is not None else "line"
    for group in groups:
        _show_group(report, group, unit, shown=None if show_all else _SHOWN)
    for correction in () if refusals_only else report.corrections:
        say(f"corrected{' if accepted' if report.refused_by(()) else ''}: {correction}")


def _rank(finding: Finding) -> tuple[int, str]:
    return (_ORDER.index(finding.severity), finding.rule)


def _show_group(report: QualityReport, group: Sequence[Finding], unit: str, *, shown: int | None) -> None:
    for f in group[:shown]:
        place = report.name if f.line is None else f"{report.name} {unit} {f.line}"
        say(f"{place}: {f.message} ({f.severity}: {f.rule})")
    if shown is not None and len(group) > shown:
        say(f"  and {len(group) - shown} more of {group[0].rule}")


def _json(each: CheckedSeries) -> dict[str, Any]:
    target, report = each.target, each.report
    return {
        "name": target.name,
        "symbol": target.symbol,
        "source": target.source,
        "error": target.error,
        "rows": None if target.table is None else len(target.table),
        "bars": None if each.bars is None else _facts(each.bars),
        "would_be_refused": None if report is None else bool(report.refused_by(())),
        "corrections": [] if report is None else list(report.corrections),
        "findings": [] if report is None else [asdict(f) for f in report.findings],
    }


def _facts(bars: Bars) -> dict[str, Any]:
    return {
        "rows": len(bars),
        "first_session": str(bars.session[0]),
        "last_session": str(bars.session[-1]),
        "real_opens": round(float(bars.open_is_real.mean()), 6),
    }
