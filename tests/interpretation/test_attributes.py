from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_leukocyte.interpretation import findings
from napari_leukocyte.interpretation.attributes import AttributeHead, load_head, save_head
from napari_leukocyte.interpretation.counterfactual import step_to_second
from napari_leukocyte.interpretation.cropping import cut_cell
from napari_leukocyte.interpretation.explanation import explain
from napari_leukocyte.interpretation.findings import Question, find_out
from napari_leukocyte.interpretation.similar_cells import (
    DATA_VARIABLE,
    Neighbour,
    ReferenceCells,
    load_reference_cells,
    picture_of,
    save_reference_cells,
)
from napari_leukocyte.models import runtime
from napari_leukocyte.models.artifact import ArtifactError
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.models.registry import find_model
from tests.interpretation.networks import field, only_region, write_classifier


@pytest.fixture
def classifier(tmp_path: Path) -> Manifest:
    pytest.importorskip("onnx")
    return write_classifier(tmp_path / "colours")


#: Reads the granules' colour off redness and blueness, and the cell's shape off nothing.
HEAD = AttributeHead(
    values={"granule colour": ("red", "blue"), "cell shape": ("round", "irregular")},
    weights={
        "granule colour": np.array([[300, -300], [-300, 300], [0, 0]], np.float32),
        "cell shape": np.zeros((3, 2), np.float32),
    },
    biases={
        "granule colour": np.zeros(2, np.float32),
        "cell shape": np.array([1, -1], np.float32),
    },
    description={"figures": {"granule colour": {"macro_f1": 0.9}}},
)


def test_a_head_comes_back_as_it_was_written(classifier: Manifest, tmp_path: Path) -> None:
    save_head(HEAD, classifier, tmp_path)
    head = load_head(classifier, tmp_path)
    assert head.values == HEAD.values
    for name in HEAD.values:
        np.testing.assert_allclose(head.weights[name], HEAD.weights[name], rtol=1e-3)
    assert head.figure("granule colour", "macro_f1") == 0.9
    assert np.isnan(head.figure("cell shape", "macro_f1"))
    rgb, labels = field()
    embedding = explain(cut_cell(rgb, only_region(labels), classifier), classifier).embedding
    assert embedding is not None
    colour, shape = head.tell(embedding)
    assert (colour.name, colour.value) == ("granule colour", "red")
    assert colour.probability > 0.9
    assert shape.probability == pytest.approx(1 / (1 + np.exp(-2)), rel=1e-3)
    assert sum(shape.values.values()) == pytest.approx(1)


def test_a_head_of_another_classifier_is_refused_in_one_sentence(
    classifier: Manifest, tmp_path: Path
) -> None:
    with pytest.raises(ArtifactError, match="come with this installation"):
        load_head(classifier, tmp_path)
    save_head(HEAD, classifier, tmp_path)
    (member,) = classifier.members
    for other in (
        replace(classifier, members=(replace(member, sha256="0" * 64),)),
        replace(classifier, views=8),
        replace(classifier, nucleus_density=0.5),
    ):
        with pytest.raises(
            ArtifactError, match="other networks than colours's: only measured words"
        ):
            load_head(other, tmp_path)
    # A last layer fitted anew leaves the embedding as it was.
    fitted = replace(
        classifier,
        members=(replace(member, sha256="0" * 64),),
        made_from={"features_sha256": member.sha256},
    )
    assert load_head(fitted, tmp_path).values == HEAD.values


