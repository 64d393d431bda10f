"""Stains as other laboratories have them: colours of an image moved to statistics drawn at random.

Each source's colours are summed up as mean and spread of the channels, in CIE Lab and in the
optical densities of haematoxylin, eosin and rest. New statistics are drawn near those of a source,
or between two of them, so that a network meets laboratories that lie between and somewhat beyond
those at hand.

References
----------
.. [1] Shen and others, "RandStainNA: Learning Stain-Agnostic Features from Histology Slides by
   Bridging Stain Augmentation and Normalization", MICCAI 2022.
.. [2] Ruifrok and Johnston, "Quantification of histochemical staining by color deconvolution",
2001.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.color import hed2rgb, rgb2hed

Image = NDArray[np.uint8]
Space = Literal["lab", "hed"]
SPACES: tuple[Space, ...] = ("lab", "hed")
#: A channel's spread is changed by this factor at most, either way: an image of plain background
#: has hardly any, and would be blown up to noise.
LARGEST_STRETCH = 1.8
#: Pixels of an image that are looked at for its statistics, along each side.
_GRID = 96


@dataclass(frozen=True)
class StainStatistics:
    """Means and spreads of images' channels in one colour space.

    Attributes
    ----------
    space : {"lab", "hed"}
        CIE Lab, or haematoxylin, eosin and rest as optical densities.
    values : ndarray
        (N, 6) float: three means and three standard deviations, a row an image.
    groups : tuple of str
        (N,): the source of each image.
    """

    space: Space
    values: NDArray[np.float64]
    groups: tuple[str, ...]

    def draw(self, rng: np.random.Generator, beyond: float = 0.25) -> NDArray[np.float64]:
        """Return (6,) statistics between those of two images of random sources.

        `beyond` is by how much the line between the two is left at its ends, in parts of it.
        """
        names = sorted(set(self.groups))
        groups = np.array(self.groups)
        a, b = (
            self.values[rng.choice(np.flatnonzero(groups == names[int(i)]))]
            for i in rng.integers(0, len(names), 2)
        )
        share = rng.uniform(-beyond, 1 + beyond)
        drawn = a + share * (b - a)
        drawn[3:] = np.maximum(drawn[3:], np.minimum(a[3:], b[3:]) / 2)
        return np.asarray(drawn)


def to_space(image: Image, space: Space) -> NDArray[np.float32]:
    """Return an RGB image, (H, W, 3) uint8, in a colour space, (H, W, 3) float32."""
    if space == "lab":
        scaled = image.astype(np.float32) / np.float32(255)
        return np.asarray(cv2.cvtColor(scaled, cv2.COLOR_RGB2LAB), np.float32)
    return np.asarray(rgb2hed(image), np.float32)


def from_space(values: NDArray[np.float32], space: Space) -> Image:
    """Return the RGB image, (H, W, 3) uint8, of values in a colour space."""
    rgb = cv2.cvtColor(values, cv2.COLOR_LAB2RGB) if space == "lab" else hed2rgb(values)
    return np.asarray(np.clip(np.asarray(rgb) * 255, 0, 255), np.uint8)


def statistics_of(image: Image, space: Space) -> NDArray[np.float64]:
    """Return the (6,) means and standard deviations of an image's channels."""
    step = max(1, min(image.shape[:2]) // _GRID)
    values = to_space(np.ascontiguousarray(image[::step, ::step]), space).reshape(-1, 3)
    return np.concatenate([values.mean(axis=0), values.std(axis=0)]).astype(np.float64)


def collect(images: Sequence[Image], groups: Sequence[str], space: Space) -> StainStatistics:
    """Return the statistics of images, `groups` naming the source of each."""
    return StainStatistics(space, np.stack([statistics_of(i, space) for i in images]), (*groups,))


def stain_like(image: Image, target: NDArray[np.float64], space: Space) -> Image:
    """Move an image's channels to means and spreads.

    Parameters
    ----------
    image : ndarray
        (H, W, 3) uint8 RGB.
    target : ndarray
        (6,): as from :meth:`StainStatistics.draw`.
    space : {"lab", "hed"}
        Where.

    Returns
    -------
    ndarray
        (H, W, 3) uint8 RGB.
    """
    values = to_space(image, space)
    own = statistics_of(image, space)
    stretch = np.clip(target[3:] / np.maximum(own[3:], 1e-4), 1 / LARGEST_STRETCH, LARGEST_STRETCH)
    moved = (values - own[:3]) * stretch + target[:3]
    return from_space(moved.astype(np.float32), space)
