"""The versions of a dataset: which is the newest, and opening one."""

from __future__ import annotations

from pathlib import Path

from napari_leukocyte.annotations.dataset.layout import (
    MANIFEST,
    POINTER,
    VERSIONS,
    DatasetError,
    refuse_link,
    version_name,
    versions_in,
)
from napari_leukocyte.annotations.dataset.manifest import check_schema, read_json
from napari_leukocyte.annotations.dataset.reading import Dataset
from napari_leukocyte.io.refusing import as_unreadable


def current_version(folder: Path) -> int | None:
    """Return the newest version of a dataset; None if there is none yet.

    An export ends with the rename of the version's folder. If it was stopped before the pointer
    followed, the version counts nonetheless.

    Raises
    ------
    DatasetError
        If the pointer is damaged or points to nothing.
    """
    refuse_link(folder / VERSIONS)
    refuse_link(folder / POINTER)
    found = versions_in(folder)
    pointed = 0
    if (folder / POINTER).exists():
        values = check_schema(folder / POINTER, read_json(folder / POINTER)[0])
        current = values.get("current")
        if not isinstance(current, int) or current not in found:
            raise DatasetError(
                "{path} points to version {current}, which is missing.",
                path=folder / POINTER,
                current=str(current)[:20],
            )
        pointed = current
    return max([pointed, *found]) or None


def open_dataset(folder: Path, version: int | None = None) -> Dataset:
    """Open a dataset.

    Parameters
    ----------
    folder : Path
        The dataset's, or that of one of its versions.
    version : int, optional
        Which; the newest by default.

    Returns
    -------
    Dataset

    Raises
    ------
    DatasetError
        With one sentence on what is missing or damaged.

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
    >>> dataset = datasets.open_dataset(folder / "cells")
    >>> len(dataset.objects()), dataset.images[0].shape
    (5, (300, 300))
    """
    folder = Path(folder)
    with as_unreadable(folder, DatasetError):
        if version is None and (folder / MANIFEST).is_file():
            return Dataset(folder)
        if not folder.is_dir():
            raise DatasetError("{folder} is not a folder.", folder=folder)
        newest = current_version(folder)
        if newest is None:
            raise DatasetError("{folder} holds no dataset.", folder=folder)
        wanted = newest if version is None else version
        if wanted not in versions_in(folder):
            raise DatasetError(
                "{folder} has no version {wanted}; the newest is {newest}.",
                folder=folder,
                wanted=wanted,
                newest=newest,
            )
        dataset = Dataset(folder / VERSIONS / version_name(wanted))
        if dataset.version != wanted:
            raise DatasetError(
                "{folder} holds version {version}: the folder was renamed; give it its name back.",
                folder=dataset.folder,
                version=dataset.version,
            )
        return dataset
