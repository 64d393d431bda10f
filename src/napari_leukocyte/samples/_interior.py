"""The interior of the synthetic leukocytes: shapes of nuclei and their chromatin, and cytoplasm.

Lengths are in parts of the cell's radius, the cell's centre being the origin. Each painter of
cytoplasm changes a cell's optical density in place, given the coordinates `u` (right) and `v`
(down), how much `nuc` of each sample is nucleus (0 to 1), and the cell's radius in samples, `unit`.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from napari_leukocyte.samples._shapes import (
    Plane,
    Rng,
    bridge,
    ellipse,
    noise,
    ramp,
    union,
)

#: Optical density of red, green and blue.
Density = tuple[float, float, float]


def _turned(angle: float, distance: float) -> tuple[float, float]:
    return float(distance * np.cos(angle)), float(distance * np.sin(angle))


def segmented(u: Plane, v: Plane, rng: Rng) -> Plane:
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


def bilobed(u: Plane, v: Plane, rng: Rng) -> Plane:
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


def clover(u: Plane, v: Plane, rng: Rng) -> Plane:
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


def round_nucleus(u: Plane, v: Plane, rng: Rng) -> Plane:
    """One round nucleus that nearly fills the cell (lymphocyte)."""
    at = _turned(rng.uniform(0, 2 * np.pi), rng.uniform(0.03, 0.09))
    size = rng.uniform(0.8, 0.88)
    turn = rng.uniform(0, np.pi)
    depth = ellipse(u, v, at, (size, size * rng.uniform(0.88, 0.98)), turn)
    notch = _turned(rng.uniform(0, 2 * np.pi), rng.uniform(0.92, 1.0))
    return -union([-depth, ellipse(u, v, notch, (0.22, 0.16), turn)], 0.15)


def horseshoe(u: Plane, v: Plane, rng: Rng) -> Plane:
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


def clumped(depth: Plane, unit: float, rng: Rng) -> Plane:
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


def lacy(depth: Plane, unit: float, rng: Rng) -> Plane:
    """Loose chromatin: a net of fine strands with pale meshes; see `clumped`."""
    # The zero crossings of smooth noise are a net of winding lines.
    net = np.exp(-((noise(depth.shape, 0.033 * unit, rng) / 0.6) ** 2))
    fine = noise(depth.shape, 0.02 * unit, rng)
    broad = noise(depth.shape, 0.2 * unit, rng)
    membrane = np.exp(-((depth / 0.04) ** 2))
    return np.asarray(0.8 + 0.3 * net + 0.14 * fine + 0.07 * broad + 0.2 * membrane, np.float32)


def mix(density: Plane, other: Density | Plane, share: Plane) -> None:
    """Replace `share` of a density by another one, in place."""
    density += share[..., None] * (np.asarray(other, np.float32) - density)


def _scatter(
    u: Plane,
    v: Plane,
    unit: float,
    rng: Rng,
    *,
    spacing: float,
    radius: tuple[float, float],
    uneven: float,
) -> tuple[Plane, Plane]:
    """Strew granules over a cell on a jittered grid; `uneven` bends them out of round.

    Returns how much of a granule covers each sample, 0..1, and a tone of -1..1 a granule.
    """
    cover, tone = np.zeros_like(u), np.zeros_like(u)
    grid = np.mgrid[-1.1:1.1:spacing, -1.1:1.1:spacing].reshape(2, -1).T
    grid = grid + rng.uniform(-0.45, 0.45, grid.shape) * spacing
    radii = rng.uniform(*radius, len(grid))
    tones = rng.uniform(-1, 1, len(grid))
    height, width = u.shape
    left, top = float(u[0, 0]), float(v[0, 0])
    u, v = (np.float32(uneven) * noise(a.shape, 0.05 * unit, rng) + a for a in (u, v))
    for (gv, gu), size, granule in zip(grid, radii, tones, strict=True):
        y, x, reach = (gv - top) * unit, (gu - left) * unit, (size + 3 * uneven) * unit + 1.5
        y0, y1 = max(int(y - reach), 0), min(int(y + reach) + 2, height)
        x0, x1 = max(int(x - reach), 0), min(int(x + reach) + 2, width)
        if y0 >= y1 or x0 >= x1:
            continue
        part = (slice(y0, y1), slice(x0, x1))
        distance = np.hypot(u[part] - np.float32(gu), v[part] - np.float32(gv))
        disc = ramp(distance, size + 0.7 / unit, size - 1.5 / unit)
        nearer = disc > cover[part]
        cover[part][nearer] = disc[nearer]
        tone[part][nearer] = granule
    return cover, tone


def neutrophil(cell: Plane, u: Plane, v: Plane, nuc: Plane, unit: float, rng: Rng) -> None:
    dust = ramp(noise(u.shape, 0.02 * unit, rng), 0.1, 2.1)
    patches = ramp(noise(u.shape, 0.2 * unit, rng), -1.5, 1.5)
    mix(cell, (0.15, 0.29, 0.12), dust * (0.3 + 0.5 * patches) * (1 - nuc))


def eosinophil(cell: Plane, u: Plane, v: Plane, nuc: Plane, unit: float, rng: Rng) -> None:
    cover, tone = _scatter(u, v, unit, rng, spacing=0.088, radius=(0.036, 0.056), uneven=0.008)
    # The outermost cytoplasm is free of granules here and there.
    rim = np.hypot(u, v) + 0.1 * noise(u.shape, 0.25 * unit, rng)
    share = (0.52 + 0.48 * cover) * ramp(rim, 1.12, 0.86) * (1 - 0.93 * nuc)
    red = np.asarray((0.115, 0.33, 0.22), np.float32) * (1 + 0.22 * tone[..., None])
    mix(cell, red, share)


def basophil(cell: Plane, u: Plane, v: Plane, nuc: Plane, unit: float, rng: Rng) -> None:
    cover, tone = _scatter(u, v, unit, rng, spacing=0.11, radius=(0.035, 0.085), uneven=0.025)
    clear = ramp(noise(u.shape, 0.16 * unit, rng), 2.2, 0.4)
    dark = np.asarray((0.5, 0.83, 0.19), np.float32) * (1 + 0.2 * tone[..., None])
    mix(cell, dark, cover * clear * (0.92 - 0.12 * nuc))


def lymphocyte(cell: Plane, u: Plane, v: Plane, nuc: Plane, unit: float, rng: Rng) -> None:
    grain = noise(u.shape, 0.03 * unit, rng)
    deep = ramp(np.hypot(u, v), 0.75, 1.0)
    cell *= (1 + (0.1 * grain + 0.35 * deep - 0.1) * (1 - nuc))[..., None]


def monocyte(cell: Plane, u: Plane, v: Plane, nuc: Plane, unit: float, rng: Rng) -> None:
    glass = noise(u.shape, 0.028 * unit, rng) + 0.6 * noise(u.shape, 0.15 * unit, rng)
    cell *= (1 + 0.13 * glass * (1 - nuc))[..., None]
    dust = ramp(noise(u.shape, 0.014 * unit, rng), 1.5, 2.6)
    mix(cell, (0.3, 0.5, 0.15), 0.6 * dust * (1 - nuc))
    for _ in range(int(rng.integers(4, 9))):
        angle, distance = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 0.88)
        at = np.hypot(u - distance * np.cos(angle), v - distance * np.sin(angle))
        size = rng.uniform(0.035, 0.085)
        hole = ramp(at, size + 0.015, size - 0.02) * (1 - 0.55 * nuc)
        cell *= (1 - 0.75 * hole)[..., None]
