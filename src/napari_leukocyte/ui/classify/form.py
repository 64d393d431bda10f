"""What the *Classify and count* widget is made of; what happens is in `widget`."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QFont
from qtpy.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_leukocyte.ui.classify.legend import Legend
from napari_leukocyte.ui.controls.containers import VerticalScroll
from napari_leukocyte.ui.controls.image_choice import SessionChoice
from napari_leukocyte.ui.controls.inputs import choice_box
from napari_leukocyte.ui.controls.model_choice import ModelChoice
from napari_leukocyte.ui.leukogram.view import LeukogramView

_KINDS = {"points": "Rings (Points)", "boxes": "Boxes (Shapes)"}

#: Height below which the form does not get.
LEAST_PX = 200


class ClassifyForm(QWidget):
    """The controls, from top to bottom.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers can be chosen.
    parent : QWidget, optional
        In which it stands.

    Attributes
    ----------
    layers : SessionChoice
        Image and labels.
    model : ModelChoice
        Classifiers.
    kind : QComboBox
        Its data are kinds of objects layer.
    classify, classify_new, show_objects, copy, save : QPushButton
    names, automatic : QCheckBox
    state, selection : QLabel
    legend : Legend
    own_classes : QPushButton
    leukogram : LeukogramView
    """

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)

        self.layers = SessionChoice(viewer, self)
        self.model = ModelChoice("classification", parent=self)
        self.kind = choice_box(_KINDS)
        self.kind.setToolTip(
            "<p>Rings stay smooth with thousands of objects; boxes show what belongs to an object "
            "more exactly, and are slow beyond a few hundred.</p>"
        )
        self.names = QCheckBox("Names", self)
        self.names.setChecked(True)
        self.names.setToolTip("Show the first letters of each object's class on the image.")
        self.automatic = QCheckBox("Classify new objects as they appear", self)
        self.automatic.setChecked(True)
        self.automatic.setToolTip(
            "After the first classification, objects that are drawn or that other parameters "
            "bring are classified by themselves."
        )
        self.classify = QPushButton("Classify", self)
        self.classify_new = QPushButton("Classify new objects", self)
        self.show_objects = QPushButton("Show objects", self)
        self.show_objects.setToolTip("Show the objects as a layer, to select and classify them.")
        self.state = _text(self)
        self.legend = Legend(self)
        self.own_classes = QPushButton("Own classes…", self)
        self.own_classes.setToolTip("Add classes of your own, with name, colour and key.")
        self.selection = _text(self, lines=2)
        self.leukogram = LeukogramView(self)
        self.copy = QPushButton("Copy leukogram", self)
        self.copy.setToolTip("Copy the table, to be pasted into a spreadsheet.")
        self.save = QPushButton("Save results…", self)
        self.save.setToolTip(
            "Save label image, objects, leukogram, overlay and the record of how they came about."
        )
        self._lay_out()

    def _lay_out(self) -> None:
        rows = QFormLayout()
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        rows.addRow("Image", self.layers.image_box)
        rows.addRow("Labels", self.layers.labels_box)
        rows.addRow("Classifier", self.model)
        rows.addRow("Show as", _row(self.kind, self.names))
        inside = QWidget(self)
        column = QVBoxLayout(inside)
        column.setContentsMargins(6, 6, 6, 6)
        column.setSpacing(6)
        column.addLayout(rows)
        column.addLayout(_row(self.classify, self.show_objects))
        column.addWidget(self.automatic)
        column.addWidget(self.classify_new)
        column.addWidget(self.state)
        column.addWidget(_heading("Class of the selected objects", self))
        column.addWidget(self.legend)
        column.addWidget(self.own_classes)
        column.addWidget(self.selection)
        column.addWidget(_heading("Leukogram", self))
        column.addWidget(self.leukogram)
        column.addLayout(_row(self.copy, self.save))
        column.addStretch(1)
        # A dock is often lower than this: it scrolls instead of squeezing the chart.
        scroll = _Scroll(inside, LEAST_PX, self)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)


class _Scroll(VerticalScroll):
    """Asks for all the height that what it holds would like."""

    def sizeHint(self) -> QSize:
        """Return the size at which nothing need be scrolled."""
        inside = self.widget()
        height = LEAST_PX if inside is None else inside.sizeHint().height()
        return QSize(self.minimumSizeHint().width(), height)


def _row(*widgets: QWidget) -> QLayout:
    row = QHBoxLayout()
    row.setContentsMargins(0, 0, 0, 0)
    for i, widget in enumerate(widgets):
        row.addWidget(widget, 0 if i and isinstance(widget, QCheckBox) else 1)
    return row


def _text(parent: QWidget, lines: int = 1) -> QLabel:
    label = QLabel(parent)
    label.setWordWrap(True)
    # A scrolled widget gives a label no more height for a smaller width; and what is below must
    # not move with every selection.
    label.setMinimumHeight(lines * label.fontMetrics().lineSpacing() + 4)
    label.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
    return label


def _heading(text: str, parent: QWidget) -> QLabel:
    label = QLabel(text, parent)
    font = label.font()
    font.setWeight(QFont.Weight.Bold)
    label.setFont(font)
    label.setContentsMargins(0, 6, 0, 0)
    return label
