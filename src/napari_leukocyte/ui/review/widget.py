"""The widget in which a reader looks at every cell."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pandas as pd
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import QSizePolicy, QStackedWidget

from napari_leukocyte.counting.leukogram import count_classes
from napari_leukocyte.gallery.arrange import CellsAndCandidates, arrange
from napari_leukocyte.gallery.cells import CellTable
from napari_leukocyte.gallery.thumbnails import CONTRASTS, Thumbnails, ThumbnailStyle, extent_of
from napari_leukocyte.language import tr
from napari_leukocyte.schema import LABEL
from napari_leukocyte.session.reviews import tidy
from napari_leukocyte.session.store import folder_of
from napari_leukocyte.ui import build
from napari_leukocyte.ui.controls.inputs import choice_box
from napari_leukocyte.ui.controls.own_classes_dialog import edit_own_classes
from napari_leukocyte.ui.dock import SessionDock, SharedParts
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.objects_style import palette
from napari_leukocyte.ui.layers.objects_view import TOGETHER_MS
from napari_leukocyte.ui.open_smear import open_smear_of, smear_notice
from napari_leukocyte.ui.own_classes import classes_now, notice
from napari_leukocyte.ui.reader_name import keep_reader, reader_notice, reader_now
from napari_leukocyte.ui.review.blind_run import BlindRun
from napari_leukocyte.ui.review.candidates import CandidateGroup, without_candidates
from napari_leukocyte.ui.review.details import PICTURE
from napari_leukocyte.ui.review.form import ReviewForm, counted_now
from napari_leukocyte.ui.review.gallery_delegate import to_pixmap
from napari_leukocyte.ui.review.picking import ClickToSelect, show_place
from napari_leukocyte.ui.review.reviewer import Reviewer
from napari_leukocyte.ui.review.smear_gallery import SmearGallery
from napari_leukocyte.ui.signals import BeforePaint
from napari_leukocyte.ui.undo import step_back
from napari_leukocyte.vocabulary import CellClass

if TYPE_CHECKING:
    import napari

_NO_IMAGE = "Open an image of a smear, and find its cells with “Segment leukocytes”."
_NO_CELLS = "No cells yet: find them with “Segment leukocytes”."
_NONE_SHOWN = "No cells like this. Choose others above."
#: What undo may change of a cell that is worth looking at.
_SAID = ["class", "reviewed", "flags", "note", "edited"]


class ReviewWidget(SessionDock):
    """Look at every cell: confirm or correct its class, flag it, note something.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose images it works on.
    shared : SharedParts, optional
        What it has in common with other docks.

    Attributes
    ----------
    form : ReviewForm
        The controls.
    reviewer : Reviewer
        Carries out what the user asks for.
    """

    rest_ms = TOGETHER_MS
    waits_for_rest = False
    few_at_once = True
    restores = True
    chooses_image = False  # the form has it beside the reader

    def __init__(self, viewer: napari.viewer.Viewer, *, shared: SharedParts | None = None) -> None:
        super().__init__(viewer, shared=shared)
        self._thumbnails: Thumbnails[QPixmap] | None = None
        self._table = self._veiled = pd.DataFrame()
        self._counts: dict[str, int] = {}
        self._cells: CellTable | None = None
        self._queue: list[int] = []
        self._extent: float | None = None
        self._colors: dict[str, str] = {}
        self._was_shown = self._stale = False
        # The first cell that waits is selected, so that the keys act at once.
        self._to_begin = True
        classes = classes_now()
        self.form = form = ReviewForm(self.viewer, self.image, classes, self, alone=shared is None)
        self.page_parts = (form.gallery,)
        self._candidates = CandidateGroup()
        self.reviewer = Reviewer(self, form, self._candidates)
        self._blind = BlindRun(self, form)
        self._details_soon = BeforePaint(self._show_details, self)
        self._take_classes(classes)
        form.reader.setText(reader_now())
        form.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.scope = build.tipped(
            choice_box({"field": "This field", "smear": "Whole smear"}),
            "The cells of the photograph that is open, or of all fields of the smear: those are "
            "reviewed without opening their field.",
        )
        self._scope_row = build.holder(build.row("Cells of", self.scope, stretch=(0, 1)))
        self.stack = QStackedWidget()
        self.stack.addWidget(form)
        self.setLayout(build.column(self._scope_row, self.stack))
        self._connect()
        self._follow_smear()
        self.begin()
        for shortcut in self.undo_shortcuts:
            shortcut.activated.connect(self._after_undo)
        self.update_now()

    def _connect(self) -> None:
        form = self.form
        for box in (form.show_box, form.sort_box):
            box.currentIndexChanged.connect(self.update_now)
        form.grouped.toggled.connect(self.update_now)
        form.contrast_box.currentIndexChanged.connect(self._set_look)
        form.outline.toggled.connect(self._set_look)
        form.zoom.valueChanged.connect(self._set_look)
        form.gallery.zoomed.connect(form.zoom.setValue)
        form.gallery.selected.connect(self._on_selected)
        form.reader.editingFinished.connect(self._set_reader)
        reader_notice.changed.connect(self._take_reader)
        form.classes.edit_asked.connect(self._edit_classes)
        notice.changed.connect(self._follow_classes)
        smear_notice.changed.connect(self._follow_smear)
        self.scope.currentIndexChanged.connect(self._change_scope)
        self.ties.add(ClickToSelect(self.viewer, lambda: self.session).release)

    # -- which session --------------------------------------------------------------------

    @property
    def cells(self) -> CellTable | None:
        """The session's cells as they are shown."""
        return self._cells

    @property
    def queue(self) -> list[int]:
        """The unreviewed cells in the order of the queue; empty if it is not sorted by that."""
        return self._queue

    @property
    def smear_gallery(self) -> SmearGallery | None:
        """The gallery of the whole smear; None until it was asked for."""
        found = self.stack.widget(1)
        return found if isinstance(found, SmearGallery) else None

    def _follow_smear(self) -> None:
        """Offer the whole smear while one is open."""
        opened = open_smear_of(self.viewer)
        self._scope_row.setVisible(opened is not None)
        if opened is None:
            self.scope.setCurrentIndex(0)

    def _change_scope(self) -> None:
        """Show the cells of the field, or of the whole smear."""
        whole = self.scope.currentData() == "smear"
        if whole and self.smear_gallery is None:
            self.stack.addWidget(SmearGallery(self.viewer, self.image, self.stack))
        self.stack.setCurrentIndex(int(whole))
        self._follow_tools()
        self.update_now()

    def _follow_tools(self) -> None:
        """Have the mask tools, of both galleries, act on the photograph that is open."""
        self.form.tools.follow(self.session)
        if self.smear_gallery is not None:
            self.smear_gallery.follow_field(self.session)

    def on_release(self) -> None:
        """Let go of the smear's cells."""
        if self.smear_gallery is not None:
            self.smear_gallery.release()

    def on_session(self) -> None:
        """Show the cells of another session at once."""
        session = self.session
        self.form.details.save_note()
        self._thumbnails = self._extent = None
        self._to_begin = True
        if session is not None:
            session.reader = tidy(self.form.reader.text()) or session.reader
            self._thumbnails = Thumbnails(session.rgb, to_pixmap)
        self._follow_tools()
        self._blind.follow()
        self.update_now()

    def on_layers(self) -> None:
        """Have tools for layers that have come."""
        self._follow_tools()
        self.update_soon()

    def on_show(self) -> None:
        """Show what has changed while another dock was in front."""
        self._follow_classes()
        self._follow_tools()
        if self._stale:
            self.update_now()

    def on_selection(self) -> None:
        """Show what is selected, wherever that was done, and bring it into sight."""
        self._show_selection()
        gallery = self.form.gallery
        if gallery.currentIndex().isValid() and gallery.selected_labels:
            gallery.scrollTo(gallery.currentIndex())

    # -- what is shown --------------------------------------------------------------------

    def update_now(self) -> None:
        """Show the session's state."""
        self._soon.stop()
        self._before_paint.stop()
        self._stale = not self.isVisible()
        session, gallery = self.session, self.form.gallery
        if session is None or self._thumbnails is None:
            self._show_nothing()
            return
        if self._stale and self._was_shown:
            return
        self._table = session.table()
        hidden, veiled = session.hidden, session.shown_table()
        choice = self.form.choice
        self._queue = session.review_order(counted_now()) if choice.sort == "queue" else []
        groups = arrange(veiled, choice, self._queue, hidden)
        found = self._candidates.update(session, choice.show)
        self._cells = CellTable(veiled, hidden)
        if found is not None:
            groups.append(found.group())
            self._cells = CellsAndCandidates(veiled, hidden, found.cells)
        self._extent = extent_of(self._table, self._extent)
        gallery.empty_text = _NONE_SHOWN if len(self._table) else _NO_CELLS
        gallery.cell_delegate.set_source(
            self._thumbnails, self._candidates.masks(session.labels), self._extent
        )
        if gallery.cells.show_cells(self._cells, groups):
            gallery.show_cells_again()
        gallery.set_look(self.form.look)
        self._show_numbers(veiled)
        self._show_selection()
        self._was_shown = True
        if self._to_begin and self._queue:
            self._to_begin = False
            self.select(self._queue[:1], self._queue[0])
        self._blind.update_now()

    def _show_nothing(self) -> None:
        form = self.form
        self._cells, self._queue = None, []
        self._candidates.forget()
        self._table = pd.DataFrame()
        form.gallery.empty_text = _NO_IMAGE if self.image.layer() is None else _NO_CELLS
        form.gallery.cell_delegate.set_source(None)
        form.gallery.cells.show_cells(None, [])
        form.gallery.show_cells_again()
        form.details.show_nothing()
        form.classes.show_counts({}, None)
        form.show_numbers({})
        self.form.show_progress(0, 0)
        self._blind.update_now()

    def _show_numbers(self, veiled: pd.DataFrame) -> None:
        self.form.show_table(veiled, self._candidates.number)
        self._counts = dict(count_classes(veiled))
        self._veiled = veiled

    def _set_look(self) -> None:
        self.form.gallery.set_look(self.form.look)

    def _take_classes(self, classes: tuple[CellClass, ...]) -> None:
        if classes != self.form.classes.classes:
            self.form.set_classes(classes)
        self._colors = palette([]) | {c.name: c.color for c in classes}
        self.form.gallery.cell_delegate.colors = self._colors
        self.reviewer.set_classes(classes)

    def _edit_classes(self) -> None:
        edit_own_classes(self)

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
        session, details, cells = self.session, self.form.details, self._cells
        if session is None or cells is None:
            return
        selection = [n for n in session.selection if n in cells]
        classes = {cells[n].class_name for n in selection}
        common = classes.pop() if len(classes) == 1 else None
        self.form.classes.show_counts(self._counts, common)
        self.form.approve.setEnabled(bool(selection or self.form.gallery.selected_labels))
        self.form.show_on_image.setEnabled(bool(selection))
        label = self.form.gallery.current_label
        if label not in selection:
            label = min(selection, default=None)
        if label is None:
            details.show_nothing()
            return
        cell = cells[label]
        delegate = self.form.gallery.cell_delegate
        outline = self.form.outline.isChecked()
        looks = [ThumbnailStyle(PICTURE, contrast, outline) for contrast in CONTRASTS]
        row = self._veiled.iloc[cells.row_of(label)]
        details.show_cell(
            row,
            self._colors,
            [delegate.picture(cell, look) for look in looks],
            hidden=cell.hidden,
            others=len(selection) - 1,
        )

    def go_to(self, label: int) -> None:
        """Show a cell on the image."""
        image = None
        if self.session is not None:
            image = links.image_layer_of(self.viewer, self.session)
        if image is not None and self._cells is not None and label in self._cells:
            show_place(self.viewer, image, self._cells[label].place)
            self.select([label], label)

    def step_back(self, *, again: bool = False) -> None:
        """Undo the session's last command, or do it again, and show what that was about."""
        step_back(self.session, again=again)
        self._after_undo()

    def _after_undo(self) -> None:
        """Show the cells that undo or redo has changed."""
        if self.session is None or not len(self._table):
            return
        former = self._table
        self.update_now()
        changed = _changed(former, self._table)
        if changed:
            self.select(changed, changed[0])

    # -- the reader -----------------------------------------------------------------------

    def _set_reader(self) -> None:
        keep_reader(self.form.reader.text())

    def _take_reader(self, name: str) -> None:
        """Have the name that was given here or elsewhere."""
        self.form.reader.setText(name)
        if self.session is not None:
            self.session.reader = name

    def go_past_end(self) -> str:
        """Open the next field of the smear that is not finished; return what there is to say."""
        opened, session = open_smear_of(self.viewer), self.session
        folder = None if session is None else folder_of(session)
        if opened is None or folder is None:
            return ""
        keys = [opened.smear.state(i).key for i in range(len(opened.smear))]
        if folder.name not in keys:
            return ""
        row = keys.index(folder.name)
        opened.smear.inspect(row)
        following = opened.smear.next_to_review(row)
        if following is None:
            return "Every field of the smear is reviewed."
        opened.show(following)
        return tr("On to {name}.", name=opened.smear.paths[following].name)

    def say_in_passing(self, text: str) -> None:
        """Say something that need not stay."""
        self.viewer.status = text


def _changed(former: pd.DataFrame, table: pd.DataFrame) -> list[int]:
    """Return the cells that are in both tables, and of which something else is said."""
    columns = [LABEL, *_SAID]
    pair = former[columns].merge(table[columns], on=LABEL, suffixes=("", "_now"))
    differs = pd.Series(False, index=pair.index)
    for name in _SAID:
        before, now = pair[name], pair[f"{name}_now"]
        differs |= (before != now) & ~(before.isna() & now.isna())
    return [int(n) for n in pair[LABEL][differs]]
