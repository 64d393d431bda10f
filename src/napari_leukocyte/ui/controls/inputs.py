"""Input widgets for a form that scrolls, and the colours of classes as icons."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import QEvent, QLocale, QObject, Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPixmap
from qtpy.QtWidgets import QAbstractSpinBox, QComboBox, QSizePolicy, QWidget
from superqt import QLabeledDoubleSlider

from napari_leukocyte.language import in_use, tr


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
    for label in slider.findChildren(QAbstractSpinBox):
        write_numbers(label)
    slider.setDecimals(len(f"{step:.6f}".rstrip("0").split(".")[1]))
    slider.setRange(low, high)
    # Superqt takes floats here, though its annotations say otherwise.
    slider.setSingleStep(step)  # type: ignore[arg-type]
    slider.setPageStep(10 * step)  # type: ignore[arg-type]
    leave_wheel_to_form(slider)
    return slider


def write_numbers(field: QAbstractSpinBox) -> None:
    """Have a field write numbers as the language in use does; English leaves that to the system."""
    if in_use() != "en":
        locale = QLocale(in_use())
        locale.setNumberOptions(QLocale.NumberOption.OmitGroupSeparator)
        field.setLocale(locale)


def choice_box(choices: Mapping[str, str]) -> QComboBox:
    """Make a drop-down list; the keys of `choices` are its data, the values its texts."""
    box = QComboBox()
    for value, title in choices.items():
        box.addItem(tr(title), value)
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

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
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


SWATCH_PX = 14
# Between the grounds of a dark theme and of a light one.
_OUTLINE = QColor("#808080")


def swatch(color: str) -> QIcon:
    """Return a disc of a colour, with an outline that shows it on any ground."""
    ratio = 2  # for screens with two pixels to a point
    pixmap = QPixmap(SWATCH_PX * ratio, SWATCH_PX * ratio)
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(_OUTLINE)
    painter.setBrush(QColor(color))
    painter.drawEllipse(1, 1, SWATCH_PX - 2, SWATCH_PX - 2)
    painter.end()
    icon = QIcon(pixmap)
    icon.addPixmap(pixmap, QIcon.Mode.Disabled)  # or Qt would grey it
    return icon
