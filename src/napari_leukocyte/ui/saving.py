"""The saving of what a session holds, with what the user is asked and told."""

from __future__ import annotations

from pathlib import Path

from napari.layers import Image
from napari.utils.notifications import show_info
from qtpy.QtWidgets import QFileDialog, QMessageBox, QWidget

from napari_leukocyte.counting.leukogram import count
from napari_leukocyte.counting.settings import DifferentialSettings
from napari_leukocyte.errors import LeukocyteError
from napari_leukocyte.language import tr
from napari_leukocyte.progress import Progress
from napari_leukocyte.reporting.save import FILES, save_results
from napari_leukocyte.session.session import Session
from napari_leukocyte.session.snapshot import SessionSnapshot
from napari_leukocyte.ui.jobs import Job, start_job, tell


def write_results(
    taken: SessionSnapshot,
    folder: Path,
    *,
    file: Path | None = None,
    settings: DifferentialSettings | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """Write everything about an image; see :func:`napari_leukocyte.reporting.save.save_results`.

    Parameters
    ----------
    taken : SessionSnapshot
        Of its session.
    folder : Path
        Where to.
    file : Path, optional
        The image's, which is named and its checksum recorded.
    settings : DifferentialSettings, optional
        How the cells are counted; recorded, too.
    overwrite : bool
        Whether earlier results may be replaced.
    """
    settings = DifferentialSettings() if settings is None else settings
    table = taken.scored_table()
    record = taken.record(file)
    classified = bool(table["class"].notna().any())
    return save_results(
        folder,
        record["images"][0]["image"],
        image=taken.rgb,
        labels=taken.labels,
        table=table,
        leukogram=count(table, settings.counted) if classified else None,
        record=record | {"differential": settings.to_dict()},
        overwrite=overwrite,
    )


def ask_and_save(
    parent: QWidget,
    session: Session,
    layer: Image | None,
    settings: DifferentialSettings | None = None,
) -> Job | None:
    """Ask for a folder and save a session's results there, off the main thread.

    Parameters
    ----------
    parent : QWidget
        Of the dialogs.
    session : Session
        What to save.
    layer : napari.layers.Image or None
        The session's layer, whose file is named and its checksum recorded.
    settings : DifferentialSettings, optional
        How the cells are counted; recorded, too.

    Returns
    -------
    Job or None
        None if the user thought better of it.
    """
    try:
        session.require_shown()
    except LeukocyteError as error:
        tell(error)
        return None
    chosen = QFileDialog.getExistingDirectory(parent, tr("Folder for the results"))
    if not chosen:
        return None
    folder = Path(chosen)
    existing = [name for name in FILES if (folder / name).exists()]
    if existing and not _may_replace(parent, folder, existing):
        return None
    taken = session.snapshot()
    path = layer.source.path if layer is not None else None
    file = None if path is None else Path(path)

    def work(progress: Progress) -> list[Path]:
        progress(0, 1, "Saving results")
        return write_results(taken, folder, file=file, settings=settings, overwrite=bool(existing))

    def done(files: list[Path]) -> None:
        session.mark_saved(taken.revision)
        show_info(
            tr(
                "Results saved in {folder}: {names}.",
                folder=folder,
                names=", ".join(f.name for f in files),
            )
        )

    return start_job(work, title="Saving results", on_done=done)


def _may_replace(parent: QWidget, folder: Path, existing: list[str]) -> bool:
    yes, no = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No
    question = tr(
        "{folder} already holds {existing}. Replace them?",
        folder=folder,
        existing=", ".join(existing),
    )
    answer = QMessageBox.question(parent, tr("Replace earlier results?"), question, yes | no, no)
    return bool(answer == yes)
