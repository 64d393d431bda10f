"""Count the gestures of a day: a smear with known faults, corrected in the real window.

The window is driven with mouse and keys alone. A gesture is a click, a drag, a double click, a key
or a name that is typed. Pages that turn are counted apart: forced, if the work can't go on without,
or opened on request. At the end it is checked that the truth was reached, and a table is printed.

Run it with a display (or ``xvfb-run -a -s "-screen 0 1600x1000x24"``), on painted fields or on
photographs of your own; everything is kept in a folder of its own::

    python docs/gestures.py [--fields FOLDER] [--number 60] [--seed 1] [--pictures FOLDER]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent / "scripts"))

import napari
import numpy as np
import photographing
from faulty_day import ARTEFACT, Cell, Day, Point, copy_fields, faults_left, paint_fields, prepare
from photographing import photograph, scroll_to, settle, wait
from qtpy.QtCore import QPoint, Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QComboBox, QFileDialog, QMessageBox, QWidget

from napari_leukocyte.analysis.smear.smear import Smear
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.own_classes import classes_now
from napari_leukocyte.ui.workbench.menus import workbench_of
from napari_leukocyte.ui.workbench.steps import STEPS

# Its stubs take these functions for methods.
QTEST: Any = QTest
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
CONTROL = Qt.KeyboardModifier.ControlModifier
SIZE, READER = (1280, 720), "A. Reader"
#: Aims: gestures of the whole day, and pages that the reader has to turn.
MOST_GESTURES, MOST_FORCED = 60, 0
#: A cell is looked for so often.
_LOOKS = 20
#: The window answers within this, s.
photographing.LONGEST = 60.0


class Reader:
    """Somebody at the window, whose gestures are counted.

    Parameters
    ----------
    day : Day
        The smear, and what is wrong with it.
    pictures : Path or None
        Where pictures go.

    Attributes
    ----------
    gestures, opened : Counter
        Gestures, and fields opened on request, by kind of work.
    forced, scrolled : int
        Pages turned without being asked for; times that the wheel had to be turned.
    """

    def __init__(self, day: Day, pictures: Path | None) -> None:
        self.day, self.pictures = day, pictures
        self.gestures: Counter[str] = Counter()
        self.opened: Counter[str] = Counter()
        self.forced = self.scrolled = 0
        self._kind = ""
        self._asked: int | None = None
        self._shown: int | None = None
        self.viewer = napari.Viewer(title="napari-leukocyte", show=True)
        window: Any = self.viewer.window
        window.resize(*SIZE)
        self.canvas = window._qt_viewer.canvas
        self.bench = workbench_of(self.viewer)
        self.smear: Any = self.bench.page("smear")
        self.review: Any = self.bench.page("review")
        settle(0.5)

    # -- the window -----------------------------------------------------------------------

    @contextmanager
    def work(self, kind: str) -> Iterator[None]:
        """Count what is done for a kind of work."""
        self._kind = kind
        try:
            yield
        except Exception:
            self.picture("failed")
            raise
        self.rest()
        print(f"{kind}: {self.gestures[kind]} gestures", flush=True)

    def rest(self) -> None:
        """Wait until nothing is under way, and note whether a page has turned."""
        settle(0.3)
        wait(lambda: not self.smear.busy)
        settle(0.2)
        row = self.smear.shown_row
        if row != self._shown:
            if row == self._asked:
                self.opened[self._kind] += 1
            elif self._shown is not None:
                self.forced += 1
            self._shown = row

    def picture(self, name: str) -> None:
        """Take a picture."""
        if self.pictures is not None:
            photograph(self.viewer, self.pictures / f"gestures-{name}.png")

    def note(self, number: int = 1) -> None:
        """Count gestures."""
        self.gestures[self._kind] += number

    def click(self, widget: QWidget, at: QPoint | None = None, modifiers: Any = NONE) -> None:
        """Click on something; the wheel is turned first if it is out of sight."""
        place = widget.rect().center() if at is None else at
        if not widget.visibleRegion().contains(place):
            scroll_to(widget, widget)
            self.scrolled += 1
            settle(0.2)
        if not (widget.isEnabled() and widget.visibleRegion().contains(place)):
            raise RuntimeError(f"It can't be clicked: {widget} {getattr(widget, 'text', str)()}")
        QTEST.mouseClick(widget, LEFT, modifiers, place)
        self.note()
        QApplication.processEvents()

    def step(self, name: str) -> None:
        """Go to a step of the workbench."""
        index = [s.name for s in STEPS].index(name)  # type: ignore[arg-type]
        if self.bench.rail.currentIndex() != index:
            self.click(self.bench.rail, self.bench.rail.tabRect(index).center())
            settle(0.3)

    def choose(self, box: QComboBox, text: str) -> None:
        """Choose from a list: a click opens it, another one chooses."""
        self.click(box)
        settle(0.8)  # a popup takes a click that comes at once for the one that has opened it
        view: Any = box.view()
        at = view.visualRect(view.model().index(box.findText(text), 0)).center()
        QTEST.mouseMove(view.viewport(), at)
        settle(0.1)
        self.click(view.viewport(), at)
        settle(0.3)
        if box.currentText() != text:
            raise RuntimeError(f"{text} was not chosen.")

    def answer(self, owner: Any, name: str, value: Any) -> Callable[[], None]:
        """Let a dialog of the system, which no test can drive, be answered by one gesture."""
        former = getattr(owner, name)

        def answered(*_: object) -> Any:
            self.note()
            return value

        setattr(owner, name, answered)
        return lambda: setattr(owner, name, former)

    # -- the gallery ----------------------------------------------------------------------

    @property
    def gallery(self) -> Any:
        """The gallery of the whole smear."""
        return self.review.smear_gallery.form.gallery

    def place_in_gallery(self, cell: Cell) -> QPoint:
        """Return where a cell is in the gallery, scrolled to if it is out of sight."""
        cells = self.review.smear_gallery.session
        number = cells.number(cell.field, cell.label)
        # On a busy machine what was said last may still be on its way, and the order changes then.
        for _ in range(_LOOKS):
            row = self.gallery.cells.row_of(number)
            if row is None:
                raise RuntimeError(f"{cell} is not shown.")
            index = self.gallery.cells.index(row)
            place = QPoint(self.gallery.visualRect(index).center())
            if self.gallery.viewport().rect().contains(place):
                return place
            self.gallery.scrollTo(index, self.gallery.ScrollHint.PositionAtCenter)
            self.scrolled += 1
            settle(0.2)
        raise RuntimeError(f"{cell} does not stay in sight.")

    def pick(self, cells: list[Cell]) -> None:
        """Select cells: a click, then clicks with Ctrl."""
        for i, cell in enumerate(cells):
            at = self.place_in_gallery(cell)
            self.click(self.gallery.viewport(), at, CONTROL if i else NONE)
        if len(self.gallery.selected_labels) != len(cells):
            raise RuntimeError("Others are selected.")

    def key(self, text: str) -> None:
        """Press a key in the gallery."""
        QTEST.keyClick(self.gallery, text)
        self.note()
        settle(0.3)

    def correct_halves(self, cell: Cell, keys: dict[str, str]) -> None:
        """Give the parts of a joined cell their classes, where the classifier errs in them."""
        session = self.smear.session
        for place, name in zip(cell.points, cell.names, strict=False):
            number = int(session.labels[int(place[0]), int(place[1])])
            said = session.table().set_index("label")["class"]
            if number and said[number] != name:
                wait(lambda n=number: self.in_gallery(cell.field, n))
                self.pick([replace(cell, label=number)])
                self.key(keys[name])

    def in_gallery(self, field: int, label: int) -> bool:
        """Tell whether the gallery shows a cell already."""
        cells = self.review.smear_gallery.session
        rows = cells.table()
        return bool(((rows["field"] == field) & (rows["label_in_field"] == label)).any())

    # -- the image ------------------------------------------------------------------------

    def click_image(self, place: Point, modifiers: Any = NONE) -> None:
        """Click on the field that is shown, at y and x in px."""
        layer = links.image_layer_of(self.viewer, self.smear.session)
        if layer is None:
            raise RuntimeError("No field is shown.")
        world = np.asarray(layer.data_to_world(place))[::-1]
        x, y = self.canvas.view.scene.transform.map([*world, 0, 1])[:2]
        at = QPoint(round(float(x)), round(float(y)))
        QTEST.mouseMove(self.canvas.native, at)
        self.click(self.canvas.native, at, modifiers)
        settle(0.3)

    def take(self, tool: str) -> None:
        """Take a mask tool from the row below the gallery."""
        button = self.review.smear_gallery.form.tools.buttons[tool]
        if not button.isChecked():  # it stays in hand while the field is shown
            self.click(button)
        settle(0.2)

    def ask_for(self, row: int) -> None:
        """Note that a field is opened on purpose."""
        self._asked = row

    def know_classes(self) -> bool:
        """Tell whether every cell of the shown field has a class."""
        return bool(self.smear.session.table()["class"].notna().all())


def go_through(reader: Reader, report: Path) -> None:
    """Do the day, from the folder to the report."""
    day, bench = reader.day, reader.bench
    with reader.work("Open the smear, and its gallery"):
        reader.step("smear")
        restore = reader.answer(QFileDialog, "getExistingDirectory", str(day.fields))
        reader.click(reader.smear.form.open_folder)
        restore()
        wait(lambda: reader.smear.smear is not None)
        reader.rest()
        reader.click(bench.reader)
        QTEST.keyClicks(bench.reader, READER)
        QTEST.keyClick(bench.reader, Qt.Key.Key_Return)
        reader.step("review")
        reader.choose(reader.review.scope, "Whole smear")
        wait(lambda: not reader.review.smear_gallery.busy and len(reader.gallery.cells.labels) > 0)
        settle(1.5)
        reader.picture("begin")
    with reader.work("Correct 10 classes"):
        keys = {c.name: c.key for c in classes_now()}
        wrong = sorted(day.wrong, key=lambda c: c.name)
        for name, cells in groupby(wrong, key=lambda c: c.name):
            reader.pick(list(cells))
            reader.key(keys[name])
    with reader.work("Put aside 4 pieces of debris"):
        reader.pick(day.debris)
        reader.picture("debris")
        reader.key(next(k for n, k in keys.items() if ARTEFACT in n))
    with reader.work("Part 2 joined pairs"):
        for cell in day.joined:
            reader.ask_for(cell.field)
            at = reader.place_in_gallery(cell)
            reader.click(reader.gallery.viewport(), at)
            QTEST.mouseDClick(reader.gallery.viewport(), LEFT, NONE, at)  # the second of the two
            reader.rest()
            wait(lambda c=cell: reader.smear.session.selection == {c.label})
            reader.take("split")
            for place in cell.points:
                reader.click_image(place)
            if cell.stray:
                reader.click_image(cell.points[1], CONTROL)
            wait(reader.know_classes)
            reader.picture("split")
            reader.correct_halves(cell, keys)
    with reader.work("Add 3 missed cells"):
        for cell in day.missed:
            reader.ask_for(cell.field)
            reader.step("smear")
            fields = reader.smear.form.fields
            index = reader.smear.form.model.index(cell.field)
            fields.scrollTo(index)
            reader.click(fields.viewport(), fields.visualRect(index).center())
            reader.rest()
            reader.step("review")
            reader.take("add")
            reader.click_image(cell.points[0])
            wait(reader.know_classes)
            reader.picture("add")
    with reader.work("Confirm all others"):
        wait(lambda: not reader.review.smear_gallery.busy)
        settle(2)  # the gallery looks at the other fields every 1.5 s
        reader.click(reader.review.smear_gallery.form.approve_all)
        settle(1)
        reader.picture("confirmed")
    with reader.work("Sign off, save the report"):
        reader.step("smear")
        form = reader.smear.form
        restore = reader.answer(QMessageBox, "question", QMessageBox.StandardButton.Yes)
        reader.click(form.sign_smear)
        reader.rest()
        restore()
        restore = reader.answer(QFileDialog, "getSaveFileName", (str(report), ""))
        menu = form.report.menu()

        def choose_whole() -> None:
            menu.setActiveAction(form.report_smear)
            reader.click(menu, menu.actionGeometry(form.report_smear).center())

        QTimer.singleShot(500, choose_whole)
        reader.click(form.report)
        wait(report.is_file)
        restore()
        reader.rest()
        reader.picture("signed")


def check(reader: Reader, report: Path) -> list[str]:
    """Return what is not as it should be."""
    said = list(faults_left(reader.day))
    signed = Smear([reader.day.fields]).signed_off
    if signed is None:
        said.append(f"It is not signed off: {reader.smear.smear.why_not()}")
    elif signed.reader != READER:
        said.append(f"It is signed off by {signed.reader}.")
    if READER not in report.read_text(encoding="utf-8"):
        said.append("The report does not name the reader.")
    return said


def print_table(reader: Reader, fields: int) -> None:
    """Print the day's table."""
    print(f"\n{fields} fields, {reader.day.cells} cells\n")
    print("| work | gestures | fields opened on request |\n|---|---:|---:|")
    for kind, number in reader.gestures.items():
        print(f"| {kind} | {number} | {reader.opened[kind]} |")
    print(f"| **The day** | **{reader.gestures.total()}** | **{reader.opened.total()}** |")
    print(f"\nPage turns forced: {reader.forced}. Turns of the wheel: {reader.scrolled}.")


