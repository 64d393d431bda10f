"""Slides of drawn cells, and networks that see them by their stain."""

from __future__ import annotations

import json
from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from napari_leukocyte.models import runtime
from napari_leukocyte.models.manifest import Member

PALE, STAINED = (245, 235, 225), (120, 60, 140)


def drawn(shape: tuple[int, int], cells: Sequence[tuple[float, float, float]]) -> NDArray[np.uint8]:
    """Draw stained discs (y, x, radius), with a darker middle, on a pale background."""
    image = np.full((*shape, 3), PALE, np.uint8)
    for factor, tone in ((1.0, STAINED), (0.6, tuple(v // 2 for v in STAINED))):
        for y, x, radius in cells:
            centre = (round(x * 16), round(y * 16))
            cv2.circle(image, centre, round(factor * radius * 16), tone, -1, cv2.LINE_AA, 4)
    return image


@pytest.fixture(scope="session")
def stain_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the folder of a model whose two members see at different scales."""
    folder = tmp_path_factory.mktemp("stain")
    members = [
        {
            "name": f"m{i}",
            "file": f"m{i}.onnx",
            "sha256": f"{i}" * 64,
            "weight": w,
            "diameter_px": d,
        }
        for i, (w, d) in enumerate(((3.0, 32.0), (1.0, 24.0)))
    ]
    manifest = {"schema": 1, "kind": "segmentation", "name": "stain", "title": ""}
    text = json.dumps(manifest | {"members": members})
    (folder / "manifest.json").write_text(text, encoding="utf-8")
    return str(folder)


@pytest.fixture
def stain_networks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Put rules in the networks' place; return the names of those that were asked."""
    asked: list[str] = []

    def run(
        member: Member, batch: NDArray[np.float32], *shapes: tuple[int, ...]
    ) -> list[NDArray[np.float32]]:
        asked.append(member.name)
        # It sees a surrounding, as a network does, and where in the tile it is.
        soft = cv2.blur(batch[0], (5, 5), borderType=cv2.BORDER_REFLECT_101)[np.newaxis]
        stain = np.clip((PALE[1] - soft[..., 1]) / (PALE[1] - STAINED[1]), 0, 1)
        # Nowhere 0, as no sigmoid is.
        if member.name == "finder":
            small = np.ascontiguousarray(stain[0, 1::4, 1::4])
            return [np.stack([small, small, np.full_like(small, 4)], axis=-1)[np.newaxis]]
        nucleus = np.clip((STAINED[1] - soft[..., 1]) / (STAINED[1] / 2), 1e-4, 1)
        return [np.stack([stain, nucleus], axis=-1).astype(np.float32)]

    monkeypatch.setattr(runtime, "run", run)
    return asked


@pytest.fixture
def all_convincing() -> None:
    """Let scores be what they are: they have to be the same in blocks."""
