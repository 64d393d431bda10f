"""Bring whatever a user opens to one form: 8-bit RGB, rows first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_leukocyte.errors import ImageError
from napari_leukocyte.language import later

#: Sides below this hold no leukocyte at any magnification.
SMALLEST_SIDE_PX = 16
#: Percentiles that a float image outside 0..1 is stretched between.
STRETCH_PERCENTILES = (0.1, 99.9)
#: Values beyond this are marks for missing pixels, not intensities.
LARGEST_VALUE = 1e18
#: Values, at least, that percentiles are taken from; a large image's are taken from a grid.
_SAMPLE_SIZE = 1_000_000
#: Rows scaled at once, so that an image of 100 megapixels needs no second one in floats.
_ROWS = 256
#: Said of images without colour.
GREY = "The image is grey: cells may be found, but classes rest on colour and are unreliable."


@dataclass(frozen=True, eq=False)
class NormalisedImage:
    """An image as every step of the analysis takes it.

    Attributes
    ----------
    rgb : ndarray
        (H, W, 3) uint8.
    notes : tuple of str
        What was changed on the way or is to be minded, a sentence each; empty for 8-bit RGB
        in colour.
    """

    rgb: NDArray[np.uint8]
    notes: tuple[str, ...]


def normalise_image(image: ArrayLike) -> NormalisedImage:
    """Bring an image to (H, W, 3) uint8 RGB.

    Parameters
    ----------
    image : array_like
        (H, W, 3) RGB, (H, W, 4) RGBA (alpha is dropped), (H, W) grey (repeated for every
        channel), or channel-first (3 or 4, H, W); more axes if they are of length 1. Values up
        to 255 are kept. 16-bit values are divided by 257 (65535 becomes 255), or by
        4095 / 255 or 1023 / 255 if none exceeds 4095 or 1023 (12 and 10-bit cameras);
        larger integers by the greatest. Floats from 0 to 1 are multiplied by 255; whole floats
        up to 255 are kept; other floats are stretched between their 0.1 and 99.9 percentiles.

    Returns
    -------
    NormalisedImage
        The image and what was done to it. 8-bit RGB is not copied.

    Raises
    ------
    ImageError
        If the array is empty, too small, a stack, not numeric or not finite.
    """
    try:
        array = np.asarray(image)
    except (ValueError, TypeError) as error:
        raise ImageError("This is not an image: its rows have different lengths.") from error
    notes: list[str] = []
    array = _to_channels_last(array, notes)
    # Before scaling: a camera's alpha is full even where its colours have 12 bits.
    if array.ndim == 3 and array.shape[2] == 4:
        array = array[..., :3]
        notes.append("The alpha channel was dropped.")
    eight_bits = _to_eight_bits(array, notes)
    if eight_bits.ndim == 2:
        eight_bits = np.repeat(eight_bits[..., np.newaxis], 3, axis=2)
        notes.append(GREY)
    elif _is_grey(eight_bits):
        notes.append(GREY)
    return NormalisedImage(np.ascontiguousarray(eight_bits), tuple(notes))


def _is_grey(rgb: NDArray[np.uint8]) -> bool:
    """Say whether an RGB image shows something, but no colour: a grey photograph saved as RGB."""
    step = max(1, min(rgb.shape[:2]) // 256)
    sample = rgb[::step, ::step]
    few = sample[::16, ::16]
    if (few != few[..., :1]).any():
        return False  # as of nearly every photograph
    first = sample[..., :1]
    return bool(first.min() < first.max() and (sample == first).all())


def _to_channels_last(array: NDArray[Any], notes: list[str]) -> NDArray[Any]:
    if array.size == 0:
        raise ImageError("The image is empty: it has no pixels.")
    if not np.issubdtype(array.dtype, np.number):
        raise ImageError("The image holds {dtype} values, not intensities.", dtype=array.dtype)
    if np.issubdtype(array.dtype, np.complexfloating):
        raise ImageError("The image holds complex numbers, not intensities.")
    shape = array.shape
    while array.ndim > 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim == 3 and array.shape[2] not in (1, 3, 4) and array.shape[0] in (1, 3, 4):
        if array.shape[0] > 1:
            notes.append("The image was channel-first and has been turned.")
        array = np.moveaxis(array, 0, 2)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim < 2:
        raise ImageError("This is not an image: its shape is {shape}.", shape=shape)
    if array.ndim > 3 or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise ImageError(
            "The image has shape {shape}, a stack along {axes}: choose one plane, so that it "
            "is (height, width) or (height, width, 3).",
            shape=shape,
            axes=_stack_axes(shape),
        )
    if min(array.shape[:2]) < SMALLEST_SIDE_PX:
        raise ImageError(
            "The image is {height} x {width} px: at least {least} x {least} are needed.",
            height=array.shape[0],
            width=array.shape[1],
            least=SMALLEST_SIDE_PX,
        )
    return array


def _stack_axes(shape: tuple[int, ...]) -> str:
    """Name the axes that are most likely not height, width or colour."""
    if len(shape) == 3:
        return later("axis {n}", n=int(np.argmin(shape)))
    planes = len(shape) - (3 if shape[-1] in (3, 4) else 2)
    return later("axis {n}", n=0) if planes == 1 else later("axes 0 to {n}", n=planes - 1)


def _to_eight_bits(array: NDArray[Any], notes: list[str]) -> NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return array
    if np.issubdtype(array.dtype, np.integer):
        lowest, highest = int(array.min()), int(array.max())
        if lowest < 0:
            raise ImageError(
                "The image has negative intensities (down to {lowest}).", lowest=lowest
            )
        if highest <= 255:
            return array.astype(np.uint8)
        full = next((f for f in (1023, 4095, 65535) if highest <= f), highest)
        notes.append(f"Intensities from 0 to {full} were scaled to 8 bits.")
        return _stretch(array, 0, full)
    # NaN and infinity come through as the least or the greatest value.
    low, high = float(array.min()), float(array.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ImageError("The image holds NaN or infinite values: fill them before segmenting.")
    if low >= 0 and high <= 1:
        return _stretch(array, 0, 1)
    if low >= 0 and high <= 255 and all((rows == np.round(rows)).all() for rows in _parts(array)):
        return array.astype(np.uint8)
    if max(-low, high) > LARGEST_VALUE:
        raise ImageError(
            "The image holds values from {low:.4g} to {high:.4g}, which are not intensities.",
            low=low,
            high=high,
        )
    step = 1 + int(np.sqrt(array.size / _SAMPLE_SIZE))
    sample = array[::step, ::step].astype(np.float64)
    low, high = np.percentile(sample, STRETCH_PERCENTILES).tolist()
    notes.append(f"Intensities from {low:.4g} to {high:.4g} were stretched to 8 bits.")
    return _stretch(array, low, high)


def _stretch(array: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Bring intensities from `low` to `high` to 0 to 255."""
    result = np.empty(array.shape, np.uint8)
    gain = 255 / (high - low) if high > low else 0.0
    for rows, scaled in zip(_parts(array), _parts(result), strict=True):
        scaled[:] = np.clip(np.round((rows.astype(np.float64) - low) * gain), 0, 255)
    return result


def _parts(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    return (array[start : start + _ROWS] for start in range(0, len(array), _ROWS))
