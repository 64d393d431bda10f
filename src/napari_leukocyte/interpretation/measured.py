"""Measurements of a cell and its nucleus by their masks, in numbers and words."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.measurements import Region, measure
from napari_leukocyte.io.images.background import WHITE, background_color, balance_white
from napari_leukocyte.schema import NUCLEUS_THRESHOLD

#: Least height of a lobe above the waist to the next, and least radius of a lobe, both in radii of
#: the nucleus's largest inscribed disc.
_LOBE_HEIGHT, _LOBE_RADIUS = 0.18, 0.35
#: Steps into which a radius is divided.
_STEPS = 100
#: Saturation below which cytoplasm has no colour, 0 to 1, and that from which it is not pale.
_COLOURLESS, _PALE = 0.05, 0.18
#: Names of hues by their upper limit in degrees.
_HUES = (
    (15.0, "pink"),
    (45.0, "orange"),
    (170.0, "greenish"),
    (255.0, "blue"),
    (290.0, "violet"),
    (330.0, "purple"),
    (360.1, "pink"),
)
#: All names of colours.
COLOURS = (
    "grey",
    "colourless",
    *(f"{shade}{name}" for _, name in _HUES for shade in ("", "pale ", "deep ")),
)


@dataclass(frozen=True)
class Measured:
    """Measurements of one cell.

    Attributes
    ----------
    area_px, diameter_px : float
        Area and equivalent diameter, px of the image.
    circularity : float
        4 pi area / perimeter², at most 1.
    nucleus_cell_ratio : float
        Area of the nucleus over the cell's; NaN where no nucleus is known.
    lobes : int
        Lobes of the nucleus; 0 where none is known.
    chromatin_density : float
        Mean optical density of the nucleus in the green channel, log10; NaN without a nucleus.
    chromatin_variation : float
        Standard deviation of that density over its mean: how clumped the chromatin is.
    cytoplasm_density : float
        Mean optical density of the cytoplasm in the green channel, log10.
    cytoplasm_rgb : tuple of int
        Median colour of the cytoplasm with the background brought to white; () without one.
    """

    area_px: float
    diameter_px: float
    circularity: float
    nucleus_cell_ratio: float
    lobes: int
    chromatin_density: float
    chromatin_variation: float
    cytoplasm_density: float
    cytoplasm_rgb: tuple[int, ...]

    @property
    def cytoplasm_colour(self) -> str:
        """The cytoplasm's colour in words; empty without cytoplasm."""
        return colour_name(self.cytoplasm_rgb) if self.cytoplasm_rgb else ""


def measure_cell(
    rgb: NDArray[np.uint8],
    region: Region,
    nucleus: NDArray[np.float32] | None,
    background: NDArray[np.float64] | None = None,
) -> Measured:
    """Measure one cell.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8: the whole image.
    region : Region
        The cell.
    nucleus : ndarray, optional
        (H, W), 0 to 1: the probability of a nucleus.
    background : ndarray, optional
        (3,): colour of the empty background, if it is known.

    Returns
    -------
    Measured
    """
    box = np.s_[region.y0 : region.y1, region.x0 : region.x1]
    if background is None:
        background = background_color(rgb)
    part = balance_white(np.ascontiguousarray(rgb[box]), background)
    row = measure(region.mask.astype(np.int32)).iloc[0]
    inside = np.zeros_like(region.mask)
    known = nucleus is not None and bool(nucleus.any())
    if nucleus is not None and known:
        inside = (nucleus[box] >= NUCLEUS_THRESHOLD) & region.mask
    density = -np.log10(np.clip(part[..., 1].astype(np.float64), 1, WHITE) / WHITE)
    of_nucleus = density[inside]
    plasm = _cytoplasm(region.mask, inside) if known else np.zeros_like(region.mask)
    found = of_nucleus.size > 0
    mean = float(of_nucleus.mean()) if found else math.nan
    return Measured(
        area_px=float(row["area_px"]),
        diameter_px=float(row["equivalent_diameter_px"]),
        circularity=float(row["circularity"]),
        nucleus_cell_ratio=float(inside.sum() / region.area) if known else math.nan,
        lobes=count_lobes(inside),
        chromatin_density=mean,
        chromatin_variation=float(of_nucleus.std() / mean) if found and mean > 0 else math.nan,
        cytoplasm_density=float(density[plasm].mean()) if plasm.any() else math.nan,
        cytoplasm_rgb=tuple(int(v) for v in np.median(part[plasm], axis=0)) if plasm.any() else (),
    )


def count_lobes(nucleus: NDArray[np.bool_]) -> int:
    """Count the lobes of a nucleus: parts that only a waist joins, or nothing.

    Parameters
    ----------
    nucleus : ndarray
        (H, W) bool.

    Returns
    -------
    int
        Maxima of the distance to the outline that stand out from the waists beside them (h-maxima:
        P. Soille, Morphological Image Analysis, 2003), small ones left out.
    """
    from skimage.measure import label
    from skimage.morphology import h_maxima

    if not nucleus.any():
        return 0
    padded = np.pad(nucleus.astype(np.uint8), 1)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    smooth = np.asarray(cv2.GaussianBlur(distance, (0, 0), 1.0), np.float64) * (padded > 0)
    radius = float(smooth.max())
    if radius <= 1:
        return 1
    # In whole numbers: between floating-point numbers scikit-image finds maxima on a plateau.
    steps = np.round(_STEPS * smooth / radius).astype(np.int32)
    peaks = label(h_maxima(steps, round(_LOBE_HEIGHT * _STEPS)))
    heights = [float(smooth[peaks == i].max()) for i in range(1, int(peaks.max()) + 1)]
    return max(1, sum(h >= _LOBE_RADIUS * radius for h in heights))


def colour_name(rgb: tuple[int, ...]) -> str:
    """Return a colour in words, such as "pale blue"; `rgb` is 0 to 255 on a white background."""
    pixel = np.array([[rgb]], np.float32) / np.float32(255)
    hue, saturation, value = (float(v) for v in cv2.cvtColor(pixel, cv2.COLOR_RGB2HSV)[0, 0])
    if saturation < _COLOURLESS:
        return "grey" if value < 0.75 else "colourless"
    name = next(name for limit, name in _HUES if hue < limit)
    if saturation < _PALE:
        return f"pale {name}"
    return f"deep {name}" if value < 0.6 else name


def _cytoplasm(cell: NDArray[np.bool_], nucleus: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return what is surely cytoplasm: away from the edges of nucleus and cell, if it can be."""
    radius = max(1, round(0.03 * math.sqrt(cell.sum())))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    inner = cv2.erode(np.pad(cell, 1).astype(np.uint8), kernel)[1:-1, 1:-1] > 0
    grown = cv2.dilate(nucleus.astype(np.uint8), kernel) > 0
    sure = inner & ~grown
    return sure if sure.any() else cell & ~nucleus
