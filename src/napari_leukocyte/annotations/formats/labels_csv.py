"""Cellpose's masks: a label image for each photograph, ``NAME_cp_masks.tif`` or ``.png``.

Its other file, ``NAME_seg.npy``, is a pickle, which runs whatever code it holds when it is read: it
is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from napari_leukocyte.annotations.formats import files
from napari_leukocyte.annotations.formats.annotated import AnnotatedImage, pixels
from napari_leukocyte.annotations.formats.label_images import (
    STARTS,
    read_label_png,
    read_label_tiff,
)
from napari_leukocyte.annotations.formats.results_folder import (
    RESERVED,
    image_of_labels,
    is_record,
    measured,
    read_pair,
    read_results,
)
from napari_leukocyte.annotations.formats.source import Source, key
from napari_leukocyte.errors import FormatError
from napari_leukocyte.io.paths import ImageFolder, plan
from napari_leukocyte.io.spreadsheet_text import columns_of, decode_table
from napari_leukocyte.reporting.record import SCHEMA_VERSION, file_sha256, write_record
from napari_leukocyte.reporting.save import (
    LABELS,
    OBJECTS,
    RECORD,
    objects_table,
    write_csv,
    write_labels,
)
from napari_leukocyte.schema import LABEL
from napari_leukocyte.version import __version__
from napari_leukocyte.vocabulary import DISCLAIMER

# Pictures of outlines and flows have names like those of masks.
_MASKS = re.compile(r"(.+?)(?<!_outlines)(?<!_flows)_cp_masks\.(tiff?|png)", re.IGNORECASE)
_PICKLE = "_seg.npy"


def image_of_masks(path: Path) -> str | None:
    """Return the name, without its ending, of the image that a file has the masks of.

    None if it is no file of masks.
    """
    match = _MASKS.fullmatch(path.name)
    return None if match is None else match[1]


def masks_in(source: Source) -> list[Path]:
    """Return the files of masks in a folder.

    Raises
    ------
    FormatError
        If it has only pickles.
    """
    found = [p for p in source.entries if image_of_masks(p) is not None and files.is_file(p)]
    if not found:
        pickles = [p for p in source.below(".npy") if p.name.endswith(_PICKLE)]
        if pickles:
            refuse_pickle(source.sub(pickles[0]))
    return found


def refuse_pickle(source: Source) -> None:
    """Raise FormatError if a file is cellpose's pickle."""
    if source.path.name.lower().endswith(_PICKLE):
        raise FormatError(
            f"{source.where} is a pickle of cellpose, which could run code when it is read: save "
            "the masks from cellpose as PNG or TIFF (NAME_cp_masks)."
        )


def read_masks(source: Source, path: Path) -> AnnotatedImage:
    """Read a file of masks.

    Raises
    ------
    FormatError
        If it is damaged, or of another size than its photograph.
    """
    files.within(source.folder, path)
    png = path.suffix.lower() == ".png"
    labels = read_label_png(path) if png else read_label_tiff(path)
    stem = image_of_masks(path) or path.stem
    photograph = source.photograph(stem, "images", folder=path.parent)
    name = stem if photograph is None else photograph.name
    return image_of_labels(name, labels, None, photograph, path)


TIFFS, TABLE = (".tif", ".tiff"), ".csv"
#: Bytes in which the first line of a table ends; even, for UTF-16.
_BEGINNING = 16_384


def recognises(source: Source) -> bool:
    """Whether this is a folder of results, a label TIFF, a table or a record of a run."""
    if source.is_folder:
        return OBJECTS in source.names or bool(_pairs(source)) or bool(masks_in(source))
    if source.path.suffix.lower() == TABLE:
        return _is_table(source)
    if source.start.startswith(STARTS) or image_of_masks(source.path) is not None:
        return True
    refuse_pickle(source)
    return source.looks_like_json and is_record(source.json)


def _is_table(source: Source) -> bool:
    try:
        text = decode_table(files.head(source.path, _BEGINNING), source.where)
    except FormatError:
        return source.path.name == OBJECTS  # reading says how it is to be saved
    return LABEL in columns_of(text)[1]


def _pairs(source: Source) -> list[tuple[Path, Path]]:
    """Return label TIFFs with the tables of the same names."""
    tables = {key(p.stem): p for p in source.below(TABLE)}
    tiffs = [p for suffix in TIFFS for p in source.below(suffix) if key(p.stem) in tables]
    return [(p, tables[key(p.stem)]) for p in sorted(tiffs)]


def losses(images: Sequence[AnnotatedImage]) -> list[str]:
    """Say what label TIFFs with a table have no place for."""
    jobs = _jobs(images)
    renamed = [
        (image.name, name)
        for image, name in zip(images, _names(images, jobs), strict=True)
        if image.name != name
    ]
    return [f"A second image called {old} is called {new}." for old, new in renamed]


def _jobs(images: Sequence[AnnotatedImage]) -> list[ImageFolder]:
    return plan([image.name for image in images], RESERVED, room=len(".tiff"))


def _names(images: Sequence[AnnotatedImage], jobs: Sequence[ImageFolder]) -> list[str]:
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
        } | pixels(image)
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
        pairs = [read_pair(source, tiff, table) for tiff, table in _pairs(source)]
        return pairs or [read_masks(source, path) for path in masks_in(source)]
    if source.is_folder or source.path.name in (OBJECTS, RECORD):
        return read_results(source, source.folder)
    path = source.path
    if path.suffix.lower() == TABLE:
        inside = source.listings.inside
        named = [inside(path.parent, path.stem + suffix) for suffix in TIFFS]
        beside = [p for p in named if files.is_file(p)]
        if not beside:
            raise FormatError(f"{path} has no label TIFF of its name beside it.")
        return [read_pair(source, beside[0], path)]
    if path.name == LABELS and files.is_file(path.with_name(OBJECTS)):
        return read_results(source, path.parent)
    if image_of_masks(path) is not None:
        return [read_masks(source, path)]
    refuse_pickle(source)
    table = source.listings.inside(path.parent, path.stem + TABLE)
    return [read_pair(source, path, table if files.is_file(table) else None)]
