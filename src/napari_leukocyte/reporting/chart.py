"""The leukogram as a bar chart."""

from __future__ import annotations

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.counting.leukogram import is_counted
from napari_leukocyte.reporting.drawing import INK, PAPER, class_colors, draw_text, text_width

_GRID = (215, 215, 215)


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
    left = max(text_width(name, letter) for name in names) + 2 * letter
    right = text_width("100.0 % (1000)", letter) + 2 * letter
    span = 24 * letter
    chart = np.full((height, left + span + right, 3), PAPER, np.uint8)
    top, bottom = 5 * letter, max(7 * letter, height - 4 * letter)
    draw_text(chart, f"Leukogram of {total} leukocytes", (2 * letter, letter), letter, INK)
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
        draw_text(chart, str(row["class"]), (y + letter // 2, letter), letter, INK)
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
