"""Cytoplasm of the synthetic leukocytes: granules, vacuoles, and what else tells the kinds apart.

Lengths are in parts of the cell's radius, the cell's centre being the origin. Each painter
changes a cell's optical density in place, given the coordinates `u` (right) and `v` (down), how
much `nuc` of each sample is nucleus (0 to 1), and the cell's radius in samples, `unit`.
"""

from __future__ import annotations

import numpy as np

from napari_leukocyte.samples._shapes import Field, Rng, noise, ramp

#: Optical density of red, green and blue.
Density = tuple[float, float, float]


def mix(density: Field, other: Density | Field, share: Field) -> None:
    """Replace `share` of a density by another one, in place."""
    density += share[..., None] * (np.asarray(other, np.float32) - density)


def _scatter(
    u: Field,
    v: Field,
    unit: float,
    rng: Rng,
    *,
    spacing: float,
    radius: tuple[float, float],
    uneven: float,
) -> tuple[Field, Field]:
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


def neutrophil(cell: Field, u: Field, v: Field, nuc: Field, unit: float, rng: Rng) -> None:
    dust = ramp(noise(u.shape, 0.02 * unit, rng), 0.1, 2.1)
    patches = ramp(noise(u.shape, 0.2 * unit, rng), -1.5, 1.5)
    mix(cell, (0.15, 0.29, 0.12), dust * (0.3 + 0.5 * patches) * (1 - nuc))


def eosinophil(cell: Field, u: Field, v: Field, nuc: Field, unit: float, rng: Rng) -> None:
    cover, tone = _scatter(u, v, unit, rng, spacing=0.088, radius=(0.036, 0.056), uneven=0.008)
    # The outermost cytoplasm is free of granules here and there.
    rim = np.hypot(u, v) + 0.1 * noise(u.shape, 0.25 * unit, rng)
    share = (0.52 + 0.48 * cover) * ramp(rim, 1.12, 0.86) * (1 - 0.93 * nuc)
    red = np.asarray((0.115, 0.33, 0.22), np.float32) * (1 + 0.22 * tone[..., None])
    mix(cell, red, share)


def basophil(cell: Field, u: Field, v: Field, nuc: Field, unit: float, rng: Rng) -> None:
    cover, tone = _scatter(u, v, unit, rng, spacing=0.11, radius=(0.035, 0.085), uneven=0.025)
    clear = ramp(noise(u.shape, 0.16 * unit, rng), 2.2, 0.4)
    dark = np.asarray((0.5, 0.83, 0.19), np.float32) * (1 + 0.2 * tone[..., None])
    mix(cell, dark, cover * clear * (0.92 - 0.12 * nuc))


def lymphocyte(cell: Field, u: Field, v: Field, nuc: Field, unit: float, rng: Rng) -> None:
    grain = noise(u.shape, 0.03 * unit, rng)
    deep = ramp(np.hypot(u, v), 0.75, 1.0)
    cell *= (1 + (0.1 * grain + 0.35 * deep - 0.1) * (1 - nuc))[..., None]


def monocyte(cell: Field, u: Field, v: Field, nuc: Field, unit: float, rng: Rng) -> None:
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
