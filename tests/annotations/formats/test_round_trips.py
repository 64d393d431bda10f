from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from numpy.typing import NDArray

from napari_leukocyte.annotations.formats.annotated import AnnotatedImage
from napari_leukocyte.annotations.formats.cells import complete
from napari_leukocyte.annotations.formats.convert import losses, read, write
from napari_leukocyte.annotations.formats.recognise import FORMATS, recognise
from napari_leukocyte.errors import FormatError, OutputError
from tests.annotations.formats.cells import annotated, boxes, hard, images, same

ALL = [name for name in FORMATS if name != "dataset"]
WITH_BOXES = [name for name in ALL if name != "ome-zarr"]
ONE_FILE = {
    "coco": "a.json",
    "geojson": "a.geojson",
    "imagej-roi": "a.zip",
    "ome-zarr": "a.ome.zarr",
}


def many() -> AnnotatedImage:
    """Return 400 cells that touch."""
    labels = np.arange(1, 401).reshape(20, 20).repeat(3, axis=0).repeat(3, axis=1)
    kinds = ("neutrophil", "basophil")
    return annotated(labels, {n: kinds[n % 2] for n in range(1, 401)}, name="many.tif")


@pytest.mark.parametrize("name", ALL)
def test_all_that_is_hard_comes_back(name: str, tmp_path: Path) -> None:
    given_ = [hard(), many(), annotated(np.zeros((5, 6), int), name="empty.png")]
    place = tmp_path / "folder with space" / "out"
    write(given_, place, name)
    assert recognise(place).name == name
    back = {image.name: image for image in read(place)}
    assert len(back) == 3
    for image in given_:
        same(image, back[image.name])
        assert back[image.name].notes == ()


@pytest.mark.parametrize("name", ONE_FILE)
def test_one_image_as_one_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / "new" / ONE_FILE[name]
    write([hard()], path, name)
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert path.is_file() == (name != "ome-zarr")
    (back,) = read(path)
    same(hard(), back)
    if name != "coco":
        with pytest.raises(OutputError, match="one file"):
            write([hard(), many()], tmp_path / f"b{path.suffix}", name)


@pytest.mark.parametrize("name", WITH_BOXES)
def test_boxes_alone_come_back(name: str, tmp_path: Path) -> None:
    write([boxes()], tmp_path / "out", name)
    (back,) = read(tmp_path / "out")
    same(boxes(), back)


def test_what_needs_masks_says_so(tmp_path: Path) -> None:
    for name in ("ome-zarr", "dataset"):
        with pytest.raises(FormatError, match=r"boxes\.jpg has boxes alone"):
            write([boxes()], tmp_path / "out", name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ALL)
@given(image=images())
@settings(max_examples=25)
def test_any_image_comes_back(name: str, image: AnnotatedImage) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write([image], Path(folder) / "out", name)
        (back,) = read(Path(folder) / "out")
        same(image, back)


def test_a_walk_through_all_formats(tmp_path: Path) -> None:
    images_: list[AnnotatedImage] = [hard(), many()]
    for i, name in enumerate([*ALL, *reversed(ALL)]):
        write(images_, tmp_path / str(i), name)
        images_ = sorted(read(tmp_path / str(i)), key=lambda image: image.name)
    for image, back in zip([hard(), many()], images_, strict=True):
        same(image, back)


@pytest.mark.parametrize("name", ALL)
def test_images_of_one_name(name: str, tmp_path: Path) -> None:
    first, second = annotated(np.eye(4)), annotated(2 * np.eye(5))
    lost = write([first, second], tmp_path / "out", name)
    back = read(tmp_path / "out")
    assert sorted(image.shape for image in back) == [(4, 4), (5, 5)]
    renamed = name == "labels-csv"
    assert {image.name for image in back} == {"field.png"} | ({"field-2.png"} if renamed else set())
    assert any("field-2.png" in sentence for sentence in lost) == renamed


def test_labels_without_a_row_have_no_class(tmp_path: Path) -> None:
    image = annotated(np.array([[1, 2], [0, 5]]), {2: "monocyte"})
    for name in ALL:
        write([image], tmp_path / name, name)
        (back,) = read(tmp_path / name)
        assert back.table["label"].tolist() == [2, 1, 5]
        assert back.table["class"].isna().tolist() == [False, True, True]


