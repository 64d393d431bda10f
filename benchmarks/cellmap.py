"""Time and memory of the map of the cells: layout, new cells, lists, painting.

On made-up embeddings of as many dimensions as the shipped classifier's, in eight groups of unequal
size, so that no network is timed (see benchmarks/retraining.py for that). The limit: a frame of
5,000 cells under 50 ms. Painting needs a display, or ``QT_QPA_PLATFORM=offscreen``::

    python benchmarks/cellmap.py [--cells 500 5000] [--no-layout]
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
from qtpy.QtCore import QPointF
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import QApplication
from skimage.measure import points_in_poly

from napari_leukocyte.classification.embedding import Embedded
from napari_leukocyte.interpretation.embedding_map.cells import MapCells, put_together
from napari_leukocyte.interpretation.embedding_map.layout import lay_out
from napari_leukocyte.interpretation.embedding_map.neighbours import (
    find_label_suspects,
    find_outliers,
    most_similar,
    nearest,
)
from napari_leukocyte.ui.embedding_map.scatter import Scatter
from napari_leukocyte.vocabulary import CLASSES

#: Of the shipped classifiers' embeddings; and the most that a frame may take, ms.
WIDTH, FRAME_MS = 1280, 50.0
#: Cells that come later, and frames that are painted.
LATER, FRAMES = 5, 30
SIZE = (900, 700)


def make(number: int) -> tuple[MapCells, list[str | None]]:
    """Make cells in groups, and their classes, of which one in fifty is another group's."""
    rng = np.random.default_rng(number)
    groups = rng.choice(8, number, p=np.array([40, 20, 12, 10, 8, 5, 3, 2]) / 100)
    centres = rng.normal(size=(8, WIDTH))
    # Most of what differs between cells lies in few dimensions.
    within = rng.normal(size=(number, 30)) @ rng.normal(size=(30, WIDTH)) / 8
    found = centres[groups] + within + 0.2 * rng.normal(size=(number, WIDTH))
    embedded = Embedded(np.arange(1, number + 1), found[:, np.newaxis].astype(np.float16))
    told = np.where(rng.random(number) < 0.02, (groups + 1) % 8, groups)
    return put_together([("made", embedded)]), [CLASSES[i].name for i in told]


def timed(action: Callable[[], object], what: str) -> None:
    """Print how long an action takes on the clock and on the processor, s."""
    wall, cpu = time.perf_counter(), time.process_time()
    action()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"  {what:52}{wall:9.2f}{cpu:9.2f}", flush=True)


def memory() -> float:
    """Return the most memory that the process has used, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def layout(cells: MapCells, classes: list[str | None]) -> None:
    """Time what is computed off the main thread."""
    number = len(cells) - LATER
    first = MapCells(
        cells.sources[:number], cells.labels[:number], cells.vectors[:number], cells.keys[:number]
    )
    made = []
    timed(lambda: made.append(lay_out(first)), "layout")
    timed(lambda: lay_out(cells, made[0]), f"{LATER} more cells")
    timed(lambda: find_outliers(nearest(cells.vectors, 10)[1]), "outliers")
    timed(lambda: find_label_suspects(cells, classes), "doubtful classes")
    timed(lambda: most_similar(cells.vectors, range(20), 50), "50 most similar to 20")
    print(f"  most memory {memory():.0f} MB")


def painting(number: int, classes: list[str | None]) -> float:
    """Print how long frames take; return the worst median, ms."""
    rng = np.random.default_rng(0)
    scatter = Scatter()
    scatter.resize(*SIZE)
    centres = rng.normal(size=(8, 2)) * 20
    places = centres[rng.integers(0, 8, number)] + 3 * rng.normal(size=(number, 2))
    scatter.show_places(places, anew=True)
    names = [name or "" for name in classes]
    colors = {c.name: c.color for c in CLASSES}
    scatter.show_classes(names, colors)
    target = QPixmap(*SIZE)
    turns = np.linspace(0, 2 * np.pi, 300)
    loop = [QPointF(450 + 300 * np.cos(t), 350 + 300 * np.sin(t)) for t in turns]
    polygon = np.array([(p.x(), p.y()) for p in loop])
    everything = np.ones(number, bool)

    def move() -> None:
        scatter.look(scatter.view.moved(1, 0))

    frames: dict[str, Callable[[], object]] = {
        "a frame of moving the map": move,
        "a frame of a lasso, nothing selected": lambda: scatter.set_lasso(loop),
        "a frame of moving the map, all selected": move,
        "after a class change": lambda: scatter.show_classes(names[::-1], colors),
        "what the lasso holds": lambda: points_in_poly(
            scatter.view.to_screen(scatter.places), polygon
        ),
    }
    worst = 0.0
    for what, act in frames.items():
        scatter.show_selection(everything if "all selected" in what else ~everything)
        times = []
        for _ in range(FRAMES):
            start = time.perf_counter()
            act()
            scatter.render(target)
            times.append(1000 * (time.perf_counter() - start))
        scatter.set_lasso([])
        median = statistics.median(times)
        worst = max(worst, median)
        print(f"  {what:52}{median:9.1f}{max(times):9.1f}", flush=True)
    return worst


def main() -> int:
    """Print everything; return 1 if a frame takes too long."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, nargs="+", default=[500, 5000])
    parser.add_argument("--no-layout", action="store_true", help="only painting")
    arguments = parser.parse_args()
    app = QApplication.instance() or QApplication([])
    worst = 0.0
    for number in arguments.cells:
        cells, classes = make(number)
        print(f"{number} cells{'':45}{'wall s':>9}{'CPU s':>9}")
        if not arguments.no_layout:
            layout(cells, classes)
        print(f"{'':54}{'median ms':>9}{'worst':>9}")
        worst = max(worst, painting(number, classes))
    app.quit()
    return int(worst > FRAME_MS)


if __name__ == "__main__":
    sys.exit(main())
