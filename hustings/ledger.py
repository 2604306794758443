"""The ledger of trials: runs and studies are appended to the registry's chain, which shows a lost or changed row."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from math import isclose, prod
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict, replace

from datasets.errors import UserError
from datasets.home import is_named_home
from datasets.instants import iso_z
from engine.run.run import Run
from engine.statistics.observations import TradeStatistics, trade_statistics
from hustings.chain import GENESIS, SCHEMA, Break, Row, RowKind, append, first_break, head, rows
from hustings.registry import database
from hustings.trials import Ground, SweepTrials, Trial, TrialPosition, caution, ground_of

SWEEP = "sweep-"
"""The beginning of the id of a sweep among the ids of runs."""
_SAME = 1e-9  # relative: two processors may differ so much in the results of one run
_GROUND = {*Ground.__struct_fields__}


def enter(run: Run, *, prereg: str = "") -> TrialPosition:
    """Append a run to the ledger and return its position.

    A run with the id and the result of an earlier one is the same trial again: it keeps that number, and its row is a
    ``repeat``; so is that of a combination of an earlier sweep. Another result of the same id (a rule that is not
    deterministic) is another trial.

    Args:
        run: what was run.
        prereg: the SHA-256 of its preregistration; by default the last one of the same rule and parameters.

    Raises:
        UserError: the registry cannot be written.
    """
    with _ledger() as db:
        row = _with_prereg(db, _run_row(run), prereg)
        return _position(db, run, _append_trial(db, row, _repeated(db, row) or _swept(db, row)))


def _append_trial(db: sqlite3.Connection, row: Row, repeated: Trial | None, n: int = 1) -> int:
    """Append a row that counts as n trials, or repeats one, and return its number."""
    trial = repeated.k if repeated else _count(db) + n
    append(db, replace(row, kind=RowKind.REPEAT if repeated else row.kind, trial=trial))
    return trial


def enter_study(run_id: str, manifest: Mapping[str, Any], settings: Mapping[str, Any], *, prereg: str = "") -> int:
    """Append the settings with which a run is studied, and return with how many it has been studied, these included.

    The same settings are counted and appended once.

    Args:
        run_id: the id of the run; what is looked at without one has an id of its own.
        manifest: the inputs of the run: its ``strategy`` and ``parameters`` are kept.
        settings: plain values, as JSON holds them.
        prereg: the SHA-256 of the preregistration; by default the last one of the same rule and parameters.

    Raises:
        UserError: the registry cannot be written.
    """
    with _ledger() as db:
        row = _row(RowKind.STUDY, run_id, manifest, terms=canonical(settings))
        known = {r.terms for r in _studies(db, run_id)}
        if row.terms not in known:
            append(db, _with_prereg(db, row, prereg))
        return len(known | {row.terms})


class Used(Struct, frozen=True):
    """What was made under a preregistration before a study: other runs, and other studies of its run."""

    runs: int = 0
    studies: int = 0


def used_before(sha256: str, run: Run, settings: Mapping[str, Any]) -> Used:
    """Return what was made under a preregistration before a run was first studied with some settings.

    That is every row that names it, and every later row of its rule and parameters, also if that names another one.

    Raises:
        UserError: the ledger cannot be read.
    """
    terms = canonical(settings)
    with _ledger() as db:
        first = next((r.place for r in _studies(db, run.run_id) if r.terms == terms), None)
        made = [r for r in _under(db, sha256) if first is None or r.place < first]
    others = {r.run_id for r in made} - {run.run_id}
    studies = {r.terms for r in made if r.kind == RowKind.STUDY and r.run_id == run.run_id} - {terms}
    return Used(len(others), len(studies))


def position_of(run: Run) -> TrialPosition:
    """Return the present position of a run that was entered.

    Raises:
        UserError: the ledger does not hold it, or cannot be read.
    """
    with _ledger() as db:
        trial = _repeated(db, _run_row(run))
        if trial is None:
            raise UserError(f"run {run.run_id} is not in the ledger of trials; 'hustings run' enters it")
        return _position(db, run, trial.k)


def trials_of(strategy: str | None = None) -> list[Trial]:
    """Return the distinct trials, of one rule or of all, in the order in which they were first run."""
    with _ledger() as db:
        return _trials(db) if strategy is None else _trials(db, "strategy = ?", strategy)


def enter_sweep(
    manifest: Mapping[str, Any],
    trials: SweepTrials,
    *,
    defaults: Mapping[str, Any],
    listed: Sequence[Mapping[str, Any]] = (),
) -> str:
    """Append a sweep as one row that counts as all of its combinations, and return the caution of a young ledger.

    The same sweep again counts once.

    Args:
        manifest: its inputs (`engine.sweep.job.manifest_of`).
        trials: its combinations that were computed.
        defaults: all parameters of one combination.
        listed: what varies in each combination, where they are not the whole product of the values.

    Raises:
        UserError: the registry cannot be written.
    """
    hashes, axes = manifest["sha256"], manifest["axes"]
    fixed = {**{name: v for name, v in defaults.items() if name not in axes}, **manifest["fixed"]}
    values = {"fixed": fixed, "axes": axes, **({"listed": listed} if listed else {})}
    parameters = {**values, "combinations": trials.n, "with_sharpe": trials.known}
    row = _row(
        RowKind.SWEEP,
        SWEEP + manifest["sweep_id"],
        {**manifest, "parameters": parameters},
        ground=Ground(hashes["code"], hashes["events"], hashes["bars"]),
        statistics=TradeStatistics(mean=trials.mean, sd=trials.sd),
    )
    with _ledger() as db:
        repeated = next(iter(_trials(db, "run_id = ?", row.run_id)), None)
        return _caution(db, _append_trial(db, row, repeated, n=trials.n))


class ChainCheck(Struct, frozen=True):
    """The length of the chain, and its first row that does not match; ``broken`` is None if all match."""

    rows: int
    trials: int
    head: str
    broken: Break | None

    @property
    def why(self) -> str:
        """Why the chain is damaged; blank if it is not."""
        return self.broken.why if self.broken else ""


def check_ledger(printed: str = "") -> ChainCheck:
    """Check that the chain is complete, holds every run of the registry, and holds a row with a hash printed before.

    Args:
        printed: a hash, or the beginning of one, that an older page or listing shows; blank for none.

    Raises:
        UserError: the ledger cannot be read.
    """
    with _ledger() as db:
        chain = list(rows(db))
        broken = first_break(chain) or _missing_run(db, len(chain)) or _missing_hash(chain, printed)
        return ChainCheck(len(chain), _count(db), head(db), broken)


def _missing_run(db: sqlite3.Connection, length: int) -> Break | None:
    """Return the break of a run that is in the registry and not in the ledger: a run is entered here first."""
    query = "SELECT run_id FROM runs WHERE run_id NOT IN (SELECT run_id FROM ledger) ORDER BY created_at LIMIT 1"
    found = db.execute(query).fetchone()
    if found is None:
        return None
    why = f"run {found[0]} is in the registry and not in the ledger: rows after row {length} were removed"
    return Break(length + 1, f"{why}, or it was run by a version without a ledger")


def _missing_hash(chain: list[Row], printed: str) -> Break | None:
    if not printed or printed == GENESIS or any(r.hash.startswith(printed) for r in chain):
        return None
    why = f"no row has the hash {printed}: rows after row {len(chain)} were removed, or the ledger was created again"
    return Break(len(chain) + 1, why)


class Registration(Struct, frozen=True):
    """A row of the chain that holds a preregistration; ``before`` are the earlier trials of its rule."""

    place: int
    at: str
    strategy: str
    sha256: str
    before: tuple[Trial, ...]


def register(sha256: str, *, at: str, strategy: str, parameters: dict[str, Any]) -> None:
    """Append the hash of a preregistration, written at an instant (ISO UTC).

    Raises:
        UserError: the registry cannot be written.
    """
    with _ledger() as db:
        append(db, Row(RowKind.PREREG, at, None, "", strategy, canonical(parameters), prereg=sha256))


def registrations() -> list[Registration]:
    """Return all preregistrations, in their order."""
    with _ledger() as db:
        found = []
        for file in list(rows(db, "kind = ?", RowKind.PREREG)):
            before = _folded(r for r in rows(db, "strategy = ?", file.strategy) if r.place < file.place)
            found.append(Registration(file.place, file.at, file.strategy, file.prereg, tuple(before)))
        return found


def canonical(value: Any) -> str:
    """Return a value as JSON text that is the same for equal values.

    >>> canonical({"hold": 20, "country": "JP"})
    '{"country":"JP","hold":20}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


