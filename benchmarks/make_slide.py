"""Slides made from the synthetic smear: a mosaic of its fields as a tiled JPEG pyramid.

``python benchmarks/make_slide.py slide.tif --side 32768`` writes a gigapixel, tile by tile. With
the ending .svs it says its scale as Aperio's scanners do, and has a label image that nobody may
see.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_leukocyte.samples.synthetic import SyntheticSmear, synthetic_smear

#: Side of a field, px: a power of two, so that levels are mosaics as well.
FIELD = 1024
TILE = 256
#: Fields that the mosaic is made of.
KINDS = 4
COUNTS = {"neutrophil": 7, "eosinophil": 1, "basophil": 1, "lymphocyte": 5, "monocyte": 2}
UM_PER_PX = 0.14


def smears(counts: dict[str, int] | None = None, *, sparse: bool = False) -> list[SyntheticSmear]:
    """Return the fields of the mosaic with their truth.

    Of sparse ones one has two leukocytes and the others none, as normal blood has.
    """
    if sparse:
        two: dict[str, int] = {"neutrophil": 1, "lymphocyte": 1}
        return [
            synthetic_smear((FIELD, FIELD), seed, {} if seed else two, touching_pairs=0)
            for seed in range(KINDS)
        ]
    chosen = COUNTS if counts is None else counts
    return [synthetic_smear((FIELD, FIELD), seed, chosen) for seed in range(KINDS)]


def fields(counts: dict[str, int] | None = None) -> list[NDArray[np.uint8]]:
    """Return the fields of the mosaic, (FIELD, FIELD, 3) uint8 each."""
    return [smear.image for smear in smears(counts)]


def leukocytes(size: tuple[int, int], drawn: list[SyntheticSmear]) -> NDArray[np.float64]:
    """Return the centres of all leukocytes of a mosaic, (N, 2) y and x, px."""
    from scipy import ndimage

    centres = [
        np.array(ndimage.center_of_mass(s.labels > 0, s.labels, list(s.classes))).reshape(-1, 2)
        for s in drawn
    ]
    rows, columns = (-(-side // FIELD) for side in size)
    placed = [
        centres[kind_at(r, c)] + (r * FIELD, c * FIELD) for r in range(rows) for c in range(columns)
    ]
    found = np.concatenate(placed)
    return np.asarray(found[(found < size).all(axis=1)], np.float64)


def kind_at(row: int, column: int) -> int:
    """Return which field lies at a place of the mosaic."""
    return (row * 7 + column * 3 + row * column) % KINDS


def mosaic(size: tuple[int, int], parts: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return a mosaic in one piece, (height, width, 3) uint8."""
    rows, columns = (-(-side // FIELD) for side in size)
    strips = [np.hstack([parts[kind_at(r, c)] for c in range(columns)]) for r in range(rows)]
    return np.ascontiguousarray(np.vstack(strips)[: size[0], : size[1]])


def write_slide(
    path: Path, size: tuple[int, int], parts: list[NDArray[np.uint8]], *, levels: int | None = None
) -> None:
    """Write a mosaic as a pyramid of JPEG tiles.

    Parameters
    ----------
    path : Path
        TIFF, or SVS by its ending.
    size : (int, int)
        Height and width, px.
    parts : list of ndarray
        As from `fields`.
    levels : int, optional
        Levels, each half as large; as many as leave 512 px by default.
    """
    if levels is None:
        levels = max(1, int(np.log2(max(size) / 512)) + 1)
    levels = min(levels, 6)
    aperio = path.suffix == ".svs"
    about = f"Aperio Image Library v12\r\n{size[1]}x{size[0]}|AppMag = 40|MPP = {UM_PER_PX}"
    options: dict[str, Any] = {
        "photometric": "rgb",
        "compression": "jpeg",
        "tile": (TILE, TILE),
        "resolution": (10_000 / UM_PER_PX, 10_000 / UM_PER_PX),
        "resolutionunit": "CENTIMETER",
        "metadata": None,
    }
    with tifffile.TiffWriter(path, bigtiff=not aperio) as file:
        for level in range(levels):
            height, width = (-(-side // 2**level) for side in size)
            kind: dict[str, Any] = {} if aperio or level else {"subifds": levels - 1}
            if aperio:
                kind = {"description": about}
            elif level:
                kind = {"subfiletype": 1}
            file.write(
                _tiles((height, width), level, parts),
                shape=(height, width, 3),
                dtype=np.uint8,
                **options,
                **kind,
            )
            if aperio and level == 0:
                small = cv2.resize(parts[0], (256, 256))
                file.write(small, photometric="rgb", description=about, metadata=None)
        if aperio:
            label = np.full((200, 300, 3), (255, 0, 255), np.uint8)
            file.write(
                label,
                photometric="rgb",
                subfiletype=1,
                description="Aperio Image Library v12\r\nlabel 300x200",
                metadata=None,
            )


def _tiles(
    size: tuple[int, int], level: int, parts: list[NDArray[np.uint8]]
) -> Iterator[NDArray[np.uint8]]:
    field = FIELD >> level
    small = [
        np.asarray(cv2.resize(p, (field, field), interpolation=cv2.INTER_AREA), np.uint8)
        for p in parts
    ]
    per_tile = max(1, TILE // field)
    for y in range(0, size[0], TILE):
        for x in range(0, size[1], TILE):
            tile = np.vstack(
                [
                    np.hstack(
                        [
                            _cut(
                                small[kind_at((y + i * field) // field, (x + j * field) // field)],
                                (y + i * field) % field,
                                (x + j * field) % field,
                            )
                            for j in range(per_tile)
                        ]
                    )
                    for i in range(per_tile)
                ]
            )
            yield np.ascontiguousarray(tile)


def _cut(field: NDArray[np.uint8], y: int, x: int) -> NDArray[np.uint8]:
    return field[y : y + TILE, x : x + TILE]


def main() -> None:
    """Write one slide."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--side", type=int, default=8192)
    arguments = parser.parse_args()
    write_slide(arguments.path, (arguments.side, arguments.side), fields())


if __name__ == "__main__":
    main()
