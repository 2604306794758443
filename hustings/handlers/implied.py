"""hustings implied: the value of a market if an outcome comes, and if not, by its odds and prices."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict, replace

from datasets.csv_rows import read_csv
from datasets.errors import UserError, unknown_name
from datasets.events import EventCatalogue, PoliticalEvent
from datasets.events.odds import SIMULATED, read_odds
from datasets.events.odds_book import Margin, OutcomeOdds, Quotes, folded, happened, last_quotes
from datasets.events.priors import COLUMNS, load_priors
from datasets.events.scheduled import scheduled_events
from datasets.prices.bars import Bars
from engine.implied.implied import Implied, implied, warnings_of
from engine.implied.pairs import Pairs, make_pairs, reaction, window_pairs
from engine.strategy.market import Market
from hustings.execution import SourceOptions
from hustings.files import write_text
from hustings.inputs import adjusted_source_of, events_of, instant_windows, instruments_of
from hustings.recording import look_or_warn
from hustings.terminal import progress, say, say_files, say_json, say_sources
from reports.implied import implied_page, implied_rows, window_text


class ImpliedOptions(SourceOptions, frozen=True):
    """What a user types: an event, markets, and the odds that are paired with their closes."""

    event_id: str
    site_market: str | None
    margin: str | None
    outcome: str | None
    instants: tuple[str, ...]


class ImpliedResult(Struct, frozen=True, eq=False):
    """What the odds of an event and the closes of markets imply; ``looks`` counts the settings tried on this event."""

    event: PoliticalEvent
    odds: OutcomeOdds
    bars: tuple[Bars, ...]
    pairs: tuple[Pairs, ...]
    markets: tuple[Implied, ...]
    windows: tuple[Implied, ...]
    looks: int

    @property
    def simulated(self) -> list[str]:
        """The markets whose bars are simulated."""
        return [b.symbol for b in self.bars if b.source.simulated]

    @property
    def text(self) -> str:
        """What was asked, in one sentence."""
        odds = f"odds of '{self.odds.outcome}', {self.odds.quotes[-1].source}, margin {self.odds.margin}"
        return f"{self.event.event_id}: {self.event.title}; {odds}"

    @property
    def values(self) -> dict[str, Any]:
        """The result as plain values, for JSON."""
        head = {"event_id": self.event.event_id, "outcome": self.odds.outcome, "margin": self.odds.margin}
        tables = {name: [asdict(m) for m in getattr(self, name)] for name in ("markets", "windows")}
        return {**head, "source": self.odds.quotes[-1].source, **tables, "looks": self.looks}

    def page(self) -> str:
        """Return the page."""
        drawn = list(zip(self.markets, self.pairs, strict=True))
        return implied_page(self.event, self.odds, drawn, self.windows, self.simulated)


def show_implied(*, out: Path, **typed: Any) -> None:
    """Print what the odds of an event and the prices of markets imply, and write it as a page."""
    found = entered_implied(ImpliedOptions(**typed))
    files = {"implied": write_text(out, found.page())}
    say_json({**found.values, "files": {name: str(path) for name, path in files.items()}})
    say(f"{found.text}\n")
    say_sources({b.symbol: b.source.text for b in found.bars}, found.simulated, kind="result")
    for each in found.markets:
        say(f"\n{each.instrument}")
        for label, text in implied_rows(each, found.odds.outcome):
            say(f"  {label:30} {text}")
        for text in each.warnings:
            say(f"  WARNING {text}")
    for move in found.windows:
        say(f"\n{window_text(move, found.odds.outcome)}")
    if found.looks > 1:
        say(f"\nThis event was looked at with {found.looks} settings, these included: no p-value is adjusted for them.")
    say()
    say_files(files)


def entered_implied(given: ImpliedOptions) -> ImpliedResult:
    """Return what odds and prices imply, entered in the ledger as a look at the event.

    Raises:
        UserError: anything wrong with the input.
    """
    if given.priors is None or not given.instruments:
        raise UserError("implied needs --priors FILE (odds, or 'simulated') and --instrument SYMBOL, one or more")
    spans, window = instant_windows(given.instants), given.window()
    prices = Market(adjusted_source_of(given.data, given.adjust, given.accept), instruments_of(given.data))
    known = events_of(given.events, given.labels, only=given.only_events)
    coming = [e for e in scheduled_events() if e.event_id == given.event_id and e.event_id not in known]
    catalogue = known.with_events([*known, *(e.as_event(announced_at=datetime.now(UTC)) for e in coming)])
    event = catalogue.get(given.event_id)
    quotes, sha256 = _quotes(given.priors, given.site_market, event, catalogue)
    odds = OutcomeOdds(quotes, _outcome(quotes, given.outcome, event), Margin(given.margin or Margin.PROPORTIONAL))
    bars = prices.loaded(dict.fromkeys(prices.symbol(name) for name in given.instruments))
    with progress("pairing"):
        pairs = tuple(make_pairs(b, odds, event, window) for b in bars)
        markets = tuple(_implied(b, each, odds, event) for b, each in zip(bars, pairs, strict=True))
        moves = (implied(b.symbol, window_pairs(b, odds, w), window=w.name) for w in spans for b in bars)
        windows = tuple(moves)
    tried = {name: getattr(given, name) for name in ("since", "until", "adjust", "instants")}
    looked = {**tried, "instruments": [b.symbol for b in bars], "outcome": odds.outcome, "margin": odds.margin}
    subject = {"strategy": "implied", "parameters": {"event_id": event.event_id}}
    looks = look_or_warn(f"implied-{event.event_id}", subject, {"command": "implied", "odds": sha256, **looked})
    return ImpliedResult(event, odds, tuple(bars), pairs, markets, windows, looks)


def _implied(bars: Bars, pairs: Pairs, odds: OutcomeOdds, event: PoliticalEvent) -> Implied:
    found, came = implied(bars.symbol, pairs), reaction(bars, event)
    found = replace(found, warnings=tuple(warnings_of(pairs, odds, event=event, market=bars.instrument)))
    if isinstance(came, str):
        return replace(found, notes={**found.notes, "came": came})
    return replace(found, came=came[0], came_from=came[1], came_on=came[2])


def _quotes(path: Path, market: str | None, event: PoliticalEvent, events: EventCatalogue) -> tuple[Quotes, str]:
    """Return the quotes of an event from a priors file, or a site's file (by its header), and the file's hash."""
    path = SIMULATED if str(path) == "simulated" and not path.exists() else path
    file = read_csv(path)
    is_priors = set(COLUMNS) <= set(file.columns)
    own = load_priors(path, events).quotes.get(event.event_id, ()) if is_priors else read_odds(path, market)[1]
    if not own:
        raise UserError(f"{path.name} has no quotes of {event.event_id}; name a file of its odds with --priors")
    return own, file.sha256


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
