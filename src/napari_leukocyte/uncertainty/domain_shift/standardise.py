"""Bring an image's colours to those of a training set; the image itself is never changed.

References
----------
.. [1] Reinhard and others, "Color transfer between images", IEEE Computer Graphics and
   Applications 21, 2001: mean and deviation of each channel; here in CIE L*a*b* and of stained
   pixels, since how much of a field is empty is no matter of stain.
.. [2] Macenko and others, "A method for normalizing histology slides for quantitative analysis",
   ISBI 2009: two stains found in optical density, their amounts and colours replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.classification.crops import cut_window
from napari_leukocyte.classification.regions import iterate_regions
from napari_leukocyte.classification.stain import STRONGEST, WEAKEST, nucleus_density
from napari_leukocyte.errors import ImageError, ModelError, ParameterError
from napari_leukocyte.io.images.background import WHITE, background_color, balance_white

Method = Literal["model", "reinhard", "macenko"]
METHODS: tuple[Method, ...] = get_args(Method)
TARGETS_FILE = Path(__file__).parent / "targets.json"
#: Optical density (natural logarithm) from which a pixel is stained; Macenko's own value.
_STAINED = 0.15
#: Percentiles of the angle at which the two stains lie, and of their amounts; Macenko's values.
_ANGLES, _AMOUNT = (1.0, 99.0), 99.0
#: Stained pixels, at least, from which colours can be told.
_FEWEST = 200
#: Pixels that are enough to know colours by.
_SAMPLE = 100_000
#: Limits of the factors by which deviations and amounts are stretched: beyond, noise is shown.
#: Amounts of the two stains get less room: smears hold more than two, and what one image's redder
#: stain is, the erythrocytes', may be another's eosinophil granules.
_STRETCH, _STRETCH_AMOUNTS = (0.4, 2.5), (0.67, 1.5)


@dataclass(frozen=True)
class Target:
    """The colours of a set.

    Attributes
    ----------
    name : str
        Of the set.
    lab_mean, lab_deviation : tuple of float
        Of stained pixels, after the background was brought to white.
    stains : tuple of tuple of float
        Two rows of three: optical densities of the two stains, of length 1; the redder first.
    amounts : tuple of float
        99th percentiles of the amounts of the two.
    """

    name: str
    lab_mean: tuple[float, ...]
    lab_deviation: tuple[float, ...]
    stains: tuple[tuple[float, ...], ...]
    amounts: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Target:
        """Make a target of what `to_dict` gave."""
        return cls(
            str(values["name"]),
            tuple(map(float, values["lab_mean"])),
            tuple(map(float, values["lab_deviation"])),
            tuple(tuple(map(float, row)) for row in values["stains"]),
            tuple(map(float, values["amounts"])),
        )


@cache
def targets() -> dict[str, Target]:
    """Return the colours of the training sets, by name.

    Raises
    ------
    ModelError
        If the package's file is missing or damaged.
    """
    import json

    try:
        found = json.loads(TARGETS_FILE.read_text(encoding="utf-8"))["targets"]
        return {t.name: t for t in map(Target.from_dict, found)}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{TARGETS_FILE} is missing or damaged: install napari-leukocyte again."
        ) from error


def standardise(
    rgb: NDArray[np.uint8],
    method: Method,
    target: Target | None = None,
    labels: NDArray[np.int32] | None = None,
    density: float | None = None,
) -> NDArray[np.uint8]:
    """Return an image in other colours.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8; not changed.
    method : {"model", "reinhard", "macenko"}
        "model": what the classifier does itself to each cell, done to the whole image: background
        to white, nuclei to one density.
    target : Target, optional
        The colours wanted; needed by Reinhard and Macenko.
    labels : ndarray, optional
        (H, W) int32: the cells; needed by "model" where it has a density.
    density : float, optional
        Optical density of nuclei that the classifier wants; None leaves the stain alone.

    Returns
    -------
    ndarray
        (H, W, 3) uint8, on a background of ``WHITE``.

    Raises
    ------
    ImageError
        If too little of the image is stained to know its colours.
    ParameterError
        If there is no such method or its target is missing.
    """
    if method not in METHODS:
        raise ParameterError(f"There is no method {method!r}: known are {', '.join(METHODS)}.")
    balanced = balance_white(rgb, background_color(rgb))
    if method == "model":
        return _as_the_model(balanced, labels, density)
    if target is None:
        raise ParameterError("Choose the set whose colours are wanted.")
    return _reinhard(balanced, target) if method == "reinhard" else _macenko(balanced, target)


def describe(name: str, pixels: NDArray[np.uint8]) -> Target:
    """Return the colours of stained pixels as a target.

    Parameters
    ----------
    name : str
        Of the set.
    pixels : ndarray
        (N, 3) uint8 of balanced images; see :func:`stained_pixels`.

    Returns
    -------
    Target
    """
    lab = _to_lab(pixels)
    stains, amounts = _stains(pixels)
    return Target(
        name,
        tuple(lab.mean(axis=0).round(3).tolist()),
        tuple(lab.std(axis=0).round(3).tolist()),
        tuple(tuple(row) for row in stains.round(5).tolist()),
        tuple(amounts.round(4).tolist()),
    )


def stained_pixels(balanced: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the stained ones of an image's pixels, (N, 3), or of a large image's sample.

    Raises
    ------
    ImageError
        If there are hardly any.
    """
    step = max(1, int(np.sqrt(balanced.shape[0] * balanced.shape[1] / _SAMPLE)))
    pixels = balanced[::step, ::step].reshape(-1, 3)
    stained = pixels[(_density(pixels) > _STAINED).all(axis=1)]
    if len(stained) < _FEWEST:
        raise ImageError("Too little of the image is stained to know its colours.")
    return stained


