"""Folders as cameras and other systems fill them: a name is found in upper and in lower case."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from napari_leukocyte.annotations.formats.files import is_file, within
from napari_leukocyte.errors import FormatError
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
