"""Save what a session holds, with what the user is asked and told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from napari.layers import Image
from napari.utils.notifications import show_info
from numpy.typing import NDArray
from qtpy.QtWidgets import QFileDialog, QMessageBox, QWidget

from napari_leukocyte.counting.leukogram import count
from napari_leukocyte.counting.settings import DifferentialSettings
from napari_leukocyte.io.images.key import image_key
from napari_leukocyte.progress import Progress
from napari_leukocyte.reporting.record import (
    ImageRecord,
    describe_maps,
    file_sha256,
    make_record,
)
from napari_leukocyte.reporting.save import FILES, save_results
from napari_leukocyte.segmentation.parameters import PostprocessParams
from napari_leukocyte.session.session import Session
from napari_leukocyte.ui.jobs import Job, start_job, telling_errors


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A session's results at one moment, so that a thread can write them while work goes on."""

    image: NDArray[np.uint8]
    labels: NDArray[np.int32]
    table: pd.DataFrame
    file: Path | None
    image_record: ImageRecord
    segmentation: Mapping[str, Any] | None
    classification: Mapping[str, Any] | None
    params: PostprocessParams
    settings: DifferentialSettings
    extra: dict[str, Any]

    def write(self, folder: Path, *, overwrite: bool) -> list[Path]:
        """Write everything; see :func:`napari_leukocyte.reporting.save.save_results`."""
        image = replace(self.image_record, pixels_sha256=image_key(self.image))
        if self.file is not None and self.file.is_file():
            image = replace(image, file_sha256=file_sha256(self.file))
        diameter = image.diameter_px
        record = make_record(
            images=[image],
            segmentation=self.segmentation,
            classification=self.classification,
            params=self.params,
            diameter="auto" if diameter is None else diameter,
            command="viewer",
        )
        classified = bool(self.table["class"].notna().any())
        return save_results(
            folder,
            image.image,
            image=self.image,
            labels=self.labels,
            table=self.table,
            leukogram=count(self.table, self.settings.counted) if classified else None,
            record=record | self.extra,
            overwrite=overwrite,
        )


def take_snapshot(
    session: Session, layer: Image | None, settings: DifferentialSettings | None = None
) -> Snapshot:
    """Collect a session's results.

    Parameters
    ----------
    session : Session
        Its arrays are never changed in place, so none is copied.
    layer : napari.layers.Image or None
        The session's layer, whose file is named and its checksum recorded.
    settings : DifferentialSettings, optional
        How the cells are counted; recorded, too.

    Returns
    -------
    Snapshot

    Raises
    ------
    BlindReadError
        While classes are hidden.
    """
    session.require_shown()
    path = layer.source.path if layer is not None else None
    maps, table = session.maps, session.table()
    predictions = session.predictions
    settings = DifferentialSettings() if settings is None else settings
    return Snapshot(
        image=session.rgb,
        labels=session.labels,
        table=table,
        file=None if path is None else Path(path),
        image_record=ImageRecord(
            image=session.name if path is None else str(path),
            shape=(int(session.labels.shape[0]), int(session.labels.shape[1])),
            diameter_px=None if maps is None else maps.diameter,
            objects=len(table),
            notes=tuple(dict.fromkeys(session.notes + (() if maps is None else maps.notes))),
        ),
        segmentation=None if maps is None else describe_maps(maps, session.weights),
        classification=None if predictions is None else predictions.description,
        params=session.params,
        settings=settings,
        extra={
            "differential": settings.to_dict(),
            "edited_by_hand": sorted(session.edits.labels),
            "classified_by_hand": {str(n): c for n, c in sorted(session.assigned.items())},
        },
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
        See `take_snapshot`.
    settings : DifferentialSettings, optional
        See `take_snapshot`.

    Returns
    -------
    Job or None
        None if the user thought better of it.
    """
    with telling_errors():
        session.require_shown()
        return _ask_and_save(parent, session, layer, settings)
    return None


def _ask_and_save(
    parent: QWidget, session: Session, layer: Image | None, settings: DifferentialSettings | None
) -> Job | None:
    chosen = QFileDialog.getExistingDirectory(parent, "Folder for the results")
    if not chosen:
        return None
    folder = Path(chosen)
    existing = [name for name in FILES if (folder / name).exists()]
    if existing and not _may_replace(parent, folder, existing):
        return None
    snapshot, saved = take_snapshot(session, layer, settings), session.revision

    def work(progress: Progress) -> list[Path]:
        progress(0, 1, "Saving results")
        return snapshot.write(folder, overwrite=bool(existing))

    def done(files: list[Path]) -> None:
        session.mark_saved(saved)
        show_info(f"Results saved in {folder}: {', '.join(f.name for f in files)}.")

    return start_job(work, title="Saving results", on_done=done)


def _may_replace(parent: QWidget, folder: Path, existing: list[str]) -> bool:
    yes, no = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No
    question = f"{folder} already holds {', '.join(existing)}. Replace them?"
    answer = QMessageBox.question(parent, "Replace earlier results?", question, yes | no, no)
    return bool(answer == yes)
