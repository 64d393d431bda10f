"""What the widget *Map of the cells* is made of; what happens is in `widget`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_leukocyte.ui.controls.containers import Section, VerticalScroll
from napari_leukocyte.ui.controls.image_choice import ImageChoice
from napari_leukocyte.ui.controls.inputs import choice_box, leave_wheel_to_form, swatch
from napari_leukocyte.ui.embedding_map.legend import MapLegend
from napari_leukocyte.ui.embedding_map.lists import CellList
from napari_leukocyte.ui.embedding_map.scatter import Scatter
from napari_leukocyte.ui.signals import Signal
from napari_leukocyte.vocabulary import DISCLAIMER, CellClass

HERE, EVERYWHERE = "this", "all"
_HOW = (
    "<p>Draw a loop around cells, or click one; Shift adds. The wheel zooms, the right button "
    "moves, a double click goes to the cell. Keys: arrows, Ctrl+A, Esc, Return, +, -, 0, and those "
    "of the classes.</p>"
)


class CellMapForm(QWidget):
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
        Whose cells.
    scope : QComboBox
        Its data are `HERE` and `EVERYWHERE`.
    progress : QProgressBar
    cancel, go, similar, anew : QPushButton
    state, summary : QLabel
    scatter : Scatter
    legend : MapLegend
    classify : QPushButton
        With a menu of classes.
    number : QSpinBox
        How many similar cells.
    outliers, suspects : CellList
    said : dict of str to QLabel
        What is said instead of a list.
    """

    #: A class was chosen for the selected cells.
    class_chosen = Signal(str)

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.image = ImageChoice(viewer, self)
        self.scope = choice_box({HERE: "This image", EVERYWHERE: "All open images"})
        self.scope.setToolTip("Whose cells the map shows: images that have been segmented.")
        self.progress = QProgressBar(self)
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(6)
        self.cancel = _button("Cancel", "Stop; what is shown stays.", self)
        self.state, self.summary = _text(self), _text(self)
        self.scatter = Scatter(self)
        self.scatter.setMinimumHeight(300)
        self.scatter.setAccessibleDescription("No cells")
        self.legend = MapLegend(self)
        self.classify = _button(
            "Classify as", "Give the selected cells a class, as one step to undo.", self
        )
        self.classify.setMenu(QMenu(self.classify))
        self.go = _button("Show on image", "Bring the selected cell to the middle.", self)
        self.similar = _button(
            "Find similar", "Also select the cells most like those selected.", self
        )
        self.number = QSpinBox(self)
        self.number.setRange(1, 500)
        self.number.setValue(10)
        self.number.setToolTip("How many similar cells are selected.")
        self.number.setAccessibleName("Number of similar cells")
        leave_wheel_to_form(self.number)
        self.anew = _button(
            "Lay out anew",
            "Lay all cells out together; cells that came later get better places.",
            self,
        )
        self.outliers = CellList(("Cell", "Class", "Distance"), "Cells unlike the others", self)
        self.suspects = CellList(("Cell", "Class", "Rather", "Belief"), "Doubtful classes", self)
        self.said = {"outliers": _text(self), "suspects": _text(self)}
        self.how = _text(self)
        self.how.setText(_HOW)
        self._lists = {
            "outliers": Section("Unlike the others", self),
            "suspects": Section("Class doubtful", self),
        }
        self._lay_out()

    def _lay_out(self) -> None:
        rows = QFormLayout()
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        rows.addRow("Image", self.image.box)
        rows.addRow("Cells of", self.scope)
        working, acting, finding = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        working.addWidget(self.progress, 1)
        working.addWidget(self.cancel)
        acting.addWidget(self.classify)
        acting.addWidget(self.go)
        finding.addWidget(self.similar)
        finding.addWidget(self.number)
        acting.addWidget(self.anew)
        for row in (acting, finding):
            row.addStretch(1)
        for name, table in (("outliers", self.outliers), ("suspects", self.suspects)):
            self._lists[name].form.addRow(self.said[name])
            self._lists[name].form.addRow(table)
        inside = QWidget(self)
        column = QVBoxLayout(inside)
        column.setContentsMargins(6, 6, 6, 6)
        column.setSpacing(6)
        column.addLayout(rows)
        column.addLayout(working)
        column.addWidget(self.state)
        column.addWidget(self.scatter, 1)
        column.addWidget(self.legend)
        column.addWidget(self.summary)
        column.addLayout(acting)
        column.addLayout(finding)
        for widget in (*self._lists.values(), self.how):
            column.addWidget(widget)
        disclaimer = _text(inside)
        disclaimer.setText(DISCLAIMER)
        font = disclaimer.font()
        font.setItalic(True)
        disclaimer.setFont(font)
        column.addWidget(disclaimer)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(VerticalScroll(inside, parent=self))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)

    # -- what is shown --------------------------------------------------------------------

    def set_classes(self, classes: Sequence[CellClass]) -> None:
        """Offer these classes."""
        menu = self.classify.menu()
        if menu is None:
            return
        menu.clear()
        for each in classes:
            key = f"\t{each.key.upper()}" if each.key else ""
            action = menu.addAction(swatch(each.color), f"{each.name.capitalize()}{key}")
            if action is not None:
                action.triggered.connect(lambda _=False, n=each.name: self.class_chosen.emit(n))
        self.scatter.keys = frozenset(c.key for c in classes if c.key)

    def show_busy(self, busy: bool) -> None:
        """Show whether something is being computed."""
        self.progress.setRange(0, 0 if busy else 1)
        self.cancel.setEnabled(busy)

    def show_step(self, done: int, total: int) -> None:
        """Show how far it is."""
        self.progress.setRange(0, max(0, total))
        self.progress.setValue(done)

    def show_state(self, text: str, *, map_too: bool) -> None:
        """Say something above the map, or instead of it."""
        self.state.setText(text)
        self.state.setVisible(bool(text))
        for widget in (self.scatter, self.legend, self.summary, self.how, *self._lists.values()):
            widget.setVisible(map_too)
        for widget in (self.classify, self.go, self.similar, self.number, self.anew):
            widget.setVisible(map_too)

    def show_list(self, name: str, number: int | None, said: str) -> None:
        """Say how many there are in a list, and something above it."""
        titles = {"outliers": "Unlike the others", "suspects": "Class doubtful"}
        count = "" if number is None else f" ({number})"
        self._lists[name].heading.setText(f"{titles[name]}{count}")
        self.said[name].setText(said)
        self.said[name].setVisible(bool(said))


def _text(parent: QWidget) -> QLabel:
    label = QLabel(parent)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def _button(title: str, tip: str, parent: QWidget) -> QPushButton:
    button = QPushButton(title, parent)
    button.setToolTip(tip)
    return button
