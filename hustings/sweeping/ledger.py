"""Enters a sweep in the ledger of trials; what cannot be read or written there is said and stops nothing."""

from datasets.errors import UserError
from engine.study.trials import Ground, SweepTrials
from engine.sweep.result import SweepResult
from hustings.ledger import SweepRow, enter_sweep, trials_beside
from hustings.terminal import warn


def trials_before(strategy: str, sweep_id: str) -> int:
    """Return how many trials of a rule are not of a sweep; 0, said on stderr, where the ledger cannot be read."""
    try:
        return trials_beside(strategy, sweep_id)
    except UserError as e:
        warn(f"hustings: {e}; no trials before this sweep are counted")
        return 0


def sweep_entered(result: SweepResult) -> None:
    """Write a sweep into the ledger of trials; on stderr where it cannot be written."""
    told, found = result.manifest, result.digest
    hashes, sharpes = told["sha256"], found.sharpes
    row = SweepRow(
        sweep_id=result.sweep_id,
        strategy=told["strategy"],
        parameters={"fixed": told["fixed"], "axes": told["axes"]},
        ground=Ground(hashes["code"], hashes["events"], hashes["bars"]),
        terms=told["terms"],
        window=told["window"],
        trials=SweepTrials(found.n - found.failed, sharpes.n, sharpes.mean, sharpes.sd),
    )
    try:
        enter_sweep(row)
    except UserError as e:
        warn(f"hustings: {e}; the sweep is written all the same, but counts as no trials")
