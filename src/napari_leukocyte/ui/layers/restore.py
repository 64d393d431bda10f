"""Earlier work and opened results, brought back: photograph, labels, classes, review state."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from napari.layers import Image, Labels
from napari.utils.notifications import show_info

from napari_leukocyte.annotations.dataset.results import PhotographResult
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.io.images.normalise import normalise_image
from napari_leukocyte.language import later, tr
from napari_leukocyte.session.session import Session
from napari_leukocyte.session.store import has_session
from napari_leukocyte.ui.jobs import tell, telling_errors
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.objects_view import ObjectsView, objects_view_of
from napari_leukocyte.ui.layers.own_pixels import use_own_pixels
from napari_leukocyte.ui.layers.source import image_of


def take_up(
    viewer: Any, image: Image, result: PhotographResult, labels: Labels | None = None
) -> None:
    """Make a photograph's results the work on it, unless it was worked on since; show it.

    Which layer is active afterwards is for the caller to say.

    Parameters
    ----------
    viewer : napari.Viewer
        In which the layers are.
    image : napari.layers.Image
        The photograph.
    result : PhotographResult
        Of it.
    labels : napari.layers.Labels, optional
        A layer that has the results' labels already.
    """
    viewer = links.unwrap(viewer)
    if result.file is not None:
        # Napari names what was opened, a folder; results that are saved name the photograph.
        image._source = image.source.model_copy(update={"path": str(result.file)})
    with telling_errors():
        session = links.session_of(image)
        _fill(session, result)
        if labels is not None:
            alike = np.array_equal(np.asarray(labels.data), session.labels)
            if alike and links.labels_layer_of(viewer, session) is None:
                links.bind_labels(viewer, session, labels)
            else:
                viewer.layers.remove(labels)
        show_work(viewer, session, image)
        if not image.visible:
            _hide(viewer, session)


def _fill(session: Session, result: PhotographResult) -> None:
    known = session.restored is not None or session.labels.any() or session.can_undo
    if not known:
        session.take_state(
            replace(result.state, labels=result.state.labels.copy()), later("Open results")
        )
        session.mark_saved()
    elif not np.array_equal(session.labels, result.state.labels):
        show_info(
            tr(
                "{name} has been worked on since: it is shown as it was left, which is not as "
                "in these results.",
                name=result.name,
            )
        )


def _hide(viewer: Any, session: Session) -> None:
    view = objects_view_of(viewer, session)
    for layer in (links.labels_layer_of(viewer, session), None if view is None else view.layer):
        if layer is not None:
            layer.visible = False


#: Larger images are only looked up when they are analysed: reading all of their pixels would be
#: felt, px.
MOST_PIXELS = 30_000_000

#: Data of the layers that were looked up, so that each is only once.
_LOOKED_UP: WeakKeyDictionary[Image, int] = WeakKeyDictionary()


def restore_work(viewer: Any, layer: Image) -> Session | None:
    """Show what was done with an image's pixels before, if anything was.

    Parameters
    ----------
    viewer : napari.Viewer
        In which the layer is.
    layer : napari.layers.Image
        The photograph.

    Returns
    -------
    Session or None
        The restored one; None if there is none, or the layer has a session already.
    """
    viewer, layer = links.unwrap(viewer), links.unwrap(layer)
    if links.existing_session(layer) is not None or _LOOKED_UP.get(layer) == id(layer.data):
        return None
    try:
        if _is_looked_up(layer):
            use_own_pixels(layer)
    except LeukocyteError as error:
        tell(error)
    _LOOKED_UP[layer] = id(layer.data)
    if not _has_work(layer):
        return None
    try:
        session = links.session_of(layer)
    except LeukocyteError as error:
        tell(error)
        return None
    show_work(viewer, session, layer)
    return session


def show_work(viewer: Any, session: Session, layer: Image) -> None:
    """Show a session's objects as labels and, if anything was said of them, as objects.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to show them.
    session : Session
        Whose.
    layer : napari.layers.Image
        The session's.
    """
    if not session.labels.any():
        return
    links.show_labels(viewer, session, layer)
    said = session.predictions is not None or bool(session.reviews)
    if said and objects_view_of(viewer, session) is None:
        ObjectsView(viewer, session, layer)


def _has_work(layer: Image) -> bool:
    try:
        data = image_of(layer)
        return _is_looked_up(layer) and has_session(normalise_image(data).rgb)
    except LeukocyteError:
        return False


def _is_looked_up(layer: Image) -> bool:
    # What lies on disk is read when it is analysed.
    return isinstance(layer.data, np.ndarray) and layer.data.size <= 3 * MOST_PIXELS
