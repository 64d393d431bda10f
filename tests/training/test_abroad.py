"""The measurement abroad: matching, pasting, figures and their intervals."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from training import abroad
from training.abroad import Outcome, match_boxes, summary
from training.abroad_fields import Field, Lazy, boxes_of, paste, sampled
from training.pages.abroad import part as abroad_page

ONE = Outcome("a", 1.0, 1, 0, 0, 0.9, ("neutrophil",), ("neutrophil",), 1.0)


def test_boxes_are_matched_one_to_one_by_falling_overlap() -> None:
    truth = np.array([[0, 0, 10, 10], [0, 20, 10, 30]], float)
    found = np.array([[0, 1, 10, 11], [0, 0, 10, 10], [50, 50, 60, 60]], float)
    assert match_boxes(truth, found) == {0: 1}
    assert match_boxes(truth, np.zeros((0, 4))) == {}
    assert match_boxes(truth, truth[::-1]) == {0: 1, 1: 0}


def test_figures_are_what_was_counted() -> None:
    outcomes = [
        ONE,
        replace(ONE, group="b", found=0, missed=1, invented=2, ratio=2.0, iou=0.1, said=("",)),
    ]
    figures = summary(outcomes)
    assert figures["object_f1"] == pytest.approx(2 / (2 + 3))
    assert figures["invented_a_field"] == 1
    assert figures["foreground_iou"] == pytest.approx(0.5)
    assert figures["size_error"] == pytest.approx(0.5)
    assert figures["size_right"] == 0.5
    assert figures["recalls"] == {"neutrophil": {"cells": 2, "recall": 0.5}}
    assert "balanced_accuracy" not in figures  # one class of the five
    low, high = figures["object_f1_95"]
    assert low == 0
    assert high == 1


def test_a_group_is_drawn_whole() -> None:
    together = [replace(ONE, group="a", invented=i % 2) for i in range(8)]
    low, high = summary(together)["invented_a_field_95"]
    assert low == high == 0.5


def test_fields_without_leukocytes_have_no_f1_but_inventions() -> None:
    empty = Outcome("a", None, 0, 3, 0, None, (), (), 1.0)
    figures = summary([empty, replace(empty, group="b", invented=0)])
    assert figures["invented_a_field"] == 1.5
    assert "object_f1" not in figures
    assert "foreground_iou" not in figures
    assert "size_error" not in figures


def test_a_pasted_cell_takes_the_fields_light_and_touches_no_other() -> None:
    rng = np.random.default_rng(0)
    rgb = np.full((200, 300, 3), (200, 180, 220), np.uint8)
    labels = np.zeros((200, 300), np.int32)
    cell = np.full((40, 40, 3), 100, np.uint8)
    y, x = np.mgrid[:40, :40]
    mask = ((y - 20) ** 2 + (x - 20) ** 2 < 17**2).astype(np.uint8)
    placed = [
        paste(rgb, labels, cell, mask, np.array([200.0, 200, 200]), 1.5, rng) for _ in range(3)
    ]
    assert placed == [True] * 3
    boxes, areas = boxes_of(labels)
    assert len(boxes) == 3
    assert areas == pytest.approx(np.pi * (17 * 1.5) ** 2, rel=0.05)
    assert rgb[labels == 1].mean(axis=0) == pytest.approx([100, 90, 110], abs=5)
    assert not paste(rgb, labels, cell, mask, np.full(3, 200.0), 9.0, rng)


def test_a_sample_is_spread_and_takes_of_every_source() -> None:
    def lazy(source: str, number: int) -> Lazy:
        return Lazy(source, "fields", f"{number}", lambda: pytest.fail("was read"))

    fields = [lazy("a", i) for i in range(10)] + [lazy("b", i) for i in range(2)]
    assert [f.name for f in sampled(fields, 3)] == ["0", "4", "9", "0", "1"]
    assert list(sampled(fields, None)) == fields


def test_a_measurement_goes_on_and_asks_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def measure(field: Field, *_: str) -> Outcome:
        asked.append(field.name)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return ONE

    def lazy(number: int) -> Lazy:
        field = Field(
            "a",
            "fields",
            f"{number}",
            "g",
            np.zeros((4, 4, 3), np.uint8),
            None,
            np.zeros((0, 4)),
            (),
            None,
        )
        return Lazy("a", "fields", f"{number}", lambda: field)

    monkeypatch.setattr(abroad, "KEPT", tmp_path)
    monkeypatch.setattr(abroad, "measure", measure)
    monkeypatch.setattr(abroad, "fields_abroad", lambda root: [lazy(i) for i in range(3)])
    with pytest.raises(KeyboardInterrupt):
        abroad.evaluate_abroad(tmp_path, report=lambda text: None)
    result = abroad.evaluate_abroad(tmp_path, report=lambda text: None)
    assert asked == ["0", "1", "1", "2"]
    assert result["sources"]["a, fields"]["fields"] == 3
    (folder,) = tmp_path.iterdir()
    assert json.loads((folder / "a-fields-0.json").read_text()) == json.loads(
        json.dumps(asdict(ONE))
    )


def test_the_page_has_a_row_a_source_and_leaves_out_what_is_not_known() -> None:
    figures = summary([ONE, replace(ONE, group="b")])
    empty = summary([Outcome("a", None, 0, 1, 0, None, (), (), 1.0)])
    sources = {"bccd, fields": figures, "chula_rbc, fields": empty}
    page = abroad_page({"limit": None, "sources": sources}, {"sources": sources})
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    assert len(rows) == 6
    assert "1.000 [1.000, 1.000]" in rows[1]
    assert "|  |  |  | 1.00 [1.00, 1.00] |  |  |" in rows[2]
    assert "neutrophil 1.00 (2)" in page
