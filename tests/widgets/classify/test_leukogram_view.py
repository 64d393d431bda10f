import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
from napari.utils.theme import get_theme
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint
from qtpy.QtGui import QColor, QGuiApplication, QHelpEvent, QImage
from qtpy.QtWidgets import QApplication, QToolTip, QWidget

from napari_leukocyte.counting.leukogram import count
from napari_leukocyte.vocabulary import COLORS, DISCLAIMER, LEUKOCYTE_NAMES
from napari_leukocyte.widgets.classify.legend import Legend
from napari_leukocyte.widgets.classify.leukogram_chart import LeukogramChart, axis_end, bars_of
from napari_leukocyte.widgets.classify.leukogram_view import LeukogramView, leukogram_tsv
from napari_leukocyte.widgets.layers.objects_style import UNCLASSIFIED

COUNTS = {"neutrophil": 60, "eosinophil": 3, "lymphocyte": 30, "monocyte": 7}


def leukogram(counts: dict[str, int]) -> pd.DataFrame:
    return count(pd.DataFrame({"class": [n for n, k in counts.items() for _ in range(k)]}))


def pixels(widget: QWidget) -> NDArray[np.uint8]:
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGBA8888)
    bits = image.constBits()
    assert bits is not None
    raw = np.frombuffer(bits.asstring(image.sizeInBytes()), np.uint8)
    rgba = raw.reshape(image.height(), image.bytesPerLine() // 4, 4)
    return np.array(rgba[:, : image.width(), :3])


def of_color(image: NDArray[np.uint8], color: str) -> NDArray[np.bool_]:
    wanted = np.array(QColor(color).getRgb()[:3], np.int64)
    close: NDArray[np.bool_] = (np.abs(image.astype(np.int64) - wanted) <= 3).all(axis=2)
    return close


def test_table_shows_counts_and_limits(qtbot: QtBot) -> None:
    view = LeukogramView()
    qtbot.addWidget(view)
    view.show_leukogram(leukogram(COUNTS | {"unidentified": 2}), unclassified=4)
    table = view.table
    shown = [
        [cell.text() for column in range(4) if (cell := table.item(row, column)) is not None]
        for row in range(table.rowCount())
    ]
    # Exact limits of 60, 3, 0, 30 and 7 of 100, from a table of the binomial distribution.
    assert shown == [
        ["neutrophil", "60", "60.0", "49.7 – 69.7"],
        ["eosinophil", "3", "3.0", "0.6 – 8.5"],
        ["basophil", "0", "0.0", "0.0 – 3.6"],
        ["lymphocyte", "30", "30.0", "21.2 – 40.0"],
        ["monocyte", "7", "7.0", "2.9 – 13.9"],
        ["unidentified", "2", "–", "–"],
    ]
    text = view.summary.text()
    assert "n = 100" in text
    assert "2 unidentified" in text
    assert "4 unclassified" in text
    labels = [w.text() for w in view.findChildren(type(view.summary))]
    assert DISCLAIMER in labels


def test_nothing_counted_is_no_zero_percent(qtbot: QtBot) -> None:
    view = LeukogramView()
    qtbot.addWidget(view)
    view.show_leukogram(leukogram({"unidentified": 1}), 0)
    first = view.table.item(0, 2)
    assert first is not None
    assert first.text() == "–"
    view.show_leukogram(None, 3)
    assert view.table.rowCount() == 0
    assert "3 unclassified" in view.summary.text()


def test_copied_leukogram_is_read_back(qtbot: QtBot) -> None:
    view = LeukogramView()
    qtbot.addWidget(view)
    figures = leukogram(COUNTS)
    view.show_leukogram(figures, 0)
    view.copy()
    clipboard = QGuiApplication.clipboard()
    assert clipboard is not None
    assert clipboard.text() == leukogram_tsv(figures)
    pasted = pd.read_csv(io.StringIO(clipboard.text()), sep="\t")
    assert list(pasted["class"]) == list(LEUKOCYTE_NAMES)
    pd.testing.assert_frame_equal(pasted, figures, check_dtype=False, atol=0.005)


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
    view = LeukogramView()
    viewer.window.add_dock_widget(view, name="Leukogram", area="right")
    view.show_leukogram(leukogram(COUNTS), 0)
    qtbot.waitExposed(view)
    qtbot.wait(50)
    image = pixels(view.chart)
    ground = get_theme(theme).background.as_hex("long")
    assert of_color(image, ground).mean() > 0.3
    # The names of the classes stand in the theme's colour of text.
    assert of_color(image[:, :80], get_theme(theme).text.as_hex("long")).sum() > 20


def test_legend_counts_and_is_clicked(qtbot: QtBot) -> None:
    legend = Legend()
    qtbot.addWidget(legend)
    legend.show_counts({"monocyte": 2, "blast": 1, UNCLASSIFIED: 3})
    counts = legend.counts()
    assert counts["monocyte"] == 2
    assert counts["neutrophil"] == 0
    assert list(counts)[-2:] == ["blast", UNCLASSIFIED]  # a class of some other classifier
    with qtbot.waitSignal(legend.chosen) as signal:
        legend.button("blast").click()
    assert signal.args == ["blast"]
    assert not legend.button(UNCLASSIFIED).isEnabled()
