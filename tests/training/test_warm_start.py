"""Warm start: a shipped classifier with its normalisation put back says what it said."""

from __future__ import annotations

import numpy as np
import pytest

from napari_leukocyte.errors import ModelError
from napari_leukocyte.models import runtime
from napari_leukocyte.models.registry import find_model
from napari_leukocyte.samples.synthetic import synthetic_smear
from training.networks.classifier import build_classifier
from training.networks.warm_start import warm_start


def test_says_the_same_and_can_learn_from_its_own_statistics() -> None:
    shipped = find_model("classification")
    side = shipped.side_px or 128
    crops = np.stack(
        [
            synthetic_smear((side, side), seed, {"neutrophil": 1}, diameter=84).image
            for seed in range(8)
        ]
    ).astype(np.float32)
    model = build_classifier("lite0", len(shipped.classes), dropout=0, stochastic_depth=0)
    bias = np.arange(len(shipped.classes), dtype=float)
    warm_start(model, shipped, crops, bias)
    expected = runtime.run(shipped.members[0], crops)[0] + bias
    size = np.abs(expected).max()
    for training in (False, True):  # constants, then the statistics of these very crops
        said = np.asarray(model(crops, training=training)["logits"])
        assert np.abs(said - expected).max() < 5e-3 * size


def test_other_classes_are_refused() -> None:
    shipped = find_model("classification")
    model = build_classifier("lite0", 3)
    with pytest.raises(ModelError, match="no network of the same encoder and classes"):
        warm_start(model, shipped, np.zeros((1, 64, 64, 3), np.float32), np.zeros(3))
