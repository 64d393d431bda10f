"""The diameter of the erythrocytes in an image: the measure that every smear brings along.

A leukocyte is about as large as an erythrocyte or larger, whatever the microscope and the camera:
small lymphocytes have 7 to 9 µm on a smear, erythrocytes 7 to 8 [1]_. What looks like a leukocyte
and is much smaller is a platelet, a bare granule or dirt.

References
----------
.. [1] Bain, "Blood Cells: A Practical Guide", 6th edition, Wiley 2022, chapters 2 and 3.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.io.images.background import background_color

#: Least diameter of a leukocyte, in parts of the median erythrocyte's. Of 479 leukocytes with boxes
#: in BCCD and Bio-Net 99 % have at least 0.98 of it.
LEAST_LEUKOCYTE = 0.85
#: Longer sides of the copies, px, in which erythrocytes are looked for.
SIDES = (768, 2304)
#: Least diameter, px of a copy, from which a blob's shape says anything.
LEAST_PX = 10.0
#: Fewer erythrocytes say nothing of the others.
FEWEST = 10
#: Least difference in green light, as a part of the background's, of what is stained.
STAINED = 0.06
#: Least solidity and circularity (4 pi area / perimeter²) of an erythrocyte that lies alone.
SOLID, ROUND = 0.92, 0.78
#: Blobs below this part of the upper quartile of the diameters are platelets.
PLATELET = 0.55
#: At least half of the erythrocytes must have a diameter within this part of the median.
SPREAD = 0.2


def erythrocyte_diameter(rgb: NDArray[np.uint8]) -> float | None:
    """Estimate the median diameter of the erythrocytes that lie alone.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8, all of it image.

    Returns
    -------
    float or None
        Px of the image. None where fewer than `FEWEST` round blobs of one size are seen.
    """
    longer = max(rgb.shape[:2])
    for i, side in enumerate(SIDES):
        scale = min(1.0, side / longer)
        if i and scale * longer <= SIDES[i - 1]:
            break
        found = _round_blobs(rgb, scale)
        if len(found) < FEWEST:
            continue
        found = found[found >= PLATELET * np.percentile(found, 75)]
        median = float(np.median(found))
        alike = np.abs(found / median - 1) <= SPREAD
        if alike.sum() >= FEWEST and alike.mean() >= 0.5:
            return float(median / scale)
    return None


def _round_blobs(rgb: NDArray[np.uint8], scale: float) -> NDArray[np.float64]:
    """Return the diameters of the round stained blobs of a copy, px of it."""
    height, width = (max(1, round(length * scale)) for length in rgb.shape[:2])
    copy = np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    light = copy[..., 1] / max(background_color(copy)[1], 1.0)
    lost = np.clip(255 * (1 - light), 0, 255).astype(np.uint8)
    least, _ = cv2.threshold(lost, 0, 255, cv2.THRESH_OTSU)
    stained = (lost > max(least, 255 * STAINED)).astype(np.uint8)
    # Outer outlines alone: the pale centre belongs to the cell.
    contours, _ = cv2.findContours(stained, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    diameters = []
    for contour in contours:
        left, top, w, h = cv2.boundingRect(contour)
        inside = left > 0 and top > 0 and left + w < width and top + h < height
        if not inside or min(w, h) < LEAST_PX:
            continue
        area = cv2.contourArea(contour)
        hull = cv2.contourArea(cv2.convexHull(contour))
        around = cv2.arcLength(cv2.convexHull(contour), closed=True)
        if area >= SOLID * hull and 4 * np.pi * area >= ROUND * around**2:
            # An outline runs through the outermost pixels' centres: half a pixel on either side.
            diameters.append(float(np.sqrt(4 * area / np.pi)) + 1.0)
    return np.array(diameters)