@contextmanager
def _ledger() -> Iterator[sqlite3.Connection]:
    """Open the ledger with the write lock; in a registry older than the ledger it starts with the runs there."""
    with database() as db:
        db.text_factory = lambda raw: raw.decode("utf-8", "replace")  # a damaged byte is a wrong hash, not a crash
        db.executescript(SCHEMA)
        db.execute("BEGIN IMMEDIATE")
        if db.execute("SELECT 1 FROM ledger LIMIT 1").fetchone() is None:
            _enter_registry(db)
        yield db


def _enter_registry(db: sqlite3.Connection) -> None:
    listed = db.execute("SELECT run_id, created_at, strategy, parameters FROM runs ORDER BY created_at").fetchall()
    for trial, (run_id, at, strategy, parameters) in enumerate(listed, start=1):
        at, text = at.replace("+00:00", "Z"), canonical(_read(parameters))
        append(db, Row(RowKind.TAKEN_IN, at, trial, run_id, strategy, text))


def _run_row(run: Run) -> Row:
    statistics = trade_statistics(run.trades)
    return _row(RowKind.TRIAL, run.run_id, run.manifest, ground=ground_of(run), statistics=statistics)


def _row(
    kind: RowKind,
    run_id: str,
    manifest: Mapping[str, Any],
    *,
    ground: Ground | None = None,
    terms: str = "",
    statistics: TradeStatistics | None = None,
) -> Row:
    """Return the row of a run, a study or a sweep; ``terms`` are those of the manifest if there is a ground."""
    numbers = statistics or TradeStatistics()
    return Row(
        kind=kind,
        at=now(),
        trial=None,
        run_id=run_id,
        strategy=manifest["strategy"],
        parameters=canonical(manifest["parameters"]),
        ground="" if ground is None else canonical(asdict(ground)),
        terms=terms if ground is None else canonical(manifest["terms"]),
        dates="" if ground is None else canonical(manifest["window"]),
        n_closed=numbers.n,
        mean=numbers.mean,
        sd=numbers.sd,
        sharpe=numbers.sharpe,
    )


