"""Augmentation of a user's own photographs: milder than that of the shipped models.

Those had to meet smears that nobody has seen; here the smears are known, and it is only to be
avoided that a few hundred cells are learnt by heart.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
#: Standard deviations of the log of scale, of light, and of the amount of stain in each channel.
SCALE, LIGHT, STAIN = 0.1, 0.06, 0.12
#: Strongest blur, px, and noise, grey levels.
BLUR, NOISE = 1.0, 4.0


def draw_affine(
    centre: tuple[float, float], scale: float, side: int, rng: np.random.Generator, shift: float
) -> NDArray[np.float64]:
    """Draw a turn, a mirror, a scale and a shift.

    Parameters
    ----------
    centre : (float, float)
        y and x, px, of what comes to the middle of the crop.
    scale : float
        Px of the crop for each of the image.
    side : int
        Of the crop, px.
    rng : numpy.random.Generator
        Source of randomness.
    shift : float
        Largest offset from the middle, parts of the side.

    Returns
    -------
    ndarray
        (2, 3), as OpenCV's ``warpAffine`` takes it.
    """
    factor = scale * float(np.exp(rng.normal(0, SCALE)))
    angle = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = factor * turn * [rng.choice([-1.0, 1.0]), 1.0]
    middle = side / 2 + rng.uniform(-shift, shift, 2) * side
    return np.column_stack([linear, middle - linear @ [centre[1], centre[0]]])


def warp(image: NDArray[Any], affine: NDArray[np.float64], side: int) -> NDArray[Any]:
    """Cut a crop of an image or a map; beyond its border it is mirrored."""
    # Shrinking without a blur would turn granules into noise.
    factor = float(np.sqrt(abs(np.linalg.det(affine[:, :2]))))
    source = image
    if factor < 0.7 and image.dtype == np.uint8:
        source = cv2.GaussianBlur(image, (0, 0), 0.4 / factor)
    return np.asarray(
        cv2.warpAffine(
            source,
            affine,
            (side, side),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT_101,
        )
    )


def vary_appearance(image: Image, rng: np.random.Generator) -> Image:
    """Vary stain, light, focus and noise of a crop, (S, S, 3) RGB."""
    amounts = np.exp(rng.normal(0, STAIN) + rng.normal(0, STAIN / 2, 3))
    light = np.exp(rng.normal(0, LIGHT) + rng.normal(0, LIGHT / 2, 3))
    levels = np.arange(256)[:, np.newaxis] / 255
    table = np.clip(255 * light * levels**amounts, 0, 255).round().astype(np.uint8)
    looked = np.stack([table[image[..., c], c] for c in range(3)], axis=-1)
    blur = rng.uniform(0, BLUR) if rng.random() < 0.3 else 0.0
    if blur > 0.2:
        looked = cv2.GaussianBlur(looked, (0, 0), blur)
    if rng.random() < 0.3:
        noise = rng.normal(0, rng.uniform(0, NOISE), looked.shape)
        looked = np.clip(looked + noise, 0, 255).astype(np.uint8)
    return np.asarray(looked, np.uint8)
