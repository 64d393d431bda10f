"""A window with the gallery of eight classified cells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import napari
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.objects_view import ObjectsView, objects_view_of
from napari_leukocyte.ui.review.gallery_view import GalleryView
from napari_leukocyte.ui.review.widget import ReviewWidget
from tests.gallery.work import CLASSES, CONFIDENCES, field, predictions

# Its stubs take these functions for methods.
QTEST: Any = QTest
LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier


class Bench:
    """The gallery, and the hands of its user."""

    def __init__(self, viewer: napari.Viewer, session: Session, qtbot: QtBot) -> None:
        self.viewer, self.session, self.qtbot = viewer, session, qtbot
        self.widget = ReviewWidget(viewer)
        self.dock = viewer.window.add_dock_widget(self.widget, name="Review", area="right")
        self.settle()

    @property
    def gallery(self) -> GalleryView:
        return self.widget.form.gallery

    @property
    def objects(self) -> ObjectsView:
        view = objects_view_of(self.viewer, self.session)
        assert view is not None
        return view

    @property
    def shown(self) -> list[int]:
        return list(self.gallery.cells.labels)

    @property
    def selected(self) -> list[int]:
        return sorted(self.gallery.selected_labels)

    def settle(self) -> None:
        """Wait until everything is shown."""
        self.qtbot.wait(80)

    def at(self, label: int) -> QPoint:
        row = self.gallery.cells.row_of(label)
        assert row is not None
        index = self.gallery.cells.index(row)
        self.gallery.scrollTo(index)
        return self.gallery.visualRect(index).center()

    def click(self, label: int, modifiers: Any = NONE) -> None:
        QTEST.mouseClick(self.gallery.viewport(), LEFT, modifiers, self.at(label))

    def double_click(self, label: int) -> None:
        self.click(label)
        QTEST.mouseDClick(self.gallery.viewport(), LEFT, NONE, self.at(label))

    def key(self, key: Any, modifiers: Any = NONE) -> None:
        self.gallery.setFocus()
        QTEST.keyClick(self.gallery, key, modifiers)

    def choose(self, *, show: str = "all", sort: str = "number", grouped: bool = False) -> None:
        form = self.widget.form
        form.show_box.setCurrentIndex(form.show_box.findData(show))
        form.sort_box.setCurrentIndex(form.sort_box.findData(sort))
        form.grouped.setChecked(grouped)

    def class_of(self, label: int) -> Any:
        table = self.session.table()
        return table["class"][table["label"] == label].iloc[0]


@pytest.fixture
def bench(make_napari_viewer: Callable[..., napari.Viewer], qtbot: QtBot) -> Bench:
    viewer = make_napari_viewer(strict_qt="raise", show=True)
    viewer.window.resize(1200, 900)
    rgb, labels = field(len(CLASSES))
    image = viewer.add_image(rgb, name="field")
    session = links.session_of(image)
    session.accept_edit(labels)
    session.set_predictions(predictions(CLASSES, CONFIDENCES), "made up")
    links.show_labels(viewer, session, image)
    ObjectsView(viewer, session, image)
    return Bench(viewer, session, qtbot)
