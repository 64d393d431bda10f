"""The origin of a session that was read from a dataset, kept in the session's folder.

A session knows how things stand; what happened before it was read, which model drew the masks and
how large the nuclei are that the maps showed is known to the dataset alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
from pydantic import BeforeValidator

from napari_leukocyte.annotations.dataset.layout import DatasetError
from napari_leukocyte.annotations.dataset.provenance import Event
from napari_leukocyte.annotations.dataset.reading import Dataset, DatasetImage
from napari_leukocyte.counting.own_classes import load_own_classes, own_class, save_own_classes
from napari_leukocyte.errors import LeukocyteError, ParameterError
from napari_leukocyte.io.images.key import image_key
from napari_leukocyte.io.user_files import read_user_file, write_user_file
from napari_leukocyte.io.validation import Number, Whole, WholeKey, parse
from napari_leukocyte.language import later
from napari_leukocyte.progress import Progress, silent
from napari_leukocyte.schema import LABEL
from napari_leukocyte.segmentation.parameters import PostprocessParams
from napari_leukocyte.session.objects import predictions_in, reviews_in
from napari_leukocyte.session.restoring import restore, session_folder
from napari_leukocyte.session.reviews import SignOff
from napari_leukocyte.session.session import Session
from napari_leukocyte.session.state import State
from napari_leukocyte.vocabulary import CLASSES, GROUPS

FILE_NAME = "origin.json"
_KEY = "origin"
#: A mask is still the same if these are: to the last bit, since they are computed the same way.
_SAME = ("area_px", "y", "x", "circularity")
_RATIO = "nucleus_cell_ratio"

#: Of sessions that are not written down.
_IN_MEMORY: WeakKeyDictionary[Session, Origin] = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class Origin:
    """The origin of a session.

    Attributes
    ----------
    dataset : str
        Checksum of the manifest.
    group : str
        Of the photograph.
    name : str
        File name of the photograph as it first came.
    number : int
        How many commands the session had then.
    events : tuple of Event
        What happened before.
    record : mapping
        How the objects came about.
    measured : mapping of int to list
        By object, `_SAME` and the nucleus-to-cell ratio.
    """

    dataset: str
    group: str
    name: str
    number: Whole
    events: tuple[Annotated[Event, BeforeValidator(Event.from_dict)], ...] = ()
    record: Mapping[str, Any] = field(default_factory=dict)
    measured: Mapping[WholeKey, list[Number]] = field(default_factory=dict)


def measured_of(table: pd.DataFrame) -> dict[int, list[float]]:
    """Return what `Origin.measured` holds of a table's objects."""
    known = table[table[_RATIO].notna()]
    values = known[[*_SAME, _RATIO]].to_numpy(np.float64).tolist()
    return dict(zip(known[LABEL].tolist(), values, strict=True))


def with_ratios(table: pd.DataFrame, origin: Origin | None) -> pd.DataFrame:
    """Fill in nucleus-to-cell ratios that only the dataset knows, where masks are unchanged."""
    if origin is None or not origin.measured or not len(table):
        return table
    ratios = table[_RATIO].to_numpy(np.float64).copy()
    same = table[list(_SAME)].to_numpy(np.float64)
    for place, label in enumerate(table[LABEL].tolist()):
        known = origin.measured.get(label)
        if known is not None and np.isnan(ratios[place]) and known[:-1] == same[place].tolist():
            ratios[place] = known[-1]
    return table.assign(**{_RATIO: ratios})


def write_origin(session: Session, folder: Path | None, origin: Origin) -> None:
    """Remember where a session was read from; raises OutputError if that can't be written."""
    if folder is None:
        _IN_MEMORY[session] = origin
        return
    value = {
        "dataset": origin.dataset,
        "group": origin.group,
        "name": origin.name,
        "number": origin.number,
        "events": [e.to_dict() for e in origin.events],
        "record": dict(origin.record),
        "measured": {str(n): v for n, v in origin.measured.items()},
    }
    write_user_file(folder / FILE_NAME, _KEY, json.loads(json.dumps(value)))


def origin_of(session: Session, folder: Path | None) -> Origin | None:
    """Return where a session was read from; None if from no dataset, or the file is damaged."""
    if folder is None:
        return _IN_MEMORY.get(session)
    try:
        value = read_user_file(folder / FILE_NAME, _KEY)
        if value is None:
            return None
        return parse(Origin, value, complete=True)
    except (ParameterError, KeyError, TypeError, AttributeError):
        return None


@dataclass(frozen=True)
class Reopened:
    """Photographs whose work came back.

    Attributes
    ----------
    files : tuple of Path
        Photographs whose sessions hold the dataset's work now.
    skipped : dict of str to str
        Photographs that were left alone, and why.
    """

    files: tuple[Path, ...]
    skipped: dict[str, str] = field(default_factory=dict)


