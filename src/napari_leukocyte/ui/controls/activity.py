"""The line that shows what is being computed, and the place where a dock says something."""

from __future__ import annotations

import html

from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QToolButton, QWidget

from napari_leukocyte.language import tr
from napari_leukocyte.ui.controls.containers import VerticalScroll, WrappedText
from napari_leukocyte.ui.jobs import Job

#: Height of the bar, px.
_HEIGHT = 6
#: Of messages that are seen without scrolling.
MESSAGE_LINES = 3


class ProgressLine(QWidget):
    """A bar, and a button that cancels; of several jobs it shows the last one.

    Its place stays while nothing is under way, or everything below would move.

    Parameters
    ----------
    parent : QWidget, optional
        The owner.

    Attributes
    ----------
    bar : QProgressBar
    cancel : QToolButton
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._jobs: list[Job] = []
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(_HEIGHT)
        self.cancel = QToolButton()
        self.cancel.setText(tr("Cancel"))
        self.cancel.setToolTip(tr("Stop what is under way."))
        self.cancel.clicked.connect(self._cancel)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.bar, 1)
        layout.addWidget(self.cancel)
        self._show()

    @property
    def busy(self) -> bool:
        """Whether a job is shown."""
        return bool(self._jobs)

    def follow(self, job: Job) -> None:
        """Show a job until it is left."""
        self._jobs.append(job)
        job.progressed.connect(self._show)
        self._show()

    def leave(self, job: Job) -> None:
        """Show a job no longer; of those before it, the last one."""
        if job in self._jobs:
            self._jobs.remove(job)
            job.progressed.disconnect(self._show)
            self._show()

    def _cancel(self) -> None:
        if self._jobs:
            self.cancel.setEnabled(False)
            # Last: napari's own bar lets the window live meanwhile, and the job may end.
            self._jobs[-1].cancel()

    def _show(self, *_: object) -> None:
        job = self._jobs[-1] if self._jobs else None
        self.cancel.setEnabled(job is not None and not job.cancelled)
        if job is None:
            done, total, what = 0, 1, ""
        else:  # without an end until it says how far it is
            done, total, what = job.reached or (0, 0, "")
        self.bar.setRange(0, total)
        self.bar.setValue(done)
        self.bar.setToolTip(tr(what))


class Messages(VerticalScroll):
    """A dock's messages, in a sentence or two.

    Their place has one height, whatever is said, or a message would move the button that is just
    being pressed; longer ones scroll in it.

    Parameters
    ----------
    parent : QWidget, optional
        The owner.
    lines : int
        That are seen without scrolling.

    Attributes
    ----------
    words : WrappedText
        What is said.
    """

    def __init__(self, parent: QWidget | None = None, lines: int = MESSAGE_LINES) -> None:
        self.words = WrappedText()
        self._lines = lines
        super().__init__(self.words, parent=parent)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._fit()

    def text(self) -> str:
        """Return what is said."""
        return self.words.text()

    def say(self, text: str, *, rich: bool = False) -> None:
        """Say something in place of what was said.

        Parameters
        ----------
        text : str
            Nothing if it is empty.
        rich : bool
            Whether it is rich text; otherwise it is shown letter for letter.
        """
        self.words.setTextFormat(Qt.TextFormat.RichText if rich else Qt.TextFormat.PlainText)
        self.words.setText(text)

    def changeEvent(self, event: QEvent | None) -> None:
        """Fit to another theme: its letters may be larger."""
        super().changeEvent(event)
        if event is not None and event.type() in (QEvent.Type.StyleChange, QEvent.Type.FontChange):
            self._fit()

    def _fit(self) -> None:
        self.setFixedHeight(self._lines * self.words.fontMetrics().lineSpacing() + 2)


def warning(sentence: str) -> str:
    """Return a sentence about something wrong, as rich text."""
    return f"⚠ {html.escape(tr(sentence))}"
