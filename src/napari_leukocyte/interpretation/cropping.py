"""The crops in which a classifier sees a cell, and where they lie on the image."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.crops import cut_crop, cut_window
from napari_leukocyte.classification.measurements import Region
from napari_leukocyte.io.images.background import background_color, balance_white
from napari_leukocyte.models.manifest import Manifest


@dataclass(frozen=True, eq=False)
class CellCrops:
    """One cell as each member of a classifier sees it.

    Maps are made in the frame of the crop that shows the most, the first of those: the frame.

    Attributes
    ----------
    members : tuple of ndarray
        (S, S, 3) uint8 each, exactly what classification gives the member.
    magnifications : tuple of float
        By how much a cell is larger in each member's crop than in the frame; 1 or more.
    mask : ndarray
        (S, S) uint8, 255 where the cell is, in the frame.
    y0, x0 : int
        Where the frame begins on the image, px; may be negative.
    extent : int
        Its side on the image, px.
    diameter : float
        Of the cell in the frame, px of the crop.
    """

    members: tuple[NDArray[np.uint8], ...]
    magnifications: tuple[float, ...]
    mask: NDArray[np.uint8]
    y0: int
    x0: int
    extent: int
    diameter: float

    @property
    def frame(self) -> int:
        """Index of the member whose crop is the frame."""
        return int(np.argmin(self.magnifications))

    @property
    def crop(self) -> NDArray[np.uint8]:
        """The crop that is the frame, (S, S, 3) uint8."""
        return self.members[self.frame]

    @cached_property
    def sha256(self) -> str:
        """Checksum of all that an explanation depends on, hexadecimal."""
        found = hashlib.sha256(np.array(self.magnifications, np.float64).tobytes())
        for array in (*self.members, self.mask):
            found.update(np.ascontiguousarray(array).data)
        return found.hexdigest()

    def to_member(self, keep: NDArray[np.float32], member: int) -> NDArray[np.float32]:
        """Bring a picture of the frame into a member's crop.

        Parameters
        ----------
        keep : ndarray
            (S, S) float32.
        member : int
            Index of the member.

        Returns
        -------
        ndarray
            (S, S) float32.
        """
        zoom = self.magnifications[member]
        if zoom == 1.0:
            return keep
        side = keep.shape[0]
        shift = (side - 1) / 2 * (1 - zoom)
        matrix = np.array([[zoom, 0, shift], [0, zoom, shift]])
        return np.asarray(
            cv2.warpAffine(keep, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE),
            np.float32,
        )

    def on_image(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Bring a map from the frame to the scale of the image.

        Parameters
        ----------
        values : ndarray
            (S, S) float32.

        Returns
        -------
        ndarray
            (extent, extent) float32; its first pixel lies on the image's pixel (y0, x0).
        """
        size = (self.extent, self.extent)
        method = cv2.INTER_AREA if self.extent < values.shape[0] else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(values, size, interpolation=method), np.float32)


def stack_crops(cells: Sequence[CellCrops]) -> list[NDArray[np.uint8]]:
    """Return the crops of cells for each member, (N, S, S, 3), as `inference.see` takes them."""
    return [np.stack(crops) for crops in zip(*(c.members for c in cells), strict=True)]


def cut_cell(
    rgb: NDArray[np.uint8],
    region: Region,
    manifest: Manifest,
    background: NDArray[np.float64] | None = None,
) -> CellCrops:
    """Cut one cell exactly as classification does.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8: the whole image.
    region : Region
        The cell.
    manifest : Manifest
        The classifier.
    background : ndarray, optional
        (3,): colour of the image's empty background, if it is known.

    Returns
    -------
    CellCrops
    """
    if background is None:
        background = background_color(rgb)
    diameters = [m.diameter_px for m in manifest.members]
    widest = min(diameters)
    real = float(np.sqrt(4 * region.area / np.pi))
    # As in classification.crops.cut_window.
    half = manifest.side_px / 2 * real / widest
    y0 = int(np.floor((region.y0 + region.y1) / 2 - half))
    x0 = int(np.floor((region.x0 + region.x1) / 2 - half))
    extent = max(1, int(np.ceil(2 * half)))
    # Only what the widest crop shows is balanced; a pixel more all around changes nothing.
    height, width = rgb.shape[:2]
    top, left = max(0, min(y0, region.y0) - 1), max(0, min(x0, region.x0) - 1)
    bottom = min(height, max(y0 + extent, region.y1) + 1)
    right = min(width, max(x0 + extent, region.x1) + 1)
    part = balance_white(np.ascontiguousarray(rgb[top:bottom, left:right]), background)
    moved = replace(
        region,
        y0=region.y0 - top,
        x0=region.x0 - left,
        y1=region.y1 - top,
        x1=region.x1 - left,
    )
    side = manifest.side_px
    crops = tuple(cut_crop(part, moved, side, d, manifest.nucleus_density) for d in diameters)
    _, mask = cut_window(part, moved, side, widest)
    return CellCrops(
        members=crops,
        magnifications=tuple(d / widest for d in diameters),
        mask=mask,
        y0=y0,
        x0=x0,
        extent=extent,
        diameter=widest,
    )
