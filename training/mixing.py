"""Mixup and cutmix: batches for a classifier in which two images share a crop and its class.

Both keep a network from learning its examples by heart: H. Zhang and others, mixup: beyond
empirical risk minimization, ICLR 2018; S. Yun and others, CutMix, ICCV 2019.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.errors import ParameterError

Batch = NDArray[np.float32]


@dataclass(frozen=True)
class MixingParams:
    """The share of a batch that is mixed; nothing by default.

    Attributes
    ----------
    mixup_share, cutmix_share : float
        Share of the images that are blended with another one, or get a rectangle of another one.
        Together at most 1.
    mixup_alpha, cutmix_alpha : float
        Both parameters of the beta distribution of the first image's part: the smaller, the more
        often one image prevails; 1 is uniform.

    Raises
    ------
    ParameterError
        If a value is out of its range.
    """

    mixup_share: float = 0.0
    cutmix_share: float = 0.0
    mixup_alpha: float = 0.2
    cutmix_alpha: float = 1.0

    def __post_init__(self) -> None:
        shares = (self.mixup_share, self.cutmix_share)
        if min(shares) < 0 or sum(shares) > 1:
            raise ParameterError(
                "mixup_share and cutmix_share must be 0 or more and together at most 1."
            )
        if min(self.mixup_alpha, self.cutmix_alpha) <= 0:
            raise ParameterError("mixup_alpha and cutmix_alpha must be greater than 0.")


def mix_batch(
    images: Batch, targets: Batch, params: MixingParams, rng: np.random.Generator
) -> tuple[Batch, Batch]:
    """Mix some images of a batch with others of it.

    Parameters
    ----------
    images : ndarray
        (N, H, W, C) float32.
    targets : ndarray
        (N, classes) float32, one-hot or probabilities.
    params : MixingParams
        How much.
    rng : numpy.random.Generator
        Source of randomness; it is not touched if nothing is mixed.

    Returns
    -------
    images, targets : ndarray
        New arrays of the same shapes, or the same arrays if `params` mixes nothing.
    """
    if params.mixup_share + params.cutmix_share == 0 or len(images) < 2:
        return images, targets
    partner = rng.permutation(len(images))
    way = rng.random(len(images))
    blended = way < params.mixup_share
    cut = ~blended & (way < params.mixup_share + params.cutmix_share)
    part = rng.beta(params.mixup_alpha, params.mixup_alpha, len(images))
    # Which of the two comes first is arbitrary: the image that is mixed stays the larger part.
    part = np.where(blended, np.maximum(part, 1 - part), 1.0)
    mixed, mixed_targets = mixup(images, targets, partner, part)
    boxes = np.zeros((len(images), 4), np.int64)
    for i in np.flatnonzero(cut):
        share = 1 - float(rng.beta(params.cutmix_alpha, params.cutmix_alpha))
        boxes[i] = random_box((images.shape[1], images.shape[2]), share, rng)
    pasted, pasted_targets = cutmix(images, targets, partner, boxes)
    where = cut[:, None, None, None]
    return (
        np.where(where, pasted, mixed).astype(np.float32),
        np.where(cut[:, None], pasted_targets, mixed_targets).astype(np.float32),
    )


def mixup(
    images: Batch, targets: Batch, partner: NDArray[np.int64], part: NDArray[np.float64]
) -> tuple[Batch, Batch]:
    """Blend each image with its partner.

    Parameters
    ----------
    images, targets : ndarray
        (N, H, W, C) and (N, classes).
    partner : ndarray
        (N,) int, with which image of the batch.
    part : ndarray
        (N,) 0 to 1, part of the first image.

    Returns
    -------
    images, targets : ndarray
        float32, of the same shapes.
    """
    first = part[:, None, None, None]
    mixed = first * images + (1 - first) * images[partner]
    mixed_targets = part[:, None] * targets + (1 - part[:, None]) * targets[partner]
    return mixed.astype(np.float32), mixed_targets.astype(np.float32)


def cutmix(
    images: Batch, targets: Batch, partner: NDArray[np.int64], boxes: NDArray[np.int64]
) -> tuple[Batch, Batch]:
    """Put a rectangle of its partner into each image; classes count as the areas do.

    Parameters
    ----------
    images, targets : ndarray
        (N, H, W, C) and (N, classes).
    partner : ndarray
        (N,) int, from which image of the batch.
    boxes : ndarray
        (N, 4) int y0, x0, y1, x1 in px, ends exclusive; an empty one changes nothing.

    Returns
    -------
    images, targets : ndarray
        float32, of the same shapes.
    """
    pasted = images.astype(np.float32, copy=True)
    height, width = images.shape[1:3]
    for i, (y0, x0, y1, x1) in enumerate(boxes):
        pasted[i, y0:y1, x0:x1] = images[partner[i], y0:y1, x0:x1]
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    part = (1 - area / (height * width))[:, None]
    pasted_targets = part * targets + (1 - part) * targets[partner]
    return pasted, pasted_targets.astype(np.float32)


def random_box(
    size: tuple[int, int], share: float, rng: np.random.Generator
) -> tuple[int, int, int, int]:
    """Return a rectangle y0, x0, y1, x1 of the image's proportions around a random pixel.

    Its area is `share` of the image's, less what lies outside.
    """
    edges = []
    for length in size:
        centre, half = int(rng.integers(length)), length * np.sqrt(share) / 2
        edges.append((max(0, round(centre - half)), min(length, round(centre + half))))
    (y0, y1), (x0, x1) = edges
    return y0, x0, y1, x1
