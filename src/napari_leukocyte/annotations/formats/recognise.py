"""The register of formats, and the recognition of a file's or folder's format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Literal

from napari_leukocyte.annotations.formats.source import Source
from napari_leukocyte.errors import FormatError

#: One file for all images, a file for each, a folder for all, or a dataset that grows.
Kind = Literal["file", "file each", "folder", "dataset"]


class UnknownFormatError(FormatError):
    """The error for files that are in none of the formats."""


@dataclass(frozen=True)
class Format:
    """A format of annotations.

    Attributes
    ----------
    name : str
        As the command line takes it.
    title : str
        As a user knows it.
    module : str
        Of this package, or by its full name; has ``recognises(source)``, ``read(source)``,
        ``losses(images)`` and ``write(image or images, path)``.
    kind : str
        See `Kind`.
    suffixes : tuple of str
        Endings by which a destination is one file (of OME-Zarr, one store); the first is
        given to the files of a folder.
    owns : tuple of str
        Patterns of what a folder in this format holds: nothing else is ever replaced.
    """

    name: str
    title: str
    module: str
    kind: Kind
    suffixes: tuple[str, ...] = ()
    owns: tuple[str, ...] = ()

    def load(self) -> ModuleType:
        """Import the format's module."""
        own = "." not in self.module
        return import_module(f"{__package__}.{self.module}" if own else self.module)


_ALL = (
    Format("coco", "COCO instances", "coco", "file", (".json",), ("annotations.json",)),
    Format(
        "geojson", "QuPath GeoJSON", "geojson", "file each", (".geojson", ".json"), ("*.geojson",)
    ),
    Format("imagej-roi", "ImageJ ROIs", "imagej_roi", "file each", (".zip",), ("*.zip",)),
    Format(
        "yolo-seg",
        "YOLO segmentation",
        "yolo_seg",
        "folder",
        owns=("data.yaml", "napari-leukocyte.json", "labels/*.txt"),
    ),
    Format(
        "voc",
        "Pascal VOC",
        "voc",
        "folder",
        owns=("Annotations/*.xml", "SegmentationObject/*.png"),
    ),
    Format(
        "labels-csv",
        "Label TIFF and CSV",
        "labels_csv",
        "folder",
        owns=("objects.csv", "run.json", "*/labels.tif"),
    ),
    Format(
        "ome-zarr",
        "OME-Zarr labels",
        "ome_zarr",
        "file each",
        (".ome.zarr", ".zarr"),
        ("*.zarr/**",),
    ),
    Format(
        "dataset",
        "Dataset of this plugin",
        "napari_leukocyte.annotations.dataset.dataset_format",
        "dataset",
    ),
)
#: Every format by its name.
FORMATS: Mapping[str, Format] = MappingProxyType({f.name: f for f in _ALL})
# A folder may hold what several would take: the most peculiar is asked first.
_ORDER = ("dataset", "ome-zarr", "labels-csv", "yolo-seg", "voc", "coco", "geojson", "imagej-roi")


def recognise(path: Path) -> Format:
    """Return the format that a file or folder is in, by its content.

    Raises
    ------
    FormatError
        If it does not exist, is damaged or in none of the formats.
    """
    return recognise_source(Source(path))


def recognise_source(source: Source) -> Format:
    """Return the format of what was opened already; see `recognise`."""
    for name in _ORDER:
        if FORMATS[name].load().recognises(source):
            return FORMATS[name]
    known = ", ".join(f.title for f in _ALL)
    raise UnknownFormatError(
        "{where} is in no known format ({known}).", where=source.where, known=known
    )


def find_format(name: str) -> Format:
    """Return a format by its name; raises FormatError if there is none."""
    if name not in FORMATS:
        raise FormatError(
            "There is no format {name!r}: choose {names}.", name=name, names=", ".join(FORMATS)
        )
    return FORMATS[name]
