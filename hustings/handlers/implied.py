"""hustings implied: the value of a market if an outcome comes, and if not, by its odds and prices."""

from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from datasets.csv_rows import read_csv
from datasets.errors import UserError, unknown_name
from datasets.events import EventCatalogue, PoliticalEvent
from datasets.events.odds import SIMULATED, read_odds
from datasets.events.odds_book import Margin, OutcomeOdds, Quotes, folded, happened, last_quotes
from datasets.events.priors import COLUMNS, load_priors
from datasets.events.scheduled import scheduled_events
from datasets.instants import parse_instant
from datasets.prices.bars import Bars
from engine.implied.implied import Implied, implied
from engine.implied.pairs import Pairs, make_pairs, reaction, window_pairs
from engine.implied.warnings import warnings_of
from hustings.files import write_text
from hustings.run_options import SourceOptions
from hustings.terminal import progress, say, say_files, say_json, say_sources
from reports.implied import implied_page, implied_rows, window_text


def show_implied(
    *,
    event_id: str,
    priors: Path | None,
    market: str | None,
    margin: str | None,
    outcome: str | None,
    instants: tuple[str, ...],
    out: Path,
    as_json: bool,
    **typed: Any,
) -> None:
    """Print what the odds of an event and the prices of markets imply, and write it as a page."""
    options = SourceOptions(priors=None, **typed)
    if priors is None or not options.instruments:
        raise UserError("implied needs --priors FILE (odds, or 'simulated') and --instrument SYMBOL, one or more")
    spans = [_span(text) for text in instants]
    catalogue, prices = _with_coming(options.catalogue(), event_id), options.market()
    event = catalogue.get(event_id)
    quotes = _quotes(priors, market, event, catalogue)
    odds = OutcomeOdds(quotes, _outcome(quotes, outcome, event), Margin(margin or Margin.PROPORTIONAL))
    loaded = prices.loaded(dict.fromkeys(prices.symbol(name) for name in options.instruments))
    with progress("pairing"):
        pairs = [make_pairs(bars, odds, event, options.window()) for bars in loaded]
        found = [_implied(bars, each, odds, event) for bars, each in zip(loaded, pairs, strict=True)]
        moves = [implied(b.symbol, window_pairs(b, odds, *ends), window=name) for name, *ends in spans for b in loaded]
    simulated = [b.symbol for b in loaded if b.source.simulated]
    page = implied_page(event, odds, list(zip(found, pairs, strict=True)), moves, simulated)
    files = {"implied": write_text(out, page)}
    if as_json:
        head = {"event_id": event_id, "outcome": odds.outcome, "margin": odds.margin, "source": quotes[-1].source}
        tables = {"markets": [asdict(m) for m in found], "windows": [asdict(m) for m in moves]}
        say_json({**head, **tables, "files": files})
        return
    say(f"{event_id}: {event.title}; odds of '{odds.outcome}', {quotes[-1].source}, margin {odds.margin}\n")
    say_sources({b.symbol: b.source.text for b in loaded}, simulated, kind="result")
    for each in found:
        say(f"\n{each.instrument}")
        for label, text in implied_rows(each, odds.outcome):
            say(f"  {label:30} {text}")
        for text in each.warnings:
            say(f"  WARNING {text}")
    for move in moves:
        say(f"\n{window_text(move, odds.outcome)}")
    say()
    say_files(files)


def _implied(bars: Bars, pairs: Pairs, odds: OutcomeOdds, event: PoliticalEvent) -> Implied:
    found, came = implied(bars.symbol, pairs), reaction(bars, event)
    found = replace(found, warnings=tuple(warnings_of(pairs, odds, event=event, market=bars.instrument)))
    if isinstance(came, str):
        return replace(found, notes={**found.notes, "came": came})
    return replace(found, came=came[0], came_from=came[1], came_on=came[2])


def _with_coming(events: EventCatalogue, event_id: str) -> EventCatalogue:
    """Return the events, with the scheduled one that is asked for."""
    coming = [e for e in scheduled_events() if e.event_id == event_id and event_id not in events]
    return events.with_events([*events, *(e.as_event(announced_at=datetime.now(UTC)) for e in coming)])


def _quotes(path: Path, market: str | None, event: PoliticalEvent, events: EventCatalogue) -> Quotes:
    """Return the quotes of an event from a priors file, or from a site's file, recognised by its header."""
    path = SIMULATED if str(path) == "simulated" and not path.exists() else path
    is_priors = set(COLUMNS) <= set(read_csv(path).columns)
    own = load_priors(path, events).quotes.get(event.event_id, ()) if is_priors else read_odds(path, market)[1]
    if not own:
        raise UserError(f"{path.name} has no quotes of {event.event_id}; name a file of its odds with --priors")
    return own


def _outcome(quotes: Quotes, wanted: str | None, event: PoliticalEvent) -> str:
    """Return the outcome that is asked for; else that which happened, or the one with the highest quote."""
    names = dict.fromkeys(q.outcome for q in quotes)
    if wanted is None:
        came = happened(names, winner=event.winner, party=event.winner_party)
        return came or max(last_quotes(quotes).values(), key=lambda q: q.probability).outcome
    for name in names:
        if folded(name) == folded(wanted):
            return name
    raise unknown_name("outcome of the odds", wanted, names, hint=f"they have {', '.join(names)}")


def _span(text: str) -> tuple[str, datetime, datetime]:
    """Return the name, begin and end of ``--instants``."""
    name, _, span = text.strip().rpartition(" ")
    begin, _, end = span.partition("/")
    try:
        begins_at, ends_at = parse_instant(begin), parse_instant(end)
    except ValueError as e:
        raise UserError(f"--instants '{text}': {e}; write it as 'NAME 2016-09-27T01:00Z/2016-09-27T03:00Z'") from e
    if begins_at >= ends_at:
        raise UserError(f"--instants '{text}': the end must come after the begin")
    return name or span, begins_at, ends_at
