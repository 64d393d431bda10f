"""GeoJSON of QuPath, of all its versions, as QuPath shows it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_leukocyte.annotations.formats.convert import read
from napari_leukocyte.annotations.formats.qupath import class_text
from napari_leukocyte.errors import FormatError
from tests.annotations.formats.others import SHAPE, feature, geojson, photograph, square

NEUTROPHIL = {"name": "Neutrophil", "color": [200, 0, 0]}


@pytest.mark.parametrize(
    ("classification", "shown"),
    [
        ({"name": "Neutrophil", "colorRGB": -3670016}, "Neutrophil"),
        ({"name": "Neutrophil: Band", "color": [1, 2, 3]}, "Neutrophil: Band"),
        ({"names": ["Neutrophil", "Band"], "color": [1, 2, 3]}, "Neutrophil: Band"),
        ({"names": ["Neutrophil"]}, "Neutrophil"),
        (["Neutrophil", "Band", "Toxic"], "Neutrophil: Band: Toxic"),
        ("Neutrophil", "Neutrophil"),
        ({"name": "Band", "parentClass": {"name": "Neutrophil"}}, "Neutrophil: Band"),
        ({"name": "Neutrophil: Band", "parentClass": {"name": "Neutrophil"}}, "Neutrophil: Band"),
        (
            {"name": "c", "parentClass": {"name": "b", "parentClass": {"names": ["a"]}}},
            "a: b: c",
        ),
        (None, None),
        ({}, None),
        ({"name": None}, None),
        ({"names": []}, None),
    ],
)
def test_classes_are_as_qupath_shows_them(
    classification: Any, shown: str | None, tmp_path: Path
) -> None:
    assert class_text(classification) == shown
    (image,) = read(geojson(tmp_path, feature(classification=classification)))
    (found,) = image.table["class"].tolist()
    assert (None if pd.isna(found) else found) == shown


@given(st.lists(st.sampled_from(["Neutrophil", "Band", "Toxic"]), min_size=1, unique=True))
def test_a_derived_class_is_one_however_it_is_written(steps: list[str]) -> None:
    nested: Any = None
    for step in steps:
        nested = {"name": step} | ({} if nested is None else {"parentClass": nested})
    shown = ": ".join(steps)
    for classification in (nested, steps, {"names": steps}, shown, {"name": shown}):
        assert class_text(classification) == shown


def test_objects_of_version_02_have_their_types_names_as_ids(tmp_path: Path) -> None:
    one, two = (feature(square(x), classification=NEUTROPHIL, measurements=[]) for x in (10, 30))
    one["id"] = two["id"] = "PathAnnotationObject"
    one["properties"]["measurements"] = [
        {"name": "Area", "value": 12.5},
        {"name": "Solidity", "value": math.nan},
    ]
    path = geojson(tmp_path, one, two)
    path.write_text(json.dumps([one, two]))
    (image,) = read(path, strict=True)
    assert image.table["label"].tolist() == [1, 2]
    assert image.table["Area"].tolist()[0] == 12.5
    assert "Solidity" not in image.table
    one["id"] = two["id"] = "11111111-0000-4000-8000-000000000001"
    path.write_text(json.dumps([one, two]))
    with pytest.raises(FormatError, match="two features with the id"):
        read(path)


def test_measurements_that_are_no_numbers(tmp_path: Path) -> None:
    values = {"a": math.nan, "b": 2.5, "c": math.inf, "d": "NaN", "e": None}
    (image,) = read(geojson(tmp_path, feature(measurements=values)), strict=True)
    assert image.table["b"].tolist() == [2.5]
    assert not {"a", "c", "d", "e"} & set(image.table)
    ring = square()
    ring[1] = [math.nan, 3]
    with pytest.raises(FormatError, match="NaN, which is not a number"):
        read(geojson(tmp_path / "b", feature(ring)))


def test_what_is_no_cell_is_left_out_with_a_count(tmp_path: Path) -> None:
    def other(kind: str, coordinates: Any, **properties: Any) -> dict[str, Any]:
        geometry = {"type": kind, "coordinates": coordinates}
        return {"type": "Feature", "geometry": geometry, "properties": properties}

    features = [
        feature(classification=NEUTROPHIL),
        other("LineString", [[10, 50], [60, 50]], name="10 um"),
        other("MultiPoint", [[1, 1], [2, 2]]),
        other("Point", [1, 1]),
        other("MultiLineString", [[[1, 1], [2, 2]]]),
        other("Polygon", []),
        {"type": "Feature", "geometry": None, "properties": None},
        feature(square(0, 0, 60), classification={"name": "Region*"}),
        feature(square(40), objectType="tile"),
        feature(square(0, 0, 50), objectType="tma_core"),
    ]
    path = geojson(tmp_path, *features)
    (image,) = read(path)
    assert image.table["class"].tolist() == ["Neutrophil"]
    (note,) = image.notes
    expected = [
        "line, feature 2",
        "points, feature 3",
        "points, feature 4",
        "line, feature 5",
        "empty polygon, feature 6",
        "object without an outline, feature 7",
        "class 'Region*', feature 8",
        "tile, feature 9",
        "and 1 more",
    ]
    assert note == f"9 of 10 left out: {'; '.join(expected)}."
    with pytest.raises(FormatError, match="not an area"):
        read(path, strict=True)


@pytest.mark.parametrize("place", ["feature", "properties"])
@pytest.mark.parametrize("as_collection", [True, False])
def test_cells_in_a_region(place: str, as_collection: bool, tmp_path: Path) -> None:
    nucleus = {"type": "Polygon", "coordinates": [[*square(12, 12, 3), [12, 12]]]}
    cells = [
        feature(square(10), objectType="cell", classification=NEUTROPHIL)
        | {"nucleusGeometry": nucleus},
        feature(square(30), objectType="detection", classification="Lymphocyte"),
    ]
    cells[0]["childObjects"] = [feature(square(13, 13, 2), objectType="detection")]
    region = feature(square(1, 1, 50), objectType="annotation")
    holder = region if place == "feature" else region["properties"]
    holder["childObjects"] = (
        {"type": "FeatureCollection", "features": cells} if as_collection else cells
    )
    (image,) = read(geojson(tmp_path, region))
    assert image.labels is not None
    assert image.table["class"].tolist() == ["Neutrophil", "Lymphocyte"]
    assert np.bincount(image.labels.ravel())[1:].tolist() == [64, 64]
    assert image.notes == (
        "2 of 4 left out: region, feature 1; part of a cell, feature 1, child 1, child 1.",
    )


def test_a_region_beside_its_cells(tmp_path: Path) -> None:
    cells = [
        feature(square(10 * i, 20, 7), objectType="detection", classification=NEUTROPHIL)
        for i in range(1, 5)
    ]
    (image,) = read(geojson(tmp_path, feature(square(1, 1, 50)), *cells))
    assert len(image.table) == 4
    assert image.notes == ("1 of 5 left out: region, feature 1.",)


def test_a_cell_drawn_around_its_nucleus_stays(tmp_path: Path) -> None:
    cell = feature(square(10, 10, 20), classification=NEUTROPHIL)
    (image,) = read(geojson(tmp_path, cell, feature(square(12, 12, 4), objectType="detection")))
    assert image.table["class"].tolist()[0] == "Neutrophil"
    assert len(image.table) == 2


def test_parts_holes_collections_and_the_border(tmp_path: Path) -> None:
    outer, hole, part = square(10, 10, 20), square(15, 15, 5), square(70, 40, 20)
    closed = [[*ring, ring[0]] for ring in (outer, hole, part)]
    many = {"type": "MultiPolygon", "coordinates": [closed[:2], closed[2:], [[[1, 1], [2, 2]]]]}
    collection = {
        "type": "GeometryCollection",
        "geometries": [
            {"type": "Point", "coordinates": [1, 1]},
            {"type": "Polygon", "coordinates": [[[2, 50, 7], [8, 50, 7], [8, 56, 7], [2, 56, 7]]]},
        ],
    }
    features = [feature() | {"geometry": geometry} for geometry in (many, collection)]
    (image,) = read(geojson(tmp_path, *features))
    assert image.labels is not None
    expected = np.zeros(SHAPE, int)
    expected[10:30, 10:30] = 1
    expected[15:20, 15:20] = 0
    expected[40:60, 70:80] = 1
    expected[50:56, 2:8] = 2
    np.testing.assert_array_equal(image.labels, expected)
    assert any("1 part of objects left out: two-point polygon" in n for n in image.notes)
    assert any("1 of 2 clipped" in n for n in image.notes)


def test_a_folder_names_the_file_of_each(tmp_path: Path) -> None:
    geojson(tmp_path, feature(), feature([[1, 1], [2, 2]]), name="a", photo="a.JPG")
    geojson(tmp_path, feature(), name="b", photo="b.Tiff")
    photograph(tmp_path / "c.png")
    images = read(tmp_path)
    assert [image.name for image in images] == ["a.JPG", "b.Tiff"]
    said = [note for image in images for note in image.notes]
    assert said == ["1 of 3 left out: two-point polygon, feature 2 of a.geojson."]
