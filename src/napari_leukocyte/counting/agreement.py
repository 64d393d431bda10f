"""Agreement of two readings of the same cells, and the blind second read that it is measured on.

Agreement is the share of cells of one class, and Cohen's kappa.

References
----------
.. [1] Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological
   Measurement 20, 1960.
.. [2] Fleiss, Cohen and Everitt, "Large sample standard errors of kappa and weighted kappa",
   Psychological Bulletin 72, 1969.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.counting.leukogram import clopper_pearson, in_order
from napari_leukocyte.errors import ParameterError
from napari_leukocyte.io.validation import Number, Whole, WholeKey, between, parse, record

#: Quantile of the normal distribution for limits of 95 %.
_Z = 1.959963984540054
_NAN = float("nan")


@dataclass(frozen=True)
class Kappa:
    """Agreement beyond chance.

    Attributes
    ----------
    value : float
        -1 to 1; 1 is perfect, 0 what chance would bring. NaN if nothing was compared, or if both
        readings gave all cells one and the same class, where chance alone would agree.
    error : float
        Asymptotic standard error.
    low, high : float
        95 % limits, -1 to 1.
    """

    value: float
    error: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Agreement:
    """Two readings of the same cells.

    Attributes
    ----------
    confusion : pandas.DataFrame
        Cells by class: rows are the first reading, columns the second; both in the same order.
    cells, agreed : int
        Cells compared, and those given the same class.
    percent, low, high : float
        Agreement and its 95 % Clopper-Pearson limits, %; NaN, 0 and 100 if nothing was compared.
    kappa : Kappa
        Cohen's.
    """

    confusion: pd.DataFrame
    cells: int
    agreed: int
    percent: float
    low: float
    high: float
    kappa: Kappa


def confusion_table(first: Sequence[str], second: Sequence[str]) -> pd.DataFrame:
    """Count the cells by what two readings made of them.

    Parameters
    ----------
    first, second : sequence of str
        Class of each cell, in the same order of cells.

    Returns
    -------
    pandas.DataFrame
        Rows are the first reading, columns the second; both have every class that either gave, in
        the vocabulary's order. int64.

    Raises
    ------
    ParameterError
        If the readings are not of the same number of cells.
    """
    if len(first) != len(second):
        raise ParameterError("Two readings can only be compared of the same cells.")
    names = in_order(set(first) | set(second))
    place = {name: i for i, name in enumerate(names)}
    counts = np.zeros((len(names), len(names)), np.int64)
    for a, b in zip(first, second, strict=True):
        counts[place[a], place[b]] += 1
    return pd.DataFrame(
        counts, index=pd.Index(names, name="first"), columns=pd.Index(names, name="second")
    )


def cohen_kappa(confusion: NDArray[np.integer]) -> Kappa:
    """Return Cohen's kappa and its limits.

    Parameters
    ----------
    confusion : ndarray
        (C, C) counts: rows are the first reading, columns the second.

    Returns
    -------
    Kappa
        Kappa after Cohen [1]_ with the large-sample standard error of Fleiss, Cohen and Everitt
        [2]_ (for an unknown kappa other than 0), and limits at 1.96 standard errors, cut off at -1
        and 1. Where all cells agree that error is 0, however few they are; the lower limit is then
        that of the share of agreement (Clopper-Pearson), put into kappa with the same agreement by
        chance.
    """
    cells = int(confusion.sum())
    if not cells:
        return Kappa(_NAN, _NAN, _NAN, _NAN)
    share = confusion / cells
    rows, columns = share.sum(axis=1), share.sum(axis=0)
    observed, chance = float(np.trace(share)), float(rows @ columns)
    # Exact in integers: rounding must not hide that chance alone would agree.
    if int(confusion.sum(axis=1) @ confusion.sum(axis=0)) == cells * cells:
        return Kappa(_NAN, _NAN, _NAN, _NAN)
    kappa = (observed - chance) / (1 - chance)
    if int(np.trace(confusion)) == cells:
        least, _ = clopper_pearson(cells, cells)
        return Kappa(1.0, 0.0, max(-1.0, (least - chance) / (1 - chance)), 1.0)
    diagonal = np.diag(share)
    agreeing = float((diagonal * (1 - (rows + columns) * (1 - kappa)) ** 2).sum())
    crossed = (columns[:, np.newaxis] + rows[np.newaxis, :]) ** 2
    others = float((share * crossed).sum() - (diagonal * np.diag(crossed)).sum())
    variance = agreeing + (1 - kappa) ** 2 * others - (kappa - chance * (1 - kappa)) ** 2
    error = math.sqrt(max(0.0, variance) / cells) / (1 - chance)
    return Kappa(kappa, error, max(-1.0, kappa - _Z * error), min(1.0, kappa + _Z * error))


def compare(first: Sequence[str], second: Sequence[str]) -> Agreement:
    """Compare two readings of the same cells.

    Parameters
    ----------
    first, second : sequence of str
        Class of each cell, in the same order of cells.

    Returns
    -------
    Agreement

    Raises
    ------
    ParameterError
        If the readings are not of the same number of cells.
    """
    confusion = confusion_table(first, second)
    counts = confusion.to_numpy()
    cells, agreed = int(counts.sum()), int(np.trace(counts))
    low, high = clopper_pearson(agreed, cells)
    percent = 100 * agreed / cells if cells else _NAN
    return Agreement(confusion, cells, agreed, percent, 100 * low, 100 * high, cohen_kappa(counts))


@record(frozen=True)
class BlindRead:
    """A blind reading: the cells drawn for it, and the classes given so far.

    Attributes
    ----------
    share : float
        Part of the cells that was drawn, 0 to 1.
    seed : int
        Of the draw.
    labels : frozenset of int
        The cells that were drawn.
    answers : mapping of int to str
        The first class that the reader gave each of them: from then on the model's is shown, and
        no later word is blind.
    """

    share: Annotated[Number, between(0, 1)]
    seed: Whole
    labels: frozenset[Whole]
    answers: Mapping[WholeKey, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.labels.issuperset(self.answers):
            raise ParameterError("There is an answer for a cell that was not drawn.")

    def hidden(self, label: int) -> bool:
        """Return whether the model's class of a cell must not be shown yet."""
        return label in self.labels and label not in self.answers

    def answer(self, label: int, name: str) -> BlindRead:
        """Return the read after the reader gave a cell a class; only the first one is kept."""
        if not self.hidden(label):
            return self
        return replace(self, answers={**self.answers, label: name})

    @property
    def progress(self) -> tuple[int, int]:
        """Cells read blindly, and all that are to be."""
        return len(self.answers), len(self.labels)

    def agreement(self, predicted: Mapping[int, str]) -> Agreement:
        """Compare the blind answers with the model.

        Parameters
        ----------
        predicted : mapping of int to str
            The model's class by the number of the cell.

        Returns
        -------
        Agreement
            First the reader, then the model. Cells that the model did not classify, or that no
            longer exist, are left out.
        """
        common = sorted(set(self.answers) & set(predicted))
        return compare([self.answers[n] for n in common], [predicted[n] for n in common])

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {
            "share": self.share,
            "seed": self.seed,
            "labels": sorted(self.labels),
            "answers": {str(n): name for n, name in sorted(self.answers.items())},
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> BlindRead:
        """Make a read from what `to_dict` gave.

        Raises
        ------
        ParameterError
            If something is missing or is not as it must be.
        """
        damaged = "The record of a blind read is damaged: "
        return parse(cls, values, where=damaged, complete=True)


def draw_blind(labels: Iterable[int], share: float, seed: int, image: str = "") -> BlindRead:
    """Draw cells at random for a blind read.

    Parameters
    ----------
    labels : iterable of int
        Numbers of all cells.
    share : float
        Part of them that is drawn, 0 to 1, rounded up to whole cells.
    seed : int
        The same seed draws the same cells, whatever the machine, the order of the numbers, and the
        version of any library.
    image : str
        Name or checksum of the image, so that other images have other cells drawn.

    Returns
    -------
    BlindRead
        The cells whose SHA-256 of seed, image and number is smallest; a larger share draws the
        same cells and some more.

    Raises
    ------
    ParameterError
        If the share is not from 0 to 1.
    """
    if not 0 <= share <= 1:
        raise ParameterError(f"A share must be from 0 to 100 %, not {100 * share:g} %.")

    def rank(label: int) -> bytes:
        text = f"{seed}\0{image}\0{label}"
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()

    ranked = sorted({int(n) for n in labels}, key=rank)
    # 0.1 × 30 is a little more than 3 in floating point.
    number = math.ceil(round(share * len(ranked), 9))
    return BlindRead(share, seed, frozenset(ranked[:number]))
