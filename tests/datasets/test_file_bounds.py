"""A small file cannot ask for much memory, and a damaged one ends in one line."""

import gzip
import io
import random
import resource
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather

from datasets.errors import UserError
from datasets.prices.reading import columnar
from datasets.prices.reading.rows import check_rows
from datasets.prices.sources.files import parse_table, read_table

GIB = 1 << 30
_READ = r"""
import re, resource, sys
from pathlib import Path
from datasets.errors import UserError
from datasets.prices.sources.files import read_table
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
try:
    print(len(read_table(Path(sys.argv[1]))), "rows")
except UserError as e:
    print(e)
peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())  # of this program: ru_maxrss has the parent's
print(int(peak[1]) * 1024)
"""


def said_and_bytes(path: Path) -> tuple[str, int]:
    done = subprocess.run([sys.executable, "-c", _READ, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    said, size = done.stdout.strip().splitlines()
    return said, int(size)


def parquet(columns: dict[str, object], **how) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file, **how)
    return file.getvalue()


def feather_file(columns: dict[str, object]) -> bytes:
    file = io.BytesIO()
    feather.write_feather(pa.table(columns), file)
    return file.getvalue()


def test_a_column_that_is_not_needed_is_not_read(tmp_path: Path) -> None:
    rows = 4000
    days = [f"{2000 + n // 336:04d}-{n // 28 % 12 + 1:02d}-{n % 28 + 1:02d}" for n in range(rows)]
    note = pa.array(["x" * 1_000_000]).dictionary_encode()
    notes = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), note.dictionary)
    data = parquet({"date": days, "close": [float(n + 1) for n in range(rows)], "note": notes})
    assert len(data) < 200_000, "four gigabytes of notes in a small file"
    (tmp_path / "bomb.parquet").write_bytes(data)
    said, size = said_and_bytes(tmp_path / "bomb.parquet")
    assert said == f"{rows} rows"
    assert size < GIB


def test_a_column_that_is_needed_and_too_long_is_refused(tmp_path: Path) -> None:
    dates = pa.DictionaryArray.from_arrays(pa.array([0] * 4000, pa.int32()), pa.array(["x" * 1_000_000]))
    (tmp_path / "bomb.parquet").write_bytes(parquet({"date": dates, "close": [1.0] * 4000}))
    said, size = said_and_bytes(tmp_path / "bomb.parquet")
    assert "holds more than 256 MiB, the most that is read from one file" in said
    assert size < GIB


@pytest.mark.parametrize("kind", ["gz", "zip"])
def test_two_gigabytes_in_two_megabytes_are_refused(tmp_path: Path, kind: str) -> None:
    path, part = tmp_path / f"bomb.csv.{kind}", b"date,close\n" + b"2024-01-04,1\n" * 80_000
    if kind == "gz":
        path.write_bytes(gzip.compress(part) * 2000)  # the members of a gzip file follow one another
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.csv", "w") as member:
            for _ in range(300):
                member.write(part)
    said, size = said_and_bytes(path)
    assert said == f"{path.name} holds more than 256 MiB, the most that is read from one file; split it, or leave out columns"  # fmt: skip
    assert size < GIB


def test_rows_are_bounded() -> None:
    check_rows(2_500_000, "F")
    with pytest.raises(UserError, match="F: 2,500,001 rows, more than the 2,500,000 that are read"):
        check_rows(2_500_001, "F")
    data = parquet({"date": pa.nulls(2_500_001, pa.int64()), "close": pa.nulls(2_500_001, pa.float64())})
    with pytest.raises(UserError, match="F: 2,500,001 rows"):
        parse_table(data, "F")


def test_a_cell_that_is_longer_than_any_number_is_refused_in_one_line() -> None:
    for text in (f"known_at\n{'a' * 200_000}\n", f"{'a' * 200_000}", f'date,close\n"{"a" * 200_000}",1\n'):
        with pytest.raises(UserError, match=r"^F line "):
            parse_table(text.encode(), "F")


def test_damaged_parquet_and_feather_are_read_or_refused_in_one_line() -> None:
    days = pa.array([19000 + n for n in range(30)], pa.date32())
    stamps = pa.array([1_700_000_000_000_000 + n * 86_400_000_000 for n in range(30)], pa.timestamp("us", "Asia/Tokyo"))
    tables = [{"date": d, "close": [float(n + 1) for n in range(30)], "symbol": ["A"] * 30} for d in (days, stamps)]
    bases = [write(t) for t in tables for write in (parquet, feather_file)]
    draw = random.Random(1)
    refused = 0
    for n in range(600):
        data = bytearray(bases[n % 4])
        for _ in range(draw.randint(1, 4)):
            data[draw.randrange(4, len(data) - 8)] = draw.randrange(256)
        try:
            parse_table(bytes(data), "F")
        except UserError as e:
            assert str(e).startswith("F")
            refused += 1
    assert refused > 100


def test_a_file_larger_than_the_limit_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.truncate((256 << 20) + 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError, match=r"large\.csv holds more than 256 MiB"):
        read_table(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64_000


@pytest.mark.parametrize("how", ["zstd", "lz4"])
def test_one_huge_column_of_text_in_a_feather_file_is_refused_before_it_is_unpacked(how: str, monkeypatch) -> None:
    file = io.BytesIO()
    feather.write_feather(pa.table({"date": ["x" * 100_000] * 100, "close": [1.0] * 100}), file, compression=how)
    assert len(file.getvalue()) < 100_000, "ten megabytes"
    monkeypatch.setattr(columnar, "MOST_BYTES", 9_900_000)
    monkeypatch.delattr(columnar.ColumnarFile, "column")
    with pytest.raises(UserError, match=r"^F holds more than"):
        parse_table(file.getvalue(), "F")


def test_a_small_feather_file_of_many_rows_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    rows = 20_000_000
    columns = {"date": pa.array(np.zeros(rows, dtype="datetime64[ms]")), "close": np.zeros(rows)}
    feather.write_feather(pa.table(columns), tmp_path / "bomb.feather", compression="zstd", chunksize=rows)
    assert (tmp_path / "bomb.feather").stat().st_size < 20_000
    said, size = said_and_bytes(tmp_path / "bomb.feather")
    assert "20,000,000 rows" in said
    assert size < GIB // 3
