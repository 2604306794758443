"""Damaged files and random command lines: each is read, or refused in one line; never a traceback, a crash or a hang.

``make fuzz MINUTES=n`` makes cases from a new seed for n minutes, and keeps in build/fuzz what was wrong; a case is made
again by its number: ``python -m tests.fuzz 0 SEED KIND NUMBER``. What it finds becomes a case of a test.
"""

import gzip
import io
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import feather

from datasets.errors import UserError
from datasets.events import CATALOGUE, bundled_events
from datasets.events.event_catalogue import load_events
from datasets.events.label_file import load_labels
from datasets.events.odds import read_odds
from datasets.events.priors import load_priors
from datasets.markets.instruments import bundled_instruments, read_instruments
from datasets.prices.actions import read_actions
from datasets.prices.checks.case import Case
from datasets.prices.quality import validate
from datasets.prices.reading.selection import Selection
from datasets.prices.sources.files import parse_table
from hustings.cli import cli
from hustings.exit_codes import exit_code
from tests.processes import PRELOADED

SECONDS = 60
"""A case that takes longer of a processor, or ten times as long, hangs."""
CODES = (0, 1, 2, 130)
_NASTY = (
    "", " ", "0", "-1", "1e308", "nan", "inf", "9" * 40, "1,000", "1.5", "none", "*", ".", "..", "/", "\x00", "\x1b[31m", "=1+1",
    "'", '"', "\udc80", "日本", "a" * 5_000, "2026-02-30", "2026-02-08", "0001-01-01", "9999-12-31", "1:9", "9:1", "1:999999999",
    "hold=1", "hold=", "=", "--", "-", "SPX", "TOPIX", "JP", "takaichi-trade", "buy-after-event", "1e-320", "١٢", "T00:00Z", "[", "{",
)  # fmt: skip
_WAYS = ("flip", "cut", "drop", "twice", "cell", "bytes", "swap", "tail")


# ---- what is damaged -------------------------------------------------------------------------------------------------


def days(n: int) -> list[str]:
    """Return that many weekdays, from 2024-01-04 on."""
    return [str(d) for d in np.busday_offset(np.datetime64("2024-01-04"), np.arange(n))]


def price_rows(draw: random.Random, n: int = 30) -> dict[str, list[Any]]:
    """Return dates and prices of a walk."""
    close = [100.0]
    for _ in range(n - 1):
        close.append(close[-1] * (1 + draw.gauss(0, 0.01)))
    opens = [c * (1 + draw.gauss(0, 0.003)) for c in close]
    high = [max(a, b) * 1.004 for a, b in zip(opens, close, strict=True)]
    low = [min(a, b) * 0.996 for a, b in zip(opens, close, strict=True)]
    return {"date": days(n), "open": opens, "high": high, "low": low, "close": close, "volume": list(range(n))}


def price_text(draw: random.Random) -> bytes:
    """Return a good price file of text: of several layouts, delimiters, encodings and packings."""
    rows = price_rows(draw)
    names = draw.choice(
        [
            list(rows),
            ["Date", "Open", "High", "Low", "Close", "Volume"],
            ["Datum", "Eröffn.", "Hoch", "Tief", "Zuletzt", "Vol."],
            ["日付", "始値", "高値", "安値", "終値", "出来高"],
            ["time", "open", "high", "low", "close", "Volume"],
            ["<DATE>", "<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>", "<VOL>"],
        ]
    )
    if draw.random() < 0.15:
        records = [dict(zip(rows, cells, strict=True)) for cells in zip(*rows.values(), strict=True)]
        return json.dumps(draw.choice([records, {"data": records}, rows])).encode()
    delimiter = draw.choice(",;\t|")
    lines = [delimiter.join(names)]
    lines += [delimiter.join(map(str, cells)) for cells in zip(*rows.values(), strict=True)]
    text = draw.choice(["\n", "\r\n"]).join(lines) + "\n"
    encoding = draw.choice(["utf-8", "utf-8-sig", "utf-16", "cp932", "gb18030"])
    return text.encode(encoding, "replace")


