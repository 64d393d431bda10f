"""Take the pictures of ``howto/embedding-map.md`` from the real window, on the synthetic sample.

Run it with a display (or ``xvfb-run -a -s "-screen 0 1600x1000x24"``)::

    python docs/scripts/make_cellmap_screenshots.py [FOLDER]

It keeps its sessions and settings in a folder of its own, so that nothing of the user's is touched.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from photographing import IMAGES, open_window, photograph, settle, show_classified, untouched, wait
from qtpy.QtCore import QPointF

from napari_leukocyte.samples.synthetic import synthetic_smear
from napari_leukocyte.ui.controls.containers import VerticalScroll

SHAPE = (1100, 1400)
NUMBERS = {"neutrophil": 26, "eosinophil": 10, "basophil": 6, "lymphocyte": 18, "monocyte": 10}


def main(folder: Path) -> None:
    """Map the cells of a synthetic smear, circle a group, and find cells like one."""
    folder.mkdir(parents=True, exist_ok=True)
    smear = synthetic_smear(SHAPE, 5, NUMBERS, 64.0, 4)
    viewer, bench = open_window()
    show_classified(viewer, smear.image, smear.labels.astype(np.int32), "smear")
    widget = bench.open("map")
    settle(0.5)
    wait(lambda: widget.settled and widget.shown is not None)
    scatter = widget.form.scatter
    names = np.array(widget.shown.names)
    common = max(set(names.tolist()), key=names.tolist().count)
    group = scatter.view.to_screen(scatter.places)[names == common]
    middle = np.median(group, axis=0)
    radius = np.quantile(np.hypot(*(group - middle).T), 0.7) + 12
    turns = np.linspace(0, 2 * np.pi, 60)
    wobble = radius * (1 + 0.08 * np.sin(3 * turns))
    loop = middle + np.column_stack([wobble * np.cos(turns), wobble * np.sin(turns)])
    inside = np.hypot(*(scatter.view.to_screen(scatter.places) - middle).T) < radius
    widget.acts.select(np.flatnonzero(inside).tolist())
    scatter.set_lasso([QPointF(x, y) for x, y in loop])
    photograph(viewer, folder / "cellmap-lasso.png")
    scatter.set_lasso([])
    rare = np.flatnonzero(names == min(set(names.tolist()), key=names.tolist().count))
    widget.acts.go_to(int(rare[0]))
    widget.form.number.setValue(6)
    widget.acts.find_similar()
    scroll = widget.findChild(VerticalScroll)
    bar = scroll.verticalScrollBar()
    bar.setValue(bar.maximum())
    photograph(viewer, folder / "cellmap-similar.png")
    viewer.close()


if __name__ == "__main__":
    with untouched():
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
