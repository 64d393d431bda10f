"""COCO instances: one JSON file for all images, masks as run lengths.

The layout is that of https://cocodataset.org/#format-data. Numbers and what readers said stand in
keys of their own, ``label`` and ``attributes``, which other programs pass over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_leukocyte.annotations.formats import files, rle
from napari_leukocyte.annotations.formats.annotated import AnnotatedImage, key_in, pixels, shape_of
from napari_leukocyte.annotations.formats.attributes import UNCLASSIFIED, class_name, number
from napari_leukocyte.annotations.formats.canvas import Canvas, Mask
from napari_leukocyte.annotations.formats.cells import Cell, cells_of, classes_of
from napari_leukocyte.annotations.formats.left_out import ObjectError
from napari_leukocyte.annotations.formats.limits import check_shape, whole
from napari_leukocyte.annotations.formats.outlines import fill_parts
from napari_leukocyte.annotations.formats.source import Source
from napari_leukocyte.errors import FormatError
from napari_leukocyte.io import json_text
from napari_leukocyte.version import __version__
from napari_leukocyte.vocabulary import DISCLAIMER, LEUKOCYTE_NAMES

#: What the file in a folder is called.
FILE_NAME = "annotations.json"
IMAGES = "images"
# Folder and beginning of the files' names in the COCO sets.
_ANNOTATIONS, _INSTANCES = "annotations", "instances_"
# What stands near the beginning of a COCO file, bytes.
_KEYS, _HEAD = re.compile(rb'"(images|annotations|categories|info|licenses)"'), 4096


def recognises(source: Source) -> bool:
    """Whether this is a COCO file, or a folder with one."""
    if source.is_folder:
        return bool(_found_in(source))
    return source.looks_like_json and _is_coco(source.json)


def _candidates(source: Source) -> list[Path]:
    return [p for p in source.below(".json") if source.sub(p).start.lstrip()[:1] == b"{"]


def _found_in(source: Source) -> list[Source]:
    """Return the COCO files of a folder; if it has none, those of the folders in it."""
    found = [one for one in map(source.sub, _candidates(source)) if _is_coco(one.json)]
    if found:
        return found
    for path in source.entries:
        if files.is_folder(path) and not path.is_symlink():
            inside = source.sub(path)
            # Other folders may hold JSON of any kind, damaged or not.
            likely = [p for p in _candidates(inside) if _KEYS.search(files.head(p, _HEAD))]
            below = [one for one in map(inside.sub, likely) if _is_coco(one.json)]
            instances = [one for one in below if one.path.name.startswith(_INSTANCES)]
            found += instances or below
    return found


def _is_coco(data: Any) -> bool:
    return isinstance(data, dict) and {"images", "annotations"} <= data.keys()


def losses(images: Sequence[AnnotatedImage]) -> list[str]:
    """Say what COCO has no place for."""
    if any(UNCLASSIFIED in classes_of([image]) for image in images):
        return [
            "COCO gives every object a category: those without a class get the category "
            f'"{UNCLASSIFIED}".'
        ]
    return []


def write(images: Sequence[AnnotatedImage], file: Path) -> None:
    """Write all images into one file.

    Parameters
    ----------
    images : sequence of AnnotatedImage
        What to write.
    file : Path
        The JSON file.
    """
    categories = {name: i for i, name in enumerate(classes_of(images), start=1)}
    data: dict[str, Any] = {
        "info": {
            "description": f"Leukocytes. {DISCLAIMER}",
            "version": "1.0",
            "contributor": f"napari-leukocyte {__version__}",
        },
        "licenses": [],
        "images": [
            {"id": i, "file_name": image.name, "height": image.shape[0], "width": image.shape[1]}
            | pixels(image)
            for i, image in enumerate(images, start=1)
        ],
        "categories": [
            {"id": i, "name": name, "supercategory": _group(name)} for name, i in categories.items()
        ],
        "annotations": [],
    }
    for image_id, image in enumerate(images, start=1):
        for cell in cells_of(image):
            entry = _annotation(cell, image.shape)
            entry["id"] = len(data["annotations"]) + 1
            entry["image_id"] = image_id
            entry["category_id"] = categories[cell.class_name or UNCLASSIFIED]
            data["annotations"].append(entry)
    file.write_bytes(json_text.dumps(data))


def _group(name: str) -> str:
    return "leukocyte" if name in LEUKOCYTE_NAMES else "cell"


def _annotation(cell: Cell, shape: tuple[int, int]) -> dict[str, Any]:
    y0, x0, y1, x1 = cell.box
    entry: dict[str, Any] = {
        "id": 0,
        "image_id": 0,
        "category_id": 0,
        "bbox": [x0, y0, x1 - x0, y1 - y0],
        "area": (y1 - y0) * (x1 - x0),
        "iscrowd": 0,
        "segmentation": [],
        "label": cell.number,
        "attributes": dict(cell.attributes),
    }
    if cell.mask is not None:
        counts = rle.counts_of(cell.mask, *cell.corner, shape)
        entry["area"] = int(np.count_nonzero(cell.mask))
        entry["segmentation"] = {"size": list(shape), "counts": rle.to_text(counts)}
    return entry


def read(source: Source) -> list[AnnotatedImage]:
    """Read all images of a file, or of the one file of a folder.

    Raises
    ------
    FormatError
        If it is damaged.
    """
    if source.is_folder:
        found = _found_in(source)
        direct = [one for one in found if one.path.parent == source.path]
        if len(direct) > 1 or not found:
            raise FormatError(f"{source.where} holds {len(found)} COCO files: name one of them.")
        return [image for one in found for image in _read_file(one, alone=len(found) == 1)]
    return _read_file(source, alone=True)


def _read_file(source: Source, *, alone: bool) -> list[AnnotatedImage]:
    where = source.where
    data = source.strict_json
    if not _is_coco(data):
        raise FormatError(f"{where} is not a COCO file: it needs images and annotations.")
    classes = _classes(data.get("categories", []), where)
    canvases: dict[int, Canvas] = {}
    keys: dict[int, str] = {}
    for key, entry in _by_id(data["images"], "images", where):
        name = files.plain_name(entry.get("file_name"), where)
        shape = _shape(source, entry, name)
        keys[key] = key_in(entry)
        canvases[key] = Canvas(name, shape, where, source.left_out)
    by_image: dict[int, list[tuple[int, dict[str, Any]]]] = {key: [] for key in canvases}
    for key, entry in _by_id(data["annotations"], "annotations", where):
        image = whole(entry.get("image_id"))
        if image is None or image not in by_image:
            raise FormatError(f"{where}: annotation {key} belongs to no image of the file.")
        by_image[image].append((key, entry))
    images = []
    for image in list(canvases):
        canvas = canvases.pop(image)
        for key, entry in by_image.pop(image):
            place = f"annotation {key}"
            with source.left_out.one(place if alone else source.place(place)):
                _draw(canvas, entry, classes, f"{where}: annotation {key}")
        images.append(canvas.image(_photograph(source, canvas.name), key=keys[image]))
    return images


def _shape(source: Source, entry: Mapping[str, Any], name: str) -> tuple[int, int]:
    """Return the size that is given or, where that is 0 or missing, the photograph's, px."""
    height, width = entry.get("height"), entry.get("width")
    if not height and not width:
        photograph = _photograph(source, name)
        if photograph is not None:
            return shape_of(photograph)
    return check_shape(height, width, source.where)


