"""Cells of a block, with their masks, and their tables as Parquet files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.errors import FormatError
from napari_leukocyte.io.atomic import atomic_write
from napari_leukocyte.io.slides.image import PartBox
from napari_leukocyte.schema import BOX, MEASURED, WHOLE

#: Name of the Parquet file's metadata that are ours.
_ABOUT = b"napari-leukocyte"
#: Columns that no user asked for: they are of use until objects are told from candidates.
INTERNAL = (
    "anchor_y",
    "anchor_x",
    "region_area_px",
    "first_of_region",
    "at_border",
    "mask",
)
#: All columns, with the type that they have even in a table without rows.
_KINDS: dict[str, type[np.generic] | None] = {
    **dict.fromkeys(INTERNAL[:3], np.int64),
    **dict.fromkeys(INTERNAL[3:5], np.bool_),
    "mask": None,
    "score": np.float64,
    **{name: np.int64 if name in WHOLE else np.float64 for name in MEASURED[1:]},
}


@dataclass(frozen=True, eq=False)
class SlideCell:
    """A cell, or what may be one, on a slide.

    Attributes
    ----------
    box : tuple of int
        y0, x0, y1, x1, px of the slide, ends exclusive.
    mask : ndarray
        (y1 - y0, x1 - x0) bool.
    anchor : (int, int)
        Its pixel nearest to its centroid, y and x: the block that has it has the cell.
    region_area : int
        Area of the group of touching cells that it was parted from, px.
    first_of_region : bool
        Whether it has the group's first pixel in rows.
    at_border : bool
        Whether the slide's border cuts it.
    score : float
        The evidence that it is a leukocyte, 0 to 1.
    measurements : mapping of str to float
        As from `measure_region`; empty for what can't become an object.
    """

    box: PartBox
    mask: NDArray[np.bool_]
    anchor: tuple[int, int]
    region_area: int
    first_of_region: bool
    at_border: bool
    score: float
    measurements: Mapping[str, float] = field(default_factory=dict)

    @property
    def area(self) -> int:
        """Area, px."""
        return int(np.count_nonzero(self.mask))


def cells_table(cells: Sequence[SlideCell]) -> pd.DataFrame:
    """Return cells as a table, in the order of their anchors.

    The mask of a cell is its bits, row by row; empty for what can't become an object.
    """
    rows: list[dict[str, Any]] = []
    for cell in sorted(cells, key=lambda c: c.anchor):
        kept = bool(cell.measurements)
        rows.append(
            {
                "anchor_y": cell.anchor[0],
                "anchor_x": cell.anchor[1],
                "region_area_px": cell.region_area,
                "first_of_region": cell.first_of_region,
                "at_border": cell.at_border,
                "mask": np.packbits(cell.mask).tobytes() if kept else b"",
                "score": cell.score,
                **cell.measurements,
                **dict(zip(BOX, cell.box, strict=True)),
                "area_px": cell.area,
            }
        )
    table = pd.DataFrame(rows, columns=list(_KINDS))
    return table.astype({c: kind for c, kind in _KINDS.items() if kind is not None})


def mask_of(row: Mapping[str, Any]) -> NDArray[np.bool_]:
    """Return the mask of a row of `cells_table`, (h, w) bool."""
    height, width = row["bbox_y1"] - row["bbox_y0"], row["bbox_x1"] - row["bbox_x0"]
    bits = np.unpackbits(np.frombuffer(row["mask"], np.uint8))[: height * width]
    return np.asarray(bits.reshape(height, width).astype(bool))


def write_table(path: Path, table: pd.DataFrame, about: Mapping[str, Any] | None = None) -> None:
    """Write a table as Parquet, with what is to be known of it as JSON in its metadata.

    Parameters
    ----------
    path : Path
        The file; it is replaced if it exists, whole or not at all.
    table : pandas.DataFrame
        Written without its index.
    about : mapping, optional
        What JSON can hold.

    Raises
    ------
    OutputError
        If it can't be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrow = pa.Table.from_pandas(table, preserve_index=False)
    described = json.dumps(about or {}, sort_keys=True, ensure_ascii=False).encode()
    arrow = arrow.replace_schema_metadata({_ABOUT: described})
    with atomic_write(path) as temporary:
        pq.write_table(arrow, temporary, compression="zstd")


def read_table(path: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read what `write_table` wrote.

    Raises
    ------
    FormatError
        If it is damaged or not such a file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        arrow = pq.read_table(path)
        about = json.loads((arrow.schema.metadata or {})[_ABOUT])
        return arrow.to_pandas(), about
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise FormatError(f"{path} is damaged, or no table of this program.") from error
