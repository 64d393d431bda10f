"""The controls of *Export annotations*."""

from __future__ import annotations

from qtpy.QtWidgets import QComboBox, QPlainTextEdit, QWidget

from napari_leukocyte.annotations.formats.recognise import FORMATS
from napari_leukocyte.language import tr
from napari_leukocyte.ui import build
from napari_leukocyte.ui.controls.inputs import choice_box, fit_into_dock

DATASET = "dataset"
IMAGE, FOLDER = "image", "folder"
ITSELF, TOGETHER, NAMED = "itself", "together", "named"
_WHAT = {IMAGE: "One image", FOLDER: "A whole folder"}
_GROUPS = {
    ITSELF: "Each image separately",
    TOGETHER: "The folder",
    NAMED: "Named…",
}
#: SPDX identifiers that data are often under.
_LICENCES = ("", "CC-BY-4.0", "CC0-1.0", "CC-BY-NC-4.0", "CC-BY-SA-4.0")
#: Least height of the report, px.
_REPORT_HEIGHT = 140


class ExportForm:
    """The controls, from top to bottom.

    Parameters
    ----------
    image_box : QWidget or None
        The list of images, if it stands in this dock.

    Attributes
    ----------
    what, format, group : QComboBox
        Their data say what is chosen.
    folder, to : FolderLine
    group_name, title : QLineEdit
    licence : QComboBox
    only_reviewed, copy_images : QCheckBox
    export, check, reopen : QPushButton
    left_out, losses : WrappedText
    report : QPlainTextEdit
    """

    def __init__(self, image_box: QWidget | None) -> None:
        self._image_box = image_box
        self.what = choice_box(_WHAT)
        self.folder = build.FolderLine(
            "A folder of photographs that you worked on", "Folder of photographs"
        )
        self.only_reviewed = build.check(
            "Only cells that were reviewed",
            "Cells that nobody has looked at stay out. Photographs that have such are marked as "
            "incomplete: what is not labelled there may be a cell.",
        )
        self.left_out = build.text()
        names = {DATASET: "Dataset (versioned)"}
        names |= {n: f.title for n, f in FORMATS.items() if n != DATASET}
        self.format = choice_box(names)
        self.to = build.FolderLine("A folder, new or of an earlier export", "Folder to export to")
        self.losses = build.text()
        self.group = build.tipped(
            choice_box(_GROUPS),
            "What the photographs were taken of. Training, validation and test never share a "
            "group: photographs of one smear, or of one person, belong into one.",
        )
        self.group_name = build.line("Such as a smear's number")
        self.title = build.line("As it was, or a title")
        self.licence = QComboBox()
        self.licence.setEditable(True)
        self.licence.addItems(_LICENCES)
        fit_into_dock(self.licence)
        line = self.licence.lineEdit()
        if line is not None:
            line.setPlaceholderText(tr("As it was, or a licence"))
        self.copy_images = build.check(
            "Copy the photographs",
            "Otherwise the dataset keeps only their paths and checksums, and can't be moved to "
            "another computer without them.",
            on=True,
        )
        self.export = build.button("Export")
        self.check = build.button("Check", "Check the dataset that is named above.")
        self.reopen = build.button(
            "Bring back…",
            "Bring a dataset's masks, classes and reviews back into the photographs' sessions.",
        )
        self.report = QPlainTextEdit()
        self.report.setReadOnly(True)
        self.report.setMinimumHeight(_REPORT_HEIGHT)
        self.report.setPlaceholderText(tr("What was exported, and what a check has found"))
        image: list[build.Row] = [] if image_box is None else [("Image", image_box)]
        self.source = build.section(
            "What",
            ("Export", self.what),
            *image,
            ("Folder", self.folder),
            self.only_reviewed,
            self.left_out,
        )
        self.target = build.section(
            "Where to", ("Format", self.format), ("To", self.to), self.losses
        )
        self.details = build.section(
            "Dataset",
            ("Group", self.group),
            ("Name", self.group_name),
            ("Title", self.title),
            ("Licence", self.licence),
            self.copy_images,
        )
        self.head: list[build.Item] = [self.source, self.target, self.details, self.export]
        self.body: list[build.Item] = [self.report, build.row(self.check, self.reopen)]

    def show_rows(self) -> None:
        """Show the rows that belong to what is chosen."""
        whole = self.what.currentData() == FOLDER
        if self._image_box is not None:
            self.source.form.setRowVisible(self._image_box, not whole)
        self.source.form.setRowVisible(self.folder, whole)
        dataset = self.format.currentData() == DATASET
        self.details.form.setRowVisible(self.group_name, self.group.currentData() == NAMED)
        build.show_only([self.details, self.check, self.reopen], dataset)

    def show_reviewed(self, reviewed: int, total: int) -> None:
        """Say how many cells of the image stay out, or go out without anybody's review."""
        waiting = total - reviewed
        text = ""
        if self.what.currentData() == IMAGE and waiting > 0:
            if self.only_reviewed.isChecked():
                text = tr(
                    "Leaves out {waiting} of {total} cells, which nobody has reviewed.",
                    waiting=waiting,
                    total=total,
                )
            elif reviewed:
                text = tr(
                    "{waiting} of {total} cells, which nobody has reviewed, are exported too.",
                    waiting=waiting,
                    total=total,
                )
        self.left_out.setText(text)
        self.left_out.setVisible(bool(text))

    def set_busy(self, busy: bool) -> None:
        """Let the user change nothing while something is under way."""
        for widget in (self.source, self.target, self.details):
            widget.setEnabled(not busy)
        for button in (self.export, self.check, self.reopen):
            button.setEnabled(not busy)
