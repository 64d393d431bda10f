"""Drawn failures: every case has a truth, and what the models make of it is written below it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.training.sheets import lines_of_tiles
from training import failures, mosaic
from training.failures import COLUMNS, TILE, cases, draw_failures


def test_every_case_is_the_same_smear_spoilt_and_keeps_its_truth() -> None:
    drawn = list(cases())
    assert len({case.title for case in drawn}) == len(drawn)
    plain = drawn[0]
    assert sorted(plain.classes.values()) == ["lymphocyte", "monocyte", "neutrophil"]
    for case in drawn:
        assert case.image.dtype == np.uint8
        assert case.image.shape == (*case.labels.shape, 3)
        assert set(np.unique(case.labels)) - {0} == set(case.classes)
    assert all(np.any(case.image != plain.image) for case in drawn[1:])
    # What is no leukocyte any more must not count as one.
    assert {case.title for case in drawn if not case.classes} == {"bare nuclei", "smudge cells"}


def test_the_sheet_says_what_was_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = lines_of_tiles(failures, monkeypatch)
    drawn = list(cases())
    chosen = [drawn[0], drawn[-2]]
    monkeypatch.setattr(failures, "cases", lambda: chosen)
    sheet = cv2.imread(str(draw_failures(tmp_path / "new" / "failures.png")))
    assert sheet is not None
    assert sheet.shape[1] == COLUMNS * TILE
    assert lines[0][0] == "as drawn"
    assert lines[0][1].startswith("found 3 of 3, IoU 0.9")
    assert lines[1][1] == "3 found that are none"
    assert all(line.startswith("none said ") for line in lines[1][2:])


def test_outlines_are_drawn_on_a_copy() -> None:
    picture = np.zeros((20, 30, 3), np.uint8)
    truth, found = np.zeros((2, 20, 30), bool)
    truth[5:15, 5:15] = found[5:15, 16:26] = True
    drawn = mosaic.outlined(picture, truth, found)
    assert not picture.any()
    assert tuple(drawn[5, 5]) == mosaic.TRUTH
    assert tuple(drawn[5, 16]) == mosaic.FOUND
    assert not drawn[10, 10].any()
