"""Pictures of drawn fields as other laboratories take them, before and after: what `run` finds.

The sets' photographs can't stand in the documentation (see :mod:`training.failures`). A drawing
has what is said to matter in each of them: size of the field and of the cells, light, frame,
eyepiece. *Before* is the code and the models of an earlier checkout, run in a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_leukocyte.errors import ParameterError
from napari_leukocyte.reporting.drawing import write_png
from napari_leukocyte.samples.synthetic import synthetic_smear
from training.failures import Case
from training.metrics import foreground_iou, match_objects
from training.mosaic import mosaic, outlined, tile

ROOT = Path(__file__).parents[1]
PAGE_PICTURE = ROOT / "docs" / "images" / "training" / "drawn-fields.png"
#: Side of a tile and tiles in a row of the picture, px: before and after stand side by side.
TILE, COLUMNS = 240, 4


def draw_fields(former: Path, file: Path = PAGE_PICTURE) -> Path:
    """Run an earlier checkout and this one on every drawn field, and lay both side by side.

    Parameters
    ----------
    former : Path
        Root of a checkout of the project from before leukocytes were found by evidence, such as
        one by ``git worktree add``.
    file : Path
        The picture.

    Returns
    -------
    Path

    Raises
    ------
    ParameterError
        If `former` is no such checkout, or its program fails.
    """
    if not (former / "src" / "napari_leukocyte").is_dir():
        raise ParameterError(f"{former} is no checkout of this project.")
    tiles = []
    for field in fields():
        for when, root in (("before", former), ("after", ROOT)):
            found = _found(field.image, root)
            drawn = outlined(field.image, field.labels > 0, found > 0)
            tiles.append(tile(drawn, TILE, f"{field.title}: {when}", *_said(field, found)))
    file.parent.mkdir(parents=True, exist_ok=True)
    write_png(file, mosaic(tiles, COLUMNS))
    return file


def fields() -> Iterator[Case]:
    """Draw a field like those of each source that was left out, with its true outlines."""
    one = {"neutrophil": 1}
    yield _field("like BCCD", (480, 640), one, 110.0, seed=3)
    pale = _field("like Bio-Net", (480, 640), {"lymphocyte": 1, "neutrophil": 1}, 100.0, seed=4)
    yield _seen(pale, pale.image * np.array([1.0, 0.97, 0.62]))
    yield _field("like Chula RBC-12", (480, 640), {}, 80.0, seed=6)
    yield _through_eyepiece(_field("like Raabin", (900, 900), {"monocyte": 1}, 190.0, seed=7))
    whole = _field("like Choi", (300, 300), {"lymphocyte": 1}, 100.0, seed=8)
    yield _around(whole, 144)
    counts = {"neutrophil": 2, "lymphocyte": 2, "eosinophil": 1}
    framed = _field("a dark line at two edges", (576, 720), counts, 80.0, seed=9)
    line = framed.image.copy()
    line[:, :6], line[-6:] = 12, 12
    yield _seen(framed, line)
    yield _field("small cells, large field", (2000, 2000), counts, 44.0, seed=10)
    yield _field("one large cell", (640, 640), one, 230.0, seed=11)


def _field(
    title: str, shape: tuple[int, int], counts: dict[str, int], diameter: float, seed: int
) -> Case:
    smear = synthetic_smear(shape, seed, counts, diameter, touching_pairs=0)
    return Case(title, smear.image, smear.labels, smear.classes)


def _seen(case: Case, image: NDArray[np.generic]) -> Case:
    return Case(case.title, np.clip(image, 0, 255).astype(np.uint8), case.labels, case.classes)


def _through_eyepiece(case: Case) -> Case:
    """Blacken what lies outside a circle, as a telephone at the eyepiece does."""
    height, width = case.labels.shape
    circle = np.zeros((height, width), np.uint8)
    cv2.circle(circle, (width // 2, height // 2), round(0.52 * height), 255, -1)
    light = cv2.GaussianBlur(circle, (0, 0), 6)[..., np.newaxis] / 255
    inside = np.where(circle > 0, case.labels, 0).astype(np.int32)
    return Case(case.title, (case.image * light).astype(np.uint8), inside, case.classes)


def _around(case: Case, side: int) -> Case:
    """Cut a patch around the first cell, px."""
    ys, xs = np.nonzero(case.labels)
    top, left = (
        int(np.clip(round(float(v.mean()) - side / 2), 0, n - side))
        for v, n in zip((ys, xs), case.labels.shape, strict=True)
    )
    cut = slice(top, top + side), slice(left, left + side)
    return Case(case.title, case.image[cut], case.labels[cut], case.classes)


def _found(image: NDArray[np.uint8], root: Path) -> NDArray[np.int32]:
    """Return the label image that a checkout's ``napari-leukocyte run`` saves."""
    with tempfile.TemporaryDirectory() as folder:
        photograph, out = Path(folder) / "field.png", Path(folder) / "out"
        write_png(photograph, image)
        command = [sys.executable, "-m", "napari_leukocyte", "run", str(photograph), "--out"]
        # Of the variables only the path: the checkout's own package must be the one that runs.
        environment = os.environ | {"PYTHONPATH": str(root / "src"), "HOME": folder}
        done = subprocess.run(  # noqa: S603
            [*command, str(out)], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise ParameterError(f"{root} could not be run on a drawn field: {done.stderr[-500:]}")
        (labels,) = out.rglob("labels.tif")
        return np.asarray(tifffile.imread(labels), np.int32)


def _said(case: Case, found: NDArray[np.int32]) -> tuple[str, str]:
    score = match_objects(case.labels, found)
    number = len(np.unique(case.labels[case.labels > 0]))
    first = f"found {score.true_positives} of {number}"
    if number:
        first += f", IoU {foreground_iou(case.labels > 0, found > 0):.2f}"
    return first, f"{score.false_positives} found that are none"
