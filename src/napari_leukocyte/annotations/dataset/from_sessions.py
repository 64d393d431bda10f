"""The fields of sessions: what a user curated in the viewer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.annotations.dataset.corrections import corrections, with_models
from napari_leukocyte.annotations.dataset.field import Field, Fields, Loader, default_group
from napari_leukocyte.annotations.dataset.history import tell
from napari_leukocyte.annotations.dataset.layout import DatasetError
from napari_leukocyte.annotations.dataset.origin import FILE_NAME, Origin, origin_of, with_ratios
from napari_leukocyte.annotations.dataset.provenance import merge
from napari_leukocyte.annotations.formats.annotated import AnnotatedImage
from napari_leukocyte.errors import ImageError, LeukocyteError
from napari_leukocyte.io.images.key import image_key
from napari_leukocyte.io.images.normalise import normalise_image
from napari_leukocyte.io.images.reading import read_image
from napari_leukocyte.reporting.record import describe_maps
from napari_leukocyte.segmentation.parameters import PostprocessParams
from napari_leukocyte.session.folders import session_folder
from napari_leukocyte.session.journal import read_journal
from napari_leukocyte.session.restoring import JOURNAL
from napari_leukocyte.session.session import Session
from napari_leukocyte.session.store import folder_of, has_session


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What a session holds at one moment, so that a thread can export it while work goes on."""

    name: str
    rgb: NDArray[np.uint8]
    labels: NDArray[np.int32]
    table: pd.DataFrame
    erased: NDArray[np.bool_]
    record: Mapping[str, Any]
    journal: tuple[bytes, ...]
    origin: Origin | None

    def field(self, file: Path | None = None, group: str | None = None) -> Field:
        """Return the field; see `field_of_session`."""
        key = image_key(self.rgb)
        if file is not None and not _shows(file, key):
            file = None
        table = with_ratios(with_models(self.table, self.record), self.origin)
        name = self.name if file is None else file.name
        known, since = ((), 0) if self.origin is None else (self.origin.events, self.origin.number)
        shape = (int(self.labels.shape[0]), int(self.labels.shape[1]))
        told = tell(self.journal, shape, since=since, segmentation=self.record.get("segmentation"))
        events = [*known, *merge(known, told)]
        given = None
        if self.origin is not None:
            given, name = self.origin.group, self.origin.name
        annotated = AnnotatedImage(name, shape, self.labels, table, file)
        return Field(
            annotated,
            self.rgb,
            file,
            group or given or default_group(name),
            (*events, *corrections(events, table)),
            self.record,
            self.erased if self.erased.any() else None,
        )


def snapshot(session: Session, folder: Path | None = None) -> Snapshot:
    """Take what a session holds.

    Parameters
    ----------
    session : Session
        Its arrays are never changed in place, so none is copied.
    folder : Path, optional
        That it is written into, for its history; known if the session is open here.
    """
    folder = folder_of(session) if folder is None else folder
    origin = origin_of(session, folder)
    return Snapshot(
        session.name,
        session.rgb,
        session.labels,
        session.table(),
        session.edits.erased,
        _record(session, origin),
        () if folder is None else _journal(folder),
        origin,
    )


def field_of_session(
    session: Session,
    file: Path | None = None,
    group: str | None = None,
    *,
    folder: Path | None = None,
) -> Field:
    """Return what a user curated.

    Parameters
    ----------
    session : Session
        Of the photograph.
    file : Path, optional
        The photograph's file; passed over if its pixels are not the session's.
    group : str, optional
        What it was taken of; by default what the dataset said that it was read from, or else
        the photograph itself.
    folder : Path, optional
        That the session is written into, for its history; known if it is open here.
    """
    return snapshot(session, folder).field(file, group)


def field_of_file(path: Path, group: str | None = None) -> Field:
    """Return what a user curated of an image file, from the session on the disk.

    Raises
    ------
    ImageError, SessionUnreadableError
        If the file or the session can't be read.
    DatasetError
        If there is no session of it.
    """
    from napari_leukocyte.analysis.smear.reading import read_session

    image = read_image(path)
    session = read_session(image, path.name)
    if not _worked_on(session.rgb):
        raise DatasetError(f"{path}: nothing was done with this photograph yet.")
    taken = snapshot(session, session_folder(session.rgb))
    return taken.field(path, group)


def fields_of_files(paths: Iterable[Path], group: str | None = None) -> Fields:
    """Return the fields of image files whose sessions exist, read one by one.

    Parameters
    ----------
    paths : iterable of Path
        The files; those with which nothing was done are left out.
    group : str, optional
        Of all; each its own by default.
    """
    chosen = []
    for path in paths:
        try:
            if not _worked_on(normalise_image(read_image(path)).rgb):
                continue
        except LeukocyteError:
            pass  # told when it is its turn
        chosen.append((path.name, _file_loader(path, group)))
    return Fields(chosen)


def _file_loader(path: Path, group: str | None) -> Loader:
    return lambda: field_of_file(path, group)


def _record(session: Session, origin: Origin | None) -> dict[str, Any]:
    """Return how a session's objects came about; what it was read from knows the rest."""
    maps, predictions, signed = session.maps, session.predictions, session.signed_off
    markers, params = session.markers, session.params
    earlier = {} if origin is None else dict(origin.record)
    classification: dict[str, Any] | None = None
    if predictions is not None and (predictions.model or earlier.get("classification")):
        classification = {"model": predictions.model, **predictions.description}
    unknown = origin is not None and earlier.get("parameters") is None
    return {
        "segmentation": earlier.get("segmentation")
        if maps is None
        else describe_maps(maps, session.weights),
        "classification": classification,
        "parameters": None if unknown and params == PostprocessParams() else params.to_dict(),
        "markers": None if markers is None else markers.tolist(),
        "sign_off": None if signed is None else {"reader": signed.reader, "when": signed.when},
    }


def _worked_on(rgb: NDArray[np.uint8]) -> bool:
    """Whether something was done with an image, or it came from a dataset without any cell."""
    return has_session(rgb) or (session_folder(rgb) / FILE_NAME).is_file()


def _journal(folder: Path) -> tuple[bytes, ...]:
    try:
        contents = read_journal(folder / JOURNAL)
    except (OSError, ValueError):
        return ()
    return () if contents is None else tuple(contents.records[1:])


def _shows(file: Path, key: str) -> bool:
    """Whether a file holds the pixels that are known by a key."""
    try:
        return image_key(normalise_image(read_image(file)).rgb) == key
    except ImageError:
        return False
