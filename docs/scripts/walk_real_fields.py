"""Walk through real fields in the real window as a reader does, from the folder to the report.

With mouse and keys alone: open a folder of photographs as a smear, analyse it in the background,
review with keys, use the mask tools, undo everything, flag, kill the program in the middle, open
the folder again, go on, sign off and write the report. It stops where the program shows anything
else than it should, and takes pictures on the way. It needs a display and photographs, such as
those of BCCD::

    python docs/scripts/walk_real_fields.py --data-root IMAGES [--fields 20] [--out FOLDER]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import napari
import numpy as np
from photographing import dock, photograph, raise_dock, settle, wait
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QFileDialog, QMessageBox

from napari_leukocyte.io.images.reading import IMAGE_SUFFIXES
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.objects_view import objects_view_of
from napari_leukocyte.ui.tools.mask_tools import mask_tools_of

READER = "A. Reader"
#: Size of the window, px: two docks stand side by side.
SIZE = (1590, 980)
# Its stubs take these functions for methods.
QTEST: Any = QTest
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
Place = tuple[float, float]


def check(so: Any, what: object = "") -> None:
    """Stop if something is not as it should be; the traceback says what."""
    if not so:
        raise RuntimeError(f"Not as it should be. {what}")


class Reader:
    """Somebody at the window.

    Parameters
    ----------
    fields : Path
        The folder with the photographs.
    out : Path
        Where pictures go.
    """

    def __init__(self, fields: Path, out: Path) -> None:
        self.fields, self.out = fields, out
        self.viewer = napari.Viewer(title="napari-leukocyte", show=True)
        self.viewer.window.resize(*SIZE)
        window: Any = self.viewer.window
        right = Qt.DockWidgetArea.RightDockWidgetArea
        window._qt_window.setCorner(Qt.Corner.BottomRightCorner, right)
        self.canvas = window._qt_viewer.canvas
        self.smear = dock(self.viewer, "Smear", "right")
        self.review = dock(self.viewer, "Review leukocytes", "bottom")
        self.gallery = self.review.form.gallery
        raise_dock(self.smear)

    # -- what is there --------------------------------------------------------------------

    @property
    def session(self) -> Session:
        """The session of the field that is shown."""
        session: Session = self.smear.session
        return session

    def rest(self) -> None:
        """Wait until nothing is under way."""
        wait(lambda: not self.smear.busy)
        settle(0.3)
        wait(lambda: not self.smear.busy)

    def picture(self, name: str) -> None:
        """Take a picture of the window."""
        photograph(self.viewer, self.out / f"{name}.png")

    def said(self) -> list[tuple[object, ...]]:
        """Return what the session's table says of every cell, but for times."""
        table = self.session.table().fillna("")
        columns = ["label", "area_px", "class", "source", "reviewed", "flags", "note", "edited"]
        return [tuple(row) for row in table[columns].itertuples(index=False)]

    # -- what a reader does ---------------------------------------------------------------

    def press(self, button: Any) -> None:
        """Click a button."""
        check(button.isEnabled(), button.text())
        QTEST.mouseClick(button, LEFT)

    def open(self) -> None:
        """Choose the folder."""
        former = QFileDialog.getExistingDirectory
        QFileDialog.getExistingDirectory = lambda *_: str(self.fields)  # type: ignore
        try:
            self.press(self.smear.form.open_folder)
        finally:
            QFileDialog.getExistingDirectory = former  # type: ignore
        self.rest()

    def name(self) -> None:
        """Say who reads."""
        self.smear.form.reader.setFocus()
        self.smear.form.reader.clear()
        QTEST.keyClicks(self.smear.form.reader, READER)
        QTEST.keyClick(self.smear.form.reader, Qt.Key.Key_Return)

    def key(self, key: Any, modifiers: Any = NONE) -> None:
        """Press a key in the gallery."""
        QTEST.keyClick(self.gallery, key, modifiers)
        QApplication.processEvents()

    def cell(self, label: int) -> None:
        """Click a cell in the gallery."""
        row = self.gallery.cells.row_of(label)
        check(row is not None, label)
        index = self.gallery.cells.index(row)
        self.gallery.scrollTo(index)
        at = self.gallery.visualRect(index).center()
        QTEST.mouseClick(self.gallery.viewport(), LEFT, NONE, at)
        QApplication.processEvents()

    def confirm_all(self) -> None:
        """Go through the queue with the space bar; a class where the model has none."""
        done = 0
        self.review.select([], None)
        while self.review.queue:
            label = self.review.queue[0]
            self.cell(label)
            name = self.review.cells[label].class_name
            self.key(Qt.Key.Key_U if name is None else Qt.Key.Key_Space)
            done += 1
            check(done < 500)
        reviewed, total = self.session.review_progress
        check(reviewed == total, (reviewed, total))

    # -- on the image ---------------------------------------------------------------------

    def at(self, place: Place) -> QPoint:
        """Return where a place of the field is on the canvas."""
        layer = links.labels_layer_of(self.viewer, self.session)
        check(layer is not None)
        world = np.asarray(layer.data_to_world(place))[::-1]
        x, y = self.canvas.view.scene.transform.map([*world, 0, 1])[:2]
        return QPoint(round(float(x)), round(float(y)))

    def click(self, place: Place) -> None:
        """Click on the image."""
        self.drag([place])

    def drag(self, places: list[Place]) -> None:
        """Drag over the image."""
        native, first = self.canvas.native, self.at(places[0])
        QTEST.mouseMove(native, first)
        QTEST.mousePress(native, LEFT, NONE, first)
        for place in places[1:]:
            QTEST.qWait(20)  # vispy drops movements that come within 10 ms
            here = self.at(place)
            event = QMouseEvent(
                QEvent.Type.MouseMove,
                QPointF(here),
                QPointF(native.mapToGlobal(here)),
                Qt.MouseButton.NoButton,
                LEFT,
                NONE,
            )
            QApplication.sendEvent(native, event)
        QTEST.mouseRelease(native, LEFT, NONE, self.at(places[-1]))
        settle(0.3)

    def tool(self, key: str) -> None:
        """Take a mask tool by its key."""
        view = objects_view_of(self.viewer, self.session)
        check(view is not None)
        if self.viewer.layers.selection.active is None:
            self.viewer.layers.selection.active = view.layer
        self.canvas.native.setFocus()
        QTEST.keyClick(self.canvas.native, key.lower(), SHIFT)
        settle(0.2)
        check(mask_tools_of(self.viewer).in_hand, f"{key} {self.viewer.status}")

    def leave_tool(self) -> None:
        """Put the tool down."""
        QTEST.keyClick(self.canvas.native, Qt.Key.Key_Escape)
        settle(0.2)


