"""The layer of classified objects as a view of a session."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from napari.layers import Image, Points
from napari.utils.notifications import show_info
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.language import tr
from napari_leukocyte.schema import LABEL, PLACE
from napari_leukocyte.session.session import FEW, Session
from napari_leukocyte.ui.jobs import tell
from napari_leukocyte.ui.layers.class_outlines import ClassOutlines
from napari_leukocyte.ui.layers.geometry import transform_of
from napari_leukocyte.ui.layers.links import labels_layer_of, unwrap
from napari_leukocyte.ui.layers.objects_style import (
    LAYER_KINDS,
    LayerKind,
    ObjectsLayer,
    cell_text,
    draw,
    draw_plainly,
    features_of,
    make_layer,
    say_of_few,
    show_classes,
    show_names,
    show_objects,
    show_selection,
    speak_plainly,
)
from napari_leukocyte.ui.layers.placed_names import draw_names, place
from napari_leukocyte.ui.layers.pointed import hush, pixel_um, speak
from napari_leukocyte.ui.own_classes import classes_now, notice
from napari_leukocyte.ui.signals import BeforePaint
from napari_leukocyte.ui.undo import bind_undo

#: Names beside more objects than this cover the image and slow it down (see objects_style).
MOST_NAMES = 500
#: Changes that come faster than this, ms, are shown together.
TOGETHER_MS = 30
#: Said to a user who adds, moves or deletes objects in the layer.
HOW_TO_EDIT = (
    "These objects follow the labels layer: add, change or delete cells there, with napari's "
    "brush, fill and eraser."
)
# What must differ for an object to be drawn anew.
_GEOMETRY = [LABEL, *PLACE]

_VIEWS: list[ObjectsView] = []


class ObjectsView:
    """A Points or Shapes layer that shows a session's objects, coloured by class.

    The keys of the vocabulary and of the user's own classes, pressed while the layer is active,
    give the selected objects a class. (They are bound to this layer alone: on a Labels layer B, E,
    L and M belong to napari.)
    The layer is only a view: what a user adds, moves or deletes in it comes back.

    Parameters
    ----------
    viewer : napari.Viewer
        The layer is added to it, and becomes its active layer.
    session : Session
        Whose objects are shown.
    image : napari.layers.Image
        The session's image; its place in the world is followed.
    kind : {"points", "boxes"}
        See :mod:`napari_leukocyte.ui.layers.objects_style`.
    """

    #: Emitted when other objects are selected, or something about the selected ones has changed.
    selection_changed: ClassVar[Signal] = Signal()
    #: Emitted when the layer is gone.
    closed: ClassVar[Signal] = Signal()

    def __init__(
        self, viewer: Any, session: Session, image: Image, kind: LayerKind = LAYER_KINDS[0]
    ) -> None:
        self.session = session
        self.kind: LayerKind = kind
        # napari hands plugins a proxy, which is not the same as what it stands for.
        self._viewer = unwrap(viewer)
        self._image: Image = unwrap(image)
        self._busy = False
        self._shown = session.shown_table()
        name = f"{image.name} objects"
        self.layer: ObjectsLayer = make_layer(kind, self._shown, name, session.labels)
        self.layer.text.visible = len(self._shown) <= MOST_NAMES
        speak_plainly(self.layer, lambda: pixel_um(self._image))
        self._outlines: ClassOutlines | None = None
        self._follow_image()
        self._keys: list[str] = []
        self._bind_classes()
        bind_undo(self.layer, session)
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(TOGETHER_MS)
        self._timer.timeout.connect(self.refresh)
        self._frame = BeforePaint(self.refresh_drawing)
        self._restore_timer = QTimer()
        self._restore_timer.setSingleShot(True)
        self._restore_timer.timeout.connect(self._restore)
        self._viewer.add_layer(self.layer)
        if isinstance(self.layer, Points):
            draw_plainly(self._viewer, self.layer)
        draw_names(self._viewer, self.layer)
        self._viewer.layers.selection.active = self.layer
        self.layer.mode = "select"
        self._connect()
        self._follow_outlines()
        _VIEWS.append(self)

    def _connect(self) -> None:
        self.session.table_changed.connect(self._on_table)
        self.session.blind_changed.connect(self._on_blind)
        self.session.selection_changed.connect(self._on_session_selection)
        self.layer.events.data.connect(self._on_data)
        self.layer.events.set_data.connect(self._on_set_data)
        self.layer.selected_data.events.items_changed.connect(self._on_selection)
        self.layer.text.events.visible.connect(self._on_names)
        for name in ("scale", "translate", "rotate", "shear", "affine", "units"):
            getattr(self._image.events, name).connect(self._follow_image)
        notice.changed.connect(self._on_classes)
        # Other data end the session.
        self._image.events.data.connect(self.close)
        self._viewer.layers.events.removed.connect(self._on_layer_removed)
        self._viewer.layers.events.inserted.connect(self._follow_outlines)
        self.layer.events.visible.connect(self._show_outlines)

    def close(self, event: Any = None) -> None:
        """Let go of layer and session, and take the layer out of the viewer."""
        if self not in _VIEWS:
            return
        _VIEWS.remove(self)
        self._timer.stop()
        self._restore_timer.stop()
        self._frame.stop()
        self.session.table_changed.disconnect(self._on_table, missing_ok=True)
        self.session.blind_changed.disconnect(self._on_blind, missing_ok=True)
        self.session.selection_changed.disconnect(self._on_session_selection, missing_ok=True)
        notice.changed.disconnect(self._on_classes)
        self.layer.events.disconnect(self)
        self.layer.text.events.visible.disconnect(self._on_names)
        self.layer.selected_data.events.items_changed.disconnect(self._on_selection)
        self._image.events.disconnect(self)
        self._viewer.layers.events.removed.disconnect(self._on_layer_removed)
        self._viewer.layers.events.inserted.disconnect(self._follow_outlines)
        self._leave_outlines()
        if self.layer in self._viewer.layers:
            self._viewer.layers.remove(self.layer)
        self.closed.emit()

    # -- from the session to the layer ----------------------------------------------------

    def refresh(self) -> None:
        """Show the session's table now, as far as it may be shown."""
        self._timer.stop()
        table = self.session.shown_table()
        former, self._shown = self._shown, table
        self._busy = True
        try:
            if former[_GEOMETRY].equals(table[_GEOMETRY]):
                show_classes(self.layer, table)
            else:
                kept = {*self._labels_at(self.layer.selected_data, former)}
                self._show_all(kept | self.session.selection)
        finally:
            self._busy = False
        self._follow_outlines()
        self.selection_changed.emit()

    def _show_all(self, selected: Collection[int]) -> None:
        """Draw every object anew, with those of the given numbers selected."""
        show_objects(self.layer, self._shown, self.session.labels)
        self.select(selected)
        show_selection(self.layer, self._shown, self._rings)
        self._frame.ask()

    def _on_table(self, labels: frozenset[int] | None) -> None:
        if self._timer.isActive():
            return
        layer, table = self.layer, self.session.shown_table()
        if isinstance(layer, Points) and labels is not None and len(labels) <= FEW:
            self._shown = table
            rows = np.flatnonzero(np.isin(table[LABEL].to_numpy(), list(labels)))
            say_of_few(layer, table, rows)
            self._show_outlines()
            self._frame.ask()
            self.selection_changed.emit()
        else:
            self._timer.start()

    def _on_blind(self, labels: frozenset[int] | None) -> None:
        if labels is None:
            self.refresh()  # not a moment later: what is hidden now must not be seen any more
        else:
            self._on_table(labels)

    def refresh_drawing(self) -> None:
        """Draw what has changed of colours and selection now, not before the next frame."""
        self._frame.stop()
        draw(self.layer)

    def _on_names(self, event: Any = None) -> None:
        # While they do not show, they do not follow.
        if self.layer.text.visible:
            place(self.layer, self._shown, self.session.labels)
            show_names(self.layer)

    # -- the outlines of the labels layer ---------------------------------------------------

    @property
    def _rings(self) -> bool:
        """Whether objects have rings: only where no outlines are."""
        return self._outlines is None or not self._outlines.shown

    def _follow_outlines(self, event: Any = None) -> None:
        """Find the labels layer of the session, and colour it."""
        found = labels_layer_of(self._viewer, self.session)
        if found is not (None if self._outlines is None else self._outlines.layer):
            self._leave_outlines()
            if found is not None:
                self._outlines = ClassOutlines(found)
                speak(found, self._said)
                found.events.visible.connect(self._show_outlines)
                found.events.contour.connect(self._show_outlines)
        self._show_outlines()

    def _leave_outlines(self) -> None:
        outlines, self._outlines = self._outlines, None
        if outlines is not None:
            outlines.layer.events.visible.disconnect(self._show_outlines)
            outlines.layer.events.contour.disconnect(self._show_outlines)
            outlines.release()
            hush(outlines.layer)

    def _said(self, number: int) -> str | None:
        """Return what the status bar says of an object; nothing while classes are hidden."""
        rows = self._shown[self._shown[LABEL] == number]
        if rows.empty or not self.layer.visible:
            return None
        return cell_text(features_of(rows).iloc[0], pixel_um(self._image))

    def _show_outlines(self, event: Any = None) -> None:
        """Let the outlines tell the classes while this layer does, and the rings follow them."""
        if self._outlines is not None:
            # Who hides the classes hides them here, too: a blind read does.
            if self.layer.visible:
                self._outlines.show(self._shown)
            else:
                self._outlines.release()
        show_selection(self.layer, self._shown, self._rings)
        self._frame.ask()

    def _follow_image(self, event: Any = None) -> None:
        for name, value in transform_of(self._image).items():
            setattr(self.layer, name, value)

    # -- from the layer to the session ----------------------------------------------------

    @property
    def selected(self) -> list[int]:
        """Numbers of the selected objects, in their order."""
        return self._labels_at(self.layer.selected_data, self._shown)

    def rows(self) -> pd.DataFrame:
        """Return the selected objects' rows of the session's table, as far as it may be shown."""
        return self._shown[self._shown[LABEL].isin(self.selected)]

    def select(self, labels: Collection[int]) -> None:
        """Select objects by their numbers; those that do not exist are passed over."""
        chosen = np.flatnonzero(self._shown[LABEL].isin(list(labels)).to_numpy())
        rows = {int(i) for i in chosen}
        if isinstance(self.layer, Points):
            # Napari's setter also looks what the selected points have in common, for points that
            # a user adds next, and goes through the features of all for that.
            self.layer.selected_data.replace_selection(rows)
            self._frame.ask()
        else:
            self.layer.selected_data = rows

    def assign(self, name: str) -> int:
        """Give the selected objects a class; return how many there are."""
        selected = self.selected
        existing = set(self.session.table()[LABEL])
        chosen = [n for n in selected if n in existing]
        try:
            self.session.set_class(chosen, name)
        except LeukocyteError as error:
            tell(error)
        if not chosen:
            self._viewer.status = tr("No object is selected: click one, or draw a box about some.")
        return len(chosen)

    def _bind_classes(self) -> None:
        for key in self._keys:
            self.layer.bind_key(key, None)
        self._keys.clear()
        for cell_class in classes_now():
            if cell_class.key:
                self._bind(cell_class.key, cell_class.name)
                self._keys.append(cell_class.key)

    def _on_classes(self, *_: object) -> None:
        """Have the keys and colours that the classes have now."""
        self._bind_classes()
        self.refresh()

    def _bind(self, key: str, name: str) -> None:
        self.layer.bind_key(key, lambda layer: self._on_key(name), overwrite=True)

    def _on_key(self, name: str) -> None:
        self.assign(name)

    @staticmethod
    def _labels_at(indices: Collection[int], table: pd.DataFrame) -> list[int]:
        numbers = table[LABEL].to_numpy()
        return [int(numbers[i]) for i in sorted(indices) if i < len(numbers)]

    def _on_selection(self, event: Any = None) -> None:
        if not self._busy:
            show_selection(self.layer, self._shown, self._rings)
            self._frame.ask()
            self.session.select(self.selected)
            self.selection_changed.emit()

    def _on_session_selection(self) -> None:
        """Select what another view has selected."""
        # Objects that are not shown yet come with the table.
        selection = self.session.selection
        if selection:
            numbers = self._shown[LABEL].to_numpy()
            selection &= set(numbers[np.isin(numbers, list(selection))].tolist())
        shown = set(selection)
        if shown != set(self.selected):
            self.select(shown)

    def _on_data(self, event: Any) -> None:
        # Announcements ("adding", "removing", "changing") come before anything has happened.
        if self._busy or str(event.action).endswith("ing"):
            return
        if len(self.layer.data) != len(self._shown):
            show_info(tr(HOW_TO_EDIT))
        else:
            self._viewer.status = tr(HOW_TO_EDIT)
        # napari is still at work on the layer: it is put right once that is done.
        self._restore_timer.start(0)

    def _on_set_data(self, event: Any = None) -> None:
        # Pasting fires nothing else.
        if (
            not self._busy
            and not self._restore_timer.isActive()
            and len(self.layer.data) != len(self._shown)
        ):
            show_info(tr(HOW_TO_EDIT))
            self._restore_timer.start(0)

    def _restore(self) -> None:
        """Undo what a user did to the layer's own data."""
        self._busy = True
        try:
            kept = self.selected if len(self.layer.data) == len(self._shown) else []
            self._show_all(kept)
        finally:
            self._busy = False
        self.selection_changed.emit()

    def _on_layer_removed(self, event: Any) -> None:
        if event.value is self.layer:
            self.close()
        elif self._outlines is not None and event.value is self._outlines.layer:
            self._follow_outlines()


def objects_view_of(viewer: Any, session: Session) -> ObjectsView | None:
    """Return the view that shows a session's objects in a viewer, or None."""
    for view in _VIEWS:
        if view.session is session and view._viewer is unwrap(viewer):
            return view
    return None
