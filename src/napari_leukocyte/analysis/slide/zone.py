"""The zone of a smear in which cells are counted: the monolayer, found on a coarse pass.

Leukocytes are counted where erythrocytes lie side by side and hardly overlap, and show their
central pallor [1]_ [2]_: towards the drop they are heaped, towards the feathered edge they are
sparse, flat and without pallor. So a coarse pass finds the tissue, and in it each field is judged
by how much of it is covered, how much of that are single erythrocytes, and how many of those have
a pale centre; compare how Angulo and Flandrin find the working area of smears [3]_.

References
----------
.. [1] CLSI, "Reference Leukocyte (WBC) Differential Count (Proportional) and Evaluation of
   Instrumental Methods", H20-A2, 2007.
.. [2] Palmer and others, "ICSH recommendations for the standardization of nomenclature and grading
   of peripheral blood cell morphological features", Int J Lab Hematol 37, 2015, 287 to 303.
.. [3] Angulo and Flandrin, "Automated detection of working area of peripheral blood smears using
   mathematical morphology", Anal Cell Pathol 25, 2003, 37 to 49.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.io.images.background import background_color
from napari_leukocyte.io.slides.image import PartBox, SlideImage
from napari_leukocyte.progress import Progress, silent

#: Longer side of the copy on which the tissue is looked for, px.
COARSE_PX = 1024
#: Side of a field that is judged, diameters of a leukocyte.
FIELD_DIAMETERS = 10.0
#: Diameter of an erythrocyte, of a leukocyte's: 7.5 µm against about 13 (Bain, "Blood Cells", 6th
#: edition, Wiley 2022, chapter 3).
ERYTHROCYTE = 0.58
#: Diameter that erythrocytes have where they are judged, px: enough to see the pallor.
JUDGED_PX = 16.0
#: Part of the background's green light that stained pixels have lost at least.
STAINED = 0.08
#: Least part of a tissue's neighbourhood that is stained.
TISSUE = 0.05
# Photographs that three laboratories took where they count (BCCD, Bio-Net, Chula RBC-12), as many
# together as a field of ten diameters holds, have covers of 0.29 to 0.81, parts of single
# erythrocytes from 0.15 on and of pale ones from 0.13 on (first to 99th percentile, the extremes of
# the laboratories). Two drawn monolayers heaped on each other cover 0.84.
#: Cover of a monolayer: sparser is the feathered edge, denser is heaped.
COVER = (0.12, 0.82)
#: Least part of the cover that are single erythrocytes.
SINGLE = 0.12
#: Least part of the single erythrocytes that have a pale centre.
PALE = 0.15
#: Depths of an erythrocyte's middle in what is stained, and the largest hole that is a pallor, of
#: its radius and area.
_DEPTH, _HOLE = (0.6, 1.35), 0.25
#: Density of a pale centre, at most, of the rim's.
_CENTRE = 0.85


@dataclass(frozen=True)
class FieldLook:
    """The look of a field's erythrocytes.

    Attributes
    ----------
    cover : float
        Part of the field that is stained, 0 to 1.
    single : float
        Part of the cover that are single erythrocytes, 0 to 1.
    pale : float
        Part of the single erythrocytes that have a pale centre, 0 to 1.
    """

    cover: float
    single: float
    pale: float

    @property
    def is_monolayer(self) -> bool:
        """Whether cells can be counted there."""
        return COVER[0] <= self.cover <= COVER[1] and self.single >= SINGLE and self.pale >= PALE


@dataclass(frozen=True, eq=False)
class CountingZone:
    """The zone of a slide in which cells are counted, as a grid of fields.

    Attributes
    ----------
    inside : ndarray
        (rows, columns) bool: which fields are in the zone.
    side : int
        Side of a field, px.
    shape : (int, int)
        Of the slide, px.
    """

    inside: NDArray[np.bool_]
    side: int
    shape: tuple[int, int]

    def field(self, row: int, column: int) -> PartBox:
        """Return the part of the slide that a field is, px."""
        y0, x0 = row * self.side, column * self.side
        return (
            y0,
            x0,
            min(y0 + self.side, self.shape[0]),
            min(x0 + self.side, self.shape[1]),
        )


def find_zone(image: SlideImage, diameter: float, progress: Progress = silent) -> CountingZone:
    """Find the zone of a slide in which cells are counted.

    Parameters
    ----------
    image : SlideImage
        The slide.
    diameter : float
        Diameter of a leukocyte, px.
    progress : callable
        Called after each row of fields; it may raise.

    Returns
    -------
    CountingZone
        Fields without tissue are not looked at. Lone fields are dropped and lone gaps are closed.

    Raises
    ------
    ImageError
        If the slide can't be read.
    """
    side = max(1, round(FIELD_DIAMETERS * diameter))
    height, width = image.shape
    # What is left at the end is part of the last field, unless it is most of one.
    rows, columns = (max(1, round(length / side)) for length in (height, width))
    coarse = image.coarse(COARSE_PX)
    background = background_color(coarse)
    tissue = find_tissue(coarse, background)
    factor = height / coarse.shape[0]
    inside = np.zeros((rows, columns), bool)
    zone = CountingZone(inside, side, image.shape)
    for row in range(rows):
        for column in range(columns):
            part = zone.field(row, column)
            top, left, bottom, right = (int(v / factor) for v in part)
            if tissue[top : bottom + 1, left : right + 1].mean() >= 0.5:
                look = judge_field(_seen(image, part, diameter), background, JUDGED_PX)
                inside[row, column] = look.is_monolayer
        progress(row + 1, rows, "Looking for the monolayer")
    return CountingZone(_smooth(inside), side, image.shape)


def find_tissue(coarse: NDArray[np.uint8], background: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Find where a coarse copy of a slide shows blood.

    Parameters
    ----------
    coarse : ndarray
        (h, w, 3) uint8.
    background : ndarray
        (3,) RGB of the empty background.

    Returns
    -------
    ndarray
        (h, w) bool.
    """
    stained = (coarse[..., 1] < (1 - STAINED) * background[1]).astype(np.float32)
    # Of sparse cells the surroundings are tissue as well.
    reach = max(3, round(0.01 * max(coarse.shape[:2]))) | 1
    return np.asarray(cv2.blur(stained, (reach, reach)) >= TISSUE)


