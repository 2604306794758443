"""The store gives back what was put, changes no history in silence, and outlives writers that are killed."""

import errno
import random
import signal
import time
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from datasets.errors import UserError
from datasets.markets.instruments import bundled_instruments
from datasets.prices.series_file import PRICES, read_provenance, read_series
from datasets.prices.sources.stored import DefaultSource, StoreSource
from datasets.prices.store import HistoryChangedError, Store
from tests.datasets.stores import damage_of
from tests.datasets.tables import DELIVERY, closes, table, walk
from tests.processes import Forked, forks

WEEK = {"2026-02-02": 10.0, "2026-02-03": 11.0, "2026-02-04": 12.0}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "bars")


def put(store: Store, rows: dict[str, Any], *, symbol: str = "TOPIX", adjustment: str = "price", accept: bool = False):
    return store.put(symbol, table(rows), DELIVERY, adjustment=adjustment, accept_changes=accept)


def test_every_value_comes_back_to_the_bit(store: Store):
    given = walk(500)
    store.put("TOPIX", given, DELIVERY, adjustment="price")
    found = store.load("TOPIX").table
    assert (found.session == given.session).all()
    for name in PRICES:
        assert getattr(found, name).tobytes() == getattr(given, name).tobytes()


def test_rows_after_and_before_the_stored_ones_are_added(store: Store):
    put(store, WEEK)
    update = put(store, {"2026-02-04": 12.0, "2026-02-05": 13.0})
    assert (update.added, update.unchanged, update.changes) == (1, 1, ())
    put(store, {"2026-01-30": 9.0, "2026-02-02": 10.0})
    assert closes(store.load("TOPIX").table) == {"2026-01-30": 9.0, **WEEK, "2026-02-05": 13.0}


def test_each_delivery_is_written_down_with_what_it_brought(store: Store):
    put(store, WEEK)
    put(store, {"2026-02-05": 13.0})
    shown = store.provenance("TOPIX")
    assert [(d.added, d.changed, d.licence) for d in shown.deliveries] == [
        (3, 0, "public domain"),
        (1, 0, "public domain"),
    ]
    assert (shown.rows, shown.first, shown.last, shown.adjustment) == (4, "2026-02-02", "2026-02-05", "price")


def test_a_delivery_that_brings_nothing_new_leaves_the_file_alone(store: Store):
    put(store, WEEK)
    before = (store.folder / "TOPIX.parquet").read_bytes()
    put(store, WEEK)
    assert (store.folder / "TOPIX.parquet").read_bytes() == before


@pytest.mark.parametrize(
    ("rows", "said", "after"),
    [
        ({"2026-02-03": 11.5}, "2026-02-03 close 11 -> 11.5", [10.0, 11.5, 12.0]),
        ({"2026-02-02": 10.0, "2026-02-04": 12.0}, "2026-02-03 row 11 -> none", [10.0, 12.0]),
        ({"2026-02-03": (10.9, 11.2, 10.8, 11.0)}, "2026-02-03 high empty -> 11.2", [10.0, 11.0, 12.0]),
    ],
)
def test_a_stored_row_is_changed_only_when_that_is_accepted(
    store: Store, rows: dict[str, Any], said: str, after: list[float]
):
    put(store, WEEK)
    before = (store.folder / "TOPIX.parquet").read_bytes()
    with pytest.raises(HistoryChangedError, match="--accept revision") as e:
        put(store, rows)
    assert e.value.changes[0].text() == said
    assert (store.folder / "TOPIX.parquet").read_bytes() == before
    put(store, rows, accept=True)
    assert store.load("TOPIX").table.close.tolist() == after
    assert store.provenance("TOPIX").deliveries[-1].changed >= 1


def test_a_row_that_fills_a_hole_in_the_past_is_a_change_of_history(store: Store):
    put(store, {"2026-02-02": 10.0, "2026-02-04": 12.0})
    with pytest.raises(HistoryChangedError, match="2026-02-03 row none -> 11"):
        put(store, WEEK)
    put(store, WEEK, accept=True)
    assert closes(store.load("TOPIX").table) == WEEK


def test_a_price_printed_with_fewer_digits_is_no_revision_and_the_stored_digits_stay(store: Store):
    put(store, {"2026-02-02": 3783.570068, "2026-02-03": 3800.0})
    update = put(store, {"2026-02-02": 3783.57, "2026-02-03": 3800.0, "2026-02-04": 3810.0})
    assert update.changes == ()
    assert closes(store.load("TOPIX").table)["2026-02-02"] == 3783.570068


