"""The rule that compares a table with the catalogue: published first-session moves, and those of the bars."""

import numpy as np

from datasets.events import bundled_events
from datasets.prices.bars import Source
from datasets.prices.checks.case import FINE, Case, Flaw, Verdict
from datasets.prices.findings import Severity
from datasets.prices.published_moves import published_moves
from datasets.prices.table import SIMULATED, bars_of


def published_move(case: Case) -> Verdict:
    """Name published first-session moves that the bars do not show and no note of the catalogue explains."""
    events = [e for e in bundled_events() if e.main_index == case.instrument.symbol and e.reported_move is not None]
    if not events or case.table.at is not None or case.table.layout == SIMULATED:
        return FINE
    bars = bars_of(case.table, case.instrument, Source("file", case.table.name))
    flaws = []
    for move in (m for m in published_moves(events, lambda _: bars) if m.agrees is False and not m.note):
        row = int(np.searchsorted(case.table.session, np.datetime64(str(move.session), "D")))
        text = f"{move.session} moves {move.found:+.2f} %, where {move.published} % was published ({move.event_id})"
        flaws.append(Flaw(Severity.WARNING, row, text))
    return Verdict(tuple(flaws))