def price_columns(draw: random.Random) -> bytes:
    """Return a good Parquet or Feather file."""
    rows = price_rows(draw)
    if draw.random() < 0.5:
        rows["date"] = [int(time.mktime(time.strptime(d, "%Y-%m-%d"))) * 1_000_000 for d in rows["date"]]
    table = pa.table(
        {k: v if k != "date" or isinstance(v[0], str) else pa.array(v, pa.timestamp("us")) for k, v in rows.items()}
    )
    file = io.BytesIO()
    if draw.random() < 0.5:
        pq.write_table(table, file, compression=draw.choice(["snappy", "zstd", "none", "gzip"]))
    else:
        feather.write_feather(table, file, compression=draw.choice(["lz4", "zstd", "uncompressed"]))
    return file.getvalue()


def damaged(data: bytes, draw: random.Random) -> bytes:
    """Return content with one to five damages; sometimes packed before or after."""
    for _ in range(draw.randrange(1, 6)):
        data = _damaged_once(data, draw, draw.choice(_WAYS))
    pack = draw.random()
    if pack < 0.05:
        data = gzip.compress(data)
    elif pack < 0.1:
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w") as archive:
            archive.writestr("x.csv", data)
        data = held.getvalue()
    return _damaged_once(data, draw, "flip") if pack < 0.05 and draw.random() < 0.5 else data


def _damaged_once(data: bytes, draw: random.Random, way: str) -> bytes:
    if not data:
        return data
    at = draw.randrange(len(data) + 1)
    if way == "flip":
        at = min(at, len(data) - 1)
        return data[:at] + bytes([data[at] ^ (1 << draw.randrange(8))]) + data[at + 1 :]
    if way == "cut":
        return data[:at] if draw.random() < 0.3 else data[:at] + data[at + draw.randrange(1, 40) :]
    if way == "tail":
        return data + draw.choice([b"\n\n", b"note,,,\n", b"\x1a", b"Total: 3\n", data[-40:]])
    if way == "bytes":
        return data[:at] + draw.randbytes(draw.randrange(1, 12)) + data[at:]
    lines = data.split(b"\n")
    place = draw.randrange(len(lines))
    if way == "drop":
        del lines[place]
    elif way == "twice":
        lines.insert(place, lines[place])
    elif way == "swap":
        other = draw.randrange(len(lines))
        lines[place], lines[other] = lines[other], lines[place]
    else:
        cells = lines[place].split(b",")
        cells[draw.randrange(len(cells))] = draw.choice(_NASTY).encode("utf-8", "surrogateescape")
        lines[place] = b",".join(cells)
    return b"\n".join(lines)


def _texts(kind: str, draw: random.Random) -> bytes:
    """Return a good file of a kind that is not prices."""
    if kind == "events":
        file = draw.choice(sorted(CATALOGUE.glob("*.csv")))
        head, *rows = file.read_bytes().splitlines(keepends=True)
        short = (
            b"date,country,kind,title,score\n2024-06-04,IN,general_election,Counted,3\n2025-02-01,IN,budget,Union,x\n"
        )
        return head + b"".join(draw.sample(rows, min(len(rows), 6))) if draw.random() < 0.7 else short
    if kind == "odds":
        daily = "date,market_id,symbol,contract,market,open,high,low,close,volume\n2016-11-04,9,SYM,,Will it?,0.1,0.1,0.1,0.1,5\n"
        hourly = "time,market_id,contract,open,high,low,close,volume\n2020-07-11T04:00:00Z,7,Democratic,0.6,0.7,0.6,0.63,12\n"
        states = "date,timestamp_utc,state,trump_prob,harris_prob,other_prob\n2024-11-04,1730698862,PA,0.6,0.4,\n"
        priors = "event_id,outcome,probability,observed_at,source\nUS-2024-11-05-PE,Trump,0.6,2024-11-04T00:00:00Z,x\n"
        return draw.choice([daily, hourly, states, priors]).encode()
    if kind == "labels":
        return b"event_id,pro_growth,tags\nJP-2026-02-08-GE,yes,fiscal\nUS-2024-11-05-PE,mixed,\n"
    own = b"symbol,name,exchange,currency,type\nXYZ,Own,XTKS,JPY,index\n"
    return draw.choice([own, b"symbol,ex_date,kind,value,source\nTOPIX,2024-01-05,split,2,x\n"])


