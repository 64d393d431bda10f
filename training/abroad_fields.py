"""Fields of laboratories that no network here was trained on, with what is known of their cells.

Where a set has whole fields they are taken as they are. Where it has crops of single cells, the
cells are pasted into large fields of a further set that shows no leukocyte, in sizes and numbers
that vary far more than those of any set; everything random follows from a seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from training.agree import photographs_with_agreed_masks
from training.cells import main_region, truth_labels
from training.data.loaders import bionet
from training.data.photographs import DatasetName, Photograph, load
from training.data.splits import Side, select
from training.size_batches import ASSUMED

Image = NDArray[np.uint8]
Kind = Literal["fields", "pasted", "crops"]
#: Model whose members' agreed masks cut the cells that are pasted.
CUT_BY = "unet-lite-trio"
#: Pasted fields of a source.
PASTED = 12
#: Ranges of a pasted field's larger side, of the number of its cells and of their diameter, px.
SIDES, NUMBERS, DIAMETERS = (1000, 3000), (0, 30), (20.0, 250.0)
#: A field has at most this many diameters along its larger side: 3,000 px of cells of 20 px would
#: be an image of 10,000 px to networks that see cells at 64 px.
_MOST_DIAMETERS = 30
#: Share of the field that its cells cover at most.
_MOST_COVERED = 0.25
#: Spread of the logarithm of the diameters within a field.
_SPREAD = 0.12
#: Cells of one smear from which a field is made of that smear alone.
_A_SMEAR = 8


@dataclass(frozen=True, eq=False)
class Field:
    """A photograph, or one that was put together, and its truth.

    Attributes
    ----------
    source : str
        The set whose leukocytes it shows.
    kind : {"fields", "pasted", "crops"}
        A whole field, one with pasted cells, or a crop of which only the cell in the middle is
        known.
    name : str
        Unique within source and kind.
    group : str
        What is drawn together in a bootstrap: smear, run or photograph.
    rgb : ndarray
        (H, W, 3) uint8.
    labels : ndarray or None
        (H, W) int32: the leukocytes, where there are masks.
    boxes : ndarray
        (N, 4) y0, x0, y1, x1 of each leukocyte, px.
    classes : tuple of (str or None)
        (N,): the class of each, where it is known.
    diameter : float or None
        Median diameter, px; None where nothing is known of it or there is no leukocyte.
    """

    source: str
    kind: Kind
    name: str
    group: str
    rgb: Image
    labels: NDArray[np.int32] | None
    boxes: NDArray[np.float64]
    classes: tuple[str | None, ...]
    diameter: float | None


@dataclass(frozen=True)
class Lazy:
    """A field that has not been read yet."""

    source: str
    kind: Kind
    name: str
    read: Callable[[], Field]


def fields_abroad(data_root: Path) -> list[Lazy]:
    """List every field of the measurement; reading one takes a moment, listing them does not."""
    found = [_lazy(p, "fields", _bccd) for p in _side("bccd", data_root, "test") if p.mask]
    found += [_lazy(p, "fields", _bionet) for p in load("bionet", data_root)]
    found += [_lazy(p, "fields", _empty) for p in load("chula_rbc", data_root)]
    crops: tuple[DatasetName, ...] = ("raabin_labelled", "choi_marrow")
    for dataset in crops:
        found += [_lazy(p, "crops", _crop) for p in load(dataset, data_root) if p.label]
        maker = Maker(dataset, data_root)
        found += [
            Lazy(dataset, "pasted", f"{number:02d}", partial(maker.make, number))
            for number in range(PASTED)
        ]
    return found


def _lazy(photograph: Photograph, kind: Kind, read: Callable[[Photograph], Field]) -> Lazy:
    name = Path(photograph.name).stem
    return Lazy(photograph.dataset, kind, name, lambda: read(photograph))


def _side(dataset: DatasetName, data_root: Path, side: Side) -> list[Photograph]:
    return select(load(dataset, data_root), dataset, side)


def _bccd(p: Photograph) -> Field:
    labels = truth_labels(p)
    boxes, areas = boxes_of(labels)
    label = p.label if len(boxes) == 1 else None
    classes = (label,) * len(boxes)
    diameter = float(np.sqrt(4 * np.median(areas) / np.pi)) if len(areas) else None
    rgb = p.read()
    return Field("bccd", "fields", p.image.stem, p.key, rgb, labels, boxes, classes, diameter)


def _bionet(p: Photograph) -> Field:
    boxes, rgb = bionet.read_boxes(p), p.read()
    height, width = rgb.shape[:2]
    whole = (boxes[:, :2] > 1).all(1) & (boxes[:, 2] < height - 1) & (boxes[:, 3] < width - 1)
    sides = np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1))
    # Boxes have room around the cell; of one that is cut, the longer side says more.
    sides = np.where(whole, sides, (boxes[:, 2:] - boxes[:, :2]).max(1, initial=0))
    diameter = float(np.median(sides)) if len(boxes) else None
    classes = (p.label,) * len(boxes) if len(boxes) == 1 else (None,) * len(boxes)
    return Field("bionet", "fields", p.image.stem, p.key, rgb, None, boxes, classes, diameter)


def _empty(p: Photograph) -> Field:
    rgb = p.read()
    labels = np.zeros(rgb.shape[:2], np.int32)
    return Field(p.dataset, "fields", p.image.stem, p.key, rgb, labels, np.zeros((0, 4)), (), None)


def _crop(p: Photograph) -> Field:
    rgb = p.read()
    middle = np.array(rgb.shape[:2]) / 2
    # Only where it is, not how large: a point in the middle.
    boxes = np.concatenate([middle, middle])[None]
    return Field(p.dataset, "crops", p.image.stem, p.key, rgb, None, boxes, (p.label,), None)


def boxes_of(labels: NDArray[np.int32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return boxes (N, 4) y0, x0, y1, x1 and areas (N,) of a label image's objects, in order."""
    from napari_leukocyte.classification.measurements import iterate_regions

    regions = list(iterate_regions(labels))
    boxes = np.array([[r.y0, r.x0, r.y1, r.x1] for r in regions], float).reshape(-1, 4)
    return boxes, np.array([r.area for r in regions], float)


