"""How long a reader waits in the gallery: a class change with all views open, and scrolling.

On a real window, with a session of synthetic cells. The limits: a class change shows in every
view in under 50 ms with 5,000 objects; a frame of scrolling 10,000 takes under 33 ms. It needs a
display::

    python benchmarks/gallery.py [--objects 5000] [--cells 10000]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import napari
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QApplication, QDockWidget

from napari_leukocyte.session.session import Session
from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES
from napari_leukocyte.widgets.classify.widget import ClassifyWidget
from napari_leukocyte.widgets.layers import links
from napari_leukocyte.widgets.layers.objects_view import ObjectsView, objects_view_of
from napari_leukocyte.widgets.review.widget import ReviewWidget

#: Side of the square that each cell has to itself, and its radius, px.
PITCH, RADIUS = 44, 15


def field(n: int) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Draw `n` cells on a grid; return the photograph and the label image."""
    rng = np.random.default_rng(n)
    columns = int(np.ceil(np.sqrt(n)))
    shape = (columns * PITCH, columns * PITCH)
    rgb = rng.integers(205, 235, (*shape, 3), np.uint8)
    labels = np.zeros(shape, np.int32)
    y, x = np.mgrid[:PITCH, :PITCH] - PITCH // 2
    disc = y**2 + x**2 <= RADIUS**2
    nucleus = y**2 + x**2 <= (0.6 * RADIUS) ** 2
    for i in range(n):
        row, column = divmod(i, columns)
        place = np.s_[row * PITCH : (row + 1) * PITCH, column * PITCH : (column + 1) * PITCH]
        labels[place][disc] = i + 1
        rgb[place][disc] = rng.integers(150, 200, 3)
        rgb[place][nucleus] = rng.integers(40, 120, 3)
    return rgb, labels


def predictions(n: int) -> pd.DataFrame:
    """Return what a classifier might say of `n` cells."""
    shares = np.random.default_rng(n).dirichlet(np.full(len(LEUKOCYTE_NAMES), 0.4), n)
    table = pd.DataFrame({"label": np.arange(1, n + 1)})
    table["class"] = [LEUKOCYTE_NAMES[i] for i in shares.argmax(axis=1)]
    table["confidence"] = shares.max(axis=1)
    for name, column in zip(LEUKOCYTE_NAMES, shares.T, strict=True):
        table[f"p_{name}"] = column
    return table


def idle() -> None:
    """Let Qt do all that is queued, also what is put off by a timer."""
    end = time.perf_counter() + 0.15
    while time.perf_counter() < end:
        QApplication.processEvents()
        time.sleep(0.001)


def until(condition: Callable[[], object]) -> None:
    """Let Qt work until something is so, and the frame is painted."""
    end = time.perf_counter() + 5
    while not condition():
        if time.perf_counter() > end:
            raise TimeoutError("The views did not follow.")
        QApplication.processEvents()
    QApplication.processEvents()


