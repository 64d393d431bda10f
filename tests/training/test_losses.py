"""Losses of segmentation against values worked out by hand."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.learning.keras_process.networks import (
    DICE_SMOOTHING,
    LOSSES,
    find_loss,
    jaccard_cross_entropy,
)


def test_jaccard_of_a_vague_guess_is_what_the_formula_says() -> None:
    truth = np.zeros((1, 20, 20, 1), np.float32)
    truth[:, :10] = 1
    guess = np.full_like(truth, 0.5)
    both, either = 100.0, 200.0 + 200.0 - 100.0
    expected = 1 - (both + DICE_SMOOTHING) / (either + DICE_SMOOTHING) + np.log(2)
    assert float(jaccard_cross_entropy(truth, guess)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_falls_towards_the_truth_and_can_be_saved(
    name: str, rng: np.random.Generator
) -> None:
    loss = find_loss(name)
    truth = (rng.random((2, 16, 16, 2)) > 0.6).astype(np.float32)
    values = [
        float(loss(truth, np.clip(share * truth + (1 - share) * 0.5, 1e-4, 1 - 1e-4)))
        for share in (0.0, 0.5, 1.0)
    ]
    assert values[0] > values[1] > values[2]
    assert values[2] < 0.01
    assert keras.saving.get_registered_object(f"napari_leukocyte>{loss.__name__}") is loss


def test_an_unknown_loss_is_one_sentence() -> None:
    with pytest.raises(ParameterError, match=r"no loss 'focal': known are dice, jaccard\.$"):
        find_loss("focal")
