"""A group of controls that folds."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFormLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget


class Section(QWidget):
    """A heading, and below it a form that a click on the heading hides.

    It has the height of what it shows at any time, also when rows come and go.

    Parameters
    ----------
    title : str
        The heading.
    parent : QWidget, optional
        The owner.

    Attributes
    ----------
    heading : QToolButton
        Checked while the form is shown.
    form : QFormLayout
        To be filled.
    """

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.heading = QToolButton()
        self.heading.setText(title)
        self.heading.setCheckable(True)
        self.heading.setChecked(True)
        self.heading.setAutoRaise(True)
        self.heading.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.heading.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        # The theme paints what is checked in the colour of a pressed button.
        self.heading.setStyleSheet(
            "QToolButton, QToolButton:checked { background: transparent; border: none; "
            "font-weight: bold; padding: 2px 0px; text-align: left; }"
        )
        self._content = QWidget()
        self.form = QFormLayout(self._content)
        self.form.setContentsMargins(10, 0, 4, 2)
        self.form.setVerticalSpacing(3)
        self.form.setHorizontalSpacing(6)
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(1)
        layout.addWidget(self.heading)
        layout.addWidget(self._content)
        self.heading.toggled.connect(self._fold)
        self._fold(True)

    def _fold(self, shown: bool) -> None:
        self._content.setVisible(shown)
        self.heading.setArrowType(Qt.ArrowType.DownArrow if shown else Qt.ArrowType.RightArrow)
