"""Take the pictures of the pages on sets of classes and distribution shift from the real window.

They show a painted sample.

Run it with a display (or ``xvfb-run -a -s "-screen 0 1600x1000x24"``)::

    python docs/scripts/make_uncertainty_screenshots.py [FOLDER]

It keeps its sessions and settings in a folder of its own, so that nothing of the user's is touched.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from photographing import (
    IMAGES,
    open_window,
    photograph,
    scroll_to,
    settle,
    show_classified,
    untouched,
    wait,
)

from napari_leukocyte.samples.synthetic import synthetic_smear

SHAPE = (620, 820)
NUMBERS = {"neutrophil": 6, "eosinophil": 2, "lymphocyte": 4, "monocyte": 3}
#: What the light of a lamp turned low does to red, green and blue.
TINT = (1.0, 0.9, 0.62)


def main(folder: Path) -> None:
    """Show a field, its prediction sets and bulk approval; then another in other colours."""
    folder.mkdir(parents=True, exist_ok=True)
    smear = synthetic_smear(SHAPE, 5, NUMBERS, 84.0, 1)
    labels = smear.labels.astype(np.int32)
    viewer, bench = open_window()
    widget = bench.open("uncertainty")
    form = widget.form
    show_classified(viewer, smear.image, labels, "smear")
    settle(0.5)
    wait(lambda: widget.settled and widget.check is not None)
    form.cells.selectRow(0)
    photograph(viewer, folder / "trust-sets.png")
    scroll_to(widget, form.approve)
    form.approve.click()
    wait(lambda: widget.settled)
    photograph(viewer, folder / "trust-approved.png")

    tinted = np.asarray((smear.image * np.array(TINT)).round(), np.uint8)
    viewer.layers.clear()
    settle(0.3)
    show_classified(viewer, tinted, labels, "lamp turned low")
    settle(0.5)
    wait(lambda: widget.settled and widget.check is not None)
    scroll_to(widget, form.sentence)
    photograph(viewer, folder / "trust-warned.png")
    viewer.close()


if __name__ == "__main__":
    with untouched():
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