def judge_field(
    rgb: NDArray[np.uint8], background: NDArray[np.float64], erythrocyte: float
) -> FieldLook:
    """Judge a field by its erythrocytes.

    Parameters
    ----------
    rgb : ndarray
        (h, w, 3) uint8.
    background : ndarray
        (3,) RGB of the empty background.
    erythrocyte : float
        Diameter of an erythrocyte, px.

    Returns
    -------
    FieldLook
    """
    light = np.maximum(rgb[..., 1].astype(np.float32), 1) / np.float32(background[1])
    density = -np.log(np.minimum(light, 1))
    rim = (density > -np.log(1 - STAINED)).astype(np.uint8)
    # A pallor may be as bright as the background, and is filled; gaps between cells are larger.
    radius = erythrocyte / 2
    count, labels, stats, _ = cv2.connectedComponentsWithStats(1 - rim, connectivity=4)
    small = stats[:, cv2.CC_STAT_AREA] < _HOLE * np.pi * radius**2
    small[0] = False
    mask = np.asarray(rim | (small[labels] if count > 1 else 0), np.uint8)
    depth = cv2.distanceTransform(cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT), 2, 5)
    depth = cv2.GaussianBlur(depth[1:-1, 1:-1], (0, 0), max(0.5, 0.08 * erythrocyte))
    apart = 2 * max(1, round(0.6 * radius)) + 1
    highest = cv2.dilate(depth, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (apart, apart)))
    peaks = (depth >= highest) & (depth >= _DEPTH[0] * radius) & (depth <= _DEPTH[1] * radius)
    # One pixel of each peak: several of one height are one cell.
    _, _, _, middles = cv2.connectedComponentsWithStats(peaks.astype(np.uint8), connectivity=8)
    found, pale, single = 0, 0, 0.0
    for x, y in middles[1:]:
        centre, around = _centre_and_rim(density, mask, y, x, radius)
        if around is None:
            continue
        found += 1
        single += np.pi * float(depth[int(y), int(x)]) ** 2
        pale += centre < _CENTRE * around
    covered = float(np.count_nonzero(mask))
    return FieldLook(
        covered / mask.size,
        min(1.0, single / covered) if covered else 0.0,
        pale / found if found else 0.0,
    )


def _centre_and_rim(
    density: NDArray[np.float32], mask: NDArray[np.uint8], y: float, x: float, radius: float
) -> tuple[float, float | None]:
    """Return the mean densities in the middle of a cell and of its rim, None at the border."""
    reach = int(np.ceil(0.9 * radius))
    top, left = int(y) - reach, int(x) - reach
    if top < 0 or left < 0:
        return 0.0, None
    patch = density[top : top + 2 * reach + 1, left : left + 2 * reach + 1]
    inside = mask[top : top + 2 * reach + 1, left : left + 2 * reach + 1] > 0
    if patch.shape != (2 * reach + 1, 2 * reach + 1):
        return 0.0, None
    offset = np.arange(-reach, reach + 1)
    away = np.hypot(offset[:, np.newaxis], offset)
    middle, rim = away <= 0.3 * radius, (away >= 0.5 * radius) & (away <= 0.85 * radius) & inside
    if not rim.any():
        return 0.0, None
    return float(patch[middle].mean()), float(patch[rim].mean())


def _seen(image: SlideImage, part: PartBox, diameter: float) -> NDArray[np.uint8]:
    """Return the middle of a field, at the size at which it is judged."""
    y0, x0, y1, x1 = part
    shrink = JUDGED_PX / (ERYTHROCYTE * diameter)
    fit = [i for i, v in enumerate(image.levels) if 1 / v.downsample >= shrink]
    level = fit[-1] if fit else 0
    factor = image.levels[level].downsample
    size = image.levels[level]
    top, left = int(y0 / factor), int(x0 / factor)
    bottom = min(size.height, max(top + 1, int(y1 / factor)))
    right = min(size.width, max(left + 1, int(x1 / factor)))
    pixels = image.read((top, left, bottom, right), level)
    scale = shrink * factor
    shape = tuple(max(1, round(v * scale)) for v in pixels.shape[1::-1])
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, shape, interpolation=method), np.uint8)


def _smooth(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Close lone gaps, then drop lone fields, by the four neighbours of each."""
    padded = np.pad(inside, 1).astype(int)
    around = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
    closed = inside | (around >= 3)
    if inside.sum() < 3:
        return np.asarray(closed)
    padded = np.pad(closed, 1).astype(int)
    around = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
    return np.asarray(closed & (around >= 1))
