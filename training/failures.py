"""Pictures of what the shipped models get wrong, on smears that are drawn.

Photographs of the sets belong to their sets and can't stand in the documentation
(:mod:`training.gallery` draws their errors where they are). A drawn smear belongs to nobody, its
truth is known, and it can be spoilt in one way at a time: each picture shows where that begins to
matter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import napari_leukocyte as nl
from napari_leukocyte.reporting.drawing import write_png
from napari_leukocyte.samples.synthetic import SyntheticSmear, synthetic_smear
from napari_leukocyte.segmentation.matching import overlaps
from napari_leukocyte.segmentation.objects import find_objects
from training.metrics import foreground_iou, match_objects
from training.mosaic import mosaic, outlined, tile

PAGE_PICTURE = Path(__file__).parents[1] / "docs" / "images" / "training" / "failures.png"
#: Diameter of a neutrophil in the drawings, px, and their side.
DIAMETER, SIDE = 90.0, 380
#: Side of a tile and tiles in a row of the picture, px.
TILE, COLUMNS = 230, 4
#: Lines of text below a tile's title.
LINES = 4
#: IoU from which what was found is the object.
SAME = 0.5


@dataclass(frozen=True, eq=False)
class Case:
    """A drawn smear, spoilt in one way.

    Attributes
    ----------
    title : str
        What is wrong with it.
    image : ndarray
        (H, W, 3) uint8.
    labels : ndarray
        (H, W) int32: the leukocytes that a microscopist would count.
    classes : dict of int to str
        The class of each.
    """

    title: str
    image: NDArray[np.uint8]
    labels: NDArray[np.int32]
    classes: dict[int, str]


def draw_failures(file: Path = PAGE_PICTURE) -> Path:
    """Segment and classify every case with the default models, and draw what came out.

    Parameters
    ----------
    file : Path
        The picture.

    Returns
    -------
    Path
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    write_png(file, mosaic([_tried(case) for case in cases()], COLUMNS))
    return file


def cases() -> Iterator[Case]:
    """Draw the cases, the unspoilt one first."""
    plain = _smear({"neutrophil": 1, "lymphocyte": 1, "monocyte": 1})
    image, truth = plain.image, (plain.labels, plain.classes)
    yield Case("as drawn", image, *truth)
    for sigma in (4, 8):
        yield Case(f"out of focus, sigma {sigma} px", _blurred(image, sigma), *truth)
    for strength in (0.4, 0.2):
        yield Case(f"stain at {strength:.0%}", _stained(image, strength), *truth)
    yield Case("stain at 250%", _stained(image, 2.5), *truth)
    yield Case("a blue filter", _filtered(image), *truth)
    yield Case("JPEG of quality 5", _compressed(image, 5), *truth)
    yield _clump()
    yield _cut()
    nobody: tuple[NDArray[np.int32], dict[int, str]] = (np.zeros_like(plain.labels), {})
    yield Case("bare nuclei", _bare(plain), *nobody)
    yield Case("smudge cells", _smudged(plain), *nobody)


def _smear(n_per_class: dict[str, int], seed: int = 5) -> SyntheticSmear:
    return synthetic_smear((SIDE, SIDE), seed, n_per_class, DIAMETER, touching_pairs=0)


def _blurred(image: NDArray[np.uint8], sigma: float) -> NDArray[np.uint8]:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)


def _stained(image: NDArray[np.uint8], strength: float) -> NDArray[np.uint8]:
    """Multiply the optical densities over the background's."""
    white = np.percentile(image.reshape(-1, 3), 95, axis=0)
    light = np.minimum(1, np.maximum(image, 1) / white)
    return (white * light**strength).astype(np.uint8)


def _filtered(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(image * np.array([0.45, 0.6, 1.0]), np.uint8)


def _compressed(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    _, packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)


def _clump() -> Case:
    """Set copies of one drawing's cells about its middle, each overlapping the next."""
    smear = _smear({"neutrophil": 2, "lymphocyte": 2}, seed=8)
    image = _background(smear)
    labels = np.zeros_like(smear.labels)
    classes: dict[int, str] = {}
    radius = 0.58 * DIAMETER
    for number, name in smear.classes.items():
        ys, xs = np.nonzero(smear.labels == number)
        angle = np.pi / 2 * number
        y = ys - ys.mean() + SIDE / 2 + radius * np.sin(angle)
        x = xs - xs.mean() + SIDE / 2 + radius * np.cos(angle)
        place = np.round(y).astype(int), np.round(x).astype(int)
        image[place], labels[place] = smear.image[ys, xs], number
        classes[number] = name
    return Case("a clump of four", image, labels, classes)


def _cut() -> Case:
    """Cut the field so that a third of a cell is left at its border."""
    smear = _smear({"neutrophil": 1})
    ys, _ = np.nonzero(smear.labels)
    top = int(np.percentile(ys, 67))
    room = ((0, top), (0, 0))
    image = np.pad(smear.image[top:], (*room, (0, 0)), mode="reflect")
    labels = np.pad(smear.labels[top:], room)
    return Case("a third, cut by the border", image, labels, smear.classes)


def _background(smear: SyntheticSmear) -> NDArray[np.uint8]:
    """Paint the leukocytes over with what surrounds them."""
    grown = cv2.dilate((smear.labels > 0).astype(np.uint8), np.ones((7, 7), np.uint8))
    return np.asarray(cv2.inpaint(smear.image, grown, 5, cv2.INPAINT_TELEA), np.uint8)


def _bare(smear: SyntheticSmear) -> NDArray[np.uint8]:
    """Take the cytoplasm away."""
    return np.where(smear.nucleus[..., np.newaxis], smear.image, _background(smear))


def _smudged(smear: SyntheticSmear) -> NDArray[np.uint8]:
    """Wipe bare nuclei in one direction, as the spreader does with broken cells."""
    length = round(0.7 * DIAMETER)
    kernel = np.zeros((length, length), np.float32)
    cv2.line(kernel, (0, length - 1), (length - 1, 0), 1.0, 15)
    empty = _background(smear)
    dark = empty.astype(np.float32) - _bare(smear)
    wiped = empty - 1.5 * cv2.filter2D(dark, -1, kernel / kernel.sum())
    return np.clip(wiped, 0, 255).astype(np.uint8)


def _tried(case: Case) -> NDArray[np.uint8]:
    maps = nl.segment_members(case.image)
    nucleus = maps.combine_nucleus()
    labels = find_objects(maps, nucleus=nucleus).labels
    score = match_objects(case.labels, labels)
    lines = []
    if case.classes:
        iou = foreground_iou(case.labels > 0, labels > 0)
        lines.append(f"found {score.true_positives} of {len(case.classes)}, IoU {iou:.2f}")
    if score.false_positives:
        lines.append(f"{score.false_positives} found that are none")
    table = nl.classify(case.image, labels, nucleus=nucleus)
    truth = {f: case.classes[t] for iou, f, t in overlaps(labels, case.labels) if iou >= SAME}
    wrong = [
        f"{truth.get(number, 'none')} said {name} {confidence:.2f}"
        for number, name, confidence in zip(
            table["label"], table["class"], table["confidence"], strict=True
        )
        if truth.get(number) != name
    ]
    lines += wrong or ["all classes right"]
    lines += [""] * (LINES - len(lines))
    drawn = outlined(case.image, case.labels > 0, labels > 0)
    return tile(drawn, TILE, case.title, *lines)
