"""Slides that lie at an address, such as ``https://`` or ``s3://``, read through fsspec.

A TIFF is read in parts; an OME-Zarr chunk by chunk. What an address needs beside fsspec (aiohttp
for HTTP, s3fs for S3) is said where it is missing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from napari_leukocyte.errors import ImageError

#: A scheme has two letters or more: one is a drive.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
#: Bytes of a file that are asked for and kept at once, and how many of them are.
_BLOCK, _BLOCKS = 2**20, 32
#: Bytes at both ends of a file that tell one state of it from another.
_SAMPLE = 2**16
#: By what servers tell states of a file apart.
_STATES = ("ETag", "etag", "LastModified", "last_modified", "mtime", "updated", "created")
#: Packages whose errors come from the way to the file, not from what is in it.
_WAYS = {"aiohttp", "asyncio", "botocore", "aiobotocore", "fsspec", "s3fs", "gcsfs"}


@dataclass(frozen=True)
class Address:
    """The address of a file, or of a folder of files, that is on no disk.

    Attributes
    ----------
    url : str
        As fsspec takes it.
    """

    url: str

    def __str__(self) -> str:
        return self.url

    def __truediv__(self, name: str) -> Address:
        return Address(f"{self.url.rstrip('/')}/{name}")

    @property
    def name(self) -> str:
        """Name of the file or folder."""
        parts = urlsplit(self.url)
        return (parts.path or parts.netloc).rstrip("/").rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """Ending of the name."""
        return Path(self.name).suffix

    def read(self, most: int) -> bytes | None:
        """Read a small file; None if there is none, or it has more bytes.

        Raises
        ------
        ImageError
            If it can't be reached.
        """
        with self._reached() as (system, path):
            try:
                data = bytes(system.cat_file(path))
            except FileNotFoundError:
                return None
        return data if len(data) <= most else None

    def open(self) -> Any:
        """Open a file of which any part can be read.

        Raises
        ------
        ImageError
            If it can't be reached, or its server sends whole files only.
        """
        with self._reached() as (system, path):
            options = {"cache_type": "blockcache", "cache_options": {"maxblocks": _BLOCKS}}
            file = system.open(path, "rb", block_size=_BLOCK, **options)
            try:
                if file.size is None:
                    raise ValueError
                # From its beginning any file can be read.
                file.seek(file.size // 2)
                file.read(1)
                file.seek(0)
            except (AttributeError, ValueError) as error:
                raise ImageError(f"The server of {self} does not send parts of files.") from error
        return file

    def state(self) -> tuple[int, int]:
        """Return numbers that differ if the file is written to.

        Raises
        ------
        ImageError
            If it can't be reached.
        """
        with self._reached() as (system, path):
            info = system.info(path)
        told = [str(info[name]) for name in _STATES if name in info]
        digest = hashlib.sha256("\0".join(told).encode()).digest()
        return int(info.get("size") or 0), int.from_bytes(digest[:6])

    def ends(self) -> bytes:
        """Return the file's size and both its ends, which tell it from others.

        Raises
        ------
        ImageError
            If it can't be reached.
        """
        with self.open() as file, self._reached():
            first = file.read(_SAMPLE)
            file.seek(max(0, file.size - _SAMPLE))
            last = file.read(_SAMPLE)
            return bytes(f"{file.size}\0".encode() + first + last)

    @contextmanager
    def _reached(self) -> Iterator[tuple[Any, str]]:
        """Give the file system and the path in it; turn what they raise into one sentence."""
        try:
            import fsspec

            system, path = fsspec.core.url_to_fs(self.url)
            yield system, str(path)
        except ImageError:
            raise
        except ImportError as error:
            raise ImageError(f"{self} can't be read without another package: {error}.") from error
        except FileNotFoundError as error:
            way = error.__cause__ or error.__context__
            if isinstance(way, OSError):  # nobody has said that it is not there
                raise ImageError(f"{self} can't be reached: {_words(way)}.") from error
            raise ImageError(f"There is nothing at {self}.") from error
        except Exception as error:
            # Each package behind an address has errors of its own.
            raise ImageError(f"{self} can't be reached: {_words(error)}.") from error


#: Where a slide lies: on a disk, or at an address.
Place = Path | Address


def place_of(text: str) -> Place:
    """Return the place that a text names: an address, or a path, made absolute."""
    return Address(text) if is_address(text) else Path(text).absolute()


def is_address(text: str) -> bool:
    """Say whether a text is an address rather than a path."""
    return _SCHEME.match(text) is not None


def lost_on_the_way(error: BaseException) -> bool:
    """Say whether an error means that something was not reached, rather than that it is damaged."""
    chain: BaseException | None = error
    while chain is not None:
        package = type(chain).__module__.partition(".")[0]
        if isinstance(chain, OSError) or package in _WAYS:
            return True
        chain = chain.__cause__ or chain.__context__
    return False


def _words(error: Exception) -> str:
    said = str(error).strip().rstrip(".")
    return said.splitlines()[0] if said else type(error).__name__
