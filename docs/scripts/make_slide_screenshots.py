"""Take the pictures of ``slides.md`` from the real window, on a slide of the synthetic smear.

Run it with a display (or ``xvfb-run -a -s "-screen 0 1600x1000x24"``)::

    python docs/scripts/make_slide_screenshots.py [FOLDER]

It keeps its sessions and settings in a folder of its own, so that nothing of the user's is touched.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray
from photographing import IMAGES, open_window, photograph, settle, untouched, wait

from napari_leukocyte.samples.synthetic import synthetic_smear
from napari_leukocyte.ui.layer_files.slides import read_slide

#: Side of a part of the slide, px, and diameter of a leukocyte.
PART, DIAMETER = 800, 40.0
#: Leukocytes of a part, and those that are wanted.
COUNTS = {"neutrophil": 4, "lymphocyte": 2, "monocyte": 1}
WANTED = 8


def draw_slide() -> NDArray[np.uint8]:
    """Draw a smear from its drop to its feathered edge: heaped, side by side, sparse, empty."""
    seeds = iter(range(100))

    def part(density: float = 1.0) -> NDArray[np.float64]:
        drawn = synthetic_smear((PART, PART), next(seeds), COUNTS, DIAMETER, touching_pairs=0)
        if density == 1:
            return drawn.image.astype(float)
        # Diluted: so many of its cells are wiped away.
        image = drawn.image.astype(float)
        empty = np.percentile(image, 98, axis=(0, 1))
        stained = (image[..., 1] < 0.92 * empty[1]).astype(np.uint8)
        count, labels = cv2.connectedComponents(stained)
        gone = np.random.default_rng(0).random(count) > density
        gone[0] = False
        wiped = cv2.dilate(gone[labels].astype(np.uint8), np.ones((5, 5)))
        image[wiped > 0] = empty
        return image

    rows = []
    for _ in range(3):
        side = [part() for _ in range(3)]
        empty = np.percentile(side[0], 98, axis=(0, 1))
        heaped = empty * np.prod([each / empty for each in (part(), part(), part())], axis=0)
        bare = np.broadcast_to(empty, side[0].shape)
        rows.append(np.hstack([bare, heaped, *side, part(0.1), bare]))
    image = np.vstack(rows)
    # The edge of the smear is round.
    height, width = image.shape[:2]
    y, x = np.mgrid[:height, :width]
    outside = ((y / height - 0.5) / 0.5) ** 4 + ((x / width - 0.5) / 0.46) ** 4 > 1
    image[outside] = np.percentile(image, 98, axis=(0, 1))
    return np.clip(image, 0, 255).astype(np.uint8)


def write_slide(path: Path, image: NDArray[np.uint8]) -> None:
    """Write an image as a pyramid of tiles."""
    options: dict[str, Any] = {"photometric": "rgb", "tile": (256, 256), "compression": "jpeg"}
    with tifffile.TiffWriter(path) as file:
        file.write(image, subifds=2, **options)
        for step in (2, 4):
            size = image.shape[1] // step, image.shape[0] // step
            small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            file.write(small, subfiletype=1, **options)


def main(folder: Path, work: Path) -> None:
    """Go from a slide to the review of its fields, and take a picture at each stage."""
    folder.mkdir(parents=True, exist_ok=True)
    slide = work / "Smear 2024-18.tif"
    write_slide(slide, draw_slide())

    viewer, bench = open_window()
    smear = bench.open("smear")

    def quiet() -> None:
        wait(lambda: not smear.busy)
        settle(0.5)
        wait(lambda: not smear.busy)

    ((levels, options, _),) = read_slide(str(slide))
    viewer.add_image(levels, **options)
    settle(0.5)
    # 1. The zone is found, and can be edited.
    smear.slides.find_zone.click()
    quiet()
    viewer.reset_view()
    photograph(viewer, folder / "slide-zone.png")

    # 2. Fields of it are the fields of a smear, each in its place on the slide.
    smear.slides.leukocytes.setValue(WANTED)
    smear.slides.take.click()
    quiet()
    smear.analysing.start()
    quiet()
    photograph(viewer, folder / "slide-fields.png")
    smear.leave()
    viewer.close()


if __name__ == "__main__":
    with untouched() as own:
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES, own)
