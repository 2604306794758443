"""Files and folders that appear as a whole: whoever reads one meanwhile sees the old or the new content, never a part.

Each is written next to its place, under a name that ends in ``.tmp``, and then takes its place in one step of the file
system. What a killed process has left there is removed by the next one that writes there.
"""

import ctypes
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from errno import EEXIST
from pathlib import Path
from time import monotonic, sleep

from datasets.errors import UserError

_WAIT_S = 0.05
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
"""Of renameat2(2)."""


def replace_file(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Write a file, in place of one of the same name; its folder must be there.

    Args:
        path: the file; a device or a pipe is written to.
        content: all of its bytes.
        durable: whether it must survive a loss of power that follows at once.

    Raises:
        OSError: it cannot be written; what was there stays.
    """
    if path.exists() and (not path.is_file() or path.is_relative_to("/dev")):
        path.write_bytes(content)
        return
    place = Path(os.path.realpath(path))
    with temporary_file(place, content, durable=durable) as temporary:
        temporary.replace(place)
    if durable:
        _sync_folder(place.parent)


@contextmanager
def temporary_file(path: Path, content: bytes, *, durable: bool = False) -> Iterator[Path]:
    """Give a file with this content next to a path; it is to be renamed or linked to its place, else it is removed."""
    temporary = temporary_path(path)
    try:
        with temporary.open("xb") as f:
            f.write(content)
            if durable:
                f.flush()
                os.fsync(f.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def created_file(path: Path, content: bytes) -> Iterator[None]:
    """Write a new file, durably; it appears at the end of a ``with``, and not where that ends in an error.

    Raises:
        FileExistsError: there is one of that name, which stays.
        OSError: it cannot be written.
    """
    remove_leftovers(path)
    if path.exists():
        raise FileExistsError(EEXIST, "File exists", str(path))
    with temporary_file(path, content, durable=True) as temporary:
        yield
        try:
            os.link(temporary, path)
        except OSError:
            if path.exists():
                raise
            temporary.rename(path)  # a file system without links
    _sync_folder(path.parent)


@contextmanager
def replaced_folder(folder: Path, *, kept: Callable[[str], bool]) -> Iterator[Path]:
    """Give an empty folder to be filled; it takes the place of ``folder`` as a whole at the end of a ``with``.

    Args:
        folder: which must be locked.
        kept: whether an entry of the old folder stays, by its name, unless the new one has it too.

    Raises:
        OSError: it cannot be written; what was there stays, as it does when the ``with`` ends in an error.
    """
    folder = Path(os.path.realpath(folder))
    remove_leftovers(folder)
    new = temporary_path(folder)
    new.mkdir()
    try:
        yield new
        for entry in folder.iterdir() if folder.is_dir() else ():
            if kept(entry.name) and not (new / entry.name).exists():
                _link(entry, new / entry.name)
        _take_place(new, folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)  # empty-handed, or by now the old folder


def remove_folder(folder: Path) -> None:
    """Remove a folder, if it is there; nobody sees a part of it."""
    if folder.is_dir():
        shutil.rmtree(folder.rename(temporary_path(folder)))


def remove_leftovers(path: Path) -> None:
    """Remove what ended processes left next to a path; an old folder that one of them had moved away is moved back."""
    if not path.parent.is_dir():
        return
    for left in path.parent.iterdir():
        name, _, process = left.stem.rpartition(".")
        if name != f".{path.name}" or left.suffix not in (".tmp", ".old") or _is_alive(process.partition("-")[0]):
            continue
        if left.suffix == ".old" and not path.exists():
            left.rename(path)
        else:
            _remove(left)


def remove_leftovers_in(folder: Path) -> None:
    """Remove what ended processes left in a folder that is locked: no process is at work there."""
    for left in folder.glob(".*.tmp"):
        _remove(left)


def _remove(left: Path) -> None:
    if left.is_dir():
        shutil.rmtree(left, ignore_errors=True)
    else:
        left.unlink(missing_ok=True)


@contextmanager
def locked(lock: Path, what: Path, *, wait_s: float = 0.0) -> Iterator[None]:
    """Lock a file or folder for this process until the end of a ``with``; the kernel unlocks it when that is killed.

    Args:
        lock: the file that is locked, and removed at the end.
        what: which it stands for.
        wait_s: how long to wait for another process.

    Raises:
        UserError: another process has it.
        OSError: the lock cannot be written.
    """
    until = monotonic() + wait_s
    while (handle := _lock(lock)) is None:
        if monotonic() >= until:
            raise UserError(f"another hustings is at work in '{what}': wait until it has ended")
        sleep(_WAIT_S)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(handle)


def _lock(path: Path) -> int | None:
    """Return the handle of a locked file; None where another process has it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.stat().st_ino == os.fstat(handle).st_ino:
            return handle
    except (BlockingIOError, FileNotFoundError):
        pass  # it is locked, or was removed by the one that had it
    except OSError:
        return handle  # a file system without locks excludes nobody
    os.close(handle)
    return None


def temporary_path(path: Path, suffix: str = "tmp") -> Path:
    """Return a new name next to a path, which says what process is at work there."""
    return path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}.{suffix}")


def _is_alive(pid: str) -> bool:
    """Return whether a process is alive, and another than this one: of its number one may have ended before."""
    if not pid.isdecimal() or int(pid) == os.getpid():
        return False
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def _link(entry: str | Path, place: str | Path) -> None:
    """Make an entry of a folder one of another folder too; a copy where it cannot be."""
    if Path(entry).is_dir() and not Path(entry).is_symlink():
        shutil.copytree(entry, place, symlinks=True, copy_function=_link)
        return
    try:
        os.link(entry, place, follow_symlinks=False)
    except OSError:
        shutil.copy2(entry, place, follow_symlinks=False)


def _take_place(new: Path, folder: Path) -> None:
    """Move a folder to the place of another, in one step where the system can; then ``new`` is the old one."""
    if not folder.exists():
        new.rename(folder)
    elif not _exchanged(new, folder):
        old = folder.rename(temporary_path(folder, "old"))  # killed here, the next writer moves it back
        new.rename(folder)
        shutil.rmtree(old, ignore_errors=True)


def _exchanged(one: Path, other: Path) -> bool:
    """Return whether two folders could change their places in one step: Linux can, on most file systems."""
    with suppress(AttributeError, OSError):
        rename = ctypes.CDLL(None).renameat2
        return rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0  # type: ignore[no-any-return]
    return False


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
