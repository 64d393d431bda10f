"""Damaged and malicious files: one sentence each, nothing written, nothing outside touched."""

from __future__ import annotations

import json
import os
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_leukocyte.annotations.formats.annotated import AnnotatedImage
from napari_leukocyte.annotations.formats.convert import read, write
from napari_leukocyte.annotations.formats.recognise import FORMATS
from napari_leukocyte.errors import LeukocyteError
from tests.annotations.formats.cells import annotated, hard

ALL = [name for name in FORMATS if name != "dataset"]
Spoil = Callable[[dict[str, Any]], object]


@pytest.fixture
def sentence(tmp_path: Path) -> Callable[..., str]:
    """Return a function that reads something bad, and gives the one sentence that comes of it."""

    def sentence(path: Path, format: str | None = None) -> str:
        before = _tree(tmp_path)
        with pytest.raises(LeukocyteError) as caught:
            read(path, format, strict=True)
        assert _tree(tmp_path) == before
        text = str(caught.value)
        assert text.endswith(".")
        assert "\n" not in text
        assert len(text) < 500 + len(str(path))
        return text

    return sentence


def _tree(folder: Path) -> dict[str, int]:
    return {str(p): p.lstat().st_mtime_ns for p in folder.rglob("*")}


def simple() -> AnnotatedImage:
    labels = np.zeros((8, 9), int)
    labels[1:4, 2:6] = 1
    labels[5:7, 2:6] = 2
    return annotated(labels, {1: "neutrophil", 2: "monocyte"}, name="a.png")


# -- JSON ---------------------------------------------------------------------------------


def coco(path: Path, spoil: Spoil | None = None) -> Path:
    write([simple()], path / "a.json", "coco", overwrite=True)
    data = json.loads((path / "a.json").read_text())
    if spoil is not None:
        spoil(data)
    (path / "a.json").write_text(json.dumps(data))
    return path / "a.json"


def _set(*keys: Any, to: Any) -> Spoil:
    def spoil(data: dict[str, Any]) -> None:
        place: Any = data
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = to

    return spoil