def _as_the_model(
    balanced: NDArray[np.uint8], labels: NDArray[np.int32] | None, density: float | None
) -> NDArray[np.uint8]:
    if density is None:
        return balanced
    if labels is None or not labels.any():
        raise ParameterError("The classifier's own standardisation needs cells: segment first.")
    found = []
    for region in iterate_regions(labels):
        patch, mask = cut_window(balanced, region, 64, 48.0)
        found.append(nucleus_density(patch, mask))
    factor = np.clip(density / max(float(np.median(found)), 1e-3), WEAKEST, STRONGEST)
    table = np.clip(WHITE * (np.arange(256) / WHITE) ** factor, 0, 255).round().astype(np.uint8)
    return np.asarray(table[balanced], np.uint8)


def _reinhard(balanced: NDArray[np.uint8], target: Target) -> NDArray[np.uint8]:
    stained = _to_lab(stained_pixels(balanced))
    stretch = np.clip(
        np.array(target.lab_deviation) / np.maximum(stained.std(axis=0), 1e-3), *_STRETCH
    )
    lab = _to_lab(balanced)
    moved = (lab - stained.mean(axis=0)) * stretch + np.array(target.lab_mean)
    # What is empty stays so: the change comes in with the stain.
    amount = _density(balanced).mean(axis=-1, keepdims=True)
    share = np.clip(amount / (2 * _STAINED), 0, 1)
    mixed = (share * moved + (1 - share) * lab).astype(np.float32)
    back = cv2.cvtColor(np.ascontiguousarray(mixed), cv2.COLOR_LAB2RGB)
    return np.asarray(np.clip(back * 255, 0, 255).round(), np.uint8)


def _macenko(balanced: NDArray[np.uint8], target: Target) -> NDArray[np.uint8]:
    stains, amounts = _stains(stained_pixels(balanced))
    stretch = np.clip(np.array(target.amounts) / np.maximum(amounts, 1e-3), *_STRETCH_AMOUNTS)
    # Not stained by the two: kept as it is, so that no detail is lost.
    mix = np.linalg.pinv(stains) @ (stretch[:, np.newaxis] * np.array(target.stains))
    rest = np.eye(3) - np.linalg.pinv(stains) @ stains
    density = _density(balanced).reshape(-1, 3) @ (mix + rest)
    light = WHITE * np.exp(-density)
    return np.asarray(np.clip(light, 0, 255).round(), np.uint8).reshape(balanced.shape)


def _stains(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the two stains, (2, 3) of length 1, and the 99th percentiles of their amounts."""
    density = _density(pixels)
    _, vectors = np.linalg.eigh(np.cov(density.T))
    plane = vectors[:, [2, 1]]
    # Pixels have positive densities, and so must the plane's first axis.
    plane = plane * np.where(plane.sum(axis=0) < 0, -1, 1)
    projected = density @ plane
    angles = np.arctan2(projected[:, 1], projected[:, 0])
    ends = np.percentile(angles, _ANGLES)
    found = np.array([plane @ np.array([np.cos(a), np.sin(a)]) for a in ends])
    found = np.maximum(found, 1e-3)
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    # What takes away little red light is red: eosin.
    found = found[np.argsort(found[:, 0])]
    amounts = density @ np.linalg.pinv(found)
    return found, np.maximum(np.percentile(amounts, _AMOUNT, axis=0), 1e-3)


def _density(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    table = np.maximum(0.0, np.log(WHITE / np.maximum(np.arange(256), 1.0)))
    return np.asarray(table[pixels])


def _to_lab(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    shaped = np.ascontiguousarray(pixels.reshape(-1, 1, 3)).astype(np.float32) / np.float32(255)
    lab = cv2.cvtColor(shaped, cv2.COLOR_RGB2LAB)
    return np.asarray(lab, np.float64).reshape(pixels.shape)
