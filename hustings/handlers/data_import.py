"""hustings data import and export: reads price files into the store, and writes them from it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from math import isnan
from pathlib import Path
from typing import Any

from msgspec.structs import asdict, replace

from datasets.csv_rows import csv_text
from datasets.errors import UserError
from datasets.instants import iso_z, to_datetime
from datasets.markets.instruments import Instrument, bundled_instruments
from datasets.prices.actions import Adjustment, CorporateAction, read_actions, splits_in
from datasets.prices.importing import ImportResult, Origin, check_rules, import_table
from datasets.prices.series_file import PRICES, StoredSeries
from datasets.prices.sources.files import price_files
from datasets.prices.store import Change, HistoryChangedError, Store
from hustings.files import json_text, write_folder
from hustings.inputs import instruments_of
from hustings.targets import FileLayout, instrument_of
from hustings.terminal import in_json, progress, say, say_json, table, warn

_SHOWN = 20
Outcome = dict[str, Any]


class ImportOptions(FileLayout, frozen=True):
    """How the files to import are to be read, what they come from, and the findings that may pass."""

    accepted: tuple[str, ...]
    source: str
    licence: str
    adjustment: str | None


def import_files(*, paths: tuple[Path, ...], **typed: Any) -> int:
    """Import price files into the store, print the outcome of each, and return 1 if some were refused, 2 if all."""
    options = ImportOptions(**typed)
    files = [(file, folder) for path in paths for file, folder in _files_of(path)]
    if options.symbol is not None and len(files) != 1:
        raise UserError(f"--symbol names one series and {len(files)} files were given; import them one by one")
    check_rules(options.accepted)
    now = datetime.now(UTC)
    outcomes: list[Outcome] = []
    for file, folder in files:
        with progress(f"reading {file.name}"):
            outcomes.append(_import(file, folder, options, now, outcomes))
    say_json(outcomes)
    _show(outcomes)
    refused = sum(o["error"] is not None for o in outcomes)
    return 0 if not refused else 2 if refused == len(outcomes) else 1


def _files_of(path: Path) -> Iterator[tuple[Path, Path]]:
    """Return the price files at a path, each with the directory whose instruments.csv may define its instrument."""
    if path.is_dir():
        found = price_files(path)
        if not found:
            raise UserError(f"'{path}' holds no price files (.csv, .txt, .tsv, .json, .parquet, .feather)")
        yield from ((file, path) for file in found)
    elif path.is_file():
        yield path, path.parent
    else:
        raise UserError(f"'{path}' is neither a file nor a directory")


def _import(file: Path, folder: Path, options: ImportOptions, now: datetime, before: list[Outcome]) -> Outcome:
    try:
        table = options.read(file)
        instrument = instrument_of(file, table, options.symbol, instruments_of(folder))
        other = next((o["file"] for o in before if o["symbol"] == instrument.symbol), None)
        if other is not None:
            raise UserError(f"{file.name}: {other} holds {instrument.symbol} too; import only one of the two files")
        origin = Origin(options.source, now, options.licence, options.adjustment or _adjustment(file, instrument))
        with _own_instrument(instrument, folder):
            splits, accepted = splits_in(folder, instrument), options.accepted
            done = import_table(table, instrument, Store(), origin=origin, accepted=accepted, splits=splits)
        return {**_stored(file, done), "actions": _import_actions(instrument, folder)}
    except HistoryChangedError as e:
        return _refused(file, str(e), e.changes)
    except UserError as e:
        return _refused(file, str(e))


def _adjustment(file: Path, instrument: Instrument) -> str:
    """Return the adjustment in the provenance that was exported with a file, or else the instrument's own."""
    exported = file.with_suffix(".provenance.json")
    if not exported.is_file():
        return "total" if instrument.total_return else "price"
    try:
        return Adjustment(json.loads(exported.read_text(encoding="utf-8"))["adjustment"]).value
    except (ValueError, KeyError, TypeError, OSError) as e:
        raise UserError(f"{exported.name}: cannot be read as a provenance; say --adjustment price or total") from e


@contextmanager
def _own_instrument(instrument: Instrument, folder: Path) -> Iterator[None]:
    """Store the directory's own definition of an instrument with its series; remove it if the import is refused."""
    own, store = folder / "instruments.csv", Store()
    if not own.is_file() or instrument in list(instruments_of(None)):
        yield
        return
    if instrument.symbol in {i.symbol for i in bundled_instruments()}:
        raise UserError(
            f"{own.name}: {instrument.symbol} differs from the bundled instrument; in the store it would replace that "
            "in every run: give it another symbol, or run with --data"
        )
    store.keep_instrument(instrument.symbol, own)
    try:
        yield
    except UserError:
        if instrument.symbol not in store.symbols():
            store.forget_instrument(instrument.symbol)
        raise


def _import_actions(instrument: Instrument, folder: Path) -> int:
    """Import the splits and dividends of an instrument into the store, and return how many were new."""
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


def _show(outcomes: list[Outcome]) -> None:
    stored = [o for o in outcomes if o["error"] is None]
    if stored:
        columns = ["symbol", "file", "rows", "first", "last", "new", "changed", "corrected", "warnings"]
        cells, counted = ("symbol", "file", "rows", "first", "last", "added"), ("changes", "corrections", "warnings")
        rows = [[*(str(o[n]) for n in cells), *(str(len(o[n])) for n in counted)] for o in stored]
        table(columns, rows, right=["rows", "new", "changed", "corrected", "warnings"])
    for outcome in outcomes if not in_json() else ():
        if outcome["error"] is not None:
            warn(f"hustings: {outcome['error']}")
            _warn_changes(outcome["changes"])
    more = "; 'hustings data check SYMBOL' shows the findings of one" if stored else ""
    say(f"{len(stored)} of {len(outcomes)} files stored{more}")


def _warn_changes(changes: list[dict[str, Any]]) -> None:
    for change in changes[:_SHOWN]:
        warn(f"  {Change(**change).text()}")
    if len(changes) > _SHOWN:
        warn(f"  and {len(changes) - _SHOWN} more (--json shows all)")


def export_series(*, symbols: tuple[str, ...], out: Path, force: bool) -> None:
    """Write stored series as CSV with their provenance, and print where they are."""
    known, store = instruments_of(None), Store()
    written = {}
    for stored in [store.load(known.find(s).symbol) for s in symbols]:
        name = stored.provenance.symbol.replace("/", "-")
        if (out / f"{name}.csv").exists() and not force:
            where = f"'{out / name}.csv' exists already"
            raise UserError(f"{where}; name another directory with --out, or overwrite it with --force")
        written[f"{name}.csv"] = csv_text(("date", *PRICES), _rows(stored))
        written[f"{name}.provenance.json"] = json_text(asdict(stored.provenance))
    write_folder(out, written)
    files = [str(out / name) for name in written if name.endswith(".csv")]
    say_json(files)
    say("\n".join(files))


def _rows(stored: StoredSeries) -> Iterator[list[str]]:
    at = stored.table.at
    for n in range(len(stored.table)):
        when = str(stored.table.session[n]) if at is None else iso_z(to_datetime(int(at[n])))
        values = [float(getattr(stored.table, c)[n]) for c in PRICES]
        yield [when, *("" if isnan(v) else repr(v) for v in values)]
