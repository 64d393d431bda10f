"""Files and archives of others: read no more than fits, and nothing outside of the folder given."""

from __future__ import annotations

import io
import os
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from urllib.parse import parse_qs, unquote

from napari_leukocyte.annotations.formats.limits import (
    LONGEST_FILE_NAME,
    MOST_ARCHIVE_BYTES,
    MOST_ENTRIES,
    MOST_ENTRY_BYTES,
    MOST_TEXT_BYTES,
)
from napari_leukocyte.errors import FormatError
from napari_leukocyte.io.refusing import as_unreadable
from napari_leukocyte.io.spreadsheet_text import escape_surrogates

#: Control characters, halves of characters, and what breaks lines.
_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})

#: What begins the addresses by which Label Studio names photographs.
_ON_A_SERVER = re.compile(r"(https?|s3|gs|azure-blob)://[^/\\]*/|/data/(?=upload/|local-files/)")

#: Longest text and largest number of a file that a sentence repeats.
_LONGEST_SHOWN, _LARGEST_SHOWN = 60, 10**20


def read_bytes(path: Path, most: int = MOST_TEXT_BYTES) -> bytes:
    """Read a file whole.

    Parameters
    ----------
    path : Path
        The file.
    most : int
        Bytes that it may have.

    Raises
    ------
    FormatError
        If it can't be read, is no regular file or is larger.
    """
    if not is_file(path):  # a pipe or a device would never end
        if os.path.lexists(path):
            raise FormatError("{path} is not a file.", path=path)
        raise FormatError("{path} does not exist.", path=path)
    with as_unreadable(path, FormatError), path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        amount = f"{most // 1_000_000} MB" if most >= 1_000_000 else f"{most} bytes"
        raise FormatError(
            "{path} is larger than {amount}, the most that is read.", path=path, amount=amount
        )
    return data


def read_text(path: Path, most: int = MOST_TEXT_BYTES) -> str:
    """Read a UTF-8 file whole, with or without a byte order mark; see `read_bytes`."""
    return decode(read_bytes(path, most), str(path))


def decode(data: bytes, where: str) -> str:
    """Return UTF-8 as text; raises FormatError if it is none."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError("{where} is not text in UTF-8.", where=where) from error


def head(path: Path, number: int) -> bytes:
    """Return the first bytes of a file; none if it can't be read or is no regular file."""
    if not is_file(path):
        return b""
    try:
        with path.open("rb") as file:
            return file.read(number)
    except OSError:
        return b""


