"""Elastic deformation of a crop and its mask together."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.errors import ParameterError

Image = NDArray[np.uint8]


def deform(
    image: Image, mask: Image, shift: float, nodes: int, rng: np.random.Generator
) -> tuple[Image, Image]:
    """Bend a crop: shifts at random at the nodes of a coarse grid, smooth in between.

    Parameters
    ----------
    image, mask : ndarray
        (H, W, 3) and (H, W, C) uint8, mask 0 or 1.
    shift : float
        Standard deviation of the shifts, in parts of the crop.
    nodes : int
        Nodes of the grid along a side, at least 2: the more, the smaller the bends.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    image, mask : ndarray
        Of the same shapes; the surroundings are mirrored in.

    Raises
    ------
    ParameterError
        If there are fewer than 2 nodes.

    Notes
    -----
    After P. Y. Simard and others, Best practices for convolutional neural networks (ICDAR 2003); a
    coarse grid in place of smoothed noise as in O. Ronneberger and others, U-Net (MICCAI 2015).
    """
    if nodes < 2:
        raise ParameterError(f"An elastic deformation needs at least 2 nodes a side, not {nodes}.")
    height, width = mask.shape[:2]
    sigma = shift * np.array([width, height])
    coarse = rng.normal(0, sigma, (nodes, nodes, 2)).astype(np.float32)
    shifts = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    across, down = x + shifts[..., 0], y + shifts[..., 1]
    border = cv2.BORDER_REFLECT_101
    bent = cv2.remap(image, across, down, cv2.INTER_LINEAR, borderMode=border)
    truth = cv2.remap(mask * 255, across, down, cv2.INTER_LINEAR, borderMode=border)
    return np.asarray(bent, np.uint8), (truth.reshape(mask.shape) > 127).astype(np.uint8)