def _polygon(*points: float) -> Spoil:
    return _set("annotations", 0, "segmentation", to=[list(points)])


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (_set("images", 0, "file_name", to="../../etc/passwd"), "leads out of its folder"),
        (_set("images", 0, "file_name", to="/etc/passwd"), "leads out of its folder"),
        (_set("images", 0, "file_name", to="C:\\a.png"), "leads out of its folder"),
        (_set("images", 0, "file_name", to="a\x00.png"), "no file can have"),
        (_set("images", 0, "file_name", to="\ud800.png"), "no file can have"),
        (_set("images", 0, "file_name", to=""), "without a file name"),
        (_set("images", 0, "height", to=10**9), "more than can be read"),
        (_set("images", 0, "height", to=-8), "whole pixels"),
        (_set("images", 0, "height", to=True), "whole pixels"),
        (_set("images", 0, "height", to=float("nan")), "NaN, which is not a number"),
        (_set("images", to={}), "no list of images"),
        (_set("annotations", 1, "id", to=1), "two annotations with the id 1"),
        (_set("annotations", 1, "label", to=1), "two objects with the number 1"),
        (_set("annotations", 1, "label", to=-1), "number -1"),
        (_set("annotations", 1, "label", to=2**31), "number 2147483648"),
        (_set("annotations", 0, "image_id", to=9), "belongs to no image"),
        (_set("annotations", 0, "category_id", to=77), "unknown category 77"),
        (_set("categories", 0, "name", to="=cmd()"), "formula"),
        (_set("categories", 0, "name", to="a\nb"), "can't be the name of a class"),
        (_set("categories", 0, "name", to=["x"]), "not text"),
        (_set("annotations", 0, "segmentation", to={"size": [8, 9], "counts": "~~"}), "damaged"),
        (_set("annotations", 0, "segmentation", "size", to=[10**9, 10**9]), "do not fit"),
        (_set("annotations", 0, "segmentation", "counts", to=[0, 10**18]), "do not fit"),
        (_set("annotations", 0, "segmentation", to="x"), "neither polygons nor"),
        (_polygon(1, 1, 2, 2, 3, 3), "on one line"),
        (_polygon(-5, 1, 2, 2, 3, 9), "outside of its image"),
        (_polygon(1, 1, 1e300, 2, 3, 9), "x and y by turns"),
        (_polygon(1, 1, 2), "x and y by turns"),
        (_polygon(1, 1, 1.1, 1, 1.1, 1.1), "centre of no pixel"),
    ],
)
def test_coco(tmp_path: Path, sentence: Callable[..., str], spoil: Spoil, expected: str) -> None:
    assert expected in sentence(coco(tmp_path, spoil))


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ([1, 1, 0, 2], "without area"),
        ([-3, 1, 2, 2], "outside"),
        ([1, 1, 10**400, 2], "neither a mask nor a box"),
        (["a", 1, 2, 2], "neither a mask nor a box"),
        (None, "neither a mask nor a box"),
    ],
)
def test_coco_boxes(tmp_path: Path, sentence: Callable[..., str], box: Any, expected: str) -> None:
    def spoil(data: dict[str, Any]) -> None:
        data["annotations"][0] |= {"segmentation": [], "bbox": box}

    assert expected in sentence(coco(tmp_path, spoil))


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 200_000])
def test_nesting(tmp_path: Path, sentence: Callable[..., str], text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    for name in ("coco", "geojson", None):
        assert "nested too deep" in sentence(tmp_path / "a.json", name)


def test_numbers_of_thousands_of_digits(tmp_path: Path, sentence: Callable[..., str]) -> None:
    path = coco(tmp_path)
    path.write_text(path.read_text().replace('"height": 8', '"height": 8' + "0" * 5000))
    assert "cut off" in sentence(path)
    path.write_text(path.read_text().replace("0" * 5000, "0" * 4000))
    assert "a trillion or more" in sentence(path)


def test_objects_all_over_each_other(tmp_path: Path, sentence: Callable[..., str]) -> None:
    def spoil(data: dict[str, Any]) -> None:
        data["images"][0] |= {"height": 1000, "width": 1000}
        whole = {"size": [1000, 1000], "counts": [0, 1_000_000]}
        data["annotations"] = [
            {"id": i, "image_id": 1, "category_id": 1, "segmentation": whole} for i in range(300)
        ]

    assert "hundreds of times" in sentence(coco(tmp_path, spoil))


def geojson(path: Path, spoil: Spoil | None = None) -> Path:
    write([simple()], path / "a.geojson", "geojson", overwrite=True)
    data = json.loads((path / "a.geojson").read_text())
    if spoil is not None:
        spoil(data)
    (path / "a.geojson").write_text(json.dumps(data))
    return path / "a.geojson"


def _ring(*points: Any) -> Spoil:
    return _set("features", 0, "geometry", "coordinates", to=[list(points)])


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (_ring([0, 0], [1, 1], [2, 2], [0, 0]), "on one line"),
        (_ring([0, 0], [float("inf"), 1], [2, 2]), "Infinity, which is not a number"),
        (_ring([0, 0], [1e400, 1], [2, 2]), "Infinity"),
        (_ring([0, 0], [-4, 1], [2, 2]), "outside"),
        (_ring([0, 0], [5, 100], [2, 2]), "outside"),
        (_ring([0, 0], ["a", 1], [2, 2]), "not a list of points"),
        (_ring("abc"), "not a list of points"),
        (_set("features", 0, "geometry", "coordinates", to=[]), "without an outline"),
        (_set("features", 0, "geometry", "type", to="LineString"), "not an area"),
        (_set("features", 0, "geometry", to=None), "not an area"),
        (_set("features", 0, to=7), "not an area"),
        (_set("features", 0, "properties", "metadata", "label", to="-7"), "number '-7'"),
        (_set("features", 0, "properties", "metadata", "label", to="2"), "two objects"),
        (_set("napari-leukocyte", "image", to="../a.png"), "leads out of its folder"),
        (_set("napari-leukocyte", "height", to=10**12), "more than can be read"),
    ],
)
def test_geojson(tmp_path: Path, sentence: Callable[..., str], spoil: Spoil, expected: str) -> None:
    assert expected in sentence(geojson(tmp_path, spoil))


