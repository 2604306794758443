"""hustings data import and export: files into the store, and out of it."""

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from math import isnan
from pathlib import Path
from typing import Any

import click

from datasets.errors import UserError
from datasets.markets.instruments import Instrument, bundled_instruments
from datasets.prices.actions import Adjustment, CorporateAction, read_actions
from datasets.prices.importing import ImportResult, Origin, check_rules, import_table
from datasets.prices.merging import Change
from datasets.prices.series_file import PRICES, StoredSeries
from datasets.prices.sources.files import price_files, read_table
from datasets.prices.store import HistoryChangedError, Store
from hustings.inputs import instruments_of
from hustings.targets import instrument_of
from hustings.terminal import progress, say, say_json, table, warn

_PATH = click.Path(path_type=Path)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
_SHOWN = 20
Outcome = dict[str, Any]


@click.command("import", short_help="Take price files into the store, judged row by row.")
@click.argument("paths", nargs=-1, required=True, type=_PATH)
@click.option("--symbol", metavar="SYMBOL", help="What the file is of [its name, or the ticker in it].")
@click.option("--accept", "accepted", multiple=True, metavar="RULE", help="Let a finding pass (repeatable; recorded).")
@click.option("--source", default="file", show_default=True, help="Where the prices come from, in a few words.")
@click.option("--licence", default="not stated", show_default=True, help="The terms they may be used under.")
@click.option(
    "--adjustment", type=click.Choice(["price", "total"]), help="Whether dividends are in [the instrument's]."
)
@click.option("--zone", metavar="ZONE", help="Time zone of stamps without one, such as Europe/London.")
@click.option(
    "--date-format", metavar="FORMAT", help="How dates are written where that is not plain, such as %d/%m/%Y."
)
@_JSON
@click.pass_context
def import_files(
    ctx: click.Context,
    paths: tuple[Path, ...],
    symbol: str | None,
    accepted: tuple[str, ...],
    source: str,
    licence: str,
    adjustment: str | None,
    zone: str | None,
    date_format: str | None,
    as_json: bool,
) -> None:
    """Check the price files at PATHS (files or directories) and take them into the store.

    A file goes in as a whole or not at all; the others go on. Exit code 1 when some stayed out, 2 when all did.
    """
    files = [(file, folder) for path in paths for file, folder in _files_of(path)]
    if symbol is not None and len(files) != 1:
        raise UserError(f"--symbol names one series and {len(files)} files were given; import them one by one")
    check_rules(accepted)
    options = _Options(symbol, accepted, source, licence, adjustment, zone, date_format, datetime.now(UTC))
    outcomes: list[Outcome] = []
    for file, folder in files:
        with progress(f"reading {file.name}"):
            outcomes.append(_import(file, folder, options, outcomes))
    say_json(outcomes) if as_json else _tell(outcomes)
    refused = sum(o["error"] is not None for o in outcomes)
    if refused:
        ctx.exit(2 if refused == len(outcomes) else 1)


def _files_of(path: Path) -> Iterator[tuple[Path, Path]]:
    """Return the price files at a path, each with the directory whose instruments.csv may tell of it."""
    if path.is_dir():
        found = price_files(path)
        if not found:
            raise UserError(f"'{path}' holds no price files (.csv, .txt, .tsv, .parquet)")
        yield from ((file, path) for file in found)
    elif path.is_file():
        yield path, path.parent
    else:
        raise UserError(f"'{path}' is neither a file nor a directory")


@dataclass(frozen=True)
class _Options:
    """What was typed after the paths, and when."""

    symbol: str | None
    accepted: tuple[str, ...]
    source: str
    licence: str
    adjustment: str | None
    zone: str | None
    date_format: str | None
    now: datetime


def _import(file: Path, folder: Path, options: _Options, before: list[Outcome]) -> Outcome:
    try:
        read = read_table(file, zone=options.zone, date_format=options.date_format)
        instrument = instrument_of(file, read, options.symbol, instruments_of(folder))
        _check_alone(instrument, file, before)
        with _own_instrument(instrument, folder):
            done = import_table(
                read, instrument, Store(), origin=_origin(file, instrument, options), accepted=options.accepted
            )
        return {**_stored(file, done), "actions": _take_actions(instrument, folder)}
    except HistoryChangedError as e:
        return _refused(file, str(e), e.changes)
    except UserError as e:
        return _refused(file, str(e))


def _check_alone(instrument: Instrument, file: Path, before: list[Outcome]) -> None:
    other = next((o["file"] for o in before if o["symbol"] == instrument.symbol), None)
    if other is not None:
        raise UserError(f"{file.name}: {other} was of {instrument.symbol} too; import the one that is meant by itself")


def _origin(file: Path, instrument: Instrument, options: _Options) -> Origin:
    """Return whence a file came; its adjustment as typed, else as the provenance exported beside it says."""
    own = "total" if instrument.total_return else "price"
    exported = file.with_suffix(".provenance.json")
    if options.adjustment is None and exported.is_file():
        try:
            own = Adjustment(json.loads(exported.read_text(encoding="utf-8"))["adjustment"]).value
        except (ValueError, KeyError, TypeError, OSError) as e:
            raise UserError(f"{exported.name}: cannot be read as a provenance; say --adjustment price or total") from e
    return Origin(options.source, options.now, options.licence, options.adjustment or own)


