"""PBC: single cells from CellaVision DM96, Barcelona (Acevedo and others 2020), without masks."""

from __future__ import annotations

from pathlib import Path

from napari_leukocyte.vocabulary import (
    ERYTHROBLAST,
    IMMATURE_GRANULOCYTE,
    LEUKOCYTE_NAMES,
    PLATELET_OR_ARTEFACT,
)
from training.data.photograph import Photograph

#: The class of each folder.
CLASSES = {
    **{name: name for name in LEUKOCYTE_NAMES},
    "ig": IMMATURE_GRANULOCYTE.name,
    "erythroblast": ERYTHROBLAST.name,
    "platelet": PLATELET_OR_ARTEFACT.name,
}


def photographs(root: Path) -> list[Photograph]:
    """List ``pbc/PBC_dataset_normal_DIB/<class>/*.jpg``."""
    folder = root / "pbc" / "PBC_dataset_normal_DIB"
    return [
        Photograph(
            "pbc",
            image.relative_to(root).as_posix(),
            image,
            None,
            CLASSES.get(image.parent.name),
        )
        for image in sorted(folder.glob("*/*.jpg"))
    ]
