"""JSON of prices as delimited text: records, columns, and one object a date."""

import json
from collections.abc import Mapping
from typing import Any

from datasets.csv_rows import csv_text
from datasets.errors import UserError
from datasets.prices.reading.layouts import role_of

_DEEPEST = 4
Record = Mapping[str, Any]


def is_json(data: bytes) -> bool:
    """Return whether the content is a JSON object or array."""
    return data[:200].removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")


def delimited_of(data: bytes, name: str) -> bytes:
    """Return the records of a JSON text as CSV, the header in line 1, record n in line n + 1.

    Raises:
        UserError: no JSON, or no records with a date.
    """
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as e:
        why = "it is nested too deeply" if isinstance(e, RecursionError) else str(e)
        raise UserError(f"{name}: not readable as JSON ({why}); get the file again, or save the prices as CSV") from e
    records = _records(content, _DEEPEST)
    if not records:
        raise UserError(f"{name}: JSON without records of prices; it must be a list of objects such as "
                        '{"date": "2026-02-09", "close": 3783.57}')  # fmt: skip
    columns = list(dict.fromkeys(c for r in records for c in r))
    return csv_text(columns, ([_cell(r.get(c)) for c in columns] for r in records)).encode()


def _records(content: Any, deep: int) -> list[Record]:
    """Return the first records found, from outside to inside."""
    if not deep:
        return []
    found = _as_records(content)
    if found:
        return found
    inner = content.values() if isinstance(content, Mapping) else content if isinstance(content, list) else ()
    return next((r for r in (_records(v, deep - 1) for v in inner) if r), [])


def _as_records(content: Any) -> list[Record]:
    if isinstance(content, list) and content and all(isinstance(r, Mapping) for r in content):
        return content if any(role_of(c) in ("date", "time") for c in content[0]) else []
    if not isinstance(content, Mapping) or not content:
        return []
    values = list(content.values())
    if all(isinstance(v, Mapping) for v in values) and any(role_of(c) == "close" for c in values[0]):
        return [{"date": day, **v} for day, v in content.items()]  # one object a date
    columns = {c: v for c, v in content.items() if isinstance(v, list | Mapping) and role_of(c)}
    if not {"date", "close"} <= {role_of(c) for c in columns} or len({len(v) for v in columns.values()}) != 1:
        return []
    held = {c: list(v.values()) if isinstance(v, Mapping) else v for c, v in columns.items()}
    return [dict(zip(held, row, strict=True)) for row in zip(*held.values(), strict=True)]


def _cell(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)
