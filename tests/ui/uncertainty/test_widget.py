"""The widget *How sure* in a real window, with the shipped classifier on a painted smear."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from napari_leukocyte.classification import embedding
from napari_leukocyte.classification.inference import classify
from napari_leukocyte.counting.agreement import draw_blind
from napari_leukocyte.io import user_files
from napari_leukocyte.models import registry
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.reporting.record import describe_model
from napari_leukocyte.samples.synthetic import synthetic_smear
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui import jobs
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.uncertainty.widget import STANDARDISED, UncertaintyWidget
from napari_leukocyte.uncertainty.calibration import EVERY
from napari_leukocyte.uncertainty.recalibration import BULK
from napari_leukocyte.vocabulary import DISCLAIMER
from tests.interpretation.networks import write_classifier


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(user_files.FOLDER_VARIABLE, str(tmp_path / "config"))
    monkeypatch.setenv(embedding.FOLDER_VARIABLE, str(tmp_path / "embeddings"))


class Bench:
    """A window with a painted smear of ten cells, and the widget."""

    def __init__(self, viewer: napari.Viewer, qtbot: QtBot) -> None:
        self.viewer, self.qtbot = viewer, qtbot
        smear = synthetic_smear((420, 520), 3, {"neutrophil": 4, "lymphocyte": 3}, 80.0, 0)
        self.image = viewer.add_image(smear.image, name="smear", scale=(0.5, 0.5))
        self.session: Session = links.session_of(self.image)
        self.session.accept_edit(smear.labels.astype(np.int32))
        links.show_labels(viewer, self.session, self.image)
        self.widget = UncertaintyWidget(viewer)
        self.dock = viewer.window.add_dock_widget(self.widget, name="How sure", area="right")
        self.manifest: Manifest = find_model("classification")

    def classify(self, name: str = "default") -> None:
        manifest = find_model("classification", name)
        table = classify(self.session.rgb, self.session.labels, name)
        self.session.set_predictions(table, manifest.name, describe_model(manifest))
        self.settle()

    def settle(self) -> None:
        self.qtbot.wait(30)
        self.qtbot.waitUntil(lambda: self.widget.settled, timeout=120_000)

    def column(self, column: int) -> list[str]:
        table = self.widget.form.cells
        items = (table.item(row, column) for row in range(table.rowCount()))
        return [item.text() for item in items if item is not None]


@pytest.fixture
def bench(make_napari_viewer: Callable[..., napari.Viewer], qtbot: QtBot) -> Bench:
    viewer = make_napari_viewer(strict_qt="raise", show=True)
    viewer.window.resize(1200, 900)
    return Bench(viewer, qtbot)


def test_it_says_what_is_missing(bench: Bench) -> None:
    bench.settle()
    form = bench.widget.form
    assert "not classified yet" in bench.widget.message
    assert not any(s.isVisible() for s in form.sections)
    # Mesa's software OpenGL crashes when labels are all that is left after one frame.
    bench.image.visible = False
    bench.settle()
    bench.viewer.layers.remove(bench.image)
    bench.settle()
    assert "Open an image" in bench.widget.message
    texts = [w.text() for w in bench.widget.findChildren(type(form.sentence))]
    assert DISCLAIMER in texts


def test_image_and_cells_are_judged(bench: Bench) -> None:
    bench.classify()
    form, check = bench.widget.form, bench.widget.check
    assert check is not None
    assert check.report is not None
    # Paint is no photograph of the training sets.
    assert check.report.out_of_distribution
    assert form.sentence.text().startswith("Unlike the training sets: ")
    assert "Expect more errors" in form.sentence.text()
    assert "Focus" in form.quality.text()
    assert bench.widget.settings.like == EVERY
    assert "may not hold" in form.bound.text()
    assert len(bench.column(0)) == 7
    ood = [float(s.removesuffix(" %")) for s in bench.column(3)]
    assert ood == sorted(ood, reverse=True)
    assert "held out from the training sets" in form.calibrated.text()
    assert not form.forget.isVisible()


def test_rows_and_selection_follow_each_other(bench: Bench) -> None:
    bench.classify()
    form, session = bench.widget.form, bench.session
    form.cells.selectRow(2)
    number = int(bench.column(0)[2])
    assert session.selection == {number}
    other = int(bench.column(0)[0])
    session.select([other])
    assert form.cells.chosen() == [other]
    assert session.selection == {other}


def test_review_calibrate_and_approve(bench: Bench) -> None:
    bench.classify()
    form, session = bench.widget.form, bench.session
    form.recalibrate.click()
    assert "held out" in form.calibrated.text()  # nothing was reviewed
    numbers = [int(n) for n in bench.column(0)]
    session.approve(numbers[:3])
    bench.settle()
    # The sentence counts what the column shows.
    single = sum("," not in names and names != "none fits" for names in bench.column(2))
    assert form.bound.text().startswith(f"{single} of 7 cells ha")
    assert sum(c.endswith("✓") for c in bench.column(1)) == 3
    form.level.setValue(70)
    bench.settle()
    before = bench.column(2)
    form.recalibrate.click()
    assert "3 cells reviewed here, of 1 images; few of:" in form.calibrated.text()
    assert form.forget.isVisible()
    assert bench.widget.settings.like == ""
    assert "may not hold" not in form.bound.text()

    approval = bench.widget.approval
    assert approval is not None
    assert approval.labels
    assert form.approve.text() == f"Approve {len(approval.labels)} cell" + "s" * (
        len(approval.labels) != 1
    )
    form.approve.click()
    bench.settle()
    assert all(BULK in session.reviews[n].note for n in approval.labels)
    assert not form.approve.isEnabled()
    # They do not count as looked at.
    form.recalibrate.click()
    assert "3 cells reviewed here" in form.calibrated.text()
    session.undo()
    bench.settle()
    assert session.review_progress[0] == 3
    form.forget.click()
    assert "held out" in form.calibrated.text()
    assert sorted(bench.column(2)) == sorted(before)


def test_a_higher_level_makes_sets_larger(bench: Bench) -> None:
    bench.classify()
    sizes = []
    for level in (60, 99):
        bench.widget.form.level.setValue(level)
        bench.settle()
        sizes.append(sum(0 if s == "none fits" else s.count(",") + 1 for s in bench.column(2)))
    assert sizes[0] < sizes[1]


def test_classes_of_an_earlier_version_in_standardised_colours_are_told(bench: Bench) -> None:
    bench.classify()
    form, session = bench.widget.form, bench.session
    first = session.predictions
    assert first is not None
    how = {STANDARDISED: {"method": "reinhard", "like": "pbc"}}
    session.set_predictions(first.table, first.model, {**first.description, **how})
    bench.settle()
    assert form.sentence.text().startswith("These classes were given in standardised colours")
    assert bench.widget.check is not None
    assert len(bench.widget.check.ood) == 7
    session.undo()
    bench.settle()
    assert "standardised" not in form.sentence.text()


def test_a_blind_read_stays_blind(bench: Bench) -> None:
    bench.classify()
    form = bench.widget.form
    numbers = [int(n) for n in bench.column(0)]
    bench.session.begin_blind(draw_blind(numbers, 1.0, 0, "smear"))
    assert "blind read is under way" in bench.widget.message
    assert not any(s.isVisible() for s in form.sections)
    assert bench.widget.approval is None


def test_a_classifier_that_came_without_either_is_told(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(registry.FOLDER_VARIABLE, str(tmp_path / "models"))
    (tmp_path / "models").mkdir()
    write_classifier(tmp_path / "models" / "colours")
    bench.classify("colours")
    form = bench.widget.form
    assert "has no calibration" in form.calibrated.text()
    assert "has no reference" in form.sentence.text()
    assert not form.approve.isEnabled()
    (tmp_path / "models" / "colours" / "conformal.json").write_text("{}")
    bench.widget._in_use = None
    bench.widget.update_soon()
    bench.settle()
    assert "is damaged" in bench.widget.message


def test_a_widget_that_closes_at_work_leaves_nothing(bench: Bench) -> None:
    bench.classify()
    bench.widget.form.check.click()
    assert not bench.widget.settled
    bench.viewer.window.remove_dock_widget(bench.dock)
    bench.widget.deleteLater()
    bench.qtbot.wait(50)
    for job in list(jobs._RUNNING):
        job.wait()
    bench.qtbot.waitUntil(lambda: not jobs._RUNNING, timeout=30_000)
