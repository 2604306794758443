"""What is wrong with a price table, said row by row; and what of it may be let in.

``admit`` is the gate: every series that is imported or fetched passes it. Three severities: a *note* changes nothing; a
*warning* cannot change a fill (or the engine guards it) but a reader should know; a *refusal* could change a fill, and
stops the import unless its rule is accepted by name, which is recorded.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from datasets.bars import Bars
from datasets.instruments import Instrument
from datasets.table import PriceTable


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


@dataclass(frozen=True)
class Report:
    """All findings on one table. ``corrections`` tells what was put right, or will be where its rule is accepted."""

    name: str
    symbol: str
    rows: int
    findings: tuple[Finding, ...]
    corrections: tuple[str, ...]

    def refused_by(self, accepted: Collection[str]) -> tuple[Finding, ...]:
        """Return the refusals whose rule was not accepted."""
        return tuple(f for f in self.findings if f.severity is Severity.REFUSAL and f.rule not in accepted)


@dataclass(frozen=True, eq=False)
class Admitted:
    """Bars that passed, the corrected table they are made of, and what was found and put right on the way."""

    table: PriceTable
    bars: Bars
    report: Report


def examine(
    table: PriceTable, instrument: Instrument, *, reference: Bars | None = None, retrieved_at: datetime | None = None
) -> Report:
    """Return everything that is wrong with a table as bars of an instrument.

    Args:
        table: the rows as found.
        instrument: what they are said to be of.
        reference: bars known to be of it, such as those in the store: a wrong instrument shows against them.
        retrieved_at: when the table was made; a session not closed by then is a partial day.
    """
    raise NotImplementedError


def admit(
    table: PriceTable,
    instrument: Instrument,
    *,
    accepted: Collection[str] = (),
    reference: Bars | None = None,
    retrieved_at: datetime | None = None,
) -> Admitted:
    """Return the bars of a table, put right where there is one right reading, or where the rule was accepted.

    Raises:
        UserError: a refusal that was not accepted: the first in one line with its row, how many more there are, and
            how to see them all; or a name in ``accepted`` that is no rule.
    """
    raise NotImplementedError
