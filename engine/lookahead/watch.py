"""Notes what a strategy loads or opens besides what it is given: events, bars, and files of its own."""

import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from datasets.home import hustings_home
from datasets.prices.bars import Bars
from datasets.visibility import Visibility
from engine.lookahead.report import Check, CheckName, Offence

_HOUSE = Path(__file__).resolve().parents[2]
_FLOORS = tuple(_HOUSE / name for name in ("datasets", "engine", "strategies", "reports", "hustings"))
_CODE = (".py", ".pyc", ".pyi", ".so", ".pth")
_MACHINE = tuple(Path(p) for p in ("/proc", "/dev", "/sys", "/etc", "/usr/share/zoneinfo"))


class Watch(Struct):
    """What was loaded and opened so far; ``facts`` are the resolved files and folders of events and bars.

    ``subject`` is the event that is decided on, blank while the rule's own file is read. ``reached`` says whether the
    strategy loaded events or bars, or opened a file, besides what it is given.
    """

    facts: tuple[Path, ...] = ()
    reached: bool = False
    subject: str = ""
    opened: dict[Path, str] = field(default_factory=dict)
    symbols: dict[str, None] = field(default_factory=dict)

    def over(self, world: Visibility) -> Visibility:
        """Return a world that reports to this watch what is loaded and opened."""
        return replace(self.noting(world), on_access=self._note_access, on_open=self._note_opened)

    def noting(self, world: Visibility) -> Visibility:
        """Return a world that notes the symbols of the bars it shows."""

        def bars(whole: Bars) -> Bars:
            self.symbols.setdefault(whole.symbol)
            shown: Bars = world.bars(whole)
            return shown

        return Visibility(world.event, bars)

    def _note_access(self, what: str) -> None:
        self.reached = True

    def _note_opened(self, path: Path) -> None:
        path = path.resolve()
        if self._is_fact(path) or not _is_machinery(path):
            self.reached = True
            self.opened.setdefault(path, self.subject)

    def _is_fact(self, path: Path) -> bool:
        return any(path.is_relative_to(f) for f in self.facts)

    def check(self, decided: Mapping[str, datetime | None]) -> Check:
        """Return the check of files: an offence for each file of events or bars that the strategy opened itself.

        Args:
            decided: the instant of each decision, by event.
        """
        offences = (
            Offence(
                CheckName.OPENED, s, decided.get(s), f"opens {p.name}", "its content cannot be cut", f"file: {p.name}"
            )
            for p, s in self.opened.items()
            if self._is_fact(p)
        )
        return Check(CheckName.OPENED, len(decided), tuple(offences))

    def other_files(self) -> tuple[str, ...]:
        """Return the names of the other files that the strategy opened."""
        return tuple(sorted({p.name for p in self.opened if not self._is_fact(p)}))


def _is_machinery(path: Path) -> bool:
    """Return whether a file is code, or belongs to Python, to hustings or to the machine: none holds a rule's data."""
    home = hustings_home()
    ours = (*_FLOORS, *_MACHINE, home, (home / "cache").resolve(), Path(sys.prefix), Path(sys.base_prefix))
    installed = path.suffix in _CODE or "site-packages" in path.parts
    return installed or any(path.is_relative_to(p) for p in ours)
