"""The plugin's own dataset as one of the annotation formats.

:mod:`napari_leukocyte.annotations.formats.recognise` finds this module by its name: formats know
nothing of datasets.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from napari_leukocyte.annotations.dataset.export import export as export_fields
from napari_leukocyte.annotations.dataset.field import Fields
from napari_leukocyte.annotations.dataset.layout import KIND, POINTER
from napari_leukocyte.annotations.dataset.opening import open_dataset
from napari_leukocyte.annotations.dataset.sources import field_of_annotated
from napari_leukocyte.annotations.formats import files
from napari_leukocyte.annotations.formats.annotated import AnnotatedImage
from napari_leukocyte.annotations.formats.limits import MOST_SMALL_BYTES
from napari_leukocyte.annotations.formats.packed import PackedImage, has_masks
from napari_leukocyte.annotations.formats.source import Source
from napari_leukocyte.errors import FormatError
from napari_leukocyte.io import json_text
from napari_leukocyte.progress import Progress, silent

#: Columns that mean nothing elsewhere.
_OF_THE_DATASET = ("image", "side", "crop")


def recognises(source: Source) -> bool:
    """Whether this is the folder of a dataset."""
    if not source.is_folder or POINTER not in source.names:
        return False
    path = source.path / POINTER
    data = json_text.parse(files.read_text(path, MOST_SMALL_BYTES), str(path))
    return isinstance(data, dict) and data.get("kind") == KIND


def losses(images: Sequence[AnnotatedImage]) -> list[str]:
    """Say what a dataset has no place for: nothing, but it needs masks and photographs."""
    for image in images:
        if not has_masks(image):
            raise FormatError(f"A dataset needs masks, and {image.name} has boxes alone.")
        if image.source is None:
            raise FormatError(
                f"A dataset needs the photographs, and {image.name} is neither where the "
                "annotations say nor beside them."
            )
    return []


def read(source: Source) -> list[AnnotatedImage]:
    """Read the newest version of a dataset."""
    dataset = open_dataset(source.path)
    table = dataset.objects()
    images: list[AnnotatedImage] = []
    for image in dataset.images:
        one = dataset.read(image, table)
        rows = one.table.drop(columns=[c for c in _OF_THE_DATASET if c in one.table])
        images.append(
            PackedImage(image.file_name, one.shape, one.labels, rows, one.source, key=image.sha256)
        )
    return images


def export(
    images: Sequence[AnnotatedImage], folder: Path, progress: Progress = silent
) -> list[str]:
    """Add images to a dataset, or make one; return what it says of that."""
    fields = Fields([(image.name, partial(field_of_annotated, image)) for image in images])
    done = export_fields(folder, fields, progress=progress)
    return list(done.sentences)