def _photograph(source: Source, name: str) -> Path | None:
    """Find a photograph beside the file, or where CVAT and the COCO sets have theirs."""
    found = source.photograph(name, IMAGES)
    if found is None and source.folder.name.lower() == _ANNOTATIONS:
        subset = source.path.stem.removeprefix(_INSTANCES)
        places = (IMAGES, f"{IMAGES}/{subset}", subset)
        found = source.photograph(name, *places, folder=source.folder.parent)
    return found


def _by_id(entries: object, what: str, where: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield entries with their ids, each only once."""
    if not isinstance(entries, list):
        raise FormatError(f"{where} has no list of {what}.")
    seen: set[int] = set()
    for entry in entries:
        key = whole(entry.get("id")) if isinstance(entry, dict) else None
        if key is None:
            raise FormatError(f"{where} has {what} without a whole number as id.")
        if key in seen:
            raise FormatError(f"{where} has two {what} with the id {files.short(key)}.")
        seen.add(key)
        yield key, entry


def _classes(entries: object, where: str) -> dict[int, str | None]:
    return {
        key: class_name(entry.get("name"), where)
        for key, entry in _by_id(entries, "categories", where)
    }


def _draw(
    canvas: Canvas, entry: Mapping[str, Any], classes: Mapping[int, str | None], where: str
) -> None:
    category = whole(entry.get("category_id"))
    if category is None or category not in classes:
        raise FormatError(f"{where} has an unknown category {files.short(category)}.")
    label = number(entry["label"], where) if "label" in entry else None
    said = entry.get("attributes")
    segmentation = entry.get("segmentation")
    if segmentation:
        mask = _mask(canvas, segmentation, where)
        canvas.add(label, classes[category], mask, said, where)
        return
    box = entry.get("bbox")
    if not (isinstance(box, list) and len(box) == 4 and all(_is_number(v) for v in box)):
        if not segmentation and not box:
            raise ObjectError(where, "has neither a mask nor a box", "empty annotation")
        raise FormatError(f"{where} has neither a mask nor a box.")
    x, y, width, height = box
    if not width and not height:
        raise ObjectError(where, "has a box without area", "empty annotation")
    canvas.add_box(label, classes[category], (y, x, y + height, x + width), said, where)


def _is_number(value: object) -> bool:
    # Python's whole numbers may be larger than any float.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e12


def _mask(canvas: Canvas, segmentation: object, where: str) -> Mask:
    shape = canvas.shape
    if isinstance(segmentation, dict):
        counts = segmentation.get("counts")
        size = segmentation.get("size")
        if isinstance(counts, str):
            counts = rle.from_text(counts, where)
        if not isinstance(counts, list) or not isinstance(size, list) or size != list(shape):
            raise FormatError(f"{where} has run lengths that do not fit its image.")
        return rle.mask_of(counts, shape, where)
    if not isinstance(segmentation, list):
        raise FormatError(f"{where} has a mask that is neither polygons nor run lengths.")
    parts = []
    for flat in segmentation:
        if not isinstance(flat, list) or len(flat) % 2 or not all(_is_number(v) for v in flat):
            raise FormatError(f"{where} has a polygon that is not a list of x and y by turns.")
        points = [flat[i : i + 2] for i in range(0, len(flat), 2)]
        if len(segmentation) == 1:
            parts.append([canvas.ring(points, where)])
            continue
        with canvas.left_out.part():
            parts.append([canvas.ring(points, where)])
    if not parts:
        raise ObjectError(where, "has no outline with an area", "polygons without area")
    return fill_parts(parts, shape, where)
