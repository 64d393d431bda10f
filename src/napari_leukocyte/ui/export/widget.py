"""The widget that exports corrected annotations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QFileDialog, QMessageBox, QSizePolicy, QVBoxLayout, QWidget

from napari_leukocyte.annotations.dataset.description import number_of
from napari_leukocyte.annotations.dataset.export_state import ExportSettings
from napari_leukocyte.annotations.dataset.reading import open_dataset
from napari_leukocyte.annotations.dataset.sources import take_snapshot
from napari_leukocyte.annotations.formats import convert
from napari_leukocyte.annotations.formats.annotated import AnnotatedImage
from napari_leukocyte.errors import LeukocyteError, ParameterError
from napari_leukocyte.progress import Progress
from napari_leukocyte.ui.export import work
from napari_leukocyte.ui.export.form import DATASET, FOLDER, NAMED, TOGETHER, ExportForm
from napari_leukocyte.ui.export.work import Told
from napari_leukocyte.ui.jobs import Job, start_job, tell
from napari_leukocyte.ui.layers import links

if TYPE_CHECKING:
    import napari


class ExportWidget(QWidget):
    """Export the annotations of an image or of a folder.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose images can be exported.
    parent : QWidget, optional
        The owner.

    Attributes
    ----------
    form : ExportForm
        The controls.
    """

    def __init__(self, viewer: napari.viewer.Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer: Any = links.unwrap(viewer)
        self._job: Job | None = None
        self.form = ExportForm(self._viewer, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.form)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        form = self.form
        for box in (form.what, form.format, form.group):
            box.currentIndexChanged.connect(self._show)
        form.layers.changed.connect(self._show)
        form.to.editingFinished.connect(self._show_existing)
        form.find_folder.clicked.connect(self._ask_for_folder)
        form.find_to.clicked.connect(self._ask_where_to)
        form.export.clicked.connect(self.export)
        form.cancel.clicked.connect(self.cancel)
        form.check.clicked.connect(self.check)
        form.reopen.clicked.connect(self._ask_to_reopen)
        # Qt calls no method of a widget that is being deleted, but a function it does.
        layers, destroyed = form.layers, self.destroyed
        destroyed.connect(lambda: self._release(layers))
        form.set_busy(False)
        self._show()

    @property
    def busy(self) -> bool:
        """Whether something is under way."""
        return self._job is not None

    # -- what the user does ----------------------------------------------------------------

    def export(self) -> None:
        """Export what is chosen, in a thread."""
        try:
            job = self._planned()
        except LeukocyteError as error:
            tell(error)
            return
        if job is not None:
            self._start("Exporting annotations", job)

    def cancel(self) -> None:
        """Stop what is under way; nothing of it stays."""
        if self._job is not None:
            self._job.cancel()
            self.form.status.setText("Cancelling…")

    def check(self) -> None:
        """Check the dataset that is named, in a thread."""
        try:
            folder = self._target()
        except LeukocyteError as error:
            tell(error)
            return
        self._start("Checking the dataset", work.check_dataset(folder))

    def reopen(self, folder: Path) -> None:
        """Bring a dataset back into the photographs' sessions, in a thread."""
        self._start("Reading the dataset", work.reopen_dataset(folder))

    # -- what is to be done ----------------------------------------------------------------

    def _planned(self) -> Callable[[Progress], Told] | None:
        """Return the work, or None if the user thought better of it."""
        form = self.form
        source, to = self._source(), self._target()
        if form.format.currentData() == DATASET:
            settings = ExportSettings(
                title=form.title.text().strip() or None,
                licence=form.licence.currentText().strip() or None,
                only_reviewed=form.only_reviewed.isChecked(),
                copy_images=form.copy_images.isChecked(),
            )
            return work.export_dataset(source, to, settings)
        overwrite = to.is_file() or (to.is_dir() and any(to.iterdir()))
        if overwrite and not self._may_replace(to):
            return None
        return work.export_format(
            source,
            to,
            form.format.currentData(),
            only_reviewed=form.only_reviewed.isChecked(),
            overwrite=overwrite,
        )

    def _source(self) -> work.Source:
        form = self.form
        if form.what.currentData() == FOLDER:
            text = form.folder.text().strip()
            if not text:
                raise ParameterError("Choose the folder of photographs first.")
            folder = Path(text).expanduser()
            return work.source_of_folder(folder, self._group(folder))
        layer = form.layers.layer()
        if layer is None:
            raise ParameterError("Open an image first.")
        session = links.existing_session(layer)
        if session is None:
            raise ParameterError(f"Nothing was done with “{layer.name}” yet: segment it first.")
        file = _file_of(layer)
        group = self._group(None if file is None else file.parent)
        return work.source_of_image(take_snapshot(session), file, group)

    def _group(self, folder: Path | None) -> str | None:
        kind = self.form.group.currentData()
        if kind == NAMED:
            name = self.form.group_name.text().strip()
            if not name:
                raise ParameterError("Give the group a name, or choose another way to group.")
            return name
        return folder.absolute().name if kind == TOGETHER and folder is not None else None

    def _target(self) -> Path:
        text = self.form.to.text().strip()
        if not text:
            raise ParameterError("Choose a folder to export to first.")
        return Path(text).expanduser()

    def _may_replace(self, to: Path) -> bool:
        yes, no = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No
        question = f"{to} exists. Replace the earlier export in it?"
        return bool(
            QMessageBox.question(self, "Replace an earlier export?", question, yes | no, no) == yes
        )

    # -- jobs --------------------------------------------------------------------------------

    def _start(self, title: str, function: Callable[[Progress], Told]) -> None:
        if self._job is not None:
            return
        self.form.report.clear()
        self.form.status.setText(f"{title}…")
        self.form.bar.setRange(0, 0)
        self.form.set_busy(True)
        self._job = start_job(
            function, title=title, on_done=self._done, on_error=self._failed, on_end=self._ended
        )
        self._job.progressed.connect(self._on_progress)

    def _on_progress(self, done: int, total: int, what: str) -> None:
        if self._job is None or self._job.cancelled:
            return
        self.form.bar.setRange(0, total)
        self.form.bar.setValue(done)
        self.form.status.setText(f"{what}…")

    def _done(self, told: Told) -> None:
        self.form.status.setText(told.sentence)
        self.form.report.setPlainText("\n".join(told.lines))
        self._show_existing()

    def _failed(self, error: Exception) -> None:
        self.form.status.setText(str(error) if isinstance(error, LeukocyteError) else "It failed.")

    def _ended(self) -> None:
        if self._job is not None and self._job.cancelled:
            self.form.status.setText("Cancelled: what was not finished leaves nothing behind.")
        self._job = None
        self.form.set_busy(False)

    def _release(self, layers: Any) -> None:
        layers.release()
        if self._job is not None:
            self._job.abandon()

    # -- what is shown -----------------------------------------------------------------------

    def _show(self, _: object = None) -> None:
        form = self.form
        form.show_rows()
        layer = form.layers.layer()
        file = None if layer is None else _file_of(layer)
        if file is not None and not form.folder.text():
            form.folder.setText(str(file.parent))
        form.losses.setText(self._losses())
        form.losses.setVisible(bool(form.losses.text()))

    def _losses(self) -> str:
        """Say what the chosen format would lose of the image in the viewer."""
        form, layer = self.form, self.form.layers.layer()
        name = form.format.currentData()
        session = None if layer is None else links.existing_session(layer)
        if name == DATASET or session is None or layer is None:
            return ""
        try:
            labels = session.labels
            shape = (int(labels.shape[0]), int(labels.shape[1]))
            table, file = session.table(), _file_of(layer)
            image = AnnotatedImage(session.name, shape, labels, table, file)
            return " ".join(convert.losses([image], name))
        except LeukocyteError as error:
            return str(error)

    def _show_existing(self) -> None:
        """Say which dataset is there already, and what licence it has."""
        form = self.form
        if form.format.currentData() != DATASET or not form.to.text().strip():
            return
        try:
            dataset = open_dataset(self._target())
        except LeukocyteError:
            return
        if not form.title.text():
            form.title.setText(dataset.manifest.title)
        if not form.licence.currentText():
            form.licence.setCurrentText(dataset.licence)
        if not self.busy and not form.report.toPlainText():
            form.status.setText(
                f"Version {dataset.version} of a dataset is there, "
                f"with {number_of(len(dataset.images), 'photograph')}."
            )

    # -- dialogs -----------------------------------------------------------------------------

    def _ask_for_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder of photographs")
        if chosen:
            self.form.folder.setText(chosen)

    def _ask_where_to(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder to export to")
        if chosen:
            self.form.to.setText(chosen)
            self._show_existing()

    def _ask_to_reopen(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Folder of a dataset")
        if chosen:
            self.reopen(Path(chosen))


def _file_of(layer: Any) -> Path | None:
    path = layer.source.path
    return None if path is None else Path(path)
