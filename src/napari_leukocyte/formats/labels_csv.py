"""Label TIFFs with a table: what ``napari-leukocyte run`` and the Save button write.

A folder for each image holds ``labels.tif``; beside these stand ``objects.csv`` with all objects
and ``run.json``, which says which folder is whose and how large each image is. The Save button's
one image has its ``labels.tif`` beside the table. Of others, a label TIFF is read with the table of
the same name, ``cells.tif`` with ``cells.csv``, or alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.classification.regions import iterate_regions
from napari_leukocyte.errors import FormatError, ImageError
from napari_leukocyte.formats import files, json_text
from napari_leukocyte.formats.annotated import AnnotatedImage
from napari_leukocyte.formats.attributes import texts
from napari_leukocyte.formats.canvas import Canvas
from napari_leukocyte.formats.cells import BOX
from napari_leukocyte.formats.csv_text import read_csv
from napari_leukocyte.formats.label_tiff import STARTS, read_label_tiff
from napari_leukocyte.formats.limits import check_shape
from napari_leukocyte.formats.measuring import measured
from napari_leukocyte.formats.packed import PackedImage
from napari_leukocyte.formats.source import Source
from napari_leukocyte.results.folders import Job, plan
from napari_leukocyte.results.labels_file import write_labels
from napari_leukocyte.results.record import SCHEMA_VERSION, file_sha256, write_record
from napari_leukocyte.results.save import LABELS, OBJECTS, RECORD
from napari_leukocyte.results.tables import objects_table, write_csv
from napari_leukocyte.version import __version__
from napari_leukocyte.vocabulary import DISCLAIMER

TIFFS, TABLE = (".tif", ".tiff"), ".csv"
#: Names that no image's folder may have.
_RESERVED = (OBJECTS, RECORD, "leukogram.csv")


def recognises(source: Source) -> bool:
    """Whether this is a folder of results, a label TIFF, a table or a record of a run."""
    if source.is_folder:
        return OBJECTS in source.names or bool(_pairs(source))
    if source.path.suffix.lower() == TABLE:
        first_line = source.start.split(b"\n")[0]
        return b"label" in [name.strip(b' "\r') for name in first_line.split(b",")]
    if source.start.startswith(STARTS):
        return True
    return source.looks_like_json and _is_record(source.json)


def _is_record(data: Any) -> bool:
    return isinstance(data, dict) and {"schema", "images", "versions"} <= data.keys()


def _pairs(source: Source) -> list[tuple[Path, Path]]:
    """Return label TIFFs with the tables of the same names."""
    tables = {p.stem: p for p in source.below(TABLE)}
    tiffs = [p for suffix in TIFFS for p in source.below(suffix) if p.stem in tables]
    return [(p, tables[p.stem]) for p in sorted(tiffs)]


def losses(images: Sequence[AnnotatedImage]) -> list[str]:
    """Say what label TIFFs with a table have no place for."""
    jobs = _jobs(images)
    renamed = [
        (image.name, name)
        for image, name in zip(images, _names(images, jobs), strict=True)
        if image.name != name
    ]
    return [f"A second image called {old} is called {new}." for old, new in renamed]


def _jobs(images: Sequence[AnnotatedImage]) -> list[Job]:
    return plan([image.name for image in images], reserved=_RESERVED)


def _names(images: Sequence[AnnotatedImage], jobs: Sequence[Job]) -> list[str]:
    """Return the names of the images, each only once: a table tells images by them."""
    names: list[str] = []
    for image, job in zip(images, jobs, strict=True):
        again = image.name in names
        names.append(job.folder + Path(image.name).suffix if again else image.name)
    return names


def write(images: Sequence[AnnotatedImage], folder: Path) -> None:
    """Write all images into a folder.

    Parameters
    ----------
    images : sequence of AnnotatedImage
        What to write.
    folder : Path
        An empty folder.
    """
    jobs = _jobs(images)
    tables, records = [], []
    for image, job, name in zip(images, jobs, _names(images, jobs), strict=True):
        labels = image.labels
        tables.append((name, measured(image.table, labels)))
        if labels is not None:
            (folder / job.folder).mkdir()
            write_labels(folder / job.folder / LABELS, labels)
        record = {
            "image": name,
            "shape": list(image.shape),
            "diameter_px": None,
            "objects": len(image.table),
            "file_sha256": None if image.source is None else file_sha256(image.source),
            "folder": job.folder,
            "masks": labels is not None,
            "notes": list(image.notes),
        }
        records.append(record)
    write_csv(folder / OBJECTS, objects_table(tables))
    now = datetime.now(UTC).isoformat(timespec="seconds")
    write_record(
        folder / RECORD,
        {
            "schema": SCHEMA_VERSION,
            "disclaimer": DISCLAIMER,
            "created": now,
            "command": "convert",
            "versions": {"napari-leukocyte": __version__},
            "images": records,
            "errors": [],
            "notes": [],
        },
    )


def read(source: Source) -> list[AnnotatedImage]:
    """Read all images of a folder, or one label TIFF.

    Raises
    ------
    FormatError
        If something is damaged or missing, or table and masks do not fit together.
    """
    if source.is_folder and OBJECTS not in source.names:
        return [_read_pair(source, tiff, table) for tiff, table in _pairs(source)]
    if source.is_folder or source.path.name in (OBJECTS, RECORD):
        return _read_results(source, source.folder)
    path = source.path
    if path.suffix.lower() == TABLE:
        beside = [path.with_suffix(s) for s in TIFFS if files.is_file(path.with_suffix(s))]
        if not beside:
            raise FormatError(f"{path} has no label TIFF of its name beside it.")
        return [_read_pair(source, beside[0], path)]
    if path.name == LABELS and files.is_file(path.with_name(OBJECTS)):
        return _read_results(source, path.parent)
    table = path.with_suffix(TABLE)
    return [_read_pair(source, path, table if files.is_file(table) else None)]


def _read_pair(source: Source, tiff: Path, csv: Path | None) -> AnnotatedImage:
    for path in filter(None, (tiff, csv)):
        files.within(path.parent, path)
    table = None if csv is None else read_csv(csv)
    name = tiff.name
    if table is not None and "image" in table:
        names = [n for n in table["image"].unique() if n]
        if len(names) > 1:
            raise FormatError(f"{csv} has several images, but {tiff.name} is one.")
        name = files.checked_name(files.last_part(names[0]), str(csv)) if names else name
        table = table.drop(columns="image")
    photograph = source.photograph(name, folder=tiff.parent)
    return _image(name, read_label_tiff(tiff), table, photograph, tiff)


def _read_results(source: Source, folder: Path) -> list[AnnotatedImage]:
    csv = folder / OBJECTS
    files.within(folder, csv)
    table = read_csv(csv)
    entries = _record(folder)
    if "image" not in table:
        if len(entries) > 1:
            raise FormatError(f"{csv} needs the column image: there are several.")
        name = str(entries[0]["image"]) if entries else folder.name
        table = table.assign(image=texts([name] * len(table)))
    names = list(dict.fromkeys(table["image"].tolist()))
    if not entries:
        jobs = plan(names, reserved=_RESERVED)
        alone = len(names) == 1 and files.is_file(folder / LABELS)
        entries = [{"image": j.image, "folder": None if alone else j.folder} for j in jobs]
    known = {_escaped(entry["image"]) for entry in entries}
    unknown = [n for n in names if n not in known]
    if unknown:
        raise FormatError(
            f"{csv} has objects of {files.short(unknown[0])}, which {RECORD} does not name."
        )
    by_image = {str(n): rows for n, rows in table.groupby("image", sort=False)}
    none = table.iloc[:0]
    found = []
    for entry in entries:
        rows = by_image.get(_escaped(entry["image"]), none).drop(columns="image")
        found.append(_read_one(source, folder, entry, rows.reset_index(drop=True)))
    return found


def _escaped(text: str) -> str:
    """Return a path as it is written into tables, where bytes that are no text are escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _record(folder: Path) -> list[dict[str, Any]]:
    """Return the images that the record names; none without a record."""
    path = folder / RECORD
    if not files.is_file(path):
        return []
    files.within(folder, path)
    data = json_text.parse(files.read_text(path), str(path))
    if not _is_record(data) or not isinstance(data["images"], list):
        raise FormatError(f"{path} is no record of a run.")
    names: set[str] = set()
    for entry in data["images"]:
        name = entry.get("image") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not name:
            raise FormatError(f"{path} has an image without a name.")
        if name in names:
            raise FormatError(f"{path} has the image {files.short(name)} twice.")
        names.add(name)
        inside = entry.get("folder")
        if inside is not None and (
            not isinstance(inside, str) or files.plain_name(inside, str(path)) != inside
        ):
            raise FormatError(f"{path} names the folder {files.short(inside)}, which is none.")
    return list(data["images"])


