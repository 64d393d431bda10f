"""Choose two readers' files and show how far they agree."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtGui import QFontDatabase
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_leukocyte.counting.readers import compare_readers, describe_readers
from napari_leukocyte.ui.jobs import Job, start_job

_FILTER = "Tables of objects (*.csv)"
_TIP = (
    "<p>How far do two readers of the same photographs agree? Choose the objects.csv that each of "
    "them saved.</p>"
)


class ReadersDialog(QDialog):
    """Shows what came of a comparison, to be read and copied.

    Parameters
    ----------
    text : str
        Lines of plain text.
    parent : QWidget, optional
        The owner.

    Attributes
    ----------
    text : QPlainTextEdit
    """

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Agreement of two readers")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.text = QPlainTextEdit(text, self)
        self.text.setReadOnly(True)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.close)
        layout = QVBoxLayout(self)
        layout.addWidget(self.text)
        layout.addWidget(buttons)
        self.resize(760, 480)


class CompareReadersButton(QPushButton):
    """Asks for two readers' files and shows how far they agree.

    Parameters
    ----------
    parent : QWidget, optional
        The owner.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Compare two readers' files…", parent)
        self.setToolTip(_TIP)
        self._jobs: list[Job] = []
        self.clicked.connect(self._ask)
        jobs = self._jobs

        def end() -> None:
            for job in jobs:
                job.abandon()

        # Docked widgets go without a close event.
        self.destroyed.connect(end)

    def _ask(self) -> None:
        files: list[Path] = []
        for which in ("first", "second"):
            folder = str(files[0].parent) if files else ""
            title = f"Objects of the {which} reader"
            chosen, _ = QFileDialog.getOpenFileName(self, title, folder, _FILTER)
            if not chosen:
                return
            files.append(Path(chosen))
        self.compare(*files)

    def compare(self, first: Path, second: Path) -> None:
        """Compare two ``objects.csv`` and show what came of it; an error is told."""
        self.setEnabled(False)
        job = start_job(
            lambda progress: describe_readers(
                compare_readers(first, second), str(first), str(second)
            ),
            title="Comparing two readers",
            on_done=self._show,
            on_end=self._end,
        )
        self._jobs.append(job)

    def _show(self, text: str) -> None:
        ReadersDialog(text, self.window()).show()

    def _end(self) -> None:
        self._jobs.clear()
        self.setEnabled(True)
