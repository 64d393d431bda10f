"""An image's labels computed off the main thread: by the networks, and live while sliders move."""

from __future__ import annotations

import html
import time
import weakref
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from napari.layers import Image
from qtpy.QtCore import QObject, QTimer

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.language import tr, tr_n
from napari_leukocyte.progress import Progress
from napari_leukocyte.segmentation import ensemble
from napari_leukocyte.segmentation.ensemble import MemberMaps
from napari_leukocyte.segmentation.objects import candidates_text
from napari_leukocyte.segmentation.parameters import PostprocessParams
from napari_leukocyte.session.computation import Computation, Computed
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.jobs import Job, sentence_of, start_job
from napari_leukocyte.ui.layers.links import adopt_session, existing_session, make_session
from napari_leukocyte.ui.layers.own_pixels import use_own_pixels
from napari_leukocyte.ui.layers.source import image_of
from napari_leukocyte.ui.signals import Signal

REPLACED_MEANWHILE = "The image was replaced during the run, so its result is not shown."
CLOSED = "The image was closed, so its result is not shown."
PLACE_POINTS = "Click on each cell of a clump in the layer “Watershed markers”."
#: Called with the layer, its session and the label image, which the session has yet to take.
Found = Callable[[Image, Session, Computed], None]


def start_run(
    viewer: Any,
    layer: Image,
    model: str,
    diameter: float | Literal["auto"],
    params: PostprocessParams,
    weights: tuple[float, ...] | None,
    *,
    on_found: Found,
    on_lost: Callable[[str], None],
    on_end: Callable[[], None],
) -> Job:
    """Start a run.

    Parameters
    ----------
    viewer : napari.Viewer
        In which the layer is.
    layer : napari.layers.Image
        The photograph.
    model : str
        Name of the segmentation model.
    diameter : float or "auto"
        Diameter of a leukocyte, px.
    params : PostprocessParams
        Of the post-processing; markers that the session does not have are none.
    weights : tuple of float or None
        Of the members; the model's own if None or not of their number.
    on_found : callable
        Called with the result.
    on_lost : callable
        Called with a sentence instead if the run fails, or if the layer is gone or shows another
        image by then.
    on_end : callable
        Called last, however the run ended.

    Returns
    -------
    Job

    Raises
    ------
    ImageError
        If the layer holds no image that can be analysed. What only shows when its data are
        loaded is told later, as every job's errors are.
    """
    use_own_pixels(layer)
    whole = layer.data
    data, name = image_of(layer), layer.name
    known = existing_session(layer)
    where = weakref.ref(layer)

    def work(progress: Progress) -> tuple[Session, Computed]:
        # Loading and converting a large image takes long enough to be felt, as does the first
        # label image, so it is all done here.
        session = make_session(data, name) if known is None else known
        maps = ensemble.segment_members(session.rgb, model, diameter, progress)
        return session, _compute(session, maps, params, weights)

    def done(found: tuple[Session, Computed]) -> None:
        session, computed = found
        layer = where()
        if layer is None or layer not in viewer.layers:
            on_lost(CLOSED)
            return
        current = existing_session(layer)
        if layer.data is not whole or (known is not None and current is not known):
            on_lost(REPLACED_MEANWHILE)
            return
        if current is None:
            adopt_session(layer, session)
        # Someone else may have made a session of the same image, which then stands.
        on_found(layer, session if current is None else current, computed)

    def failed(error: Exception) -> None:
        on_lost(sentence_of(error))

    return start_job(
        work, title="Segmenting leukocytes", on_done=done, on_error=failed, on_end=on_end
    )


def _compute(
    session: Session,
    maps: MemberMaps,
    params: PostprocessParams,
    weights: tuple[float, ...] | None,
) -> Computed:
    known = session.markers
    computation = session.plan(
        maps=maps,
        weights=weights if weights is not None and len(weights) == len(maps.names) else None,
        params=params,
        markers=np.empty((0, 2)) if known is None else known,
    )
    # With maps there is always something to compute.
    assert computation is not None  # noqa: S101
    return computation.run()


