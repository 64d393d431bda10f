"""The widget that shows all cells as a map, and lets groups of them be classified."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QPoint, QTimer
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QToolTip, QVBoxLayout, QWidget

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.interpretation.embedding_map.layout import Layout
from napari_leukocyte.interpretation.embedding_map.outliers import FEWEST
from napari_leukocyte.interpretation.embedding_map.suspects import TOO_FEW
from napari_leukocyte.progress import Progress
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.embedding_map.acts import Acts
from napari_leukocyte.ui.embedding_map.form import EVERYWHERE, CellMapForm
from napari_leukocyte.ui.embedding_map.going import sessions_of
from napari_leukocyte.ui.embedding_map.shown import ShownMap, Wanted, wanted_of
from napari_leukocyte.ui.embedding_map.tooltip import Tooltips
from napari_leukocyte.ui.embedding_map.work import (
    Suspects,
    features_for,
    map_work,
    suspects_work,
)
from napari_leukocyte.ui.jobs import Job, start_job
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.following import Following
from napari_leukocyte.ui.layers.objects_style import UNCLASSIFIED, palette
from napari_leukocyte.ui.own_classes import classes_now, notice
from napari_leukocyte.ui.review.blind_notice import blind_notice
from napari_leukocyte.ui.review.hidden import any_hidden
from napari_leukocyte.ui.review.picking import ClickToSelect
from napari_leukocyte.ui.review.texts import cells as in_words

if TYPE_CHECKING:
    import napari

#: Changes that come faster than this, ms, are shown together; and doubts are raised anew once
#: classes have rested for so long, ms.
REST_MS, DOUBT_MS = 80, 400
_NO_IMAGE = "Open an image of a smear, and find its cells with “Segment leukocytes”."
_NO_CELLS = "No cells yet: find them with “Segment leukocytes”."
_BLIND = "A blind read is under way: the map shows what the classifier sees, and comes after it."
_CANCELLED = "Cancelled. Press “Lay out anew” to begin again."
_NOT_CLASSIFIED = "These cells are not classified yet: do so here, or with “Classify and count”."


class CellMapWidget(QWidget):
    """Show cells as a map, select groups of them, and give them classes.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose images it works on.

    Attributes
    ----------
    form : CellMapForm
        The controls.
    acts : Acts
        Carries out what the user asks for.
    shown : ShownMap or None
        The map that is shown.
    classes : tuple of CellClass
        That can be given.
    suspects : list of LabelSuspect or None
        Cells whose class is doubtful; None if that can't be told.
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self._viewer: Any = links.unwrap(viewer)
        self.shown: ShownMap | None = None
        self.suspects: Suspects = None
        self._doubted_of: tuple[str | None, ...] = ()
        self._refused: Wanted | None = None
        #: The last layout, by whose embedding, and in which scope: within that, places are kept
        #: while images come and go.
        self._layout: tuple[tuple[str, int], Layout] | None = None
        self._features_note = self._refused_why = ""
        self._job: Job | None = None
        #: The same job, for when the widget is gone.
        self._jobs: list[Job] = []
        self._tooltips = Tooltips()
        self._following = Following(self._later, self.show_selection)
        self.form = CellMapForm(self._viewer, self)
        self.acts = Acts(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.form)
        self._soon, self._doubt_soon = self._timer(REST_MS), self._timer(DOUBT_MS)
        self._soon.timeout.connect(self.update_now)
        self._doubt_soon.timeout.connect(self._doubt)
        self._connect()
        self.form.show_busy(False)
        self.form.show_state(_NO_IMAGE, map_too=False)
        self._take_classes()

    def _timer(self, rest: int) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(rest)
        return timer

    def _connect(self) -> None:
        form, viewer, jobs, following = self.form, self._viewer, self._jobs, self._following
        emitters = (viewer.layers.events.inserted, viewer.layers.events.removed)
        for emitter in emitters:
            emitter.connect(self._later)
        form.image.changed.connect(self._later)
        form.scope.currentIndexChanged.connect(self._later)
        form.cancel.clicked.connect(lambda: self.cancel())
        form.anew.clicked.connect(lambda: self.lay_out_anew())
        form.scatter.asked.connect(self._tell)
        self.acts.connect_form()
        notice.changed.connect(self._take_classes)
        blind_notice.changed.connect(self.update_now)
        clicks = ClickToSelect(viewer, lambda: self.chosen_session)
        image, timers = form.image, (self._soon, self._doubt_soon)

        def end() -> None:
            # Docked widgets go without a close event.
            with suppress(RuntimeError):  # at the application's end Qt may have gone first
                for timer in timers:
                    timer.stop()
            image.release()
            for emitter in emitters:
                emitter.disconnect(self._later)
            clicks.release()
            for job in jobs:
                job.abandon()
            following.release()

        self.destroyed.connect(end)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Catch up with what happened while another dock was in front."""
        super().showEvent(event)
        self._later()

    @property
    def settled(self) -> bool:
        """Whether everything is shown and nothing is being computed."""
        return not (self._job is not None or self._soon.isActive() or self._doubt_soon.isActive())

    # -- what is followed -----------------------------------------------------------------

    def _later(self, *_: object) -> None:
        self._soon.start()

    @property
    def viewer(self) -> Any:
        """The viewer, not napari's proxy of it."""
        return self._viewer

    @property
    def chosen_session(self) -> Session | None:
        """The session of the chosen image."""
        image = self.form.image.layer()
        return None if image is None else links.existing_session(image)

    def _take_classes(self, *_: object) -> None:
        self.classes = classes_now()
        self.form.set_classes(self.classes)
        self._later()

    def update_now(self) -> None:
        """Show the cells as they are; have the map made if it is of others."""
        self._soon.stop()
        if not self.isVisible():
            return
        everywhere = self.form.scope.currentData() == EVERYWHERE
        sessions = sessions_of(self._viewer, self.form.image.layer(), everywhere=everywhere)
        self._following.follow(sessions)
        cells = {s: s.table()["label"].tolist() for s in sessions}
        filled = [s for s in sessions if cells[s]]
        allowed = [s for s in filled if not any_hidden(s, cells[s])]
        if not allowed:
            self._forget(_BLIND if filled else _NO_CELLS if sessions else _NO_IMAGE)
            return
        said = (s.classifier for s in (self.chosen_session, *allowed) if s in allowed)
        wanted = wanted_of(allowed, next((name for name in said if name), "default"))
        if self.shown is not None and not set(self.shown.wanted.sessions) <= set(allowed):
            self._clear()
        if wanted.same_as(None if self.shown is None else self.shown.wanted):
            self._show()
        elif self._job is None and not wanted.same_as(self._refused):
            self._make(wanted)
        elif self._job is None:
            self._show()
            self.form.show_state(self._refused_why, map_too=self.shown is not None)
            self.form.anew.show()
        self._note_left_out(len(filled) - len(allowed))

    def _note_left_out(self, number: int) -> None:
        if number and self.shown is not None:
            images = "1 image is" if number == 1 else f"{number} images are"
            text = f"{self.form.state.text()} {images} left out: they are read blindly.".strip()
            self.form.show_state(text, map_too=True)

    # -- what is computed -----------------------------------------------------------------

    def _make(self, wanted: Wanted, *, anew: bool = False) -> None:
        try:
            features, note = features_for(wanted.classifier)
        except LeukocyteError as error:
            self._forget(str(error))
            return
        whose = wanted.classifier, self.form.scope.currentIndex()
        known = self._layout
        former = None if known is None or known[0] != whose else known[1]
        work = map_work(wanted, features, former, anew=anew)

        def done(result: tuple[Any, Suspects, tuple[str | None, ...]]) -> None:
            found, self.suspects, self._doubted_of = result
            self.shown, self._refused, self._features_note = ShownMap(found, wanted), None, note
            kept = former is not None and found.layout.placer is former.placer
            self._layout = (whose, found.layout)
            self.form.scatter.show_places(found.positions, anew=not kept)
            self._show()

        def refused(why: str) -> None:
            self._refused, self._refused_why = wanted, why

        self._refused = None
        if self.shown is None:
            self.form.show_state("Looking at the cells …", map_too=False)
        self._start(work, "Mapping cells", done, refused)

    def _doubt(self) -> None:
        shown = self.shown
        if shown is None or self._job is not None or shown.classes == self._doubted_of:
            return
        classes = shown.classes

        def done(found: Suspects) -> None:
            if shown is self.shown:
                self.suspects, self._doubted_of = found, classes
                self._show_lists()

        def refused(why: str) -> None:
            self._doubted_of = classes

        self._start(suspects_work(shown, classes), None, done, refused)

    def _start(
        self,
        work: Callable[[Progress], Any],
        title: str | None,
        done: Callable[[Any], None],
        refused: Callable[[str], None],
    ) -> None:
        def failed(error: Exception) -> None:
            refused(str(error) if isinstance(error, LeukocyteError) else "This failed.")

        def end() -> None:
            if job.cancelled:
                refused(_CANCELLED)
            self._job = None
            self._jobs.clear()
            self.form.show_busy(False)
            self._later()

        self.form.show_busy(True)
        job = start_job(work, title=title, on_done=done, on_error=failed, on_end=end)
        job.progressed.connect(self._on_progress)
        self._job = job
        self._jobs.append(job)

    def _on_progress(self, done: int, total: int, what: str) -> None:
        if self._job is not None:
            self.form.show_step(done, total)

    def cancel(self) -> None:
        """Stop what is under way; what is shown stays."""
        if self._job is not None:
            self._job.cancel()

    def lay_out_anew(self) -> None:
        """Lay all cells out together, whatever was before."""
        wanted = self._refused if self.shown is None else self.shown.wanted
        if self._job is None and wanted is not None:
            self._make(wanted_of(wanted.sessions, wanted.classifier), anew=True)

    # -- what is shown --------------------------------------------------------------------

    def _clear(self) -> None:
        """Show no map; what is under way is of no use any more."""
        if self._job is not None:
            self._job.progressed.disconnect(self._on_progress)
            self._job.abandon()
            self._job = None
            self._jobs.clear()
            self.form.show_busy(False)
        QToolTip.hideText()
        self.shown, self.suspects, self._doubted_of = None, None, ()

    def _forget(self, why: str) -> None:
        self._clear()
        self._refused = None
        self.form.show_state(why, map_too=False)

    def _show(self) -> None:
        shown, form = self.shown, self.form
        if shown is None:
            return
        shown.refresh()
        names = shown.names
        colors = {c.name: c.color for c in self.classes}
        colors |= {n: c for n, c in palette(names).items() if n not in colors}
        colors[UNCLASSIFIED] = colors.pop(UNCLASSIFIED)  # the last one
        notes = [self._features_note]
        if not any(shown.classes):
            notes.append(_NOT_CLASSIFIED)
        form.show_state(" ".join(filter(None, notes)), map_too=True)
        form.scatter.show_classes(names, colors)
        form.legend.show_classes(names, colors)
        self._show_lists()
        self.show_selection()
        if shown.classes != self._doubted_of and self._job is None:
            self._doubt_soon.start()

    def _show_lists(self) -> None:
        shown, form = self.shown, self.form
        if shown is None:
            return
        outliers = shown.outlier_rows()
        form.outliers.show_cells(outliers)
        few = len(shown) < FEWEST
        said = f"Needs {FEWEST} cells." if few else "" if outliers else "None."
        form.show_list("outliers", None if few else len(outliers), said)
        suspects = None if self.suspects is None else shown.suspect_rows(self.suspects)
        form.suspects.show_cells(suspects or [])
        said = TOO_FEW if suspects is None else "" if suspects else "None."
        form.show_list("suspects", None if suspects is None else len(suspects), said)

    def show_selection(self) -> None:
        """Show which cells are selected, wherever that was done."""
        shown, form = self.shown, self.form
        if shown is None or self.acts.selecting:
            return
        chosen = shown.selection()
        form.scatter.show_selection(chosen)
        rows = chosen.nonzero()[0].tolist()
        form.outliers.pick(rows)
        form.suspects.pick(rows)
        for widget in (form.classify, form.go, form.similar):
            widget.setEnabled(bool(rows))
        selected = f", {len(rows)} selected" if rows else ""
        form.summary.setText(f"{in_words(len(shown))}{selected}; {shown.map.layout.method}.")

    def _tell(self, row: int, place: QPoint) -> None:
        found = None if self.shown is None else self.shown.cell(row)
        if found is not None:
            QToolTip.showText(place, self._tooltips.tell(*found), self.form.scatter)
