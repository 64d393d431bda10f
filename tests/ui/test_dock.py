"""The frame of docks, by a small dock that uses everything in it."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from typing import Any, ClassVar

import napari
import numpy as np
import pytest
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QApplication, QLabel, QTabWidget, QVBoxLayout, QWidget

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.progress import Progress
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui import build
from napari_leukocyte.ui.controls.containers import Table
from napari_leukocyte.ui.controls.inputs import choice_box
from napari_leukocyte.ui.dock import SessionDock, SharedParts
from napari_leukocyte.ui.jobs import telling_errors
from napari_leukocyte.ui.layers import links
from napari_leukocyte.vocabulary import DISCLAIMER
from tests.ui.fields import CENTRES, RADIUS


class AreasDock(SessionDock):
    """Lists the areas of the cells of an image, and works out their sum."""

    rest_ms: ClassVar[int] = 10

    def __init__(
        self,
        viewer: Any,
        wait: Callable[[Progress], None] = lambda progress: None,
        shared: SharedParts | None = None,
    ) -> None:
        super().__init__(viewer, shared=shared)
        self._wait = wait
        self.unit = choice_box({"px": "pixels", "kpx": "thousands of pixels"})
        self.least = build.whole_number(0, 10_000, 0, unit=" px", tip="Smaller ones are left out.")
        self.only_selected = build.check("Only selected cells")
        self.folder = build.FolderLine("Folder", "Choose a folder")
        self.sum = build.button("Add up", "Work out the sum of the areas.", self.add_up)
        self.table = Table(("Cell", "Area"))
        self.total = build.text(bold=True)
        self.more = build.section("More", ("Folder", self.folder), self.only_selected, folded=True)
        self.lay_out(
            [("Unit", self.unit), ("At least", self.least)],
            [build.row(self.sum, None)],
            [build.heading("Areas"), self.table, self.total, self.more, None],
        )
        for signal in (
            self.unit.currentIndexChanged,
            self.least.valueChanged,
            self.only_selected.toggled,
        ):
            signal.connect(self.update_soon)
        self.begin()

    def update_now(self) -> None:
        """Show the areas."""
        session = self.session
        self.say_state("" if session else "Open an image and find its cells.")
        self.table.show_rows([] if session is None else self._rows(session))

    def add_up(self) -> None:
        """Work out the sum, in a thread."""
        wait, areas = self._wait, [float(area) for _, area in self.table.rows()]

        def work(progress: Progress) -> float:
            progress(0, 2, "Adding")
            wait(progress)
            if not areas:
                raise ParameterError("There is nothing to add up.")
            return sum(areas)

        self.start(work, "Adding up", self._show_sum, cancelled=lambda: self.say("Cancelled."))

    def on_busy(self) -> None:
        """Let nothing be added up twice at a time."""
        self.sum.setEnabled(not self.busy)

    def on_release(self) -> None:
        """Say that it is over."""
        ENDED.append(self)

    def _rows(self, session: Session) -> list[tuple[str, str]]:
        table = session.table()
        if self.only_selected.isChecked():
            table = table[table["label"].isin(list(session.selection))]
        unit = 1 if self.unit.currentData() == "px" else 1000
        return [
            (str(label), f"{area / unit:g}")
            for label, area in zip(table["label"], table["area_px"], strict=True)
            if area >= self.least.value()
        ]

    def _show_sum(self, total: float) -> None:
        self.total.setText(f"{total:g} in all")


#: Docks that have ended.
ENDED: list[AreasDock] = []


@pytest.fixture
def viewer(make_napari_viewer: Callable[..., napari.Viewer]) -> napari.Viewer:
    return make_napari_viewer(strict_qt="raise", show=True)


def labels_of(field: NDArray[np.uint8], number: int = len(CENTRES)) -> NDArray[np.int32]:
    y, x = np.indices(field.shape[:2])
    labels = np.zeros(field.shape[:2], np.int32)
    for i, (cy, cx) in enumerate(CENTRES[:number]):
        labels[(y - cy) ** 2 + (x - cx) ** 2 < (RADIUS - 4) ** 2] = i + 1
    return labels


def session_in(viewer: napari.Viewer, field: NDArray[np.uint8], number: int = 5) -> Session:
    session = links.session_of(viewer.add_image(field, name="field"))
    session.accept_edit(labels_of(field, number))
    return session


def docked(viewer: napari.Viewer, **options: Any) -> AreasDock:
    dock = AreasDock(viewer, **options)
    viewer.window.add_dock_widget(dock, name="Areas")
    return dock


def test_a_dock_takes_less_than_150_lines() -> None:
    assert len(inspect.getsource(AreasDock).splitlines()) < 150


def test_it_follows_the_chosen_image_and_its_session(
    viewer: napari.Viewer, field: NDArray[np.uint8], qtbot: QtBot
) -> None:
    dock = docked(viewer)
    qtbot.waitUntil(lambda: dock.settled)
    assert dock.messages.text() == "Open an image and find its cells."
    first = session_in(viewer, field)
    qtbot.waitUntil(lambda: dock.table.rowCount() == 5)
    assert dock.session is first
    assert not dock.message
    second = session_in(viewer, np.flip(field, 0).copy(), 2)
    qtbot.waitUntil(lambda: dock.table.rowCount() == 2)
    qtbot.waitUntil(lambda: dock.settled)
    first.select([1])
    assert dock.settled, "a session that is not followed any more is still listened to"
    dock.only_selected.setChecked(True)
    second.select([2])
    qtbot.waitUntil(lambda: [cell for cell, _ in dock.table.rows()] == ["2"])
    dock.image.choose(viewer.layers[0])
    assert dock.session is first
    # Other data end the session.
    viewer.layers[0].data = 255 - field
    assert dock.session is None
    qtbot.waitUntil(lambda: bool(dock.message))


def test_undo_keys_are_about_its_session(
    viewer: napari.Viewer, field: NDArray[np.uint8], qtbot: QtBot
) -> None:
    session = session_in(viewer, field)
    dock = docked(viewer)
    session.accept_edit(labels_of(field, 1))
    qtbot.waitUntil(lambda: dock.table.rowCount() == 1)
    dock.undo_shortcuts[0].activated.emit()
    qtbot.waitUntil(lambda: dock.table.rowCount() == 5)


def test_it_computes_says_what_fails_and_stops_when_asked(
    viewer: napari.Viewer, field: NDArray[np.uint8], qtbot: QtBot, told: list[str]
) -> None:
    held = threading.Event()

    def wait(progress: Progress) -> None:
        while not held.wait(0.01):
            progress(1, 2, "Adding")

    dock = docked(viewer, wait=wait)
    dock.sum.click()
    qtbot.waitUntil(lambda: dock.progress.bar.value() == 1)
    assert (dock.busy, dock.sum.isEnabled(), dock.message) == (True, False, "Adding: 1 of 2")
    dock.progress.cancel.click()
    qtbot.waitUntil(lambda: not dock.busy)
    assert (dock.sum.isEnabled(), dock.progress.cancel.isEnabled()) == (True, False)
    assert (dock.message, told) == ("Cancelled.", [])
    held.set()
    dock.sum.click()
    qtbot.waitUntil(lambda: not dock.busy)
    assert "There is nothing to add up." in dock.message
    assert told == ["There is nothing to add up."]
    session_in(viewer, field)
    qtbot.waitUntil(lambda: dock.table.rowCount() == 5)
    dock.sum.click()
    qtbot.waitUntil(lambda: "in all" in dock.total.text())


def test_it_lets_go_of_everything_when_it_goes(
    viewer: napari.Viewer, field: NDArray[np.uint8], qtbot: QtBot
) -> None:
    session = session_in(viewer, field)
    held = threading.Event()
    dock = docked(viewer, wait=lambda progress: progress(int(held.wait(5)), 2, "Adding"))
    qtbot.waitUntil(lambda: dock.table.rowCount() == 5)
    before = len(session.table_changed)
    dock.sum.click()
    ENDED.clear()
    viewer.window.remove_dock_widget(dock)
    dock.deleteLater()
    qtbot.waitUntil(lambda: [dock] == ENDED)
    ENDED.clear()
    assert len(session.table_changed) == before - 1
    held.set()
    session.select([1])
    session.accept_edit(labels_of(field, 1))
    viewer.layers[0].data = 255 - field
    QApplication.processEvents()


def test_a_dock_behind_a_tab_is_open_and_a_closed_one_is_not(
    viewer: napari.Viewer, qtbot: QtBot
) -> None:
    dock = AreasDock(viewer)
    holder = viewer.window.add_dock_widget(dock, name="Areas")
    qtbot.waitUntil(dock.is_open)
    front = viewer.window.add_dock_widget(QWidget(), name="Front", tabify=True)
    front.raise_()
    QApplication.processEvents()
    assert dock.is_open()
    holder.close()
    assert not dock.is_open()


def test_docks_of_one_window_share_image_progress_and_messages(
    viewer: napari.Viewer, field: NDArray[np.uint8], qtbot: QtBot
) -> None:
    session = session_in(viewer, field)
    shared, held = SharedParts.make(viewer), threading.Event()

    def wait(progress: Progress) -> None:
        while not held.wait(0.01):
            progress(1, 2, "Adding")

    docks = [AreasDock(viewer, wait, shared) for _ in range(2)]
    window, tabs = QWidget(), QTabWidget()
    for i, dock in enumerate(docks):
        tabs.addTab(dock, str(i))
    layout = QVBoxLayout(window)
    for part in (shared.image.box, tabs, shared.progress, shared.messages, build.disclaimer()):
        layout.addWidget(part)
    window.destroyed.connect(lambda: shared.image.release())
    viewer.window.add_dock_widget(window, name="Both")
    assert all(dock.session is session for dock in docks)
    said = [label.text() for label in window.findChildren(QLabel)]
    assert said.count(DISCLAIMER) == 1
    assert "Image" not in said
    qtbot.waitUntil(docks[0].isVisible)
    docks[1].say("From behind.")
    docks[0].say("From the front.")
    assert shared.messages.text() == "From the front."
    tabs.setCurrentIndex(1)
    assert shared.messages.text() == "From behind."
    qtbot.waitUntil(lambda: docks[0].table.rowCount() == docks[1].table.rowCount() == 5)
    for dock in docks:
        dock.sum.click()
    shared.progress.cancel.click()
    qtbot.waitUntil(lambda: not docks[1].busy)
    assert docks[0].busy
    assert shared.progress.cancel.isEnabled()
    held.set()
    qtbot.waitUntil(lambda: not docks[0].busy)
    assert "in all" in docks[0].total.text()
    assert not docks[1].total.text()
    assert not shared.progress.busy


def test_what_the_user_can_mend_is_told_and_the_rest_raised(told: list[str]) -> None:
    with telling_errors():
        raise ParameterError("Choose something.")
    assert told == ["Choose something."]
    with pytest.raises(ZeroDivisionError), telling_errors():
        _ = 1 / 0