def _read_one(
    source: Source, folder: Path, entry: Mapping[str, Any], table: pd.DataFrame
) -> AnnotatedImage:
    inside = entry.get("folder")
    path = folder / LABELS if inside is None else folder / inside / LABELS
    name = files.checked_name(files.last_part(entry["image"]), str(folder / RECORD))
    photograph = _photograph(source, folder, entry, name)
    given = entry.get("shape")
    if not (isinstance(given, list) and len(given) == 2):
        given = None
    if entry.get("masks") is False and given is not None:
        shape = check_shape(given[0], given[1], str(folder / RECORD))
        return _boxes(name, shape, table, photograph, folder / OBJECTS)
    if not files.is_file(path):
        raise FormatError(f"{path} is missing: without it there are no masks.")
    files.within(folder, path)
    labels = read_label_tiff(path)
    if given is not None and list(labels.shape) != given:
        raise FormatError(f"{path} has another size than {RECORD} says.")
    return _image(name, labels, table, photograph, path)


def _photograph(source: Source, folder: Path, entry: Mapping[str, Any], name: str) -> Path | None:
    """Find the photograph: in the folder, or wherever it was if it is still the same."""
    found = source.photograph(name, "images", folder=folder)
    if found is not None:
        return found
    checksum = entry.get("file_sha256")
    for path in (Path(entry["image"]), folder / entry["image"]):
        # A file from outside of the folder is only taken if whoever wrote the record had it.
        if isinstance(checksum, str) and files.is_file(path):
            try:
                if file_sha256(path) == checksum:
                    return path
            except ImageError:
                continue
    return None


