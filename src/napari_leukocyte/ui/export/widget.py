"""Corrected annotations of an image or a folder: exported, checked, brought back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QFileDialog, QMessageBox

from napari_leukocyte.annotations.dataset.export_state import ExportSettings
from napari_leukocyte.annotations.dataset.opening import open_dataset
from napari_leukocyte.annotations.dataset.sources import take_snapshot
from napari_leukocyte.annotations.formats import convert
from napari_leukocyte.annotations.formats.annotated import AnnotatedImage
from napari_leukocyte.errors import LeukocyteError, ParameterError
from napari_leukocyte.language import tr
from napari_leukocyte.progress import Progress
from napari_leukocyte.ui.dock import SessionDock, SharedParts
from napari_leukocyte.ui.export import work
from napari_leukocyte.ui.export.form import DATASET, FOLDER, NAMED, TOGETHER, ExportForm
from napari_leukocyte.ui.export.work import ExportOutcome, photographs
from napari_leukocyte.ui.jobs import telling_errors
from napari_leukocyte.ui.layers import links
from napari_leukocyte.ui.signals import Signal

if TYPE_CHECKING:
    import napari


class ExportWidget(SessionDock):
    """Export the annotations of an image or of a folder.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose images can be exported.
    shared : SharedParts, optional
        What it has in common with other docks.

    Attributes
    ----------
    form : ExportForm
        The controls.
    """

    #: Emitted when annotations were exported.
    exported = Signal()

    chooses_image = False  # its row is hidden while a whole folder is exported

    def __init__(self, viewer: napari.viewer.Viewer, *, shared: SharedParts | None = None) -> None:
        super().__init__(viewer, shared=shared)
        self.form = form = ExportForm(self.image.box if shared is None else None)
        for box in (form.what, form.format, form.group):
            box.currentIndexChanged.connect(self.update_now)
        # What the user has chosen is not proposed otherwise.
        self._chosen = False
        form.only_reviewed.clicked.connect(self._choose_reviewed)
        form.to.chosen.connect(self._show_existing)
        form.export.clicked.connect(self.export)
        form.check.clicked.connect(self.check)
        form.reopen.clicked.connect(self._ask_to_reopen)
        self.lay_out(head=form.head, body=form.body)
        self.begin()
        self.update_now()

    def on_busy(self) -> None:
        """Let the user change nothing while something is under way."""
        self.form.set_busy(self.busy)

    def on_image(self) -> None:
        """Show at once what goes for another image."""
        self._chosen = False
        self.update_now()

    def on_selection(self) -> None:
        """Show nothing of it."""

    # -- what the user does ----------------------------------------------------------------

    def export(self) -> None:
        """Export what is chosen, in a thread."""
        with telling_errors():
            job = self._planned()
            if job is not None:
                self._begin("Exporting annotations", job, self.exported.emit)

    def check(self) -> None:
        """Check the dataset that is named, in a thread."""
        with telling_errors():
            self._begin("Checking the dataset", work.check_dataset(self._target()))

    def reopen(self, folder: Path) -> None:
        """Bring a dataset back into the photographs' sessions, in a thread."""
        self._begin("Reading the dataset", work.reopen_dataset(folder))

    # -- what is to be done ----------------------------------------------------------------

    def _planned(self) -> Callable[[Progress], ExportOutcome] | None:
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

    def _source(self) -> work.FieldSource:
        form = self.form
        if form.what.currentData() == FOLDER:
            text = form.folder.text()
            if not text:
                raise ParameterError("Choose the folder of photographs first.")
            folder = Path(text).expanduser()
            return work.source_of_folder(folder, self._group(folder))
        layer = self.image.layer()
        if layer is None:
            raise ParameterError("Open an image first.")
        session = links.existing_session(layer)
        if session is None:
            raise ParameterError(
                tr("Nothing was done with “{name}” yet: segment it first.", name=layer.name)
            )
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
        text = self.form.to.text()
        if not text:
            raise ParameterError("Choose a folder to export to first.")
        return Path(text).expanduser()

    def _may_replace(self, to: Path) -> bool:
        yes, no = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No
        question = tr("{to} exists. Replace the earlier export in it?", to=to)
        return bool(
            QMessageBox.question(self, tr("Replace an earlier export?"), question, yes | no, no)
            == yes
        )

    # -- jobs --------------------------------------------------------------------------------

    def _begin(
        self,
        title: str,
        function: Callable[[Progress], ExportOutcome],
        then: Callable[[], object] = lambda: None,
    ) -> None:
        def done(told: ExportOutcome) -> None:
            self._done(told)
            then()

        self.form.report.clear()
        self.start(
            function,
            title,
            done,
            cancelled=lambda: self.say("Cancelled: what was not finished leaves nothing behind."),
        )

    def _done(self, told: ExportOutcome) -> None:
        self.say(told.sentence)
        self.form.report.setPlainText("\n".join(told.lines))
        self._show_existing()

    # -- what is shown -----------------------------------------------------------------------

    def update_now(self) -> None:
        """Show the rows for what is chosen, and what the chosen format would lose."""
        form, layer = self.form, self.image.layer()
        form.show_rows()
        file = None if layer is None else _file_of(layer)
        if file is not None and not form.folder.text():
            form.folder.setText(str(file.parent))
        self._propose_reviewed()
        form.losses.setText(self._losses())
        form.losses.setVisible(bool(form.losses.text()))

    def _choose_reviewed(self) -> None:
        self._chosen = True
        self.update_now()

    def _propose_reviewed(self) -> None:
        """Propose only the reviewed cells as soon as some are reviewed and some are not."""
        layer = self.image.layer()
        session = None if layer is None else links.existing_session(layer)
        reviewed, total = (0, 0) if session is None else session.review_progress
        if not self._chosen and session is not None:
            self.form.only_reviewed.setChecked(0 < reviewed < total)
        self.form.show_reviewed(reviewed, total)

    def _losses(self) -> str:
        """Say what the chosen format would lose of the image in the viewer."""
        form, layer = self.form, self.image.layer()
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
        if form.format.currentData() != DATASET or not form.to.text():
            return
        try:
            dataset = open_dataset(self._target())
        except LeukocyteError:
            return
        if not form.title.text():
            form.title.setText(dataset.manifest.title)
        if not form.licence.currentText():
            form.licence.setCurrentText(dataset.licence)
        if not form.report.toPlainText():
            self.say_state(
                tr(
                    "Version {version} of a dataset is there, with {photographs}.",
                    version=dataset.version,
                    photographs=photographs(len(dataset.images)),
                )
            )

    # -- dialogs -----------------------------------------------------------------------------

    def _ask_to_reopen(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, tr("Folder of a dataset"))
        if chosen:
            self.reopen(Path(chosen))


def _file_of(layer: Any) -> Path | None:
    path = layer.source.path
    return None if path is None else Path(path)
