"""Commands that change the label image of a session by hand; only what changed is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from napari_leukocyte.classification.measurements import as_label_image, measure_some
from napari_leukocyte.language import later
from napari_leukocyte.schema import BOX, LABEL
from napari_leukocyte.session.difference import Difference
from napari_leukocyte.session.edits import record_edit
from napari_leukocyte.session.segmenting import Segmenting
from napari_leukocyte.session.state import LabelCache, State, numbers_in

Box = tuple[int, int, int, int]


def touched_by(
    before: NDArray[np.int32], after: NDArray[np.int32], difference: Difference
) -> frozenset[int]:
    """Return the numbers of the objects whose pixels differ.

    Parameters
    ----------
    before, after : ndarray
        (H, W) int32.
    difference : Difference
        Of the two.
    """
    y0, x0, y1, x1 = difference.box
    old, new = before[y0:y1, x0:x1], after[y0:y1, x0:x1]
    changed = old != new
    touched = {*numbers_in(old[changed]), *numbers_in(new[changed])}
    return frozenset(touched - {0})


def reach(known: LabelCache, touched: frozenset[int], difference: Difference) -> Box | None:
    """Return a box that wholly holds objects before and after a change.

    Parameters
    ----------
    known : LabelCache
        Of the label image before.
    touched : frozenset of int
        The objects.
    difference : Difference
        That the change made.

    Returns
    -------
    tuple of int or None
        y0, x0, y1, x1, px, ends exclusive; None if the objects were not measured before.
    """
    if known.measured is None:
        return None
    rows = known.measured[known.measured[LABEL].isin(touched)]
    boxes = np.vstack([rows[list(BOX)].to_numpy(np.int64), [difference.box]])
    y0, x0 = (int(n) for n in boxes[:, :2].min(axis=0))
    y1, x1 = (int(n) for n in boxes[:, 2:].max(axis=0))
    return y0, x0, y1, x1


def measured_again(
    before: LabelCache,
    after: NDArray[np.int32],
    touched: frozenset[int],
    box: Box | None,
    nucleus: NDArray[np.float32] | None,
) -> LabelCache:
    """Return what is known of a label image after a change of some of its objects.

    Parameters
    ----------
    before : LabelCache
        Of the label image before.
    after : ndarray
        (H, W) int32.
    touched : frozenset of int
        Objects that changed.
    box : tuple of int or None
        As from `reach`.
    nucleus : ndarray or None
        (H, W) float32.

    Returns
    -------
    LabelCache
        Still empty if nothing was measured before.
    """
    if before.measured is None or box is None:
        return LabelCache()
    kept = before.measured[~before.measured[LABEL].isin(touched)]
    changed = measure_some(after, touched, box, nucleus)
    parts = [t for t in (kept, changed) if len(t)] or [kept]
    table = pd.concat(parts, ignore_index=True).sort_values(LABEL, ignore_index=True)
    return LabelCache(table)


class Editing(Segmenting):
    """A session's masks as drawn by hand."""

    def accept_edit(
        self, labels: ArrayLike, what: str = later("Paint"), *, own_step: bool = False
    ) -> None:
        """Take over a label image that a user has painted in.

        The objects that differ are marked as edited: they stay as they are, with their numbers,
        whatever is computed later.

        Parameters
        ----------
        labels : array_like
            (H, W) integers; copied.
        what : str
            Shown behind *Undo*.
        own_step : bool
            Whether it is known to be a command, which is a step by itself: merging what was just
            parted does not undo the parting. Otherwise a change that exactly takes back the last
            edit, or repeats the one that was just undone, is that undo or redo, as by a view
            that keeps steps of its own.

        Raises
        ------
        ImageError
            If it has another shape or is no label image.
        """
        state = self._state
        array = as_label_image(labels, (state.labels.shape[0], state.labels.shape[1])).copy()
        difference = Difference.between(state.labels, array)
        if difference is None:
            return
        if self._group is None and not own_step:
            last, coming = self._history.last, self._history.next
            if last is not None and last.kind == "edit" and last.labels == difference:
                self._undo(quiet=True)
                return
            if coming is not None and coming.kind == "edit" and coming.labels == difference:
                self._redo(quiet=True)
                return
        touched = touched_by(state.labels, array, difference)
        box = reach(state.known, touched, difference)
        edits = record_edit(state.edits, state.labels, array, box)
        known = measured_again(
            state.known, array, touched, box, None if box is None else self.nucleus
        )
        after = replace(state, labels=array, erased=edits.erased, edited=edits.labels, known=known)
        self._do(after, what, kind="edit", difference=difference)

    def edit_labels(self, function: Callable[[NDArray[np.int32]], ArrayLike], what: str) -> None:
        """Change the label image by a function, as a step by itself; see `accept_edit`.

        Parameters
        ----------
        function : callable
            Given a copy of the labels, (H, W) int32, returns the new ones.
        what : str
            Shown behind *Undo*.
        """
        self.accept_edit(function(self._state.labels.copy()), what, own_step=True)

    def forget_edits(self) -> None:
        """Give up every manual change of masks and compute the label image afresh."""
        state = replace(
            self._state, edited=frozenset(), erased=np.zeros(self._state.labels.shape, bool)
        )
        computation = self._plan(state)
        if computation is not None:
            computed = computation.run()
            state = replace(state, labels=computed.labels, known=LabelCache())
        self._do(state, later("Forget manual edits"))

    def start_afresh(self, labels: ArrayLike, what: str = later("Take other labels")) -> None:
        """Take objects that have nothing to do with those before.

        Maps, classes and reviews go, since the same number is another cell now; parameters
        and markers stay.

        Parameters
        ----------
        labels : array_like
            (H, W) integers; copied. All of them count as edited by hand.
        what : str
            Shown behind *Undo*.

        Raises
        ------
        ImageError
            If it has another shape or is no label image.
        """
        state = State.empty((self._state.labels.shape[0], self._state.labels.shape[1]))
        array = as_label_image(labels, (state.labels.shape[0], state.labels.shape[1])).copy()
        after = replace(state, labels=array, params=self._state.params, markers=self._state.markers)
        self._do(replace(after, edited=after.numbers()), what)
