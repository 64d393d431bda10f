from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_leukocyte.models.card import (
    MISSING,
    as_lines,
    describe,
    figure_tables,
    headline,
    spread,
)
from napari_leukocyte.models.manifest import Kind, read_manifest
from napari_leukocyte.models.registry import list_models
from napari_leukocyte.vocabulary import DISCLAIMER

WriteModel = Callable[..., Path]

FIGURES: dict[str, Any] = {
    "held_out": {
        "bccd": {"photographs": 34, "foreground_iou": 0.92691, "foreground_iou_95": [0.919, 0.934]},
        "zheng1": {"foreground_iou": 0.957, "recall": {"neutrophil": 1.0, "monocyte": 0.5}},
    },
    "left_out": {"bccd": {"foreground_iou": 0.87, "calibration_error": 0.0625}},
}


def test_figures_stand_by_set_with_their_intervals() -> None:
    held_out, left_out = figure_tables(FIGURES)
    assert held_out.sets == ("bccd", "zheng1")
    assert dict(held_out.rows) == {
        "photographs": ("34", MISSING),
        "foreground IoU": ("0.927 [0.919, 0.934]", "0.957"),
        "recall, neutrophil": (MISSING, "1.000"),
        "recall, monocyte": (MISSING, "0.500"),
    }
    assert "left out" in left_out.title
    assert dict(left_out.rows) == {"foreground IoU": ("0.870",), "calibration error": ("0.062",)}
    assert spread(FIGURES, "held_out", "foreground_iou") == (0.92691, 0.957)


def test_older_figures_are_held_out_ones() -> None:
    older = {"accuracy_on_held-out_photographs": {"pbc": 0.99, "bccd": 0.875}}
    assert figure_tables(older) == figure_tables(
        {"held_out": {"pbc": {"accuracy": 0.99}, "bccd": {"accuracy": 0.875}}}
    )


def test_figures_of_no_set_are_shown_too() -> None:
    held_out, other = figure_tables({"held_out": {"iou": 0.9}, "seconds": 3, "a": {"b": "c"}})
    assert (held_out.sets, held_out.rows) == (("all",), (("IoU", ("0.900",)),))
    assert dict(other.rows) == {"seconds": ("3",), "a, b": ("c",)}
    assert figure_tables({}) == figure_tables({"held_out": {}, "left_out": {"bccd": {}}}) == ()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text() | st.sampled_from(["held_out", "x", "x_95"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["held_out", "left_out", "x", "\x1b[31m"]), json_values))
def test_whatever_stands_for_figures_is_shown_on_plain_lines(figures: dict[str, Any]) -> None:
    for table in figure_tables(figures):
        for name, values in table.rows:
            assert len(values) == len(table.sets)
            assert all(t.isprintable() for t in (table.title, name, *table.sets, *values))
    spread(figures, "held_out", "x")


def test_card_tells_everything(write_model: WriteModel) -> None:
    folder = write_model(
        "mine",
        figures=FIGURES,
        training_data=["bccd", "mine"],
        licence="CC0",
        outputs=["cell"],
        fails=["Smudge cells."],
        title="Evil\x1b[2J\ntitle",
    )
    manifest = read_manifest(folder)
    card = describe(manifest)
    rows = dict(card.rows)
    assert rows["Member"] == "net: weight 2, 0.1 kB, leukocytes of 64 px"
    assert rows["SHA-256"] == f"{manifest.members[0].sha256} (net.onnx)"
    assert (rows["Trained on"], rows["Licence"], rows["Gives"]) == ("bccd, mine", "CC0", "cell")
    assert rows["Folder"] == str(folder)
    assert card.title == "Evil [2J title"
    lines = as_lines(card)
    assert all(line.isprintable() for line in lines)
    assert "    bccd, foreground IoU: 0.927 [0.919, 0.934]" in lines
    assert "    Smudge cells." in lines
    assert lines[-1].strip() == DISCLAIMER
    assert headline(manifest) == "IoU 0.93–0.96, 0.87 elsewhere"
    manifest.members[0].file.unlink()
    assert "its file is missing" in dict(describe(manifest).rows)["Member"]


def test_model_without_figures_says_so(write_model: WriteModel) -> None:
    manifest = read_manifest(write_model("mine"))
    assert headline(manifest) == ""
    assert "Nothing was measured" in describe(manifest).notes[0]
    assert describe(manifest).notes[-1] == DISCLAIMER


@pytest.mark.parametrize("kind", get_args(Kind))
def test_shipped_models_have_figures(kind: Kind) -> None:
    for manifest in list_models(kind):
        assert headline(manifest)
        assert describe(manifest).tables
