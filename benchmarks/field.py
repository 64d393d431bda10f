"""Cost, on a whole field, of finding how large its leukocytes are.

Segments, post-processes and classifies drawn fields, or photographs that are named, as
``napari-leukocyte run`` does: with the diameter estimated, and again with the very diameter that
the estimate gave, so that both have the same work to do but for the estimate. The ratio must be at
most 1.4 on every field::

    python benchmarks/field.py [IMAGE ...] [--repeats 2] [--model default] [--classifier default]

Ratios are of CPU time: other programs make wall times useless, and wall time stands beside it.
Both ways take turns, and of each the fastest run counts. Exits with 1 if a ratio is over the limit.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.analysis.pipeline import analyse
from napari_leukocyte.io.images.reading import read_image
from napari_leukocyte.samples.synthetic import synthetic_smear

#: Time with the diameter estimated over time with it given, at most.
LIMIT = 1.4
#: Cells of a drawn field.
COUNTS = {"neutrophil": 4, "lymphocyte": 2, "monocyte": 1}


def drawn() -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield fields as different as users have: usual, small and large cells, one cell, none."""
    yield "usual", synthetic_smear((480, 640), 1, COUNTS).image
    yield "small cells", synthetic_smear((480, 640), 2, COUNTS, 40.0).image
    yield "large cells", synthetic_smear((960, 1280), 3, {"neutrophil": 2}, 300.0, 0).image
    one = synthetic_smear((400, 400), 4, {"neutrophil": 1}, touching_pairs=0)
    y, x = (int(v.mean()) for v in np.nonzero(one.labels))
    yield "one cell", np.ascontiguousarray(one.image[y - 60 : y + 60, x - 60 : x + 60])
    yield "no leukocyte", synthetic_smear((480, 640), 5, {}, touching_pairs=0).image


def main() -> None:
    """Print both times, their ratio and the diameter of every field."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", nargs="*", type=Path)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--model", default="default")
    parser.add_argument("--classifier", default="default")
    arguments = parser.parse_args()
    fields = ((p.name, read_image(p)) for p in arguments.images) if arguments.images else drawn()

    def timed(
        image: NDArray[np.generic], diameter: float | Literal["auto"]
    ) -> tuple[float, float, float]:
        """Return CPU s, wall s and the diameter, px."""
        cpu, wall = time.process_time(), time.perf_counter()
        analysis = analyse(
            image, model=arguments.model, classifier=arguments.classifier, diameter=diameter
        )
        return time.process_time() - cpu, time.perf_counter() - wall, analysis.maps.diameter

    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, load {load:.1f}"
    print(machine)
    print(
        f"{'field':20} {'px':>12} {'diameter px':>12} {'given s':>9} {'estimated s':>12} ", end=""
    )
    print(f"{'estimated s':>12} {'wall s':>14} {'ratio':>6}", flush=True)
    worst = 0.0
    # The networks are opened once, and not by the first field.
    timed(synthetic_smear((200, 200), 0, {"neutrophil": 1}).image, "auto")
    for name, image in fields:
        runs = [timed(image, "auto")]
        diameter = runs[0][2]
        known = [timed(image, diameter)]
        for _ in range(arguments.repeats - 1):
            runs.append(timed(image, "auto"))
            known.append(timed(image, diameter))
        given, estimated = min(known), min(runs)
        ratio = estimated[0] / given[0]
        worst = max(worst, ratio)
        size = f"{image.shape[1]} x {image.shape[0]}"
        wall = f"{given[1]:.2f}, {estimated[1]:.2f}"
        print(
            f"{name:20.20} {size:>12} {diameter:12.0f} {given[0]:9.2f} {estimated[0]:12.2f} ",
            end="",
        )
        print(f"{estimated[0]:12.2f} {wall:>14} {ratio:6.2f}", flush=True)
    print(f"Largest ratio {worst:.2f}, limit {LIMIT}.")
    if worst > LIMIT:
        sys.exit(1)


if __name__ == "__main__":
    main()
