"""The source that is read: a file or a folder, looked into once."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import Any

from napari_leukocyte.annotations.formats import files
from napari_leukocyte.annotations.formats.left_out import LeftOut
from napari_leukocyte.annotations.formats.listings import Listings
from napari_leukocyte.errors import FormatError
from napari_leukocyte.io import json_text

#: Label Studio puts eight digits before the name of a photograph that is uploaded.
_UPLOADED = re.compile(r"[0-9a-f]{8}-(.+)")
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
    left_out : LeftOut, optional
        Collects what can't be read; a new one by default.

    Raises
    ------
    FormatError
        If it does not.
    """

    def __init__(
        self, path: Path, photographs: Path | None = None, left_out: LeftOut | None = None
    ) -> None:
        self.path, self.photographs = path, photographs
        self.left_out = LeftOut() if left_out is None else left_out
        self.listings = Listings()
        self._of_a_folder = False
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
        found = Source(path, self.photographs, self.left_out)
        found.listings, found._of_a_folder = self.listings, True
        return found

    def place(self, text: str) -> str:
        """Return a place in the file, such as "line 12", with the file's name among others."""
        return f"{text} of {self.path.name}" if self._of_a_folder else text

    def photograph(
        self, name: str, *inside: str, folder: Path | None = None, but: Path | None = None
    ) -> Path | None:
        """Find the photograph of a name, with or without ending; see `Listings.photographs`.

        The annotations are in `folder`; that of the source by default. `but` is none.
        """
        found = self.listings.photographs(folder or self.folder, name, *inside)
        found = [path for path in found if path != but]
        if not found and self.photographs is not None:
            found = self.listings.photographs(self.photographs, name)
        uploaded = _UPLOADED.fullmatch(name)
        if not found and uploaded is not None:
            return self.photograph(uploaded[1], *inside, folder=folder, but=but)
        if len(found) > 1:
            names = " and ".join(p.name for p in found)
            self.left_out.say(
                f"{names} are side by side, and the annotations do not say which is meant: "
                f"{found[0].name} is taken."
            )
        return found[0] if found else None

    @property
    def looks_like_json(self) -> bool:
        """Whether it is a file that begins as JSON does."""
        return self.start.lstrip()[:1] in (b"{", b"[")

    @cached_property
    def json(self) -> Any:
        """The file's JSON, also with NaN and infinities; raises FormatError if it is none."""
        self._constants: set[str] = set()
        return json_text.parse(files.read_text(self.path), self.where, self._constants)

    @property
    def strict_json(self) -> Any:
        """The file's JSON; raises FormatError if it is none, or holds NaN or an infinity."""
        data = self.json
        if self._constants:
            raise FormatError(f"{self.where} holds {min(self._constants)}, which is no number.")
        return data
