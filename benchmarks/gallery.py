"""A reader's waiting time in the gallery: a class change with all views open, and scrolling.

On a real window, with a session of synthetic cells. The limits: a class change shows in every
view in under 50 ms with 5,000 objects; a frame of scrolling 10,000 takes under 33 ms. It needs a
display::

    python benchmarks/gallery.py [--objects 5000] [--cells 10000] [--no-scroll] [--no-raster]

A class change is timed from the press of a key in the gallery, with the whole field in sight, to
the end of the frame in which the objects layer, the gallery, the legend and the leukogram all show
it, and the selection has moved on to the next cell. Where OpenGL is done by the processor (Mesa's
llvmpipe), most of that frame is the filling of pixels, which a graphics card does beside. With
``--no-raster`` Mesa does all but that (its ``GALLIUM_NOOP``), and the difference is the raster's
share; the window stays black then.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import napari
import numpy as np
import pandas as pd
from napari.utils.colormaps.standardize_color import transform_color
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QDockWidget, QScrollArea

from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.classify.widget import ClassifyWidget
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.objects_view import ObjectsView
from napari_leukocyte.ui.review.widget import ReviewWidget
from napari_leukocyte.vocabulary import COLORS, LEUKOCYTE_NAMES, LEUKOCYTES

#: Side of the square that each cell has to itself, and its radius, px.
PITCH, RADIUS = 44, 15
#: The keys of the classes.
KEYS = {c.name: c.key for c in LEUKOCYTES}


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

    def stop(self, wall: float | None = None, cpu: float | None = None) -> None:
        """Note how long it was since the start, up to now or to what the clocks showed then."""
        self.wall.append(1000 * ((time.perf_counter() if wall is None else wall) - self._wall))
        self.cpu.append(1000 * ((time.process_time() if cpu is None else cpu) - self._cpu))

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


class Desk:
    """A window with every view of one session: what a reader has before him.

    Parameters
    ----------
    n : int
        How many cells.
    """

    def __init__(self, n: int) -> None:
        self.viewer, self.session, self.widget, _ = make_window(n)
        image = self.viewer.layers[0]
        links.show_labels(self.viewer, self.session, image).contour = 2
        self.view = ObjectsView(self.viewer, self.session, image)
        self.classify = ClassifyWidget(self.viewer)
        self.classify.form.automatic.setChecked(False)
        self.viewer.window.add_dock_widget(self.classify, name="Classify", area="left")
        self.gallery: Any = self.widget.form.gallery
        self.gallery.setFocus()
        window: Any = self.viewer.window
        self.canvas = window._qt_viewer.canvas
        # So that the leukogram is in sight, too.
        for dock in (window._qt_viewer.dockLayerControls, window._qt_viewer.dockLayerList):
            dock.hide()
        #: Of each frame: when it was done, by both clocks, and whether every view was in it.
        self.frames: list[tuple[float, float, bool]] = []
        self.canvas.native.frameSwapped.connect(self._on_frame)
        self._painted: dict[str, list[bool]] = {"gallery": [], "legend": [], "leukogram": []}
        form = self.classify.form
        parts: tuple[tuple[str, Any], ...] = (
            ("gallery", self.gallery.viewport()),
            ("legend", form.legend),
            ("leukogram", form.leukogram.table.viewport()),
        )
        for name, part in parts:
            watcher = Watcher(self._painted[name])
            watcher.setParent(part)
            part.installEventFilter(watcher)
        self.canvas._scene_canvas.events.draw.connect(lambda _: self._drawn.append(True))
        self._drawn: list[bool] = []
        idle()
        self.classify.update_now()
        idle()
        area: Any = form.leukogram
        while not isinstance(area, QScrollArea):
            area = area.parent()
        area.ensureWidgetVisible(form.leukogram.table)
        idle()

    def _on_frame(self) -> None:
        whole = bool(self._drawn) and all(self._painted.values())
        self.frames.append((time.perf_counter(), time.process_time(), whole))

    def forget(self) -> None:
        """Wait for what is painted from now on."""
        self.frames.clear()
        self._drawn.clear()
        for painted in self._painted.values():
            painted.clear()

    def shows(self, label: int, name: str, counts: dict[str, int]) -> bool:
        """Return whether every view has painted that a cell has a class, and it is on the screen.

        Counts are those of the legend and of the leukogram's table, beside what the objects layer
        and the gallery's model hold.
        """
        row, layer = label - 1, self.view.layer
        cell = self.gallery.cells.cell_at(self.gallery.cells.row_of(label))
        form = self.classify.form
        figures = {line[0]: int(line[1]) for line in form.leukogram.table.texts()}
        legend = form.legend.counts()
        return bool(
            cell.class_name == name
            and layer.features["class"][row] == name
            and np.allclose(layer.border_color[row], transform_color(COLORS[name])[0])
            and all(legend[n] == figures[n] == number for n, number in counts.items())
        )

    def press(self, name: str, commanded: Clock, everywhere: Clock) -> int:
        """Press the key of a class on the queue's next cell; return how many frames it took."""
        label = self.widget.queue[0]
        self.widget.select([label], label)
        idle()
        counts = {n: c for n, c in self.classify.form.legend.counts().items() if c}
        counts[self.session.table()["class"][label - 1]] -= 1
        counts[name] += 1
        self.forget()
        for clock in (commanded, everywhere):
            clock.start()
        QTest.keyClick(self.gallery, KEYS[name])  # type: ignore[call-overload]
        commanded.stop()
        until(lambda: any(whole for *_, whole in self.frames))
        number = next(i for i, (*_, whole) in enumerate(self.frames) if whole)
        everywhere.stop(*self.frames[number][:2])
        if not self.shows(label, name, counts):
            raise RuntimeError("The frame is there, and some view shows something else.")
        idle()
        return number + 1


