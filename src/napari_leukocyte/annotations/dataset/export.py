"""Export into a dataset, photograph by photograph, as a version that is whole or not there."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from napari_leukocyte.annotations.dataset.corrections import corrections
from napari_leukocyte.annotations.dataset.description import (
    croissant_of,
    datasheet_html,
    datasheet_of,
)
from napari_leukocyte.annotations.dataset.export_state import (
    ChangedImage,
    Exported,
    ExportSettings,
    ExportState,
    describe,
)
from napari_leukocyte.annotations.dataset.field import Field, Fields
from napari_leukocyte.annotations.dataset.layout import (
    CROISSANT,
    CROPS,
    CSV,
    DATASHEET,
    DATASHEET_HTML,
    MANIFEST,
    PARQUET,
    SIDES,
    STAGING,
    VERSIONS,
    DatasetClass,
    DatasetError,
    Side,
    gather_classes,
    unique_name,
    version_name,
)
from napari_leukocyte.annotations.dataset.manifest import DatasetManifest, ImageEntry
from napari_leukocyte.annotations.dataset.objects import join, write_objects
from napari_leukocyte.annotations.dataset.opening import current_version, open_dataset
from napari_leukocyte.annotations.dataset.provenance import Event, merge
from napari_leukocyte.annotations.dataset.reading import Dataset
from napari_leukocyte.annotations.dataset.split import (
    Fingerprint,
    SplitMember,
    check_shares,
    fingerprint,
    place,
)
from napari_leukocyte.annotations.dataset.staging import (
    Staging,
    locked_folder,
    point,
    remove_leftovers,
)
from napari_leukocyte.annotations.dataset.writing import (
    PENDING,
    digest_of,
    settle_crops,
    write_field,
)
from napari_leukocyte.errors import LeukocyteError, OutputError
from napari_leukocyte.io.atomic import named, staged
from napari_leukocyte.io.images.key import image_key
from napari_leukocyte.progress import Progress, silent
from napari_leukocyte.reporting.record import versions
from napari_leukocyte.schema import LABEL
from napari_leukocyte.session.journal import sync_folder
from napari_leukocyte.session.reviews import now


def take(state: ExportState, given: Field) -> None:
    """Write one photograph, unless the dataset has it as it is."""
    if state.settings.only_reviewed:
        given = given.only_reviewed()
        if not len(given.table):
            raise DatasetError(f"{given.name}: none of its cells was reviewed.")
    key = image_key(given.rgb)
    if key in state.seen:
        raise DatasetError(f"{given.name} shows the same pixels as {state.seen[key]}.")
    state.seen[key] = given.name
    copy = state.settings.copy_images
    if given.file is None and not copy:
        state.uncopied += 1
    digest = digest_of(given, copy=copy)
    entry = state.entries.get(key)
    log, head, events = b"", "", list(merge((), given.events))
    if entry is not None and state.former is not None:
        image = next(i for i in state.former.images if i.sha256 == key)
        known = state.former.read_log(image)
        if known.problems:
            raise DatasetError(f"{image.name}: its history is damaged ({known.problems[0]})")
        events = _that_follow(known.events, given)
        log, head = state.former.read_bytes(entry.provenance), known.head
        if digest == entry.digest and not events and _all_there(state.former, entry):
            state.unchanged.append(entry.id)
            return
    if entry is None:
        taken = [c.id for c in state.changed] + [i.id for i in state.entries.values()]
        name = unique_name(Path(given.name).stem or given.name, taken)
    else:
        name = entry.id
    written = write_field(
        state.staging, given, name, key, copy=copy, log=log, head=head, events=events
    )
    views = fingerprint(given.rgb).views if entry is None else entry.views
    state.changed.append(ChangedImage(_light(given), name, key, digest, written, entry, views))


def _that_follow(known: Sequence[Event], given: Field) -> list[Event]:
    """Return the events to add to a log, so that it leads to the field's table."""
    events = merge(known, given.events)
    more = corrections([*known, *events], given.table, given.left_out)
    return [*events, *merge((), more)]


def _all_there(former: Dataset, entry: ImageEntry) -> bool:
    """Whether the version before has all files of a photograph, by their sizes."""
    try:
        return all(
            (former.folder / f).stat().st_size == former.manifest.files[f].bytes
            for f in entry.files
        )
    except OSError:
        return False


