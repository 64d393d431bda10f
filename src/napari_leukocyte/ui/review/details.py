"""All that is known of one cell, and what the reader notes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from qtpy.QtCore import Qt
from qtpy.QtGui import QFont, QPixmap
from qtpy.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)
from superqt import QFlowLayout

from napari_leukocyte.gallery.thumbnails import CONTRASTS
from napari_leukocyte.language import later, tr
from napari_leukocyte.schema import LABEL, class_of, probabilities_of
from napari_leukocyte.session.reviews import FLAGS
from napari_leukocyte.ui.review import texts
from napari_leukocyte.ui.review.bars import ProbabilityBars
from napari_leukocyte.ui.signals import Signal
from napari_leukocyte.vocabulary import written

#: Side of the pictures, one at each contrast, px.
PICTURE = 96
#: What is said of each picture.
_LOOKS = {
    "photographed": "Photographed",
    "standardised": "Standardised",
    "stretched": "Stretched",
}
_NOTHING = "No cell is selected: click one here or on the image."


class Details(QWidget):
    """One cell: pictures, probabilities, what was said, flags, a note, measurements.

    Parameters
    ----------
    parent : QWidget, optional
        The owner.

    Attributes
    ----------
    label : int or None
        The cell.
    title, prediction, review, measurements : QLabel
    bars : ProbabilityBars
    flags : dict of str to QCheckBox
    note : QLineEdit
    pictures : list of QLabel
        At each contrast.
    """

    #: Emitted with the cell, a flag, and whether it was set.
    flagged = Signal(int, str, bool)
    #: Emitted with the cell and its new note.
    noted = Signal(int, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.label: int | None = None
        self._noted = ""
        self.title = _line(self)
        font = QFont(self.title.font())
        font.setBold(True)
        self.title.setFont(font)
        self.prediction, self.review, self.measurements = (_line(self) for _ in range(3))
        self.bars = ProbabilityBars(self)
        self.pictures = [QLabel(self) for _ in CONTRASTS]
        row = QHBoxLayout()
        row.setSpacing(4)
        for picture, contrast in zip(self.pictures, CONTRASTS, strict=True):
            picture.setFixedSize(PICTURE, PICTURE)
            picture.setToolTip(tr(_LOOKS[contrast]))
            row.addWidget(picture)
        row.addStretch(1)
        self.flags: dict[str, QCheckBox] = {}
        flow = QFlowLayout()
        flow.setHorizontalSpacing(10)
        flow.setVerticalSpacing(2)
        for number, flag in enumerate(FLAGS, start=1):
            box = QCheckBox(f"{number} {tr(flag).capitalize()}", self)
            box.setToolTip(tr("Press {n} in the gallery to flag the selected cells.", n=number))
            box.clicked.connect(lambda on, f=flag: self._on_flag(f, on))
            flow.addWidget(box)
            self.flags[flag] = box
        self.note = QLineEdit(self)
        self.note.setPlaceholderText(tr("Note"))
        self.note.editingFinished.connect(self.save_note)
        self._parts: list[QWidget] = [
            *self.pictures,
            self.prediction,
            self.bars,
            self.review,
            *self.flags.values(),
            self.note,
            self.measurements,
        ]
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 2, 4, 2)
        layout.setSpacing(4)
        layout.addWidget(self.title)
        layout.addLayout(row)
        for widget in (self.prediction, self.bars, self.review):
            layout.addWidget(widget)
        layout.addLayout(flow)
        layout.addWidget(self.note)
        layout.addWidget(self.measurements)
        layout.addStretch(1)
        self.show_nothing()

    def show_nothing(self) -> None:
        """Show that there is no cell."""
        self.save_note()
        self.label = None
        self.title.setText(tr(_NOTHING))
        for part in self._parts:
            part.hide()

    def show_cell(
        self,
        row: pd.Series,
        colors: Mapping[str, str],
        pictures: Sequence[QPixmap | None],
        *,
        hidden: bool,
        others: int = 0,
    ) -> None:
        """Show a cell.

        Parameters
        ----------
        row : pandas.Series
            Of a session's table, without classes if `hidden`.
        colors : mapping of str to str
            ``#rrggbb`` of the classes.
        pictures : sequence of QPixmap
            At each contrast.
        hidden : bool
            Whether what the model said must not be shown.
        others : int
            How many more cells are selected.
        """
        label = int(row[LABEL])
        if label != self.label:
            self.save_note()
        for part in self._parts:
            part.show()
        self.label = label
        name = row["class"] if isinstance(row["class"], str) else later("not classified")
        also = tr(" (and {others} more selected)", others=others) if others else ""
        self.title.setText(
            tr(
                "Cell {label}: {name}{also}",
                label=label,
                name="?" if hidden else written(name),
                also=also,
            )
        )
        for picture, pixmap in zip(self.pictures, pictures, strict=True):
            picture.setPixmap(QPixmap() if pixmap is None else pixmap)
        self.prediction.setText(texts.describe_prediction(row, hidden))
        columns = probabilities_of(row.index)
        values = {class_of(c).replace("_", " "): float(row[c]) for c in columns if row[c] == row[c]}
        self.bars.setVisible(bool(values))
        self.bars.show_values(values, colors)
        self.review.setText(texts.describe_review(row))
        said = row["flags"].split("; ") if isinstance(row["flags"], str) else []
        for flag, box in self.flags.items():
            box.setChecked(flag in said)
        note = row["note"] if isinstance(row["note"], str) else ""
        # What is being typed must not go because some other cell has changed.
        if note != self._noted or not self.note.hasFocus():
            self._noted = note
            self.note.setText(note)
        self.measurements.setText(texts.describe_measurements(row))

    def save_note(self) -> None:
        """Tell of a note that was typed."""
        text = self.note.text().strip()
        if self.label is not None and text != self._noted:
            self._noted = text
            self.noted.emit(self.label, text)

    def _on_flag(self, flag: str, on: bool) -> None:
        if self.label is not None:
            self.flagged.emit(self.label, flag, on)


def _line(parent: QWidget) -> QLabel:
    label = QLabel(parent)
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
    label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
