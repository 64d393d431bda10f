"""What the widget *Why this class* is made of; what happens is in `widget`."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_leukocyte.interpretation.explanation import DEFAULT_METHOD
from napari_leukocyte.interpretation.settings import METHODS, TITLES, Method
from napari_leukocyte.ui.controls.containers import Section, VerticalScroll
from napari_leukocyte.ui.controls.image_choice import ImageChoice
from napari_leukocyte.ui.controls.inputs import choice_box, number_slider
from napari_leukocyte.ui.review.bars import ProbabilityBars
from napari_leukocyte.ui.review.gallery_delegate import to_pixmap
from napari_leukocyte.vocabulary import DISCLAIMER

#: Side of a neighbour's picture, px.
PICTURE = 64
#: Pictures beside each other.
_COLUMNS = 3


class ExplainForm(QWidget):
    """The controls, from top to bottom.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose images can be chosen.
    parent : QWidget, optional
        In which it stands.

    Attributes
    ----------
    image : ImageChoice
        Whose session is followed.
    method, class_box : QComboBox
        Their data are a method, and a class or "" for the classifier's own.
    ask, cancel : QPushButton
    on_image : QCheckBox
    opacity : QLabeledDoubleSlider
    progress : QProgressBar
    title, state, map_text, second, notes : QLabel
    bars : ProbabilityBars
    attributes, measured : QLabel
        Tables as rich text.
    neighbours : Pictures
    sections : dict of str to Section
        What is hidden while no cell is explained.
    """

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.image = ImageChoice(viewer, self)
        first: list[Method] = [DEFAULT_METHOD, *(m for m in METHODS if m != DEFAULT_METHOD)]
        titles: dict[str, str] = {m: TITLES[m] for m in first}
        titles[DEFAULT_METHOD] += " (default)"
        self.method = choice_box(titles)
        self.method.setToolTip(
            "<p>The default answers in a moment and was the most faithful of the quick ones in the "
            "test that docs/explain.md describes. LIME and SHAP take some seconds.</p>"
        )
        self.class_box = choice_box({"": "the classifier's"})
        self.class_box.setToolTip("The class that the map is to explain.")
        self.ask = QPushButton("Explain", self)
        self.cancel = QPushButton("Cancel", self)
        self.on_image = QCheckBox("Map on the image", self)
        self.on_image.setChecked(True)
        self.on_image.setToolTip(
            "Vermilion speaks for the class, blue against it; clear places say nothing."
        )
        self.opacity = number_slider(0, 1, 0.05)
        self.opacity.setValue(0.6)
        self.progress = QProgressBar(self)
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(6)
        self.title, self.state = _text(self, bold=True), _text(self)
        self.map_text, self.second, self.notes = _text(self), _text(self), _text(self)
        self.bars = ProbabilityBars(self)
        self.attributes, self.measured = _text(self), _text(self)
        self.neighbours = Pictures(self)
        self.sections = {
            "probabilities": _section("Probabilities", self.bars),
            "map": _section("The map", self.map_text),
            "attributes": _section("Attributes, read by the classifier", self.attributes),
            "measured": _section("Measured from the masks", self.measured),
            "neighbours": _section("Most similar cells of the training sets", self.neighbours),
            "second": _section("What would have to change", self.second),
            "notes": _section("Not said", self.notes),
        }
        self._lay_out()

    def _lay_out(self) -> None:
        rows = QFormLayout()
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        rows.addRow("Image", self.image.box)
        rows.addRow("Method", self.method)
        rows.addRow("Class", self.class_box)
        buttons, shown = QHBoxLayout(), QHBoxLayout()
        for button in (self.ask, self.cancel):
            buttons.addWidget(button)
        shown.addWidget(self.on_image)
        shown.addWidget(self.opacity, 1)
        inside = QWidget(self)
        column = QVBoxLayout(inside)
        column.setContentsMargins(6, 6, 6, 6)
        column.setSpacing(6)
        column.addLayout(rows)
        column.addLayout(buttons)
        column.addLayout(shown)
        for widget in (self.progress, self.title, self.state, *self.sections.values()):
            column.addWidget(widget)
        disclaimer = _text(inside)
        disclaimer.setText(DISCLAIMER)
        font = disclaimer.font()
        font.setItalic(True)
        disclaimer.setFont(font)
        column.addWidget(disclaimer)
        column.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(VerticalScroll(inside, parent=self))
        # All the height that the dock has: there is much to read.
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)

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
            self.class_box.addItem(name, name)
        self.class_box.setCurrentIndex(max(0, self.class_box.findData(chosen)))
        self.class_box.blockSignals(blocked)

    def show_busy(self, busy: bool) -> None:
        """Show whether something is being computed."""
        self.cancel.setEnabled(busy)
        # Not hidden, or everything below would move.
        if busy:
            self.progress.setRange(0, 0)
        else:
            self.progress.setRange(0, 1)
            self.progress.setValue(0)

    def show_progress(self, done: int, total: int) -> None:
        """Show how far it is."""
        self.progress.setRange(0, max(1, total))
        self.progress.setValue(done)

    def show_nothing(self, why: str) -> None:
        """Show that no cell is explained, and why."""
        self.title.setText("")
        self.title.hide()
        self.state.setText(why)
        self.state.show()
        for section in self.sections.values():
            section.hide()


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
            below = _text(self)
            below.setText(text)
            self._grid.addWidget(below, 2 * row + 1, at)
            self.labels.append(below)
            if picture is not None:
                shown = QLabel(self)
                shown.setPixmap(to_pixmap(picture))
                self._grid.addWidget(shown, 2 * row, at)
                self.labels.append(shown)


def table_of(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as an HTML table; the first column is a heading, a third one is small."""
    made = []
    for row in rows:
        cells = [html.escape(c) for c in row]
        small = f"<td><small>{cells[2]}</small></td>" if len(cells) > 2 else ""
        made.append(f"<tr><td>{cells[0]}&nbsp;</td><td><b>{cells[1]}</b>&nbsp;</td>{small}</tr>")
    return f"<table cellpadding=1>{''.join(made)}</table>"


def _section(title: str, widget: QWidget) -> Section:
    section = Section(title)
    section.form.addRow(widget)
    return section


def _text(parent: QWidget, *, bold: bool = False) -> QLabel:
    label = QLabel(parent)
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
    label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    if bold:
        font = label.font()
        font.setBold(True)
        label.setFont(font)
    return label