def other_name(session: Session, label: int, i: int) -> str:
    """Return a class that an object does not have."""
    now = session.table()["class"][label - 1]
    return [name for name in LEUKOCYTE_NAMES if name != now][i % (len(LEUKOCYTE_NAMES) - 1)]


def class_change(n: int, repeats: int) -> None:
    """Time a class change from the key to the last view, and what there is in it."""
    desk = Desk(n)
    commanded, everywhere = Clock(), Clock()
    frames = []
    for i in range(repeats):
        name = other_name(desk.session, desk.widget.queue[0], i)
        frames.append(desk.press(name, commanded, everywhere))
    print(f"class change by key, {n} objects; frames until every view shows it: {max(frames)}")
    commanded.report("  key handled: session, gallery, selection, layer's colours")
    everywhere.report("  key to the frame in which every view shows it")
    session, view = desk.session, desk.view
    # Nothing has happened in between but a press of a key, whatever the part.
    labels = iter(range(1, n))

    def command() -> None:
        label = next(labels)
        session.set_class([label], other_name(session, label, label))

    parts: dict[str, Callable[[], object]] = {
        "the command, and what is said of it in the objects layer": command,
        "gallery's model": desk.widget.update_now,
        "leukogram and legend": desk.classify.update_now,
        "objects layer handed to the canvas": view.refresh_drawing,
        "a frame of the window, nothing changed": lambda: frame(desk),
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
    desk.viewer.close()
    idle()


def frame(desk: Desk) -> None:
    """Have the canvas drawn and the window put together."""
    desk.frames.clear()
    desk.canvas._scene_canvas.update()
    until(lambda: desk.frames)


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
    parser.add_argument("--no-scroll", action="store_true", help="only the class change")
    parser.add_argument("--no-raster", action="store_true", help="fill no pixel (Mesa only)")
    arguments = parser.parse_args()
    if arguments.no_raster:
        # Before the first use of OpenGL.
        os.environ["GALLIUM_NOOP"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        # Not among the user's sessions.
        os.environ["NAPARI_LEUKOCYTE_SESSIONS"] = folder
        print(f"{'':60}{'wall ms':>9}{'worst':>9}{'CPU ms':>9}{'worst':>9}")
        class_change(arguments.objects, arguments.repeats)
        if not arguments.no_scroll:
            scroll(arguments.cells)
        QTimer.singleShot(0, QApplication.quit)


if __name__ == "__main__":
    main()
