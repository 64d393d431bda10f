"""Pictures of a smear's cells: from the disk, or cut from fields that nobody has open."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.analysis.smear.candidates import (
    SmearCandidate,
    SmearCandidates,
    with_candidate,
)
from napari_leukocyte.analysis.smear.cells import SmearCells
from napari_leukocyte.analysis.smear.inspection import smears_folder
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.gallery.cells import GalleryCell, Place
from napari_leukocyte.gallery.stored import PictureStore, cut_pictures, picture_key
from napari_leukocyte.gallery.thumbnails import ThumbnailStyle
from napari_leukocyte.io.images.normalise import normalise_image
from napari_leukocyte.io.images.reading import read_image
from napari_leukocyte.progress import Progress, silent
from napari_leukocyte.session.restoring import restore, sessions_folder
from napari_leukocyte.session.store import open_here

#: In the folder of the smears.
_FILE = "pictures.sqlite"
#: While pictures are cut, those that are there are delivered so often, s.
_EVERY = 0.15
#: By number, (S, S, 3) uint8.
Pictures: TypeAlias = dict[int, NDArray[np.uint8]]


def picture_store() -> PictureStore:
    """Return the store of this user's pictures."""
    return PictureStore(smears_folder() / _FILE)


def load_pictures(
    cells: SmearCells,
    wanted: Sequence[GalleryCell],
    style: ThumbnailStyle,
    extent: float,
    store: PictureStore,
    progress: Progress = silent,
    candidates: SmearCandidates | None = None,
    deliver: Callable[[Pictures], object] = lambda _: None,
) -> Pictures:
    """Load the pictures of some cells; those that are not on the disk are cut, and kept there.

    May run in a thread: it reads what is on the disk, and of sessions that are open only arrays
    that nobody changes.

    Parameters
    ----------
    cells : SmearCells
        Whose cells.
    wanted : sequence of GalleryCell
        With their numbers in the smear.
    style : ThumbnailStyle
    extent : float
        Side of what is shown, px.
    store : PictureStore
    progress : callable
        Called before each field that is read; it may raise
        :class:`~napari_leukocyte.errors.Cancelled`.
    candidates : SmearCandidates, optional
        Whose numbers are below 0; they are cut each time.
    deliver : callable
        Called with what there is so far, before others have to be cut and every now and then.

    Returns
    -------
    dict of int to ndarray
        (S, S, 3) uint8 by number; without those whose field can't be read.
    """
    keys: dict[int, str] = {}
    places: dict[int, dict[int, Place]] = {}
    regions = [cell.place.label for cell in wanted if cell.place.label < 0]
    for cell in wanted:
        if cell.place.label < 0:
            continue
        at = cells.place(cell.place.label)
        place = cell.place._replace(label=at.label)
        keys[cell.place.label] = picture_key(cells.smear.state(at.field).key, place, style, extent)
        places.setdefault(at.field, {})[cell.place.label] = place
    kept = store.find(keys.values())
    found = {number: kept[key] for number, key in keys.items() if key in kept}
    missing = {
        field: some
        for field, all_of_it in places.items()
        if (some := {n: p for n, p in all_of_it.items() if n not in found})
    }
    due = 0.0
    for done, (field, some) in enumerate(missing.items()):
        progress(done, len(missing), "Cutting pictures")
        if found and time.monotonic() > due:
            deliver(dict(found))
            due = time.monotonic() + _EVERY
        pictures = _cut(cells, field, some, style, extent)
        store.keep({keys[number]: picture for number, picture in pictures.items()})
        found |= pictures
    for done, number in enumerate(regions):
        progress(done, len(regions), "Cutting pictures")
        if candidates is None:
            break
        with suppress(KeyError):  # it is a cell by now
            field, candidate = candidates.of(number)
            found |= _cut(cells, field, {number: candidate.place}, style, extent, candidate)
    return found


def _cut(
    cells: SmearCells,
    field: int,
    places: Mapping[int, Place],
    style: ThumbnailStyle,
    extent: float,
    candidate: SmearCandidate | None = None,
) -> dict[int, NDArray[np.uint8]]:
    key = cells.smear.state(field).key
    session = open_here(key)
    try:
        if session is not None:
            rgb, labels = session.rgb, np.asarray(session.labels)
        else:
            restored = restore(sessions_folder() / key)
            if restored is None:
                return {}
            labels = restored.state.labels
            rgb = normalise_image(read_image(cells.smear.paths[field])).rgb
    except (LeukocyteError, MemoryError):
        return {}
    if rgb.shape[:2] != labels.shape:  # the file has changed since it was looked at
        return {}
    if candidate is not None:
        labels = with_candidate(labels, candidate)
    numbers = list(places)
    pictures = cut_pictures(rgb, labels, [places[n] for n in numbers], style, extent)
    return dict(zip(numbers, pictures, strict=True))
