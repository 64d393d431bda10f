"""The gallery of a whole smear: cells of fields that are not open are reviewed with the keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from napari_leukocyte.analysis.smear.reading import read_field
from napari_leukocyte.segmentation import objects
from napari_leukocyte.ui.review.smear_gallery import SmearGallery
from napari_leukocyte.ui.review.widget import ReviewWidget
from napari_leukocyte.ui.smear.widget import SmearWidget
from napari_leukocyte.ui.tools.mask_tools import mask_tools_of
from tests.analysis.smear.test_candidates import score_by_place
from tests.ui.smear.conftest import LONGEST
from tests.ui.smear.steps import QTEST, analyse, open_folder


@pytest.fixture
def gallery(smear: SmearWidget, folder: Path, qtbot: QtBot) -> SmearGallery:
    """Return the gallery of an analysed smear of ten cells, shown in *Review*."""
    review = ReviewWidget(smear.viewer)
    smear.viewer.window.add_dock_widget(review, name="Review", area="left")
    assert not review.scope.isVisible()
    open_folder(smear, folder, qtbot)
    analyse(smear, qtbot)
    assert review.scope.isVisible()
    review.scope.setCurrentIndex(review.scope.findData("smear"))
    found: Any = review.smear_gallery
    qtbot.waitUntil(lambda: len(found.form.gallery.cells.labels) == 10, timeout=LONGEST)
    gallery: SmearGallery = found
    return gallery


def test_keys_review_the_whole_smear_without_turning_a_page(
    gallery: SmearGallery, smear: SmearWidget, qtbot: QtBot
) -> None:
    view = gallery.form.gallery
    row = smear.shown_row
    # The first one that waits is selected, so that Enter acts at once.
    assert view.selected_labels == gallery.queue[:1]
    first = gallery.queue[0]
    QTEST.keyClick(view, Qt.Key.Key_B)
    cells: Any = gallery.session
    place = cells.place(first)
    told = read_field(cells.smear.paths[place.field]).table().set_index("label").loc[place.label]
    assert (told["class"], told["source"]) == ("basophil", "reader")
    for _ in range(9):
        QTEST.keyClick(view, Qt.Key.Key_Return)
    assert cells.table()["reviewed"].all()
    assert "Every cell" in smear.viewer.status
    assert gallery.form.progress.value() == 10
    assert smear.shown_row == row
    QTEST.keyClick(view, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert (~cells.table()["reviewed"]).sum() == 1


def test_pictures_come_and_a_cell_leads_to_its_field(
    gallery: SmearGallery, smear: SmearWidget, qtbot: QtBot
) -> None:
    view = gallery.form.gallery
    cells: Any = gallery.cells
    delegate = view.cell_delegate

    def all_there() -> bool:
        return None not in [delegate.picture(cells[n], delegate.look) for n in view.cells.labels]

    qtbot.waitUntil(all_there, timeout=LONGEST)
    session: Any = gallery.session
    other = next(n for n in view.cells.labels if session.place(n).field != smear.shown_row)
    place = session.place(other)
    gallery.go_to(other)
    qtbot.waitUntil(lambda: smear.shown_row == place.field, timeout=LONGEST)
    field: Any = smear.session
    qtbot.waitUntil(lambda: field.selection == frozenset({place.label}), timeout=LONGEST)
    # The mask tools below the gallery act on the field that is open now.
    gallery.form.tools.buttons["split"].click()
    held: Any = mask_tools_of(smear.viewer).in_hand
    assert held.session is smear.session


def test_what_is_said_on_the_field_shows_in_the_gallery(
    gallery: SmearGallery, smear: SmearWidget, qtbot: QtBot
) -> None:
    field: Any = smear.session
    label = int(field.table()["label"].iloc[0])
    field.set_class([label], "monocyte")
    cells: Any = gallery.session
    number = cells.number(smear.shown_row, label)

    def told() -> bool:
        return bool(cells.table().set_index("label").loc[number, "class"] == "monocyte")

    qtbot.waitUntil(told, timeout=LONGEST)


@pytest.fixture
def less_convincing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let some regions convince less than others."""
    monkeypatch.setattr(objects, "score_objects", score_by_place)


@pytest.mark.usefixtures("less_convincing")
def test_candidates_of_all_fields_are_taken_with_a_key(
    smear: SmearWidget, folder: Path, qtbot: QtBot
) -> None:
    review = ReviewWidget(smear.viewer)
    smear.viewer.window.add_dock_widget(review, name="Review", area="left")
    open_folder(smear, folder, qtbot)
    analyse(smear, qtbot)
    review.scope.setCurrentIndex(review.scope.findData("smear"))
    gallery: Any = review.smear_gallery
    qtbot.waitUntil(lambda: len(gallery.form.gallery.cells.labels) == 6, timeout=LONGEST)
    form, view = gallery.form, gallery.form.gallery
    session: Any = gallery.session
    form.show_box.setCurrentIndex(form.show_box.findData("candidates"))
    qtbot.waitUntil(lambda: len(view.cells.labels) == 4, timeout=LONGEST)
    qtbot.waitUntil(lambda: not gallery.busy, timeout=LONGEST)
    assert form.show_box.currentText() == "Candidates (4)"
    assert all(n < 0 for n in view.cells.labels)
    assert [group.kind for group in view.cells.groups] == ["candidates"]
    found: Any = gallery._candidates.candidates
    number = next(n for n in view.cells.labels if found.of(n)[0] != smear.shown_row)
    field, _ = found.of(number)
    before = len(read_field(session.smear.paths[field]).table())
    view.select_labels([number], number)
    QTEST.keyClick(view, Qt.Key.Key_B)
    qtbot.waitUntil(lambda: not gallery.busy, timeout=LONGEST)
    now = read_field(session.smear.paths[field]).table()
    assert (now["class"] == "basophil").sum() >= 1
    assert len(now) == before + 1
    assert number not in view.cells.labels
    # Ctrl+Z takes back the class first, and then the taking: it is a candidate as before.
    for _ in range(2):
        QTEST.keyClick(view, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        qtbot.waitUntil(lambda: not gallery.busy, timeout=LONGEST)
    assert len(read_field(session.smear.paths[field]).table()) == before
    qtbot.waitUntil(lambda: len(view.cells.labels) == 4, timeout=LONGEST)
    assert not session.undo_text
