"""The rule that compares a table with the catalogue: published first-session moves, and those of the bars."""

import numpy as np

from datasets.events import bundled_events
from datasets.prices.bars import Source
from datasets.prices.checks.case import FINE, Case, Flaw, Verdict
from datasets.prices.findings import Severity
from datasets.prices.published_moves import PublishedMove, published_moves
from datasets.prices.table import SIMULATED, bars_of


def published_move(case: Case) -> Verdict:
    """Name published first-session moves that the bars do not show and no note of the catalogue explains."""
    events = [e for e in bundled_events() if e.main_index == case.instrument.symbol and e.reported_move is not None]
    if not events or case.table.at is not None or case.table.layout == SIMULATED:
        return FINE
    bars = bars_of(case.table, case.instrument, Source("file", case.table.name))
    moves = published_moves(events, lambda _: bars)
    return Verdict(tuple(_flaw(case, m) for m in moves if m.agrees is False and not m.note))


def _flaw(case: Case, move: PublishedMove) -> Flaw:
    row = int(np.searchsorted(case.table.session, np.datetime64(str(move.session), "D")))
    text = f"{move.session} moves {move.found:+.2f} %, where {move.published} % was published ({move.event_id})"
    return Flaw(Severity.WARNING, row, text)
