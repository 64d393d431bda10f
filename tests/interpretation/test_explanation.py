from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_leukocyte.errors import Cancelled, ParameterError
from napari_leukocyte.interpretation import activation, perturbation
from napari_leukocyte.interpretation.activation import NoActivationMapError
from napari_leukocyte.interpretation.counterfactual import deletion_counterfactual
from napari_leukocyte.interpretation.cropping import CellCrops, cut_cell
from napari_leukocyte.interpretation.explanation import explain, most_important
from napari_leukocyte.interpretation.findings import Question, find_out
from napari_leukocyte.interpretation.perturbation import MissingPackageError, plan, superpixels
from napari_leukocyte.interpretation.scoring import METHODS, ExplainSettings, Method, Scorer
from napari_leukocyte.models.manifest import Manifest
from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES
from tests.interpretation.networks import (
    CLASSES,
    field,
    granule_in_frame,
    only_region,
    write_classifier,
)

pytest.importorskip("onnx")
NEEDS = {"lime": "lime", "shap": "shap"}
QUICK = ExplainSettings(samples=120, superpixels=16, windows=8)


@pytest.fixture
def classifier(tmp_path: Path) -> Manifest:
    return write_classifier(tmp_path / "colours")


def crops_for(classifier: Manifest) -> CellCrops:
    rgb, labels = field()
    return cut_cell(rgb, only_region(labels), classifier)


def granule(crops: CellCrops) -> NDArray[np.bool_]:
    side = crops.crop.shape[0]
    return granule_in_frame((side, side), crops.y0, crops.x0, crops.extent)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("members", "views"), [(1, 1), (2, 8)])
def test_maps_point_at_what_decides(
    tmp_path: Path, method: Method, members: int, views: int
) -> None:
    pytest.importorskip(NEEDS.get(method, "numpy"))
    classifier = write_classifier(tmp_path / "many", members, views=views)
    crops = crops_for(classifier)
    found = explain(crops, classifier, None, method, QUICK)
    assert found.class_name == "eosinophil"
    assert found.map.shape == crops.crop.shape[:2]
    assert found.map.dtype == np.float32
    where = granule(crops)
    first = most_important(found.map, float(where.mean()))
    assert (first & where).sum() / where.sum() > 0.5
    assert found.sanity["hidden_top"] < found.probability - 0.1 < found.sanity["hidden_random"]
    # Nothing speaks for basophil, there or elsewhere, as the granule does against it.
    against = explain(crops, classifier, "basophil", method, QUICK)
    if method != "occlusion":  # hiding by the blurred granule leaves its colour
        assert against.map[where].mean() < min(0.0, float(against.map[~where].mean()))


def test_an_activation_map_adds_up_to_the_logit(classifier: Manifest) -> None:
    crops = crops_for(classifier)
    opened = activation.open_member(classifier.members[0])
    logits, features = opened.run(crops.crop.astype(np.float32)[np.newaxis])
    assert features.shape[1] == len(opened.weights) == 3
    np.testing.assert_allclose(
        features.mean(axis=(2, 3)) @ opened.weights + opened.bias, logits, rtol=1e-4
    )
    values = explain(crops, classifier, "lymphocyte", "activation").map
    without = (logits - opened.bias)[0]
    wanted = (without[2] - without.mean()) / classifier.temperature
    assert values.mean() == pytest.approx(wanted, rel=1e-3)


def test_shapley_values_add_up_to_what_the_whole_cell_adds(classifier: Manifest) -> None:
    pytest.importorskip("shap")
    crops = crops_for(classifier)
    state = np.random.get_state()[1].copy()  # type: ignore[index] # noqa: NPY002
    found = explain(crops, classifier, None, "shap", QUICK)
    assert abs(found.sanity["gap"]) < 1e-3
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # type: ignore[index] # noqa: NPY002
    again = explain(crops, classifier, None, "shap", QUICK)
    np.testing.assert_array_equal(found.map, again.map)


def test_superpixels_keep_to_the_outline_and_leave_no_gap(classifier: Manifest) -> None:
    crops = crops_for(classifier)
    parts = superpixels(crops, 24)
    assert sorted(np.unique(parts)) == list(range(int(parts.max()) + 1))
    cell = crops.mask > 127
    assert not set(parts[cell].tolist()) & set(parts[~cell].tolist())
    assert plan(ExplainSettings(), 1) == (40, 300)
    number, samples = plan(ExplainSettings(), 8)
    assert samples * 8 <= ExplainSettings().runs
    assert number * 4 <= samples


@pytest.mark.parametrize("method", METHODS)
def test_every_method_stops_when_it_is_told_to(classifier: Manifest, method: Method) -> None:
    pytest.importorskip(NEEDS.get(method, "numpy"))
    calls = 0

    def stop(done: int, total: int, what: str) -> None:
        nonlocal calls
        assert 0 <= done <= total
        calls += 1
        if calls == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        explain(crops_for(classifier), classifier, None, method, QUICK, stop)


def test_hiding_what_decides_changes_the_class(classifier: Manifest) -> None:
    crops = crops_for(classifier)
    found = explain(crops, classifier)
    deletion = deletion_counterfactual(Scorer(crops, classifier, "background"), found)
    assert deletion is not None
    assert deletion.becomes != "eosinophil"
    assert (deletion.region & granule(crops)).sum() > 0.5 * granule(crops).sum()
    assert deletion.share <= 0.2
    against = replace(found, map=-found.map)
    later = deletion_counterfactual(Scorer(crops, classifier, "background"), against)
    assert later is None or later.share > deletion.share


def test_a_network_without_pooling_is_explained_by_occlusion(
    classifier: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise NoActivationMapError("No class activation map here.")

    monkeypatch.setattr("napari_leukocyte.interpretation.activation.open_member", refuse)
    rgb, labels = field()
    with pytest.raises(NoActivationMapError):
        explain(crops_for(classifier), classifier)
    found = find_out(Question(rgb, only_region(labels), classifier))
    assert found.explanation.method == "occlusion"
    assert "Occlusion is shown instead." in found.notes[0]


def test_what_cannot_be_is_said_in_one_sentence(
    classifier: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    crops = crops_for(classifier)
    with pytest.raises(ParameterError, match="no class 'monocyte'"):
        explain(crops, classifier, LEUKOCYTE_NAMES[-1])
    with pytest.raises(ParameterError, match="no method"):
        explain(crops, classifier, None, "magic")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="windows must be from 2 to 24"):
        ExplainSettings(windows=1)
    monkeypatch.setitem(__import__("sys").modules, "shap", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'napari-leukocyte\[explain\]'"):
        perturbation.shap_map(Scorer(crops, classifier), 0, QUICK)


def test_a_map_is_made_once(classifier: Manifest) -> None:
    rgb, labels = field()
    question = Question(rgb, only_region(labels), classifier)
    first = find_out(question)
    assert find_out(question).explanation is first.explanation
    assert find_out(replace(question, class_name=CLASSES[1])).explanation is not first.explanation
    labels[50:, :] = 0
    other = find_out(replace(question, region=only_region(labels)))
    assert other.explanation is not first.explanation