def test_geojson_with_one_id_twice(tmp_path: Path, sentence: Callable[..., str]) -> None:
    def spoil(data: dict[str, Any]) -> None:
        data["features"][1]["id"] = data["features"][0]["id"]

    assert "two features with the id" in sentence(geojson(tmp_path, spoil))


# -- ZIP files and ROIs -------------------------------------------------------------------


def _zip(path: Path, entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in entries.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return path


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({"../../a.roi": b"Iout"}, "leads out of its folder"),
        ({"/tmp/a.roi": b"Iout"}, "leads out of its folder"),  # noqa: S108 - never written
        ({"": b"Iout"}, "without a name"),
        ({".": b"Iout"}, "without a name"),
        ({"a.txt": b"hello"}, "not an ImageJ ROI"),
        ({"a.roi": b"Iout" + bytes(20)}, "damaged ImageJ ROI"),
        ({"a.roi": bytes(100_000_000)}, "ZIP bomb"),
        ({f"{i}.roi": bytes(60_000_000) for i in range(10)}, "not an ImageJ ROI"),
        ({}, "does not say how large its image is"),
    ],
)
def test_zip(
    tmp_path: Path, sentence: Callable[..., str], entries: dict[str, bytes], expected: str
) -> None:
    assert expected in sentence(_zip(tmp_path / "a.zip", entries))


def test_a_zip_that_lies_about_its_size(tmp_path: Path, sentence: Callable[..., str]) -> None:
    data = bytearray(_zip(tmp_path / "a.zip", {"a.roi": bytes(90_000_000)}).read_bytes())
    for at in (data.find(b"PK\x03\x04") + 22, data.find(b"PK\x01\x02") + 24):
        data[at : at + 4] = struct.pack("<I", 100)
    (tmp_path / "a.zip").write_bytes(data)
    sentence(tmp_path / "a.zip")


def _roi(**fields: Any) -> bytes:
    import roifile

    roi = roifile.ImagejRoi.frompoints(np.array([[1, 1], [5, 1], [5, 6], [1, 6]]))
    for name, value in fields.items():
        setattr(roi, name, value)
    return bytes(roi.tobytes())


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (_roi(props="label: 0\n"), "number 0"),
        (_roi(props="label: 99999999999\n"), "number 99999999999"),
        (_roi(props="class: %3D1%2B1\n"), "formula"),
        (_roi(props="box: 1 2 3\n"), "not four numbers"),
        (_roi(left=-20), "outside"),
        (_roi()[:70], "damaged"),
        (_roi()[:16] + b"\xff\xff" + _roi()[18:], "damaged"),
    ],
)
def test_roi(tmp_path: Path, sentence: Callable[..., str], data: bytes, expected: str) -> None:
    (tmp_path / "a.roi").write_bytes(data)
    assert expected in sentence(tmp_path / "a.roi")


def test_rois_without_area_or_damaged(tmp_path: Path, sentence: Callable[..., str]) -> None:
    import roifile

    roi = roifile.ImagejRoi.frompoints(np.array([[1, 1], [5, 1], [5, 6]]))
    roi.roitype = roifile.ROI_TYPE.POINT
    (tmp_path / "a.roi").write_bytes(roi.tobytes())
    assert "without area" in sentence(tmp_path / "a.roi")
    for path in ([1, 2, 3], [0, 1], [0, 1, 1, 3, 2, 2], [float("nan"), 1, 1], [9]):
        roi = roifile.ImagejRoi()
        roi.roitype = roifile.ROI_TYPE.RECT
        roi.multi_coordinates = np.array(path, np.float32)
        roi.shape_roi_size = len(path)
        (tmp_path / "a.roi").write_bytes(roi.tobytes())
        assert "damaged composite ROI" in sentence(tmp_path / "a.roi")


def test_a_composite_roi_with_curves(tmp_path: Path) -> None:
    import roifile

    # A quarter of a circle of 8 px around the origin, as a Bezier curve.
    bend = 8 * 0.5523
    path = [0, 0, 0, 1, 8, 0, 3, 8, bend, bend, 8, 0, 8, 4]
    roi = roifile.ImagejRoi()
    roi.roitype = roifile.ROI_TYPE.RECT
    roi.multi_coordinates = np.array(path, np.float32)
    roi.shape_roi_size = len(path)
    (tmp_path / "a.roi").write_bytes(roi.tobytes())
    (image,) = read(tmp_path / "a.roi")
    y, x = np.mgrid[:8, :8] + 0.5
    np.testing.assert_array_equal(image.labels, y**2 + x**2 < 64)


