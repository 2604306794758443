"""Reads the price histories of prediction markets as quotes; a layout is recognised by the header of the file."""

from pathlib import Path

from datasets.csv_rows import read_csv
from datasets.errors import UserError
from datasets.events.odds.tables import LAYOUTS
from datasets.events.odds_book import Quotes

ODDS = tuple(dict.fromkeys(each.cells["layout"] for each in LAYOUTS))
"""The names of the layouts."""
SIMULATED = Path(__file__).with_name("simulated_2016.csv")
"""Quotes of a made-up market on the US election of 2016, with which the simulated IPC moves."""


def read_odds(path: Path, market: str | None = None, *, layout: str | None = None) -> tuple[str, Quotes]:
    """Return the name of the layout of a file, and the quotes of one market, oldest first, outcomes named as there.

    ``market`` is its id or name, None where the file holds one; ``layout`` one of ``ODDS``, None recognises it.

    Raises:
        UserError: not such a file, a bad row (line named), no such market, one outcome twice at one instant.
    """
    file = read_csv(path)
    for each in LAYOUTS:
        if layout in (None, each.cells["layout"]) and each.fits(file.columns):
            return each.cells["layout"], tuple(each.read(file, market))
    wanted = f"the layout {layout}" if layout else f"time, probability and outcome, or a layout of {', '.join(ODDS)}"
    found = ", ".join(file.columns)[:80] or "nothing"
    raise UserError(f"{path.name} line 1: found {found}; it does not have {wanted} (docs/reference/odds.md)")
