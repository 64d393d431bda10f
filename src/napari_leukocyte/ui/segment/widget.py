"""The widget that finds leukocytes in an image and keeps them in step with the parameters."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image
from numpy.typing import NDArray
from qtpy.QtCore import QTimer
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QMessageBox, QSizePolicy, QVBoxLayout, QWidget

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.segmentation.parameters import PostprocessParams
from napari_leukocyte.session.computation import Computed
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.closing import guard_closing
from napari_leukocyte.ui.jobs import Job, tell
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.map_layers import hide_maps
from napari_leukocyte.ui.layers.markers import MarkerWatch
from napari_leukocyte.ui.layers.restore import restore_work
from napari_leukocyte.ui.layers.source import image_of
from napari_leukocyte.ui.segment import texts
from napari_leukocyte.ui.segment.form import SegmentForm
from napari_leukocyte.ui.segment.live import LiveUpdate
from napari_leukocyte.ui.segment.preferences import read_preferences
from napari_leukocyte.ui.segment.run import start_run
from napari_leukocyte.ui.undo import install_undo

if TYPE_CHECKING:
    import napari


class SegmentWidget(QWidget):
    """Segment the leukocytes of an image into a labels layer.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers it works on.
    parent : QWidget, optional
        The owner.

    Attributes
    ----------
    form : SegmentForm
        The controls.
    """

    def __init__(self, viewer: napari.viewer.Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer: Any = viewer
        guard_closing(self, viewer)
        self._session: Session | None = None
        self._image: weakref.ref[Image] | None = None
        self._job: Job | None = None
        self._running_on: weakref.ref[Image] | None = None
        self._told = False  # whether the status line holds a sentence that must stay
        self.form = SegmentForm(viewer, read_preferences(), self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.form)
        # Otherwise napari fills the dock with empty space below.
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self._live = LiveUpdate(self)
        self._markers = MarkerWatch(viewer, self._change_markers)
        # Layers can't be added while napari is still at work on the one that was chosen.
        self._restore_soon = QTimer(self)
        self._restore_soon.setSingleShot(True)
        self._restore_soon.timeout.connect(self._restore)
        self._connect()
        install_undo(self, lambda: self._session)
        self._choose_image()

    def _connect(self) -> None:
        form = self.form
        form.image.changed.connect(self._choose_image)
        form.model.changed.connect(self._choose_model)
        form.run.clicked.connect(self.run)
        form.cancel.clicked.connect(self.cancel)
        form.weights.changed.connect(self._change_weights)
        form.parameters.changed.connect(self._change_params)
        form.presets.chosen.connect(self._set_params)
        form.forget.clicked.connect(self._forget_edits)
        self._live.failed.connect(self._complain)
        events = self._viewer.layers.events
        events.inserted.connect(self._on_layers)
        events.removed.connect(self._on_layers)
        # Qt calls no method of a widget that is being deleted, but a function it does.
        self.destroyed.connect(lambda: self._release())

    def _release(self) -> None:
        """Let go of everything that outlives the widget; none of it is Qt's."""
        events = self._viewer.layers.events
        events.inserted.disconnect(self._on_layers)
        events.removed.disconnect(self._on_layers)
        self.form.image.release()
        self._leave_session()
        self._markers.release()
        image = self.image()
        if image is not None:
            image.events.data.disconnect(self._on_image_replaced)
        self._live.release()
        if self._job is not None:
            self._job.abandon()

    def showEvent(self, event: QShowEvent | None) -> None:
        """List the models again: training may have added one."""
        super().showEvent(event)
        self.form.model.refresh()

    # -- what is chosen -------------------------------------------------------------------

    def image(self) -> Image | None:
        """Return the chosen image layer."""
        return None if self._image is None else self._image()

    @property
    def session(self) -> Session | None:
        """The session of the chosen image; None before its first run."""
        return self._session

    @property
    def busy(self) -> bool:
        """Whether a run or an update is under way."""
        return self._job is not None or self._live.pending

    def _choose_model(self) -> None:
        model, session = self.form.model.model(), self._session
        maps = None if session is None else session.maps
        if model is None:
            self.form.weights.set_members((), ())
        elif session is not None and maps is not None and maps.model == model.name:
            self.form.weights.set_members(maps.names, session.weights or maps.weights)
        else:
            self.form.weights.set_members(
                [m.name for m in model.members], [m.weight for m in model.members]
            )
        self._enable()

    def _choose_image(self) -> None:
        former = self.image()
        if former is not None:
            former.events.data.disconnect(self._on_image_replaced)
        layer = self.form.image.layer()
        self._image = None if layer is None else weakref.ref(layer)
        if layer is not None:
            layer.events.data.connect(self._on_image_replaced)
            self._restore_soon.start(0)
        self._follow_session()
        self._show_state()

    def _restore(self) -> None:
        """Bring back what was done with the chosen image before."""
        layer = self.image()
        if layer is not None and self._job is None and restore_work(self._viewer, layer):
            self._follow_session()
            self._show_state()

    def _follow_session(self) -> None:
        layer = self.image()
        session = None if layer is None else links.existing_session(layer)
        if session is self._session:
            return
        self._leave_session()
        self._session = session
        if session is not None:
            session.labels_changed.connect(self._on_labels)
            session.table_changed.connect(self._show_status)
            session.history_changed.connect(self._show_values)

    def _leave_session(self) -> None:
        if self._session is not None:
            self._session.labels_changed.disconnect(self._on_labels, missing_ok=True)
            self._session.table_changed.disconnect(self._show_status, missing_ok=True)
            self._session.history_changed.disconnect(self._show_values, missing_ok=True)
        self._session = None

    def _on_image_replaced(self, event: Any = None) -> None:
        layer, session = self.image(), self._session
        if layer is None:
            return
        if self._running_on is not None and self._running_on() is layer:
            self.cancel()
        links.forget_session(layer)
        if session is not None:
            hide_maps(self._viewer, session)
        self._follow_session()
        self._show_state()
        if session is not None and session.maps is not None:
            self.form.status.setText(texts.problem(texts.REPLACED))

    def _on_layers(self, event: Any = None) -> None:
        self.form.maps.refresh()
        running = None if self._running_on is None else self._running_on()
        if self._job is not None and (running is None or running not in self._viewer.layers):
            self.cancel()

    # -- running --------------------------------------------------------------------------

    def run(self) -> None:
        """Run the chosen model on the chosen image."""
        layer, model = self.image(), self.form.model.model()
        if layer is None or model is None or self._job is not None:
            return
        form, params = self.form, self.form.parameters.params()

        def found(layer: Image, session: Session, computed: Computed) -> None:
            # What was set during the run counts, if it was set for this image.
            chosen = form.parameters.params() if layer is self.image() else params
            self._take(layer, session, computed, chosen)

        try:
            self._job = start_run(
                self._viewer,
                layer,
                model.name,
                "auto" if form.automatic.isChecked() else form.diameter.value(),
                params,
                form.weights.weights(),
                on_found=found,
                on_lost=self._complain,
                on_end=self._end,
            )
        except LeukocyteError as error:
            self._complain(str(error))
            tell(error)
            return
        self._running_on = weakref.ref(layer)
        self._job.progressed.connect(self._show_progress)
        self._told = False
        form.bar.setRange(0, 0)
        form.status.setText("Starting")
        self._enable()

    def cancel(self) -> None:
        """Stop the run; nothing of it is taken over."""
        if self._job is not None:
            self._job.cancel()
            self.form.cancel.setEnabled(False)

    def _take(
        self, layer: Image, session: Session, computed: Computed, params: PostprocessParams
    ) -> None:
        self._follow_session()
        links.show_labels(self._viewer, session, layer)
        try:
            session.take(computed)
        except LeukocyteError as error:
            self._complain(str(error))
            tell(error)
            return
        if params != session.params or params.watershed == "points":
            self._request(layer, session, params)

    def _request(self, layer: Image, session: Session, params: PostprocessParams) -> None:
        """Ask for a label image with other parameters."""
        changes: dict[str, Any] = {"params": params}
        if session.maps is not None:
            links.show_labels(self._viewer, session, layer)
            if params.watershed == "points":
                changes["markers"] = self._markers.markers(session, layer)
        self._live.request(session, **changes)

    def _end(self) -> None:
        cancelled = self._job is not None and self._job.cancelled
        self._job = self._running_on = None
        self._enable()
        if not self._told:
            self._show_status()
        if cancelled:
            self.form.status.setText(f"{texts.CANCELLED}<br>{self.form.status.text()}")

    def _show_progress(self, done: int, total: int, what: str) -> None:
        if self._job is not None and not self._job.cancelled:
            self.form.bar.setRange(0, total)
            self.form.bar.setValue(done)
            self.form.status.setText(f"{what}: {done} of {total}")

    # -- what the user changes ------------------------------------------------------------

    def _change_params(self, params: PostprocessParams) -> None:
        layer, session = self.image(), self._session
        if layer is not None and session is not None:
            self._request(layer, session, params)

    def _change_weights(self, weights: tuple[float, ...]) -> None:
        session = self._session
        maps = None if session is None else session.maps
        # Those of another model count from its run on.
        model = self.form.model.model()
        if session is not None and maps and model is not None and maps.model == model.name:
            self._live.request(session, weights=weights)

    def _change_markers(self, session: Session, markers: NDArray[np.float64]) -> None:
        if session.params.watershed == "points":
            self._live.request(session, markers=markers)

    def _forget_edits(self) -> None:
        session = self._session
        if session is None or not session.edits:
            return
        answer = QMessageBox.question(
            self,
            "Forget manual edits",
            "Give up everything that was painted and erased in the labels of this image?",
        )
        if answer == QMessageBox.StandardButton.Yes:
            try:
                session.forget_edits()
            except LeukocyteError as error:
                tell(error)

    def _set_params(self, params: PostprocessParams) -> None:
        self.form.parameters.set_params(params)
        self._change_params(params)

    # -- what is shown --------------------------------------------------------------------

    def _on_labels(self) -> None:
        maps = None if self._session is None else self._session.maps
        if maps is not None:
            self.form.diameter.setValue(maps.diameter)
            if self.form.weights.names != maps.names:
                self._choose_model()
        self._enable()

    def _show_values(self) -> None:
        """Show the values in use, which undo and redo change as well."""
        session = self._session
        if session is None or session.maps is None or self.busy:
            return
        self.form.parameters.set_params(session.params)
        if self.form.weights.names == session.maps.names:
            self.form.weights.set_members(
                session.maps.names, session.weights or session.maps.weights
            )

    def _show_state(self) -> None:
        """Show the chosen image's state; without one, what is set stays for its first run."""
        session = self._session
        if session is not None and session.maps is not None:
            self.form.parameters.set_params(session.params)
            self.form.model.choose(session.maps.model)
            self.form.diameter.setValue(session.maps.diameter)
        self._choose_model()
        self._show_status()

    def _show_status(self) -> None:
        layer = self.image()
        if self._job is not None:
            return
        if layer is None:
            text = texts.NO_IMAGE
        elif self.form.model.model() is None:
            text = texts.problem(texts.NO_MODEL)
        elif self._session is not None and self._session.maps is not None:
            text = texts.describe_result(self._session)
        else:
            try:
                image_of(layer)
                text = texts.READY
            except LeukocyteError as error:
                text = texts.problem(str(error))
        self.form.status.setText(text)
        self.form.forget.setEnabled(self._session is not None and bool(self._session.edits))

    def _complain(self, sentence: str) -> None:
        self._told = True
        self.form.status.setText(texts.problem(sentence))

    def _enable(self) -> None:
        running = self._job is not None
        ready = self.image() is not None and self.form.model.model() is not None
        self.form.run.setEnabled(ready and not running)
        self.form.cancel.setEnabled(running)
        self.form.bar.setVisible(running)
        self.form.maps.follow(self._session, self.image())
        self.form.tools.follow(self._session)
