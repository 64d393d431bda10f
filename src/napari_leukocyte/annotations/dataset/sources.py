"""Find what can be exported in files and folders: sessions, results, annotation formats."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_leukocyte.annotations.dataset.field import FieldLoader, Fields
from napari_leukocyte.annotations.dataset.from_formats import field_of_results
from napari_leukocyte.annotations.dataset.from_sessions import field_of_file, fields_of_files
from napari_leukocyte.annotations.dataset.layout import DatasetError
from napari_leukocyte.errors import ImageError, LeukocyteError
from napari_leukocyte.io.images.reading import IMAGE_SUFFIXES, find_images

#: Group that stands for the name of each photograph's folder.
FOLDER_GROUP = "folder"


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
    """
    loaders: list[tuple[str, FieldLoader]] = []
    for source in sources:
        loaders += _of(source, group).loaders
    return Fields(loaders)


def _of(source: Path, group: str | None) -> Fields:
    if not source.exists():
        raise DatasetError(f"{source} does not exist.")
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
            f"{source} holds images, but nothing was done with them yet, and no annotations."
        ) from error


def _name_of_folder(source: Path) -> str:
    folder = source if source.is_dir() else source.parent
    return folder.absolute().name
