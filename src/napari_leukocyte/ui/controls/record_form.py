"""A form for a record: a slider, a list or a check box for each of its fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from qtpy.QtWidgets import QCheckBox, QComboBox, QFormLayout, QLabel, QVBoxLayout, QWidget
from superqt import QLabeledDoubleSlider

from napari_leukocyte.language import tr
from napari_leukocyte.ui.controls.containers import Section
from napari_leukocyte.ui.controls.inputs import choice_box, number_slider
from napari_leukocyte.ui.signals import Signal

R = TypeVar("R")

#: Least width of the column of titles, px: one for all groups, so that the sliders stand in line.
TITLE_WIDTH = 116


@dataclass(frozen=True)
class FieldText:
    """A field of a record as the user reads it.

    Attributes
    ----------
    group : str
        Heading under which it stands.
    title : str
        Its name.
    help : str
        What it does, with its unit.
    step : float
        Step of a slider; 0 for what is no number.
    choices : dict
        Name of each value of a choice.
    """

    group: str
    title: str
    help: str
    step: float = 0.0
    choices: dict[str, str] = field(default_factory=dict)


class RecordForm(QWidget, Generic[R]):
    """All fields of a frozen record, in groups that fold.

    Magicgui's own sliders round what they are given, and a preset finer than a slider must stay as
    it is; hence these.

    Parameters
    ----------
    record : dataclass or pydantic model
        Shown at first.
    texts : mapping of str to FieldText
        By the field's name, in the order of the form.
    ranges : mapping of str to (float, float)
        Of the fields that are numbers, both ends inclusive.
    choices : mapping of str to sequence of str
        Of the fields that are one of some values. All others are yes or no.
    """

    #: Emitted with the new record whenever the user changes a field.
    changed = Signal(object)

    def __init__(
        self,
        record: R,
        texts: Mapping[str, FieldText],
        ranges: Mapping[str, tuple[float, float]],
        choices: Mapping[str, Sequence[str]],
    ) -> None:
        super().__init__()
        self._record = record
        self._inputs: dict[str, QWidget] = {}
        self._titles: dict[str, QLabel] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        groups: dict[str, QFormLayout] = {}
        for name, text in texts.items():
            if text.group not in groups:
                section = Section(text.group)
                groups[text.group] = section.form
                layout.addWidget(section)
            widget = self._input(name, text, ranges.get(name), choices.get(name))
            groups[text.group].addRow(titled(text.title, text.help, widget), widget)
            title = groups[text.group].labelForField(widget)
            assert isinstance(title, QLabel)  # noqa: S101 - made in the line before
            self._inputs[name], self._titles[name] = widget, title
        self.set_record(record)

    def record(self) -> R:
        """Return what the form shows."""
        return self._record

    def set_record(self, record: R) -> None:
        """Show a record; `changed` is not emitted."""
        for name, widget in self._inputs.items():
            value = getattr(record, name)
            blocked = widget.blockSignals(True)
            if isinstance(widget, QLabeledDoubleSlider):
                widget.setValue(value)
            elif isinstance(widget, QComboBox):
                widget.setCurrentIndex(widget.findData(value))
            elif isinstance(widget, QCheckBox):
                widget.setChecked(value)
            widget.blockSignals(blocked)
        # What was given, not what a slider rounds it to.
        self._record = record
        self._show_useful()

    def input_of(self, name: str) -> Any:
        """Return the input widget of a field."""
        return self._inputs[name]

    def without_effect(self, record: R) -> set[str]:
        """Return the fields that have no effect with the values of the others."""
        return set()

    def _input(
        self,
        name: str,
        text: FieldText,
        limits: tuple[float, float] | None,
        values: Sequence[str] | None,
    ) -> QWidget:
        if limits is not None:
            slider = number_slider(*limits, text.step)
            slider.valueChanged.connect(lambda value: self._set(name, float(value)))
            return slider
        if values is not None:
            box = choice_box({value: text.choices[value] for value in values})
            box.currentIndexChanged.connect(lambda _: self._set(name, box.currentData()))
            return box
        check = QCheckBox()
        check.toggled.connect(lambda on: self._set(name, bool(on)))
        return check

    def _set(self, name: str, value: Any) -> None:
        if getattr(self._record, name) == value:
            return
        values = {n: getattr(self._record, n) for n in self._inputs} | {name: value}
        self._record = type(self._record)(**values)
        self._show_useful()
        self.changed.emit(self._record)

    def _show_useful(self) -> None:
        """Grey out what has no effect."""
        useless = self.without_effect(self._record)
        for name, widget in self._inputs.items():
            widget.setEnabled(name not in useless)
            self._titles[name].setEnabled(name not in useless)


def titled(title: str, tip: str, widget: QWidget) -> QLabel:
    """Make the title of a field, and give both the same tooltip."""
    title, tip = tr(title), tr(tip)
    label = QLabel(title)
    label.setMinimumWidth(TITLE_WIDTH)
    for each in (label, widget):
        each.setToolTip(f"<p>{tip}</p>")
    widget.setAccessibleName(title.strip())
    return label
