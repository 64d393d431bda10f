"""The sets' codes for nucleus and cytoplasm in their mask files."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray

# Zheng writes 128 for cytoplasm and 255 for nucleus, BCCD 161 and 255; edges are
# antialiased in BCCD, so each threshold lies half way between two values.
CELL_LEVEL = {"zheng1": 64, "zheng2": 64, "bccd": 81}
NUCLEUS_LEVEL = {"zheng1": 192, "zheng2": 192, "bccd": 208}
# The masks that training.agree makes where a set has none are written as Zheng's.
_AGREED = ("raabin", "pbc", "raabin_labelled", "bionet", "chula_rbc", "choi_marrow")
CELL_LEVEL |= dict.fromkeys(_AGREED, 64)
NUCLEUS_LEVEL |= dict.fromkeys(_AGREED, 192)
#: The sets whose masks tell the nucleus from the cytoplasm.
WITH_NUCLEUS = frozenset({"zheng1", "zheng2", "bccd", "lisc"})
#: A grey value of LISC's masks counts if this share of the cells' pixels has it.
_LEAST_SHARE = 0.02


def read_mask(dataset: str, mask: Path, image: Path) -> NDArray[np.uint8]:
    """Read the truth of a photograph.

    Parameters
    ----------
    dataset : str
        Name of the set.
    mask : Path
        Its mask file.
    image : Path
        The photograph, for its size.

    Returns
    -------
    ndarray
        (H, W, 2) uint8, 0 or 1: cell (with its nucleus), nucleus.

    Raises
    ------
    OSError
        If the file can't be read or does not fit the image.
    """
    if dataset == "own":
        cell = read_label_image(mask) > 0
        return np.dstack([cell, np.zeros_like(cell)]).astype(np.uint8)
    pixels = cv2.imread(str(mask), cv2.IMREAD_GRAYSCALE)
    if pixels is None:
        raise OSError(f"{mask} is not a readable mask.")
    levels: NDArray[np.uint8] = np.asarray(pixels, np.uint8)
    if dataset == "lisc":
        return _centred(split_levels(levels), mask, image)
    cell = levels >= CELL_LEVEL[dataset]
    nucleus = levels >= NUCLEUS_LEVEL[dataset]
    return np.dstack([cell, nucleus]).astype(np.uint8)


def read_label_image(path: Path) -> NDArray[np.int32]:
    """Read a label image that the plugin wrote, (H, W) int32.

    Raises
    ------
    OSError
        If it can't be read or is no label image.
    """
    try:
        labels = np.asarray(tifffile.imread(path))
    except (ValueError, tifffile.TiffFileError) as error:
        raise OSError(f"{path} is not a readable label image.") from error
    if labels.ndim != 2 or labels.dtype.kind not in "ui":
        raise OSError(f"{path} is not a label image: it must have one plane of whole numbers.")
    return labels.astype(np.int32)


def split_levels(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Tell nucleus from cytoplasm in a mask whose grey values are not known beforehand.

    Everything that is not black is cell. Of the grey values in it, those that touch the black
    background are cytoplasm, and the one that does so least is the nucleus, which lies inside.

    Parameters
    ----------
    levels : ndarray
        (H, W) uint8.

    Returns
    -------
    ndarray
        (H, W, 2) uint8, 0 or 1: cell, nucleus. Without a second grey value there is no nucleus.
    """
    cell = levels > 0
    nucleus = np.zeros_like(cell)
    inner = cv2.erode(cell.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    counts = np.bincount(levels[cell], minlength=256)
    found = np.flatnonzero(counts > _LEAST_SHARE * max(1, counts.sum()))
    if found.size > 1:
        at_rim = np.bincount(levels[cell & ~inner], minlength=256)[found] / counts[found]
        nucleus = levels == found[int(np.argmin(at_rim))]
    return np.dstack([cell, nucleus]).astype(np.uint8)


def _centred(truth: NDArray[np.uint8], mask: Path, image: Path) -> NDArray[np.uint8]:
    """Put a mask into the middle of its image's size: LISC's lack 4 px on each side."""
    pixels = cv2.imread(str(image), cv2.IMREAD_GRAYSCALE)
    if pixels is None:
        raise OSError(f"{image} is not a readable image.")
    height, width = pixels.shape[0] - truth.shape[0], pixels.shape[1] - truth.shape[1]
    if min(height, width) < 0:
        raise OSError(f"{mask} is larger than its image.")
    top, left = height // 2, width // 2
    around = ((top, height - top), (left, width - left), (0, 0))
    return np.asarray(np.pad(truth, around), np.uint8)
