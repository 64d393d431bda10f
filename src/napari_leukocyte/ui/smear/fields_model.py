"""The fields of a smear as Qt's list model."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QAbstractListModel, QModelIndex, QObject, Qt
from qtpy.QtGui import QPixmap

from napari_leukocyte.analysis.smear.places import thumbnail_file
from napari_leukocyte.analysis.smear.smear import Smear
from napari_leukocyte.ui.smear.texts import describe_counts, describe_state

#: Roles beside Qt's own: the FieldState, the line below the name, whether the field is shown in the
#: viewer, and whether it is being analysed.
STATE_ROLE = int(Qt.ItemDataRole.UserRole)
LINE_ROLE, SHOWN_ROLE, WORKING_ROLE = STATE_ROLE + 1, STATE_ROLE + 2, STATE_ROLE + 3


class FieldsModel(QAbstractListModel):
    """Lists the fields; small pictures are read when they come into view.

    Parameters
    ----------
    parent : QObject, optional
        The owner.

    Attributes
    ----------
    smear : Smear or None
        Whose fields.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.smear: Smear | None = None
        self._pictures: dict[str, QPixmap] = {}
        self._shown: int | None = None
        self._working: int | None = None

    def set_smear(self, smear: Smear | None) -> None:
        """List the fields of another smear."""
        self.beginResetModel()
        self.smear = smear
        self._shown = self._working = None
        self._pictures.clear()
        self.endResetModel()

    @property
    def shown(self) -> int | None:
        """The field that is marked as shown."""
        return self._shown

    def set_shown(self, row: int | None) -> None:
        """Mark the field that the viewer shows."""
        former, self._shown = self._shown, row
        self.refresh(former, row)

    def set_working(self, row: int | None) -> None:
        """Mark the field that is being analysed."""
        former, self._working = self._working, row
        self.refresh(former, row)

    def refresh(self, *rows: int | None) -> None:
        """Have fields drawn anew."""
        for row in rows:
            if row is not None and 0 <= row < self.rowCount():
                index = self.index(row)
                self.dataChanged.emit(index, index)

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of fields."""
        nested = parent is not None and parent.isValid()
        return 0 if self.smear is None or nested else len(self.smear)

    def data(self, index: QModelIndex, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        """Return what is asked of a field."""
        smear, row = self.smear, index.row()
        if smear is None or not index.isValid():
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return smear.paths[row].name
        if role == Qt.ItemDataRole.DecorationRole:
            return self._picture(smear.state(row).key)
        if role == STATE_ROLE:
            return smear.state(row)
        if role == LINE_ROLE:
            return self._line(smear, row)
        if role == SHOWN_ROLE:
            return row == self._shown
        if role == WORKING_ROLE:
            return row == self._working
        if role == Qt.ItemDataRole.ToolTipRole:
            state = smear.state(row)
            told = state.problem or describe_counts(state) or self._line(smear, row)
            return f"{smear.paths[row]}\n{told}"
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{smear.paths[row].name}, {self._line(smear, row)}"
        return None

    def _line(self, smear: Smear, row: int) -> str:
        double = smear.double_of(row)
        name = None if double is None else smear.paths[double].name
        return describe_state(smear.state(row), row == self._working, name)

    def _picture(self, key: str) -> QPixmap | None:
        if not key:
            return None
        picture = self._pictures.get(key)
        if picture is None:
            picture = QPixmap(str(thumbnail_file(key)))
            if not picture.isNull():
                self._pictures[key] = picture
        return None if picture.isNull() else picture
