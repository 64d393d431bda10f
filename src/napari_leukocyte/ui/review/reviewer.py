"""A reader's actions in the gallery, as commands of the session."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Protocol

from qtpy.QtCore import QModelIndex, QObject

from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.gallery.cells import CellTable
from napari_leukocyte.language import tr, tr_n
from napari_leukocyte.session.reviews import FLAGS
from napari_leukocyte.ui.jobs import tell
from napari_leukocyte.ui.keys import flag_action, keys_notice, keys_of
from napari_leukocyte.ui.review.candidates import without_candidates
from napari_leukocyte.ui.review.form import ReviewForm
from napari_leukocyte.ui.review.texts import cells as in_words
from napari_leukocyte.vocabulary import CellClass

_SELECT = "No cell is selected: click one in the gallery."
_DONE = "All cells that are shown are reviewed."


def _no_class(number: int) -> str:
    """Say that cells which are shown wait for a class."""
    return tr_n(
        "{n} cell has no class that could be confirmed, give it one",
        "{n} cells have no class that could be confirmed, give them one",
        number,
    )


class Reviewable(Protocol):
    """The cells of a session, or of a whole smear, of which something can be said."""

    @property
    def selection(self) -> frozenset[int]:
        """Numbers of the selected cells."""

    def set_class(self, labels: Iterable[int], name: str) -> None:
        """Give cells a class."""

    def clear_class(self, labels: Iterable[int]) -> None:
        """Take back what the reader said of classes."""

    def approve(self, labels: Iterable[int]) -> None:
        """Confirm the classes of cells."""

    def set_flag(self, labels: Iterable[int], flag: str, on: bool = True) -> None:
        """Flag cells, or take the flag away."""

    def set_note(self, label: int, text: str) -> None:
        """Note something of a cell."""


class CandidateTaker(Protocol):
    """Makes cells of candidates, at once or in the background."""

    def take_then(self, numbers: Sequence[int], then: Callable[[list[int]], object]) -> None:
        """Make cells of those of these that are candidates; go on with all as cells."""


class ReviewView(Protocol):
    """A view of a session's cells, one of which the reader is at."""

    @property
    def session(self) -> Reviewable | None:
        """Whose cells are shown."""

    @property
    def cells(self) -> CellTable | None:
        """Them as they are shown."""

    @property
    def queue(self) -> list[int]:
        """The unreviewed cells in the order of the queue; empty if it is not sorted by that."""

    def update_now(self) -> None:
        """Show the session's state."""

    def select(self, labels: Iterable[int], current: int | None = None) -> None:
        """Select cells everywhere, and go to one of them in the gallery."""

    def go_to(self, label: int) -> None:
        """Show a cell on the image."""

    def step_back(self, *, again: bool = False) -> None:
        """Undo the session's last command, or do it again."""

    def go_past_end(self) -> str:
        """Go on after the last cell, if there is anything; return what there is to say of it."""

    def say_in_passing(self, text: str) -> None:
        """Say something that need not stay."""


