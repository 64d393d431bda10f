"""Pictures of results: the photograph with its objects, the bar chart, and those of a report."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.classification.crops import cut_window
from napari_leukocyte.classification.measurements import Region, iterate_regions
from napari_leukocyte.counting.leukogram import is_counted
from napari_leukocyte.reporting.drawing import (
    INK,
    PAPER,
    UNCLASSIFIED,
    Color,
    class_colors,
    draw_text,
    place_names,
    text_width,
    to_rgb,
)
from napari_leukocyte.schema import LABEL
from napari_leukocyte.vocabulary import DISCLAIMER, LEUKOCYTE_NAMES, letters

#: Height of the letters as a part of the picture's smaller side, and its limits, px.
_LETTER, _LETTER_RANGE = 1 / 60, (8, 60)
#: Narrower pictures get a wider strip, so that the legend can be read.
_NARROWEST = 400
_GRID = (215, 215, 215)
#: Side of a cell's picture, px; on paper it is 18 mm wide, thus 170 px to the inch.
CELL_SIDE = 120
#: Side of what a picture shows, in median diameters of the field's cells: all cells of a field are
#: at one scale, since size tells classes apart.
_EXTENT = 2.0
#: An object too large for that gets so much more than its box.
_AROUND = 1.15
#: Largest side of a field's picture, px.
_FIELD_SIDE = 1400
#: Of JPEG; cells must not lose their granules.
_CELL_QUALITY, _FIELD_QUALITY = 92, 85


def draw_overlay(
    rgb: NDArray[np.uint8], labels: NDArray[np.int32], table: pd.DataFrame
) -> NDArray[np.uint8]:
    """Draw the outlines of the objects on the photograph, their numbers and classes under them.

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
    # After all outlines, so that none runs through a name.
    _names(picture, labels, regions, classes, letter)
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
    return dict(zip(known[LABEL].astype(int), known["class"].astype(str), strict=True))


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


def _names(
    picture: NDArray[np.uint8],
    labels: NDArray[np.int32],
    regions: list[Region],
    classes: Mapping[int, str],
    letter: int,
) -> None:
    """Write number and short class under each object, within the picture and in no other cell."""
    texts = [
        f"{r.label} {letters(classes[r.label])}" if r.label in classes else str(r.label)
        for r in regions
    ]
    boxes = np.array([(r.y0, r.x0, r.y1, r.x1) for r in regions], np.float64).reshape(-1, 4)
    halo = max(1, round(letter / 12))
    widths = np.array([text_width(text, letter) + 2 * halo for text in texts], np.float64)
    height = letter + 2 * halo
    gap = _line_width(picture.shape) + 1
    places = place_names(labels, boxes, height, widths, gap, within=True)
    for text, (y, x), width in zip(
        texts, places.middles(height, widths).tolist(), widths.tolist(), strict=True
    ):
        bottom = min(max(round(y + letter / 2), letter), picture.shape[0] - 1)
        left = min(max(round(x - width / 2) + halo, 0), picture.shape[1] - round(width))
        draw_text(picture, text, (bottom, max(left, 0)), letter, INK, halo=PAPER)


def _heading(name: str) -> str:
    """Return a class as it stands in a picture, whose letters are Latin."""
    return name[:1].upper() + name[1:]


def _entries(
    classes: Mapping[int, str], colors: Mapping[str, Color], missing: int
) -> list[tuple[str, Color]]:
    """Return the legend's texts and colours."""
    found = list(classes.values())
    names = [*LEUKOCYTE_NAMES, *sorted(set(found) - set(LEUKOCYTE_NAMES))] if found else []
    entries = [(f"{_heading(name)} {found.count(name)}", colors[name]) for name in names]
    if missing or not entries:
        entries.append((f"Not classified {missing}", to_rgb(UNCLASSIFIED)))
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


