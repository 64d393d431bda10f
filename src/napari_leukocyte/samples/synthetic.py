"""The layout of the synthetic smear: places of its leukocytes, apart or touching."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.samples import _cells
from napari_leukocyte.samples._cells import KINDS, paint
from napari_leukocyte.samples._shapes import Outline, Plane, Rng, noise
from napari_leukocyte.vocabulary import LEUKOCYTE_NAMES

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


#: Leukocytes of the default smear: all five kinds, in an order of frequency like that of blood.
DEFAULT_COUNTS: Mapping[str, int] = MappingProxyType(
    {"neutrophil": 5, "eosinophil": 2, "basophil": 2, "lymphocyte": 3, "monocyte": 2}
)
#: Seed of the sample: the classifier takes one eosinophil of this smear for a neutrophil, as it
#: does with pale ones in blood, so that the tour has a class to correct.
SAMPLE_SEED = 0
#: Smallest and largest diameter, px: below, a nucleus is a few pixels; above, memory runs out.
DIAMETER_RANGE = (16.0, 400.0)
# White point of the empty background, parts of full scale: a warm lamp, as in most photographs.
_LAMP = np.asarray((0.975, 0.915, 0.84), np.float32)


@dataclass(frozen=True, eq=False)
class SyntheticSmear:
    """A synthetic smear and its truth.

    Attributes
    ----------
    image : (H, W, 3) uint8 ndarray
        The photograph, RGB.
    labels : (H, W) int32 ndarray
        Leukocytes, nucleus and cytoplasm; 0 is everything else.
    nucleus : (H, W) bool ndarray
        Nuclei of the leukocytes.
    classes : dict of int to str
        Class of each label, from `vocabulary.LEUKOCYTE_NAMES`.
    touching : tuple of (int, int)
        Labels that share a border.
    diameter : float
        Of a neutrophil, px.
    """

    image: NDArray[np.uint8]
    labels: NDArray[np.int32]
    nucleus: NDArray[np.bool_]
    classes: dict[int, str]
    touching: tuple[tuple[int, int], ...]
    diameter: float


def _names(n_per_class: int | Mapping[str, int]) -> list[str]:
    counts = (
        dict(n_per_class)
        if isinstance(n_per_class, Mapping)
        else dict.fromkeys(LEUKOCYTE_NAMES, n_per_class)
    )
    unknown = sorted(set(counts) - set(LEUKOCYTE_NAMES))
    if unknown:
        raise ParameterError(
            f"{unknown[0]!r} is not a class of leukocyte: use {', '.join(LEUKOCYTE_NAMES)}."
        )
    if any(n < 0 for n in counts.values()):
        raise ParameterError("The number of leukocytes of a class cannot be negative.")
    return [name for name in LEUKOCYTE_NAMES for _ in range(counts.get(name, 0))]


def _photograph(density: Plane, diameter: float, rng: Rng) -> NDArray[np.uint8]:
    """Photograph the field: uneven light, optics, sharpening and sensor noise."""
    height, width = density.shape[:2]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    tilt = rng.uniform(-0.03, 0.03, 2)
    cy, cx = rng.uniform(-0.3, 0.3, 2)
    light = 1.0 - 0.045 * ((y - cy) ** 2 + (x - cx) ** 2) + tilt[0] * y + tilt[1] * x
    light += 0.006 * noise((height, width), 0.25 * max(height, width), rng)
    # Beer and Lambert: densities add, light falls by a factor of ten with each unit.
    image = np.power(np.float32(10), -density) * _LAMP * light[..., None].astype(np.float32)
    image = cv2.GaussianBlur(image, (0, 0), max(0.0075 * diameter, 0.5))
    # Microscope cameras sharpen, which leaves the bright fringe about every cell.
    image += 0.55 * (image - cv2.GaussianBlur(image, (0, 0), max(0.025 * diameter, 1.0)))
    grain = rng.standard_normal(image.shape, dtype=np.float32)
    grain = 0.6 * grain + cv2.GaussianBlur(grain, (0, 0), 0.8)
    image += 0.011 * np.sqrt(np.clip(image, 0.02, 1)) * grain
    return np.asarray(np.clip(image * 255 + 0.5, 0, 255), np.uint8)


def synthetic_smear(
    shape: tuple[int, int] = (1000, 1000),
    seed: int = 0,
    n_per_class: int | Mapping[str, int] = DEFAULT_COUNTS,
    diameter: float = 90.0,
    touching_pairs: int = 2,
) -> SyntheticSmear:
    """Make a field of a Wright-Giemsa stained blood smear.

    Cells are painted as optical densities, which add up as stains do, under an uneven light,
    and photographed with a slight blur, sharpening and noise. The leukocytes lie whole within
    the field and apart from each other, but for the pairs that touch.

    Parameters
    ----------
    shape : tuple of int
        Height and width of the field, px.
    seed : int
        0 or more; the same seed and parameters give the same pixels.
    n_per_class : int or mapping of str to int
        Leukocytes of every class, or of each class by its name.
    diameter : float
        Of a neutrophil, px, 16 to 400; lymphocytes have 0.8 of it, monocytes 1.25.
    touching_pairs : int
        Pairs of leukocytes that touch; at most as many as there are leukocytes for.

    Returns
    -------
    SyntheticSmear

    Raises
    ------
    ParameterError
        If a parameter is out of its range or the field has no room for the leukocytes.

    Examples
    --------
    >>> import napari_leukocyte as nl
    >>> smear = nl.synthetic_smear((300, 300), n_per_class={"monocyte": 2}, diameter=60)
    >>> smear.image.shape, smear.image.dtype.name
    ((300, 300, 3), 'uint8')
    >>> smear.classes
    {1: 'monocyte', 2: 'monocyte'}
    """
    height, width = (int(n) for n in shape)
    if not DIAMETER_RANGE[0] <= diameter <= DIAMETER_RANGE[1]:
        low, high = DIAMETER_RANGE
        raise ParameterError(f"The diameter must be {low:g} to {high:g} px, not {diameter:g}.")
    if min(height, width) < 1 or seed < 0 or touching_pairs < 0:
        raise ParameterError("The shape must be positive; seed and pairs must be 0 or more.")
    names = _names(n_per_class)
    layout_rng, cell_rng, blood_rng, camera_rng = (
        np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(4)
    )
    order = [names[i] for i in layout_rng.permutation(len(names))]
    pairs = min(touching_pairs, len(order) // 2)
    groups = place(order, pairs, (height, width), diameter, layout_rng)

    density = np.zeros((height, width, 3), np.float32)
    labels = np.zeros((height, width), np.int32)
    nucleus = np.zeros((height, width), bool)
    classes: dict[int, str] = {}
    touching: list[tuple[int, int]] = []
    for group in groups:
        for name, cell in group:
            others = [other for _, other in group if other is not cell]
            painted = paint(name, cell, others, (height, width), cell_rng)
            part = painted.slices
            density[part] += painted.density
            classes[len(classes) + 1] = name
            labels[part][painted.cell > 0] = len(classes)
            nucleus[part] |= (painted.nucleus > 0) & (painted.cell > 0)
        if len(group) == 2:
            touching.append((len(classes) - 1, len(classes)))
    outlines = [cell for group in groups for _, cell in group]
    _cells.fill(density, outlines, diameter, blood_rng)
    image = _photograph(density, diameter, camera_rng)
    return SyntheticSmear(image, labels, nucleus, classes, tuple(touching), float(diameter))


def sample_smear() -> SyntheticSmear:
    """Make the smear that is the plugin's sample: of the demonstration, the tour and napari's menu.

    Returns
    -------
    SyntheticSmear
        Of 1000 x 1000 px, with 14 leukocytes of all five kinds.

    Examples
    --------
    >>> from napari_leukocyte.samples.synthetic import sample_smear
    >>> len(sample_smear().classes)
    14
    """
    return synthetic_smear(seed=SAMPLE_SEED)
