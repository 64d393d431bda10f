"""Cells of several images, or of a smear's fields that nobody has open: shown, and classified."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, overload
from weakref import WeakSet

import numpy as np
import pandas as pd
from napari.layers import Image, Labels, Layer
from numpy.typing import NDArray

from napari_leukocyte.analysis.smear.cells import SmearCells
from napari_leukocyte.analysis.smear.reading import read_field
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.gallery.cells import Place
from napari_leukocyte.interpretation.embedding_map.cells import MapImage
from napari_leukocyte.schema import LABEL, PLACE
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.jobs import tell
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.map_layers import is_map
from napari_leukocyte.ui.layers.markers import marker_layer_of
from napari_leukocyte.ui.layers.objects_view import objects_view_of
from napari_leukocyte.ui.review.picking import show_place
from napari_leukocyte.ui.undo import step_back


def sessions_of(viewer: Any, image: Image | None, *, everywhere: bool) -> list[Session]:
    """Return the session of an image, or of all images that have one, from bottom to top."""
    layers = [la for la in viewer.layers if isinstance(la, Image) and not is_map(la)]
    chosen = layers if everywhere else [la for la in layers if la is image]
    found = (links.existing_session(layer) for layer in chosen)
    return list(dict.fromkeys(session for session in found if session is not None))


class Pages:
    """Turns to the image of a cell: others that would hide it are hidden until it is their turn.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose images.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._hidden: WeakSet[Layer] = WeakSet()

    def show(self, session: Session, place: Place) -> None:
        """Show a cell of a session in the middle of the window."""
        viewer = self._viewer
        image = links.image_layer_of(viewer, session)
        if image is None:
            return
        for other in sessions_of(viewer, None, everywhere=True):
            layer = links.image_layer_of(viewer, other)
            if other is not session and layer is not None and self._cover(layer, image):
                self._hide(other)
        for layer in self._layers(session):
            if layer is image or layer in self._hidden:
                self._hidden.discard(layer)
                layer.visible = True
        show_place(viewer, image, place)

    def activate(self, session: Session) -> None:
        """Make a session's image the one that other widgets work on."""
        image = links.image_layer_of(self._viewer, session)
        if image is not None:
            self._viewer.layers.selection.active = image

    def _cover(self, one: Image, other: Image) -> bool:
        """Whether two images lie over one another."""
        if self._viewer.canvas.grid.enabled:
            return False
        low, high = np.asarray(one.extent.world, np.float64)[:, -2:]
        other_low, other_high = np.asarray(other.extent.world, np.float64)[:, -2:]
        return bool((low < other_high).all() and (other_low < high).all())

    def _hide(self, session: Session) -> None:
        for layer in self._layers(session):
            if layer.visible:
                layer.visible = False
                self._hidden.add(layer)

    def _layers(self, session: Session) -> list[Layer]:
        viewer = self._viewer
        view = objects_view_of(viewer, session)
        found: list[Layer | None] = [
            links.image_layer_of(viewer, session),
            *(
                la
                for la in viewer.layers
                if isinstance(la, Labels) and links.session_of_labels(viewer, la) is session
            ),
            None if view is None else view.layer,
            marker_layer_of(viewer, session),
        ]
        return [layer for layer in found if layer is not None]


class Together:
    """Gives classes, and remembers which sessions had a part in the last command."""

    def __init__(self) -> None:
        self._last: list[tuple[Session, int]] = []
        self._undone = False

    def classify(self, picks: Mapping[Session, Sequence[int]], name: str, reader: str) -> bool:
        """Give cells a class, in every session as one step.

        Parameters
        ----------
        picks : mapping of Session to sequence of int
            Numbers of the objects.
        name : str
            The class.
        reader : str
            Who says so; empty if unknown.

        Returns
        -------
        bool
            Whether it was done. If one session fails, the user is told and it is done in none.
        """
        done: list[Session] = []
        for session, labels in picks.items():
            session.reader = reader or session.reader
            try:
                session.set_class(labels, name)
            except LeukocyteError as error:
                for former in done:
                    step_back(former)
                tell(error)
                return False
            done.append(session)
        self._last, self._undone = [(s, s.revision) for s in done], False
        return bool(done)

    def step_back(self, session: Session | None, *, again: bool = False) -> None:
        """Undo the last command, or do it again, in all sessions that had a part in it.

        If something else was done in one of them since, it is that session's last command.
        """
        ours = bool(self._last) and again == self._undone
        if ours and all(s.revision == revision for s, revision in self._last):
            for each, _ in self._last:
                step_back(each, again=again)
            self._last = [(s, s.revision) for s, _ in self._last]
            self._undone = not again
        else:
            step_back(session, again=again)


#: Stands for a field that can't be read any more.
_NOTHING = MapImage(np.zeros((1, 1, 3), np.uint8), np.zeros((1, 1), np.int32))


class SmearField:
    """A field of a smear with its cells; its pixels are read when they are asked for.

    Parameters
    ----------
    cells : SmearCells
        Of the smear.
    field : int
        Index of the field.
    """

    def __init__(self, cells: SmearCells, field: int) -> None:
        self.cells, self.field = cells, field
        self._places = np.zeros((0, 0))

    @property
    def name(self) -> str:
        """What the field is called."""
        return self.cells.smear.paths[self.field].name

    @property
    def read_blindly(self) -> bool:
        """Whether some of its cells are being read blindly."""
        return bool(self.cells.smear.state(self.field).blind)

    def table(self) -> pd.DataFrame:
        """Return its cells, as :meth:`napari_leukocyte.session.session.Session.table` does."""
        return self.cells.field_table(self.field)

    @property
    def labels(self) -> NDArray[np.float64]:
        """Numbers and places of its cells, (N, 8): the same array as long as they are the same."""
        found = self.table()[[LABEL, *PLACE]].to_numpy(np.float64)
        if not np.array_equal(found, self._places):
            self._places = found
        return self._places

    @property
    def selection(self) -> frozenset[int]:
        """Numbers of its selected cells."""
        places = map(self.cells.place, self.cells.selection)
        return frozenset(p.label for p in places if p.field == self.field)

    def numbers(self, labels: Iterable[int]) -> list[int]:
        """Return the numbers in the smear of some of its cells."""
        return [self.cells.number(self.field, label) for label in labels]

    def image(self) -> MapImage:
        """Read its pixels and masks; takes a while."""
        try:
            session = read_field(self.cells.smear.paths[self.field], with_maps=False)
        except (LeukocyteError, MemoryError):
            return _NOTHING
        return MapImage(session.rgb, np.asarray(session.labels))


class FieldImages(Sequence[MapImage]):
    """The images of fields, one at a time in memory.

    Parameters
    ----------
    fields : sequence of SmearField
    """

    def __init__(self, fields: Sequence[SmearField]) -> None:
        self._fields = tuple(fields)

    def __len__(self) -> int:
        return len(self._fields)

    @overload
    def __getitem__(self, index: int) -> MapImage: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[MapImage]: ...

    def __getitem__(self, index: int | slice) -> MapImage | Sequence[MapImage]:
        if isinstance(index, slice):
            return FieldImages(self._fields[index])
        return self._fields[index].image()
