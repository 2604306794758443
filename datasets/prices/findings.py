"""What a finding on a price table is, and how much it matters."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding matters."""

    NOTE = "note"
    WARNING = "warning"
    REFUSAL = "refusal"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: by which rule, at which line and session (the first, where there are ``rows``)."""

    rule: str
    severity: Severity
    message: str
    line: int | None = None
    session: str | None = None
    rows: int = 1
