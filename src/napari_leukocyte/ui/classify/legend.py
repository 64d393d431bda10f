"""The classes with their colours, keys and counts; a click gives the selected objects a class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QPushButton, QWidget

from napari_leukocyte.language import tr
from napari_leukocyte.ui.controls.inputs import SWATCH_PX, swatch
from napari_leukocyte.ui.layers.objects_style import UNCLASSIFIED, palette
from napari_leukocyte.ui.signals import Signal
from napari_leukocyte.vocabulary import CLASSES, CellClass, plural

#: Names whose plurals are regular.
_VOCABULARY = frozenset(c.name for c in CLASSES)


class Legend(QWidget):
    """A row for each class: colour and name (a button), key, count.

    Classes of the vocabulary, or those of `set_classes`, are always there, others once an object
    has them; objects without a class have a last row of their own, which cannot be chosen.
    """

    #: The name of a class that was clicked.
    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(6)
        self._grid.setVerticalSpacing(1)
        self._grid.setColumnStretch(0, 1)
        self._buttons: dict[str, QPushButton] = {}
        self._counts: dict[str, QLabel] = {}
        self._keys = _keys_of(CLASSES)
        self._marked: str | None = None
        self._classes: tuple[CellClass, ...] = CLASSES
        self.show_counts({})

    def set_classes(self, classes: Sequence[CellClass]) -> None:
        """Have a row for each of some other classes; what is counted and marked stays."""
        if tuple(classes) == self._classes:
            return
        self._classes = tuple(classes)
        self._keys = _keys_of(classes)
        counts = {name: number for name, number in self.counts().items() if number}
        marked = self._marked
        self._buttons = {}
        self.show_counts(counts)
        self.mark(marked)

    def show_counts(self, counts: Mapping[str, int]) -> None:
        """Show how many objects each class has; `UNCLASSIFIED` counts those without one."""
        others = sorted(set(counts) - set(self._keys) - {UNCLASSIFIED})
        names = [*self._keys, *others, UNCLASSIFIED]
        if names != list(self._buttons):
            self._build(names)
        for name, label in self._counts.items():
            number = counts.get(name, 0)
            label.setText(str(number))
            label.setEnabled(number > 0)

    def button(self, name: str) -> QPushButton:
        """Return the button of a class."""
        return self._buttons[name]

    def counts(self) -> dict[str, int]:
        """Return the counts that are shown."""
        return {name: int(label.text()) for name, label in self._counts.items()}

    def mark(self, name: str | None) -> None:
        """Mark the class that the selected objects have in common."""
        self._marked = name
        for of, button in self._buttons.items():
            font = button.font()
            font.setBold(of == name)
            button.setFont(font)

    def _build(self, names: list[str]) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()  # until Qt gets round to it, it would show through
                old.deleteLater()
        self._buttons, self._counts = {}, {}
        colors = palette(names)
        for row, name in enumerate(names):
            key = self._keys.get(name, "")
            button = QPushButton(swatch(colors[name]), tr(name).capitalize(), self)
            button.setIconSize(QSize(SWATCH_PX, SWATCH_PX))
            button.setStyleSheet("QPushButton { text-align: left; padding: 2px 6px; }")
            if name == UNCLASSIFIED:
                button.setEnabled(False)
            else:
                keys = (
                    tr(", or press {key} while the objects layer is active", key=key) if key else ""
                )
                tip = tr("Make the selected objects {cells}{keys}.", cells=plural(name), keys=keys)
                button.setToolTip(tip)
                if name not in _VOCABULARY or name == "unidentified":
                    tip = tr("Mark the selected objects as {name}{keys}.", name=tr(name), keys=keys)
                    button.setToolTip(tip)
                button.clicked.connect(lambda _=False, n=name: self.chosen.emit(n))
            shortcut = QLabel(key, self)
            shortcut.setAlignment(Qt.AlignmentFlag.AlignCenter)
            count = QLabel("0", self)
            count.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            count.setMinimumWidth(40)
            for column, widget in enumerate((button, shortcut, count)):
                self._grid.addWidget(widget, row, column)
            self._buttons[name], self._counts[name] = button, count


def _keys_of(classes: Sequence[CellClass]) -> dict[str, str]:
    return {c.name: c.key.upper() for c in classes}
