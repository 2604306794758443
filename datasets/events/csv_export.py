"""Events as CSV (RFC 4180), such that ``load_events`` reads them back equal."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from datasets.csv_rows import sheet_csv
from datasets.errors import UserError
from datasets.events.event import PoliticalEvent
from datasets.files import created_file
from datasets.instants import iso_z


def events_csv(events: Iterable[PoliticalEvent]) -> str:
    """Return a header and one line an event, in the columns of the catalogue and own ones; lines end in CR LF."""
    listed = list(events)
    names = [name for name in PoliticalEvent.model_fields if name != "extra"]
    own = sorted({name for e in listed for name in e.extra})
    extra = ((e, [e.extra.get(name, "") for name in own]) for e in listed)
    rows = (
        [*(_cell(n, getattr(e, n)) for n in names), *(f"{v:.15g}" if isinstance(v, float) else v for v in values)]
        for e, values in extra
    )
    return sheet_csv([*names, *own], rows, line_end="\r\n")


def write_events(path: Path, events: Iterable[PoliticalEvent]) -> None:
    """Write events to a new CSV file.

    Raises:
        UserError: the file is there already, or cannot be written.
    """
    try:
        with created_file(path, events_csv(events).encode()):
            return
    except FileExistsError as e:
        raise UserError(f"'{path}' is there already: name a new file, so that no work is lost") from e
    except OSError as e:
        raise UserError(f"'{path}' cannot be written ({e.strerror}); name another file") from e


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if name == "fields_known_at":
        return "; ".join(f"{field}: {iso_z(at)}" for field, at in value)
    if isinstance(value, tuple):
        return (" " if name in ("sources", "label_sources") else ";").join(value)
    return iso_z(value) if isinstance(value, datetime) else str(value)
