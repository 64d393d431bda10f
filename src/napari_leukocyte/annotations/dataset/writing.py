"""The files of one photograph, written into the version that is being made."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.annotations.dataset.field import Field
from napari_leukocyte.annotations.dataset.layout import (
    CROPS,
    IMAGES,
    LABELS,
    PROVENANCE,
)
from napari_leukocyte.annotations.dataset.manifest import FileReference
from napari_leukocyte.annotations.dataset.provenance import Event, chained
from napari_leukocyte.annotations.dataset.staging import Staging
from napari_leukocyte.classification.crops import cut_window
from napari_leukocyte.classification.measurements import iterate_regions
from napari_leukocyte.errors import OutputError
from napari_leukocyte.io.images.background import background_color
from napari_leukocyte.io.images.reading import reads_alike
from napari_leukocyte.reporting.save import encode_labels
from napari_leukocyte.schema import LABEL

#: Where crops wait until the side of their photograph is known.
PENDING = ".pending"
#: Side of a crop, and diameter that the cell gets in it, px: two thirds, as models are taken to
#: expect that say nothing else.
CROP_SIDE, CROP_DIAMETER = 128, 84.0
#: Zlib's fastest: photographs of cells hardly get smaller by more work.
_PNG_LEVEL = 1


@dataclass
class WrittenFiles:
    """The files of a photograph.

    Attributes
    ----------
    image : str or None
        Of the photograph.
    reference : FileReference or None
        Where it lies if it was not copied.
    labels, provenance : str
        Of the label image and of the log.
    erased : str or None
        Of the mask of removed objects.
    head : str
        Hash of the log's last line.
    entries : int
        How many lines it has.
    crops : dict of int to str
        Pending crops by object.
    """

    image: str | None
    reference: FileReference | None
    labels: str
    provenance: str
    erased: str | None
    head: str
    entries: int
    crops: dict[int, str]


def write_field(
    staging: Staging,
    given: Field,
    name: str,
    key: str,
    *,
    copy: bool,
    log: bytes = b"",
    head: str = "",
    events: list[Event],
) -> WrittenFiles:
    """Write everything of a photograph but the table.

    Parameters
    ----------
    staging : Staging
        Where to.
    given : Field
        The photograph.
    name : str
        What its files are called.
    key : str
        Image key (SHA-256 of its pixels).
    copy : bool
        Whether the photograph is copied, rather than its path and checksum kept.
    log : bytes
        Its log so far, which stays as it is.
    head : str
        Hash of the log's last line; empty without one.
    events : list of Event
        What is added to the log.
    """
    image, reference = _write_image(staging, given, name, copy=copy)
    labels = f"{LABELS}/{name}.tif"
    encoded = BytesIO()
    encode_labels(encoded, given.labels)
    staging.write(labels, encoded.getvalue())
    erased = None
    if given.erased is not None:
        erased = f"{LABELS}/{name}-erased.png"
        staging.write(erased, as_png(given.erased.astype(np.uint8) * np.uint8(255)))
    provenance = f"{PROVENANCE}/{name}.jsonl"
    lines, new_head = chained(events, head or key)
    staging.write(provenance, log + lines)
    entries = log.count(b"\n") + len(events)
    return WrittenFiles(
        image,
        reference,
        labels,
        provenance,
        erased,
        new_head,
        entries,
        _write_crops(staging, given, name),
    )


def digest_of(given: Field, *, copy: bool) -> str:
    """Return a checksum of all of a field that goes into a dataset, but its history."""
    digest = hashlib.sha256()

    def add(*values: object) -> None:
        digest.update(json.dumps(values, sort_keys=True, default=str).encode())

    add(given.name, given.group, sorted(given.left_out), dict(given.record), copy)
    if not copy and given.file is not None:
        add(os.fspath(given.file.absolute()))
    for array in (given.rgb, given.labels, given.erased):
        if array is not None:
            add(array.shape, array.dtype.str)
            digest.update(np.ascontiguousarray(array).data)
    table = given.table
    add([str(c) for c in table])
    for name in table:
        add(table[name].tolist())
    return digest.hexdigest()


def _write_image(
    staging: Staging, given: Field, name: str, *, copy: bool
) -> tuple[str | None, FileReference | None]:
    file = given.file
    if file is not None and not copy:
        with file.open("rb") as opened:
            checksum = hashlib.file_digest(opened, "sha256").hexdigest()
        path = os.fspath(file.absolute())
        return None, FileReference(path, checksum, file.stat().st_size)
    if file is not None and reads_alike(file):
        target = f"{IMAGES}/{name}{file.suffix.lower()}"
        staging.copy(target, file)
        return target, None
    target = f"{IMAGES}/{name}.png"
    staging.write(target, as_png(given.rgb))
    return target, None


def _write_crops(staging: Staging, given: Field, name: str) -> dict[int, str]:
    table = given.table
    classified = set(table.loc[table["class"].notna(), LABEL].tolist())
    crops: dict[int, str] = {}
    for label, crop in cut_crops(given.rgb, given.labels):
        if label in classified:
            crops[label] = f"{PENDING}/{name}_{label:04d}.png"
            staging.write(crops[label], as_png(crop))
    return crops


def settle_crops(
    staging: Staging, crops: dict[int, str], side: str, folders: Mapping[int, str]
) -> dict[int, str]:
    """Move a photograph's crops into the folders of side and class.

    Parameters
    ----------
    staging : Staging
        Where they lie.
    crops : dict of int to str
        Pending ones by object.
    side : str
        Of the split.
    folders : mapping of int to str
        The class's folder by object.

    Returns
    -------
    dict of int to str
        Their places by object.
    """
    settled = {}
    for label, pending in crops.items():
        settled[label] = f"{CROPS}/{side}/{folders[label]}/{Path(pending).name}"
        staging.move(pending, settled[label])
    return settled


def cut_crops(
    rgb: NDArray[np.uint8], labels: NDArray[np.int32]
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Cut every object of a photograph.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) uint8.
    labels : ndarray
        (H, W) int32.

    Yields
    ------
    label : int
        Number of the object.
    crop : ndarray
        (128, 128, 3) uint8 RGB; what lies beyond the photograph has its background's colour.
    """
    found = background_color(rgb)
    fill = (round(found[0]), round(found[1]), round(found[2]))
    for region in iterate_regions(labels):
        yield region.label, cut_window(rgb, region, CROP_SIDE, CROP_DIAMETER, fill)[0]


def as_png(rgb: NDArray[np.uint8]) -> bytes:
    """Return an image as a PNG file.

    Parameters
    ----------
    rgb : ndarray
        (H, W, 3) RGB or (H, W) grey, uint8.

    Raises
    ------
    OutputError
        If it can't be written as one.
    """
    pixels = rgb[..., ::-1] if rgb.ndim == 3 else rgb
    done, data = cv2.imencode(
        ".png", np.ascontiguousarray(pixels), [cv2.IMWRITE_PNG_COMPRESSION, _PNG_LEVEL]
    )
    if not done:
        raise OutputError("An image can't be written as PNG.")
    return data.tobytes()
