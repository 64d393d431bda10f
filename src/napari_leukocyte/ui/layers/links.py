"""The links between sessions and layers, and the opening of an image's session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from napari.layers import Image, Labels
from napari.utils.colormaps import CyclicLabelColormap
from napari.utils.notifications import show_info, show_warning
from napari.viewer import Viewer

from napari_leukocyte.errors import OutputError
from napari_leukocyte.language import tr
from napari_leukocyte.reporting.drawing import UNCLASSIFIED
from napari_leukocyte.session.session import Session
from napari_leukocyte.session.store import (
    SessionInUse,
    SessionUnreadableError,
    open_here,
    open_session,
)
from napari_leukocyte.ui.layers.geometry import transform_of
from napari_leukocyte.ui.layers.labels_view import LabelsView, outline_width
from napari_leukocyte.ui.layers.own_pixels import use_own_pixels
from napari_leukocyte.ui.layers.source import image_of
from napari_leukocyte.ui.undo import bind_undo, unbind_undo

#: What a session's user has yet to be told.
_WARNINGS: WeakKeyDictionary[Session, str] = WeakKeyDictionary()
_TOLD: WeakKeyDictionary[Session, bool] = WeakKeyDictionary()


def open_or_make(data: Any, name: str, is_shown: Callable[[Session], bool]) -> Session:
    """Return the session of an image, kept on disk if that is possible; safe on any thread.

    Parameters
    ----------
    data : array_like
        The image.
    name : str
        Of its layer.
    is_shown : callable
        Whether a session that this process has open belongs to a layer of a viewer. Otherwise
        it is taken over, with everything that can be undone.

    Returns
    -------
    Session
        One that is not kept, if it is in use elsewhere or the disk does not allow it.

    Raises
    ------
    ImageError
        If the image can't be analysed.
    """
    try:
        return open_session(data, name)
    except (SessionInUse, OutputError, SessionUnreadableError) as error:
        session = Session(data, name)
        if isinstance(error, SessionInUse):
            known = open_here(session.rgb)
            if known is not None and not is_shown(known):
                known.name = name
                return known
        _WARNINGS[session] = tr(
            "{error} What is done here is not kept when napari closes.", error=error
        )
        return session


def tell_about(session: Session) -> None:
    """Tell the user once what was restored, or that nothing is kept; on the main thread."""
    if session in _TOLD:
        return
    _TOLD[session] = True
    warning = _WARNINGS.pop(session, None)
    if warning is not None:
        show_warning(warning)
    if session.restored is not None:
        show_info(tr(session.restored))


# Kept beside the layers, not in their metadata, so that nothing of it is saved with them.
_SESSIONS: WeakKeyDictionary[Image, Session] = WeakKeyDictionary()
_VIEWS: WeakKeyDictionary[Labels, LabelsView] = WeakKeyDictionary()


def unwrap(thing: Any) -> Any:
    """Return the object behind the proxy in which napari hands its own to plugins."""
    return getattr(thing, "__wrapped__", thing)


def session_of(layer: Image) -> Session:
    """Return the session of an image layer; opened on first use, and kept as long as the layer.

    What was done on the same pixels before comes back with it, and the user is told. Replacing the
    layer's data ends the session: the next call opens another.

    Parameters
    ----------
    layer : napari.layers.Image
        RGB or grey.

    Returns
    -------
    Session

    Raises
    ------
    ImageError
        If the layer holds no image that can be analysed, with one sentence on why.
    """
    layer = unwrap(layer)
    session = _SESSIONS.get(layer)
    if session is None:
        use_own_pixels(layer)
        session = make_session(image_of(layer), layer.name)
        adopt_session(layer, session)
    return session


def make_session(data: Any, name: str) -> Session:
    """Open the session of an image layer's data, which takes a while for a large one.

    A thread can do this, but not `adopt_session`. See
    :func:`napari_leukocyte.ui.layers.links.open_or_make`.
    """
    return open_or_make(data, name, _is_shown)


def _is_shown(session: Session) -> bool:
    """Whether a session belongs to a layer that is in a viewer."""
    owners = [layer for layer, known in list(_SESSIONS.items()) if known is session]
    return any(layer in viewer.layers for viewer in open_viewers() for layer in owners)


def open_viewers() -> list[Viewer]:
    """Return all viewers of this process."""
    # Napari tells in public only which one is in front.
    return list(getattr(Viewer, "_instances", ()))


def adopt_session(layer: Image, session: Session) -> None:
    """Make a session that was made of an image layer's data the layer's own, and tell of it."""
    layer = unwrap(layer)
    # A layer that was removed has left it behind.
    for former in [known for known, other in _SESSIONS.items() if other is session]:
        del _SESSIONS[former]
    _SESSIONS[layer] = session
    bind_undo(layer, session)
    tell_about(session)
    layer.events.data.connect(_on_image_replaced)
    layer.events.name.connect(_on_image_renamed)


def existing_session(layer: Image) -> Session | None:
    """Return the session of an image layer if there is one already."""
    return _SESSIONS.get(unwrap(layer))


def forget_session(layer: Image) -> None:
    """End the session of an image layer; labels layers that show it stay as they are."""
    layer = unwrap(layer)
    session = _SESSIONS.pop(layer, None)
    if session is not None:
        unbind_undo(layer)
        unbind_all(session)
        session.close()


def unbind_all(session: Session) -> list[Labels]:
    """Make all labels layers that show a session ordinary ones again; return them."""
    shown_by = [labels for labels, view in _VIEWS.items() if view.session is session]
    for labels in shown_by:
        unbind_labels(labels)
    return shown_by


def _on_image_replaced(event: Any) -> None:
    forget_session(event.source)


def _on_image_renamed(event: Any) -> None:
    session = _SESSIONS.get(event.source)
    if session is not None:
        session.name = event.source.name


def session_of_labels(viewer: Any, labels: Labels) -> Session | None:
    """Return the session whose result a labels layer shows, or None."""
    view = _VIEWS.get(unwrap(labels))
    return None if view is None else view.session


def labels_layer_of(viewer: Any, session: Session) -> Labels | None:
    """Return the viewer's layer that shows a session's result, or None; the topmost of several."""
    for layer in reversed(viewer.layers):
        if isinstance(layer, Labels) and session_of_labels(viewer, layer) is session:
            return layer
    return None


def image_layer_of(viewer: Any, session: Session) -> Image | None:
    """Return the viewer's image layer that a session belongs to, or None."""
    for layer in viewer.layers:
        if isinstance(layer, Image) and _SESSIONS.get(layer) is session:
            return layer
    return None


