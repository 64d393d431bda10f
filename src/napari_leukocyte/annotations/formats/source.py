"""Folders as cameras and other systems fill them: a name is found in upper and in lower case."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any

from napari_leukocyte.annotations.formats import files
from napari_leukocyte.annotations.formats.files import is_file, within
from napari_leukocyte.annotations.formats.left_out import LeftOut
from napari_leukocyte.errors import FormatError
from napari_leukocyte.io import json_text
from napari_leukocyte.io.images.reading import IMAGE_SUFFIXES


def key(name: str) -> str:
    """Return what names have in common that mean one file to cameras, Windows and macOS."""
    return unicodedata.normalize("NFC", name).casefold()


@dataclass(frozen=True)
class _Listing:
    names: frozenset[str] = frozenset()
    by_key: dict[str, list[str]] = field(default_factory=dict)
    photographs: dict[str, list[str]] = field(default_factory=dict)


class Listings:
    """Looks into folders, into each once."""

    def __init__(self) -> None:
        self._known: dict[Path, _Listing] = {}

    def _list(self, folder: Path) -> _Listing:
        if folder not in self._known:
            try:
                names = sorted(p.name for p in folder.iterdir() if not p.name.startswith("."))
            except (OSError, ValueError):
                names = []
            found = _Listing(frozenset(names))
            for name in names:
                found.by_key.setdefault(key(name), []).append(name)
                path = PurePath(name)
                if path.suffix.lower() in IMAGE_SUFFIXES:
                    found.photographs.setdefault(key(path.stem), []).append(name)
            self._known[folder] = found
        return self._known[folder]

    def inside(self, folder: Path, *parts: str) -> Path:
        """Return a path in a folder: as written if it is there, else as upper and lower case allow.

        Parameters
        ----------
        folder : Path
            Taken as it is.
        *parts : str
            Names, each in what is before it.
        """
        for part in parts:
            listing = self._list(folder)
            found = listing.by_key.get(key(part))
            folder /= part if part in listing.names or not found else found[0]
        return folder

    def photographs(self, folder: Path, name: str, *inside: str) -> list[Path]:
        """Find the photographs that a name can mean, the likeliest first.

        Parameters
        ----------
        folder : Path
            Where the annotations are.
        name : str
            The photograph's name, or that without its ending.
        *inside : str
            Folders in it where it may be, beside itself; with slashes for those in others.

        Returns
        -------
        list of Path
            All from the first place that has one; several only if the name leaves it open. None
            that is a link out of the folder.
        """
        for place in (folder, *(self.inside(folder, *Path(i).parts) for i in inside)):
            found = [p for p in self._candidates(place, name) if is_file(p)]
            try:
                if found:
                    return [within(folder, p) for p in found]
            except FormatError:
                return []
        return []

    def _candidates(self, place: Path, name: str) -> list[Path]:
        listing = self._list(place)
        if PurePath(name).suffix.lower() in IMAGE_SUFFIXES:
            whole = [name] if name in listing.names else listing.by_key.get(key(name), [])
            if whole:
                return [place / n for n in whole]
        stems = listing.photographs.get(key(name), [])
        exact = [n for n in stems if PurePath(n).stem == name]
        return [place / n for n in sorted(exact or stems, key=lambda n: (key(n), n))]


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
            raise FormatError(f"{self.where} holds {min(self._constants)}, which is not a number.")
        return data