@contextmanager
def _own_instrument(instrument: Instrument, folder: Path) -> Iterator[None]:
    """Keep with the series what only the directory's instruments.csv says of its instrument; not if it stays out."""
    own, store = folder / "instruments.csv", Store()
    if not own.is_file() or instrument in list(instruments_of(None)):
        yield
        return
    if instrument.symbol in {i.symbol for i in bundled_instruments()}:
        raise UserError(
            f"{own.name}: {instrument.symbol} is not as hustings knows it; in the store it would be so for every run: "
            "give it another symbol, or run with --data"
        )
    store.keep_instrument(instrument.symbol, own)
    try:
        yield
    except UserError:
        if instrument.symbol not in store.symbols():
            store.forget_instrument(instrument.symbol)
        raise


def _take_actions(instrument: Instrument, folder: Path) -> int:
    """Take the splits and dividends of an instrument into the store, and return how many were new."""
    found, stored, known = folder / "actions.csv", Store().folder / "actions.csv", instruments_of(folder)
    if not found.is_file() or found == stored:
        return 0
    there = {_facts(a) for a in (read_actions(stored) if stored.is_file() else [])}
    mine = [replace(a, symbol=instrument.symbol) for a in read_actions(found) if known.find(a.symbol) == instrument]
    rows = [[*map(str, _facts(a)), a.source] for a in mine if _facts(a) not in there]
    return Store().keep_actions(rows) if rows else 0


def _facts(action: CorporateAction) -> tuple[str, str, str, float]:
    return action.symbol, action.ex_date.isoformat(), action.kind.value, action.value


def _stored(file: Path, done: ImportResult) -> Outcome:
    return {
        "file": file.name,
        "symbol": done.symbol,
        "rows": done.delivery.rows,
        "first": done.delivery.first,
        "last": done.delivery.last,
        "added": done.update.added,
        "unchanged": done.update.unchanged,
        "changes": [asdict(c) for c in done.update.changes],
        "corrections": list(done.delivery.corrections),
        "warnings": list(done.delivery.warnings),
        "accepted": list(done.delivery.accepted),
        "error": None,
    }


def _refused(file: Path, error: str, changes: tuple[Change, ...] = ()) -> Outcome:
    return {"file": file.name, "symbol": None, "changes": [asdict(c) for c in changes], "error": error}


def _tell(outcomes: list[Outcome]) -> None:
    stored = [o for o in outcomes if o["error"] is None]
    if stored:
        columns = ["symbol", "file", "rows", "first", "last", "new", "changed", "put right", "warnings"]
        rows = [[o["symbol"], o["file"], str(o["rows"]), o["first"], o["last"], *_counts(o)] for o in stored]
        table(columns, rows, right=["rows", "new", "changed", "put right", "warnings"])
    for outcome in outcomes:
        if outcome["error"] is not None:
            warn(f"hustings: {outcome['error']}")
            _tell_changes(outcome["changes"])
    more = "; 'hustings data check SYMBOL' tells what was found in one" if stored else ""
    say(f"{len(stored)} of {len(outcomes)} files stored{more}")


def _counts(outcome: Outcome) -> list[str]:
    return [str(outcome["added"]), *(str(len(outcome[n])) for n in ("changes", "corrections", "warnings"))]


def _tell_changes(changes: list[dict[str, Any]]) -> None:
    for change in changes[:_SHOWN]:
        warn(f"  {Change(**change).text()}")
    if len(changes) > _SHOWN:
        warn(f"  and {len(changes) - _SHOWN} more (--json shows all)")


@click.command("export", short_help="Write stored series as CSV, with their provenance.")
@click.argument("symbols", nargs=-1, required=True)
@click.option("--out", type=_PATH, default=Path(), metavar="DIR", help="Where the files go [here].")
@click.option("--force", is_flag=True, help="Write over files that are there.")
@_JSON
def export(symbols: tuple[str, ...], out: Path, force: bool, as_json: bool) -> None:
    """Write stored series as SYMBOL.csv, each with a SYMBOL.provenance.json beside it.

    The same prices come back when such a file is imported.
    """
    known, store = instruments_of(None), Store()
    chosen = [store.load(known.find(s).symbol) for s in symbols]
    written = [_write(stored, out, force=force) for stored in chosen]
    say_json([str(p) for p in written]) if as_json else say("\n".join(map(str, written)))


def _write(stored: StoredSeries, out: Path, *, force: bool) -> Path:
    path = out / f"{stored.provenance.symbol.replace('/', '-')}.csv"
    if path.exists() and not force:
        raise UserError(f"'{path}' is there already; name another directory with --out, or write over it with --force")
    try:
        out.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as f:
            csv.writer(f, lineterminator="\n").writerows(_rows(stored))
        path.with_suffix(".provenance.json").write_text(
            json.dumps(asdict(stored.provenance), indent=2, sort_keys=True) + "\n", encoding="utf-8"
        )
    except OSError as e:
        raise UserError(f"'{path}' cannot be written ({e.strerror})") from e
    return path


def _rows(stored: StoredSeries) -> Iterator[list[str]]:
    from datasets.instants import iso_z, to_datetime

    at = stored.table.at
    yield ["date", *PRICES]
    for n in range(len(stored.table)):
        when = str(stored.table.session[n]) if at is None else iso_z(to_datetime(int(at[n])))
        values = [float(getattr(stored.table, c)[n]) for c in PRICES]
        yield [when, *("" if isnan(v) else repr(v) for v in values)]
