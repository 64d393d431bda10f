"""Single cells for the classifier: photograph, mask and class, cut and kept.

Where a set has no masks, the plugin's own segmentation gives them.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.crops import cut_window
from napari_leukocyte.classification.measurements import Region, iterate_regions
from napari_leukocyte.io.images.background import background_color
from napari_leukocyte.segmentation.ensemble import segment_members
from napari_leukocyte.segmentation.objects import find_objects
from napari_leukocyte.vocabulary import PLATELET_OR_ARTEFACT
from training.artefacts import central_object, mistaken_objects
from training.data.photographs import Photograph
from training.fitting import RUNS

#: Diameter of a leukocyte in PBC's photographs, px (median; see its README).
PBC_DIAMETER = 130.0
#: The shipped model that gives masks where a set has none. Its name is part of their path, so that
#: those of another are made anew.
SEGMENTER = "unet-lite-trio"
#: The cell that a photograph's class speaks of lies within this part of its sides of the centre.
CENTRAL = 0.25
#: Room around the crop for rotation and shift, in parts of its side.
MARGIN = 1.45


@dataclass(frozen=True, eq=False)
class Cell:
    """A cell cut from its photograph.

    Attributes
    ----------
    photograph : Photograph
        Where it comes from.
    patch : ndarray
        (S, S, 3) uint8 RGB, larger than a crop by `MARGIN`; colours as photographed.
    mask : ndarray
        (S, S) uint8, 255 inside.
    background : ndarray
        (3,) colour of the photograph's background.
    """

    photograph: Photograph
    patch: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    background: NDArray[np.float64]


def patch_side(side: int) -> int:
    """Return the side of the patch around a crop, px: as much more on either end of the crop."""
    return side + 2 * round(side * (MARGIN - 1) / 2)


def plugin_labels(
    rgb: NDArray[np.uint8],
    diameter: float | Literal["auto"] = "auto",
    model: str = "default",
) -> NDArray[np.int32]:
    """Return the label image that the plugin gives with its default parameters."""
    maps = segment_members(rgb, model, diameter=diameter)
    return find_objects(maps).labels


def segmented_labels(photograph: Photograph, rgb: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Return the plugin's own label image of a photograph, kept in ``runs/masks``."""
    path = RUNS / "masks" / SEGMENTER / Path(photograph.name).with_suffix(".png")
    if path.is_file():
        return np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.int32)
    diameter: float | Literal["auto"] = PBC_DIAMETER if photograph.dataset == "pbc" else "auto"
    labels = plugin_labels(rgb, diameter, SEGMENTER)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.minimum(labels, 255).astype(np.uint8))
    return labels


def truth_labels(photograph: Photograph) -> NDArray[np.int32]:
    """Return the connected regions of a photograph's true mask."""
    _, labels = cv2.connectedComponents(photograph.read_mask()[..., 0], ltype=cv2.CV_32S)
    return np.asarray(labels, np.int32)


def main_region(labels: NDArray[np.int32], central: bool) -> Region | None:
    """Return the cell that a photograph's class speaks of.

    Parameters
    ----------
    labels : ndarray
        (H, W) int32.
    central : bool
        Whether it must lie near the centre; otherwise it is the largest.

    Returns
    -------
    Region or None
    """
    height, width = labels.shape
    regions = list(iterate_regions(labels))
    if central:
        near = []
        for r in regions:
            dy = abs((r.y0 + r.y1) / 2 - height / 2) / height
            dx = abs((r.x0 + r.x1) / 2 - width / 2) / width
            if max(dx, dy) <= CENTRAL:
                near.append((dx * dx + dy * dy, r))
        return min(near, key=lambda pair: pair[0])[1] if near else None
    return max(regions, key=lambda r: r.area, default=None)


def load_cells(photographs: list[Photograph], side: int, diameter: float) -> list[Cell]:
    """Cut the cell of every photograph that has one.

    Parameters
    ----------
    photographs : list of Photograph
        Each with a class.
    side : int
        Side of the classifier's crops, px; patches are larger by `MARGIN`.
    diameter : float
        Diameter of a cell in a crop, px.

    Returns
    -------
    list of Cell
        Photographs in which no cell is found are left out.
    """
    cells = []
    for photograph in photographs:
        rgb = photograph.read()
        if photograph.mask is not None:
            region = main_region(truth_labels(photograph), central=False)
        elif photograph.label == PLATELET_OR_ARTEFACT.name:
            region = central_object(rgb)
        else:
            region = main_region(segmented_labels(photograph, rgb), central=True)
        if region is not None and region.area >= 50:
            cells.append(cut_cell(photograph, rgb, region, side, diameter))
    return cells


def load_mistaken(
    photographs: list[Photograph], side: int, diameter: float, seed: int
) -> list[Cell]:
    """Cut what a segmentation might take for leukocytes; see :mod:`training.artefacts`.

    Parameters
    ----------
    photographs : list of Photograph
        With true masks, or with masks by the plugin.
    side, diameter : int, float
        As for :func:`load_cells`.
    seed : int
        Chooses among the objects of a photograph.

    Returns
    -------
    list of Cell
        Their photographs' class is that of artefacts.
    """
    rng = np.random.default_rng(seed)
    cells = []
    for photograph in photographs:
        rgb = photograph.read()
        known = photograph.mask is not None
        labels = truth_labels(photograph) if known else segmented_labels(photograph, rgb)
        areas = np.bincount(labels.ravel())[1:]
        if not areas.any():
            continue
        typical = float(np.sqrt(4 * np.median(areas[areas > 0]) / np.pi))
        shown = dataclasses.replace(photograph, label=PLATELET_OR_ARTEFACT.name)
        found = mistaken_objects(rgb, labels, background_color(rgb), typical, rng)
        cells += [cut_cell(shown, rgb, region, side, diameter) for region in found]
    return cells


def cut_cell(
    photograph: Photograph, rgb: NDArray[np.uint8], region: Region, side: int, diameter: float
) -> Cell:
    """Cut one region of a photograph; parameters as for :func:`load_cells`."""
    background = background_color(rgb)
    # As at inference, what lies beyond the image looks like its background.
    red, green, blue = (int(v) for v in background.round())
    window = cut_window(rgb, region, patch_side(side), diameter, (red, green, blue))
    return Cell(photograph, *window, background)
