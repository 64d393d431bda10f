"""The cells of the synthetic smear, painted as optical densities: white, red, and platelets.

The five kinds of leukocyte are as Wright-Giemsa stain shows them; their morphology follows the
usual descriptions (Bain, *Blood Cells: A Practical Guide*, 5th ed., 2015). Optical densities are
those of red, green and blue against the empty background (log10); they were chosen to lie near
those of public photographs of stained smears.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from napari_leukocyte import vocabulary
from napari_leukocyte.samples import _interior
from napari_leukocyte.samples._interior import Density, mix
from napari_leukocyte.samples._shapes import Outline, Plane, Rng, Window, noise, ramp

# Samples a pixel, along each axis, at which leukocytes are painted.
_FINE = 2


@dataclass(frozen=True)
class CellDrawing:
    """A kind of leukocyte as it is painted.

    Attributes
    ----------
    size : float
        Diameter in parts of a neutrophil's.
    uneven : tuple of float
        How uneven the outline is: see `Outline.random`.
    cytoplasm, nucleus : tuple of float
        Optical densities.
    shape : callable
        Depth in the nucleus from coordinates in parts of the cell's radius.
    warp : float
        How far the nucleus departs from its ideal shape, in parts of the cell's radius.
    chromatin : callable
        Amount of stain in the nucleus: see `_interior.clumped`.
    finish : callable
        Paints granules and vacuoles: see `_interior`.
    """

    size: float
    uneven: tuple[float, ...]
    cytoplasm: Density
    nucleus: Density
    shape: Callable[[Plane, Plane, Rng], Plane]
    warp: float
    chromatin: Callable[[Plane, float, Rng], Plane]
    finish: Callable[[Plane, Plane, Plane, Plane, float, Rng], None]


# Standard deviations of the harmonics of an outline, from the second on.
_SMOOTH = (0.04, 0.025, 0.015, 0.01, 0.006, 0.005, 0.005, 0.004, 0.004, 0.003)
_RAGGED = (0.055, 0.04, 0.03, 0.02, 0.012, 0.012, 0.01, 0.009, 0.008, 0.008, 0.007, 0.006)
KINDS: dict[str, CellDrawing] = {
    vocabulary.NEUTROPHIL.name: CellDrawing(
        size=1.0,
        uneven=_SMOOTH,
        cytoplasm=(0.068, 0.122, 0.068),
        nucleus=(0.52, 0.86, 0.18),
        shape=_interior.segmented,
        warp=0.05,
        chromatin=_interior.clumped,
        finish=_interior.neutrophil,
    ),
    vocabulary.EOSINOPHIL.name: CellDrawing(
        size=1.06,
        uneven=_SMOOTH,
        cytoplasm=(0.11, 0.15, 0.07),
        nucleus=(0.45, 0.74, 0.17),
        shape=_interior.bilobed,
        warp=0.04,
        chromatin=_interior.clumped,
        finish=_interior.eosinophil,
    ),
    vocabulary.BASOPHIL.name: CellDrawing(
        size=0.96,
        uneven=_SMOOTH,
        cytoplasm=(0.14, 0.25, 0.1),
        nucleus=(0.4, 0.67, 0.16),
        shape=_interior.clover,
        warp=0.05,
        chromatin=_interior.clumped,
        finish=_interior.basophil,
    ),
    vocabulary.LYMPHOCYTE.name: CellDrawing(
        size=0.8,
        uneven=_SMOOTH,
        cytoplasm=(0.21, 0.205, 0.055),
        nucleus=(0.53, 0.84, 0.19),
        shape=_interior.round_nucleus,
        warp=0.03,
        chromatin=_interior.clumped,
        finish=_interior.lymphocyte,
    ),
    vocabulary.MONOCYTE.name: CellDrawing(
        size=1.25,
        uneven=_RAGGED,
        cytoplasm=(0.165, 0.19, 0.07),
        nucleus=(0.4, 0.69, 0.16),
        shape=_interior.horseshoe,
        warp=0.07,
        chromatin=_interior.lacy,
        finish=_interior.monocyte,
    ),
}


@dataclass(frozen=True, eq=False)
class Painted:
    """A painted leukocyte, on the pixels of a part of the field.

    Attributes
    ----------
    slices : tuple of slice
        The part: rows, columns.
    density : (H, W, 3) float32 ndarray
        Optical density; 0 outside the cell.
    cell, nucleus : (H, W) float32 ndarray
        Depth in the cell and in its nucleus, px, negative outside.
    """

    slices: tuple[slice, slice]
    density: Plane
    cell: Plane
    nucleus: Plane


def _pressed(cell: Outline, others: list[Outline], y: Plane, x: Plane) -> Plane:
    """Return the depth in a cell, flattened where other cells press on it."""
    own = depth = cell.depth(y, x)
    for other in others:
        depth = np.minimum(depth, (own - other.depth(y, x)) / 2)
    return depth


def paint(
    name: str, outline: Outline, others: list[Outline], shape: tuple[int, int], rng: Rng
) -> Painted:
    """Paint one leukocyte.

    Parameters
    ----------
    name : str
        One of `vocabulary.LEUKOCYTE_NAMES`.
    outline : Outline
        The cell's, within the field.
    others : list of Outline
        Cells that press on it.
    shape : tuple of int
        Height and width of the field, px.
    rng : numpy.random.Generator
        Source of everything that varies from cell to cell.

    Returns
    -------
    Painted
    """
    kind = KINDS[name]
    radius = outline.radius
    window = Window.around(outline.y, outline.x, outline.reach + 1, shape, _FINE)
    unit = radius * window.factor
    y, x = window.coordinates()
    depth = _pressed(outline, others, y, x)
    u, v = (x - np.float32(outline.x)) / radius, (y - np.float32(outline.y)) / radius
    bend_u, bend_v = (kind.warp * noise(u.shape, 0.22 * unit, rng) for _ in range(2))
    inside = np.asarray(kind.shape(u + bend_u, v + bend_v, rng), np.float32)
    # Some cytoplasm lies all around a nucleus.
    inside = np.minimum(inside, depth / radius - 0.035)
    nucleus = ramp(inside, -0.02, 0.02)

    uneven = 1 + 0.1 * noise(u.shape, 0.3 * unit, rng)[..., None]
    cell = np.asarray(np.asarray(kind.cytoplasm, np.float32) * uneven, np.float32)
    chromatin = kind.chromatin(inside, unit, rng)[..., None]
    mix(cell, np.asarray(kind.nucleus, np.float32) * chromatin, nucleus)
    kind.finish(cell, u, v, nucleus, unit, rng)
    membrane = np.exp(-(((depth / radius - 0.03) / 0.03) ** 2)) * (1 - nucleus)
    cell *= (1 + 0.22 * membrane)[..., None]
    # Smears are nowhere stained evenly.
    cell *= np.float32(rng.uniform(0.92, 1.08)) * ramp(depth, -0.6, 0.6)[..., None]
    return Painted(
        window.slices, window.reduce(cell), window.reduce(depth), window.reduce(inside) * radius
    )


#: An erythrocyte of 7.5 um beside a neutrophil of 12 um.
ERYTHROCYTE_SIZE = 0.63
#: Usual diameter of a platelet (2 to 3 um), in parts of a neutrophil's.
PLATELET_SIZE = 0.2
# Share of the field that erythrocytes cover, before leukocytes take their place.
COVERAGE = 0.5
PLATELETS_AN_ERYTHROCYTE = 1 / 12
# Eosin and haemoglobin, from the same photographs.
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
