"""The widget in which a reader looks at every cell."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import pandas as pd
from qtpy.QtCore import QTimer
from qtpy.QtGui import QPixmap, QShowEvent
from qtpy.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from napari_leukocyte.counting.leukogram import count_classes
from napari_leukocyte.counting.settings import recall_settings
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.gallery.arrange import arrange, disagreeing, flagged
from napari_leukocyte.gallery.cells import CellTable
from napari_leukocyte.gallery.thumbnails import CONTRASTS, Thumbnails, ThumbnailStyle, extent_of
from napari_leukocyte.schema import LABEL
from napari_leukocyte.session.reader import tidy
from napari_leukocyte.session.session import FEW, Session
from napari_leukocyte.ui.before_paint import BeforePaint
from napari_leukocyte.ui.closing import guard_closing
from napari_leukocyte.ui.controls.own_classes_dialog import edit_own_classes
from napari_leukocyte.ui.dock_keys import keep_keys
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.objects_style import palette
from napari_leukocyte.ui.layers.objects_view import TOGETHER_MS
from napari_leukocyte.ui.layers.restore import restore_work
from napari_leukocyte.ui.own_classes import classes_now, notice
from napari_leukocyte.ui.reader_name import keep_reader, reader_notice, reader_now
from napari_leukocyte.ui.review.blind_run import BlindRun
from napari_leukocyte.ui.review.details import PICTURE
from napari_leukocyte.ui.review.form import ReviewForm
from napari_leukocyte.ui.review.gallery_delegate import to_pixmap
from napari_leukocyte.ui.review.picking import ClickToSelect, show_place
from napari_leukocyte.ui.review.reviewer import Reviewer
from napari_leukocyte.ui.undo import install_undo, step_back
from napari_leukocyte.vocabulary import CellClass

if TYPE_CHECKING:
    import napari

_NO_IMAGE = "Open an image of a smear, and find its cells with “Segment leukocytes”."
_NO_CELLS = "No cells yet: find them with “Segment leukocytes”."
_NONE_SHOWN = "No cells like this. Choose others above."
#: What undo may change of a cell that is worth looking at.
_SAID = ["class", "reviewed", "flags", "note", "edited"]


class ReviewWidget(QWidget):
    """Look at every cell: confirm or correct its class, flag it, note something.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose images it works on.

    Attributes
    ----------
    form : ReviewForm
        The controls.
    reviewer : Reviewer
        Carries out what the user asks for.
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self._viewer: Any = links.unwrap(viewer)
        guard_closing(self, viewer)
        self._session: Session | None = None
        self._thumbnails: Thumbnails[QPixmap] | None = None
        self._table = self._veiled = pd.DataFrame()
        self._counts: dict[str, int] = {}
        self._cells: CellTable | None = None
        self._queue: list[int] = []
        self._extent: float | None = None
        self._colors: dict[str, str] = {}
        self._ties: list[Callable[[], object]] = []
        self._shown_at = 0.0
        self._revision = -1
        self._stale = False
        classes = classes_now()
        self.form = ReviewForm(self._viewer, classes, self)
        keep_keys(self, self._viewer, pages=[self.form.gallery])
        self.reviewer = Reviewer(self, self.form)
        self._blind = BlindRun(self, self.form)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.form)
        self.form.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self._take_classes(classes)
        self.form.reader.setText(reader_now())
        # Selections and changes in a row make one picture.
        self._details_soon = BeforePaint(self._show_details, self)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self.update_now)
        # What a reader said elsewhere of a few cells shows together with that.
        self._before_paint = BeforePaint(self._show_said, self)
        # Layers can't be added while napari is still at work on the one that was chosen.
        self._follow_soon = QTimer(self)
        self._follow_soon.setSingleShot(True)
        self._follow_soon.timeout.connect(self._follow_chosen)
        self._connect()
        self.update_now()
        self._follow_chosen()

    def _connect(self) -> None:
        form, viewer, ties = self.form, self._viewer, self._ties
        form.image.changed.connect(self._follow_later)
        emitters = (viewer.layers.events.inserted, viewer.layers.events.removed)
        for emitter in emitters:
            emitter.connect(self._follow_later)
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
        for shortcut in install_undo(self, lambda: self._session):
            shortcut.activated.connect(self._after_undo)
        clicks = ClickToSelect(viewer, lambda: self._session)

        def end() -> None:
            # Docked widgets go without a close event.
            form.image.release()
            for emitter in emitters:
                emitter.disconnect(self._follow_later)
            clicks.release()
            for tie in ties:
                tie()

        self.destroyed.connect(end)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Show what has changed while another dock was in front."""
        super().showEvent(event)
        self._follow_classes()
        self._follow_later()
        if self._stale:
            self.update_now()

    # -- which session --------------------------------------------------------------------

    @property
    def session(self) -> Session | None:
        """The session whose cells are shown."""
        return self._session

    @property
    def cells(self) -> CellTable | None:
        """The session's cells as they are shown."""
        return self._cells

    @property
    def queue(self) -> list[int]:
        """The unreviewed cells in the order of the queue; empty if it is not sorted by that."""
        return self._queue

    def _follow_later(self, event: Any = None) -> None:
        self._follow_soon.start(0)

    def _follow_chosen(self) -> None:
        image = self.form.image.layer()
        session = None if image is None else links.existing_session(image)
        if image is not None and session is None:
            session = restore_work(self._viewer, image)
        self._follow(session)
        # Its layers may have come since.
        self.form.tools.follow(session)

    def _follow(self, session: Session | None) -> None:
        if session is self._session:
            return
        self.form.details.save_note()
        for tie in self._ties:
            tie()
        self._ties.clear()
        self._session = session
        self._thumbnails = None
        self._extent = None
        if session is not None:
            session.reader = tidy(self.form.reader.text()) or session.reader
            self._thumbnails = Thumbnails(session.rgb, to_pixmap)
            session.table_changed.connect(self._update_soon)
            session.blind_changed.connect(self._on_blind)
            session.selection_changed.connect(self._show_selection)
            table_changed, chosen = session.table_changed, session.selection_changed
            blind_changed = session.blind_changed
            self._ties += [
                lambda: table_changed.disconnect(self._update_soon, missing_ok=True),
                lambda: blind_changed.disconnect(self._on_blind, missing_ok=True),
                lambda: chosen.disconnect(self._show_selection, missing_ok=True),
            ]
            image = links.image_layer_of(self._viewer, session)
            if image is not None:
                # Other data end the session.
                image.events.data.connect(self._follow_later)
                self._ties.append(lambda: image.events.data.disconnect(self._follow_later))
        self._blind.follow()
        self.update_now()

    # -- what is shown --------------------------------------------------------------------

    def _update_soon(self, labels: frozenset[int] | None = None) -> None:
        """Show changes in a row together, but the first one, and few cells, at once."""
        if self._soon.isActive():
            return
        if labels is not None and len(labels) <= FEW:
            self._before_paint.ask()
        else:
            since = 1000 * (time.monotonic() - self._shown_at)
            self._soon.start(0 if since > TOGETHER_MS else TOGETHER_MS)

    def _on_blind(self, labels: frozenset[int] | None = None) -> None:
        """Show what may be shown now: at once if something is hidden that was not before."""
        self._revision = -1
        if labels is None:
            self.update_now()
        else:
            self._update_soon(labels)

    def _show_said(self) -> None:
        # Unless it was shown in the meantime.
        if self._session is not None and self._session.revision != self._revision:
            self.update_now()

    def update_now(self) -> None:
        """Show the session's state."""
        self._soon.stop()
        self._before_paint.stop()
        self._stale = not self.isVisible()
        session, gallery = self._session, self.form.gallery
        if session is None or self._thumbnails is None:
            self._show_nothing()
            return
        if self._stale and self._shown_at:
            return
        self._revision = session.revision
        self._table = session.table()
        hidden, veiled = session.hidden, session.shown_table()
        choice = self.form.choice
        self._queue = session.review_order(_counted()) if choice.sort == "queue" else []
        groups = arrange(veiled, choice, self._queue, hidden)
        self._cells = CellTable(veiled, hidden)
        self._extent = extent_of(self._table, self._extent)
        gallery.empty_text = _NONE_SHOWN if len(self._table) else _NO_CELLS
        gallery.cell_delegate.set_source(self._thumbnails, session.labels, self._extent)
        if gallery.cells.show_cells(self._cells, groups):
            gallery.show_cells_again()
        gallery.set_look(self.form.look)
        self._show_numbers(veiled)
        self._show_selection()
        self._shown_at = time.monotonic()
        self._blind.update_now()

    def _show_nothing(self) -> None:
        form = self.form
        self._cells, self._queue = None, []
        self._table = pd.DataFrame()
        form.gallery.empty_text = _NO_IMAGE if form.image.layer() is None else _NO_CELLS
        form.gallery.cell_delegate.set_source(None)
        form.gallery.cells.show_cells(None, [])
        form.gallery.show_cells_again()
        form.details.show_nothing()
        form.classes.show_counts({}, None)
        form.show_numbers({})
        self._show_progress(0, 0)
        self._blind.update_now()

    def _show_numbers(self, veiled: pd.DataFrame) -> None:
        total, reviewed = len(veiled), int(veiled["reviewed"].to_numpy(bool).sum())
        self.form.show_numbers(
            {
                "all": total,
                "unreviewed": total - reviewed,
                "flagged": int(flagged(veiled).sum()),
                "disagreements": int(disagreeing(veiled).sum()),
            }
        )
        self._counts = dict(count_classes(veiled))
        self._veiled = veiled
        self._show_progress(reviewed, total)

    def _show_progress(self, reviewed: int, total: int) -> None:
        bar = self.form.progress
        bar.setRange(0, max(1, total))
        bar.setValue(reviewed)
        bar.setFormat(f"{reviewed} of {total} reviewed")
        self.form.approve_all.setEnabled(reviewed < total)

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
        if self._session is not None:
            self._session.select(labels)
            # Nothing is told if a cell that is not shown was all that was selected.
            self._show_selection()

    def select(self, labels: Iterable[int], current: int | None = None) -> None:
        """Select cells everywhere, and go to one of them in the gallery."""
        chosen = list(labels)
        if self._session is not None:
            self._session.select(chosen)
            self.form.gallery.select_labels(chosen, current)
            self._details_soon.ask()

    def _show_selection(self) -> None:
        """Show what is selected, wherever that was done."""
        session, gallery = self._session, self.form.gallery
        if session is None or self._cells is None:
            return
        shown = {n for n in session.selection if gallery.cells.row_of(n) is not None}
        if shown != set(gallery.selected_labels):
            gallery.select_labels(sorted(shown))
        self._details_soon.ask()

    def _show_details(self) -> None:
        session, details, cells = self._session, self.form.details, self._cells
        if session is None or cells is None:
            return
        selection = [n for n in session.selection if n in cells]
        classes = {cells[n].class_name for n in selection}
        common = classes.pop() if len(classes) == 1 else None
        self.form.classes.show_counts(self._counts, common)
        self.form.approve.setEnabled(bool(selection))
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
        if self._session is not None:
            image = links.image_layer_of(self._viewer, self._session)
        if image is not None and self._cells is not None and label in self._cells:
            show_place(self._viewer, image, self._cells[label].place)
            self.select([label], label)

    def step_back(self, *, again: bool = False) -> None:
        """Undo the session's last command, or do it again, and show what that was about."""
        step_back(self._session, again=again)
        self._after_undo()

    def _after_undo(self) -> None:
        """Show the cells that undo or redo has changed."""
        if self._session is None or not len(self._table):
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
        if self._session is not None:
            self._session.reader = name

    # -- for its parts --------------------------------------------------------------------

    @property
    def viewer(self) -> Any:
        """The viewer, not napari's proxy of it."""
        return self._viewer

    def say(self, text: str) -> None:
        """Say something in passing."""
        self._viewer.status = text


def _changed(former: pd.DataFrame, table: pd.DataFrame) -> list[int]:
    """Return the cells that are in both tables, and of which something else is said."""
    columns = [LABEL, *_SAID]
    pair = former[columns].merge(table[columns], on=LABEL, suffixes=("", "_now"))
    differs = pd.Series(False, index=pair.index)
    for name in _SAID:
        before, now = pair[name], pair[f"{name}_now"]
        differs |= (before != now) & ~(before.isna() & now.isna())
    return [int(n) for n in pair[LABEL][differs]]


def _counted() -> tuple[str, ...] | None:
    """Return the classes that count for this user; None if the file that says so is damaged."""
    try:
        return recall_settings().counted
    except LeukocyteError:  # the leukogram tells of it
        return None
