"""Work on photographs as a reader does it, and what a dataset's files say."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from napari_leukocyte.analysis.smear.reading import hold_session
from napari_leukocyte.annotations.dataset.export import export
from napari_leukocyte.annotations.dataset.export_state import Exported, ExportSettings
from napari_leukocyte.annotations.dataset.sources import fields_of_files
from napari_leukocyte.io.images.reading import read_image
from tests.analysis.smear.fields import find_dark, name_in_turn

MODEL = {"model": "toy", "members": [{"name": "one", "sha256": "ab" * 32, "weight": 1.0}]}
#: A date and time as ISO 8601 writes it.
TIME = re.compile(rb"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\+00:00|Z))?")


def work_on(path: Path, reader: str = "Ada") -> None:
    """Segment, classify, correct a class, confirm the others, edit a mask, delete a cell."""
    image = read_image(path)
    with hold_session(image, path.name) as session:
        session.reader = reader
        session.set_maps(find_dark(image))
        session.set_predictions(name_in_turn(image, session.labels), "toy", MODEL)
        first, second, *_ = session.table()["label"].tolist()
        session.set_class([first], "monocyte")
        session.approve(session.table()["label"].tolist()[1:])
        session.set_flag([first], "uncertain class")
        session.set_note(first, "größer, “λ”")
        upper = np.arange(image.shape[0])[:, np.newaxis] < 30
        session.edit_labels(
            lambda a: np.where((a == first) & upper, 0, a).astype(np.int32), "Erase"
        )
        session.edit_labels(lambda a: np.where(a == second, 0, a).astype(np.int32), "Delete")


def reclassify(path: Path, name: str, reader: str = "Bo") -> None:
    """Give the first cell of a photograph another class."""
    with hold_session(read_image(path), path.name) as session:
        session.reader = reader
        session.set_class(session.table()["label"].tolist()[:1], name)


def export_all(
    place: Path, folder: Path | Iterable[Path], settings: ExportSettings | None = None
) -> Exported:
    """Export the photographs of a folder."""
    paths = sorted(folder.glob("*.png")) if isinstance(folder, Path) else list(folder)
    return export(place, fields_of_files(paths), settings)


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the content of every file below a folder."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def folders_of(folder: Path) -> set[str]:
    """Return the folders below a folder."""
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_dir()}


def without_times(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return files without the moment of the export.

    These are its date in the documents, and in the manifest the date and the documents' checksums.
    """
    documents = ("datasheet.md", "datasheet.html", "croissant.json")
    found = dict(files)
    for name in documents:
        found[name] = TIME.sub(b"TIME", files[name])
    manifest = json.loads(files["manifest.json"])
    manifest["created"] = "TIME"
    for name in documents:
        # Dates are of one length, so that sizes stay.
        manifest["files"][name]["sha256"] = hashlib.sha256(found[name]).hexdigest()
    found["manifest.json"] = json.dumps(manifest, indent=1).encode()
    return found
