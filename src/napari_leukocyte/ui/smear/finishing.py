"""The last steps: sign fields and the smear off, write reports and results."""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path

from napari.utils.notifications import show_info
from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QFileDialog, QMessageBox, QWidget

from napari_leukocyte.analysis.smear.reading import read_field
from napari_leukocyte.analysis.smear.results import report_field, save_smear, write_smear_report
from napari_leukocyte.analysis.smear.smear import Smear
from napari_leukocyte.counting.leukogram import count
from napari_leukocyte.counting.settings import DifferentialSettings
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.language import tr
from napari_leukocyte.progress import Progress
from napari_leukocyte.reporting.report import write_report
from napari_leukocyte.session.reviews import tidy
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.jobs import tell
from napari_leukocyte.ui.leukogram.table import total_of
from napari_leukocyte.ui.reader_name import keep_reader, reader_notice, reader_now
from napari_leukocyte.ui.smear.desk import Desk
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
    suggested = str(Path.home() / tr("{name} report.html", name=name))
    chosen, _ = QFileDialog.getSaveFileName(
        parent, tr("Write a report"), suggested, tr("HTML (*.html)")
    )
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
    chosen = QFileDialog.getExistingDirectory(parent, tr("Folder for the results of all fields"))
    if not chosen:
        return None
    folder = Path(chosen)
    overwrite = folder.is_dir() and any(folder.iterdir())
    if overwrite:
        yes, no = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No
        question = tr(
            "{folder} is not empty. Replace earlier results in it? Other files stay.", folder=folder
        )
        if QMessageBox.question(parent, tr("Replace results?"), question, yes | no, no) != yes:
            return None

    def work(progress: Progress) -> Path:
        save_smear(folder, smear, settings, overwrite=overwrite, progress=progress)
        return folder

    return work


class Finishing:
    """The reader's name and the buttons below the leukograms.

    Parameters
    ----------
    desk : Desk
        What it works with.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        form = desk.form
        self._remembered = ""
        #: Count and target below which the reader has agreed to sign off.
        self._agreed: tuple[int, int] | None = None
        self.take_reader()
        # A slot of Qt's own goes with the field.
        reader_notice.changed.connect(form.reader.setText)
        form.reader.editingFinished.connect(self.take_reader)
        form.sign_field.clicked.connect(self._sign_field)
        form.sign_smear.clicked.connect(self._sign_smear)
        form.report_smear.triggered.connect(self._report_smear)
        form.report_field.triggered.connect(self._report_field)
        form.save.clicked.connect(self._save)
        form.status.words.linkActivated.connect(lambda link: QDesktopServices.openUrl(QUrl(link)))

    def take_reader(self) -> None:
        """Have the name written into reviews from now on, and remember it."""
        form, session = self._desk.form, self._desk.session
        name = tidy(form.reader.text())
        if not name:
            # Given before, or elsewhere.
            name = self._remembered = reader_now()
            form.reader.setText(name)
        if name != self._remembered:
            self._remembered = name
            keep_reader(name)
        if session is not None and name:
            session.reader = name

    def _sign_field(self) -> None:
        session = self._desk.session
        if session is None:
            return
        self.take_reader()
        self._desk.refused = ""
        try:
            if session.signed_off is None:
                if not self._completes(session) or self._may_be_few():
                    session.sign_off()
            else:
                session.withdraw_sign_off()
        except LeukocyteError as error:
            self._refuse(error)

    def _sign_smear(self) -> None:
        desk = self._desk
        smear = desk.smear
        if smear is None:
            return
        self.take_reader()
        desk.refused = ""
        if smear.signed_off is None:
            if smear.why_not() is None and not self._may_be_few():
                return
            reader = tidy(desk.form.reader.text())
            desk.background.sign_off(smear, reader, self._refuse, desk.show_soon)
            return
        try:
            smear.withdraw_sign_off()
        except LeukocyteError as error:
            tell(error)
        desk.show_soon()

    def _completes(self, session: Session) -> bool:
        """Whether a field is the last one to be signed off, so that its count is the smear's."""
        smear, row = self._desk.smear, self._desk.shown_row
        reviewed, total = session.review_progress
        if smear is None or reviewed < total:
            return False
        others = [smear.state(i).stage for i in smear.counted() if i != row]
        return all(stage == "signed off" for stage in others)

    def _may_be_few(self) -> bool:
        """Ask whether to sign off below the target number of cells; once for the same count."""
        smear, settings = self._desk.smear, self._desk.settings
        if smear is None:
            return True
        counted = total_of(count(smear.cells(), settings.counted))
        few = counted, settings.target
        if not 0 < counted < settings.target or few == self._agreed:
            return True
        yes, no = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No
        question = tr(
            "{n} cells are counted; the target is {target}. Sign off all the same?",
            n=counted,
            target=settings.target,
        )
        title = tr("Sign off below the target?")
        agrees = QMessageBox.question(self._desk.form, title, question, yes | no, no) == yes
        self._agreed = few if agrees else None
        return bool(agrees)

    def _refuse(self, error: Exception) -> None:
        """Say why a sign-off was refused where it was asked for."""
        if isinstance(error, LeukocyteError):
            self._desk.refused = str(error)
        else:
            tell(error)
        self._desk.show_soon()

    def _report_smear(self) -> None:
        desk = self._desk
        smear = desk.smear
        path = None if smear is None else ask_for_report(desk.form, smear.title)
        if smear is not None and path is not None:
            self._write("Writing the report", report_of_smear(path, smear, desk.settings))

    def _report_field(self) -> None:
        desk = self._desk
        shown = desk.switch.shown
        if shown is not None:
            try:
                shown.session.require_shown()
            except LeukocyteError as error:
                tell(error)
                return
        path = None if shown is None else ask_for_report(desk.form, shown.path.stem)
        if shown is not None and path is not None:
            self._write("Writing the report", report_of_field(path, shown, desk.settings))

    def _save(self) -> None:
        desk = self._desk
        smear, session = desk.smear, desk.session
        work = None if smear is None else ask_and_save(desk.form, smear, desk.settings)
        if work is None:
            return
        revision = 0 if session is None else session.revision

        def saved() -> None:
            if session is not None and session.is_persisted:
                session.mark_saved(revision)

        self._write("Saving results", work, saved)

    def _write(self, title: str, work: Work, on_done: Callable[[], None] | None = None) -> None:
        def done(path: Path) -> None:
            link = html.escape(QUrl.fromLocalFile(str(path)).toString())
            place = tr(
                "<b>{name}</b> in {folder}",
                name=html.escape(path.name),
                folder=html.escape(str(path.parent)),
            )
            status = self._desk.form.status
            # The usual blue of links can't be read on napari's dark themes.
            ink = status.palette().windowText().color().name()
            status.say(
                f'{place}: <a href="{link}" style="color: {ink}">{tr("open")}</a>', rich=True
            )
            self._desk.show_soon()
            show_info(tr("Written: {path}", path=path))
            if on_done is not None:
                on_done()

        self._desk.background.run(work, title, done)