@dataclass(frozen=True, eq=False)
class _Cut:
    """A cell cut from its crop."""

    rgb: Image
    mask: NDArray[np.uint8]
    light: NDArray[np.float64]
    label: str | None
    group: str
    diameter: float


class Maker:
    """Pastes a set's cells into fields of Chula RBC-12, which show no leukocyte."""

    def __init__(self, dataset: DatasetName, data_root: Path) -> None:
        self._dataset, self._root = dataset, data_root
        self._cuts: list[_Cut] = []
        self._empty: list[Image] = []

    def _read(self) -> None:
        if self._cuts:
            return
        for side in ("train", "validation", "test"):
            for p in photographs_with_agreed_masks(self._dataset, self._root, CUT_BY, side):
                cut = _cut(p)
                if cut is not None:
                    self._cuts.append(cut)
        self._empty = [p.read() for p in load("chula_rbc", self._root)]

    def make(self, number: int) -> Field:
        """Put a field together."""
        self._read()
        rng = np.random.default_rng([number, 14])
        low, high = np.log(DIAMETERS)
        # Evenly over the sizes, so that few fields show them all.
        share = (number + rng.uniform(0, 1)) / PASTED
        diameter = float(np.exp(low + share * (high - low)))
        longest = min(SIDES[1], _MOST_DIAMETERS * diameter)
        width = round(float(rng.uniform(SIDES[0], max(SIDES[0] + 1, longest))))
        height = round(0.75 * width)
        rgb = self._background(height, width, diameter / ASSUMED["chula_rbc"], rng)
        most = int(_MOST_COVERED * height * width / diameter**2)
        wanted = min(most, int(rng.integers(NUMBERS[0], NUMBERS[1] + 1)))
        labels = np.zeros((height, width), np.int32)
        classes: list[str | None] = []
        groups = [c.group for c in self._cuts]
        large = [g for g in sorted(set(groups)) if groups.count(g) >= _A_SMEAR]
        cuts = self._cuts
        if large:
            chosen = large[int(rng.integers(len(large)))]
            cuts = [c for c in cuts if c.group == chosen]
        for _ in range(wanted):
            cut = cuts[int(rng.integers(len(cuts)))]
            size = diameter * float(np.exp(rng.normal(0, _SPREAD)))
            if paste(rgb, labels, cut.rgb, cut.mask, cut.light, size / cut.diameter, rng):
                classes.append(cut.label)
        boxes, areas = boxes_of(labels)
        median = float(np.sqrt(4 * np.median(areas) / np.pi)) if len(areas) else None
        name = f"{number:02d}"
        return Field(
            self._dataset, "pasted", name, name, rgb, labels, boxes, tuple(classes), median
        )

    def _background(self, height: int, width: int, scale: float, rng: np.random.Generator) -> Image:
        """Lay one field's mirror images side by side, so that stain and light are one field's."""
        field = self._empty[int(rng.integers(len(self._empty)))]
        # Labels and scale bars are drawn into the corners.
        field = field[: round(0.85 * field.shape[0])]
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        tile = np.asarray(cv2.resize(field, None, fx=scale, fy=scale, interpolation=method))
        rows = [tile, tile[::-1]]
        lines = [np.concatenate([r, r[:, ::-1]], axis=1) for r in rows]
        block = np.concatenate(lines, axis=0)
        times = (-(-height // block.shape[0]) + 1, -(-width // block.shape[1]) + 1, 1)
        large = np.tile(block, times)
        top, left = int(rng.integers(block.shape[0])), int(rng.integers(block.shape[1]))
        return np.ascontiguousarray(large[top : top + height, left : left + width], np.uint8)


def _cut(p: Photograph) -> _Cut | None:
    labels = truth_labels(p)
    region = main_region(labels, central=True)
    if region is None:
        return None
    height, width = labels.shape
    if region.y0 == 0 or region.x0 == 0 or region.y1 == height or region.x1 == width:
        return None  # a whole cell only
    margin = 4
    y0, x0 = max(0, region.y0 - margin), max(0, region.x0 - margin)
    window = np.s_[y0 : region.y1 + margin, x0 : region.x1 + margin]
    rgb = p.read()
    return _Cut(
        rgb[window].copy(),
        (labels[window] == region.label).astype(np.uint8),
        background_light(rgb),
        p.label,
        p.key if p.group else "",
        float(np.sqrt(4 * region.area / np.pi)),
    )


def background_light(rgb: Image) -> NDArray[np.float64]:
    """Return the colour of the empty background, (3,): a high percentile of each channel."""
    return np.asarray(np.percentile(rgb[::4, ::4].reshape(-1, 3), 90, axis=0))


def paste(
    rgb: Image,
    labels: NDArray[np.int32],
    cell: Image,
    mask: NDArray[np.uint8],
    light: NDArray[np.float64],
    scale: float,
    rng: np.random.Generator,
    tries: int = 30,
) -> bool:
    """Paste a cell where it touches no other one, in place.

    Parameters
    ----------
    rgb, labels : ndarray
        (H, W, 3) uint8 and (H, W) int32: the field and its cells; the new one gets the next number.
    cell, mask : ndarray
        (h, w, 3) uint8 and (h, w) uint8, 0 or 1.
    light : ndarray
        (3,): colour of the background of the cell's photograph; it is brought to the field's.
    scale : float
        Factor on the cell's size.
    rng : numpy.random.Generator
        Chooses place and orientation.
    tries : int
        Places tried.

    Returns
    -------
    bool
        Whether there was room.
    """
    turn = int(rng.integers(4))
    cell, mask = np.rot90(cell, turn), np.rot90(mask, turn)
    if rng.random() < 0.5:
        cell, mask = cell[:, ::-1], mask[:, ::-1]
    shape = [max(3, round(s * scale)) for s in mask.shape[::-1]]
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    cell = np.asarray(cv2.resize(np.ascontiguousarray(cell), shape, interpolation=method))
    soft = cv2.resize(np.ascontiguousarray(mask).astype(np.float32), shape)
    height, width = labels.shape
    if height <= shape[1] or width <= shape[0]:
        return False
    for _ in range(tries):
        y, x = int(rng.integers(height - shape[1])), int(rng.integers(width - shape[0]))
        place = np.s_[y : y + shape[1], x : x + shape[0]]
        if labels[place].any():
            continue
        tint = (background_light(rgb) + 1) / (light + 1)
        alpha = cv2.GaussianBlur(soft, (0, 0), 0.8)[..., None]
        tinted = np.clip(cell * tint, 0, 255)
        rgb[place] = (rgb[place] * (1 - alpha) + tinted * alpha).astype(np.uint8)
        labels[place][soft >= 0.5] = labels.max() + 1
        return True
    return False


def sampled(fields: list[Lazy], limit: int | None) -> Iterator[Lazy]:
    """Yield all fields, or of each source and kind the same few, spread over the set."""
    kinds: dict[tuple[str, str], list[Lazy]] = {}
    for field in fields:
        kinds.setdefault((field.source, field.kind), []).append(field)
    for found in kinds.values():
        if limit is None or len(found) <= limit:
            yield from found
        else:
            for i in np.unique(np.linspace(0, len(found) - 1, limit).round().astype(int)):
                yield found[int(i)]
