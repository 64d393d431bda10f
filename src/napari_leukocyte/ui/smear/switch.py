"""Show one field of a smear in the viewer, and put it away for the next one."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari.layers import Image, Labels
from napari.layers._source import layer_source
from qtpy.QtCore import QObject

from napari_leukocyte.errors import ImageError
from napari_leukocyte.io.images.reading import read_image
from napari_leukocyte.io.slides import is_slide_field
from napari_leukocyte.io.slides.field import load_slide_field
from napari_leukocyte.language import tr
from napari_leukocyte.progress import Progress
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.jobs import Job, start_job
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.map_layers import hide_maps
from napari_leukocyte.ui.layers.markers import marker_layer_of
from napari_leukocyte.ui.layers.objects_view import objects_view_of
from napari_leukocyte.ui.layers.restore import show_work
from napari_leukocyte.ui.signals import Signal

#: A session that the analysis holds just now is free again soon: how often it is tried, and after
#: how long, s.
_TRIES, _PAUSE = 10, 0.1


@dataclass(frozen=True, eq=False)
class Shown:
    """The field that is shown.

    Attributes
    ----------
    path : Path
        Its file.
    layer : napari.layers.Image
        The photograph.
    session : Session
        The work on it.
    """

    path: Path
    layer: Image
    session: Session


class FieldSwitch(QObject):
    """Shows one field at a time. Files are read and sessions opened off the main thread.

    Parameters
    ----------
    viewer : napari.Viewer
        Where.
    parent : QObject, optional
        The owner.

    Attributes
    ----------
    shown : Shown or None
        The field that is shown.
    """

    #: Emitted when another field, or none, is shown.
    changed = Signal()
    #: Emitted when a field has begun or ceased to be read.
    busy_changed = Signal()

    def __init__(self, viewer: Any, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = links.unwrap(viewer)
        self.shown: Shown | None = None
        self._wanted: Path | None = None
        self._job: Job | None = None
        self._leaving = False
        self._viewer.layers.events.removed.connect(self._on_removed)

    @property
    def wanted(self) -> Path | None:
        """The field that is shown or will be soon."""
        return self._wanted

    @property
    def busy(self) -> bool:
        """Whether a field is being read."""
        return self._job is not None

    def release(self) -> None:
        """Let go of the viewer; what is shown stays."""
        self._viewer.layers.events.removed.disconnect(self._on_removed)
        if self._job is not None:
            self._job.abandon()
            self._job = None

    def go(self, path: Path) -> None:
        """Show a field; of several requests in a row the last one counts.

        Parameters
        ----------
        path : Path
            Its file.
        """
        if path == self._wanted:
            return
        self._wanted = path
        if self._job is None:
            self._read(path)

    def leave(self) -> None:
        """Put the shown field away: its session is closed, its layers are removed."""
        self._wanted = None
        self._put_away()
        self.changed.emit()

    def show_work(self) -> None:
        """Show what has become of the shown field in the background."""
        if self.shown is not None:
            show_work(self._viewer, self.shown.session, self.shown.layer)

    def _read(self, path: Path) -> None:
        def work(progress: Progress) -> Session:
            data = read_image(path)
            for _ in range(_TRIES):
                session = links.make_session(data, path.name)
                if session.is_persisted:
                    break
                progress(0, 0, "Waiting")
                time.sleep(_PAUSE)
            # What the layers will ask for takes longest.
            session.table()
            return session

        def done(session: Session) -> None:
            if path == self._wanted:
                self._show(path, session)
            elif links.image_layer_of(self._viewer, session) is None:
                session.close()

        def failed(error: Exception) -> None:
            if path == self._wanted:
                self._wanted = None if self.shown is None else self.shown.path
                self.changed.emit()

        def end() -> None:
            self._job = None
            wanted, shown = self._wanted, self.shown
            if wanted is not None and (shown is None or shown.path != wanted):
                self._read(wanted)
            self.busy_changed.emit()

        self._job = start_job(work, title=None, on_done=done, on_error=failed, on_end=end)
        self.busy_changed.emit()

    def _show(self, path: Path, session: Session) -> None:
        # First, so that two files with the same pixels can share their session.
        self._put_away(keep=session)
        viewer = self._viewer
        if session.restored is not None and "damaged" not in session.restored:
            # At every turn of a page a notification would be in the way.
            viewer.status = tr(session.restored)
            session.restored = None
        with layer_source(path=str(path)):
            layer = Image(session.rgb, name=path.name, rgb=True, translate=place_of(path))
        links.adopt_session(layer, session)
        viewer.add_layer(layer)
        self.shown = Shown(path, layer, session)
        viewer.layers.selection.active = layer
        show_work(viewer, session, layer)
        viewer.reset_view(layers=[layer])
        self.changed.emit()

    def _put_away(self, keep: Session | None = None) -> None:
        shown, self.shown = self.shown, None
        if shown is None:
            return
        self._leaving = True
        try:
            put_away(self._viewer, shown.layer, shown.session, close=shown.session is not keep)
        finally:
            self._leaving = False

    def _on_removed(self, event: Any) -> None:
        shown = self.shown
        if shown is not None and event.value is shown.layer and not self._leaving:
            # The user has closed it: others may open it now.
            self.leave()


def place_of(path: Path) -> tuple[int, int]:
    """Return where a field is shown, y and x: that of a slide in its place on the slide."""
    if is_slide_field(path):
        with suppress(ImageError):
            field = load_slide_field(path)
            return field.y, field.x
    return 0, 0


def put_away(viewer: Any, layer: Image, session: Session, *, close: bool = True) -> None:
    """Remove all layers of a session from a viewer.

    Parameters
    ----------
    viewer : napari.Viewer
        Where they are.
    layer : napari.layers.Image
        The session's.
    session : Session
        Everything that was done in it is on the disk.
    close : bool
        Whether it is closed, so that others can open it.
    """
    view = objects_view_of(viewer, session)
    if view is not None:
        view.close()
    theirs: list[Any] = [
        each
        for each in viewer.layers
        if isinstance(each, Labels) and links.session_of_labels(viewer, each) is session
    ]
    points = marker_layer_of(viewer, session)
    if points is not None:
        theirs.append(points)
    hide_maps(viewer, session)
    for labels in theirs:
        if isinstance(labels, Labels):
            links.unbind_labels(labels)
    if close:
        links.forget_session(layer)
    for each in (*theirs, layer):
        if each in viewer.layers:
            viewer.layers.remove(each)