def edit_masks(reader: Reader) -> None:
    """Split a cell, merge the halves, delete one, add it again."""
    session = reader.session
    table = session.table().sort_values("area_px", ascending=False)
    big = table.iloc[0]
    y, x, radius = float(big["y"]), float(big["x"]), 0.8 * float(big["equivalent_diameter_px"])
    before = len(table)
    reader.key(Qt.Key.Key_Escape)
    session_numbers = set(session.table()["label"])
    session.select([])
    reader.tool("S")
    reader.drag([(y - radius, x), (y, x), (y + radius, x)])
    check(len(session.table()) == before + 1, f"split: {reader.viewer.status}")
    reader.picture("06-split")
    reader.leave_tool()
    new = (set(session.table()["label"]) - session_numbers).pop()
    reader.tool("M")
    reader.drag([(y, x - radius / 2), (y, x), (y, x + radius / 2)])
    check(len(session.table()) == before, "merge")
    check(new not in set(session.table()["label"]))
    reader.leave_tool()
    session.select([])
    reader.tool("D")
    reader.click((y, x))
    check(len(session.table()) == before - 1, "delete")
    reader.leave_tool()
    reader.tool("N")
    reader.click((y, x))
    check(len(session.table()) == before, "add")
    reader.leave_tool()
    # The model is asked about what was added.
    wait(lambda: bool(session.table()["class"].notna().all()))
    reader.picture("07-edited")


def first_half(reader: Reader, notes: Path) -> None:
    """Walk up to the moment at which the program is killed."""
    reader.picture("01-empty")
    reader.open()
    reader.picture("02-open")
    reader.name()
    begun = time.monotonic()
    reader.press(reader.smear.form.analyse)
    wait(lambda: reader.session.classifier is not None)
    settle(0.5)
    reader.picture("03-analysing")
    # The first field is reviewed while the others are analysed.
    reader.gallery.setFocus()
    label = reader.review.queue[0]
    reader.cell(label)
    reader.key(Qt.Key.Key_E)
    check(reader.session.assigned == {label: "eosinophil"})
    print("reviewed while the analysis was on:", reader.smear.busy)
    reader.rest()
    print(f"analysed in {time.monotonic() - begun:.0f} s")
    reader.viewer.reset_view()
    reader.picture("04-analysed")
    reader.key(Qt.Key.Key_Z, CONTROL)
    check(not reader.session.assigned)
    clean, labels = reader.said(), reader.session.labels.copy()
    check(clean)
    # Keys: classes, flags, a confirmation, taken back.
    numbers = list(reader.review.queue)
    reader.cell(numbers[0])
    reader.key(Qt.Key.Key_L)
    reader.cell(numbers[0])
    reader.key(Qt.Key.Key_1)
    reader.key(Qt.Key.Key_5)
    reader.key(Qt.Key.Key_Backspace)
    reader.key(Qt.Key.Key_Space)
    reader.picture("05-keys")
    edit_masks(reader)
    count = 0
    reader.gallery.setFocus()
    while not reader.session.undo_text.startswith("Classify") or count < 6:
        check(reader.session.can_undo)
        reader.key(Qt.Key.Key_Z, CONTROL)
        count += 1
        if reader.said() == clean and (reader.session.labels == labels).all():
            break
    print("undone:", count)
    check(reader.said() == clean)
    check((reader.session.labels == labels).all())
    reader.picture("08-undone")
    # Work that must be there after a kill.
    reader.confirm_all()
    reader.cell(int(reader.session.table()["label"].iloc[0]))
    reader.key(Qt.Key.Key_4)
    settle(0.5)
    reader.press(reader.smear.form.sign_field)
    reader.rest()
    check(reader.session.signed_off is not None)
    reader.smear.form.tabs.setCurrentIndex(1)
    reader.picture("09-field-signed")
    reader.smear.form.tabs.setCurrentIndex(0)
    reader.canvas.native.setFocus()
    QTEST.keyClick(reader.canvas.native, Qt.Key.Key_PageDown)
    reader.rest()
    queue = list(reader.review.queue)
    if queue:
        reader.cell(queue[0])
        reader.key(Qt.Key.Key_M)
    notes.write_text(json.dumps([reader.smear.shown_row, reader.said()], default=str))
    reader.picture("10-before-the-kill")
    os.kill(os.getpid(), signal.SIGKILL)