def test_an_oval_and_a_rectangle_of_imagej(tmp_path: Path) -> None:
    import roifile

    roi = roifile.ImagejRoi()
    roi.left, roi.top, roi.right, roi.bottom = 2, 1, 8, 5
    areas = {}
    for kind in (roifile.ROI_TYPE.RECT, roifile.ROI_TYPE.OVAL):
        roi.roitype = kind
        (tmp_path / "a.roi").write_bytes(roi.tobytes())
        (image,) = read(tmp_path / "a.roi")
        assert image.shape == (5, 8)
        assert image.notes
        assert image.labels is not None
        areas[kind.name] = int(image.labels.sum())
    assert areas == {"RECT": 24, "OVAL": 20}


# -- YOLO ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("labels/a.txt", "0 0.1 0.1 nan 0.5 0.6 0.6", "finite numbers"),
        ("labels/a.txt", "0 0.1 0.1 -0.5 0.5 0.6 0.6", "outside"),
        ("labels/a.txt", "0 0.1 0.1 1.5 0.5 0.6 0.6", "outside"),
        ("labels/a.txt", "0 0.1 0.1 0.2 0.2 0.3 0.3", "centre of no pixel|on one line"),
        ("labels/a.txt", "9 0.1 0.1 0.5 0.5 0.6 0.1", "class 9, which is not named"),
        ("labels/a.txt", "-1 0.1 0.1 0.5 0.5 0.6 0.1", "class -1"),
        ("labels/a.txt", "0 x y", "not a class followed by numbers"),
        ("labels/a.txt", "0 0.5 0.5", "not a class followed by finite"),
        ("labels/a.txt", "0 0.5 0.5 0 0.1", "without area"),
        ("labels/a.txt", "\xff\xfe", "not a class followed"),
        ("data.yaml", "names: &a [b]\nother: *a\n", "anchors"),
        ("data.yaml", "names: !!python/object/apply:os.system ['true']\n", "not whole YAML"),
        ("data.yaml", "names: [" + "[" * 50_000, "nested too deep|not whole YAML"),
        ("data.yaml", "names: {0: a, 5: b}\n", "from 0 on"),
        ("data.yaml", "nc: 5\n", "does not name"),
        ("napari-leukocyte.json", '{"images": 3}', "no list of images"),
        ("napari-leukocyte.json", '{"images": [{"file": "labels/a.txt"', "cut off"),
    ],
)
def test_yolo(
    tmp_path: Path, sentence: Callable[..., str], name: str, text: str, expected: str
) -> None:
    write([simple()], tmp_path / "out", "yolo-seg")
    (tmp_path / "out" / name).write_text(text, encoding="utf-8")
    found = sentence(tmp_path / "out", "yolo-seg")
    assert any(one in found for one in expected.split("|")), found


def test_yolo_without_the_size_of_its_image(tmp_path: Path, sentence: Callable[..., str]) -> None:
    write([simple()], tmp_path / "out", "yolo-seg")
    (tmp_path / "out" / "napari-leukocyte.json").unlink()
    assert "size of the image is not known" in sentence(tmp_path / "out")


# -- XML ----------------------------------------------------------------------------------

LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE annotation [<!ENTITY a "ha">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><annotation>&b;</annotation>"""
OUTSIDE = b"""<!DOCTYPE annotation [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<annotation><filename>&x;</filename></annotation>"""


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, LAUGHS, "XML entities"),
        (None, OUTSIDE, "XML entities"),
        (None, b"<annotation>" + b"<a>" * 100_000, "nested too deep"),
        (None, b"<annotation><size>", "damaged or cut off"),
        (b">a.png<", b">../a.png<", "leads out of its folder"),
        (b">a.png<", b">/etc/passwd<", "leads out of its folder"),
        (b"<width>9<", b"<width>999999999<", "more than can be read"),
        (b"<width>9<", b"<width>-9<", "whole pixels"),
        (b"<xmin>3<", b"<xmin>nan<", "not finite numbers"),
        (b"<xmin>3<", b"<xmin>x<", "without a box"),
        (b"<id>2<", b"<id>1<", "two objects with the number 1"),
        (b"<id>2<", b"<id>99999999999<", "number 99999999999"),
        (b">monocyte<", b">=1+1<", "formula"),
    ],
)
def test_voc(
    tmp_path: Path,
    sentence: Callable[..., str],
    before: bytes | None,
    after: bytes,
    expected: str,
) -> None:
    write([simple()], tmp_path / "out", "voc")
    path = tmp_path / "out" / "Annotations" / "a.xml"
    data = path.read_bytes()
    assert before is None or before in data
    path.write_bytes(after if before is None else data.replace(before, after))
    assert expected in sentence(tmp_path / "out")


def test_voc_boxes(tmp_path: Path, sentence: Callable[..., str]) -> None:
    write([simple()], tmp_path / "out", "voc")
    mask = tmp_path / "out" / "SegmentationObject" / "a.png"
    mask.write_bytes(mask.read_bytes()[:60])
    assert "not a complete PNG" in sentence(tmp_path / "out")
    mask.unlink()
    path = tmp_path / "out" / "Annotations" / "a.xml"
    text = path.read_text()
    path.write_text(text.replace("<xmin>3<", "<xmin>-3<", 1))
    assert "outside of its image" in sentence(tmp_path / "out")
    path.write_text(text.replace("<xmax>6<", "<xmax>2<", 1))
    assert "without area" in sentence(tmp_path / "out")
    # Whoever drew this counted from 0: one box begins there.
    path.write_text(text.replace("<xmin>3<", "<xmin>0<", 1))
    (image,) = read(tmp_path / "out")
    assert image.table["bbox_x0"].tolist() == [0, 3]


# -- label TIFFs and CSV ------------------------------------------------------------------


def _results(path: Path) -> Path:
    write([simple()], path / "out", "labels-csv")
    return path / "out"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("objects.csv", "image,label,class\na.png,1,x\na.png,1,y\n", "an object twice"),
        ("objects.csv", "image,label,class\na.png,7,x\n", "object 7, which"),
        ("objects.csv", "image,label,class\na.png,-1,x\n", "number -1"),
        ("objects.csv", "image,label,class\na.png,1.5,x\n", "number '1.5'"),
        ("objects.csv", "image,label,class\nb.png,1,x\n", "which run.json does not name"),
        ("objects.csv", "image,label,class\na.png,1,@SUM(A1)\n", "formula"),
        ("objects.csv", "a,b\n1,2\n", "needs the column label"),
        ("objects.csv", 'image,label\n"a.png,1\n', "needs|cut off|number"),
        ("objects.csv", "", "cut off"),
        ("run.json", "{", "cut off"),
        ("run.json", '{"schema": 1, "versions": {}, "images": [{}]}', "without a name"),
        (
            "run.json",
            '{"schema": 1, "versions": {}, "images": [{"image": "a.png", "folder": "../x"}]}',
            "leads out of its folder",
        ),
        (
            "run.json",
            '{"schema": 1, "versions": {}, "images": [{"image": "a.png", "folder": "b/c"}]}',
            "which no folder can be called",
        ),
        (
            "run.json",
            '{"schema": 1, "versions": {}, "images": [{"image": "a.png", "folder": "b"}]}',
            "is missing",
        ),
        (
            "run.json",
            '{"schema": 1, "versions": {}, "images": '
            '[{"image": "a.png", "folder": "a", "shape": [3, 3]}]}',
            "another size",
        ),
    ],
)
def test_results(
    tmp_path: Path, sentence: Callable[..., str], name: str, text: str, expected: str
) -> None:
    folder = _results(tmp_path)
    (folder / name).write_text(text)
    found = sentence(folder)
    assert any(one in found for one in expected.split("|")), found


def _bomb(path: Path) -> None:
    """Write a TIFF of 8 x 9 pixels whose strip unpacks to 200 MB."""
    tifffile.imwrite(path, np.zeros((8, 9), np.uint16), compression="zlib")
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        assert isinstance(page, tifffile.TiffPage)
        tags = page.tags
        places = {n: tags[n].valueoffset for n in ("StripOffsets", "StripByteCounts")}
    data = bytearray(path.read_bytes())
    strip = zlib.compress(bytes(200_000_000))
    for name, value in (("StripOffsets", len(data)), ("StripByteCounts", len(strip))):
        data[places[name] : places[name] + 4] = struct.pack("<I", value)
    path.write_bytes(bytes(data) + strip)


def test_tiffs(tmp_path: Path, sentence: Callable[..., str]) -> None:
    path = _results(tmp_path) / "a" / "labels.tif"
    whole = path.read_bytes()
    path.write_bytes(whole[:150])
    assert "damaged or cut off" in sentence(tmp_path / "out")
    tifffile.imwrite(path, np.zeros((8, 9), np.float32))
    assert "one plane of whole numbers" in sentence(tmp_path / "out")
    tifffile.imwrite(path, np.full((8, 9), -1, np.int32))
    assert "beyond 0" in sentence(tmp_path / "out")
    tifffile.imwrite(path, np.zeros((8, 9, 3), np.uint8))
    assert "one plane" in sentence(tmp_path / "out")
    tifffile.imwrite(path, np.zeros((3, 8, 9), np.uint16), photometric="minisblack")
    assert "several pages" in sentence(tmp_path / "out")
    _bomb(path)
    assert "ZIP bomb" in sentence(tmp_path / "out")
    path.unlink()
    os.mkfifo(path)
    assert "is missing" in sentence(tmp_path / "out")


# -- Zarr ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"shape": [10**9, 10**9]}, "more than can be read"),
        ({"shape": [8]}, "single plane"),
        ({"shape": "x"}, "can be read"),
        ({"chunks": [10**9, 10**9]}, "too large"),
        ({"chunks": [0, 1]}, "can be read"),
        ({"dtype": "|O", "filters": [{"id": "pickle"}]}, "unusual way"),
        ({"filters": [{"id": "pickle"}]}, "unusual way"),
        ({"compressor": {"id": "pickle"}}, "unusual way"),
        ({"dtype": "<f4"}, "no whole numbers"),
        ({"dtype": "nonsense"}, "can be read"),
        ({"order": "Z"}, "damaged"),
    ],
)
def test_zarr(
    tmp_path: Path, sentence: Callable[..., str], change: dict[str, Any], expected: str
) -> None:
    write([simple()], tmp_path / "a.zarr", "ome-zarr")
    path = tmp_path / "a.zarr" / "labels" / "leukocytes" / "0" / ".zarray"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert expected in sentence(tmp_path / "a.zarr")


class _Evil:
    def __reduce__(self) -> Any:
        return Path.touch, (Path("evil"),)


def test_zarr_never_unpickles(tmp_path: Path, sentence: Callable[..., str]) -> None:
    write([simple()], tmp_path / "a.zarr", "ome-zarr")
    array = tmp_path / "a.zarr" / "labels" / "leukocytes" / "0"
    data = json.loads((array / ".zarray").read_text())
    data |= {"dtype": "|O", "filters": [{"id": "pickle"}], "compressor": None}
    (array / ".zarray").write_text(json.dumps(data))
    for chunk in array.rglob("0"):
        if chunk.is_file():
            chunk.write_bytes(pickle.dumps(_Evil()))
    sentence(tmp_path / "a.zarr")
    assert not Path("evil").exists()


@pytest.mark.parametrize("packing", ["zlib", "gzip", "blosc", "zstd"])
def test_zarr_bombs(tmp_path: Path, sentence: Callable[..., str], packing: str) -> None:
    import numcodecs

    write([simple()], tmp_path / "a.zarr", "ome-zarr")
    array = tmp_path / "a.zarr" / "labels" / "leukocytes" / "0"
    codec = numcodecs.get_codec({"id": packing})
    data = json.loads((array / ".zarray").read_text()) | {"compressor": codec.get_config()}
    (array / ".zarray").write_text(json.dumps(data))
    (chunk,) = [p for p in array.rglob("0") if p.is_file()]
    labels = simple().labels
    assert labels is not None
    chunk.write_bytes(codec.encode(labels.astype(np.uint16)))
    np.testing.assert_array_equal(read(tmp_path / "a.zarr")[0].labels, labels)
    for size in (1_000_000, 200_000_000):
        chunk.write_bytes(codec.encode(bytes(size)))
        found = sentence(tmp_path / "a.zarr")
        assert "ZIP bomb" in found or "larger than" in found
    chunk.write_bytes(b"nonsense" * 3)
    sentence(tmp_path / "a.zarr")


def test_zarr_paths_that_lead_elsewhere(tmp_path: Path, sentence: Callable[..., str]) -> None:
    write([simple()], tmp_path / "a.zarr", "ome-zarr")
    labels = tmp_path / "a.zarr" / "labels"
    attributes = json.loads((labels / "leukocytes" / ".zattrs").read_text())
    attributes["multiscales"][0]["datasets"][0]["path"] = "../../../secret"
    (labels / "leukocytes" / ".zattrs").write_text(json.dumps(attributes))
    assert "leads out" in sentence(tmp_path / "a.zarr")
    (labels / ".zattrs").write_text('{"labels": ["../../b"]}')
    assert "leads out" in sentence(tmp_path / "a.zarr")
    (labels / ".zattrs").write_text('{"labels": ["a/b"]}')
    assert "elsewhere" in sentence(tmp_path / "a.zarr")


# -- all formats --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_cut_off_anywhere(name: str, tmp_path: Path) -> None:
    """Cut every file at many places: what is left is read as far as it is whole, or refused."""
    write([hard()], tmp_path / "out", name)
    for path in [p for p in (tmp_path / "out").rglob("*") if p.is_file()]:
        whole = path.read_bytes()
        for cut in {0, 1, 7, len(whole) // 3, len(whole) // 2, len(whole) - 1}:
            path.write_bytes(whole[:cut])
            try:
                (back,) = read(tmp_path / "out", name)
            except LeukocyteError as error:
                text = str(error)
                assert "\n" not in text
                assert text.endswith(".")
            else:
                assert back.shape == (40, 50) or name in ("yolo-seg", "ome-zarr")
        path.write_bytes(whole)


@pytest.mark.parametrize("name", ALL)
def test_links_out_of_the_folder_are_not_followed(
    name: str, tmp_path: Path, sentence: Callable[..., str]
) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    write([hard()], out, name)
    elsewhere.mkdir()
    largest = max((p for p in out.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    largest.rename(elsewhere / largest.name)
    largest.symlink_to(elsewhere / largest.name)
    assert "link that leads out" in sentence(out)


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"hello", b"{}", b"<a/>", b"PK\x05\x06"])
def test_what_is_none_of_these(
    content: bytes, tmp_path: Path, sentence: Callable[..., str]
) -> None:
    (tmp_path / "a").write_bytes(content)
    for name in [None, *FORMATS]:
        sentence(tmp_path / "a", name)
    (tmp_path / "folder").mkdir()
    for name in [None, *FORMATS]:
        sentence(tmp_path / "folder", name)
    assert "neither a file nor a folder" in sentence(tmp_path / "nothing")
    assert "neither a file nor a folder" in sentence(tmp_path / ("x" * 5000))


def test_overlapping_objects_are_told(tmp_path: Path) -> None:
    def spoil(data: dict[str, Any]) -> None:
        one, other = data["annotations"]
        one["segmentation"] = [[0, 0, 6, 0, 6, 6, 0, 6]]
        other["segmentation"] = [[2, 2, 8, 2, 8, 8, 2, 8]]

    (image,) = read(coco(tmp_path, spoil))
    assert image.labels is not None
    assert (image.labels[3, 3], image.labels[1, 1]) == (2, 1)
    assert "overlap" in image.notes[0]

    def cover(data: dict[str, Any]) -> None:
        data["annotations"][1]["segmentation"] = [[0, 0, 9, 0, 9, 8, 0, 8]]

    (image,) = read(coco(tmp_path, cover))
    assert image.table["label"].tolist() == [2]
    assert "left out" in image.notes[1]


def test_files_that_are_too_large(
    tmp_path: Path, sentence: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = coco(tmp_path)
    with path.open("ab") as file:
        file.truncate(300_000_000)  # sparse
    assert "larger than" in sentence(path)
