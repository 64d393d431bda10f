"""Erythrocytes and platelets, which lie between the leukocytes of the synthetic smear."""

from __future__ import annotations

import numpy as np

from napari_leukocyte.samples._shapes import Outline, Plane, Rng, Window, noise, ramp

#: An erythrocyte of 7.5 um beside a neutrophil of 12 um.
ERYTHROCYTE_SIZE = 0.63
#: Usual diameter of a platelet (2 to 3 um), in parts of a neutrophil's.
PLATELET_SIZE = 0.2
# Share of the field that erythrocytes cover, before leukocytes take their place.
COVERAGE = 0.5
PLATELETS_AN_ERYTHROCYTE = 1 / 12
# Eosin and haemoglobin; see _leukocytes about the source of densities.
EOSIN = np.asarray((0.092, 0.165, 0.128), np.float32)
AZURE = np.asarray((0.12, 0.13, 0.04), np.float32)
GRANULOMERE = np.asarray((0.4, 0.62, 0.16), np.float32)


def _erythrocyte(
    density: Plane, wall: Plane, at: tuple[float, float], size: float, rng: Rng
) -> None:
    """Add one erythrocyte: a disc with a soft pale centre, pressed flat by a leukocyte."""
    radius = size / 2 * float(np.exp(rng.normal(0, 0.06)))
    outline = Outline.random(at[0], at[1], radius, rng, (0.055, 0.025, 0.014, 0.008))
    window = Window.around(at[0], at[1], outline.reach + 2, wall.shape)
    if window.empty:
        return
    y, x = window.coordinates()
    part = window.slices
    depth = np.minimum(outline.depth(y, x), -wall[part] - np.float32(0.02 * size))
    t = depth / np.float32(radius)
    # The pale centre: a third of the diameter, sometimes large, small, oblong or missing.
    pale = float(np.clip(rng.normal(0.6, 0.18), 0.1, 0.88))
    width = float(np.clip(rng.normal(0.36, 0.09), 0.15, 0.6))
    turn, flat = rng.uniform(0, np.pi), rng.uniform(1.0, 1.35) if rng.random() < 0.9 else 2.4
    dy = (y - at[0] - rng.normal(0, 0.05) * radius) / radius
    dx = (x - at[1] - rng.normal(0, 0.05) * radius) / radius
    a, b = np.cos(turn) * dx + np.sin(turn) * dy, np.cos(turn) * dy - np.sin(turn) * dx
    centre = np.hypot(a / np.sqrt(flat), b * np.sqrt(flat))
    soft = rng.uniform(0.14, 0.32)
    hollow = pale * ramp(centre.astype(np.float32), width + soft, max(width - soft, 0.0))
    rim = 0.12 * np.exp(-(((t - 0.1) / 0.07) ** 2))
    grain = 0.02 * noise(t.shape, 0.1 * radius, rng)
    thickness = ramp(depth, -0.7, 0.05 * radius + 0.7) * (1 - hollow + rim + grain)
    stain = float(np.clip(rng.normal(1.0, 0.1), 0.75, 1.3))
    density[part] += (stain * thickness)[..., None] * EOSIN


def _platelet(density: Plane, wall: Plane, at: tuple[float, float], size: float, rng: Rng) -> None:
    """Add one platelet: a ragged pale blue body with purple granules in its middle."""
    radius = size / 2 * float(rng.uniform(0.7, 1.3))
    outline = Outline.random(at[0], at[1], radius, rng, (0.14, 0.1, 0.08, 0.07, 0.05))
    window = Window.around(at[0], at[1], outline.reach + 2, wall.shape)
    if window.empty:
        return
    y, x = window.coordinates()
    part = window.slices
    depth = np.minimum(outline.depth(y, x), -wall[part] - np.float32(0.1 * size))
    body = ramp(depth, -0.8, 0.8)
    speckle = ramp(noise(depth.shape, 0.16 * radius, rng), -0.7, 0.9)
    core = ramp(depth / np.float32(radius), 0.1, 0.6) * speckle * rng.uniform(0.6, 1.0)
    density[part] += body[..., None] * (AZURE + core[..., None] * GRANULOMERE)


def _darts(
    shape: tuple[int, int], wall: Plane, size: float, count: int, rng: Rng
) -> list[tuple[float, float]]:
    """Place up to `count` discs about the leukocytes; most lie apart, a few overlap."""
    placed = np.empty((0, 2))
    for _ in range(count * 12):
        if len(placed) >= count:
            break
        at = rng.uniform((-size / 2, -size / 2), (shape[0] + size / 2, shape[1] + size / 2))
        inside = np.clip(at.astype(int), 0, np.asarray(shape) - 1)
        # A third of an erythrocyte may be pressed in by a leukocyte, no more.
        if wall[inside[0], inside[1]] > -0.36 * size:
            continue
        near = size * (0.66 if rng.random() < 0.08 else 0.98)
        if len(placed) and np.min(np.hypot(*(placed - at).T)) < near:
            continue
        placed = np.vstack([placed, at])
    return [(float(y), float(x)) for y, x in placed]


def fill(density: Plane, leukocytes: list[Outline], diameter: float, rng: Rng) -> None:
    """Fill the room between leukocytes with erythrocytes and platelets.

    Parameters
    ----------
    density : (H, W, 3) float32 ndarray
        Optical density of the field; changed in place.
    leukocytes : list of Outline
        Nothing is painted inside them.
    diameter : float
        Of a neutrophil, px.
    rng : numpy.random.Generator
        Source of places and shapes.
    """
    shape = (density.shape[0], density.shape[1])
    # Depth in the nearest leukocyte, px, negative outside.
    wall = np.full(shape, -10 * diameter, np.float32)
    for cell in leukocytes:
        window = Window.around(cell.y, cell.x, cell.reach + diameter / 2, shape)
        wall[window.slices] = np.maximum(wall[window.slices], cell.depth(*window.coordinates()))
    size = ERYTHROCYTE_SIZE * diameter
    room = (shape[0] + size) * (shape[1] + size)
    count = int(np.ceil(COVERAGE * room / (np.pi * size * size / 4)))
    for at in _darts(shape, wall, size, count, rng):
        _erythrocyte(density, wall, at, size, rng)
    for _ in range(int(np.ceil(count * PLATELETS_AN_ERYTHROCYTE))):
        place = rng.uniform((0, 0), shape)
        if wall[int(place[0]), int(place[1])] < -PLATELET_SIZE * diameter:
            _platelet(density, wall, (place[0], place[1]), PLATELET_SIZE * diameter, rng)
