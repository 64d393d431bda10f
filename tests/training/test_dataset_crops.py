"""The crops of an exported dataset as Keras reads them."""

from __future__ import annotations

from pathlib import Path

import cv2
import keras
import numpy as np
import pandas as pd

from napari_leukocyte.annotations.dataset.export import export
from napari_leukocyte.annotations.dataset.export_state import ExportSettings
from napari_leukocyte.annotations.dataset.opening import open_dataset
from napari_leukocyte.annotations.dataset.sources import field_of_annotated
from napari_leukocyte.annotations.dataset.split import side_of
from napari_leukocyte.annotations.formats.annotated import AnnotatedImage

_CLASSES = {
    "basophil": (40, 20, 90),
    "immature granulocyte": (160, 90, 160),
    "own (new)": (9, 99, 9),
}
_SHAPE = (160, 260)


def test_keras_reads_every_side_with_the_same_classes(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    fields = []
    for number in range(12):
        # Coarse patches, so that no two photographs pass for the same.
        patches = rng.integers(60, 240, (5, 8, 3), np.uint8)
        image = np.asarray(cv2.resize(patches, _SHAPE[::-1]), np.uint8)
        labels = np.zeros(_SHAPE, np.int32)
        for n, color in enumerate(_CLASSES.values()):
            centre = (45 + 80 * n, 80)
            cv2.circle(image, centre, 22, color, -1)
            cv2.circle(labels, centre, 22, n + 1, -1)
        path = tmp_path / f"photograph {number}.png"
        cv2.imwrite(str(path), image[..., ::-1])
        table = pd.DataFrame({"label": [1, 2, 3], "class": list(_CLASSES)})
        if side_of(path.stem, 0.3, 0.3) == "test":
            table = table.iloc[:1]
            labels[labels > 1] = 0
        fields.append(field_of_annotated(AnnotatedImage(path.name, _SHAPE, labels, table, path)))
    place = tmp_path / "dataset"
    export(place, fields, ExportSettings(validation=0.3, test=0.3))
    dataset = open_dataset(place)
    objects = dataset.objects()
    names = sorted(c.folder for c in dataset.manifest.classes)
    assert names == ["basophil", "immature_granulocyte", "own_new"]
    for side in ("train", "validation", "test"):
        read = keras.utils.image_dataset_from_directory(
            dataset.crops / side, image_size=(128, 128), batch_size=8, shuffle=False, verbose=False
        )
        # Also where a class has no cell.
        assert read.class_names == names
        pixels = np.concatenate([batch.numpy() for batch, _ in read])
        classes = np.concatenate([batch.numpy() for _, batch in read])
        rows = objects[objects["side"] == side]
        assert len(rows) == len(pixels) > 0
        for place_, folder in enumerate(names):
            name = next(c.name for c in dataset.manifest.classes if c.folder == folder)
            found = pixels[classes == place_, 64, 64]
            assert len(found) == (rows["class"] == name).sum()
            assert np.allclose(found, _CLASSES[name], atol=2)
