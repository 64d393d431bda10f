import hashlib
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.layers import Labels
from napari.utils.notifications import notification_manager
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QMessageBox

from napari_leukocyte.classification import inference as classification
from napari_leukocyte.classification.measurements import iterate_regions
from napari_leukocyte.counting.agreement import BlindRead
from napari_leukocyte.counting.settings import recall_settings
from napari_leukocyte.models import registry
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.progress import Progress, silent
from napari_leukocyte.samples.synthetic import synthetic_smear
from napari_leukocyte.schema import probability_column
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.classify.widget import ClassifyWidget
from napari_leukocyte.ui.controls.own_classes_dialog import OwnClassesDialog
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.layers.objects_style import UNCLASSIFIED
from napari_leukocyte.ui.layers.objects_view import ObjectsView, objects_view_of
from napari_leukocyte.ui.segment.widget import SegmentWidget
from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES
from tests.ui.controls.test_own_classes_dialog import add_row
from tests.ui.fields import CENTRES, Networks, draw_field, run

#: Radii, px, of the objects 1, 2, ...: the classifier that the tests put in the place of the real
#: one gives each the class at its place in `LEUKOCYTE_NAMES`.
RADII = (10, 12, 14, 16, 18)


def discs(radii: dict[int, int]) -> NDArray[np.int32]:
    """Return a label image with a disc of a given radius for each number, 50 px apart."""
    y, x = np.mgrid[:60, :400]
    result = np.zeros((60, 400), np.int32)
    for number, radius in radii.items():
        result[(y - 30) ** 2 + (x - 50 * number + 20) ** 2 <= radius**2] = number
    return result


def class_by_area(area: int) -> int:
    nearest = [abs(area - np.pi * r**2) for r in RADII]
    return int(np.argmin(nearest))


class ByArea:
    """Stands in for the network: its class depends on the area alone."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.threads: set[int] = set()
        self.go_on = threading.Event()
        self.go_on.set()

    def predict(
        self,
        rgb: NDArray[np.uint8],
        labels: NDArray[np.int32],
        manifest: Manifest,
        progress: Progress = silent,
    ) -> NDArray[np.float64]:
        regions = list(iterate_regions(labels))
        self.asked.append([r.label for r in regions])
        self.threads.add(threading.get_ident())
        while not self.go_on.wait(0.005):
            progress(0, 2, "Classifying")
        progress(1, 2, "Classifying")
        result = np.full((len(regions), len(LEUKOCYTE_NAMES)), 0.05)
        for row, region in enumerate(regions):
            result[row, class_by_area(region.area)] = 0.8
        return result


@pytest.fixture
def classifier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ByArea:
    folder = tmp_path / "models" / "by-area"
    folder.mkdir(parents=True)
    (folder / "member.onnx").write_bytes(b"never run")
    manifest = {
        "schema": 1,
        "kind": "classification",
        "name": "by-area",
        "title": "By area",
        "classes": list(LEUKOCYTE_NAMES),
        "side_px": 96,
        "members": [
            {
                "name": "member",
                "file": "member.onnx",
                "sha256": hashlib.sha256(b"never run").hexdigest(),
                "diameter_px": 64,
            }
        ],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    monkeypatch.setenv("NAPARI_LEUKOCYTE_MODELS", str(folder.parent))
    monkeypatch.setattr(registry, "default_name", lambda kind: "by-area")
    stand_in = ByArea()
    monkeypatch.setattr(classification, "predict", stand_in.predict)
    return stand_in


Dock = Callable[..., tuple[Any, ClassifyWidget]]


@pytest.fixture
def dock(make_napari_viewer: Any, classifier: ByArea, rng: np.random.Generator) -> Dock:
    def build(labels: NDArray[Any] | None = None) -> tuple[Any, ClassifyWidget]:
        viewer = make_napari_viewer(strict_qt="raise")
        image = rng.integers(180, 255, (60, 400, 3), dtype=np.uint8)
        viewer.add_image(image, name="Field")
        viewer.add_labels(discs(dict(enumerate(RADII, 1))) if labels is None else labels, name="L")
        widget = ClassifyWidget(viewer)
        viewer.window.add_dock_widget(widget, name="Classify and count", area="right")
        return viewer, widget

    return build


def classify(qtbot: QtBot, viewer: Any, widget: ClassifyWidget) -> tuple[Session, ObjectsView]:
    widget.form.classify.click()
    session = links.existing_session(viewer.layers["Field"])
    assert session is not None
    qtbot.waitUntil(lambda: session.classifier is not None, timeout=30_000)
    view = objects_view_of(viewer, session)
    assert view is not None
    settle(qtbot, widget)
    return session, view


def settle(qtbot: QtBot, widget: ClassifyWidget) -> None:
    """Wait until no job runs and everything is shown."""
    qtbot.wait(60)
    qtbot.waitUntil(lambda: not widget.busy, timeout=30_000)


def class_of(session: Session, label: int) -> Any:
    table = session.table()
    return table["class"][table["label"] == label].iloc[0]


def counts(widget: ClassifyWidget) -> dict[str, int]:
    table = widget.form.leukogram.table
    return {
        cell.text().lower(): int(number.text())
        for row in range(table.rowCount())
        if (cell := table.item(row, 0)) and (number := table.item(row, 1))
    }


def paint(layer: Labels, radii: dict[int, int]) -> None:
    """Paint a whole new state, as one stroke of the user's."""
    wanted = discs(radii)
    where = np.nonzero(wanted != layer.data)
    layer.data_setitem(where, wanted[where])


