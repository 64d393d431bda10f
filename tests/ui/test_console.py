"""The public functions in napari's console: results become layers."""

from __future__ import annotations

import re
from pathlib import Path

import napari

import napari_leukocyte as nl

PAGE = Path(__file__).parents[2] / "docs" / "start" / "first-count-in-python.md"


def test_the_lines_for_the_console_make_a_layer(viewer: napari.Viewer) -> None:
    smear = nl.synthetic_smear((300, 300), n_per_class=1, diameter=60, touching_pairs=0)
    viewer.add_image(smear.image, name="field")
    code = re.findall(r"^```py\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    exec(code[0], {"viewer": viewer})  # noqa: S102 - our own page
    labels = viewer.layers[-1]
    assert isinstance(labels, napari.layers.Labels)
    assert sorted(labels.features["index"]) == [1, 2, 3, 4, 5]
    assert "class" in labels.features
