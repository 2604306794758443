"""The way into the store: a table is judged, corrected where it can be, and stored with its origin."""

from collections.abc import Collection
from datetime import datetime

import numpy as np
from msgspec import Struct

from datasets.errors import UserError
from datasets.instants import iso_z
from datasets.markets.instruments import Instrument
from datasets.prices.checks.case import Case, Splits
from datasets.prices.quality import QualityReport, Severity, check_accepted, validate
from datasets.prices.series_file import Delivery
from datasets.prices.sources.stored import stored_bars
from datasets.prices.store import REVISION, Store, Update
from datasets.prices.table import PriceTable

UNJOINED = "unjoined"
"""The name by which a user accepts rows that share no session with the stored ones."""


class Origin(Struct, frozen=True):
    """Where a table came from and when. ``adjustment``, ``price`` or ``total``: whether dividends are in its prices."""

    source: str
    retrieved_at: datetime
    licence: str
    adjustment: str


class ImportResult(Struct, frozen=True):
    """What was stored, and what was found on the way."""

    symbol: str
    report: QualityReport
    update: Update
    delivery: Delivery


def import_table(
    table: PriceTable,
    instrument: Instrument,
    store: Store,
    *,
    origin: Origin,
    accepted: Collection[str] = (),
    splits: Splits = (),
) -> ImportResult:
    """Judge a table and add its rows to the store: all of them, or none and an error.

    Raises:
        UserError: a finding that could change a fill and was not accepted (``datasets.prices.quality.validate``);
            or rows that share no session with the stored ones, and ``unjoined`` was not accepted.
        HistoryChangedError: stored rows would change and ``revision`` was not accepted.
    """
    rules = [rule for rule in accepted if rule not in (REVISION, UNJOINED)]
    known = stored_bars(store, instrument)
    passed = validate(Case(table, instrument, known, origin.retrieved_at, splits), accepted=rules)
    first, last = passed.table.session[0], passed.table.session[-1]
    if known is not None and UNJOINED not in accepted and not np.isin(passed.table.session, known.session).any():
        raise UserError(  # nothing shows that they are of the same series
            f"{table.name}: its rows ({first} to {last}) share no session with the stored ones "
            f"of {known.symbol} ({known.session[0]} to {known.session[-1]}), so nothing shows they are one series; "
            f"give rows that overlap, or '--accept {UNJOINED}'"
        )
    delivery = Delivery(
        name=table.name,
        source=origin.source,
        retrieved_at=iso_z(origin.retrieved_at),
        licence=origin.licence,
        rows=len(passed.table),
        first=str(first),
        last=str(last),
        corrections=passed.report.corrections,
        warnings=tuple(f.message for f in passed.report.findings if f.severity is Severity.WARNING),
        accepted=tuple(sorted(accepted)),
    )
    update = store.put(
        instrument.symbol, passed.table, delivery, adjustment=origin.adjustment, accept_changes=REVISION in accepted
    )
    return ImportResult(instrument.symbol, passed.report, update, delivery)


def check_rules(accepted: Collection[str]) -> None:
    """Raise a UserError where a name is nothing that can be accepted."""
    check_accepted([rule for rule in accepted if rule not in (REVISION, UNJOINED)])
