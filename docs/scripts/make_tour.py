"""Go through the tour as a user does, and take the README's pictures and its animation.

Run it with a display (or ``xvfb-run -a -s "-screen 0 1600x1000x24"``)::

    python docs/scripts/make_tour.py [FOLDER]

It keeps its sessions and settings in a folder of its own, so that nothing of the user's is touched.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from photographing import (
    IMAGES,
    open_window,
    save_picture,
    scroll_to,
    settle,
    take,
    untouched,
    wait,
)
from PIL import Image
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QFileDialog

from napari_leukocyte.cli.window import Picture, fill_viewer
from napari_leukocyte.samples.synthetic import SyntheticSmear, sample_smear
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.own_classes import classes_now
from napari_leukocyte.ui.workbench.tour import TOUR, wrong_cells

# Its stubs take these functions for methods.
QTEST: Any = QTest
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
READER = "A. Reader"
#: Width of the animation, px, and how long a frame stands, ms; the last one stands longer.
WIDTH, STAYS_MS, LAST_MS = 960, 1100, 2500


class Camera:
    """Somebody on the tour, with a camera.

    Parameters
    ----------
    folder : Path
        Where pictures go.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.frames: list[Image.Image] = []
        self.sample: SyntheticSmear = sample_smear()
        self.viewer, self.bench = open_window()
        fill_viewer(self.viewer, [Picture("Synthetic smear", self.sample.image)])
        self.bench.sample = self.sample
        self.viewer.reset_view()

    @property
    def session(self) -> Any:
        """The work on the sample."""
        return self.bench.session

    def frame(self, name: str = "") -> None:
        """Take a frame of the animation, and a picture if it has a name."""
        settle(0.6)
        shot = take(self.viewer)
        picture = Image.fromarray(shot)
        height = round(WIDTH * picture.height / picture.width)
        self.frames.append(picture.resize((WIDTH, height), Image.Resampling.LANCZOS))
        if name:
            save_picture(shot, self.folder / f"tour-{name}.png")

    def reach(self, number: int) -> None:
        """Wait until the tour has come to a step, counted from 0."""
        wait(lambda: self.bench.tour is not None and self.bench.tour.number >= number)
        settle(0.4)

    def click_cell(self, label: int, modifiers: Any = NONE) -> None:
        """Click a cell in the gallery."""
        gallery = self.bench.page("review").form.gallery
        index = gallery.cells.index(gallery.cells.row_of(label))
        gallery.scrollTo(index)
        QTEST.mouseClick(gallery.viewport(), LEFT, modifiers, gallery.visualRect(index).center())

    def click_image(self, place: tuple[float, float]) -> None:
        """Click on the image, at y and x in px."""
        layer: Any = links.image_layer_of(self.viewer, self.session)
        world = np.asarray(layer.data_to_world(place))[::-1]
        canvas: Any = self.viewer.window._qt_viewer.canvas
        x, y = canvas.view.scene.transform.map([*world, 0, 1])[:2]
        QTEST.mouseClick(canvas.native, LEFT, NONE, QPoint(round(float(x)), round(float(y))))
        settle(0.3)

    def save(self) -> None:
        """Write the animation."""
        times = [STAYS_MS] * (len(self.frames) - 1) + [LAST_MS]
        path = self.folder / "tour.webp"
        self.frames[0].save(
            path,
            save_all=True,
            append_images=self.frames[1:],
            duration=times,
            loop=0,
            quality=85,
            method=4,
        )
        print(path, len(self.frames), "frames,", path.stat().st_size // 1000, "kB")


def main(folder: Path, work: Path) -> None:
    """Go through the six steps."""
    folder.mkdir(parents=True, exist_ok=True)
    camera = Camera(folder)
    bench = camera.bench
    bench.reader.setText(READER)
    bench.reader.editingFinished.emit()
    camera.frame()
    bench.start_tour(camera.sample)
    camera.frame()

    # 1. Find the cells.
    segment = bench.page("segment")
    segment.form.run.click()
    settle(0.3)
    camera.frame()
    wait(lambda: not segment.busy)
    camera.frame()
    camera.reach(1)

    # 2. Correct a class: the cell that is wrong is selected.
    camera.frame("correct")
    wrong = wrong_cells(camera.session, camera.sample)
    gallery = bench.page("review").form.gallery
    label = min(wrong)
    camera.click_cell(label)
    camera.frame()
    QTEST.keyClick(gallery, next(c.key for c in classes_now() if c.name == wrong[label]))
    camera.frame()
    camera.reach(2)

    # 3. Join two neighbours, and part them again.
    camera.frame()
    labels = camera.session.labels
    pair = [
        int(np.bincount(labels[(camera.sample.labels == n) & (labels > 0)]).argmax())
        for n in camera.sample.touching[0]
    ]
    table = camera.session.table().set_index("label")
    places = [(float(table.loc[n, "y"]), float(table.loc[n, "x"])) for n in pair]
    camera.session.select(pair)
    tools = segment.form.tools.buttons
    tools["merge"].click()
    camera.frame()
    tools["split"].click()
    camera.click_image(places[0])
    camera.frame()
    camera.click_image(places[1])
    camera.frame("split")
    camera.reach(3)
    QTEST.keyClick(camera.viewer.window._qt_viewer.canvas.native, Qt.Key.Key_Escape)

    # 4. Confirm the others.
    wait(lambda: bool(camera.session.table()["class"].notna().all()))
    camera.viewer.reset_view()
    camera.frame()
    for _ in range(2):
        QTEST.keyClick(gallery, Qt.Key.Key_Return)
        camera.frame()
    bench.page("review").form.approve_all.click()
    camera.reach(4)

    # 5. Save the results.
    camera.frame()
    save_results(camera, work / "results")
    camera.reach(5)

    # 6. Export the annotations.
    camera.frame()
    export(camera, work / "annotations")
    camera.reach(len(TOUR))
    camera.frame()
    bench.end_tour()
    count = bench.open("count")
    settle(0.3)
    scroll_to(count, count.form.leukogram)
    camera.frame("end")
    camera.save()
    camera.viewer.close()


def save_results(camera: Camera, folder: Path) -> None:
    """Press *Save results…*, and choose a folder."""
    former = QFileDialog.getExistingDirectory
    QFileDialog.getExistingDirectory = lambda *_: str(folder)  # type: ignore
    try:
        camera.bench.page("count").form.save.click()
    finally:
        QFileDialog.getExistingDirectory = former  # type: ignore
    settle(0.5)


def export(camera: Camera, folder: Path) -> None:
    """Name a folder, and press *Export*."""
    page = camera.bench.page("export")
    page.form.to.setText(str(folder))
    settle(0.3)
    page.form.export.click()
    wait(lambda: not page.busy)


if __name__ == "__main__":
    with untouched() as own:
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES, own)