def test_what_a_format_has_no_place_for_is_said() -> None:
    said = {name: " ".join(losses([hard()], name)) for name in ALL}
    assert 'get the category "unclassified"' in said["coco"]
    assert "numbers" in said["yolo-seg"]
    assert "cuts without width" in said["yolo-seg"]
    assert "boxes alone" in said["voc"]
    assert said["geojson"] == said["imagej-roi"] == said["ome-zarr"] == said["labels-csv"] == ""
    assert "16 bits" in " ".join(losses([many()], "voc"))
    assert "cuts" not in " ".join(losses([many()], "yolo-seg"))
    large = AnnotatedImage("large.png", (100, 70_000), None, boxes().table)
    with pytest.raises(FormatError, match="too large"):
        losses([large], "imagej-roi")


def test_pycocotools_reads_coco(tmp_path: Path) -> None:
    from pycocotools.coco import COCO

    image = hard()
    write([image, many()], tmp_path / "a.json", "coco")
    coco = COCO(tmp_path / "a.json")
    assert {c["name"] for c in coco.loadCats(coco.getCatIds())} >= {"neutrophil", "бласт", "NA"}
    assert image.labels is not None
    found = coco.loadAnns(coco.getAnnIds(imgIds=[1]))
    assert len(found) == len(image.table)
    for entry, label in zip(found, image.table["label"], strict=True):
        mask = coco.annToMask(entry).astype(bool)
        np.testing.assert_array_equal(mask, image.labels == label)
        assert entry["area"] == mask.sum()
        y, x = np.nonzero(mask)
        assert entry["bbox"] == [x.min(), y.min(), np.ptp(x) + 1, np.ptp(y) + 1]


def test_geojson_is_as_qupath_wants_it(tmp_path: Path) -> None:
    write([hard()], tmp_path / "a.geojson", "geojson")
    data = json.loads((tmp_path / "a.geojson").read_text(encoding="utf-8"))
    first, second = data["features"][:2]
    assert first["geometry"]["type"] == "MultiPolygon"
    assert len(first["geometry"]["coordinates"]) == 3
    assert len(second["geometry"]["coordinates"][0]) == 5
    properties = first["properties"]
    assert properties["classification"] == {"name": "neutrophil", "color": [0, 114, 178]}
    assert properties["isLocked"] is True
    assert properties["measurements"] == {"confidence": 0.9, "area_px": 1}
    assert properties["metadata"]["label"] == "300"
    assert all(isinstance(v, str) for v in properties["metadata"].values())
    assert "classification" not in data["features"][-1]["properties"]


def test_roifile_reads_rois(tmp_path: Path) -> None:
    import roifile

    write([hard()], tmp_path / "a.zip", "imagej-roi")
    rois = roifile.roiread(tmp_path / "a.zip")
    assert isinstance(rois, list)
    names = {roi.name: roi for roi in rois}
    assert set(names) >= {"0300 neutrophil", "0001 class: a, b", f"{2**31 - 1} unclassified"}
    triangle = names["0003 NA"].coordinates()
    assert {tuple(p) for p in np.asarray(triangle).tolist()} == {
        (12, 2),
        (20, 2),
        (20, 12),
        (12, 12),
    }
    assert names["0300 neutrophil"].composite
    assert names["0300 neutrophil"].properties["label"] == 300


def test_voc_counts_from_one_and_yolo_in_fractions(tmp_path: Path) -> None:
    labels = np.zeros((10, 20), int)
    labels[2:4, 5:9] = 6
    image = annotated(labels, {6: "monocyte"})
    write([image], tmp_path / "voc", "voc")
    from xml.etree.ElementTree import parse

    box = parse(tmp_path / "voc" / "Annotations" / "field.xml").find("object/bndbox")  # noqa: S314
    assert box is not None
    assert {side.tag: side.text for side in box} == {
        "xmin": "6",
        "ymin": "3",
        "xmax": "9",
        "ymax": "4",
    }
    write([image], tmp_path / "yolo", "yolo-seg")
    line = (tmp_path / "yolo" / "labels" / "field.txt").read_text()
    assert line == "0 0.25 0.2 0.45 0.2 0.45 0.4 0.25 0.4\n"


