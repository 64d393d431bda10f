"""ImageJ's ROIs: a ZIP file for each image, as the ROI Manager opens and saves it.

Written and read with `roifile <https://pypi.org/project/roifile/>`_. An object in one piece is a
polygon along pixel edges, any other a composite ROI by the even-odd rule. Class, number and what
readers said are the ROI's properties, percent-encoded as URLs are, since ImageJ keeps properties
as lines of text. Name and size of the image stand in the ZIP file's comment.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from napari_leukocyte.annotations.formats import attributes, files
from napari_leukocyte.annotations.formats.annotated import AnnotatedImage, image_of, key_in, pixels
from napari_leukocyte.annotations.formats.attributes import class_name, number
from napari_leukocyte.annotations.formats.canvas import Canvas
from napari_leukocyte.annotations.formats.cells import Cell, cells_of, classes_of, colors_of
from napari_leukocyte.annotations.formats.files import STARTS, comment_of, read_entries
from napari_leukocyte.annotations.formats.imagej_shapes import (
    ROI_LIMIT,
    Area,
    area_of,
    draw,
    set_outline,
)
from napari_leukocyte.annotations.formats.limits import MOST_ARCHIVE_BYTES
from napari_leukocyte.annotations.formats.source import Source
from napari_leukocyte.errors import FormatError
from napari_leukocyte.io import json_text

if TYPE_CHECKING:
    import roifile

SUFFIX = ".zip"
_MAGIC = b"Iout"
_LABEL, _CLASS, _BOX = "label", "class", "box"
_OURS = "napari-leukocyte"
#: What a name in a ZIP file may hold everywhere.
_UNSAFE = re.compile(r"[^\w .()+-]")
#: Opaque.
_ALPHA = 255
_LARGEST_GROUP = 255
#: The date of all entries, so that the same objects make the same file.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def recognises(source: Source) -> bool:
    """Whether this is an ImageJ ROI, a ZIP file of such, or a folder of these ZIP files."""
    if source.is_folder:
        zips = source.below(SUFFIX)
        return bool(zips) and all(files.head(p, 4) in STARTS for p in zips)
    return source.start.startswith((_MAGIC, *STARTS))


def losses(images: Sequence[AnnotatedImage]) -> list[str]:
    """Say what ImageJ's ROIs have no place for."""
    large = [i.name for i in images if max(i.shape) > ROI_LIMIT]
    if large:
        raise FormatError(
            f"{large[0]} is too large: ImageJ's ROIs have coordinates up to {ROI_LIMIT} px."
        )
    return []


def write(image: AnnotatedImage, file: Path) -> None:
    """Write one image.

    Parameters
    ----------
    image : AnnotatedImage
        What to write.
    file : Path
        The ZIP file.
    """
    classes = classes_of([image])
    colors = colors_of(classes)
    about = {"image": image.name, "height": image.shape[0], "width": image.shape[1]}
    about |= pixels(image)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = json.dumps({_OURS: about}).encode("ascii")
        for cell in cells_of(image):
            roi = _roi(cell, classes, colors)
            info = zipfile.ZipInfo(f"{_UNSAFE.sub('_', roi.name)}.roi", _EPOCH)
            archive.writestr(info, roi.tobytes(), zipfile.ZIP_DEFLATED, compresslevel=1)


def _roi(
    cell: Cell, classes: Sequence[str], colors: Mapping[str, tuple[int, int, int]]
) -> roifile.ImagejRoi:
    kind = cell.class_name or attributes.UNCLASSIFIED
    roi = set_outline(cell)
    # ImageJ counts halves of characters beyond the basic plane, roifile counts characters.
    shown = "".join(c if ord(c) < 0x10000 else "_" for c in kind)
    roi.name = f"{cell.number:04d} {shown}"
    roi.stroke_color = bytes((_ALPHA, *colors[kind]))
    roi.group = min(classes.index(kind) + 1, _LARGEST_GROUP)
    said: dict[str, Any] = {_LABEL: cell.number}
    if cell.class_name is not None:
        said[_CLASS] = cell.class_name
    if cell.mask is None:
        said[_BOX] = " ".join(repr(float(side)) for side in cell.box)
    said |= {k: v for k, v in cell.attributes.items() if k not in (_LABEL, _CLASS, _BOX)}
    roi.props = "".join(f"{_encode(k)}: {_encode(_text(v))}\n" for k, v in said.items())
    return roi


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _encode(text: str) -> str:
    return quote(text, safe="")


