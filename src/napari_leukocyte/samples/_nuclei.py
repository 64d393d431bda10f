"""Nuclei of the synthetic leukocytes: their shapes, and how their chromatin takes the stain.

Lengths are in parts of the cell's radius, the cell's centre being the origin.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from napari_leukocyte.samples._shapes import (
    Field,
    Rng,
    bridge,
    ellipse,
    noise,
    ramp,
    union,
)


def _turned(angle: float, distance: float) -> tuple[float, float]:
    return float(distance * np.cos(angle)), float(distance * np.sin(angle))


def segmented(u: Field, v: Field, rng: Rng) -> Field:
    """Three to five lobes on a winding line, joined by strands (neutrophil)."""
    count = int(rng.choice([3, 4, 5], p=[0.5, 0.35, 0.15]))
    size = {3: 0.35, 4: 0.305, 5: 0.265}[count]
    step = {3: 1.65, 4: 1.3, 5: 1.1}[count] * rng.choice([-1, 1])
    start = rng.uniform(0, 2 * np.pi)
    centre = _turned(rng.uniform(0, 2 * np.pi), rng.uniform(0.0, 0.1))
    lobes, shapes = [], []
    for i in range(count):
        angle = start + i * step + rng.normal(0, 0.1)
        # In and out by turns, so that the line winds instead of closing to a ring.
        winding = 0.07 * (-1) ** i * (count - 2)
        offset = _turned(angle, rng.uniform(0.42, 0.52) - winding)
        at = (centre[0] + offset[0], centre[1] + offset[1])
        axes = (size * rng.uniform(1.0, 1.25), size * rng.uniform(0.8, 1.0))
        shapes.append(ellipse(u, v, at, axes, angle + np.pi / 2 + rng.normal(0, 0.45)))
        lobes.append(at)
    for a, b in pairwise(lobes):
        shapes.append(bridge(u, v, a, b, rng.uniform(0.05, 0.12)))
    return union(shapes, 0.06)


def bilobed(u: Field, v: Field, rng: Rng) -> Field:
    """Two plump lobes with a strand between them, to one side of the cell (eosinophil)."""
    start = rng.uniform(0, 2 * np.pi)
    between = rng.uniform(1.7, 2.5)
    lobes, shapes = [], []
    for angle in (start, start + between):
        at = _turned(angle, rng.uniform(0.46, 0.54))
        axes = (rng.uniform(0.4, 0.48), rng.uniform(0.31, 0.36))
        shapes.append(ellipse(u, v, at, axes, angle + np.pi / 2 + rng.normal(0, 0.35)))
        lobes.append(at)
    shapes.append(bridge(u, v, lobes[0], lobes[1], 0.07))
    return union(shapes, 0.08)


def clover(u: Field, v: Field, rng: Rng) -> Field:
    """Two or three broad lobes that run together (basophil)."""
    count = int(rng.integers(2, 4))
    start = rng.uniform(0, 2 * np.pi)
    shapes = []
    for i in range(count):
        angle = start + i * 2 * np.pi / count + rng.normal(0, 0.2)
        at = _turned(angle, rng.uniform(0.26, 0.34))
        axes = (rng.uniform(0.42, 0.5), rng.uniform(0.34, 0.42))
        shapes.append(ellipse(u, v, at, axes, angle + np.pi / 2))
    return union(shapes, 0.15)


def round_nucleus(u: Field, v: Field, rng: Rng) -> Field:
    """One round nucleus that nearly fills the cell (lymphocyte)."""
    at = _turned(rng.uniform(0, 2 * np.pi), rng.uniform(0.03, 0.09))
    size = rng.uniform(0.8, 0.88)
    turn = rng.uniform(0, np.pi)
    depth = ellipse(u, v, at, (size, size * rng.uniform(0.88, 0.98)), turn)
    notch = _turned(rng.uniform(0, 2 * np.pi), rng.uniform(0.92, 1.0))
    return -union([-depth, ellipse(u, v, notch, (0.22, 0.16), turn)], 0.15)


def horseshoe(u: Field, v: Field, rng: Rng) -> Field:
    """One broad bent band, from a kidney to a horseshoe (monocyte)."""
    start = rng.uniform(0, 2 * np.pi)
    span = rng.uniform(2.6, 4.0)
    middle = start + span / 2
    bend = rng.uniform(0.3, 0.38)
    centre = _turned(middle + np.pi, rng.uniform(0.02, 0.1))
    shapes = []
    for t in np.linspace(0, 1, 6):
        offset = _turned(start + t * span, bend * 1.08)
        at = (centre[0] + offset[0], centre[1] + offset[1])
        size = rng.uniform(0.33, 0.39)
        shapes.append(ellipse(u, v, at, (size * 1.15, size), start + t * span + np.pi / 2))
    return union(shapes, 0.12)


def clumped(depth: Field, unit: float, rng: Rng) -> Field:
    """Dense chromatin in clumps with paler channels between them.

    Parameters
    ----------
    depth : (H, W) float32 ndarray
        In the nucleus, in parts of the cell's radius.
    unit : float
        The cell's radius in samples.
    rng : numpy.random.Generator
        Source of the texture.

    Returns
    -------
    (H, W) float32 ndarray
        Amount of stain, about 1.
    """
    scale = 0.042  # of a clump
    coarse = noise(depth.shape, scale * unit, rng)
    fine = noise(depth.shape, 0.45 * scale * unit, rng)
    broad = noise(depth.shape, 3 * scale * unit, rng)
    pale = ramp(0.75 * coarse + 0.75 * fine, -0.2, 2.0)
    membrane = np.exp(-((depth / 0.05) ** 2))
    stain = 1.12 + 0.06 * fine + 0.06 * broad - 0.62 * pale * (1 - membrane) + 0.06 * membrane
    return np.asarray(stain, np.float32)


def lacy(depth: Field, unit: float, rng: Rng) -> Field:
    """Loose chromatin: a net of fine strands with pale meshes; see `clumped`."""
    # The zero crossings of smooth noise are a net of winding lines.
    net = np.exp(-((noise(depth.shape, 0.033 * unit, rng) / 0.6) ** 2))
    fine = noise(depth.shape, 0.02 * unit, rng)
    broad = noise(depth.shape, 0.2 * unit, rng)
    membrane = np.exp(-((depth / 0.04) ** 2))
    return np.asarray(0.8 + 0.3 * net + 0.14 * fine + 0.07 * broad + 0.2 * membrane, np.float32)