def is_file(path: Path) -> bool:
    """Whether a path is a regular file; no path can be too long or odd to ask."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Whether a path is a folder."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def entries(folder: Path) -> list[Path]:
    """List what is directly in a folder, sorted; nothing hidden.

    Raises
    ------
    FormatError
        If it can't be read, holds too much, or a link in it leads out of it.
    """
    with as_unreadable(folder, FormatError):
        found = sorted(p for p in folder.iterdir() if not p.name.startswith("."))
    if len(found) > MOST_ENTRIES:
        raise FormatError(
            "{folder} holds more than {most} files.", folder=folder, most=MOST_ENTRIES
        )
    for path in found:
        if path.is_symlink():
            within(folder, path)
    return found


def walk(folder: Path, suffix: str) -> Iterator[Path]:
    """Yield the files below a folder that end so, sorted, following no link to a folder.

    Raises
    ------
    FormatError
        As `entries`.
    """
    for path in entries(folder):
        if is_folder(path):
            if not path.is_symlink():
                yield from walk(path, suffix)
        elif path.suffix.lower() == suffix and is_file(path):
            yield path


def within(folder: Path, path: Path) -> Path:
    """Return a path below a folder as it is; raises FormatError if it leads out of it by links."""
    root = os.path.realpath(folder)
    if os.path.commonpath([root, os.path.realpath(path)]) != root:
        raise FormatError(
            "{path} is a link that leads out of {folder}; it is not followed.",
            path=path,
            folder=folder,
        )
    return path


def plain_name(text: object, where: str) -> str:
    """Return the file name of a photograph that a file of annotations gives.

    Parameters
    ----------
    text : object
        A name, also with folders in front.
    where : str
        What the file is called in a sentence.

    Raises
    ------
    FormatError
        If it is no name, or leads out of the folder that it stands in.
    """
    if not isinstance(text, str) or not text.strip():
        raise FormatError("{where} has an image without a file name.", where=where)
    text = _without_server(text)
    parts = PureWindowsPath(text).parts  # knows both separators
    if PurePosixPath(text).is_absolute() or PureWindowsPath(text).anchor or ".." in parts:
        raise FormatError(
            "{where} names the image {text}, which leads out of its folder.",
            where=where,
            text=short(text),
        )
    return checked_name(parts[-1] if parts else "", where)


def _without_server(text: str) -> str:
    """Return the path of a photograph on a server, as Label Studio gives it; else the text."""
    match = _ON_A_SERVER.match(text)
    if match is None:
        return text
    rest, query, given = text[match.end() :].partition("?")
    found = parse_qs(given).get("d") if query else None
    return (found[0] if found else unquote(rest)).lstrip("/")


def last_part(text: str) -> str:
    """Return the last part of a path of any system, as a name that can be written."""
    return escape_surrogates(PureWindowsPath(text).name or text)


def checked_name(name: str, where: str) -> str:
    """Return a name that a file may have; raises FormatError if none may."""
    if name in ("", ".", "..") or not printable(name) or len(name.encode()) > LONGEST_FILE_NAME:
        raise FormatError(
            "{where} has the name {name}, which no file can have.", where=where, name=short(name)
        )
    return name


def printable(text: str) -> bool:
    """Whether a text can be written on one line in every format, XML among them."""
    return not any(unicodedata.category(c) in _UNPRINTABLE or c in "\ufffe\uffff" for c in text)


def short(value: object) -> str:
    """Return what a file holds as it may stand in a sentence: text in quotes, and not too long."""
    if isinstance(value, int) and abs(value) < _LARGEST_SHOWN:
        return str(value)
    shown = value if isinstance(value, str) else type(value).__name__
    cut = shown if len(shown) <= _LONGEST_SHOWN else shown[: _LONGEST_SHOWN - 3] + "..."
    return repr(cut).encode("ascii", "backslashreplace").decode()


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
                raise FormatError(
                    "{where} has more than {most} entries.", where=where, most=MOST_ENTRIES
                )
            left, names = MOST_ARCHIVE_BYTES, set()
            for info in infos:
                name = info.filename
                _check_name(name, where)
                if name in names:
                    raise FormatError(
                        "{where} has the entry {name} twice.", where=where, name=short(name)
                    )
                names.add(name)
                if info.is_dir() or _of_the_system(name):
                    continue
                if info.flag_bits & 0x1 or info.compress_type not in _METHODS:
                    raise FormatError(
                        "{where} has the entry {name} encrypted or packed in an unusual way.",
                        where=where,
                        name=short(name),
                    )
                most = min(left, MOST_ENTRY_BYTES)
                with archive.open(info) as file:
                    # What the entry says of its size may be a lie.
                    content = file.read(most + 1)
                if len(content) > most:
                    raise FormatError(
                        "{where} unpacks to more than can be read, as a ZIP bomb does.", where=where
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
        raise FormatError(
            "{where} is not a whole ZIP file: it is damaged or cut off.", where=where
        ) from error


def _of_the_system(name: str) -> bool:
    """Whether an entry is what macOS or Windows adds by itself."""
    parts = PureWindowsPath(name).parts
    return parts[0] == "__MACOSX" or parts[-1].startswith(".") or parts[-1] in _ADDED


def _check_name(name: str, where: str) -> None:
    parts = PureWindowsPath(name).parts
    if not parts:
        raise FormatError("{where} has an entry without a name: it is damaged.", where=where)
    if PurePosixPath(name).is_absolute() or PureWindowsPath(name).anchor or ".." in parts:
        raise FormatError(
            "{where} has an entry {name}, which leads out of its folder.",
            where=where,
            name=short(name),
        )