def reopen(
    dataset: Dataset, *, replace: bool = False, progress: Progress | None = None
) -> Reopened:
    """Bring all photographs of a dataset back into sessions on the disk.

    Parameters
    ----------
    dataset : Dataset
        Of which.
    replace : bool
        Whether work that is there already is given up for the dataset's, as one step that can be
        undone while the session is open.
    progress : callable, optional
        Called before each photograph.

    Returns
    -------
    Reopened

    Raises
    ------
    DatasetError
        If the table is damaged.

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
    >>> done = datasets.export(folder / "cells", fields)
    >>> back = datasets.reopen(datasets.open_dataset(folder / "cells"), replace=True)
    >>> back.skipped
    {}
    """
    from napari_leukocyte.analysis.smear.reading import hold_session

    report, table = progress or silent, dataset.objects()
    files: list[Path] = []
    skipped: dict[str, str] = {}
    for number, image in enumerate(dataset.images):
        report(number, len(dataset.images), f"Reading {image.name}")
        try:
            rgb = dataset.read_rgb(image)
            with hold_session(rgb, image.file_name) as session:
                fill_session(
                    session, dataset, image, session_folder(rgb), table=table, replace=replace
                )
        except LeukocyteError as error:
            skipped[image.name] = str(error)
            continue
        if image.image is not None:
            files.append(image.image)
    report(len(dataset.images), len(dataset.images), "Read")
    return Reopened(tuple(files), skipped)


def fill_session(
    session: Session,
    dataset: Dataset,
    image: DatasetImage,
    folder: Path | None = None,
    *,
    table: pd.DataFrame | None = None,
    replace: bool = False,
) -> None:
    """Bring a photograph's masks, classes, reviews and history into its session.

    Parameters
    ----------
    session : Session
        Of the same pixels.
    dataset : Dataset
        From which.
    image : DatasetImage
        Which photograph.
    folder : Path, optional
        That the session is written into; None if it is not.
    table : pandas.DataFrame, optional
        What `Dataset.objects` gives.
    replace : bool
        Whether what the session has may go.

    Raises
    ------
    DatasetError
        If the session is of another photograph or has work of its own, or the dataset is damaged.
    """
    if image_key(session.rgb) != image.sha256:
        raise DatasetError(
            "{name} is not the photograph {photograph} of the dataset.",
            name=session.name,
            photograph=image.name,
        )
    if len(session.table()) and not replace:
        raise DatasetError("{name}: there is work on this photograph already.", name=image.name)
    annotated = dataset.read(image, table)
    log = dataset.read_log(image)
    if log.problems:
        raise DatasetError(
            "{name}: its history is damaged ({problem})", name=image.name, problem=log.problems[0]
        )
    record, rows = image.entry.record, annotated.table
    labels = annotated.labels
    assert labels is not None  # noqa: S101 - a dataset has masks
    erased = dataset.read_erased(image)
    try:
        state = State(
            labels=labels,
            erased=np.zeros(labels.shape, bool) if erased is None else erased,
            edited=frozenset(rows.loc[rows["edited"], LABEL].tolist()),
            params=_params(record),
            markers=_markers(record),
            predictions=predictions_in(rows, record.get("classification")),
            reviews=reviews_in(rows),
            signed_off=_sign_off(record),
        )
    except (ParameterError, KeyError, TypeError, ValueError) as error:
        raise DatasetError(
            "{name}: what the manifest says of it is damaged.", name=image.name
        ) from error
    session.take_state(state, later("Read from a dataset"))
    restored = None if folder is None else restore(folder)
    origin = Origin(
        dataset.sha256,
        image.group,
        image.file_name,
        0 if restored is None else restored.number,
        log.events,
        record,
        measured_of(rows),
    )
    write_origin(session, folder, origin)


def adopt_classes(dataset: Dataset) -> list[str]:
    """Add a dataset's own classes to the user's, so that they have their colours and keys here.

    Parameters
    ----------
    dataset : Dataset
        Of which.

    Returns
    -------
    list of str
        Names of those that were added; a key that is taken is left out.

    Raises
    ------
    ParameterError
        If the user's file of classes is damaged.
    OutputError
        If it can't be written.
    """
    own = list(load_own_classes())
    known = {c.name for c in (*CLASSES, *GROUPS, *own)}
    taken = {c.key for c in (*CLASSES, *own)}
    added = []
    for found in dataset.manifest.classes:
        if found.name in known:
            continue
        key = "" if found.key in taken else found.key
        try:
            own.append(own_class(found.name, found.color, key, found.counted, own))
        except ParameterError:
            continue  # shown in grey, like any class that nobody has described
        taken.add(key)
        added.append(found.name)
    if added:
        save_own_classes(own)
    return added


def _params(record: Mapping[str, Any]) -> PostprocessParams:
    given = record.get("parameters")
    return PostprocessParams() if given is None else PostprocessParams.from_dict(given)


def _markers(record: Mapping[str, Any]) -> Any:
    given = record.get("markers")
    return None if given is None else np.array(given, np.float64).reshape(-1, 2)


def _sign_off(record: Mapping[str, Any]) -> SignOff | None:
    given = record.get("sign_off")
    return None if given is None else SignOff(str(given["reader"]), str(given["when"]))
