"""OME-Zarr labels: a store for each image, written as version 0.4, read as 0.4 and 0.5.

The layout is that of https://ngff.openmicroscopy.org/0.4/#labels-md. Classes, numbers and what
readers said are the ``properties`` of ``image-label``, which the specification leaves to whoever
writes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.annotations.formats import files
from napari_leukocyte.annotations.formats.annotated import AnnotatedImage, key_in, pixels
from napari_leukocyte.annotations.formats.attributes import UNCLASSIFIED, class_name, number
from napari_leukocyte.annotations.formats.canvas import Canvas
from napari_leukocyte.annotations.formats.cells import cells_of, classes_of, colors_of
from napari_leukocyte.annotations.formats.limits import MOST_ENTRIES
from napari_leukocyte.annotations.formats.packed import has_masks
from napari_leukocyte.annotations.formats.source import Source
from napari_leukocyte.annotations.formats.zarr_arrays import (
    V2_ATTRIBUTES,
    V2_GROUP,
    V3,
    attributes_of,
    read_plane,
)
from napari_leukocyte.classification.measurements import iterate_regions
from napari_leukocyte.errors import FormatError
from napari_leukocyte.io import json_text

SUFFIX = ".zarr"
#: What the label image is called.
NAME = "leukocytes"
VERSION = "0.4"
_OURS, _LABELS, _CLASS = "napari-leukocyte", "labels", "class"
_CHUNK_PX = 1024
_BF2RAW = "bioformats2raw.layout"
_LARGEST_UINT16 = 65_535


def recognises(source: Source) -> bool:
    """Whether this is a Zarr store, or a folder of such."""
    return source.is_folder and bool(_stores(source))


def _is_store(folder: Path) -> bool:
    return any(files.is_file(folder / name) for name in (V2_GROUP, V2_ATTRIBUTES, V3))


def _stores(source: Source) -> list[Path]:
    if _is_store(source.path):
        return [source.path]
    return [p for p in source.entries if p.suffix.lower() == SUFFIX and _is_store(p)]


def losses(images: Sequence[AnnotatedImage]) -> list[str]:
    """Say what OME-Zarr has no place for."""
    boxed = [image.name for image in images if not has_masks(image)]
    if boxed:
        raise FormatError(f"OME-Zarr labels need masks, and {boxed[0]} has boxes alone.")
    return []


def write(image: AnnotatedImage, folder: Path) -> None:
    """Write one image.

    Parameters
    ----------
    image : AnnotatedImage
        What to write.
    folder : Path
        The store's; empty, or not there yet.
    """
    import zarr
    from numcodecs import Blosc

    labels = image.labels
    if labels is None:
        raise FormatError(f"OME-Zarr labels need masks, and {image.name} has boxes alone.")
    group = folder / _LABELS / NAME
    group.mkdir(parents=True, exist_ok=True)
    for place, about in (
        (folder, {_OURS: {"image": image.name} | pixels(image)}),
        (folder / _LABELS, {_LABELS: [NAME]}),
        (group, _described(image)),
    ):
        # What zarr itself would write, but without a thread for each of these small files.
        (place / V2_GROUP).write_bytes(json_text.dumps({"zarr_format": 2}))
        (place / V2_ATTRIBUTES).write_bytes(json_text.dumps(about))
    largest = int(labels.max(initial=0))
    dtype = np.uint16 if largest <= _LARGEST_UINT16 else np.int32
    zarr.create_array(
        str(group / "0"),
        zarr_format=2,
        data=labels.astype(dtype),
        chunks=(min(_CHUNK_PX, labels.shape[0]), min(_CHUNK_PX, labels.shape[1])),
        compressors=Blosc(cname="zstd", clevel=1, shuffle=Blosc.SHUFFLE),
        chunk_key_encoding={"name": "v2", "separator": "/"},
    )


def _described(image: AnnotatedImage) -> dict[str, Any]:
    colors = colors_of(classes_of([image]))
    cells = cells_of(image)
    properties = []
    for cell in cells:
        said: dict[str, Any] = {"label-value": cell.number}
        if cell.class_name is not None:
            said[_CLASS] = cell.class_name
        further = {k: v for k, v in cell.attributes.items() if k not in ("label-value", _CLASS)}
        properties.append(said | further)
    return {
        "multiscales": [
            {
                "version": VERSION,
                "name": NAME,
                "axes": [{"name": "y", "type": "space"}, {"name": "x", "type": "space"}],
                "datasets": [
                    {
                        "path": "0",
                        "coordinateTransformations": [{"type": "scale", "scale": [1.0, 1.0]}],
                    }
                ],
            }
        ],
        "image-label": {
            "version": VERSION,
            "colors": [
                {"label-value": c.number, "rgba": [*colors[c.class_name or UNCLASSIFIED], 255]}
                for c in cells
            ],
            "properties": properties,
            "source": {"image": "../../"},
        },
    }


def read(source: Source) -> list[AnnotatedImage]:
    """Read the labels of a store, or of every store of a folder.

    Raises
    ------
    FormatError
        If one is damaged, has no labels, or several and none of ours.
    """
    images = []
    for store in _stores(source):
        series = _series(store)
        if not series:
            images.append(_read_store(source, store, store))
            continue
        labelled = [s for s in series if _is_store(s / _LABELS)]
        if not labelled:
            raise FormatError(f"{store} has no labels.")
        several = len(series) > 1
        images += [_read_store(source, one, store, several=several) for one in labelled]
    return images


def _series(store: Path) -> list[Path]:
    """Return the groups of the images in a store of bioformats2raw; none of another store."""
    if _BF2RAW not in attributes_of(store, store):
        return []
    named = attributes_of(store / "OME", store).get("series")
    if not isinstance(named, list):
        named = []
        while _is_store(store / str(len(named))):
            named.append(str(len(named)))
    if len(named) > MOST_ENTRIES:
        raise FormatError(f"{store} holds more than {MOST_ENTRIES} images.")
    groups = [store / files.plain_name(name, str(store)) for name in named]
    return [files.within(store, group) for group in groups]


def _read_store(
    source: Source, folder: Path, store: Path, *, several: bool = False
) -> AnnotatedImage:
    """Read the labels of an image's group in a store, which is the group itself or holds it."""
    about = attributes_of(folder, folder)
    ours = about.get(_OURS)
    name = store.name.removesuffix(SUFFIX).removesuffix(".ome") or store.name
    photograph = source.photograph(name, "images", folder=store.parent)
    name = f"{name}-{folder.name}" if several else name
    if isinstance(ours, dict) and "image" in ours:
        name = files.plain_name(ours["image"], str(folder))
    group = _label_group(folder, about)
    files.within(folder, group)
    described = attributes_of(group, folder)
    array = group / _path_of(described, group)
    labels = read_plane(array, folder)
    if isinstance(ours, dict) or several:
        photograph = source.photograph(name, "images", folder=store.parent)
    key = key_in(ours) if isinstance(ours, dict) else ""
    return _image(name, labels, described, photograph, str(group), key)


