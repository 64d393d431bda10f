"""Tables of objects as CSV from others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.annotations.formats import attributes, files
from napari_leukocyte.annotations.formats.annotated import AnnotatedImage, key_in
from napari_leukocyte.annotations.formats.attributes import texts
from napari_leukocyte.annotations.formats.canvas import Canvas
from napari_leukocyte.annotations.formats.label_images import read_label_tiff
from napari_leukocyte.annotations.formats.left_out import LeftOut
from napari_leukocyte.annotations.formats.limits import LONGEST_NAME, MOST_ATTRIBUTES, check_shape
from napari_leukocyte.annotations.formats.packed import PackedImage, with_key
from napari_leukocyte.annotations.formats.source import Source
from napari_leukocyte.classification.measurements import iterate_regions, measure
from napari_leukocyte.errors import FormatError, ImageError
from napari_leukocyte.io import json_text
from napari_leukocyte.io.paths import plan
from napari_leukocyte.io.spreadsheet_text import escape_surrogates, parse_table
from napari_leukocyte.reporting.record import file_sha256
from napari_leukocyte.reporting.save import LABELS, LEUKOGRAM, OBJECTS, RECORD
from napari_leukocyte.schema import BOX, LABEL, MEASURED, PLACE, TRUTHS

_WHOLE = re.compile(r"[+-]?\d{1,15}", re.ASCII)


def read_csv(path: Path) -> pd.DataFrame:
    """Read a table of objects.

    Parameters
    ----------
    path : Path
        See `parse_table`; ``label`` must be among the names in the first line.

    Returns
    -------
    pandas.DataFrame
        ``label`` int64; ``class`` and ``image``, where they are there, text with gaps where nothing
        stands; other columns numbers, yes or no, or text, by their content.

    Raises
    ------
    FormatError
        If it is damaged or has no such column, or a number is none.
    """
    table = parse_table(files.read_bytes(path), str(path))
    if LABEL not in table or len(set(table.columns)) < len(table.columns):
        raise FormatError(f"{path} needs the column label, and no column twice.")
    if len(table.columns) > MOST_ATTRIBUTES or any(len(c) > LONGEST_NAME for c in table.columns):
        raise FormatError(f"{path} has too many columns, or a name too long.")
    where = str(path)
    columns: dict[str, Any] = {}
    for name in table.columns:
        values = [v if isinstance(v, str) else "" for v in table[name].tolist()]
        if name == LABEL:
            numbers = [attributes.number(_whole(v), where) for v in values]
            columns[name] = np.array(numbers, np.int64)
        elif name == "class":
            columns[name] = attributes.texts([attributes.class_name(v, where) for v in values])
        elif name == "image":
            columns[name] = attributes.texts(list(values))
        else:
            columns[name] = _typed(name, values)
    return pd.DataFrame(columns)


def _whole(text: str) -> object:
    text = text.strip().removesuffix(".0")
    return int(text) if _WHOLE.fullmatch(text) else text


def _typed(name: str, values: list[str]) -> Any:
    """Return a column as what all of its values are."""
    said = [attributes.attributes({name: v}).get(name) if v else None for v in values]
    if name in attributes.TEXTS or name in TRUTHS:
        return attributes.column(name, said)
    there = [v for v in values if v.strip()]
    if all(_WHOLE.fullmatch(v) for v in there):
        whole = [int(v) if v.strip() else None for v in values]
        return attributes.column(name, whole)
    try:
        numbers = [float(v) if v.strip() else np.nan for v in values]
    except ValueError:
        return attributes.texts([v if isinstance(v, str) else None for v in said])
    return np.where(np.isfinite(numbers), numbers, np.nan)


def measured(table: pd.DataFrame, labels: NDArray[np.int32] | None) -> pd.DataFrame:
    """Return a table with the columns that every table of objects has.

    Parameters
    ----------
    table : pandas.DataFrame
        One row an object. What it has of measurements stays.
    labels : ndarray or None
        (H, W) int32; without them only the centre is known, that of the box.
    """
    table = table.drop(columns="image", errors="ignore")
    if "confidence" not in table:
        table = table.assign(confidence=np.nan)
    if all(column in table for column in PLACE):
        return table
    if labels is None:
        y0, x0, y1, x1 = (table[c].to_numpy(np.float64) for c in BOX)
        return table.assign(y=(y0 + y1) / 2, x=(x0 + x1) / 2, area_px=np.nan)
    found = measure(labels).set_index(LABEL).loc[table[LABEL].to_numpy()]
    new = [c for c in MEASURED if c not in table]
    return table.assign(**{c: found[c].to_numpy() for c in new})


#: Names that no image's folder may have.
RESERVED = (OBJECTS, RECORD, LEUKOGRAM)


def is_record(data: Any) -> bool:
    """Whether JSON is the record of a run."""
    return isinstance(data, dict) and {"schema", "images", "versions"} <= data.keys()


def read_pair(source: Source, tiff: Path, csv: Path | None) -> AnnotatedImage:
    """Read a label TIFF with the table of its objects, if there is one."""
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
    photograph = source.photograph(name, folder=tiff.parent, but=tiff)
    if photograph is None and name == tiff.name:
        photograph = source.photograph(tiff.stem, "images", folder=tiff.parent, but=tiff)
        name = name if photograph is None else photograph.name
    return image_of_labels(name, read_label_tiff(tiff), table, photograph, tiff)


def read_results(source: Source, folder: Path) -> list[AnnotatedImage]:
    """Read what a run or the Save button wrote into a folder."""
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
        jobs = plan(names, reserved=RESERVED)
        alone = len(names) == 1 and files.is_file(folder / LABELS)
        entries = [{"image": j.image, "folder": None if alone else j.folder} for j in jobs]
    known = {escape_surrogates(entry["image"]) for entry in entries}
    unknown = [n for n in names if n not in known]
    if unknown:
        raise FormatError(
            f"{csv} has objects of {files.short(unknown[0])}, which {RECORD} does not name."
        )
    by_image = {str(n): rows for n, rows in table.groupby("image", sort=False)}
    none = table.iloc[:0]
    found = []
    for entry in entries:
        rows = by_image.get(escape_surrogates(entry["image"]), none).drop(columns="image")
        found.append(_read_one(source, folder, entry, rows.reset_index(drop=True)))
    return found


def _record(folder: Path) -> list[dict[str, Any]]:
    """Return the images that the record names; none without a record."""
    path = folder / RECORD
    if not files.is_file(path):
        return []
    files.within(folder, path)
    data = json_text.parse(files.read_text(path), str(path))
    if not is_record(data) or not isinstance(data["images"], list):
        raise FormatError(f"{path} is not a record of a run.")
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
            raise FormatError(
                f"{path} names the folder {files.short(inside)}, which no folder can be called."
            )
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
        boxes = _boxes(name, shape, table, photograph, folder / OBJECTS, source.left_out)
        return with_key(boxes, key_in(entry))
    if not files.is_file(path):
        raise FormatError(f"{path} is missing: without it there are no masks.")
    files.within(folder, path)
    labels = read_label_tiff(path)
    if given is not None and list(labels.shape) != given:
        raise FormatError(f"{path} has another size than {RECORD} says.")
    return image_of_labels(name, labels, table, photograph, path, key_in(entry))


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
    name: str,
    shape: tuple[int, int],
    table: pd.DataFrame,
    photograph: Path | None,
    csv: Path,
    left_out: LeftOut,
) -> AnnotatedImage:
    if any(c not in table for c in BOX):
        raise FormatError(f"{csv} has neither masks beside it nor boxes.")
    canvas = Canvas(name, shape, str(csv), left_out)
    for row in table.to_dict("records"):
        said = {str(k): v for k, v in row.items()}
        try:
            y0, x0, y1, x1 = (float(said[c]) for c in BOX)
        except (TypeError, ValueError) as error:
            raise FormatError(f"{csv} has a box that is not four numbers.") from error
        kind = said.get("class")
        kind = kind if isinstance(kind, str) else None
        with left_out.one(f"label {said['label']} of {name}"):
            canvas.add_box(int(said[LABEL]), kind, (y0, x0, y1, x1), said)
    return canvas.image(photograph)


def image_of_labels(
    name: str,
    labels: NDArray[np.int32],
    table: pd.DataFrame | None,
    source: Path | None,
    path: Path,
    key: str = "",
) -> AnnotatedImage:
    """Put masks and rows together: every row has a mask, and every mask a row."""
    boxes = {r.label: (r.y0, r.x0, r.y1, r.x1) for r in iterate_regions(labels)}
    if table is None:
        table = pd.DataFrame({LABEL: np.zeros(0, np.int64)})
    numbers = table[LABEL].tolist()
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
            {LABEL: np.array(further, np.int64), "class": texts([None] * len(further))}
        )
        table = pd.concat([table, more], ignore_index=True) if len(table) else more
    sides = np.array([boxes[n] for n in table[LABEL].tolist()], np.int64).reshape(-1, 4)
    table = table.assign(**dict(zip(BOX, sides.T, strict=True)))
    front = [LABEL, "class"]
    table = table[[*front, *(c for c in table if c not in front)]]
    height, width = labels.shape
    return PackedImage(name, (int(height), int(width)), labels, table, source, key=key)