def second_half(reader: Reader, notes: Path) -> None:
    """Open the folder after the kill, and finish."""
    row, said = json.loads(notes.read_text())
    reader.open()
    reader.picture("11-again")
    reader.smear.go(row)
    reader.rest()
    now = json.loads(json.dumps(reader.said(), default=str))
    check(now == said, (now, said))
    reader.press(reader.smear.form.sign_smear)
    reader.rest()
    reader.picture("12-refused")
    if len(reader.smear.smear.paths) > 2:
        check(reader.smear.smear.signed_off is None, "signed off with cells to review")
    total = len(reader.smear.smear.paths)
    for _ in range(total):
        if reader.session is not None and reader.session.review_progress[1]:
            reader.confirm_all()
        reader.rest()
        QTEST.keyClick(reader.smear, Qt.Key.Key_PageDown, SHIFT)
        reader.rest()
    settle(1)
    reader.picture("13-reviewed")
    # Too few cells may be counted for the target, which is asked about.
    QMessageBox.question = lambda *_: QMessageBox.StandardButton.Yes  # type: ignore
    reader.press(reader.smear.form.sign_smear)
    reader.rest()
    reader.picture("14-signed")
    signed = reader.smear.smear.signed_off
    check(signed is not None, reader.smear.form.signed.text())
    print("signed off by", signed.reader, signed.when)
    check(signed.reader == READER)
    print(reader.smear.smear.leukogram().to_string())
    report = reader.out / "report.html"
    former = QFileDialog.getSaveFileName
    QFileDialog.getSaveFileName = lambda *_: (str(report), "")  # type: ignore
    try:
        reader.smear.form.report_smear.trigger()
        reader.rest()
        wait(report.is_file)
    finally:
        QFileDialog.getSaveFileName = former  # type: ignore
    reader.picture("15-report")
    text = report.read_text(encoding="utf-8")
    check(READER in text)
    check("Not for use in diagnostic procedures" in text)
    print("report:", len(text) // 1024, "KiB,", text.count("<img"), "pictures")
    reader.smear.leave()
    reader.viewer.close()


def main() -> None:
    """Walk in two processes, the first of which is killed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-root", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--fields", type=int, default=20)
    parser.add_argument("--out", type=Path, help="folder for pictures and report")
    parser.add_argument("--half", choices=["first", "second"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    out = arguments.out or Path(tempfile.mkdtemp(prefix="walk-"))
    out.mkdir(parents=True, exist_ok=True)
    if arguments.half:
        half = first_half if arguments.half == "first" else second_half
        half(Reader(arguments.data_root, out), out / "notes.json")
        return
    with tempfile.TemporaryDirectory() as own:
        images = [p for p in arguments.data_root.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES]
        fields = Path(own) / "Smear of real fields"
        fields.mkdir()
        for path in sorted(images)[: arguments.fields]:
            shutil.copy(path, fields)
        environment = os.environ | {
            "NAPARI_LEUKOCYTE_SESSIONS": str(Path(own) / "sessions"),
            "NAPARI_LEUKOCYTE_CONFIG": str(Path(own) / "config"),
            "NAPARI_CONFIG": "",
        }
        for half, code in (("first", -signal.SIGKILL), ("second", 0)):
            command = [sys.executable, __file__, "--half", half]
            command += ["--data-root", str(fields), "--out", str(out)]
            found = subprocess.run(command, env=environment, check=False).returncode  # noqa: S603 - itself
            if found != code:
                raise SystemExit(f"The {half} half ended with {found}, not {code}.")
    print(f"Walked; the pictures are in {out}.")


if __name__ == "__main__":
    main()
