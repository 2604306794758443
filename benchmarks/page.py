"""Writes what was measured as Markdown: printed as it comes, and kept for RESULTS.md."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.race import Outcome

MARKS = (1, "s"), (1e-3, "ms"), (1e-6, "µs")


@dataclass
class Page:
    """All lines printed so far."""

    lines: list[str] = field(default_factory=list)

    def say(self, text: str = "") -> None:
        """Print a line, and keep it."""
        print(text, flush=True)
        self.lines.append(text)

    def title(self, text: str) -> None:
        """Print a heading."""
        self.say(f"\n## {text}\n")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print a table; all but its first column are set flush right."""
        self.say(f"| {' | '.join(columns)} |")
        self.say(f"| --- |{' ---: |' * (len(columns) - 1)}")
        for row in rows:
            self.say(f"| {' | '.join(row)} |")

    def race(self, outcomes: Sequence[Outcome], *, ours: Sequence[str]) -> None:
        """Print what each entrant took, and how many times faster each of ``ours`` is than it; then the reasons."""
        mine = {o.entrant.name: o for o in outcomes if o.entrant.name in ours}
        columns = ["", "time", "processor", "peak memory", "results off by", *(f"{name} is faster by" for name in mine)]
        self.table(columns, [_row(o, list(mine.values())) for o in outcomes])
        self.say()
        for o in outcomes:
            self._note(o)

    def _note(self, outcome: Outcome) -> None:
        each = outcome.entrant
        if each.every > 1:
            self.say(f"- {each.name}: {outcome.n_results} parts of the work, one of {each.every}, scaled up.")
        if each.why:
            self.say(f"- {each.name}: {each.why}")

    def required(self, lines: Sequence[tuple[str, float, float]]) -> None:
        """Print what is required and what was found, each a claim with two ratios."""
        self.say()
        rows = [[claim, f"{least:,.0f}", f"{found:,.1f}", _reached(found, least)] for claim, least, found in lines]
        self.table(["times faster", "required", "found", "reached"], rows)

    def text(self) -> str:
        """Return all that was printed."""
        return "\n".join(self.lines) + "\n"


def _row(outcome: Outcome, mine: Sequence[Outcome]) -> list[str]:
    ratios = ["" if m is outcome else f"{outcome.seconds / m.seconds:,.1f}" for m in mine]
    return [
        outcome.entrant.name,
        took(outcome.seconds),
        took(outcome.cpu),
        f"{outcome.peak_mib:,.0f} MiB",
        f"{outcome.off:.0e}",
        *ratios,
    ]


def _reached(found: float, least: float) -> str:
    return "yes" if found >= least else "NO"


def took(seconds: float) -> str:
    """Return a time with a unit of its size.

    >>> took(0.0123), took(75.0)
    ('12.30 ms', '75.00 s')
    """
    size, mark = next((m for m in MARKS if seconds >= m[0]), MARKS[-1])
    return f"{seconds / size:,.2f} {mark}"
