"""Memory and time of a slide, from the file to labels and table, in one process.

Makes a slide of synthetic fields (``benchmarks/make_slide.py``), opens it, and segments, measures,
classifies and writes it block by block::

    python -m benchmarks.slide [--megapixels 36] [--block 3072] [--no-classify] [--sparse]

``--sparse`` makes a slide with a leukocyte in two megapixels, as normal blood has; without it there
are 15 in one.

Memory is the highest that the process held so far, the drawing included. Time is that of the wall
and of the processor: beside other programs only the latter means something. At the end stand all
steps together, but for the drawing, and how many of the leukocytes that were drawn lie in an
object's box.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import make_slide
from napari_leukocyte.analysis.slide.blocks import BLOCK_PX, cut_blocks
from napari_leukocyte.analysis.slide.plan import SlidePlan, plan_slide
from napari_leukocyte.analysis.slide.segmenting import SlideResult, segment_slide, write_slide
from napari_leukocyte.io.slides.opening import open_slide
from napari_leukocyte.schema import BOX


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print the time of a step, and the highest memory until its end."""
    wall, cpu = time.monotonic(), time.process_time()
    yield
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    print(f"{what:<28}{wall:>9.1f} s wall{cpu:>9.1f} s processor{peak_mb():>8.0f} MB", flush=True)


def peak_mb() -> float:
    """Return the highest memory of this process so far, MB."""
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest / 1e6 if sys.platform == "darwin" else highest / 1e3


def main() -> None:
    """Print the time and memory of every step."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megapixels", type=float, default=36)
    parser.add_argument("--block", type=int, default=BLOCK_PX)
    parser.add_argument("--no-classify", action="store_true")
    parser.add_argument("--sparse", action="store_true")
    arguments = parser.parse_args()
    drawn = make_slide.smears(sparse=arguments.sparse)
    side = round((arguments.megapixels * 1e6) ** 0.5)
    truth = make_slide.leukocytes((side, side), drawn)
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with timed("making the slide"):
            make_slide.write_slide(folder / "slide.tif", (side, side), [s.image for s in drawn])
        del drawn
        with timed("all of it"):
            result, plan = _analyse(folder, arguments)
        table = result.objects.table
        boxes = table[list(BOX)].to_numpy()
        hit = sum(
            bool(((boxes[:, :2] <= at) & (boxes[:, 2:] > at)).all(axis=1).any()) for at in truth
        )
        print(
            f"{side} x {side} px, diameter {plan.diameter:.0f} px, overlap {plan.overlap_px} px: "
            f"{len(table)} objects found, {len(truth)} leukocytes drawn, {hit} of them found"
        )
        for note in result.notes:
            print(note)


def _analyse(folder: Path, arguments: argparse.Namespace) -> tuple[SlideResult, SlidePlan]:
    with timed("opening"):
        image = open_slide(folder / "slide.tif")
    with image:
        with timed("plan, with the diameter"):
            classifier = None if arguments.no_classify else "default"
            plan = plan_slide(image, classifier=classifier, block_px=arguments.block)
        blocks = len(cut_blocks(plan.shape, plan.block_px))
        with timed(f"{blocks} blocks"):
            result = segment_slide(image, plan)
        with timed("writing"):
            write_slide(folder / "out", result, plan, name="slide")
    return result, plan


if __name__ == "__main__":
    main()
