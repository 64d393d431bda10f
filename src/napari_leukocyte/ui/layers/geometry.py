"""The place of results over an image layer, wherever it lies in the world."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image, Layer
from numpy.typing import ArrayLike, NDArray


def transform_of(layer: Image) -> dict[str, Any]:
    """Return the arguments that place a two-dimensional layer exactly over an image layer.

    Parameters
    ----------
    layer : napari.layers.Image
        Its rows and columns are its last two axes (before the colours).

    Returns
    -------
    dict
        ``scale``, ``translate``, ``affine``, ``units`` and, for a two-dimensional image, ``rotate``
        and ``shear``.
    """
    arguments: dict[str, Any] = {
        "scale": np.asarray(layer.scale)[-2:],
        "translate": np.asarray(layer.translate)[-2:],
        "units": layer.units[-2:],
    }
    if layer.ndim == 2:
        return arguments | {
            "rotate": layer.rotate,
            "shear": layer.shear,
            "affine": layer.affine.affine_matrix,
        }
    # Channel-first: the first axis is colour, and nothing turns around it.
    matrix = np.asarray(layer.affine.affine_matrix)
    return arguments | {"affine": matrix[1:, 1:]}


def to_image(points: ArrayLike, source: Layer, image: Image) -> NDArray[np.float64]:
    """Express points of one layer in the pixels of an image layer.

    Parameters
    ----------
    points : array_like
        (N, D) in the data coordinates of `source`.
    source : napari.layers.Layer
        Where they lie.
    image : napari.layers.Image
        Where they are wanted.

    Returns
    -------
    ndarray
        (N, 2): y and x, px.
    """
    given = np.asarray(points, np.float64)
    found = np.empty((len(given), 2))
    for i, point in enumerate(given):
        world = np.zeros(max(source.ndim, image.ndim))
        world[-source.ndim :] = source.data_to_world(point)
        found[i] = np.asarray(image.world_to_data(world[-image.ndim :]))[-2:]
    return found


def from_image(points: ArrayLike, image: Image, target: Layer) -> NDArray[np.float64]:
    """Express pixels of an image layer in the data coordinates of another layer.

    Parameters
    ----------
    points : array_like
        (N, 2): y and x, px.
    image : napari.layers.Image
        Where they lie.
    target : napari.layers.Layer
        Where they are wanted; two-dimensional.

    Returns
    -------
    ndarray
        (N, 2) in the data coordinates of `target`.
    """
    given = np.asarray(points, np.float64).reshape(-1, 2)
    found = np.empty((len(given), 2))
    for i, point in enumerate(given):
        data = np.zeros(image.ndim)
        data[-2:] = point
        found[i] = np.asarray(target.world_to_data(image.data_to_world(data)[-target.ndim :]))[-2:]
    return found
