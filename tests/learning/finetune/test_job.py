"""Fine-tuning in a process of its own: begun, killed, resumed, measured and added."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_leukocyte.annotations.dataset.opening import open_dataset
from napari_leukocyte.errors import Cancelled, ModelError
from napari_leukocyte.learning.finetune import job as jobs
from napari_leukocyte.learning.finetune.job import TrainingProgress
from napari_leukocyte.learning.finetune.outcome import measure_job, take, trained_model
from napari_leukocyte.learning.finetune.plan import (
    PROGRESS,
    FinetuneError,
    FinetuneParams,
    Plan,
    find_member,
    make_plan,
    read_plan,
)
from napari_leukocyte.models.card import as_lines, describe
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.segmentation.ensemble import segment_members
from tests.learning.finetune.reviewed import make_dataset

needs_tensorflow = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow") is None, reason="TensorFlow is not installed"
)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(tmp_path_factory.mktemp("reviewed"), 8, {"lymphocyte": "blast"})


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NAPARI_LEUKOCYTE_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@needs_tensorflow
@pytest.mark.timeout(900)
def test_a_member_is_trained_on_through_a_kill(dataset: Path, tmp_path: Path) -> None:
    params = FinetuneParams(epochs=2, steps=2, batch_size=2)
    plan = make_plan(open_dataset(dataset), "unet-lite0", "mine", params)
    folder = tmp_path / "job"
    jobs.begin(plan, folder)

    def stop_after_first_epoch(curves: TrainingProgress) -> None:
        if curves.values:
            raise Cancelled

    with pytest.raises(Cancelled):
        jobs.run(folder, stop_after_first_epoch)
    with pytest.raises(FinetuneError, match="not finished: resume it"):
        trained_model(plan, folder, tmp_path / "early")
    seen: list[TrainingProgress] = []
    jobs.run(folder, seen.append)
    lines = [json.loads(line) for line in (folder / PROGRESS).read_text().splitlines()]
    begun = [i for i, line in enumerate(lines) if line["event"] == "begin"]
    epochs = [line["epoch"] for line in lines if line["event"] == "epoch"]
    assert len(begun) == 2
    assert sorted(set(epochs)) == [0, 1]
    # What was done before the kill was not done again.
    resumed = [line["epoch"] for line in lines[begun[1] :] if line["event"] == "epoch"]
    assert resumed in ([1], [0, 1])
    assert seen[-1].finished
    assert {"loss", "val_loss", "cell_iou", "val_cell_iou"} <= set(seen[-1].values)
    assert all(len(v) == 2 for v in seen[-1].values.values())

    made, outcome = measure_job(plan, folder)
    assert outcome.what == "foreground IoU"
    assert 0.8 < outcome.before.value <= 1
    assert outcome.after.value > outcome.before.value - 0.05
    added = take(plan, made, outcome)
    assert [m.name for m in added.members] == ["mine", "unet-lite1", "unet-lite2"]
    former = find_model("segmentation")
    assert added.members[1].sha256 == former.members[1].sha256
    card = "\n".join(as_lines(describe(added)))
    assert open_dataset(dataset).sha256 in card
    assert former.members[0].sha256 in card
    # It is another network, that says nearly the same.
    image = open_dataset(dataset).images[0]
    rgb = open_dataset(dataset).read_rgb(image)
    maps = [segment_members(rgb, m, diameter=60.0).cell[0] for m in ("default", "mine")]
    assert not np.array_equal(*maps)
    assert np.mean((maps[0] > 0.5) == (maps[1] > 0.5)) > 0.97
    with pytest.raises(ModelError, match="There already is a model 'mine'"):
        make_plan(open_dataset(dataset), "segmentation", "mine")
    assert "tensorflow" not in sys.modules


@needs_tensorflow
@pytest.mark.timeout(900)
def test_a_classifier_learns_a_class_of_its_own(dataset: Path, tmp_path: Path) -> None:
    params = FinetuneParams(epochs=1, steps=1, batch_size=2)
    plan = make_plan(open_dataset(dataset), "classification", "with-blasts", params)
    assert plan.classes == (*find_model("classification").classes, "blast")
    jobs.begin(plan, tmp_path / "job")
    jobs.run(tmp_path / "job")
    made, outcome = measure_job(plan, tmp_path / "job")
    assert made.classes[-1] == "blast"
    assert outcome.what == "balanced accuracy"
    assert {name.split(" (")[0] for name, _, _ in outcome.rows} >= {"recall, blast"}
    added = take(plan, made, outcome)
    assert added.temperature == find_model("classification").temperature


def test_what_can_not_be_trained_is_said_before_it_begins(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_dataset(dataset)
    with pytest.raises(FinetuneError, match="There is no model 'nothing'"):
        make_plan(opened, "nothing", "mine")
    with pytest.raises(ModelError, match="can't be a model's name"):
        make_plan(opened, "segmentation", "../mine")
    with pytest.raises(FinetuneError, match="epochs must be from 1 to 1000"):
        FinetuneParams(epochs=0)
    assert find_member("segmentation")[1].name in ("unet-lite0", "unet-lite1")
    assert find_member("unet-lite1")[1].name == "unet-lite1"
    plan = make_plan(opened, "segmentation", "mine")
    monkeypatch.setattr(jobs, "find_spec", lambda name: None)
    with pytest.raises(FinetuneError, match=r"TensorFlow, which is not installed: pip install"):
        jobs.begin(plan, tmp_path / "job")
    assert not (tmp_path / "job").exists()


def test_one_photograph_can_not_be_measured_on(tmp_path: Path) -> None:
    place = make_dataset(tmp_path, 1)
    with pytest.raises(FinetuneError, match=r"no completely annotated photograph on its \w+ side"):
        make_plan(open_dataset(place), "segmentation", "mine")


def test_plans_come_back_and_damaged_ones_are_refused(dataset: Path, tmp_path: Path) -> None:
    plan = make_plan(open_dataset(dataset), "segmentation", "mine", FinetuneParams(epochs=3))
    plan.write(tmp_path / "job")
    assert read_plan(tmp_path / "job") == plan
    with pytest.raises(FinetuneError, match="no fine-tuning that could be resumed"):
        read_plan(tmp_path / "nowhere")
    for text in ("{", "[]", '{"params": {}}', '{"params": {"epochs": 1e9}}'):
        (tmp_path / "job" / "plan.json").write_text(text)
        with pytest.raises(FinetuneError):
            read_plan(tmp_path / "job")


def test_curves_survive_damaged_lines_and_repeated_epochs(tmp_path: Path) -> None:
    lines = [
        '{"event": "begin", "epochs": 3, "steps": 2}',
        '{"event": "epoch", "epoch": 0, "loss": 1.0}',
        '{"event": "epoch", "epoch": 1, "loss": 0.9}',
        '{"event": "epoch", "epo',
        '{"event": "begin", "epochs": 3, "steps": 2}',
        '{"event": "epoch", "epoch": 1, "loss": 0.8}',
        "[1]",
        '{"event": "epoch"}',
    ]
    (tmp_path / PROGRESS).write_text("\n".join(lines))
    curves = jobs.read_progress(tmp_path)
    assert curves.values == {"loss": [1.0, 0.8]}
    assert (curves.epochs, curves.epoch) == (3, 2)


def test_a_dataset_that_changed_is_not_resumed_on(dataset: Path) -> None:
    plan = make_plan(open_dataset(dataset), "segmentation", "mine")
    assert isinstance(plan, Plan)
    assert plan.dataset_sha256 == open_dataset(dataset).sha256
