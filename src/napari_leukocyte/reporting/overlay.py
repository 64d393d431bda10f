"""The photograph with the objects drawn on it."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.classification.regions import Region, iterate_regions
from napari_leukocyte.reporting.drawing import (
    INK,
    PAPER,
    UNCLASSIFIED,
    Color,
    class_colors,
    draw_text,
    text_width,
    to_rgb,
)
from napari_leukocyte.vocabulary import DISCLAIMER, LEUKOCYTE_NAMES, abbreviate

#: Height of the letters as a part of the picture's smaller side, and its limits, px.
_LETTER, _LETTER_RANGE = 1 / 60, (8, 60)
#: Narrower pictures get a wider strip, so that the legend can be read.
_NARROWEST = 400


def draw_overlay(
    rgb: NDArray[np.uint8], labels: NDArray[np.int32], table: pd.DataFrame
) -> NDArray[np.uint8]:
    """Draw the outlines, numbers and classes of the objects on the photograph.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8.
    labels : ndarray
        (H, W) int32.
    table : pandas.DataFrame
        Objects by ``label``, with ``class`` if they are classified.

    Returns
    -------
    ndarray
        (H + strip, max(W, 400), 3) uint8: the picture in its own size at the upper left, and below
        it the legend with the counts and the disclaimer.
    """
    classes = _classes(table)
    colors = class_colors(classes.values())
    picture = rgb.copy()
    letter = letter_height(rgb.shape[:2])
    regions = list(iterate_regions(labels))
    for region in regions:
        name = classes.get(region.label)
        _outline(picture, region, colors[name] if name else to_rgb(UNCLASSIFIED))
    # After all outlines, so that none runs through a number.
    for region in regions:
        _name(picture, region, classes.get(region.label), letter)
    missing = sum(region.label not in classes for region in regions)
    entries = _entries(classes, colors, missing)
    width = max(rgb.shape[1], _NARROWEST)
    strip = _strip(entries, width, letter)
    beside = width - rgb.shape[1]
    widened = cv2.copyMakeBorder(picture, 0, 0, 0, beside, cv2.BORDER_CONSTANT, value=PAPER)
    return np.asarray(np.concatenate([widened, strip]), np.uint8)


def letter_height(shape: tuple[int, ...]) -> int:
    """Return the height of letters, px, that suits a picture of a shape."""
    low, high = _LETTER_RANGE
    return int(np.clip(round(min(shape[:2]) * _LETTER), low, high))


def _classes(table: pd.DataFrame) -> dict[int, str]:
    """Return the class of every classified object by its number."""
    if "class" not in table:
        return {}
    known = table[table["class"].notna()]
    return dict(zip(known["label"].astype(int), known["class"].astype(str), strict=True))


def _line_width(shape: tuple[int, ...]) -> int:
    return max(1, round(min(shape[:2]) / 500))


def _outline(picture: NDArray[np.uint8], region: Region, color: Color) -> None:
    mask = region.mask.astype(np.uint8)
    contours, _ = cv2.findContours(
        mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE, offset=(region.x0, region.y0)
    )
    width = _line_width(picture.shape)
    # A dark rim below: the light colours would vanish against the background of the smear.
    cv2.polylines(picture, contours, True, INK, width + 2)
    cv2.polylines(picture, contours, True, color, width)


def _name(picture: NDArray[np.uint8], region: Region, name: str | None, letter: int) -> None:
    """Write the number and the short class at the object's upper right, within the picture."""
    text = f"{region.label} {abbreviate(name)}" if name else str(region.label)
    y = min(max(region.y0 + letter, letter + 2), picture.shape[0] - 2)
    x = max(0, min(region.x1 + letter // 2, picture.shape[1] - text_width(text, letter) - 2))
    draw_text(picture, text, (y, x), letter, INK, halo=PAPER)


def _entries(
    classes: Mapping[int, str], colors: Mapping[str, Color], missing: int
) -> list[tuple[str, Color]]:
    """Return the legend's texts and colours."""
    found = list(classes.values())
    names = [*LEUKOCYTE_NAMES, *sorted(set(found) - set(LEUKOCYTE_NAMES))] if found else []
    entries = [(f"{name} {found.count(name)}", colors[name]) for name in names]
    if missing or not entries:
        entries.append((f"not classified {missing}", to_rgb(UNCLASSIFIED)))
    return entries


def _strip(entries: list[tuple[str, Color]], width: int, letter: int) -> NDArray[np.uint8]:
    """Draw the legend, broken into lines, and the disclaimer."""
    letter = min(letter, int(letter * 0.96 * width / (text_width(DISCLAIMER, letter) + 2 * letter)))
    lines: list[list[tuple[int, str, Color]]] = [[]]
    x = letter
    for text, color in entries:
        needed = round(1.6 * letter) + text_width(text, letter) + 2 * letter
        if lines[-1] and x + needed > width:
            lines.append([])
            x = letter
        lines[-1].append((x, text, color))
        x += needed
    step = round(2.2 * letter)
    strip = np.full(((len(lines) + 1) * step + letter, width, 3), PAPER, np.uint8)
    for row, line in enumerate(lines):
        y = (row + 1) * step
        for x, text, color in line:
            cv2.rectangle(strip, (x, y - letter), (x + letter, y), color, cv2.FILLED)
            cv2.rectangle(strip, (x, y - letter), (x + letter, y), INK, 1)
            draw_text(strip, text, (y, x + round(1.6 * letter)), letter, INK)
    draw_text(strip, DISCLAIMER, ((len(lines) + 1) * step, letter), letter, INK)
    return strip