def last_message() -> str:
    return str(notification_manager.records[-1].message)


def test_classify_shows_counts_and_takes_corrections(
    dock: Dock, classifier: ByArea, qtbot: QtBot
) -> None:
    viewer, widget = dock()
    session, view = classify(qtbot, viewer, widget)
    assert threading.get_ident() not in classifier.threads
    assert list(view.layer.features["class"]) == list(LEUKOCYTE_NAMES)
    assert counts(widget) == dict.fromkeys(LEUKOCYTE_NAMES, 1)
    assert viewer.layers.selection.active is view.layer
    assert viewer.layers["L"].contour > 0  # outlines, so that the stain can be seen
    view.select([1, 2])
    widget.form.legend.button("monocyte").click()
    qtbot.waitUntil(lambda: counts(widget)["monocyte"] == 3)
    assert widget.form.legend.counts()["neutrophil"] == 0
    assert "2 objects selected: 2 monocyte" in widget.form.selection.text()
    # What a reader said stands over what a classifier says later.
    widget.form.classify.click()
    settle(qtbot, widget)
    assert classifier.asked == [[1, 2, 3, 4, 5]] * 2
    assert [class_of(session, n) for n in (1, 2, 3)] == ["monocyte", "monocyte", LEUKOCYTE_NAMES[2]]


def test_classes_that_are_read_blindly_are_neither_shown_nor_counted(
    dock: Dock, classifier: ByArea, qtbot: QtBot
) -> None:
    viewer, widget = dock()
    session, view = classify(qtbot, viewer, widget)
    view.select([1])
    session.begin_blind(BlindRead(1, 0, frozenset({1, 2})))
    expected = dict.fromkeys(LEUKOCYTE_NAMES, 1) | dict.fromkeys(LEUKOCYTE_NAMES[:2], 0)
    assert counts(widget) == expected
    assert list(view.layer.features["class"])[:2] == [UNCLASSIFIED] * 2
    assert list(view.layer.features["predicted"].fillna(""))[:2] == ["", ""]
    assert widget.form.legend.counts()[UNCLASSIFIED] == 2
    settle(qtbot, widget)
    assert widget.form.selection.text().startswith("Object 1: Not classified; diameter")
    assert "2 read blindly" in widget.message
    assert not widget.form.classify_new.isVisible()
    widget.form.save.click()
    assert "during its blind read: 2 cells have no answer" in last_message()
    widget.form.copy.click()
    clipboard = QGuiApplication.clipboard()
    assert clipboard is not None
    assert f"{LEUKOCYTE_NAMES[0]}\t0" in clipboard.text()
    view.assign("monocyte")
    settle(qtbot, widget)
    assert list(view.layer.features["class"])[:2] == ["monocyte", UNCLASSIFIED]
    assert counts(widget) == expected | {"monocyte": 2}
    session.end_blind()
    assert counts(widget)[LEUKOCYTE_NAMES[1]] == 1
    assert classifier.asked == [[1, 2, 3, 4, 5]], "what is hidden is no new object"


