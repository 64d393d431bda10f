from __future__ import annotations

from pytestqt.qtbot import QtBot

from napari_leukocyte.widgets.classify.legend import Legend
from napari_leukocyte.widgets.layers.objects_style import UNCLASSIFIED


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
