from __future__ import annotations

import tracemalloc
from typing import Any

import dask.array as da
import numpy as np
import pytest
from numpy.typing import NDArray

from napari_leukocyte.errors import ImageError
from napari_leukocyte.io.images.normalise import normalise_image

RNG = np.random.default_rng(5)
RGB = RNG.integers(0, 256, (40, 50, 3), np.uint8)
GREY = RNG.integers(0, 256, (40, 50), np.uint8)
#: 12 bits, with darkest and brightest value.
TWELVE = RNG.integers(0, 4096, (40, 50, 3), np.uint16)
TWELVE[0, 0], TWELVE[0, 1] = 0, 4095
GREY_AS_RGB = np.repeat(GREY[..., np.newaxis], 3, axis=2)


def with_alpha(rgb: NDArray[Any], alpha: float) -> NDArray[Any]:
    return np.concatenate([rgb, np.full_like(rgb[..., :1], alpha)], axis=2)


GOOD: dict[str, tuple[Any, NDArray[Any], tuple[str, ...]]] = {
    "RGB": (RGB, RGB, ()),
    "nested lists": (RGB.tolist(), RGB, ()),
    "dask": (da.from_array(RGB, chunks=20), RGB, ()),
    "Fortran order": (np.asfortranarray(RGB), RGB, ()),
    "mirrored view": (RGB[:, ::-1][:, ::-1], RGB, ()),
    "RGBA": (with_alpha(RGB, 0), RGB, ("alpha",)),
    "grey": (GREY, GREY_AS_RGB, ("grey",)),
    "grey saved as RGB": (GREY_AS_RGB, GREY_AS_RGB, ("grey",)),
    "grey with an axis": (GREY[..., np.newaxis], GREY_AS_RGB, ("grey",)),
    "grey with an axis before": (GREY[np.newaxis], GREY_AS_RGB, ("grey",)),
    "channel-first": (np.moveaxis(RGB, 2, 0), RGB, ("channel-first",)),
    "channel-first RGBA": (
        np.moveaxis(with_alpha(RGB, 7), 2, 0),
        RGB,
        ("channel-first", "alpha"),
    ),
    "stack of one": (RGB[np.newaxis, np.newaxis], RGB, ()),
    "8 bits in 64": (RGB.astype(np.int64), RGB, ()),
    "16-bit": (RGB.astype(np.uint16) * 257, RGB, ("65535",)),
    "16-bit, big-endian": (RGB.astype(">u2") * 257, RGB, ("65535",)),
    "16-bit, signed": (RGB.astype(np.int16) * 100 + 1, (RGB * (100 * 255 / 65535)), ("65535",)),
    "12-bit": (TWELVE, TWELVE * (255 / 4095), ("4095",)),
    "12-bit with full alpha": (with_alpha(TWELVE, 65535), TWELVE * (255 / 4095), ("alpha", "4095")),
    "10-bit": (TWELVE // 4, (TWELVE // 4) * (255 / 1023), ("1023",)),
    "32-bit": (RGB.astype(np.uint32) * 10**7, RGB, ("2550000000",)),
    "float 0 to 1": ((RGB / 255).astype(np.float32), RGB, ()),
    "float16 0 to 1": ((RGB / 255).astype(np.float16), RGB, ()),
    "float RGBA": (with_alpha(RGB / 255, np.nan), RGB, ("alpha",)),
    "float 0 to 255": (RGB.astype(np.float64), RGB, ()),
    "black": (np.zeros((20, 20, 3)), np.zeros((20, 20, 3)), ()),
    "one colour beyond 1": (np.full((20, 20, 3), 300.5), np.zeros((20, 20, 3)), ("300.5",)),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_can_be_used_becomes_rgb_and_is_said(name: str) -> None:
    image, expected, words = GOOD[name]
    result = normalise_image(image)
    assert result.rgb.dtype == np.uint8
    assert result.rgb.flags.c_contiguous
    np.testing.assert_allclose(result.rgb, expected, atol=0.51)
    assert len(result.notes) == len(words)
    for note, word in zip(result.notes, words, strict=True):
        assert word in note
        assert note.endswith(".")


@pytest.mark.parametrize(
    ("gain", "offset"), [(1000.0, -300.0), (1e15, 0.0), (1e-7, 5.0), (2.5, 0.3)]
)
def test_other_floats_are_stretched_between_their_percentiles(gain: float, offset: float) -> None:
    ramp = np.linspace(0, 1, 10_000).reshape(100, 100)
    outlier = np.where(ramp == ramp.max(), 1.5, ramp)
    result = normalise_image(outlier * gain + offset)
    np.testing.assert_allclose(result.rgb[..., 0], ramp * 255, atol=1.5)
    assert "stretched" in result.notes[0]


BAD: dict[str, tuple[Any, str]] = {
    "nothing": (np.zeros((0, 10, 3), np.uint8), "empty"),
    "empty list": ([], "empty"),
    "number": (5, "shape is ()"),
    "None": (None, "object"),
    "row": (np.zeros(100), "shape is (100,)"),
    "ragged": ([[1, 2], [3]], "different lengths"),
    "1 pixel": (np.zeros((1, 1, 3), np.uint8), "1 x 1 px"),
    "1 grey pixel": (np.zeros((1, 1), np.uint8), "1 x 1 px"),
    "narrow": (np.zeros((15, 500, 3), np.uint8), "15 x 500 px"),
    "bool": (np.zeros((40, 50), bool), "bool"),
    "object": (np.full((40, 50), None), "object"),
    "text": (np.full((40, 50), "a"), "<U1"),
    "path": ("field.png", "<U9"),
    "dates": (np.zeros((40, 50), "datetime64[s]"), "datetime64"),
    "records": (np.zeros((40, 50), [("r", "u1")]), "[('r', 'u1')]"),
    "complex": (np.zeros((40, 50), complex), "complex"),
    "negative": (np.full((40, 50), -1), "negative"),
    "NaN": (np.where(RGB > 250, np.nan, RGB / 255), "NaN"),
    "infinite": (np.where(RGB > 250, np.inf, RGB / 255), "infinite"),
    "minus infinite": (np.where(RGB > 250, -np.inf, RGB / 255), "infinite"),
    "no-data marks": (np.where(RGB > 250, 3.4e38, RGB / 1.0), "not intensities"),
    "huge": (np.where(RGB > 250, 1e308, -1e308), "not intensities"),
    "stack": (np.zeros((9, 40, 50), np.uint8), "axis 0"),
    "stack, last": (np.zeros((40, 50, 9), np.uint8), "axis 2"),
    "two channels": (np.zeros((40, 50, 2), np.uint8), "axis 2"),
    "RGB stack": (np.zeros((9, 40, 50, 3), np.uint8), "axis 0"),
    "time and depth": (np.zeros((2, 9, 40, 50), np.uint8), "axes 0 to 1"),
    "five axes": (np.zeros((2, 2, 9, 40, 50), np.uint8), "axes 0 to 2"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_can_not_be_used_gets_one_sentence(name: str) -> None:
    image, words = BAD[name]
    with pytest.raises(ImageError) as caught:
        normalise_image(image)
    message = str(caught.value)
    assert words in message
    assert message.endswith(".")
    assert "\n" not in message


def test_rgb_is_neither_copied_nor_changed() -> None:
    locked = RGB.copy()
    locked.flags.writeable = False
    assert np.shares_memory(normalise_image(locked).rgb, locked)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_scaling_a_large_image_needs_no_second_one_in_floats(dtype: type) -> None:
    image: NDArray[Any] = np.full((3000, 2000, 3), 1000, dtype)
    image[0] = 3000.5
    tracemalloc.start()
    normalise_image(image)
    highest = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert highest < 5 * image.size  # bytes: 1 for the result
