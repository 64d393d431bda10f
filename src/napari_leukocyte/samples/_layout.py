"""The layout of the synthetic smear: places of its leukocytes, apart or touching."""

from __future__ import annotations

import numpy as np

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.samples._leukocytes import KINDS
from napari_leukocyte.samples._shapes import Outline, Rng

# Leukocytes that do not touch stay this far apart, in parts of the diameter.
CLEARANCE = 0.2
# How deep touching cells press into each other, in parts of the smaller one's radius.
PRESS = 0.12
# Random places tried for a cell; more at each new attempt at the whole field.
_CANDIDATES = 12
_ATTEMPTS = 16


def _group(names: list[str], diameter: float, rng: Rng) -> list[Outline]:
    """Draw the outlines of one cell, or of two that touch, about the origin."""
    cells: list[Outline] = []
    for name in names:
        kind = KINDS[name]
        radius = diameter / 2 * kind.size * float(np.clip(np.exp(rng.normal(0, 0.04)), 0.92, 1.08))
        cells.append(Outline.random(0.0, 0.0, radius, rng, kind.uneven))
    if len(cells) == 1:
        return cells
    first, second = cells
    angle = float(rng.uniform(0, 2 * np.pi))
    apart = float(first.at(angle)) + float(second.at(angle + np.pi))
    apart -= PRESS * min(first.radius, second.radius)
    y, x = apart * np.sin(angle), apart * np.cos(angle)
    return [_moved(first, -y / 2, -x / 2), _moved(second, y / 2, x / 2)]


def _moved(cell: Outline, dy: float, dx: float) -> Outline:
    return Outline(cell.y + dy, cell.x + dx, cell.radius, cell.amplitudes, cell.phases)


def _room(group: list[Outline], others: list[Outline], shape: tuple[int, int]) -> float:
    """Return the smallest gap between a group and the other cells, px; -inf outside the field."""
    gap = np.inf
    for cell in group:
        margin = cell.reach + 1
        if not (
            margin <= cell.y <= shape[0] - 1 - margin and margin <= cell.x <= shape[1] - 1 - margin
        ):
            return -np.inf
        for other in others:
            gap = min(gap, np.hypot(cell.y - other.y, cell.x - other.x) - cell.reach - other.reach)
    return float(gap)


def place(
    names: list[str], pairs: int, shape: tuple[int, int], diameter: float, rng: Rng
) -> list[list[tuple[str, Outline]]]:
    """Place leukocytes in a field, whole, some of them touching in twos.

    Parameters
    ----------
    names : list of str
        Kind of each leukocyte; the first ``2 * pairs`` touch in twos.
    pairs : int
        Number of pairs.
    shape : tuple of int
        Height and width of the field, px.
    diameter : float
        Of a neutrophil, px.
    rng : numpy.random.Generator
        Source of places and outlines.

    Returns
    -------
    list of list of (str, Outline)
        Groups of one or two cells.

    Raises
    ------
    ParameterError
        If the field has no room for them.
    """
    split = [names[2 * i : 2 * i + 2] for i in range(pairs)] + [[n] for n in names[2 * pairs :]]
    for attempt in range(1, _ATTEMPTS + 1):
        groups: list[list[tuple[str, Outline]]] = []
        placed: list[Outline] = []
        for members in split:
            shapes = _group(members, diameter, rng)
            # The roomiest of several random places: spreads the cells, as a smear does.
            best, best_gap = shapes, -np.inf
            for y, x in rng.uniform((0, 0), shape, (attempt * _CANDIDATES, 2)):
                there = [_moved(s, y, x) for s in shapes]
                gap = _room(there, placed, shape)
                if gap > best_gap:
                    best, best_gap = there, gap
            if best_gap < CLEARANCE * diameter:
                break
            placed += best
            groups.append(list(zip(members, best, strict=True)))
        else:
            return groups
    raise ParameterError(
        f"A field of {shape[0]} x {shape[1]} px has no room for {len(names)} leukocytes of "
        f"{diameter:g} px: make the field larger, or the cells smaller or fewer."
    )
