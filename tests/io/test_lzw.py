from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_leukocyte.errors import ImageError
from napari_leukocyte.io.images.reading import read_image
from napari_leukocyte.io.lzw import require_whole, require_whole_pages
from tests.io.images.drawn import scene


def packed(codes: list[int], width: int = 9) -> bytes:
    bits = "".join(f"{code:0{width}b}" for code in codes)
    return int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")


@given(
    values=st.integers(1, 256), size=st.integers(1, 60_000), order=st.randoms(use_true_random=False)
)
@settings(max_examples=25, deadline=None)
def test_whole_data_pass(values: int, size: int, order: np.random.Generator) -> None:
    seed = order.randint(0, 1000)  # type: ignore[attr-defined]
    data = np.random.default_rng(seed).integers(0, values, size).astype(np.uint8)
    require_whole(bytes(imagecodecs.lzw_encode(data.tobytes())))


@pytest.mark.parametrize(
    "codes",
    [
        [256, 300, 65, 66, 257],  # nothing is in the table yet
        [256, 65, 66, 256, 258, 258, 258, 257],  # nor in the next
        [256, 65, 260, 257],
        [65, 66, 257],
        [256, 65] + [66, 67] * 2_500,  # no new table
    ],
    ids=["first", "next", "beyond", "begin", "endless"],
)
def test_codes_that_are_in_no_table_are_refused(codes: list[int]) -> None:
    with pytest.raises(ValueError, match=r"^$"):
        require_whole(packed(codes))


def test_what_ends_early_or_is_cleared_twice_passes() -> None:
    for codes in ([256], [256, 256, 65, 257], [256, 257], [256, 65, 258, 257, 511]):
        require_whole(packed(codes))


@pytest.mark.parametrize("order", [1, 2])
def test_a_damaged_tiff_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: int
) -> None:
    path = tmp_path / "a.tif"
    rgb = scene()
    tifffile.imwrite(path, rgb, photometric="rgb", compression="lzw", metadata=None)
    data = bytearray(path.read_bytes())
    if order == 2:  # the bits of each byte the other way round, for the tag of the resolution
        unit = data.index(b"\x28\x01\x03\x00\x01\x00\x00\x00")
        data[unit : unit + 10] = b"\x0a\x01\x03\x00\x01\x00\x00\x00\x02\x00"
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        (start,), (length,) = page.dataoffsets, page.databytecounts
    if order == 2:
        data[start : start + length] = imagecodecs.bitorder_decode(data[start : start + length])
        path.write_bytes(data)
    np.testing.assert_array_equal(read_image(path), rgb)
    bad = packed([256, 300, 65, 66])
    data[start : start + len(bad)] = bad if order == 1 else imagecodecs.bitorder_decode(bad)
    path.write_bytes(data)
    # It ends the process, or gives pixels of other memory.
    monkeypatch.setattr(imagecodecs, "lzw_decode", lambda *_, **__: pytest.fail("it was unpacked"))
    with pytest.raises(ImageError, match="damaged"):
        read_image(path)


def test_a_damaged_label_image_is_not_unpacked(tmp_path: Path) -> None:
    labels = np.zeros((40, 50), np.uint16)
    labels[5:20, 5:20] = 1
    path = tmp_path / "labels.tif"
    tifffile.imwrite(path, labels, compression="lzw")
    with tifffile.TiffFile(path) as file:
        require_whole_pages(file)
        start = file.pages.first.dataoffsets[0]
    data = bytearray(path.read_bytes())
    data[start : start + 4] = packed([256, 300, 65])[:4]
    path.write_bytes(data)
    with tifffile.TiffFile(path) as file, pytest.raises(ValueError, match=r"^$"):
        require_whole_pages(file)
