"""Pascal VOC: an XML file of boxes for each image, and masks as the segmentation task has them.

The layout is that of http://host.robots.ox.ac.uk/pascal/VOC/: ``Annotations/NAME.xml``, boxes whose
pixels are counted from 1, both ends included; ``SegmentationObject/NAME.png``, in which the pixels
of the first object of the XML are 1, those of the second 2, and so on. Numbers and what readers
said stand in elements of their own, which other programs pass over.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_leukocyte.annotations.formats import files
from napari_leukocyte.annotations.formats.annotated import (
    PIXELS,
    AnnotatedImage,
    key_in,
    pixels,
    shape_of,
)
from napari_leukocyte.annotations.formats.attributes import UNCLASSIFIED, class_name, number
from napari_leukocyte.annotations.formats.canvas import Box, Canvas
from napari_leukocyte.annotations.formats.cells import Cell, cells_of, classes_of
from napari_leukocyte.annotations.formats.label_images import (
    MOST_INDEXED,
    read_indices,
    write_indices,
)
from napari_leukocyte.annotations.formats.limits import check_shape
from napari_leukocyte.annotations.formats.packed import has_masks
from napari_leukocyte.annotations.formats.source import Source
from napari_leukocyte.errors import FormatError
from napari_leukocyte.io import json_text, markup_text
from napari_leukocyte.io.markup_text import element
from napari_leukocyte.io.paths import plan

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

ANNOTATIONS, MASKS, PHOTOGRAPHS = "Annotations", "SegmentationObject", "JPEGImages"
SUFFIX = ".xml"
_OURS = "napari-leukocyte"
_SPLITS = ("train", "valid", "val", "test")


def recognises(source: Source) -> bool:
    """Whether this is a VOC annotation, a folder of such or a folder with ``Annotations``."""
    if source.is_folder:
        inside = source.listings.inside(source.path, ANNOTATIONS)
        folder = Source(inside) if files.is_folder(inside) else source
        return any(_looks_right(path) for path in folder.below(SUFFIX)) or bool(_splits(source))
    return _looks_right(source.path)


def _splits(source: Source) -> list[Source]:
    """Return the folders for training, validation and test in a folder, as Roboflow has them."""
    inside = [p for p in source.entries if p.name.lower() in _SPLITS and files.is_folder(p)]
    return [one for one in map(source.sub, inside) if recognises(one)]


def _looks_right(path: Path) -> bool:
    start = files.head(path, 4096).lstrip(b"\xef\xbb\xbf \t\r\n")
    return start.startswith(b"<") and b"<annotation" in start


def losses(images: Sequence[AnnotatedImage]) -> list[str]:
    """Say what VOC has no place for."""
    found = []
    if any(has_masks(image) for image in images):
        found.append(
            "Pascal VOC's XML holds boxes alone: the masks stand beside it as images in "
            f"{MASKS}, which programs for boxes pass over."
        )
    if any(len(image.table) > MOST_INDEXED and has_masks(image) for image in images):
        found.append(
            f"Pascal VOC's masks have at most {MOST_INDEXED} objects: those of images with more "
            "are written with 16 bits, which some programs do not read."
        )
    if any(UNCLASSIFIED in classes_of([image]) for image in images):
        found.append(
            "Pascal VOC gives every object a class: those without one get the class "
            f'"{UNCLASSIFIED}".'
        )
    return found


def write(images: Sequence[AnnotatedImage], folder: Path) -> None:
    """Write all images into a folder.

    Parameters
    ----------
    images : sequence of AnnotatedImage
        What to write.
    folder : Path
        An empty folder.
    """
    (folder / ANNOTATIONS).mkdir()
    for image, job in zip(images, plan([i.name for i in images], room=len(SUFFIX)), strict=True):
        cells = cells_of(image)
        root = _xml(image, cells)
        (folder / ANNOTATIONS / f"{job.folder}{SUFFIX}").write_bytes(markup_text.to_bytes(root))
        if any(cell.mask is not None for cell in cells):
            (folder / MASKS).mkdir(exist_ok=True)
            indices = np.zeros(image.shape, np.int32)
            for i, cell in enumerate(cells, start=1):
                y0, x0, y1, x1 = map(int, cell.box)
                indices[y0:y1, x0:x1][cell.mask] = i
            write_indices(folder / MASKS / f"{job.folder}.png", indices)


def _xml(image: AnnotatedImage, cells: Sequence[Cell]) -> Element:
    from xml.etree.ElementTree import Element, SubElement

    root = Element("annotation")
    element(root, "folder", PHOTOGRAPHS)
    element(root, "filename", image.name)
    about = SubElement(root, "source")
    element(about, "annotation", _OURS)
    for entry, key in pixels(image).items():
        element(about, entry, key)
    size = SubElement(root, "size")
    element(size, "width", image.shape[1])
    element(size, "height", image.shape[0])
    element(size, "depth", 3)
    element(root, "segmented", int(any(cell.mask is not None for cell in cells)))
    for cell in cells:
        y0, x0, y1, x1 = cell.box
        child = SubElement(root, "object")
        element(child, "name", cell.class_name or UNCLASSIFIED)
        element(child, "pose", "Unspecified")
        cut = y0 <= 0 or x0 <= 0 or y1 >= image.shape[0] or x1 >= image.shape[1]
        element(child, "truncated", int(cut))
        element(child, "difficult", 0)
        box = SubElement(child, "bndbox")
        for name, value in (("xmin", x0 + 1), ("ymin", y0 + 1), ("xmax", x1), ("ymax", y1)):
            element(box, name, f"{value:.12g}")
        element(child, "id", cell.number)
        if cell.attributes:
            element(child, "attributes", json.dumps(dict(cell.attributes)))
    return root


def read(source: Source) -> list[AnnotatedImage]:
    """Read a file, or every XML file of a folder.

    Raises
    ------
    FormatError
        If one is damaged.
    """
    folder = source.folder
    if source.is_folder:
        inside = source.listings.inside(folder, ANNOTATIONS)
        if files.is_folder(inside):
            files.within(folder, inside)
            paths = source.sub(inside).below(SUFFIX)
        else:
            paths = source.below(SUFFIX)
            if not any(_looks_right(path) for path in paths):
                return [image for one in _splits(source) for image in read(one)]
    else:
        paths = [source.path]
        folder = folder.parent if folder.name.lower() == ANNOTATIONS.lower() else folder
    parsed = [(path, markup_text.parse_xml(files.read_bytes(path), str(path))) for path in paths]
    boxes = [[_box(o, str(path)) for o in root.iter("object")] for path, root in parsed]
    # The devkit counts pixels from 1; where a box begins at 0, whoever drew it counted from 0.
    first = 0 if any(0 <= side < 1 for image in boxes for b in image for side in b[:2]) else 1
    return [
        _image(source, path, root, folder, image, first)
        for (path, root), image in zip(parsed, boxes, strict=True)
    ]


def _image(
    source: Source,
    path: Path,
    root: Element,
    folder: Path,
    boxes: Sequence[Box],
    first: int,
) -> AnnotatedImage:
    where = str(path)
    if root.tag == "annotations":
        raise FormatError(
            f"{where} is in CVAT's own XML: export from CVAT as COCO, YOLO or Pascal VOC."
        )
    if root.tag != "annotation":
        raise FormatError(f"{where} is not a Pascal VOC annotation.")
    given = root.findtext("filename")
    name = files.plain_name(given, where) if given and given.strip() else path.stem
    places = (PHOTOGRAPHS, "images", path.parent.relative_to(folder).as_posix())
    photograph = source.photograph(name, *places, folder=folder)
    photograph = photograph or source.photograph(path.stem, *places, folder=folder)
    shape = _shape(root, photograph, where)
    canvas = Canvas(name, shape, where, source.left_out)
    mask_file = source.listings.inside(folder, MASKS, f"{path.stem}.png")
    indices = None
    if files.is_file(mask_file):
        indices = read_indices(files.within(folder, mask_file), shape, len(boxes))
    masks = {} if indices is None else _regions(indices)
    for i, (entry, box) in enumerate(zip(root.iter("object"), boxes, strict=True), start=1):
        here = f"{where}: object {i}"
        kind = class_name(entry.findtext("name"), here)
        label = _label(entry.findtext("id"), here)
        said = _said(entry.findtext("attributes"))
        with source.left_out.one(f"object {i} of {path.name}"):
            if i in masks:
                canvas.add(label, kind, masks[i], said, here)
            else:
                y0, x0, y1, x1 = box
                canvas.add_box(label, kind, (y0 - first, x0 - first, y1, x1), said, here)
    return canvas.image(photograph, key=key_in({PIXELS: root.findtext(f"source/{PIXELS}")}))


def _regions(indices: NDArray[np.int32]) -> dict[int, tuple[NDArray[np.bool_], int, int]]:
    from napari_leukocyte.classification.measurements import iterate_regions

    return {r.label: (r.mask, r.y0, r.x0) for r in iterate_regions(indices)}


def _shape(root: Element, photograph: Path | None, where: str) -> tuple[int, int]:
    """Return the size that is given or, where that is 0 or missing, the photograph's, px."""
    texts = [(root.findtext(f"size/{side}") or "").strip() for side in ("height", "width")]
    sides = [int(t) if t.isascii() and t.isdigit() and len(t) < 12 else None for t in texts]
    if photograph is not None and all(side in (0, None) for side in sides):
        return shape_of(photograph)
    return check_shape(sides[0], sides[1], where)


def _box(entry: Element, where: str) -> Box:
    """Return y0, x0, y1, x1 as they stand."""
    sides = []
    for name in ("ymin", "xmin", "ymax", "xmax"):
        text = entry.findtext(f"bndbox/{name}")
        try:
            sides.append(float(text or ""))
        except ValueError as error:
            raise FormatError(f"{where} has an object without a box.") from error
    y0, x0, y1, x1 = sides
    if not np.isfinite(sides).all():
        raise FormatError(f"{where} has a box whose sides are not finite numbers.")
    return y0, x0, y1, x1


def _label(text: str | None, where: str) -> int | None:
    """Return an object's number; other programs write other ids, which are none."""
    text = (text or "").strip()
    digits = text.isascii() and text.isdigit() and len(text) < 12
    return number(int(text), where) if digits else None


def _said(text: str | None) -> Any:
    try:
        return json_text.parse(text, "") if text else None
    except FormatError:
        return None
