"""Make a version of what an export has written: crops in their folders, tables, manifest."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from napari_leukocyte.annotations.dataset.classes import DatasetClass, gather_classes
from napari_leukocyte.annotations.dataset.croissant import croissant_of
from napari_leukocyte.annotations.dataset.datasheet import datasheet_html, datasheet_of
from napari_leukocyte.annotations.dataset.duplicates import Fingerprint
from napari_leukocyte.annotations.dataset.exporting import ChangedImage, ExportState
from napari_leukocyte.annotations.dataset.layout import (
    CROISSANT,
    CROPS,
    CSV,
    DATASHEET,
    DATASHEET_HTML,
    PARQUET,
    SIDES,
    Side,
)
from napari_leukocyte.annotations.dataset.manifest import DatasetManifest, ImageEntry
from napari_leukocyte.annotations.dataset.objects import join, write_objects
from napari_leukocyte.annotations.dataset.split import SplitMember, place
from napari_leukocyte.annotations.dataset.writing import PENDING, Staging, settle_crops
from napari_leukocyte.reporting.record import versions
from napari_leukocyte.session.reviews import now


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
        of_label = dict(zip(table["label"].tolist(), names, strict=True))
        crops = settle_crops(state.staging, written.crops, side, of_label)
        paths = [crops.get(n, "") for n in table["label"].tolist()]
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
