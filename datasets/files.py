"""Files that are replaced as a whole: whoever reads one meanwhile sees the old or the new content, never a part."""

import os
from pathlib import Path
from secrets import token_hex


def replace_file(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Write a file, in place of one of the same name; its folder must be there.

    Args:
        path: the file.
        content: all of its bytes.
        durable: whether it must survive a loss of power that follows at once.

    Raises:
        OSError: it cannot be written; what was there stays.
    """
    temporary = path.with_name(f".{path.name}.{token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as f:
            f.write(content)
            if durable:
                f.flush()
                os.fsync(f.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
