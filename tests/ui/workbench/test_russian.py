"""The workbench in Russian: everything has room there as well, and nothing is left in English."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import napari
import numpy as np
import pytest
from numpy.typing import NDArray
from pytestqt.exceptions import TimeoutError
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QDialog,
    QLabel,
    QLineEdit,
    QTabBar,
    QTableWidget,
    QTextBrowser,
    QWidget,
)

from napari_leukocyte.ui import window_language
from napari_leukocyte.ui.controls.model_choice import ModelChoice
from napari_leukocyte.ui.workbench.steps import CELL_VIEWS, STEPS, StepName
from napari_leukocyte.ui.workbench.widget import Workbench
from tests.ui.fields import Networks
from tests.ui.fits import cut

ALL: list[StepName] = [s.name for s in (*STEPS, *CELL_VIEWS)]
#: What is the same in Russian: names of programs, formats, keys, methods, and of the test's own
#: image and model.
SAME = frozenset(
    re.findall(
        r"\w+",
        """
    instances ROIs Label TIFF labels segmentation Dacie and Lewis Orfanakis Scroll Left Right
    leukocytes sharp soft drawn lite eight wide binary unet trio KiB COCO YOLO seg GeoJSON QuPath
    ImageJ ROI Pascal VOC OME Zarr Roboflow CVAT Keras PyTorch napari leukocyte Leukocyte BCCD
    Zheng PBC Barcelona Jiangxi Tecom CellaVision Ctrl Shift Alt Enter Page Down Del Delete
    Backspace Space Escape Esc Return JSON HTML CSV objects csv json LIME SHAP IoU UTC File
    Open Preferences RGB docs measured explanations Points Shapes Watershed markers Split
    Stack field field2
    """,
    )
)
# Tags, and the names of photographs, which are small.
_TAG = re.compile(r"<small>[^<]*</small>|<[^>]*>|&\w+;")
_WORD = re.compile(r"[A-Za-z]{3,}")


@pytest.fixture
def bench(
    russian: None,
    monkeypatch: pytest.MonkeyPatch,
    viewer: napari.Viewer,
    field: NDArray[np.uint8],
    networks: Networks,
    qtbot: QtBot,
) -> Workbench:
    """Return a workbench docked beside a photograph of five cells."""
    monkeypatch.setattr(window_language._SETTLED, "done", True)
    viewer.add_image(field, name="field")
    made = Workbench(viewer)
    viewer.window.add_dock_widget(made, name="Leukocyte workbench", area="right")
    viewer.window._qt_window.show()
    return made


def test_everything_has_room_and_is_russian(
    bench: Workbench, viewer: napari.Viewer, qtbot: QtBot
) -> None:
    window: Any = viewer.window._qt_window
    window.resize(1280, 720)
    bench.do_next()
    qtbot.waitUntil(
        lambda: bench.session is not None and bench.session.classifier is not None, timeout=120_000
    )
    session: Any = bench.session
    faults: dict[str, list[str]] = {}
    english: dict[str, list[str]] = {}
    for name in ALL:
        page = bench.open(name)
        session.select([1])
        qtbot.waitUntil(partial(_is_settled, page), timeout=120_000)
        with suppress(TimeoutError):  # the layout follows what is shown, a moment later
            qtbot.waitUntil(lambda: not cut(bench), timeout=5000)
        faults[name], english[name] = cut(bench), english_in(page)
        assert (window.width(), window.height()) == (1280, 720), name
        _keep_picture(window, name)
    english["frame"] = english_in(bench, pages=False)
    for sheet, dialog in (("keys", bench.show_keys()), ("about", bench.show_about())):
        # What a manifest says of its model is in English.
        english[sheet] = english_in(dialog) if sheet == "keys" else []
        _keep_picture(dialog, sheet)
        dialog.close()
    assert not {name: found for name, found in faults.items() if found}
    left = {text for found in english.values() for text in found}
    assert not left, "\n".join(sorted(left))


def english_in(inside: QWidget, *, pages: bool = True) -> list[str]:
    """List what is said in English: each text that has words which are no names."""
    found = []
    for each in [inside, *inside.findChildren(QWidget)]:
        if isinstance(each.parentWidget(), ModelChoice):  # what a manifest says of its model
            continue
        if not pages and not each.isVisible():
            continue
        for text in _texts_of(each):
            words = set(_WORD.findall(_TAG.sub(" ", text))) - SAME
            if words:
                found.append(f"{type(each).__name__}: {text[:120]!r}")
    return sorted(set(found))


def _texts_of(widget: QWidget) -> list[str]:
    texts = [widget.toolTip(), widget.statusTip(), widget.accessibleName()]
    if isinstance(widget, (QLabel, QAbstractButton)):
        texts.append(widget.text())
    if isinstance(widget, QComboBox):
        texts += [widget.itemText(i) for i in range(widget.count())]
    if isinstance(widget, QLineEdit):
        texts.append(widget.placeholderText())
    if isinstance(widget, QTabBar):
        tabs = range(widget.count())
        texts += [widget.tabText(i) for i in tabs] + [widget.tabToolTip(i) for i in tabs]
    if isinstance(widget, QTableWidget):
        rows, columns = range(widget.rowCount()), range(widget.columnCount())
        heads = [widget.horizontalHeaderItem(i) for i in columns]
        items = [widget.item(i, j) for i in rows for j in columns]
        for item in (*heads, *items):
            texts += [item.text(), item.toolTip()] if item is not None else []
    if isinstance(widget, QTextBrowser):
        texts.append(widget.toPlainText())
    if isinstance(widget, QDialog):
        texts.append(widget.windowTitle())
    return texts


def _is_settled(page: Any) -> bool:
    return bool(getattr(page, "settled", True))


def _keep_picture(widget: QWidget, name: str) -> None:
    """Keep a picture for whoever asks for it, to be looked at."""
    folder = os.environ.get("NAPARI_LEUKOCYTE_PICTURES")
    if folder:
        widget.grab().save(str(Path(folder) / f"{name}.png"))
