"""The widget that classifies the objects of a labels layer, counts them and saves the results."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_info, show_warning
from qtpy.QtCore import QTimer
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from napari_leukocyte.counting.leukogram import count_classes
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.session.session import FEW, Session
from napari_leukocyte.ui.before_paint import BeforePaint
from napari_leukocyte.ui.classify.form import ClassifyForm
from napari_leukocyte.ui.classify.predictions import unseen
from napari_leukocyte.ui.classify.runner import Runner
from napari_leukocyte.ui.classify.texts import describe_selection, describe_state
from napari_leukocyte.ui.closing import guard_closing
from napari_leukocyte.ui.controls.own_classes_dialog import edit_own_classes
from napari_leukocyte.ui.jobs import tell
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.objects_style import UNCLASSIFIED
from napari_leukocyte.ui.layers.objects_view import (
    CONTOUR_PX,
    TOGETHER_MS,
    ObjectsView,
    objects_view_of,
)
from napari_leukocyte.ui.layers.restore import restore_work
from napari_leukocyte.ui.layers.takeover import take_labels
from napari_leukocyte.ui.leukogram.error_limits import errors_of
from napari_leukocyte.ui.own_classes import classes_now, notice
from napari_leukocyte.ui.saving import ask_and_save
from napari_leukocyte.ui.undo import install_undo

if TYPE_CHECKING:
    import napari


class ClassifyWidget(QWidget):
    """Classify the objects of a labels layer, count them and save the results.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers it works on.

    Attributes
    ----------
    form : ClassifyForm
        The controls.
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self._viewer: Any = links.unwrap(viewer)
        guard_closing(self, viewer)
        self._session: Session | None = None
        self._view: ObjectsView | None = None
        # What must be disconnected when another session is followed, and at the end.
        self._ties: list[Callable[[], object]] = []
        self.form = ClassifyForm(self._viewer, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.form)
        # Or napari fills the dock up with empty space below it.
        self.form.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        # No child of this widget: Qt may delete children before it says that their parent goes.
        self._runner = Runner()
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(TOGETHER_MS)
        self._soon.timeout.connect(self.update_now)
        # What a reader said of a few objects shows together with that.
        self._before_paint = BeforePaint(self.update_now, self)
        self._selection_soon = BeforePaint(self._show_other_selection, self)
        # Layers can't be added while napari is still at work on the one that was chosen.
        self._restore_soon = QTimer(self)
        self._restore_soon.setSingleShot(True)
        self._restore_soon.timeout.connect(self._restore)
        self._connect()
        install_undo(self, lambda: self._session)
        self._follow_classes()
        self.update_now()

    def _connect(self) -> None:
        form, runner = self.form, self._runner
        form.layers.changed.connect(self._follow_chosen)
        form.kind.currentIndexChanged.connect(self._change_kind)
        form.names.toggled.connect(self._show_names)
        form.automatic.toggled.connect(self._set_automatic)
        form.classify.clicked.connect(self._classify_or_cancel)
        form.classify_new.clicked.connect(runner.classify_new)
        form.show_objects.clicked.connect(self._show_objects)
        form.legend.chosen.connect(self._assign)
        form.own_classes.clicked.connect(self._edit_classes)
        notice.changed.connect(self._follow_classes)
        form.copy.clicked.connect(self._copy)
        form.save.clicked.connect(self._save)
        runner.changed.connect(self._update_soon)
        runner.classified.connect(self._on_classified)
        ties = self._ties

        def end() -> None:
            # Docked widgets go without a close event.
            form.layers.release()
            for tie in ties:
                tie()
            runner.close()

        self.destroyed.connect(end)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Look again which classifiers and classes there are: training may have added one."""
        self.form.model.refresh()
        self._follow_classes()
        super().showEvent(event)

    # -- choices --------------------------------------------------------------------------

    def _follow_chosen(self) -> None:
        self._follow(self.form.layers.session)
        self._restore_soon.start(0)

    def _restore(self) -> None:
        """Bring back what was done with the chosen image before."""
        image = self.form.layers.image
        if self._session is None and image is not None and restore_work(self._viewer, image):
            self._follow_chosen()

    def _follow(self, session: Session | None) -> None:
        view = None if session is None else objects_view_of(self._viewer, session)
        self._update_soon()
        if session is self._session and view is self._view:
            return
        for tie in self._ties:
            tie()
        self._ties.clear()
        self._session, self._view = session, view
        self._runner.follow(session)
        if session is not None:
            session.table_changed.connect(self._on_table)
            self._ties.append(
                lambda: session.table_changed.disconnect(self._on_table, missing_ok=True)
            )
        image = None if session is None else links.image_layer_of(self._viewer, session)
        if image is not None:
            # Other data end the session.
            image.events.data.connect(self._update_soon)
            self._ties.append(lambda: image.events.data.disconnect(self._update_soon))
        if view is not None:
            view.selection_changed.connect(self._selection_soon.ask)
            view.closed.connect(self._follow_chosen)
            self._ties.append(
                lambda: view.selection_changed.disconnect(self._selection_soon.ask, missing_ok=True)
            )
            self._ties.append(lambda: view.closed.disconnect(self._follow_chosen, missing_ok=True))
            self.form.kind.setCurrentIndex(self.form.kind.findData(view.kind))
            self.form.names.setChecked(view.layer.text.visible)

    # -- what the user does ---------------------------------------------------------------

    def _take_chosen(self) -> Session | None:
        """Return the session of the chosen layers, made if need be; None after telling why not."""
        image, labels = self.form.layers.image, self.form.layers.labels
        if image is None or labels is None:
            missing = "an image" if image is None else "a labels layer"
            show_warning(f"Choose {missing} first; “Segment leukocytes” makes labels of an image.")
            return None
        try:
            session = take_labels(self, self._viewer, image, labels)
        except LeukocyteError as error:
            tell(error)
            return None
        if session is None:
            return None
        self._follow(session)
        if session.labels.max(initial=0) == 0:
            show_warning(f"“{labels.name}” has no objects yet: segment the image or paint some.")
            return None
        return session

    def _classify_or_cancel(self) -> None:
        if self._runner.running:
            self._runner.cancel()
            return
        model = self.form.model.model()
        if model is None:
            show_warning("There is no classifier: install napari-leukocyte again or train one.")
        elif self._take_chosen() is not None:
            self._runner.start(model.name)

    def _on_classified(self, session: Session) -> None:
        if session is self._session and self._view is None:
            self._open_view()

    def _show_objects(self) -> None:
        if self._take_chosen() is not None and self._view is None:
            self._open_view()

    def _open_view(self) -> None:
        """Show the session's objects as a layer."""
        session = self._session
        image = None if session is None else links.image_layer_of(self._viewer, session)
        labels = self.form.layers.labels
        if session is not None and image is not None:
            if labels is not None and labels.contour == 0:
                labels.contour = CONTOUR_PX
            ObjectsView(self._viewer, session, image, self.form.kind.currentData())
            self._follow(session)

    def _change_kind(self) -> None:
        view = self._view
        if view is None or view.kind == self.form.kind.currentData():
            return
        selected, names = view.selected, view.layer.text.visible
        view.close()
        self._open_view()
        if self._view is not None:
            self._view.select(selected)
            self._view.layer.text.visible = names

    def _show_names(self, visible: bool) -> None:
        if self._view is not None:
            self._view.layer.text.visible = visible

    def _set_automatic(self, automatic: bool) -> None:
        self._runner.automatic = automatic
        if automatic:
            self._runner.classify_new()
        self._update_soon()

    def _assign(self, name: str) -> None:
        if self._view is None:
            show_info("Show the objects first, then select those that this class is for.")
        else:
            self._view.assign(name)

    def _edit_classes(self) -> None:
        edit_own_classes(self)

    def _follow_classes(self, *_: object) -> None:
        """Look again which classes there are."""
        self.form.legend.set_classes(classes_now())

    def _copy(self) -> None:
        self.form.leukogram.copy()
        self._viewer.status = "The leukogram was copied."

    def _save(self) -> None:
        session = self._session
        if session is not None:
            layer = links.image_layer_of(self._viewer, session)
            ask_and_save(self, session, layer, self.form.leukogram.settings)

    # -- what is shown --------------------------------------------------------------------

    def _update_soon(self, event: Any = None) -> None:
        if not self._soon.isActive():
            self._soon.start()

    def _on_table(self, labels: frozenset[int] | None) -> None:
        if labels is not None and len(labels) <= FEW and not self._soon.isActive():
            self._before_paint.ask()
        else:
            self._update_soon()

    def update_now(self) -> None:
        """Show the session's state; many changes in a row are shown together."""
        self._follow_chosen()
        self._soon.stop()
        self._before_paint.stop()
        form, session, running = self.form, self._session, self._runner.running
        table = None if session is None else session.table()
        any_objects = table is not None and len(table) > 0
        form.classify.setText("Cancel" if running else "Classify")
        form.classify.setEnabled(running or form.layers.image is not None)
        form.show_objects.setVisible(self._view is None)
        new = 0
        if session is None or table is None:
            form.legend.show_counts({})
            form.leukogram.show_table(None)
        else:
            counts = count_classes(table)
            counts[UNCLASSIFIED] = len(table) - counts.total()
            form.legend.show_counts(counts)
            form.leukogram.show_table(table, errors_of(session), session.predictions)
            if session.classifier is not None:
                new = len(unseen(table, session.predictions))
        form.automatic.setChecked(self._runner.automatic)
        form.classify_new.setVisible(new > 0 and not form.automatic.isChecked())
        form.classify_new.setText(f"Classify {new} new object{'' if new == 1 else 's'}")
        form.classify_new.setEnabled(not running)
        form.state.setText(describe_state(session, table))
        form.copy.setEnabled(form.leukogram.leukogram is not None)
        form.save.setEnabled(any_objects)
        self._show_selection()

    def _show_other_selection(self) -> None:
        if not self._before_paint.waiting:  # or it comes with everything
            self._show_selection()

    def _show_selection(self) -> None:
        self._selection_soon.stop()
        view = self._view
        chosen = view.rows() if view is not None else None
        text, common = describe_selection(chosen)
        self.form.selection.setText(text)
        self.form.legend.mark(common)
