"""Kaggle's "Blood Cell Images": augmented copies of BCCD's photographs.

TRAIN and TEST hold thousands of turned and shifted copies of the same few hundred photographs that
BCCD has as they are. In a file's name ``_N_M.jpeg``, N numbers the photograph within its class and
folder and M is random; TEST_SIMPLE has one copy of each photograph of TEST. All copies of one
photograph are one `group`, and the set is never used beside BCCD itself
(:data:`training.data.composites.SAME_PHOTOGRAPHS`): otherwise copies of one photograph would train
and test.
"""

from __future__ import annotations

import re
from pathlib import Path

from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES
from training.data.photograph import DataError, Photograph

#: The folders, and whose photographs each one copies.
FOLDERS = {"TRAIN": "TRAIN", "TEST": "TEST", "TEST_SIMPLE": "TEST"}
_NAME = re.compile(r"_(\d+)_\d+")
# The archive holds a folder of this name within one of the same name.
_PLACES = (
    "dataset2-master/dataset2-master/images",
    "dataset2-master/images",
    "images",
)


def photographs(root: Path) -> list[Photograph]:
    """List ``kaggle/dataset2-master/images/{TRAIN,TEST,TEST_SIMPLE}/<CLASS>/*.jpeg``.

    Raises
    ------
    DataError
        If a file's name does not tell of which photograph it is a copy.
    """
    places = (root / "kaggle" / place for place in _PLACES)
    folder = next((p for p in places if p.is_dir()), None)
    if folder is None:
        return []
    found = []
    for image in folder.glob("*/*/*.jpeg"):
        side, kind = image.parent.parent.name, image.parent.name
        if side not in FOLDERS or kind.lower() not in LEUKOCYTE_NAMES:
            continue
        number = _NAME.fullmatch(image.stem)
        if number is None:
            raise DataError(
                f"{image} is not named _N_M.jpeg, so that nothing tells which photograph it copies."
            )
        name = f"kaggle/{side}/{kind}/{image.name}"
        group = f"kaggle/{FOLDERS[side]}/{kind}/{number[1]}"
        found.append(Photograph("kaggle", name, image, None, kind.lower(), group))
    return sorted(found, key=lambda p: p.name)
