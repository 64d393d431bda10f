"""GeoJSON as QuPath reads and writes it: one file for each image, polygons along pixel edges.

See RFC 7946 and https://qupath.readthedocs.io/en/stable/docs/advanced/exporting_annotations.html.
Class and colour stand where QuPath looks for them, measurements among its measurements, texts and
numbers among its metadata. Name and size of the image, for which QuPath has no place, stand in a
member of the collection that it passes over.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.annotations.formats import files
from napari_leukocyte.annotations.formats.annotated import AnnotatedImage
from napari_leukocyte.annotations.formats.attributes import class_name, number
from napari_leukocyte.annotations.formats.canvas import Canvas
from napari_leukocyte.annotations.formats.cells import Cell, cells_of
from napari_leukocyte.annotations.formats.classes import classes_of, colors_of
from napari_leukocyte.annotations.formats.outlines import outline
from napari_leukocyte.annotations.formats.photographs import image_of
from napari_leukocyte.annotations.formats.raster import check_ring, fill_parts
from napari_leukocyte.annotations.formats.source import Source
from napari_leukocyte.errors import FormatError
from napari_leukocyte.io import json_text

SUFFIX = ".geojson"
#: The collection's member that QuPath passes over.
_OURS = "napari-leukocyte"
#: Key of QuPath's metadata for the number, and for an object that is only a box.
_LABEL, _BOX = "label", "box"

Rings = list[NDArray[np.float64]]


def recognises(source: Source) -> bool:
    """Whether this is a GeoJSON file, or a folder of such."""
    if source.is_folder:
        return bool(source.below(SUFFIX))
    return source.looks_like_json and _features(source.json) is not None


def _features(data: Any) -> list[Any] | None:
    """Return the features that JSON holds; None if it is no GeoJSON."""
    if isinstance(data, dict) and data.get("type") == "FeatureCollection":
        found = data.get("features")
        return found if isinstance(found, list) else None
    if isinstance(data, dict) and data.get("type") == "Feature":
        return [data]
    # As QuPath exports without "FeatureCollection".
    if isinstance(data, list) and data:
        plain = all(isinstance(f, dict) and f.get("type") == "Feature" for f in data)
        return data if plain else None
    return None


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
        _OURS: {"image": image.name, "height": image.shape[0], "width": image.shape[1]},
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
        return [_read_file(source.sub(path)) for path in source.below(SUFFIX)]
    return [_read_file(source)]


def _read_file(source: Source) -> AnnotatedImage:
    where = source.where
    features = _features(source.json)
    if features is None:
        raise FormatError(f"{where} is no GeoJSON file: it needs features.")
    objects = [_parts(f, f"{where}: feature {i}") for i, f in enumerate(features, start=1)]
    ours = source.json.get(_OURS) if isinstance(source.json, dict) else None
    about = ours if isinstance(ours, dict) else {}
    name, shape, photograph, notes = image_of(source, about, _far_corner(objects))
    canvas = Canvas(name, shape, where)
    ids: set[str] = set()
    for i, (feature, parts) in enumerate(zip(features, objects, strict=True), start=1):
        key = feature.get("id")
        if isinstance(key, str) and key in ids:
            raise FormatError(f"{where} has two features with the id {files.short(key)}.")
        ids |= {key} if isinstance(key, str) else set()
        _draw(canvas, feature, parts, f"{where}: feature {i}")
    return canvas.image(photograph, notes)


def _parts(feature: object, where: str) -> list[Rings]:
    """Return the rings of each part of a feature."""
    geometry = feature.get("geometry") if isinstance(feature, dict) else None
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    coordinates = geometry.get("coordinates") if isinstance(geometry, dict) else None
    if kind not in ("Polygon", "MultiPolygon") or not isinstance(coordinates, list):
        raise FormatError(f"{where} is no area: only polygons can become cells.")
    parts = [coordinates] if kind == "Polygon" else coordinates
    if not parts or not all(isinstance(p, list) and p for p in parts):
        raise FormatError(f"{where} has a polygon without an outline.")
    return [[check_ring(_open(ring), None, where) for ring in part] for part in parts]


def _open(ring: object) -> object:
    """Return a ring without its last point, which is its first, and without heights."""
    if not isinstance(ring, list) or not all(isinstance(p, list) for p in ring):
        return ring
    flat = [p[:2] for p in ring]
    return flat[:-1] if len(flat) > 1 and flat[0] == flat[-1] else flat


def _far_corner(objects: Sequence[Sequence[Rings]]) -> tuple[float, float] | None:
    rings = [ring for parts in objects for rings in parts for ring in rings]
    if not rings:
        return None
    x, y = np.max([ring.max(axis=0) for ring in rings], axis=0).tolist()
    return y, x


def _draw(canvas: Canvas, feature: Mapping[str, Any], parts: list[Rings], where: str) -> None:
    properties = feature.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    classification = properties.get("classification")
    name = classification.get("name") if isinstance(classification, dict) else None
    kind = class_name(name, where)
    metadata = properties.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    label = None
    if _LABEL in metadata:
        text = metadata[_LABEL]
        digits = isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 12
        label = number(int(text) if digits else text, where)
    said = {k: v for k, v in metadata.items() if k not in (_LABEL, _BOX)}
    said = _measurements(properties.get("measurements")) | said
    checked = [[check_ring(ring, canvas.shape, where) for ring in rings] for rings in parts]
    if metadata.get(_BOX) == "true":
        corners = np.concatenate([ring for rings in checked for ring in rings])
        (x0, y0), (x1, y1) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        canvas.add_box(label, kind, (y0, x0, y1, x1), said, where)
    else:
        canvas.add(label, kind, fill_parts(checked, canvas.shape, where), said, where)


def _measurements(values: object) -> dict[str, Any]:
    """Return QuPath's measurements, also as versions before 0.4 wrote them."""
    if isinstance(values, list):
        pairs = (v for v in values if isinstance(v, dict) and isinstance(v.get("name"), str))
        return {v["name"]: v.get("value") for v in pairs}
    return dict(values) if isinstance(values, dict) else {}
