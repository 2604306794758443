"""Kills a process before one of its file operations, and checks what it leaves.

``python -m tests.killing`` kills each command that writes before each of its operations, and lets pairs of writers race
for one ``--out``; it takes half an hour. tests/hustings/test_killed.py has a small version.
"""

import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.processes import Forked

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CHANGING = {"os.rename", "os.link", "os.mkdir", "os.remove", "os.rmdir", "os.symlink", "os.truncate", "shutil.rmtree"}
RULE = ("buy-after-event", "-p", "instrument=SPX", "-p", "country=US")
PAIRS = 300


def kill_before(operation: int, work: Callable[..., Any], *arguments: Any) -> None:
    """Do a work in this process, which is killed before its n-th operation that changes a file, counted from 0."""
    me, left = os.getpid(), operation

    def hook(event: str, values: tuple[Any, ...]) -> None:
        nonlocal left
        changes = event in _CHANGING or (event == "open" and isinstance(values[2], int) and values[2] & _WRITING)
        changes = changes or (event == "ctypes.dlsym" and values[1] == "renameat2")
        if changes and os.getpid() == me and "/dev/" not in str(values[0]):
            if not left:
                os.kill(me, signal.SIGKILL)
            left -= 1

    sys.addaudithook(hook)
    work(*arguments)


def is_killed(operation: int, work: Callable[..., Any], *arguments: Any, cwd: Path, env: dict[str, str]) -> bool:
    """Return whether a work was killed before its n-th operation, rather than done before it came to that."""
    process = Forked(kill_before, operation, work, *arguments, cwd=cwd, env=env)
    out, err = process.communicate()
    if process.returncode not in (0, -signal.SIGKILL):
        raise AssertionError(f"{process.returncode}: {out} {err}")
    return process.returncode != 0


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder by name; those of the registry change with every command and are none."""
    files = (p for p in sorted(folder.rglob("*")) if p.is_file() and "home" not in p.relative_to(folder).parts)
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


def temporary(name: str) -> bool:
    """Return whether a file is one that the next writer removes."""
    return any(part.startswith(".") and part.endswith((".tmp", ".lock")) for part in Path(name).parts)


def _command(*arguments: str) -> None:
    from hustings.__main__ import main

    sys.exit(main(list(arguments)))


def _made(place: Path, *arguments: str, code: int = 0) -> str:
    process = Forked(_command, *arguments, cwd=place, env={"HUSTINGS_HOME": str(place / "home")})
    out, err = process.communicate()
    if process.returncode != code:
        raise AssertionError(f"{arguments}: {out} {err}")
    return out


def _artefacts(files: dict[str, bytes]) -> dict[str, dict[str, bytes]]:
    """Return what must be of one piece: each run folder, the results of a sweep, each other file. Manifests name ids."""
    groups: dict[str, dict[str, bytes]] = {}
    for name, content in files.items():
        whole = re.match(r"(runs/[^/]+|one|sweep/results|tables|exported)/", name)
        groups.setdefault(whole[1] if whole else name, {})[name] = _without_place(content)
    return groups


def _without_place(content: bytes) -> bytes:
    """Return a file without a run's place among the trials, an instant, and hashes of files that hold them."""
    place = rb'trial \d+ of[^<"]*|ledger [0-9a-f]{16}|"written_at": "[^"]*"'
    hashes = rb'"(study|manifest)\.json": "[0-9a-f]{64}"'
    return re.sub(place + b"|" + hashes, b"", content)


def campaign(name: str, before: list[tuple[str, ...]], command: tuple[str, ...]) -> int:
    """Kill a command before each of its operations; return how many there are.

    Args:
        name: of what is shown.
        before: commands that make what is there before it.
        command: the one that is killed.
    """
    with tempfile.TemporaryDirectory() as scratch:
        start = Path(scratch) / "start"
        start.mkdir()
        for arguments in before:
            _made(start, *arguments)
        old = _artefacts(files_of(start))
        new = _artefacts(files_of(_again(start, Path(scratch) / "new", command)))
        operation, alive = 0, True
        while alive:
            place = shutil.copytree(start, Path(scratch) / "place", symlinks=True)
            env = {"HUSTINGS_HOME": str(place / "home")}
            alive = is_killed(operation, _command, *command, cwd=place, env=env)
            left = {n: c for n, c in files_of(place).items() if not temporary(n)}
            for artefact, files in _artefacts(left).items():
                if files not in (old.get(artefact), new.get(artefact)) and not artefact.startswith("sweep/unfinished"):
                    print(f"{name}: before operation {operation}: {artefact} is a mixture", flush=True)
            if gone := [a for a in old if a in new and a not in _artefacts(left) and not a.startswith("sweep/")]:
                print(f"{name}: before operation {operation}: {gone} is gone", flush=True)
            _check_again(name, operation, _again(place, place, command), new)
            shutil.rmtree(place)
            operation += 1
    print(f"{name}: {operation - 1} operations", flush=True)
    return operation - 1


