"""The five kinds of leukocyte as Wright-Giemsa stain shows them, painted as optical densities.

Morphology after the usual descriptions (Bain, *Blood Cells: A Practical Guide*, 5th ed., 2015).
Optical densities are those of red, green and blue against the empty background (log10);
they were chosen to lie near those of public photographs of stained smears.
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
