"""The controls of *Why this class*, and how findings are shown in them."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QSizePolicy, QWidget

from napari_leukocyte.interpretation.explanation import DEFAULT_METHOD
from napari_leukocyte.interpretation.scoring import METHODS, TITLES, Method
from napari_leukocyte.language import tr
from napari_leukocyte.ui import build
from napari_leukocyte.ui.controls.inputs import choice_box, number_slider
from napari_leukocyte.ui.review.bars import ProbabilityBars
from napari_leukocyte.ui.review.gallery_delegate import to_pixmap
from napari_leukocyte.vocabulary import written

#: Side of a neighbour's picture, px.
PICTURE = 64
#: Pictures beside each other.
_COLUMNS = 3


class ExplainForm:
    """The controls, from top to bottom.

    Attributes
    ----------
    method, class_box : QComboBox
        Their data are a method, and a class or "" for the classifier's own.
    ask : QPushButton
    on_image : QCheckBox
    opacity : QLabeledDoubleSlider
    title, map_text, second, notes : WrappedText
    attributes, measured : QLabel
        Tables as rich text.
    bars : ProbabilityBars
    neighbours : Pictures
    sections : dict of str to Section
        Hidden while no cell is explained.
    """

    def __init__(self) -> None:
        first: list[Method] = [DEFAULT_METHOD, *(m for m in METHODS if m != DEFAULT_METHOD)]
        titles: dict[str, str] = {m: tr(TITLES[m]) for m in first}
        titles[DEFAULT_METHOD] += tr(" (default)")
        self.method = build.tipped(
            choice_box(titles),
            "The default answers in a moment and was the most faithful of the quick ones in the "
            "test that docs/measured/explanations.md describes. LIME and SHAP take some seconds.",
        )
        self.class_box = build.tipped(
            choice_box({"": "the classifier's"}), "The class that the map is to explain."
        )
        self.ask = build.button("Explain", "Explain the selected cell, however long it takes.")
        self.on_image = build.check(
            "Map on the image",
            "Vermilion speaks for the class, blue against it; clear places say nothing.",
            on=True,
        )
        self.opacity = number_slider(0, 1, 0.05)
        self.opacity.setValue(0.6)
        self.title = build.text(bold=True)
        self.map_text, self.second, self.notes = build.text(), build.text(), build.text()
        self.attributes, self.measured = _table(), _table()
        self.bars, self.neighbours = ProbabilityBars(), Pictures()
        self.sections = {
            name: build.section(title, widget)
            for name, title, widget in (
                ("probabilities", "Probabilities", self.bars),
                ("map", "The map", self.map_text),
                ("attributes", "Attributes, read by the classifier", self.attributes),
                ("measured", "Measured from the masks", self.measured),
                ("neighbours", "Most similar cells of the training sets", self.neighbours),
                ("second", "What would have to change", self.second),
                ("notes", "Not said", self.notes),
            )
        }
        self.rows: list[build.Row] = [("Method", self.method), ("Class", self.class_box)]
        self.head: list[build.Item] = [
            self.ask,
            build.row(self.on_image, self.opacity, stretch=(0, 1)),
        ]
        self.body: list[build.Item] = [self.title, *self.sections.values(), None]

    def show_classes(self, classes: Sequence[str]) -> None:
        """Offer a classifier's classes; the choice stays if it can."""
        shown = [self.class_box.itemData(i) for i in range(1, self.class_box.count())]
        if shown == list(classes):
            return
        chosen = self.class_box.currentData()
        blocked = self.class_box.blockSignals(True)
        while self.class_box.count() > 1:
            self.class_box.removeItem(1)
        for name in classes:
            self.class_box.addItem(written(name), name)
        self.class_box.setCurrentIndex(max(0, self.class_box.findData(chosen)))
        self.class_box.blockSignals(blocked)

    def show_nothing(self) -> None:
        """Show that no cell is explained."""
        self.title.setText("")
        build.show_only([self.title, *self.sections.values()], False)


class Pictures(QWidget):
    """Small pictures with a line or two under each."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self.labels: list[QLabel] = []

    def show_pictures(self, rows: Sequence[tuple[NDArray[np.uint8] | None, str]]) -> None:
        """Show pictures, each (S, S, 3) uint8 or None, with their texts."""
        for label in self.labels:
            self._grid.removeWidget(label)
            label.deleteLater()
        self.labels = []
        pictures = any(picture is not None for picture, _ in rows)
        columns = _COLUMNS if pictures else 1
        for i, (picture, text) in enumerate(rows):
            row, at = divmod(i, columns)
            below = build.text(text)
            self._grid.addWidget(below, 2 * row + 1, at)
            self.labels.append(below)
            if picture is not None:
                shown = QLabel(self)
                shown.setPixmap(to_pixmap(picture))
                self._grid.addWidget(shown, 2 * row, at)
                self.labels.append(shown)


def _table() -> QLabel:
    """Make a text for a table; Qt tells too great a height for one, so the layout finds it."""
    label = QLabel()
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
    label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def table_of(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as an HTML table; the first column is a heading, a third one is small."""
    made = []
    for row in rows:
        cells = [html.escape(c) for c in row]
        small = f"<td><small>{cells[2]}</small></td>" if len(cells) > 2 else ""
        made.append(f"<tr><td>{cells[0]}&nbsp;</td><td><b>{cells[1]}</b>&nbsp;</td>{small}</tr>")
    return f"<table cellpadding=1>{''.join(made)}</table>"
