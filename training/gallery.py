"""Pictures of the worst errors, for the model cards' readers who have the photographs.

The photographs belong to their sets and are not part of the project, so that the pictures are
made where the sets are, into a folder that git ignores; the cards name the same photographs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.reporting.drawing import write_png
from training.cells import main_region, plugin_labels
from training.data.photographs import CLASSIFIED, SEGMENTED, DatasetName, load
from training.data.splits import select
from training.fitting import RESULTS
from training.metrics import foreground_iou
from training.mosaic import mosaic, outlined, tile

FOLDER = Path(__file__).parent / "gallery"
#: Side of a tile and tiles in a row of a picture.
TILE, COLUMNS = 180, 6
#: Errors shown of a set at most.
SHOWN = 24


def write_gallery(data_root: Path) -> list[Path]:
    """Draw the worst errors on the test photographs of every set.

    Parameters
    ----------
    data_root : Path
        Folder of the data sets.

    Returns
    -------
    list of Path
        A picture a set: cells told wrongly (from ``results/classification.json``), and masks with
        the lowest foreground IoU.
    """
    FOLDER.mkdir(exist_ok=True)
    figures = json.loads((RESULTS / "classification.json").read_text(encoding="utf-8"))
    written = []
    for dataset in CLASSIFIED:
        wrong = figures["sets"][dataset]["wrong"][:SHOWN]
        if wrong:
            path = FOLDER / f"classes-{dataset}.png"
            write_png(path, mosaic(_wrong_cells(dataset, wrong, data_root), COLUMNS))
            written.append(path)
    for dataset in SEGMENTED:
        path = FOLDER / f"masks-{dataset}.png"
        write_png(path, mosaic(_worst_masks(dataset, data_root), COLUMNS))
        written.append(path)
    return written


def _wrong_cells(
    dataset: DatasetName, wrong: list[dict[str, Any]], data_root: Path
) -> list[NDArray[np.uint8]]:
    photographs = {p.name: p for p in load(dataset, data_root)}
    tiles = []
    for entry in wrong:
        photograph = photographs[entry["name"]]
        rgb = photograph.read()
        region = main_region(plugin_labels(rgb), central=dataset != "bccd")
        shown = rgb
        if region is not None:
            room = max(region.y1 - region.y0, region.x1 - region.x0) // 3
            rows = slice(max(0, region.y0 - room), region.y1 + room)
            shown = rgb[rows, max(0, region.x0 - room) : region.x1 + room]
        said = f"{entry['truth']} > {entry['said']}"
        tiles.append(tile(shown, TILE, photograph.image.stem, said))
    return tiles


def _worst_masks(dataset: DatasetName, data_root: Path) -> list[NDArray[np.uint8]]:
    scored = []
    for photograph in select(load(dataset, data_root), dataset, "test"):
        if photograph.mask is None:
            continue
        rgb = photograph.read()
        truth, found = photograph.read_mask()[..., 0] > 0, plugin_labels(rgb) > 0
        drawn = outlined(rgb, truth, found)
        ys, xs = np.nonzero(truth | found)
        room = 20
        rows = slice(max(0, ys.min() - room), ys.max() + room)
        shown = drawn[rows, max(0, xs.min() - room) : xs.max() + room]
        iou = foreground_iou(truth, found)
        scored.append((iou, tile(shown, TILE, photograph.image.stem, f"IoU {iou:.3f}")))
    scored.sort(key=lambda pair: pair[0])
    return [made for _, made in scored[: 2 * COLUMNS]]
