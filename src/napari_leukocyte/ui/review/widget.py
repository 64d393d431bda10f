"""The widget in which a reader looks at every cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import QStackedWidget

from napari_leukocyte.gallery.arrange import CellsAndCandidates, arrange
from napari_leukocyte.gallery.cells import CellTable
from napari_leukocyte.gallery.thumbnails import Thumbnails, extent_of
from napari_leukocyte.language import tr
from napari_leukocyte.schema import LABEL
from napari_leukocyte.session.reviews import tidy
from napari_leukocyte.session.store import folder_of
from napari_leukocyte.ui import build
from napari_leukocyte.ui.controls.inputs import choice_box
from napari_leukocyte.ui.dock import SessionDock, SharedParts
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.objects_view import TOGETHER_MS
from napari_leukocyte.ui.open_smear import open_smear_of, smear_notice
from napari_leukocyte.ui.own_classes import classes_now
from napari_leukocyte.ui.reader_name import keep_reader, reader_notice, reader_now
from napari_leukocyte.ui.review.blind_run import BlindRun
from napari_leukocyte.ui.review.candidates import CandidateGroup
from napari_leukocyte.ui.review.cell_gallery import CellGallery
from napari_leukocyte.ui.review.form import ReviewForm, counted_now
from napari_leukocyte.ui.review.gallery_delegate import to_pixmap
from napari_leukocyte.ui.review.picking import ClickToSelect, show_place
from napari_leukocyte.ui.review.smear_gallery import SmearGallery
from napari_leukocyte.ui.undo import step_back

if TYPE_CHECKING:
    import napari

_NO_IMAGE = "Open an image of a smear, and find its cells with “Segment leukocytes”."
_NO_CELLS = "No cells yet: find them with “Segment leukocytes”."
_NONE_SHOWN = "No cells like this. Choose others above."
#: What undo may change of a cell that is worth looking at.
_SAID = ["class", "reviewed", "flags", "note", "edited"]


class ReviewWidget(SessionDock, CellGallery):
    """Look at every cell: confirm or correct its class, flag it, note something.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose images it works on.
    shared : SharedParts, optional
        What it has in common with other docks.

    Attributes
    ----------
    form, reviewer
        See `CellGallery`.
    """

    rest_ms = TOGETHER_MS
    waits_for_rest = False
    few_at_once = True
    restores = True
    chooses_image = False  # the form has it beside the reader

    def __init__(self, viewer: napari.viewer.Viewer, *, shared: SharedParts | None = None) -> None:
        super().__init__(viewer, shared=shared)
        self._thumbnails: Thumbnails[QPixmap] | None = None
        self._table = pd.DataFrame()
        self._was_shown = self._stale = False
        alone = shared is None
        form = ReviewForm(self.viewer, self.image, classes_now(), self, alone=alone)
        self.page_parts = (form.gallery,)
        self._candidates = CandidateGroup()
        self.begin_gallery(form, self._candidates)
        self._blind = BlindRun(self, form)
        form.reader.setText(reader_now())
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
        form.reader.editingFinished.connect(self._set_reader)
        reader_notice.changed.connect(self._take_reader)
        smear_notice.changed.connect(self._follow_smear)
        self.scope.currentIndexChanged.connect(self._change_scope)
        self.ties.add(ClickToSelect(self.viewer, lambda: self.session).release)

    # -- which session --------------------------------------------------------------------

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
        hidden, shown = session.hidden, session.shown_table()
        choice = self.form.choice
        self._queue = session.review_order(counted_now()) if choice.sort == "queue" else []
        groups = arrange(shown, choice, self._queue, hidden)
        found = self._candidates.update(session, choice.show)
        cells = CellTable(shown, hidden)
        if found is not None:
            groups.append(found.group())
            cells = CellsAndCandidates(shown, hidden, found.cells)
        self._extent = extent_of(self._table, self._extent)
        gallery.empty_text = _NONE_SHOWN if len(self._table) else _NO_CELLS
        gallery.cell_delegate.set_source(
            self._thumbnails, self._candidates.masks(session.labels), self._extent
        )
        self._shown = shown
        self._show_groups(cells, groups, self._candidates.number)
        self._show_selection()
        self._was_shown = True
        self._begins()
        self._blind.update_now()

    def _show_nothing(self) -> None:
        self._candidates.forget()
        self._table = pd.DataFrame()
        self._show_no_cells(_NO_IMAGE if self.image.layer() is None else _NO_CELLS)
        self._blind.update_now()

    # -- for the reviewer -----------------------------------------------------------------

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


def _changed(former: pd.DataFrame, table: pd.DataFrame) -> list[int]:
    """Return the cells that are in both tables, and of which something else is said."""
    columns = [LABEL, *_SAID]
    pair = former[columns].merge(table[columns], on=LABEL, suffixes=("", "_now"))
    differs = pd.Series(False, index=pair.index)
    for name in _SAID:
        before, now = pair[name], pair[f"{name}_now"]
        differs |= (before != now) & ~(before.isna() & now.isna())
    return [int(n) for n in pair[LABEL][differs]]
