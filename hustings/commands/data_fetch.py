"""hustings data fetch: brings prices from a provider into the store."""

import random
import time
from dataclasses import asdict, replace
from datetime import UTC, datetime

import click

from datasets.errors import UserError
from datasets.markets.instruments import Instrument
from datasets.prices.fetch_journal import FetchJournal
from datasets.prices.fetching import FetchOutcome, FetchRequest, FetchState, check_offered, fetch_all
from datasets.prices.quality import check_accepted
from datasets.prices.sources.http import HttpClock, RetryPolicy
from datasets.prices.sources.providers import PROVIDERS, provider_of
from datasets.prices.store import REVISION, Store
from hustings.inputs import date_of, instruments_of
from hustings.terminal import say, say_json, table, warn

_SHOWN = 5


@click.command("fetch", short_help="Fetch series from a provider into the store.")
@click.argument("symbols", nargs=-1, required=True)
@click.option("--source", required=True, metavar="|".join(PROVIDERS), help="The provider to ask.")
@click.option("--from", "from_", metavar="DATE", help="First session [all, or 10 sessions before the last stored one].")
@click.option("--to", metavar="DATE", help="Last session [the newest].")
@click.option("--accept", multiple=True, metavar="RULE", help="Let RULE pass; 'revision': stored rows may change.")
@click.option("--retries", type=click.IntRange(0, 20), default=4, show_default=True, help="How often to ask again.")
@click.option("--timeout", type=click.FloatRange(0.1, 600), default=30, show_default=True, help="Seconds to wait.")
@click.option("--full", is_flag=True, help="Ask for everything again, whatever is stored or was fetched today.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
@click.pass_context
def fetch(
    ctx: click.Context,
    symbols: tuple[str, ...],
    source: str,
    from_: str | None,
    to: str | None,
    accept: tuple[str, ...],
    retries: int,
    timeout: float,
    full: bool,
    as_json: bool,
) -> None:
    """Fetch SYMBOLS from a provider into the store; exit 1 if any of them was refused or failed.

    What is stored stays as it is unless a whole answer passes every check. A command that was interrupted asks only
    for the rest when it is given again within a day.
    """
    request = FetchRequest(_instruments(symbols), date_of(from_, "--from"), date_of(to, "--to"), accept, full)
    if request.first and request.last and request.first > request.last:
        raise UserError(f"--from {request.first} lies after --to {request.last}")
    check_accepted([rule for rule in accept if rule != REVISION])
    clock = _clock(quiet=as_json)
    policy = replace(RetryPolicy(), retries=retries, connect_s=min(10.0, timeout), read_s=timeout, total_s=4 * timeout)
    provider = provider_of(source, policy=policy, clock=clock)
    check_offered(request.instruments, source)
    journal = FetchJournal(_words(request, provider.source), now=clock.now())
    if full:
        journal.clear()
    outcomes: list[FetchOutcome] = []
    for outcome in fetch_all(request, provider, Store(), journal, clock.now):
        outcomes.append(outcome)
        if not as_json:
            warn(f"[{len(outcomes)}/{len(request.instruments)}] {_line(outcome)}")
    if not any(o.state is FetchState.NOT_ASKED for o in outcomes):
        journal.clear()  # every symbol had its turn: given again, the command is an update
    say_json(_json(outcomes, provider.source)) if as_json else _show(outcomes)
    if not all(o.state.is_good for o in outcomes):
        ctx.exit(1)


def _instruments(symbols: tuple[str, ...]) -> list[Instrument]:
    """Return the instruments of the names typed, each once, in their order."""
    known = instruments_of(None)
    return list(dict.fromkeys(known.find(s) for s in symbols))


def _clock(*, quiet: bool) -> HttpClock:
    return HttpClock(
        now=lambda: datetime.now(UTC),
        monotonic=time.monotonic,
        sleep=time.sleep,
        chance=random.random,
        notify=(lambda _: None) if quiet else warn,
    )


def _words(request: FetchRequest, source: str) -> str:
    """Return what makes two commands the same."""
    symbols = ",".join(sorted(i.symbol for i in request.instruments))
    return f"{source} {symbols} {request.first} {request.last} {sorted(request.accepted)}"


def _line(o: FetchOutcome) -> str:
    if o.state in (FetchState.STORED, FetchState.UNCHANGED) and not o.reason:
        return f"{o.symbol}: {o.state}, {o.added} rows added, {o.changed} values changed, {o.unchanged} rows as stored"
    return f"{o.symbol}: {o.state}: {o.reason}"


def _show(outcomes: list[FetchOutcome]) -> None:
    columns = ["symbol", "asked for", "outcome", "added", "changed", "as stored", "first", "last"]
    rows = [
        [
            o.symbol,
            o.asked_for or "-",
            o.state,
            *map(str, (o.added, o.changed, o.unchanged)),
            o.first or "-",
            o.last or "-",
        ]
        for o in outcomes
    ]
    table(columns, rows, right=["added", "changed", "as stored"])
    for o in outcomes:
        _show_list(o.symbol, (o.reason,) if o.reason else ())
        _show_list(f"{o.symbol} would change" if o.state is FetchState.REFUSED else f"{o.symbol} changed", o.diff)
        _show_list(f"{o.symbol} notes", o.notes)


def _show_list(title: str, lines: tuple[str, ...]) -> None:
    for line in lines[:_SHOWN]:
        say(f"{title}: {line}")
    if len(lines) > _SHOWN:
        say(f"{title}: {len(lines) - _SHOWN} more; --json shows all")


def _json(outcomes: list[FetchOutcome], source: str) -> dict[str, object]:
    return {"source": source, "good": all(o.state.is_good for o in outcomes), "symbols": [asdict(o) for o in outcomes]}
