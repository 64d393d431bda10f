"""A blind read survives the window, and two readers' files can be compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import napari
import pandas as pd
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QApplication, QFileDialog

from napari_leukocyte.counting.agreement import BlindRead
from napari_leukocyte.session.blinding import FILE_NAME
from napari_leukocyte.session.store import folder_of, open_session, session_folder
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.objects_style import UNCLASSIFIED
from napari_leukocyte.ui.layers.objects_view import ObjectsView, objects_view_of
from napari_leukocyte.ui.review.blind_panel import ReadersDialog
from napari_leukocyte.ui.review.widget import ReviewWidget
from napari_leukocyte.vocabulary import DISCLAIMER
from tests.gallery.work import CLASSES, CONFIDENCES, field, predictions
from tests.ui.review.conftest import QTEST, Bench

RGB, LABELS = field(len(CLASSES))
Open = Callable[[], tuple[napari.Viewer, ReviewWidget]]


@pytest.fixture
def open_again(make_napari_viewer: Callable[..., napari.Viewer], qtbot: QtBot) -> Open:
    """Return what opens a window on the same photograph, as on another day."""

    def opened() -> tuple[napari.Viewer, ReviewWidget]:
        viewer = make_napari_viewer(show=True)
        viewer.add_image(RGB.copy(), name="field")
        widget = ReviewWidget(viewer)
        viewer.window.add_dock_widget(widget, name="Review", area="right")
        qtbot.waitUntil(lambda: widget.session is not None)
        qtbot.wait(80)
        return viewer, widget

    return opened


def close(viewer: napari.Viewer, widget: ReviewWidget, qtbot: QtBot) -> None:
    """Let go of the photograph, as the end of the window does."""
    image = viewer.layers["field"]
    session = widget.session
    assert session is not None
    view = objects_view_of(viewer, session)
    if view is not None:
        view.close()
    viewer.layers.clear()
    qtbot.waitUntil(lambda: widget.session is None)
    links.forget_session(image)


def blind_of(widget: ReviewWidget) -> BlindRead | None:
    return None if widget.session is None else widget.session.blind


def shown_on(view: ObjectsView) -> list[str]:
    """Return the classes that the layer shows, once it has followed."""
    QTEST.qWait(80)
    return list(view.layer.features["class"])


@pytest.fixture
def worked() -> Path:
    """Do some work on the photograph; return the folder in which it is kept."""
    session = open_session(RGB, "field")
    session.accept_edit(LABELS)
    session.set_predictions(predictions(CLASSES, CONFIDENCES), "made up")
    session.set_class([1], "basophil")
    folder = folder_of(session)
    assert folder == session_folder(session.rgb).absolute()
    session.close()
    assert folder_of(session) is None
    return folder


def test_a_blind_read_goes_on_in_another_window(
    worked: Path, open_again: Open, qtbot: QtBot
) -> None:
    viewer, widget = open_again()
    panel = widget.form.blind
    panel.share.setValue(100)
    panel.which.setCurrentIndex(panel.which.findData("all"))
    panel.button.click()
    assert (worked / FILE_NAME).is_file()
    widget.reviewer.classify([2], "monocyte")
    read = blind_of(widget)
    assert read is not None
    assert read.answers == {2: "monocyte"}
    close(viewer, widget, qtbot)
    assert blind_of(widget) is None
    # An answer of whose end the file does not tell, as after a crash.
    session = open_session(RGB, "field")
    session.set_class([3], "eosinophil")
    session.close()

    viewer, widget = open_again()
    panel = widget.form.blind
    again = blind_of(widget)
    assert again is not None
    # What was said of 1 before the read began is still no answer.
    assert again.answers == {2: "monocyte", 3: "eosinophil"}
    assert again.labels == read.labels
    assert panel.state.text().startswith("Going on with the blind read of field. 2 of 8 cells")
    assert widget.form.blind_section.heading.isChecked()
    assert widget.session is not None
    view = objects_view_of(viewer, widget.session)
    assert view is not None
    assert shown_on(view)[1:4] == ["monocyte", "eosinophil", UNCLASSIFIED]
    assert widget.cells is not None
    assert widget.cells[4].hidden
    assert not widget.cells[2].hidden
    panel.button.click()
    assert blind_of(widget) is None
    assert not (worked / FILE_NAME).exists()
    assert "1 of 2 cells" in panel.report.text()
    assert shown_on(view)[3] == CLASSES[3]
    close(viewer, widget, qtbot)


def test_of_a_damaged_read_everything_is_hidden_until_it_is_ended(
    worked: Path, open_again: Open, told: list[str], qtbot: QtBot
) -> None:
    (worked / FILE_NAME).write_text('{"schema": 1, "blind_read": {}}')
    viewer, widget = open_again()
    assert blind_of(widget) is None
    assert len([t for t in told if "blind read" in t and "damaged" in t]) == 1
    assert widget.session is not None
    view = objects_view_of(viewer, widget.session)
    assert view is not None
    assert set(shown_on(view)) == {UNCLASSIFIED}
    panel = widget.form.blind
    assert "damaged" in panel.state.text()
    panel.button.click()
    assert not (worked / FILE_NAME).exists()
    assert shown_on(view)[1:] == CLASSES[1:]
    # Another can be begun, and ends by its last answer.
    panel.share.setValue(10)
    panel.button.click()
    read = blind_of(widget)
    assert read is not None
    (label,) = read.labels
    widget.reviewer.classify([label], CLASSES[label - 1])
    qtbot.waitUntil(lambda: blind_of(widget) is None)
    assert not (worked / FILE_NAME).exists()
    close(viewer, widget, qtbot)


def test_without_a_file_it_waits_in_memory(bench: Bench) -> None:
    bench.session.close()
    bench.widget.form.blind.button.click()
    read = bench.session.blind
    assert read is not None
    bench.widget.reviewer.classify([sorted(read.labels)[0]], "monocyte")
    read = bench.session.blind
    image = bench.viewer.layers["field"]
    other = bench.viewer.add_image(RGB[:40, :40].copy(), name="other")
    bench.qtbot.waitUntil(lambda: bench.widget.session is None)
    assert UNCLASSIFIED in shown_on(bench.objects), "without a gallery it is as blind"
    bench.viewer.layers.selection.active = image
    bench.viewer.layers.remove(other)
    bench.qtbot.waitUntil(lambda: bench.widget.session is bench.session)
    assert bench.session.blind == read
    assert "Going on" in bench.widget.form.blind.state.text()


# -- two readers --------------------------------------------------------------------------------


def reader(folder: Path, classes: list[str]) -> Path:
    folder.mkdir()
    rows = [("1.png", n, name) for n, name in enumerate(classes, start=1)]
    path = folder / "objects.csv"
    pd.DataFrame(rows, columns=["image", "label", "class"]).to_csv(path, index=False)
    return path


def test_two_files_are_compared(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: list[str]
) -> None:
    files = [
        reader(tmp_path / "a", ["monocyte", "basophil"]),
        reader(tmp_path / "b", ["monocyte", "monocyte"]),
    ]
    button = bench.widget.form.blind.compare

    def choose(*chosen: Path | str) -> None:
        answers = iter(chosen)
        monkeypatch.setattr(
            QFileDialog, "getOpenFileName", lambda *_, **__: (str(next(answers)), "")
        )
        button.click()

    def dialogs() -> list[ReadersDialog]:
        return [w for w in QApplication.topLevelWidgets() if isinstance(w, ReadersDialog)]

    choose(files[0], "")  # thinks better of it
    assert button.isEnabled()
    choose(*files)
    bench.qtbot.waitUntil(lambda: len(dialogs()) == 1)
    text = dialogs()[0].text.toPlainText()
    assert "Agreement: 50.0 %, 1 of 2" in text
    assert "MON monocyte" in text
    assert DISCLAIMER in text
    dialogs()[0].close()
    bench.qtbot.waitUntil(lambda: not dialogs())
    choose(files[0], tmp_path / "nowhere.csv")
    bench.qtbot.waitUntil(button.isEnabled)
    assert "can't be read" in told[-1]
    assert not dialogs()
