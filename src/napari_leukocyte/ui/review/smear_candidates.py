"""A smear's candidates in its gallery: looked for and taken in the background."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qtpy.QtCore import QObject

from napari_leukocyte.analysis.smear.candidates import SmearCandidates
from napari_leukocyte.analysis.smear.cells import SmearCells
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.ui.jobs import Job, start_job, tell
from napari_leukocyte.ui.review.candidates import without_candidates
from napari_leukocyte.ui.signals import Signal


class SmearCandidateGroup(QObject):
    """The candidates of the smear that a gallery shows.

    Parameters
    ----------
    parent : QObject
        The owner, who calls `follow` with None before it goes.
    """

    #: Emitted when others are to be shown.
    changed = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._cells: SmearCells | None = None
        self.candidates: SmearCandidates | None = None
        self._job: Job | None = None
        self._looked = False

    @property
    def busy(self) -> bool:
        """Whether candidates are looked for or taken."""
        return self._job is not None

    def follow(self, cells: SmearCells | None) -> None:
        """Belong to another smear, or to none."""
        if self._job is not None:
            self._job.abandon()
            self._job = None
        self._cells = cells
        self.candidates = None if cells is None else SmearCandidates(cells)
        self._looked = False

    def look(self, *, again: bool = False) -> None:
        """Look for candidates, unless that is done or under way.

        Parameters
        ----------
        again : bool
            Whether to look at fields that have changed since.
        """
        candidates = self.candidates
        if candidates is None or self._job is not None or (self._looked and not again):
            return
        # Also if it is cancelled: whoever wants them chooses them again.
        self._looked = True

        self._job = start_job(
            candidates.find,
            title="Candidates of the smear",
            on_done=candidates.show,
            on_end=self._end,
        )

    def take_then(self, numbers: Sequence[int], then: Callable[[list[int]], object]) -> None:
        """Make cells of candidates, in the background where their field is not open.

        Raises
        ------
        LeukocyteError
            If the session of an open field refuses.
        """
        cells, candidates = self._cells, self.candidates
        if cells is None or candidates is None or self._job is not None:
            return
        chosen = [n for n in numbers if n in candidates]
        done = without_candidates(numbers)
        taken, left = candidates.take_open(chosen)

        def end(more: Sequence[tuple[int, int]]) -> None:
            candidates.drop(chosen)
            places = [*taken, *more]
            for field in sorted({field for field, _ in places}):
                cells.refresh(field)
            then([*done, *(cells.number(field, label) for field, label in places)])

        if not left:
            end([])
            return

        def failed(_: Exception) -> None:
            # Some of them may be cells by now.
            for field in {candidates.of(n)[0] for n in chosen}:
                try:
                    cells.refresh(field)
                except LeukocyteError as error:
                    tell(error)

        self._job = start_job(
            lambda progress: candidates.take(left, progress),
            title="Taking candidates",
            on_done=end,
            on_error=failed,
            on_end=self._end,
        )

    def _end(self) -> None:
        self._job = None
        self.changed.emit()
