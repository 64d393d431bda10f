"""The scores of a session's objects, and its candidates, which look less like leukocytes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.segmentation.objects import Objects, find_objects, score_labels
from napari_leukocyte.session.editing import Editing


class Evidence(Editing):
    """A session's scores and candidates; both follow from maps, weights and parameters."""

    _scored: tuple[tuple[object, ...], dict[int, float]] | None = None

    def scores(self) -> dict[int, float]:
        """Return the evidence that each object is a leukocyte, 0 to 1; empty before a run.

        Objects that were drawn by hand are scored like any other.
        """
        state = self._state
        if state.maps is None:
            return {}
        key = (state.labels, state.maps, state.weights)
        if self._scored is None or not _same(self._scored[0], key):
            self._scored = (key, score_labels(state.labels, state.maps, state.weights))
        return dict(self._scored[1])

    @property
    def candidates(self) -> NDArray[np.int32]:
        """Regions that look less like leukocytes, (H, W) int32, where no object is.

        A region that an object covers by half or more is gone, as is one that was erased by hand.
        """
        found = self._objects()
        if found is None or not found.candidate_scores:
            return np.zeros(self._state.labels.shape, np.int32)
        return _uncovered(found.candidates, (self._state.labels > 0) | self._state.erased)

    def candidate_scores(self) -> dict[int, float]:
        """Return the score of each of the `candidates`, 0 to 1."""
        found = self._objects()
        present = np.unique(self.candidates)
        return {n: s for n, s in found.candidate_scores.items() if n in present} if found else {}

    def take_candidate(self, y: float, x: float) -> int:
        """Make the candidate at a place an object: a command like an edit by hand.

        Parameters
        ----------
        y, x : float
            Px.

        Returns
        -------
        int
            The number of the object.

        Raises
        ------
        ParameterError
            If there is no candidate.
        """
        candidates = self.candidates
        row, column = round(y), round(x)
        height, width = candidates.shape
        inside = 0 <= row < height and 0 <= column < width
        number = int(candidates[row, column]) if inside else 0
        if not number:
            raise ParameterError("There is no candidate here: click inside a dotted outline.")
        label = self._next_label
        self.edit_labels(
            lambda labels: np.where((candidates == number) & (labels == 0), label, labels),
            "Take a candidate",
        )
        return label

    def _objects(self) -> Objects | None:
        """Return what the maps show with the parameters in use; computed if it is not known."""
        state = self._state
        if state.maps is None:
            return None
        key = (state.maps, state.weights, state.params, state.markers)
        if self._found is None or not _same(self._found[0], key):
            votes = self._voted(state)
            self._found = (
                key,
                find_objects(
                    state.maps,
                    state.params,
                    state.weights,
                    state.markers,
                    vote=None if votes is None else votes.cell,
                    nucleus=None if votes is None else votes.nucleus,
                ),
            )
        return self._found[1]


def _same(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    return all(
        a is b or (not isinstance(a, np.ndarray) and a == b)
        for a, b in zip(one, other, strict=True)
    )


def _uncovered(candidates: NDArray[np.int32], covered: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Keep the candidates of which less than half is covered, and of these what is not."""
    areas = np.bincount(candidates.ravel())
    under = np.bincount(candidates[covered], minlength=len(areas))
    free = 2 * under < areas
    free[0] = False
    return np.where(free[candidates] & ~covered, candidates, 0).astype(np.int32)
