"""One image under analysis: maps, parameters, labels, classes. Views listen to its signals."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd
from numpy.typing import ArrayLike

from napari_leukocyte.classification.measurements import measure
from napari_leukocyte.counting.leukogram import count, count_classes
from napari_leukocyte.counting.settings import default_counted, not_counted
from napari_leukocyte.schema import LABEL
from napari_leukocyte.session.blinding import Blinding
from napari_leukocyte.session.evidence import Evidence
from napari_leukocyte.session.objects import MODEL as MODEL
from napari_leukocyte.session.objects import READER as READER
from napari_leukocyte.session.objects import disagreements, object_table, reviewed_anew
from napari_leukocyte.session.predictions import review_order
from napari_leukocyte.session.reviews import differing
from napari_leukocyte.session.snapshot import SessionSnapshot
from napari_leukocyte.session.state import State

#: A table of so many changed rows is patched; with more it is put together anew.
FEW = 100


class Session(Evidence, Blinding):
    """The state of one image.

    Everything that shows it (layers, tables, charts) is a view: it listens to the signals, and
    what a user does in it becomes a call of a method here. A method that changes something is a
    command: one step of the history, which `undo` takes back. If it raises, nothing has changed.

    Parameters
    ----------
    image : array_like
        See :func:`napari_leukocyte.io.images.normalise.normalise_image`.
    name : str
        Shown to the user and written into tables.

    Attributes
    ----------
    rgb : ndarray
        (H, W, 3) uint8.
    notes : tuple of str
        What was changed when the image was read.
    reader : str
        Who works here; written into reviews. Empty if unknown.
    restored : str or None
        One sentence on what was brought back when the session was opened.
    """

    def __init__(self, image: ArrayLike, name: str = "image") -> None:
        super().__init__(image, name)
        self._table: tuple[State, pd.DataFrame] | None = None

    def _measurements(self) -> pd.DataFrame:
        known = self._state.known
        if known.measured is None:
            known.measured = measure(self._state.labels, self.nucleus)
        return known.measured

    def table(self) -> pd.DataFrame:
        """Return the objects.

        Returns
        -------
        pandas.DataFrame
            The columns of :func:`napari_leukocyte.classification.inference.classify` (class and
            confidence missing for objects that nobody has classified; ``class`` is what counts:
            the reader's word before the model's), then ``source`` ("model" or "reader", or
            missing), ``edited`` (whether the mask was changed by hand), ``reviewed``,
            ``predicted`` (the model's class, or missing), ``reader`` and ``when`` (who said the
            last of it, ISO 8601 in UTC; empty if nobody), ``flags`` (joined by "; ") and
            ``note``. Views show `shown_table` instead, in which nothing is said of hidden objects.
        """
        if self._table is None or self._table[0] is not self._state:
            self._table = (self._state, self._table_now())
        return self._table[1].copy(deep=False)

    def _table_now(self) -> pd.DataFrame:
        state = self._state
        if self._table is not None:
            former, table = self._table
            alike = ("known", "predictions", "edited")
            if all(getattr(former, n) is getattr(state, n) for n in alike):
                changed = differing(former.reviews, state.reviews)
                if len(changed) <= FEW:
                    return reviewed_anew(table, state.reviews, changed)
        predictions = state.predictions
        return object_table(
            self._measurements(),
            pd.DataFrame() if predictions is None else predictions.by_label,
            state.reviews,
            state.edited,
        )

    def snapshot(self, *, hidden_too: bool = False) -> SessionSnapshot:
        """Return what the session holds now, for others and for threads.

        Parameters
        ----------
        hidden_too : bool
            Whether classes that a blind read hides may be in it: for what shows none of them.

        Raises
        ------
        BlindReadError
            While classes are hidden, unless that does not matter.
        """
        if not hidden_too:
            self.require_shown()
        return SessionSnapshot(
            self.name, self.rgb, self.notes, self._state, self.table(), self._revision
        )

    def disagreements(self) -> pd.DataFrame:
        """List where reader and model differ.

        Returns
        -------
        pandas.DataFrame
            ``label``, ``predicted``, ``confidence``, ``class``, ``reader``, ``when``.
        """
        return disagreements(self.table())

    def review_order(self, counted: Collection[str] | None = None) -> list[int]:
        """List the objects that are not reviewed, first what would change the count most.

        Parameters
        ----------
        counted : collection of str, optional
            The classes that count in the differential; by default those of the vocabulary and the
            user's own of which it is said that they count.

        Returns
        -------
        list of int
            See :func:`napari_leukocyte.session.predictions.review_order`.
        """
        table, predictions = self.table(), self._state.predictions
        labels = table[LABEL].to_numpy()
        waiting = ~table["reviewed"].to_numpy(bool)
        unknown = table["class"].isna().to_numpy()
        return review_order(
            None if predictions is None else predictions.uncertainty,
            count_classes(table),
            labels[waiting],
            labels[waiting & unknown].tolist(),
            not_counted(counted),
        )

    def leukogram(self) -> pd.DataFrame:
        """Count the classes that may be shown.

        See :func:`napari_leukocyte.counting.leukogram.count`.
        Those count of which the vocabulary, or the user of an own class, says so.
        """
        return count(self.shown_table(), default_counted())