def test_own_classes_are_made_below_the_legend_and_count(
    dock: Dock, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer, widget = dock()
    session, view = classify(qtbot, viewer, widget)

    def fill(dialog: OwnClassesDialog) -> int:
        add_row(dialog, "blast", "k")
        add_row(dialog, "ghost", "", counts=False)
        dialog.accept()
        return dialog.result()

    monkeypatch.setattr(OwnClassesDialog, "exec", fill)
    widget.form.own_classes.click()
    view.select([1])
    widget.form.legend.button("blast").click()
    view.select([2])
    widget.form.legend.button("ghost").click()
    qtbot.waitUntil(lambda: counts(widget).get("ghost") == 1)
    leukogram = widget.form.leukogram.leukogram
    assert leukogram is not None
    assert set(leukogram["total"]) == {4}
    assert "blast" in recall_settings().counted
    assert class_of(session, 1) == "blast"


def test_leukogram_follows_edits_of_the_labels(
    dock: Dock, classifier: ByArea, qtbot: QtBot
) -> None:
    viewer, widget = dock()
    session, view = classify(qtbot, viewer, widget)
    session.set_class([3], "eosinophil")
    # The cell 5 is erased, 7 is new, 2 has become another one; only these are asked about again.
    paint(viewer.layers["L"], {1: 10, 2: 18, 3: 14, 4: 16, 7: 12})
    qtbot.waitUntil(lambda: len(classifier.asked) == 2, timeout=10_000)
    settle(qtbot, widget)
    assert classifier.asked[1] == [2, 7]
    assert class_of(session, 7) == "eosinophil"
    assert class_of(session, 2) == "monocyte"
    assert class_of(session, 3) == "eosinophil"
    qtbot.waitUntil(lambda: sum(counts(widget).values()) == 5)
    assert counts(widget)["eosinophil"] == 2
    assert list(view.layer.features["label"]) == [1, 2, 3, 4, 7]


def test_new_objects_wait_for_the_button_if_the_user_wants(
    dock: Dock, classifier: ByArea, qtbot: QtBot
) -> None:
    viewer, widget = dock()
    session, _ = classify(qtbot, viewer, widget)
    widget.form.automatic.setChecked(False)
    paint(viewer.layers["L"], dict(enumerate(RADII, 1)) | {7: 12})
    qtbot.waitUntil(lambda: widget.form.legend.counts()["unclassified"] == 1)
    assert "1 unclassified" in widget.form.leukogram.summary.text()
    qtbot.wait(600)
    assert len(classifier.asked) == 1
    assert widget.form.classify_new.isVisibleTo(widget)
    assert widget.form.classify_new.text() == "Classify 1 new object"
    widget.form.classify_new.click()
    qtbot.waitUntil(lambda: class_of(session, 7) == "eosinophil", timeout=10_000)
    assert classifier.asked[1:] == [[7]]
    qtbot.waitUntil(lambda: not widget.form.classify_new.isVisibleTo(widget))


def test_what_a_run_finds_is_classified_if_the_user_wants(
    make_napari_viewer: Any,
    classifier: ByArea,
    networks: Networks,
    all_convincing: None,
    qtbot: QtBot,
) -> None:
    viewer = make_napari_viewer(strict_qt="raise")
    segment, widget = SegmentWidget(viewer), ClassifyWidget(viewer)
    viewer.window.add_dock_widget(segment, name="Segment")
    viewer.window.add_dock_widget(widget, name="Classify")

    def run_on(field: NDArray[np.uint8], name: str) -> Session:
        viewer.add_image(field, name=name)
        run(segment, qtbot)
        settle(qtbot, widget)
        session = segment.session
        assert session is not None
        assert widget.session is session
        assert len(session.table()) == len(CENTRES)
        return session

    session = run_on(draw_field(), "one")
    assert session.table()["class"].notna().all()
    assert session.undo_text == f"Classify {len(CENTRES)} cells"
    # What is undone stays undone, also if the run is done again.
    session.undo()
    session.undo()
    session.redo()
    settle(qtbot, widget)
    assert session.table()["class"].isna().all()
    assert session.can_redo
    widget.form.automatic.click()
    other = run_on(np.flip(draw_field(), 0).copy(), "two")
    assert other.table()["class"].isna().all()


def test_cancel_changes_nothing(dock: Dock, classifier: ByArea, qtbot: QtBot) -> None:
    viewer, widget = dock()
    classifier.go_on.clear()
    widget.form.classify.click()
    qtbot.waitUntil(lambda: not widget.form.classify.isEnabled())
    qtbot.waitUntil(lambda: len(classifier.asked) == 1, timeout=10_000)
    widget.progress.cancel.click()
    settle(qtbot, widget)
    session = links.session_of(viewer.layers["Field"])
    assert session.classifier is None
    assert session.table()["class"].isna().all()
    classifier.go_on.set()
    classify(qtbot, viewer, widget)


def test_widget_closed_during_a_job(dock: Dock, classifier: ByArea, qtbot: QtBot) -> None:
    viewer, widget = dock()
    classifier.go_on.clear()
    widget.form.classify.click()
    qtbot.waitUntil(lambda: len(classifier.asked) == 1, timeout=10_000)
    session = links.session_of(viewer.layers["Field"])
    with qtbot.waitSignal(widget.destroyed):
        viewer.window.remove_dock_widget(widget)
        widget.deleteLater()
    classifier.go_on.set()
    qtbot.wait(100)
    assert session.classifier is None
    session.set_class([1], "monocyte")  # nobody listens any more
    viewer.layers.remove("Field")
    qtbot.wait(100)


def test_image_removed_during_a_job(dock: Dock, classifier: ByArea, qtbot: QtBot) -> None:
    viewer, widget = dock()
    classifier.go_on.clear()
    widget.form.classify.click()
    qtbot.waitUntil(lambda: len(classifier.asked) == 1, timeout=10_000)
    viewer.layers.clear()
    classifier.go_on.set()
    settle(qtbot, widget)
    assert len(viewer.layers) == 0
    assert not widget.form.classify.isEnabled()
    assert not widget.form.save.isEnabled()


def test_layer_removed_and_renamed(dock: Dock, qtbot: QtBot) -> None:
    viewer, widget = dock()
    session, view = classify(qtbot, viewer, widget)
    viewer.layers["L"].name = "My cells"
    assert widget.form.layers.labels is viewer.layers["My cells"]
    box: Any = widget.form.layers.labels_box
    assert box.currentText() == "My cells"
    viewer.layers.remove(view.layer)
    qtbot.waitUntil(lambda: widget.form.show_objects.isVisibleTo(widget))
    # Classifying a new object by itself does not bring back what the user took away.
    paint(viewer.layers["My cells"], dict(enumerate(RADII, 1)) | {7: 10})
    qtbot.waitUntil(lambda: sum(counts(widget).values()) == 6, timeout=10_000)
    assert objects_view_of(viewer, session) is None
    paint(viewer.layers["My cells"], dict(enumerate(RADII, 1)))
    qtbot.waitUntil(lambda: sum(counts(widget).values()) == 5)
    assert counts(widget) == dict.fromkeys(LEUKOCYTE_NAMES, 1)
    widget.form.show_objects.click()
    again = objects_view_of(viewer, session)
    assert again is not None
    assert list(again.layer.features["class"]) == list(LEUKOCYTE_NAMES)


def test_other_kind_of_layer_keeps_classes_and_selection(dock: Dock, qtbot: QtBot) -> None:
    viewer, widget = dock()
    session, view = classify(qtbot, viewer, widget)
    view.select([4])
    widget.form.kind.setCurrentIndex(widget.form.kind.findData("boxes"))
    boxes = objects_view_of(viewer, session)
    assert boxes is not None
    assert boxes.kind == "boxes"
    assert boxes.selected == [4]
    assert view.layer not in viewer.layers
    assert len(viewer.layers) == 3
    widget.form.names.setChecked(False)
    assert not boxes.layer.text.visible


def test_classes_of_other_labels_are_not_mixed_up(
    dock: Dock, classifier: ByArea, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer, widget = dock()
    session, view = classify(qtbot, viewer, widget)
    session.set_class([1], "monocyte")
    before = viewer.layers["L"].data.copy()
    own = viewer.add_labels(discs({1: 18, 6: 10}), name="Own")
    assert widget.form.layers.labels is own
    settle(qtbot, widget)
    assert counts(widget) == {}  # nothing is known of these yet
    asked: list[str] = []

    def answer(button: QMessageBox.StandardButton) -> None:
        def question(parent: Any, title: str, text: str, *_: Any) -> Any:
            asked.append(text)
            return button

        monkeypatch.setattr(QMessageBox, "question", question)

    answer(QMessageBox.StandardButton.No)
    widget.form.classify.click()
    assert links.existing_session(viewer.layers["Field"]) is session
    assert "1 of them classified by hand" in asked[0]
    answer(QMessageBox.StandardButton.Yes)
    widget.form.classify.click()
    other = links.existing_session(viewer.layers["Field"])
    assert other is session
    qtbot.waitUntil(lambda: other.classifier is not None, timeout=10_000)
    assert class_of(other, 1) == "monocyte"  # by its area, not by hand
    assert other.assigned == {}
    assert class_of(other, 6) == "neutrophil"
    np.testing.assert_array_equal(viewer.layers["L"].data, before)
    assert view.layer not in viewer.layers


def test_labels_of_another_size_are_one_sentence(dock: Dock, qtbot: QtBot) -> None:
    _, widget = dock(labels=np.ones((30, 30), np.uint8))
    widget.form.classify.click()
    assert "shape (60, 400)" in last_message()
    assert "\n" not in last_message()
    settle(qtbot, widget)


def test_no_objects_is_one_sentence(dock: Dock, classifier: ByArea, qtbot: QtBot) -> None:
    viewer, widget = dock(labels=np.zeros((60, 400), np.uint8))
    widget.form.classify.click()
    assert "no objects yet" in last_message()
    assert classifier.asked == []
    # A differential count by eye needs no classifier.
    paint(viewer.layers["L"], {2: 12, 4: 9})
    widget.form.show_objects.click()
    session = links.session_of(viewer.layers["Field"])
    view = objects_view_of(viewer, session)
    assert view is not None
    view.select([4])
    view.assign("basophil")
    qtbot.waitUntil(lambda: widget.form.legend.counts()["basophil"] == 1)
    assert counts(widget)["basophil"] == 1
    assert "1 unclassified" in widget.form.leukogram.summary.text()


def test_failing_model_is_told_once(
    dock: Dock, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_leukocyte.errors import ModelError

    viewer, widget = dock()
    classify(qtbot, viewer, widget)

    def fail(*_: Any, **__: Any) -> Any:
        raise ModelError("The model file is gone.")

    monkeypatch.setattr(classification, "predict", fail)
    before = len(notification_manager.records)
    paint(viewer.layers["L"], {1: 10, 2: 12, 7: 12})
    qtbot.waitUntil(lambda: len(notification_manager.records) > before, timeout=10_000)
    paint(viewer.layers["L"], {1: 10, 2: 12, 7: 12, 6: 14})
    qtbot.wait(700)
    assert [str(r.message) for r in notification_manager.records[before:]] == [
        "The model file is gone."
    ]
    assert widget.form.classify_new.isVisibleTo(widget)


def test_opens_from_the_manifest_on_existing_results(
    make_napari_viewer: Any, classifier: ByArea, qtbot: QtBot
) -> None:
    viewer = make_napari_viewer(strict_qt="raise")
    layer = viewer.add_image(np.full((60, 400, 3), 220, np.uint8), name="Field")
    session = links.session_of(layer)
    session.accept_edit(discs({1: 10, 2: 12}))
    links.show_labels(viewer, session, layer)
    session.set_class([1, 2], "lymphocyte")
    # As napari makes a plugin's widget: with a proxy in the place of the viewer.
    from napari.utils._proxies import PublicOnlyProxy

    widget = ClassifyWidget(PublicOnlyProxy(viewer))
    viewer.window.add_dock_widget(widget, name="Classify and count")
    assert counts(widget)["lymphocyte"] == 2
    widget.form.classify.click()
    qtbot.waitUntil(lambda: session.classifier == "by-area", timeout=30_000)
    assert objects_view_of(viewer, session) is not None
    viewer.window.remove_dock_widget(widget)
    widget.deleteLater()
    qtbot.wait(20)


def test_shipped_classifier_on_a_smear(make_napari_viewer: Any, qtbot: QtBot) -> None:
    smear = synthetic_smear((500, 500), 3, 1, 70.0, 1)
    viewer = make_napari_viewer(strict_qt="raise")
    layer = viewer.add_image(smear.image, name="Smear")
    viewer.add_labels(smear.labels, name="Cells")
    widget = ClassifyWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Classify and count")
    widget.form.classify.click()
    session = links.session_of(layer)
    qtbot.waitUntil(lambda: session.classifier is not None, timeout=60_000)
    settle(qtbot, widget)
    view = objects_view_of(viewer, session)
    assert view is not None
    features = view.layer.features
    assert list(features["label"]) == sorted(smear.classes)
    known = registry.find_model("classification").classes
    assert set(features["class"]) <= set(known)
    np.testing.assert_allclose(
        features[[probability_column(name) for name in known]].sum(axis=1), 1, atol=1e-6
    )
    assert sum(counts(widget).values()) == 5
    assert session.classifier == registry.default_name("classification")


def test_replaced_image_ends_the_session(dock: Dock, qtbot: QtBot) -> None:
    viewer, widget = dock()
    _, view = classify(qtbot, viewer, widget)
    viewer.layers["Field"].data = np.full((60, 400, 3), 200, np.uint8)
    assert view.layer not in viewer.layers
    qtbot.waitUntil(lambda: counts(widget) == {})
    assert not widget.form.save.isEnabled()
