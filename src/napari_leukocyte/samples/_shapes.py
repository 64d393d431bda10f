"""Geometry and texture of the synthetic smear: windows, outlines, soft masks, noise.

Every shape is a *depth*: how far inside a boundary a point lies, positive inside. Depths
combine by minimum and (smooth) maximum, and turn into soft masks of any sharpness.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Rng = np.random.Generator


@dataclass(frozen=True)
class Window:
    """A rectangle of an image's pixels, sampled ``factor`` times finer than its pixels.

    Attributes
    ----------
    y0, x0, y1, x1 : int
        Pixels covered; ends exclusive.
    factor : int
        Samples a pixel along each axis.
    """

    y0: int
    x0: int
    y1: int
    x1: int
    factor: int

    @classmethod
    def around(
        cls, y: float, x: float, reach: float, shape: tuple[int, ...], factor: int = 1
    ) -> Window:
        """Return the part of an image of `shape` within `reach` px of a point."""
        y0, x0 = max(int(y - reach), 0), max(int(x - reach), 0)
        return cls(
            y0, x0, min(int(y + reach) + 2, shape[0]), min(int(x + reach) + 2, shape[1]), factor
        )

    @property
    def empty(self) -> bool:
        """Whether the window lies beside the image."""
        return self.y0 >= self.y1 or self.x0 >= self.x1

    @property
    def slices(self) -> tuple[slice, slice]:
        """Where the window lies in the image."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    def coordinates(self) -> tuple[Plane, Plane]:
        """Return y and x of every sample, in px of the image, pixel centres being integers."""
        half = 0.5 / self.factor - 0.5
        y = np.arange((self.y1 - self.y0) * self.factor) / self.factor + half + self.y0
        x = np.arange((self.x1 - self.x0) * self.factor) / self.factor + half + self.x0
        yy, xx = np.meshgrid(y.astype(np.float32), x.astype(np.float32), indexing="ij")
        return yy, xx

    def reduce(self, samples: Plane) -> Plane:
        """Average the samples of each pixel."""
        if self.factor == 1:
            return samples
        size = (self.x1 - self.x0, self.y1 - self.y0)
        return np.asarray(cv2.resize(samples, size, interpolation=cv2.INTER_AREA), np.float32)


@dataclass(frozen=True)
class Outline:
    """A closed contour about a centre: a circle, made uneven by a few harmonics.

    Attributes
    ----------
    y, x : float
        Centre, px.
    radius : float
        Mean radius, px.
    amplitudes, phases : tuple of float
        Of the harmonics 2, 3, ... of the radius; amplitudes in parts of it.
    """

    y: float
    x: float
    radius: float
    amplitudes: tuple[float, ...]
    phases: tuple[float, ...]

    @classmethod
    def random(
        cls, y: float, x: float, radius: float, rng: Rng, amplitudes: tuple[float, ...]
    ) -> Outline:
        """Draw an outline; `amplitudes` are standard deviations, kept under twice that."""
        drawn = tuple(float(a * np.clip(rng.normal(), -2, 2)) for a in amplitudes)
        phases = tuple(float(p) for p in rng.uniform(0, 2 * np.pi, len(amplitudes)))
        return cls(y, x, radius, drawn, phases)

    @property
    def reach(self) -> float:
        """Radius of a circle that holds the whole outline, px."""
        return self.radius * (1 + sum(abs(a) for a in self.amplitudes))

    def at(self, angle: Plane | float) -> Plane:
        """Return the radius in the direction of an angle, px."""
        angle = np.asarray(angle, np.float32)
        radius = np.ones_like(angle)
        for k, (a, p) in enumerate(zip(self.amplitudes, self.phases, strict=True), start=2):
            radius += np.float32(a) * np.cos(k * angle + np.float32(p))
        return np.asarray(radius * np.float32(self.radius), np.float32)

    def depth(self, y: Plane, x: Plane) -> Plane:
        """Return how far inside each point lies, px, along the ray from the centre."""
        dy, dx = y - np.float32(self.y), x - np.float32(self.x)
        return np.asarray(self.at(np.arctan2(dy, dx)) - np.hypot(dy, dx), np.float32)


def ramp(values: Plane, start: float, end: float) -> Plane:
    """Rise smoothly (as a cubic) from 0 at `start` to 1 at `end`, which may be lower."""
    t = np.clip((values - np.float32(start)) / np.float32(end - start), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def noise(shape: tuple[int, int], scale: float, rng: Rng) -> Plane:
    """Return smooth noise of mean about 0 and standard deviation about 1.

    Parameters
    ----------
    shape : tuple of int
        Height and width.
    scale : float
        Standard deviation of the Gaussian that smooths it, in samples.
    rng : numpy.random.Generator
        Its source.

    Returns
    -------
    (H, W) float32 ndarray
    """
    # Coarse noise is drawn on a coarse grid: its cost must not grow with its scale.
    step = max(scale / 2, 1.0)
    small = (int(np.ceil(shape[0] / step)), int(np.ceil(shape[1] / step)))
    white = rng.standard_normal(small, dtype=np.float32)
    sigma = scale / step
    smooth = cv2.GaussianBlur(white, (0, 0), sigma) if sigma > 0.2 else white
    if step > 1:
        smooth = cv2.resize(smooth, shape[::-1], interpolation=cv2.INTER_CUBIC)
    # White noise smoothed by a Gaussian keeps 1 / (4 pi sigma^2) of its variance.
    gain = max(np.sqrt(4 * np.pi) * sigma, 1.0)
    return np.asarray(smooth * np.float32(gain), np.float32)


def ellipse(
    u: Plane, v: Plane, at: tuple[float, float], axes: tuple[float, float], turn: float
) -> Plane:
    """Return the depth in an ellipse; `axes` are its semi-axes, `turn` the first one's angle."""
    c, s = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    du, dv = u - np.float32(at[0]), v - np.float32(at[1])
    a = (c * du + s * dv) / np.float32(axes[0])
    b = (c * dv - s * du) / np.float32(axes[1])
    return np.asarray((1 - np.hypot(a, b)) * np.float32(min(axes)), np.float32)


def bridge(
    u: Plane, v: Plane, a: tuple[float, float], b: tuple[float, float], width: float
) -> Plane:
    """Return the depth in a strand of half-width `width` from `a` to `b`."""
    du, dv = b[0] - a[0], b[1] - a[1]
    length = max(du * du + dv * dv, 1e-9)
    t = np.clip(((u - a[0]) * du + (v - a[1]) * dv) / length, 0, 1)
    return np.asarray(width - np.hypot(u - a[0] - t * du, v - a[1] - t * dv), np.float32)


def union(depths: list[Plane], softness: float) -> Plane:
    """Join shapes; where two meet, the seam is filled over a length of about `softness`."""
    total = depths[0]
    for depth in depths[1:]:
        # Polynomial smooth maximum: exact where the shapes are far apart.
        h = np.clip(softness - np.abs(total - depth), 0, None) / softness
        total = np.maximum(total, depth) + h * h * np.float32(softness / 4)
    return np.asarray(total, np.float32)
