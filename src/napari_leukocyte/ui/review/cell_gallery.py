"""The part that galleries have in common: look, classes, selection and details of the cells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd
from qtpy.QtWidgets import QSizePolicy

from napari_leukocyte.counting.leukogram import count_classes
from napari_leukocyte.gallery.arrange import Group
from napari_leukocyte.gallery.cells import CellTable
from napari_leukocyte.gallery.thumbnails import CONTRASTS, ThumbnailStyle
from napari_leukocyte.ui.controls.own_classes_dialog import edit_own_classes
from napari_leukocyte.ui.layers.objects_style import palette
from napari_leukocyte.ui.own_classes import classes_now, notice
from napari_leukocyte.ui.review.candidates import without_candidates
from napari_leukocyte.ui.review.details import PICTURE
from napari_leukocyte.ui.review.form import ReviewForm
from napari_leukocyte.ui.review.reviewer import CandidateTaker, Reviewer
from napari_leukocyte.ui.signals import BeforePaint
from napari_leukocyte.vocabulary import CellClass


class CellGallery:
    """A gallery of cells that can be selected and reviewed; a base beside one of Qt's.

    A widget that derives from it calls `begin_gallery`, and has `session`, `update_now` and what
    else a :class:`napari_leukocyte.ui.review.reviewer.ReviewView` has.

    Attributes
    ----------
    form : ReviewForm
        The controls.
    reviewer : Reviewer
        Carries out what the user asks for.
    """

    viewer: Any

    def begin_gallery(self, form: ReviewForm, candidates: CandidateTaker) -> None:
        """Begin to show cells.

        Parameters
        ----------
        form : ReviewForm
            The controls.
        candidates : CandidateTaker
            What is shown beside the cells.
        """
        self.form = form
        self._shown, self._counts = pd.DataFrame(), dict[str, int]()
        self._cells: CellTable | None = None
        self._queue: list[int] = []
        self._extent: float | None = None
        self._colors: dict[str, str] = {}
        # The first cell that waits is selected, so that the keys act at once.
        self._to_begin = True
        form.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.reviewer = Reviewer(self, form, candidates)
        self._details_soon = BeforePaint(self._show_details, form)
        self._take_classes(classes_now())
        for box in (form.show_box, form.sort_box):
            box.currentIndexChanged.connect(self.update_now)
        form.grouped.toggled.connect(self.update_now)
        form.contrast_box.currentIndexChanged.connect(self._set_look)
        form.outline.toggled.connect(self._set_look)
        form.zoom.valueChanged.connect(self._set_look)
        form.gallery.zoomed.connect(form.zoom.setValue)
        form.gallery.selected.connect(self._on_selected)
        form.classes.edit_asked.connect(self._edit_classes)
        notice.changed.connect(self._follow_classes)

    # -- of the widget --------------------------------------------------------------------

    @property
    def session(self) -> Any:
        """Whose cells are shown: a Session, SmearCells or None."""
        raise NotImplementedError

    def update_now(self) -> None:
        """Show the session's state."""
        raise NotImplementedError

    def go_to(self, label: int) -> None:
        """Show a cell on the image."""
        raise NotImplementedError

    def step_back(self, *, again: bool = False) -> None:
        """Undo the last command, or do it again."""
        raise NotImplementedError

    def go_past_end(self) -> str:
        """Go on after the last cell, if there is anything; return what there is to say of it."""
        raise NotImplementedError

    # -- what is shown --------------------------------------------------------------------

    @property
    def cells(self) -> CellTable | None:
        """The session's cells as they are shown."""
        return self._cells

    @property
    def queue(self) -> list[int]:
        """The unreviewed cells in the order of the queue; empty if it is not sorted by that."""
        return self._queue

    def _show_no_cells(self, why: str) -> None:
        """Show nothing but a sentence."""
        form, gallery = self.form, self.form.gallery
        self._cells, self._queue, self._shown = None, [], pd.DataFrame()
        gallery.empty_text = why
        gallery.cell_delegate.set_source(None)
        gallery.cells.show_cells(None, [])
        gallery.show_cells_again()
        form.details.show_nothing()
        form.classes.show_counts({}, None)
        form.show_numbers({})
        form.show_progress(0, 0)

    def _show_groups(self, cells: CellTable, groups: Sequence[Group], candidates: int) -> None:
        """Show cells, whose rows are in the shown table, in groups."""
        form, gallery = self.form, self.form.gallery
        self._cells = cells
        if gallery.cells.show_cells(cells, groups):
            gallery.show_cells_again()
        gallery.set_look(form.look)
        form.show_table(self._shown, candidates)
        self._counts = dict(count_classes(self._shown))

    def _begins(self) -> bool:
        """Select the first cell of the queue, once; say whether that was now."""
        if not (self._to_begin and self._queue):
            return False
        self._to_begin = False
        self.select(self._queue[:1], self._queue[0])
        return True

    def _set_look(self) -> None:
        self.form.gallery.set_look(self.form.look)

    # -- classes --------------------------------------------------------------------------

    def _take_classes(self, classes: tuple[CellClass, ...]) -> None:
        if classes != self.form.classes.classes:
            self.form.set_classes(classes)
        self._colors = palette([]) | {c.name: c.color for c in classes}
        self.form.gallery.cell_delegate.colors = self._colors
        self.reviewer.set_classes(classes)

    def _edit_classes(self) -> None:
        edit_own_classes(self.form)

    def _follow_classes(self, *_: object) -> None:
        """Look again which classes there are."""
        classes = classes_now()
        if classes != self.form.classes.classes:
            self._take_classes(classes)
            self.update_now()
            self.form.gallery.show_cells_again()

    # -- selection ------------------------------------------------------------------------

    def _on_selected(self, labels: list[int]) -> None:
        """Select everywhere what the user has selected in the gallery."""
        if self.session is not None:
            self.session.select(without_candidates(labels))
            # Nothing is told if a cell that is not shown was all that was selected.
            self._show_selection()

    def select(self, labels: Iterable[int], current: int | None = None) -> None:
        """Select cells everywhere, and go to one of them in the gallery."""
        chosen = list(labels)
        if self.session is not None:
            self.session.select(without_candidates(chosen))
            self.form.gallery.select_labels(chosen, current)
            self._details_soon.ask()

    def _show_selection(self) -> None:
        """Show what is selected, wherever that was done."""
        session, gallery = self.session, self.form.gallery
        if session is None or self._cells is None:
            return
        shown = {n for n in session.selection if gallery.cells.row_of(n) is not None}
        if shown != set(without_candidates(gallery.selected_labels)):
            gallery.select_labels(sorted(shown))
        self._details_soon.ask()

    def _show_details(self) -> None:
        session, form, cells = self.session, self.form, self._cells
        if session is None or cells is None:
            return
        selection = [n for n in session.selection if n in cells]
        classes = {cells[n].class_name for n in selection}
        form.classes.show_counts(self._counts, classes.pop() if len(classes) == 1 else None)
        form.approve.setEnabled(bool(selection or form.gallery.selected_labels))
        form.show_on_image.setEnabled(bool(selection))
        label = form.gallery.current_label
        if label not in selection:
            label = min(selection, default=None)
        if label is None:
            form.details.show_nothing()
            return
        cell, outline = cells[label], form.outline.isChecked()
        looks = [ThumbnailStyle(PICTURE, contrast, outline) for contrast in CONTRASTS]
        form.details.show_cell(
            self._shown.iloc[cells.row_of(label)],
            self._colors,
            [form.gallery.cell_delegate.picture(cell, look) for look in looks],
            hidden=cell.hidden,
            others=len(selection) - 1,
        )

    def say_in_passing(self, text: str) -> None:
        """Say something that need not stay."""
        self.viewer.status = text
