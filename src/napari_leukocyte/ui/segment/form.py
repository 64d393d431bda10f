"""What the *Segment leukocytes* widget is made of; what happens is in `widget`."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from napari_leukocyte.segmentation.ensemble import DIAMETER_RANGE
from napari_leukocyte.ui.controls.containers import Section
from napari_leukocyte.ui.controls.image_choice import ImageChoice
from napari_leukocyte.ui.controls.inputs import leave_wheel_to_form
from napari_leukocyte.ui.controls.model_choice import ModelChoice
from napari_leukocyte.ui.segment.map_boxes import MapBoxes
from napari_leukocyte.ui.segment.parameters_form import ParametersForm
from napari_leukocyte.ui.segment.preferences import Preferences
from napari_leukocyte.ui.segment.preset_buttons import PresetButtons
from napari_leukocyte.ui.segment.weights_form import WeightsForm
from napari_leukocyte.ui.tools.tool_row import MaskToolRow
from napari_leukocyte.vocabulary import DISCLAIMER

#: Width below which sliders are too short to be set, px.
LEAST_WIDTH = 310


class SegmentForm(QWidget):
    """The controls, from top to bottom.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose images can be chosen.
    preferences : Preferences
        Shown at first.
    parent : QWidget, optional
        In which it stands.

    Attributes
    ----------
    image : ImageChoice
    model : ModelChoice
    automatic : QCheckBox
        Whether the diameter is estimated.
    diameter : QDoubleSpinBox
        The diameter of a leukocyte, px.
    run, cancel, forget : QPushButton
    bar : QProgressBar
    status : QLabel
    weights : WeightsForm
    parameters : ParametersForm
    presets : PresetButtons
    maps : MapBoxes
    tools : MaskToolRow
    """

    def __init__(
        self, viewer: Any, preferences: Preferences, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.image = ImageChoice(viewer, self)
        self.image.box.setToolTip("The photograph, RGB or grey. A click on a layer chooses it too.")
        self.model = ModelChoice("segmentation", preferences.model, self)
        self.automatic = QCheckBox("estimate")
        self.automatic.setChecked(True)
        self.diameter = _diameter_box()
        self.run = QPushButton("Run")
        self.run.setToolTip(
            "<p>Run the networks on the image. Everything below then acts at once on what they "
            "found, without running them again.</p>"
        )
        self.cancel = QPushButton("Cancel")
        self.cancel.setEnabled(False)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(4)
        policy = self.bar.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.bar.setSizePolicy(policy)
        self.bar.hide()
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.setTextFormat(Qt.TextFormat.RichText)
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.weights = WeightsForm()
        self.parameters = ParametersForm(preferences.params)
        self.maps = MapBoxes(viewer)
        self.presets = PresetButtons(self.parameters)
        self.tools = MaskToolRow(viewer)
        self.forget = QPushButton("Forget manual edits…")
        self.forget.setToolTip("Give up all painting and erasing in the labels of this image.")
        if preferences.diameter != "auto":
            self.automatic.setChecked(False)
            self.diameter.setValue(preferences.diameter)
        self.automatic.toggled.connect(self._show_automatic)
        self._show_automatic()
        self._lay_out()

    def _show_automatic(self) -> None:
        """Let the diameter be set only while it is not estimated."""
        self.diameter.setEnabled(not self.automatic.isChecked())

    def _lay_out(self) -> None:
        rows = QFormLayout()
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        rows.setVerticalSpacing(4)
        rows.addRow("Image", self.image.box)
        rows.addRow("Model", self.model)
        rows.addRow("Diameter", _row(self.automatic, self.diameter))
        top = QVBoxLayout()
        top.setSpacing(5)
        top.addLayout(rows)
        top.addLayout(_row(self.run, self.cancel, stretch=(2, 1)))
        top.addWidget(self.bar)
        top.addWidget(self.status)

        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 6, 0)
        column.setSpacing(2)
        # Before the parameters, so that it is in sight without scrolling.
        correct = Section("Correct masks")
        correct.form.addRow(self.tools)
        correct.form.addRow(self.forget)
        column.addWidget(correct)
        column.addWidget(self.weights)
        column.addWidget(self.parameters)
        column.addSpacing(4)
        column.addLayout(_row(QLabel("Parameters"), self.presets))
        column.addLayout(_row(QLabel("Show"), self.maps))
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)

        disclaimer = QLabel(DISCLAIMER)
        disclaimer.setWordWrap(True)
        disclaimer.setAlignment(Qt.AlignmentFlag.AlignCenter)
        font = disclaimer.font()
        font.setPointSizeF(font.pointSizeF() * 0.85)
        disclaimer.setFont(font)

        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 4)
        layout.addLayout(top)
        layout.addWidget(scroll, 1)
        layout.addWidget(disclaimer)
        self.setMinimumWidth(LEAST_WIDTH)


def _diameter_box() -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setRange(*DIAMETER_RANGE)
    box.setDecimals(1)
    box.setSuffix(" px")
    box.setValue(80.0)
    box.setToolTip(
        "<p>Diameter of a leukocyte in pixels, for the scale at which the networks look. After a "
        "run with “estimate”, the one that was found.</p>"
    )
    leave_wheel_to_form(box)
    return box


def _row(*widgets: QWidget, stretch: tuple[int, ...] = ()) -> QLayout:
    row = QHBoxLayout()
    row.setSpacing(6)
    for i, widget in enumerate(widgets):
        row.addWidget(widget, stretch[i] if stretch else int(i > 0))
    return row
