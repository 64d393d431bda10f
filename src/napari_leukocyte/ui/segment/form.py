"""The controls of *Segment leukocytes*."""

from __future__ import annotations

from typing import Any

from napari.layers import Image
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QWidget

from napari_leukocyte.language import later, tr
from napari_leukocyte.segmentation.ensemble import DIAMETER_RANGE
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui import build
from napari_leukocyte.ui.controls.model_choice import ModelChoice
from napari_leukocyte.ui.layers.map_layers import (
    MapKind,
    hide_map,
    map_layer_of,
    show_map,
    update_maps,
)
from napari_leukocyte.ui.segment.candidates import CandidateBox
from napari_leukocyte.ui.segment.parameters_form import ParametersForm, PresetButtons, WeightsForm
from napari_leukocyte.ui.segment.preferences import Preferences
from napari_leukocyte.ui.tools.tool_row import MaskToolRow

#: Shown until a run has found another, px.
_DIAMETER = 80.0
_TITLES: dict[MapKind, str] = {"probability": "Probability", "disagreement": "Disagreement"}
_HELP: dict[MapKind, str] = {
    "probability": "Show the ensemble's probability of a leukocyte as a layer.",
    "disagreement": "Show as a layer where the members of the ensemble disagree (the standard "
    "deviation of their probabilities, 0 to 0.5): there it is worth looking twice.",
}


class SegmentForm:
    """The controls, from top to bottom.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the tools work and maps are shown.
    preferences : Preferences
        Shown at first.

    Attributes
    ----------
    model : ModelChoice
    automatic : QCheckBox
        Whether the diameter is estimated.
    diameter : QDoubleSpinBox
        The diameter of a leukocyte, px.
    run, forget : QPushButton
    classify : QCheckBox
        Whether what a run finds is classified as well.
    weights : WeightsForm
    parameters : ParametersForm
    presets : PresetButtons
    maps : MapBoxes
    candidates : CandidateBox
    tools : MaskToolRow
    """

    def __init__(self, viewer: Any, preferences: Preferences) -> None:
        self.model = ModelChoice("segmentation", preferences.model)
        self.automatic = build.check(later("estimate"), on=preferences.diameter == "auto")
        self.diameter = build.number(
            *DIAMETER_RANGE,
            _DIAMETER if preferences.diameter == "auto" else preferences.diameter,
            unit=later(" px"),
            tip="Diameter of a leukocyte in pixels, for the scale at which the networks look. "
            "After a run with “estimate”, the one that was found.",
        )
        # It can be set only while it is not estimated.
        self.automatic.toggled.connect(self.diameter.setDisabled)
        self.diameter.setDisabled(self.automatic.isChecked())
        self.run = build.button(
            "Run",
            "Run the networks on the image. Everything below then acts at once on what they "
            "found, without running them again.",
        )
        self.classify = build.check(
            "and classify", "Let the leukocytes that are found be classified at once.", on=True
        )
        self.weights = WeightsForm()
        self.parameters = ParametersForm(preferences.params)
        self.presets = PresetButtons(self.parameters)
        self.maps = MapBoxes(viewer)
        self.candidates = CandidateBox(viewer)
        self.tools = MaskToolRow(viewer)
        self.forget = build.button(
            "Forget manual edits…", "Give up all painting and erasing in the labels of this image."
        )
        self.rows: list[build.Row] = [
            ("Model", self.model),
            ("Diameter", build.row(self.automatic, self.diameter, stretch=(0, 1))),
        ]
        self.body: list[build.Item] = [
            # Before the parameters, so that it is in sight without scrolling.
            build.section("Correct masks", self.tools, self.forget),
            self.weights,
            self.parameters,
            build.row("Parameters", self.presets, stretch=(0, 1)),
            build.row("Show", self.maps, self.candidates, stretch=(0, 0, 1)),
            None,
        ]


class MapBoxes(QWidget):
    """One check box for each map.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layers are shown.

    Attributes
    ----------
    boxes : dict
        The check boxes, by kind of map.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self._session: Session | None = None
        self._image: Image | None = None
        self.boxes: dict[MapKind, QCheckBox] = {}
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for kind, text in _HELP.items():
            box = QCheckBox(tr(_TITLES[kind]))
            box.setToolTip(f"<p>{tr(text)}</p>")
            box.toggled.connect(lambda on, k=kind: self._toggle(k, bool(on)))
            layout.addWidget(box)
            self.boxes[kind] = box
        layout.addStretch(1)
        self.follow(None, None)

    def follow(self, session: Session | None, image: Image | None) -> None:
        """Stand for the maps of a session, which lie over its image layer."""
        self._session, self._image = session, image
        self.refresh()

    def refresh(self) -> None:
        """Bring layers and check boxes up to date."""
        session, image = self._session, self._image
        if session is not None and image is not None:
            update_maps(self._viewer, session, image)
        maps = None if session is None else session.maps
        for kind, box in self.boxes.items():
            layer = None if session is None else map_layer_of(self._viewer, session, kind)
            blocked = box.blockSignals(True)
            box.setChecked(layer is not None)
            box.blockSignals(blocked)
            # One member has nobody to disagree with.
            box.setEnabled(maps is not None and (kind == "probability" or len(maps.names) > 1))

    def _toggle(self, kind: MapKind, on: bool) -> None:
        if self._session is None or self._image is None:
            return
        if on:
            show_map(self._viewer, self._session, kind, self._image)
        else:
            hide_map(self._viewer, self._session, kind)
