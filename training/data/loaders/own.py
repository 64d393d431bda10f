"""Results of this plugin that a user has checked, as photographs with masks and classes.

Any folder below ``own/`` counts that has the files of ``napari-leukocyte run --out`` or of the
widget's save: ``labels.tif``, and beside it or in a folder above ``run.json`` and ``objects.csv``.
The photograph is found where ``run.json`` says that it was, or by its name beside either file.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path, PureWindowsPath
from typing import Any

import pandas as pd

from napari_leukocyte.reporting.record import SCHEMA_VERSION
from napari_leukocyte.reporting.save import LABELS, OBJECTS, RECORD
from napari_leukocyte.vocabulary import CLASSES, UNIDENTIFIED
from training.data.checksums import public_name, sha256
from training.data.photograph import DataError, Photograph

#: Classes that say something: "unidentified" is what a reader chooses who can't tell.
NAMES = frozenset(c.name for c in CLASSES) - {UNIDENTIFIED.name}


def photographs(root: Path) -> list[Photograph]:
    """List the results below ``own/``.

    A photograph's `label` is the class of its one object; where there are several, see
    :func:`read_classes`. One photograph in several results stays on one side of a split, and one of
    a public set on the side of that set's own list.

    Raises
    ------
    DataError
        If a result is not whole, or its photograph is not found or was changed since.
    """
    found = []
    for labels in sorted((root / "own").rglob(LABELS)):
        folder, entry = _entry(labels, root / "own")
        image = _image(labels, folder, entry)
        classes = list(_classes(labels, folder, str(entry["image"])).values())
        name = labels.parent.relative_to(root).as_posix()
        digest = entry.get("file_sha256") or sha256(image)
        group = public_name(digest) or f"own/{digest}"
        label = classes[0] if len(classes) == 1 else None
        found.append(Photograph("own", name, image, labels, label, group))
    return found


def read_classes(photograph: Photograph) -> dict[int, str | None]:
    """Return the class of every object.

    Parameters
    ----------
    photograph : Photograph
        Of this set.

    Returns
    -------
    dict of int to str or None
        From the number in :meth:`~training.data.photograph.Photograph.read_labels` to the class;
        None where there is none, it is not one of the vocabulary or nobody reviewed it (if the
        table tells what was reviewed, a model's word alone is no truth).

    Raises
    ------
    DataError
        If the table can't be read.
    """
    if photograph.mask is None:
        return {}
    top = photograph.mask.parents[len(Path(photograph.name).parts) - 1]
    folder, entry = _entry(photograph.mask, top)
    return _classes(photograph.mask, folder, str(entry["image"]))


def _entry(labels: Path, top: Path) -> tuple[Path, dict[str, Any]]:
    """Return the folder of the record and what it says of the image of a label image."""
    folder = labels.parent
    while folder != top.parent:
        record = folder / RECORD
        if record.is_file():
            below = labels.parent.relative_to(folder).as_posix()
            for entry in _read_record(record):
                if (entry.get("folder") or ".") == below:
                    return folder, entry
            raise DataError(f"{record} says nothing of {labels}: give both from one result.")
        folder = folder.parent
    raise DataError(f"{labels} has no {RECORD} beside or above it: give the whole result folder.")


@functools.lru_cache(maxsize=64)
def _read_record(path: Path) -> tuple[dict[str, Any], ...]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["schema"] != SCHEMA_VERSION:
            raise DataError(
                f"{path} has layout version {record['schema']!r}, not {SCHEMA_VERSION}."
            )
        images = tuple(record["images"])
        if not all(isinstance(entry["image"], str) for entry in images):
            raise TypeError
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror or error}.") from error
    except DataError:
        raise
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is not a record of results.") from error
    return images


def _image(labels: Path, folder: Path, entry: dict[str, Any]) -> Path:
    """Find the photograph, and make sure that it is the one that was analysed."""
    given = str(entry["image"])
    # A path that was written on Windows has no folders to Python elsewhere.
    name = PureWindowsPath(given).name
    places = (folder / given, labels.parent / name, folder / name, folder.parent / name)
    there = [p for p in places if p.is_file()]
    expected = entry.get("file_sha256")
    for place in there:
        if expected is None or sha256(place) == expected:
            return place
    if there:
        raise DataError(f"{there[0]} was changed since {labels} was made of it.")
    raise DataError(
        f"The photograph {given} of {labels} is not there: put it beside {labels.name}."
    )


def _classes(labels: Path, folder: Path, image: str) -> dict[int, str | None]:
    path = folder / OBJECTS
    try:
        table = pd.read_csv(path, encoding="utf-8")
        table = table[table["image"].astype(str) == image]
        known = table["class"].where(table["class"].isin(NAMES), None)
        if "reviewed" in table:
            reviewed = table["reviewed"].astype(str).str.lower() == "true"
            known = known.where(reviewed, None)
        return {
            int(label): str(name) if isinstance(name, str) else None
            for label, name in zip(table["label"], known, strict=True)
        }
    except OSError as error:
        raise DataError(f"{path}, the objects of {labels}, can't be read.") from error
    except (KeyError, ValueError) as error:
        raise DataError(f"{path} is not a table of objects.") from error