def describe_result(session: Session) -> str:
    """Say what was found in an image, as rich text.

    Parameters
    ----------
    session : Session
        After a run.

    Returns
    -------
    str
        Number of objects, diameter, edits, and what there is to know about image and run.
    """
    maps = session.maps
    if maps is None:
        return ""
    number = int(np.count_nonzero(np.bincount(session.labels.ravel())[1:]))
    parts = [
        tr_n(
            "<b>{n} leukocyte</b> · diameter {diameter:.0f} px",
            "<b>{n} leukocytes</b> · diameter {diameter:.0f} px",
            number,
            diameter=maps.diameter,
        )
    ]
    edited = len(session.edits.labels)
    if edited:
        parts.append(
            tr_n(
                "{n} object edited by hand was kept.",
                "{n} objects edited by hand were kept.",
                edited,
            )
        )
    if session.edits.erased.any():
        parts.append("Deleted cells stay deleted.")
    # Not computed for this sentence alone: a window must not wait for it.
    candidates = len(session.candidates.scores) if session.candidates_known else 0
    if candidates:
        parts.append(candidates_text(candidates))
    if session.params.watershed == "points" and (
        session.markers is None or len(session.markers) < 2
    ):
        parts.append(PLACE_POINTS)
    notes = dict.fromkeys(session.notes + maps.notes)
    parts += [f"<i>{html.escape(note)}</i>" for note in notes]
    return "<br>".join(parts)


#: Images up to this size are computed at once, which takes less time than the eye sees; larger ones
#: in a thread, so that the sliders keep moving.
AT_ONCE_PX = 2_000_000
#: Changes of the same values that follow each other faster than this, s, are undone as one: they
#: are one movement of a slider.
GESTURE_S = 1.0


class LiveUpdate(QObject):
    """Computes a session's label image again whenever it is asked to.

    Requests that come while one is pending or being computed are merged: only the latest values
    count.

    Parameters
    ----------
    parent : QObject, optional
        The owner.
    """

    #: Emitted with one sentence when the values asked for can't be used.
    failed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pending: dict[Session, dict[str, Any]] = {}
        self._job: Job | None = None
        self._last: tuple[float, Session, frozenset[str]] | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._start)

    @property
    def pending(self) -> bool:
        """Whether a result is still to come."""
        return bool(self._pending) or self._job is not None

    def request(self, session: Session, **changes: Any) -> None:
        """Ask for a new label image.

        Parameters
        ----------
        session : Session
            Whose.
        **changes
            What of `Session.plan` changes; what an earlier request changed and this one does not
            name stays changed.
        """
        self._pending.setdefault(session, {}).update(changes)
        self._timer.start()

    def release(self) -> None:
        """Give up whatever has not been computed yet; touches nothing of Qt's."""
        self._pending.clear()
        self._last = None
        if self._job is not None:
            self._job.abandon()
            self._job = None

    def _start(self) -> None:
        # While a thread computes, values gather; its end comes back here.
        if not self._pending or self._job is not None:
            return
        session = next(iter(self._pending))
        changes = self._pending.pop(session)
        try:
            computation = session.plan(**changes)
            if computation is None:
                # Nothing to compute before the first run; the values are kept for it.
                if "params" in changes:
                    session.set_params(changes["params"])
            elif computation.labels.size <= AT_ONCE_PX:
                self._take(session, computation.run(), changes)
            else:
                self._start_thread(session, computation, changes)
        except LeukocyteError as error:
            self.failed.emit(tr(str(error)))
        if self._pending:
            self._timer.start()

    def _start_thread(
        self, session: Session, computation: Computation, changes: dict[str, Any]
    ) -> None:
        def compute(progress: object) -> Computed | LeukocyteError:
            try:
                return computation.run()
            except LeukocyteError as error:
                # No failure of the program: the sentence belongs beside the slider.
                return error

        def done(result: Computed | LeukocyteError) -> None:
            if isinstance(result, LeukocyteError):
                self.failed.emit(tr(str(result)))
            elif "maps" not in changes and session.maps is not computation.maps:
                # Another run has ended meanwhile: the values are wanted, but on its maps.
                self._pending[session] = changes | self._pending.get(session, {})
            else:
                try:
                    self._take(session, result, changes)
                except LeukocyteError as error:
                    self.failed.emit(tr(str(error)))

        def end() -> None:
            self._job = None
            self._start()

        self._job = start_job(compute, title=None, on_done=done, on_end=end)

    def _take(self, session: Session, computed: Computed, changes: dict[str, Any]) -> None:
        now, kind = time.monotonic(), frozenset(changes)
        last = self._last
        join = last is not None and last[1] is session and last[2] == kind
        session.take(computed, join=join and last is not None and now - last[0] < GESTURE_S)
        self._last = (now, session, kind)
