"""Notes what a rule reaches for beside what it is given: events, bars, and files of its own."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from datasets.home import hustings_home
from datasets.prices.bars import Bars
from datasets.visibility import Visibility
from engine.lookahead.found import OPENED, Check, Offence
from engine.lookahead.worlds import UNCHANGED, World

_HOUSE = Path(__file__).resolve().parents[2]
_FLOORS = tuple(_HOUSE / name for name in ("datasets", "engine", "strategies", "reports", "hustings"))
_CODE = (".py", ".pyc", ".pyi", ".so", ".pth")
_MACHINE = tuple(Path(p) for p in ("/proc", "/dev", "/sys", "/etc", "/usr/share/zoneinfo"))


@dataclass
class Watch:
    """What was reached for so far; ``facts`` are the files and folders of the events and bars a rule is examined on.

    ``subject`` is the event now decided on, blank while the rule's own file is read.
    """

    facts: tuple[Path, ...] = ()
    reached: bool = False
    subject: str = ""
    opened: dict[Path, str] = field(default_factory=dict)
    symbols: dict[str, None] = field(default_factory=dict)

    def lens(self, world: World = UNCHANGED) -> Visibility:
        """Return the lens of a world that tells this watch."""
        return Visibility(world.event, self.noting(world).bars, self._note_reached, self._note_opened)

    def noting(self, world: World) -> World:
        """Return a world that notes the symbols of the bars it shows."""

        def bars(whole: Bars) -> Bars:
            self.symbols.setdefault(whole.symbol)
            return world.bars(whole)

        return World(world.event, bars)

    def _note_reached(self, what: str) -> None:
        self.reached = True

    def _note_opened(self, path: Path) -> None:
        path = path.resolve()
        if self._is_fact(path) or not _is_machinery(path):
            self.reached = True
            self.opened.setdefault(path, self.subject)

    def _is_fact(self, path: Path) -> bool:
        return any(path.is_relative_to(f.resolve()) for f in self.facts)

    def check(self, decided: Mapping[str, datetime | None]) -> Check:
        """Return the check of files: an offence for each fact that was opened by the rule itself.

        Args:
            decided: the instant of each decision, by event.
        """
        own = {p: subject for p, subject in self.opened.items() if self._is_fact(p)}
        told = (
            Offence(OPENED, s, decided.get(s), f"opens {p.name}", "what it holds cannot be cut", f"file: {p.name}")
            for p, s in own.items()
        )
        return Check(OPENED, len(decided), tuple(told))

    def other_files(self) -> tuple[str, ...]:
        """Return the names of the other files that the rule opened."""
        return tuple(sorted({p.name for p in self.opened if not self._is_fact(p)}))


def _is_machinery(path: Path) -> bool:
    """Return whether a file is code, or belongs to Python, to hustings or to the machine: no knowledge of a rule's."""
    ours = (*_FLOORS, *_MACHINE, hustings_home(), Path(sys.prefix), Path(sys.base_prefix))
    return path.suffix in _CODE or any(path.is_relative_to(p) for p in ours)
