"""QuPath's objects: which of a file's features are cells, and of which class.

QuPath of every version writes its objects as GeoJSON features, cells and regions, rulers and points
alike. See https://qupath.readthedocs.io/en/stable/docs/concepts/objects.html for the kinds of
objects, and `.../concepts/classifications.html` for classes derived from others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.annotations.formats.files import short
from napari_leukocyte.annotations.formats.left_out import LeftOut, ObjectError
from napari_leukocyte.errors import FormatError

Rings = list[NDArray[np.float64]]

_CHILDREN = "childObjects"
#: What versions before 0.3 gave as the id of every object: its type.
_TYPE_IDS = {
    "PathAnnotationObject": "annotation",
    "PathDetectionObject": "detection",
    "PathCellObject": "cell",
    "PathTileObject": "tile",
    "PathROIObject": "annotation",
    "TMACoreObject": "tma core",
    "PathRootObject": "root",
}
_NO_CELLS = {"root": "root of the image", "tile": "tile", "tma core": "TMA core"}
_CELLS = ("cell", "detection")
_NO_AREAS = {
    "Point": "points",
    "MultiPoint": "points",
    "LineString": "line",
    "MultiLineString": "line",
}
#: QuPath counts nothing whose class ends so.
_IGNORED = "*"
_BETWEEN = ": "
#: Classes are derived from others in a few steps.
_DEEPEST_CLASS = 20
#: What holds something of less than this share of its box is no cell with its nucleus.
_SMALL_SHARE, _TINY_SHARE = 0.25, 1 / 16


@dataclass(frozen=True, eq=False)
class QuPathObject:
    """A feature of a file.

    Attributes
    ----------
    feature : mapping
        As in the file.
    place, where : str
        What it is called in a count, and in a sentence.
    fault : ObjectError or None
        Why it is no cell; None if it may be one.
    parts : list of list of ndarray
        Rings of each part, (N, 2): x and y, px; empty until they are read.
    """

    feature: Mapping[str, Any]
    place: str
    where: str
    fault: ObjectError | None
    parts: Sequence[Rings] = ()

    @property
    def properties(self) -> Mapping[str, Any]:
        """What the file says of it."""
        return _properties(self.feature)

    @property
    def kind(self) -> str:
        """Its kind, such as "annotation"."""
        return _kind(self.feature)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """x0, y0, x1 and y1 of its parts, px."""
        corners = np.concatenate([ring for rings in self.parts for ring in rings])
        (x0, y0), (x1, y1) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        return x0, y0, x1, y1


def features_of(data: Any) -> list[Any] | None:
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


def objects_of(features: Sequence[Any], where: str, *, ours: bool) -> Iterator[QuPathObject]:
    """Yield all features, each before the objects in it.

    Parameters
    ----------
    features : sequence
        As from `features_of`.
    where : str
        What the file is called in a sentence.
    ours : bool
        Whether this plugin wrote it: all of its features are cells.
    """
    stack = [(f, f"feature {i}", False) for i, f in enumerate(features, start=1)][::-1]
    while stack:
        feature, place, in_cell = stack.pop()
        here = f"{where}: {place}"
        if not isinstance(feature, dict):
            no_area = "is not an area: only polygons can become cells"
            yield QuPathObject({}, place, here, ObjectError(here, no_area, "no feature"))
            continue
        children = _children(feature)
        fault = None if ours else _fault(feature, children, here, in_cell=in_cell)
        yield QuPathObject(feature, place, here, fault)
        in_cell = in_cell or _kind(feature) in _CELLS
        below = [(c, f"{place}, child {i}", in_cell) for i, c in enumerate(children, start=1)]
        stack += below[::-1]


def _properties(feature: Mapping[str, Any]) -> Mapping[str, Any]:
    found = feature.get("properties")
    return found if isinstance(found, dict) else {}


def _children(feature: Mapping[str, Any]) -> list[Any]:
    found = feature.get(_CHILDREN, _properties(feature).get(_CHILDREN))
    if isinstance(found, dict):
        found = found.get("features")
    return found if isinstance(found, list) else []


def _kind(feature: Mapping[str, Any]) -> str:
    properties = _properties(feature)
    given = properties.get("objectType", properties.get("object_type"))
    if isinstance(given, str):
        return given.lower().replace("_", " ")
    key = feature.get("id")
    return _TYPE_IDS.get(key, "annotation") if isinstance(key, str) else "annotation"


def _fault(
    feature: Mapping[str, Any], children: Sequence[Any], where: str, *, in_cell: bool
) -> ObjectError | None:
    """Return why a feature is no cell, whatever its outline."""
    kind = _kind(feature)
    if kind in _NO_CELLS:
        return ObjectError(where, f"is a {_NO_CELLS[kind]} and no cell", _NO_CELLS[kind])
    if in_cell:
        return ObjectError(where, "is a part of a cell", "part of a cell")
    name = class_text(_properties(feature).get("classification"))
    if isinstance(name, str) and name.endswith(_IGNORED):
        return ObjectError(where, "has a class that QuPath ignores", f"class {short(name)}")
    if kind not in _CELLS and any(_holds_area(child) for child in children):
        return _region(where)
    return None


def _region(where: str) -> ObjectError:
    return ObjectError(where, "is a region with objects in it, not a cell", "region")


def _holds_area(feature: object) -> bool:
    geometry = feature.get("geometry") if isinstance(feature, dict) else None
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind in ("Polygon", "MultiPolygon"):
        return True
    return isinstance(feature, dict) and any(
        isinstance(child, dict) and child.get("geometry") for child in _children(feature)
    )


def class_text(classification: object) -> object:
    """Return a class as QuPath shows it, such as "Neutrophil: Band"; None where there is none.

    Parameters
    ----------
    classification : object
        Of the file: a text, a list of texts, or an object with ``name`` or ``names``, and in old
        versions with the class that it is derived from.
    """
    steps: list[str] = []
    for _ in range(_DEEPEST_CLASS):
        if isinstance(classification, dict):
            name = classification.get("names") or classification.get("name")
            parent = classification.get("parentClass")
        else:
            name, parent = classification, None
        if isinstance(name, list) and name and all(isinstance(n, str) for n in name):
            name = _BETWEEN.join(name)
        if not isinstance(name, str):
            if name is not None:
                return name
        elif name.strip():
            steps.insert(0, name)
        if parent is None:
            break
        classification = parent
    # Some versions repeat the parent's name in that of the class.
    text = ""
    for step in steps:
        repeated = not text or step == text or step.startswith(text + _BETWEEN)
        text = step if repeated else text + _BETWEEN + step
    return text or None


def areas_of(found: QuPathObject) -> list[list[Any]]:
    """Return the coordinates of each part of an object: its exterior, and its holes.

    Raises
    ------
    ObjectError
        If it is no area.
    """
    geometry = found.feature.get("geometry")
    pending: list[Any] = [geometry]
    parts: list[list[Any]] = []
    other = ""
    while pending:
        one = pending.pop(0)
        kind = one.get("type") if isinstance(one, dict) else None
        inside = one.get("geometries") if isinstance(one, dict) else None
        if kind == "GeometryCollection" and isinstance(inside, list) and one is geometry:
            pending += inside
            continue
        coordinates = one.get("coordinates") if isinstance(one, dict) else None
        if kind not in ("Polygon", "MultiPolygon") or not isinstance(coordinates, list):
            other = other or _NO_AREAS.get(str(kind), "object without an outline")
            continue
        polygons = [coordinates] if kind == "Polygon" else coordinates
        if not polygons or not all(isinstance(p, list) and p for p in polygons):
            raise ObjectError(found.where, "has a polygon without an outline", "empty polygon")
        parts += polygons
    if not parts:
        fault = "is not an area: only polygons can become cells"
        raise ObjectError(found.where, fault, other or "empty collection")
    return parts


def without_regions(objects: Sequence[QuPathObject], left_out: LeftOut) -> list[QuPathObject]:
    """Return the objects that are no regions around others.

    Parameters
    ----------
    objects : sequence of QuPathObject
        With their parts.
    left_out : LeftOut
        Collects the regions.

    Notes
    -----
    An annotation without a class is taken for a region if it holds two other objects, or a much
    smaller one that has a class; one with a class, if it holds an object that QuPath calls a cell,
    or two very small ones with classes. A cell that was drawn around its own nucleus stays.
    """
    if len(objects) < 2:
        return list(objects)
    boxes = np.array([found.box for found in objects])
    sizes = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    classified = np.array([_class_of(found) is not None for found in objects])
    cells = np.array([found.kind == "cell" for found in objects])
    detected = np.array([found.kind in _CELLS for found in objects])
    # Regions are larger than cells: of thousands alike, none needs to be compared with all.
    large = sizes > np.percentile(sizes, 25, method="lower") / _SMALL_SHARE
    kept = []
    for i, found in enumerate(objects):
        if large[i] and not detected[i]:
            low, high = boxes[:, :2] >= boxes[i, :2], boxes[:, 2:] <= boxes[i, 2:]
            inside = np.asarray(np.hstack([low, high]).all(axis=1), bool)
            inside[i] = False
            named = inside & classified
            if classified[i]:
                small = named & (sizes < _TINY_SHARE * sizes[i])
                region = (inside & cells).any() or small.sum() > 1
            else:
                region = (named & (sizes < _SMALL_SHARE * sizes[i])).any() or inside.sum() > 1
            if region:
                with left_out.one(found.place, again=True):
                    raise _region(found.where)
                continue
        kept.append(found)
    return kept


def _class_of(found: QuPathObject) -> object:
    return class_text(found.properties.get("classification"))


def unique_ids(features: Sequence[QuPathObject], where: str) -> None:
    """Raise FormatError if an object is there twice, by the ids that are unique in the world."""
    import uuid

    seen: set[uuid.UUID] = set()
    for found in features:
        try:
            key = uuid.UUID(str(found.feature.get("id")))
        except ValueError:
            continue  # the type's name, a number, or nothing
        if key in seen:
            raise FormatError(f"{where} has two features with the id '{key}'.")
        seen.add(key)
