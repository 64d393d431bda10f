"""YOLO segmentation: a folder with ``data.yaml`` and a text file of polygons for each image.

The layout is that of https://docs.ultralytics.com/datasets/segment/. A line is one object: the
index of its class and a polygon in fractions of the image's width and height. An object with holes
or in several parts is one path along cuts without width, which leaves the same mask. Numbers, and
what readers said, have no place in these lines; they stand in a file of ours beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.annotations.formats import files
from napari_leukocyte.annotations.formats.annotated import AnnotatedImage, key_in, pixels, shape_of
from napari_leukocyte.annotations.formats.attributes import UNCLASSIFIED, class_name, number
from napari_leukocyte.annotations.formats.canvas import Canvas
from napari_leukocyte.annotations.formats.cells import Cell, cells_of, classes_of
from napari_leukocyte.annotations.formats.left_out import ObjectError, shortened
from napari_leukocyte.annotations.formats.limits import MOST_SMALL_BYTES, check_shape
from napari_leukocyte.annotations.formats.outlines import (
    fill,
    is_one_ring,
    one_path,
    outline,
    rings_of,
)
from napari_leukocyte.annotations.formats.source import Source
from napari_leukocyte.annotations.formats.yolo_folders import (
    DATA,
    IMAGES,
    LABELS,
    LabelFolder,
    label_folders,
    list_of_classes,
)
from napari_leukocyte.errors import FormatError
from napari_leukocyte.io import json_text, markup_text
from napari_leukocyte.io.paths import plan

#: What YOLO has no place for.
OURS = "napari-leukocyte.json"
#: Digits behind the point: a hundredth of a pixel on the longest image.
_DIGITS = 9
#: Corners nearer to a whole pixel than this are on it: other programs write six digits, px.
_SNAP_PX = 0.01
#: Numbers of a line behind the class that mean a box, without and with a confidence.
_BOX, _BOX_AND_CONFIDENCE = 4, 5


class _NoSizeError(FormatError):
    """The size of an image is known from nowhere."""


def recognises(source: Source) -> bool:
    """Whether this is a folder of YOLO labels, or its ``data.yaml``."""
    if source.is_folder:
        return list_of_classes(source) is not None and bool(label_folders(source))
    return source.path.suffix.lower() in (".yaml", ".yml") and b"names:" in files.head(
        source.path, MOST_SMALL_BYTES
    )


def losses(images: Sequence[AnnotatedImage]) -> list[str]:
    """Say what YOLO's labels have no place for."""
    found = [
        "YOLO's lines hold a class and an outline alone: names and sizes of the images, numbers of "
        f"the objects and what readers said stand beside them in {OURS}, which other programs "
        "pass over."
    ]
    if any(UNCLASSIFIED in classes_of([image]) for image in images):
        found.append(
            f'YOLO gives every object a class: those without one get the class "{UNCLASSIFIED}".'
        )
    if any(_complex(image) for image in images):
        found.append(
            "YOLO has no holes and no objects in several parts: their outlines are joined to one "
            "by cuts without width."
        )
    return found


def _complex(image: AnnotatedImage) -> bool:
    return any(not is_one_ring(c.mask) for c in cells_of(image) if c.mask is not None)


def write(images: Sequence[AnnotatedImage], folder: Path) -> None:
    """Write all images into a folder.

    Parameters
    ----------
    images : sequence of AnnotatedImage
        What to write.
    folder : Path
        An empty folder.
    """
    import yaml

    classes = classes_of(images)
    index = {name: i for i, name in enumerate(classes)}
    (folder / LABELS).mkdir()
    described = []
    for image, job in zip(images, plan([i.name for i in images], room=len(".txt")), strict=True):
        cells = cells_of(image)
        lines = [_line(cell, index, image.shape) for cell in cells]
        (folder / LABELS / f"{job.folder}.txt").write_text("".join(lines), encoding="utf-8")
        described.append(
            {
                "file": f"{LABELS}/{job.folder}.txt",
                "image": image.name,
                "height": image.shape[0],
                "width": image.shape[1],
                "objects": [{"label": c.number, "attributes": dict(c.attributes)} for c in cells],
            }
            | pixels(image)
        )
    (folder / OURS).write_bytes(json_text.dumps({"images": described}))
    data = {"path": ".", "train": IMAGES, "val": IMAGES, "names": dict(enumerate(classes))}
    text = yaml.safe_dump(data, allow_unicode=True, sort_keys=False, width=1000)
    (folder / DATA).write_text(text, encoding="utf-8")


