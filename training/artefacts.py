"""Platelets, and objects found by mistake, so that a classifier knows them.

No set has crops of a segmentation's mistakes. What they look like is known, though: single
erythrocytes, several that overlap, platelets, precipitate. Such places are cut from the
photographs of the sets themselves, away from every leukocyte.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.measurements import Region, iterate_regions

#: Limits of such an object's area, in parts of a leukocyte's.
SMALLEST, LARGEST = 0.02, 1.5
#: Objects taken from one photograph at most.
A_PHOTOGRAPH = 2


def stained(rgb: NDArray[np.uint8], background: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return what is stained at all, (H, W) bool: erythrocytes, platelets and leukocytes.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8.
    background : ndarray
        (3,): colour of the empty background.
    """
    green = rgb[..., 1].astype(np.float32) / max(1.0, float(background[1]))
    lost = np.clip((1 - green) * 255, 0, 255).astype(np.uint8)
    level, _ = cv2.threshold(lost, 0, 255, cv2.THRESH_OTSU)
    # Leukocytes would draw Otsu's level up to themselves: half of it lies below erythrocytes.
    return np.asarray(lost > 0.5 * level, np.bool_)


def central_object(rgb: NDArray[np.uint8]) -> Region | None:
    """Return what is darkest at the centre of a photograph, such as a platelet in PBC's.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8.

    Returns
    -------
    Region or None
        None if nothing near the centre stands out.
    """
    height, width = rgb.shape[:2]
    y, x = height // 4, width // 4
    window = cv2.GaussianBlur(rgb[y : height - y, x : width - x], (0, 0), 1.0)
    # Saturation tells violet granules from grey-pink erythrocytes better than darkness does.
    saturation = np.ascontiguousarray(cv2.cvtColor(window, cv2.COLOR_RGB2HSV)[..., 1])
    level, _ = cv2.threshold(saturation, 0, 255, cv2.THRESH_OTSU)
    labels = np.zeros((height, width), np.int32)
    _, inner = cv2.connectedComponents((saturation > level).astype(np.uint8), ltype=cv2.CV_32S)
    labels[y : height - y, x : width - x] = inner
    best: tuple[float, Region] | None = None
    for region in iterate_regions(labels):
        distance = np.hypot(
            (region.y0 + region.y1) / 2 - height / 2, (region.x0 + region.x1) / 2 - width / 2
        )
        if region.area >= 40 and (best is None or distance < best[0]):
            best = (float(distance), region)
    return None if best is None else best[1]


def mistaken_objects(
    rgb: NDArray[np.uint8],
    leukocytes: NDArray[np.int32],
    background: NDArray[np.float64],
    diameter: float,
    rng: np.random.Generator,
) -> list[Region]:
    """Return regions that a segmentation might take for leukocytes, and that are none.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8.
    leukocytes : ndarray
        (H, W) int32: nothing within a fifth of a diameter of one is taken.
    background : ndarray
        (3,): colour of the empty background.
    diameter : float
        Of a leukocyte, px.
    rng : numpy.random.Generator
        Chooses among the regions.

    Returns
    -------
    list of Region
        At most `A_PHOTOGRAPH`.
    """
    width = 2 * round(0.2 * diameter) + 1
    near = cv2.dilate((leukocytes > 0).astype(np.uint8), np.ones((width, width), np.uint8)) > 0
    free = (stained(rgb, background) & ~near).astype(np.uint8)
    opened = np.asarray(cv2.morphologyEx(free, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)), np.uint8)
    _, labels = cv2.connectedComponents(opened, ltype=cv2.CV_32S)
    size = np.pi * diameter**2 / 4
    fitting = [
        region
        for region in iterate_regions(np.asarray(labels, np.int32))
        if SMALLEST * size <= region.area <= LARGEST * size
    ]
    if not fitting:
        return []
    chosen = rng.permutation(len(fitting))[:A_PHOTOGRAPH]
    return [fitting[int(i)] for i in chosen]