def test_total_return_rows_never_join_a_price_series(store: Store):
    put(store, WEEK)
    with pytest.raises(UserError, match=r"adjustment 'price' and T\.csv has 'total'"):
        put(store, {"2026-02-05": 13.0}, adjustment="total")


def test_intraday_rows_never_join_daily_ones(store: Store):
    put(store, WEEK)
    minutes = table({"2026-02-05": 13.0}, at=np.array([1_770_249_600_000_000_000]))
    with pytest.raises(UserError, match="daily and intraday"):
        store.put("TOPIX", minutes, DELIVERY, adjustment="price")


DAYS = {f"2026-01-{day:02}": 10.0 + day for day in (5, 6, 7, 8, 9)}
WEEKS = dict.fromkeys(("2026-02-06", "2026-02-13", "2026-02-20", "2026-02-27"), 20.0)


@pytest.mark.parametrize(
    ("first", "then"), [(DAYS, WEEKS), (WEEKS, DAYS), (WEEKS, {"2026-03-02": 21.0, "2026-03-03": 22.0})]
)
def test_weekly_rows_never_join_daily_ones(store: Store, first: dict[str, Any], then: dict[str, Any]) -> None:
    put(store, first)
    with pytest.raises(UserError, match="TOPIX: daily and weekly rows cannot make one series"):
        put(store, then)
    assert closes(store.load("TOPIX").table) == first


def test_another_week_joins_weekly_rows(store: Store) -> None:
    put(store, WEEKS)
    put(store, {"2026-03-06": 21.0})
    assert closes(store.load("TOPIX").table) == {**WEEKS, "2026-03-06": 21.0}


def test_intraday_instants_come_back(store: Store):
    at = [1_478_676_540_000_000_000, 1_478_676_600_000_000_000]
    given = replace(walk(2), session=np.array(["2016-11-09"] * 2, dtype="datetime64[D]"), at=np.array(at))
    store.put("USDJPY", given, DELIVERY, adjustment="price")
    found = store.load("USDJPY").table.at
    assert found is not None
    assert found.tolist() == at


