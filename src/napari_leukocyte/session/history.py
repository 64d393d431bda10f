"""Undo and redo: every command is a step that leads from one state to another and back."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.session.difference import Difference
from napari_leukocyte.session.reviews import Review, differing
from napari_leukocyte.session.state import State

#: Steps that can be taken back, as many as in napari.
STEPS = 100
#: Different runs whose maps the steps may hold; the maps of a large image take a tenth of a
#: gigabyte and more, and the oldest steps go first.
RUNS = 4

#: Fields that a step holds as a difference, not by value.
_APART = frozenset({"labels", "erased", "reviews"})
#: Fields that no object's row depends on.
_OF_NO_OBJECT = frozenset({"markers", "signed_off"})
_FIELDS = tuple(f.name for f in fields(State) if f.name not in _APART)


@dataclass(frozen=True, eq=False)
class Step:
    """The change that one command made.

    Attributes
    ----------
    what : str
        The command in English, which is shown behind *Undo* in the language in use.
    kind : str
        Steps of one kind can become one: "edit", "compute" or anything else.
    labels, erased : Difference or None
        What changed in the arrays.
    before, after : mapping of str to object
        Other fields of the state that changed.
    reviews_before, reviews_after : mapping of int to Review or None
        Reviews that changed; None where there was or is none.
    """

    what: str
    kind: str
    labels: Difference | None
    erased: Difference | None
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    reviews_before: Mapping[int, Review | None]
    reviews_after: Mapping[int, Review | None]

    @classmethod
    def between(
        cls,
        before: State,
        after: State,
        what: str,
        kind: str = "",
        difference: Difference | None = None,
    ) -> Step | None:
        """Compare two states; None if they are the same.

        `difference` is that of their labels, if it is known.
        """
        names = [n for n in _FIELDS if not _same(getattr(before, n), getattr(after, n))]
        old, new = _changed(before.reviews, after.reviews)
        step = cls(
            what,
            kind,
            difference or _difference(before.labels, after.labels),
            _difference(before.erased, after.erased),
            {n: getattr(before, n) for n in names},
            {n: getattr(after, n) for n in names},
            old,
            new,
        )
        return step if step else None

    def __bool__(self) -> bool:
        # What is only known about a state makes no difference between two.
        fields_changed = set(self.after) - {"known"}
        return bool(self.labels or self.erased or fields_changed or self.reviews_after)

    @property
    def reviews_alone(self) -> bool:
        """Whether it changes nothing of any object but what readers said."""
        return not (self.labels or self.erased or set(self.after) - _OF_NO_OBJECT)

    def forward(self, state: State) -> State:
        """Return the state after the step from the one before it."""
        return self._applied(state, self.after, self.reviews_after)

    def back(self, state: State) -> State:
        """Return the state before the step from the one after it."""
        return self._applied(state, self.before, self.reviews_before)

    def _applied(
        self, state: State, values: Mapping[str, Any], reviews: Mapping[int, Review | None]
    ) -> State:
        changes = dict(values)
        for name, difference in (("labels", self.labels), ("erased", self.erased)):
            if difference is not None:
                changes[name] = difference.applied_to(getattr(state, name))
        if reviews:
            merged = {**state.reviews, **reviews}
            changes["reviews"] = {n: r for n, r in merged.items() if r is not None}
        return replace(state, **changes)

    def reversed(self) -> Step:
        """Return the step that takes this one back."""
        return replace(
            self,
            before=self.after,
            after=self.before,
            reviews_before=self.reviews_after,
            reviews_after=self.reviews_before,
        )

    def joined(self, later: Step) -> Step:
        """Return this step and the next as one, named as this one."""
        return replace(
            self,
            kind=self.kind if self.kind == later.kind else "",
            labels=_combined(self.labels, later.labels),
            erased=_combined(self.erased, later.erased),
            before={**later.before, **self.before},
            after={**self.after, **later.after},
            reviews_before={**later.reviews_before, **self.reviews_before},
            reviews_after={**self.reviews_after, **later.reviews_after},
        )


class History:
    """The steps that can be taken back, and those that can be done again."""

    def __init__(self) -> None:
        self._done: deque[Step] = deque(maxlen=STEPS)
        self._undone: list[Step] = []

    @property
    def last(self) -> Step | None:
        """The step that would be taken back."""
        return self._done[-1] if self._done else None

    @property
    def next(self) -> Step | None:
        """The step that would be done again."""
        return self._undone[-1] if self._undone else None

    def push(self, step: Step) -> None:
        """Add a step; what was undone can't be done again after it."""
        self._undone.clear()
        self._done.append(step)
        self._bound_runs()

    def extend(self, step: Step) -> None:
        """Make a step a part of the last one if they are of one kind and nothing was undone."""
        last = self.last
        if last is None or last.kind != step.kind or self._undone:
            self.push(step)
        else:
            self._done[-1] = last.joined(step)
            self._bound_runs()

    def amend(self, step: Step) -> None:
        """Make a step a part of the last one; what was undone can still be done again.

        It stays of the last one's kind. Without a last one it stands alone. It must not change
        the label image, which what was undone builds on.
        """
        self._rebase(step)
        if self._done:
            last = self._done.pop()
            step = replace(last.joined(step), kind=last.kind)
        self._done.append(step)
        self._bound_runs()

    def _rebase(self, step: Step) -> None:
        """Have what was undone build on a step that comes before it."""
        values, reviews = dict(step.after), dict(step.reviews_after)
        for i in reversed(range(len(self._undone))):
            undone = self._undone[i]
            # Whichever of them is the first to change a value must bring this one back.
            found = {n: values.pop(n) for n in undone.before if n in values}
            said = {n: reviews.pop(n) for n in undone.reviews_before if n in reviews}
            self._undone[i] = replace(
                undone,
                before={**undone.before, **found},
                reviews_before={**undone.reviews_before, **said},
            )

    def undo(self) -> None:
        """Move the last step to those that can be done again."""
        self._undone.append(self._done.pop())

    def redo(self) -> None:
        """Move the next step back."""
        self._done.append(self._undone.pop())

    def clear(self) -> None:
        """Forget every step."""
        self._done.clear()
        self._undone.clear()

    def _bound_runs(self) -> None:
        seen: set[int] = set()
        for age, step in enumerate(reversed(self._done)):
            seen |= _maps_of(step.before.get("maps"), step.after.get("maps"))
            if len(seen) > RUNS:
                for _ in range(len(self._done) - age):
                    self._done.popleft()
                return


def join(steps: Iterable[Step], what: str) -> Step | None:
    """Return several steps as one of that name; None if there are none."""
    result: Step | None = None
    for step in steps:
        result = replace(step, what=what) if result is None else result.joined(step)
    return result


def _maps_of(*maps: object) -> set[int]:
    return {id(m) for m in maps if m is not None}


def _difference(before: NDArray[Any], after: NDArray[Any]) -> Difference | None:
    return None if before is after else Difference.between(before, after)


def _combined(first: Difference | None, later: Difference | None) -> Difference | None:
    if first is None or later is None:
        return first or later
    return first.combined(later)


def _changed(
    before: Mapping[int, Review], after: Mapping[int, Review]
) -> tuple[dict[int, Review | None], dict[int, Review | None]]:
    labels = differing(before, after)
    return {n: before.get(n) for n in labels}, {n: after.get(n) for n in labels}


def _same(one: object, other: object) -> bool:
    if one is other:
        return True
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and np.array_equal(one, other)
    if isinstance(other, np.ndarray):
        return False
    # States, maps and predictions are equal only if they are the same.
    return one == other