def _studies(db: sqlite3.Connection, run_id: str) -> list[Row]:
    return list(rows(db, "kind = ? AND run_id = ?", RowKind.STUDY, run_id))


def _under(db: sqlite3.Connection, sha256: str) -> list[Row]:
    """Return the runs, sweeps and studies made under a preregistration."""
    files = list(rows(db, "kind = ? AND prereg = ?", RowKind.PREREG, sha256))
    made = [r for r in rows(db) if r.kind in (RowKind.TRIAL, RowKind.REPEAT, RowKind.STUDY, RowKind.SWEEP)]
    return [r for r in made if r.prereg == sha256 or any(_follows(r, file) for file in files)]


def _follows(row: Row, file: Row) -> bool:
    return row.place > file.place and row.strategy == file.strategy and _trial(row).holds(_read(file.parameters))


def now() -> str:
    """Return the instant at which a row is written, ISO UTC."""
    return iso_z(datetime.now(UTC))


def _with_prereg(db: sqlite3.Connection, row: Row, prereg: str) -> Row:
    """Return a row with its preregistration: the one given, or else the last one of its rule and parameters."""
    query = "kind = ? AND strategy = ? AND parameters = ?"
    found = [r.prereg for r in rows(db, query, RowKind.PREREG, row.strategy, row.parameters)]
    return replace(row, prereg=prereg or (found[-1] if found else ""))


def _repeated(db: sqlite3.Connection, row: Row) -> Trial | None:
    """Return the trial that a row repeats: of its id and result, or of its id with an unknown result."""
    same = (t for t in _trials(db, "run_id = ?", row.run_id) if _agree(t.statistics, _statistics(row)))
    return next(same, None)


def _swept(db: sqlite3.Connection, row: Row) -> Trial | None:
    """Return the sweep that has tried a run: of its parameters, code, events, bars, terms and dates."""
    run = _trial(row)
    for sweep in _trials(db, "kind = ? AND strategy = ? AND dates = ?", RowKind.SWEEP, row.strategy, row.dates):
        alike = {**sweep.terms, "currency": sweep.terms.get("currency") or run.terms.get("currency")} == run.terms
        known = sweep.ground is not None and run.ground is not None and sweep.ground.covers(run.ground)
        whole = sweep.n == prod(map(len, sweep.parameters.get("axes", {}).values()))
        if alike and known and (whole or sweep.parameters.get("listed")) and sweep.holds(run.parameters):
            return sweep
    return None


