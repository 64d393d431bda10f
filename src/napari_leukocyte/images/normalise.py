"""Bring whatever a user opens to one form: 8-bit RGB, rows first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_leukocyte.errors import ImageError

#: Sides below this hold no leukocyte at any magnification.
SMALLEST_SIDE_PX = 16
#: Percentiles that a float image outside 0..1 is stretched between.
STRETCH_PERCENTILES = (0.1, 99.9)


@dataclass(frozen=True, eq=False)
class NormalisedImage:
    """An image as every step of the analysis takes it.

    Attributes
    ----------
    rgb : ndarray
        (H, W, 3) uint8.
    notes : tuple of str
        What was changed on the way, a sentence each; empty for 8-bit RGB.
    """

    rgb: NDArray[np.uint8]
    notes: tuple[str, ...]


def normalise_image(image: ArrayLike) -> NormalisedImage:
    """Bring an image to (H, W, 3) uint8 RGB.

    Parameters
    ----------
    image : array_like
        (H, W, 3) RGB, (H, W, 4) RGBA (alpha is dropped), (H, W) grey (repeated for every
        channel), or channel-first (3 or 4, H, W). 8-bit values are kept. 16-bit values are
        divided by 257 (65535 becomes 255), or by 4095 / 255 or 1023 / 255 if none
        exceeds 4095 or 1023 (12 and 10-bit cameras). Floats from 0 to 1 are multiplied by
        255; other floats are stretched between their 0.1 and 99.9 percentiles.

    Returns
    -------
    NormalisedImage
        The image and what was done to it.

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
    array = _to_eight_bits(array, notes)
    if array.ndim == 2:
        array = np.repeat(array[..., np.newaxis], 3, axis=2)
        notes.append(
            "The image is grey: cells may be found, but classes rest on colour and are unreliable."
        )
    elif array.shape[2] == 4:
        array = array[..., :3]
        notes.append("The alpha channel was dropped.")
    return NormalisedImage(np.ascontiguousarray(array, dtype=np.uint8), tuple(notes))


def _to_channels_last(array: NDArray[Any], notes: list[str]) -> NDArray[Any]:
    if array.size == 0:
        raise ImageError("The image is empty: it has no pixels.")
    if array.dtype == bool or not np.issubdtype(array.dtype, np.number):
        raise ImageError(f"The image holds {array.dtype} values, not intensities.")
    if np.issubdtype(array.dtype, np.complexfloating):
        raise ImageError("The image holds complex numbers, not intensities.")
    shape = array.shape
    if array.ndim == 3 and shape[2] not in (1, 3, 4) and shape[0] in (1, 3, 4):
        array = np.moveaxis(array, 0, 2)
        notes.append("The image was channel-first and has been turned.")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise ImageError(
            f"The image has shape {shape}: choose one plane of the stack, so that it is "
            "(height, width) or (height, width, 3)."
        )
    if min(array.shape[:2]) < SMALLEST_SIDE_PX:
        raise ImageError(
            f"The image is {array.shape[0]} x {array.shape[1]} px: at least "
            f"{SMALLEST_SIDE_PX} x {SMALLEST_SIDE_PX} are needed."
        )
    return array


def _to_eight_bits(array: NDArray[Any], notes: list[str]) -> NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return array
    if np.issubdtype(array.dtype, np.integer):
        low, high = int(array.min()), int(array.max())
        if low < 0:
            raise ImageError(f"The image has negative intensities (down to {low}).")
        if high <= 255:
            return array.astype(np.uint8)
        full = next((f for f in (1023, 4095, 65535) if high <= f), high)
        notes.append(f"Intensities from 0 to {full} were scaled to 8 bits.")
        scaled = array.astype(np.float32) * (255.0 / full)
        return np.round(scaled).astype(np.uint8)
    if not np.isfinite(array).all():
        raise ImageError("The image holds NaN or infinite values: fill them before segmenting.")
    low, high = float(array.min()), float(array.max())
    if low >= 0 and high <= 1:
        return np.round(array.astype(np.float32) * 255).astype(np.uint8)
    if low >= 0 and 1 < high <= 255 and np.array_equal(array, np.round(array)):
        return array.astype(np.uint8)
    low, high = (float(v) for v in np.percentile(array, STRETCH_PERCENTILES))
    notes.append(f"Intensities from {low:.4g} to {high:.4g} were stretched to 8 bits.")
    scaled = (array.astype(np.float32) - low) * (255.0 / max(high - low, 1e-12))
    return np.round(np.clip(scaled, 0, 255)).astype(np.uint8)
