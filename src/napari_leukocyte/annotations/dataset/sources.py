"""Fields from sessions, results folders and annotation formats."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.annotations.dataset.corrections import corrections, with_models
from napari_leukocyte.annotations.dataset.field import (
    RECORD,
    Field,
    FieldLoader,
    Fields,
    default_group,
)
from napari_leukocyte.annotations.dataset.history import replay_events
from napari_leukocyte.annotations.dataset.layout import DatasetError
from napari_leukocyte.annotations.dataset.manifest import read_json
from napari_leukocyte.annotations.dataset.provenance import merge
from napari_leukocyte.annotations.dataset.reopen import FILE_NAME, Origin, origin_of, with_ratios
from napari_leukocyte.annotations.formats.annotated import AnnotatedImage, other_pixels
from napari_leukocyte.classification.measurements import as_label_image, measure
from napari_leukocyte.errors import ImageError, LeukocyteError
from napari_leukocyte.io.images.key import image_key
from napari_leukocyte.io.images.normalise import normalise_image
from napari_leukocyte.io.images.reading import IMAGE_SUFFIXES, find_images, read_image
from napari_leukocyte.reporting.save import RECORD as RUN
from napari_leukocyte.schema import LABEL
from napari_leukocyte.segmentation.parameters import PostprocessParams
from napari_leukocyte.session.journal import read_journal
from napari_leukocyte.session.restoring import JOURNAL, session_folder
from napari_leukocyte.session.session import Session
from napari_leukocyte.session.snapshot import SessionSnapshot
from napari_leukocyte.session.store import folder_of, has_session

#: Group that stands for the name of each photograph's folder.
FOLDER_GROUP = "folder"


def field_of_annotated(
    annotated: AnnotatedImage,
    group: str | None = None,
    *,
    record: Mapping[str, Any] = RECORD,
    origin: str = "",
) -> Field:
    """Return what a file of some format holds.

    Parameters
    ----------
    annotated : AnnotatedImage
        It must have a label image and its photograph's file.
    group : str, optional
        The photograph itself by default.
    record : mapping
        How the objects came about, where that is known; see `Field.record`.
    origin : str
        Where it was read from, for messages.

    Raises
    ------
    DatasetError
        If the photograph or the masks are missing or do not fit.
    ImageError
        If the photograph can't be read.
    """
    name = annotated.name
    if annotated.source is None:
        if not origin:
            raise DatasetError(
                "{name}: a dataset needs the photograph, which was not found.", name=name
            )
        raise DatasetError(
            "{name}: a dataset needs the photograph; put it beside {origin}.",
            name=name,
            origin=origin,
        )
    given = annotated.labels
    if given is None:
        raise DatasetError("{name}: a dataset needs masks, and only boxes are known.", name=name)
    rgb = normalise_image(read_image(annotated.source)).rgb
    if rgb.shape[:2] != given.shape:
        raise DatasetError(
            "{name}: the photograph has {width} × {height} px, its masks {masks_width} × "
            "{masks_height} px.",
            name=name,
            width=rgb.shape[1],
            height=rgb.shape[0],
            masks_width=given.shape[1],
            masks_height=given.shape[0],
        )
    key = image_key(rgb)
    if annotated.key and annotated.key != key:
        raise DatasetError(other_pixels(name, annotated.source))
    labels = as_label_image(given)
    table = _with_measurements(annotated.table, labels)
    tidied = with_models(table, record)
    shape = (int(labels.shape[0]), int(labels.shape[1]))
    return Field(
        AnnotatedImage(name, shape, labels, tidied, annotated.source, key=key),
        rgb,
        annotated.source,
        group or default_group(name),
        tuple(corrections((), tidied)),
        record,
    )


def field_of_results(folder: Path, group: str | None = None) -> Fields:
    """Return the fields of a results folder, as ``napari-leukocyte run --out`` writes it.

    Raises
    ------
    LeukocyteError
        If the folder can't be read.
    """
    from napari_leukocyte.annotations.formats import convert

    read, record = convert.read(folder, strict=True), _record_of(folder)
    return Fields([(a.name, _loader(a, group, record, str(folder))) for a in read])


def _loader(
    annotated: AnnotatedImage, group: str | None, record: Mapping[str, Any], origin: str
) -> FieldLoader:
    return lambda: field_of_annotated(annotated, group, record=record, origin=origin)


def _record_of(folder: Path) -> Mapping[str, Any]:
    """Return which models and parameters a run was made with, if there is a record of it."""
    try:
        values = read_json(folder / RUN)[0]
        found = {name: values[name] for name in ("segmentation", "classification", "parameters")}
    except (DatasetError, KeyError, TypeError):
        return RECORD
    known = {name: dict(v) for name, v in found.items() if isinstance(v, dict)}
    return {**RECORD, **known}


def _with_measurements(table: pd.DataFrame, labels: NDArray[np.int32]) -> pd.DataFrame:
    """Measure the objects of a label image; what the table says besides is kept."""
    measured = measure(labels)
    if "nucleus_cell_ratio" in table:
        measured = measured.drop(columns="nucleus_cell_ratio")
    if table[LABEL].duplicated().any():
        raise DatasetError("Two objects of one photograph have the same number.")
    kept = table.drop(columns=[c for c in table if c != LABEL and c in measured])
    return measured.merge(kept, on=LABEL, how="left")


@dataclass(frozen=True, eq=False)
class ExportSnapshot:
    """A session at one moment, with its history, so that a thread can export both."""

    taken: SessionSnapshot
    record: Mapping[str, Any]
    journal: tuple[bytes, ...]
    origin: Origin | None

    def field(self, file: Path | None = None, group: str | None = None) -> Field:
        """Return the field; see `field_of_session`.

        Raises
        ------
        DatasetError
            If the file shows other pixels than the session's.
        """
        taken = self.taken
        key = image_key(taken.rgb)
        if file is not None:
            shown = _key_of(file)
            if shown not in (None, key):
                raise DatasetError(other_pixels(taken.name, file))
            file = None if shown is None else file
        table = with_ratios(with_models(taken.table, self.record), self.origin)
        erased = taken.state.erased
        name = taken.name if file is None else file.name
        known, since = ((), 0) if self.origin is None else (self.origin.events, self.origin.number)
        shape = (int(taken.labels.shape[0]), int(taken.labels.shape[1]))
        replayed = replay_events(
            self.journal, shape, since=since, segmentation=self.record.get("segmentation")
        )
        events = [*known, *merge(known, replayed)]
        given = None
        if self.origin is not None:
            given, name = self.origin.group, self.origin.name
        annotated = AnnotatedImage(name, shape, taken.labels, table, file, key=key)
        return Field(
            annotated,
            taken.rgb,
            file,
            group or given or default_group(name),
            (*events, *corrections(events, table)),
            self.record,
            erased if erased.any() else None,
        )


def take_snapshot(session: Session, folder: Path | None = None) -> ExportSnapshot:
    """Take what a session holds.

    Parameters
    ----------
    session : Session
        Its arrays are never changed in place, so none is copied.
    folder : Path, optional
        That it is written into, for its history; known if the session is open here.

    Raises
    ------
    BlindReadError
        While classes are hidden.
    """
    taken = session.snapshot()
    folder = folder_of(session) if folder is None else folder
    origin = origin_of(session, folder)
    return ExportSnapshot(
        taken,
        _record(taken, origin),
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
        The photograph's file; passed over if it can't be read.
    group : str, optional
        What it was taken of; by default what the dataset said that it was read from, or else
        the photograph itself.
    folder : Path, optional
        That the session is written into, for its history; known if it is open here.
    """
    return take_snapshot(session, folder).field(file, group)


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
        raise DatasetError("{path}: nothing was done with this photograph yet.", path=path)
    taken = take_snapshot(session, session_folder(session.rgb))
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


