"""Export into a dataset: version by version, each whole or not there."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path

from napari_leukocyte.annotations.dataset.assembling import assemble
from napari_leukocyte.annotations.dataset.exporting import Exported as Exported
from napari_leukocyte.annotations.dataset.exporting import ExportSettings as ExportSettings
from napari_leukocyte.annotations.dataset.exporting import ExportState, describe, take
from napari_leukocyte.annotations.dataset.field import Field, Fields
from napari_leukocyte.annotations.dataset.layout import (
    MANIFEST,
    STAGING,
    VERSIONS,
    version_name,
)
from napari_leukocyte.annotations.dataset.layout import DatasetError as DatasetError
from napari_leukocyte.annotations.dataset.manifest import DatasetManifest
from napari_leukocyte.annotations.dataset.persistence import locked_folder, point, remove_leftovers
from napari_leukocyte.annotations.dataset.reading import Dataset as Dataset
from napari_leukocyte.annotations.dataset.reading import DatasetImage as DatasetImage
from napari_leukocyte.annotations.dataset.reading import current_version
from napari_leukocyte.annotations.dataset.reading import open_dataset as open_dataset
from napari_leukocyte.annotations.dataset.split import check_shares
from napari_leukocyte.annotations.dataset.writing import Staging
from napari_leukocyte.errors import LeukocyteError, OutputError
from napari_leukocyte.io.atomic import as_output_error
from napari_leukocyte.progress import Progress, silent
from napari_leukocyte.session.journal import sync_folder


def export(
    folder: Path,
    fields: Fields | Iterable[Field],
    settings: ExportSettings | None = None,
    progress: Progress | None = None,
) -> Exported:
    """Add photographs to a dataset, or replace those that it has already.

    The new version is written beside the old ones and takes its place by one rename: whatever
    stops the export, the newest version is whole. Files that did not change are hard links to
    those of the version before.

    Parameters
    ----------
    folder : Path
        Of the dataset; made if it does not exist.
    fields : Fields or iterable of Field
        The photographs. One that the dataset has, by its pixels, is replaced.
    settings : ExportSettings, optional
        How.
    progress : callable, optional
        Called before each photograph; it may raise :class:`~napari_leukocyte.errors.Cancelled`.

    Returns
    -------
    Exported

    Raises
    ------
    OutputError
        If the folder can't be written to, or another export takes too long.
    DatasetError
        If it holds something that is no dataset or is damaged, or no photograph can be exported.
    ParameterError
        If the shares of the split leave nothing to train on.
    """
    folder, settings = Path(folder), settings or ExportSettings()
    check_shares(settings.validation, settings.test)
    wanted, report = Fields.of(fields), progress or silent
    with as_output_error(folder), locked_folder(folder, settings.patience):
        remove_leftovers(folder)
        newest = current_version(folder)
        former = None if newest is None else open_dataset(folder, newest)
        place = folder / VERSIONS / f"{STAGING}{secrets.token_hex(4)}"
        place.mkdir(parents=True)
        try:
            state = ExportState(former, settings, Staging(place))
            for number, (name, load) in enumerate(wanted.loaders):
                report(number, len(wanted) + 2, f"Exporting {name}")
                try:
                    take(state, load())
                except OutputError:
                    raise
                except LeukocyteError as error:
                    state.skipped[name] = str(error)
            return _finish(folder, state, len(wanted), report)
        except OutputError as error:
            # A file of an unfinished version means nothing to a user.
            if isinstance(error.__cause__, OSError):
                raise error.__cause__ from None
            raise
        finally:
            shutil.rmtree(place, ignore_errors=True)


def _finish(folder: Path, state: ExportState, total: int, report: Progress) -> Exported:
    """Make the version, unless nothing changed."""
    former = state.former
    if not state.changed and not state.unchanged:
        raise DatasetError(
            "There is nothing to export: "
            + (" ".join(state.skipped.values()) or "no photograph was given.")
        )
    if former is not None and not state.changed and not state.new_texts:
        point(folder, former.version, former.sha256)
        return describe(state, former.folder, former.version, new=False)
    report(total, total + 2, "Writing the tables")
    manifest = assemble(state)
    report(total + 1, total + 2, "Making the version")
    return _commit(folder, state, manifest)


def _commit(folder: Path, state: ExportState, manifest: DatasetManifest) -> Exported:
    staging = state.staging
    staging.write(MANIFEST, manifest.encoded())
    checksum = staging.files[MANIFEST].sha256
    staging.flush()
    target = folder / VERSIONS / version_name(manifest.version)
    staging.folder.rename(target)
    sync_folder(folder / VERSIONS)
    point(folder, manifest.version, checksum)
    return describe(state, target, manifest.version, new=True)
