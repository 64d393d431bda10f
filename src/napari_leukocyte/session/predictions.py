"""A classifier's predictions for an image's objects, and the order of review that they suggest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.counting.settings import not_counted
from napari_leukocyte.schema import LABEL, class_of, probabilities_of, probability_column
from napari_leukocyte.vocabulary import CLASSES


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """A model's uncertainty about each object, and the classes that it wavers between.

    Attributes
    ----------
    labels : ndarray
        (N,) int64: the objects.
    names : tuple of str
        Classes.
    margin : ndarray
        (N,) float64, 0 to 1: difference of the two greatest probabilities.
    likeliest : ndarray
        (N, 2) int: which of `names` they are of; -1 where there is no second one.
    """

    labels: NDArray[np.int64]
    names: tuple[str, ...]
    margin: NDArray[np.float64]
    likeliest: NDArray[np.intp]

    @classmethod
    def of(cls, predicted: pd.DataFrame) -> Uncertainty:
        """Take them from a classifier's table.

        Parameters
        ----------
        predicted : pandas.DataFrame
            Index: labels; ``class``, ``confidence`` and a column ``p_...`` for each class. Without
            such columns the margin is that of the confidence.
        """
        labels = predicted.index.to_numpy(np.int64)
        columns = probabilities_of(predicted)
        if len(columns) < 2:
            codes, found = pd.factorize(predicted["class"].to_numpy(dtype=object))
            sure = predicted["confidence"].fillna(0.0).to_numpy(np.float64)
            pairs = np.stack([codes, np.full(len(codes), -1)], axis=1).astype(np.intp)
            return cls(labels, tuple(map(str, found)), sure, pairs)
        probabilities = np.nan_to_num(predicted[columns].to_numpy(np.float64))
        order = np.argsort(-probabilities, axis=1, kind="stable")[:, :2]
        first, second = np.take_along_axis(probabilities, order, axis=1).T
        # A column has _ where its class has spaces.
        known = [*(c.name for c in CLASSES), *predicted["class"].dropna().unique()]
        written = {probability_column(str(name)): str(name) for name in known}
        names = tuple(written.get(str(c), class_of(c)) for c in columns)
        return cls(labels, names, first - second, order)

    def review_priority(
        self, counts: Mapping[str, int], uncounted: Collection[str]
    ) -> NDArray[np.float64]:
        """Return what a look at each object may change, (N,); see `review_order`."""
        rarity = [0.0 if name in uncounted else 1 / (1 + counts[name]) for name in self.names]
        # The last one is that of no class, which -1 stands for.
        weights = np.array([*rarity, 0.0])
        return np.asarray((1 - self.margin) * weights[self.likeliest].sum(axis=1))


def review_order(
    uncertainty: Uncertainty | None,
    counts: Counter[str],
    waiting: NDArray[np.integer],
    unclassified: Collection[int] = (),
    uncounted: Collection[str] | None = None,
) -> list[int]:
    """Order objects by how much a look at them may change the count.

    A wrong class takes one cell from one class and gives it to another. That matters the more the
    likelier it is, and the rarer the two classes are: one cell is a hundredth of the neutrophils
    and half of the basophils. An object's priority is therefore::

        (1 - margin) x (1 / (1 + n_first) + 1 / (1 + n_second))

    where the margin is the difference between the greatest and the second greatest probability
    (0: the model can't decide; 1: it is sure), first and second are the two classes, and n counts
    the objects that have that class now. A class outside the differential adds nothing, since
    only the other one's count would change.

    Parameters
    ----------
    uncertainty : Uncertainty or None
        The model's; None if none was asked.
    counts : Counter
        How many objects have each class now.
    waiting : ndarray
        (M,) int: objects to be put in order.
    unclassified : collection of int
        Those of them that have no class at all.
    uncounted : collection of str, optional
        Classes outside the differential; by default those of the vocabulary and the user's own
        that do not count unless the user decides otherwise.

    Returns
    -------
    list of int
        `waiting`, highest priority first. Objects without any class come before all others, since
        they are missing from the count; equal ones come by number.
    """
    labels = np.sort(np.asarray(waiting, np.int64))
    if not labels.size:
        return []
    priority = np.zeros(len(labels))
    if uncertainty is not None and uncertainty.labels.size:
        apart = not_counted() if uncounted is None else frozenset(uncounted)
        place = np.searchsorted(labels, uncertainty.labels).clip(max=len(labels) - 1)
        known = labels[place] == uncertainty.labels
        priority[place[known]] = uncertainty.review_priority(counts, apart)[known]
    if unclassified:
        priority[np.isin(labels, list(unclassified))] = np.inf
    result: list[int] = labels[np.lexsort((labels, -priority))].tolist()
    return result


@dataclass(frozen=True, eq=False)
class Predictions:
    """The predictions of one classifier.

    Attributes
    ----------
    table : pandas.DataFrame
        As from :func:`napari_leukocyte.classification.inference.classify`.
    model : str
        The classifier's name.
    description : mapping
        The same for the record, with the checksums of the files that were used.
    """

    table: pd.DataFrame
    model: str
    description: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def by_label(self) -> pd.DataFrame:
        """Class, confidence and probabilities; its index are the labels."""
        columns = ["class", "confidence", *probabilities_of(self.table)]
        return self.table.set_index(LABEL)[columns]

    @cached_property
    def classes(self) -> dict[int, str]:
        """The class of each object that has one."""
        pairs = zip(self.table[LABEL].tolist(), self.table["class"].tolist(), strict=True)
        return {int(n): c for n, c in pairs if isinstance(c, str)}

    @cached_property
    def uncertainty(self) -> Uncertainty:
        """How unsure it is of each object."""
        return Uncertainty.of(self.by_label)

    def merged(self, newer: Predictions) -> Predictions:
        """Return the newer predictions with these below them; only of the same classifier."""
        if newer.model != self.model or newer.description != self.description:
            return newer
        kept = self.table[~self.table[LABEL].isin(newer.table[LABEL])]
        tables = [t for t in (kept, newer.table) if len(t)]
        joined = pd.concat(tables, ignore_index=True) if tables else newer.table
        ordered = joined.sort_values(LABEL, ignore_index=True)
        return Predictions(ordered, newer.model, newer.description)