def _agree(one: TradeStatistics, other: TradeStatistics) -> bool:
    if one.n is None:
        return True
    pairs = ((one.mean, other.mean), (one.sd, other.sd))
    return one.n == other.n and all(_close(a, b) for a, b in pairs)


def _close(a: float | None, b: float | None) -> bool:
    return a is b if a is None or b is None else isclose(a, b, rel_tol=_SAME, abs_tol=1e-15)


def _count(db: sqlite3.Connection) -> int:
    """Return the number of the last trial; a removed trial still counts."""
    query = "SELECT coalesce(max(trial), 0) FROM ledger WHERE typeof(trial) = 'integer'"
    return int(db.execute(query).fetchone()[0])


def _position(db: sqlite3.Connection, run: Run, trial: int) -> TrialPosition:
    broken = first_break(rows(db))
    return TrialPosition(
        k=trial,
        n=_count(db),
        head=head(db),
        ground=ground_of(run),
        of_rule=tuple(_trials(db, "strategy = ?", run.manifest["strategy"])),
        broken="" if broken is None else broken.why,
        ledger=_named(db),
        caution=_caution(db, trial),
    )


def _caution(db: sqlite3.Connection, trial: int) -> str:
    """Return what a ledger holds that was begun less than a day before a trial; blank for an older one."""
    ages = "SELECT julianday(?) - julianday(?) < 1"
    [young] = db.execute(ages, (_first_at(db, "trial = ?", trial), _first_at(db))).fetchone()
    return caution(_named(db), _count(db)) if young else ""


def _named(db: sqlite3.Connection) -> str:
    return f"ledger{' of another home (HUSTINGS_HOME)' if is_named_home() else ''} begun on {str(_first_at(db))[:10]}"


def _first_at(db: sqlite3.Connection, where: str = "1", *values: int) -> Any:
    return db.execute(f"SELECT at FROM ledger WHERE {where} ORDER BY place LIMIT 1", values).fetchone()[0]


def _trials(db: sqlite3.Connection, where: str = "1", *values: str) -> list[Trial]:
    return _folded(rows(db, where, *values))


def _folded(chain: Iterable[Row]) -> list[Trial]:
    """Return the distinct trials of rows: each as it was first run, with the first known result."""
    trials: dict[int, Trial] = {}
    for row in chain:
        if isinstance(row.trial, int):
            trials[row.trial] = _run_again(trials[row.trial], row) if row.trial in trials else _trial(row)
    return list(trials.values())


def _run_again(trial: Trial, row: Row) -> Trial:
    if trial.statistics.n is None and trial.sweep is None:
        trial = replace(_trial(row), k=trial.k, at=trial.at, times=trial.times)
    return replace(trial, times=trial.times + 1)


def _trial(row: Row) -> Trial:
    """Return the trial of a row; fields that are damaged are unknown, and the check of the chain reports the row."""
    sweep = _sweep_trials(row) if row.run_id.startswith(SWEEP) else None
    return Trial(
        k=row.trial or 0,
        run_id=row.run_id,
        at=row.at,
        strategy=row.strategy,
        parameters=_read(row.parameters),
        ground=_ground(row.ground),
        terms=_read(row.terms),
        window=_read(row.dates),
        statistics=_statistics(row) if sweep is None else TradeStatistics(),
        prereg=row.prereg,
        sweep=sweep,
    )


def _sweep_trials(row: Row) -> SweepTrials:
    parameters = _read(row.parameters)
    n, known = parameters.get("combinations"), parameters.get("with_sharpe")
    if not isinstance(n, int) or not isinstance(known, int):
        return SweepTrials(1, 0, None, None)
    return SweepTrials(n, known, row.mean, row.sd)


def _ground(text: str) -> Ground | None:
    found = _read(text)
    sound = found.keys() == _GROUND and isinstance(found["bars"], dict)
    return Ground(**found) if sound else None


def _read(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except (ValueError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def _statistics(row: Row) -> TradeStatistics:
    numbers = (row.n_closed, row.mean, row.sd, row.sharpe)
    sound = all(n is None or isinstance(n, int | float) for n in numbers)
    return TradeStatistics(*numbers) if sound else TradeStatistics()
