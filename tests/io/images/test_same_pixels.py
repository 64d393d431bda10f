"""However a photograph was saved, its pixels are those that were seen."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from napari_leukocyte.io.images.key import image_key
from napari_leukocyte.io.images.normalise import normalise_image
from napari_leukocyte.io.images.reading import find_images, read_image
from tests.io.images.drawn import CONTAINERS, save, scene


@st.composite
def files(draw: DrawFn) -> tuple[str, str, int, int]:
    name = draw(st.sampled_from(sorted(CONTAINERS)))
    container = CONTAINERS[name]
    mode = draw(st.sampled_from(container.modes))
    # Cameras have no 12-bit inks.
    depths = [d for d in container.depths if not (mode == "cmyk" and d == 12)]
    orientation = draw(st.integers(1, 8)) if container.turns else 1
    return name, mode, draw(st.sampled_from(depths)), orientation


@settings(max_examples=150, deadline=None)
@given(files(), st.tuples(st.integers(32, 70), st.integers(32, 70)))
def test_any_orientation_mode_depth_and_container_gives_the_scene(
    file: tuple[str, str, int, int], size: tuple[int, int]
) -> None:
    name, mode, depth, orientation = file
    rgb = scene(*size)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{CONTAINERS[name].suffix}"
        path.write_bytes(save(name, rgb, mode, depth, orientation))
        assert find_images([Path(folder)]) == [path]
        seen = normalise_image(read_image(path)).rgb
    grey = mode in ("grey", "white")
    wanted = np.repeat(rgb[..., 1:2], 3, axis=2) if grey else rgb
    assert seen.shape == wanted.shape
    difference = np.abs(seen.astype(int) - wanted)
    assert difference.max() <= CONTAINERS[name].tolerance


@pytest.mark.parametrize("name", ["png", "webp", "tiff", "lzw tiff"])
def test_files_without_loss_share_one_key(tmp_path: Path, name: str) -> None:
    rgb, keys = scene(), set()
    for orientation in range(1, 9):
        path = tmp_path / f"{orientation}{CONTAINERS[name].suffix}"
        path.write_bytes(save(name, rgb, "rgb", 8, orientation))
        keys.add(image_key(normalise_image(read_image(path)).rgb))
    assert keys == {image_key(rgb)}