class Reviewer(QObject):
    """Turns keys, clicks and drops into commands, and moves on to the next cell.

    Parameters
    ----------
    view : ReviewView
        Of the cells.
    form : ReviewForm
        Its controls.
    candidates : CandidateTaker, optional
        What the view shows beside the cells.
    """

    def __init__(
        self, view: ReviewView, form: ReviewForm, candidates: CandidateTaker | None = None
    ) -> None:
        super().__init__(form)
        self._view, self._form = view, form
        self._classes: tuple[CellClass, ...] = ()
        keys_notice.changed.connect(self.follow_keys)
        self._candidates = candidates
        self._keys: dict[str, Callable[[], object]] = {}
        form.gallery.pressed_key.connect(self._on_key)
        form.gallery.clicked.connect(self._on_click)
        form.gallery.opened.connect(view.go_to)
        form.gallery.dropped.connect(self.classify)
        form.classes.dropped.connect(self.classify)
        form.classes.chosen.connect(self.classify_selected)
        form.approve.clicked.connect(self.approve_selected)
        form.approve_all.clicked.connect(self.approve_shown)
        form.show_on_image.clicked.connect(self._show)
        form.details.flagged.connect(self._flag)
        form.details.noted.connect(self._note)

    def set_classes(self, classes: Sequence[CellClass]) -> None:
        """Have the keys of these classes, of the flags, and of what else can be done."""
        self._classes = tuple(classes)
        self.follow_keys()

    def follow_keys(self) -> None:
        """Have the keys that the actions have now."""
        acts: dict[str, Callable[[], object]] = {
            **{flag_action(flag): partial(self.flag_selected, flag) for flag in FLAGS},
            "confirm": self.approve_selected,
            "take_back": self.take_back_selected,
            "show_on_image": self._show,
            "undo": self._view.step_back,
            "redo": partial(self._view.step_back, again=True),
        }
        self._keys = {
            c.key.upper(): partial(self.classify_selected, c.name) for c in self._classes if c.key
        }
        self._keys |= {key: act for action, act in acts.items() for key in keys_of(action)}
        self._form.gallery.set_keys(frozenset(self._keys))
        self._form.show_keys()

    # -- what can be done -----------------------------------------------------------------

    def classify_selected(self, name: str) -> None:
        """Give the selected cells a class."""
        self.classify(self._selected(), name)

    def classify(self, labels: list[int], name: str) -> None:
        """Give cells a class, and go on; candidates are taken as cells first."""

        def say(taken: list[int]) -> None:
            if taken and self._do(lambda s: s.set_class(taken, name)):
                self._go_on(taken, f"{in_words(len(taken))}: {tr(name)}.")

        self._with_taken(labels, say)

    def approve_selected(self) -> None:
        """Confirm the classes of the selected cells, and go on; candidates are taken as cells."""
        selected = self._selected()
        labels = without_candidates(selected)
        if len(labels) < len(selected):
            self._take(selected)
            return
        known = self._confirmable(labels)
        if labels and not known:
            self._say("Say a class: there is none to confirm.")
        elif known and self._do(lambda s: s.approve(known)):
            self._go_on(known, tr("{cells} confirmed.", cells=in_words(len(known))))

    def approve_shown(self) -> None:
        """Confirm the classes of all cells that are shown."""
        cells, shown = self._cells, self._form.gallery.cells.labels
        if cells is None:
            return
        waiting = [n for n in without_candidates(shown) if n in cells and not cells.reviewed(n)]
        known = self._confirmable(waiting)
        if not waiting:
            self._say(_DONE)
        elif not known:
            self._say(tr("Nothing to confirm: {cells}.", cells=_no_class(len(waiting))))
        elif self._do(lambda s: s.approve(known)):
            self._view.update_now()
            left = len(waiting) - len(known)
            rest = f" {_no_class(left)}.".capitalize() if left else ""
            self._say(tr("{cells} confirmed.{rest}", cells=in_words(len(known)), rest=rest))

    def take_back_selected(self) -> None:
        """Take back what the reader said of the selected cells' classes."""
        labels = without_candidates(self._selected())
        if labels and self._do(lambda s: s.clear_class(labels)):
            self._view.update_now()

    def flag_selected(self, flag: str) -> None:
        """Flag the selected cells; if all have the flag, take it away."""
        labels, cells = without_candidates(self._selected()), self._cells
        if labels and cells is not None:
            on = not all(flag in cells[n].flags.split("; ") for n in labels)
            if self._do(lambda s: s.set_flag(labels, flag, on)):
                self._view.update_now()

    # -- candidates -----------------------------------------------------------------------

    def _on_click(self, index: QModelIndex) -> None:
        """Take the candidate that was clicked, as a click on the image does."""
        gallery = self._form.gallery
        if index.isValid() and gallery.cells.label_at(index.row()) < 0:
            self._take(gallery.selected_labels)

    def _take(self, labels: list[int]) -> None:
        number = len(labels) - len(without_candidates(labels))

        def show(taken: list[int]) -> None:
            if taken:
                self._view.select(taken, taken[-1])
                said = tr_n("1 candidate is a cell now.", "{n} candidates are cells now.", number)
                self._say(said)

        self._with_taken(labels, show)

    def _with_taken(self, labels: list[int], act: Callable[[list[int]], object]) -> None:
        """Act on cells, and on what were candidates as cells; on none if that is not possible."""
        candidates = self._candidates
        if candidates is None or not any(label < 0 for label in labels):
            act(labels)
            return

        def taken(cells: list[int]) -> None:
            self._view.update_now()
            act(cells)

        self._do(lambda _: candidates.take_then(labels, taken))

    # -- inside ---------------------------------------------------------------------------

    @property
    def _cells(self) -> CellTable | None:
        return self._view.cells

    def _selected(self) -> list[int]:
        labels = self._form.gallery.selected_labels
        session = self._view.session
        if not labels and session is not None:
            # A cell that is selected on the image, and not shown here.
            labels = sorted(session.selection)
        if not labels:
            self._say(_SELECT)
        return labels

    def _confirmable(self, labels: Sequence[int]) -> list[int]:
        """Return the cells that have a class which the reader has seen."""
        cells = self._cells
        if cells is None:
            return []
        return [n for n in labels if not cells[n].hidden and cells[n].class_name is not None]

    def _do(self, command: Callable[[Reviewable], object]) -> bool:
        session = self._view.session
        if session is None:
            return False
        try:
            command(session)
        except LeukocyteError as error:
            tell(error)
            return False
        return True

    def _go_on(self, done: Sequence[int], said: str) -> None:
        """Show what was done; in the queue, go to the next cell that is not reviewed."""
        view, gallery = self._view, self._form.gallery
        following = self._next(done)
        rows = [row for n in done if (row := gallery.cells.row_of(n)) is not None]
        view.update_now()
        if following is not None:
            view.select([following], following)
        elif view.queue or self._form.choice.sort == "queue":
            said = view.go_past_end() or _DONE
        elif rows and not any(gallery.cells.row_of(n) is not None for n in done):
            # They have left the cells that are shown: the next one is in their place.
            count = len(gallery.cells.labels)
            if count:
                label = gallery.cells.label_at(min(rows[0], count - 1))
                view.select([label], label)
        self._say(said)

    def _next(self, done: Sequence[int]) -> int | None:
        """Return the cell after some in the queue, among those that are shown."""
        gallery, queue = self._form.gallery, self._view.queue
        gone = set(done)
        places = [i for i, n in enumerate(queue) if n in gone]
        start = places[-1] + 1 if places else 0
        for label in [*queue[start:], *queue[:start]]:
            if label not in gone and gallery.cells.row_of(label) is not None:
                return label
        return None

    def _on_key(self, key: str) -> None:
        act = self._keys.get(key)
        if act is not None:
            act()

    def _flag(self, label: int, flag: str, on: bool) -> None:
        if self._do(lambda s: s.set_flag([label], flag, on)):
            self._view.update_now()

    def _note(self, label: int, text: str) -> None:
        cells = self._cells
        if cells is not None and label in cells:
            self._do(lambda s: s.set_note(label, text))

    def _show(self) -> None:
        labels = self._selected()
        if labels:
            current = self._form.gallery.current_label
            self._view.go_to(current if current in labels else labels[0])

    def _say(self, text: str) -> None:
        self._view.say_in_passing(text)
