"""Candidates of an image as outlines: shown on request, and taken with a click."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from napari.layers import Image, Shapes
from numpy.typing import NDArray
from qtpy.QtWidgets import QCheckBox

from napari_leukocyte.language import tr
from napari_leukocyte.segmentation.objects import candidates_text
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.jobs import telling_errors
from napari_leukocyte.ui.layers.clicks import Press
from napari_leukocyte.ui.layers.geometry import transform_of
from napari_leukocyte.ui.layers.map_layers import note_view
from napari_leukocyte.ui.tools.mask_tools import mask_tools_of

#: Colour of the outlines: no class has it.
COLOR = "#ffd166"
#: Width of an outline, in diameters of a leukocyte.
WIDTH = 0.025
_HELP = (
    "<p>Show the regions that look less like leukocytes than <i>Least score</i> asks, each with "
    "its score. Click inside an outline to take it as a cell; Ctrl+Z gives it back.</p>"
)


class CandidateBox(QCheckBox):
    """A check box that shows the candidates of a session as a layer of outlines.

    Parameters
    ----------
    viewer : napari.Viewer
        Where they are shown.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__(tr("Candidates"))
        self._viewer = viewer
        self._session: Session | None = None
        self._image: Image | None = None
        self.layer: Shapes | None = None
        self.setToolTip(tr(_HELP))
        self.toggled.connect(lambda on: self._show() if on else self._hide())
        viewer.mouse_drag_callbacks.append(self._on_drag)

    def release(self) -> None:
        """Let go of the viewer's mouse."""
        if self._on_drag in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.remove(self._on_drag)

    def follow(self, session: Session | None, image: Image | None) -> None:
        """Stand for the candidates of a session, whose image layer is given."""
        if session is not self._session:
            self._hide()
        self._session, self._image = session, image
        self.refresh()

    def refresh(self) -> None:
        """Bring the outlines up to date, and the box with them."""
        if self.layer is not None and self.layer not in self._viewer.layers:
            self.layer = None
        ready = self._session is not None and self._session.maps is not None
        self.setEnabled(ready)
        blocked = self.blockSignals(True)
        self.setChecked(self.layer is not None)
        self.blockSignals(blocked)
        if self.layer is not None:
            self._draw(self.layer)

    def _show(self) -> None:
        if self._session is None or self._image is None or self.layer is not None:
            return
        layer = Shapes(
            ndim=2,
            name=f"{self._image.name} candidates",
            **transform_of(self._image),
        )
        layers = self._viewer.layers
        active = layers.selection.active
        self.layer = layer
        note_view(layer)
        self._draw(layer)
        layers.append(layer)
        # The layer that the user works on stays the one that is worked on.
        layers.selection.active = active

    def _hide(self) -> None:
        layer, self.layer = self.layer, None
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)

    def _draw(self, layer: Shapes) -> None:
        session = self._session
        if session is None or session.maps is None:
            return
        scores = session.candidates.scores
        outlines = outlines_of(session.candidates.labels)
        numbers = [n for n in scores if n in outlines]
        layer.editable = True
        layer.data = []
        if numbers:
            layer.add_polygons(
                [outlines[n] for n in numbers],
                edge_width=max(1.0, WIDTH * session.maps.diameter),
                edge_color=COLOR,
                face_color="transparent",
            )
            layer.features = {"score": [f"{scores[n]:.2f}" for n in numbers]}
            layer.text = {"string": "{score}", "color": [COLOR], "size": 9}
        layer.mode = "pan_zoom"
        layer.editable = False
        self.setText(tr("Candidates ({n})", n=len(numbers)))
        self.setStatusTip(candidates_text(len(numbers)) if numbers else "")

    def _on_drag(self, viewer: Any, event: Any) -> Iterator[None]:
        """Take the candidate that is clicked, where a click does nothing else."""
        session, image = self._session, self._image
        active = viewer.layers.selection.active
        if self.layer is None or session is None or image is None:
            return
        if not Press.begins(viewer, event) or getattr(active, "mode", None) != "pan_zoom":
            return
        if mask_tools_of(viewer).in_hand is not None:  # the click is the tool's
            return
        press = Press(event)
        yield from press.until_released()
        if press.moved:
            return
        y, x = np.asarray(image.world_to_data(event.position), np.float64)[-2:]
        if session.candidates.at(float(y), float(x)):
            with telling_errors():
                session.take_candidate(float(y), float(x))


def outlines_of(labels: NDArray[np.int32]) -> dict[int, NDArray[np.float64]]:
    """Return the outer outline of each label, (N, 2) y and x in px; what has no area has none."""
    from scipy import ndimage

    found: dict[int, NDArray[np.float64]] = {}
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        inside = np.pad(labels[box] == number, 1).astype(np.uint8)
        contours, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        longest = max(contours, key=len).reshape(-1, 2)
        if len(longest) > 2:
            start = np.array([box[0].start - 1, box[1].start - 1])
            found[number] = longest[:, ::-1].astype(np.float64) + start
    return found