def main() -> int:
    """Prepare the day, go through it, and print the table; 1 if the aims are missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fields", type=Path, help="folder of photographs; else they are painted")
    parser.add_argument("--number", type=int, help="of fields: 60, or 20 painted ones")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pictures", type=Path, help="folder for pictures of the window")
    parser.add_argument("--work", type=Path, help="folder that is kept, to be quick the next time")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as own:
        work: Path = given.work or Path(own)
        os.environ["NAPARI_LEUKOCYTE_CONFIG"] = str(Path(own) / "config")
        os.environ["NAPARI_LEUKOCYTE_EMBEDDINGS"] = str(Path(own) / "embeddings")
        if (work / "fields").exists():
            pass
        elif given.fields is None:
            paint_fields(work / "fields", given.number or 20, given.seed)
        else:
            copy_fields(given.fields, work / "fields", given.number or 60)
        day = prepare(work, given.seed)
        if given.pictures is not None:
            given.pictures.mkdir(parents=True, exist_ok=True)
        reader = Reader(day, given.pictures)
        report = Path(own) / "report.html"
        go_through(reader, report)
        reader.smear.leave()
        reader.viewer.close()
        faults = check(reader, report)
        print_table(reader, len(list((work / "fields").iterdir())))
    for fault in faults:
        print("Not as it should be:", fault)
    if reader.gestures.total() > MOST_GESTURES or reader.forced > MOST_FORCED:
        faults.append("The aims are missed.")
        print(f"The aims are {MOST_GESTURES} gestures and {MOST_FORCED} page turns.")
    return bool(faults)


if __name__ == "__main__":
    raise SystemExit(main())
