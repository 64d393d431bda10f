"""The zone in which cells are counted as polygons that a user can edit, and back."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.analysis.slide.zone import FIELD_DIAMETERS, CountingZone

#: Places in a field, along each side, that are looked at whether they lie in a polygon.
_PLACES = 16
#: Least part of a field that lies in the polygons.
_INSIDE = 0.5


def outlines_of(zone: CountingZone) -> list[NDArray[np.float64]]:
    """Return the outlines of a zone.

    Parameters
    ----------
    zone : CountingZone
        The zone.

    Returns
    -------
    list of ndarray
        (N, 2) y and x each, px. None has a hole: what surrounds one is cut in two.
    """
    count, labels = cv2.connectedComponents(zone.inside.astype(np.uint8), connectivity=4)
    return [
        np.minimum(outline * zone.side, zone.shape).astype(np.float64)
        for number in range(1, count)
        for outline in _without_holes(labels == number)
    ]


def _without_holes(piece: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """Return the outlines of a connected piece, in fields."""
    outside = np.pad(~piece, 1, constant_values=True).astype(np.uint8)
    # A hole that only touches the outside at a corner is one as well.
    count, around = cv2.connectedComponents(outside, connectivity=4)
    if count > 2:
        # Through the first row of the first hole: it is open below then, and above in the rest.
        number = next(n for n in range(1, count) if n != around[0, 0])
        row = int(np.nonzero(around == number)[0].min())
        found = []
        for rows in (slice(None, row), slice(row, None)):
            part = np.zeros_like(piece)
            part[rows] = piece[rows]
            pieces, labels = cv2.connectedComponents(part.astype(np.uint8), connectivity=4)
            for each in range(1, pieces):
                found += _without_holes(labels == each)
        return found
    # Each field as two by two, so that its corners are told from its neighbours'.
    wide = np.kron(piece, np.ones((2, 2))).astype(np.uint8)
    contours, _ = cv2.findContours(wide, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return [np.ceil(contour[:, 0, ::-1] / 2) for contour in contours]


def zone_within(
    polygons: Sequence[NDArray[np.float64]], diameter: float, shape: tuple[int, int]
) -> CountingZone:
    """Return the zone that polygons enclose.

    Parameters
    ----------
    polygons : sequence of ndarray
        (N, 2) y and x each, px; they may reach beyond the slide.
    diameter : float
        Diameter of a leukocyte, px.
    shape : (int, int)
        Height and width of the slide, px.

    Returns
    -------
    CountingZone
        The fields of which at least half of what is on the slide lies in any of the polygons, on
        the grid on which :func:`~napari_leukocyte.analysis.slide.zone.find_zone` looks for it.
    """
    side = max(1, round(FIELD_DIAMETERS * diameter))
    rows, columns = (max(1, round(length / side)) for length in shape)
    within, whole = np.zeros((2, rows * _PLACES, columns * _PLACES), np.uint8)
    height, width = shape
    frame = np.array([[0, 0], [0, width], [height, width], [height, 0]], np.float64)
    for mask, filled in ((within, polygons), (whole, [frame])):
        for polygon in filled:
            # From corners to middles of pixels, and to what OpenCV's numbers hold.
            places = np.clip(polygon * _PLACES / side - 0.5, -(2**14), 2**14)
            cv2.fillPoly(mask, [np.round(places[:, ::-1] * 2**8).astype(np.int32)], 1, shift=8)
    parts = rows, _PLACES, columns, _PLACES
    share = (within * whole).reshape(parts).sum(axis=(1, 3)) / np.maximum(
        whole.reshape(parts).sum(axis=(1, 3)), 1
    )
    return CountingZone(share >= _INSIDE, side, shape)
