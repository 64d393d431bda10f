"""WBCAtt: eleven attributes of morphology for PBC's photographs.

S. Tsutsui, W. Pang, B. Wen: WBCAtt: a white blood cell dataset annotated with detailed
morphological attributes. NeurIPS 2023, https://github.com/apple2373/wbcatt.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from training.data.photograph import DataError

#: The attributes, as the tables name them.
ATTRIBUTES = (
    "cell_size",
    "cell_shape",
    "nucleus_shape",
    "nuclear_cytoplasmic_ratio",
    "chromatin_density",
    "cytoplasm_vacuole",
    "cytoplasm_texture",
    "cytoplasm_colour",
    "granule_type",
    "granule_colour",
    "granularity",
)
#: The tables, by the side of WBCAtt's own split.
TABLES = {side: f"wbcatt/pbc_attr_v1_{side}.csv" for side in ("train", "val", "test")}


def load_attributes(root: Path) -> pd.DataFrame:
    """Read the attributes of PBC's photographs.

    Parameters
    ----------
    root : Path
        Data root.

    Returns
    -------
    pandas.DataFrame
        ``name`` (of the :class:`~training.data.photograph.Photograph`, to join by), ``class``, the
        columns of `ATTRIBUTES` (words such as "big" or "segmented-bilobed"; "nil" where there are
        no granules) and ``wbcatt_split``. Photographs have their rows whether or not their files
        are there.

    Raises
    ------
    DataError
        If no table is there, or one lacks a column.
    """
    tables = []
    for side, place in TABLES.items():
        path = root / place
        if path.is_file():
            # "nil" and "no" are values.
            table = pd.read_csv(path, dtype=str, keep_default_na=False)
            lacking = sorted({*ATTRIBUTES, "label", "path"} - set(table.columns))
            if lacking:
                raise DataError(f"{path} has no column {lacking[0]!r}, so it is not WBCAtt's.")
            tables.append(table.assign(wbcatt_split=side))
    if not tables:
        raise DataError(
            f"No table of WBCAtt under {root}: 'python -m training fetch wbcatt' gets them."
        )
    joined = pd.concat(tables, ignore_index=True)
    joined.insert(0, "name", "pbc/" + joined["path"])
    joined.insert(1, "class", joined["label"].str.lower())
    return joined[["name", "class", *ATTRIBUTES, "wbcatt_split"]]
