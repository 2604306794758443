"""Turns what a user types into events, bars, instruments, parameters and dates."""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from msgspec.structs import replace

from datasets.errors import UserError, did_you_mean
from datasets.events import EventCatalogue, Kind, OwnKind, PoliticalEvent, combined_events
from datasets.events.label_file import load_labels, relabelled
from datasets.events.priors import load_priors, with_priors
from datasets.instants import InstantWindow, parse_instant
from datasets.markets.instruments import Instrument, InstrumentTable, bundled_instruments
from datasets.markets.short_rates import FILE_NAME, ShortRates, read_short_rates
from datasets.prices.actions import Adjustment, CorporateAction, check_once, read_actions
from datasets.prices.contracts import with_contracts
from datasets.prices.sources.adjusted import AdjustedSource
from datasets.prices.sources.base import BarSource
from datasets.prices.sources.builtin import BuiltinSource
from datasets.prices.sources.files import DirectorySource
from datasets.prices.sources.stored import DefaultSource, StoreSource
from datasets.prices.store import Store
from hustings.terminal import warn

_NAMED: dict[str, Callable[[], BarSource]] = {"builtin": BuiltinSource, "store": StoreSource}


def events_of(paths: Sequence[Path], labels: Path | None = None, *, only: bool = False) -> EventCatalogue:
    """Return the bundled events, one's own catalogue and those of files; labels of a file replace their own.

    Args:
        paths: files or directories, added to the others.
        labels: a coder's labels.
        only: the events of the files alone.
    """
    if only and not paths:
        raise UserError("--only-events needs --events: name the file of events, or leave it out")
    events = combined_events(paths, only=only)
    point_out_kinds(events)
    return events if labels is None else relabelled(events, load_labels(labels))


def point_out_kinds(events: Iterable[PoliticalEvent]) -> None:
    """Warn of each kind of one's own that is nearly a known one."""
    for kind in sorted({e.kind for e in events if isinstance(e.kind, OwnKind)}):
        near = did_you_mean(kind, Kind)
        if near:
            warn(f"kind '{kind}' is one of your own{near}")


def priced(events: EventCatalogue, path: Path | None) -> EventCatalogue:
    """Return the events with the priors of a file, if one is given."""
    return events if path is None else with_priors(events, load_priors(path, events))


def source_of(data: Path | None, accepted: Collection[str] = ()) -> BarSource:
    """Return the source of bars: all that are available, ``builtin`` or ``store`` alone, or one directory alone.

    Raises:
        UserError: no such directory; rules ``accepted`` for what is none, or that cannot be accepted.
    """
    if accepted and (data is None or (str(data) in _NAMED and not data.is_dir())):
        raise UserError("--accept judges the files of --data DIR; name the directory, or accept the rule at the import")
    if data is None:
        return DefaultSource()
    if str(data) in _NAMED and not data.is_dir():
        return _NAMED[str(data)]()
    return DirectorySource(data, now=datetime.now(UTC), accepted=accepted)


def adjusted_source_of(data: Path | None, adjust: str | None, accepted: Collection[str] = ()) -> BarSource:
    """Return the source of bars with the corporate actions of the directory's own actions.csv, or of the store's.

    Raises:
        UserError: as ``source_of``; or actions.csv has an invalid row, or one of an unknown instrument.
    """
    source, path = source_of(data, accepted), Store().folder / "actions.csv"
    if data is not None:
        path = path if str(data) == "store" and not data.is_dir() else data / "actions.csv"
    known = instruments_of(data)
    actions = [_of_known(a, known, path) for a in (read_actions(path) if path.is_file() else [])]
    check_once(actions, path.name)  # also if one row says T1306 and another 1306
    return AdjustedSource(source, actions, None if adjust is None else Adjustment(adjust))


def _of_known(action: CorporateAction, known: InstrumentTable, path: Path) -> CorporateAction:
    try:
        return replace(action, symbol=known.find(action.symbol).symbol)
    except UserError as e:
        raise UserError(f"{path.name}: {e}") from e


def instruments_of(data: Path | None) -> InstrumentTable:
    """Return the known instruments: the bundled ones, those of the store, and of the directory's own tables."""
    known = bundled_instruments()
    own = [] if data is None else [data / "instruments.csv"]
    stored = [] if str(data) == "builtin" else Store().instrument_files()
    for path in [*stored, *own]:
        known = known.extended(path) if path.is_file() else known
    return known if data is None else with_contracts(known, data)


def rates_of(data: Path | None) -> ShortRates | None:
    """Return the short rates of the directory's rates.csv, or of the store's; None where there is none."""
    of_store = data is None or (str(data) == "store" and not data.is_dir())
    path = Store().folder / FILE_NAME if data is None or of_store else data / FILE_NAME
    return read_short_rates(path) if path.is_file() else None


def has_bars(source: BarSource, instrument: Instrument) -> bool:
    """Return whether a source has bars of an instrument under one of its names."""
    names = {n.casefold() for n in (instrument.symbol, *instrument.aliases)}
    return any(s.casefold() in names for s in source.symbols())


def pairs_of(pairs: tuple[str, ...], option: str = "-p") -> dict[str, str]:
    """Return the ``name=value`` pairs of an option as a dictionary.

    Raises:
        UserError: a pair without ``=``, or a name given twice.
    """
    given: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise UserError(f"{option} '{pair}': write it as name=value")
        if name.strip() in given:
            raise UserError(f"{option} {name.strip()} is given twice")
        given[name.strip()] = value.strip()
    return given


def days_of_text(text: str, option: str = "--within") -> timedelta:
    """Return a number of days typed as ``90d``.

    Raises:
        UserError: it is something else.
    """
    match = re.fullmatch(r"(\d{1,5})d?", text.strip())
    if match is None:
        raise UserError(f"{option} is '{text}'; write a number of days like 90d")
    return timedelta(days=int(match[1]))


def instant_windows(texts: Iterable[str]) -> tuple[InstantWindow, ...]:
    """Return the windows of ``--instants``.

    Raises:
        UserError: one is not written as its help says, or ends before it begins.
    """
    found = []
    for text in texts:
        name, _, span = text.strip().rpartition(" ")
        begin, _, end = span.partition("/")
        try:
            begins_at, ends_at = parse_instant(begin), parse_instant(end)
        except ValueError as e:
            raise UserError(f"--instants '{text}': {e}; write it as 'NAME 2016-09-27T01:00Z/2016-09-27T03:00Z'") from e
        if not 1900 <= begins_at.year <= ends_at.year < 2200 or begins_at >= ends_at:
            raise UserError(f"--instants '{text}': the end must come after the begin, both from 1900 to 2199")
        found.append(InstantWindow(name or span, begins_at, ends_at))
    return tuple(found)


def date_of(text: str | None, option: str) -> date | None:
    """Return a date typed as 2026-02-09.

    Raises:
        UserError: it is not a date.
    """
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as e:
        raise UserError(f"{option} is '{text}'; write a date like 2026-02-09") from e
