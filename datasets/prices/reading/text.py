"""The text of a price file: unpacked, and decoded by the first encoding that fits."""

import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

from msgspec import Struct

from datasets.errors import UserError

_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
LEGACY = ("cp932", "gb18030", "cp1252", "cp949", "big5", "cp1250", "cp1251", "cp1254")
"""Tried in this order where a file is not UTF-8; of those that decode it strictly, the header decides."""
_HTML = re.compile(r"\s*<(!doctype|html|head|body|\?xml|!--|script|meta|table|div)\b", re.IGNORECASE)
_PRIVATE = re.compile("[\ue000-\uf8ff]")  # where cp932 and gb18030 put bytes that are no character
_CONTROL = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]")
"""What would act on a terminal rather than show: no cell that holds it can be read. Ctrl-Z ends a file of DOS."""
_CONTROL_BYTES = bytes({*range(1, 32), 127} - {9, 10, 13})
_OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"
MOST_BYTES = 256 << 20
"""Bytes that are read from one file, unpacked: text takes up to ten times as much while it is read."""
_PART = 1 << 20


class Text(Struct, frozen=True):
    """A decoded file and the encoding that decoded it."""

    text: str
    encoding: str

    def lines(self) -> list[str]:
        """Return the lines without their ends; LF, CR LF and CR end one."""
        text = self.text
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        return text.removesuffix("\n").split("\n") if text else []


def unpacked(data: bytes, name: str) -> bytes:
    """Return the content of a file, unpacked where it is gzip or a zip archive of one file.

    Raises:
        UserError: damaged, an archive of several files, a workbook, or more than ``MOST_BYTES`` unpacked.
    """
    if data.startswith(_OLD_WORKBOOK):
        raise _workbook(name)
    try:
        if data.startswith(b"\x1f\x8b"):
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
                data = _bounded(stream, name)
        elif data.startswith(b"PK\x03\x04"):
            data = _of_zip(data, name)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError) as e:
        kind = "gzip data" if data.startswith(b"\x1f") else "a workbook or zip archive"
        raise UserError(f"{name}: {kind} that is damaged or cut short; get the file again") from e
    if len(data) > MOST_BYTES:
        raise too_large(name)
    return data


def too_large(what: str) -> UserError:
    """Return the error for content that takes more memory than is read from one file."""
    return UserError(f"{what} holds more than {MOST_BYTES >> 20} MiB, the most that is read from one file; "
                     "split it, or leave out columns")  # fmt: skip


def _of_zip(data: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [m for m in archive.infolist() if not m.is_dir() and not m.filename.startswith("__MACOSX/")]
        if any(m.filename == "[Content_Types].xml" for m in members):
            raise _workbook(name)
        if len(members) != 1:
            raise UserError(f"{name}: a zip archive of {len(members)} files; unpack it, and name the one that is meant")
        with archive.open(members[0]) as stream:
            return _bounded(stream, name)


def _bounded(stream: IO[bytes] | gzip.GzipFile, name: str) -> bytes:
    """Return what a stream unpacks to, in parts, so that more than the limit is never held."""
    parts, size = [], 0
    while part := stream.read(_PART):
        parts.append(part)
        size += len(part)
        if size > MOST_BYTES:
            raise too_large(name)
    return b"".join(parts)


def _workbook(name: str) -> UserError:
    return UserError(f"{name}: a workbook; save its sheet of prices as CSV or Parquet")


def decodings(data: bytes, name: str) -> Iterator[Text]:
    """Return the texts a file may be: one where it says or proves its encoding, else each that decodes strictly.

    A byte-order mark is believed; then UTF-8; then the encodings of ``LEGACY``.

    Raises:
        UserError: binary data, HTML, or no encoding fits.
    """
    marked = next((encoding for bom, encoding in _BOMS if data.startswith(bom)), None)
    texts = [t for t in (_decoded(data, e) for e in ([marked] if marked else ["utf-8"])) if t]
    if not texts and not marked:
        texts = [t for t in (_decoded(data, e) for e in LEGACY) if t]
    if not texts:
        raise UserError(f"{name} line {bad_line(data, marked or 'utf-8')}: neither UTF-8 nor a known older encoding; "
                        "save the file as UTF-8")  # fmt: skip
    for text in texts:
        _check_is_text(text.text, name)
        yield text


def bad_line(data: bytes, encoding: str) -> int:
    """Return the line of the first byte that does not fit an encoding; 1 where all fit."""
    try:
        data.decode(encoding)
    except UnicodeDecodeError as e:
        return data[: e.start].count(b"\n") + 1
    return 1


def _decoded(data: bytes, encoding: str) -> Text | None:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    if encoding in LEGACY and _PRIVATE.search(text):
        return None
    is_clean = data.isascii() and len(data.translate(None, _CONTROL_BYTES)) == len(data)
    return Text(text if is_clean else _CONTROL.sub("\ufffd", text.rstrip("\x1a")), encoding)


def _check_is_text(text: str, name: str) -> None:
    if "\x00" in text:
        line = text[: text.index("\x00")].count("\n") + 1
        raise UserError(f"{name} line {line}: binary data, no text; a price file is CSV or Parquet")
    if _HTML.match(text):
        raise UserError(f"{name} line 1: an HTML page instead of prices; get the file again")
