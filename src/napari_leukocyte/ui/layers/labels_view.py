"""A Labels layer as a view of a session: what changes in one shows in the other."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray

from napari_leukocyte.errors import ImageError, LeukocyteError
from napari_leukocyte.language import later, tr
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.jobs import tell

#: Width of outlines as a part of the image's smaller side, and its limits, px: a large image is
#: looked at from farther off, but wider outlines take napari long.
_OUTLINE, _OUTLINE_RANGE = 1 / 350, (1, 4)


def outline_width(shape: tuple[int, ...]) -> int:
    """Return how wide, px, the outlines of a label image of a shape are drawn.

    Cells are shown by their outlines from the start: filled masks hide the nucleus, by which a
    class is told.
    """
    return int(np.clip(round(_OUTLINE * min(shape[:2])), *_OUTLINE_RANGE))


def data_of(layer: Labels) -> NDArray[Any]:
    """Return the array of a Labels layer.

    Raises
    ------
    ImageError
        If it has several levels.
    """
    if layer.multiscale:
        raise ImageError(
            tr(
                "The labels layer “{name}” is multiscale, which cannot be edited: choose or "
                "make one with a single level.",
                name=layer.name,
            )
        )
    return np.asarray(layer.data)


class LabelsView:
    """Ties a Labels layer to a session, both ways.

    Ctrl+Z and Ctrl+Shift+Z on the layer are the session's undo and redo. Napari's own, which a
    script may call, stay safe: what they change is taken over like any other painting.
    The number that the layer paints with is that of the selected object, or a new one if none is
    selected; an object whose number is chosen or painted is selected.

    Parameters
    ----------
    session : Session
        Kept alive by the view.
    layer : napari.layers.Labels
        Of the image's size; not kept alive. What it holds beyond the session's labels becomes an
        edit of the session, and its data are then a copy of the session's labels.

    Raises
    ------
    ImageError
        If the layer cannot show the session's labels.
    """

    def __init__(
        self, session: Session, layer: Labels, on_misfit: Callable[[Labels], None]
    ) -> None:
        session.accept_edit(data_of(layer), later("Take labels"))
        self.session = session
        self._on_misfit = on_misfit
        self._layer = weakref.ref(layer)
        self._busy = False
        self._choosing = False
        # Whether the layer may hold steps to undo; clearing them interrupts the user's tool.
        self._painted = True
        # napari fires `paint` before it has written what a call (not a stroke) paints.
        self._unwritten = False
        self._shown = session.labels
        self._next_label = 1
        self._array: NDArray[np.int32] | None = None
        self._write(layer)
        layer.events.paint.connect(self._on_paint)
        layer.events.labels_update.connect(self._on_update)
        layer.events.set_data.connect(self._on_set_data)
        layer.events.data.connect(self._on_data)
        layer.events.selected_label.connect(self._on_number)
        self._on_selection()
        session.selection_changed.connect(self._on_selection)
        session.labels_changed.connect(self._on_session)
        session.table_changed.connect(self._on_session)

    def detach(self) -> None:
        """End the tie; the layer keeps what it shows."""
        self.session.labels_changed.disconnect(self._on_session, missing_ok=True)
        self.session.table_changed.disconnect(self._on_session, missing_ok=True)
        self.session.selection_changed.disconnect(self._on_selection, missing_ok=True)
        layer = self._layer()
        if layer is not None:
            events = layer.events
            for emitter in (
                events.paint,
                events.labels_update,
                events.set_data,
                events.data,
                events.selected_label,
            ):
                emitter.disconnect(self)

    # -- from the layer to the session ----------------------------------------------------

    def _on_paint(self, event: Any = None) -> None:
        self._painted = True
        self._unwritten = not self._pull(drawn=True)

    def _on_update(self, event: Any = None) -> None:
        if self._unwritten and not self._in_stroke():
            self._unwritten = not self._pull(drawn=True)

    def _on_set_data(self, event: Any = None) -> None:
        # Undo and redo fire nothing else.
        if not self._in_stroke():
            self._unwritten = False
            self._pull()

    def at_rest(self) -> bool:
        """Whether nobody is painting, so that something can be undone."""
        return not self._in_stroke()

    def _in_stroke(self) -> bool:
        """Whether a stroke is going on, whose end `paint` will tell."""
        layer = self._layer()
        # Napari tells this nowhere in public. Without it a stroke is an edit for each movement,
        # which counts the same but is taken back less exactly.
        return bool(getattr(layer, "_block_history", False))

    def _on_data(self, event: Any = None) -> None:
        # Someone else replaced the array; steps to undo belong to the old one.
        if not self._busy:
            self._painted = True
            self._pull()

    def _pull(self, *, drawn: bool = False) -> bool:
        """Hand what the user painted to the session; say whether there was anything.

        What is not known to be `drawn` may be the layer's own undo.
        """
        layer = self._layer()
        if layer is None or self._busy:
            return False
        data = np.asarray(layer.data)
        if data.shape != self._shown.shape:
            self._on_misfit(layer)
            return False
        painted = data != self._shown
        if not painted.any():
            return False
        self._busy = True
        try:
            self._accept(data, painted, drawn=drawn)
        except LeukocyteError as error:
            tell(error)
            self._write(layer)
        finally:
            self._busy = False
        if drawn and not self.session.selection:
            # The next stroke goes on with the same cell.
            self.session.select([layer.selected_label])
        return True

    def _accept(
        self, data: NDArray[Any], painted: NDArray[np.bool_], *, drawn: bool = False
    ) -> None:
        labels = data
        if self._outdated:
            # The session has moved on, so only what was painted counts.
            labels = np.where(painted, data, self.session.labels)
        self.session.accept_edit(labels, own_step=drawn)
        self._next_label = self.session.next_label
        self._shown = self.session.labels

    def _on_number(self, event: Any = None) -> None:
        """Select the object with the number that the user has chosen to paint with."""
        layer = self._layer()
        if layer is None or self._choosing:
            return
        self._choosing = True
        try:
            self.session.select([layer.selected_label])
            if layer.selected_label > self.session.labels.max(initial=0):
                # The next one that napari finds free may be that of an object which is gone.
                layer.selected_label = max(layer.selected_label, self.session.next_label)
        finally:
            self._choosing = False

    # -- from the session to the layer ----------------------------------------------------

    def _on_selection(self) -> None:
        """Paint the selected object from now on, or a new one."""
        layer, selection = self._layer(), self.session.selection
        if layer is None or self._choosing or layer.selected_label in selection:
            return
        self._choosing = True
        try:
            if selection:
                layer.selected_label = min(selection)
            else:
                layer.selected_label = max(self.session.next_label, 1)
        finally:
            self._choosing = False

    @property
    def _outdated(self) -> bool:
        # The session never writes into its array, so a new state is a new array.
        return self.session.labels.base is not self._shown.base

    def _on_session(self) -> None:
        layer = self._layer()
        if layer is None or self._busy or not self._outdated:
            return
        data = np.asarray(layer.data)
        self._busy = True
        try:
            # A stroke that is still going on: napari tells about it only at its end.
            painted = data != self._shown if data.shape == self._shown.shape else None
            if painted is not None and painted.any():
                self._painted = True
                self._accept(data, painted)
        except LeukocyteError as error:
            tell(error)
        finally:
            self._write(layer)
            self._busy = False

    def _write(self, layer: Labels) -> None:
        """Show the session's labels."""
        self._shown = self.session.labels
        editable, mode = layer.editable, layer.mode
        if self._array is not None and layer.data is self._array:
            np.copyto(self._array, self._shown)
            layer.refresh(extent=False)
        else:
            # Whoever made the layer may use its array for something else.
            self._array = self._shown.copy()
            layer.data = self._array
        if self._painted:
            # An undo would write pixels of the old labels into the new ones. Napari clears its
            # history when a layer stops being editable, and then also drops the tool in hand.
            layer.editable = False
            layer.editable = True
            if editable:
                layer.mode = mode
            self._painted = False
        if layer.editable != editable:
            layer.editable = editable
        # What is drawn next must not become part of an object that has just got the selected
        # number, nor get the number of one that is gone.
        selected, free = layer.selected_label, self.session.next_label
        if selected not in self.session.selection and (
            self._next_label <= selected < free or not (self._shown == selected).any()
        ):
            self._choosing = True
            layer.selected_label = max(free, selected)
            self._choosing = False
        self._next_label = free
