"""Images in other colours are called out of distribution, in one sentence; known ones are not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from napari_leukocyte.errors import ModelError
from napari_leukocyte.models.manifest import Manifest, Member
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.uncertainty.domain_shift.checking import judge
from napari_leukocyte.uncertainty.domain_shift.domain_match import (
    OUT_OF_DISTRIBUTION,
    compare,
    report_domain,
)
from napari_leukocyte.uncertainty.domain_shift.image_profile import (
    FEATURES,
    ImageProfile,
    measure_profile,
)
from napari_leukocyte.uncertainty.domain_shift.training_domain import (
    FILE_NAME,
    fit_set,
    read_training_domain,
    write_training_domain,
)
from tests.uncertainty.domain_shift.fields import (
    cells,
    field,
    known_set,
    reference,
    sure,
    training_domain,
)


def test_a_field_of_the_set_is_in_the_domain_and_one_in_other_colours_is_not() -> None:
    seen = measure_profile(*field(3))
    assert compare(seen, [known_set()]).share > OUT_OF_DISTRIBUTION
    report = report_domain(seen, training_domain())
    assert not report.out_of_distribution
    assert "10 % of cells were wrong" in report.sentence

    for tint, word in (((0.75, 0.9, 1.0), "bluer"), ((1.0, 0.97, 0.7), "yellower")):
        report = report_domain(measure_profile(*field(3, tint)), training_domain())
        assert report.out_of_distribution
        assert f"background {word} than" in report.sentence
        assert "20 % of cells were wrong on sets left out of training, 10 % on" in report.sentence
        assert "Nearest: painted." in report.sentence


def test_smaller_and_blurred_cells_are_named() -> None:
    rgb, labels = field(2)
    small = np.asarray(
        cv2.resize(rgb, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8
    )
    fewer = labels[::2, ::2]
    assert (
        "smaller in pixels"
        in report_domain(measure_profile(small, fewer), training_domain()).sentence
    )
    blurred = np.asarray(cv2.GaussianBlur(rgb, (0, 0), 5), np.uint8)
    assert (
        "less sharp" in report_domain(measure_profile(blurred, labels), training_domain()).sentence
    )


def test_an_image_without_cells_is_not_judged_by_them() -> None:
    rgb, labels = field(1)
    seen = measure_profile(rgb, np.zeros_like(labels))
    assert np.isnan(seen["nucleus_l"])
    assert np.isfinite(seen["background_l"])
    report = report_domain(seen, training_domain())
    assert not report.out_of_distribution
    assert "no cells" in report.sentence


def test_distances_of_a_sets_own_photographs_are_measured_without_them() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(0, 3, (100, len(FEATURES)))
    fitted = fit_set("any", rows)
    new = rng.normal(0, 3, (300, len(FEATURES)))
    shares = np.array([fitted.share_as_far(row) for row in new])
    assert np.mean(shares < 0.1) == pytest.approx(0.1, abs=0.06)
    gone = new[0].copy()
    gone[3] = np.nan
    assert np.isfinite(fitted.distance(gone))
    with pytest.raises(ValueError, match="ten photographs"):
        fit_set("few", rows[:5])


def test_quality_falls_with_focus_exposure_and_stain() -> None:
    rgb, labels = field(4)
    good = judge(rgb, labels)
    blurred = judge(np.asarray(cv2.GaussianBlur(rgb, (0, 0), 5), np.uint8), labels)
    dark = judge((rgb * 0.25).astype(np.uint8), labels)
    pale = judge((255 - (255 - rgb.astype(float)) * 0.2).astype(np.uint8), labels)
    assert good.overall > max(blurred.overall, dark.overall, pale.overall)
    assert "Poor focus" in blurred.sentence
    assert "exposure" in dark.sentence
    assert "contrast of the stain" in pale.sentence
    assert "sufficient" in good.sentence


def test_cells_of_the_wrong_class_and_torn_ones_score_high() -> None:
    found = reference()
    embedding, truth = cells(200, 3)
    other = np.where(truth == "lymphocyte", "neutrophil", "lymphocyte")
    right = found.score(embedding, sure(truth), truth)
    wrong = found.score(embedding, sure(other), other)
    torn = found.score(embedding, np.full((200, 2), 0.5), truth)
    assert np.median(right) < np.median(torn) < np.median(wrong)
    assert np.mean(wrong > np.quantile(right, 0.95)) > 0.9
    ranks = found.rank(right)
    assert ranks.mean() == pytest.approx(0.5, abs=0.1)
    assert np.isnan(found.wrong_share(right)).all()
    known = replace(found, wrong=np.linspace(0, 1, len(found.quantiles) - 1))
    assert known.wrong_share(wrong).mean() > 0.9
    assert found.score(embedding[:0], np.zeros((0, 2)), []).shape == (0,)


@pytest.fixture
def classifier(tmp_path: Path) -> Manifest:
    member = Member("net", tmp_path / "net.onnx", "ab" * 32, 1.0, 84.0)
    classes = ("lymphocyte", "neutrophil")
    return Manifest("mine", "classification", "Mine", tmp_path, (member,), classes, 128)


def test_the_reference_comes_back_as_written(classifier: Manifest) -> None:
    assert read_training_domain(classifier) is None
    write_training_domain(classifier, replace(training_domain(), ood_error=float("nan")))
    found = read_training_domain(classifier)
    assert found is not None
    embedding, truth = cells(20, 4)
    np.testing.assert_allclose(
        found.cells.score(embedding, sure(truth), truth),
        reference().score(embedding, sure(truth), truth),
        rtol=1e-3,
        atol=1e-3,
    )
    seen = measure_profile(*field(1))
    assert compare(seen, found.sets).share == compare(seen, [known_set()]).share
    assert np.isnan(found.ood_error)
    assert "Expect more errors." in report_domain(ImageProfile(seen.values + 30, 2), found).sentence


def test_damage_and_other_networks_are_told(classifier: Manifest) -> None:
    path = write_training_domain(classifier, training_domain())
    other = replace(classifier, members=(replace(classifier.members[0], sha256="cd" * 32),))
    with pytest.raises(ModelError, match="other networks than mine's"):
        read_training_domain(other)
    whole = path.read_bytes()
    with np.load(path) as file:
        arrays = {n: file[n] for n in file.files}
    arrays["cells_means"] = arrays["cells_means"] + 1
    np.savez(path, **arrays)
    with pytest.raises(ModelError, match="damaged"):
        read_training_domain(classifier)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match="damaged"):
        read_training_domain(classifier)


def test_the_shipped_classifier_has_its_reference() -> None:
    manifest = find_model("classification")
    found = read_training_domain(manifest)
    assert found is not None
    learnt = {"zheng1", "zheng2", "bccd", "pbc", "raabin_labelled", "choi_marrow"}
    assert {s.name for s in found.sets} == learnt
    assert (manifest.folder / FILE_NAME).stat().st_size < 200_000