def _file_loader(path: Path, group: str | None) -> FieldLoader:
    return lambda: field_of_file(path, group)


def _record(taken: SessionSnapshot, origin: Origin | None) -> dict[str, Any]:
    """Return how a session's objects came about; what it was read from knows the rest."""
    predictions, markers, params = taken.state.predictions, taken.state.markers, taken.state.params
    earlier = {} if origin is None else dict(origin.record)
    classification: dict[str, Any] | None = None
    if predictions is not None and (predictions.model or earlier.get("classification")):
        classification = {"model": predictions.model, **predictions.description}
    unknown = origin is not None and earlier.get("parameters") is None
    return {
        "segmentation": taken.segmentation or earlier.get("segmentation"),
        "classification": classification,
        "parameters": None if unknown and params == PostprocessParams() else params.to_dict(),
        "markers": None if markers is None else markers.tolist(),
        "sign_off": taken.sign_off,
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


def _key_of(file: Path) -> str | None:
    """Return what a photograph's pixels are known by; None if it is gone or none."""
    try:
        return image_key(normalise_image(read_image(file)).rgb)
    except ImageError:
        return None


def fields_of_sources(sources: Sequence[Path], group: str | None = None) -> Fields:
    """Return what can be exported, read one by one.

    Parameters
    ----------
    sources : sequence of Path
        Each an image that was worked on, a folder of such, a results folder of
        ``napari-leukocyte run``, or a file or folder of any format that
        :mod:`napari_leukocyte.annotations.formats` reads.
    group : str, optional
        Of all photographs; ``"folder"`` takes the name of each one's folder. Each is its own group
        by default.

    Returns
    -------
    Fields

    Raises
    ------
    LeukocyteError
        If a source does not exist or holds nothing that can be exported.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import tifffile
    >>> import napari_leukocyte as nl
    >>> from napari_leukocyte import datasets, formats
    >>> folder = Path(tempfile.mkdtemp())
    >>> smear = nl.synthetic_smear((300, 300), n_per_class=1, diameter=60, touching_pairs=0)
    >>> tifffile.imwrite(folder / "field.tif", smear.image, photometric="rgb")
    >>> table = nl.classify(smear.image, smear.labels)
    >>> image = formats.AnnotatedImage("field.tif", smear.labels.shape, smear.labels, table)
    >>> lost = formats.write([image], folder / "field.json", "coco")
    >>> fields = datasets.fields_of_sources([folder / "field.json"])
    >>> len(fields)
    1
    """
    loaders: list[tuple[str, FieldLoader]] = []
    for source in sources:
        loaders += _of(source, group).loaders
    return Fields(loaders)


def _of(source: Path, group: str | None) -> Fields:
    if not source.exists():
        raise DatasetError("{source} does not exist.", source=source)
    own = _name_of_folder(source) if group == FOLDER_GROUP else group
    if source.is_file() and source.suffix.lower() in IMAGE_SUFFIXES:
        path = source
        return Fields([(path.name, lambda: field_of_file(path, own))])
    images: list[Path] = []
    if source.is_dir():
        try:
            images = find_images([source])
        except ImageError:
            images = []
    worked = fields_of_files(images, own) if images else Fields([])
    if len(worked):
        return worked
    try:
        return field_of_results(source, own)
    except LeukocyteError as error:
        if not images:
            raise
        raise DatasetError(
            "{source} holds images, but nothing was done with them yet, and no annotations.",
            source=source,
        ) from error


def _name_of_folder(source: Path) -> str:
    folder = source if source.is_dir() else source.parent
    return folder.absolute().name
