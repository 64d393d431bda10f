"""One bad object among good ones: the good are read, the bad counted and named, or all refused."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from napari_leukocyte.annotations.formats.annotated import AnnotatedImage
from napari_leukocyte.annotations.formats.convert import read
from napari_leukocyte.cli.main import app
from napari_leukocyte.errors import FormatError
from tests.annotations.formats.others import (
    SHAPE,
    coco,
    feature,
    flat,
    geojson,
    photograph,
    roi,
    square,
    yolo_line,
)

Ring = list[list[float]]
Writer = Callable[[Path, list[Ring]], Path]


def as_coco(folder: Path, rings: list[Ring]) -> Path:
    return coco(folder / "c.json", *([flat(ring)] for ring in rings))


def as_geojson(folder: Path, rings: list[Ring]) -> Path:
    return geojson(folder, *(feature(ring) for ring in rings))


def as_yolo(folder: Path, rings: list[Ring]) -> Path:
    photograph(folder / "images" / "f.png")
    (folder / "labels").mkdir()
    (folder / "labels" / "f.txt").write_text("".join(map(yolo_line, rings)))
    (folder / "classes.txt").write_text("Lymphocyte\nNeutrophil\n")
    return folder


def as_rois(folder: Path, rings: list[Ring]) -> Path:
    photograph(folder / "f.png")
    with zipfile.ZipFile(folder / "f.zip", "w") as archive:
        for i, ring in enumerate(rings):
            archive.writestr(f"{i}.roi", roi(ring))
    return folder / "f.zip"


WRITERS = (as_coco, as_geojson, as_yolo, as_rois)
FLAT: Ring = [[3, 3], [9, 3], [20, 3]]
OUTSIDE: Ring = square(90, 10)
TINY: Ring = [[5.1, 5.1], [5.2, 5.1], [5.2, 5.2]]


def _labels(image: AnnotatedImage) -> Any:
    assert image.labels is not None
    return image.labels


@pytest.mark.parametrize("write", WRITERS)
@given(
    bad=st.lists(st.sampled_from([FLAT, OUTSIDE, TINY]), max_size=4),
    good=st.integers(1, 5),
    order=st.randoms(use_true_random=False),
)
@settings(max_examples=12, deadline=None)
def test_the_good_are_read_whatever_stands_among_them(
    write: Writer, bad: list[Ring], good: int, order: Any
) -> None:
    rings = [square(2 + 12 * i, 20) for i in range(good)] + bad
    order.shuffle(rings)
    with tempfile.TemporaryDirectory() as name:
        path = write(Path(name), rings)
        (image,) = read(path)
        assert len(image.table) == good
        assert (_labels(image) > 0).sum() == good * 64
        said = " ".join(image.notes)
        assert (f"{len(bad)} of {len(rings)} left out" in said) == bool(bad)
        for kind, ring in (("flat polygon", FLAT), ("area without a pixel", TINY)):
            assert said.count(kind) == bad.count(ring)
        if bad:
            with pytest.raises(FormatError):
                read(path, strict=True)
        else:
            assert read(path, strict=True)[0].notes == ()


@pytest.mark.parametrize("write", WRITERS)
def test_a_cell_over_the_border_is_clipped(write: Writer, tmp_path: Path) -> None:
    height, width = SHAPE
    # A triangle whose side at the border would bend if its corner were moved there.
    triangle: Ring = [[width - 10, 10], [width + 10, 20], [width - 10, 30]]
    path = write(tmp_path, [triangle, square()])
    (image,) = read(path)
    y, x = np.mgrid[:height, :width] + 0.5
    inside = (x > width - 10) & (np.abs(y - 20) < (width + 10 - x) / 2)
    np.testing.assert_array_equal(_labels(image) == 1, inside)
    assert "1 of 2 clipped at the border of the image" in " ".join(image.notes)
    with pytest.raises(FormatError, match="outside of its image"):
        read(path, strict=True)


def test_the_count_names_the_place_of_each(tmp_path: Path) -> None:
    folder = as_yolo(tmp_path / "a", [square(2 + i % 60, 20) for i in range(4944)])
    labels = folder / "labels" / "f.txt"
    lines = labels.read_text().splitlines()
    lines[11] = "1 0.1 0.1 0.2 0.2 0.1 0.1"
    lines.insert(30, "1 0.5 0.5")
    lines += ["", yolo_line(FLAT), "1 0.5 0.5 0 0.1"]
    labels.write_text("\n".join(lines))
    done = CliRunner().invoke(app, ["convert", str(folder), str(tmp_path / "b"), "--to", "coco"])
    assert done.exit_code == 0, done.output
    expected = (
        "4 of 4,947 left out: two-point polygon, line 12 of f.txt; line with one point, line 31 of "
        "f.txt; flat polygon, line 4947 of f.txt; box without area, line 4949 of f.txt."
    )
    assert expected in done.output
    refused = ["convert", str(folder), str(tmp_path / "c"), "--to", "coco", "--strict"]
    done = CliRunner().invoke(app, refused)
    assert done.exit_code != 0
    assert not (tmp_path / "c").exists()


def test_parts_and_empty_annotations_of_coco(tmp_path: Path) -> None:
    two_points = [80.0, 60.0, 82.0, 61.0]
    path = coco(tmp_path / "c.json", [flat(square()), two_points], [], [[]], [two_points, []])
    (image,) = read(path)
    assert (_labels(image) == 1).sum() == 64
    assert len(image.table) == 1
    said = " ".join(image.notes)
    assert "3 of 4 left out: empty annotation, annotation 1; empty polygon, annotation 2" in said
    assert "two-point polygon, annotation 0" in said


def test_boxes_beyond_the_border(tmp_path: Path) -> None:
    folder = as_yolo(tmp_path, [])
    text = "1 0.304 0.50028 0.608 1.0044\n0 0.5 0.5 1.4 0.5\n0 1.6 0.5 0.2 0.2\n"
    (folder / "labels" / "f.txt").write_text(text)
    (image,) = read(folder)
    height, width = SHAPE
    assert image.table["bbox_x0"].min() == 0
    assert image.table["bbox_x1"].max() == width
    assert image.table["bbox_y1"].max() == height
    assert "1 of 3 left out: box outside of the image, line 3 of f.txt." in image.notes
    assert any("2 of 3 clipped" in note for note in image.notes)


def test_nothing_but_bad_objects_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no object that can be read: 2 of 2 left out"):
        read(as_coco(tmp_path, [FLAT, OUTSIDE]))


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("labels/f.txt", "1 0.1 0.1 nan 0.5 0.6 0.6"),
        ("labels/f.txt", "9 0.1 0.1 0.5 0.5 0.6 0.1"),
        ("classes.txt", "a\n=cmd()\n"),
    ],
)
def test_what_is_damaged_or_malicious_stays_refused(file: str, text: str, tmp_path: Path) -> None:
    folder = as_yolo(tmp_path, [square()])
    (folder / file).write_text(text)
    with pytest.raises(FormatError):
        read(folder)


def test_rois_that_are_no_areas(tmp_path: Path) -> None:
    import roifile

    line = roifile.ImagejRoi()
    line.roitype = roifile.ROI_TYPE.LINE
    points = roifile.ImagejRoi.frompoints(np.array([[1, 1], [5, 1], [5, 6]], np.float32))
    points.roitype = roifile.ROI_TYPE.POINT
    oval = roifile.ImagejRoi()
    oval.roitype = roifile.ROI_TYPE.OVAL
    oval.left, oval.top, oval.right, oval.bottom = SHAPE[1] - 10, 20, SHAPE[1] + 10, 40
    photograph(tmp_path / "F.PNG")
    with zipfile.ZipFile(tmp_path / "F.zip", "w") as archive:
        archive.writestr("RoiSet/cell.roi", roi())
        archive.writestr("bar.roi", line.tobytes())
        archive.writestr("spots.roi", points.tobytes())
        archive.writestr("oval.roi", oval.tobytes())
        archive.writestr("__MACOSX/RoiSet/._cell.roi", b"\0\5\x16\7Mac OS X")
        archive.writestr("RoiSet/.DS_Store", b"\0\0\0\1Bud1")
    (image,) = read(tmp_path / "F.zip")
    assert image.shape == SHAPE
    assert "2 of 4 left out: line, 'bar.roi'; points, 'spots.roi'." in image.notes
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]] + 0.5
    ellipse = (y - 30) ** 2 + (x - SHAPE[1]) ** 2 <= 100
    np.testing.assert_array_equal(_labels(image) == 2, ellipse)
