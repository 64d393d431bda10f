"""Drawn cells, and a network that sees them by their colour."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_leukocyte.models import runtime
from napari_leukocyte.models.manifest import Member

PALE, STAINED = (245, 235, 225), (120, 60, 140)

Discs = Callable[..., NDArray[np.float32]]
Smear = Callable[..., NDArray[np.uint8]]


@pytest.fixture(scope="session")
def discs() -> Discs:
    """Return a function that draws discs: 1 inside, 0 outside, a slope 2 px wide between."""

    def draw(
        shape: tuple[int, int], centres: Sequence[tuple[float, float]], radius: float
    ) -> NDArray[np.float32]:
        y, x = np.mgrid[: shape[0], : shape[1]]
        result = np.zeros(shape)
        for cy, cx in centres:
            result = np.maximum(result, (radius - np.hypot(y - cy, x - cx)) / 2 + 0.5)
        return result.clip(0, 1).astype(np.float32)

    return draw


@pytest.fixture
def smear(discs: Discs) -> Smear:
    """Return a function that draws stained discs on a pale background."""

    def draw(
        shape: tuple[int, int], centres: Sequence[tuple[float, float]], radius: float
    ) -> NDArray[np.uint8]:
        cell = discs(shape, centres, radius)[..., np.newaxis]
        return np.asarray(np.round(cell * STAINED + (1 - cell) * np.array(PALE)), np.uint8)

    return draw


@pytest.fixture
def stain_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, list[tuple[int, ...]]]:
    """Return the folder of a model whose two members see stain, and the sizes they were shown.

    The second sees half as much as the first.
    """
    shown: list[tuple[int, ...]] = []
    members = [
        {
            "name": f"m{i}",
            "file": f"m{i}.onnx",
            "sha256": f"{i}" * 64,
            "weight": w,
            "diameter_px": d,
        }
        for i, (w, d) in enumerate(((3.0, 64.0), (1.0, 48.0)))
    ]
    manifest = {
        "schema": 1,
        "kind": "segmentation",
        "name": "stain",
        "title": "",
        "members": members,
    }
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")

    def run(
        member: Member, batch: NDArray[np.float32], *shapes: tuple[int, ...]
    ) -> list[NDArray[np.float32]]:
        stain = np.clip((PALE[1] - batch[..., 1]) / (PALE[1] - STAINED[1]), 0, 1)
        if member.name == "finder":
            # It answers for every fourth pixel: cell, centre, and the logarithm of the size.
            seen = (stain[:, ::4, ::4] > 0.5).astype(np.float32)
            return [np.stack([seen, seen, np.full_like(seen, 5)], axis=-1)]
        shown.append(batch.shape)
        maps = np.stack([stain, stain**2], axis=-1)
        assert maps.shape in shapes
        return [maps.astype(np.float32) * np.float32(1 if member.name == "m0" else 0.5)]

    monkeypatch.setattr(runtime, "run", run)
    return str(tmp_path), shown
