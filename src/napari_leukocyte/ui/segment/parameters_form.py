"""A form for the parameters of the post-processing, built from their dataclass."""

from __future__ import annotations

import dataclasses
from typing import Any

from qtpy.QtWidgets import QCheckBox, QComboBox, QFormLayout, QLabel, QVBoxLayout, QWidget
from superqt import QLabeledDoubleSlider

from napari_leukocyte.segmentation.parameters import CHOICES, RANGES, PostprocessParams
from napari_leukocyte.ui.controls.containers import Section
from napari_leukocyte.ui.controls.inputs import choice_box, number_slider
from napari_leukocyte.ui.segment.parameter_texts import ONLY_WITH, TEXTS
from napari_leukocyte.ui.signals import Signal

#: Least width of the column of titles, px: one for all groups, so that the sliders stand in line.
TITLE_WIDTH = 116


class ParametersForm(QWidget):
    """All parameters of the post-processing, in groups that fold.

    Parameters
    ----------
    params : PostprocessParams
        Shown at first.
    parent : QWidget, optional
        The owner.
    """

    #: Emitted with the new parameters whenever the user changes one.
    changed = Signal(object)

    def __init__(self, params: PostprocessParams, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._params = params
        self._inputs: dict[str, QWidget] = {}
        self._titles: dict[str, QLabel] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        groups: dict[str, QFormLayout] = {}
        for name, text in TEXTS.items():
            if text.group not in groups:
                section = Section(text.group)
                groups[text.group] = section.form
                layout.addWidget(section)
            self._add(groups[text.group], name)
        self.set_params(params)

    def params(self) -> PostprocessParams:
        """Return what the form shows."""
        return self._params

    def set_params(self, params: PostprocessParams) -> None:
        """Show parameters; `changed` is not emitted."""
        for name, widget in self._inputs.items():
            value = getattr(params, name)
            blocked = widget.blockSignals(True)
            if isinstance(widget, QLabeledDoubleSlider):
                widget.setValue(value)
            elif isinstance(widget, QComboBox):
                widget.setCurrentIndex(widget.findData(value))
            elif isinstance(widget, QCheckBox):
                widget.setChecked(value)
            widget.blockSignals(blocked)
        # What was given, not what a slider rounds it to.
        self._params = params
        self._enable()

    def input_of(self, name: str) -> Any:
        """Return the input widget of a parameter."""
        return self._inputs[name]

    def _add(self, form: QFormLayout, name: str) -> None:
        text = TEXTS[name]
        widget: QWidget
        if name in RANGES:
            slider = number_slider(*RANGES[name], text.step)
            slider.valueChanged.connect(lambda value, n=name: self._set(n, float(value)))
            widget = slider
        elif name in CHOICES:
            box = choice_box({value: text.choices[value] for value in CHOICES[name]})
            box.currentIndexChanged.connect(lambda _, b=box, n=name: self._set(n, b.currentData()))
            widget = box
        else:
            check = QCheckBox()
            check.toggled.connect(lambda on, n=name: self._set(n, bool(on)))
            widget = check
        title = QLabel(text.title)
        title.setMinimumWidth(TITLE_WIDTH)
        for each in (title, widget):
            each.setToolTip(f"<p>{text.help}</p>")
        widget.setAccessibleName(text.title.strip())
        form.addRow(title, widget)
        self._inputs[name], self._titles[name] = widget, title

    def _set(self, name: str, value: Any) -> None:
        if getattr(self._params, name) == value:
            return
        self._params = dataclasses.replace(self._params, **{name: value})
        self._enable()
        self.changed.emit(self._params)

    def _enable(self) -> None:
        """Grey out what has no effect."""
        for name, kinds in ONLY_WITH.items():
            useful = self._params.watershed in kinds
            self._inputs[name].setEnabled(useful)
            self._titles[name].setEnabled(useful)
        for name in ("opening", "closing"):
            useful = getattr(self._params, f"{name}_size") > 0
            self._inputs[f"{name}_shape"].setEnabled(useful)
            self._titles[f"{name}_shape"].setEnabled(useful)