@pytest.mark.parametrize("damage", ["arrays", "json", "shape", "schema"])
def test_damaged_files_are_refused_in_one_sentence(
    classifier: Manifest, tmp_path: Path, damage: str
) -> None:
    save_head(HEAD, classifier, tmp_path)
    path, arrays = tmp_path / "attributes.json", tmp_path / "attributes.npz"
    described = json.loads(path.read_text())
    if damage == "arrays":
        data = bytearray(arrays.read_bytes())
        data[len(data) // 2] ^= 1
        arrays.write_bytes(data)
    elif damage == "json":
        path.write_text("{")
    else:
        described["schema" if damage == "schema" else "attributes"] = (
            7 if damage == "schema" else {"granule colour": ["red"], "cell shape": ["a", "b"]}
        )
        path.write_text(json.dumps(described))
    with pytest.raises(ArtifactError, match=r"damaged: install the plugin|another layout"):
        load_head(classifier, tmp_path)


def test_the_step_to_the_second_class_is_told_in_attributes(classifier: Manifest) -> None:
    rgb, labels = field()
    crops = cut_cell(rgb, only_region(labels), classifier)
    explanation = explain(crops, classifier)
    e = explanation.embedding
    assert e is not None
    explanation = replace(
        explanation, probabilities={"eosinophil": 0.8, "basophil": 0.15, "lymphocyte": 0.05}
    )
    step = step_to_second(classifier, explanation, e, HEAD)
    assert step is not None
    assert step.second == "basophil"
    # Red against blue is all that tells these classes apart, and an attribute says it.
    assert step.expressed == pytest.approx(1, abs=1e-3)
    (shift,) = step.shifts
    assert (shift.name, shift.value) == ("granule colour", "blue")
    # The step ends where both logits are level.
    gap = 60 * (e[0] - e[1]) + 0.1 - 0.2
    assert step.margin == pytest.approx(gap, rel=1e-4)
    assert step.length * np.linalg.norm(e) == pytest.approx(gap / (60 * np.sqrt(2)), rel=0.05)
    blind = AttributeHead(
        {"cell shape": HEAD.values["cell shape"]},
        {"cell shape": np.array([[0, 0], [0, 0], [1, -1]], np.float32)},
        {"cell shape": np.zeros(2, np.float32)},
    )
    assert step_to_second(classifier, explanation, e, blind) is None


def test_a_classifier_without_embedding_says_so(
    classifier: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_head(HEAD, classifier, tmp_path)
    monkeypatch.setattr(findings, "load_head", lambda c: load_head(c, tmp_path))
    real = runtime.run
    monkeypatch.setattr(runtime, "run", lambda *a: real(*a)[:1])
    findings.forget()
    rgb, labels = field()
    found = find_out(Question(rgb, only_region(labels), classifier))
    assert not found.attributes
    assert any("gives no embedding" in note for note in found.notes)
    findings.forget()


def test_the_most_similar_cells_come_first(classifier: Manifest, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=(50, 12)).astype(np.float32)
    names = tuple(f"set/{i // 2}.png" for i in range(50))
    known = ReferenceCells(embeddings, ("pbc",) * 50, names, ("basophil",) * 50, (None,) * 50)
    near = known.nearest(embeddings[9] + 0.01, 3)
    assert near[0].name == "set/4.png"
    assert near[0].similarity == pytest.approx(1, abs=1e-2)
    assert len({n.name for n in near}) == 3
    cosines = [n.similarity for n in near]
    assert cosines == sorted(cosines, reverse=True)
    mean, basis = embeddings.mean(axis=0), np.linalg.svd(embeddings)[2][:6].T
    places = ((3, -4, 9), *(None,) * 49)
    stored = ReferenceCells(
        (embeddings - mean) @ basis, known.sets, names, known.classes, places, basis, mean
    )
    save_reference_cells(stored, classifier, tmp_path)
    read = load_reference_cells(classifier, tmp_path)
    assert read.names == names
    assert read.places == places
    one, other = stored.nearest(embeddings[30])[0], read.nearest(embeddings[30])[0]
    assert one.name == other.name
    assert one.similarity == pytest.approx(other.similarity, abs=0.01)
    with pytest.raises(ArtifactError, match="no similar cells are shown"):
        load_reference_cells(replace(classifier, views=2), tmp_path)


def test_pictures_come_only_from_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import cv2

    root = tmp_path / "data"
    (root / "set").mkdir(parents=True)
    for path in (root / "set" / "a.png", tmp_path / "b.png"):
        cv2.imwrite(str(path), np.full((30, 50, 3), 9, np.uint8))
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    inside = Neighbour("set", "set/a.png", "basophil", 0.9)
    assert picture_of(inside, 16) is None
    monkeypatch.setenv(DATA_VARIABLE, str(root))
    picture = picture_of(inside, 16)
    assert picture is not None
    assert picture.shape == (16, 16, 3)
    for y, x in ((-4, 40), (25, -9)):
        placed = Neighbour("set", "set/a.png", "basophil", 0.9, (y, x, 12))
        assert picture_of(placed, 8).shape == (8, 8, 3)  # type: ignore[union-attr]
    assert picture_of(Neighbour("set", "../b.png", "basophil", 0.9), 16) is None
    assert picture_of(Neighbour("set", "set/c.png", "basophil", 0.9), 16) is None


def test_what_is_shipped_belongs_to_the_shipped_classifier() -> None:
    classifier = find_model("classification")
    head = load_head(classifier)
    assert len(head.values) == 11
    assert all(np.isfinite(head.figure(n, "macro_f1")) for n in head.values)
    known = load_reference_cells(classifier)
    assert set(known.classes) <= set(classifier.classes)
    assert len(known.names) > 1000
