"""A session's candidates in the gallery: which are shown, and how they are taken."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.gallery.arrange import CandidateList, Show
from napari_leukocyte.session.evidence import Candidates
from napari_leukocyte.session.session import Session


class CandidateGroup:
    """The candidates of the session that a gallery shows; kept while they are the same."""

    def __init__(self) -> None:
        self._session: Session | None = None
        self._known: Candidates | None = None
        self._list: CandidateList | None = None
        self._masks: tuple[NDArray[np.int32], NDArray[np.int32]] | None = None

    def update(self, session: Session, show: Show) -> CandidateList | None:
        """Return the candidates to be shown; None if there are none.

        They are worked out only if the user asks for them: reopened work does not know its own.
        """
        self._session = session
        asked = show == "candidates" and session.maps is not None
        if not (session.candidates_known or asked):
            self._known = self._list = self._masks = None
            return None
        candidates = session.candidates
        if candidates is not self._known:
            self._known = candidates
            self._list = CandidateList(candidates.labels, candidates.scores)
            self._masks = None
        found = self._list
        return found if found is not None and len(found) and show in ("all", "candidates") else None

    def forget(self) -> None:
        """Let go of the session."""
        self._session = self._known = self._list = self._masks = None

    @property
    def number(self) -> int:
        """How many are known."""
        return 0 if self._list is None else len(self._list)

    def masks(self, labels: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the masks of objects and candidates in one label image."""
        if self._list is None:
            return labels
        if self._masks is None or self._masks[0] is not labels:
            self._masks = labels, self._list.masks(labels)
        return self._masks[1]

    def take_then(self, numbers: Sequence[int], then: Callable[[list[int]], object]) -> None:
        """Make cells of candidates, as `take` does, and go on with what there is then."""
        then(self.take(numbers))

    def take(self, numbers: Sequence[int]) -> list[int]:
        """Make cells of those of these that are candidates; return all as cells.

        Raises
        ------
        LeukocyteError
            If the session refuses.
        """
        session, found = self._session, self._list
        taken: list[int] = []
        for number in numbers:
            if number > 0:
                taken.append(number)
            elif session is not None and found is not None and number in found.cells:
                taken.append(session.take_candidate(*found.point_in(number)))
        return taken


def without_candidates(numbers: Collection[int]) -> list[int]:
    """Return those that are cells."""
    return [number for number in numbers if number > 0]
