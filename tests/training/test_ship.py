"""Changes to a network before it ships."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from napari_leukocyte.classification.inference import softmax
from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES
from training.ship import shift_biases
from training.ship_config import ShipConfig, priors

CLASSES = (*LEUKOCYTE_NAMES, "immature granulocyte", "erythroblast", "platelet or artefact")


def test_rare_classes_are_taken_for_as_rare_as_is_said() -> None:
    image = keras.Input((8, 8, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(image)
    logits = keras.layers.Dense(len(CLASSES), name="logits")(pooled)
    model = keras.Model(image, {"logits": logits})
    crops = np.random.default_rng(0).uniform(0, 2, (5, 8, 8, 3)).astype(np.float32)
    temperature = 0.7
    before = softmax(model.predict(crops, verbose=0)["logits"] / temperature)

    config = ShipConfig(rare_prior=0.1, artefact_prior=0.3)
    factors = priors(config, CLASSES)
    assert factors.tolist() == [1.0] * 5 + [0.1, 0.1, 0.3]
    shift_biases(model, temperature * np.log(factors))
    after = softmax(model.predict(crops, verbose=0)["logits"] / temperature)

    # The odds against a leukocyte change by just these factors, whatever the cell.
    odds = (after / after[:, :1]) / (before / before[:, :1])
    np.testing.assert_allclose(odds, np.tile(factors, (len(crops), 1)), rtol=1e-4)
    assert priors(ShipConfig(), CLASSES).tolist() == pytest.approx([1.0] * 8)
