"""Take the pictures of the documentation from the real window, on the synthetic smear.

Run it with a display (or ``xvfb-run -a -s "-screen 0 1600x1000x24"``)::

    python docs/scripts/make_screenshots.py [FOLDER]

It keeps its sessions and settings in a folder of its own, so that nothing of the user's is touched.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from napari.layers import Labels
from photographing import IMAGES, open_window, photograph, scroll_to, untouched, wait

from napari_leukocyte.cli.window import Picture, fill_viewer
from napari_leukocyte.samples.synthetic import sample_smear
from napari_leukocyte.segmentation.parameters import PostprocessParams

#: Where a platelet lies in the smear: y and x, px.
PLATELET = (513, 742)


def paint(labels: Labels, centre: tuple[int, int], number: int) -> None:
    """Paint a stroke as a user would: a blob made of overlapping dabs."""
    labels.brush_size = 26
    with labels.block_history():
        for angle in np.linspace(0, 2 * np.pi, 24):
            y, x = centre[0] + 11 * np.sin(angle), centre[1] + 11 * np.cos(angle)
            labels.paint((y, x), number)
    labels.events.paint(value=[])


def main(folder: Path) -> None:
    """Go from the smear to the leukogram, and take a picture at each stage."""
    folder.mkdir(parents=True, exist_ok=True)
    smear = sample_smear()
    viewer, _ = open_window()
    bench = fill_viewer(viewer, [Picture("Synthetic smear", smear.image)])
    segment, classify = bench.page("segment"), bench.page("count")
    segment.form.classify.setChecked(False)
    viewer.reset_view()
    photograph(viewer, folder / "sample.png")

    bench.open("segment")
    segment.run()
    wait(lambda: not segment.busy)
    photograph(viewer, folder / "segmentation.png")

    # A platelet that a user calls a cell: painted by hand, it stays when parameters move.
    (labels,) = (layer for layer in viewer.layers if isinstance(layer, Labels))
    viewer.layers.selection.active = labels
    paint(labels, PLATELET, int(np.max(labels.data)) + 1)
    camera = viewer.scene.camera
    camera.center = (0, PLATELET[0] - 20, PLATELET[1])
    camera.zoom *= 2.2
    segment.form.parameters.set_record(PostprocessParams(threshold=0.7, closing_size=0.15))
    photograph(viewer, folder / "edited.png")

    # The reader thinks better of it, and has the cells classified.
    labels.data_setitem(np.nonzero(labels.data == labels.data[PLATELET]), 0)
    viewer.reset_view()
    bench.open("count")
    classify.form.classify.click()
    wait(lambda: segment.session.classifier is not None)
    scroll_to(classify, classify.form.leukogram)
    photograph(viewer, folder / "classes.png")
    viewer.close()


if __name__ == "__main__":
    with untouched():
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
