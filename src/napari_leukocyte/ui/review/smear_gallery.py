"""The gallery of a whole smear: cells of all fields, reviewed without turning a page."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QTimer
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import QWidget

from napari_leukocyte.analysis.smear.cells import SmearCells
from napari_leukocyte.analysis.smear.field_tables import Tables
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.gallery.arrange import CellsAndCandidates, arrange
from napari_leukocyte.gallery.cells import CellTable
from napari_leukocyte.gallery.thumbnails import extent_of
from napari_leukocyte.language import tr, tr_n
from napari_leukocyte.session.reviews import tidy
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui import build
from napari_leukocyte.ui.controls.image_choice import ImageChoice
from napari_leukocyte.ui.jobs import Job, start_job, tell
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.open_smear import OpenSmear, open_smear_of, smear_notice
from napari_leukocyte.ui.own_classes import classes_now
from napari_leukocyte.ui.reader_name import reader_notice, reader_now
from napari_leukocyte.ui.review.cell_gallery import CellGallery
from napari_leukocyte.ui.review.field_opener import FieldOpener
from napari_leukocyte.ui.review.form import ReviewForm, counted_now
from napari_leukocyte.ui.review.smear_candidates import SmearCandidateGroup
from napari_leukocyte.ui.review.smear_pictures import SmearPictures
from napari_leukocyte.ui.signals import Signal

_NO_SMEAR = "Open the folder of a smear in “Smear”: all of its cells are shown here."
_READING = "Reading the cells of the smear …"
_NO_CELLS = "No cells yet: “Analyse all” in “Smear” finds them."
_LOOKING = "Looking for candidates in the fields of the smear …"
_NONE_SHOWN = "No cells like this. Choose others above."
#: How often fields are looked at again while the gallery is shown, ms: others work on them too.
_LOOK_MS = 1500


class SmearGallery(QWidget, CellGallery):
    """The cells of all fields of the open smear, with what can be said of them.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose smear.
    image : ImageChoice
        The image that other docks work on.
    parent : QWidget, optional
        The owner.

    Attributes
    ----------
    form, reviewer
        See `CellGallery`.
    """

    # From the thread that reads: whose cells, and those of some fields.
    _came = Signal(object, object)

    def __init__(self, viewer: Any, image: ImageChoice, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.viewer: Any = links.unwrap(viewer)
        self._open: OpenSmear | None = None
        self._pictures: SmearPictures | None = None
        self._job: Job | None = None
        self._read = False
        form = ReviewForm(self.viewer, image, classes_now(), self, alone=False)
        form.blind_section.hide()
        self.setLayout(build.column(form))
        self._candidates = SmearCandidateGroup(self)
        self._candidates.changed.connect(self._show_candidates)
        self.begin_gallery(form, self._candidates)
        self._look = QTimer(self)
        self._look.setInterval(_LOOK_MS)
        self._look.timeout.connect(self._read_again)
        self._opener = FieldOpener(self.viewer, self)
        form.show_box.activated.connect(self._look_for_candidates)
        smear_notice.changed.connect(self._follow)
        reader_notice.changed.connect(self._take_reader)
        self.destroyed.connect(lambda: self.release())
        self._came.connect(self._take_part)
        self._follow()

    # -- which smear ----------------------------------------------------------------------

    def follow_field(self, session: Session | None) -> None:
        """Have the mask tools act on the field that is open: *Show on image* leads there."""
        self.form.tools.follow(session)

    @property
    def session(self) -> SmearCells | None:
        """The cells that are shown, with what can be said of them."""
        return None if self._open is None else self._open.cells

    @property
    def busy(self) -> bool:
        """Whether cells or pictures are being read."""
        pictures = self._pictures is not None and self._pictures.busy
        return self._job is not None or pictures or self._candidates.busy

    def _follow(self) -> None:
        found = open_smear_of(self.viewer)
        if found is self._open:
            return
        self._opener.stop()
        self.release()
        self._open, self._read, self._to_begin = found, False, True
        self._extent, self._queue = None, []
        if found is not None:
            found.cells.reader = tidy(reader_now())
            found.cells.table_changed.connect(self._on_table)
            found.cells.selection_changed.connect(self._show_selection)
            self._candidates.follow(found.cells)
            self._pictures = SmearPictures(found.cells, self)
            self._pictures.candidates = self._candidates.candidates
            self._pictures.loaded.connect(self._paint_again)
        if self.isVisible():
            self._read_again()
        self.update_now()

    def release(self) -> None:
        """Let go of the smear; what is being read is dropped."""
        if self._open is not None:
            self._open.cells.table_changed.disconnect(self._on_table, missing_ok=True)
            self._open.cells.selection_changed.disconnect(self._show_selection, missing_ok=True)
        if self._job is not None:
            self._job.abandon()
            self._job = None
        if self._pictures is not None:
            self._pictures.release()
        self._candidates.follow(None)
        self._open = self._pictures = None

    def showEvent(self, event: QShowEvent | None) -> None:
        """Look what has changed while other docks were in front."""
        super().showEvent(event)
        self._look.start()
        self._read_again()
        self.update_now()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Look at nothing while nobody does."""
        super().hideEvent(event)
        self._look.stop()

    def _read_again(self) -> None:
        opened = self._open
        if opened is None or self._job is not None:
            return
        cells = opened.cells

        def done(tables: Tables) -> None:
            first = not self._read
            self._read = True
            cells.take(tables)
            if first:
                self.update_now()

        def end() -> None:
            self._job = None

        title = None if self._read else "Reading the smear"
        self._job = start_job(
            lambda progress: cells.read(progress, lambda part: self._came.emit(cells, part)),
            title=title,
            on_done=done,
            on_end=end,
        )

    def _take_part(self, cells: SmearCells, part: Tables) -> None:
        """Show the cells that were read so far; the others follow behind them."""
        if cells is self.session:
            cells.take(part)

    # -- what is shown --------------------------------------------------------------------

    def _on_table(self, numbers: object) -> None:
        if self.isVisible():
            self.update_now()

    def update_now(self) -> None:
        """Show the smear's cells."""
        form, gallery, cells = self.form, self.form.gallery, self.session
        if cells is None or self._pictures is None:
            self._show_no_cells(_NO_SMEAR)
            return
        self._shown = table = cells.table()
        self._queue = self._ordered(cells) if form.choice.sort == "queue" else []
        groups = arrange(table, form.choice, self._queue)
        shown = CellTable(table)
        found = self._candidates.candidates
        if form.choice.show == "candidates" and found is not None and self._read:
            self._candidates.look()
            if len(found):
                groups.append(found.group())
            shown = CellsAndCandidates(table, (), found.cells)
        self._extent = extent_of(table, self._extent)
        self._pictures.set_extent(self._extent)
        gallery.empty_text = _NONE_SHOWN if len(table) else _NO_CELLS if self._read else _READING
        if self._candidates.busy:
            gallery.empty_text = _LOOKING
        gallery.cell_delegate.set_pictures(self._pictures.picture)
        self._show_groups(shown, groups, 0 if found is None else len(found))
        if self._begins():
            gallery.setFocus()
        self._show_selection()

    def _ordered(self, cells: SmearCells) -> list[int]:
        """Return the queue; while cells are still being read, what is shown stays where it is."""
        order = cells.review_order(counted_now())
        if self._read or not self._queue:
            return order
        waiting = set(order)
        shown = [n for n in self._queue if n in waiting]
        known = set(shown)
        return [*shown, *(n for n in order if n not in known)]

    def _show_candidates(self) -> None:
        """Show the candidates that were found, and say if there are fields left."""
        found = self._candidates.candidates
        if found is not None and found.left_out:
            self.say_in_passing(
                tr_n(
                    "{n} field was not searched for candidates yet: choose “Candidates” again.",
                    "{n} fields were not searched for candidates yet: choose “Candidates” again.",
                    found.left_out,
                )
            )
        self.update_now()

    def _look_for_candidates(self, _: int = 0) -> None:
        """Look at fields that have changed as well: the user asks for the candidates again."""
        if self.form.choice.show == "candidates":
            self._candidates.look(again=True)
            self.update_now()

    def _paint_again(self) -> None:
        viewport = self.form.gallery.viewport()
        if viewport is not None:
            viewport.update()
        self._details_soon.ask()

    def _take_reader(self, name: str) -> None:
        if self.session is not None:
            self.session.reader = tidy(name)

    # -- for the reviewer -----------------------------------------------------------------

    def go_to(self, label: int) -> None:
        """Open the field of a cell, and show the cell on it."""
        if self._open is not None and self.session is not None:
            found = self._candidates.candidates
            if found is not None and label in found:
                self._open.show(found.of(label)[0])
            if label < 0:
                return
            place = self.session.place(label)
            self._opener.go(self._open, place.field, place.label)

    def step_back(self, *, again: bool = False) -> None:
        """Take back what was said last, or say it again, and show of which cells."""
        if self.session is None:
            return
        try:
            if not again and self._candidates.give_back():
                self.say_in_passing(tr("Taken back: it is a candidate again."))
                return
            changed = self.session.redo() if again else self.session.undo()
        except LeukocyteError as error:
            tell(error)
            return
        if changed:
            self.select(sorted(changed), min(changed))

    def go_past_end(self) -> str:
        """Say that all is done: there is nothing after the last cell of a smear."""
        return "Every cell of the smear is reviewed." if len(self._shown) else ""
