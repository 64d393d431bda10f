"""Drawn fields of other laboratories: each with its truth, run by two checkouts, side by side."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from napari_leukocyte.errors import ParameterError
from tests.training.sheets import lines_of_tiles
from training import drawn_fields
from training.drawn_fields import COLUMNS, ROOT, TILE, draw_fields, fields


def test_every_field_has_its_truth_and_one_has_no_leukocyte() -> None:
    drawn = list(fields())
    assert len({field.title for field in drawn}) == len(drawn)
    for field in drawn:
        assert field.image.dtype == np.uint8
        assert field.image.shape == (*field.labels.shape, 3)
        assert set(np.unique(field.labels)) - {0} <= set(field.classes)
    assert [field.title for field in drawn if not field.labels.any()] == ["like Chula RBC-12"]


def test_both_checkouts_are_run_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = lines_of_tiles(drawn_fields, monkeypatch)
    patch = [field for field in fields() if field.title == "like Choi"]
    monkeypatch.setattr(drawn_fields, "fields", lambda: patch)
    sheet = cv2.imread(str(draw_fields(ROOT, tmp_path / "new" / "fields.png")))
    assert sheet is not None
    assert sheet.shape[1] == COLUMNS * TILE
    assert [line[0] for line in lines] == ["like Choi: before", "like Choi: after"]
    for line in lines:
        assert line[1].startswith("found 1 of 1, IoU 0.9")
        assert line[2] == "0 found that are none"


def test_what_is_no_checkout_is_said(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="is no checkout of this project"):
        draw_fields(tmp_path)