def _line(cell: Cell, index: Mapping[str, int], shape: tuple[int, int]) -> str:
    size = np.array([shape[1], shape[0]], float)
    if cell.mask is None:
        y0, x0, y1, x1 = cell.box
        values = [(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0] / np.tile(size, 2)
    else:
        values = (one_path(rings_of(outline(cell.mask, *cell.corner))) / size).ravel()
    text = " ".join(f"{v:.{_DIGITS}g}" for v in values.tolist())
    return f"{index[cell.class_name or UNCLASSIFIED]} {text}\n"


def read(source: Source) -> list[AnnotatedImage]:
    """Read the labels of a folder.

    Raises
    ------
    FormatError
        If something is damaged, or the size of an image is known from nowhere.
    """
    folder = source.folder
    names = source.path if not source.is_folder else list_of_classes(source)
    if names is None:
        raise FormatError(f"{folder} has no {DATA} that names the classes.")
    classes = _classes(names)
    ours = _ours(folder / OURS)
    images: list[AnnotatedImage] = []
    without: list[tuple[str, FormatError]] = []
    for labels in label_folders(source):
        for path in labels.files:
            relative = path.relative_to(folder).as_posix()
            about = ours.get(relative, {})
            try:
                images.append(_read_file(source, labels, path, classes, about))
            except _NoSizeError as error:
                if source.left_out.strict:
                    raise
                without.append((relative, error))
    if without and not images:
        raise without[0][1]
    if without:
        total = len(without) + len(images)
        source.left_out.say(
            f"{len(without):,} of {total:,} files of labels left out, since no photograph of their "
            f"names says how large it is: {shortened([relative for relative, _ in without])}."
        )
    return images


def _classes(path: Path) -> list[str | None]:
    where = str(path)
    text = files.read_text(path, MOST_SMALL_BYTES)
    if path.suffix.lower() not in (".yaml", ".yml"):
        return [class_name(line.strip(), where) for line in text.splitlines() if line.strip()]
    data = markup_text.parse_yaml(text, where)
    names = data.get("names") if isinstance(data, dict) else None
    if isinstance(names, dict):
        if sorted(map(str, names)) != sorted(map(str, range(len(names)))):
            raise FormatError(f"{where} does not number its classes from 0 on.")
        names = [names[i] if i in names else names[str(i)] for i in range(len(names))]
    if not isinstance(names, list):
        raise FormatError(f"{where} does not name the classes.")
    return [class_name(name, where) for name in names]


def _ours(path: Path) -> dict[str, dict[str, Any]]:
    """Return what our own file says of each text file; nothing without it."""
    if not files.is_file(path):
        return {}
    files.within(path.parent, path)
    data = json_text.parse(files.read_text(path), str(path))
    entries = data.get("images") if isinstance(data, dict) else None
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise FormatError(f"{path} has no list of images.")
    return {e["file"]: e for e in entries if isinstance(e.get("file"), str)}


def _read_file(
    source: Source,
    labels: LabelFolder,
    path: Path,
    classes: Sequence[str | None],
    ours: Mapping[str, Any],
) -> AnnotatedImage:
    where, folder = str(path), source.folder
    text = files.read_text(path).splitlines()
    lines = [(i, line) for i, line in enumerate(text, start=1) if line.strip()]
    name = files.plain_name(ours["image"], str(folder / OURS)) if "image" in ours else path.stem
    photograph = source.photograph(name, *labels.places(path), folder=labels.base)
    notes = []
    if "height" in ours:
        shape = check_shape(ours.get("height"), ours.get("width"), str(folder / OURS))
    elif photograph is not None:
        name, shape = photograph.name, shape_of(photograph)
    else:
        raise _NoSizeError(
            f"{where}: the size of the image is not known, and {labels.base / IMAGES} holds no "
            "photograph of this name."
        )
    objects = ours.get("objects", [])
    if not isinstance(objects, list) or len(objects) != len(lines):
        if "objects" in ours:
            notes.append(f"{where} was changed by another program: numbers are given anew.")
        objects = [{}] * len(lines)
    canvas = Canvas(name, shape, where, source.left_out)
    for (i, line), about in zip(lines, objects, strict=True):
        with source.left_out.one(f"line {i} of {path.name}"):
            _draw(canvas, line, about, classes, f"{where}: line {i}")
    return canvas.image(photograph, notes, key_in(ours))


def _draw(
    canvas: Canvas, line: str, about: object, classes: Sequence[str | None], where: str
) -> None:
    index, values = _numbers(line, where)
    if not 0 <= index < len(classes):
        raise FormatError(f"{where} has the class {index}, which is not named.")
    about = about if isinstance(about, dict) else {}
    label = number(about["label"], where) if "label" in about else None
    said = about.get("attributes")
    height, width = canvas.shape
    if len(values) in (_BOX, _BOX_AND_CONFIDENCE):
        x, y, w, h = values[:_BOX] * np.tile([width, height], 2)
        box = _snapped(np.array([y - h / 2, x - w / 2, y + h / 2, x + w / 2]))
        y0, x0, y1, x1 = box.tolist()
        canvas.add_box(label, classes[index], (y0, x0, y1, x1), said, where)
        return
    # A prediction's confidence may follow the outline.
    points = values[: len(values) // 2 * 2].reshape(-1, 2) * [width, height]
    ring = canvas.ring(_snapped(points), where)
    canvas.add(label, classes[index], fill([ring], canvas.shape, where), said, where)


def _numbers(line: str, where: str) -> tuple[int, NDArray[np.float64]]:
    try:
        first, *others = line.split()
        values = np.array(others, np.float64)
        index = int(first) if not first.endswith(".0") else int(first[:-2])
    except ValueError as error:
        raise FormatError(f"{where} is not a class followed by numbers.") from error
    if not np.isfinite(values).all():
        raise FormatError(f"{where} is not a class followed by finite numbers.")
    if len(values) < _BOX:
        few = ("no", "one", "one", "one")[len(values)]
        fault = "is not a class followed by finite numbers of a box or an outline"
        raise ObjectError(where, fault, f"line with {few} point")
    return index, values


def _snapped(values: NDArray[np.float64]) -> NDArray[np.float64]:
    nearest = values.round()
    return np.where(np.abs(values - nearest) < _SNAP_PX, nearest, values)
