"""GeoJSON as QuPath reads and writes it: one file for each image, polygons along pixel edges.

See RFC 7946 and https://qupath.readthedocs.io/en/stable/docs/advanced/exporting_annotations.html.
Class and colour stand where QuPath looks for them, measurements among its measurements, texts and
numbers among its metadata. Name and size of the image, for which QuPath has no place, stand in a
member of the collection that it passes over.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_leukocyte.annotations.formats.annotated import AnnotatedImage, image_of, key_in, pixels
from napari_leukocyte.annotations.formats.attributes import class_name, number
from napari_leukocyte.annotations.formats.canvas import Canvas
from napari_leukocyte.annotations.formats.cells import Cell, cells_of, classes_of, colors_of
from napari_leukocyte.annotations.formats.left_out import LeftOut, ObjectError
from napari_leukocyte.annotations.formats.outlines import check_ring, fill_parts, outline
from napari_leukocyte.annotations.formats.qupath import (
    QuPathObject,
    Rings,
    areas_of,
    class_text,
    features_of,
    objects_of,
    unique_ids,
    without_regions,
)
from napari_leukocyte.annotations.formats.source import Source
from napari_leukocyte.errors import FormatError
from napari_leukocyte.io import json_text

SUFFIX = ".geojson"
#: The collection's member that QuPath passes over.
_OURS = "napari-leukocyte"
#: Key of QuPath's metadata for the number, and for an object that is only a box.
_LABEL, _BOX = "label", "box"


def recognises(source: Source) -> bool:
    """Whether this is a GeoJSON file, or a folder of such."""
    if source.is_folder:
        return bool(_files(source))
    return source.looks_like_json and features_of(source.json) is not None


def _files(source: Source) -> list[Path]:
    """Return the GeoJSON files of a folder, by their endings or, if none has it, by content."""
    inside = map(source.sub, source.below(".json"))
    return source.below(SUFFIX) or [
        one.path for one in inside if one.looks_like_json and features_of(one.json) is not None
    ]


def losses(images: Sequence[AnnotatedImage]) -> list[str]:
    """Say what GeoJSON has no place for: nothing."""
    return []


def write(image: AnnotatedImage, file: Path) -> None:
    """Write one image.

    Parameters
    ----------
    image : AnnotatedImage
        What to write.
    file : Path
        The GeoJSON file.
    """
    colors = colors_of(classes_of([image]))
    data = {
        "type": "FeatureCollection",
        _OURS: {"image": image.name, "height": image.shape[0], "width": image.shape[1]}
        | pixels(image),
        "features": [_feature(image.name, cell, colors) for cell in cells_of(image)],
    }
    file.write_bytes(json_text.dumps(data))


def _feature(image: str, cell: Cell, colors: Mapping[str, tuple[int, int, int]]) -> dict[str, Any]:
    numbers, metadata = {}, {_LABEL: str(cell.number)}
    for key, value in cell.attributes.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            numbers[key] = value
        elif key not in (_LABEL, _BOX):
            metadata[key] = str(value).lower() if isinstance(value, bool) else str(value)
    properties: dict[str, Any] = {
        "objectType": "annotation",
        "name": str(cell.number),
        # What a reader has decided is not to be moved by a slip of the mouse.
        "isLocked": cell.attributes.get("reviewed") is True,
    }
    if cell.class_name is not None:
        color = list(colors[cell.class_name])
        properties["classification"] = {"name": cell.class_name, "color": color}
    if numbers:
        properties["measurements"] = numbers
    if cell.mask is None:
        metadata[_BOX] = "true"
    properties["metadata"] = metadata
    return {
        "type": "Feature",
        # The same object has the same id in every export.
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"napari-leukocyte:{image}:{cell.number}")),
        "geometry": _geometry(cell),
        "properties": properties,
    }


def _geometry(cell: Cell) -> dict[str, Any]:
    if cell.mask is None:
        y0, x0, y1, x1 = cell.box
        ring = [[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]
        return {"type": "Polygon", "coordinates": [ring]}
    polygons = []
    for part in outline(cell.mask, *cell.corner):
        rings = (ring.tolist() for ring in (part.exterior, *part.holes))
        polygons.append([[*ring, ring[0]] for ring in rings])
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}


def read(source: Source) -> list[AnnotatedImage]:
    """Read a file, or every file of a folder.

    Raises
    ------
    FormatError
        If one is damaged.
    """
    if source.is_folder:
        return [_read_file(source.sub(path)) for path in _files(source)]
    return [_read_file(source)]


def _read_file(source: Source) -> AnnotatedImage:
    where, left_out = source.where, source.left_out
    data = source.json
    features = features_of(data)
    if features is None:
        raise FormatError(f"{where} is not a GeoJSON file: it needs features.")
    ours = data.get(_OURS) if isinstance(data, dict) else None
    about = ours if isinstance(ours, dict) else {}
    found = list(objects_of(features, where, ours=bool(about)))
    unique_ids(found, where)
    objects: list[QuPathObject] = []
    for one in found:
        placed = replace(one, place=source.place(one.place))
        with left_out.one(placed.place):
            if placed.fault is not None:
                raise placed.fault
            objects.append(replace(placed, parts=_parts(placed, left_out)))
    if not about:
        objects = without_regions(objects, left_out)
    name, shape, photograph, notes = image_of(source, about, _far_corner(objects))
    canvas = Canvas(name, shape, where, left_out)
    for one in objects:
        with left_out.one(one.place, again=True):
            _draw(canvas, one)
    return canvas.image(photograph, notes, key_in(about))


def _parts(found: QuPathObject, left_out: LeftOut) -> list[Rings]:
    """Return the rings of each part of an object."""
    polygons = areas_of(found)
    parts: list[Rings] = []
    for exterior, *holes in polygons:
        if len(polygons) == 1:
            rings = [check_ring(_open(exterior), found.where)]
        else:
            rings = []
            with left_out.part():
                rings.append(check_ring(_open(exterior), found.where))
        for hole in holes if rings else ():
            with left_out.part():
                rings.append(check_ring(_open(hole), found.where))
        parts += [rings] if rings else []
    if not parts:
        raise ObjectError(found.where, "has no outline with an area", "polygons without area")
    return parts


def _open(ring: object) -> object:
    """Return a ring without its last point, which is its first, and without heights."""
    if not isinstance(ring, list) or not all(isinstance(p, list) for p in ring):
        return ring
    flat = [p[:2] for p in ring]
    return flat[:-1] if len(flat) > 1 and flat[0] == flat[-1] else flat


def _far_corner(objects: Sequence[QuPathObject]) -> tuple[float, float] | None:
    if not objects:
        return None
    x, y = np.max([found.box[2:] for found in objects], axis=0).tolist()
    return y, x


def _draw(canvas: Canvas, found: QuPathObject) -> None:
    properties, where = found.properties, found.where
    kind = class_name(class_text(properties.get("classification")), where)
    metadata = properties.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    label = None
    if _LABEL in metadata:
        text = metadata[_LABEL]
        digits = isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 12
        label = number(int(text) if digits else text, where)
    said = {k: v for k, v in metadata.items() if k not in (_LABEL, _BOX)}
    said = _measurements(properties.get("measurements")) | said
    if metadata.get(_BOX) == "true":
        x0, y0, x1, y1 = found.box
        canvas.add_box(label, kind, (y0, x0, y1, x1), said, where)
    else:
        corners = np.array(found.box).reshape(2, 2)
        canvas.left_out.check_border(corners, canvas.shape, where, "polygon")
        canvas.add(label, kind, fill_parts(found.parts, canvas.shape, where), said, where)


def _measurements(values: object) -> dict[str, Any]:
    """Return QuPath's measurements, also as versions before 0.4 wrote them."""
    if isinstance(values, list):
        pairs = (v for v in values if isinstance(v, dict) and isinstance(v.get("name"), str))
        values = {v["name"]: v.get("value") for v in pairs}
    # What can't be measured is NaN, as a number or as text; numbers that are none are passed over.
    found = values if isinstance(values, dict) else {}
    return {k: v for k, v in found.items() if v not in ("NaN", "Infinity", "-Infinity")}
