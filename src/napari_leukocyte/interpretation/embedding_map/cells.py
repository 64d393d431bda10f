"""The cells of one or more images, each as a direction in the classifier's embedding."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.embedding import Embedded, Features, embed
from napari_leukocyte.io.images.key import image_key
from napari_leukocyte.progress import Progress, silent


@dataclass(frozen=True, eq=False)
class MapImage:
    """An image whose cells are laid out.

    Attributes
    ----------
    rgb : ndarray
        (H, W, 3) uint8.
    labels : ndarray
        (H, W) int32; nobody changes it any more.
    numbers : collection of int, optional
        Which of its objects; all by default.
    """

    rgb: NDArray[np.uint8]
    labels: NDArray[np.int32]
    numbers: Collection[int] | None = None


@dataclass(frozen=True, eq=False)
class MapCells:
    """The cells of a map.

    Attributes
    ----------
    sources : ndarray
        (N,) int64: the place of each cell's image among the sources.
    labels : ndarray
        (N,) int64: its number in that image.
    vectors : ndarray
        (N, E) float32 of length 1: the mean embedding of its turned views.
    keys : tuple of bytes
        Of each its key: a checksum of image, number and embedding. A cell whose mask was changed
        is another one.
    images : tuple of str
        Keys of the images that have cells.
    """

    sources: NDArray[np.int64]
    labels: NDArray[np.int64]
    vectors: NDArray[np.float32]
    keys: tuple[bytes, ...]
    images: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)


def gather(
    sources: Sequence[MapImage], features: Features, progress: Progress = silent
) -> MapCells:
    """Look at the cells of images.

    Parameters
    ----------
    sources : sequence of MapImage
        The images.
    features : Features
        Of the classifier that looks; what it made of a cell before is kept on disk.
    progress : callable
        Called after each batch of cells that had to be looked at, and between images.

    Returns
    -------
    MapCells
        In the order of images, then of numbers.

    Raises
    ------
    ModelError, NoEmbeddingError
        If the network can't be run or gives no embedding.
    """
    found: list[tuple[str, Embedded]] = []
    for number, source in enumerate(sources):

        def step(done: int, total: int, what: str, number: int = number) -> None:
            # As if all images had as many cells.
            progress(number * total + done, len(sources) * total, what)

        step(0, 1, "Looking at cells")
        embedded = embed(source.rgb, source.labels, features, source.numbers, step)
        found.append((image_key(source.rgb), embedded))
    return put_together(found)


def put_together(found: Sequence[tuple[str, Embedded]]) -> MapCells:
    """Make cells of embeddings.

    Parameters
    ----------
    found : sequence of (str, Embedded)
        The key of each image, and its cells; with the same number of embedding dimensions.
    """
    filled = [(i, key, e) for i, (key, e) in enumerate(found) if len(e)]
    if not filled:
        return MapCells(
            np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 0), np.float32), ()
        )
    means = [e.embeddings.astype(np.float32).mean(axis=1) for _, _, e in filled]
    vectors = directions(np.concatenate(means))
    keys = [
        _key(image, int(label), row)
        for (_, image, e), mean in zip(filled, means, strict=True)
        for label, row in zip(e.labels, mean, strict=True)
    ]
    return MapCells(
        np.concatenate([np.full(len(e), i, np.int64) for i, _, e in filled]),
        np.concatenate([e.labels for _, _, e in filled]),
        vectors,
        tuple(keys),
        tuple(image for _, image, _ in filled),
    )


def directions(embeddings: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return (N, E) embeddings with length 1; what is no direction, or no number, becomes zeros."""
    clean = np.nan_to_num(embeddings.astype(np.float64), posinf=0.0, neginf=0.0)
    lengths = np.linalg.norm(clean, axis=1, keepdims=True)
    return np.asarray(clean / np.where(lengths > 0, lengths, 1.0), np.float32)


def _key(image: str, label: int, embedding: NDArray[np.float32]) -> bytes:
    digest = hashlib.sha256(f"{image} {label} ".encode())
    digest.update(np.ascontiguousarray(embedding).data)
    return digest.digest()[:16]
