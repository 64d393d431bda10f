"""The areas of ImageJ's ROIs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.annotations.formats.canvas import Canvas, Mask
from napari_leukocyte.annotations.formats.cells import Cell
from napari_leukocyte.annotations.formats.left_out import LeftOut, ObjectError
from napari_leukocyte.annotations.formats.outlines import check_ring, fill, outline, rings_of
from napari_leukocyte.errors import FormatError

if TYPE_CHECKING:
    import roifile

#: ImageJ stores coordinates in 16 bits, of which those from 60,536 on are negative.
ROI_LIMIT = 60_000
# Steps of a composite ROI's path, and how many numbers each takes with itself.
_MOVE, _LINE, _QUADRATIC, _CUBIC, _CLOSE = 0, 1, 2, 3, 4
_LENGTHS = {_MOVE: 3, _LINE: 3, _QUADRATIC: 5, _CUBIC: 7, _CLOSE: 1}
#: Straight pieces that a curve becomes: a quarter of a circle of 100 px strays by 0.1 px.
_PIECES = 16
_WITHOUT_AREA = {
    "LINE": "line",
    "FREELINE": "line",
    "POLYLINE": "line",
    "ANGLE": "angle",
    "POINT": "points",
    "NOROI": "ROI without area",
}


@dataclass(frozen=True, eq=False)
class Area:
    """The area that a ROI covers.

    Attributes
    ----------
    where : str
        What it is called in a sentence.
    rings : tuple of ndarray
        Outlines, each (N, 2): x and y, px; together by the even-odd rule.
    oval : bool
        Whether the one ring is the box of an ellipse.
    properties : str
        The ROI's properties as ImageJ keeps them.
    """

    where: str
    rings: tuple[NDArray[np.float64], ...]
    oval: bool
    properties: str

    @property
    def far_corner(self) -> tuple[float, float]:
        """Largest y and x, px."""
        x, y = np.concatenate(self.rings).max(axis=0).tolist()
        return y, x


def set_outline(cell: Cell) -> roifile.ImagejRoi:
    """Return a ROI with an object's outline and nothing else."""
    import roifile

    roi = roifile.ImagejRoi()
    roi.roitype = roifile.ROI_TYPE.RECT
    # The box is in whole pixels; of a box of fractions, the properties hold these.
    roi.top, roi.left = (int(np.floor(side)) for side in cell.box[:2])
    roi.bottom, roi.right = (int(np.ceil(side)) for side in cell.box[2:])
    if cell.mask is None:
        return roi
    rings = rings_of(outline(cell.mask, *cell.corner))
    if len(rings) == 1:
        roi.roitype = roifile.ROI_TYPE.POLYGON
        roi.n_coordinates = len(rings[0])
        roi.integer_coordinates = (rings[0] - [roi.left, roi.top]).astype(np.int32)
        return roi
    path = [step for ring in rings for step in _path(ring.tolist())]
    roi.multi_coordinates = np.array(path, np.float32)
    roi.shape_roi_size = len(path)
    return roi


def _path(points: list[list[int]]) -> list[float]:
    steps: list[float] = []
    for step, (x, y) in zip([_MOVE] + [_LINE] * (len(points) - 1), points, strict=True):
        steps += [step, x, y]
    return [*steps, _CLOSE]


def area_of(data: bytes, where: str, left_out: LeftOut) -> Area:
    """Return the area of a ROI.

    Parameters
    ----------
    data : bytes
        As in a ``.roi`` file.
    where : str
        What it is called in a sentence.
    left_out : LeftOut
        Collects parts without area.

    Raises
    ------
    ObjectError
        If it is a ROI without area.
    FormatError
        If it is damaged.
    """
    import roifile

    log = roifile.roifile.logger()
    was_disabled, log.disabled = log.disabled, True
    try:
        roi = roifile.ImagejRoi.frombytes(data)
    except Exception as error:
        # roifile raises many types on damaged files; each means the same to the user.
        raise FormatError(f"{where} is a damaged ImageJ ROI.") from error
    finally:
        log.disabled = was_disabled
    given = _rings(roi, where)
    rings = []
    for ring in given:
        if len(given) == 1:
            rings.append(check_ring(ring, where))
            continue
        with left_out.part():
            rings.append(check_ring(ring, where))
    if not rings:
        raise ObjectError(where, "is a composite ROI without parts", "composite ROI without parts")
    oval = roi.roitype == roifile.ROI_TYPE.OVAL
    return Area(where, tuple(rings), oval, roi.props)


