"""The ledger of trials: runs and studies are appended to the registry's chain, where a row lost or changed shows."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from math import isclose
from typing import Any

from datasets.errors import UserError
from datasets.instants import iso_z
from engine.run.run import Run
from engine.statistics.observations import TradeStatistics, trade_statistics
from hustings.chain import GENESIS, SCHEMA, Break, Row, RowKind, append, first_break, head, rows
from hustings.registry import database
from hustings.trials import Ground, SweepTrials, Trial, TrialPosition, ground_of

_SWEEP = "sweep-"
"""How the name of a sweep begins where a run has its id."""
_SAME = 1e-9  # of two results of one run: what two processors may differ by
_GROUND = {f.name for f in fields(Ground)}


def enter(run: Run, *, prereg: str = "") -> TrialPosition:
    """Append a run to the ledger and return where it then stands.

    A run of an id that stands there with the same result is the same trial again: it keeps its number, and the row
    says ``repeat``. Another result of the same id (a rule that is not deterministic) is another trial.

    Args:
        run: what was run.
        prereg: the SHA-256 of the preregistration it was run under; by default that of the last one of the same rule
            and parameters in the chain.

    Raises:
        UserError: the registry cannot be written.
    """
    with _ledger() as db:
        row = _row_of(run, prereg=prereg)
        row = row if prereg else replace(row, prereg=_last_prereg(db, row))
        standing = _standing(db, row)
        kind = RowKind.REPEAT if standing else RowKind.TRIAL
        trial = standing.k if standing else _count(db) + 1
        append(db, replace(row, kind=kind, trial=trial))
        return _position(db, run, trial)


def enter_study(run: Run, settings: Mapping[str, Any], *, prereg: str = "") -> int:
    """Append the settings with which a run is studied, and return with how many it has been studied, these included.

    The same settings again are neither counted nor appended again.

    Args:
        run: what is studied.
        settings: plain values, as JSON holds them.
        prereg: the SHA-256 of the preregistration it is studied under; by default that of the last one of the same
            rule and parameters in the chain.

    Raises:
        UserError: the registry cannot be written.
    """
    with _ledger() as db:
        row = _study_row(run, settings, prereg=prereg)
        known = {r.terms for r in _studies(db, run.run_id)}
        if row.terms not in known:
            append(db, row if prereg else replace(row, prereg=_last_prereg(db, row)))
        return len(known | {row.terms})


@dataclass(frozen=True)
class Used:
    """What was made under a preregistration before a study: other runs, and other studies of its run."""

    runs: int = 0
    studies: int = 0


def used_before(sha256: str, run: Run, settings: Mapping[str, Any]) -> Used:
    """Return what was made under a preregistration before a run was first studied with settings.

    Under it is what names it, and what was made after it with its rule and parameters, though another names the same.

    Raises:
        UserError: the ledger cannot be read.
    """
    with _ledger() as db:
        mine = next((r.place for r in _studies(db, run.run_id) if r.terms == canonical(settings)), None)
        made = [r for r in _under(db, sha256) if mine is None or r.place < mine]
    others = {r.run_id for r in made} - {run.run_id}
    studies = {r.terms for r in made if r.kind == RowKind.STUDY and r.run_id == run.run_id} - {canonical(settings)}
    return Used(len(others), len(studies))


def position_of(run: Run) -> TrialPosition:
    """Return where a run that was entered stands now.

    Raises:
        UserError: the ledger does not hold it, or cannot be read.
    """
    with _ledger() as db:
        standing = _standing(db, _row_of(run))
        if standing is None:
            raise UserError(f"run {run.run_id} is not in the ledger of trials; 'hustings run' enters it")
        return _position(db, run, standing.k)


def trials_of(strategy: str | None = None) -> list[Trial]:
    """Return the distinct trials, of one rule or of all, in the order in which they were first run."""
    with _ledger() as db:
        return _trials(db) if strategy is None else _trials(db, "strategy = ?", strategy)


def enter_sweep(manifest: Mapping[str, Any], trials: SweepTrials) -> None:
    """Append a sweep as one row that counts as all of its combinations; the same sweep again counts once.

    Args:
        manifest: its inputs (`engine.sweep.job.manifest_of`).
        trials: its combinations that were computed.

    Raises:
        UserError: the registry cannot be written.
    """
    row = _sweep_row(manifest, trials)
    with _ledger() as db:
        standing = next(iter(_trials(db, "run_id = ?", row.run_id)), None)
        kind = RowKind.REPEAT if standing else RowKind.SWEEP
        trial = standing.k if standing else _count(db) + trials.n
        append(db, replace(row, kind=kind, trial=trial))


def trials_beside(strategy: str, sweep_id: str) -> int:
    """Return how many trials of a rule the ledger holds that are not of a sweep.

    Raises:
        UserError: the ledger cannot be read.
    """
    return sum(t.n for t in trials_of(strategy) if t.run_id != _SWEEP + sweep_id)


def _sweep_row(manifest: Mapping[str, Any], trials: SweepTrials) -> Row:
    hashes = manifest["sha256"]
    values = {"fixed": manifest["fixed"], "axes": manifest["axes"]}
    return Row(
        kind=RowKind.SWEEP,
        at=now(),
        trial=None,
        run_id=_SWEEP + manifest["sweep_id"],
        strategy=manifest["strategy"],
        parameters=canonical({**values, "combinations": trials.n, "with_sharpe": trials.known}),
        ground=canonical(asdict(Ground(hashes["code"], hashes["events"], hashes["bars"]))),
        terms=canonical(manifest["terms"]),
        dates=canonical(manifest["window"]),
        mean=trials.mean,
        sd=trials.sd,
    )


def position_json(position: TrialPosition | None) -> dict[str, Any] | None:
    """Return a position as ``run --json`` prints it; ``broken`` is None if the ledger is complete."""
    if position is None:
        return None
    numbers = {name: getattr(position, name) for name in ("k", "n", "k_of_rule", "n_of_rule", "head")}
    return {**numbers, "broken": position.broken or None}


@dataclass(frozen=True)
class ChainCheck:
    """What the chain holds and whether it is whole; ``broken`` is None where it is."""

    rows: int
    trials: int
    head: str
    broken: Break | None

    @property
    def why(self) -> str:
        """Why it is not whole; blank where it is."""
        return self.broken.why if self.broken else ""


def check_ledger(printed: str = "") -> ChainCheck:
    """Return whether the chain is whole, holds every run of the registry, and holds a row of a hash once printed.

    Args:
        printed: the hash, or the beginning of one, that an older page or listing printed; blank for none.

    Raises:
        UserError: the ledger cannot be read.
    """
    with _ledger() as db:
        chain = list(rows(db))
        broken = first_break(chain) or _not_entered(db, len(chain)) or _not_held(chain, printed)
        return ChainCheck(len(chain), _count(db), head(db), broken)


def _not_entered(db: sqlite3.Connection, length: int) -> Break | None:
    """Return the break of a run that the registry lists and the ledger lacks: a run is entered before it is listed."""
    query = "SELECT run_id FROM runs WHERE run_id NOT IN (SELECT run_id FROM ledger) ORDER BY created_at LIMIT 1"
    found = db.execute(query).fetchone()
    if found is None:
        return None
    why = f"run {found[0]} is in the registry and not in the ledger: rows after row {length} were removed"
    return Break(length + 1, f"{why}, or a version without a ledger ran it")


def _not_held(chain: list[Row], printed: str) -> Break | None:
    if not printed or printed == GENESIS or any(r.hash.startswith(printed) for r in chain):
        return None
    why = f"no row has the hash {printed}: rows after row {len(chain)} were removed, or the ledger was made anew"
    return Break(len(chain) + 1, why)


@dataclass(frozen=True)
class Registration:
    """A row of the chain that holds a preregistration; ``before`` are the trials of its rule that stood before it."""

    place: int
    at: str
    strategy: str
    sha256: str
    before: tuple[Trial, ...]


def register(sha256: str, *, at: str, strategy: str, parameters: dict[str, Any]) -> Registration:
    """Append the hash of a preregistration, written at an instant (ISO UTC), and return where it stands.

    Raises:
        UserError: the registry cannot be written.
    """
    with _ledger() as db:
        row = Row(RowKind.PREREG, at, None, "", strategy, canonical(parameters), prereg=sha256)
        return _registration(db, append(db, row))


def registrations() -> list[Registration]:
    """Return all preregistrations, in their order."""
    with _ledger() as db:
        return [_registration(db, row) for row in list(rows(db, "kind = ?", RowKind.PREREG))]


def canonical(value: Any) -> str:
    """Return a value as JSON text that is the same for equal values.

    >>> canonical({"hold": 20, "country": "JP"})
    '{"country":"JP","hold":20}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


