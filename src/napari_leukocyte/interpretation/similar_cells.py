"""Reference cells: the training sets' cells that are most like a cell, by its embedding.

They come with a classifier; ``python -m training attributes`` embeds them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.interpretation.attributes import FOLDER, checksums
from napari_leukocyte.models.artifact import ArtifactError, ArtifactKind
from napari_leukocyte.models.manifest import Manifest

_FILE = ArtifactKind(
    header="known-cells.json",
    arrays="known-cells.npz",
    tie="tied_to",
    checksum="sha256",
    subject="The cells to compare with were",
    otherwise="no similar cells are shown",
)
#: Names the folder of the image sets on a user's machine, as for ``python -m training``.
DATA_VARIABLE = "NAPARI_LEUKOCYTE_DATA"
#: First row, first column and side of a square, px.
CropSquare = tuple[int, int, int]


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
    places: tuple[CropSquare | None, ...]
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
    place: CropSquare | None = None


def save_reference_cells(
    known: ReferenceCells, classifier: Manifest, folder: Path = FOLDER
) -> None:
    """Write cells that a classifier embedded; embeddings are stored as whole numbers, -127 to 127.

    Raises
    ------
    OutputError
        If it can't be written.
    """
    scale = np.abs(known.embeddings).max(axis=0).astype(np.float32) / 127
    scale = np.maximum(scale, 1e-9)
    arrays: dict[str, NDArray[Any]] = {
        "embeddings": np.round(known.embeddings / scale).astype(np.int8),
        "scale": scale,
    }
    if known.basis is not None:
        arrays["basis"] = known.basis.astype(np.float16)
    if known.mean is not None:
        arrays["mean"] = known.mean.astype(np.float16)
    header = {
        "classifier": classifier.name,
        "tied_to": checksums(classifier),
        "cells": list(zip(known.sets, known.names, known.classes, known.places, strict=True)),
    }
    _FILE.write(folder, header, arrays)


def load_reference_cells(classifier: Manifest, folder: Path = FOLDER) -> ReferenceCells:
    """Read the cells that a classifier embedded.

    Raises
    ------
    ArtifactError
        If there are none, another classifier embedded them, or the files are damaged.
    """
    found = _FILE.read(folder, classifier, checksums(classifier))
    if found is None:
        raise ArtifactError("No cells to compare with come with this installation.")
    arrays = found.arrays
    with found.parsing():
        embeddings = arrays["embeddings"].astype(np.float32) * arrays["scale"]
        basis, mean = (
            arrays[name].astype(np.float32) if name in arrays else None
            for name in ("basis", "mean")
        )
        cells = [(str(s), str(n), str(c), _place(p)) for s, n, c, p in found.header["cells"]]
        if len(cells) != len(embeddings) or not cells:
            raise ValueError("wrong number of cells")
        sets, names, classes, places = zip(*cells, strict=True)
    return ReferenceCells(embeddings, sets, names, classes, places, basis, mean)


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


def _place(value: Any) -> CropSquare | None:
    if value is None:
        return None
    y0, x0, side = (int(v) for v in value)
    if side < 1:
        raise ValueError("no place")
    return y0, x0, side