def draw_chart(leukogram: pd.DataFrame, height: int, letter: int) -> NDArray[np.uint8]:
    """Draw the percentage of each class with its 95 % limits.

    Parameters
    ----------
    leukogram : pandas.DataFrame
        As from :func:`napari_leukocyte.counting.leukogram.count`.
    height : int
        Height of the picture, px.
    letter : int
        Height of a capital, px.

    Returns
    -------
    ndarray
        (height, W, 3) uint8 RGB. A horizontal bar for each class that counts, from 0 to 100 %;
        whiskers are the limits.
    """
    rows = leukogram[is_counted(leukogram)]
    names = [str(name) for name in rows["class"]]
    total = int(rows["total"].iloc[0])
    left = max(text_width(_heading(name), letter) for name in names) + 2 * letter
    right = text_width("100.0 % (1000)", letter) + 2 * letter
    span = 24 * letter
    chart = np.full((height, left + span + right, 3), PAPER, np.uint8)
    top, bottom = 5 * letter, max(7 * letter, height - 4 * letter)
    draw_text(chart, f"Differential of {total} leukocytes", (2 * letter, letter), letter, INK)
    draw_text(chart, "95 % limits: Clopper-Pearson", (4 * letter, letter), letter, INK)
    for tick in range(0, 101, 25):
        x = left + span * tick // 100
        cv2.line(chart, (x, top), (x, bottom), _GRID, 1)
        mark = f"{tick} %"
        position = (bottom + 2 * letter, x - text_width(mark, letter) // 2)
        draw_text(chart, mark, position, letter, INK)
    step = (bottom - top) / len(rows)
    colors = class_colors(names)
    for i, row in enumerate(rows.to_dict("records")):
        y = round(top + (i + 0.5) * step)
        half = round(0.3 * step)
        percent = 0.0 if np.isnan(row["percent"]) else float(row["percent"])
        low, high, end = (
            left + round(span * float(v) / 100) for v in (row["ci_low"], row["ci_high"], percent)
        )
        color = colors[str(row["class"])]
        if row["count"]:
            cv2.rectangle(chart, (left, y - half), (end, y + half), color, cv2.FILLED)
        cv2.line(chart, (low, y), (high, y), INK, max(1, letter // 8))
        for x in (low, high):
            cv2.line(chart, (x, y - half // 2), (x, y + half // 2), INK, max(1, letter // 8))
        draw_text(chart, _heading(str(row["class"])), (y + letter // 2, letter), letter, INK)
        value = f"{percent:.1f} % ({int(row['count'])})"
        draw_text(chart, value, (y + letter // 2, left + span + letter), letter, INK)
    return chart


def beside(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Put two pictures side by side, (H, W, 3) each; the lower one is filled up with white."""
    height = max(left.shape[0], right.shape[0])
    filled = [
        cv2.copyMakeBorder(p, 0, height - p.shape[0], 0, 0, cv2.BORDER_CONSTANT, value=PAPER)
        for p in (left, right)
    ]
    return np.asarray(np.concatenate(filled, axis=1), np.uint8)


def cell_pictures(
    rgb: NDArray[np.uint8],
    labels: NDArray[np.int32],
    classes: Mapping[int, str],
    wanted: Collection[int] | None = None,
    side: int = CELL_SIDE,
) -> dict[int, str]:
    """Cut a picture of each cell with its outline in the colour of its class.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8.
    labels : ndarray
        (H, W) int32.
    classes : mapping of int to str
        Class of the cells that have one.
    wanted : collection of int, optional
        Only these cells.
    side : int
        Side of the pictures, px.

    Returns
    -------
    dict of int to str
        Data URI (JPEG) by the number of the cell.
    """
    regions = list(iterate_regions(labels))
    if not regions:
        return {}
    colors = class_colors(classes.values())
    extent = _EXTENT * float(np.median([_diameter(region) for region in regions]))
    pictures: dict[int, str] = {}
    for region in regions:
        if wanted is None or region.label in wanted:
            name = classes.get(region.label)
            color = colors[name] if name else to_rgb(UNCLASSIFIED)
            pictures[region.label] = data_uri(_cell(rgb, region, extent, side, color))
    return pictures


def field_picture(rgb: NDArray[np.uint8], labels: NDArray[np.int32], table: pd.DataFrame) -> str:
    """Return the overlay of a field, reduced to at most 1400 px, as a data URI (JPEG).

    Parameters
    ----------
    rgb, labels, table
        As for :func:`napari_leukocyte.reporting.pictures.draw_overlay`.
    """
    overlay = draw_overlay(rgb, labels, table)
    height, width = overlay.shape[:2]
    scale = _FIELD_SIDE / max(height, width)
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        overlay = np.asarray(cv2.resize(overlay, size, interpolation=cv2.INTER_AREA), np.uint8)
    return data_uri(overlay, _FIELD_QUALITY)


def data_uri(rgb: NDArray[np.uint8], quality: int = _CELL_QUALITY) -> str:
    """Return a picture, (H, W, 3) uint8 RGB, as a JPEG in a data URI."""
    # Without subsampling of colours, which would blur thin outlines.
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), options)
    return "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode("ascii")


def _cell(
    rgb: NDArray[np.uint8], region: Region, extent: float, side: int, color: Color
) -> NDArray[np.uint8]:
    shown = max(extent, _AROUND * max(region.y1 - region.y0, region.x1 - region.x0))
    patch, mask = cut_window(rgb, region, side, side * _diameter(region) / shown)
    patch = patch.copy()
    inside = (mask > 127).astype(np.uint8)
    contours, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    # A dark rim below: the light colours would vanish against the background of the smear.
    cv2.polylines(patch, contours, True, INK, 2, cv2.LINE_AA)
    cv2.polylines(patch, contours, True, color, 1, cv2.LINE_AA)
    return patch


def _diameter(region: Region) -> float:
    return float(np.sqrt(4 * region.area / np.pi))