def _label_group(folder: Path, about: Mapping[str, Any]) -> Path:
    """Return the group of the one label image, or of ours, wherever in it the path points."""
    if "image-label" in about:
        return folder
    group = folder if _LABELS in about else folder / _LABELS
    names = attributes_of(group, folder).get(_LABELS)
    if not isinstance(names, list) or not names:
        raise FormatError(f"{folder} has no labels.")
    plain = [files.plain_name(n, str(group)) for n in names]
    if plain != names:
        raise FormatError(f"{group} names labels that lie elsewhere.")
    if NAME not in names and len(names) > 1:
        raise FormatError(f"{group} has several label images: name one of their folders.")
    return group / (NAME if NAME in names else str(names[0]))


def _path_of(described: Mapping[str, Any], group: Path) -> str:
    """Return the path of the array in full size."""
    scales = described.get("multiscales")
    first = scales[0] if isinstance(scales, list) and scales else None
    sets = first.get("datasets") if isinstance(first, dict) else None
    found = (
        sets[0].get("path")
        if isinstance(sets, list) and sets and isinstance(sets[0], dict)
        else None
    )
    if not isinstance(found, str) or files.plain_name(found, str(group)) != found:
        raise FormatError(f"{group} is not an OME-Zarr label image.")
    return found


def _image(
    name: str,
    labels: NDArray[np.int32],
    described: Mapping[str, Any],
    photograph: Path | None,
    where: str,
    key: str,
) -> AnnotatedImage:
    about = described.get("image-label")
    entries = about.get("properties", []) if isinstance(about, dict) else []
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise FormatError(f"{where} has properties that are not a list of objects.")
    said: dict[int, dict[str, Any]] = {}
    for entry in entries:
        label = number(entry.get("label-value"), where)
        if label in said:
            raise FormatError(f"{where} has two objects with the number {label}.")
        said[label] = entry
    regions = {r.label: r for r in iterate_regions(labels)}
    canvas = Canvas(name, (int(labels.shape[0]), int(labels.shape[1])), where)
    order = [*(n for n in said if n in regions), *(n for n in regions if n not in said)]
    for label in order:
        region, entry = regions[label], said.get(label, {})
        kind = class_name(entry.get(_CLASS), where)
        further = {k: v for k, v in entry.items() if k not in ("label-value", _CLASS)}
        canvas.add(label, kind, (region.mask, region.y0, region.x0), further)
    return canvas.image(photograph, key=key)
