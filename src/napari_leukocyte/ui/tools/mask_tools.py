"""The mask tools of a viewer: which one is in hand, and the keys that take them."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from napari.layers import Image, Labels, Layer
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.jobs import tell
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.objects_view import objects_view_of
from napari_leukocyte.ui.tools import commands
from napari_leukocyte.ui.tools.in_hand import ToolInHand
from napari_leukocyte.ui.tools.kinds import DELETE, DELETE_KEYS, TOOLS, Tool

_OF_VIEWER: WeakKeyDictionary[Any, MaskTools] = WeakKeyDictionary()


class MaskTools:
    """The tools of one viewer, however many rows of buttons stand for them.

    Parameters
    ----------
    viewer : napari.Viewer
        Not kept alive.
    """

    #: Emitted when another tool, or none, is in hand.
    changed: ClassVar[Signal] = Signal()

    def __init__(self, viewer: Any) -> None:
        self._viewer_ref = weakref.ref(viewer)
        self._in_hand: ToolInHand | None = None
        self._former: weakref.ref[Layer] | None = None
        # Whoever adds a layer ties it to its session only after it has become active.
        self._bind_soon = QTimer()
        self._bind_soon.setSingleShot(True)
        self._bind_soon.timeout.connect(self._bind_active)
        viewer.layers.selection.events.active.connect(self._on_active)
        self._bind_active()

    @property
    def _viewer(self) -> Any:
        return self._viewer_ref()

    @property
    def in_hand(self) -> ToolInHand | None:
        """The tool in hand, with its layer and session."""
        return self._in_hand

    def use(self, tool: Tool, session: Session) -> None:
        """Use a tool on the selected objects, or take it in hand (or put it down again).

        Parameters
        ----------
        tool : Tool
            Which.
        session : Session
            Of an image of this viewer.
        """
        held = self._in_hand
        if held is not None and held.tool is tool and held.session is session:
            self.stop()
            return
        chosen = selected_objects(self._viewer, session) if tool.least else []
        if tool.least and len(chosen) >= tool.least:
            self._use_on(tool, session, chosen)
        else:
            self._take(tool, session)

    def stop(self) -> None:
        """Put the tool in hand down, and go back to the layer from before."""
        self._leave(True)

    def bind_keys(self, layer: Layer) -> None:
        """Bind the tools' keys to a layer that shows a session's objects."""
        for tool in TOOLS:
            layer.bind_key(tool.key, self._key(tool), overwrite=True)
        for key in DELETE_KEYS:
            layer.bind_key(key, self._key(DELETE), overwrite=True)

    # -- inside ---------------------------------------------------------------------------

    def _use_on(self, tool: Tool, session: Session, chosen: list[int]) -> None:
        try:
            self._viewer.status = commands.use_on(tool, session, chosen)
        except LeukocyteError as error:
            tell(error)

    def _take(self, tool: Tool, session: Session) -> None:
        viewer = self._viewer
        former = self._former
        if self._in_hand is None:
            active = links.unwrap(viewer.layers.selection.active)
            former = None if active is None else weakref.ref(active)
        self._leave(False)
        self._former = former
        layer = links.labels_layer_of(viewer, session)
        if layer is None:
            image = links.image_layer_of(viewer, session)
            if image is None:
                return
            layer = links.show_labels(viewer, session, image)
        self.bind_keys(layer)
        self._in_hand = ToolInHand(tool, viewer, layer, session, self._leave)
        self.changed.emit()

    def _leave(self, back: bool) -> None:
        held, self._in_hand = self._in_hand, None
        if held is None:
            return
        held.put_down()
        former = None if self._former is None else self._former()
        self._former = None
        viewer = self._viewer
        if back and former is not None and former in viewer.layers:
            viewer.layers.selection.active = former
        self.changed.emit()

    def _on_active(self, event: Any = None) -> None:
        self._bind_soon.start(0)

    def _bind_active(self) -> None:
        viewer = self._viewer
        layer = None if viewer is None else links.unwrap(viewer.layers.selection.active)
        if layer is not None and session_shown_by(viewer, layer) is not None:
            self.bind_keys(layer)

    def _key(self, tool: Tool) -> Callable[[Layer], None]:
        tools = weakref.ref(self)

        def pressed(layer: Layer) -> None:
            alive = tools()
            session = None if alive is None else session_shown_by(alive._viewer, layer)
            if alive is not None and session is not None:
                alive.use(tool, session)

        return pressed


def mask_tools_of(viewer: Any) -> MaskTools:
    """Return the tools of a viewer; made on first use."""
    viewer = links.unwrap(viewer)
    if viewer not in _OF_VIEWER:
        _OF_VIEWER[viewer] = MaskTools(viewer)
    return _OF_VIEWER[viewer]


def session_shown_by(viewer: Any, layer: Layer) -> Session | None:
    """Return the session whose labels or objects a layer shows, or None."""
    if isinstance(layer, Labels):
        return links.session_of_labels(viewer, layer)
    for image in viewer.layers:
        session = links.existing_session(image) if isinstance(image, Image) else None
        view = None if session is None else objects_view_of(viewer, session)
        if view is not None and view.layer is layer:
            return session
    return None


def selected_objects(viewer: Any, session: Session) -> list[int]:
    """Return the numbers of the objects a tool works on.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the session's layers are.
    session : Session
        Whose objects.

    Returns
    -------
    list of int
        The session's selection; without one the object, if there is one, with the number that the
        labels layer paints with.
    """
    if session.selection:
        return sorted(session.selection)
    layer = links.labels_layer_of(viewer, session)
    number = 0 if layer is None else int(layer.selected_label)
    return [number] if number > 0 and bool((session.labels == number).any()) else []
