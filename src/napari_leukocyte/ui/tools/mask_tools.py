"""The mask tools of a viewer: which one is in hand, and the keys that take them."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from app_model.types import KeyBinding
from napari.layers import Image, Layer
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.language import tr
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.jobs import tell
from napari_leukocyte.ui.keys import bind_action, keys_notice, unbind
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.tools import commands
from napari_leukocyte.ui.tools.in_hand import InHand, PaintingInHand, ToolInHand
from napari_leukocyte.ui.tools.kinds import DELETE, TOOLS, Tool
from napari_leukocyte.ui.tools.quick_delete import (
    DeleteOnClick,
    cell_under_pointer,
    delete_cell,
    session_shown_by,
)

#: Deletes the selected cells, or the one under the pointer.
DELETE_NOW = "delete_now"
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
        self._in_hand: InHand | None = None
        self._former: weakref.ref[Layer] | None = None
        # Whoever adds a layer ties it to its session only after it has become active.
        self._bind_soon = QTimer()
        self._bind_soon.setSingleShot(True)
        self._bind_soon.timeout.connect(self._bind_active)
        viewer.layers.selection.events.active.connect(self._on_active)
        # By layer: whether it has the keys of all tools, and which it has.
        self._bound: WeakKeyDictionary[Layer, tuple[bool, list[KeyBinding]]] = WeakKeyDictionary()
        keys_notice.changed.connect(_on_keys_of(self))
        self._bind_active()
        self._clicks = DeleteOnClick(viewer, self._pause)

    @property
    def _viewer(self) -> Any:
        return self._viewer_ref()

    @property
    def in_hand(self) -> InHand | None:
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
        chosen = sorted(session.selection)
        if tool.least and len(chosen) >= tool.least:
            self._use_on(tool, session, chosen)
        else:
            self._take(tool, session)

    def stop(self) -> None:
        """Put the tool in hand down, and go back to the layer from before."""
        self._leave(True)

    def bind_keys(self, layer: Layer) -> None:
        """Bind the tools' keys to a layer that shows a session's objects."""
        self._bind(layer, with_tools=True)

    def delete(self, layer: Layer, session: Session) -> None:
        """Delete the selected objects; without a selection, the one under the pointer."""
        viewer, chosen = self._viewer, sorted(session.selection)
        number = 0 if chosen else cell_under_pointer(viewer, layer, session)
        if number:
            delete_cell(viewer, session, number)
        elif chosen:
            self._use_on(DELETE, session, chosen)
        else:
            viewer.status = tr("Nothing to delete: select a cell, or point at one.")

    # -- inside ---------------------------------------------------------------------------

    def _pause(self, paused: bool) -> None:
        held = self._in_hand
        if held is not None:
            held.paused = paused

    def _use_on(self, tool: Tool, session: Session, chosen: list[int]) -> None:
        try:
            self._viewer.status = tr(commands.use_on(tool, session, chosen))
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
        kind = PaintingInHand if tool.gesture in ("paint", "erase") else ToolInHand
        self._in_hand = kind(tool, viewer, layer, session, self._leave)
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
        if layer is None or session_shown_by(viewer, layer) is None:
            return
        if isinstance(layer, Image):
            # Its other keys stay napari's: there is no telling yet that cells are to be changed.
            self._bind(layer, with_tools=False)
        else:
            self.bind_keys(layer)

    def _bind(self, layer: Layer, *, with_tools: bool) -> None:
        _, former = self._bound.pop(layer, (False, []))
        unbind(layer, former)
        acts = {DELETE_NOW: self._delete_key()}
        if with_tools:
            acts |= {tool.keys: self._key(tool) for tool in TOOLS}
        bound = [key for action, act in acts.items() for key in bind_action(layer, action, act)]
        self._bound[layer] = with_tools, bound

    def follow_keys(self) -> None:
        """Bind the keys that the actions have now."""
        for layer, (with_tools, _) in list(self._bound.items()):
            self._bind(layer, with_tools=with_tools)
        self.changed.emit()

    def _key(self, tool: Tool) -> Callable[[Layer], None]:
        tools = weakref.ref(self)

        def pressed(layer: Layer) -> None:
            alive = tools()
            session = None if alive is None else session_shown_by(alive._viewer, layer)
            if alive is not None and session is not None:
                alive.use(tool, session)

        return pressed

    def _delete_key(self) -> Callable[[Layer], None]:
        tools = weakref.ref(self)

        def pressed(layer: Layer) -> None:
            alive = tools()
            session = None if alive is None else session_shown_by(alive._viewer, layer)
            if alive is not None and session is not None:
                alive.delete(layer, session)

        return pressed


def _on_keys_of(tools: MaskTools) -> Callable[[], None]:
    """Return a listener that does not keep the tools alive."""
    alive = weakref.ref(tools)

    def follow() -> None:
        found = alive()
        if found is not None and found._viewer is not None:
            found.follow_keys()

    return follow


def mask_tools_of(viewer: Any) -> MaskTools:
    """Return the tools of a viewer; made on first use."""
    viewer = links.unwrap(viewer)
    if viewer not in _OF_VIEWER:
        _OF_VIEWER[viewer] = MaskTools(viewer)
    return _OF_VIEWER[viewer]
