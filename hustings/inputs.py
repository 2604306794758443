"""Turns what a user typed into the parts of a backtest."""

from datetime import date
from pathlib import Path

from datasets.errors import UserError
from datasets.events import EventCatalogue, bundled_events, load_events
from datasets.instruments import InstrumentTable, bundled_instruments
from datasets.sources.base import BarSource
from datasets.sources.builtin import BuiltinSource
from datasets.sources.files import DirectorySource


def events_of(path: Path | None) -> EventCatalogue:
    """Return the events of a file or directory, or those that come with hustings."""
    return bundled_events() if path is None else load_events(path)


def source_of(directory: Path | None) -> BarSource:
    """Return the source of bars: one directory and nothing else, or the built-in bars."""
    return BuiltinSource() if directory is None else DirectorySource(directory)


def instruments_of(directory: Path | None) -> InstrumentTable:
    """Return the known instruments, with those of the directory's own instruments.csv."""
    own = None if directory is None else directory / "instruments.csv"
    return bundled_instruments().extended(own) if own is not None and own.is_file() else bundled_instruments()


def parameters_of(pairs: tuple[str, ...]) -> dict[str, str]:
    """Return ``-p name=value`` pairs as a dictionary.

    Raises:
        UserError: a pair without ``=``, or a name given twice.
    """
    given: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise UserError(f"-p '{pair}': write it as name=value")
        if name.strip() in given:
            raise UserError(f"-p {name.strip()} is given twice")
        given[name.strip()] = value.strip()
    return given


def date_of(text: str | None, option: str) -> date | None:
    """Return a date typed as 2026-02-09.

    Raises:
        UserError: it is not one.
    """
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as e:
        raise UserError(f"{option} is '{text}'; write a date like 2026-02-09") from e
