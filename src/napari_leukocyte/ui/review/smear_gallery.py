"""The gallery of a whole smear: cells of all fields, reviewed without turning a page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd
from qtpy.QtCore import QTimer
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_leukocyte.analysis.smear.cells import SmearCells
from napari_leukocyte.analysis.smear.field_tables import Tables
from napari_leukocyte.counting.leukogram import count_classes
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.gallery.arrange import CellsAndCandidates, arrange
from napari_leukocyte.gallery.cells import CellTable
from napari_leukocyte.gallery.thumbnails import CONTRASTS, ThumbnailStyle, extent_of
from napari_leukocyte.language import tr, tr_n
from napari_leukocyte.session.reviews import tidy
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui import build
from napari_leukocyte.ui.controls.image_choice import ImageChoice
from napari_leukocyte.ui.jobs import Job, start_job, tell
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.objects_style import palette
from napari_leukocyte.ui.open_smear import OpenSmear, open_smear_of, smear_notice
from napari_leukocyte.ui.own_classes import classes_now, notice
from napari_leukocyte.ui.reader_name import reader_notice, reader_now
from napari_leukocyte.ui.review.candidates import without_candidates
from napari_leukocyte.ui.review.details import PICTURE
from napari_leukocyte.ui.review.field_opener import FieldOpener
from napari_leukocyte.ui.review.form import ReviewForm, counted_now
from napari_leukocyte.ui.review.reviewer import Reviewer
from napari_leukocyte.ui.review.smear_candidates import SmearCandidateGroup
from napari_leukocyte.ui.review.smear_pictures import SmearPictures
from napari_leukocyte.ui.signals import BeforePaint, Signal
from napari_leukocyte.vocabulary import CellClass

_NO_SMEAR = "Open the folder of a smear in “Smear”: all of its cells are shown here."
_READING = "Reading the cells of the smear …"
_NO_CELLS = "No cells yet: “Analyse all” in “Smear” finds them."
_LOOKING = "Looking for candidates in the fields of the smear …"
_NONE_SHOWN = "No cells like this. Choose others above."
#: How often fields are looked at again while the gallery is shown, ms: others work on them too.
_LOOK_MS = 1500


class SmearGallery(QWidget):
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
    form : ReviewForm
        The controls.
    reviewer : Reviewer
        Carries out what the user asks for.
    """

    # From the thread that reads: whose cells, and those of some fields.
    _came = Signal(object, object)

    def __init__(self, viewer: Any, image: ImageChoice, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.viewer: Any = links.unwrap(viewer)
        self._open: OpenSmear | None = None
        self._pictures: SmearPictures | None = None
        self._job: Job | None = None
        self._table, self._counts = pd.DataFrame(), dict[str, int]()
        self._cells: CellTable | None = None
        self._queue: list[int] = []
        self._extent: float | None = None
        self._colors: dict[str, str] = {}
        self._read = self._begun = False
        classes = classes_now()
        self.form = form = ReviewForm(self.viewer, image, classes, self, alone=False)
        form.blind_section.hide()
        form.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.setLayout(build.column(form))
        self._candidates = SmearCandidateGroup(self)
        self._candidates.changed.connect(self._show_candidates)
        self.reviewer = Reviewer(self, form, self._candidates)
        self._details_soon = BeforePaint(self._show_details, self)
        self._look = QTimer(self)
        self._look.setInterval(_LOOK_MS)
        self._look.timeout.connect(self._read_again)
        self._opener = FieldOpener(self.viewer, self)
        self._take_classes(classes)
        for box in (form.show_box, form.sort_box):
            box.currentIndexChanged.connect(self.update_now)
        form.show_box.activated.connect(self._look_for_candidates)
        form.grouped.toggled.connect(self.update_now)
        form.contrast_box.currentIndexChanged.connect(self._set_look)
        form.outline.toggled.connect(self._set_look)
        form.zoom.valueChanged.connect(self._set_look)
        form.gallery.zoomed.connect(form.zoom.setValue)
        form.gallery.selected.connect(self._on_selected)
        smear_notice.changed.connect(self._follow)
        notice.changed.connect(self._follow_classes)
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
    def cells(self) -> CellTable | None:
        """Them as they are shown."""
        return self._cells

    @property
    def queue(self) -> list[int]:
        """The unreviewed cells in the order of the queue; empty if it is not sorted by that."""
        return self._queue

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
        self._open, self._read, self._begun = found, False, False
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
            self._cells, self._queue, self._table = None, [], pd.DataFrame()
            gallery.empty_text = _NO_SMEAR
            gallery.cell_delegate.set_source(None)
            gallery.cells.show_cells(None, [])
            gallery.show_cells_again()
            form.details.show_nothing()
            form.show_numbers({})
            form.show_progress(0, 0)
            return
        self._table = table = cells.table()
        self._queue = self._ordered(cells) if form.choice.sort == "queue" else []
        groups = arrange(table, form.choice, self._queue)
        self._cells = CellTable(table)
        found = self._candidates.candidates
        if form.choice.show == "candidates" and found is not None and self._read:
            self._candidates.look()
            if len(found):
                groups.append(found.group())
            self._cells = CellsAndCandidates(table, (), found.cells)
        self._extent = extent_of(table, self._extent)
        self._pictures.set_extent(self._extent)
        gallery.empty_text = _NONE_SHOWN if len(table) else _NO_CELLS if self._read else _READING
        if self._candidates.busy:
            gallery.empty_text = _LOOKING
        gallery.cell_delegate.set_pictures(self._pictures.picture)
        if gallery.cells.show_cells(self._cells, groups):
            gallery.show_cells_again()
        gallery.set_look(form.look)
        form.show_table(table, 0 if found is None else len(found))
        self._counts = dict(count_classes(table))
        if self._queue and not self._begun:
            # The keys act at once.
            self._begun = True
            self.select(self._queue[:1], self._queue[0])
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

    def _set_look(self) -> None:
        self.form.gallery.set_look(self.form.look)

    def _take_classes(self, classes: tuple[CellClass, ...]) -> None:
        if classes != self.form.classes.classes:
            self.form.set_classes(classes)
        self._colors = palette([]) | {c.name: c.color for c in classes}
        self.form.gallery.cell_delegate.colors = self._colors
        self.reviewer.set_classes(classes)

    def _follow_classes(self, *_: object) -> None:
        classes = classes_now()
        if classes != self.form.classes.classes:
            self._take_classes(classes)
            self.update_now()

    def _take_reader(self, name: str) -> None:
        if self.session is not None:
            self.session.reader = tidy(name)

    # -- selection ------------------------------------------------------------------------

    def _on_selected(self, numbers: list[int]) -> None:
        if self.session is not None:
            self.session.select(numbers)
            self._details_soon.ask()

    def select(self, labels: Iterable[int], current: int | None = None) -> None:
        """Select cells, and go to one of them in the gallery."""
        chosen = list(labels)
        if self.session is not None:
            self.session.select(chosen)
            self.form.gallery.select_labels(chosen, current)
            self._details_soon.ask()

    def _show_selection(self) -> None:
        cells, gallery = self.session, self.form.gallery
        if cells is None or self._cells is None:
            return
        shown = {n for n in cells.selection if gallery.cells.row_of(n) is not None}
        if shown != set(without_candidates(gallery.selected_labels)):
            gallery.select_labels(sorted(shown))
        self._details_soon.ask()

    def _show_details(self) -> None:
        smear, details, cells = self.session, self.form.details, self._cells
        if smear is None or cells is None or self._pictures is None:
            return
        selection = [n for n in smear.selection if n in cells]
        classes = {cells[n].class_name for n in selection}
        self.form.classes.show_counts(self._counts, classes.pop() if len(classes) == 1 else None)
        self.form.approve.setEnabled(bool(selection))
        self.form.show_on_image.setEnabled(bool(selection))
        label = self.form.gallery.current_label
        if label not in selection:
            label = min(selection, default=None)
        if label is None:
            details.show_nothing()
            return
        cell = cells[label]
        outline = self.form.outline.isChecked()
        looks = [ThumbnailStyle(PICTURE, contrast, outline) for contrast in CONTRASTS]
        details.show_cell(
            self._table.iloc[cells.row_of(label)],
            self._colors,
            [self._pictures.picture(cell, look) for look in looks],
            hidden=cell.hidden,
            others=len(selection) - 1,
        )

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
        return "Every cell of the smear is reviewed." if len(self._table) else ""

    def say_in_passing(self, text: str) -> None:
        """Say something that need not stay."""
        self.viewer.status = text
