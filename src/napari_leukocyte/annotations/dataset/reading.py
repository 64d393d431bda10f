"""A version of a dataset, as it is read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.annotations.dataset.layout import (
    CROPS,
    LARGEST_TABLE,
    PARQUET,
    DatasetError,
    Side,
    inside,
    refuse_unlike,
)
from napari_leukocyte.annotations.dataset.manifest import (
    FileEntry,
    ImageEntry,
    read_manifest,
)
from napari_leukocyte.annotations.dataset.objects import read_objects
from napari_leukocyte.annotations.dataset.provenance import Log, parse_log
from napari_leukocyte.annotations.formats.annotated import AnnotatedImage
from napari_leukocyte.classification.measurements import as_label_image
from napari_leukocyte.errors import ImageError
from napari_leukocyte.io.images.key import image_key
from napari_leukocyte.io.images.normalise import normalise_image
from napari_leukocyte.io.images.reading import read_image
from napari_leukocyte.io.lzw import require_whole_pages
from napari_leukocyte.io.refusing import as_unreadable
from napari_leukocyte.schema import LABEL


@dataclass(frozen=True, eq=False)
class DatasetImage:
    """A photograph of a dataset.

    Attributes
    ----------
    name : str
        Unique in the dataset; what its rows of the table have as ``image``.
    file_name : str
        Of the photograph's file as it came.
    group : str
        What it was taken of.
    side : {"train", "validation", "test"}
        Of the split.
    image : Path or None
        Its file; None if it was not copied and is not where it was.
    labels : Path
        Its label image.
    sha256 : str
        Image key (SHA-256 of its pixels); see
        :func:`napari_leukocyte.io.images.key.image_key`.
    shape : tuple of int
        Height and width, px.
    complete : bool
        Whether all of its objects are in the dataset. If not, what is not labelled may be a cell.
    entry : ImageEntry
        What the manifest says of it.
    """

    name: str
    file_name: str
    group: str
    side: Side
    image: Path | None
    labels: Path
    sha256: str
    shape: tuple[int, int]
    complete: bool
    entry: ImageEntry


class Dataset:
    """One version of a dataset. Nothing in it is ever written to.

    Parameters
    ----------
    folder : Path
        Of the version.

    Attributes
    ----------
    folder : Path
        Of the version.
    manifest : DatasetManifest
        What it says of itself.
    sha256 : str
        Checksum of the manifest, which has those of all files: it names the data exactly.

    Raises
    ------
    DatasetError
        If there is no dataset, or its manifest is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest, self.sha256 = read_manifest(folder)

    @property
    def version(self) -> int:
        """Counted from 1."""
        return self.manifest.version

    @property
    def licence(self) -> str:
        """Of the data; empty if none was given."""
        return self.manifest.licence

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of every table."""
        return tuple(c.name for c in self.manifest.classes)

    @property
    def crops(self) -> Path:
        """Folder of the crops: one for each side, in it one for each class."""
        return self.folder / CROPS

    @cached_property
    def images(self) -> tuple[DatasetImage, ...]:
        """The photographs, by name."""
        return tuple(self._image(e) for e in self.manifest.images)

    def objects(self) -> pd.DataFrame:
        """Return the table of all objects; see :mod:`napari_leukocyte.annotations.dataset.objects`.

        Raises
        ------
        DatasetError
            If it is damaged.
        """
        rows = sum(i.objects for i in self.manifest.images)
        return read_objects(inside(self.folder, PARQUET), rows)

    def read(self, image: DatasetImage, table: pd.DataFrame | None = None) -> AnnotatedImage:
        """Read masks and objects of a photograph.

        Parameters
        ----------
        image : DatasetImage
            Of `images`.
        table : pandas.DataFrame, optional
            What `objects` gives, so that it is not read again for each photograph.

        Raises
        ------
        DatasetError
            If they are damaged.
        """
        every = self.objects() if table is None else table
        rows = every[every["image"] == image.name].reset_index(drop=True)
        labels = self.read_labels(image)
        numbers = np.unique(labels)
        if sorted(rows[LABEL].tolist()) != numbers[numbers > 0].tolist():
            raise DatasetError(
                "{name}: the table and the label image hold different objects.", name=image.name
            )
        name = image.file_name if image.image is None else image.image.name
        return AnnotatedImage(name, image.shape, labels, rows, image.image, key=image.sha256)

    def read_labels(self, image: DatasetImage) -> NDArray[np.int32]:
        """Return the label image of a photograph, (H, W) int32.

        Raises
        ------
        DatasetError
            If it is damaged.
        """
        import tifffile

        bad = DatasetError(f"{image.labels} is not a label image of {image.name}.")
        data = self.read_bytes(image.entry.labels)
        try:
            with tifffile.TiffFile(BytesIO(data)) as file:
                page = file.series[0]
                # Before anything is unpacked.
                if page.shape != image.shape or page.dtype.kind not in "iu":
                    raise bad
                require_whole_pages(file)
                array: Any = page.asarray()
            return as_label_image(array, image.shape)
        except DatasetError:
            raise
        except Exception as error:
            # tifffile raises many types on damaged files.
            raise bad from error

    def read_erased(self, image: DatasetImage) -> NDArray[np.bool_] | None:
        """Return where a reader removed objects, (H, W) bool; None if nowhere."""
        name = image.entry.erased
        if name is None:
            return None
        self.read_bytes(name)
        _refuse_other_size(inside(self.folder, name), image.shape)
        try:
            pixels = read_image(inside(self.folder, name))
        except ImageError as error:
            raise DatasetError(str(error)) from error
        if pixels.shape != image.shape:
            raise DatasetError(
                "{path} is not a mask of {name}.", path=inside(self.folder, name), name=image.name
            )
        return np.asarray(pixels > 0)

    def read_rgb(self, image: DatasetImage) -> NDArray[np.uint8]:
        """Return a photograph, (H, W, 3) uint8.

        Raises
        ------
        DatasetError
            If it is not there, or is another one.
        """
        if image.image is None:
            reference = image.entry.reference
            raise DatasetError(
                "{name}: the photograph was not copied into the dataset, and is not at "
                "{path} any more.",
                name=image.name,
                path=reference.path if reference else "",
            )
        _refuse_other_size(image.image, image.shape)
        try:
            rgb = normalise_image(read_image(image.image)).rgb
        except ImageError as error:
            raise DatasetError(str(error)) from error
        if image_key(rgb) != image.sha256:
            raise DatasetError("{path} is not the photograph that was exported.", path=image.image)
        return rgb

    def read_log(self, image: DatasetImage) -> Log:
        """Return what happened to a photograph's objects.

        Raises
        ------
        DatasetError
            If the log is missing or is not the one that was exported.
        """
        data = self.read_bytes(image.entry.provenance)
        return parse_log(data, image.sha256, Path(image.entry.provenance).name)

    def read_bytes(self, name: str) -> bytes:
        """Return a file's content.

        Parameters
        ----------
        name : str
            As in the manifest.

        Raises
        ------
        DatasetError
            If it is missing or is not the one that was exported.
        """
        path, entry = inside(self.folder, name), self.manifest.files[name]
        if refuse_unlike(path, LARGEST_TABLE) == entry.bytes:
            with as_unreadable(path, DatasetError):
                data = path.read_bytes()
            if hashlib.sha256(data).hexdigest() == entry.sha256:
                return data
        raise DatasetError("{path} is not the file that was exported.", path=path)

    def is_whole(self, name: str, entry: FileEntry | None = None) -> str | None:
        """Say in one sentence what is wrong with a file; None if nothing is."""
        entry = self.manifest.files[name] if entry is None else entry
        path = inside(self.folder, name)
        try:
            if refuse_unlike(path) != entry.bytes:
                return f"{name} is damaged: its size is another."
            with path.open("rb") as file:
                checksum = hashlib.file_digest(file, "sha256").hexdigest()
        except DatasetError:
            return f"{name} is missing." if not path.exists() else f"{name} is not a file."
        except OSError as error:
            return f"{name} can't be read: {error.strerror or error}."
        return None if checksum == entry.sha256 else f"{name} is damaged: its checksum is another."

    def _image(self, entry: ImageEntry) -> DatasetImage:
        file = None if entry.image is None else inside(self.folder, entry.image)
        if entry.reference is not None:
            given = Path(entry.reference.path)
            # It may have come from anywhere: nothing but a file of that size is ever opened.
            try:
                size = refuse_unlike(given)
            except (DatasetError, ValueError):
                size = -1
            file = given if size == entry.reference.bytes else None
        return DatasetImage(
            entry.id,
            entry.name,
            entry.group,
            entry.side,
            file,
            inside(self.folder, entry.labels),
            entry.key,
            entry.shape,
            entry.left_out == 0,
            entry,
        )


def _refuse_other_size(path: Path, shape: tuple[int, int]) -> None:
    """Raise DatasetError, before it is unpacked, if an image has not the pixels it must have."""
    import warnings

    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own limit
            with Image.open(path) as image:
                pixels = image.width * image.height
    except Image.DecompressionBombError:
        pixels = -1
    except (OSError, ValueError, SyntaxError):
        return  # a TIFF that Pillow does not know, or no image, which its reader says
    # Photographs that were taken upright may be stored lying.
    if pixels != shape[0] * shape[1]:
        raise DatasetError("{path} has another size than the manifest says.", path=path)
