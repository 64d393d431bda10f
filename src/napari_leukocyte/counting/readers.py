"""The comparison of what two readers made of the same images, from the files that they saved."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_leukocyte.counting.agreement import Agreement, compare
from napari_leukocyte.errors import FormatError, ImageError, ParameterError
from napari_leukocyte.io.refusing import as_unreadable
from napari_leukocyte.io.spreadsheet_text import parse_table
from napari_leukocyte.schema import LABEL
from napari_leukocyte.segmentation.matching import overlaps
from napari_leukocyte.vocabulary import DISCLAIMER, letters

#: Cells of two label images are one cell if intersection over union exceeds this; no cell can then
#: have two partners.
SAME_CELL_IOU = 0.5
_COLUMNS = ["image", LABEL, "class"]
#: As :mod:`napari_leukocyte.reporting.save` names them.
_OBJECTS, _LABELS, _RECORD = "objects.csv", "labels.tif", "run.json"


@dataclass(frozen=True, eq=False)
class ReaderComparison:
    """Two readers' files.

    Attributes
    ----------
    pairs : pandas.DataFrame
        A row for each cell that both have: ``image``, ``label_first``, ``label_second``, ``first``
        and ``second`` (their classes, missing where a reader gave none).
    agreement : Agreement
        Over the pairs in which both have a class.
    only_first, only_second : int
        Cells that only one of them has, in the images that both have.
    by_overlap : tuple of str
        Images whose cells were matched by their outlines; those of the others were matched by
        their numbers.
    """

    pairs: pd.DataFrame
    agreement: Agreement
    only_first: int
    only_second: int
    by_overlap: tuple[str, ...]


def compare_readers(first: Path, second: Path) -> ReaderComparison:
    """Compare the ``objects.csv`` of two readers.

    Parameters
    ----------
    first, second : Path
        With the columns ``image``, ``label`` and ``class``. Images are the same if the last parts
        of their paths are, provided that these are unique within each file; else the whole paths
        count. Where both have the label image of an image beside (``labels.tif``, or where
        ``run.json`` says), cells are matched by overlap (intersection over union above 0.5), else
        by their numbers.

    Returns
    -------
    ReaderComparison

    Raises
    ------
    ParameterError
        If a file can't be used, they have no image in common, or the label images of one differ in
        size.
    ImageError
        If a label image can't be read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import pandas as pd
    >>> import napari_leukocyte as nl
    >>> folder = Path(tempfile.mkdtemp())
    >>> for reader, said in (("ada", "neutrophil"), ("ben", "monocyte")):
    ...     classes = ["eosinophil", "basophil", said]
    ...     cells = {"image": "a.png", "label": [1, 2, 3], "class": classes}
    ...     pd.DataFrame(cells).to_csv(folder / f"{reader}.csv", index=False)
    >>> found = nl.compare_readers(folder / "ada.csv", folder / "ben.csv")
    >>> found.agreement.agreed, found.agreement.cells
    (2, 3)
    """
    tables = read_objects(first), read_objects(second)
    names = tuple(_short_names(table) for table in tables)
    if any(name is None for name in names):
        names = tuple({n: n for n in table["image"].unique()} for table in tables)
    keyed = [
        {
            (short or {})[str(full)]: (str(full), rows)
            for full, rows in table.groupby("image", sort=False)
        }
        for short, table in zip(names, tables, strict=True)
    ]
    common = [name for name in keyed[0] if name in keyed[1]]
    if not common:
        raise ParameterError(f"{first} and {second} have no image in common.")
    files = [_label_files(path, t) for path, t in zip((first, second), tables, strict=True)]
    pairs: list[pd.DataFrame] = []
    only = [0, 0]
    by_overlap: list[str] = []
    for name in common:
        (full_a, a), (full_b, b) = keyed[0][name], keyed[1][name]
        if full_a in files[0] and full_b in files[1]:
            partners = _partners(files[0][full_a], files[1][full_b])
            by_overlap.append(name)
        else:
            partners = {n: n for n in set(a[LABEL]) & set(b[LABEL])}
        found = _pair(name, a, b, partners)
        pairs.append(found)
        only[0] += len(a) - len(found)
        only[1] += len(b) - len(found)
    joined = pd.concat(pairs, ignore_index=True)
    both = joined[joined["first"].notna() & joined["second"].notna()]
    agreement = compare(list(both["first"].astype(str)), list(both["second"].astype(str)))
    return ReaderComparison(joined, agreement, only[0], only[1], tuple(by_overlap))


def objects_file(path: Path) -> Path:
    """Return the table of objects that a path means: the file itself, or that of a folder."""
    return path / _OBJECTS if path.is_dir() else path


def read_objects(path: Path) -> pd.DataFrame:
    """Read the images, numbers and classes of a table of objects.

    Parameters
    ----------
    path : Path
        An ``objects.csv``.

    Returns
    -------
    pandas.DataFrame
        ``image`` (str), ``label`` (int64), ``class`` (str, missing where there is none).

    Raises
    ------
    ParameterError
        If it can't be read, lacks a column, or has a cell twice.
    """
    with as_unreadable(path, ParameterError):
        data = path.read_bytes()
    try:
        table = parse_table(data, str(path))
        table = table[_COLUMNS].assign(label=table[LABEL].astype("int64"))
    except FormatError as error:
        needs = "it needs the columns image, label and class"
        raise ParameterError(f"{str(error).removesuffix('.')}; {needs}.") from error
    except (ValueError, OverflowError, KeyError) as error:
        raise ParameterError(
            f"{path} is not a table of objects: it needs the columns image, label and class."
        ) from error
    if table.duplicated(["image", LABEL]).any():
        raise ParameterError(f"{path} has a cell of one image twice.")
    table["class"] = table["class"].where(table["class"] != "")
    return table


def _short_names(table: pd.DataFrame) -> dict[str, str] | None:
    """Return the last parts of the images' paths; None if they are not unique."""
    short = {full: full.replace("\\", "/").rsplit("/", 1)[-1] for full in table["image"].unique()}
    return short if len(set(short.values())) == len(short) else None


