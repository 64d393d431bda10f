"""A dataset of synthetic fields whose cells were all reviewed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_leukocyte.analysis.smear.reading import hold_session
from napari_leukocyte.annotations.dataset.export import export
from napari_leukocyte.annotations.dataset.sources import fields_of_files
from napari_leukocyte.io.images.reading import read_image
from napari_leukocyte.reporting.drawing import write_png
from napari_leukocyte.samples.synthetic import synthetic_smear

COUNTS = {"neutrophil": 2, "eosinophil": 1, "lymphocyte": 2}


def make_dataset(folder: Path, fields: int = 14, renamed: dict[str, str] | None = None) -> Path:
    """Export synthetic fields, some classes under other names; return the dataset's folder."""
    (folder / "images").mkdir(parents=True)
    for seed in range(fields):
        smear = synthetic_smear((300, 300), seed, COUNTS, diameter=60, touching_pairs=0)
        path = folder / "images" / f"field {seed}.png"
        write_png(path, smear.image)
        with hold_session(read_image(path), path.name) as session:
            session.start_afresh(np.asarray(smear.labels))
            for name in sorted(set(smear.classes.values())):
                labels = [n for n, c in smear.classes.items() if c == name]
                session.set_class(labels, (renamed or {}).get(name, name))
    export(folder / "dataset", fields_of_files(sorted((folder / "images").iterdir())))
    return folder / "dataset"
