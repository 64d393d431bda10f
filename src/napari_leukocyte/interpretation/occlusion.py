"""Hide one part of the cell after the other, and see what that changes.

M. D. Zeiler, R. Fergus: Visualizing and Understanding Convolutional Networks. ECCV 2014.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.crops import RIM
from napari_leukocyte.interpretation.scoring import Scorer

#: Side of a window over the distance to the next: with overlap, an edge of a window is no edge
#: of the map.
_OVERLAP = 1.5
#: What lies around the cell is hidden in so many sectors: little there counts.
_SECTORS = 4


def windows(mask: NDArray[np.uint8], diameter: float, across: int) -> NDArray[np.float32]:
    """Return what is hidden, one after the other.

    Parameters
    ----------
    mask : ndarray
        (S, S) uint8, 255 where the cell is.
    diameter : float
        Of the cell, px.
    across : int
        Windows along a side of the cell's box.

    Returns
    -------
    ndarray
        (N, S, S) float32, 0 to 1, with soft edges: windows on a grid that touch the cell or
        its rim, then sectors of what lies around it.
    """
    side = mask.shape[0]
    width = 2 * max(1, round(RIM * diameter)) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    cell = cv2.dilate(mask, kernel) > 127
    if not cell.any():
        cell = np.ones_like(cell)
    ys, xs = np.nonzero(cell)
    (y0, y1), (x0, x1) = (int(ys.min()), int(ys.max()) + 1), (int(xs.min()), int(xs.max()) + 1)
    step = np.array([(y1 - y0) / across, (x1 - x0) / across])
    half = np.maximum(1.0, _OVERLAP * step / 2)
    rows, columns = np.mgrid[:side, :side]
    found = []
    for i in range(across):
        for j in range(across):
            cy, cx = y0 + (i + 0.5) * step[0] - 0.5, x0 + (j + 0.5) * step[1] - 0.5
            inside = (np.abs(rows - cy) <= half[0]) & (np.abs(columns - cx) <= half[1])
            if (inside & cell).any():
                found.append(inside)
    angle = np.arctan2(rows - (y0 + y1 - 1) / 2, columns - (x0 + x1 - 1) / 2)
    sector = np.floor((angle / (2 * np.pi) + 0.5) * _SECTORS).clip(0, _SECTORS - 1)
    found += [(sector == k) & ~cell for k in range(_SECTORS) if ((sector == k) & ~cell).any()]
    soft = [cv2.GaussianBlur(w.astype(np.float32), (0, 0), 1.5) for w in found]
    return np.stack(soft).astype(np.float32)


def occlusion_map(scorer: Scorer, target: int, across: int) -> NDArray[np.float32]:
    """Map by how much the log-odds of a class fall when a place is hidden.

    Parameters
    ----------
    scorer : Scorer
        Asks the classifier about the cell.
    target : int
        The class, as its index.
    across : int
        See `windows`.

    Returns
    -------
    ndarray
        (S, S) float32: the mean over the windows that hide a pixel.
    """
    crops = scorer.crops
    hidden = windows(crops.mask, crops.diameter, across)
    scorer.expect(len(hidden) + 1)
    whole = float(scorer.scores(target)[0])
    falls = (whole - scorer.scores(target, 1 - hidden)).astype(np.float32)
    weight = hidden.sum(axis=0)
    total = np.tensordot(falls, hidden, axes=1)
    return np.asarray(total / np.maximum(weight, 1e-3), np.float32)