def test_zarr_is_an_ome_zarr_label(tmp_path: Path) -> None:
    import zarr

    image = hard()
    write([image], tmp_path / "a.zarr", "ome-zarr")
    label: Any = zarr.open_group(str(tmp_path / "a.zarr"), mode="r")["labels/leukocytes"]
    assert label.attrs["multiscales"][0]["axes"] == [
        {"name": "y", "type": "space"},
        {"name": "x", "type": "space"},
    ]
    about: Any = label.attrs["image-label"]
    assert about["properties"][0]["label-value"] == 300
    assert about["properties"][0]["class"] == "neutrophil"
    np.testing.assert_array_equal(label["0"][...], image.labels)
    for part in ("labels", "labels/leukocytes"):
        (back,) = read(tmp_path / "a.zarr" / part)
        np.testing.assert_array_equal(back.labels, image.labels)


@pytest.mark.parametrize("axes", ["yx", "czyx"])
def test_ome_zarr_of_others(axes: str, tmp_path: Path) -> None:
    import zarr

    labels = simple_labels()
    group = zarr.open_group(str(tmp_path / "b.ome.zarr"), mode="w", zarr_format=3)
    inside = group.create_group("labels")
    inside.attrs["ome"] = {"version": "0.5", "labels": ["cells"]}
    cells = inside.create_group("cells")
    cells.attrs["ome"] = {
        "version": "0.5",
        "multiscales": [
            {"axes": [{"name": a} for a in axes], "datasets": [{"path": "s0"}, {"path": "s1"}]}
        ],
        "image-label": {"properties": [{"label-value": 4, "class": "blast"}]},
    }
    shape = (1,) * (len(axes) - 2) + labels.shape
    cells.create_array("s0", data=labels.reshape(shape), chunks=shape)
    (image,) = read(tmp_path / "b.ome.zarr")
    assert image.name == "b"
    np.testing.assert_array_equal(image.labels, labels)
    assert image.table["label"].tolist() == [4, 2]
    assert image.table["class"].tolist()[0] == "blast"


def simple_labels() -> NDArray[np.uint64]:
    labels = np.zeros((7, 8), np.uint64)
    labels[1:3, 1:4], labels[4, 4] = 4, 2
    return labels


def test_photographs_are_found(tmp_path: Path) -> None:
    photograph = cv2.imencode(".png", np.zeros((40, 50, 3), np.uint8))[1].tobytes()
    image = hard()
    beside = {
        "coco": "images",
        "geojson": "",
        "imagej-roi": "images",
        "yolo-seg": "images",
        "voc": "JPEGImages",
        "labels-csv": "images",
        "ome-zarr": "images",
    }
    for name in ALL:
        write([image], tmp_path / name, name)
        assert read(tmp_path / name)[0].source is None
        path = tmp_path / name / beside[name] / image.name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(photograph)
        assert read(tmp_path / name)[0].source == path
        shutil.rmtree(path.parent) if beside[name] else path.unlink()
        elsewhere = tmp_path / "elsewhere" / image.name
        elsewhere.parent.mkdir(exist_ok=True)
        elsewhere.write_bytes(photograph)
        assert read(tmp_path / name, photographs=elsewhere.parent)[0].source == elsewhere


def test_labels_of_int32_and_many_objects(tmp_path: Path) -> None:
    write([hard(), many()], tmp_path / "out", "labels-csv")
    kinds = {p.parent.name: tifffile.imread(p).dtype for p in tmp_path.rglob("labels.tif")}
    assert kinds == {"Field 1 – Ä": np.int32, "many": np.uint16}


def test_an_image_whose_table_does_not_fit_is_refused(tmp_path: Path) -> None:
    twice = annotated(np.eye(3), {1: "a"})
    twice = AnnotatedImage("a.png", (3, 3), twice.labels, twice.table.loc[[0, 0]])
    lacking = annotated(np.eye(3), {1: "a", 2: "b"})
    wrong = AnnotatedImage("a.png", (4, 3), twice.labels, lacking.table)
    for name in ALL:
        for image in (twice, lacking, wrong):
            with pytest.raises(FormatError):
                write([image], tmp_path / name, name)
    with pytest.raises(FormatError, match="no annotated image"):
        complete([])
    assert list(tmp_path.iterdir()) == []