# ---- what reads it -----------------------------------------------------------------------------------------------------


def read_prices(data: bytes, draw: random.Random) -> None:
    """Read and judge prices."""
    table = parse_table(
        data, "F.csv", Selection(date_format=draw.choice([None, None, "DMY"]), zone=draw.choice([None, "Asia/Tokyo"]))
    )
    validate(Case(table, bundled_instruments().find("SPX")))


def _readers(kind: str) -> list[Callable[[Path], Any]]:
    readers: dict[str, list[Callable[[Path], Any]]] = {
        "events": [lambda p: list(load_events(p))],
        "odds": [read_odds, lambda p: load_priors(p, bundled_events())],
        "labels": [load_labels],
        "tables": [read_instruments, read_actions],
    }
    return readers[kind]


def read_file(kind: str, data: bytes) -> None:
    """Read a file that is not prices, in each way in which such a file may be read."""
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        Path(file.name).write_bytes(data)
        refused = None
        for reader in _readers(kind):
            try:
                reader(Path(file.name))
            except UserError as e:
                refused = e
        if refused is not None:
            raise refused


def command_line(draw: random.Random) -> list[str]:
    """Return a random command line: a command, some of its arguments and options, nasty values, options of others."""
    words: list[str] = []
    command: click.Command = cli
    while isinstance(command, click.Group):
        name = draw.choice(sorted(command.commands)) if draw.random() < 0.97 else draw.choice(_NASTY)
        words.append(name)
        if name not in command.commands:
            return words
        command = command.commands[name]
    context = click.Context(command)
    for parameter in draw.sample(command.get_params(context), len(command.get_params(context))):
        if isinstance(parameter, click.Argument) or draw.random() < 0.2:
            words += _words_of(parameter, draw)
    return words if draw.random() < 0.9 else [*words, draw.choice(_NASTY)]


def _words_of(parameter: click.Parameter, draw: random.Random) -> list[str]:
    value = draw.choice(_NASTY)
    if isinstance(parameter.type, click.Choice) and draw.random() < 0.8:
        value = draw.choice([str(c) for c in parameter.type.choices])
    elif draw.random() < 0.5:
        value = draw.choice(
            [
                "buy-after-event",
                "takaichi-trade",
                "SPX",
                "prices.csv",
                "events.csv",
                "run",
                "2020-01-01",
                "3",
                "builtin",
            ]
        )
    if isinstance(parameter, click.Argument):
        return [value] if draw.random() < 0.9 else []
    name = draw.choice(parameter.opts)
    if getattr(parameter, "is_flag", False):
        return [] if name in ("--help", "-h") else [name]
    if name in ("--workers", "--draws", "--random", "--replayed", "--decisions", "--top"):
        value = draw.choice(["0", "-1", "1", "x", "1e308"])  # a large one is no hang but work
    return [name, value]


def run_command(arguments: list[str], place: Path) -> None:
    """Run a command line in a folder, and check its exit code and what it printed."""
    os.chdir(place)
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = exit_code(cli, "hustings", arguments)
    assert code in CODES, f"exit code {code}: {err.getvalue()}"
    assert "Traceback" not in err.getvalue(), err.getvalue()
    text = out.getvalue() + err.getvalue()
    bad = [c for c in text if ord(c) < 32 and c not in "\n\t"]
    assert not bad or arguments[:1] == ["completion"], f"control characters {bad}: {text[:300]!r}"
    assert code != 2 or err.getvalue().count("\n") < 40, err.getvalue()


# ---- the campaign ------------------------------------------------------------------------------------------------------

KINDS = ("prices", "columns", "events", "odds", "labels", "tables", "commands")


