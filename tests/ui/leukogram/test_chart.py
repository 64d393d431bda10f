from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from napari.utils.theme import get_theme
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint
from qtpy.QtGui import QColor, QHelpEvent
from qtpy.QtWidgets import QApplication, QToolTip, QWidget
from superqt.utils import qimage_to_array

from napari_leukocyte.counting.leukogram import count
from napari_leukocyte.counting.reference import Range
from napari_leukocyte.ui.leukogram.chart import LeukogramChart, axis_end, bars_of
from napari_leukocyte.vocabulary import COLORS, LEUKOCYTE_NAMES

COUNTS = {"neutrophil": 60, "eosinophil": 3, "lymphocyte": 30, "monocyte": 7}


def leukogram(counts: dict[str, int]) -> pd.DataFrame:
    return count(pd.DataFrame({"class": [n for n, k in counts.items() for _ in range(k)]}))


def pixels(widget: QWidget) -> NDArray[np.uint8]:
    # Of either binding of Qt, whose bits are of types of their own.
    rgba: NDArray[np.uint8] = qimage_to_array(widget.grab().toImage())
    return rgba[..., :3]


def of_color(image: NDArray[np.uint8], color: str) -> NDArray[np.bool_]:
    wanted = np.array(QColor(color).getRgb()[:3], np.int64)
    close: NDArray[np.bool_] = (np.abs(image.astype(np.int64) - wanted) <= 3).all(axis=2)
    return close


def test_bars_are_as_long_as_the_shares(qtbot: QtBot) -> None:
    chart = LeukogramChart()
    qtbot.addWidget(chart)
    chart.show_leukogram(leukogram(COUNTS))
    chart.resize(500, chart.sizeHint().height())
    image = pixels(chart)
    widths = {n: int(of_color(image, COLORS[n]).any(axis=0).sum()) for n in LEUKOCYTE_NAMES}
    assert widths["basophil"] == 0
    assert widths["neutrophil"] > 150
    assert widths["lymphocyte"] / widths["neutrophil"] == pytest.approx(0.5, abs=0.03)
    assert widths["monocyte"] / widths["neutrophil"] == pytest.approx(7 / 60, abs=0.03)


def test_axis_holds_every_limit() -> None:
    for counts in (COUNTS, {"neutrophil": 1}, dict.fromkeys(LEUKOCYTE_NAMES, 400), {}):
        bars = bars_of(leukogram(counts))
        assert len(bars) == 5
        assert axis_end(bars) >= max((b.high for b in bars if b.total), default=0)
    assert axis_end(bars_of(leukogram(dict.fromkeys(LEUKOCYTE_NAMES, 400)))) == 40


def test_tooltip_tells_the_figures_of_a_bar(qtbot: QtBot) -> None:
    chart = LeukogramChart()
    qtbot.addWidget(chart)
    chart.show_leukogram(leukogram(COUNTS))
    chart.show()
    qtbot.waitExposed(chart)
    where = QPoint(100, 6 + 26 + 13)  # the second row
    QApplication.sendEvent(
        chart, QHelpEvent(QHelpEvent.Type.ToolTip, where, chart.mapToGlobal(where))
    )
    assert "Eosinophil: 3 of 100 = 3.0 %, 95 % limits 0.6 to 8.5 %" in QToolTip.text()
    QToolTip.hideText()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_chart_takes_the_colours_of_the_theme(
    make_napari_viewer: Any, qtbot: QtBot, theme: str
) -> None:
    viewer = make_napari_viewer(strict_qt="raise", show=True)
    viewer.theme = theme
    view = LeukogramChart()
    viewer.window.add_dock_widget(view, name="Leukogram", area="right")
    view.show_leukogram(leukogram(COUNTS))
    qtbot.waitExposed(view)
    qtbot.wait(50)
    image = pixels(view)
    ground = get_theme(theme).background.as_hex("long")
    assert of_color(image, ground).mean() > 0.3
    # The names of the classes stand in the theme's colour of text.
    assert of_color(image[:, :80], get_theme(theme).text.as_hex("long")).sum() > 20


def test_ranges_and_further_classes_are_drawn(qtbot: QtBot) -> None:
    figures = leukogram({"neutrophil": 8, "immature granulocyte": 2, "smudge cell": 5})
    usual = {"neutrophil": Range(40, 90), "basophil": Range(0, 2)}
    bars = bars_of(figures, usual)
    assert [b.name for b in bars] == [*LEUKOCYTE_NAMES, "immature granulocyte"]
    assert "reference range 40 – 90 %" in str(bars[0])
    assert axis_end(bars_of(leukogram({"neutrophil": 5, "monocyte": 1000}), usual)) == 100
    chart = LeukogramChart()
    qtbot.addWidget(chart)
    chart.resize(500, 250)
    chart.show_leukogram(figures)
    without = pixels(chart)
    assert of_color(without, COLORS["immature granulocyte"]).any()
    chart.show_leukogram(figures, usual)
    changed = (pixels(chart) != without).any(axis=2)
    # The first row has a band from 40 to 90 % and the third one a narrow one; no other changed.
    assert changed[6:32].any(axis=0).sum() > 100
    assert 0 < changed[58:84].any(axis=0).sum() < 20
    assert not changed[84:].any()
    assert not changed[32:58].any()
