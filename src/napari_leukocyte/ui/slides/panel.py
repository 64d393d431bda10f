"""The controls for slides in the *Smear* dock: from a slide to fields that are counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Image
from numpy.typing import NDArray
from qtpy.QtWidgets import QWidget

from napari_leukocyte.analysis.slide.outlines import outlines_of
from napari_leukocyte.analysis.slide.plan import plan_slide
from napari_leukocyte.analysis.slide.taking import (
    TakenFields,
    fields_taken,
    take_fields,
    taken_folder,
)
from napari_leukocyte.analysis.slide.zone import find_zone
from napari_leukocyte.io.slides.opening import open_slide
from napari_leukocyte.language import tr, tr_n
from napari_leukocyte.progress import Progress
from napari_leukocyte.ui import build
from napari_leukocyte.ui.controls.activity import Messages, ProgressLine
from napari_leukocyte.ui.jobs import Job, sentence_of, start_job
from napari_leukocyte.ui.layers.links import unwrap
from napari_leukocyte.ui.segment.preferences import read_preferences
from napari_leukocyte.ui.slides.zone_layer import (
    diameter_of,
    path_of,
    polygons_of,
    show_zone,
    slide_layers,
    zone_layer_of,
)

#: Leukocytes that a differential counts at least, and those that are asked for at first.
MOST, USUAL = 10_000, 200


class SlidePanel(QWidget):
    """Finds the zone of the slide that is open, and takes fields from it. Hidden without a slide.

    Parameters
    ----------
    viewer : napari.Viewer
        That has the slide.
    open_fields : callable
        Called with the folder of the fields that were taken.
    parent : QWidget, optional
        The owner.

    Attributes
    ----------
    find_zone, take, resume : QPushButton
    leukocytes : QSpinBox
    progress : ProgressLine
    status : Messages
    """

    def __init__(
        self, viewer: Any, open_fields: Callable[[Path], None], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._viewer, self._open_fields = unwrap(viewer), open_fields
        self._job: Job | None = None
        self.find_zone = build.button(
            "Find the zone to count in",
            "Look for the monolayer of the slide, where erythrocytes lie side by side, and show it "
            "as shapes that you can edit.",
            self._find,
        )
        self.leukocytes = build.whole_number(
            1, MOST, USUAL, tip="Fields are taken until they show so many leukocytes."
        )
        self.take = build.button(
            "Take fields from the zone",
            "Take fields in battlement order, until they show enough leukocytes. They are regions "
            "of the slide, no copies.",
            self._take,
        )
        self.resume = build.button(
            "Go on with its fields",
            "Open the fields that were taken from this slide before.",
            self._resume,
        )
        self.progress = ProgressLine()
        self.status = Messages(self, lines=2)
        self._name = build.text(bold=True)
        self.setLayout(
            build.column(
                self._name,
                build.row(self.find_zone, self.resume),
                build.row("Leukocytes", self.leukocytes, self.take, stretch=(0, 1, 1)),
                self.progress,
                self.status,
            )
        )
        self.show_state()

    @property
    def busy(self) -> bool:
        """Whether something is under way."""
        return self._job is not None

    def release(self) -> None:
        """Stop what is under way, and call nobody back."""
        if self._job is not None:
            self._job.abandon()
            self._job = None

    def show_state(self) -> None:
        """Show what can be done with the slide that is open now."""
        slide = self._slide()
        self.setVisible(slide is not None)
        if slide is None:
            return
        self._name.setText(tr("Slide: {name}", name=slide.name))
        self.find_zone.setEnabled(not self.busy)
        self.take.setEnabled(not self.busy and zone_layer_of(self._viewer, slide) is not None)
        self.resume.setEnabled(not self.busy and bool(fields_taken(path_of(slide))))

    def _slide(self) -> Image | None:
        """Return the slide that is open: of several, the active one."""
        slides = slide_layers(self._viewer)
        active = self._viewer.layers.selection.active
        return active if active in slides else (slides[-1] if slides else None)

    def _find(self) -> None:
        layer = self._slide()
        if layer is None:
            return
        path, diameter = path_of(layer), read_preferences().diameter

        def work(progress: Progress) -> tuple[list[NDArray[np.float64]], float, int, int]:
            with open_slide(path) as slide:
                plan = plan_slide(slide, classifier=None, diameter=diameter, progress=progress)
                zone = find_zone(slide, plan.diameter, progress)
            return outlines_of(zone), plan.diameter, zone.side, int(zone.inside.sum())

        def done(found: tuple[list[NDArray[np.float64]], float, int, int]) -> None:
            outlines, diameter, side, fields = found
            if layer not in self._viewer.layers:
                return
            show_zone(self._viewer, layer, outlines, diameter, side)
            if fields:
                said = tr_n(
                    "The monolayer has {n} field of {side} px. Edit the shapes, then take fields.",
                    "The monolayer has {n} fields of {side} px. Edit the shapes, then take fields.",
                    fields,
                    side=side,
                )
            else:
                said = tr("No monolayer was found: draw the zone yourself, then take fields.")
            self.status.say(said)

        self._start(work, "Looking for the zone", done)

    def _take(self) -> None:
        layer = self._slide()
        zone = None if layer is None else zone_layer_of(self._viewer, layer)
        if layer is None or zone is None:
            return
        path, wanted = path_of(layer), self.leukocytes.value()
        polygons, diameter = polygons_of(zone, layer), diameter_of(zone)

        def work(progress: Progress) -> TakenFields:
            return take_fields(path, polygons, diameter, wanted, progress)

        def done(taken: TakenFields) -> None:
            self.status.say(describe_taken(taken))
            self._open_fields(taken.folder)

        self._start(work, "Taking fields", done)

    def _resume(self) -> None:
        layer = self._slide()
        if layer is not None:
            self._open_fields(taken_folder(path_of(layer)))

    def _start(
        self, work: Callable[[Progress], Any], title: str, on_done: Callable[[Any], None]
    ) -> None:
        def end() -> None:
            self.progress.leave(job)
            self._job = None
            self.show_state()

        job = self._job = start_job(
            work,
            title=tr(title),
            on_done=on_done,
            on_error=lambda error: self.status.say(sentence_of(error)),
            on_end=end,
        )
        self.status.say("")
        self.progress.follow(job)
        self.show_state()


def describe_taken(taken: TakenFields) -> str:
    """Say in a sentence or two which fields were taken."""
    parts: Sequence[str] = (
        tr_n(
            "{n} field with about {cells} leukocytes was taken in battlement order.",
            "{n} fields with about {cells} leukocytes were taken in battlement order.",
            taken.fields,
            cells=taken.leukocytes,
        ),
        ""
        if taken.enough
        else tr("The zone shows no more: make it larger, or count what there is."),
    )
    return " ".join(filter(None, parts))