def test_a_damaged_file_is_found_and_never_read_as_prices(store: Store):
    """Wherever a byte is turned over, the series is refused or reads back exactly as it was written."""
    given = walk(60)
    store.put("TOPIX", given, DELIVERY, adjustment="price")
    path = store.folder / "TOPIX.parquet"
    whole = path.read_bytes()
    refused = 0
    for place in range(0, len(whole), 13):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            found = store.load("TOPIX")
        except UserError as e:
            assert "\n" not in str(e)
            refused += 1
        else:
            assert found.table.close.tobytes() == given.close.tobytes()
    assert refused > len(range(0, len(whole), 13)) / 2
    path.write_bytes(whole[: len(whole) // 2])
    assert "damaged" in damage_of(store)["TOPIX"]
    assert "hustings data remove TOPIX" in damage_of(store)["TOPIX"]


def test_a_damaged_series_is_not_overwritten_but_can_be_removed(store: Store):
    put(store, WEEK)
    (store.folder / "TOPIX.parquet").write_bytes(b"PAR1")
    with pytest.raises(UserError, match="damaged"):
        put(store, WEEK)
    store.remove("TOPIX")
    put(store, WEEK)
    assert damage_of(store) == {}


def test_a_directory_in_a_series_place_is_no_damage(store: Store):
    (store.folder / "TOPIX.parquet").mkdir(parents=True)
    with pytest.raises(UserError, match=r"TOPIX in the store cannot be read \(Is a directory\)") as shown:
        read_provenance(store.folder / "TOPIX.parquet")
    assert "remove" not in str(shown.value)


def test_a_series_without_permission_is_no_damage(store: Store, monkeypatch: pytest.MonkeyPatch):
    import pyarrow.parquet as pq

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    put(store, WEEK)
    monkeypatch.setattr(pq, "ParquetFile", refuse)  # the tests may run as root, whom no file refuses
    monkeypatch.setattr(Path, "open", refuse)
    for read in (read_provenance, lambda path: read_series(path, "TOPIX")):
        with pytest.raises(UserError, match=r"TOPIX in the store cannot be read \(Permission denied\)") as shown:
            read(store.folder / "TOPIX.parquet")
        assert "damaged" not in str(shown.value)


def test_an_unknown_series_is_reported_with_the_nearest_name(store: Store):
    put(store, WEEK)
    with pytest.raises(UserError, match="did you mean 'TOPIX'"):
        store.load("TOPXI")


def test_a_symbol_with_a_slash_has_a_file_of_its_own(store: Store):
    put(store, WEEK, symbol="BRK/B")
    assert store.symbols() == ["BRK/B"]
    assert closes(store.load("BRK/B").table) == WEEK


def update_for_ever(folder: Path, n: int) -> None:
    """Print "ready", then put three series again and again, each time with one row more."""
    store, whole = Store(folder), walk(1500)
    store.put("WARM", whole.take(slice(0, 3)), DELIVERY, adjustment="price")
    print("ready", flush=True)
    while True:
        n += 1
        for symbol in ("TOPIX", "KOSPI", "SPX"):
            store.put(symbol, whole.take(slice(0, n)), replace(DELIVERY, rows=n), adjustment="price")


@pytest.mark.slow
def test_writers_killed_at_any_moment_leave_whole_series(store: Store):
    """Thirty kill -9, each at its own random moment of updating three series: all of them read back, none shrinks."""
    whole, moments = walk(1500), random.Random(20260208)
    put_first = walk(1500).take(slice(0, 100))
    for symbol in ("TOPIX", "KOSPI", "SPX"):
        store.put(symbol, put_first, DELIVERY, adjustment="price")
    length = dict.fromkeys(("TOPIX", "KOSPI", "SPX"), 100)
    for _ in range(30):
        child = Forked(update_for_ever, store.folder, min(length.values()))
        assert child.stdout.readline() == "ready\n"
        time.sleep(moments.uniform(0, 0.15))
        child.kill()
        assert child.wait() == -signal.SIGKILL
        assert damage_of(store) == {}
        for symbol in length:
            found = store.load(symbol).table
            assert len(found) >= length[symbol]
            assert found.close.tobytes() == whole.close[: len(found)].tobytes()
            length[symbol] = len(found)
    assert min(length.values()) > 100, "no writer got anywhere: the test tested nothing"
    put(
        store, {"2031-01-01": 1.0}, symbol="KOSPI"
    )  # the lock of the dead is free, and what they left half done is gone
    assert not list(store.folder.glob(".*.tmp"))


def put_half(folder: Path, mine: int, gate: Barrier) -> None:
    """Put every second ten rows of a series and twelve series of its own, beginning together with the other writer."""
    store, whole = Store(folder), walk(240)
    gate.wait()
    for n in range(12):
        rows = slice(20 * n + 10 * mine, 20 * n + 10 * mine + 10)
        store.put("TOPIX", whole.take(rows), DELIVERY, adjustment="price", accept_changes=True)
        store.put(f"OWN{mine}{n}", whole.take(slice(0, 5)), DELIVERY, adjustment="price")


@pytest.mark.slow
def test_two_writers_at_once_lose_nothing(store: Store):
    gate = forks().Barrier(2)
    two = [Forked(put_half, store.folder, n, gate) for n in (0, 1)]
    assert [child.wait() for child in two] == [0, 0]
    assert len(store.load("TOPIX").table) == 240
    assert len(store.symbols()) == 25
    assert damage_of(store) == {}


def test_bars_from_the_store_carry_the_hours_of_their_exchange(store: Store):
    put(store, {"2024-11-01": (2600.0, 2610.0, 2590.0, 2605.0), "2024-11-05": (2610.0, 2620.0, 2600.0, 2615.0)})
    bars = StoreSource(store).load(bundled_instruments().find("TOPIX"))
    assert [str(t) for t in bars.close_at.astype("datetime64[ns]").astype("datetime64[m]")] == [
        "2024-11-01T06:00",
        "2024-11-05T06:30",
    ]
    assert bars.source.text == "store: by hand, retrieved 2026-03-01"


def test_simulated_bars_are_offered_only_while_the_store_is_empty(store: Store):
    kospi = bundled_instruments().find("KOSPI")
    assert DefaultSource(store).load(kospi).source.simulated
    put(store, WEEK)
    with pytest.raises(UserError, match="no bars of KOSPI in the store"):
        DefaultSource(store).load(kospi)
    assert DefaultSource(store).load(bundled_instruments().find("SPX")).source.kind == "arch"
    assert DefaultSource(store).load(bundled_instruments().find("TOPIX")).source.kind == "store"