def _boxes(
    name: str, shape: tuple[int, int], table: pd.DataFrame, source: Path | None, csv: Path
) -> AnnotatedImage:
    if any(c not in table for c in BOX):
        raise FormatError(f"{csv} has neither masks beside it nor boxes.")
    canvas = Canvas(name, shape, str(csv))
    for row in table.to_dict("records"):
        said = {str(k): v for k, v in row.items()}
        try:
            y0, x0, y1, x1 = (float(said[c]) for c in BOX)
        except (TypeError, ValueError) as error:
            raise FormatError(f"{csv} has a box that is no four numbers.") from error
        kind = said.get("class")
        kind = kind if isinstance(kind, str) else None
        canvas.add_box(int(said["label"]), kind, (y0, x0, y1, x1), said)
    return canvas.image(source)


def _image(
    name: str,
    labels: NDArray[np.int32],
    table: pd.DataFrame | None,
    source: Path | None,
    path: Path,
) -> AnnotatedImage:
    """Put masks and rows together: every row has a mask, and every mask a row."""
    boxes = {r.label: (r.y0, r.x0, r.y1, r.x1) for r in iterate_regions(labels)}
    if table is None:
        table = pd.DataFrame({"label": np.zeros(0, np.int64)})
    numbers = table["label"].tolist()
    if len(set(numbers)) < len(numbers):
        raise FormatError(f"The table of {name} has an object twice, beside {path}.")
    lacking = [n for n in numbers if n not in boxes]
    if lacking:
        raise FormatError(f"The table of {name} has object {lacking[0]}, which {path} lacks.")
    if "class" not in table:
        table = table.assign(**{"class": texts([None] * len(table))})
    known = set(numbers)
    further = [n for n in boxes if n not in known]
    if further:
        more = pd.DataFrame(
            {"label": np.array(further, np.int64), "class": texts([None] * len(further))}
        )
        table = pd.concat([table, more], ignore_index=True) if len(table) else more
    sides = np.array([boxes[n] for n in table["label"].tolist()], np.int64).reshape(-1, 4)
    table = table.assign(**dict(zip(BOX, sides.T, strict=True)))
    front = ["label", "class"]
    table = table[[*front, *(c for c in table if c not in front)]]
    height, width = labels.shape
    return PackedImage(name, (int(height), int(width)), labels, table, source)
