"""Input widgets that stand in a form that scrolls."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QComboBox, QSizePolicy, QWidget
from superqt import QLabeledDoubleSlider


def number_slider(low: float, high: float, step: float) -> QLabeledDoubleSlider:
    """Make a horizontal slider with a number beside it.

    Parameters
    ----------
    low, high, step : float
        Range and step.

    Returns
    -------
    QLabeledDoubleSlider
        Emits ``valueChanged`` while it moves.
    """
    slider = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
    slider.setDecimals(len(f"{step:.6f}".rstrip("0").split(".")[1]))
    slider.setRange(low, high)
    # Superqt takes floats here, though its annotations say otherwise.
    slider.setSingleStep(step)  # type: ignore[arg-type]
    slider.setPageStep(10 * step)  # type: ignore[arg-type]
    leave_wheel_to_form(slider)
    return slider


def choice_box(choices: Mapping[str, str]) -> QComboBox:
    """Make a drop-down list; the keys of `choices` are its data, the values its texts."""
    box = QComboBox()
    for value, title in choices.items():
        box.addItem(title, value)
    fit_into_dock(box)
    return box


def fit_into_dock(box: QComboBox) -> None:
    """Keep a list's long texts from widening the dock, and its wheel from changing it."""
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(10)
    box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    leave_wheel_to_form(box)


class _WheelFilter(QObject):
    """Hands the wheel on to the form unless the widget was clicked before."""

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        if (
            event is not None
            and event.type() == QEvent.Type.Wheel
            and isinstance(watched, QWidget)
            and not watched.hasFocus()
        ):
            event.ignore()
            return True
        return super().eventFilter(watched, event)


def leave_wheel_to_form(widget: QWidget) -> None:
    """Let the wheel scroll the form when it passes over a widget, not change its value."""
    widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    inner = [c for c in widget.findChildren(QWidget) if isinstance(c, QWidget)]
    for each in (widget, *inner):
        each.installEventFilter(_WheelFilter(each))
