"""The source that is read: a file or a folder, looked into once."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from napari_leukocyte.annotations.formats import files
from napari_leukocyte.errors import FormatError
from napari_leukocyte.io import json_text

#: Bytes by which the kind of a file is told.
_HEAD = 512


class Source:
    """A file or folder of annotations.

    Parameters
    ----------
    path : Path
        Must exist.
    photographs : Path, optional
        Folder in which photographs are looked for that are not beside the annotations.

    Raises
    ------
    FormatError
        If it does not.
    """

    def __init__(self, path: Path, photographs: Path | None = None) -> None:
        self.path, self.photographs = path, photographs
        self.is_folder = files.is_folder(path)
        if not self.is_folder and not files.is_file(path):
            raise FormatError(f"{path} is neither a file nor a folder.")

    @property
    def where(self) -> str:
        """What it is called in a sentence."""
        return str(self.path)

    @property
    def folder(self) -> Path:
        """The folder, or that of the file."""
        return self.path if self.is_folder else self.path.parent

    @cached_property
    def start(self) -> bytes:
        """The first bytes of a file, after a byte order mark; none of a folder."""
        return files.head(self.path, _HEAD).removeprefix(b"\xef\xbb\xbf")

    @cached_property
    def entries(self) -> list[Path]:
        """What is directly in a folder, sorted; nothing of a file."""
        return files.entries(self.path) if self.is_folder else []

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of `entries`."""
        return frozenset(p.name for p in self.entries)

    def below(self, suffix: str) -> list[Path]:
        """Return the files of `entries` whose names end so."""
        return [p for p in self.entries if p.suffix.lower() == suffix and files.is_file(p)]

    def sub(self, path: Path) -> Source:
        """Open what belongs to it."""
        return Source(path, self.photographs)

    def photograph(self, name: str, *inside: str, folder: Path | None = None) -> Path | None:
        """Find the photograph of a name, with or without ending; see `files.photograph`.

        The annotations are in `folder`; that of the source by default.
        """
        found = files.photograph(folder or self.folder, name, *inside)
        if found is None and self.photographs is not None:
            found = files.photograph(self.photographs, name)
        return found

    @property
    def looks_like_json(self) -> bool:
        """Whether it is a file that begins as JSON does."""
        return self.start.lstrip()[:1] in (b"{", b"[")

    @cached_property
    def json(self) -> Any:
        """The file's JSON; raises FormatError if it is none."""
        return json_text.parse(files.read_text(self.path), self.where)