@contextmanager
def _ledger() -> Iterator[sqlite3.Connection]:
    """Open the ledger with the write lock; a registry from before it begins with the runs it holds."""
    with database() as db:
        db.text_factory = lambda raw: raw.decode("utf-8", "replace")  # a damaged byte is a wrong hash, not a crash
        db.executescript(SCHEMA)
        db.execute("BEGIN IMMEDIATE")
        if db.execute("SELECT 1 FROM ledger LIMIT 1").fetchone() is None:
            _take_in(db)
        yield db


def _take_in(db: sqlite3.Connection) -> None:
    listed = db.execute("SELECT run_id, created_at, strategy, parameters FROM runs ORDER BY created_at").fetchall()
    for trial, (run_id, at, strategy, parameters) in enumerate(listed, start=1):
        at, text = at.replace("+00:00", "Z"), canonical(_read(parameters))
        append(db, Row(RowKind.TAKEN_IN, at, trial, run_id, strategy, text))


def _row_of(run: Run, *, prereg: str = "") -> Row:
    told, did = run.manifest, trade_statistics(run.trades)
    return Row(
        kind=RowKind.TRIAL,
        at=now(),
        trial=None,
        run_id=run.run_id,
        strategy=told["strategy"],
        parameters=canonical(told["parameters"]),
        ground=canonical(asdict(ground_of(run))),
        terms=canonical(told["terms"]),
        dates=canonical(told["window"]),
        n_closed=did.n,
        mean=did.mean,
        sd=did.sd,
        sharpe=did.sharpe,
        prereg=prereg,
    )


