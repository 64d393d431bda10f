"""The tests that decide on explanations, where the answer is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_leukocyte.interpretation.cropping import CellCrops, cut_cell
from napari_leukocyte.interpretation.explanation import explain, random_map
from napari_leukocyte.interpretation.scoring import ExplainSettings, Scorer
from napari_leukocyte.models import runtime
from napari_leukocyte.models.manifest import Manifest
from tests.interpretation.networks import field, only_region, write_classifier
from training.attribute_head import Directions, fit, macro_f1, measure
from training.faithfulness import (
    STEPS,
    Variant,
    area,
    check_shuffled,
    curve,
    measure_cell,
    rank_correlation,
    shuffle_weights,
)
from training.pages.explain import write_tables
from training.pages.render import BEGIN, END


@pytest.fixture
def classifier(tmp_path: Path) -> Manifest:
    return write_classifier(tmp_path / "colours")


@pytest.fixture
def crops(classifier: Manifest) -> CellCrops:
    rgb, labels = field()
    return cut_cell(rgb, only_region(labels), classifier)


def test_curves_begin_and_end_where_they_must(classifier: Manifest, crops: CellCrops) -> None:
    scorer = Scorer(crops, classifier)
    values = explain(crops, classifier).map
    whole = scorer.probabilities()[0, 0]
    nothing = scorer.probabilities(np.zeros((1, *values.shape), np.float32))[0, 0]
    deletion = curve(scorer, 0, values, insert=False)
    insertion = curve(scorer, 0, values, insert=True)
    assert len(deletion) == STEPS + 1
    assert (deletion[0], deletion[-1]) == pytest.approx((whole, nothing))
    assert (insertion[0], insertion[-1]) == pytest.approx((nothing, whole))
    assert area(np.array([1.0, 0.5, 0.0])) == pytest.approx(0.5)


def test_a_map_that_knows_is_better_than_chance_and_its_opposite_is_worse(
    classifier: Manifest, crops: CellCrops
) -> None:
    settings = ExplainSettings(windows=8)
    tried = [Variant(m, m, settings) for m in ("activation", "occlusion")]
    found = measure_cell(crops, classifier, tried, 0)
    for name in ("activation", "occlusion"):
        assert found[name]["deletion"] < found["random"]["deletion"]
        assert found[name]["insertion"] > found["random"]["insertion"]
    scorer = Scorer(crops, classifier)
    against = -explain(crops, classifier).map
    assert area(curve(scorer, 0, against, insert=False)) > found["random"]["deletion"]


def test_shuffled_weights_are_the_same_numbers_elsewhere(
    classifier: Manifest, crops: CellCrops, tmp_path: Path
) -> None:
    import onnx
    from onnx import numpy_helper

    (member,) = classifier.members
    # This network is so small that all its tensors lie below the limit for shuffling.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.faithfulness.SMALLEST", 1)
        mixed = shuffle_weights(member, tmp_path, "last layer", seed=3)
    tensors = {
        file: {t.name: numpy_helper.to_array(t) for t in onnx.load(file).graph.initializer}
        for file in (member.file, mixed.file)
    }
    before, after = tensors.values()
    for name, values in before.items():
        assert np.array_equal(np.sort(values.ravel()), np.sort(after[name].ravel()))
        assert np.array_equal(values, after[name]) == (name != "last")
    assert mixed.sha256 != member.sha256
    assert runtime.run(mixed, np.zeros((1, 64, 64, 3), np.float32))[0].shape == (1, 3)


def test_maps_that_ignore_the_weights_are_found_out(
    classifier: Manifest, crops: CellCrops, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.faithfulness.SMALLEST", 1)
    tried = [Variant("activation", "activation", ExplainSettings())]
    real = explain(crops, classifier)
    monkeypatch.setattr("training.faithfulness.explain", lambda *_: real)
    blind = check_shuffled([crops], classifier, tried)
    assert blind["all layers"]["activation"]["mean"] == pytest.approx(1)
    assert set(blind) == {"last layer", "all layers"}
    assert rank_correlation(real.map, np.zeros_like(real.map)) == 0
    assert rank_correlation(real.map, -(real.map**3)) == pytest.approx(-1)
    one, other = (random_map((64, 64), seed) for seed in (1, 2))
    assert abs(rank_correlation(one, other)) < 0.5


def test_attributes_are_fitted_and_measured(rng: np.random.Generator) -> None:
    truth = np.repeat(["coarse", "nil", "round"], (200, 80, 40))
    x = rng.normal(size=(320, 30)).astype(np.float32)
    x[truth == "nil", 3] += 4
    x[truth == "round", 7] -= 4
    found = Directions.of(x, 10)
    z = found.apply(x)
    np.testing.assert_allclose(z.std(axis=0), 1, atol=0.01)
    assert 0.3 < found.share < 1
    values, weights, biases = fit(z, np.append(truth[:-1], "rare"), 0.1)
    assert values == ("coarse", "nil", "round")
    said = np.array(values)[(z @ weights + biases).argmax(axis=1)]
    figures = measure(truth, said, "coarse")
    assert figures["macro_f1"] > 0.85
    assert figures["macro_f1_95"][0] < figures["macro_f1"] < figures["macro_f1_95"][1]
    assert figures["accuracy_of_commonest"] == pytest.approx(200 / 320)
    assert figures["macro_f1_of_commonest"] == pytest.approx(2 * 200 / 520 / 3)
    two = np.where(truth == "nil", "no", "yes")
    values, weights, biases = fit(z, two, 0.1)
    said = np.array(values)[(z @ weights + biases).argmax(axis=1)]
    assert macro_f1(two, said, values) > 0.9


def test_the_page_keeps_its_prose(tmp_path: Path) -> None:
    page = tmp_path / "explain.md"
    places = [f"{BEGIN.format(n, n)}\nold\n{END.format(n)}" for n in ("faithfulness", "attributes")]
    page.write_text("before\n" + "\nbetween\n".join(places) + "\nafter\n", encoding="utf-8")
    write_tables(page)
    text = page.read_text(encoding="utf-8")
    for word in ("before\n", "\nbetween\n", "\nafter\n", "| nucleus shape |"):
        assert word in text
    assert text.count("old") <= 1
    again = text
    write_tables(page)
    assert page.read_text(encoding="utf-8") == again
    page.write_text("nothing", encoding="utf-8")
    with pytest.raises(ValueError, match="no place for the table"):
        write_tables(page)


def test_a_member_without_its_file_is_refused(classifier: Manifest, tmp_path: Path) -> None:
    (member,) = classifier.members
    with pytest.raises(FileNotFoundError):
        shuffle_weights(replace(member, file=tmp_path / "no.onnx"), tmp_path, "all layers")
