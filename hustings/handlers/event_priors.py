"""hustings events priors, import-odds: probabilities of outcomes in the markets before the polls closed."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from datasets.errors import UserError, unknown_name
from datasets.events.odds import read_odds
from datasets.events.odds_book import Margin, Quote, folded, without_margin
from datasets.events.priors import PriorReading, add_quotes, load_priors, priors_csv, read_prior
from datasets.instants import iso_z
from hustings.inputs import events_of
from hustings.terminal import counted, say, say_json, table, warn


def show(*, event_id: str | None, path: Path, sources: tuple[Path, ...], only_events: bool) -> None:
    """Print the prior of each event of a file, or of one event."""
    events = events_of(sources, only=only_events)
    priors = load_priors(path, events)
    chosen = [events.get(event_id)] if event_id else [e for e in events if e.event_id in priors.quotes]
    readings = [read_prior(e, priors) for e in chosen]
    say_json([_reading_json(r) for r in readings])
    for reading in readings:
        _show(reading)
    say(counted(len(readings), "event"))


def _show(reading: PriorReading) -> None:
    at = "unknown" if reading.cutoff_at is None else iso_z(reading.cutoff_at)
    say(f"{reading.event_id}: strictly before {at} ({reading.cutoff_basis})")
    say(f"{reading.n_before} of {reading.n_observations} quotes come before it")
    if reading.quotes:
        rows = [
            [name, f"{q.probability:.4g}", f"{reading.probabilities[name]:.3f}", iso_z(q.observed_at), q.source]
            for name, q in reading.quotes.items()
        ]
        table(
            ["outcome", "quoted", "without margin", "observed at", "source"], rows, right=["quoted", "without margin"]
        )
    if reading.surprise is not None:
        say(f"happened: {reading.happened}, surprise {reading.surprise:.3f}")
    if reading.note:
        say(reading.note)
    say()


def _reading_json(reading: PriorReading) -> dict[str, Any]:
    return {
        "event_id": reading.event_id,
        "cutoff_at": None if reading.cutoff_at is None else iso_z(reading.cutoff_at),
        "cutoff_basis": reading.cutoff_basis,
        "observations": reading.n_observations,
        "observations_before": reading.n_before,
        "outcomes": [
            {**_quote_json(q), "quoted": q.probability, "probability": reading.probabilities[name]}
            for name, q in reading.quotes.items()
        ],
        "happened": reading.happened,
        "surprise": reading.surprise,
        "note": reading.note or None,
    }


def import_history(
    *,
    path: Path,
    origin: str | None,
    event_id: str,
    site_market: str | None,
    margin: str | None,
    renamed: tuple[str, ...],
    out: Path | None,
    sources: tuple[Path, ...],
    only_events: bool,
) -> None:
    """Read a price history as quotes of one event's outcomes; print them, or add them to a priors file."""
    events = events_of(sources, only=only_events)
    event = events.get(event_id)
    layout, read = read_odds(path, site_market, layout=origin)
    quotes = _renamed(list(read if margin is None else without_margin(read, Margin(margin))), renamed, path.name)
    if margin or origin is None:
        when = "taken off" if margin else "taken off when the file is read"
        warn(f"hustings: {path.name} is read as {layout}; margin: {margin or Margin.PROPORTIONAL}, {when}")
    if out is not None:
        add_quotes(out, event_id, quotes, events)
        reading = read_prior(event, load_priors(out, events))
        say_json(_reading_json(reading))
        say(f"{len(quotes)} quotes of {event_id} written to {out}")
        if reading.note:
            warn(f"hustings: {event_id}: {reading.note}")
    else:
        say_json([{"event_id": event_id, **_quote_json(q)} for q in quotes])
        say(priors_csv({event_id: quotes}).rstrip("\n"))


def _quote_json(quote: Quote) -> dict[str, Any]:
    return {
        "observed_at": iso_z(quote.observed_at),
        "outcome": quote.outcome,
        "probability": quote.probability,
        "source": quote.source,
    }


def _renamed(quotes: list[Quote], pairs: Iterable[str], file: str) -> list[Quote]:
    names = dict.fromkeys(q.outcome for q in quotes)
    labels = {name: name for name in names}
    for pair in pairs:
        name, equals, label = (part.strip() for part in pair.partition("="))
        if not equals or not label:
            raise UserError(f"--outcome '{pair}': write it as NAME=LABEL")
        if name not in names:
            raise unknown_name(f"outcome of {file}", name, names, hint=f"it has {', '.join(names)}")
        labels[name] = label
    if len({folded(label) for label in labels.values()}) < len(labels):
        raise UserError(f"--outcome gives two outcomes of {file} one label: {', '.join(labels.values())}")
    return [replace(q, outcome=labels[q.outcome]) for q in quotes]
