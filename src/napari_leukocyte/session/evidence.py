"""The candidates of a session: regions that look less like leukocytes than its objects."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.language import later
from napari_leukocyte.segmentation.objects import Objects, find_objects
from napari_leukocyte.session.editing import Editing
from napari_leukocyte.session.state import LabelCache, State


@dataclass(frozen=True, eq=False)
class Candidates:
    """Regions that could be taken, at one moment of a session.

    Attributes
    ----------
    labels : ndarray
        (H, W) int32: 0 where there is none, and where an object is.
    scores : dict of int to float
        The evidence that each is a leukocyte, 0 to 1.
    """

    labels: NDArray[np.int32]
    scores: dict[int, float]

    def at(self, y: float, x: float) -> int:
        """Return the number of the candidate at a place, px; 0 where there is none."""
        row, column = round(y), round(x)
        height, width = self.labels.shape
        return int(self.labels[row, column]) if 0 <= row < height and 0 <= column < width else 0


class Evidence(Editing):
    """A session's candidates; they follow from maps, weights, parameters and edits."""

    _candidates: tuple[State, Candidates] | None = None

    @property
    def candidates(self) -> Candidates:
        """The regions that look less like leukocytes, as far as no object is there.

        A region that an object covers by half or more is gone, as is one that was erased by hand.
        """
        state = self._state
        if self._candidates is None or not _alike(
            self._candidates[0], state, (*_SOURCES, "labels", "erased")
        ):
            self._candidates = (state, self._uncovered())
        return self._candidates[1]

    @property
    def candidates_known(self) -> bool:
        """Whether `candidates` takes no computation: so after a run, not yet after a reopening."""
        return self._known_objects() is not None

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
        number = candidates.at(y, x)
        if not number:
            raise ParameterError("There is no candidate here: click inside a dotted outline.")
        label = self._next_label
        self.edit_labels(
            lambda labels: np.where(candidates.labels == number, label, labels),
            "Take a candidate",
        )
        # An edit says nothing of labels, as the view that was drawn in shows them already.
        self._tell("labels")
        return label

    def give_candidate_back(self, label: int) -> None:
        """Make an object that was a candidate one again: a command that undoes `take_candidate`.

        To delete the object would not do: what is erased by hand is no candidate any more.

        Parameters
        ----------
        label : int
            The number of the object.

        Raises
        ------
        ParameterError
            If there is no such object.
        """
        state = self._state
        own = state.labels == label
        if label < 1 or not own.any():
            raise ParameterError("This can't be undone here: the cell is not there any more.")
        after = replace(
            state,
            labels=np.where(own, np.int32(0), state.labels),
            edited=state.edited - {label},
            reviews={n: review for n, review in state.reviews.items() if n != label},
            known=LabelCache(),
        )
        self._do(after, later("Give a candidate back"))
        self._tell("labels")

    def _uncovered(self) -> Candidates:
        """Return the candidates of which less than half is covered, and of these what is not."""
        state, found = self._state, self._objects()
        if found is None or not found.candidate_scores:
            return Candidates(np.zeros(state.labels.shape, np.int32), {})
        covered = (state.labels > 0) | state.erased
        areas = np.bincount(found.candidates.ravel())
        under = np.bincount(found.candidates[covered], minlength=len(areas))
        free = 2 * under < areas
        free[0] = False
        labels = np.where(free[found.candidates] & ~covered, found.candidates, 0).astype(np.int32)
        return Candidates(labels, {n: s for n, s in found.candidate_scores.items() if free[n]})

    def _objects(self) -> Objects | None:
        """Return what the maps show with the parameters in use; computed if it is not known."""
        state = self._state
        if state.maps is None:
            return None
        found = self._known_objects()
        if found is None:
            votes = self._voted(state)
            found = find_objects(
                state.maps,
                state.params,
                state.weights,
                state.markers,
                vote=None if votes is None else votes.cell,
                nucleus=None if votes is None else votes.nucleus,
            )
            self._found.append((state, found))
        return found

    def _known_objects(self) -> Objects | None:
        state = self._state
        return next((f for s, f in reversed(self._found) if _alike(s, state, _SOURCES)), None)


#: What the objects of a state are found from.
_SOURCES = ("maps", "weights", "params", "markers")


def _alike(one: State, other: State, names: tuple[str, ...]) -> bool:
    """Whether two moments share these parts; equal parts are shared, see `State`."""
    return all(getattr(one, name) is getattr(other, name) for name in names)
