"""Pictures that stand inside a report: cells and whole fields as data URIs."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.classification.crops import cut_window
from napari_leukocyte.classification.regions import Region, iterate_regions
from napari_leukocyte.reporting.drawing import INK, UNCLASSIFIED, Color, class_colors, to_rgb
from napari_leukocyte.reporting.overlay import draw_overlay

#: Side of a cell's picture, px; on paper it is 18 mm wide, thus 170 px to the inch.
CELL_SIDE = 120
#: Side of what a picture shows, in median diameters of the field's cells: all cells of a field are
#: at one scale, since size tells classes apart.
_EXTENT = 2.0
#: An object too large for that gets so much more than its box.
_AROUND = 1.15
#: Largest side of a field's picture, px.
_FIELD_SIDE = 1400
#: Of JPEG; cells must not lose their granules.
_CELL_QUALITY, _FIELD_QUALITY = 92, 85


def cell_pictures(
    rgb: NDArray[np.uint8],
    labels: NDArray[np.int32],
    classes: Mapping[int, str],
    wanted: Collection[int] | None = None,
    side: int = CELL_SIDE,
) -> dict[int, str]:
    """Cut a picture of each cell with its outline in the colour of its class.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8.
    labels : ndarray
        (H, W) int32.
    classes : mapping of int to str
        Class of the cells that have one.
    wanted : collection of int, optional
        Only these cells.
    side : int
        Side of the pictures, px.

    Returns
    -------
    dict of int to str
        Data URI (JPEG) by the number of the cell.
    """
    regions = list(iterate_regions(labels))
    if not regions:
        return {}
    colors = class_colors(classes.values())
    extent = _EXTENT * float(np.median([_diameter(region) for region in regions]))
    pictures: dict[int, str] = {}
    for region in regions:
        if wanted is None or region.label in wanted:
            name = classes.get(region.label)
            color = colors[name] if name else to_rgb(UNCLASSIFIED)
            pictures[region.label] = data_uri(_cell(rgb, region, extent, side, color))
    return pictures


def field_picture(rgb: NDArray[np.uint8], labels: NDArray[np.int32], table: pd.DataFrame) -> str:
    """Return the overlay of a field, reduced to at most 1400 px, as a data URI (JPEG).

    Parameters
    ----------
    rgb, labels, table
        As for :func:`napari_leukocyte.reporting.overlay.draw_overlay`.
    """
    overlay = draw_overlay(rgb, labels, table)
    height, width = overlay.shape[:2]
    scale = _FIELD_SIDE / max(height, width)
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        overlay = np.asarray(cv2.resize(overlay, size, interpolation=cv2.INTER_AREA), np.uint8)
    return data_uri(overlay, _FIELD_QUALITY)


def data_uri(rgb: NDArray[np.uint8], quality: int = _CELL_QUALITY) -> str:
    """Return a picture, (H, W, 3) uint8 RGB, as a JPEG in a data URI."""
    # Without subsampling of colours, which would blur thin outlines.
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), options)
    return "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode("ascii")


def _cell(
    rgb: NDArray[np.uint8], region: Region, extent: float, side: int, color: Color
) -> NDArray[np.uint8]:
    shown = max(extent, _AROUND * max(region.y1 - region.y0, region.x1 - region.x0))
    patch, mask = cut_window(rgb, region, side, side * _diameter(region) / shown)
    patch = patch.copy()
    inside = (mask > 127).astype(np.uint8)
    contours, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    # A dark rim below: the light colours would vanish against the background of the smear.
    cv2.polylines(patch, contours, True, INK, 2, cv2.LINE_AA)
    cv2.polylines(patch, contours, True, color, 1, cv2.LINE_AA)
    return patch


def _diameter(region: Region) -> float:
    return float(np.sqrt(4 * region.area / np.pi))
