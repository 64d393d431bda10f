"""The common part of a session's commands: each is one step, written down, told to views."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from psygnal import Signal

from napari_leukocyte.io.images.normalise import normalise_image
from napari_leukocyte.language import later
from napari_leukocyte.segmentation.ensemble import MemberMaps
from napari_leukocyte.segmentation.objects import Objects
from napari_leukocyte.segmentation.parameters import Vote
from napari_leukocyte.session.computation import Votes
from napari_leukocyte.session.difference import Difference
from napari_leukocyte.session.edits import Edits
from napari_leukocyte.session.history import History, Step, join
from napari_leukocyte.session.reviews import now
from napari_leukocyte.session.state import State

#: Votes of so many choices of weights are kept: the one in use, and the one that undo returns to.
_VOTES = 2


class Recorder(Protocol):
    """The recorder that writes a session's commands down before they return."""

    def record(self, step: Step, before: State, *, reader: str, next_label: int) -> None:
        """Write a step down that leads on from a state; raises OutputError if that fails."""

    def keep_maps(self, maps: MemberMaps) -> object:
        """Write maps down; raises OutputError if that fails."""

    def close(self) -> None:
        """Let go of what is written to."""


class Core:
    """State, history and signals of a session, without its commands.

    Parameters
    ----------
    image, name
        See :class:`napari_leukocyte.session.session.Session`.
    """

    #: Emitted when the label image was computed anew, replaced or restored by undo or redo.
    labels_changed: ClassVar[Signal] = Signal()
    #: Emitted when objects, classes, reviews or measurements changed. Carries the numbers of the
    #: objects (a frozenset of int) of which readers say something else now, if nothing else can
    #: have changed, or None; a listener that always shows everything need not take it.
    table_changed: ClassVar[Signal] = Signal(object)
    #: Emitted when what can be undone or redone changed.
    history_changed: ClassVar[Signal] = Signal()
    #: Emitted when other objects are selected.
    selection_changed: ClassVar[Signal] = Signal()

    def __init__(self, image: ArrayLike, name: str = "image") -> None:
        normalised = normalise_image(image)
        self.rgb = normalised.rgb
        self.notes = normalised.notes
        self.name = name
        self.reader = ""
        self.restored: str | None = None
        self._state = State.empty((self.rgb.shape[0], self.rgb.shape[1]))
        # Not undone: a number that an object had, and that a classifier may yet answer about,
        # must never become another object's.
        self._next_label = 1
        self._history = History()
        self._recorder: Recorder | None = None
        self._group: list[Step] | None = None
        self._to_tell: set[str] = set()
        # What the next `table_changed` carries.
        self._reviewed_anew: frozenset[int] | None = frozenset()
        self._selection: frozenset[int] = frozenset()
        self._votes: OrderedDict[tuple[int, tuple[float, ...], Vote], tuple[MemberMaps, Votes]]
        self._votes = OrderedDict()
        # What the maps showed last, and in which states: one step back is known as well.
        self._found: deque[tuple[State, Objects]] = deque(maxlen=_VOTES)
        self._revision = 0
        self._unsaved_since: str | None = None

    # -- where it is kept -----------------------------------------------------------------

    def attach(self, recorder: Recorder, state: State | None = None, next_label: int = 1) -> None:
        """Have every command written down from now on; called by `store.open_session`.

        Parameters
        ----------
        recorder : Recorder
            What writes.
        state : State, optional
            What it has brought back.
        next_label : int
            First number that no object had.
        """
        self._recorder = recorder
        self._next_label = max(self._next_label, next_label)
        if state is not None:
            self._state = state
            self._history.clear()
            self._tell("labels", "table", "history")

    @property
    def is_persisted(self) -> bool:
        """Whether commands are written down."""
        return self._recorder is not None

    def close(self) -> None:
        """Stop writing down; what was done can be opened again, here or elsewhere."""
        if self._recorder is not None:
            self._recorder.close()
            self._recorder = None

    @property
    def revision(self) -> int:
        """How often anything was changed, undone or redone since the session was opened."""
        return self._revision

    @property
    def unsaved_since(self) -> str | None:
        """When the first change was made after `mark_saved`, ISO 8601 in UTC; None if none was."""
        return self._unsaved_since

    def mark_saved(self, revision: int | None = None) -> None:
        """Note that the results were saved.

        Parameters
        ----------
        revision : int, optional
            As they were then; as they are now by default.
        """
        if revision is None or revision == self._revision:
            self._unsaved_since = None

    # -- what the commands share -----------------------------------------------------------

    @property
    def labels(self) -> NDArray[np.int32]:
        """The label image, (H, W) int32; read only."""
        view = self._state.labels.view()
        view.flags.writeable = False
        return view

    @property
    def next_label(self) -> int:
        """First number that no object has had; for an object that is drawn."""
        return self._next_label

    @property
    def edits(self) -> Edits:
        """What was changed by hand."""
        return self._state.edits

    @property
    def nucleus(self) -> NDArray[np.float32] | None:
        """The vote on the nuclei, (H, W) float32."""
        votes = self._voted(self._state)
        return None if votes is None else votes.nucleus

    def _voted(self, state: State) -> Votes | None:
        """Return a state's votes; computed if they are not among those kept."""
        maps, weights = state.maps, state.weights
        if maps is None or weights is None:
            return None
        rule = state.params.vote
        known = self._votes.get((id(maps), weights, rule))
        if known is None:
            votes = Votes(maps.combine(weights, rule), maps.combine_nucleus(weights))
            self._remember_votes(maps, weights, rule, votes)
            return votes
        self._votes.move_to_end((id(maps), weights, rule))
        return known[1]

    def _remember_votes(
        self, maps: MemberMaps, weights: tuple[float, ...], rule: Vote, votes: Votes
    ) -> None:
        self._votes[id(maps), weights, rule] = (maps, votes)
        self._votes.move_to_end((id(maps), weights, rule))
        while len(self._votes) > _VOTES:
            self._votes.popitem(last=False)

    # -- history --------------------------------------------------------------------------

    @property
    def can_undo(self) -> bool:
        """Whether there is something to undo."""
        return self._group is None and self._history.last is not None

    @property
    def can_redo(self) -> bool:
        """Whether there is something to do again."""
        return self._group is None and self._history.next is not None

    @property
    def undo_text(self) -> str:
        """What `undo` would take back, in English, such as "Merge 2 cells"; empty if nothing.

        A view that speaks another language gives it to :func:`napari_leukocyte.language.tr`.
        """
        step = self._history.last
        return "" if step is None else step.what

    @property
    def redo_text(self) -> str:
        """What `redo` would do again, as `undo_text` has it; empty if nothing."""
        step = self._history.next
        return "" if step is None else step.what

    def undo(self) -> None:
        """Take the last command back, if there is one."""
        if self.can_undo:
            self._undo()

    def redo(self) -> None:
        """Do the command again that was taken back last, if there is one."""
        if self.can_redo:
            self._redo()

    def _undo(self, quiet: bool = False) -> None:
        step = self._history.last
        if step is not None:
            back = replace(step.reversed(), what=later("Undo: {what}", what=step.what))
            after = step.back(self._state)
            self._write(back, self._next_label)
            self._history.undo()
            self._show(after, back, quiet)

    def _redo(self, quiet: bool = False) -> None:
        step = self._history.next
        if step is not None:
            after = step.forward(self._state)
            self._write(replace(step, what=later("Redo: {what}", what=step.what)), self._next_label)
            self._history.redo()
            self._show(after, step, quiet)

    @contextmanager
    def group(self, what: str) -> Iterator[None]:
        """Make the commands inside one step; listeners hear of them at its end.

        Each is still written down before it returns. If one raises, those before it stay.

        Parameters
        ----------
        what : str
            Shown behind *Undo*.
        """
        if self._group is not None:  # a part of the outer one
            yield
            return
        self._group = []
        try:
            yield
        finally:
            steps, self._group = self._group, None
            step = join(steps, what)
            if step is not None:
                self._history.push(step)
                self._to_tell.add("history")
            self._tell()

    def _do(
        self,
        after: State,
        what: str,
        *,
        kind: str = "",
        join: bool = False,
        amend: bool = False,
        difference: Difference | None = None,
    ) -> bool:
        """Make a state the session's, as one step; say whether it differs from the one before."""
        before = self._state
        if before.signed_off is not None and after.signed_off is before.signed_off:
            # Markers alone change nothing that was signed.
            probe = replace(after, markers=before.markers)
            if Step.between(before, probe, what, kind, difference):
                after = replace(after, signed_off=None)
        step = Step.between(before, after, what, kind, difference)
        if step is None:
            return False
        next_label = self._next_label
        if step.labels is not None:
            next_label = max(next_label, int(after.labels.max(initial=0)) + 1)
        self._write(step, next_label)
        self._next_label = next_label
        if self._group is not None:
            self._group.append(step)
        elif amend:
            self._history.amend(step)
        elif join:
            self._history.extend(step)
        else:
            self._history.push(step)
        self._show(after, step, quiet=kind == "edit")
        return True

    def take_state(self, state: State, what: str) -> None:
        """Make a state the session's, as one step: what a file holds of the same image.

        Parameters
        ----------
        state : State
            With arrays of the image's shape, which nobody changes any more.
        what : str
            Shown behind *Undo*.
        """
        self._do(state, what)

    def _write(self, step: Step, next_label: int) -> None:
        """Have a step written down; nothing has changed yet if that fails."""
        if self._recorder is not None:
            self._recorder.record(step, self._state, reader=self.reader, next_label=next_label)

    def _show(self, after: State, step: Step, quiet: bool) -> None:
        """Take a state and tell the listeners; of an edit, whoever made it knows the labels."""
        self._state = after
        self._revision += 1
        if self._unsaved_since is None:
            self._unsaved_since = now()
        computed = {"labels", "maps", "weights", "params"} & set(step.after)
        if not quiet and (step.labels or step.erased or computed or step.kind == "compute"):
            self._to_tell.add("labels")
        self._to_tell |= {"table", "history"}
        if not step.reviews_alone:
            self._reviewed_anew = None
        elif self._reviewed_anew is not None:
            self._reviewed_anew |= step.reviews_after.keys()
        if self._group is None:
            self._tell()

    def _tell(self, *more: str) -> None:
        waiting = self._to_tell | set(more)
        if "table" in more:
            self._reviewed_anew = None
        if self._group is not None:
            self._to_tell = waiting
            return
        self._to_tell = set()
        said, self._reviewed_anew = self._reviewed_anew, frozenset()
        gone = self._selection - self._state.numbers() if self._selection else frozenset()
        if gone:
            self._selection -= gone
        if "labels" in waiting:
            self.labels_changed.emit()
        if "table" in waiting:
            self.table_changed.emit(said)
        if "history" in waiting:
            self.history_changed.emit()
        if gone:
            self.selection_changed.emit()

    # -- selection ------------------------------------------------------------------------

    @property
    def selection(self) -> frozenset[int]:
        """Numbers of the selected objects; no part of what is undone or kept."""
        return self._selection

    def select(self, labels: Iterable[int]) -> None:
        """Select objects; those that do not exist are passed over."""
        chosen = frozenset(int(n) for n in labels)
        chosen = chosen & self._state.numbers() if chosen else chosen
        if chosen != self._selection:
            self._selection = chosen
            self.selection_changed.emit()
