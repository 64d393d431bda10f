from __future__ import annotations

from pytestqt.qtbot import QtBot

from napari_leukocyte.counting.own_classes import own_class, save_own_classes
from napari_leukocyte.ui.classify.form import Legend
from napari_leukocyte.ui.layers.objects_style import UNCLASSIFIED
from napari_leukocyte.vocabulary import CLASSES


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


def test_own_classes_have_a_row_and_keep_counts_and_mark(qtbot: QtBot) -> None:
    legend = Legend()
    qtbot.addWidget(legend)
    legend.show_counts({"monocyte": 2})
    legend.mark("monocyte")
    own = save_own_classes([own_class("blast", "#123456", "k")])
    legend.set_classes((*CLASSES, *own))
    assert list(legend.counts())[-2:] == ["blast", UNCLASSIFIED]
    assert legend.counts()["monocyte"] == 2
    assert legend.button("monocyte").font().bold()
    assert "press K" in legend.button("blast").toolTip()
    icon = legend.button("blast").icon().pixmap(14, 14).toImage()
    assert icon.pixelColor(icon.rect().center()).name() == "#123456"
