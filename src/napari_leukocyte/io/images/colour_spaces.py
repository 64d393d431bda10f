"""Printing inks and CIE L*a*b* to 8-bit RGB."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Rows converted at once, so that a large photograph needs no second one in floats.
_ROWS = 256
#: CIE XYZ under D50, by which printers and profiles mean L*a*b*, of its white.
_D50 = np.array([0.9642, 1.0, 0.8249])
#: Linear sRGB of CIE XYZ under D50, with the white adapted after Bradford.
_RGB_OF_XYZ = np.array(
    [
        [3.1338561, -1.6168667, -0.4906146],
        [-0.9787684, 1.9161415, 0.0334540],
        [0.0719453, -0.2289914, 1.4052427],
    ]
)


def to_byte(values: NDArray[Any], full: int) -> NDArray[np.uint8]:
    """Bring whole numbers from 0 to `full` to 0 to 255."""
    if full == 255 and values.dtype == np.uint8:
        return values
    result = np.empty(values.shape, np.uint8)
    for rows, scaled in _together(values, result):
        scaled[:] = np.clip(np.round(rows.astype(np.float64) * (255 / full)), 0, 255)
    return result


def rgb_of_cmyk(inks: NDArray[np.uint8], profile: bytes | None = None) -> NDArray[np.uint8]:
    """Convert cyan, magenta, yellow and black.

    Parameters
    ----------
    inks : ndarray
        (H, W, 4) uint8, 0 where there is no ink.
    profile : bytes, optional
        ICC profile of the inks; used if it is one. Without it, each ink takes its part of the
        light away.

    Returns
    -------
    ndarray
        (H, W, 3) uint8 sRGB.
    """
    converted = None if profile is None else _by_profile(inks, profile)
    if converted is not None:
        return converted
    result = np.empty((*inks.shape[:2], 3), np.uint8)
    for rows, rgb in _together(inks, result):
        light = 255 - rows.astype(np.uint32)
        rgb[:] = (light[..., :3] * light[..., 3:] + 127) // 255
    return result


def _by_profile(inks: NDArray[np.uint8], profile: bytes) -> NDArray[np.uint8] | None:
    from io import BytesIO

    from PIL import Image, ImageCms

    try:
        given = ImageCms.ImageCmsProfile(BytesIO(profile))
        if given.profile.xcolor_space.strip() != "CMYK":
            return None
        printed = Image.fromarray(np.ascontiguousarray(inks), "CMYK")
        screen = ImageCms.createProfile("sRGB")
        shown = ImageCms.profileToProfile(printed, given, screen, outputMode="RGB")
    except (OSError, ValueError, TypeError, ImageCms.PyCMSError):
        return None
    return None if shown is None else np.array(shown, np.uint8)


def rgb_of_lab(lightness: NDArray[Any], a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.uint8]:
    """Convert CIE L*a*b* under D50.

    Parameters
    ----------
    lightness : ndarray
        (H, W): L*, 0 to 100.
    a, b : ndarray
        (H, W): a* and b*, about -128 to 127.

    Returns
    -------
    ndarray
        (H, W, 3) uint8 sRGB; colours beyond it are clipped.
    """
    y = (lightness + 16) / 116
    f = np.stack([y + a / 500, y, y - b / 200], axis=-1)
    delta = 6 / 29
    xyz = np.where(f > delta, f**3, 3 * delta**2 * (f - 4 / 29)) * _D50
    linear = np.clip(xyz @ _RGB_OF_XYZ.T, 0, 1)
    shown = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(np.round(shown * 255), np.uint8)


def by_rows(
    pixels: NDArray[Any], convert: Callable[[NDArray[Any]], NDArray[np.uint8]]
) -> NDArray[np.uint8]:
    """Convert (H, W, channels) to (H, W, 3) uint8, some rows at a time."""
    result = np.empty((*pixels.shape[:2], 3), np.uint8)
    for rows, rgb in _together(pixels, result):
        rgb[:] = convert(rows)
    return result


def _together(
    first: NDArray[Any], second: NDArray[Any]
) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    for start in range(0, len(first), _ROWS):
        yield first[start : start + _ROWS], second[start : start + _ROWS]
