"""A blind second read: some cells are classified without seeing what the model said."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from typing import Annotated, Any

from napari_leukocyte.counting.agreement import Agreement, compare
from napari_leukocyte.errors import ParameterError
from napari_leukocyte.io.validation import Number, Whole, WholeKey, between, parse, record


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
