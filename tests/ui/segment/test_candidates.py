from __future__ import annotations

from typing import Any

import napari
import numpy as np
import pytest
from napari.layers import Shapes
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot

from napari_leukocyte.segmentation import objects
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.segment.candidates import outlines_of
from napari_leukocyte.ui.segment.widget import SegmentWidget
from napari_leukocyte.ui.tools.mask_tools import mask_tools_of
from tests.ui.fields import settle
from tests.ui.tools.mouse import Mouse


@pytest.fixture(autouse=True)
def _score_by_place(all_convincing: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what lies in the upper half of the field convince, the rest half as much."""

    def score(labels: NDArray[np.int32], *_: object) -> dict[int, float]:
        rows = {int(n): np.nonzero(labels == n)[0].mean() for n in np.unique(labels) if n}
        return {n: 0.9 if row < len(labels) / 2 else 0.35 for n, row in rows.items()}

    monkeypatch.setattr(objects, "score_objects", score)


def session_of(widget: SegmentWidget) -> Session:
    assert widget.session is not None
    return widget.session


def candidate_layer(viewer: napari.Viewer) -> Shapes | None:
    return next((x for x in viewer.layers if "candidates" in x.name), None)


def test_the_least_score_moves_cells_to_the_candidates_and_back(
    viewer: napari.Viewer, segmented: SegmentWidget, qtbot: QtBot
) -> None:
    session, box = session_of(segmented), segmented.form.candidates
    cells, candidates = len(np.unique(session.labels)) - 1, len(session.candidates.scores)
    assert cells > 0
    assert candidates > 0
    assert "less like" in segmented.messages.text()
    box.setChecked(True)
    shown: Any = candidate_layer(viewer)
    assert shown is not None
    assert len(shown.data) == candidates
    assert shown.features["score"].tolist() == ["0.35"] * candidates
    segmented.form.parameters.input_of("least_score").setValue(0.3)
    settle(segmented, qtbot)
    assert len(np.unique(session.labels)) - 1 == cells + candidates
    assert len(shown.data) == 0
    segmented.form.parameters.input_of("least_score").setValue(0.4)
    settle(segmented, qtbot)
    assert len(shown.data) == candidates
    box.setChecked(False)
    assert candidate_layer(viewer) is None


def test_a_candidate_is_taken_once_and_undone(
    viewer: napari.Viewer, segmented: SegmentWidget, qtbot: QtBot
) -> None:
    session = session_of(segmented)
    segmented.form.candidates.setChecked(True)
    before, count = session.labels.copy(), len(session.candidates.scores)
    number = next(iter(session.candidates.scores))
    y, x = (int(v.mean()) for v in np.nonzero(session.candidates.labels == number))
    label = session.take_candidate(y, x)
    assert session.labels[y, x] == label
    assert len(session.candidates.scores) == count - 1
    shown: Any = candidate_layer(viewer)
    qtbot.waitUntil(lambda: len(shown.data) == count - 1)
    session.undo()
    np.testing.assert_array_equal(session.labels, before)
    qtbot.waitUntil(lambda: len(shown.data) == count)


def test_a_click_takes_a_candidate_unless_a_tool_is_in_hand(
    viewer: napari.Viewer, segmented: SegmentWidget, qtbot: QtBot
) -> None:
    session, form = session_of(segmented), segmented.form
    viewer.window.resize(1200, 800)
    viewer.window._qt_window.show()
    form.candidates.setChecked(True)
    viewer.reset_view()
    qtbot.wait(50)
    count = len(session.candidates.scores)
    number = next(iter(session.candidates.scores))
    place = tuple(float(v.mean()) for v in np.nonzero(session.candidates.labels == number))
    layer = links.labels_layer_of(viewer, session)
    assert layer is not None
    mouse = Mouse(viewer, layer)
    before = session.labels.copy()
    for name in ("delete", "smooth"):
        form.tools.buttons[name].click()
        mouse.click((place[0], place[1]))
        np.testing.assert_array_equal(session.labels, before)
        assert len(session.candidates.scores) == count
    mask_tools_of(viewer).stop()
    layer.mode = "pan_zoom"
    viewer.layers.selection.active = layer
    mouse.drag([(place[0], place[1]), (place[0] + 20, place[1] + 20)])  # moves the picture
    assert len(session.candidates.scores) == count
    mouse.click((place[0], place[1]))
    assert len(session.candidates.scores) == count - 1
    assert session.labels[round(place[0]), round(place[1])] > 0


def test_outlines_lie_around_their_regions() -> None:
    labels = np.zeros((30, 40), np.int32)
    labels[0:10, 5:20] = 1
    labels[20, 30] = 2  # a point has no area
    outlines = outlines_of(labels)
    assert set(outlines) == {1}
    assert outlines[1].min(axis=0).tolist() == [0, 5]
    assert outlines[1].max(axis=0).tolist() == [9, 19]