def _light(given: Field) -> Field:
    """Return a field without its pixels, which are written."""
    return replace(
        given, rgb=given.rgb[:0], annotated=replace(given.annotated, labels=None), erased=None
    )


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

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import tifffile
    >>> import napari_leukocyte as nl
    >>> from napari_leukocyte import datasets, formats
    >>> folder = Path(tempfile.mkdtemp())
    >>> smear = nl.synthetic_smear((300, 300), n_per_class=1, diameter=60, touching_pairs=0)
    >>> tifffile.imwrite(folder / "field.tif", smear.image, photometric="rgb")
    >>> table = nl.classify(smear.image, smear.labels)
    >>> image = formats.AnnotatedImage("field.tif", smear.labels.shape, smear.labels, table)
    >>> lost = formats.write([image], folder / "field.json", "coco")
    >>> fields = datasets.fields_of_sources([folder / "field.json"])
    >>> done = datasets.export(folder / "cells", fields)
    >>> done.version, done.added
    (1, ('field',))
    """
    folder, settings = Path(folder), settings or ExportSettings()
    check_shares(settings.validation, settings.test)
    wanted, report = Fields.of(fields), progress or silent
    # A file of an unfinished version means nothing to a user.
    with named(folder), locked_folder(folder, settings.patience):
        remove_leftovers(folder)
        newest = current_version(folder)
        former = None if newest is None else open_dataset(folder, newest)
        (folder / VERSIONS).mkdir(parents=True, exist_ok=True)
        with staged(folder / VERSIONS / f"{STAGING}{secrets.token_hex(4)}") as place:
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


def assemble(state: ExportState) -> DatasetManifest:
    """Write what a version has besides its photographs' own files.

    Parameters
    ----------
    state : ExportState
        With something that changed.

    Returns
    -------
    DatasetManifest
        Not written yet.

    Raises
    ------
    DatasetError
        If the version before is damaged.
    OutputError, OSError
        If something can't be written.
    """
    former, settings = state.former, state.settings
    before = DatasetManifest(0, "") if former is None else former.manifest
    shares = (
        (settings.validation, settings.test) if former is None else (before.validation, before.test)
    )
    replaced = {c.id for c in state.changed if c.former is not None}
    kept = [i for i in before.images if i.id not in replaced]
    sides = place(
        [SplitMember(i.id, i.group, i.fingerprint, i.side) for i in kept]
        + [_split_member(c) for c in state.changed],
        *shares,
    )
    names = {n for c in state.changed for n in c.given.table["class"].dropna().tolist()}
    classes = gather_classes(names, before.classes)
    tables, entries = _settle(state, kept, sides, classes)
    if former is not None:
        for image in kept:
            for name in image.files:
                state.staging.link(name, former.folder, before.files[name])
        rows = former.objects()
        tables.append(rows[rows["image"].isin([i.id for i in kept])])
    for side in SIDES:
        for found in classes:
            # Also where there is none, so that every side has the same classes in the same order.
            (state.staging.folder / CROPS / side / found.folder).mkdir(parents=True, exist_ok=True)
    shutil.rmtree(state.staging.folder / PENDING, ignore_errors=True)
    texts = state.texts
    manifest = DatasetManifest(
        version=before.version + 1,
        created=now(),
        previous="" if former is None else former.sha256,
        title=texts["title"],
        description=texts["description"],
        licence=texts["licence"],
        classes=classes,
        validation=shares[0],
        test=shares[1],
        images=tuple(sorted(entries, key=lambda i: i.id)),
        added=tuple(sorted(c.id for c in state.changed if c.former is None)),
        replaced=tuple(sorted(replaced)),
        versions=versions(),
    )
    return _write_tables(state.staging, manifest, join(tables))


def _split_member(changed: ChangedImage) -> SplitMember:
    side = None if changed.former is None else changed.former.side
    return SplitMember(changed.id, changed.given.group, Fingerprint(changed.views), side)


def _settle(
    state: ExportState,
    kept: list[ImageEntry],
    sides: Mapping[str, Side],
    classes: tuple[DatasetClass, ...],
) -> tuple[list[pd.DataFrame], list[ImageEntry]]:
    """Put crops into their folders and return the tables and entries of what changed."""
    folders = {c.name: c.folder for c in classes}
    tables: list[pd.DataFrame] = []
    entries = list(kept)
    for changed in state.changed:
        given, written, side = changed.given, changed.written, sides[changed.id]
        table = given.table
        names = [folders.get(c, "") for c in table["class"].tolist()]
        of_label = dict(zip(table[LABEL].tolist(), names, strict=True))
        crops = settle_crops(state.staging, written.crops, side, of_label)
        paths = [crops.get(n, "") for n in table[LABEL].tolist()]
        tables.append(
            table.assign(
                image=pd.Series(changed.id, index=table.index, dtype="str"),
                group=pd.Series(given.group, index=table.index, dtype="str"),
                side=pd.Series(side, index=table.index, dtype="str"),
                crop=pd.Series(paths, index=table.index, dtype="str"),
            )
        )
        entries.append(
            ImageEntry(
                id=changed.id,
                name=given.name,
                key=changed.key,
                shape=given.annotated.shape,
                group=given.group,
                side=side,
                views=changed.views,
                image=written.image,
                reference=written.reference,
                labels=written.labels,
                provenance=written.provenance,
                erased=written.erased,
                entries=written.entries,
                head=written.head,
                objects=len(table),
                reviewed=int(table["reviewed"].sum()),
                left_out=len(given.left_out),
                record=json.loads(json.dumps(dict(given.record))),
                digest=changed.digest,
                crops=tuple(crops[n] for n in sorted(crops)),
            )
        )
    return tables, entries


def _write_tables(
    staging: Staging, manifest: DatasetManifest, table: pd.DataFrame
) -> DatasetManifest:
    write_objects(staging.path(CSV), staging.path(PARQUET), table)
    for name in (CSV, PARQUET):
        staging.add(name)
    sheet = datasheet_of(manifest, table)
    staging.write(DATASHEET, sheet.encode("utf-8", "backslashreplace"))
    staging.write(
        DATASHEET_HTML, datasheet_html(manifest, table).encode("utf-8", "backslashreplace")
    )
    described = replace(manifest, files=dict(staging.files))
    staging.write(CROISSANT, croissant_of(described, table))
    return replace(manifest, files=dict(staging.files))
