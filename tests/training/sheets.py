"""Lines below the tiles of a sheet of drawn fields, for its tests."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from training import mosaic


def lines_of_tiles(drawing: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Have the lines below each tile that a module draws noted, and return where."""
    lines: list[tuple[str, ...]] = []
    tile = mosaic.tile

    def noted(rgb: NDArray[np.uint8], side: int, *text: str) -> NDArray[np.uint8]:
        lines.append(text)
        return tile(rgb, side, *text)

    monkeypatch.setattr(drawing, "tile", noted)
    return lines
