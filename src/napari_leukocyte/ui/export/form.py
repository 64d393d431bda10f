"""What the *Export annotations* widget is made of; what happens is in `widget`."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_leukocyte.annotations.formats.recognise import FORMATS
from napari_leukocyte.ui.controls.containers import Section, VerticalScroll
from napari_leukocyte.ui.controls.image_choice import ImageChoice
from napari_leukocyte.ui.controls.inputs import choice_box, fit_into_dock
from napari_leukocyte.vocabulary import DISCLAIMER

DATASET = "dataset"
IMAGE, FOLDER = "image", "folder"
ITSELF, TOGETHER, NAMED = "itself", "together", "named"
_WHAT = {IMAGE: "One image", FOLDER: "A whole folder"}
_GROUPS = {
    ITSELF: "Each its own",
    TOGETHER: "The folder",
    NAMED: "Named…",
}
#: SPDX identifiers that data are often under.
_LICENCES = ("", "CC-BY-4.0", "CC0-1.0", "CC-BY-NC-4.0", "CC-BY-SA-4.0")


class ExportForm(QWidget):
    """The controls, from top to bottom.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose images can be chosen.
    parent : QWidget, optional
        In which it stands.

    Attributes
    ----------
    what, format, group : QComboBox
        Their data say what is chosen.
    layers : ImageChoice
    folder, to, group_name, title : QLineEdit
    licence : QComboBox
    only_reviewed, copy_images : QCheckBox
    find_folder, find_to, export, cancel, check, reopen : QPushButton
    losses, status : QLabel
    bar : QProgressBar
    report : QPlainTextEdit
    """

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.what = choice_box(_WHAT)
        self.layers = ImageChoice(viewer, self)
        self.folder = _line("A folder of photographs that you worked on")
        self.find_folder = _small("…", "Choose the folder.")
        self.only_reviewed = QCheckBox("Only cells that were reviewed")
        self.only_reviewed.setToolTip(
            "<p>Cells that nobody has looked at stay out. Photographs that have such are marked as "
            "incomplete: what is not labelled there may be a cell.</p>"
        )
        names = {DATASET: "Dataset (grows)"}
        names |= {n: f.title for n, f in FORMATS.items() if n != DATASET}
        self.format = choice_box(names)
        self.to = _line("A folder, new or of an earlier export")
        self.find_to = _small("…", "Choose where to.")
        self.losses = _text()
        self.group = choice_box(_GROUPS)
        self.group.setToolTip(
            "<p>What the photographs were taken of. Training, validation and test never share a "
            "group: photographs of one smear, or of one person, belong into one.</p>"
        )
        self.group_name = _line("Such as a smear's number")
        self.title = _line("As it was, or a title")
        self.licence = QComboBox()
        self.licence.setEditable(True)
        self.licence.addItems(_LICENCES)
        fit_into_dock(self.licence)
        line = self.licence.lineEdit()
        if line is not None:
            line.setPlaceholderText("As it was, or a licence")
        self.copy_images = QCheckBox("Copy the photographs")
        self.copy_images.setChecked(True)
        self.copy_images.setToolTip(
            "<p>Otherwise the dataset keeps only their paths and checksums, and can't be moved to "
            "another computer without them.</p>"
        )
        self.export = QPushButton("Export")
        self.cancel = QPushButton("Cancel")
        self.check = _small("Check", "Check the dataset that is named above.")
        self.reopen = _small(
            "Bring back…",
            "Bring a dataset's masks, classes and reviews back into the photographs' sessions.",
        )
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setMaximumHeight(8)
        self.bar.hide()
        self.status = _text()
        self.report = QPlainTextEdit()
        self.report.setReadOnly(True)
        self.report.setMinimumHeight(140)
        self.report.setPlaceholderText("What was exported, and what a check has found")
        self._lay_out()

    def _lay_out(self) -> None:
        self.source = Section("What", self)
        self.source.form.addRow("Export", self.what)
        self.source.form.addRow("Image", self.layers.box)
        self.source.form.addRow("Folder", _row(self.folder, self.find_folder))
        self.source.form.addRow(self.only_reviewed)
        self.target = Section("Where to", self)
        self.target.form.addRow("Format", self.format)
        self.target.form.addRow("To", _row(self.to, self.find_to))
        self.target.form.addRow(self.losses)
        self.details = Section("Dataset", self)
        self.details.form.addRow("Group", self.group)
        self.details.form.addRow("Name", self.group_name)
        self.details.form.addRow("Title", self.title)
        self.details.form.addRow("Licence", self.licence)
        self.details.form.addRow(self.copy_images)
        inside = QWidget(self)
        column = QVBoxLayout(inside)
        column.setContentsMargins(6, 6, 6, 6)
        column.setSpacing(5)
        for widget in (self.source, self.target, self.details):
            column.addWidget(widget)
        column.addWidget(_row(self.export, self.cancel))
        column.addWidget(self.bar)
        column.addWidget(self.status)
        column.addWidget(self.report, 1)
        column.addWidget(_row(self.check, self.reopen))
        disclaimer = _text()
        disclaimer.setText(DISCLAIMER)
        column.addWidget(disclaimer)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(VerticalScroll(inside, 240))

    def show_rows(self) -> None:
        """Show the rows that belong to what is chosen."""
        whole = self.what.currentData() == FOLDER
        form = self.source.form
        _set_row(form, self.layers.box, not whole)
        _set_row(form, self.folder.parentWidget(), whole)
        dataset = self.format.currentData() == DATASET
        self.details.setVisible(dataset)
        _set_row(self.details.form, self.group_name, self.group.currentData() == NAMED)
        for widget in (self.check, self.reopen):
            widget.setVisible(dataset)

    def set_busy(self, busy: bool) -> None:
        """Let the user change nothing while something is under way."""
        for widget in (self.source, self.target, self.details, self.export):
            widget.setEnabled(not busy)
        for widget in (self.check, self.reopen):
            widget.setEnabled(not busy)
        self.cancel.setEnabled(busy)
        self.bar.setVisible(busy)


def _set_row(form: QFormLayout, widget: QWidget | None, shown: bool) -> None:
    if widget is not None:
        form.setRowVisible(widget, shown)


def _line(hint: str) -> QLineEdit:
    line = QLineEdit()
    line.setPlaceholderText(hint)
    return line


def _small(text: str, hint: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(f"<p>{hint}</p>")
    if text == "…":
        button.setMaximumWidth(32)
    return button


def _row(*widgets: QWidget) -> QWidget:
    holder = QWidget()
    row = QHBoxLayout(holder)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(4)
    for widget in widgets:
        row.addWidget(widget, 1)
    return holder


def _text() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    return label
