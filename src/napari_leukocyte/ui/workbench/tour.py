"""A tour of the work in six steps, each of which waits until the user has done it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from qtpy.QtWidgets import QFrame, QProgressBar, QWidget

from napari_leukocyte.language import tr
from napari_leukocyte.samples.synthetic import SyntheticSmear
from napari_leukocyte.schema import LABEL
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui import build
from napari_leukocyte.ui.signals import Signal
from napari_leukocyte.ui.tools.kinds import SPLIT
from napari_leukocyte.ui.workbench.steps import StepName


@dataclass(frozen=True)
class Reached:
    """The state of things that a step of the tour waits on.

    Attributes
    ----------
    session : Session
    split, saved, exported : bool
        What was done since the step began: cells were split, results saved, annotations exported.
    """

    session: Session
    split: bool = False
    saved: bool = False
    exported: bool = False


@dataclass(frozen=True)
class TourStep:
    """A step of the tour.

    Attributes
    ----------
    title, text : str
        What is done, and how; "{cell}" in the text names the cell that it is about.
    page : str
        Where it is done.
    done : callable
        Says of `Reached` whether the user has done it.
    """

    title: str
    text: str
    page: StepName
    done: Callable[[Reached], bool]


def _classified(reached: Reached) -> bool:
    table = reached.session.table()
    return len(table) > 0 and bool(table["class"].notna().all())


def _corrected(reached: Reached) -> bool:
    return len(reached.session.disagreements()) > 0


def _reviewed(reached: Reached) -> bool:
    done, total = reached.session.review_progress
    return done == total > 0


TOUR = (
    TourStep(
        "Find the cells",
        "Press “Run”: the networks find the leukocytes, and the classifier names them.",
        "segment",
        _classified,
    ),
    TourStep(
        "Correct a class",
        "{cell} Select it in the gallery or on the image, and press the key of its class, or "
        "drag its picture onto the class.",
        "review",
        _corrected,
    ),
    TourStep(
        "Split two cells",
        "Two cells that touch may be taken for one. Try it: select two neighbours, join them with "
        "“Merge”, then choose “Split” and part them again.",
        "segment",
        lambda reached: reached.split,
    ),
    TourStep(
        "Count",
        "Look at the other cells, and confirm them: Enter for one, “Confirm all shown” for all. "
        "“Count” shows the differential with its limits of confidence.",
        "review",
        _reviewed,
    ),
    TourStep(
        "Report",
        "Save the results: label image, table of the cells, differential, a page to print.",
        "count",
        lambda reached: reached.saved,
    ),
    TourStep(
        "Export",
        "Export the corrected annotations: a dataset that a classifier can learn from, or a file "
        "for another program.",
        "export",
        lambda reached: reached.exported,
    ),
)
#: Said of the cell to correct where the truth is not known.
_ANY = "Look for a cell whose class is wrong."


def wrong_cells(session: Session, smear: SyntheticSmear) -> dict[int, str]:
    """Find the cells of the sample whose class is not that of its truth.

    Parameters
    ----------
    session : Session
        Of the sample's photograph.
    smear : SyntheticSmear
        The sample.

    Returns
    -------
    dict of int to str
        The right class by the number of the object.
    """
    found: dict[int, str] = {}
    if session.labels.shape != smear.labels.shape:
        return found
    for row in session.table().to_dict("records"):
        under = smear.labels[session.labels == row[LABEL]]
        under = under[under > 0]
        if under.size:
            truth = smear.classes[int(np.bincount(under).argmax())]
            if row["class"] != truth and row[LABEL] not in session.hidden:
                found[int(row[LABEL])] = truth
    return found


class TourPanel(QFrame):
    """The tour's place at the foot of the workbench: what to do now, and how far it is.

    Attributes
    ----------
    title, text : WrappedText
    progress : QProgressBar
    skip, end : QToolButton
    """

    #: The user wants to go on without doing the step, or to end the tour.
    skipped = Signal()
    ended = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.title, self.text = build.text(bold=True), build.text()
        self.progress = QProgressBar()
        self.progress.setRange(0, len(TOUR))
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(4)
        self.skip = build.small_button("Skip", "Go on without doing this.", self.skipped.emit)
        self.end = build.small_button("End the tour", "The work stays.", self.ended.emit)
        self.setLayout(
            build.column(
                build.row(self.title, self.skip, self.end, stretch=(1, 0, 0)),
                self.text,
                self.progress,
                margins=4,
            )
        )

    def show_step(self, number: int, cell: str = "") -> None:
        """Show a step, or the end after the last one."""
        self.progress.setValue(number)
        if number >= len(TOUR):
            self.title.setText(tr("That was the tour"))
            self.text.setText(
                tr("Open your own photographs: File > Open, or the folder of a smear.")
            )
            self.skip.hide()
            self.end.setText(tr("Close"))
            return
        step = TOUR[number]
        self.title.setText(
            tr("{n} of {total}: {title}", n=number + 1, total=len(TOUR), title=tr(step.title))
        )
        self.text.setText(tr(step.text, cell=cell or tr(_ANY)))


class Tour:
    """Leads through the steps: opens their pages, and goes on when one is done.

    Parameters
    ----------
    open_page : callable
        Brings a step of the workbench to the front.
    panel : TourPanel
    smear : SyntheticSmear, optional
        The sample that is shown; with it, the cells that are wrong are pointed out.
    """

    def __init__(
        self,
        open_page: Callable[[StepName], Any],
        panel: TourPanel,
        smear: SyntheticSmear | None = None,
    ) -> None:
        self._open, self._panel, self._smear = open_page, panel, smear
        self.number = 0
        self._split = self._saved = self._exported = False
        self._revision = -1
        open_page(TOUR[0].page)
        panel.show_step(0)

    @property
    def running(self) -> bool:
        """Whether there is a step left."""
        return self.number < len(TOUR)

    def note_export(self) -> None:
        """Take down that annotations were exported."""
        self._exported = True

    def follow(self, session: Session | None) -> None:
        """Go on if the step is done; to be called after every change of a session."""
        if session is None or not self.running:
            return
        if session.undo_text.partition(" ")[0] == SPLIT.title:
            self._split = True
        if session.unsaved_since is None and session.revision > 0:
            self._saved = True
        reached = Reached(session, self._split, self._saved, self._exported)
        if TOUR[self.number].done(reached):
            self.go_on(session)

    def go_on(self, session: Session | None) -> None:
        """Go to the next step."""
        self.number += 1
        self._split = self._saved = self._exported = False
        cell = ""
        if self.running:
            self._open(TOUR[self.number].page)
            if TOUR[self.number].done is _corrected and session is not None:
                cell = self._point_out(session)
        self._panel.show_step(self.number, cell)

    def _point_out(self, session: Session) -> str:
        """Select a cell that is wrong, and say so; an empty text if none is known."""
        wrong: Mapping[int, str] = {} if self._smear is None else wrong_cells(session, self._smear)
        if not wrong:
            return ""
        label = min(wrong)
        session.select([label])
        said = str(session.table().set_index(LABEL).loc[label, "class"])
        return tr(
            "Cell {label}, which is selected, was taken for: {said}. It is: {name}.",
            label=label,
            name=tr(wrong[label]),
            said=tr(said),
        )
