"""A file that is only ever added to: what was written to it before a crash is read after it.

The file begins with `MAGIC`; each record is a head (length of the record and its CRC-32, then the
CRC-32 of these eight bytes, all uint32, little-endian) and the record itself. A record counts once
it is wholly on the disk. What follows the last whole record is what a crash left of the next one.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from napari_leukocyte.io.atomic import as_output_error, atomic_write

_KIND = b"leukocyte session "
#: What every journal begins with; the number is the layout's version.
MAGIC = _KIND + b"1\n"
_HEAD = struct.Struct("<II")
_CHECK = struct.Struct("<I")
_BEFORE = _HEAD.size + _CHECK.size


@dataclass(frozen=True)
class Contents:
    """The contents of a journal.

    Attributes
    ----------
    records : list of bytes
        The whole ones, oldest first. The first says whose journal it is.
    ends : list of int
        Where each of them ends in the file.
    size : int
        Bytes up to the end of the last whole one; 0 if the file does not even begin as one.
    damaged : bool
        Whether what follows is more than what a crash can leave of one record.
    """

    records: list[bytes]
    ends: list[int]
    size: int
    damaged: bool


def read_journal(path: Path) -> Contents | None:
    """Read a journal without changing it.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Contents or None
        None if there is no such file.

    Raises
    ------
    OSError
        If it can't be read.
    ValueError
        If it has another layout.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    if data.startswith(_KIND) and len(data) >= len(MAGIC) and not data.startswith(MAGIC):
        raise ValueError("it was written by another version of the plugin")
    if not data.startswith(MAGIC):
        # A crash can leave a part of the beginning.
        return Contents([], [], 0, not MAGIC.startswith(data.rstrip(b"\0")))
    records: list[bytes] = []
    ends: list[int] = []
    at = len(MAGIC)
    while at + _BEFORE <= len(data):
        head = data[at : at + _HEAD.size]
        length, checksum = _HEAD.unpack(head)
        end = at + _BEFORE + length
        if _CHECK.unpack_from(data, at + _HEAD.size)[0] != zlib.crc32(head):
            # Space that was set aside but not written before a crash is empty.
            return Contents(records, ends, at, bool(data[at:].strip(b"\0")))
        if end > len(data):
            break
        record = data[at + _BEFORE : end]
        if zlib.crc32(record) != checksum:
            return Contents(records, ends, at, end < len(data))
        records.append(record)
        ends.append(end)
        at = end
    return Contents(records, ends, at, False)


def _framed(record: bytes) -> bytes:
    head = _HEAD.pack(len(record), zlib.crc32(record))
    return head + _CHECK.pack(zlib.crc32(head)) + record


class Journal:
    """A journal that is written to.

    Parameters
    ----------
    path : Path
        The file; made when the first record is added.
    first : bytes
        Says whose journal it is; goes before all other records.
    size : int
        Up to where it is sound; what is behind is cut off by the next record.

    Attributes
    ----------
    path : Path
        The file.
    size : int
        Bytes in it.
    """

    def __init__(self, path: Path, first: bytes, size: int = 0) -> None:
        self.path = path
        self._first = first
        self.size = size
        self._file: FileIO | None = None

    def append(self, record: bytes) -> None:
        """Add a record; when this returns, it is on the disk.

        Raises
        ------
        OutputError
            If it can't be written. The journal then holds what it held before.
        """
        with as_output_error(self.path):
            try:
                file = self._opened()
                data = _framed(record) if self.size else self._begun([record])
                _write(file, data, self.size)
            except OSError:
                self._take_back()
                raise
            self.size += len(data)

    def rewrite(self, records: Iterable[bytes]) -> None:
        """Put other records in the place of all; the file is always the one or the other.

        Raises
        ------
        OutputError
            If it can't be written. The journal then holds what it held before.
        """
        # Not every system lets an open file be replaced.
        self.close()
        data = self._begun(records)
        with atomic_write(self.path) as temporary:
            temporary.write_bytes(data)
        sync_folder(self.path.parent)
        self.size = len(data)

    def _begun(self, records: Iterable[bytes]) -> bytes:
        return MAGIC + b"".join(map(_framed, (self._first, *records)))

    def close(self) -> None:
        """Close the file; adding opens it again."""
        if self._file is not None:
            file, self._file = self._file, None
            with suppress(OSError):
                file.close()

    def _opened(self) -> FileIO:
        if self._file is None:
            new = not self.path.exists()
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
            self._file = FileIO(os.open(self.path, flags, 0o666), "r+")
            if new:
                sync_folder(self.path.parent)
        return self._file

    def _take_back(self) -> None:
        """Cut off what was written of a record; if that fails too, the next one replaces it."""
        if self._file is not None:
            with suppress(OSError):
                self._file.truncate(self.size)
        self.close()


def _write(file: FileIO, data: bytes, at: int) -> None:
    file.truncate(at)
    file.seek(at)
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) or 0 :]
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Have a folder's list of files on the disk, where the system can do that."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