class Watcher(QObject):
    """Notes in a list that a widget was painted."""

    def __init__(self, painted: list[bool]) -> None:
        super().__init__()
        self._painted = painted

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Note it."""
        if event is not None and event.type() == QEvent.Type.Paint:
            self._painted.append(True)
        return False


def shows(layer: Any, row: int, name: str) -> bool:
    """Return whether a layer shows a class of an object."""
    return bool(layer.features["class"][row] == name)


class Clock:
    """Measures how long something takes.

    Attributes
    ----------
    wall, cpu : list of float
        By the clock on the wall, and by that of the process, which other programs at work on the
        same machine delay less; ms.
    """

    def __init__(self) -> None:
        self.wall: list[float] = []
        self.cpu: list[float] = []
        self.start()

    def start(self) -> None:
        """Begin."""
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def stop(self) -> None:
        """Note how long it was since the start."""
        self.wall.append(1000 * (time.perf_counter() - self._wall))
        self.cpu.append(1000 * (time.process_time() - self._cpu))

    def report(self, what: str) -> None:
        """Print medians and worst."""
        figures = [f(t) for t in (self.wall, self.cpu) for f in (statistics.median, max)]
        print(f"{what:60}" + "".join(f"{figure:9.1f}" for figure in figures), flush=True)


def make_window(n: int) -> tuple[napari.Viewer, Session, ReviewWidget, QDockWidget]:
    """Open a window on a session of `n` cells with the gallery."""
    rgb, labels = field(n)
    viewer = napari.Viewer()
    viewer.window.resize(1500, 950)
    image = viewer.add_image(rgb, name="field")
    session = links.session_of(image)
    session.accept_edit(labels)
    session.set_predictions(predictions(n), "synthetic")
    widget = ReviewWidget(viewer)
    dock = viewer.window.add_dock_widget(widget, name="Review", area="right")
    widget.form.gallery.setFocus()
    idle()
    return viewer, session, widget, dock


def class_change(n: int, repeats: int) -> None:
    """Time a class change from the key to the last view."""
    viewer, session, widget, _ = make_window(n)
    image = viewer.layers[0]
    links.show_labels(viewer, session, image).contour = 2
    ObjectsView(viewer, session, image)
    classify = ClassifyWidget(viewer)
    viewer.window.add_dock_widget(classify, name="Classify", area="left")
    widget.form.gallery.setFocus()
    idle()
    layer = widget.objects_layer()
    gallery: Any = widget.form.gallery
    at_once, painted, everywhere = Clock(), Clock(), Clock()
    clocks = (at_once, painted, everywhere)
    for i in range(repeats):
        label = widget.queue[0]
        widget.select([label], label)
        idle()
        name = LEUKOCYTE_NAMES[i % len(LEUKOCYTE_NAMES)]
        for clock in clocks:
            clock.start()
        widget.reviewer.classify_selected(name)
        at_once.stop()
        gallery.viewport().repaint()
        painted.stop()
        until(partial(shows, layer, label - 1, name))
        everywhere.stop()
        idle()
    at_once.report(f"class change, {n} objects: command, gallery's state")
    painted.report(f"class change, {n} objects: gallery painted")
    everywhere.report(f"class change, {n} objects: gallery, layers, leukogram")
    names = iter(LEUKOCYTE_NAMES * repeats)
    view = objects_view_of(viewer, session)
    parts: dict[str, Callable[[], object]] = {
        "the command itself": lambda: session.set_class([5], next(names)),
        "the session's table after it": session.table,
        "gallery's refresh": widget.update_now,
        "objects layer's refresh": view.refresh if view else idle,
        "leukogram's refresh": classify.update_now,
        "a frame of the canvas (once for the class, once to go on)": partial(
            viewer.screenshot, canvas_only=True, flash=False
        ),
    }
    times = {what: Clock() for what in parts}
    for _ in range(repeats):
        for what, act in parts.items():
            times[what].start()
            act()
            times[what].stop()
        idle()
    for what, clock in times.items():
        clock.report(f"  {what}")
    viewer.close()
    idle()


def scroll(n: int) -> None:
    """Time the frames of scrolling through all cells, first time and again; and a leap."""
    viewer, _, widget, dock = make_window(n)
    gallery: Any = widget.form.gallery
    bar = gallery.verticalScrollBar()
    painted: list[bool] = []
    watcher = Watcher(painted)
    gallery.viewport().installEventFilter(watcher)
    # Docked, each frame also has the window put together anew with the picture of the canvas,
    # which takes long where OpenGL is done by the processor.
    for where in ("docked", "of its own"):
        if where != "docked":
            dock.setFloating(True)
            dock.resize(1100, 900)
            idle()
        for what, step in (("the wheel", 60), ("pages", gallery.viewport().height())):
            for turn in ("first", "again"):
                bar.setValue(0)
                idle()
                clock = Clock()
                for value in range(step, min(bar.maximum(), 120 * step), step):
                    painted.clear()
                    clock.start()
                    bar.setValue(value)
                    until(painted.__len__)
                    clock.stop()
                clock.report(f"{n} cells, window {where}, {what}, {turn}: a frame")
    viewer.close()
    idle()


def main() -> None:
    """Print median and worst of everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--objects", type=int, default=5000)
    parser.add_argument("--cells", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        # Not among the user's sessions.
        os.environ["NAPARI_LEUKOCYTE_SESSIONS"] = folder
        print(f"{'':60}{'wall ms':>9}{'worst':>9}{'CPU ms':>9}{'worst':>9}")
        class_change(arguments.objects, arguments.repeats)
        scroll(arguments.cells)
        QTimer.singleShot(0, QApplication.quit)


if __name__ == "__main__":
    main()
