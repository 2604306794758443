"""How the labels of an event are coded: which they are, their values, and their basis (docs/reference/events.md)."""

from pathlib import Path

from datasets.csv_rows import bundled_rows

LABELS = ("pro_growth", "surprise", "program")
"""The labels that are judgement, not data."""

BASES = ("blind", "source", "background")
"""What a label may rest on: two coders who saw neither the title nor the market's move, a page dated before the event,
or background knowledge."""

PROGRAM_TAGS = {r["tag"]: r["says"] for r in bundled_rows(Path(__file__).with_name("program_tags.csv"))}
"""The allowed tags of ``program``, with what each says."""


def bases_of(label_basis: str | None) -> dict[str, str]:
    """Return what each label rests on.

    >>> bases_of("surprise: background; pro_growth: source")
    {'surprise': 'background', 'pro_growth': 'source'}
    """
    parts = (p.partition(":") for p in (label_basis or "").split(";") if p.strip())
    return {name.strip(): basis.strip() for name, _, basis in parts}
