"""Evidence that a region is a leukocyte: a score from what every member of the ensemble says of it.

A region of a field of another laboratory may have the area of a leukocyte and be an erythrocyte,
and the one leukocyte may be twice as large as the fragments around it. What tells them apart is the
evidence inside: how sure the members are and how far they agree, how much of the region is nucleus,
whether its outline is one cell's. A logistic regression makes one score of these, fitted by
``python -m training evidence`` with every source left out in turn.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.schema import NUCLEUS_THRESHOLD

#: What a region is judged by, in the order of the coefficients.
FEATURES = (
    "mean_probability",
    "least_probability",
    "sharpness",
    "nucleus_share",
    "nucleus_peak",
    "disagreement",
    "solidity",
    "circularity",
    "border",
    "log_size",
    "log_size_squared",
)
#: Those that are left where a model maps no nuclei.
PLAIN = tuple(f for f in FEATURES if not f.startswith("nucleus"))
_COEFFICIENTS = Path(__file__).parent / "shipped" / "evidence.json"


@dataclass(frozen=True)
class ScoreModel:
    """A logistic regression over `FEATURES`.

    Attributes
    ----------
    weights : tuple of float
        One for each feature.
    intercept : float
        Of the log-odds.
    """

    weights: tuple[float, ...]
    intercept: float

    def __call__(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the score of each row of features, (N, F) -> (N,), 0 to 1."""
        # Row by row: a matrix product rounds as it likes, by how many rows there are.
        odds = (features * np.array(self.weights)).sum(axis=1) + self.intercept
        return np.asarray(1 / (1 + np.exp(-np.clip(odds, -30, 30))), np.float64)


@cache
def shipped_score_model(*, nuclei: bool = True) -> ScoreModel:
    """Return the regression that comes with the package, with or without a map of nuclei."""
    described = json.loads(_COEFFICIENTS.read_text(encoding="utf-8"))
    if tuple(described["features"]) != FEATURES:
        raise ValueError("segmentation/shipped/evidence.json belongs to other features.")
    fitted = described["with_nucleus" if nuclei else "without_nucleus"]
    return ScoreModel(tuple(map(float, fitted["weights"])), float(fitted["intercept"]))


def score_objects(
    labels: NDArray[np.int32],
    cell: NDArray[np.float32],
    nucleus: NDArray[np.float32],
    diameter: float,
    model: ScoreModel | None = None,
) -> dict[int, float]:
    """Score every object of a label image.

    Parameters
    ----------
    labels : ndarray
        (H, W) int32.
    cell, nucleus : ndarray
        (M, H, W) float32, 0 to 1: the maps of the members that vote.
    diameter : float
        Diameter of a leukocyte, px.
    model : ScoreModel, optional
        The shipped one by default.

    Returns
    -------
    dict of int to float
        The score of each label, 0 (no leukocyte) to 1.
    """
    numbers, features = measure_evidence(labels, cell, nucleus, diameter)
    if model is None:
        # A network that maps no nuclei leaves the map 0 everywhere, which no sigmoid does.
        model = shipped_score_model(nuclei=bool(nucleus.any()))
    scores = model(features)
    return dict(zip(numbers, scores.tolist(), strict=True))


def measure_evidence(
    labels: NDArray[np.int32],
    cell: NDArray[np.float32],
    nucleus: NDArray[np.float32],
    diameter: float,
) -> tuple[list[int], NDArray[np.float64]]:
    """Return the labels of a label image and their features, (N, F) in the order of `FEATURES`.

    Parameters are those of `score_objects`.
    """
    from scipy import ndimage

    numbers: list[int] = []
    rows: list[list[float]] = []
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        inside = labels[box] == number
        members = np.asarray(cell[(slice(None), *box)], np.float32)[:, inside]
        nuclei = np.asarray(nucleus[(slice(None), *box)], np.float32)[:, inside]
        numbers.append(number)
        rows.append(
            _features(inside, members, nuclei, diameter, _border(box, labels.shape, inside))
        )
    return numbers, np.array(rows, np.float64).reshape(-1, len(FEATURES))


def _features(
    inside: NDArray[np.bool_],
    members: NDArray[np.float32],
    nuclei: NDArray[np.float32],
    diameter: float,
    border: float,
) -> list[float]:
    area = int(np.count_nonzero(inside))
    vote, nucleus = members.mean(axis=0), nuclei.mean(axis=0)
    hull, perimeter = _outline(inside)
    size = np.log2(max(1.0, np.sqrt(4 * area / np.pi)) / diameter)
    return [
        float(vote.mean()),
        float(members.mean(axis=1).min()),
        float((vote > 0.9).mean()),
        float((nucleus >= NUCLEUS_THRESHOLD).mean()),
        float(np.quantile(nucleus, 0.9)),
        float(members.std(axis=0).mean()),
        min(1.0, area / max(hull, 1.0)),
        min(1.0, 4 * np.pi * area / max(perimeter, 1.0) ** 2),
        border,
        float(size),
        float(size**2),
    ]


def _outline(inside: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the area of the convex hull, px², and the perimeter, px."""
    contours, _ = cv2.findContours(
        np.pad(inside, 1).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    largest = max(contours, key=len)
    perimeter = float(cv2.arcLength(largest, True))
    # Contours run through the middles of pixels: half a pixel is missing all around.
    hull = cv2.convexHull(largest)
    area = float(cv2.contourArea(hull)) + float(cv2.arcLength(hull, True)) / 2 + 1
    return area, perimeter


def _border(box: tuple[slice, slice], shape: tuple[int, ...], inside: NDArray[np.bool_]) -> float:
    """Return the part of the outline that lies on the image's border."""
    rows, columns = box
    ends = (
        (rows.start == 0, inside[0]),
        (rows.stop == shape[0], inside[-1]),
        (columns.start == 0, inside[:, 0]),
        (columns.stop == shape[1], inside[:, -1]),
    )
    cut = sum(int(np.count_nonzero(edge)) for at_border, edge in ends if at_border)
    # Of a disc of that area; a share may be over 1 for a sliver.
    return cut / float(np.sqrt(4 * np.pi * np.count_nonzero(inside)))
