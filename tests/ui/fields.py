"""Photographs of drawn cells, and networks that answer at once."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot

from napari_leukocyte.io.images.normalise import normalise_image
from napari_leukocyte.models.manifest import Manifest, Member
from napari_leukocyte.progress import Progress, silent
from napari_leukocyte.segmentation.ensemble import MemberMaps
from napari_leukocyte.ui.segment.widget import SegmentWidget

SHAPE = (180, 240)
RADIUS = 18
#: Centres of the cells of a photograph, y and x; the third and the fourth touch.
CENTRES = ((40, 40), (40, 120), (110, 70), (110, 102), (120, 190))

#: The model that the networks below belong to.
MODEL = Manifest(
    name="drawn",
    kind="segmentation",
    title="Finds what is dark",
    folder=Path("nowhere"),
    members=tuple(Member(name, Path("nowhere"), "", 1.0, 64.0) for name in ("sharp", "soft")),
)


def draw_field(centres: tuple[tuple[int, int], ...] = CENTRES) -> NDArray[np.uint8]:
    """Draw a field: dark discs on a bright background."""
    image = np.full((*SHAPE, 3), (235, 225, 220), np.uint8)
    for y, x in centres:
        cv2.circle(image, (x, y), RADIUS, (120, 60, 150), -1)
    return image


class Networks:
    """Stands for the networks: finds what is dark, and waits where a test wants it to.

    Attributes
    ----------
    held : bool
        Whether a run keeps on computing until it is cancelled or this becomes False.
    error : Exception or None
        What a run fails with.
    started : threading.Event
        Set when a run has begun.
    diameters : list
        What each run was asked for.
    """

    def __init__(self) -> None:
        self.held = False
        self.error: Exception | None = None
        self.started = threading.Event()
        self.diameters: list[Any] = []

    def __call__(
        self,
        image: Any,
        model: str = "default",
        diameter: Any = "auto",
        progress: Progress | None = None,
    ) -> MemberMaps:
        assert threading.current_thread() is not threading.main_thread()
        report = progress or silent
        self.diameters.append(diameter)
        report(0, 4, "Segmenting")
        self.started.set()
        while self.held:
            time.sleep(0.002)
            report(1, 4, "Segmenting")
        if self.error is not None:
            raise self.error
        found = self.find(image, diameter)
        report(4, 4, "Segmenting")
        return found

    def find(self, image: Any, diameter: Any = "auto") -> MemberMaps:
        """Find what is dark."""
        rgb = normalise_image(image).rgb
        dark = (rgb.mean(axis=2) < 160).astype(np.float32)
        first, second = (cv2.GaussianBlur(dark, (0, 0), sigma) for sigma in (3, 6))
        nuclei = cv2.erode(dark, np.ones((RADIUS, RADIUS), np.uint8)).astype(np.float32)
        return MemberMaps(
            cell=np.stack([first, second]).astype(np.float32),
            nucleus=np.stack([nuclei, nuclei]),
            names=tuple(m.name for m in MODEL.members),
            weights=tuple(m.weight for m in MODEL.members),
            diameter=2.0 * RADIUS if diameter == "auto" else float(diameter),
            model=MODEL.name,
            sha256=("", ""),
        )


def run(widget: SegmentWidget, qtbot: QtBot) -> None:
    """Press Run and wait."""
    widget.form.run.click()
    settle(widget, qtbot)


def settle(widget: SegmentWidget, qtbot: QtBot) -> None:
    """Wait until nothing is under way."""
    qtbot.waitUntil(lambda: not widget.busy, timeout=20_000)