def _rings(roi: roifile.ImagejRoi, where: str) -> list[NDArray[Any]]:
    import roifile

    kinds = roifile.ROI_TYPE
    if roi.roitype in (kinds.POLYGON, kinds.FREEHAND, kinds.TRACED):
        if roi.subpixel_coordinates is not None:
            return [roi.subpixel_coordinates]
        if roi.integer_coordinates is not None:
            return [roi.integer_coordinates + np.array([roi.left, roi.top])]
    elif roi.roitype == kinds.RECT and roi.multi_coordinates is not None:
        return _rings_of_path(roi.multi_coordinates.tolist(), where)
    elif roi.roitype in (kinds.RECT, kinds.OVAL):
        x0, y0, x1, y1 = float(roi.left), float(roi.top), float(roi.right), float(roi.bottom)
        if roi.subpixelrect:
            x0, y0 = roi.xd, roi.yd
            x1, y1 = x0 + roi.widthd, y0 + roi.heightd
        return [np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])]
    kind = _WITHOUT_AREA.get(roi.roitype.name, "ROI without area")
    raise ObjectError(where, "is a ROI without area, such as a line, points or text", kind)


def _rings_of_path(path: list[float], where: str) -> list[NDArray[Any]]:
    rings: list[list[list[float]]] = []
    at = 0
    while at < len(path):
        step = path[at]
        length = _LENGTHS.get(int(step), 0) if np.isfinite(step) else 0
        if not length or at + length > len(path) or (step != _MOVE and not rings):
            raise FormatError(f"{where} is a damaged composite ROI.")
        if step == _MOVE:
            rings.append([])
        if step in (_QUADRATIC, _CUBIC):
            rings[-1] += _curve([*rings[-1][-1], *path[at + 1 : at + length]])
        elif step != _CLOSE:
            rings[-1].append(path[at + 1 : at + 3])
        at += length
    return [np.array(_opened(ring), np.float64).reshape(-1, 2) for ring in rings if len(ring) > 1]


def _curve(numbers: list[float]) -> list[list[float]]:
    """Return points on a Bezier curve behind its first, of 3 or 4 points as x and y by turns."""
    points = np.array(numbers, np.float64).reshape(-1, 1, 2)
    t = np.linspace(0, 1, _PIECES + 1)[1:, np.newaxis]
    while len(points) > 1:
        points = points[:-1] * (1 - t) + points[1:] * t
    return [[float(x), float(y)] for x, y in points[0]]


def _opened(ring: list[list[float]]) -> list[list[float]]:
    return ring[:-1] if ring[0] == ring[-1] else ring


def draw(area: Area, canvas: Canvas) -> Mask:
    """Return the mask of an area in the image of a canvas.

    Raises
    ------
    ObjectError
        If it lies outside of the image.
    """
    rings = area.rings
    corners = np.concatenate(rings)
    canvas.left_out.check_border(corners, canvas.shape, area.where, "ROI")
    mask, y0, x0 = fill(rings, canvas.shape, area.where)
    if not area.oval or not mask.size:
        return mask, y0, x0
    (left, top), (right, bottom) = rings[0].min(axis=0), rings[0].max(axis=0)
    y = (np.arange(mask.shape[0]) + y0 + 0.5 - (top + bottom) / 2) / ((bottom - top) / 2)
    x = (np.arange(mask.shape[1]) + x0 + 0.5 - (left + right) / 2) / ((right - left) / 2)
    return (y[:, np.newaxis] ** 2 + x**2) <= 1, y0, x0
