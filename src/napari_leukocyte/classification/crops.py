"""The crop of a cell that the classifier sees.

Each cell is brought to one size, its image's background to one colour, and what surrounds it is
faded: a network then has less of the microscope, the magnification and the neighbours to learn,
while the erythrocytes around still show the stain. How dark nuclei are differs between laboratories
by a factor of four, far more than between the classes: stain, exposure and the camera's curve all
change it. Within one crop the nucleus is always there to compare with, and gets one density.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.measurements import Region
from napari_leukocyte.io.images.background import WHITE

#: Part of the surroundings' contrast that is left.
SURROUNDINGS = 0.4
#: Width of the rim around the mask that counts as the cell, in diameters: masks are often tight.
RIM = 0.04
#: Part of the mask's pixels that are lighter than what stands for the nucleus: nuclei fill a third
#: of an eosinophil and nearly all of a small lymphocyte.
PERCENTILE = 85.0
#: Limits of the factor: beyond them noise would pass for granules.
WEAKEST, STRONGEST = 0.5, 3.0


def cut_crop(
    balanced: NDArray[np.uint8],
    region: Region,
    side: int,
    diameter: float,
    density: float | None = None,
) -> NDArray[np.uint8]:
    """Cut one cell as the classifier sees it.

    Parameters
    ----------
    balanced : ndarray
        (H, W, 3) uint8 RGB, its background brought to white by
        :func:`napari_leukocyte.io.images.background.balance_white`.
    region : Region
        The cell.
    side : int
        Side of the crop, px.
    diameter : float
        Equivalent diameter that the cell gets, px.
    density : float, optional
        Optical density that its nucleus gets; see
        :func:`napari_leukocyte.classification.crops.standardise_density`.

    Returns
    -------
    ndarray
        (side, side, 3) uint8 RGB; beyond the image is white.
    """
    patch, mask = cut_window(balanced, region, side, diameter)
    if density is not None:
        patch = standardise_density(patch, mask, density)
    return fade_surroundings(patch, mask, diameter)


def cut_window(
    image: NDArray[np.uint8],
    region: Region,
    side: int,
    diameter: float,
    fill: tuple[int, int, int] = (int(WHITE), int(WHITE), int(WHITE)),
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Cut a square around a cell and bring the cell to a given size.

    Parameters
    ----------
    image, region, side, diameter
        As for :func:`cut_crop`.
    fill : (int, int, int)
        Colour of what lies beyond the image.

    Returns
    -------
    patch : ndarray
        (side, side, 3) uint8 RGB.
    mask : ndarray
        (side, side) uint8, 255 where the cell is, antialiased at its edge.
    """
    half = side / 2 * np.sqrt(4 * region.area / np.pi) / diameter
    cy, cx = (region.y0 + region.y1) / 2, (region.x0 + region.x1) / 2
    y0, x0 = int(np.floor(cy - half)), int(np.floor(cx - half))
    extent = max(1, int(np.ceil(2 * half)))
    patch = _window(image, y0, x0, extent, fill)
    mask = _window_of_mask(region, y0, x0, extent)
    # Averaging over areas keeps granules from turning into noise when shrinking.
    method = cv2.INTER_AREA if extent > side else cv2.INTER_CUBIC
    resized = cv2.resize(patch, (side, side), interpolation=method)
    inside = cv2.resize(mask, (side, side), interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized, np.uint8), np.asarray(inside, np.uint8)


def fade_surroundings(
    patch: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    diameter: float,
    surroundings: float = SURROUNDINGS,
) -> NDArray[np.uint8]:
    """Fade what lies around a cell towards the background.

    Parameters
    ----------
    patch : ndarray
        (S, S, 3) uint8 RGB on a white background.
    mask : ndarray
        (S, S) uint8, 255 where the cell is.
    diameter : float
        Diameter of the cell in the patch, px.
    surroundings : float
        Part of the surroundings' contrast that is left, 0 to 1.

    Returns
    -------
    ndarray
        (S, S, 3) uint8 RGB.
    """
    width = 2 * max(1, round(RIM * diameter)) + 1
    rim = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    grown = cv2.dilate(mask, rim).astype(np.float32) / 255
    soft = cv2.GaussianBlur(grown, (0, 0), 1.5)[..., np.newaxis]
    kept = soft + (1 - soft) * np.float32(surroundings)
    faded = kept * patch.astype(np.float32) + (1 - kept) * np.float32(WHITE)
    return np.asarray(np.round(faded), np.uint8)


def nucleus_density(patch: NDArray[np.uint8], mask: NDArray[np.uint8]) -> float:
    """Return the optical density of a cell's nucleus in the green channel.

    Parameters
    ----------
    patch : ndarray
        (S, S, 3) uint8 RGB on a background of ``WHITE``.
    mask : ndarray
        (S, S) uint8, 255 inside the cell.

    Returns
    -------
    float
        Natural logarithm of the light lost; 0 for an empty mask.
    """
    green = patch[..., 1][mask > 127]
    if not green.size:
        return 0.0
    return float(np.log(WHITE / max(1.0, float(np.percentile(green, 100 - PERCENTILE)))))


def standardise_density(
    patch: NDArray[np.uint8], mask: NDArray[np.uint8], target: float
) -> NDArray[np.uint8]:
    """Scale the optical density so that the nucleus gets a given one.

    Parameters
    ----------
    patch, mask : ndarray
        As for :func:`nucleus_density`.
    target : float
        Density of the nucleus in the green channel afterwards.

    Returns
    -------
    ndarray
        (S, S, 3) uint8 RGB. One factor for all channels: hues stay what they are.
    """
    factor = np.clip(target / max(nucleus_density(patch, mask), 1e-3), WEAKEST, STRONGEST)
    light = np.arange(256) / WHITE
    table = np.clip(WHITE * light**factor, 0, 255).round().astype(np.uint8)
    return np.asarray(table[patch], np.uint8)


def _window(
    image: NDArray[np.uint8], y0: int, x0: int, extent: int, fill: tuple[int, int, int]
) -> NDArray[np.uint8]:
    """Cut a square that may reach beyond the image."""
    height, width = image.shape[:2]
    top, left = max(0, -y0), max(0, -x0)
    bottom, right = max(0, y0 + extent - height), max(0, x0 + extent - width)
    inside = image[max(0, y0) : y0 + extent, max(0, x0) : x0 + extent]
    if not (top or left or bottom or right):
        return inside
    return np.asarray(
        cv2.copyMakeBorder(inside, top, bottom, left, right, cv2.BORDER_CONSTANT, value=fill),
        np.uint8,
    )


def _window_of_mask(region: Region, y0: int, x0: int, extent: int) -> NDArray[np.uint8]:
    """Return the region's mask in a window's frame, 0 or 255."""
    window = np.zeros((extent, extent), np.uint8)
    top, left = region.y0 - y0, region.x0 - x0
    height, width = region.mask.shape
    rows = slice(max(0, top), min(extent, top + height))
    columns = slice(max(0, left), min(extent, left + width))
    window[rows, columns] = region.mask[
        rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
    ] * np.uint8(255)
    return window
