"""The binary network of 2019: its layers, its training and the shipped model."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import keras
import numpy as np
import pytest

import napari_leukocyte as nl
from napari_leukocyte.models.registry import SHIPPED, find_model, list_models
from napari_leukocyte.samples.synthetic import synthetic_smear
from napari_leukocyte.vocabulary import CLASSES, COLORS, GROUPS, LEUKOCYTE_NAMES
from training import binary
from training.binary import GROUP_OF, group_photographs, measure_binary, train_binary
from training.cells import Cell, patch_side
from training.data.photographs import Photograph
from training.fitting import RESULTS
from training.networks.nine_layer import build_nine_layer

NAMES = tuple(g.name for g in GROUPS)
SIDE = 32


def _cell(i: int, label: str) -> Cell:
    """Return a cell whose group is plain to see: one disc or three."""
    size = patch_side(SIDE)
    y, x = np.mgrid[:size, :size] - size / 2
    mask = (np.hypot(y, x) < 10).astype(np.uint8) * 255
    patch = np.full((size, size, 3), 235, np.uint8)
    patch[mask > 0] = (190, 150, 200)
    turn = i * 0.7
    lobes = [(0.0, 8.0)] if label == NAMES[0] else [(5.0, 3.0)] * 3
    for k, (away, radius) in enumerate(lobes):
        at = turn + k * 2 * np.pi / 3
        inside = np.hypot(y - away * np.sin(at), x - away * np.cos(at)) < radius
        patch[inside] = (90, 40, 130)
    photograph = Photograph("bccd", f"{label}{i}.png", Path(f"{label}{i}.png"), None, label)
    return Cell(photograph, patch, mask, np.full(3, 235.0))


def test_it_has_nine_layers_and_one_binary_output() -> None:
    model = build_nine_layer(SIDE)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert [kinds.count(k) for k in ("Conv2D", "MaxPooling2D", "Dense")] == [3, 3, 3]
    crops = np.random.default_rng(0).uniform(0, 255, (2, SIDE, SIDE, 3)).astype(np.float32)
    score = keras.Model(model.inputs[0], model.get_layer("score").output)(crops).numpy()[:, 0]
    logits = model(crops)["logits"].numpy()
    softmax = np.exp(logits[:, 1]) / np.exp(logits).sum(axis=1)
    np.testing.assert_allclose(softmax, 1 / (1 + np.exp(-score)), rtol=1e-5)
    scaled = keras.Model(model.inputs[0], model.get_layer("scale_input").output)(crops)
    assert 0 <= float(scaled.numpy().min()) < float(scaled.numpy().max()) <= 1


def test_the_five_classes_fall_into_two_groups_and_others_into_none() -> None:
    assert set(GROUP_OF) == set(LEUKOCYTE_NAMES)
    shown = [
        Photograph("pbc", f"{i}.jpg", Path(f"{i}.jpg"), None, label)
        for i, label in enumerate(("neutrophil", "monocyte", "erythroblast", None))
    ]
    assert [p.label for p in group_photographs(shown)] == ["polymorphonuclear", "mononuclear"]


def test_it_learns_and_keeps_its_last_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.fitting.RUNS", tmp_path / "runs")
    monkeypatch.setattr("training.fitting.RESULTS", tmp_path / "results")
    monkeypatch.setattr(binary, "RUNS", tmp_path / "runs")
    cells = [_cell(i, label) for i in range(6) for label in NAMES]
    monkeypatch.setattr(binary, "_photographs", lambda config, root, *sides: [])
    monkeypatch.setattr(binary, "load_cells", lambda photographs, side, diameter: cells)
    config = tmp_path / "b.toml"
    config.write_text(
        f'name = "b"\nclasses = {list(NAMES)}\nside = {SIDE}\ndiameter = 20.0\n'
        "label_smoothing = 0.0\n"
        "[schedule]\nepochs = 6\nsteps = 10\nbatch_size = 8\nlearning_rate = 3e-3\npatience = 1\n"
        "[appearance]\nplain_share = 1.0\n",
        encoding="utf-8",
    )
    model = train_binary(config, tmp_path)
    record = json.loads((tmp_path / "results" / "b" / "training.json").read_text("utf-8"))
    curves = record["curves"]
    assert curves["epoch"] == list(range(6))
    assert {"loss", "categorical_accuracy", "val_loss", "val_categorical_accuracy"} <= set(curves)
    assert curves["val_loss"][-1] < np.log(2)  # better than chance
    assert not (tmp_path / "runs" / "b" / "best.weights.h5").exists()
    kept = keras.models.load_model(tmp_path / "runs" / "b" / "model.keras", compile=False)
    crops = np.stack([c.patch[7:39, 7:39] for c in cells]).astype(np.float32)
    np.testing.assert_allclose(kept(crops)["logits"], model(crops)["logits"], rtol=1e-5)


def test_cells_that_were_not_found_are_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [_cell(i, label) for i in range(2) for label in NAMES]
    photographs = [c.photograph for c in cells]
    logits = np.array([[1, 0], [0, 1], [1, 0]], np.float32)
    monkeypatch.setattr("training.binary.runtime.run", lambda member, crops: [logits])
    manifest = find_model("classification", "binary-2019")
    figures = measure_binary(manifest, photographs, cells[:3], np.zeros((3, 64, 64, 3), np.float32))
    assert figures["bccd"]["not_found"] == 1
    assert figures["bccd"]["accuracy"] == 0.75
    assert figures["bccd"]["majority_class_accuracy"] == 0.5


def test_the_shipped_model_is_the_one_that_was_measured() -> None:
    manifest = find_model("classification", "binary-2019")
    assert manifest.folder.parent == SHIPPED
    assert manifest.classes == NAMES
    file = manifest.members[0].file
    assert hashlib.sha256(file.read_bytes()).hexdigest() == manifest.members[0].sha256
    assert file.stat().st_size < 3e6
    measured = json.loads((RESULTS / "binary-2019" / "held-out.json").read_text("utf-8"))
    assert measured["sha256"] == manifest.members[0].sha256
    for dataset, figures in manifest.figures["held_out"].items():
        of_set = measured["sets"][dataset]
        assert figures["accuracy"] == round(of_set["accuracy"], 4)
        low, high = figures["accuracy_95"]
        assert low <= figures["accuracy"] <= high
        assert figures["accuracy"] > figures["majority_class_accuracy"]
    assert "binary-2019" in {m.name for m in list_models("classification")}
    assert not {c.name for c in CLASSES} & set(NAMES)
    assert len(set(COLORS.values())) == len(COLORS)


def test_the_plugin_classifies_with_it() -> None:
    smear = synthetic_smear(seed=3)
    table = nl.classify(smear.image, smear.labels, model="binary-2019")
    assert set(table["class"]) == set(NAMES)
    truth = [GROUP_OF[smear.classes[int(i)]] for i in table["label"]]
    assert np.mean(table["class"].to_numpy() == truth) >= 0.8