def _again(start: Path, place: Path, command: tuple[str, ...]) -> Path:
    if place != start:
        shutil.copytree(start, place, symlinks=True)
    resumed = [*command, "--resume"] if command[0] == "sweep" and "--restart" not in command else list(command)
    written = command[0] == "prereg" and (place / command[-1]).exists()  # it is not overwritten
    _made(place, *resumed, code=2 if written else 0)
    return place


def _check_again(name: str, operation: int, place: Path, new: dict[str, dict[str, bytes]]) -> None:
    found = _artefacts(files_of(place))
    for artefact in found.keys() | new.keys():
        if found.get(artefact) != new.get(artefact):
            print(f"{name}: after operation {operation} and the command again: {artefact} differs", flush=True)


def race(n: int) -> tuple[int, int]:
    """Let pairs of commands write to one folder at once; return how many won alone, and in how many both did."""
    alone = both = 0
    with tempfile.TemporaryDirectory() as scratch:
        env = {"HUSTINGS_HOME": f"{scratch}/home"}
        place = Path(scratch)
        for hold in ("2", "5"):
            _made(place, "run", *RULE, "-p", f"hold={hold}", "--no-report", "--out", f"whole{hold}")
        whole = {h: _artefacts(files_of(place / f"whole{h}")) for h in ("2", "5")}
        for _ in range(n):
            ones = [Forked(_command, "run", *RULE, "-p", f"hold={h}", "--no-report", "--out", "one", cwd=place, env=env)
                    for h in ("2", "5")]  # fmt: skip
            answers = [(one.communicate()[1], one.returncode) for one in ones]
            codes = sorted(code or 0 for _, code in answers)
            assert codes in ([0, 2], [0, 0]), answers
            assert all("another hustings is at work in 'one'" in err for err, code in answers if code == 2), answers
            assert _artefacts(files_of(place / "one")) in whole.values(), "a mixture"
            assert not list(place.glob(".one*"))
            alone, both = alone + (codes == [0, 2]), both + (codes == [0, 0])
    return alone, both


def main() -> None:
    """Kill every command that writes, and race for one folder."""
    run = ("run", *RULE, "-p", "hold=2", "--no-variants", "--out", "one")
    other = ("run", *RULE, "-p", "hold=5", "--no-variants", "--out", "one")
    study = ("study", *RULE, "-p", "hold=2", "--no-variants", "--draws", "199", "--out", "one")
    sweep = ("sweep", *RULE, "-p", "hold=1:3", "--top", "1", "--out", "sweep")
    unfinished = ("sweep", *RULE, "-p", "hold=1:3", "--top", "1", "--out", "sweep", "--restart")
    bars = Path(tempfile.mkdtemp()) / "TOPIX.csv"
    bars.write_text("date,open,high,low,close\n" + "".join(f"2026-02-{d:02d},1,2,1,2\n" for d in (9, 10, 12, 13)))
    imported = ("data", "import", str(bars), "--symbol", "TOPIX")
    chosen: dict[str, tuple[list[tuple[str, ...]], tuple[str, ...]]] = {
        "run": ([], run),
        "run over another": ([other], run),
        "study over its run": ([run], study),
        "compare": ([run, (*other[:-1], "two")], ("compare", "one", "two", "--out", "c.html", "--csv", "tables")),
        "report": ([run], ("report", "one", "--csv", "tables", "--out", "page.html")),
        "runs report": ([run[:-2], other[:-2]], ("runs", "report", "--out", "all.html")),
        "export": ([imported], ("data", "export", "TOPIX", "--out", "exported", "--force")),
        "prereg": ([], ("prereg", "write", *RULE, "--hypothesis", "x", "--out", "p.json")),
        "sweep": ([], sweep),
        "sweep over one": ([sweep], unfinished),
    }
    for name in sys.argv[1:] or [*chosen, "race"]:
        if name != "race":
            campaign(name, *chosen[name])
    if len(sys.argv) == 1 or "race" in sys.argv:
        alone, both = race(PAIRS)
        print(f"{PAIRS} pairs: one won and one was refused {alone} times, both in turn {both} times")


if __name__ == "__main__":
    main()
