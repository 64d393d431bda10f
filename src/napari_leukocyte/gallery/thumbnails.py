"""Small pictures of cells: cut when they are first shown, and kept for the next time."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, Literal, TypeAlias, TypeVar, get_args

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.classification.crops import cut_window, standardise_density
from napari_leukocyte.classification.measurements import Region
from napari_leukocyte.gallery.cells import Place
from napari_leukocyte.io.images.background import background_color, balance_white

Contrast: TypeAlias = Literal["photographed", "standardised", "stretched"]
#: The default first.
CONTRASTS: tuple[Contrast, ...] = get_args(Contrast)

T = TypeVar("T")

#: Side of what a picture shows, in median diameters of the cells: all cells of an image are at one
#: scale, since size tells classes apart.
_EXTENT = 1.5
#: The extent stays while it is right within this factor, so that one more cell does not make all
#: pictures anew.
_TOLERANCE = 1.1
#: A cell too large for that gets so much more than its box.
_AROUND = 1.15
#: Side of what is shown where nothing is known of the size of cells, px.
_UNKNOWN = 64.0
#: Colour of outlines: no stain is as dark, and a thin line hides little.
_INK = (20, 20, 20)
#: Optical density that a nucleus gets when standardised: that of a nucleus well stained, at which
#: chromatin is still seen.
_DENSITY = 0.9
#: Percentiles of a cell's pixels that become black and white: nearly all of what is in it, without
#: single pixels of dirt or glare.
_DARKEST, _BRIGHTEST = 1.0, 99.0
#: Memory for pictures, bytes: 1800 of 96 px, many times what a screen holds.
_BUDGET = 64_000_000


@dataclass(frozen=True)
class ThumbnailStyle:
    """The style of thumbnails.

    Attributes
    ----------
    side : int
        Their side, px.
    contrast : {"photographed", "standardised", "stretched"}
        See `at_contrast`.
    outline : bool
        Whether the outline of the mask is drawn.
    """

    side: int = 96
    contrast: Contrast = CONTRASTS[0]
    outline: bool = False


def extent_of(table: pd.DataFrame, former: float | None = None) -> float:
    """Return the side of what pictures of an image's cells show, px.

    Parameters
    ----------
    table : pandas.DataFrame
        With the column ``equivalent_diameter_px``.
    former : float, optional
        What it was; kept if it is still near enough.
    """
    diameters = table["equivalent_diameter_px"].to_numpy(np.float64)
    median = float(np.median(diameters)) if len(diameters) else math.nan
    extent = _EXTENT * median if median > 0 else _UNKNOWN
    if former is not None and former / _TOLERANCE <= extent <= former * _TOLERANCE:
        return former
    return extent


def cut_thumbnail(
    rgb: NDArray[np.uint8],
    labels: NDArray[np.int32],
    place: Place,
    look: ThumbnailStyle,
    extent: float,
    background: NDArray[np.float64],
) -> NDArray[np.uint8]:
    """Cut the picture of a cell with what lies around it.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8.
    labels : ndarray
        (H, W) int32.
    place : Place
        The cell.
    look : ThumbnailStyle
        How it shall look.
    extent : float
        Side of what is shown, px of the image; more for a cell that is larger.
    background : ndarray
        (3,): colour of the empty background; also stands for what is beyond the image.

    Returns
    -------
    ndarray
        (side, side, 3) uint8 RGB, contiguous.
    """
    box = labels[place.y0 : place.y1, place.x0 : place.x1]
    inside = box == place.label
    # The labels may have moved on already: what is there is shown then, without outline.
    known = bool(inside.any())
    mask = inside if known else np.ones_like(inside)
    region = Region(place.label, place.y0, place.x0, place.y1, place.x1, mask)
    shown = max(extent, _AROUND * max(place.y1 - place.y0, place.x1 - place.x0))
    diameter = look.side * math.sqrt(4 * max(1, region.area) / math.pi) / shown
    r, g, b = (round(float(v)) for v in background)
    patch, cell = cut_window(rgb, region, look.side, diameter, (r, g, b))
    patch = at_contrast(patch, cell, look.contrast, background)
    if look.outline and known:
        patch = np.ascontiguousarray(patch).copy()
        _draw_outline(patch, cell)
    return np.ascontiguousarray(patch)


def at_contrast(
    patch: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    contrast: Contrast,
    background: NDArray[np.float64],
) -> NDArray[np.uint8]:
    """Return a picture of a cell at some contrast.

    Parameters
    ----------
    patch : ndarray
        (S, S, 3) uint8 RGB.
    mask : ndarray
        (S, S) uint8, 255 where the cell is.
    contrast : {"photographed", "standardised", "stretched"}
        As it is; with the background brought to a neutral white and the nucleus to one density, so
        that smears of different stain can be compared; with all of the cell's own range spread
        from black to white, which brings out chromatin and granules. All keep the hues.
    background : ndarray
        (3,): colour of the empty background.

    Returns
    -------
    ndarray
        (S, S, 3) uint8 RGB.
    """
    if contrast == "standardised":
        return standardise_density(balance_white(patch, background), mask, _DENSITY)
    if contrast == "stretched":
        inside = mask > 127
        known = patch[inside] if inside.any() else patch.reshape(-1, 3)
        low, high = (float(v) for v in np.percentile(known, (_DARKEST, _BRIGHTEST)))
        levels = (np.arange(256) - low) * (255 / max(1.0, high - low))
        return np.asarray(np.clip(levels, 0, 255).round().astype(np.uint8)[patch])
    return patch


def _draw_outline(patch: NDArray[np.uint8], cell: NDArray[np.uint8]) -> None:
    found, _ = cv2.findContours(
        (cell > 127).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    cv2.polylines(patch, found, True, _INK, 1, cv2.LINE_AA)


class Thumbnails(Generic[T]):
    """Pictures of an image's cells; those not seen for longest are dropped first.

    A picture is known by the cell's number and the state of its mask: an edited cell gets a new
    one, all others keep theirs.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8.
    convert : callable
        Makes of a picture, (S, S, 3) uint8, what is kept.
    budget : int
        Memory that is used at most, bytes, at four to a pixel.
    """

    def __init__(
        self,
        rgb: NDArray[np.uint8],
        convert: Callable[[NDArray[np.uint8]], T],
        budget: int = _BUDGET,
    ) -> None:
        self._rgb = rgb
        self._convert = convert
        self._budget = budget
        self._used = 0
        self._kept: OrderedDict[tuple[Place, ThumbnailStyle, float], T] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    @cached_property
    def background(self) -> NDArray[np.float64]:
        """Colour of the image's empty background, (3,), 0 to 255."""
        return background_color(self._rgb)

    def find(self, place: Place, look: ThumbnailStyle, extent: float) -> T | None:
        """Return a picture that was cut before, or None."""
        key = (place, look, extent)
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def cut(
        self, labels: NDArray[np.int32], place: Place, look: ThumbnailStyle, extent: float
    ) -> T:
        """Return a picture; cut now if it was not before."""
        found = self.find(place, look, extent)
        if found is not None:
            return found
        picture = cut_thumbnail(self._rgb, labels, place, look, extent, self.background)
        made = self._convert(picture)
        self._kept[place, look, extent] = made
        self._used += 4 * look.side**2
        while self._used > self._budget and len(self._kept) > 1:
            (_, old, _), _ = self._kept.popitem(last=False)
            self._used -= 4 * old.side**2
        return made
