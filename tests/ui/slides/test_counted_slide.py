"""Fields of a slide from the gallery to sign-off, report, saved results and export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QMessageBox

from benchmarks import make_slide
from napari_leukocyte.analysis.slide.taking import taken_folder
from napari_leukocyte.annotations.dataset.opening import open_dataset
from napari_leukocyte.io.images.reading import read_image
from napari_leukocyte.io.slides.field import SlideField, write_slide_field
from napari_leukocyte.io.slides.opening import fingerprint, open_slide
from napari_leukocyte.ui.export.form import FOLDER, TOGETHER
from napari_leukocyte.ui.export.widget import ExportWidget
from napari_leukocyte.ui.review.widget import ReviewWidget
from napari_leukocyte.ui.smear.widget import SmearWidget
from tests.analysis.smear.conftest import networks as quick  # noqa: F401 - a fixture
from tests.ui.smear.conftest import LONGEST
from tests.ui.smear.conftest import smear as smear
from tests.ui.smear.steps import LEFT, QTEST, analyse, open_folder, settle

#: Upper left corners of the fields, and their side, px.
PLACES, SIDE = ((100, 60), (1100, 1000)), 500


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("slide") / "slide 8.svs"
    make_slide.write_slide(path, (2048, 2048), make_slide.fields())
    return path


@pytest.fixture
def fields(slide: Path) -> list[Path]:
    """Return the files of two fields, as they are taken from the slide."""
    state = fingerprint(slide)
    paths = []
    for number, (y, x) in enumerate(PLACES, 1):
        paths.append(taken_folder(slide) / f"field {number}.slidefield")
        write_slide_field(paths[-1], SlideField(str(slide), state, y, x, SIDE, SIDE))
    return paths


def test_fields_go_from_the_gallery_to_report_and_export(
    smear: SmearWidget,
    slide: Path,
    fields: list[Path],
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    told: list[str],
) -> None:
    form = smear.form
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Yes)
    review, export = ReviewWidget(smear.viewer), ExportWidget(smear.viewer)
    for widget, area in ((review, "left"), (export, "right")):
        smear.viewer.window.add_dock_widget(widget, area=area)
    open_folder(smear, fields[0].parent, qtbot)
    analyse(smear, qtbot)
    assert smear.smear is not None
    number = sum(smear.smear.state(row).objects for row in range(2))
    assert number > 10

    # All cells of both fields, with pictures from the slide, are confirmed by key.
    review.scope.setCurrentIndex(review.scope.findData("smear"))
    gallery: Any = review.smear_gallery
    view = gallery.form.gallery
    qtbot.waitUntil(lambda: len(view.cells.labels) == number, timeout=LONGEST)
    delegate = view.cell_delegate

    def pictures_there() -> bool:
        pictures = [delegate.picture(gallery.cells[n], delegate.look) for n in view.cells.labels]
        return None not in pictures

    qtbot.waitUntil(pictures_there, timeout=LONGEST)
    for _ in range(number):
        QTEST.keyClick(view, Qt.Key.Key_Return)
    assert gallery.session.table()["reviewed"].all()
    other = next(n for n in view.cells.labels if gallery.session.place(n).field == 1)
    gallery.go_to(other)
    qtbot.waitUntil(lambda: smear.shown_row == 1, timeout=LONGEST)
    settle(smear, qtbot)

    QTEST.keyClicks(form.reader, "Ada Field")
    for button in (form.sign_field, form.previous, form.sign_field, form.sign_smear):
        QTEST.mouseClick(button, LEFT)
        settle(smear, qtbot)
    assert "signed off by <b>Ada Field</b>" in form.signed.text()

    report, out = tmp_path / "report.html", tmp_path / "out"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(report), ""))
    form.report_smear.trigger()
    settle(smear, qtbot)
    text = report.read_text(encoding="utf-8")
    assert all(word in text for word in ("Ada Field", "slide 8", "2 fields", "field 2.slidefield"))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(out))
    QTEST.mouseClick(form.save, LEFT)
    settle(smear, qtbot)
    assert (out / "leukogram.csv").is_file()
    assert len(pd.read_csv(out / "objects.csv")) == number

    # The dataset has their pixels: it outlives the slide.
    choices = export.form
    for box, value in ((choices.what, FOLDER), (choices.group, TOGETHER)):
        box.setCurrentIndex(box.findData(value))
    choices.folder.setText(str(fields[0].parent))
    choices.to.setText(str(tmp_path / "dataset"))
    QTEST.mouseClick(choices.export, LEFT)
    qtbot.waitUntil(lambda: not export.busy, timeout=LONGEST)
    assert export.message == "Version 1: 2 added."
    dataset = open_dataset(tmp_path / "dataset")
    assert {image.group for image in dataset.images} == {"slide 8"}
    with open_slide(slide) as whole:
        for image, (y, x) in zip(dataset.images, PLACES, strict=True):
            assert image.image is not None
            pixels = whole.read((y, x, y + SIDE, x + SIDE))
            np.testing.assert_array_equal(read_image(image.image), pixels)
    assert {line.partition(":")[0] for line in told} == {"Written"}
