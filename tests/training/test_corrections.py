"""The choice of cells to correct, and the figures that are measured of them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_leukocyte.errors import ParameterError
from training.cell_batches import ClassifierConfig
from training.corrections import as_text, draw_corrections, refuse_other_crops


@given(
    st.lists(st.sampled_from("abc"), min_size=1, max_size=80),
    st.integers(1, 50),
    st.integers(0, 5),
)
def test_at_most_half_of_a_class_is_corrected(names: list[str], number: int, draw: int) -> None:
    classes = np.array(names, dtype=str)
    chosen = draw_corrections(classes, number, draw)
    for name in np.unique(classes):
        of_class = classes == name
        assert chosen[of_class].sum() == min(number, of_class.sum() // 2)
    assert np.array_equal(chosen, draw_corrections(classes, number, draw))


def test_draws_differ() -> None:
    classes = np.array(["a"] * 50 + ["b"] * 50)
    first, second = (draw_corrections(classes, 10, draw) for draw in range(2))
    assert not np.array_equal(first, second)


def test_text_names_what_is_missing() -> None:
    point = {
        "number": 25,
        "cells_corrected": {"neutrophil": 25, "monocyte": 10},
        "balanced_accuracy": [0.9, 0.92],
        "balanced_accuracy_all": [0.9, 0.92],
        "recall": {"neutrophil": 0.95, "monocyte": 0.87},
        "calibration_error": 0.05,
        "shipped": [0.9],
    }
    curve = {"cells": {"neutrophil": 80, "monocyte": 20}, "too_few": ["basophil"]}
    text = as_text("bccd", {**curve, "points": [point]})
    assert "left out: basophil" in text
    assert "25 a class: 0.910 (0.900 to 0.920)" in text
    assert "of monocyte only 10" in text


@pytest.mark.parametrize(
    ("recorded", "said"),
    [
        ({"side": 160, "diameter": 84.0}, "side = 160, and its configuration says 128"),
        ({"side": 128, "diameter": 106.0}, r"diameter = 106.0, and its configuration says 84.0"),
        (None, "does not say what"),
    ],
)
def test_a_network_of_other_crops_is_not_measured(
    tmp_path: Path, recorded: dict[str, float] | None, said: str
) -> None:
    config = ClassifierConfig(name="without", side=128, diameter=84.0)
    record = tmp_path / "training.json"
    same = json.loads(json.dumps(dataclasses.asdict(config)))
    record.write_text(json.dumps({"config": same}))
    refuse_other_crops(config, record)
    record.write_text(json.dumps({"config": {**same, **recorded}} if recorded else {}))
    with pytest.raises(ParameterError, match=said):
        refuse_other_crops(config, record)
