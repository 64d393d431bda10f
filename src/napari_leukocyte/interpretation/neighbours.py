"""The cells of the training sets that are most like a cell, by the classifier's embedding."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

#: Names the folder of the image sets on a user's machine, as for ``python -m training``.
DATA_VARIABLE = "NAPARI_LEUKOCYTE_DATA"
#: First row, first column and side of a square, px.
Place = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class ReferenceCells:
    """Cells whose class is known, with their embeddings.

    Attributes
    ----------
    embeddings : ndarray
        (N, D) float: by the classifier, or a linear picture of it (see `basis`).
    sets, names, classes : tuple of str
        The set, the photograph's path under the data root, and the class of each.
    places : tuple of (int, int, int) or None
        Where the cell is on its photograph: first row, first column and side of a square, px;
        None if it is in the middle.
    basis : ndarray or None
        (E, D): brings an embedding to what is compared; None if that is the embedding.
    mean : ndarray or None
        (E,): taken from an embedding before that.
    """

    embeddings: NDArray[np.floating]
    sets: tuple[str, ...]
    names: tuple[str, ...]
    classes: tuple[str, ...]
    places: tuple[Place | None, ...]
    basis: NDArray[np.floating] | None = None
    mean: NDArray[np.floating] | None = None

    def nearest(self, embedding: NDArray[np.float32], number: int = 6) -> tuple[Neighbour, ...]:
        """Return the cells most like one, the most like first.

        Parameters
        ----------
        embedding : ndarray
            (E,) of the cell.
        number : int
            How many; of one photograph only the first.

        Returns
        -------
        tuple of Neighbour
        """
        asked = embedding.astype(np.float32)
        if self.mean is not None:
            asked = asked - self.mean.astype(np.float32)
        if self.basis is not None:
            asked = asked @ self.basis.astype(np.float32)
        known = self.embeddings.astype(np.float32)
        norms = np.linalg.norm(known, axis=1) * np.linalg.norm(asked)
        cosine = known @ asked / np.maximum(norms, 1e-12)
        found: list[Neighbour] = []
        seen: set[str] = set()
        for i in np.argsort(-cosine, kind="stable"):
            if self.names[i] not in seen:
                seen.add(self.names[i])
                said = self.sets[i], self.names[i], self.classes[i], float(cosine[i])
                found.append(Neighbour(*said, self.places[i]))
            if len(found) == number:
                break
        return tuple(found)


@dataclass(frozen=True)
class Neighbour:
    """A cell of a training set.

    Attributes
    ----------
    dataset : str
        Which set.
    name : str
        Path of the photograph under the data root, with ``/``.
    class_name : str
        Its class there.
    similarity : float
        Cosine of the angle between the embeddings, -1 to 1.
    place : (int, int, int) or None
        First row, first column and side of a square around it, px; None for the middle.
    """

    dataset: str
    name: str
    class_name: str
    similarity: float
    place: Place | None = None


def data_folder() -> Path | None:
    """Return the folder of the image sets that the user has, or None."""
    given = os.environ.get(DATA_VARIABLE)
    folder = Path(given) if given else None
    return folder if folder is not None and folder.is_dir() else None


def picture_of(neighbour: Neighbour, side: int) -> NDArray[np.uint8] | None:
    """Return a neighbour as its photograph shows it, if the user has the set.

    Parameters
    ----------
    neighbour : Neighbour
        The cell.
    side : int
        Of the picture, px.

    Returns
    -------
    ndarray or None
        (side, side, 3) uint8 RGB.
    """
    import cv2

    folder = data_folder()
    if folder is None:
        return None
    root = folder.resolve()
    path = (root / neighbour.name).resolve()
    if not path.is_relative_to(root) or not path.is_file():
        return None
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if pixels is None:
        return None
    height, width = pixels.shape[:2]
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    if neighbour.place is not None:
        # Moved so that it lies within the photograph.
        edge = min(edge, neighbour.place[2])
        top = min(max(0, neighbour.place[0]), height - edge)
        left = min(max(0, neighbour.place[1]), width - edge)
    square = pixels[top : top + edge, left : left + edge]
    return np.asarray(cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
