"""Commands that say what the objects of a session are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pandas as pd

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.language import later, later_n
from napari_leukocyte.session.core import Core
from napari_leukocyte.session.predictions import Predictions
from napari_leukocyte.session.reviews import Review, SignOff, changed, flagged, now, pin_confirmed


class Reviewing(Core):
    """A session's classes, reviews and sign-off."""

    @property
    def classifier(self) -> str | None:
        """Name of the classifier that gave the predictions; None before the first."""
        predictions = self._state.predictions
        return None if predictions is None else predictions.model

    @property
    def predictions(self) -> Predictions | None:
        """What the classifier said; None before it was asked."""
        return self._state.predictions

    @property
    def assigned(self) -> dict[int, str]:
        """Classes given by the reader, by label; a copy."""
        pairs = ((n, r.class_name) for n, r in self._state.reviews.items())
        return {n: c for n, c in pairs if c is not None}

    @property
    def reviews(self) -> Mapping[int, Review]:
        """What readers said, by label; also of objects that are gone, and none without a word."""
        return MappingProxyType(dict(self._state.reviews))

    def set_predictions(
        self,
        table: pd.DataFrame,
        classifier: str,
        description: Mapping[str, Any] | None = None,
        all_objects: bool = True,
    ) -> None:
        """Take over what a classifier said; classes given by a reader stay.

        So do those that a reader has confirmed: where the new predictions differ, they become
        the reader's own word.

        Parameters
        ----------
        table : pandas.DataFrame
            As from :func:`napari_leukocyte.classification.inference.classify`.
        classifier : str
            The model's name.
        description : mapping, optional
            The model for the record, with checksums, as JSON can hold it.
        all_objects : bool
            Whether it was asked about all objects. If not, what the same classifier said of the
            others stays, and this becomes a part of the last step: after a stroke, the class of
            what was drawn follows, and both are undone together.
        """
        state = self._state
        former = state.predictions
        predictions = Predictions(table.copy(), classifier, dict(description or {}))
        if former is not None and not all_objects:
            predictions = former.merged(predictions)
        before = {} if former is None else former.classes
        reviews = pin_confirmed(state.reviews, before, predictions.classes)
        number = len(table)
        self._do(
            replace(state, predictions=predictions, reviews=reviews),
            later("Classify {cells}", cells=_cells(number)),
            amend=not all_objects,
        )

    def set_class(self, labels: Iterable[int], name: str) -> None:
        """Give objects a class, which makes them reviewed; it stands over any model's.

        Parameters
        ----------
        labels : iterable of int
            Numbers of the objects.
        name : str
            The class.

        Raises
        ------
        ParameterError
            If an object does not exist.
        """
        chosen = self._existing(labels)
        self._review(
            chosen,
            lambda r: replace(r, class_name=name, reviewed=True),
            later("{cells} as {name}", cells=_cells(len(chosen)), name=later(name)),
        )

    def clear_class(self, labels: Iterable[int]) -> None:
        """Take back that the reader gave objects a class or confirmed it; flags and notes stay.

        Raises
        ------
        ParameterError
            If an object does not exist.
        """
        chosen = self._existing(labels)
        self._review(
            chosen,
            lambda r: replace(r, class_name=None, reviewed=False),
            later("Take back the class of {cells}", cells=_cells(len(chosen))),
        )

    def approve(self, labels: Iterable[int], note: str = "") -> None:
        """Confirm the classes that objects have, which makes them reviewed.

        Parameters
        ----------
        labels : iterable of int
            Numbers of the objects.
        note : str
            Added to what is noted of each, such as that nobody looked at it by itself.

        Raises
        ------
        ParameterError
            If an object does not exist or has no class yet.
        """
        chosen = self._existing(labels)
        for number in chosen:
            if self._state.class_of(number) is None:
                raise ParameterError("Object {n} has no class to confirm: give it one.", n=number)

        def confirmed(review: Review) -> Review:
            noted = "; ".join(text for text in (review.note, note.strip()) if text)
            return replace(review, reviewed=True, note=noted)

        self._review(chosen, confirmed, later("Confirm {cells}", cells=_cells(len(chosen))))

    def set_flag(self, labels: Iterable[int], flag: str, on: bool = True) -> None:
        """Flag objects, or take a flag away.

        Parameters
        ----------
        labels : iterable of int
            Numbers of the objects.
        flag : str
            Of :data:`napari_leukocyte.session.reviews.FLAGS`.
        on : bool
            Whether it is set.

        Raises
        ------
        ParameterError
            If an object does not exist, or there is no such flag.
        """
        chosen = self._existing(labels)
        parts = {"cells": _cells(len(chosen)), "flag": later(flag)}
        if on:
            what = later("Flag {cells}: {flag}", **parts)
        else:
            what = later("Unflag {cells}: {flag}", **parts)
        self._review(chosen, flagged(flag, on), what)

    def set_note(self, label: int, text: str) -> None:
        """Note something about an object; an empty text removes the note.

        Raises
        ------
        ParameterError
            If the object does not exist.
        """
        chosen = self._existing([label])
        self._review(
            chosen,
            lambda r: replace(r, note=text.strip()),
            later("Note on cell {label}", label=label),
        )

    def restore_reviews(self, reviews: Mapping[int, Review | None], what: str) -> None:
        """Bring reviews back as they were once, as one step; None stands for no review.

        Parameters
        ----------
        reviews : mapping of int to Review or None
            By object; the reviews of all others stay.
        what : str
            Shown behind *Undo*.
        """
        after = dict(self._state.reviews)
        for label, review in reviews.items():
            if review is None:
                after.pop(label, None)
            else:
                after[label] = review
        self._do(replace(self._state, reviews=after), what)

    def _existing(self, labels: Iterable[int]) -> list[int]:
        chosen = list(dict.fromkeys(int(n) for n in labels))
        existing = self._state.numbers() if chosen else frozenset()
        for number in chosen:
            if number not in existing:
                raise ParameterError("There is no object {n}.", n=number)
        return chosen

    def _review(self, chosen: Sequence[int], change: Callable[[Review], Review], what: str) -> None:
        if chosen:
            reviews = changed(self._state.reviews, chosen, change, self.reader)
            self._do(replace(self._state, reviews=reviews), what)

    # -- signing off ----------------------------------------------------------------------

    @property
    def signed_off(self) -> SignOff | None:
        """By whom and when the count was signed off; any later change withdraws it."""
        return self._state.signed_off

    def sign_off(self) -> None:
        """Declare the count complete.

        Raises
        ------
        ParameterError
            If there are no cells, or some are not reviewed or have no class.
        """
        state = self._state
        numbers = state.numbers()
        if not numbers:
            raise ParameterError("There are no cells to sign off.")
        reviewed, total = self.review_progress
        if reviewed < total:
            raise ParameterError(
                "{cells} of {total} must be reviewed before the sign-off.",
                cells=_cells(total - reviewed),
                total=total,
            )
        without = sum(state.class_of(n) is None for n in numbers)
        if without:
            raise ParameterError(
                "{cells} must get a class before the sign-off.", cells=_cells(without)
            )
        if state.signed_off is None:
            self._do(replace(state, signed_off=SignOff(self.reader, now())), later("Sign off"))

    def withdraw_sign_off(self) -> None:
        """Take the sign-off back."""
        self._do(replace(self._state, signed_off=None), later("Withdraw the sign-off"))

    @property
    def review_progress(self) -> tuple[int, int]:
        """How many objects are reviewed, and how many there are."""
        numbers = self._state.numbers()
        return sum(map(self._reviewed, numbers)), len(numbers)

    def _reviewed(self, label: int) -> bool:
        review = self._state.reviews.get(label)
        return review is not None and review.reviewed


def _cells(number: int) -> str:
    return later_n("{n} cell", "{n} cells", number)
