"""Leukocytes of an image: found by networks, kept in step with the parameters, corrected."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image
from numpy.typing import NDArray
from qtpy.QtWidgets import QMessageBox

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.language import tr
from napari_leukocyte.segmentation.parameters import PostprocessParams
from napari_leukocyte.session.computation import Computed
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui import build
from napari_leukocyte.ui.controls.activity import warning
from napari_leukocyte.ui.dock import SessionDock, SharedParts
from napari_leukocyte.ui.jobs import tell, telling_errors
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.map_layers import hide_maps
from napari_leukocyte.ui.layers.markers import MarkerWatch
from napari_leukocyte.ui.layers.source import image_of
from napari_leukocyte.ui.segment.form import SegmentForm
from napari_leukocyte.ui.segment.preferences import read_preferences
from napari_leukocyte.ui.segment.run import LiveUpdate, describe_result, start_run
from napari_leukocyte.ui.signals import Signal

if TYPE_CHECKING:
    import napari

_NO_IMAGE = "Open a photograph of a blood smear to begin."
_READY = "Press Run to find the leukocytes."
_NO_MODEL = "No segmentation model is installed: install napari-leukocyte again."
_REPLACED = (
    "The image was replaced, so what was found belongs to the former one: its labels stay as an "
    "ordinary layer. Run again."
)
_CANCELLED = "Cancelled; nothing has changed."


class SegmentWidget(SessionDock):
    """Segment the leukocytes of an image into a labels layer.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers it works on.
    shared : SharedParts, optional
        What it has in common with other docks.

    Attributes
    ----------
    form : SegmentForm
        The controls.
    """

    restores = True
    #: Emitted with the session when a run has found its objects, and whether the user wants them
    #: classified as well.
    found = Signal(object, bool)

    def __init__(self, viewer: napari.viewer.Viewer, *, shared: SharedParts | None = None) -> None:
        super().__init__(viewer, shared=shared)
        self._running_on: weakref.ref[Image] | None = None
        self.form = form = SegmentForm(self.viewer, read_preferences())
        self._live = LiveUpdate(self)
        self._markers = MarkerWatch(viewer, self._change_markers)
        form.model.changed.connect(self._choose_model)
        form.run.clicked.connect(self.run)
        form.weights.changed.connect(self._change_weights)
        form.parameters.changed.connect(self._change_params)
        form.presets.chosen.connect(self._set_params)
        form.forget.clicked.connect(self._forget_edits)
        self._live.failed.connect(self.complain)
        self.lay_out(
            form.rows,
            [build.row(form.run, form.classify, stretch=(1, 0))],
            form.body,
            fixed_head=True,
        )
        self.begin()

    def on_release(self) -> None:
        """Let go of markers and of what has not been computed yet."""
        self._markers.release()
        self.form.candidates.release()
        self._live.release()

    def on_show(self) -> None:
        """List the models again: training may have added one."""
        self.form.model.refresh()

    # -- what is chosen -------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether a run or an update is under way."""
        return super().busy or self._live.pending

    def _choose_model(self) -> None:
        model, session = self.form.model.model(), self.session
        maps = None if session is None else session.maps
        if model is None:
            self.form.weights.set_members((), ())
        elif session is not None and maps is not None and maps.model == model.name:
            self.form.weights.set_members(maps.names, session.weights or maps.weights)
        else:
            self.form.weights.set_members(
                [m.name for m in model.members], [m.weight for m in model.members]
            )
        self.on_busy()

    def on_image(self) -> None:
        """Show what is known of another image."""
        self._show_state()

    def on_session(self) -> None:
        """Follow what only this dock shows of a session."""
        if self.session is not None:
            self.session_ties.connect(self.session.labels_changed, self._on_labels)
            self.session_ties.connect(self.session.history_changed, self._show_values)
        self._show_state()

    def on_image_replaced(self, former: Session | None) -> None:
        """Say that what was found belongs to the former image."""
        if self._running_on is not None and self._running_on() is self.image.layer():
            self.cancel()
        if former is not None:
            hide_maps(self.viewer, former)
        self._show_state()
        if former is not None and former.maps is not None:
            self.complain(_REPLACED)

    def on_layers(self) -> None:
        """Stop a run whose image is gone."""
        self.form.maps.refresh()
        self.form.candidates.refresh()
        running = None if self._running_on is None else self._running_on()
        if super().busy and (running is None or running not in self.viewer.layers):
            self.cancel()

    # -- running --------------------------------------------------------------------------

    def run(self) -> None:
        """Run the chosen model on the chosen image."""
        layer, model = self.image.layer(), self.form.model.model()
        if layer is None or model is None or super().busy:
            return
        form, params = self.form, self.form.parameters.record()

        def found(layer: Image, session: Session, computed: Computed) -> None:
            # What was set during the run counts, if it was set for this image.
            chosen = form.parameters.record() if layer is self.image.layer() else params
            self._take(layer, session, computed, chosen)

        self._running_on = weakref.ref(layer)
        try:
            self.start_with(
                lambda done, failed, end: start_run(
                    self.viewer,
                    layer,
                    model.name,
                    "auto" if form.automatic.isChecked() else form.diameter.value(),
                    params,
                    form.weights.weights(),
                    on_found=found,
                    on_lost=self.complain,
                    on_end=end,
                ),
                cancelled=self._show_cancelled,
            )
        except LeukocyteError as error:
            self.complain(tr(str(error)))
            tell(error)
            return
        self.say_state("Starting …")

    def _take(
        self, layer: Image, session: Session, computed: Computed, params: PostprocessParams
    ) -> None:
        self.follow_now()
        links.show_labels(self.viewer, session, layer)
        try:
            session.take(computed)
        except LeukocyteError as error:
            self.complain(tr(str(error)))
            tell(error)
            return
        self.found.emit(session, self.form.classify.isChecked())
        if params != session.params or params.watershed == "points":
            self._request(layer, session, params)

    def _request(self, layer: Image, session: Session, params: PostprocessParams) -> None:
        """Ask for a label image with other parameters."""
        changes: dict[str, Any] = {"params": params}
        if session.maps is not None:
            links.show_labels(self.viewer, session, layer)
            if params.watershed == "points":
                changes["markers"] = self._markers.markers(session, layer)
        self._live.request(session, **changes)

    def _show_cancelled(self) -> None:
        self.say(f"{_CANCELLED}<br>{self._status()}", rich=True)

    # -- what the user changes ------------------------------------------------------------

    def _change_params(self, params: PostprocessParams) -> None:
        layer, session = self.image.layer(), self.session
        if layer is not None and session is not None:
            self._request(layer, session, params)

    def _change_weights(self, weights: tuple[float, ...]) -> None:
        session = self.session
        maps = None if session is None else session.maps
        # Those of another model count from its run on.
        model = self.form.model.model()
        if session is not None and maps and model is not None and maps.model == model.name:
            self._live.request(session, weights=weights)

    def _change_markers(self, session: Session, markers: NDArray[np.float64]) -> None:
        if session.params.watershed == "points":
            self._live.request(session, markers=markers)

    def _forget_edits(self) -> None:
        session = self.session
        if session is None or not session.edits:
            return
        answer = QMessageBox.question(
            self,
            tr("Forget manual edits"),
            tr("Give up everything that was painted and erased in the labels of this image?"),
        )
        if answer == QMessageBox.StandardButton.Yes:
            with telling_errors():
                session.forget_edits()

    def _set_params(self, params: PostprocessParams) -> None:
        self.form.parameters.set_record(params)
        self._change_params(params)

    # -- what is shown --------------------------------------------------------------------

    def _on_labels(self) -> None:
        maps = None if self.session is None else self.session.maps
        if maps is not None:
            self.form.diameter.setValue(maps.diameter)
            if self.form.weights.names != maps.names:
                self._choose_model()
        self.on_busy()

    def _show_values(self) -> None:
        """Show the values in use, which undo and redo change as well."""
        session = self.session
        if session is None or session.maps is None or self.busy:
            return
        self.form.parameters.set_record(session.params)
        if self.form.weights.names == session.maps.names:
            self.form.weights.set_members(
                session.maps.names, session.weights or session.maps.weights
            )

    def _show_state(self) -> None:
        """Show the chosen image's state; without one, what is set stays for its first run."""
        session = self.session
        if session is not None and session.maps is not None:
            self.form.parameters.set_record(session.params)
            self.form.model.choose(session.maps.model)
            self.form.diameter.setValue(session.maps.diameter)
        self._choose_model()
        self.update_now()

    def on_table(self, labels: frozenset[int] | None = None) -> None:
        """Say at once what there is now."""
        self.update_now()

    def on_selection(self) -> None:
        """Show nothing of it."""

    def update_now(self) -> None:
        """Say what was found, or what is missing to find something."""
        if not super().busy:
            self.say_state(self._status(), rich=True)
        self.form.forget.setEnabled(self.session is not None and bool(self.session.edits))

    def _status(self) -> str:
        layer, session = self.image.layer(), self.session
        if layer is None:
            return _NO_IMAGE
        if self.form.model.model() is None:
            return warning(_NO_MODEL)
        if session is not None and session.maps is not None:
            return describe_result(session)
        try:
            image_of(layer)
        except LeukocyteError as error:
            return warning(tr(str(error)))
        return _READY

    def on_busy(self) -> None:
        """Let a run begin where there is an image and a model, one at a time."""
        ready = self.image.layer() is not None and self.form.model.model() is not None
        self.form.run.setEnabled(ready and not super().busy)
        self.form.maps.follow(self.session, self.image.layer())
        self.form.candidates.follow(self.session, self.image.layer())
        self.form.tools.follow(self.session)
        self.update_now()
