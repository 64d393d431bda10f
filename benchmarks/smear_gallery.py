"""The gallery of a whole smear: how long until it is there, and how smoothly it scrolls.

A smear of 400 drawn fields of 25 cells each, in a real window. The limits, at the second opening:
cells and the first screen of pictures are there in under 2 s, and a frame of scrolling takes under
33 ms. It needs a display::

    python benchmarks/smear_gallery.py [--fields 400] [--cells 25] [--folder DIR] [--turns 2]

``--folder`` keeps the smear and its sessions, so that it is drawn once for several runs. No network
runs: the sessions are written with drawn outlines and made-up classes. The first opening has to
read all journals and to cut all pictures; what it found is on the disk from then on.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QApplication

from napari_leukocyte.analysis.smear.reading import hold_session
from napari_leukocyte.analysis.smear.smear import open_smear
from napari_leukocyte.reporting.drawing import write_png
from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES

#: Size of a field, and radius of its cells, px.
SHAPE, RADIUS = (480, 640), 22
#: Longest wait for anything, s.
PATIENCE = 300.0


def draw(cells: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Draw a field: the photograph, (H, W, 3) uint8, and its outlines, (H, W) int32."""
    rng = np.random.default_rng(seed)
    rgb = np.full((*SHAPE, 3), (235, 225, 220), np.uint8)
    rgb += rng.integers(0, 8, rgb.shape, np.uint8)
    labels = np.zeros(SHAPE, np.int32)
    columns = int(np.ceil(np.sqrt(cells * SHAPE[1] / SHAPE[0])))
    pitch = SHAPE[1] // columns
    for i in range(cells):
        row, column = divmod(i, columns)
        place = (column * pitch + pitch // 2, row * pitch + pitch // 2)
        cv2.circle(labels, place, RADIUS, i + 1, -1)
        cv2.circle(rgb, place, RADIUS, rng.integers(150, 200, 3).tolist(), -1)
        cv2.circle(rgb, place, RADIUS // 2, rng.integers(40, 120, 3).tolist(), -1)
    return rgb, labels


def predictions(labels: NDArray[np.int32], seed: int) -> pd.DataFrame:
    """Return what a classifier might say of the cells."""
    numbers = np.unique(labels)[1:]
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(len(LEUKOCYTE_NAMES), 0.4), len(numbers))
    table = pd.DataFrame({"label": numbers})
    table["class"] = [LEUKOCYTE_NAMES[i] for i in shares.argmax(axis=1)]
    table["confidence"] = shares.max(axis=1)
    for name, column in zip(LEUKOCYTE_NAMES, shares.T, strict=True):
        table[f"p_{name}"] = column
    return table


def make_smear(folder: Path, fields: int, cells: int) -> None:
    """Write the photographs and a session of each."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(fields):
        path = folder / f"field {number + 1}.png"
        if path.is_file():
            continue
        rgb, labels = draw(cells, number)
        with hold_session(rgb, path.name) as session:
            session.start_afresh(labels)
            session.set_predictions(predictions(session.labels, number), "made up")
        write_png(path, rgb)


class Watcher(QObject):
    """Counts how often a widget was painted."""

    painted = 0

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Count it."""
        if event is not None and event.type() == QEvent.Type.Paint:
            self.painted += 1
        return False


def until(condition: Callable[[], object]) -> None:
    """Let Qt work until something is so."""
    end = time.perf_counter() + PATIENCE
    while not condition():
        if time.perf_counter() > end:
            raise TimeoutError("The gallery did not follow.")
        QApplication.processEvents()
        time.sleep(0.0005)


class Gallery:
    """The gallery of the smear in a window of its own, as at an opening of the program."""

    def __init__(self, folder: Path, viewer: Any) -> None:
        from napari_leukocyte.ui.controls.image_choice import ImageChoice
        from napari_leukocyte.ui.open_smear import set_open_smear
        from napari_leukocyte.ui.review.smear_gallery import SmearGallery

        self.viewer = viewer
        self._set = set_open_smear
        started = time.perf_counter()
        smear = open_smear([folder])
        self.looked = time.perf_counter() - started
        self.image = ImageChoice(viewer)
        self.widget = SmearGallery(viewer, self.image)
        self.widget.resize(1100, 900)
        # Longest that the window answers to nothing.
        self.longest, last = 0.0, time.perf_counter()
        started = time.perf_counter()
        set_open_smear(viewer, smear, lambda _: None)
        self.widget.show()
        cells = None
        while True:
            QApplication.processEvents()
            now = time.perf_counter()
            self.longest, last = max(self.longest, now - last), now
            if cells is None and self.widget.form.gallery.cells.labels:
                cells = now - started
            if cells is not None and not self.widget.busy and self._all_painted():
                break
            if now - started > PATIENCE:
                raise TimeoutError("The gallery did not follow.")
            time.sleep(0.0005)
        self.cells, self.pictures = cells, time.perf_counter() - started

    def _all_painted(self) -> bool:
        """Whether every cell in sight has its picture."""
        view: Any = self.widget.form.gallery
        table, delegate, area = self.widget.cells, view.cell_delegate, view.viewport().rect()
        if table is None:
            return False
        for row, number in enumerate(view.cells.labels):
            place = view.visualRect(view.cells.index(row))
            if place.top() > area.bottom():
                return True
            if area.intersects(place) and not delegate.picture(table[number], delegate.look):
                return False
        return True

    def scroll(self, pages: bool) -> list[float]:
        """Scroll, by the wheel or by pages; return how long each frame took, ms."""
        view: Any = self.widget.form.gallery
        bar, viewport = view.verticalScrollBar(), view.viewport()
        watcher = Watcher()
        viewport.installEventFilter(watcher)
        step = viewport.height() if pages else 60
        bar.setValue(0)
        until(lambda: not self.widget.busy)
        times = []
        for value in range(step, min(bar.maximum(), 120 * step), step):
            before, started = watcher.painted, time.perf_counter()
            bar.setValue(value)
            until(lambda before=before: watcher.painted > before)
            times.append(1000 * (time.perf_counter() - started))
        until(lambda: not self.widget.busy)
        viewport.removeEventFilter(watcher)
        return times

    def close(self) -> None:
        """Let go of everything."""
        self._set(self.viewer, None, lambda _: None)
        self.widget.close()
        self.widget.deleteLater()
        self.image.release()
        QApplication.processEvents()


def main() -> None:
    """Print the times of each opening."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fields", type=int, default=400)
    parser.add_argument("--cells", type=int, default=25)
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder: Path = arguments.folder or Path(temporary)
        # Not among the user's sessions.
        os.environ["NAPARI_LEUKOCYTE_SESSIONS"] = str(folder / "sessions")
        started = time.perf_counter()
        make_smear(folder / "smear", arguments.fields, arguments.cells)
        print(f"drawn in {time.perf_counter() - started:.1f} s", flush=True)
        import napari

        viewer = napari.Viewer(show=False)
        for turn in range(arguments.turns):
            gallery = Gallery(folder / "smear", viewer)
            number = len(gallery.widget.form.gallery.cells.labels)
            print(f"opening {turn + 1}, {arguments.fields} fields, {number} cells")
            print(f"  fields looked at                   {gallery.looked:7.2f} s")
            print(f"  cells shown                        {gallery.cells:7.2f} s")
            print(f"  first screen of pictures           {gallery.pictures:7.2f} s")
            print(f"  longest without an answer          {gallery.longest:7.2f} s", flush=True)
            for what, pages in (("wheel", False), ("pages", True)):
                times = gallery.scroll(pages)
                middle, worst = statistics.median(times), max(times)
                print(
                    f"  scrolling, {what}: a frame {middle:.1f} ms (worst {worst:.1f}), "
                    f"{1000 / middle:.0f} a second",
                    flush=True,
                )
            gallery.close()
        viewer.close()


if __name__ == "__main__":
    main()