def _study_row(run: Run, settings: Mapping[str, Any], *, prereg: str) -> Row:
    told = run.manifest
    parameters, terms = canonical(told["parameters"]), canonical(settings)
    return Row(RowKind.STUDY, now(), None, run.run_id, told["strategy"], parameters, terms=terms, prereg=prereg)


def _studies(db: sqlite3.Connection, run_id: str) -> list[Row]:
    return list(rows(db, "kind = ? AND run_id = ?", RowKind.STUDY, run_id))


def _under(db: sqlite3.Connection, sha256: str) -> list[Row]:
    """Return the runs and studies made under a preregistration."""
    files = list(rows(db, "kind = ? AND prereg = ?", RowKind.PREREG, sha256))
    made = [r for r in rows(db) if r.kind in (RowKind.TRIAL, RowKind.REPEAT, RowKind.STUDY)]
    return [r for r in made if r.prereg == sha256 or any(_follows(r, file) for file in files)]


def _follows(row: Row, file: Row) -> bool:
    return row.place > file.place and (row.strategy, row.parameters) == (file.strategy, file.parameters)


def now() -> str:
    """Return the instant at which a row is written, ISO UTC."""
    return iso_z(datetime.now(UTC))


def _last_prereg(db: sqlite3.Connection, row: Row) -> str:
    query = "kind = ? AND strategy = ? AND parameters = ?"
    return next((r.prereg for r in reversed(list(rows(db, query, RowKind.PREREG, row.strategy, row.parameters)))), "")


def _standing(db: sqlite3.Connection, row: Row) -> Trial | None:
    """Return the trial of which a row is a repetition; one taken in, whose result is not known, is any of its id."""
    same = (t for t in _trials(db, "run_id = ?", row.run_id) if _agree(t.statistics, _statistics(row)))
    return next(same, None)


def _agree(one: TradeStatistics, other: TradeStatistics) -> bool:
    if one.n is None:
        return True
    pairs = ((one.mean, other.mean), (one.sd, other.sd))
    return one.n == other.n and all(_close(a, b) for a, b in pairs)


def _close(a: float | None, b: float | None) -> bool:
    return a is b if a is None or b is None else isclose(a, b, rel_tol=_SAME, abs_tol=1e-15)


def _count(db: sqlite3.Connection) -> int:
    """Return the number of the last trial: one that was removed since is counted still."""
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
    )


def _registration(db: sqlite3.Connection, row: Row) -> Registration:
    before = _folded(r for r in rows(db, "strategy = ?", row.strategy) if r.place < row.place)
    return Registration(row.place, row.at, row.strategy, row.prereg, tuple(before))


def _trials(db: sqlite3.Connection, where: str = "1", *values: str) -> list[Trial]:
    return _folded(rows(db, where, *values))


def _folded(chain: Iterable[Row]) -> list[Trial]:
    """Return the distinct trials of rows: each as it was first run, told by the first row that knows its result."""
    found: dict[int, Trial] = {}
    for row in chain:
        if isinstance(row.trial, int):
            found[row.trial] = _once_more(found[row.trial], row) if row.trial in found else _trial(row)
    return list(found.values())


def _once_more(trial: Trial, row: Row) -> Trial:
    if trial.statistics.n is None:
        trial = replace(_trial(row), k=trial.k, at=trial.at, times=trial.times)
    return replace(trial, times=trial.times + 1)


def _trial(row: Row) -> Trial:
    """Return what can be read of a row; what a damaged one lacks is unknown, and the chain names it as broken."""
    sweep = _sweep_trials(row) if row.run_id.startswith(_SWEEP) else None
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
    told = _read(row.parameters)
    n, known = told.get("combinations"), told.get("with_sharpe")
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
