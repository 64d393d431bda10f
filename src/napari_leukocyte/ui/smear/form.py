"""The controls of the *Smear* dock; what happens is in `widget`."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtGui import QAction
from qtpy.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QMenu,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_leukocyte.language import tr
from napari_leukocyte.ui import build
from napari_leukocyte.ui.controls.activity import Messages
from napari_leukocyte.ui.controls.containers import Section, VerticalScroll
from napari_leukocyte.ui.controls.model_choice import ModelChoice
from napari_leukocyte.ui.keys import keys_notice, shown_keys
from napari_leukocyte.ui.leukogram.view import LeukogramView
from napari_leukocyte.ui.smear.field_list import FieldDelegate, FieldsModel


class SmearForm(QWidget):
    """The controls, from top to bottom.

    Parameters
    ----------
    model : str
        Name of the segmentation model that is chosen at first.
    parent : QWidget, optional
        In which it stands.

    Attributes
    ----------
    open_folder, open_files, previous, next, next_open, analyse, sign_field, sign_smear, save
        Buttons.
    head : QVBoxLayout
        Place for where else fields come from.
    report : QPushButton
        Its menu holds the actions `report_smear` and `report_field`.
    fields : QListView
    model : FieldsModel
    summary : WrappedText
    status, signed : Messages
    bar : QProgressBar
    segmentation, classification : ModelChoice
    as_shown : QCheckBox
    reader : QLineEdit
    tabs : QTabWidget
    smear_leukogram, field_leukogram : LeukogramView
    """

    def __init__(self, model: str = "default", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.open_folder = _button("Open folder…", "Open a folder: its images are one smear.")
        self.open_files = _button("Open files…", "Choose the images of one smear.")
        self.summary = build.text(lines=2)
        self.summary.setTextFormat(Qt.TextFormat.RichText)
        self.model = FieldsModel(self)
        self.fields = QListView(self)
        self.fields.setModel(self.model)
        self.fields.setItemDelegate(FieldDelegate(self.fields))
        self.fields.setUniformItemSizes(True)
        self.fields.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.fields.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.fields.setMinimumHeight(130)
        self.previous = _button("◀ Previous", "")
        self.next = _button("Next ▶", "")
        self.next_open = _button("To review ▶", "")
        keys_notice.changed.connect(self.show_keys)
        self.show_keys()
        self.analyse = _button(
            "Analyse all",
            "Segment and classify the fields that are new, in the background; you can go on "
            "reviewing.",
        )
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setMaximumHeight(8)
        self.bar.setSizePolicy(_with_its_place_kept(self.bar))
        self.bar.hide()
        # What is said has a place that stays, or it would move the buttons under the pointer.
        self.status = Messages(self, lines=2)
        self.segmentation = ModelChoice("segmentation", model, self)
        self.classification = ModelChoice("classification", parent=self)
        self.as_shown = QCheckBox(tr("With the parameters of the shown field"))
        self.as_shown.setChecked(True)
        self.as_shown.setToolTip(
            tr(
                "Model, weights and post-processing as they are set for the field in the viewer, "
                "if it was segmented. Otherwise, and without this, those of the Preferences."
            )
        )
        self.how = Section("How to analyse", self)
        self.how.form.addRow(tr("Segmentation"), self.segmentation)
        self.how.form.addRow(tr("Classifier"), self.classification)
        self.how.form.addRow(self.as_shown)
        self.how.heading.setChecked(False)
        self.reader = QLineEdit(self)
        self.reader.setPlaceholderText(tr("Your name, for the sign-off"))
        self.sign_field = _button("Sign off field", "All cells of this field are reviewed.")
        self.sign_smear = _button("Sign off smear", "All cells of all fields are reviewed.")
        self.signed = Messages(self, lines=2)
        self.report = _button("Report…", "Write a report with the images of the cells.")
        menu = QMenu(self.report)
        self.report_smear = QAction(tr("Of the whole smear…"), menu)
        self.report_field = QAction(tr("Of this field…"), menu)
        menu.addActions([self.report_smear, self.report_field])
        self.report.setMenu(menu)
        self.save = _button(
            "Save results…",
            "Save label images, objects, differential, overlays and the record of all fields.",
        )
        self.smear_leukogram = LeukogramView(self)
        self.field_leukogram = LeukogramView(self)
        self.tabs = QTabWidget(self)
        self.tabs.addTab(VerticalScroll(self.smear_leukogram), tr("All fields"))
        self.tabs.addTab(VerticalScroll(self.field_leukogram), tr("This field"))
        self._lay_out()

    def _lay_out(self) -> None:
        upper = QWidget(self)
        column = QVBoxLayout(upper)
        column.setContentsMargins(6, 6, 6, 2)
        column.setSpacing(5)
        column.addLayout(_row(self.open_folder, self.open_files))
        self.head = QVBoxLayout()
        column.addLayout(self.head)
        column.addWidget(self.summary)
        column.addWidget(self.fields, 1)
        column.addLayout(_row(self.previous, self.next, self.next_open))
        column.addWidget(self.analyse)
        column.addWidget(self.bar)
        column.addWidget(self.status)
        column.addWidget(self.how)
        lower = QWidget(self)
        column = QVBoxLayout(lower)
        column.setContentsMargins(6, 2, 6, 6)
        column.setSpacing(5)
        column.addWidget(self.tabs, 1)
        column.addWidget(self.reader)
        column.addLayout(_row(self.sign_field, self.sign_smear))
        column.addWidget(self.signed)
        column.addLayout(_row(self.report, self.save))
        splitter = QSplitter(Qt.Orientation.Vertical, self)
        self._parts = [VerticalScroll(part) for part in (upper, lower)]
        for part in self._parts:
            splitter.addWidget(part)
        splitter.setChildrenCollapsible(False)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(splitter)

    def show_keys(self) -> None:
        """Say which keys do the same as the buttons."""
        for button, action, what in (
            (self.previous, "previous_field", "Show the previous field"),
            (self.next, "next_field", "Show the next field"),
            (self.next_open, "next_open_field", "Show the next field with cells to review"),
        ):
            button.setToolTip(f"{tr(what)} ({shown_keys(action)}).")

    def claim_room(self) -> None:
        """Tell the window how wide the controls are."""
        self.setMinimumWidth(max(part.minimumSizeHint().width() for part in self._parts) + 2)


def _button(text: str, hint: str) -> QPushButton:
    button = QPushButton(tr(text))
    button.setToolTip(tr(hint))
    return button


def _with_its_place_kept(widget: QWidget) -> QSizePolicy:
    policy = widget.sizePolicy()
    policy.setRetainSizeWhenHidden(True)
    return policy


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        row.addWidget(widget, 1)
    return row
