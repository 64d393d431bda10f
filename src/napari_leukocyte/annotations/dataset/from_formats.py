"""The fields of annotation formats, results folders among them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.annotations.dataset.corrections import corrections, with_models
from napari_leukocyte.annotations.dataset.field import RECORD, Field, Fields, Loader, default_group
from napari_leukocyte.annotations.dataset.layout import DatasetError
from napari_leukocyte.annotations.dataset.manifest_reading import read_json
from napari_leukocyte.annotations.formats.annotated import AnnotatedImage
from napari_leukocyte.classification.measurements import measure
from napari_leukocyte.classification.regions import as_label_image
from napari_leukocyte.io.images.normalise import normalise_image
from napari_leukocyte.io.images.reading import read_image
from napari_leukocyte.reporting.save import RECORD as RUN


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
        where = f" beside {origin}" if origin else ""
        raise DatasetError(f"{name}: a dataset needs the photograph; put it{where}.")
    given = annotated.labels
    if given is None:
        raise DatasetError(f"{name}: a dataset needs masks, and only boxes are known.")
    rgb = normalise_image(read_image(annotated.source)).rgb
    if rgb.shape[:2] != given.shape:
        raise DatasetError(
            f"{name}: the photograph has {rgb.shape[1]} × {rgb.shape[0]} px, its masks "
            f"{given.shape[1]} × {given.shape[0]} px."
        )
    labels = as_label_image(given)
    table = _with_measurements(annotated.table, labels)
    tidied = with_models(table, record)
    shape = (int(labels.shape[0]), int(labels.shape[1]))
    return Field(
        AnnotatedImage(name, shape, labels, tidied, annotated.source),
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
) -> Loader:
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
    if table["label"].duplicated().any():
        raise DatasetError("A number stands for two objects of one photograph.")
    kept = table.drop(columns=[c for c in table if c != "label" and c in measured])
    return measured.merge(kept, on="label", how="left")