def read(source: Source) -> list[AnnotatedImage]:
    """Read a file, or every ZIP file of a folder.

    Raises
    ------
    FormatError
        If one is damaged.
    """
    if source.is_folder:
        return [_read_file(source.sub(path)) for path in source.below(SUFFIX)]
    return [_read_file(source)]


def _read_file(source: Source) -> AnnotatedImage:
    where = source.where
    data = files.read_bytes(source.path, MOST_ARCHIVE_BYTES)
    about: dict[str, Any] = {}
    if data.startswith(_MAGIC):
        found = [(source.path.name, data, where)]
    else:
        about = _about(comment_of(data))
        found = []
        for name, content in read_entries(data, where):
            if name.lower().endswith((".json", ".geojson")):
                raise FormatError(
                    f"{where} is an archive with {files.short(name)}: unpack it and read that."
                )
            if not content.startswith(_MAGIC):
                raise FormatError(f"{where}: its entry {files.short(name)} is not an ImageJ ROI.")
            found.append((files.short(name), content, f"{where}: {files.short(name)}"))
    areas: list[tuple[str, Area]] = []
    for place, content, here in found:
        place = source.place(place)
        with source.left_out.one(place):
            areas.append((place, area_of(content, here, source.left_out)))
    corners = [area.far_corner for _, area in areas]
    far = (max(y for y, _ in corners), max(x for _, x in corners)) if corners else None
    name, shape, photograph, notes = image_of(source, about, far)
    canvas = Canvas(name, shape, where, source.left_out)
    for place, area in areas:
        with source.left_out.one(place, again=True):
            _draw(canvas, area)
    return canvas.image(photograph, notes, key_in(about))


def _about(comment: bytes) -> dict[str, Any]:
    """Return what a ZIP file's comment says of the image; nothing if it is not ours."""
    try:
        data = json_text.parse(comment.decode("ascii"), "")
    except (FormatError, UnicodeDecodeError):
        return {}
    found = data.get(_OURS) if isinstance(data, dict) else None
    return found if isinstance(found, dict) else {}


def _draw(canvas: Canvas, area: Area) -> None:
    said = {unquote(k): unquote(v) for k, v in _lines(area.properties)}
    label = said.pop(_LABEL, None)
    numbered = None
    if label is not None and label.isascii() and label.isdigit():
        numbered = number(int(label[:12]), area.where)
    kind = class_name(said.pop(_CLASS, None), area.where)
    box = said.pop(_BOX, None)
    values = {k: v if k in attributes.TEXTS else _value(v) for k, v in said.items()}
    if box is None:
        canvas.add(numbered, kind, draw(area, canvas), values, area.where)
        return
    try:
        y0, x0, y1, x1 = (float(side) for side in box.split())
    except ValueError as error:
        raise FormatError(f"{area.where} has a box that is not four numbers.") from error
    canvas.add_box(numbered, kind, (y0, x0, y1, x1), values, area.where)


def _lines(properties: str) -> list[tuple[str, str]]:
    pairs = (line.partition(":") for line in properties.split("\n"))
    return [(key.strip(), value.strip()) for key, colon, value in pairs if colon]


def _value(text: str) -> Any:
    """Return a property as it was: yes or no, a whole number, a number or text."""
    if text in ("true", "false"):
        return text == "true"
    if re.fullmatch(r"-?(0|[1-9]\d{0,15})", text, re.ASCII):
        return int(text)
    if re.fullmatch(r"-?\d+(\.\d+)?(e[+-]?\d+)?", text, re.ASCII):
        return float(text)
    return text
