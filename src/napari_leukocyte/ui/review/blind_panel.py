"""Controls and result of a blind second read."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtGui import QFontDatabase
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_leukocyte.counting.agreement import Agreement, BlindRead
from napari_leukocyte.counting.readers import compare_readers, describe_readers
from napari_leukocyte.language import later, tr
from napari_leukocyte.ui.controls.inputs import choice_box
from napari_leukocyte.ui.jobs import Job, start_job
from napari_leukocyte.ui.review.texts import describe_agreement
from napari_leukocyte.ui.signals import Signal

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
        self.setWindowTitle(tr("Agreement of two readers"))
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
        super().__init__(tr("Compare two readers' files…"), parent)
        self.setToolTip(tr(_TIP))
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
        for title in ("Objects of the first reader", "Objects of the second reader"):
            folder = str(files[0].parent) if files else ""
            chosen, _ = QFileDialog.getOpenFileName(self, tr(title), folder, tr(_FILTER))
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


#: Share of the cells that is offered at first, %.
SHARE = 20
_WHAT = (
    "<p>Some cells, drawn at random, are shown without what the model said, until you have said a "
    "class. Then reader and model are compared: a reader who sees the model's class tends to agree "
    "with it.</p>"
)
_LOST = (
    "A blind read was begun, and the file that says which cells it hides is damaged: all classes "
    "stay hidden until you end it."
)
_WHICH = {"unreviewed": later("unreviewed cells"), "all": later("all cells")}


class BlindPanel(QWidget):
    """Starts and stops a blind read, and shows how far it is and what came of it.

    Parameters
    ----------
    parent : QWidget, optional
        The owner.

    Attributes
    ----------
    share : QSpinBox
        %.
    which : QComboBox
        Its data: of which cells the share is drawn.
    button : QPushButton
        Starts or stops.
    compare : CompareReadersButton
    state, report : QLabel
    """

    #: Emitted with the share, 0 to 1, and of which cells ("unreviewed" or "all").
    started = Signal(float, str)
    #: Emitted when the user ends it.
    stopped = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._running = False
        self.share = QSpinBox(self)
        self.share.setRange(1, 100)
        self.share.setValue(SHARE)
        self.share.setSuffix(" %")
        self.which = choice_box(_WHICH)
        self.button = QPushButton(self)
        self.button.setToolTip(tr(_WHAT))
        self.compare = CompareReadersButton(self)
        self.state, self.report = QLabel(self), QLabel(self)
        self.state.setWordWrap(True)
        self.state.setTextFormat(Qt.TextFormat.PlainText)  # it may hold a file's name
        self.report.setWordWrap(True)
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.share)
        row.addWidget(QLabel(tr("of"), self))
        row.addWidget(self.which, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self.button)
        layout.addWidget(self.state)
        layout.addWidget(self.report)
        layout.addWidget(self.compare)
        self.button.clicked.connect(self._on_click)
        self.show_read(None)
        self.show_agreement(None)

    def show_read(self, read: BlindRead | None, going_on: str = "") -> None:
        """Show how far a read is.

        Parameters
        ----------
        read : BlindRead or None
            None if there is none.
        going_on : str
            Name of the image if the read was begun some other time.
        """
        text = ""
        if read is not None:
            done, total = read.progress
            again = (
                tr("Going on with the blind read of {name}. ", name=going_on) if going_on else ""
            )
            text = tr(
                "{again}{done} of {total} cells read blindly. The classes of the others are shown "
                "nowhere meanwhile, and nothing is saved, exported or reported.",
                again=again,
                done=done,
                total=total,
            )
        self._show_running(text)

    def show_lost(self) -> None:
        """Show that nobody knows what a read hides."""
        self._show_running(_LOST)

    def _show_running(self, text: str) -> None:
        self._running = bool(text)
        self.button.setText(tr("End the blind read") if self._running else tr("Start a blind read"))
        self.share.setEnabled(not self._running)
        self.which.setEnabled(not self._running)
        self.state.setVisible(self._running)
        self.state.setText(tr(text))

    def show_agreement(self, agreement: Agreement | None) -> None:
        """Show what came of a read."""
        self.report.setVisible(agreement is not None)
        if agreement is not None:
            self.report.setText(describe_agreement(agreement))

    def _on_click(self) -> None:
        if self._running:
            self.stopped.emit()
        else:
            self.started.emit(self.share.value() / 100, str(self.which.currentData()))
