"""Label images of slides as OME-Zarr pyramids, written chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.analysis.slide.cells import mask_of
from napari_leukocyte.io.json_text import dumps
from napari_leukocyte.progress import Progress, silent
from napari_leukocyte.schema import BOX, LABEL
from napari_leukocyte.vocabulary import DISCLAIMER

#: Name of the label image in the store, as in those that are exported.
NAME = "leukocytes"
#: Side of a chunk, px: of the writer's arrays and of what is painted at once.
CHUNK_PX = 1024
#: The coarsest level has sides of at most so many px.
COARSEST_PX = 1024
VERSION = "0.4"


def write_label_pyramid(
    folder: Path,
    table: pd.DataFrame,
    shape: tuple[int, int],
    *,
    um_per_px: float | None = None,
    progress: Progress = silent,
) -> None:
    """Write the label image of a slide.

    Parameters
    ----------
    folder : Path
        The store's; empty, or not there yet.
    table : pandas.DataFrame
        The objects, as `ChosenObjects.table`.
    shape : (int, int)
        Of the slide, px.
    um_per_px : float, optional
        Side of a pixel of the slide, µm.
    progress : callable
        Called after each row of chunks of each level.

    Raises
    ------
    OSError
        If it can't be written.
    """
    import zarr
    from numcodecs import Blosc

    group = folder / "labels" / NAME
    group.mkdir(parents=True, exist_ok=True)
    sizes = list(_sizes(shape))
    for place, about in (
        (folder, {"napari-leukocyte": {"disclaimer": DISCLAIMER}}),
        (folder / "labels", {"labels": [NAME]}),
        (group, _described(sizes, um_per_px)),
    ):
        (place / ".zgroup").write_bytes(dumps({"zarr_format": 2}))
        (place / ".zattrs").write_bytes(dumps(about))
    largest = int(table[LABEL].max()) if len(table) else 0
    dtype = np.uint16 if largest <= np.iinfo(np.uint16).max else np.int32
    arrays = [
        zarr.create_array(
            str(group / str(level)),
            shape=size,
            dtype=dtype,
            zarr_format=2,
            fill_value=0,
            chunks=(min(CHUNK_PX, size[0]), min(CHUNK_PX, size[1])),
            compressors=Blosc(cname="zstd", clevel=1, shuffle=Blosc.SHUFFLE),
            chunk_key_encoding={"name": "v2", "separator": "/"},
        )
        for level, size in enumerate(sizes)
    ]
    steps = sum(-(-size[0] // CHUNK_PX) for size in sizes)
    done = 0
    rows = table.to_dict("records")
    boxes = table[list(BOX)].to_numpy(np.int64)
    for level, array in enumerate(arrays):
        for y0 in range(0, sizes[level][0], CHUNK_PX):
            for x0 in range(0, sizes[level][1], CHUNK_PX):
                part = (
                    y0,
                    x0,
                    min(y0 + CHUNK_PX, sizes[level][0]),
                    min(x0 + CHUNK_PX, sizes[level][1]),
                )
                if level == 0:
                    pixels = _painted(part, rows, boxes, dtype)
                else:
                    finer, (y1, x1) = arrays[level - 1], part[2:]
                    # Every other pixel: numbers have no mean, and napari expects nothing else.
                    pixels = np.asarray(finer[2 * y0 : 2 * y1, 2 * x0 : 2 * x1])[::2, ::2]
                    pixels = pixels[: y1 - y0, : x1 - x0]
                if pixels.any():  # what is empty takes no file
                    array[part[0] : part[2], part[1] : part[3]] = pixels
            done += 1
            progress(done, steps, "Writing the label image")


def _sizes(shape: tuple[int, int]) -> Iterator[tuple[int, int]]:
    height, width = shape
    yield height, width
    while max(height, width) > COARSEST_PX:
        height, width = -(-height // 2), -(-width // 2)
        yield height, width


def _painted(
    part: tuple[int, int, int, int],
    rows: list[dict[Any, Any]],
    boxes: NDArray[np.int64],
    dtype: type[np.integer],
) -> NDArray[np.integer]:
    y0, x0, y1, x1 = part
    result = np.zeros((y1 - y0, x1 - x0), dtype)
    there = (boxes[:, 0] < y1) & (boxes[:, 2] > y0) & (boxes[:, 1] < x1) & (boxes[:, 3] > x0)
    for index in np.flatnonzero(there):
        top, left, bottom, right = (int(v) for v in boxes[index])
        within = (max(top, y0), max(left, x0), min(bottom, y1), min(right, x1))
        mask = mask_of(rows[index])[
            within[0] - top : within[2] - top, within[1] - left : within[3] - left
        ]
        place = result[within[0] - y0 : within[2] - y0, within[1] - x0 : within[3] - x0]
        place[mask] = rows[index][LABEL]
    return result


def _described(sizes: list[tuple[int, int]], um_per_px: float | None) -> dict[str, Any]:
    unit = {} if um_per_px is None else {"unit": "micrometer"}
    side = um_per_px or 1.0
    return {
        "multiscales": [
            {
                "version": VERSION,
                "name": NAME,
                "axes": [{"name": name, "type": "space", **unit} for name in "yx"],
                "datasets": [
                    {
                        "path": str(level),
                        "coordinateTransformations": [
                            {"type": "scale", "scale": [side * 2**level, side * 2**level]}
                        ],
                    }
                    for level in range(len(sizes))
                ],
            }
        ],
        "image-label": {"version": VERSION, "source": {"image": "../../"}},
    }
