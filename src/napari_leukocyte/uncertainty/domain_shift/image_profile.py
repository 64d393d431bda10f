"""The profile of an image: background, stain, sharpness, size of the cells, and grain.

Grain is what a camera, its demosaicking and its compression leave. Two laboratories may stain alike
and still photograph differently, and a classifier learns the one camera that it has seen; detail
finer than any structure of a cell tells cameras apart.

References
----------
.. [1] Lukáš, Fridrich, Goljan, "Digital camera identification from sensor pattern noise", IEEE
   Transactions on Information Forensics and Security 1, 2006: a camera is known by what is left
   when the scene is taken away.
.. [2] Popescu, Farid, "Exposing digital forgeries in color filter array interpolated images", IEEE
   Transactions on Signal Processing 53, 2005: demosaicking ties the colours of neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.crops import cut_window
from napari_leukocyte.classification.measurements import Region, iterate_regions
from napari_leukocyte.io.images.background import WHITE, background_color, balance_white

#: In the order of every vector: detail of brightness and of the two colour differences (YCrCb), in
#: the finest octave and in the next, as natural logarithms; how much of the finest detail red and
#: green, and green and blue, have in common (correlations).
GRAIN = (
    "grain_bright_fine",
    "grain_bright",
    "grain_red_fine",
    "grain_red",
    "grain_blue_fine",
    "grain_blue",
    "shared_red_green",
    "shared_green_blue",
)
#: Standard deviations of the blurs between which an octave lies, px.
_FINE, _COARSE = 0.7, 1.4
#: What is left beside this blur, px, is compared between the colours.
_RESIDUAL = 0.8
#: Side of the tiles, px, and the percentile over them: emptier parts of the image, where there is
#: little else than grain.
_TILE, _EMPTY = 16, 30
#: Grey values under which there is no grain, only rounding.
_ROUNDING = 0.02
#: Largest part of an image that is measured, px each way, from its middle.
_WINDOW = 1500
#: The measurements of an image, in the order of every vector. Colours are CIE L*a*b* (D65):
#: of the empty background as photographed; of nuclei, of cytoplasm and of what surrounds the
#: cells (mostly erythrocytes) after the background was brought to white.
FEATURES = (
    "background_l",
    "background_a",
    "background_b",
    "nucleus_l",
    "nucleus_a",
    "nucleus_b",
    "cytoplasm_l",
    "cytoplasm_a",
    "cytoplasm_b",
    "surroundings_l",
    "surroundings_a",
    "surroundings_b",
    "sharpness",
    "noise",
    "log_diameter",
    *GRAIN,
)
#: Cells that are enough to know a stain; of more, so many are taken evenly.
MOST_CELLS = 60
#: Side and diameter, px, at which sharpness is measured: one scale for all magnifications.
_SIDE, _DIAMETER = 96, 72.0
#: Parts of a cell's pixels, from dark to light: the nucleus (as in `classification.stain`), and
#: what is surely cytoplasm even around a large nucleus.
_NUCLEUS, _CYTOPLASM = 15.0, (75.0, 95.0)
#: Green values of the balanced image between which a pixel outside the cells shows an
#: erythrocyte: darker is a nucleus that was missed, lighter is empty.
_DARKEST, _LIGHTEST = 90, 215
#: Fewer pixels than this say nothing of the surroundings.
_FEWEST = 50


@dataclass(frozen=True, eq=False)
class ImageProfile:
    """The measurements of one image.

    Attributes
    ----------
    values : ndarray
        (F,) float64, see `FEATURES`; NaN where there was nothing to measure.
    cells : int
        How many cells took part.
    """

    values: NDArray[np.float64]
    cells: int

    def __getitem__(self, name: str) -> float:
        """Return one measurement."""
        return float(self.values[FEATURES.index(name)])


def measure_profile(rgb: NDArray[np.uint8], labels: NDArray[np.int32]) -> ImageProfile:
    """Measure an image.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8.
    labels : ndarray
        (H, W) int32: its cells; without any, only background, surroundings and noise are known.

    Returns
    -------
    ImageProfile
    """
    background = background_color(rgb)
    balanced = balance_white(rgb, background)
    regions = list(iterate_regions(labels))
    if len(regions) > MOST_CELLS:
        chosen = np.linspace(0, len(regions) - 1, MOST_CELLS).round().astype(int)
        regions = [regions[i] for i in chosen]
    cells = [_of_cell(balanced, region) for region in regions]
    of_cells = np.median(cells, axis=0) if cells else np.full(8, np.nan)
    values = [
        *lab(background),
        *of_cells[:6],
        *_surroundings(balanced, labels),
        of_cells[6],
        noise_level(rgb),
        of_cells[7],
        *measure_grain(rgb),
    ]
    return ImageProfile(np.array(values, np.float64), len(cells))


def measure_grain(rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Measure the grain of an image.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8.

    Returns
    -------
    ndarray
        (8,) float64, see `GRAIN`; NaN where there was nothing to measure.
    """
    height, width = rgb.shape[:2]
    top, left = max(0, (height - _WINDOW) // 2), max(0, (width - _WINDOW) // 2)
    window = np.ascontiguousarray(rgb[top : top + _WINDOW, left : left + _WINDOW])
    values: list[float] = []
    for channel in cv2.split(cv2.cvtColor(window, cv2.COLOR_RGB2YCrCb).astype(np.float32)):
        fine = cv2.GaussianBlur(channel, (0, 0), _FINE)
        coarse = cv2.GaussianBlur(channel, (0, 0), _COARSE)
        values += [_detail(np.abs(channel - fine)), _detail(np.abs(fine - coarse))]
    colors = cv2.split(window.astype(np.float32))
    red, green, blue = (c - cv2.GaussianBlur(c, (0, 0), _RESIDUAL) for c in colors)
    return np.array([*values, _correlation(red, green), _correlation(green, blue)], np.float64)


def lab(color: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return a colour, (3,) RGB from 0 to 255, in CIE L*a*b*."""
    pixel = np.asarray(color, np.float32).reshape(1, 1, 3) / np.float32(255)
    return np.asarray(cv2.cvtColor(pixel, cv2.COLOR_RGB2LAB), np.float64).ravel()


def noise_level(rgb: NDArray[np.uint8]) -> float:
    """Return the noise of the green channel.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8.

    Returns
    -------
    float
        Natural logarithm of one plus its standard deviation in grey values: Immerkaer's estimate
        [1]_, of which the median over tiles is taken so that edges of cells do not count.

    References
    ----------
    .. [1] Immerkaer, "Fast noise variance estimation", Computer Vision and Image Understanding 64,
       1996.
    """
    green = rgb[..., 1].astype(np.float32)
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    response = np.abs(cv2.filter2D(green, cv2.CV_32F, kernel))[1:-1, 1:-1]
    side = 16
    height, width = (n // side * side for n in response.shape)
    if not (height and width):
        return float(np.log1p(np.sqrt(np.pi / 2) / 6 * response.mean()))
    tiles = response[:height, :width].reshape(height // side, side, width // side, side)
    means = tiles.mean(axis=(1, 3))
    return float(np.log1p(np.sqrt(np.pi / 2) / 6 * np.median(means)))


def sharpness(patch: NDArray[np.uint8], mask: NDArray[np.uint8]) -> float:
    """Return how sharp a cell is.

    Parameters
    ----------
    patch : ndarray
        (S, S, 3) uint8 RGB at a given scale.
    mask : ndarray
        (S, S) uint8, 255 inside the cell.

    Returns
    -------
    float
        Natural logarithm of the Laplacian's standard deviation inside the cell [1]_ over the range
        of its grey values, which takes out the strength of the stain.

    References
    ----------
    .. [1] Pech-Pacheco and others, "Diatom autofocusing in brightfield microscopy: a comparative
       study", ICPR 2000.
    """
    green = cv2.GaussianBlur(patch[..., 1].astype(np.float32), (0, 0), 1.0)
    inside = mask > 127
    if not inside.any():
        return float("nan")
    low, high = np.percentile(green[inside], (5, 95))
    laplacian = cv2.Laplacian(green, cv2.CV_32F)[inside]
    return float(np.log((laplacian.std() + 1e-3) / (high - low + 1.0)))


def _of_cell(balanced: NDArray[np.uint8], region: Region) -> NDArray[np.float64]:
    """Return the colours of nucleus and cytoplasm, sharpness, and log of the diameter."""
    pixels = balanced[region.y0 : region.y1, region.x0 : region.x1][region.mask]
    green = pixels[:, 1].astype(np.float32)
    dark = pixels[green <= np.percentile(green, _NUCLEUS)]
    low, high = np.percentile(green, _CYTOPLASM)
    light = pixels[(green >= low) & (green <= high)]
    patch, mask = cut_window(balanced, region, _SIDE, _DIAMETER)
    return np.array(
        [
            *lab(dark.mean(axis=0)),
            *lab(light.mean(axis=0)),
            sharpness(patch, mask),
            np.log(np.sqrt(4 * region.area / np.pi)),
        ]
    )


def _surroundings(balanced: NDArray[np.uint8], labels: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the colour of what lies around the cells and is stained."""
    step = max(1, min(labels.shape) // 512)
    shown = balanced[::step, ::step]
    # Rims of cells are mixtures.
    outside = cv2.dilate((labels[::step, ::step] > 0).astype(np.uint8), np.ones((7, 7))) == 0
    green = shown[..., 1]
    stained = shown[outside & (green > _DARKEST) & (green < _LIGHTEST)]
    if len(stained) < _FEWEST:
        return np.full(3, np.nan)
    return lab(np.minimum(np.median(stained, axis=0), WHITE))


def _detail(band: NDArray[np.float32]) -> float:
    height, width = (n // _TILE * _TILE for n in band.shape)
    if not (height and width):
        return float(np.log(_ROUNDING + band.mean()))
    tiles = band[:height, :width].reshape(height // _TILE, _TILE, width // _TILE, _TILE)
    return float(np.log(_ROUNDING + np.percentile(tiles.mean(axis=(1, 3)), _EMPTY)))


def _correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    a, b = one.ravel() - one.mean(), other.ravel() - other.mean()
    both = float(np.linalg.norm(a)) * float(np.linalg.norm(b))
    return float(a @ b) / both if both > 0 else float("nan")
