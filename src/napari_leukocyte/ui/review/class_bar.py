"""A button for each class: a click, its key, or cells dropped on it give the class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from qtpy.QtWidgets import QToolButton, QWidget
from superqt import QFlowLayout

from napari_leukocyte.language import tr
from napari_leukocyte.ui.controls.inputs import SWATCH_PX, swatch
from napari_leukocyte.ui.review.gallery_model import dragged_cells
from napari_leukocyte.ui.signals import Signal
from napari_leukocyte.vocabulary import CellClass


class ClassButton(QToolButton):
    """One class, with its key and how many cells it has.

    Parameters
    ----------
    cell_class : CellClass
        Which.
    parent : QWidget
        The bar.
    """

    #: Emitted with the numbers of cells that were dropped on it.
    dropped = Signal(list)

    def __init__(self, cell_class: CellClass, parent: QWidget) -> None:
        super().__init__(parent)
        self.cell_class = cell_class
        self.setIcon(swatch(cell_class.color))
        self.setIconSize(QSize(SWATCH_PX, SWATCH_PX))
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the gallery keeps the keys
        self.setAcceptDrops(True)
        self.setStyleSheet("QToolButton { padding: 1px 4px; }")
        key = cell_class.key.upper()
        how = tr("Press {key} in the gallery, click", key=key) if key else tr("Click")
        self.setToolTip(
            tr(
                "{how}, or drop cells here, to make them “{name}”.",
                how=how,
                name=tr(cell_class.name),
            )
        )
        self.show_count(0)

    def show_count(self, number: int) -> None:
        """Show how many cells have the class."""
        key = f"{self.cell_class.key.upper()}  " if self.cell_class.key else ""
        self.setText(f"{key}{tr(self.cell_class.name).capitalize()}  {number}")

    def mark(self, on: bool) -> None:
        """Show that it is the class of the selected cells."""
        font = self.font()
        font.setBold(on)
        self.setFont(font)

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Take cells."""
        if event is not None and dragged_cells(event.mimeData()):
            event.acceptProposedAction()
            self.setDown(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent | None) -> None:
        """Let the cells go on."""
        self.setDown(False)

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Tell of the cells."""
        self.setDown(False)
        labels = [] if event is None else dragged_cells(event.mimeData())
        if event is not None and labels:
            event.acceptProposedAction()
            self.dropped.emit(labels)


class ClassBar(QWidget):
    """The buttons of all classes, in as many rows as they need.

    Parameters
    ----------
    classes : sequence of CellClass
        The vocabulary's and the user's own.
    parent : QWidget, optional
        The owner.

    Attributes
    ----------
    classes : tuple of CellClass
        That have a button.
    own : QToolButton
        Asks for the own classes.
    """

    #: Emitted with the name of a class that was clicked.
    chosen = Signal(str)
    #: The user wants to change the own classes.
    edit_asked = Signal()
    #: Emitted with the numbers of cells and the class that they were dropped on.
    dropped = Signal(list, str)

    def __init__(self, classes: Sequence[CellClass], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._flow = QFlowLayout(self)
        self._flow.setContentsMargins(0, 0, 0, 0)
        self._flow.setHorizontalSpacing(3)
        self._flow.setVerticalSpacing(3)
        self._buttons: dict[str, ClassButton] = {}
        self.classes: tuple[CellClass, ...] = ()
        self.own = QToolButton(self)
        self.own.setText(tr("Custom classes…"))
        self.own.setToolTip(tr("Add classes of your own, with name, colour and key."))
        self.own.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # the gallery keeps the keys
        self.own.setStyleSheet("QToolButton { padding: 1px 4px; }")
        self.own.clicked.connect(self.edit_asked)
        self.set_classes(classes)

    def set_classes(self, classes: Sequence[CellClass]) -> None:
        """Have a button for each of some other classes."""
        for old in self._buttons.values():
            self._flow.removeWidget(old)
            old.hide()
            old.deleteLater()
        self._flow.removeWidget(self.own)
        self._buttons.clear()
        self.classes = tuple(classes)
        for each in classes:
            button = ClassButton(each, self)
            button.clicked.connect(lambda _=False, n=each.name: self.chosen.emit(n))
            button.dropped.connect(lambda labels, n=each.name: self.dropped.emit(labels, n))
            self._flow.addWidget(button)
            self._buttons[each.name] = button
        self._flow.addWidget(self.own)  # the last one

    def button(self, name: str) -> ClassButton:
        """Return the button of a class."""
        return self._buttons[name]

    def show_counts(self, counts: Mapping[str, int], common: str | None) -> None:
        """Show how many cells each class has, and which one the selected cells have in common."""
        for name, button in self._buttons.items():
            button.show_count(counts.get(name, 0))
            button.mark(name == common)
