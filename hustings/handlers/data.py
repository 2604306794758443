"""hustings data list, show, remove, hours, check."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict, replace

from datasets.errors import UserError, unknown_name
from datasets.instants import iso_z
from datasets.markets.exchange_tables import Exchange, HoursFact, find_exchange, regular_hours
from datasets.markets.instruments import Instrument, InstrumentGroup
from datasets.markets.sessions import SessionHours, horizon_note, session_hours
from datasets.prices.bars import Bars
from datasets.prices.checks.case import Case
from datasets.prices.quality import Finding, QualityReport, Severity, examine, validate
from datasets.prices.series_file import Provenance
from datasets.prices.sources.base import BarSource
from datasets.prices.sources.builtin import ArchSource, BuiltinSource
from datasets.prices.sources.files import DirectorySource
from datasets.prices.sources.stored import StoreSource
from datasets.prices.store import Store
from hustings.inputs import date_of, has_bars, instruments_of, source_of
from hustings.targets import FileLayout, Target, targets_of
from hustings.terminal import counted, in_json, progress, say, say_json, table


def list_instruments(*, data: Path | None, group: str | None) -> None:
    """Print the instruments in their groups, or those of one group, and the sources of their bars."""
    source = source_of(data)
    rows = [_row(i, source) for i in instruments_of(data) if group in (None, i.group)]
    say_json(rows)
    names = ("symbol", "name", "exchange", "currency", "bars", "other_names", "notes")
    for each in InstrumentGroup:
        listed = [[str(r[n] or "-") for n in names] for r in rows if r["group"] == each]
        if listed:
            say(f"{each}: {counted(len(listed), 'instrument')}")
            table([n.replace("_", " ") for n in names], listed)


def _row(instrument: Instrument, source: BarSource) -> dict[str, Any]:
    available = has_bars(source, instrument)
    return {
        "symbol": instrument.symbol,
        "name": instrument.name,
        "group": instrument.group,
        "country": instrument.country or None,
        "exchange": instrument.mic,
        "currency": instrument.currency,
        "base_currency": instrument.base_currency or None,
        "maturity": instrument.maturity or None,
        "multiplier": instrument.multiplier or None,
        "tick": instrument.tick or None,
        "initial_margin": instrument.initial_margin or None,
        "maintenance_margin": instrument.maintenance_margin or None,
        "has_bars": available,
        "bars": _source_text(source, instrument.symbol) if available else None,
        "other_names": " ".join(instrument.aliases),
        "notes": instrument.notes,
    }


def _source_text(source: BarSource, symbol: str) -> str:
    if isinstance(source, DirectorySource):
        return "file"
    store = Store()
    if symbol not in store.symbols():
        simulated = isinstance(source, BuiltinSource) and symbol not in ArchSource().symbols()
        return "SIMULATED" if simulated else "built in"
    try:
        provenance = store.provenance(symbol)
    except UserError:
        return "damaged"
    return f"{provenance.rows} to {provenance.last}, {provenance.deliveries[-1].source}"


def show_series(*, symbol: str) -> None:
    """Print a stored series: its span, its last rows, and every delivery."""
    instrument = instruments_of(None).find(symbol)
    bars = StoreSource().load(instrument)
    provenance, real_opens = Store().provenance(instrument.symbol), float(bars.open_is_real.mean())
    say_json({**asdict(provenance), "real_opens": real_opens})
    say(f"{instrument.symbol}  {instrument.name} ({instrument.mic}, {instrument.currency})")
    say(f"{bars.span()}; {provenance.adjustment} series; {real_opens:.1%} of its opens are traded prices")
    say(f"sha256 {provenance.sha256}")
    _last_rows(bars)
    _deliveries(provenance)


def _last_rows(bars: Bars) -> None:
    prices = ["open", "high", "low", "close"] if bars.yields is None else ["yields", "close"]
    rows = [
        [
            str(bars.session[n]),
            *(f"{getattr(bars, c)[n]:,.{3 if c == 'yields' else 2}f}" for c in prices),
            "yes" if bars.open_is_real[n] else "no",
        ]
        for n in range(max(0, len(bars) - 5), len(bars))
    ]
    table(["session", *prices, "open traded"], rows, right=prices)


def _deliveries(provenance: Provenance) -> None:
    for d in provenance.deliveries:
        say(f"{d.retrieved_at}  {d.name} from {d.source}; {d.rows} rows {d.first} to {d.last}; licence: {d.licence}")
        say(f"  {d.added} new, {d.changed} changed" + (f"; accepted: {', '.join(d.accepted)}" if d.accepted else ""))
        for text in d.corrections:
            say(f"  corrected: {text}")
        for text in d.warnings:
            say(f"  warning: {text}")


def remove_series(*, symbols: tuple[str, ...]) -> None:
    """Remove series from the store, damaged ones too."""
    store, known = Store(), instruments_of(None)
    stored = store.symbols()  # a series may be of an instrument that is no longer known
    names = list(dict.fromkeys(s if s in stored else known.find(s).symbol for s in symbols))
    for name in (n for n in names if n not in stored):
        raise unknown_name("series in the store:", name, stored, hint="nothing was removed")
    for name in names:
        store.remove(name)
    say_json({"removed": names})
    say(f"removed {', '.join(names)}")


_TIMES = ("open", "close", "official_close")


def show_hours(*, mic: str, day: str | None, year: int | None) -> None:
    """Print the hours of a date or of a year, or the regular hours of an exchange."""
    exchange = find_exchange(mic)
    if day is None and year is None:
        _show_regular(exchange)
        return
    first, last = _span(day, year)
    rows = [h for h in session_hours(exchange.mic, first, last) if h.times or day or h.date.weekday() < 5]
    note = horizon_note(exchange.mic, first, last)
    say_json({**_head(exchange), "note": note, "sessions": [_json_row(h) for h in rows]})
    say(f"{exchange.mic}, {exchange.zone}")
    columns = ["date", "kind", "open", "close", "official close", "open (UTC)", "close (UTC)", "certain", "source"]
    table(columns, [_text_row(h, brief=day is None) for h in rows])
    if note:
        say(note)


def _span(day: str | None, year: int | None) -> tuple[date, date]:
    found = date_of(day, "--date")
    if found is None:
        return date(year or 0, 1, 1), date(year or 0, 12, 31)
    if year is not None:
        raise UserError("--date and --year exclude each other: choose one")
    return found, found


def _head(exchange: Exchange) -> dict[str, Any]:
    certain = {"certain_from": exchange.certain_from.isoformat(), "certain_to": exchange.certain_to.isoformat()}
    return {"exchange": exchange.mic, "zone": exchange.zone, **certain}


def _json_row(hours: SessionHours) -> dict[str, Any]:
    fact, times = hours.fact, hours.times or (None, None, None)
    return {
        "date": hours.date.isoformat(),
        "kind": fact.kind,
        "is_session": hours.times is not None,
        **{name: at and _clock(at, hours.date) for name, at in zip(_TIMES, times, strict=True)},
        **{f"{name}_at": at and iso_z(at) for name, at in zip(_TIMES, times, strict=True)},
        "is_certain": hours.is_certain,
        **_origin(fact),
    }


def _origin(fact: HoursFact) -> dict[str, str]:
    return {"confidence": fact.confidence, "source": fact.source, "note": fact.note}


def _text_row(hours: SessionHours, *, brief: bool) -> list[str]:
    fact, times = hours.fact, hours.times or (None, None, None)
    local = [_clock(at, hours.date) if at else "-" for at in times]
    utc = [f"{at.astimezone(UTC):%m-%d %H:%M}" if at else "-" for at in times[:2]]
    source = f"{fact.source} ({fact.confidence})" + (f": {fact.note}" if fact.note else "")
    source = "-" if brief and fact.kind == "regular" else source
    return [f"{hours.date:%Y-%m-%d %a}", fact.kind, *local, *utc, "yes" if hours.is_certain else "no", source]


def _clock(at: datetime, day: date) -> str:
    """Return ``17:00``, or ``17:00-1`` of the day before."""
    days = (at.date() - day).days
    return f"{at:%H:%M}" + (f"{days:+d}" if days else "")


def _show_regular(exchange: Exchange) -> None:
    rows = [_regular_row(fact) for fact in regular_hours(exchange.mic)]
    say_json({**_head(exchange), "regular": rows})
    say(f"{exchange.mic}, {exchange.zone}; certain from {exchange.certain_from} to {exchange.certain_to}")
    if not rows:
        say("regular hours are those of exchange_calendars; --date or --year shows them")
        return
    table([n.replace("_", " ") for n in rows[0]], [[v or "-" for v in r.values()] for r in rows])


def _regular_row(fact: HoursFact) -> dict[str, str]:
    minutes = (fact.open or 0, fact.close or 0, fact.auction_end or fact.close or 0)
    times = [f"{m // 60 % 24:02}:{m % 60:02}" + ("-1" if m < 0 else "") for m in minutes]
    return {
        "from": fact.first.isoformat(),
        "season": fact.day,
        **dict(zip(_TIMES, times, strict=True)),
        **_origin(fact),
    }


_SHOWN = 5
_ORDER = (Severity.REFUSAL, Severity.WARNING, Severity.NOTE)


class CheckedSeries(Struct, frozen=True):
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
    table(columns, [_finding_row(c) for c in checked], right=["rows", "real opens", "refusals", "warnings", "notes"])
    for each in checked:
        if each.target.error:
            say(each.target.error)
    several = len(checked) > 1
    for each in checked:
        if each.report is not None:
            _show_report(each, each.report, show_all=show_all, refusals_only=several and not show_all)
    if several and not show_all:
        say("'hustings data check' of one series, or --all, also shows warnings and notes")


def _finding_row(each: CheckedSeries) -> list[str]:
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
