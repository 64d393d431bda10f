from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

import napari_leukocyte as nl
from napari_leukocyte.classification.inference import BATCH, classify, softmax
from napari_leukocyte.classification.measurements import measure
from napari_leukocyte.errors import Cancelled, ImageError, ModelError
from napari_leukocyte.models import runtime
from napari_leukocyte.models.manifest import Member
from napari_leukocyte.schema import MEASURED
from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES

FRONT = ("label", "class", "confidence", *(f"p_{name}" for name in LEUKOCYTE_NAMES))
Fields = tuple[NDArray[np.uint8], NDArray[np.int32]]


@pytest.fixture
def field() -> Fields:
    """Return cells in a row from dark to light, their numbers falling from left to right."""
    image = np.full((60, 60 * 20, 3), 240, np.uint8)
    labels = np.zeros(image.shape[:2], np.int32)
    for i in range(20):
        labels[15:45, 60 * i + 15 : 60 * i + 45] = 100 - i
        image[15:45, 60 * i + 15 : 60 * i + 45] = (100, 20 + 8 * i, 120)
    return image, labels


@pytest.fixture
def colour_classifier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the folder of a classifier whose members judge by green, the second less surely."""
    members = [
        {"name": n, "file": f"{n}.onnx", "sha256": "", "weight": w, "diameter_px": 40}
        for n, w in (("sure", 3), ("unsure", 1))
    ]
    manifest = {
        "schema": 1,
        "kind": "classification",
        "name": "colours",
        "title": "",
        "members": members,
        "classes": list(LEUKOCYTE_NAMES),
        "side_px": 64,
        "temperature": 2.0,
    }
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")

    def run(
        member: Member, batch: NDArray[np.float32], shape: tuple[int, ...] | None = None
    ) -> list[NDArray[np.float32]]:
        assert batch.dtype == np.float32
        assert batch.shape[1:] == (64, 64, 3)
        assert len(batch) <= BATCH
        green = batch[:, 28:36, 28:36, 1].mean(axis=(1, 2))
        middles = np.linspace(30, 160, 5)
        logits = -((green[:, np.newaxis] - middles) ** 2) / 400
        assert logits.shape == shape
        return [logits.astype(np.float32) * (1 if member.name == "sure" else 0.1)]

    monkeypatch.setattr(runtime, "run", run)
    return str(tmp_path)


def test_table_has_one_row_an_object_and_keeps_the_contract(
    field: Fields, colour_classifier: str
) -> None:
    image, labels = field
    told: list[tuple[int, int, str]] = []
    table = classify(image, labels, colour_classifier, progress=lambda *step: told.append(step))
    assert tuple(table.columns) == (*FRONT, *MEASURED[1:])
    assert table["label"].tolist() == list(range(81, 101))
    probabilities = table[[f"p_{name}" for name in LEUKOCYTE_NAMES]].to_numpy()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(table["confidence"], probabilities.max(axis=1))
    best = [LEUKOCYTE_NAMES[i] for i in probabilities.argmax(axis=1)]
    assert table["class"].tolist() == best
    # From light to dark, as the numbers rise: every class, the last first.
    assert list(dict.fromkeys(best)) == list(LEUKOCYTE_NAMES)[::-1]
    pd.testing.assert_frame_equal(
        table[list(MEASURED)], measure(labels)[list(MEASURED)], check_like=True
    )
    assert told == [(i, 2, "Classifying") for i in range(3)]


def test_members_vote_by_weight_at_the_manifests_temperature(
    field: Fields, colour_classifier: str
) -> None:
    image, labels = field
    only = np.where(labels == 100, labels, 0)
    table = classify(image, only, colour_classifier)
    logits = -((20.0 - np.linspace(30, 160, 5)) ** 2) / 400  # the background is white already
    expected = 0.75 * softmax(logits[np.newaxis] / 2) + 0.25 * softmax(0.1 * logits[np.newaxis] / 2)
    found = table[[f"p_{name}" for name in LEUKOCYTE_NAMES]].to_numpy(np.float64)
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_nothing_to_classify_makes_an_empty_table_of_the_same_kind(
    field: Fields, colour_classifier: str
) -> None:
    image, labels = field
    full = classify(image, labels, colour_classifier, nucleus=labels > 0)
    empty = classify(image, np.zeros_like(labels), colour_classifier)
    assert len(empty) == 0
    assert empty.columns.tolist() == full.columns.tolist()
    assert empty.dtypes.tolist() == full.dtypes.tolist()
    assert (full["nucleus_cell_ratio"] == 1).all()
    assert nl.count(empty)["total"].tolist() == [0] * 5


def test_run_can_be_stopped_after_a_batch(field: Fields, colour_classifier: str) -> None:
    def stop(done: int, total: int, what: str) -> None:
        if done == 1:
            raise Cancelled

    with pytest.raises(Cancelled):
        classify(*field, colour_classifier, progress=stop)


def test_bad_input_gets_one_sentence(field: Fields, colour_classifier: str) -> None:
    image, labels = field
    bad: list[tuple[type[Exception], Callable[[], object]]] = [
        (ImageError, lambda: classify(image, labels[1:], colour_classifier)),
        (ImageError, lambda: classify(image, labels.astype(float), colour_classifier)),
        (ImageError, lambda: classify(image[:5], labels[:5], colour_classifier)),
        (ImageError, lambda: classify(image, labels, colour_classifier, nucleus=labels[1:])),
        (ModelError, lambda: classify(image, labels, "no such model")),
    ]
    for kind, call in bad:
        with pytest.raises(kind, match=r"^[^\n]+\.$"):
            call()


def test_softmax_of_large_logits_is_finite() -> None:
    probabilities = softmax(np.array([[1e4, 0, -1e4], [5, 5, 5]]))
    np.testing.assert_allclose(probabilities[0], np.array([1, 0, 0]))
    np.testing.assert_allclose(probabilities[1], 1 / 3)
