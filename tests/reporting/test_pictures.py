from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import tifffile
from numpy.typing import NDArray

from napari_leukocyte.analysis.pipeline import Analysis
from napari_leukocyte.classification.measurements import measure
from napari_leukocyte.counting.leukogram import count
from napari_leukocyte.counting.own_classes import FILE_NAME, own_class, save_own_classes
from napari_leukocyte.errors import OutputError
from napari_leukocyte.io.user_files import config_folder
from napari_leukocyte.reporting.drawing import UNCLASSIFIED, class_colors, to_rgb, write_png
from napari_leukocyte.reporting.pictures import beside, draw_chart, draw_overlay
from napari_leukocyte.reporting.save import write_labels
from napari_leukocyte.vocabulary import COLORS


def where(picture: NDArray[np.uint8], color: str | tuple[int, int, int]) -> NDArray[np.bool_]:
    rgb = to_rgb(color) if isinstance(color, str) else color
    return np.asarray((picture == np.array(rgb)).all(axis=-1))


def has(picture: NDArray[np.uint8], color: str | tuple[int, int, int]) -> bool:
    return bool(where(picture, color).any())


@pytest.mark.parametrize(("largest", "kind"), [(65535, "uint16"), (65536, "int32")])
def test_labels_round_trip(tmp_path: Path, largest: int, kind: str) -> None:
    labels = np.zeros((37, 53), np.int32)
    labels[3:9, 4:20], labels[30:, 40:] = 1, largest
    write_labels(tmp_path / "l.tif", labels)
    back = tifffile.imread(tmp_path / "l.tif")
    assert back.dtype == kind
    np.testing.assert_array_equal(back, labels)


def test_overlay_draws_each_object_in_its_color(result: Analysis) -> None:
    overlay = draw_overlay(result.rgb, result.labels, result.table)
    height, width = result.rgb.shape[:2]
    assert overlay.dtype == np.uint8
    assert overlay.shape[0] > height
    assert overlay.shape[1] >= width
    for region, name in ((np.s_[15:55, 15:55], "neutrophil"), (np.s_[65:105, 55:95], "monocyte")):
        assert has(overlay[region], COLORS[name])
        assert not has(overlay[region], COLORS["eosinophil"])
    # The cells themselves stay in sight, and the picture lies where it was.
    np.testing.assert_array_equal(overlay[30:40, 30:40], result.rgb[30:40, 30:40])
    strip = overlay[height:]
    assert all(has(strip, COLORS[c]) for c in ("neutrophil", "monocyte", "basophil"))
    assert not has(overlay, UNCLASSIFIED)


def test_overlay_shows_what_nobody_classified(result: Analysis) -> None:
    partly = result.table.copy()
    partly.loc[2, "class"] = np.nan
    overlay = draw_overlay(result.rgb, result.labels, partly)
    assert has(overlay[65:105, 55:95], UNCLASSIFIED)
    assert has(overlay[15:55, 15:55], COLORS["neutrophil"])
    plain = draw_overlay(result.rgb, result.labels, measure(result.labels))
    assert has(plain[15:55, 15:55], UNCLASSIFIED)


@pytest.mark.parametrize("shape", [(16, 16), (40, 2000), (2000, 40)])
def test_overlay_of_any_shape_can_be_read(shape: tuple[int, int]) -> None:
    rgb = np.full((*shape, 3), 200, np.uint8)
    labels = np.zeros(shape, np.int32)
    labels[2:12, 2:12] = 1
    table = pd.DataFrame({"label": [1], "class": ["blast of some other model"]})
    overlay = draw_overlay(rgb, labels, table)
    other = class_colors(["blast of some other model"])["blast of some other model"]
    assert has(overlay[:14, :14], other)
    ink = np.asarray((overlay[shape[0] :] < 100).all(axis=-1))
    assert ink.any()
    # Nothing is cut off: the margins of the strip are white.
    assert not ink[:, -3:].any()
    assert not ink[-3:].any()


def test_own_classes_have_their_colours_unless_the_file_is_damaged() -> None:
    save_own_classes([own_class("blast", "#123456")])
    assert class_colors(["blast"])["blast"] == (0x12, 0x34, 0x56)
    (config_folder() / FILE_NAME).write_text("no JSON", encoding="utf-8")
    assert class_colors(["blast"])["blast"] != (0x12, 0x34, 0x56)


def test_chart_shows_shares_and_limits(result: Analysis) -> None:
    chart = draw_chart(count(result.table), 400, 10)
    assert chart.shape[0] == 400
    blue = where(chart, COLORS["neutrophil"]).sum()
    yellow = where(chart, COLORS["monocyte"]).sum()
    # Whiskers lie on the bars, so that the areas are not exactly two to one.
    assert blue / yellow == pytest.approx(2, rel=0.15)
    assert not has(chart, COLORS["eosinophil"])
    assert draw_chart(count(result.table.iloc[:0]), 400, 10).shape == chart.shape


def test_pictures_side_by_side(result: Analysis) -> None:
    tall, flat = result.rgb, result.rgb[:50, :30]
    joined = beside(tall, flat)
    assert joined.shape == (120, 230, 3)
    np.testing.assert_array_equal(joined[:, :200], tall)
    np.testing.assert_array_equal(joined[:50, 200:], flat)


def test_png_round_trip_and_failure(result: Analysis, tmp_path: Path) -> None:
    write_png(tmp_path / "ü.png", result.rgb)
    back = cv2.imdecode(np.fromfile(tmp_path / "ü.png", np.uint8), cv2.IMREAD_COLOR_RGB)
    np.testing.assert_array_equal(back, result.rgb)
    with pytest.raises(OutputError, match="can't be written"):
        write_png(tmp_path / "missing" / "x.png", result.rgb)