def case(kind: str, seed: int, number: int, place: Path) -> tuple[bytes, Callable[[], None]]:
    """Return a case as content (or a command line) and what tries it."""
    draw = random.Random(f"{kind} {seed} {number}")
    if kind == "commands":
        arguments = [word.replace("\x00", "") for word in command_line(draw)]  # the system passes no such byte
        return "\n".join(arguments).encode("utf-8", "surrogateescape"), lambda: run_command(arguments, place)
    made = {"prices": price_text, "columns": price_columns}.get(kind)
    data = damaged(made(draw) if made else _texts(kind, draw), draw)
    if made:
        return data, lambda: read_prices(data, draw)
    return data, lambda: read_file(kind, data)


def tried(kind: str, seed: int, number: int, place: Path) -> str:
    """Return what is wrong with a case; blank where it is read or refused in one line."""
    _, work = case(kind, seed, number, place)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            work()
    except UserError as e:
        text = str(e)
        return "" if text and (kind == "tables" or "\n" not in text) else f"no line, or several: {text}"
    except BaseException:
        return traceback.format_exc()
    return ""


def make_place(place: Path) -> Path:
    """Make a folder with a price file, events and a broken run, for command lines."""
    (place / "run").mkdir(parents=True)
    (place / "run" / "manifest.json").write_text("[]")
    rows = price_rows(random.Random(1))
    lines = [",".join(rows), *(",".join(map(str, c)) for c in zip(*rows.values(), strict=True))]
    (place / "prices.csv").write_text("\n".join(lines) + "\n")
    (place / "events.csv").write_bytes(_texts("events", random.Random(2)))
    return place


def _in_child(kind: str, seed: int, numbers: range, folder: Path) -> tuple[int, str]:
    """Try cases in a fork; return the first that was wrong, and why; blank where none was.

    A crash or a hang ends the fork: the number it had reached is in a file.
    """
    at, said = folder / "at", folder / "said"
    said.write_text("")
    pid = os.fork()
    if not pid:
        place = folder / "place"
        try:
            for number in numbers:
                at.write_text(str(number))
                signal.setitimer(signal.ITIMER_PROF, SECONDS)  # of the processor: others may use it too
                signal.setitimer(signal.ITIMER_REAL, SECONDS * 10)
                if wrong := tried(kind, seed, number, place):
                    said.write_text(wrong)
                    break
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return int(at.read_text()), f"a hang of {SECONDS} s" if number in (
            signal.SIGALRM,
            signal.SIGPROF,
        ) else f"ended by signal {number}"
    return int(at.read_text()), said.read_text()


def campaign(minutes: float, seed: int, folder: Path) -> Iterator[tuple[str, int, str]]:
    """Try cases of all kinds for some minutes; yield kind, number and what is wrong."""
    for module in PRELOADED:
        import_module(module)  # once: each fork has them
    scratch = Path(tempfile.mkdtemp())
    os.environ["HUSTINGS_HOME"] = str(scratch / "home")
    make_place(scratch / "place")
    ends, counts = time.monotonic() + 60 * minutes, dict.fromkeys(KINDS, 0)
    while time.monotonic() < ends:
        for kind in KINDS:
            first = counts[kind]
            number, wrong = _in_child(kind, seed, range(first, first + 100), scratch)
            counts[kind] = number + 1
            if wrong:
                folder.mkdir(parents=True, exist_ok=True)
                (folder / f"{kind}-{seed}-{number}").write_bytes(case(kind, seed, number, scratch)[0])
                yield kind, number, wrong
    print(f"{sum(counts.values()):,} cases: {', '.join(f'{n:,} {kind}' for kind, n in counts.items())}")


def main() -> int:
    """Run the campaign, or one case again; return 1 if anything was wrong."""
    minutes, *more = sys.argv[1:] or ["10"]
    seed = int(more[0]) if more else int(time.time())
    if len(more) > 1:
        place = make_place(Path(tempfile.mkdtemp()) / "place")
        print(case(more[1], seed, int(more[2]), place)[0][:2000])
        print(tried(more[1], seed, int(more[2]), place) or "read, or refused in one line")
        return 0
    print(f"seed {seed}")
    wrong = 0
    for kind, number, why in campaign(float(minutes), seed, Path("build/fuzz")):
        wrong += 1
        print(f"--- {kind} {number}: python -m tests.fuzz 0 {seed} {kind} {number}\n{why}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
