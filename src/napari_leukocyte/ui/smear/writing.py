"""Write the report and the results of a smear, with what the user is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QMessageBox, QWidget

from napari_leukocyte.analysis.smear.reading import read_field
from napari_leukocyte.analysis.smear.results import report_field, save_smear, write_smear_report
from napari_leukocyte.analysis.smear.smear import Smear
from napari_leukocyte.counting.settings import DifferentialSettings
from napari_leukocyte.progress import Progress
from napari_leukocyte.reporting.report import write_report
from napari_leukocyte.ui.smear.switch import Shown

#: What a thread does; it returns the file or folder that was written.
Work = Callable[[Progress], Path]


def ask_for_report(parent: QWidget, name: str) -> Path | None:
    """Ask where a report shall go; None if the user thought better of it.

    Parameters
    ----------
    parent : QWidget
        Of the dialog.
    name : str
        What the report is about, for the suggested file.
    """
    suggested = str(Path.home() / f"{name} report.html")
    chosen, _ = QFileDialog.getSaveFileName(parent, "Write a report", suggested, "HTML (*.html)")
    if not chosen:
        return None
    path = Path(chosen)
    return path if path.suffix.lower() in (".html", ".htm") else path.with_name(f"{path.name}.html")


def report_of_smear(path: Path, smear: Smear, settings: DifferentialSettings) -> Work:
    """Return the work of writing the report of a smear."""
    return lambda progress: write_smear_report(path, smear, settings, progress=progress)


def report_of_field(path: Path, shown: Shown, settings: DifferentialSettings) -> Work:
    """Return the work of writing the report of the field that is shown."""
    # What is not kept on the disk can only be taken from the session itself.
    known = None if shown.session.is_persisted else report_field(shown.session.snapshot())

    def work(progress: Progress) -> Path:
        progress(0, 2, "Reading the field")
        field = known or report_field(read_field(shown.path).snapshot(), shown.path)
        return write_report(path, [field], settings, progress=progress)

    return work


def ask_and_save(parent: QWidget, smear: Smear, settings: DifferentialSettings) -> Work | None:
    """Ask for a folder, and return the work of saving the results of all fields there.

    Parameters
    ----------
    parent : QWidget
        Of the dialogs.
    smear : Smear
        Whose results.
    settings : DifferentialSettings
        How the cells are counted.

    Returns
    -------
    callable or None
        None if the user thought better of it.
    """
    chosen = QFileDialog.getExistingDirectory(parent, "Folder for the results of all fields")
    if not chosen:
        return None
    folder = Path(chosen)
    overwrite = folder.is_dir() and any(folder.iterdir())
    if overwrite:
        yes, no = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No
        question = f"{folder} is not empty. Replace earlier results in it? Other files stay."
        if QMessageBox.question(parent, "Replace results?", question, yes | no, no) != yes:
            return None

    def work(progress: Progress) -> Path:
        save_smear(folder, smear, settings, overwrite=overwrite, progress=progress)
        return folder

    return work
