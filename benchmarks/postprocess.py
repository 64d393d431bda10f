"""Time to a new label image when a slider of the post-processing moves.

Draws fields of cells, some of them touching, with probabilities as soft and uneven as a network's,
and moves every parameter over its range. Times are of the computation alone, and of the numbering
that keeps objects recognisable, which follows each::

    python benchmarks/postprocess.py [--side 1000] [--steps 9] [--repeats 5]

CPU time stands beside wall time, for machines that do something else at the same time.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from napari_leukocyte.segmentation.matching import match_labels
from napari_leukocyte.segmentation.parameters import CHOICES, RANGES, PostprocessParams
from napari_leukocyte.segmentation.postprocess import postprocess

#: Parameters that only act with another one set.
NEEDS = {"marker_distance": ("distance", "nucleus"), "marker_height": ("distance",)}


@dataclass(frozen=True)
class Field:
    """A field with known cells.

    Attributes
    ----------
    cell, nucleus : ndarray
        (H, W) float32, 0 to 1.
    centres : ndarray
        (N, 2) y and x, px.
    diameter : float
        Diameter of a cell, px.
    """

    cell: NDArray[np.float32]
    nucleus: NDArray[np.float32]
    centres: NDArray[np.float64]
    diameter: float


def draw_field(side: int, cells: int, diameter: float, seed: int = 1) -> Field:
    """Draw a field; a third of the cells touch another one."""
    rng = np.random.default_rng(seed)
    radius = diameter / 2
    centres: list[NDArray[np.float64]] = []
    for _ in range(100_000):
        if len(centres) == cells:
            break
        if centres and len(centres) % 3 == 0:
            angle = rng.uniform(0, 2 * np.pi)
            centre = centres[-1] + 0.9 * diameter * np.array([np.sin(angle), np.cos(angle)])
        else:
            centre = rng.uniform(0, side, 2)
        near = [c for c in centres if np.hypot(*(c - centre)) < 0.85 * diameter]
        if not near and ((centre > 0) & (centre < side)).all():
            centres.append(centre)
    cell, nucleus = np.zeros((2, side, side), np.uint8)
    for y, x in centres:
        axes = (radius * rng.uniform(0.85, 1.1), radius * rng.uniform(0.85, 1.1))
        turn = rng.uniform(0, 180)
        cv2.ellipse(cell, ((x, y), (2 * axes[0], 2 * axes[1]), turn), 255, -1)
        for _ in range(int(rng.integers(1, 5))):
            dy, dx = rng.normal(0, 0.15 * diameter, 2)
            cv2.circle(nucleus, (round(x + dx), round(y + dy)), round(0.35 * radius), 255, -1)
    return Field(
        _soften(cell, 0.05 * diameter, rng),
        _soften(nucleus, 0.03 * diameter, rng),
        np.array(centres),
        diameter,
    )


def _soften(mask: NDArray[np.uint8], blur: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Make edges soft and the background uneven, with weak spots of a few px."""
    soft = cv2.GaussianBlur(mask, (0, 0), blur).astype(np.float32) / 255
    noise = rng.normal(0, 1, mask.shape).astype(np.float32)
    noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), blur), np.float32)
    spots = 0.06 * noise / noise.std()
    return np.asarray(np.clip(0.05 + 0.9 * soft + spots, 0, 1), np.float32)


def settings(steps: int) -> Iterator[tuple[str, list[PostprocessParams]]]:
    """Yield the name of every parameter and the settings that its slider runs through."""
    start = PostprocessParams().to_dict()
    make = PostprocessParams.from_dict
    for name, (low, high) in RANGES.items():
        for kind in NEEDS.get(name, (start["watershed"],)):
            values = np.linspace(low, high, steps).tolist()
            title = f"{name} ({kind})" if name in NEEDS else name
            yield title, [make({**start, "watershed": kind, name: v}) for v in values]
    for name, allowed in CHOICES.items():
        yield name, [make({**start, name: v}) for v in allowed]
    yield "fill_holes", [make({**start, "fill_holes": v}) for v in (False, True)]


def timed(field: Field, params: PostprocessParams, before: NDArray[np.int32]) -> tuple[float, ...]:
    """Return wall and CPU time of one computation, and wall time of the numbering, ms."""
    wall, cpu = time.perf_counter(), time.process_time()
    labels = postprocess(
        field.cell, params, diameter=field.diameter, nucleus=field.nucleus, markers=field.centres
    )
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    start = time.perf_counter()
    match_labels(labels, before)
    return 1000 * wall, 1000 * cpu, 1000 * (time.perf_counter() - start)


def report(field: Field, steps: int, repeats: int) -> Table:
    """Time every parameter on a field."""
    side = field.cell.shape[0]
    title = f"{len(field.centres)} cells of {field.diameter:g} px on {side} x {side} px: ms"
    table = Table(
        "parameter", "median", "worst", "CPU median", "CPU worst", "numbering", title=title
    )
    before = postprocess(field.cell, diameter=field.diameter)
    everything: list[tuple[float, ...]] = []
    for name, params in settings(steps):
        # Each setting counts with its median, so that one hiccup of the machine is not the worst.
        runs_of = [[timed(field, p, before) for _ in range(repeats)] for p in params]
        rows = [tuple(map(statistics.median, zip(*runs, strict=True))) for runs in runs_of]
        everything += rows
        table.add_row(name, *_summary(rows))
    table.add_section()
    table.add_row("all", *_summary(everything))
    return table


def _summary(rows: list[tuple[float, ...]]) -> list[str]:
    wall, cpu, numbering = zip(*rows, strict=True)
    figures = (
        statistics.median(wall),
        max(wall),
        statistics.median(cpu),
        max(cpu),
        statistics.median(numbering),
    )
    return [f"{f:.1f}" for f in figures]


def main() -> None:
    """Print a table for a field with few large cells and one with many small ones."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--side", type=int, default=1000, help="side of the field, px")
    parser.add_argument("--steps", type=int, default=9, help="positions of each slider")
    parser.add_argument("--repeats", type=int, default=5, help="runs at each position")
    arguments = parser.parse_args()
    console = Console()
    for cells, diameter in ((12, 0.11), (100, 0.06)):
        field = draw_field(arguments.side, cells, diameter * arguments.side)
        console.print(report(field, arguments.steps, arguments.repeats))


if __name__ == "__main__":
    main()