def bind_labels(viewer: Any, session: Session, layer: Labels) -> None:
    """Make a labels layer a view of a session, both ways.

    What the layer holds beyond the session's labels counts as edited by hand.

    Parameters
    ----------
    viewer : napari.Viewer
        Unused today; layers are looked up through it elsewhere.
    session : Session
        Whose result the layer will show.
    layer : napari.layers.Labels
        The plugin's or the user's own. Its array is replaced by a copy.

    Raises
    ------
    ImageError
        If the layer is multiscale, of another size, or holds numbers that no label image can.
    """
    layer = unwrap(layer)
    if session_of_labels(viewer, layer) is session:
        return
    former = _VIEWS.get(layer)
    view = LabelsView(session, layer, unbind_labels)
    if former is not None:
        former.detach()
    _VIEWS[layer] = view
    bind_undo(layer, session, view.at_rest)


def show_labels(viewer: Any, session: Session, image: Image) -> Labels:
    """Return the layer that shows a session's result; if there is none, add its outlines."""
    layer = labels_layer_of(viewer, session)
    if layer is None:
        name = f"{image.name} leukocytes"
        layer = Labels(
            session.labels.copy(),
            name=name,
            opacity=1,
            colormap=CyclicLabelColormap(colors=["#00000000", UNCLASSIFIED]),
            **transform_of(image),
        )
        layer.contour = outline_width(session.labels.shape)
        bind_labels(viewer, session, layer)
        viewer.add_layer(layer)
    return layer


def unbind_labels(layer: Labels) -> None:
    """Make a labels layer an ordinary one again."""
    layer = unwrap(layer)
    view = _VIEWS.pop(layer, None)
    if view is not None:
        view.detach()
        unbind_undo(layer)
