"""The parts of a window without room: widgets that reach out of others, texts that are cut."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QAbstractSpinBox,
    QComboBox,
    QLabel,
    QStyle,
    QStyleOptionComboBox,
    QTabBar,
    QWidget,
)

#: Room that a frame or a rounding may take, px.
_SLACK = 1


def cut(inside: QWidget) -> list[str]:
    """List what is cut in a visible widget: one line for each, empty if everything has room."""
    found = []
    for each in inside.findChildren(QWidget):
        if not each.isVisible() or each.isWindow():
            continue
        found += [f"{_name(each)} {fault}" for fault in _faults(each)]
    return found


def _faults(widget: QWidget) -> list[str]:
    faults = []
    parent: Any = widget.parentWidget()
    scrolled = _is_scrolled(parent)
    if parent is not None and not isinstance(parent, (QComboBox, QAbstractSpinBox)):
        if widget.x() < -_SLACK or widget.x() + widget.width() > parent.width() + _SLACK:
            ends = f"{widget.x()} to {widget.x() + widget.width()} of {parent.width()} px"
            faults.append(f"is wider than {_name(parent)}: {ends}")
        if not scrolled and widget.y() + widget.height() > parent.height() + _SLACK:
            faults.append(f"is higher than {_name(parent)}")
    if not _is_explained(widget) and _is_elided(widget):
        faults.append("is elided and has no tooltip")
    return faults


def _is_scrolled(parent: Any) -> bool:
    """Whether a parent shows a part of what it holds, and lets the user scroll to the rest."""
    return parent is not None and isinstance(parent.parentWidget(), QAbstractScrollArea)


def _is_explained(widget: QWidget) -> bool:
    """Whether a tooltip says what may be cut; tabs have one each."""
    if isinstance(widget, QTabBar) and widget.count():
        return all(widget.tabToolTip(i) for i in range(widget.count()))
    return bool(widget.toolTip())


def _is_elided(widget: QWidget) -> bool:
    if isinstance(widget, QTabBar):
        return widget.sizeHint().width() > widget.width() + _SLACK and not widget.expanding()
    if isinstance(widget, QLabel):
        if widget.wordWrap():
            return widget.heightForWidth(widget.width()) > widget.height() + _SLACK
        return bool(widget.text()) and widget.sizeHint().width() > widget.width() + _SLACK
    if isinstance(widget, QAbstractButton):
        text = widget.fontMetrics().horizontalAdvance(widget.text().replace("&", ""))
        return bool(widget.text()) and text > widget.width() + _SLACK
    if isinstance(widget, QComboBox):
        option = QStyleOptionComboBox()
        widget.initStyleOption(option)
        style: Any = widget.style()
        room = style.subControlRect(
            QStyle.ComplexControl.CC_ComboBox,
            option,
            QStyle.SubControl.SC_ComboBoxEditField,
            widget,
        )
        text = widget.fontMetrics().horizontalAdvance(widget.currentText())
        return bool(text > room.width() + _SLACK)
    return False


def _name(widget: QWidget) -> str:
    said = getattr(widget, "text", None) or getattr(widget, "currentText", None)
    text = said() if callable(said) else ""
    if text:
        return f"{type(widget).__name__} {text!r}"
    # Without a text of its own, by the first one in it.
    found: list[Any] = [*widget.findChildren(QLabel), *widget.findChildren(QAbstractButton)]
    inside = [w.text() for w in found if w.text()]
    return f"{type(widget).__name__} with {inside[:1]}"
