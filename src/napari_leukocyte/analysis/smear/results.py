"""Report and results of a smear, from what is on the disk of its fields."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.analysis.smear.inspection import sentence
from napari_leukocyte.analysis.smear.reading import read_field
from napari_leukocyte.analysis.smear.smear import Smear
from napari_leukocyte.counting.leukogram import count
from napari_leukocyte.counting.settings import DifferentialSettings
from napari_leukocyte.errors import LeukocyteError, OutputError
from napari_leukocyte.io.atomic import write_together
from napari_leukocyte.io.paths import plan
from napari_leukocyte.language import joined, tr, tr_n
from napari_leukocyte.progress import Progress, silent
from napari_leukocyte.reporting.drawing import write_png
from napari_leukocyte.reporting.pictures import draw_overlay
from napari_leukocyte.reporting.record import write_record
from napari_leukocyte.reporting.report import ReportField, write_report
from napari_leukocyte.reporting.save import (
    ALL,
    LABELS,
    LEUKOGRAM,
    OBJECTS,
    OVERLAY,
    RECORD,
    objects_table,
    write_csv,
    write_labels,
)
from napari_leukocyte.session.blinding import BlindReadError
from napari_leukocyte.session.reviews import SignOff
from napari_leukocyte.session.session import Session
from napari_leukocyte.session.snapshot import SessionSnapshot

#: Files of the smear as a whole, and of each field.
SMEAR_FILES, FIELD_FILES = (OBJECTS, LEUKOGRAM, RECORD), (LABELS, OVERLAY)


def report_field(taken: SessionSnapshot, file: Path | None = None) -> ReportField:
    """Return one field as a report takes it."""
    return ReportField(
        taken.name, taken.rgb, taken.labels, taken.table, taken.record(file), taken.state.signed_off
    )


class _FieldOnDisk(ReportField):
    """A field whose pixels are only read when they are drawn: a smear has hundreds."""

    def __init__(
        self, taken: SessionSnapshot, file: Path, sign_off: SignOff | None, one: _One
    ) -> None:
        for name, value in (
            ("name", taken.name),
            ("table", taken.table),
            ("record", taken.record(file)),
            ("sign_off", taken.state.signed_off or sign_off),
            ("_file", file),
            ("_one", one),
        ):
            object.__setattr__(self, name, value)

    @property
    def rgb(self) -> NDArray[np.uint8]:
        """(H, W, 3) uint8."""
        return self._pixels().rgb

    @property
    def labels(self) -> NDArray[np.int32]:
        """(H, W) int32."""
        return self._pixels().labels

    def _pixels(self) -> Session:
        one: _One = self.__dict__["_one"]
        return one.session_of(self.__dict__["_file"])


class _One:
    """Keeps the pixels of the one field that was asked for last."""

    def __init__(self) -> None:
        self._last: tuple[Path, Session] | None = None

    def session_of(self, file: Path) -> Session:
        if self._last is None or self._last[0] != file:
            self._last = None
            self._last = file, read_field(file, with_maps=False)
        return self._last[1]


def write_smear_report(
    path: Path,
    smear: Smear,
    settings: DifferentialSettings | None = None,
    *,
    progress: Progress = silent,
) -> Path:
    """Write the report of all fields that were analysed; see `reporting.report.write_report`.

    A field that was not signed off by itself has the smear's sign-off.

    Raises
    ------
    BlindReadError
        While classes are hidden in a field.
    OutputError
        If no field was analysed, or the file can't be written.
    LeukocyteError
        If a field can't be read any more.
    """
    one = _One()
    chosen, signed = _analysed(smear), smear.signed_off
    _require_shown(smear, chosen)
    sign_off = None if signed is None else SignOff(signed.reader, signed.when)
    fields: list[ReportField] = []
    for number, index in enumerate(chosen):
        file = smear.paths[index]
        progress(number, 2 * len(chosen), f"Reading {file.name}")
        fields.append(_FieldOnDisk(read_field(file).snapshot(), file, sign_off, one))

    def draw(done: int, total: int, what: str) -> None:
        progress(total + done, 2 * total, what)

    return write_report(
        path,
        fields,
        settings or smear.settings,
        title=tr(
            "Differential of the smear {name}, {fields}",
            name=smear.title,
            fields=_fields(len(fields)),
        ),
        progress=draw,
    )


def save_smear(
    folder: Path,
    smear: Smear,
    settings: DifferentialSettings | None = None,
    *,
    overwrite: bool = False,
    progress: Progress = silent,
) -> list[Path]:
    """Save the results of all fields that were analysed, as ``napari-leukocyte run`` does.

    Parameters
    ----------
    folder : Path
        Where to; made if it does not exist.
    smear : Smear
        Whose.
    settings : DifferentialSettings, optional
        How the cells are counted; the smear's own by default.
    overwrite : bool
        Whether earlier results may be replaced.
    progress : callable, optional
        Called before each field.

    Returns
    -------
    list of Path
        What was written: the tables, the record, and a folder for each field.

    Raises
    ------
    BlindReadError
        While classes are hidden in a field; nothing is written then.
    OutputError
        If no field was analysed, earlier results may not be replaced or the folder can't be
        written to.
    """
    settings = settings or smear.settings or DifferentialSettings()
    chosen = _analysed(smear)
    jobs = plan([str(smear.paths[i]) for i in chosen], reserved=SMEAR_FILES)
    tables: list[tuple[str, pd.DataFrame]] = []
    records: list[dict[str, Any]] = []
    errors = {
        str(p): smear.state(i).problem
        for i, p in enumerate(smear.paths)
        if smear.state(i).stage == "damaged"
    }
    _require_shown(smear, chosen)
    if not overwrite:
        _refuse(folder, [*SMEAR_FILES, *(job.folder for job in jobs)])
    for number, (index, job) in enumerate(zip(chosen, jobs, strict=True)):
        file = smear.paths[index]
        progress(number, len(chosen), f"Saving {file.name}")
        try:
            taken = read_field(file).snapshot()
            record = taken.record(file, job.folder)
        except BlindReadError:
            raise
        except LeukocyteError as error:
            errors[job.image] = sentence(file, error)
            continue
        table = taken.scored_table()
        with write_together(folder / job.folder, FIELD_FILES, overwrite=overwrite) as staging:
            write_labels(staging / LABELS, taken.labels)
            write_png(staging / OVERLAY, draw_overlay(taken.rgb, taken.labels, table))
        tables.append((job.image, table))
        records.append(record)
    if not tables:
        raise OutputError("No field can be read any more: {why}", why=joined(errors.values()))
    with write_together(folder, SMEAR_FILES, overwrite=overwrite) as staging:
        write_csv(staging / OBJECTS, objects_table(tables))
        write_csv(staging / LEUKOGRAM, _leukograms(tables, settings))
        write_record(staging / RECORD, _record(smear, records, errors, settings))
    progress(len(chosen), len(chosen), "Saved")
    return [folder / name for name in (*SMEAR_FILES, *(r["images"][0]["folder"] for r in records))]


def _analysed(smear: Smear) -> list[int]:
    chosen = [i for i in smear.counted() if smear.state(i).analysed]
    if not chosen:
        raise OutputError("No field of this smear was analysed yet.")
    return chosen


def _require_shown(smear: Smear, chosen: Sequence[int]) -> None:
    """Refuse before anything is read or written, which takes long in a smear."""
    blind = [smear.paths[i].name for i in chosen if smear.inspect(i).blind]
    if blind:
        named = ", ".join(blind[:3]) + (f" and {len(blind) - 3} more" if len(blind) > 3 else "")
        raise BlindReadError(
            "The smear can't be saved or reported before the blind reads of {named} are finished: "
            "some of their cells have no answer yet.",
            named=named,
        )


def _refuse(folder: Path, names: Sequence[str]) -> None:
    existing = [name for name in names if (folder / name).exists()]
    if existing:
        raise OutputError(
            "{folder} already holds {names}: choose another folder or allow overwriting.",
            folder=folder,
            names=", ".join(existing[:3]),
        )


def _leukograms(
    tables: Sequence[tuple[str, pd.DataFrame]], settings: DifferentialSettings
) -> pd.DataFrame:
    """Return the count of each field and of all together; which classes count is the user's."""
    pooled = pd.concat([t[["class"]] for _, t in tables], ignore_index=True)
    blocks = []
    for name, table in [*tables, (ALL, pooled)]:
        block = count(table, settings.counted)
        block.insert(0, "image", name)
        blocks.append(block)
    return pd.concat(blocks, ignore_index=True)


def _record(
    smear: Smear,
    records: Sequence[dict[str, Any]],
    errors: dict[str, str],
    settings: DifferentialSettings,
) -> dict[str, Any]:
    """Put one record together: what all fields share, then what each has of its own."""
    first, signed = records[0], smear.signed_off
    own = ("segmentation", "classification", "parameters")
    shared = {k: first[k] if all(r[k] == first[k] for r in records) else None for k in own}
    return {
        **first,
        **shared,
        "diameter": None,
        "images": [r["images"][0] for r in records],
        "errors": [{"image": i, "error": e} for i, e in errors.items()],
        "differential": settings.to_dict(),
        "sign_off": None if signed is None else {"reader": signed.reader, "when": signed.when},
        "fields": [
            {"image": r["images"][0]["image"]}
            | {k: r[k] for k in (*own, "edited_by_hand", "classified_by_hand", "sign_off")}
            for r in records
        ],
        "edited_by_hand": None,
        "classified_by_hand": None,
    }


def _fields(number: int) -> str:
    return tr_n("{n} field", "{n} fields", number)
