"""Read ZIP files without unpacking them to the disk, and without being blown up."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath, PureWindowsPath

from napari_leukocyte.annotations.formats.files import short
from napari_leukocyte.annotations.formats.limits import (
    MOST_ARCHIVE_BYTES,
    MOST_ENTRIES,
    MOST_ENTRY_BYTES,
)
from napari_leukocyte.errors import FormatError

#: First bytes of a ZIP file; the second, of one without entries.
STARTS = (b"PK\x03\x04", b"PK\x05\x06")
_ADDED = ("Thumbs.db", "desktop.ini")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def comment_of(data: bytes) -> bytes:
    """Return the comment of a ZIP file; empty if it can't be read."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return archive.comment
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return b""


def read_entries(data: bytes, where: str) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the files in a ZIP file, in their order.

    Parameters
    ----------
    data : bytes
        The ZIP file.
    where : str
        What it is called in a sentence.

    Raises
    ------
    FormatError
        If it is damaged or encrypted, a name in it leads out of a folder or is there twice, or it
        unpacks to more than may be.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            if len(infos) > MOST_ENTRIES:
                raise FormatError(f"{where} has more than {MOST_ENTRIES} entries.")
            left, names = MOST_ARCHIVE_BYTES, set()
            for info in infos:
                name = info.filename
                _check_name(name, where)
                if name in names:
                    raise FormatError(f"{where} has the entry {short(name)} twice.")
                names.add(name)
                if info.is_dir() or _of_the_system(name):
                    continue
                if info.flag_bits & 0x1 or info.compress_type not in _METHODS:
                    raise FormatError(
                        f"{where} has the entry {short(name)} encrypted or packed "
                        "in an unusual way."
                    )
                most = min(left, MOST_ENTRY_BYTES)
                with archive.open(info) as file:
                    # What the entry says of its size may be a lie.
                    content = file.read(most + 1)
                if len(content) > most:
                    raise FormatError(
                        f"{where} unpacks to more than can be read, as a ZIP bomb does."
                    )
                left -= len(content)
                yield name, content
    except FormatError:
        raise
    except (
        zipfile.BadZipFile,
        zlib.error,
        OSError,
        EOFError,
        ValueError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise FormatError(f"{where} is not a whole ZIP file: it is damaged or cut off.") from error


def _of_the_system(name: str) -> bool:
    """Whether an entry is what macOS or Windows adds by itself."""
    parts = PureWindowsPath(name).parts
    return parts[0] == "__MACOSX" or parts[-1].startswith(".") or parts[-1] in _ADDED


def _check_name(name: str, where: str) -> None:
    parts = PureWindowsPath(name).parts
    if not parts:
        raise FormatError(f"{where} has an entry without a name: it is damaged.")
    if PurePosixPath(name).is_absolute() or PureWindowsPath(name).anchor or ".." in parts:
        raise FormatError(f"{where} has an entry {short(name)}, which leads out of its folder.")