def _label_files(path: Path, table: pd.DataFrame) -> dict[str, Path]:
    """Find the label images beside a table of objects, by the image's name."""
    found: dict[str, Path] = {}
    for entry in _images_of(path.parent / _RECORD):
        image, folder = entry.get("image"), entry.get("folder")
        if isinstance(image, str) and isinstance(folder, str):
            found[image] = path.parent / folder / _LABELS
    images = table["image"].unique()
    if len(images) == 1:
        found.setdefault(str(images[0]), path.parent / _LABELS)
    return {image: file for image, file in found.items() if file.is_file()}


def _images_of(record: Path) -> list[Mapping[str, Any]]:
    """Return the images of a record; none if there is no record, or not one that can be read."""
    try:
        data = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return []
    images = data.get("images") if isinstance(data, dict) else None
    return [e for e in images if isinstance(e, dict)] if isinstance(images, list) else []


def _read_labels(path: Path) -> NDArray[np.int32]:
    import tifffile

    from napari_leukocyte.classification.measurements import as_label_image
    from napari_leukocyte.io.lzw import require_whole_pages

    try:
        with tifffile.TiffFile(path) as file:
            require_whole_pages(file)
            return as_label_image(file.asarray())
    except (OSError, ValueError, KeyError, tifffile.TiffFileError) as error:
        raise ImageError(f"{path} can't be read as a label image.") from error


def _partners(first: Path, second: Path) -> dict[int, int]:
    """Return which cell of the first label image is which of the second."""
    a, b = _read_labels(first), _read_labels(second)
    if a.shape != b.shape:
        raise ParameterError(f"{first} and {second} differ in size.")
    return {n: m for iou, n, m in overlaps(a, b) if iou > SAME_CELL_IOU}


def _pair(
    name: str, first: pd.DataFrame, second: pd.DataFrame, partners: Mapping[int, int]
) -> pd.DataFrame:
    left = first[[LABEL, "class"]].set_axis(["label_first", "first"], axis=1)
    right = second[[LABEL, "class"]].set_axis(["label_second", "second"], axis=1)
    left = left[left["label_first"].isin(list(partners))]
    left = left.assign(label_second=[partners[n] for n in left["label_first"]])
    found = left.merge(right, on="label_second").assign(image=name)
    return found[["image", "label_first", "label_second", "first", "second"]]


def describe_readers(found: ReaderComparison, first: str, second: str) -> str:
    """Describe a comparison of two readers.

    Parameters
    ----------
    found : ReaderComparison
        What was compared.
    first, second : str
        What the readers' files are called.

    Returns
    -------
    str
        Lines of plain text, for a font whose letters are equally wide: cells compared and left
        over, agreement in percent, Cohen's kappa, both with 95 % limits, the table of classes, and
        the disclaimer.
    """
    agreement = found.agreement
    unclassified = len(found.pairs) - agreement.cells
    lines = [
        f"First reader:  {first}",
        f"Second reader: {second}",
        "",
        f"Cells compared: {agreement.cells}",
        f"Only in the first, on images of both: {found.only_first}",
        f"Only in the second, on images of both: {found.only_second}",
    ]
    if unclassified:
        lines.append(f"In both, but without a class in one of them: {unclassified}")
    outlines = len(found.by_overlap)
    if outlines:
        images = "1 image" if outlines == 1 else f"{outlines} images"
        lines.append(f"Cells were matched by their outlines in {images}, else by their numbers.")
    else:
        lines.append("Cells were matched by their numbers: there are no label images of both.")
    lines += ["", *_figures(agreement)]
    if agreement.cells:
        lines += ["", *_table(agreement.confusion)]
    return "\n".join([*lines, "", DISCLAIMER])


def _figures(agreement: Agreement) -> list[str]:
    if not agreement.cells:
        return ["There is no cell to which both gave a class."]
    lines = [
        f"Agreement: {agreement.percent:.1f} %, {agreement.agreed} of {agreement.cells} "
        f"(95 % limits {agreement.low:.1f} to {agreement.high:.1f} %)"
    ]
    kappa = agreement.kappa
    if math.isnan(kappa.value):
        lines.append("Cohen's kappa: undefined, as both gave all cells one class")
    else:
        lines.append(
            f"Cohen's kappa: {kappa.value:.3f} (95 % limits {kappa.low:.3f} to {kappa.high:.3f})"
        )
    return lines


def _table(confusion: pd.DataFrame) -> list[str]:
    names = [" ".join(str(n).split()) for n in confusion.columns]
    heads = [letters(n) for n in names]
    if len(set(heads)) < len(heads):
        heads = [str(i) for i in range(1, len(names) + 1)]
    titles = [f"{head:<3} {name}" for head, name in zip(heads, names, strict=True)]
    corner = "First \\ second"
    left = max(len(corner), *(len(t) for t in titles))
    counts = confusion.to_numpy().tolist()
    width = 2 + max(3, len(str(max(max(row) for row in counts))))
    lines = [corner.ljust(left) + "".join(h.rjust(width) for h in heads)]
    for title, row in zip(titles, counts, strict=True):
        lines.append(title.ljust(left) + "".join(str(c).rjust(width) for c in row))
    return lines
