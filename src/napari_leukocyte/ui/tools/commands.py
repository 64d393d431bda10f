"""The tools' commands on a session: one gesture, one command that can be undone."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.language import later
from napari_leukocyte.segmentation.editing.shaping import fill_holes, smooth
from napari_leukocyte.segmentation.editing.splitting import (
    objects_under,
    split_by_line,
    split_by_markers,
)
from napari_leukocyte.segmentation.editing.whole_cells import add_at, delete, merge
from napari_leukocyte.segmentation.editing.windows import Edited
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.tools.kinds import (
    ADD,
    DELETE,
    FILL,
    MERGE,
    SMOOTH,
    SPLIT,
    Tool,
    cells,
)

#: Radius of smoothing as a part of a leukocyte's diameter: about the unevenness of a mask.
SMOOTHING = 0.05
#: What a tool needs that knows no selection.
_GESTURES = {
    "path": later("path"),
    "click": later("click"),
    "paint": later("paint"),
    "erase": later("erase"),
}


def use_line(tool: Tool, session: Session, line: ArrayLike) -> str:
    """Use a tool along a path, (N, 2) y and x in px; arguments else as for `use_on`."""
    if tool is not SPLIT:
        return use_on(tool, session, objects_under(session.labels, line))
    return _split(session, split_by_line(session.labels, line, session.next_label))


def use_points(session: Session, points: ArrayLike) -> str:
    """Part the objects that hold two of the points, (N, 2) y and x in px."""
    edited = split_by_markers(session.labels, points, session.probability, session.next_label)
    return _split(session, edited)


def use_click(tool: Tool, session: Session, point: tuple[float, float]) -> str:
    """Use a tool at a point, y and x in px; arguments else as for `use_on`."""
    if tool is not ADD:
        return use_on(tool, session, [object_at(session.labels, point)])
    edited = add_at(
        session.labels,
        point,
        session.probability,
        session.rgb,
        diameter_of(session),
        session.next_label,
    )
    return _accept(session, edited, later("Add {cells}", cells=cells(edited.changed)))


def use_on(tool: Tool, session: Session, numbers: Iterable[int]) -> str:
    """Use a tool on objects.

    Parameters
    ----------
    tool : Tool
        Any that takes a selection.
    session : Session
        Is changed, by one command.
    numbers : iterable of int
        Of the objects.

    Returns
    -------
    str
        What was done in English, for the status bar: `tr` says it in the language in use.

    Raises
    ------
    ParameterError
        If it can't be done, with one sentence on why; nothing has changed then.
    """
    chosen = sorted(set(numbers))
    labels = session.labels
    if tool is MERGE:
        return _accept(session, merge(labels, chosen), later("Merge {cells}", cells=cells(chosen)))
    if tool is DELETE:
        return _accept(
            session, delete(labels, chosen), later("Delete {cells}", cells=cells(chosen))
        )
    if tool is SMOOTH:
        edited = smooth(labels, chosen, SMOOTHING * diameter_of(session))
        if edited:
            return _accept(session, edited, later("Smooth {cells}", cells=cells(edited.changed)))
        return later("Nothing to smooth on {cells}.", cells=cells(chosen))
    if tool is FILL:
        edited = fill_holes(labels, chosen)
        if edited:
            return _accept(
                session, edited, later("Fill holes of {cells}", cells=cells(edited.changed))
            )
        return later("No holes in {cells}.", cells=cells(chosen))
    raise ParameterError(
        "{title} needs a {gesture}, not a selection.",
        title=later(tool.title),
        gesture=_GESTURES[tool.gesture],
    )


def object_at(labels: NDArray[np.int32], point: tuple[float, float]) -> int:
    """Return the number of the object at a point, y and x in px; raise if there is none."""
    number = object_under(labels, point)
    if not number:
        raise ParameterError("There is no cell here: click on one.")
    return number


def object_under(labels: NDArray[np.int32], point: tuple[float, float]) -> int:
    """Return the number of the object at a point, y and x in px; 0 for none."""
    y, x = round(point[0]), round(point[1])
    inside = 0 <= y < labels.shape[0] and 0 <= x < labels.shape[1]
    return int(labels[y, x]) if inside else 0


def diameter_of(session: Session) -> float:
    """Return the diameter of a leukocyte in a session's image, px.

    Raises
    ------
    ParameterError
        If nothing has been segmented or drawn yet.
    """
    if session.maps is not None:
        return session.maps.diameter
    areas = np.bincount(session.labels.ravel())[1:]
    if not areas.any():
        raise ParameterError(
            "How large a cell is can't be told yet: run the segmentation first, or draw one cell."
        )
    return float(np.sqrt(4 / np.pi * np.median(areas[areas > 0])))


def _split(session: Session, edited: Edited) -> str:
    before = session.next_label
    return _accept(
        session,
        edited,
        later("Split {cells}", cells=cells([n for n in edited.changed if n < before])),
    )


def _accept(session: Session, edited: Edited, what: str) -> str:
    session.accept_edit(edited.labels, what=what, own_step=True)
    session.select(edited.changed)
    return what
