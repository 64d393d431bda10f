"""A smear's candidates in its gallery: looked for and taken in the background."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

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
        self._looked = self._again = False

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
            cells.history.note_taken(places)
            for field in sorted({field for field, _ in places}):
                cells.refresh(field)
            then([*done, *(cells.number(field, label) for field, label in places)])

        if not left:
            end([])
            return

        # If it fails, some of them may be cells by now.
        self._job = start_job(
            lambda progress: candidates.take(left, progress),
            title="Taking candidates",
            on_done=end,
            on_error=lambda _: self._refresh({candidates.of(n)[0] for n in chosen}),
            on_end=self._end,
        )

    def give_back(self) -> bool:
        """Make candidates again of the cells that were taken last; say whether that is next.

        Raises
        ------
        LeukocyteError
            If the session of an open field refuses.
        """
        cells, candidates = self._cells, self.candidates
        taken = () if cells is None else tuple((c.field, c.label) for c in cells.history.taken_last)
        if cells is None or candidates is None or not taken:
            return False
        if self._job is not None:
            return True
        fields = {field for field, _ in taken}
        left = candidates.give_back_open(taken)

        def end(_: object) -> None:
            cells.history.note_given_back()
            self._refresh(fields)
            self._again = True

        if not left:
            end(None)
            self._end()
            return True
        self._job = start_job(
            lambda progress: candidates.give_back(left, progress),
            title="Giving candidates back",
            on_done=end,
            on_error=lambda _: self._refresh(fields),
            on_end=self._end,
        )
        return True

    def _refresh(self, fields: Iterable[int]) -> None:
        for field in sorted(fields):
            try:
                if self._cells is not None:
                    self._cells.refresh(field)
            except LeukocyteError as error:
                tell(error)

    def _end(self) -> None:
        self._job = None
        again, self._again = self._again, False
        if again and self._looked:
            self.look(again=True)
        self.changed.emit()
