"""Take the pictures of ``howto/explain-a-class.md`` from the real window, on the synthetic sample.

Run it with a display (or ``xvfb-run -a -s "-screen 0 1600x1000x24"``)::

    python docs/scripts/make_explain_screenshots.py [FOLDER]

It keeps its sessions and settings in a folder of its own, so that nothing of the user's is touched.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from photographing import IMAGES, open_window, photograph, save_picture, settle, untouched, wait

from napari_leukocyte.classification.inference import classify
from napari_leukocyte.classification.measurements import iterate_regions
from napari_leukocyte.gallery.cells import CellTable
from napari_leukocyte.interpretation.cropping import cut_cell
from napari_leukocyte.interpretation.explanation import explain
from napari_leukocyte.interpretation.scoring import METHODS
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.reporting.record import describe_model
from napari_leukocyte.samples.synthetic import SyntheticSmear, synthetic_smear
from napari_leukocyte.segmentation.ensemble import segment_members
from napari_leukocyte.ui.controls.containers import VerticalScroll
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.objects_view import ObjectsView
from napari_leukocyte.ui.review.picking import show_place

SHAPE = (620, 820)
NUMBERS = {"neutrophil": 2, "eosinophil": 1, "lymphocyte": 1, "monocyte": 1}
#: Side of a map in the picture that compares methods, px.
SIDE = 180


def overlay(crop: NDArray[np.uint8], values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Lay a map over a crop: vermilion for the class, blue against it."""
    strength = values / max(float(np.abs(values).max()), 1e-9)
    colour = np.where(strength[..., np.newaxis] > 0, (213.0, 94.0, 0.0), (0.0, 114.0, 178.0))
    share = 0.75 * np.abs(strength)[..., np.newaxis]
    mixed = (1 - share) * crop + share * colour
    return np.asarray(cv2.resize(mixed.round().astype(np.uint8), (SIDE, SIDE)), np.uint8)


def compare(smear: SyntheticSmear, path: Path) -> None:
    """Write a picture with a row for each cell: the crop, then the map of every method."""
    manifest = find_model("classification")
    rows = []
    for region in list(iterate_regions(smear.labels))[:4]:
        crops = cut_cell(smear.image, region, manifest)
        shown = [np.asarray(cv2.resize(crops.crop, (SIDE, SIDE)), np.uint8)]
        maps = [explain(crops, manifest, None, method).map for method in METHODS]
        shown += [overlay(crops.crop, values) for values in maps]
        rows.append(np.hstack(shown))
    save_picture(np.vstack(rows), path)


def main(folder: Path) -> None:
    """Explain cells of a synthetic smear with two methods, and take a picture of each."""
    folder.mkdir(parents=True, exist_ok=True)
    smear = synthetic_smear(SHAPE, 5, NUMBERS, 92.0, 1)
    manifest = find_model("classification")
    viewer, bench = open_window()
    image = viewer.add_image(smear.image, name="smear")
    session = links.session_of(image)
    session.set_maps(segment_members(smear.image))
    table = classify(session.rgb, session.labels, nucleus=session.nucleus)
    session.set_predictions(table, manifest.name, describe_model(manifest))
    links.show_labels(viewer, session, image)
    ObjectsView(viewer, session, image)
    widget = bench.open("why")
    settle(0.5)

    def look_at(label: int) -> None:
        place = CellTable(session.table())[label].place
        viewer.scene.camera.zoom = 3.2
        show_place(viewer, image, place)
        session.select([label])
        wait(lambda: widget.settled and widget.findings is not None)
        wait(lambda: widget.findings.label == label)

    by_class = dict(zip(table["class"], table["label"], strict=True))
    first = by_class.get("eosinophil", int(table["label"].iloc[0]))
    look_at(int(first))
    photograph(viewer, folder / "explain-widget.png")
    scroll = widget.findChild(VerticalScroll)
    bar = scroll.verticalScrollBar()
    bar.setValue(bar.maximum())
    photograph(viewer, folder / "explain-words.png")
    bar.setValue(0)
    widget.form.method.setCurrentIndex(widget.form.method.findData("shap"))
    settle(0.5)
    widget.explain_now()
    wait(lambda: widget.settled and widget.findings is not None)
    photograph(viewer, folder / "explain-shap.png")
    viewer.close()
    compare(smear, folder / "explain-methods.png")


if __name__ == "__main__":
    with untouched():
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
